package autograd_test

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

func grad(y V, xs ...V) [][]float64 { return values(ag.Grad(y, xs...)) }

func values(xs []V) [][]float64 {
	var data [][]float64
	for _, x := range xs {
		data = append(data, slices.Clone(x.Data()))
	}
	return data
}

func TestGradOfWhat(t *testing.T) {
	x, c, unused := ag.Param([]float64{2, 3}), ag.Const([]float64{5, 7}), ag.Param([]float64{1}, 1, 1)
	h := ag.Square(x)
	y := ag.Sum(ag.Mul(h, c))
	d := ag.Detach(h)
	require.Equal(t, [][]float64{{20, 42}, {5, 7}, {1}, {0, 0}, {0}, {0, 0}, {20, 42}}, grad(y, x, h, y, c, unused, d, x))
	require.Equal(t, []int{1, 1}, ag.Grad(y, unused)[0].Shape())
	require.Empty(t, ag.Grad(y))
	// Other paths than those through an intermediate x count too.
	z := ag.Sum(ag.Mul(h, x))
	require.Equal(t, [][]float64{{2, 3}, {12, 27}}, grad(z, h, x))
	// A constant y.
	require.Equal(t, [][]float64{{0, 0}, {0, 0}, {0}}, grad(ag.Sum(c), x, c, ag.Sum(c)))
	// y of one element and any rank.
	one := ag.Reshape(y, 1, 1, 1)
	require.Equal(t, []int{1, 1, 1}, ag.Grad(one, one)[0].Shape())
	require.Equal(t, [][]float64{{20, 42}}, grad(one, x))
}

func TestGradWith(t *testing.T) {
	x, dy := ag.Param([]float64{2, 3}), ag.Param([]float64{10, 100})
	g := ag.GradWith(ag.Square(x), dy, x)[0]
	require.Equal(t, []float64{40, 600}, g.Data())
	require.Equal(t, [][]float64{{20, 200}, {4, 6}}, grad(ag.Sum(g), x, dy))
	// Without a kernel between them, the gradient is dy itself.
	require.Same(t, dy, ag.GradWith(ag.FloorSTE(x), dy, x)[0])
	require.Same(t, dy, ag.GradWith(x, dy, x)[0])
}

// recorded is v behind a user's operation, which makes Grad record everything
// at once instead of when a gradient is differentiated.
func recorded(v V) V {
	return ag.Custom("Same", v.Data(), v.Shape(), func(dy V) []V { return []V{dy} }, v)
}

// Gradients are the same bits whether they were recorded or not, and so are
// gradients of gradients.
func TestRecorded(t *testing.T) {
	for _, c := range derivatives {
		y := c.f(c.xs...)
		dy := numbers(0.5, 2, y.Shape()...)
		lean, full := ag.GradWith(y, dy, c.xs...), ag.GradWith(recorded(y), dy, c.xs...)
		for k := range lean {
			require.Equal(t, full[k].Data(), lean[k].Data(), c.name)
			require.Equal(t, full[k].Shape(), lean[k].Shape(), c.name)
			more := append([]V{dy}, c.xs...)
			weight := numbers(0.5, 2, lean[k].Shape()...)
			require.Equal(t, values(ag.GradWith(full[k], weight, more...)), values(ag.GradWith(lean[k], weight, more...)), c.name)
		}
	}
}

// Memory that gradients are computed in is used again; that of results is not.
func TestGradMemory(t *testing.T) {
	x, w := numbers(-2, 2, 1000), numbers(-2, 2, 1000)
	loss := func() V {
		a := ag.Mul(ag.Add(ag.Square(x), w), ag.Tanh(x))
		return ag.Sum(ag.Mul(a, ag.Add(a, ag.FloorSTE(ag.Scale(w, 3)))))
	}
	y := loss()
	a := ag.Mul(y, y)
	want := values(ag.Grad(recorded(a), x, w, y, a))
	first := ag.Grad(a, x, w, y, a)
	for range 20 {
		require.Equal(t, want, values(ag.Grad(a, x, w, y, a)))
		ag.Grad(loss(), w)
	}
	require.Equal(t, want, values(first), "nobody wrote to what was given away")
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 50 {
				assert.Equal(t, want, values(ag.Grad(a, x, w, y, a)))
			}
		})
	}
	wait.Wait()
}

