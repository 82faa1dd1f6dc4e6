package fuzz

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// A rule is an operation of autograd with the kernels whose definitions give
// its value and its gradient.
type rule[T cases.Float] struct {
	name        string
	op          func(x *ag.Var[T], p kernels.Params[T]) *ag.Var[T]
	value, grad string // grad: a kernel, "zero" or "straight"
}

func rules[T cases.Float]() []rule[T] {
	type V = *ag.Var[T]
	type P = kernels.Params[T]
	plain := func(name, kernel, grad string, op func(V) V) rule[T] {
		return rule[T]{name, func(x V, _ P) V { return op(x) }, kernel, grad}
	}
	soft := func(name string, op func(V, T) V) rule[T] {
		return rule[T]{name, func(x V, p P) V {
			if p.Alpha != 0 {
				return op(x, p.Alpha)
			}
			return op(x, p.Slope)
		}, name, name + "Grad"}
	}
	return []rule[T]{
		plain("Floor", "Floor", "zero", ag.Floor[T]),
		plain("Ceil", "Ceil", "zero", ag.Ceil[T]),
		plain("Trunc", "Trunc", "zero", ag.Trunc[T]),
		plain("Round", "Round", "zero", ag.Round[T]),
		plain("RoundAway", "RoundAway", "zero", ag.RoundAway[T]),
		plain("FloorSTE", "Floor", "straight", ag.FloorSTE[T]),
		plain("CeilSTE", "Ceil", "straight", ag.CeilSTE[T]),
		plain("TruncSTE", "Trunc", "straight", ag.TruncSTE[T]),
		plain("RoundSTE", "Round", "straight", ag.RoundSTE[T]),
		plain("RoundAwaySTE", "RoundAway", "straight", ag.RoundAwaySTE[T]),
		{"ClipSTE", func(x V, p P) V { return ag.ClipSTE(x, p.Mode, p.Lo, p.Hi) }, "STEForward", "STEBackward"},
		soft("SoftFloor", ag.SoftFloor[T]), soft("SoftRound", ag.SoftRound[T]), soft("SoftCeil", ag.SoftCeil[T]),
		soft("SmoothFloor", ag.SmoothFloor[T]), soft("SmoothRound", ag.SmoothRound[T]), soft("SmoothCeil", ag.SmoothCeil[T]),
	}
}

// FuzzAutograd runs autograd's operations over kernels, value and gradient, on
// raw bits, against the scalar definitions, bit for bit.
func FuzzAutograd(f *testing.F) {
	for i, r := range rules[float32]() {
		for j := range 4 {
			in := cases.Inputs[float32](cases.Rand(uint64(i)), 8)[j*40:][:40]
			params := cases.Params[float32](kernels.ByName(r.value).Sig)
			a, b, _, mode := cases.Raw(kernels.ByName(r.value).Sig, params[j%len(params)])
			f.Add(uint8(i), false, encode(in), a, b, mode)
		}
		in := cases.Inputs[float64](cases.Rand(uint64(i)), 8)[i*8:][:40]
		a, b, _, mode := cases.Raw(kernels.ByName(r.value).Sig, cases.Params[float64](kernels.ByName(r.value).Sig)[0])
		f.Add(uint8(i), true, encode(in), a, b, mode)
	}
	f.Fuzz(func(t *testing.T, which uint8, double bool, data []byte, a, b uint64, mode uint8) {
		if double {
			checkRule[float64](t, which, data, a, b, mode)
		} else {
			checkRule[float32](t, which, data, a, b, mode)
		}
	})
}

func checkRule[T cases.Float](t *testing.T, which uint8, data []byte, a, b uint64, mode uint8) {
	all := rules[T]()
	r := all[int(which)%len(all)]
	k := kernels.ByName(r.value)
	p := cases.Legal[T](k.Sig, a, b, 0, mode)
	in := elements[T](data, min(len(data)/8, most))
	x, dy := make([]T, len(in)), make([]T, len(in))
	for i := range in {
		x[i], dy[i] = in[i].X, in[i].Dy
	}
	leaf := ag.Param(x)
	y := r.op(leaf, p)
	dx := ag.GradWith(y, ag.Const(dy), leaf)[0]
	value := cases.Def[T](k)(p)
	for i := range in {
		want := value(in[i])
		var slope T
		switch r.grad {
		case "zero":
		case "straight":
			slope = dy[i]
		default:
			slope = cases.Def[T](kernels.ByName(r.grad))(p)(kernels.In[T]{X: x[i], Dy: dy[i], Bit: want.Bit}).Y
		}
		require.True(t, cases.Same(want.Y, y.Data()[i]), "%s %s of %s: %s, want %s", r.name, cases.Show(k.Sig, p), cases.Spell(x[i]), cases.Spell(y.Data()[i]), cases.Spell(want.Y))
		require.True(t, cases.Same(slope, dx.Data()[i]), "gradient of %s %s at %s, dy = %s: %s, want %s", r.name, cases.Show(k.Sig, p), cases.Spell(x[i]), cases.Spell(dy[i]), cases.Spell(dx.Data()[i]), cases.Spell(slope))
	}
}

