package stepgrad_test

import (
	"hash"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

// eachWhole runs f on every kernel that is not elementwise.
func eachWhole[T cases.Float](t *testing.T, f func(t *testing.T, w *cases.Whole[T])) {
	for _, w := range cases.Wholes[T]() {
		t.Run(w.Name+"/"+cases.TypeName[T](), func(t *testing.T) { f(t, &w) })
	}
}

// TestWholesKnown: the catalogue and the calls list the same kernels.
func TestWholesKnown(t *testing.T) {
	var want, got []string
	for _, k := range kernels.All[len(kernels.Elementwise):] {
		require.Equal(t, kernels.Whole, k.Shape, k.Name)
		want = append(want, k.Name)
	}
	for _, k := range kernels.Elementwise {
		require.NotEqual(t, kernels.Whole, k.Shape, k.Name)
	}
	for _, w := range cases.Wholes[float64]() {
		got = append(got, w.Name)
	}
	assert.Equal(t, want, got)
}

// TestWholes compares every kernel that is not elementwise with its definition,
// on every tier, bit for bit: every way to call it on many inputs, and every
// length and offset in ways that take turns, with stores around the caches and
// without. Canaries surround the operands, which must not change.
func TestWholes(t *testing.T) {
	eachTier(t, func(t *testing.T) {
		eachWhole(t, conformWhole[float32])
		eachWhole(t, conformWhole[float64])
	})
}

func conformWhole[T cases.Float](t *testing.T, w *cases.Whole[T]) {
	in := cases.Inputs[T](cases.Rand(11), 5*randoms()/4) // more than a block of a sum, unless -short
	var arena cases.Arena
	check := func(way int, in []kernels.In[T]) {
		t.Helper()
		if err := cases.NewCall(&arena, w, way, in).Check(); err != nil {
			t.Fatalf("way %d of %d, %d elements, offset %d: %v", way, w.Ways, len(in), arena.Shift, err)
		}
	}
	for way := range w.Ways {
		if !testing.Short() || way%5 == 0 {
			check(way, in)
		}
	}
	offsets := 4
	if testing.Short() || isa.Name() == isa.NameGeneric {
		offsets = 1
	}
	turn := 0
	for _, n := range lengths() {
		for arena.Shift = range offsets {
			at := (n*37 + arena.Shift*101) % (len(in) - n)
			check(turn%w.Ways, in[at:at+n])
			turn++
		}
	}
	defer streamFrom(leastStream)()
	for n := leastStream - 1; n < 2*leastStream; n += 1 + n%4 {
		arena.Shift = n % 16
		check(turn%w.Ways, in[n%7:n%7+n])
		turn++
	}
}

// TestWholesGuarded runs them at every length against inaccessible pages.
func TestWholesGuarded(t *testing.T) {
	defer streamFrom(leastStream)()
	g := newGuarded(t)
	for _, g.flush = range []string{"start", "end"} {
		eachTier(t, func(t *testing.T) {
			eachWhole(t, func(t *testing.T, w *cases.Whole[float32]) { guardWhole(t, g, w) })
			eachWhole(t, func(t *testing.T, w *cases.Whole[float64]) { guardWhole(t, g, w) })
		})
	}
}

func guardWhole[T cases.Float](t *testing.T, g *guarded, w *cases.Whole[T]) {
	in := cases.Inputs[T](cases.Rand(12), 100)[:301]
	for turn, n := range lengths() {
		c := cases.NewCall(g, w, turn*7%w.Ways, in[:n])
		require.NoError(t, protected(c.Check), "n = %d, flush against the %s", n, g.flush)
	}
}

// TestWholesAllocate nothing.
func TestWholesAllocate(t *testing.T) {
	if raceBuild {
		t.Skip("what the detector is told of goes to the heap")
	}
	eachTier(t, func(t *testing.T) {
		eachWhole(t, allocateWhole[float32])
		eachWhole(t, allocateWhole[float64])
	})
}

func allocateWhole[T cases.Float](t *testing.T, w *cases.Whole[T]) {
	for _, way := range []int{0, w.Ways / 2, w.Ways - 1} {
		c := cases.NewCall(new(cases.Heap), w, way, cases.Inputs[T](cases.Rand(13), 1000))
		assert.Zero(t, testing.AllocsPerRun(3, c.Run), "way %d", way)
	}
}

func digestWhole[T cases.Float](h hash.Hash, name string, short bool) {
	w := cases.WholeByName[T](name)
	ways, n := w.Ways, 4500
	if short {
		ways, n = min(ways, 4), 150
	}
	in := cases.Inputs[T](cases.Rand(5), n)
	for way := range ways {
		cases.NewCall(new(cases.Heap), w, way, in).Digest(h)
	}
}

// TestHarness: the comparison sees a wrong result, a changed operand and a
// write outside.
func TestHarness(t *testing.T) {
	var room []int32
	for name, spoil := range map[string]func(x []int32){
		"is 0000": func([]int32) { room[1] = 0 },
		"changed": func(x []int32) { x[0]++ },
		"outside": func([]int32) { *(*int32)(unsafe.Add(unsafe.Pointer(&room[3]), 4)) = 1 },
	} {
		w := &cases.Whole[float32]{Ways: 1, Set: func(c *cases.Call, _ int, _ []kernels.In[float32]) {
			x := cases.Operand(c, "x", []int32{1, 2, 3, 4})
			dst := cases.Result(c, "dst", slices.Clone(x))
			c.Run = func() {
				copy(dst, x)
				room = dst
				spoil(x)
			}
		}}
		assert.ErrorContains(t, cases.NewCall(new(cases.Arena), w, 0, nil).Check(), name)
	}
}
