package kernels

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSum: the order of a sum, spelled out for three lengths.
func TestSum(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	v := make([]float64, 3*SumBlock+5)
	for i := range v {
		v[i] = r.NormFloat64()
	}
	lane := func(v []float64, j int) (s float64) {
		for i := j; i < len(v); i += 8 {
			s += v[i]
		}
		return s
	}
	one := func(v []float64) float64 {
		var l [8]float64
		for j := range l {
			l[j] = lane(v, j)
		}
		return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
	}
	blocks := func(i int) float64 { return one(v[i*SumBlock : min((i+1)*SumBlock, len(v))]) }
	for n, want := range map[int]float64{
		0: 0, 3: (v[0] + v[2]) + v[1], 100: one(v[:100]),
		len(v): (blocks(0) + blocks(1)) + (blocks(2) + blocks(3)),
	} {
		if got := Sum(v[:n]); got != want {
			t.Errorf("the sum of %d is %v, want %v", n, got, want)
		}
	}
}

// TestSoftmaxAccuracy measures the family against the exact functions, in half
// ULP of 1 relative to an element, and to the terms.
func TestSoftmaxAccuracy(t *testing.T) {
	testSoftmaxAccuracy[float32](t)
	testSoftmaxAccuracy[float64](t)
}

func testSoftmaxAccuracy[T Float](t *testing.T) {
	digits, minExp := floats[T]()
	unit := math.Exp2(float64(-digits))
	r := rand.New(rand.NewPCG(9, 10))
	w := wide{192}
	var soft, log, grad float64
	for _, cols := range []int{2, 3, 5, 10, 33, 100, 600} {
		for range 60 {
			x, y, l, dx, dy := make([]T, cols), make([]T, cols), make([]T, cols), make([]T, cols), make([]T, cols)
			spread := math.Exp2(7*r.Float64() - 2) // more, and w would lose what is next to 1
			for i := range x {
				x[i], dy[i] = T(spread*(2*r.Float64()-1)), T(r.NormFloat64())
			}
			Softmax(y, x, 1)
			LogSoftmax(l, x)
			SoftmaxGrad(dx, dy, y)
			_, largest := MinMax(x)
			sum, e := w.new(), make([]*big.Float, cols)
			for i, v := range x {
				e[i] = w.exp(w.sub(w.of(float64(v)), w.of(float64(largest))))
				sum = w.add(sum, e[i])
			}
			lse := w.log(sum)
			sorted := slices.Clone(x)
			slices.Sort(sorted)
			gap := float64(sorted[cols-1]) - float64(sorted[cols-2])
			inner, size := w.new(), 0.0
			for i := range y {
				inner = w.add(inner, w.mul(w.of(float64(dy[i])), w.of(float64(y[i]))))
				size += math.Abs(float64(dy[i]) * float64(y[i]))
			}
			for i, v := range x {
				far := math.Abs(float64(v) - float64(largest))
				p := w.quo(e[i], sum)
				if p.MantExp(nil) > minExp+digits {
					d, _ := w.quo(w.sub(w.of(float64(y[i])), p), p).Float64()
					soft = max(soft, math.Abs(d)/unit-far)
				}
				exact := w.sub(w.sub(w.of(float64(v)), w.of(float64(largest))), lse)
				d, _ := w.quo(w.sub(w.of(float64(l[i])), exact), exact).Float64()
				log = max(log, math.Abs(d)/unit-gap)
				exact = w.mul(w.of(float64(y[i])), w.sub(w.of(float64(dy[i])), inner))
				d, _ = w.sub(w.of(float64(dx[i])), exact).Float64()
				if math.Ilogb(float64(y[i])) > minExp+digits {
					grad = max(grad, math.Abs(d)/unit/(float64(y[i])*(math.Abs(float64(dy[i]))+size)))
				}
			}
		}
	}
	t.Logf("%T: Softmax %.2f beyond |x − max|, LogSoftmax %.2f beyond the gap to the second largest, SoftmaxGrad %.2f of y(|dy| + Σ|dy|y)", T(0), soft, log, grad)
	if !(soft <= 5 && log <= 4 && grad <= 5) {
		t.Errorf("%T: too far off", T(0))
	}
}