// arithmetic lists the operations on one operand that are not under the bit
// contract, with their derivatives and the inputs they are for.
var arithmetic = []struct {
	name     string
	op       func(*ag.Var[float64]) *ag.Var[float64]
	f, slope func(x float64) float64
	lo, hi   float64
}{
	{"Neg", ag.Neg[float64], func(x float64) float64 { return -x }, func(float64) float64 { return -1 }, -1e3, 1e3},
	{"Exp", ag.Exp[float64], math.Exp, math.Exp, -50, 50},
	{"Log", ag.Log[float64], math.Log, func(x float64) float64 { return 1 / x }, 1e-3, 1e3},
	{"Sqrt", ag.Sqrt[float64], math.Sqrt, func(x float64) float64 { return 0.5 / math.Sqrt(x) }, 1e-3, 1e3},
	{"Abs", ag.Abs[float64], math.Abs, func(x float64) float64 { return sgn(x) }, -1e3, 1e3},
	{"ReLU", ag.ReLU[float64], func(x float64) float64 { return max(x, 0) }, func(x float64) float64 { return max(sgn(x), 0) }, -1e3, 1e3},
	{"Tanh", ag.Tanh[float64], math.Tanh, func(x float64) float64 { c := math.Cosh(x); return 1 / (c * c) }, -30, 30},
	{"Sigmoid", ag.Sigmoid[float64], func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, func(x float64) float64 { return 0.5 / (1 + math.Cosh(x)) }, -30, 30},
	{"Sin", ag.Sin[float64], math.Sin, math.Cos, -1e3, 1e3},
	{"Cos", ag.Cos[float64], math.Cos, func(x float64) float64 { return -math.Sin(x) }, -1e3, 1e3},
	{"Square", ag.Square[float64], func(x float64) float64 { return x * x }, func(x float64) float64 { return 2 * x }, -1e3, 1e3},
	{"Scale", func(x *ag.Var[float64]) *ag.Var[float64] { return ag.Scale(x, -2.5) }, func(x float64) float64 { return -2.5 * x }, func(float64) float64 { return -2.5 }, -1e3, 1e3},
	{"Clamp", func(x *ag.Var[float64]) *ag.Var[float64] { return ag.Clamp(x, -1, 2) }, func(x float64) float64 { return min(max(x, -1), 2) }, within, -4, 4},
}