// Large tensors are worked on by several goroutines, to the same bits.
func TestGradWorkers(t *testing.T) {
	const n = 1 << 20
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(i%1009)/100 - 5
	}
	x, w := ag.Param(data), ag.Param(data[:1])
	run := func(workers int) (bits [][]float32) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(workers))
		a := ag.ClipSTE(ag.SoftRound(ag.Tanh(ag.Exp(ag.Mul(x, w))), 5), stepgrad.Down, -8, 7)
		y := ag.Sum(ag.ReLU(ag.Square(ag.Add(a, ag.Sigmoid(x)))))
		for _, g := range append(ag.Grad(y, x, w), a, y) {
			bits = append(bits, g.Data())
		}
		return bits
	}
	want := run(1)
	require.NotZero(t, want[1][0])
	for _, workers := range []int{2, 3, 8} {
		for i, got := range run(workers) {
			require.True(t, slices.Equal(want[i], got), "%d workers, result %d", workers, i)
		}
	}
}

// The gradient of a fan-out is added up without writing to dy or to anything
// that the caller holds.
func TestAccumulation(t *testing.T) {
	x, dy := ag.Param([]float64{2, 3}), []float64{1, 10}
	y := x
	for range 5 {
		y = ag.Add(y, ag.FloorSTE(x))
	}
	h := ag.RoundSTE(x)
	y = ag.Add(ag.Add(y, h), ag.Add(h, h))
	g := ag.GradWith(y, ag.Const(dy), x, h, y)
	require.Equal(t, []float64{9, 90}, g[0].Data())
	require.Equal(t, []float64{3, 30}, g[1].Data())
	require.Equal(t, []float64{1, 10}, g[2].Data())
	require.Equal(t, []float64{1, 10}, dy)
	require.Equal(t, []float64{2, 3}, x.Data())
	part := ag.Add(x, ag.Add(ag.Gather(x, 0, []int{1, 0}), ag.Slice(x, 0, 0, 2)))
	require.Equal(t, []float64{12, 21}, ag.GradWith(part, ag.Const(dy), x)[0].Data())
	require.Equal(t, []float64{1, 10}, dy)
	// And so it is where dy itself can be differentiated.
	p := ag.Param(dy)
	require.Equal(t, [][]float64{{9, 9}}, grad(ag.Sum(ag.GradWith(y, p, x)[0]), p))
}

// An operation is visited once, however many paths lead through it, and not
// at all if no x lies behind it.
func TestVisitedOnce(t *testing.T) {
	calls := 0
	count := func(x V) V {
		return ag.Custom("Count", x.Data(), x.Shape(), func(dy V) []V { calls++; return []V{dy} }, x)
	}
	x, other := ag.Param([]float64{1}), ag.Param([]float64{1})
	y := count(x)
	for range 200 {
		y = count(ag.Add(y, ag.Neg(ag.Scale(y, 0.5)))) // 2^200 paths
	}
	require.InDelta(t, math.Exp2(-200), grad(y, x)[0][0], 0)
	require.Equal(t, 201, calls)
	calls = 0
	z := ag.Add(count(other), ag.Square(x))
	require.Equal(t, [][]float64{{2}}, grad(z, x))
	require.Zero(t, calls, "a rule was called with no x behind it")
	require.Equal(t, [][]float64{{1}}, grad(z, other))
	require.Equal(t, 1, calls)
	// Past an x there is nothing to do.
	calls = 0
	h := count(x)
	require.Equal(t, [][]float64{{1}}, grad(ag.Neg(ag.Neg(h)), h))
	require.Zero(t, calls)
}

