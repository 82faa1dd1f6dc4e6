package autograd_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

type observer[T stepgrad.Float] interface {
	Observe(x []T)
	Quant() (stepgrad.Quant[T], error)
}

func observers[T stepgrad.Float](bits int, symmetric bool) map[string]observer[T] {
	return map[string]observer[T]{
		"MinMaxObserver":        &ag.MinMaxObserver[T]{Bits: bits, Symmetric: symmetric},
		"MovingAverageObserver": &ag.MovingAverageObserver[T]{Bits: bits, Symmetric: symmetric},
		"PercentileObserver":    &ag.PercentileObserver[T]{Bits: bits, Symmetric: symmetric},
		"MSEObserver":           &ag.MSEObserver[T]{Bits: bits, Symmetric: symmetric},
	}
}

// What has at most as many values as levels is held exactly, by all of them.
func TestObservers(t *testing.T) {
	for _, symmetric := range []bool{false, true} {
		for name, o := range observers[float32](8, symmetric) {
			_, err := o.Quant()
			require.EqualError(t, err, "autograd: "+name+": no value observed")
			o.Observe(nil)
			o.Observe([]float32{float32(nan)})
			_, err = o.Quant()
			require.EqualError(t, err, "autograd: "+name+": no value observed")
			o.Observe([]float32{-1.5, float32(nan), 0, 2})
			got, err := o.Quant()
			require.NoError(t, err, name)
			want, err := stepgrad.QuantFromRange[float32](-1.5, 2, 8, symmetric)
			require.NoError(t, err)
			if name == "MSEObserver" { // may find one that errs less
				require.LessOrEqual(t, got.Scale(), want.Scale())
				continue
			}
			require.Equal(t, want, got, name)
		}
	}
	for name, o := range observers[float64](8, false) {
		o.Observe([]float64{1, inf})
		_, err := o.Quant()
		require.ErrorContains(t, err, "autograd: "+name+": stepgrad: QuantFromRange: lo and hi must be finite")
	}
	for name, o := range observers[float64](0, false) {
		o.Observe([]float64{1})
		_, err := o.Quant()
		require.ErrorContains(t, err, "autograd: "+name+": stepgrad: QuantFromRange: bits must be in [2, 16], not 0")
	}
}

func TestMinMaxObserver(t *testing.T) {
	o := ag.MinMaxObserver[float64]{Bits: 4}
	for _, x := range [][]float64{{1, 2}, {-3}, {}, {nan}, {0, 12}} {
		o.Observe(x)
	}
	q, err := o.Quant()
	require.NoError(t, err)
	require.Equal(t, 1.0, q.Scale())
	require.Equal(t, 3, q.Zero())
	// Of one sign: 0 is one of the values all the same.
	o = ag.MinMaxObserver[float64]{Bits: 4}
	o.Observe([]float64{15, 30})
	q, err = o.Quant()
	require.NoError(t, err)
	require.Equal(t, 2.0, q.Scale())
	require.Equal(t, 0, q.Zero())
}

func TestMovingAverageObserver(t *testing.T) {
	o := ag.MovingAverageObserver[float64]{Bits: 8, Symmetric: true, Rate: 0.25}
	for i, c := range []struct{ x, want []float64 }{
		{[]float64{-127, 4}, []float64{1}}, {[]float64{nan}, []float64{1}}, {[]float64{-635, 1}, []float64{2}}, {[]float64{-254, 0}, []float64{2}}, {[]float64{0}, []float64{1.5}},
	} {
		o.Observe(c.x)
		q, err := o.Quant()
		require.NoError(t, err)
		require.Equal(t, c.want[0], q.Scale(), i)
	}
	slow := ag.MovingAverageObserver[float64]{Bits: 8, Symmetric: true}
	slow.Observe([]float64{0})
	slow.Observe([]float64{12700})
	q, err := slow.Quant()
	require.NoError(t, err)
	require.InDelta(t, 1, q.Scale(), 1e-12, "0.01 as in PyTorch")
	for _, rate := range []float64{-0.1, 1.1, nan} {
		o := ag.MovingAverageObserver[float64]{Bits: 8, Rate: rate}
		require.PanicsWithValue(t, "autograd: MovingAverageObserver: Rate must be in [0, 1], not "+format(rate), func() { o.Observe(nil) })
	}
}

