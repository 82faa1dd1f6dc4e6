package stepgrad

import "github.com/stepgrad/stepgrad/kernels"

func fakeQuantizeBare[T Float](dst, x []T, q *kernels.Quant[T]) {
	for i, v := range x {
		dst[i], _ = q.Fake(v)
	}
}

func fakeQuantize[T Float](dst []T, mask []byte, x []T, q *kernels.Quant[T]) {
	var bits byte
	for i, v := range x {
		y, in := q.Fake(v)
		dst[i] = y
		if in {
			bits |= 1 << (i & 7)
		}
		if i&7 == 7 || i == len(x)-1 {
			mask[i>>3], bits = bits, 0
		}
	}
}

func fakeQuantizeGrad[T Float](dx, dy, x []T, q *kernels.Quant[T]) (dscale, dzero T) {
	var scales, zeros kernels.Tree[T]
	lanes := kernels.SumLanes[T]()
	for at := 0; at < len(x); at += kernels.SumBlock {
		var scale, zero [16]T
		for i := at; i < min(at+kernels.SumBlock, len(x)); i++ {
			d, s, z := q.Grad(dy[i], x[i])
			j := i % lanes
			scale[j], zero[j] = kernels.FMA(dy[i], s, scale[j]), kernels.FMA(dy[i], z, zero[j])
			dx[i] = d
		}
		scales.Add(kernels.Fold(scale[:lanes]))
		zeros.Add(kernels.Fold(zero[:lanes]))
	}
	return scales.Sum(), zeros.Sum()
}

func quantize[T Float, I Integer](dst []I, x []T, q *kernels.Quant[T]) {
	for i, v := range x {
		dst[i] = I(q.Int(v))
	}
}

func dequantize[T Float, I Integer](dst []T, x []I, q *kernels.Quant[T]) {
	for i, k := range x {
		dst[i] = q.Float(int32(k))
	}
}

// place is where element i of the packed ones lies: its byte and its shift.
func place(i int, order NibbleOrder) (at, shift int) {
	switch order {
	case LowFirst:
		return i / 2, i % 2 * 4
	case HighFirst:
		return i / 2, 4 - i%2*4
	}
	return i/32*16 + i%16, i % 32 / 16 * 4
}

func quantize4[T Float](dst []byte, x []T, q *kernels.Quant[T], order NibbleOrder) {
	clear(dst)
	for i, v := range x {
		at, shift := place(i, order)
		dst[at] |= byte(q.Int(v)&15) << shift
	}
}

func dequantize4[T Float](dst []T, x []byte, q *kernels.Quant[T], order NibbleOrder) {
	for i := range dst {
		at, shift := place(i, order)
		k := int32(x[at]>>shift) & 15
		if q.Min < 0 {
			k = k << 28 >> 28
		}
		dst[i] = q.Float(k)
	}
}

func minMax[T Float](x []T) (lo, hi T) { return kernels.MinMax(x) }
