package kernels

import "math"

// Rule says how a Quant divides by its scale.
type Rule uint8

// The rules, in the order of the public constants.
const (
	Reciprocal     Rule = iota // round(x·(1/scale)) + zero
	Divide                     // round(x/scale) + zero
	ReciprocalZero             // round(x·(1/scale) + zero)
	rules                      // how many there are
)

// Valid reports whether r is one of the three rules.
func (r Rule) Valid() bool { return r < rules }

// String is the name of the public constant.
func (r Rule) String() string {
	return [...]string{"Reciprocal", "Divide", "ReciprocalZero"}[r]
}

// A Quant holds what the quant kernels compute with; vector code reads the
// first fields by their order.
type Quant[T Float] struct {
	Factor T // what x is multiplied with or, by the rule Divide, divided by
	Before T // what is added before rounding: by ReciprocalZero the zero point
	Lo, Hi T // the bounds of what was rounded
	Scale  T
	Zero   T
	Level  int32 // Zero

	Min, Max T
	Mode     Mode
	Rule     Rule
}

// NewQuant prepares a Quant. What it is given is legal.
func NewQuant[T Float](scale T, zero, min, max int, mode Mode, rule Rule) Quant[T] {
	q := Quant[T]{
		Factor: 1 / scale, Lo: T(min - zero), Hi: T(max - zero), Scale: scale, Zero: T(zero), Level: int32(zero),
		Min: T(min), Max: T(max), Mode: mode, Rule: rule,
	}
	switch rule {
	case Divide:
		q.Factor = scale
	case ReciprocalZero:
		q.Before, q.Lo, q.Hi = q.Zero, q.Min, q.Max
	}
	return q
}

// Quotient is x in units of the scale, before rounding.
func (q *Quant[T]) Quotient(x T) T {
	if q.Rule == Divide {
		return x / q.Factor
	}
	return T(x * q.Factor)
}

// Nearest is the level of x, inside [Min, Max], and whether it needed no
// clamping. NaN has the level NaN and is outside.
func (q *Quant[T]) Nearest(x T) (c T, in bool) {
	var k T
	if q.Rule == ReciprocalZero {
		k = RoundMode(q.Quotient(x)+q.Zero, q.Mode)
	} else {
		k = RoundMode(q.Quotient(x), q.Mode) + q.Zero
	}
	return STEClamp(k, q.Min, q.Max), q.Min <= k && k <= q.Max
}

// Fake is x quantised and back, and whether it was in range.
func (q *Quant[T]) Fake(x T) (y T, in bool) {
	c, in := q.Nearest(x)
	return (c - q.Zero + 0) * q.Scale, in
}

// Grad is dy where x is in range, else +0; the factor of dy in the gradient by
// the scale; and dy where x is out of range, else +0: what −scale multiplies, a
// block at a time, in that by the zero point.
func (q *Quant[T]) Grad(dy, x T) (dx, scale, out T) {
	c, in := q.Nearest(x)
	if in {
		return dy, (c - q.Zero) - q.Quotient(x), 0
	}
	return 0, c - q.Zero, dy
}

// Int is the level of x as an integer; NaN has the zero point's.
func (q *Quant[T]) Int(x T) int32 {
	c, _ := q.Nearest(x)
	if c != c {
		return q.Level
	}
	return int32(c)
}

// Float is the value of a level.
func (q *Quant[T]) Float(k int32) T { return (T(k) - q.Zero) * q.Scale }

// Sums of many elements have one order on every machine: lane j of SumLanes
// adds up the elements j, j + SumLanes, … of a block, the lanes are halved onto
// each other, and the blocks' sums form a tree whose left branch is the largest
// power of two that leaves something for the right one.

// SumBlock is how many elements a block has.
const SumBlock = 4096

// SumLanes is how many lanes a block's sum has, 64 bytes of them.
func SumLanes[T Float]() int {
	if is32[T]() {
		return 16
	}
	return 8
}

// Fold is the sum of a block's lanes.
func Fold[T Float](lanes []T) T {
	var s [16]T
	copy(s[:], lanes)
	for w := len(lanes) / 2; w > 0; w /= 2 {
		for j := range w {
			s[j] += s[j+w]
		}
	}
	return s[0]
}

// A Tree adds up the sums of blocks, given in order.
type Tree[T Float] struct {
	blocks int
	sums   [52]T // of subtrees, the left ones first; as many as blocks has bits set
	n      int
}

