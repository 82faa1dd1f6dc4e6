package fuzz

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/internal/cases"
)

// numbers reads n floats, raw, and starts over where data ends; without data
// they are 0.
func numbers[T cases.Float](data []byte, n int) []T {
	x := make([]T, 0, n+1)
	for _, v := range elements[T](data, (n+1)/2) {
		x = append(x, v.X, v.Dy)
	}
	return x[:n]
}

// tame brings x into (−bound, bound); what is not finite becomes NaN.
func tame[T cases.Float](x []T, bound float64) []T {
	for i, v := range x {
		x[i] = T(math.Mod(float64(v), bound))
	}
	return x
}

// specials is a seed of n elements; the special values come first.
func specials[T cases.Float](from, n int) []byte {
	in := cases.Inputs[T](cases.Rand(uint64(from)), 2*n)
	return encode(in[from%(len(in)-n):][:n])
}

// A total is a sum of products that may be added up in any order.
type total struct {
	sum, size float64
	n         int
}

func (s *total) add(factors ...float64) {
	p, finite := 1.0, true
	for _, v := range factors {
		p *= v
		finite = finite && v-v == 0
	}
	s.sum, s.n = s.sum+p, s.n+1
	if finite {
		s.size += math.Abs(p)
	}
}

// check compares a result accumulated in T, or in float64 if wide. Where finite
// terms may overflow, the order of addition decides, and any result will do.
func check[T cases.Float](t *testing.T, s total, wide bool, got T, what string) {
	t.Helper()
	unit, tiny, largest := 0x1p-52, math.SmallestNonzeroFloat64, math.MaxFloat64
	if cases.TypeName[T]() == "float32" {
		unit, tiny, largest = 0x1p-23, math.SmallestNonzeroFloat32, math.MaxFloat32
	}
	eps := unit
	if wide {
		eps = 0x1p-52
	}
	switch {
	case s.size > largest/2:
	case s.sum-s.sum != 0:
		same(t, T(s.sum), got, what, 0)
	default:
		approx(t, s.sum, float64(got), unit*math.Abs(s.sum)+float64(s.n)*(eps*s.size+tiny), what)
	}
}

// approx is near with an error of its own.
func approx(t *testing.T, want, got, tolerance float64, what string) {
	t.Helper()
	near(t, want, got, tolerance*1e13, what)
}

func same[T cases.Float](t *testing.T, want, got T, what string, i int) {
	t.Helper()
	if !cases.Same(want, got) {
		t.Fatalf("%s [%d]: %s, want %s", what, i, cases.Spell(got), cases.Spell(want))
	}
}

// FuzzMatMul compares the product, its gradients and their gradients with the
// triple loop.
func FuzzMatMul(f *testing.F) {
	for i := range uint8(12) {
		f.Add(i%2 == 0, i%3 == 0, i, i+3, i*5, specials[float32](5*int(i), 40))
		f.Add(i%2 == 0, i%3 == 0, i+2, i*3, i, specials[float64](5*int(i), 40))
	}
	for i := range uint8(4) { // zeros times what is not finite
		inf := []float64{0, math.Inf(1), 1, 0, 0, 0, 2, math.NaN(), 0, 0, 0, 1, math.Inf(-1)}
		var data []byte
		for _, v := range inf[i:] {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
		}
		f.Add(true, true, i+2, i+1, uint8(3), data)
	}
	f.Fuzz(func(t *testing.T, double, raw bool, m, k, n uint8, data []byte) {
		if double {
			checkMatMul[float64](t, raw, int(m%7), int(k%10), int(n%7), data)
		} else {
			checkMatMul[float32](t, raw, int(m%7), int(k%10), int(n%7), data)
		}
	})
}

func checkMatMul[T cases.Float](t *testing.T, raw bool, m, k, n int, data []byte) {
	x := numbers[T](data, m*k+k*n+m*n)
	if !raw {
		tame(x, 1e3)
	}
	a, b, dy := ag.Param(x[:m*k], m, k), ag.Param(x[m*k:][:k*n], k, n), ag.Param(x[m*k+k*n:], m, n)
	y := ag.MatMul(a, b)
	product(t, "value", y, a, b, false, false)
	d := ag.GradWith(y, dy, a, b)
	product(t, "gradient of a", d[0], dy, b, false, true)
	product(t, "gradient of b", d[1], a, dy, true, false)
	second := ag.GradWith(d[0], ag.Detach(a), dy, b)
	product(t, "gradient of dy·bᵀ by dy", second[0], a, b, false, false)
	product(t, "gradient of dy·bᵀ by b", second[1], a, dy, true, false)
	second = ag.GradWith(d[1], ag.Detach(b), a, dy)
	product(t, "gradient of aᵀ·dy by a", second[0], dy, b, false, true)
	product(t, "gradient of aᵀ·dy by dy", second[1], a, b, false, false)
}

