package fuzz

import (
	"math"
	"testing"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/internal/cases"
)

// FuzzChoice compares the operations that choose between values with the rules
// in their documentation, bit for bit.
func FuzzChoice(f *testing.F) {
	for i := range uint8(24) {
		f.Add(i%2 == 0, i%3 == 0, i*2, i*13, -1.5, float64(i), specials[float32](int(i)*8, 60))
		f.Add(i%2 == 1, i%3 == 0, i*2, i*13, 0.25, math.Inf(int(i)%3-1), specials[float64](int(i)*8, 60))
	}
	f.Fuzz(func(t *testing.T, double, narrow bool, n, ties uint8, lo, hi float64, data []byte) {
		switch { // legal bounds
		case lo > hi:
			lo, hi = hi, lo
		case !(lo <= hi):
			lo, hi = math.Inf(-1), 0
		}
		if double {
			checkChoice(t, narrow, int(n%65), ties, lo, hi, data)
		} else {
			checkChoice(t, narrow, int(n%65), ties, float32(lo), float32(hi), data)
		}
	})
}

func checkChoice[T cases.Float](t *testing.T, narrow bool, n int, ties uint8, lo, hi T, data []byte) {
	type V = *ag.Var[T]
	x := numbers[T](data, 3*n+1)
	a, b, dy := x[:n], x[n:2*n], x[2*n:3*n]
	cond := make([]bool, n)
	for i := range n {
		cond[i] = len(data) > 0 && data[i%len(data)]&1 != 0
		if ties>>(i%8)&1 != 0 {
			b[i] = a[i] * T(1-i/8%2*2) // ±0 are a tie as well
		}
	}
	if narrow {
		b = x[3*n:] // one element for all
	}
	part := func(share, dy T) T {
		switch share {
		case 0:
			return 0 // even of NaN
		case 1:
			return dy / 2
		}
		return dy
	}
	// larger returns the result and the halves of dy that a and b get.
	larger := func(a, b T) (y T, toA, toB T) {
		switch {
		case a != a || b != b:
			return T(math.NaN()), 2, 2
		case a > b:
			return a, 2, 0
		case a < b:
			return b, 0, 2
		case math.Signbit(float64(a)):
			return b, 1, 1
		}
		return a, 1, 1
	}
	for _, c := range []struct {
		name string
		op   func(a, b V) V
		def  func(a, b T, cond bool) (y T, toA, toB T)
	}{
		{"Maximum", ag.Maximum[T], func(a, b T, _ bool) (T, T, T) { return larger(a, b) }},
		{"Minimum", ag.Minimum[T], func(a, b T, _ bool) (T, T, T) {
			y, toA, toB := larger(-a, -b)
			return -y, toA, toB
		}},
		{"Where", func(a, b V) V { return ag.Where(cond, a, b) }, func(a, b T, cond bool) (T, T, T) {
			if cond {
				return a, 2, 0
			}
			return b, 0, 2
		}},
		{"Clamp", func(a, _ V) V { return ag.Clamp(a, lo, hi) }, func(a, _ T, _ bool) (T, T, T) {
			switch {
			case a < lo:
				return lo, 0, 0
			case a > hi:
				return hi, 0, 0
			case a != a:
				return a, 0, 0
			}
			return a, 2, 0
		}},
	} {
		left, right := ag.Param(a), ag.Param(b)
		y := c.op(left, right)
		d := ag.GradWith(y, ag.Const(dy), left, right)
		var all total
		for i := range n {
			want, toA, toB := c.def(a[i], b[i%len(b)], cond[i])
			same(t, want, y.Data()[i], c.name, i)
			same(t, part(toA, dy[i]), d[0].Data()[i], "gradient of a in "+c.name, i)
			all.add(float64(part(toB, dy[i])))
			if !narrow {
				same(t, part(toB, dy[i]), d[1].Data()[i], "gradient of b in "+c.name, i)
			}
		}
		if narrow {
			check(t, all, true, d[1].Data()[0], "gradient of b in "+c.name)
		}
	}
}
