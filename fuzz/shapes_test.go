package fuzz

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/internal/cases"
)

// shapeOf makes a shape of up to 4 axes, some of them empty.
func shapeOf(dims uint16) []int {
	s := make([]int, dims%5)
	for k := range s {
		s[k] = []int{1, 2, 3, 4, 5, 2, 3, 0}[dims/5>>(3*k)&7]
	}
	return s
}

func sizeOf(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// position is where element i of a tensor lies on each axis, offset the way
// back.
func position(shape []int, i int) []int {
	at := make([]int, len(shape))
	for k := len(shape) - 1; k >= 0; k-- {
		at[k], i = i%shape[k], i/shape[k]
	}
	return at
}

func offset(shape, at []int) (i int) {
	for k, d := range shape {
		i = i*d + at[k]
	}
	return i
}

// FuzzReduce compares Sum and Mean over any axes with loops.
func FuzzReduce(f *testing.F) {
	for i := range uint16(24) {
		f.Add(i%2 == 0, i%3 == 0, i*2731, uint8(i*11), specials[float32](int(i), 30))
	}
	f.Fuzz(func(t *testing.T, double, raw bool, dims uint16, axes uint8, data []byte) {
		if double {
			checkReduce[float64](t, raw, shapeOf(dims), axes, data)
		} else {
			checkReduce[float32](t, raw, shapeOf(dims), axes, data)
		}
	})
}

func checkReduce[T cases.Float](t *testing.T, raw bool, shape []int, bits uint8, data []byte) {
	var axes []int // the low half of bits picks them, the high half counts from the end
	kept, gone := []int{}, make([]bool, len(shape))
	for k := range shape {
		if bits>>k&1 != 0 {
			axes, gone[k] = append([]int{k - int(bits>>(k+4)&1)*len(shape)}, axes...), true
		}
	}
	n := 1
	for k, d := range shape {
		if gone[k] = gone[k] || len(axes) == 0; gone[k] {
			n *= d
		} else {
			kept = append(kept, d)
		}
	}
	x := numbers[T](data, sizeOf(shape)+sizeOf(kept))
	if !raw {
		tame(x, 1e3)
	}
	x, dy := x[:sizeOf(shape)], x[sizeOf(shape):]
	leaf := ag.Param(x)
	sum, mean := ag.Sum(ag.Reshape(leaf, shape...), axes...), ag.Mean(ag.Reshape(leaf, shape...), axes...)
	require.Equal(t, kept, sum.Shape())
	require.Equal(t, kept, mean.Shape())
	up := ag.Reshape(ag.Const(dy), kept...)
	dSum, dMean := ag.GradWith(sum, up, leaf)[0], ag.GradWith(mean, up, leaf)[0]
	totals := make([]total, len(dy))
	for i := range x {
		var at []int
		for k, p := range position(shape, i) {
			if !gone[k] {
				at = append(at, p)
			}
		}
		o := offset(kept, at)
		totals[o].add(float64(x[i]))
		same(t, dy[o], dSum.Data()[i], "gradient of Sum", i)
		same(t, dy[o]/T(n), dMean.Data()[i], "gradient of Mean", i)
	}
	for o, s := range totals {
		check(t, s, true, sum.Data()[o], "Sum")
		same(t, sum.Data()[o]/T(n), mean.Data()[o], "Mean", o)
	}
}

// FuzzShapes runs a program of operations that move elements, and follows each
// element by its position.
func FuzzShapes(f *testing.F) {
	for i := range uint16(40) {
		f.Add(i%2 == 0, i*1637, []byte{byte(i), byte(i * 37), byte(i * 91), byte(i * 7), byte(i * 53)}, specials[float32](int(i), 30))
		f.Add(i%2 == 0, i*1637+2, []byte{137 + byte(i)*8, 4, 177, 4, 115 + byte(i)*16, 4, 249, 4, 139, 4, 121}, specials[float64](int(i), 30))
	}
	f.Fuzz(func(t *testing.T, double bool, dims uint16, program, data []byte) {
		if double {
			checkShapes[float64](t, shapeOf(dims), program, data)
		} else {
			checkShapes[float32](t, shapeOf(dims), program, data)
		}
	})
}

func checkShapes[T cases.Float](t *testing.T, shape []int, program, data []byte) {
	const large = 300
	x := numbers[T](data, sizeOf(shape))
	leaf := ag.Param(x)
	start, identity := ag.Reshape(leaf, shape...), make([]int, len(x))
	for i := range identity {
		identity[i] = i
	}
	v, from := start, identity // element i of v is x[from[i]]
	var outputs []*ag.Var[T]
	var origin []int // of the elements of outputs
	for i, code := range program[:min(len(program), 12)] {
		old, rank, arg := v.Shape(), len(v.Shape()), int(code)/8
		to, source := slices.Clone(old), func(at []int) {} // source turns a position in v into the one before
		var k, axis, lo, hi int
		if rank > 0 {
			k = arg % rank
			axis = k - i%2*rank
			lo = arg / 3 % (old[k] + 1)
			hi = lo + arg/5%(old[k]-lo+1)
		}
		switch op := code % 8; {
		case op == 0 && rank >= 2:
			v = ag.Transpose(v)
			to[rank-1], to[rank-2] = to[rank-2], to[rank-1]
			source = func(at []int) { at[rank-1], at[rank-2] = at[rank-2], at[rank-1] }
		case op == 1 && rank > 0:
			v = ag.Slice(v, axis, lo, hi)
			to[k] = hi - lo
			source = func(at []int) { at[k] += lo }
		case op == 2 && rank > 0 && v.Len() < large:
			v = ag.Concat(axis, ag.Slice(v, axis, lo, hi), v)
			to[k] += hi - lo
			source = func(at []int) {
				if at[k] += lo; at[k] >= hi {
					at[k] -= hi
				}
			}
		case op == 3 && rank > 0 && v.Len() < large:
			var index []int
			for _, c := range program[:min(len(program), arg%7)] {
				if old[k] > 0 {
					index = append(index, int(c)%old[k])
				}
			}
			v = ag.Gather(v, axis, index)
			to[k] = len(index)
			source = func(at []int) { at[k] = index[at[k]] }
		case op == 4:
			outputs, origin = append(outputs, ag.Reshape(v, v.Len())), append(origin, from...)
			v, from = start, identity // gradients of several uses meet there
			continue
		default: // the order of elements stays, whatever the shape
			slices.Reverse(to)
			if op > 6 && rank < 5 {
				to = append(to, 1)
			}
			v, old = ag.Reshape(v, to...), to
		}
		require.Equal(t, to, v.Shape())
		before := from
		from = make([]int, v.Len())
		for o := range from {
			at := position(to, o)
			source(at)
			from[o] = before[offset(old, at)]
		}
	}
	y := ag.Concat(0, append(outputs, ag.Reshape(v, v.Len()))...)
	origin = append(origin, from...)
	// Small integers add up exactly in any order.
	dy := tame(numbers[T](data, 2*len(origin))[len(origin):], 100)
	for i, d := range dy {
		dy[i] = T(math.Trunc(float64(d) * 1.5))
	}
	dx := ag.GradWith(y, ag.Const(dy), leaf)[0]
	want := make([]T, len(x))
	for o, i := range origin {
		same(t, x[i], y.Data()[o], "value", o)
		want[i] += dy[o]
	}
	for i, d := range dx.Data() {
		same(t, want[i], d+0, "gradient", i) // + 0: the sign of zero is lost in sums
	}
}