// Either end lies between the exact percentile and 1/256 beyond, in any order of
// the values and however they are split.
func TestPercentileObserver(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 5))
	for round := range 60 {
		n := 1 + rnd.IntN(3000)
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Exp(rnd.NormFloat64()*2) * float64(1-2*rnd.IntN(2))
			if round%3 == 1 { // the ends have one sign
				x[i] = math.Abs(x[i]) + 1
			}
			if round%3 == 2 {
				x[i] = -math.Abs(x[i]) - 1
			}
			if rnd.IntN(10) == 0 {
				x[i] = 0
			}
		}
		percent := []float64{0, 99.99, 99.9, 99, 90, 60, 100}[round%7]
		var quants []stepgrad.Quant[float64]
		for range 3 {
			o := ag.PercentileObserver[float64]{Bits: 8, Percent: percent}
			rnd.Shuffle(n, func(i, j int) { x[i], x[j] = x[j], x[i] })
			cut := rnd.IntN(n)
			o.Observe(x[:cut])
			o.Observe(x[cut:])
			q, err := o.Quant()
			require.NoError(t, err)
			quants = append(quants, q)
		}
		require.Equal(t, quants[0], quants[1])
		require.Equal(t, quants[0], quants[2])

		sorted := slices.Sorted(slices.Values(x))
		if percent == 0 {
			percent = 99.99
		}
		left := 0
		for (100-percent)/100*float64(n) >= float64(left+1)-1e-6 {
			left++
		}
		lo, hi := min(sorted[left], 0), max(sorted[n-1-left], 0)
		width := quants[0].Scale() * 255
		require.GreaterOrEqual(t, width, (hi-lo)*(1-1e-12), "%d of %d left out", left, n)
		require.LessOrEqual(t, width, (hi-lo)*(1+1.0/256)+1e-300, "%d of %d left out", left, n)
		require.InDelta(t, -lo/width*255, float64(quants[0].Zero()), 1.5)
	}
	// Outliers, infinite ones too, do not matter if they are few enough.
	o := ag.PercentileObserver[float32]{Bits: 8, Symmetric: true, Percent: 99}
	for range 1000 {
		o.Observe([]float32{1.27, -1})
	}
	o.Observe([]float32{float32(inf), float32(-inf), 1e30, -1e30})
	q, err := o.Quant()
	require.NoError(t, err)
	require.InEpsilon(t, 0.01, q.Scale(), 1.0/200)
	o = ag.PercentileObserver[float32]{Bits: 8, Percent: 99}
	o.Observe([]float32{1, 2, float32(inf), float32(inf)})
	_, err = o.Quant()
	require.ErrorContains(t, err, "not 1 and +Inf")
	for _, percent := range []float64{50, 101, nan, -1} {
		o := ag.PercentileObserver[float32]{Bits: 8, Percent: percent}
		o.Observe([]float32{1})
		_, err := o.Quant()
		require.EqualError(t, err, "autograd: PercentileObserver: Percent must be in (50, 100], not "+format(percent))
	}
}

func format(v float64) string { return fmt.Sprint(v) }

// No scale on a fine grid errs much less than the one proposed.
func TestMSEObserver(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 6))
	gauss, far := make([]float64, 3000), make([]float64, 3000)
	for i := range gauss {
		gauss[i], far[i] = rnd.NormFloat64(), rnd.NormFloat64()
	}
	far[77] = 20
	mse := func(x []float64, q stepgrad.Quant[float64]) (sum float64) {
		y := make([]float64, len(x))
		stepgrad.FakeQuantize(y, nil, x, q)
		for i := range x {
			sum += (x[i] - y[i]) * (x[i] - y[i])
		}
		return sum
	}
	for name, x := range map[string][]float64{"gauss": gauss, "far": far} {
		for _, bits := range []int{2, 3, 4, 8} {
			for _, symmetric := range []bool{false, true} {
				o := ag.MSEObserver[float64]{Bits: bits, Symmetric: symmetric}
				o.Observe(x[:1000])
				o.Observe(x[1000:])
				got, err := o.Quant()
				require.NoError(t, err)
				lo, hi := stepgrad.MinMax(x)
				full, err := stepgrad.QuantFromRange(lo, hi, bits, symmetric)
				require.NoError(t, err)
				if bits <= 4 {
					require.Less(t, mse(x, got), 0.9*mse(x, full), "%s, %d bits: better than the full range", name, bits)
				}
				best := inf
				for f := 1.0; f > 0.03; f *= 0.992 {
					q, err := stepgrad.QuantFromRange(lo*f, hi*f, bits, symmetric)
					require.NoError(t, err)
					best = min(best, mse(x, q))
				}
				require.LessOrEqual(t, mse(x, got), 1.02*best, "%s, %d bits", name, bits)
			}
		}
	}
	// The optimum for a normal distribution and 4 levels is known: −1.5, −½, ½ and
	// 1.5 steps of 0.9957 (Max 1960). Symmetric 2 bits have 3 levels: 1.2240.
	o := ag.MSEObserver[float64]{Bits: 2, Symmetric: true}
	for range 20 {
		x := make([]float64, 5000)
		for i := range x {
			x[i] = rnd.NormFloat64()
		}
		o.Observe(x)
	}
	q, err := o.Quant()
	require.NoError(t, err)
	require.InEpsilon(t, 1.2240, q.Scale(), 0.03)
	// More values than the sample holds: the same in every run.
	again := ag.MSEObserver[float64]{Bits: 4}
	other := ag.MSEObserver[float64]{Bits: 4}
	for range 30 {
		again.Observe(gauss)
		other.Observe(gauss)
	}
	a, _ := again.Quant()
	b, _ := other.Quant()
	require.Equal(t, a, b)
}

// Observing does not allocate without end.
func TestObserverMemory(t *testing.T) {
	x := make([]float64, 10000)
	for i := range x {
		x[i] = math.Sin(float64(i))
	}
	for name, o := range observers[float64](8, false) {
		for range 10 {
			o.Observe(x)
		}
		require.Less(t, allocated(func() {
			for range 10 {
				o.Observe(x)
			}
		}), uint64(1000), name)
	}
}
