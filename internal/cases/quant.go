package cases

import (
	"math"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/kernels"
)

// A quantiser is a stepgrad.Quant and its definition.
type quantiser[T Float] struct {
	stepgrad.Quant[T]
	def kernels.Quant[T]
}

// quantisers has every mode under every rule, on ranges of all widths.
func quantisers[T Float]() (list []quantiser[T]) {
	ranges := [][3]int{ // zero, min, max
		{0, -128, 127}, {3, -128, 127}, {128, 0, 255}, {0, -8, 7}, {8, 0, 15}, {-127, -127, 127}, {0, 0, 1},
		{0, -32768, 32767}, {40000, 0, 65535}, {-5, -30, 100}, {200, 190, 255}, {-4, -8, 7},
	}
	huge := 1e30
	if !is32[T]() {
		huge = 1e300
	}
	scales := []float64{0.1, 1, 1. / 3, 0.0123, 7.25, 1. / 1024, 1 / huge, huge}
	i := 0
	add := func(scale T, m kernels.Mode, r kernels.Rule) {
		z := ranges[i%len(ranges)]
		q, err := stepgrad.NewQuant(scale, z[0], z[1], z[2], stepgrad.WithMode(m), stepgrad.WithRule(r))
		if err != nil {
			panic(err)
		}
		list = append(list, quantiser[T]{q, kernels.NewQuant(scale, z[0], z[1], z[2], m, r)})
		i++
	}
	for _, r := range []kernels.Rule{kernels.Reciprocal, kernels.Divide, kernels.ReciprocalZero} {
		add(T(scales[0]), kernels.NearestEven, r)
	}
	for m := kernels.Down; m.Valid(); m++ {
		for _, r := range []kernels.Rule{kernels.Reciprocal, kernels.Divide, kernels.ReciprocalZero} {
			add(T(scales[i%len(scales)]), m, r)
		}
	}
	add(FromBits[T](3), kernels.NearestEven, kernels.Divide) // a subnormal scale
	add(FromBits[T](Bits(T(math.Inf(1)))-1), kernels.NearestAway, kernels.Reciprocal)
	return list
}

// scaled puts half of the elements where a quantiser makes a difference: from a
// quarter below its range to a quarter above, on quarters of a step.
func scaled[T Float](q kernels.Quant[T], in []kernels.In[T]) []T {
	x := Xs(in)
	for i := range x {
		if h := uint32(Bits(in[i].X)>>(i%8)) * 2654435761; i%2 == 1 {
			width := 4 * (float64(q.Max) - float64(q.Min))
			level := float64(q.Min) - width/16 + math.Floor(float64(h)/(1<<32)*width*1.125)/4
			x[i] = T((level - float64(q.Zero)) * float64(q.Scale))
		}
	}
	return x
}

