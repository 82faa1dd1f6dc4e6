package kernels

import "math"

// The elementary functions. Float32 is evaluated in float64 and rounded once:
// subnormal results and overflow then come out by themselves. The polynomials
// are Horner's: with several vectors in flight the number of operations counts,
// not their latency.

// ExpWide is 2^f for |f| ≤ ½, relative error 1.9e-9.
var ExpWide = [7]float64{
	1.000000000554094, 0.693147205738157, 0.2402264689114408, 0.055503287754747895, 0.009618488907860455,
	0.0013399931723228685, 0.0001534582429430847,
}

// LogWide is log((1+s)/(1−s))/s at z = s² ≤ 0.0295, relative error 7e-10.
var LogWide = [4]float64{1.9999999986207744, 0.6666681599642196, 0.399747897662023, 0.2992579086472811}

// LogTail is (log((1+s)/(1−s))/s − 2)/z; the logarithm from it has the relative
// error 1.3e-18.
var LogTail = [7]float64{
	0.6666666666666734, 0.39999999999414537, 0.2857142874243473, 0.2222219856713182, 0.18183564694157328,
	0.15314039928113152, 0.14796066979212688,
}

// The bits of some float64s; twoTo52 | e is those of 2^52 + e.
const (
	sqrtHalf = 0x3fe6a09e667f3bcd
	one      = 0x3ff0000000000000
	twoTo52  = 0x4330000000000000
	mantissa = 1<<52 - 1
)

// atMost keeps a NaN.
func atMost(v, hi float64) float64 {
	if hi < v {
		return hi
	}
	return v
}

// wideSplit is 2^(v·rate) as s·2^f, s a power of two, |f| ≤ ½; |v·rate| < 1022.
func wideSplit(v, rate float64) (s, f float64) {
	const bias = magic + 1023
	y := math.FMA(v, rate, bias)
	return pow2(y), math.FMA(v, rate, bias-y)
}

func exp32(x float32) float32 {
	s, f := wideSplit(atMost(atLeastOrNaN(float64(x), -104.5), 89), log2e)
	return float32(s * horner(f, ExpWide[:]))
}

func sigmoid32(x float32) float32 {
	s, f := wideSplit(atMost(atLeastOrNaN(float64(x), -104.5), 104.5), -log2e)
	return float32(1 / math.FMA(s, horner(f, ExpWide[:]), 1))
}

// tanh32 is q/(q + 2), q = e^(2|x|) − 1.
func tanh32(x float32) float32 {
	v := float64(x)
	s, f := wideSplit(atMost(math.Abs(v), 10), 2*log2e)
	q := math.FMA(s, float64(horner(f, Exp2[:])*f), s-1)
	return float32(orSign(q/(q+2), v))
}

// logSplit is a normal x > 0 as 2^k·(1 + f), 1 + f in [√½, √2): k + 1023 + 2^52,
// and f.
func logSplit(x float64) (k, f float64) {
	i := math.Float64bits(x) + (one - sqrtHalf)
	return math.Float64frombits(i>>52 | twoTo52), math.Float64frombits(i&mantissa+sqrtHalf) - 1
}

// logEdges is y for 0 < x < ∞, else log x.
func logEdges(x, y float64) float64 {
	if x <= 0 {
		y = math.Inf(-1)
		if x < 0 {
			y = math.NaN()
		}
	}
	if x < math.Inf(1) {
		return y
	}
	return x
}

func log32(x float32) float32 {
	v := float64(x)
	k, f := logSplit(v)
	k -= 1<<52 + 1023
	s := f / (f + 2)
	return float32(logEdges(v, math.FMA(k, ln2, float64(s*horner(float64(s*s), LogWide[:])))))
}

// expm1Parts is e^v as 2^k·(1 + z), |z| < ½; y holds k + bias in its low bits.
func expm1Parts(v, bias float64) (y, z float64) {
	bias += magic
	y = math.FMA(v, log2e, bias)
	k := bias - y // −k
	r := math.FMA(k, ln2Tail, math.FMA(k, ln2, v))
	u := float64(0.25 * r)
	return y, math.FMA(float64(r*u), expTail(u), r)
}

// scaledExp is e^v for v in [−746, 710]. 2^k may be no float64: it is
// multiplied in two parts, of which only the last can underflow or overflow.
func scaledExp(v float64) float64 {
	y, z := expm1Parts(v, 2046)
	half := math.FMA(y-(magic+2046), 0.5, magic+1023)
	s := pow2(half)
	rest := math.Float64frombits((math.Float64bits(y) - math.Float64bits(half)) << 52)
	return float64(math.FMA(s, z, s) * rest)
}

