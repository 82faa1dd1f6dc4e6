package kernels

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// log sums 2·atanh((m−1)/(m+1)) + k·log 2 for x = m·2^k, m in [√½, √2), to
// at most 224 bits.
func (w wide) log(x *big.Float) *big.Float {
	v := wide{w.prec + 32}
	m := v.new()
	k := x.MantExp(m)
	if f, _ := m.Float64(); f < math.Sqrt2/2 {
		m, k = scale(m, 1), k-1
	}
	sum := v.atanh(v.quo(v.sub(m, v.of(1)), v.add(m, v.of(1))))
	return w.add(scale(sum, 1), v.mul(v.of(float64(2*k)), halfLog2))
}

var halfLog2 = wide{256}.atanh(wide{256}.quo(wide{256}.of(1), wide{256}.of(3)))

func (w wide) atanh(x *big.Float) *big.Float {
	x2 := w.mul(x, x)
	sum, p := w.new().Set(x), w.new().Set(x)
	for i := 1; ; i++ {
		p = w.mul(p, x2)
		if w.small(p) {
			return sum
		}
		sum = w.add(sum, w.quo(p, w.of(float64(2*i+1))))
	}
}

// elementaries are the exact functions. Close to a zero of theirs the series
// cancel, so the precision follows the size of x.
var elementaries = map[string]func(x float64) *big.Float{
	"Exp": func(x float64) *big.Float { return wide{256}.exp(wide{256}.of(x)) },
	"Log": func(x float64) *big.Float { return wide{192}.log(wide{192}.of(x)) },
	"Tanh": func(x float64) *big.Float {
		w := wide{256 + uint(max(0, -math.Ilogb(x)))}
		e := w.exp(w.of(2 * x))
		return w.quo(w.sub(e, w.of(1)), w.add(e, w.of(1)))
	},
	"Sigmoid": func(x float64) *big.Float {
		w := wide{256}
		return w.quo(w.of(1), w.add(w.of(1), w.exp(w.of(-x))))
	},
}

// elementaryInput draws an x from every range that a function has.
func elementaryInput[T Float](r *rand.Rand, name string) T {
	sign := float64(1 - 2*r.IntN(2))
	_, minExp := floats[T]()
	if name == "Log" {
		switch r.IntN(4) {
		case 0: // any size, subnormals too
			return T(math.Exp2(float64(minExp-20) + float64(-2*minExp+20)*r.Float64()))
		case 1: // about 1, where the logarithm is small
			return T(1 + sign*math.Exp2(-53*r.Float64()))
		case 2: // about √½·2^k, where the reduction changes
			return nextafter(T(math.Sqrt(math.Exp2(float64(r.IntN(9)-4)))), r.IntN(9)-4)
		}
		return T(4 * r.Float64())
	}
	most := math.Log(2) * float64(-minExp+24)
	switch r.IntN(5) {
	case 0:
		return T(most * (2*r.Float64() - 1))
	case 1: // small
		return T(sign * math.Exp2(float64(minExp)*r.Float64()))
	case 2: // about odd multiples of log(2)/2, where the reduction changes
		return nextafter(T(float64(2*r.IntN(40)-39)*math.Ln2/[]float64{2, 4}[r.IntN(2)]), r.IntN(9)-4)
	case 3:
		return T(2*r.Float64() - 1)
	}
	return T(40*r.Float64() - 20)
}

func measureElementary[T Float](t *testing.T, name string, f func(T) T, limit float64) {
	r := rand.New(rand.NewPCG(7, uint64(name[0])<<8|uint64(len(name))))
	var w worst
	for range *accuracyN {
		x := elementaryInput[T](r, name)
		want := elementaries[name](float64(x))
		if got := f(x); !math.IsInf(float64(got), 0) || overflows[T](want) == 0 {
			w.see(ulps(got, want), float64(x), 0)
		}
	}
	t.Logf("%-8s %.3f ULP at x = %v", name, w.err, w.x)
	if !(w.err <= limit) {
		t.Errorf("%s: %.3f ULP at x = %v; documented %v", name, w.err, w.x, limit)
	}
}

// overflows is ±1 where v rounds to ±Inf in T, else 0.
func overflows[T Float](v *big.Float) int {
	rounded, _ := v.Float64()
	if is32[T]() {
		f, _ := v.Float32()
		rounded = float64(f)
	}
	if math.IsInf(rounded, 0) {
		return v.Sign()
	}
	return 0
}