func sgn(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func within(x float64) float64 {
	if -1 <= x && x <= 2 {
		return 1
	}
	return 0
}

// FuzzArithmetic compares value and gradient of the others with package math.
func FuzzArithmetic(f *testing.F) {
	for i := range arithmetic {
		for _, u := range []float64{0, 1, 0.5, 0.25, 0.75, 1. / 3, 0.999, 1e-9} {
			f.Add(uint8(i), u, -1.75)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, u, dy float64) {
		c := arithmetic[int(which)%len(arithmetic)]
		u = math.Abs(u - math.Trunc(u))
		if u != u || math.Abs(dy) > 1e100 || dy != dy {
			t.Skip("out of range")
		}
		x := c.lo + (c.hi-c.lo)*u
		leaf := ag.Param([]float64{x})
		y := c.op(leaf)
		dx := ag.GradWith(y, ag.Const([]float64{dy}), leaf)[0]
		near(t, c.f(x), y.Data()[0], 1, "%s(%v)", c.name, x)
		near(t, dy*c.slope(x), dx.Data()[0], dy, "gradient of %s at %v", c.name, x)
	})
}

// near allows rounding errors of the result and of what has the given size;
// what is not finite must be the same.
func near(t *testing.T, want, got, size float64, what string, args ...any) {
	t.Helper()
	if math.IsInf(want, 0) || math.IsNaN(want) {
		require.True(t, cases.Same(want, got), append([]any{what + ": %v, want %v"}, append(args, got, want)...)...)
		return
	}
	require.LessOrEqual(t, math.Abs(want-got), 1e-13*(math.Abs(want)+math.Abs(size)), append([]any{what + ": %v, want %v"}, append(args, got, want)...)...)
}

// FuzzBroadcast compares the operations on two operands, broadcast, with loops.
func FuzzBroadcast(f *testing.F) {
	for op := range uint8(6) {
		f.Add(op, uint8(3), uint8(2), uint8(0), []byte{1, 200, 3, 4, 5, 60, 7, 8, 9, 10, 11, 12, 13})
		f.Add(op, uint8(1), uint8(4), uint8(3), []byte{9, 9, 9, 50})
		f.Add(op, uint8(2), uint8(3), uint8(9), []byte{255, 0, 128})
	}
	type V = *ag.Var[float64]
	ops := []struct {
		op     func(a, b V) V
		f      func(a, b float64) float64
		da, db func(a, b float64) float64
	}{
		{ag.Add[float64], func(a, b float64) float64 { return a + b }, func(a, b float64) float64 { return 1 }, func(a, b float64) float64 { return 1 }},
		{ag.Sub[float64], func(a, b float64) float64 { return a - b }, func(a, b float64) float64 { return 1 }, func(a, b float64) float64 { return -1 }},
		{ag.Mul[float64], func(a, b float64) float64 { return a * b }, func(a, b float64) float64 { return b }, func(a, b float64) float64 { return a }},
		{ag.Div[float64], func(a, b float64) float64 { return a / b }, func(a, b float64) float64 { return 1 / b }, func(a, b float64) float64 { return -a / (b * b) }},
		{ag.Maximum[float64], func(a, b float64) float64 { return max(a, b) }, func(a, b float64) float64 { return step(a - b) }, func(a, b float64) float64 { return step(b - a) }},
		{ag.Minimum[float64], func(a, b float64) float64 { return min(a, b) }, func(a, b float64) float64 { return step(b - a) }, func(a, b float64) float64 { return step(a - b) }},
	}
	f.Fuzz(func(t *testing.T, which, rows, columns, squeeze uint8, data []byte) {
		c := ops[int(which)%len(ops)]
		r, k := int(rows%5)+1, int(columns%5)+1
		// Either operand may have a dimension of one element instead.
		shape := func(bits uint8) []int {
			s := []int{r, k}
			if bits&1 != 0 {
				s[0] = 1
			}
			if bits&2 != 0 {
				s[1] = 1
			}
			return s
		}
		at := 0
		operand := func(s []int, offset float64) V {
			x := make([]float64, s[0]*s[1])
			for i := range x {
				x[i] = offset + float64(i)/64
				if len(data) > 0 {
					x[i] += float64(data[at%len(data)]) / 16
				}
				at++
			}
			return ag.Param(x, s...)
		}
		a, b := operand(shape(squeeze), -7), operand(shape(squeeze>>2), 1) // b > 0, for Div
		y := c.op(a, b)
		rowsOut, columnsOut := max(a.Shape()[0], b.Shape()[0]), max(a.Shape()[1], b.Shape()[1])
		require.Equal(t, []int{rowsOut, columnsOut}, y.Shape())
		index := func(v V, i, j int) int {
			s := v.Shape()
			return i%s[0]*s[1] + j%s[1]
		}
		wantA, wantB := make([]float64, a.Len()), make([]float64, b.Len())
		dy := make([]float64, y.Len())
		for i := range rowsOut {
			for j := range columnsOut {
				o, ia, ib := i*columnsOut+j, index(a, i, j), index(b, i, j)
				u, v := a.Data()[ia], b.Data()[ib]
				dy[o] = float64(o) - 2.5
				require.Equal(t, c.f(u, v), y.Data()[o])
				wantA[ia] += dy[o] * c.da(u, v)
				wantB[ib] += dy[o] * c.db(u, v)
			}
		}
		got := ag.GradWith(y, ag.Const(dy, y.Shape()...), a, b)
		require.Equal(t, a.Shape(), got[0].Shape())
		require.Equal(t, b.Shape(), got[1].Shape())
		require.InDeltaSlice(t, wantA, got[0].Data(), 1e-9)
		require.InDeltaSlice(t, wantB, got[1].Data(), 1e-9)
	})
}

// step is 1 above 0, ½ at it.
func step(d float64) float64 {
	switch {
	case d > 0:
		return 1
	case d == 0:
		return 0.5
	}
	return 0
}