func TestLongChain(t *testing.T) {
	x := ag.Param([]float64{1})
	y := x
	for i := range 100_000 {
		switch i % 4 {
		case 0:
			y = ag.Neg(y)
		case 1:
			y = ag.Add(y, x)
		case 2:
			y = ag.RoundSTE(y)
		case 3:
			y = ag.Mul(y, ag.Const([]float64{1}))
		}
	}
	g := ag.Grad(y, x)[0]
	require.Contains(t, []float64{0, 1}, g.Data()[0])
	require.Equal(t, []float64{0}, ag.Grad(g, x)[0].Data())
	require.Empty(t, ag.Explain(y, x).Blocks)
	// A chain whose gradient is as long as itself.
	y = x
	for range 100_000 {
		y = ag.Sin(y)
	}
	g = ag.Grad(y, x)[0]
	h := ag.Grad(g, x)[0]
	require.Less(t, h.Data()[0], 0.0)
	y = ag.Floor(y)
	r := ag.Explain(y, x)
	require.Len(t, r.Blocks, 1)
}

func TestSecondDerivatives(t *testing.T) {
	x := ag.Param([]float64{1.3, -0.7})
	second := func(y V) []float64 {
		g := ag.Grad(ag.Sum(y), x)[0]
		return ag.Grad(ag.Sum(g), x)[0].Data()
	}
	require.Equal(t, []float64{2, 2}, second(ag.Mul(x, ag.RoundSTE(x))))
	require.Equal(t, []float64{2, 2}, second(ag.Mul(x, ag.Add(x, ag.Detach(ag.Sub(ag.Floor(x), x))))))
	require.Equal(t, []float64{2, 2}, second(ag.Square(ag.FloorSTE(x))))
	require.Equal(t, []float64{0, 2}, second(ag.Mul(x, ag.ClipSTE(x, stepgrad.Down, -1, 1))))
	// Identically zero: zeros, not an error.
	for name, y := range map[string]V{
		"linear": ag.Scale(x, 3), "STE": ag.FloorSTE(x), "clip": ag.ClipSTE(x, stepgrad.Down, -1, 1), "relu": ag.ReLU(x),
		"floor": ag.Mul(x, ag.Floor(x)), "abs": ag.Abs(x), "max": ag.Maximum(x, ag.Const([]float64{0})),
	} {
		require.Equal(t, []float64{0, 0}, second(y), name)
	}
}

func TestCustom(t *testing.T) {
	x, k := ag.Param([]float64{2, 3}), ag.Const([]float64{5})
	cube := func(x V) V {
		data := make([]float64, x.Len())
		for i, v := range x.Data() {
			data[i] = v * v * v
		}
		return ag.Custom("Cube", data, x.Shape(), func(dy V) []V {
			return []V{nil, ag.Mul(dy, ag.Scale(ag.Square(x), 3))}
		}, k, x)
	}
	require.NoError(t, ag.Check(func(xs ...V) V { return cube(xs[0]) }, 4, x))
	require.Equal(t, [][]float64{{12, 27}, {0}}, grad(ag.Sum(cube(x)), x, k))

	called := false
	y := ag.Custom("Constant", []float64{1}, nil, func(V) []V { called = true; return nil }, k)
	require.Equal(t, [][]float64{{0}}, grad(y, k))
	require.False(t, called)
	require.Empty(t, y.Shape())
	require.Equal(t, []int{2}, ag.Custom("Vector", []float64{1, 2}, nil, nil, x).Shape())

	all := ag.Custom("Silent", []float64{1, 1}, []int{2}, func(V) []V { return nil }, x)
	require.Equal(t, [][]float64{{1, 1}}, grad(ag.Sum(ag.Add(all, x)), x))
	require.Equal(t, [][]float64{{0, 0}}, grad(ag.Sum(ag.Custom("Zero", []float64{1, 1}, []int{2}, nil, x)), x))
}

func TestParamSharesData(t *testing.T) {
	data, shape := []float64{1, 2}, []int{2, 1}
	x := ag.Param(data, shape...)
	shape[0] = 9
	x.Shape()[0] = 9
	data[0] = 7
	require.Equal(t, []int{2, 1}, x.Shape())
	require.Equal(t, []float64{8, 3}, ag.Add(x, ag.Const([]float64{1})).Data())
	require.True(t, x.IsParam())
	for _, v := range []V{ag.Const(data), ag.Neg(x), ag.Detach(x)} {
		require.False(t, v.IsParam())
	}
	require.NotNil(t, ag.Sum(x).Shape())
	labels, cond, index := []int{0}, []bool{true, false}, []int{0}
	z := ag.Param([]float64{3, 5}, 1, 2)
	ce, w, g := ag.CrossEntropy(z, labels), ag.Where(cond, z, ag.Neg(z)), ag.Gather(z, 1, index)
	labels[0], index[0], cond[0] = 1, 1, false
	require.Equal(t, [][]float64{{1, -1}}, grad(ag.Sum(w), z))
	require.Less(t, grad(ce, z)[0][0], 0.0)
	require.Equal(t, [][]float64{{1, 0}}, grad(g, z))
}