func exp64(x float64) float64 { return scaledExp(atMost(atLeastOrNaN(x, -746), 710)) }

// sigmoid64 is 1/(1 + e^−x), or e^x/(1 + e^x) for x < 0.
func sigmoid64(x float64) float64 {
	e := scaledExp(atLeastOrNaN(-math.Abs(x), -746))
	num := 1.0
	if x < 0 {
		num = e
	}
	return num / (e + 1)
}

// tanh64 is tanh32.
func tanh64(x float64) float64 {
	v := atMost(math.Abs(x), 20)
	y, z := expm1Parts(v+v, 1023)
	s := pow2(y)
	q := math.FMA(s, z, s-1)
	return orSign(q/(q+2), x)
}

// log64 is f − (f²/2 − s·(f²/2 + R)) + k·ln 2, of which f is exact.
func log64(x float64) float64 {
	v, offset := x, float64(1<<52+1023)
	if x < 0x1p-1022 {
		v, offset = float64(x*0x1p54), offset+54
	}
	k, f := logSplit(v)
	k -= offset
	s := f / (f + 2)
	z := float64(s * s)
	h := float64(float64(f*0.5) * f)
	t := math.FMA(s, math.FMA(z, horner(z, LogTail[:]), h), float64(k*ln2Tail))
	return logEdges(x, math.FMA(k, ln2, f-(h-t)))
}

// byType evaluates one of the two.
func byType[T Float](x T, f32 func(float32) float32, f64 func(float64) float64) T {
	if is32[T]() {
		return T(f32(float32(x)))
	}
	return T(f64(float64(x)))
}

// Exp is e^x.
func Exp[T Float](x T) T { return byType(x, exp32, exp64) }

// Log is log x.
func Log[T Float](x T) T { return byType(x, log32, log64) }

// Tanh is the hyperbolic tangent.
func Tanh[T Float](x T) T { return byType(x, tanh32, tanh64) }

// Sigmoid is 1/(1 + e^−x).
func Sigmoid[T Float](x T) T { return byType(x, sigmoid32, sigmoid64) }

// TanhGrad is dy·(1 − y²), 1 − y² rounded once.
func TanhGrad[T Float](dy, y T) T { return dy * FMA(-y, y, 1) }

// SigmoidGrad is dy·y·(1 − y), y − y² rounded once.
func SigmoidGrad[T Float](dy, y T) T { return dy * FMA(-y, y, y) }

var elementaryKernels = []Kernel{
	elementary("Exp", "e^x", "dy·y", "−Inf gives +0, +Inf gives +Inf, NaN gives NaN", Exp[float32], Exp[float64], [2]float64{0.54, 1}),
	elementary("Log", "log x", "dy/x", "±0 gives −Inf, x < 0 gives NaN, +Inf and NaN map to themselves", Log[float32], Log[float64], [2]float64{0.52, 0.85}),
	elementary("Tanh", "tanh x", "TanhGrad", "±Inf give ±1, −0 gives −0, NaN gives NaN", Tanh[float32], Tanh[float64], [2]float64{0.51, 2.6}),
	elementary("Sigmoid", "1/(1 + e^−x)", "SigmoidGrad", "−Inf gives +0, +Inf gives 1, NaN gives NaN", Sigmoid[float32], Sigmoid[float64], [2]float64{0.54, 2.2}),
	{
		Name: "TanhGrad", Family: "elementary", Shape: ZipGrad,
		Formula: "dy · (1 − y²), 1 − y² rounded once", Gradient: "composed of other operations", Edges: edgesIEEE,
		Def32: zippedGrad(TanhGrad[float32]), Def64: zippedGrad(TanhGrad[float64]),
	},
	{
		Name: "SigmoidGrad", Family: "elementary", Shape: ZipGrad,
		Formula: "dy · (y − y²), y − y² rounded once", Gradient: "composed of other operations", Edges: edgesIEEE,
		Def32: zippedGrad(SigmoidGrad[float32]), Def64: zippedGrad(SigmoidGrad[float64]),
	},
}

func elementary(name, formula, gradient, edges string, f32 func(float32) float32, f64 func(float64) float64, ulp [2]float64) Kernel {
	return Kernel{
		Name: name, Family: "elementary", Shape: Map, Wide: true, ULP: ulp,
		Formula: formula, Gradient: gradient, Edges: edges, Def32: value(f32), Def64: value(f64),
	}
}
