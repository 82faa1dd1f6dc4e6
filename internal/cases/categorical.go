package cases

import (
	"math"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/kernels"
)

// rowSizes are lengths of rows: many in a block, one, one of several blocks, and
// one whose sum is that of several blocks.
var rowSizes = []int{1, 2, 10, 16, 37, 128, 256, 257, 1000, 4096, 5000}

// logits are whole rows, among them ones with −Inf and +Inf, with nothing but
// −Inf, and with NaN; most are numbers between −10 and 10, 100 or 1000.
func logits[T Float](in []kernels.In[T], cols int) []T {
	x := Xs(in[:len(in)/cols*cols])
	inf := T(math.Inf(1))
	for i := range x {
		row := i / cols
		h := uint32(Bits(x[i])>>(i%8)) * 2654435761
		v := T((float64(h)/(1<<31) - 1) * []float64{10, 100, 1000}[row%3])
		kind := (row*7 + cols + row/8) % 12
		switch {
		case kind == 0 && h%5 == 0: // any float
			continue
		case kind == 1 && h%4 == 0:
			v = -inf
		case kind == 2 && h%3 == 0:
			v = inf
		case kind == 3:
			v = -inf
		case kind == 4 && i%cols == cols/2:
			v = T(math.NaN())
		case kind == 5 && i%cols >= cols/2:
			v = []T{-inf, T(math.NaN())}[row%2]
		case kind == 6:
			v = T(int(v) / 8) // ties
		case kind == 7:
			v = -max(v, 0) // many −0 are the largest
		}
		x[i] = v
	}
	return x
}

// byRow is what the definition makes of every row.
func byRow[T Float](n, cols int, f func(dst []T, from, to int)) []T {
	want := make([]T, n)
	for at := 0; at < n; at += cols {
		f(want[at:at+cols], at, at+cols)
	}
	return want
}

func categoricalWholes[T Float]() []Whole[T] {
	of := func(name string, call func(dst, x []T, cols int), row func(dst, x []T)) Whole[T] {
		return Whole[T]{name, 2 * len(rowSizes), func(c *Call, way int, in []kernels.In[T]) {
			cols := rowSizes[way/2]
			x := logits(in, cols)
			placeRows(c, way%2 == 1, x, byRow(len(x), cols, func(dst []T, from, to int) { row(dst, x[from:to]) }),
				func(dst, x []T) { call(dst, x, cols) })
		}}
	}
	taus := []T{1, 0, 0.5, 3, T(math.Inf(1)), FromBits[T](1), 1e-3}
	return []Whole[T]{
		of("Softmax", stepgrad.Softmax[T], func(dst, x []T) { kernels.Softmax(dst, x, 1) }),
		of("LogSoftmax", stepgrad.LogSoftmax[T], kernels.LogSoftmax[T]),
		{"SoftmaxGrad", 3 * len(rowSizes), func(c *Call, way int, in []kernels.In[T]) {
			cols := rowSizes[way/3]
			x := logits(in, cols)
			y := byRow(len(x), cols, func(dst []T, from, to int) { kernels.Softmax(dst, x[from:to], 1) })
			dy := calm(in)[:len(x)]
			want := byRow(len(x), cols, func(dst []T, from, to int) { kernels.SoftmaxGrad(dst, dy[from:to], y[from:to]) })
			dst, dy, y := placeGrad(c, way%3, want, dy, y)
			c.Run = func() { stepgrad.SoftmaxGrad(dst, dy, y, cols) }
		}},
		{"GumbelSoftmax", 2 * len(rowSizes), func(c *Call, way int, in []kernels.In[T]) {
			cols, tau := rowSizes[way/2], taus[way%len(taus)]
			seed, offset := uint64(way), uint64(way*way)-30
			x := logits(in, cols)
			want := byRow(len(x), cols, func(dst []T, from, to int) {
				z := make([]T, to-from)
				for i := range z {
					z[i] = x[from+i] + kernels.Gumbel[T](kernels.RandomElement[T](seed, offset+uint64(from+i)))
				}
				if tau == 0 {
					kernels.ArgmaxOneHot(dst, z)
				} else {
					kernels.Softmax(dst, z, tau)
				}
			})
			placeRows(c, way%2 == 1, x, want, func(dst, x []T) { stepgrad.GumbelSoftmax(dst, x, cols, tau, seed, offset) })
		}},
		of("ArgmaxOneHot", stepgrad.ArgmaxOneHot[T], kernels.ArgmaxOneHot[T]),
	}
}

// placeRows places the operands of a call: in place or apart.
func placeRows[T Float](c *Call, inPlace bool, x, want []T, call func(dst, x []T)) {
	src := Operand(c, "x", x)
	dst := src
	if inPlace {
		Becomes(c, "dst", src, want)
	} else {
		dst = Result(c, "dst", want)
	}
	c.Run = func() { call(dst, src) }
}