func quantWholes[T Float]() []Whole[T] {
	qs := quantisers[T]()
	return []Whole[T]{
		{"FakeQuantize", 3 * len(qs), func(c *Call, way int, in []kernels.In[T]) {
			q := qs[way%len(qs)]
			placeFake(c, way/len(qs), scaled(q.def, in), func(int) *kernels.Quant[T] { return &q.def },
				func(dst []T, mask []byte, x []T) { stepgrad.FakeQuantize(dst, mask, x, q.Quant) })
		}},
		{"FakeQuantizeGrad", 3 * len(qs), func(c *Call, way int, in []kernels.In[T]) {
			q := qs[way%len(qs)]
			x, dy := scaled(q.def, in), calm(in)
			want, scale, zero := gradOf(dy, x, &q.def)
			got := new([2]T)
			Scalar(c, "dscale", &got[0], scale)
			Scalar(c, "dzero", &got[1], zero)
			dx, dy, x := placeGrad(c, way/len(qs), want, dy, x)
			c.Run = func() { got[0], got[1] = stepgrad.FakeQuantizeGrad(dx, dy, x, q.Quant) }
		}},
		{"Quantize", 4 * len(qs), func(c *Call, way int, in []kernels.In[T]) {
			q := qs[way%len(qs)]
			switch kind := way / len(qs); {
			case kind == 0 && q.def.Min >= math.MinInt8 && q.def.Max <= math.MaxInt8:
				placeQuantize[T, int8](c, q, in)
			case kind == 1 && q.def.Min >= 0 && q.def.Max <= math.MaxUint8:
				placeQuantize[T, uint8](c, q, in)
			case q.def.Min >= math.MinInt16 && q.def.Max <= math.MaxInt16 && (kind < 3 || q.def.Min < 0):
				placeQuantize[T, int16](c, q, in)
			default:
				placeQuantize[T, uint16](c, q, in)
			}
		}},
		{"Dequantize", 4 * len(qs), func(c *Call, way int, in []kernels.In[T]) {
			q := qs[way%len(qs)]
			switch kind := way / len(qs); {
			case kind == 0 && q.def.Min >= math.MinInt8 && q.def.Max <= math.MaxInt8:
				placeDequantize[T, int8](c, q, in)
			case kind == 1 && q.def.Min >= 0 && q.def.Max <= math.MaxUint8:
				placeDequantize[T, uint8](c, q, in)
			case q.def.Min >= math.MinInt16 && q.def.Max <= math.MaxInt16 && (kind < 3 || q.def.Min < 0):
				placeDequantize[T, int16](c, q, in)
			default:
				placeDequantize[T, uint16](c, q, in)
			}
		}},
		{"Quantize4", 3 * len(qs), func(c *Call, way int, in []kernels.In[T]) {
			q, order := four(qs[way%len(qs)], way), stepgrad.NibbleOrder(way/len(qs))
			if order == stepgrad.SplitHalf {
				in = in[:len(in)/32*32]
			}
			x := scaled(q.def, in)
			want := make([]byte, (len(x)+1)/2)
			for i, v := range x {
				at, shift := nibble(i, order)
				want[at] |= byte(q.def.Int(v)) & 15 << shift
			}
			dst, x := Result(c, "dst", want), Operand(c, "x", x)
			c.Run = func() { stepgrad.Quantize4(dst, x, q.Quant, order) }
		}},
		{"Dequantize4", 3 * len(qs), func(c *Call, way int, in []kernels.In[T]) {
			q, order := four(qs[way%len(qs)], way), stepgrad.NibbleOrder(way/len(qs))
			n := len(in)
			if order == stepgrad.SplitHalf {
				n = n / 32 * 32
			}
			packed := make([]byte, (n+1)/2)
			for i := range packed {
				packed[i] = byte(Bits(in[i].X)>>3) ^ byte(i*37)
			}
			want := make([]T, n)
			for i := range want {
				at, shift := nibble(i, order)
				k := int32(packed[at]>>shift) & 15
				if q.def.Min < 0 && k >= 8 {
					k -= 16
				}
				want[i] = q.def.Float(k)
			}
			dst, x := Result(c, "dst", want), Operand(c, "x", packed)
			c.Run = func() { stepgrad.Dequantize4(dst, x, n, q.Quant, order) }
		}},
		{"MinMax", 1, func(c *Call, _ int, in []kernels.In[T]) {
			x := Operand(c, "x", Xs(in))
			lo, hi := kernels.MinMax(x)
			got := new([2]T)
			Scalar(c, "lo", &got[0], lo)
			Scalar(c, "hi", &got[1], hi)
			c.Run = func() { got[0], got[1] = stepgrad.MinMax(x) }
		}},
		{"FakeQuantizeRows", 3 * 4, func(c *Call, way int, in []kernels.In[T]) {
			r := rowsOf(qs, way%4, in)
			placeFake(c, way/4, r.x, func(i int) *kernels.Quant[T] { return &r.defs[r.group(i)] },
				func(dst []T, mask []byte, x []T) { stepgrad.FakeQuantizeRows(dst, mask, x, r.cols, r.size, r.qs) })
		}},
		{"FakeQuantizeGradRows", 3 * 4, func(c *Call, way int, in []kernels.In[T]) {
			r := rowsOf(qs, way%4, in)
			dy := calm(in)[:len(r.x)]
			want, scale, zero := make([]T, len(dy)), make([]T, len(r.qs)), make([]T, len(r.qs))
			for at := 0; at < len(dy); {
				to, g := at+1, r.group(at)
				for to < len(dy) && r.group(to) == g {
					to++
				}
				var part []T
				part, scale[g], zero[g] = gradOf(dy[at:to], r.x[at:to], &r.defs[g])
				copy(want[at:], part)
				at = to
			}
			dx, dy, x := placeGrad(c, way/4, want, dy, r.x)
			dscale, dzero := Result(c, "dscale", scale), Result(c, "dzero", zero)
			c.Run = func() { stepgrad.FakeQuantizeGradRows(dx, dy, x, r.cols, r.size, r.qs, dscale, dzero) }
		}},
		{"QuantizeRows", 4, func(c *Call, way int, in []kernels.In[T]) {
			r := rowsOf(signed(qs), way, in)
			want := make([]int16, len(r.x))
			for i, v := range r.x {
				want[i] = int16(r.defs[r.group(i)].Int(v))
			}
			dst, x := Result(c, "dst", want), Operand(c, "x", r.x)
			c.Run = func() { stepgrad.QuantizeRows(dst, x, r.cols, r.size, r.qs) }
		}},
		{"Quantize4Rows", 4, func(c *Call, way int, in []kernels.In[T]) {
			r, order := rowsOf4(qs, way, in)
			want := make([]byte, len(r.x)/2)
			for i, v := range r.x {
				at, shift := nibble(i, order)
				want[at] |= byte(r.defs[r.group(i)].Int(v)) & 15 << shift
			}
			dst, x := Result(c, "dst", want), Operand(c, "x", r.x)
			c.Run = func() { stepgrad.Quantize4Rows(dst, x, r.cols, r.size, r.qs, order) }
		}},
		{"Dequantize4Rows", 4, func(c *Call, way int, in []kernels.In[T]) {
			r, order := rowsOf4(qs, way, in)
			packed, want := make([]byte, len(r.x)/2), make([]T, len(r.x))
			for i := range packed {
				packed[i] = byte(Bits(in[i].X)>>3) ^ byte(i*37)
			}
			for i := range want {
				at, shift := nibble(i, order)
				q := &r.defs[r.group(i)]
				k := int32(packed[at]>>shift) & 15
				if q.Min < 0 && k >= 8 {
					k -= 16
				}
				want[i] = q.Float(k)
			}
			dst, x := Result(c, "dst", want), Operand(c, "x", packed)
			c.Run = func() { stepgrad.Dequantize4Rows(dst, x, r.cols, r.size, r.qs, order) }
		}},
		{"DequantizeRows", 4, func(c *Call, way int, in []kernels.In[T]) {
			r := rowsOf(signed(qs), way, in)
			k, want := make([]int16, len(r.x)), make([]T, len(r.x))
			for i := range k {
				k[i] = int16(Bits(in[i].X) >> 5)
				want[i] = r.defs[r.group(i)].Float(int32(k[i]))
			}
			dst, x := Result(c, "dst", want), Operand(c, "x", k)
			c.Run = func() { stepgrad.DequantizeRows(dst, x, r.cols, r.size, r.qs) }
		}},
	}
}