// product compares got with a·b, either transposed first.
func product[T cases.Float](t *testing.T, what string, got, a, b *ag.Var[T], ta, tb bool) {
	t.Helper()
	entries := func(v *ag.Var[T], flip bool) (rows, columns int, at func(i, j int) float64) {
		s := v.Shape()
		if flip {
			return s[1], s[0], func(i, j int) float64 { return float64(v.Data()[j*s[1]+i]) }
		}
		return s[0], s[1], func(i, j int) float64 { return float64(v.Data()[i*s[1]+j]) }
	}
	m, k, left := entries(a, ta)
	_, n, right := entries(b, tb)
	require.Equal(t, []int{m, n}, got.Shape(), what)
	for i := range m {
		for j := range n {
			var s total
			for l := range k {
				s.add(left(i, l), right(l, j))
			}
			check(t, s, false, got.Data()[i*n+j], what)
		}
	}
}

// FuzzCrossEntropy compares Softmax, LogSoftmax and CrossEntropy with loops.
func FuzzCrossEntropy(f *testing.F) {
	for i := range uint8(12) {
		f.Add(i%2 == 0, i%5, i, uint16([]int{10000, 10, 1}[i%3]), []byte{i, 7, 1, 255}, specials[float32](100+int(i)*9, 40))
		f.Add(i%2 == 1, i%5, i, uint16([]int{10000, 10, 1}[i%3]), []byte{0, i}, specials[float64](100+int(i)*9, 40))
	}
	f.Fuzz(func(t *testing.T, double bool, rows, columns uint8, bound uint16, labels, data []byte) {
		size := min(max(float64(bound), 1), 1e4)
		if double {
			checkSoftmax[float64](t, int(rows%4)+1, int(columns%8)+1, size, labels, data, 1e-11)
		} else {
			checkSoftmax[float32](t, int(rows%4)+1, int(columns%8)+1, size, labels, data, 1e-5)
		}
	})
}

// checkSoftmax allows errors of eps: e^x loses what the digits of x are short.
func checkSoftmax[T cases.Float](t *testing.T, n, k int, bound float64, bytes, data []byte, eps float64) {
	all := tame(numbers[T](data, 2*n*k+1), bound)
	for i, v := range all {
		if v != v {
			all[i] = T(i)
		}
	}
	x, dy, up := all[:n*k], all[n*k:2*n*k], all[2*n*k:]
	labels := make([]int, n)
	for i := range labels {
		if len(bytes) > 0 {
			labels[i] = int(bytes[i%len(bytes)]) % k
		}
	}
	leaf, dyVar := ag.Param(x, n, k), ag.Const(dy, n, k)
	soft, logs, loss := ag.Softmax(leaf), ag.LogSoftmax(leaf), ag.CrossEntropy(leaf, labels)
	dSoft, dLogs := ag.GradWith(soft, dyVar, leaf)[0], ag.GradWith(logs, dyVar, leaf)[0]
	dLoss := ag.GradWith(loss, ag.Reshape(ag.Const(up)), leaf)[0]
	wantLoss, sizeLoss := 0.0, 0.0
	for i := range n {
		row, dys := x[i*k:][:k], dy[i*k:][:k]
		p, largest, rest := make([]float64, k), float64(slices.Max(row)), 0.0
		for j, v := range row {
			if j != slices.Index(row, slices.Max(row)) {
				rest += math.Exp(float64(v) - largest)
			}
			for _, u := range row {
				p[j] += math.Exp(float64(u) - float64(v))
			}
			p[j] = 1 / p[j]
		}
		var ones, dot, sum, size float64
		for j, v := range dys {
			ones += float64(soft.Data()[i*k+j])
			dot, sum, size = dot+p[j]*float64(v), sum+float64(v), size+math.Abs(float64(v))
		}
		approx(t, 1, ones, eps, "sum of Softmax")
		for j := range k {
			o, v, onehot := i*k+j, float64(dys[j]), 0.0
			want := float64(row[j]) - largest - math.Log1p(rest)
			if j == labels[i] {
				onehot, wantLoss, sizeLoss = 1, wantLoss-want/float64(n), sizeLoss+math.Abs(want)/float64(n)
			}
			const tiny = 1e-44 // there float32 is denormal
			approx(t, p[j], float64(soft.Data()[o]), eps*p[j]+tiny, "Softmax")
			approx(t, want, float64(logs.Data()[o]), eps*math.Abs(want)+tiny, "LogSoftmax")
			approx(t, p[j]*(v-dot), float64(dSoft.Data()[o]), eps*p[j]*(math.Abs(v)+size)+tiny*(1+size), "gradient of Softmax")
			approx(t, v-p[j]*sum, float64(dLogs.Data()[o]), eps*(math.Abs(v)+size)+tiny, "gradient of LogSoftmax")
			u := float64(up[0]) / float64(n)
			approx(t, u*(p[j]-onehot), float64(dLoss.Data()[o]), eps*math.Abs(u)+tiny, "gradient of CrossEntropy")
		}
	}
	approx(t, wantLoss, float64(loss.Data()[0]), eps*sizeLoss+1e-44, "CrossEntropy")
}