func TestElementaryAccuracy(t *testing.T) {
	for _, f := range []struct {
		name string
		f32  func(float32) float32
		f64  func(float64) float64
	}{
		{"Exp", Exp[float32], Exp[float64]}, {"Log", Log[float32], Log[float64]},
		{"Tanh", Tanh[float32], Tanh[float64]}, {"Sigmoid", Sigmoid[float32], Sigmoid[float64]},
	} {
		limit := ByName(f.name).ULP
		t.Run(f.name+"/type=f32", func(t *testing.T) { t.Parallel(); measureElementary(t, f.name, f.f32, limit[0]) })
		t.Run(f.name+"/type=f64", func(t *testing.T) { t.Parallel(); measureElementary(t, f.name, f.f64, limit[1]) })
	}
}

// TestElementaryEdges: zeros, infinities, NaN, where results overflow and
// where they become subnormal.
func TestElementaryEdges(t *testing.T) {
	t.Run("type=f32", func(t *testing.T) { elementaryEdges[float32](t, math.MaxFloat32, 88.72283, -103.97208) })
	t.Run("type=f64", func(t *testing.T) { elementaryEdges[float64](t, math.MaxFloat64, 709.782712893384, -745.1332191019411) })
}

// elementaryEdges: most and least are the last x whose exponential is finite
// and positive.
func elementaryEdges[T Float](t *testing.T, largest, most, least float64) {
	inf, nan, zero := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	smallest := float64(nextafter(T(0), 1))
	logSmallest, _ := elementaries["Log"](smallest).Float64() // math.Log is wrong for subnormals on amd64
	for _, c := range []struct {
		name    string
		f       func(T) T
		x, want float64
	}{
		{"Exp", Exp[T], 0, 1}, {"Exp", Exp[T], zero, 1}, {"Exp", Exp[T], -inf, 0}, {"Exp", Exp[T], inf, inf}, {"Exp", Exp[T], nan, nan},
		{"Exp", Exp[T], -largest, 0}, {"Exp", Exp[T], largest, inf}, {"Exp", Exp[T], smallest, 1},
		{"Exp", Exp[T], float64(nextafter(T(most), 1)), inf}, {"Exp", Exp[T], least, smallest}, {"Exp", Exp[T], float64(nextafter(T(least), 1)), 0},
		{"Log", Log[T], 1, 0}, {"Log", Log[T], 0, -inf}, {"Log", Log[T], zero, -inf}, {"Log", Log[T], inf, inf}, {"Log", Log[T], nan, nan},
		{"Log", Log[T], -1, nan}, {"Log", Log[T], -smallest, nan}, {"Log", Log[T], -inf, nan}, {"Log", Log[T], largest, float64(T(math.Log(largest)))},
		{"Log", Log[T], smallest, logSmallest},
		{"Tanh", Tanh[T], 0, 0}, {"Tanh", Tanh[T], zero, zero}, {"Tanh", Tanh[T], inf, 1}, {"Tanh", Tanh[T], -inf, -1}, {"Tanh", Tanh[T], nan, nan},
		{"Tanh", Tanh[T], smallest, smallest}, {"Tanh", Tanh[T], -smallest, -smallest}, {"Tanh", Tanh[T], largest, 1},
		{"Sigmoid", Sigmoid[T], 0, 0.5}, {"Sigmoid", Sigmoid[T], zero, 0.5}, {"Sigmoid", Sigmoid[T], -inf, 0}, {"Sigmoid", Sigmoid[T], inf, 1},
		{"Sigmoid", Sigmoid[T], nan, nan}, {"Sigmoid", Sigmoid[T], least, smallest}, {"Sigmoid", Sigmoid[T], -largest, 0}, {"Sigmoid", Sigmoid[T], largest, 1},
	} {
		if got := c.f(T(c.x)); !same(got, T(c.want)) {
			t.Errorf("%s(%v) = %v, want %v", c.name, T(c.x), got, T(c.want))
		}
	}
	if y := Exp(T(most)); y > T(largest) || y < T(largest/1.01) {
		t.Errorf("Exp(%v) = %v, the largest exponential", T(most), y)
	}
	r := rand.New(rand.NewPCG(8, 8))
	for range 2000 {
		x := T(40*r.Float64() - 20)
		if !same(Tanh(-x), -Tanh(x)) {
			t.Errorf("Tanh is not odd at %v", x)
		}
		_, minExp := floats[T]()
		v := T(math.Ln2 * (float64(minExp) - 25*r.Float64())) // a subnormal result
		for name, f := range map[string]func(T) T{"Exp": Exp[T], "Sigmoid": Sigmoid[T]} {
			if want, _ := elementaries[name](float64(v)).Float64(); math.Abs(float64(f(v))-want) > smallest {
				t.Errorf("%s(%v) = %v, want %v", name, v, f(v), want)
			}
		}
	}
}