// placeFake places the operands of FakeQuantize: with a mask, without, in place.
func placeFake[T Float](c *Call, layout int, x []T, q func(i int) *kernels.Quant[T], call func(dst []T, mask []byte, x []T)) {
	want, bits := make([]T, len(x)), make([]byte, (len(x)+7)/8)
	for i, v := range x {
		y, in := q(i).Fake(v)
		want[i] = y
		setBit(bits, i, in)
	}
	src := Operand(c, "x", x)
	dst, mask := src, []byte(nil)
	if layout == 2 {
		Becomes(c, "dst", src, want)
	} else {
		dst = Result(c, "dst", want)
	}
	if layout != 1 {
		mask = Result(c, "mask", bits)
	}
	c.Run = func() { call(dst, mask, src) }
}

// gradOf is the definition of FakeQuantizeGrad.
func gradOf[T Float](dy, x []T, q *kernels.Quant[T]) (dx []T, dscale, dzero T) {
	dx = make([]T, len(x))
	dscale, dzero = q.Grads(dx, dy, x)
	return dx, dscale, dzero
}

// placeGrad places the operands of FakeQuantizeGrad: apart, over dy, over x.
func placeGrad[T Float](c *Call, layout int, want, dy, x []T) (pdx, pdy, px []T) {
	pdy, px = Operand(c, "dy", dy), Operand(c, "x", x)
	switch layout {
	case 1:
		Becomes(c, "dx", pdy, want)
		return pdy, pdy, px
	case 2:
		Becomes(c, "dx", px, want)
		return px, pdy, px
	}
	return Result(c, "dx", want), pdy, px
}

