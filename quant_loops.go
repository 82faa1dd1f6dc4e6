package stepgrad

import (
	"encoding/binary"
	"unsafe"

	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

// What the quant kernels are made of: loops of machine code over floats, and
// the order in which sums are taken. The loops that store integers or reduce
// take whole groups of elements, 64 bytes of floats; what is left over goes
// through a group on the stack.

const mostLanes = 16 // of a group

func q32[T Float](q *kernels.Quant[T]) *kernels.Quant[float32] {
	return (*kernels.Quant[float32])(unsafe.Pointer(q))
}

func q64[T Float](q *kernels.Quant[T]) *kernels.Quant[float64] {
	return (*kernels.Quant[float64])(unsafe.Pointer(q))
}

func fakeQuantizeBare[T Float](dst, x []T, q *kernels.Quant[T]) {
	if is32[T]() {
		fakeQuantizeBareF32(p32(dst), p32(x), len(x), q32(q))
	} else {
		fakeQuantizeBareF64(p64(dst), p64(x), len(x), q64(q))
	}
}

func fakeQuantize[T Float](dst []T, mask []byte, x []T, q *kernels.Quant[T]) {
	if is32[T]() {
		fakeQuantizeF32(p32(dst), pByte(mask), p32(x), len(x), q32(q))
	} else {
		fakeQuantizeF64(p64(dst), pByte(mask), p64(x), len(x), q64(q))
	}
}

func fakeQuantizeGrad[T Float](dx, dy, x []T, q *kernels.Quant[T]) (dscale, dzero T) {
	if len(x) <= kernels.SumBlock {
		return fakeQuantizeBlock(dx, dy, x, q)
	}
	var scales, zeros kernels.Tree[T]
	for at := 0; at < len(x); at += kernels.SumBlock {
		to := min(at+kernels.SumBlock, len(x))
		scale, zero := fakeQuantizeBlock(dx[at:to], dy[at:to], x[at:to], q)
		scales.Add(scale)
		zeros.Add(zero)
	}
	return scales.Sum(), zeros.Sum()
}

func fakeQuantizeBlock[T Float](dx, dy, x []T, q *kernels.Quant[T]) (dscale, dzero T) {
	lanes := kernels.SumLanes[T]()
	full := len(x) / lanes * lanes
	var sums [2 * mostLanes]T
	fakeQuantizeSums(dx[:full], dy[:full], x[:full], q, &sums)
	if full < len(x) { // zeros add nothing
		var rest [3][mostLanes]T
		copy(rest[1][:], dy[full:])
		copy(rest[2][:], x[full:])
		fakeQuantizeSums(rest[0][:lanes], rest[1][:lanes], rest[2][:lanes], q, &sums)
		copy(dx[full:], rest[0][:])
	}
	return kernels.Fold(sums[:lanes]), 0 - T(kernels.Fold(sums[lanes:2*lanes])*q.Scale)
}

func fakeQuantizeSums[T Float](dx, dy, x []T, q *kernels.Quant[T], sums *[2 * mostLanes]T) {
	if is32[T]() {
		fakeQuantizeSumsF32(p32(dx), p32(x), p32(dy), len(x), q32(q), p32(sums[:]))
	} else {
		fakeQuantizeSumsF64(p64(dx), p64(x), p64(dy), len(x), q64(q), p64(sums[:]))
	}
}

func fakeQuantizeSumsGeneric[T Float](dst, x, y *T, n int, q *kernels.Quant[T], sums *T) {
	lanes := kernels.SumLanes[T]()
	dx, s, dy, sum := unsafe.Slice(dst, n), unsafe.Slice(x, n), unsafe.Slice(y, n), unsafe.Slice(sums, 2*lanes)
	for i, v := range s {
		d, j := dy[i], i%lanes
		var scale, out T
		dx[i], scale, out = q.Grad(d, v)
		sum[j] = kernels.FMA(d, scale, sum[j])
		sum[lanes+j] += out
	}
}

func quantize[T Float, I Integer](dst []I, x []T, q *kernels.Quant[T]) {
	lanes := kernels.SumLanes[T]()
	if len(x) >= lanes {
		full := len(x) / lanes * lanes
		quantizeGroups(dst[:full], x[:full], q)
		if full < len(x) { // the last group, some of it once more
			quantizeGroups(dst[len(x)-lanes:], x[len(x)-lanes:], q)
		}
		return
	}
	var ints [mostLanes]I
	var rest [mostLanes]T
	copy(rest[:], x)
	quantizeGroups(ints[:lanes], rest[:lanes], q)
	copy(dst, ints[:])
}

func quantizeGroups[T Float, I Integer](dst []I, x []T, q *kernels.Quant[T]) {
	d := unsafe.Pointer(unsafe.SliceData(dst))
	switch wide := unsafe.Sizeof(*new(I)) == 2; {
	case is32[T]() && wide:
		quantize16F32((*uint16)(d), p32(x), len(x), q32(q))
	case is32[T]():
		quantize8F32((*uint8)(d), p32(x), len(x), q32(q))
	case wide:
		quantize16F64((*uint16)(d), p64(x), len(x), q64(q))
	default:
		quantize8F64((*uint8)(d), p64(x), len(x), q64(q))
	}
}

func quantize8Generic[T Float](dst *uint8, x *T, n int, q *kernels.Quant[T]) {
	d := unsafe.Slice(dst, n)
	for i, v := range unsafe.Slice(x, n) {
		d[i] = uint8(q.Int(v))
	}
}

func quantize16Generic[T Float](dst *uint16, x *T, n int, q *kernels.Quant[T]) {
	d := unsafe.Slice(dst, n)
	for i, v := range unsafe.Slice(x, n) {
		d[i] = uint16(q.Int(v))
	}
}

func dequantize[T Float, I Integer](dst []T, x []I, q *kernels.Quant[T]) {
	lanes := kernels.SumLanes[T]()
	if len(x) >= lanes {
		from := 0
		if len(x) >= isa.Stream64 { // stores around the caches want dst aligned
			if ahead := int(-addr(dst) & 63 / unsafe.Sizeof(dst[0])); ahead > 0 {
				dequantizeGroups(dst[:lanes], x[:lanes], q)
				from = ahead
			}
		}
		to := from + (len(x)-from)/lanes*lanes
		dequantizeGroups(dst[from:to], x[from:to], q)
		if to < len(x) {
			dequantizeGroups(dst[len(x)-lanes:], x[len(x)-lanes:], q)
		}
		return
	}
	var ints [mostLanes]I
	var rest [mostLanes]T
	copy(ints[:], x)
	dequantizeGroups(rest[:lanes], ints[:lanes], q)
	copy(dst, rest[:])
}

func dequantizeGroups[T Float, I Integer](dst []T, x []I, q *kernels.Quant[T]) {
	p, n := unsafe.Pointer(unsafe.SliceData(x)), len(x)
	var negative I
	negative--
	switch bits := 8 * unsafe.Sizeof(negative); {
	case is32[T]() && bits == 8 && negative < 0:
		dequantizeInt8F32(p32(dst), (*int8)(p), n, q32(q))
	case is32[T]() && bits == 8:
		dequantizeUint8F32(p32(dst), (*uint8)(p), n, q32(q))
	case is32[T]() && negative < 0:
		dequantizeInt16F32(p32(dst), (*int16)(p), n, q32(q))
	case is32[T]():
		dequantizeUint16F32(p32(dst), (*uint16)(p), n, q32(q))
	case bits == 8 && negative < 0:
		dequantizeInt8F64(p64(dst), (*int8)(p), n, q64(q))
	case bits == 8:
		dequantizeUint8F64(p64(dst), (*uint8)(p), n, q64(q))
	case negative < 0:
		dequantizeInt16F64(p64(dst), (*int16)(p), n, q64(q))
	default:
		dequantizeUint16F64(p64(dst), (*uint16)(p), n, q64(q))
	}
}

func dequantizeGeneric[T Float, I Integer](dst *T, x *I, n int, q *kernels.Quant[T]) {
	d := unsafe.Slice(dst, n)
	for i, k := range unsafe.Slice(x, n) {
		d[i] = q.Float(int32(k))
	}
}

func dequantizeInt8Generic[T Float](dst *T, x *int8, n int, q *kernels.Quant[T]) {
	dequantizeGeneric(dst, x, n, q)
}

func dequantizeUint8Generic[T Float](dst *T, x *uint8, n int, q *kernels.Quant[T]) {
	dequantizeGeneric(dst, x, n, q)
}

func dequantizeInt16Generic[T Float](dst *T, x *int16, n int, q *kernels.Quant[T]) {
	dequantizeGeneric(dst, x, n, q)
}

func dequantizeUint16Generic[T Float](dst *T, x *uint16, n int, q *kernels.Quant[T]) {
	dequantizeGeneric(dst, x, n, q)
}

func fakeQuantizeGeneric[T Float](dst *T, mask *byte, x *T, n int, q *kernels.Quant[T]) {
	d, m := unsafe.Slice(dst, n), unsafe.Slice(mask, (n+7)/8)
	var bits byte
	for i, v := range unsafe.Slice(x, n) {
		y, in := q.Fake(v)
		d[i] = y
		if in {
			bits |= 1 << (i & 7)
		}
		if i&7 == 7 || i == n-1 {
			m[i>>3], bits = bits, 0
		}
	}
}

func fakeQuantizeBareGeneric[T Float](dst, x *T, n int, q *kernels.Quant[T]) {
	d := unsafe.Slice(dst, n)
	for i, v := range unsafe.Slice(x, n) {
		d[i], _ = q.Fake(v)
	}
}

func minMax[T Float](x []T) (lo, hi T) {
	lanes := kernels.SumLanes[T]()
	if len(x) < lanes {
		return kernels.MinMax(x)
	}
	var sums [2 * mostLanes]T
	for j := range lanes {
		sums[j], sums[lanes+j] = kernels.Inf[T](1), kernels.Inf[T](-1)
	}
	extremes(x[:len(x)/lanes*lanes], &sums)
	extremes(x[len(x)-lanes:], &sums)   // some once more
	for w := lanes / 2; w > 0; w /= 2 { // there is no NaN
		for j := range w {
			sums[j] = min(sums[j], sums[j+w])
			sums[lanes+j] = max(sums[lanes+j], sums[lanes+j+w])
		}
	}
	return sums[0] + 0, sums[lanes] + 0
}

func extremes[T Float](x []T, sums *[2 * mostLanes]T) {
	if is32[T]() {
		extremesF32(p32(x), len(x), p32(sums[:]))
	} else {
		extremesF64(p64(x), len(x), p64(sums[:]))
	}
}

func extremesGeneric[T Float](x *T, n int, sums *T) {
	lanes := kernels.SumLanes[T]()
	sum := unsafe.Slice(sums, 2*lanes)
	for i, v := range unsafe.Slice(x, n) {
		if v < sum[i%lanes] {
			sum[i%lanes] = v
		}
		if v > sum[lanes+i%lanes] {
			sum[lanes+i%lanes] = v
		}
	}
}

// Nibbles are packed through integers of a byte on the stack.

const nibbleChunk = 512 // elements, a multiple of 32

func quantize4[T Float](dst []byte, x []T, q *kernels.Quant[T], order NibbleOrder) {
	var buf [nibbleChunk]uint8
	for at := 0; at < len(x); at += nibbleChunk {
		levels := buf[:min(nibbleChunk, len(x)-at)]
		quantize(levels, x[at:at+len(levels)], q)
		packNibbles(dst[at/2:], levels, order)
	}
}

func dequantize4[T Float](dst []T, x []byte, q *kernels.Quant[T], order NibbleOrder) {
	var buf [nibbleChunk]uint8
	for at := 0; at < len(dst); at += nibbleChunk {
		levels := buf[:min(nibbleChunk, len(dst)-at)]
		unpackNibbles(levels, x[at/2:], order, q.Min < 0)
		if q.Min < 0 {
			dequantize(dst[at:at+len(levels)], unsafe.Slice((*int8)(unsafe.Pointer(&buf)), len(levels)), q)
		} else {
			dequantize(dst[at:at+len(levels)], levels, q)
		}
	}
}

const (
	halves    = 0x0f0f0f0f0f0f0f0f // the low half of every byte
	evenBytes = 0x00ff00ff00ff00ff
)

// packNibbles writes the low halves of levels, two to a byte.
func packNibbles(dst []byte, levels []uint8, order NibbleOrder) {
	if order == SplitHalf {
		for ; len(levels) > 0; dst, levels = dst[16:], levels[32:] {
			for h := 0; h < 16; h += 8 {
				low, high := binary.LittleEndian.Uint64(levels[h:]), binary.LittleEndian.Uint64(levels[16+h:])
				binary.LittleEndian.PutUint64(dst[h:], low&halves|high&halves<<4)
			}
		}
		return
	}
	if words := len(levels) / 64 * 16; words > 0 { // whole groups
		d, x := (*uint16)(unsafe.Pointer(&dst[0])), (*uint32)(unsafe.Pointer(&levels[0]))
		if order == LowFirst {
			packLowFirstF32(d, x, words)
		} else {
			packHighFirstF32(d, x, words)
		}
		dst, levels = dst[2*words:], levels[4*words:]
	}
	packRest(dst, levels, order)
}

func packLowFirstGeneric(dst *uint16, x *uint32, n int) {
	packRest(unsafe.Slice((*byte)(unsafe.Pointer(dst)), 2*n), unsafe.Slice((*byte)(unsafe.Pointer(x)), 4*n), LowFirst)
}

func packHighFirstGeneric(dst *uint16, x *uint32, n int) {
	packRest(unsafe.Slice((*byte)(unsafe.Pointer(dst)), 2*n), unsafe.Slice((*byte)(unsafe.Pointer(x)), 4*n), HighFirst)
}

func packRest(dst []byte, levels []uint8, order NibbleOrder) {
	for ; len(levels) >= 8; dst, levels = dst[4:], levels[8:] {
		binary.LittleEndian.PutUint32(dst, packed(binary.LittleEndian.Uint64(levels), order))
	}
	if len(levels) > 0 {
		var last [8]uint8
		copy(last[:], levels)
		w := packed(binary.LittleEndian.Uint64(last[:]), order)
		for i := range (len(levels) + 1) / 2 {
			dst[i] = byte(w >> (8 * i))
		}
	}
}

// packed moves the low halves of eight bytes together.
func packed(w uint64, order NibbleOrder) uint32 {
	w &= halves
	if order == HighFirst {
		w = w<<4 | w>>8
	} else {
		w |= w >> 4
	}
	w &= evenBytes
	w = (w | w>>8) & 0x0000ffff0000ffff
	return uint32(w | w>>16)
}

// unpackNibbles is the way back; signed ones become int8.
func unpackNibbles(levels []uint8, src []byte, order NibbleOrder, signed bool) {
	signs := uint64(0)
	if signed {
		signs = 0x0808080808080808
	}
	if order == SplitHalf {
		for ; len(levels) > 0; src, levels = src[16:], levels[32:] {
			for h := 0; h < 16; h += 8 {
				w := binary.LittleEndian.Uint64(src[h:])
				binary.LittleEndian.PutUint64(levels[h:], extended(w&halves, signs))
				binary.LittleEndian.PutUint64(levels[16+h:], extended(w>>4&halves, signs))
			}
		}
		return
	}
	if words := len(levels) / 64 * 16; words > 0 {
		d, x := (*uint32)(unsafe.Pointer(&levels[0])), (*uint16)(unsafe.Pointer(&src[0]))
		if order == LowFirst {
			unpackLowFirstF32(d, x, words, uint32(signs))
		} else {
			unpackHighFirstF32(d, x, words, uint32(signs))
		}
		src, levels = src[2*words:], levels[4*words:]
	}
	unpackRest(levels, src, order, signs)
}

func unpackLowFirstGeneric(dst *uint32, x *uint16, n int, signs uint32) {
	unpackRest(unsafe.Slice((*byte)(unsafe.Pointer(dst)), 4*n), unsafe.Slice((*byte)(unsafe.Pointer(x)), 2*n), LowFirst, uint64(signs)<<32|uint64(signs))
}

func unpackHighFirstGeneric(dst *uint32, x *uint16, n int, signs uint32) {
	unpackRest(unsafe.Slice((*byte)(unsafe.Pointer(dst)), 4*n), unsafe.Slice((*byte)(unsafe.Pointer(x)), 2*n), HighFirst, uint64(signs)<<32|uint64(signs))
}

func unpackRest(levels []uint8, src []byte, order NibbleOrder, signs uint64) {
	for ; len(levels) >= 8; src, levels = src[4:], levels[8:] {
		binary.LittleEndian.PutUint64(levels, extended(spread(binary.LittleEndian.Uint32(src), order), signs))
	}
	if len(levels) > 0 {
		v := uint32(0)
		for i := range (len(levels) + 1) / 2 {
			v |= uint32(src[i]) << (8 * i)
		}
		var last [8]uint8
		binary.LittleEndian.PutUint64(last[:], extended(spread(v, order), signs))
		copy(levels, last[:])
	}
}

// extended copies the sign bits of four bits each to the halves above.
func extended(w, signs uint64) uint64 { return w | w&signs*0x1e }

// spread is the way back from packed.
func spread(v uint32, order NibbleOrder) uint64 {
	w := uint64(v)
	w = (w | w<<16) & 0x0000ffff0000ffff
	w = (w | w<<8) & evenBytes
	if order == HighFirst {
		w = w>>4 | w<<8
	} else {
		w |= w << 4
	}
	return w & halves
}
