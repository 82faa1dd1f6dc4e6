package main

import "github.com/stepgrad/stepgrad/kernels"

// The fields of a kernels.Quant, as coefficients. The level as an integer
// follows them.
const (
	factor = iota
	before
	low
	high
	scale
	zeroPoint
	minus
	levelField
)

var quantPrimitives = []primitive{
	{kernel: kernels.Kernel{Name: "FakeQuantize", Shape: kernels.ToMask, Sig: quantiser}, body: func(b *Body, v variant) Result {
		_, r, c := nearest(b, v)
		return Result{Y: value(b, v, c), Bit: b.EQ(c, r)}
	}},
	{kernel: kernels.Kernel{Name: "FakeQuantizeBare", Shape: kernels.Map, Sig: quantiser}, body: func(b *Body, v variant) Result {
		_, _, c := nearest(b, v)
		return Result{Y: value(b, v, c)}
	}},
	{kernel: kernels.Kernel{Name: "FakeQuantizeSums", Shape: reduceGrad, Sig: quantiser}, body: func(b *Body, v variant) Result {
		u, r, c := nearest(b, v)
		in, dy, zero := b.EQ(c, r), b.Y(), b.Zero()
		e := b.Sub(offset(b, v, c), b.Select(in, u, zero))
		return Result{Y: b.Select(in, dy, zero), Acc: []V{
			b.FMA(dy, e, b.Acc(0)),
			b.FMA(b.Select(in, zero, dy), b.Param(minus), b.Acc(1)),
		}}
	}},
	{kernel: kernels.Kernel{Name: "Quantize8", Shape: toInt8, Sig: quantiser}, body: level},
	{kernel: kernels.Kernel{Name: "Quantize16", Shape: toInt16, Sig: quantiser}, body: level},
	{kernel: kernels.Kernel{Name: "DequantizeInt8", Shape: fromInt8, Sig: levels}, body: dequantized},
	{kernel: kernels.Kernel{Name: "DequantizeUint8", Shape: fromUint8, Sig: levels}, body: dequantized},
	{kernel: kernels.Kernel{Name: "DequantizeInt16", Shape: fromInt16, Sig: levels}, body: dequantized},
	{kernel: kernels.Kernel{Name: "DequantizeUint16", Shape: fromUint16, Sig: levels}, body: dequantized},
	{kernel: kernels.Kernel{Name: "PackLowFirst", Shape: narrow}, only: 32, body: func(b *Body, _ variant) Result {
		w := b.And(b.X(), b.Bits(halves))
		return Result{Y: pack(b, b.Or(w, b.Shr(w, 4)))}
	}},
	{kernel: kernels.Kernel{Name: "PackHighFirst", Shape: narrow}, only: 32, body: func(b *Body, _ variant) Result {
		w := b.And(b.X(), b.Bits(halves))
		return Result{Y: pack(b, b.Or(b.Shl(w, 4), b.Shr(w, 8)))}
	}},
	{kernel: kernels.Kernel{Name: "UnpackLowFirst", Shape: widen, Sig: bits}, only: 32, body: func(b *Body, _ variant) Result {
		w := spread(b)
		return Result{Y: signed(b, b.Or(w, b.Shl(w, 4)))}
	}},
	{kernel: kernels.Kernel{Name: "UnpackHighFirst", Shape: widen, Sig: bits}, only: 32, body: func(b *Body, _ variant) Result {
		w := spread(b)
		return Result{Y: signed(b, b.Or(b.Shr(w, 4), b.Shl(w, 8)))}
	}},
	{kernel: kernels.Kernel{Name: "Extremes", Shape: reduce}, body: func(b *Body, _ variant) Result {
		x := b.X()
		return Result{Acc: []V{b.Less(x, b.Acc(0)), b.Greater(x, b.Acc(1))}}
	}},
}

// nearest is x in units of the scale, that rounded, and that in range: as the
// definition, but relative to the zero point, which is exact, so that it need
// be neither added nor taken away. Where c is r, x is in range.
func nearest(b *Body, v variant) (u, r, c V) {
	u, t, _ := unrounded(b, v)
	r = b.Round(t, v.mode)
	return u, r, clamped(b, r)
}

// unrounded leaves the rounding out.
func unrounded(b *Body, v variant) (u, t, c V) {
	if v.rule == kernels.Divide {
		u = b.Div(b.X(), b.Param(factor))
	} else {
		u = b.Mul(b.X(), b.Param(factor))
	}
	t = u
	if v.rule == kernels.ReciprocalZero {
		t = b.Add(u, b.Param(before))
	}
	return u, t, clamped(b, t)
}

func clamped(b *Body, r V) V { return b.Less(b.Param(high), b.Greater(b.Param(low), r)) }

// offset is c relative to the zero point.
func offset(b *Body, v variant, c V) V {
	if v.rule == kernels.ReciprocalZero {
		return b.Sub(c, b.Param(before))
	}
	return c
}

// value is the real number; the sum with +0 makes −0 a +0.
func value(b *Body, v variant, c V) V { return b.FMA(offset(b, v, c), b.Param(scale), b.Zero()) }

// level is relative to the zero point, which is added to the integer: so NaN,
// whose integer has no low bits on any machine, gets the zero point's. The
// conversion rounds to nearest, ties to even.
func level(b *Body, v variant) Result {
	_, _, c := unrounded(b, v)
	if v.mode != kernels.NearestEven || v.rule == kernels.ReciprocalZero {
		_, _, c = nearest(b, v)
	}
	return Result{Y: offset(b, v, c)}
}

// Four levels of four bits are four bytes of a lane, or the two low ones.

const (
	halves    = 0x0f0f0f0f
	evenBytes = 0x00ff00ff
)

// pack moves the even bytes together.
func pack(b *Body, w V) V {
	w = b.And(w, b.Bits(evenBytes))
	return b.Or(w, b.Shr(w, 8))
}

func spread(b *Body) V {
	x := b.X()
	return b.And(b.Or(x, b.Shl(x, 8)), b.Bits(evenBytes))
}

// signed copies the sign bits that the parameter has upwards.
func signed(b *Body, w V) V {
	w = b.And(w, b.Bits(halves))
	s := b.Shl(b.And(w, b.Param(0)), 1)
	s = b.Or(s, b.Shl(s, 1))
	return b.Or(w, b.Or(s, b.Shl(s, 2)))
}

func dequantized(b *Body, _ variant) Result {
	return Result{Y: b.Mul(b.Sub(b.X(), b.Param(zeroPoint)), b.Param(scale))}
}