// Add appends the next block's sum.
func (t *Tree[T]) Add(s T) {
	for b := t.blocks; b&1 != 0; b >>= 1 {
		t.n--
		s = t.sums[t.n] + s
	}
	t.sums[t.n] = s
	t.n++
	t.blocks++
}

// Sum is the sum of all, +0 of none.
func (t *Tree[T]) Sum() (s T) {
	for i := t.n - 1; i >= 0; i-- {
		if i == t.n-1 {
			s = t.sums[i]
		} else {
			s = t.sums[i] + s
		}
	}
	return s
}

// Inf is +Inf, or −Inf for a negative sign.
func Inf[T Float](sign int) T { return T(math.Inf(sign)) }

const edgesQuant = "NaN gives the zero point; ±Inf and what is out of range saturate"

var quantKernels = []Kernel{
	whole("FakeQuantize", "quant", "dst mask x q", "(clamp(k, min, max) − zero)·scale, k the level of x; bit = min ≤ k ≤ max", "FakeQuantizeGrad",
		"NaN gives NaN and bit 0; ±Inf saturates, bit 0; a zero is +0; mask may be nil"),
	whole("FakeQuantizeGrad", "quant", "dx dy x q", "dx = dy in range, else +0; the sums of dy·((k − zero) − x/scale) or dy·(clamp(k, min, max) − zero), and of −dy·scale out of range",
		"composed of other operations", "NaN in x gives dx = +0 and dscale = NaN"),
	whole("Quantize", "quant", "dst x q", "clamp(k, min, max), k the level of x", "none", edgesQuant),
	whole("Dequantize", "quant", "dst x q", "(x − zero)·scale", "none", "any integer has a value, outside [min, max] too"),
	whole("Quantize4", "quant", "dst x q order", "clamp(k, min, max) in four bits", "none", edgesQuant+"; an unused half byte is 0"),
	whole("Dequantize4", "quant", "dst x n q order", "(x − zero)·scale of four bits", "none", "an unused half byte is ignored"),
	whole("MinMax", "quant", "x", "the least and the greatest element", "none", "NaN is ignored; (+Inf, −Inf) of none; a zero is +0"),
	whole("FakeQuantizeRows", "quant", "dst mask x cols group qs", "FakeQuantize by a quantiser per group of a row", "FakeQuantizeGradRows", "as FakeQuantize"),
	whole("FakeQuantizeGradRows", "quant", "dx dy x cols group qs dscale dzero", "FakeQuantizeGrad by a quantiser per group of a row", "composed of other operations", "as FakeQuantizeGrad"),
	whole("QuantizeRows", "quant", "dst x cols group qs", "Quantize by a quantiser per group of a row", "none", edgesQuant),
	whole("Quantize4Rows", "quant", "dst x cols group qs order", "Quantize4 by a quantiser per group of a row", "none", edgesQuant),
	whole("Dequantize4Rows", "quant", "dst x cols group qs order", "Dequantize4 by a quantiser per group of a row", "none", "as Dequantize4"),
	whole("DequantizeRows", "quant", "dst x cols group qs", "Dequantize by a quantiser per group of a row", "none", "as Dequantize"),
}

// Grads is Grad of all, and the gradients by the scale and the zero point.
func (q *Quant[T]) Grads(dx, dy, x []T) (dscale, dzero T) {
	var scales, zeros Tree[T]
	lanes := SumLanes[T]()
	for at := 0; at < len(x); at += SumBlock {
		var scale, out [16]T
		for i := at; i < min(at+SumBlock, len(x)); i++ {
			var s, o T
			d := dy[i]
			dx[i], s, o = q.Grad(d, x[i])
			scale[i%lanes] = FMA(d, s, scale[i%lanes])
			out[i%lanes] += o
		}
		scales.Add(Fold(scale[:lanes]))
		zeros.Add(0 - T(Fold(out[:lanes])*q.Scale)) // +0 of nothing
	}
	return scales.Sum(), zeros.Sum()
}

// MinMax is the least and the greatest of x; NaN is ignored, a zero is +0.
func MinMax[T Float](x []T) (lo, hi T) {
	lo, hi = T(math.Inf(1)), T(math.Inf(-1))
	for _, v := range x {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	return lo + 0, hi + 0
}