// freed reports that what the cleanup was attached to has become garbage.
func freed(flag *atomic.Bool) bool {
	for range 30 {
		runtime.GC()
		if flag.Load() {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

func watch(data []float64, flag *atomic.Bool) {
	runtime.AddCleanup(&data[0], func(int) { flag.Store(true) }, 0)
}

// What a Var must not keep alive, and what it must.
func TestMemory(t *testing.T) {
	big := func() V { return ag.Param(make([]float64, 1000)) }
	for _, c := range []struct {
		name string
		kept bool
		f    func(hidden V) V // a Var; the data of hidden is watched
	}{
		{"FloorSTE", false, func(h V) V { return ag.FloorSTE(h) }},
		{"ClipSTE", false, func(h V) V { return ag.ClipSTE(h, stepgrad.Down, 0, 1) }},
		{"Floor", false, func(h V) V { return ag.Floor(h) }},
		{"Add", false, func(h V) V { return ag.Add(h, big()) }},
		{"Scale", false, func(h V) V { return ag.Scale(h, 2) }},
		{"Sum", false, func(h V) V { return ag.Sum(h) }},
		{"Mean", false, func(h V) V { return ag.Mean(h, 0) }},
		{"Exp", false, func(h V) V { return ag.Exp(h) }},
		{"Softmax", false, func(h V) V { return ag.Softmax(h) }},
		{"LogSoftmax", false, func(h V) V { return ag.LogSoftmax(h) }},
		{"GumbelSoftmax", false, func(h V) V { return ag.GumbelSoftmax(h, 1, true, 1) }},
		{"ReLU", false, func(h V) V { return ag.ReLU(h) }},
		{"Slice", false, func(h V) V { return ag.Slice(h, 0, 1, 900) }},
		{"Gather", false, func(h V) V { return ag.Gather(h, 0, make([]int, 500)) }},
		{"Concat", false, func(h V) V { return ag.Concat(0, h, h) }},
		{"Where", false, func(h V) V { return ag.Where(make([]bool, 1000), h, h) }},
		{"SoftFloor", true, func(h V) V { return ag.SoftFloor(h, 1) }},
		{"Square", true, func(h V) V { return ag.Square(h) }},
		{"Mul", false, func(h V) V { return ag.Mul(h, ag.Const([]float64{2})) }},
		{"MulConst", true, func(h V) V { return ag.Mul(ag.Const(h.Data()), big()) }},
		{"Detach", false, func(h V) V { return ag.Detach(ag.Neg(h)) }},
		{"DetachSame", true, func(h V) V { return ag.Detach(h) }},
		{"Constant", false, func(h V) V { return ag.Square(ag.Detach(h)) }},
		{"Custom", false, func(h V) V {
			return ag.Custom("C", make([]float64, 1000), []int{1000}, func(dy V) []V { return []V{dy} }, h)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var gone atomic.Bool
			y := func() V {
				h := big()
				watch(h.Data(), &gone)
				return c.f(h)
			}()
			require.Equal(t, !c.kept, freed(&gone))
			runtime.KeepAlive(y)
		})
	}
}

// A running average grows without Detach, and with it does not.
func TestRunningAverage(t *testing.T) {
	w := ag.Param(make([]float64, 1000))
	for _, detach := range []bool{false, true} {
		var first atomic.Bool
		average := ag.Const(make([]float64, 1000))
		for i := range 50 {
			step := ag.Mul(w, w)
			if detach {
				step = ag.Detach(step)
			}
			average = ag.Add(ag.Scale(average, 0.9), ag.Square(step))
			if i == 0 {
				watch(step.Data(), &first)
			}
		}
		require.Equal(t, detach, freed(&first))
		runtime.KeepAlive(average)
	}
}

// What the backward pass costs in memory, beside the result itself.
func TestRetainedBytes(t *testing.T) {
	const n, rounds = 1 << 16, 20
	x := ag.Param(make([]float64, n))
	measure := func(f func() V) float64 {
		var before, after runtime.MemStats
		keep := make([]V, rounds)
		f()
		runtime.GC() // twice: what waits in a sync.Pool survives the first
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range keep {
			keep[i] = f()
		}
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(keep)
		return float64(after.HeapAlloc-before.HeapAlloc)/rounds/n - 8
	}
	require.InDelta(t, 0, measure(func() V { return ag.FloorSTE(x) }), 0.02, "FloorSTE keeps nothing")
	require.InDelta(t, 1.0/8, measure(func() V { return ag.ClipSTE(x, stepgrad.NearestEven, -8, 7) }), 0.02, "ClipSTE keeps one bit")
	require.InDelta(t, 0, measure(func() V { return ag.ClipSTE(ag.Detach(x), stepgrad.NearestEven, -8, 7) }), 0.02)
	require.InDelta(t, 0, measure(func() V { return ag.SoftRound(x, 3) }), 0.02, "SoftRound keeps x, which the test holds")
}

func TestConcurrent(t *testing.T) {
	w := ag.Param([]float64{0.3, 1.6, -0.7, 2.2})
	shared := ag.Sum(ag.Mul(ag.SmoothFloor(w, 0.2), ag.ClipSTE(w, stepgrad.Down, -1, 1)))
	model := func() V {
		h := ag.Add(ag.Softmax(ag.Reshape(w, 2, 2)), shared)
		return ag.Sum(ag.Mul(ag.Floor(h), ag.Square(h)))
	}
	second := func() []float64 {
		g := ag.Grad(model(), w)[0]
		return ag.Grad(ag.Sum(ag.Square(g)), w)[0].Data()
	}
	want, report := second(), ag.Explain(shared, w)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 20 {
				if got := second(); got[0] != want[0] || got[3] != want[3] {
					t.Errorf("got %v, want %v", got, want)
				}
				if r := ag.Explain(shared, w); r.ZeroShare[0] != report.ZeroShare[0] {
					t.Errorf("got %v, want %v", r, report)
				}
			}
		})
	}
	wait.Wait()
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The rule of an operand behind which there is no x is not called.
func TestNoNeedlessRules(t *testing.T) {
	const n = 1 << 16
	a, w := ag.Param([]float64{2}), ag.Param(make([]float64, n))
	p := ag.Mul(a, w)
	dy := ag.Const(make([]float64, n))
	require.Less(t, allocated(func() { ag.GradWith(p, dy, a) }), uint64(9*n))
	require.Greater(t, allocated(func() { ag.GradWith(p, dy, a, w) }), uint64(16*n))
}

// Many small slices of one tensor: their gradients are gathered in one buffer,
// and where they can be differentiated, they still can.
func TestManySlices(t *testing.T) {
	const n, m = 1000, 64
	x := ag.Param(make([]float64, n*m), n, m)
	rows := make([]V, 0, 2*n)
	for i := range n {
		rows = append(rows, ag.Slice(x, 0, i, i+1), ag.Gather(x, 0, []int{n - 1 - i}))
	}
	y := ag.Concat(0, rows...)
	dy := make([]float64, 2*n*m)
	for i := range dy {
		dy[i] = float64(i)
	}
	var g V
	require.Less(t, allocated(func() { g = ag.GradWith(y, ag.Const(dy, 2*n, m), x)[0] }), uint64(20*8*n*m))
	for i, v := range g.Data() {
		row, col := i/m, i%m
		require.Equal(t, dy[2*row*m+col]+dy[(2*(n-1-row)+1)*m+col], v)
	}
	require.NoError(t, ag.Check(func(xs ...V) V {
		x := ag.Square(xs[0])
		return ag.Square(ag.Concat(1, ag.Slice(x, 1, 0, 2), ag.Gather(x, 1, []int{1, 1}), ag.Slice(x, 1, 2, 3), ag.Gather(x, 1, []int{2, 0}), ag.Slice(x, -1, 0, 1)))
	}, 3, numbers(-2, 2, 2, 3)))
}
