package kernels

import (
	"flag"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

var accuracyN = flag.Int("accuracy.n", 10000, "inputs per transcendental kernel and element type")

// stair is one family member for one element type.
type stair[T Float] struct {
	name         string
	soft         bool // α, not slope
	floor        bool // of x − ½
	coef         func(T) Coef
	value, slope func(T, *Coef) T
	both         func(T, *Coef) (T, T)
}

var stairs32 = []stair[float32]{
	{"SoftRound", true, false, SoftCoef32, SoftRound32, SoftRoundSlope32, SoftRoundBoth32},
	{"SoftFloor", true, true, SoftCoef32, SoftFloor32, SoftFloorSlope32, SoftFloorBoth32},
	{"SmoothRound", false, false, SmoothCoef32, SmoothRound32, SmoothRoundSlope32, SmoothRoundBoth32},
	{"SmoothFloor", false, true, SmoothCoef32, SmoothFloor32, SmoothFloorSlope32, SmoothFloorBoth32},
}

var stairs64 = []stair[float64]{
	{"SoftRound", true, false, SoftCoef64, SoftRound64, SoftRoundSlope64, SoftRoundBoth64},
	{"SoftFloor", true, true, SoftCoef64, SoftFloor64, SoftFloorSlope64, SoftFloorBoth64},
	{"SmoothRound", false, false, SmoothCoef64, SmoothRound64, SmoothRoundSlope64, SmoothRoundBoth64},
	{"SmoothFloor", false, true, SmoothCoef64, SmoothFloor64, SmoothFloorSlope64, SmoothFloorBoth64},
}

// wide is arithmetic on big.Float of one precision.
type wide struct{ prec uint }

func (w wide) of(x float64) *big.Float        { return new(big.Float).SetPrec(w.prec).SetFloat64(x) }
func (w wide) new() *big.Float                { return new(big.Float).SetPrec(w.prec) }
func (w wide) add(a, b *big.Float) *big.Float { return w.new().Add(a, b) }
func (w wide) sub(a, b *big.Float) *big.Float { return w.new().Sub(a, b) }
func (w wide) mul(a, b *big.Float) *big.Float { return w.new().Mul(a, b) }
func (w wide) quo(a, b *big.Float) *big.Float { return w.new().Quo(a, b) }
func scale(x *big.Float, e int) *big.Float    { return x.SetMantExp(x, e) }

// small reports whether the term no longer counts beside 1.
func (w wide) small(term *big.Float) bool {
	return term.Sign() == 0 || term.MantExp(nil) < -int(w.prec)
}

// exp sums the series at x/2^k and squares.
func (w wide) exp(x *big.Float) *big.Float {
	k := max(0, x.MantExp(nil)+16)
	if x.Sign() == 0 {
		k = 0
	}
	v := wide{w.prec + uint(k) + 32}
	z := scale(v.new().Set(x), -k)
	sum, term := v.of(1), v.of(1)
	for i := 1; ; i++ {
		term = v.quo(v.mul(term, z), v.of(float64(i)))
		if v.small(term) {
			break
		}
		sum = v.add(sum, term)
	}
	for range k {
		sum = v.mul(sum, sum)
	}
	return w.new().Set(sum)
}

// sincos sums the series at x/2^k and doubles the angle; |x| ≤ 2.
func (w wide) sincos(x *big.Float) (sin, cos *big.Float) {
	const k = 12
	v := wide{w.prec + 64}
	z := scale(v.new().Set(x), -k)
	z2 := v.mul(z, z)
	s, c := v.of(1), v.of(1)
	ts, tc := v.of(1), v.of(1)
	for i := 1; ; i++ {
		n := float64(2 * i)
		tc = v.quo(v.mul(tc, z2), v.of(-n*(n-1)))
		ts = v.quo(v.mul(ts, z2), v.of(-n*(n+1)))
		if v.small(tc) {
			break
		}
		c, s = v.add(c, tc), v.add(s, ts)
	}
	s = v.mul(s, z)
	for range k {
		s, c = scale(v.mul(s, c), 1), v.sub(v.mul(c, c), v.mul(s, s))
	}
	return s, c
}

// atan halves the angle and sums the series.
func (w wide) atan(x *big.Float) *big.Float {
	const k = 10
	if x.Sign() < 0 {
		return w.new().Neg(w.atan(w.new().Neg(x)))
	}
	v := wide{w.prec + 32}
	one := v.of(1)
	z := v.new().Set(x)
	for range k {
		z = v.quo(z, v.add(one, v.new().Sqrt(v.add(one, v.mul(z, z)))))
	}
	z2 := v.new().Neg(v.mul(z, z))
	sum, p := v.of(1), v.of(1)
	for i := 1; ; i++ {
		p = v.mul(p, z2)
		if v.small(p) {
			break
		}
		sum = v.add(sum, v.quo(p, v.of(float64(2*i+1))))
	}
	return scale(v.mul(sum, z), k)
}

// reference evaluates the textbook formulas for one parameter.
type reference struct {
	soft, floor bool
	param       float64
	pi, tanh    map[uint]*big.Float // π, 2 tanh(α/2) by precision
}

func newReference(soft, floor bool, param float64) *reference {
	return &reference{soft, floor, param, map[uint]*big.Float{}, map[uint]*big.Float{}}
}

func (r *reference) at(x float64) (value, slope *big.Float) {
	prec := 256
	if e := math.Ilogb(x); x != 0 && e < 0 {
		prec -= e
	}
	if r.soft {
		prec += 3 * int(r.param)
	}
	w := wide{uint(prec+127) &^ 127}
	y := w.of(x)
	if r.floor {
		y = w.sub(y, w.of(0.5))
	}
	if r.soft {
		return r.tanhAt(w, y)
	}
	return r.atanAt(w, y)
}

// floorOf is ⌊y⌋.
func floorOf(w wide, y *big.Float) *big.Float {
	i, acc := y.Int(nil)
	if acc == big.Above {
		i.Sub(i, big.NewInt(1))
	}
	return w.new().SetInt(i)
}

// m + tanh(αr)/(2 tanh(α/2)), α sech²(αr)/(2 tanh(α/2))
func (r *reference) tanhAt(w wide, y *big.Float) (value, slope *big.Float) {
	one, alpha := w.of(1), w.of(r.param)
	t := r.tanh[w.prec]
	if t == nil {
		e := w.exp(alpha)
		t = scale(w.quo(w.sub(e, one), w.add(e, one)), 1)
		r.tanh[w.prec] = t
	}
	m := w.add(floorOf(w, y), w.of(0.5))
	e := w.exp(scale(w.mul(alpha, w.sub(y, m)), 1))
	e1 := w.add(e, one)
	value = w.add(m, w.quo(w.sub(e, one), w.mul(e1, t)))
	if y.IsInt() {
		value = y // the middle of a plateau, exactly
	}
	slope = w.quo(w.mul(scale(w.new().Set(e), 2), alpha), w.mul(t, w.mul(e1, e1)))
	return value, slope
}

// n + atan(s·tan πd)/π, s/(cos² πd + s² sin² πd)
func (r *reference) atanAt(w wide, y *big.Float) (value, slope *big.Float) {
	pi := r.pi[w.prec]
	if pi == nil {
		v := wide{w.prec + 32}
		pi = scale(v.atan(v.of(1)), 2)
		r.pi[w.prec] = pi
	}
	n := floorOf(w, w.add(y, w.of(0.5)))
	d := w.sub(y, n)
	s := w.of(r.param)
	sin, cos := w.sincos(w.mul(pi, d))
	ss := w.mul(s, sin)
	if d.MantExp(nil) == 0 && w.sub(w.new().Abs(d), w.of(0.5)).Sign() == 0 {
		value = d // the step itself
	} else {
		value = w.quo(w.atan(w.quo(ss, cos)), pi)
	}
	return w.add(n, value), w.quo(s, w.add(w.mul(cos, cos), w.mul(ss, ss)))
}

// limits of an element type
func floats[T Float]() (digits, minExp int) {
	if is32[T]() {
		return 24, -126
	}
	return 53, -1022
}

// ulps is the error in units of the spacing of T's floats in the binade of the
// exact result; 0 where that is subnormal.
func ulps[T Float](got T, want *big.Float) float64 {
	digits, minExp := floats[T]()
	if want.Sign() == 0 {
		if got == 0 {
			return 0
		}
		return math.Inf(1)
	}
	e := want.MantExp(nil) - 1
	if e < minExp {
		return 0
	}
	if v := float64(got); math.IsNaN(v) || math.IsInf(v, 0) {
		return math.Inf(1)
	}
	d := new(big.Float).SetPrec(want.Prec() + 64).SetFloat64(float64(got))
	d.Sub(d, want)
	u, _ := d.SetMantExp(d, digits-1-e).Float64()
	return math.Abs(u)
}

func nextafter[T Float](x T, steps int) T {
	if is32[T]() {
		return T(math.Float32frombits(math.Float32bits(float32(x)) + uint32(steps)))
	}
	return T(math.Float64frombits(math.Float64bits(float64(x)) + uint64(steps)))
}

// input draws an x that some branch of some formula may dislike.
func input[T Float](r *rand.Rand, width float64) T {
	sign := float64(1 - 2*r.IntN(2))
	n := float64(r.IntN(9) - 4)
	steps := r.IntN(9) - 4
	_, minExp := floats[T]()
	switch r.IntN(10) {
	case 0, 1, 2:
		return T(8*r.Float64() - 4)
	case 3:
		return T(2*r.Float64() - 1)
	case 4: // any size below 1
		return T(sign * math.Exp2(float64(minExp)*r.Float64()))
	case 5: // small results on either side of a plateau
		return T(0.5*float64(r.IntN(2)) + sign*math.Exp2(-60*r.Float64()))
	case 6: // on the riser
		return T(0.5*float64(r.IntN(2)) + n + width*(2*r.Float64()-1))
	case 7: // near quarters
		return nextafter(T(n+0.25*float64(r.IntN(4))+1e-30), steps)
	case 8: // near a step or a plateau's middle
		return T(n + 0.5*float64(r.IntN(2)) + sign*math.Exp2(-52*r.Float64()))
	default:
		return T(sign * math.Exp(14*r.Float64()))
	}
}

func params(soft bool, r *rand.Rand) float64 {
	if soft {
		edges := []float64{1e-3, 0.1, 1, 2, 5, 20, 88, 127.9, 128, 200}
		if i := r.IntN(2 * len(edges)); i < len(edges) {
			return edges[i]
		}
		return math.Min(200, 1e-3*math.Exp(math.Log(2e5)*r.Float64()))
	}
	edges := []float64{1e-4, 1e-3, 0.1, 0.25, 0.5, 0.618, 0.9, 1}
	if i := r.IntN(2 * len(edges)); i < len(edges) {
		return edges[i]
	}
	return math.Min(1, 1e-4*math.Exp(math.Log(1e4)*r.Float64()))
}

type worst struct{ err, x, param float64 }

func (w *worst) see(err, x, param float64) {
	if !(err <= w.err) {
		*w = worst{err, x, param}
	}
}

func measure[T Float](t *testing.T, s stair[T], n int) {
	r := rand.New(rand.NewPCG(1, uint64(s.name[1])<<8|uint64(s.name[len(s.name)-1])))
	var v, g worst
	const run = 50
	for range (n + run - 1) / run {
		p := T(params(s.soft, r))
		if s.soft && p > 200 || !s.soft && p > 1 || p < T(map[bool]float64{true: 1e-3, false: 1e-4}[s.soft]) {
			continue
		}
		c := s.coef(p)
		ref := newReference(s.soft, s.floor, float64(p))
		width := float64(p)
		if s.soft {
			width = 5 / width
		}
		for range run {
			x := input[T](r, width)
			value, slope := ref.at(float64(x))
			v.see(ulps(s.value(x, &c), value), float64(x), float64(p))
			g.see(ulps(s.slope(x, &c), slope), float64(x), float64(p))
		}
	}
	i := 1
	if is32[T]() {
		i = 0
	}
	for _, m := range []struct {
		name string
		worst
	}{{s.name, v}, {s.name + "Grad", g}} {
		t.Logf("%-16s %.3f ULP at x = %v, parameter %v", m.name, m.err, m.x, m.param)
		if limit := ByName(m.name).ULP[i]; !(m.err <= limit) {
			t.Errorf("%s: %.3f ULP at x = %v, parameter %v; documented %v", m.name, m.err, m.x, m.param, limit)
		}
	}
}

func TestAccuracy(t *testing.T) {
	for _, s := range stairs32 {
		t.Run(s.name+"/type=f32", func(t *testing.T) { t.Parallel(); measure(t, s, *accuracyN) })
	}
	for _, s := range stairs64 {
		t.Run(s.name+"/type=f64", func(t *testing.T) { t.Parallel(); measure(t, s, *accuracyN) })
	}
}

// TestExtremes: outside the domain of the bound a value stays between the
// identity and the staircase, and grows with x; f′ is never negative or NaN.
func TestExtremes(t *testing.T) {
	for _, s := range stairs32 {
		t.Run(s.name+"/type=f32", func(t *testing.T) { t.Parallel(); extremes(t, s, math.MaxFloat32, math.SmallestNonzeroFloat32) })
	}
	for _, s := range stairs64 {
		t.Run(s.name+"/type=f64", func(t *testing.T) { t.Parallel(); extremes(t, s, math.MaxFloat64, math.SmallestNonzeroFloat64) })
	}
}

func extremes[T Float](t *testing.T, s stair[T], largest, smallest float64) {
	ps := []float64{smallest, 1e-40, 1e-30, 1e-20, 1e-18, 1e-16, 1e-10, 1e-7, 1e-5, 1e-3, 0.5, 1}
	if s.soft {
		ps = append(ps, 3, 30, 127, 128, 129, 200, 500, 699, 704, 705, 706, 709, 710, 711, 712, 745, 746, 1000, 1e4, 1e6, 1e8, 1e9, 1e10, 1e16, 1e18, 1e20, 1e30, 1e38, largest/2, largest)
	}
	if !is32[T]() {
		ps = append(ps, 2e-308, 1e-308, 1e-200, 1e-100)
		if s.soft {
			ps = append(ps, 1e100, 1e300, 1e308)
		}
	}
	_, minExp := floats[T]()
	var xs []T
	for n := -3; n <= 3; n++ {
		for i := range 65 {
			xs = append(xs, T(n)+T(i)/64)
		}
		for e := 0; e > minExp-60; e -= 1 + (-e)/16 {
			d := T(math.Exp2(float64(e - 2)))
			xs = append(xs, T(n)+d, T(n)-d, T(n)+0.5+d, T(n)+0.5-d)
		}
	}
	for _, x := range []float64{1 << 22, 1 << 23, 1<<23 + 1, 1 << 24, 1<<24 + 2, 1 << 51, 1<<51 + 0.5, 1 << 52, 1<<52 + 1, 1<<53 - 1, 1 << 53, 1e30, largest} {
		xs = append(xs, T(x), T(-x))
	}
	nan := T(math.NaN())
	inf := T(math.Inf(1))
	for _, pf := range ps {
		p := T(pf)
		if p == 0 || math.IsInf(float64(p), 0) {
			continue
		}
		c := s.coef(p)
		fail := func(what string, x, got T) {
			t.Helper()
			if !t.Failed() {
				t.Errorf("%s: parameter %v, x = %v gives %v", what, p, x, got)
			}
		}
		for _, x := range []T{nan, inf, -inf} {
			y, g := s.both(x, &c)
			if !same(y, x) || !same(s.value(x, &c), x) {
				fail("value", x, y)
			}
			want := T(0)
			if x != x {
				want = x
			}
			if !same(g, want) || !same(s.slope(x, &c), want) {
				fail("slope", x, g)
			}
		}
		for _, x := range xs {
			y, g := s.both(x, &c)
			if !same(y, s.value(x, &c)) || !same(g, s.slope(x, &c)) {
				fail("together and apart differ", x, y)
			}
			if !(g >= 0) {
				fail("slope", x, g)
			}
			hard, soft := math.RoundToEven(float64(x)), float64(x)
			step := math.Abs(float64(x)-hard) == 0.5
			if s.floor {
				hard, soft = math.Floor(float64(x)), float64(x)-0.5
				step = float64(x) == hard
			}
			lo, hi := T(math.Min(hard, soft)), T(math.Max(hard, soft))
			if s.floor && step {
				lo, hi = T(soft), T(soft)
			}
			slack := 0
			if inDomain(s.soft, float64(p)) {
				slack = 3 // the bound in ULP holds there
			}
			if step && !same(y, T(soft)) && !(soft == 0) {
				fail("step", x, y)
			}
			if y < down(lo, slack) || y > -down(-hi, slack) || y != y {
				fail(fmt.Sprintf("outside [%v, %v]", lo, hi), x, y)
			}
			if !s.floor && (!same(s.value(-x, &c), -y)) {
				fail("not odd", x, y)
			}
			if step && s.soft {
				want := T(0.5 * float64(p)) // α/(2 tanh(α/2)) at large α
				if p > 100 && math.Abs(float64(x)) < 1<<20 && !near(g, want) {
					fail("slope at the step", x, g)
				}
			}
			if step && !s.soft && !near(g, 1/p) {
				fail("slope at the step", x, g)
			}
		}
	}
}

func inDomain(soft bool, p float64) bool {
	return soft && p >= 1e-3 && p <= 200 || !soft && p >= 1e-4 && p <= 1
}

// down is x less some spacings of its binade.
func down[T Float](x T, steps int) T {
	digits, minExp := floats[T]()
	if steps == 0 || x == 0 {
		return x
	}
	return x - T(steps)*T(math.Ldexp(1, max(math.Ilogb(float64(x)), minExp)-digits+1))
}

func near[T Float](a, b T) bool { return a == b || math.Abs(float64(a-b)) <= 1e-6*math.Abs(float64(b)) }

func same[T Float](a, b T) bool {
	return a != a && b != b || bits(a) == bits(b)
}

// TestCeil: the Ceil kernels are the Floor kernels with signs.
func TestCeil(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 10000 {
		x := input[float64](r, 0.01)
		y := float32(x)
		soft, smooth := SoftCoef64(7), SmoothCoef64(0.1)
		soft32, smooth32 := SoftCoef32(7), SmoothCoef32(0.1)
		for _, c := range []bool{
			same(SoftCeil64(x, &soft), -SoftFloor64(-x, &soft)),
			same(SmoothCeil64(x, &smooth), -SmoothFloor64(-x, &smooth)),
			same(SoftCeil32(y, &soft32), -SoftFloor32(-y, &soft32)),
			same(SmoothCeil32(y, &smooth32), -SmoothFloor32(-y, &smooth32)),
			same(SoftCeilSlope64(x, &soft), SoftFloorSlope64(-x, &soft)),
			same(SmoothCeilSlope32(y, &smooth32), SmoothFloorSlope32(-y, &smooth32)),
		} {
			if !c {
				t.Fatalf("x = %v", x)
			}
		}
	}
}

// TestTies: where every float is an integer SoftFloor is x − ½ rounded once.
func TestTies(t *testing.T) {
	for _, p := range []float64{1e-3, 0.3, 1, 7, 33, 127, 140, 200, 700, 1e9} {
		soft, soft32 := SoftCoef64(p), SoftCoef32(float32(p))
		s := math.Min(1, 1/p)
		smooth, smooth32 := SmoothCoef64(s), SmoothCoef32(float32(s))
		for i := range 64 {
			x := float64(int64(1)<<52 + int64(i))
			y := float32(1<<23 + i)
			for _, v := range []float64{x, -x} {
				if got := SoftFloor64(v, &soft); got != v-0.5 {
					t.Fatalf("SoftFloor64(%v), alpha %v: %v", v, p, got)
				}
				if got := SmoothFloor64(v, &smooth); got != v-0.5 {
					t.Fatalf("SmoothFloor64(%v), slope %v: %v", v, s, got)
				}
			}
			for _, v := range []float32{y, -y} {
				if got := SoftFloor32(v, &soft32); got != v-0.5 {
					t.Fatalf("SoftFloor32(%v), alpha %v: %v", v, p, got)
				}
				if got := SmoothFloor32(v, &smooth32); got != v-0.5 {
					t.Fatalf("SmoothFloor32(%v), slope %v: %v", v, s, got)
				}
			}
		}
	}
}

var sinkCoef Coef

func BenchmarkCoef(b *testing.B) {
	b.Run("op=Soft/type=f32", func(b *testing.B) {
		for i := range b.N {
			sinkCoef = SoftCoef32(float32(i&63) + 1)
		}
	})
	b.Run("op=Soft/type=f64", func(b *testing.B) {
		for i := range b.N {
			sinkCoef = SoftCoef64(float64(i&63) + 1)
		}
	})
	b.Run("op=Smooth/type=f32", func(b *testing.B) {
		for i := range b.N {
			sinkCoef = SmoothCoef32(float32(i&63+1) / 64)
		}
	})
	b.Run("op=Smooth/type=f64", func(b *testing.B) {
		for i := range b.N {
			sinkCoef = SmoothCoef64(float64(i&63+1) / 64)
		}
	})
}