// calm is dy without most of the NaN and ±Inf, which would make every sum NaN.
func calm[T Float](in []kernels.In[T]) []T {
	dy := Dys(in)
	for i, v := range dy {
		if v-v != 0 && len(in)%7 != 3 {
			dy[i] = T(i) - 3
		}
	}
	return dy
}

func placeQuantize[T Float, I stepgrad.Integer](c *Call, q quantiser[T], in []kernels.In[T]) {
	x := scaled(q.def, in)
	want := make([]I, len(x))
	for i, v := range x {
		want[i] = I(q.def.Int(v))
	}
	dst, x := Result(c, "dst", want), Operand(c, "x", x)
	c.Run = func() { stepgrad.Quantize(dst, x, q.Quant) }
}

func placeDequantize[T Float, I stepgrad.Integer](c *Call, q quantiser[T], in []kernels.In[T]) {
	k, want := make([]I, len(in)), make([]T, len(in))
	for i := range k {
		k[i] = I(Bits(in[i].X)>>4) ^ I(i*201)
		want[i] = q.def.Float(int32(k[i]))
	}
	dst, x := Result(c, "dst", want), Operand(c, "x", k)
	c.Run = func() { stepgrad.Dequantize(dst, x, q.Quant) }
}

// four is q with levels of four bits.
func four[T Float](q quantiser[T], way int) quantiser[T] {
	z := [][3]int{{0, -8, 7}, {8, 0, 15}, {-3, -7, 7}}[way%3]
	narrow, err := stepgrad.NewQuant(q.Scale(), z[0], z[1], z[2], stepgrad.WithMode(q.Mode()), stepgrad.WithRule(q.Rule()))
	if err != nil {
		panic(err)
	}
	return quantiser[T]{narrow, kernels.NewQuant(q.Scale(), z[0], z[1], z[2], q.Mode(), q.Rule())}
}

func nibble(i int, order stepgrad.NibbleOrder) (at, shift int) {
	switch order {
	case stepgrad.LowFirst:
		return i / 2, i % 2 * 4
	case stepgrad.HighFirst:
		return i / 2, 4 - i%2*4
	}
	return i/32*16 + i%16, i % 32 / 16 * 4
}

// signed are the quantisers whose levels fit int16.
func signed[T Float](qs []quantiser[T]) (list []quantiser[T]) {
	for _, q := range qs {
		if q.def.Max <= math.MaxInt16 {
			list = append(list, q)
		}
	}
	return list
}

// rows is a matrix with a quantiser for every group.
type rows[T Float] struct {
	x          []T
	cols, size int // of a row, of a group
	qs         []stepgrad.Quant[T]
	defs       []kernels.Quant[T]
}

func rowsOf[T Float](from []quantiser[T], way int, in []kernels.In[T]) *rows[T] {
	return rowsIn([][2]int{{24, 24}, {37, 8}, {13, 5}, {100, 32}}[way], from, way, in)
}

// rowsOf4 is rowsOf with levels of four bits, and an order.
func rowsOf4[T Float](from []quantiser[T], way int, in []kernels.In[T]) (*rows[T], stepgrad.NibbleOrder) {
	narrow := make([]quantiser[T], len(from))
	for i, q := range from {
		narrow[i] = four(q, i)
	}
	order := []stepgrad.NibbleOrder{stepgrad.SplitHalf, stepgrad.LowFirst, stepgrad.HighFirst, stepgrad.LowFirst}[way]
	return rowsIn([][2]int{{32, 32}, {38, 8}, {14, 6}, {100, 32}}[way], narrow, way, in), order
}

func rowsIn[T Float](shape [2]int, from []quantiser[T], way int, in []kernels.In[T]) *rows[T] {
	r := &rows[T]{cols: shape[0], size: shape[1]}
	n := len(in) / r.cols * r.cols
	for g := range n / r.cols * ((r.cols-1)/r.size + 1) {
		q := from[(g*5+way)%len(from)]
		r.qs, r.defs = append(r.qs, q.Quant), append(r.defs, q.def)
	}
	r.x = make([]T, n)
	for i := range r.x {
		r.x[i] = scaled(r.defs[r.group(i)], in[i/2*2:i/2*2+min(2, len(in)-i/2*2)])[i%2]
	}
	return r
}

// group is the group of element i.
func (r *rows[T]) group(i int) int {
	return i/r.cols*((r.cols-1)/r.size+1) + i%r.cols/r.size
}
