package stepgrad

import (
	"fmt"
	"math"

	"github.com/stepgrad/stepgrad/kernels"
)

// Rule says how a Quant divides by its scale and where it adds the zero point.
// Frameworks differ, and their results with them: on multiples of half a step
// more than one in ten values. docs/PARITY.md compares them bit for bit.
type Rule = kernels.Rule

// The rules. 1/scale is rounded to T, as every operation is.
const (
	Reciprocal     = kernels.Reciprocal     // round(x·(1/scale)) + zero; with NearestEven PyTorch, with NearestAway GGUF's Q8_0
	Divide         = kernels.Divide         // round(x/scale) + zero; with NearestEven ONNX
	ReciprocalZero = kernels.ReciprocalZero // round(x·(1/scale) + zero); with NearestEven PyTorch's float zero points, with NearestAway GGUF's Q4_0
)

// Quant is a uniform affine quantiser: the real number (k − zero)·scale for
// every level k in [min, max], and the rounding that finds the level of a real
// number. It is an immutable value, made by NewQuant or QuantFromRange; using
// the zero Quant panics.
//
// The level of x is
//
//	k = round(x·(1/scale)) + zero // as Rule says, and rounded as Mode says
//
// in the arithmetic of T, each operation rounded.
type Quant[T Float] struct{ q kernels.Quant[T] }

// QuantOption changes how a Quant rounds.
type QuantOption func(quantOptions) quantOptions

type quantOptions struct {
	mode Mode
	rule Rule
}

// WithMode sets the rounding; NearestEven without it.
func WithMode(mode Mode) QuantOption {
	return func(o quantOptions) quantOptions { o.mode = mode; return o }
}

// WithRule sets the rule; Reciprocal without it.
func WithRule(rule Rule) QuantOption {
	return func(o quantOptions) quantOptions { o.rule = rule; return o }
}

// NewQuant returns the quantiser with that scale, the size of a step; the zero
// point, the level of 0; and levels from min to max, both among them.
//
// It is an error if scale is not positive and finite, if min ≥ max, if zero is
// not in [min, max], if the range is wider than 16 bits or leaves
// [−65535, 65535], if mode or rule is none of the constants, or if the rule
// needs a reciprocal of scale that T cannot hold: a subnormal scale wants
// Divide.
func NewQuant[T Float](scale T, zero, min, max int, opts ...QuantOption) (Quant[T], error) {
	o := quantOptions{mode: NearestEven}
	for _, opt := range opts {
		o = opt(o)
	}
	const widest = math.MaxUint16
	fail := func(rule string, args ...any) (Quant[T], error) {
		return Quant[T]{}, fmt.Errorf("stepgrad: NewQuant: "+rule, args...)
	}
	switch {
	case !(scale > 0) || scale-scale != 0:
		return fail("scale must be positive and finite, not %v", scale)
	case min >= max:
		return fail("min must be less than max, not %d and %d", min, max)
	case min < -widest || max > widest || max-min > widest:
		return fail("the range from min %d to max %d must be within 16 bits", min, max)
	case zero < min || zero > max:
		return fail("zero must be in [min, max] = [%d, %d], not %d", min, max, zero)
	case !o.mode.Valid():
		return fail("mode must be Down, Up, TowardZero, NearestEven or NearestAway")
	case !o.rule.Valid():
		return fail("rule must be Reciprocal, Divide or ReciprocalZero")
	case o.rule != Divide && 1/scale-1/scale != 0:
		return fail("the reciprocal of scale %v is infinite; use WithRule(Divide)", scale)
	}
	return Quant[T]{kernels.NewQuant(scale, zero, min, max, o.mode, o.rule)}, nil
}

// QuantFromRange returns a quantiser of so many bits, 2 to 16, for values
// from lo to hi, with the default rule and mode. 0 is one of its values.
//
// Asymmetric: levels 0 to 2^bits − 1. The range is widened to hold 0, the scale
// is its width over 2^bits − 1, and the zero point is rounded to a level, which
// moves the range by up to half a step.
//
// Symmetric: levels −(2^(bits−1) − 1) to 2^(bits−1) − 1, the zero point 0; the
// scale is the larger of |lo| and |hi| over the largest level.
//
// A range of nothing but 0 has the scale 1, and one so narrow that the
// reciprocal of the scale would be infinite the smallest scale that T can
// invert. It is an error if lo and hi are not finite with lo ≤ hi, if they are so
// large that a level has no finite value, or if bits is out of bounds.
func QuantFromRange[T Float](lo, hi T, bits int, symmetric bool) (Quant[T], error) {
	switch {
	case lo-lo != 0 || hi-hi != 0 || lo > hi:
		return Quant[T]{}, fmt.Errorf("stepgrad: QuantFromRange: lo and hi must be finite, lo at most hi, not %v and %v", lo, hi)
	case bits < 2 || bits > 16:
		return Quant[T]{}, fmt.Errorf("stepgrad: QuantFromRange: bits must be in [2, 16], not %d", bits)
	}
	lo, hi = min(lo, 0), max(hi, 0)
	least, most := 0, 1<<bits-1
	if symmetric {
		most = 1<<(bits-1) - 1
		least = -most
		lo = max(-lo, hi)
		hi, lo = lo, -lo
	}
	// Half of each, lest their difference overflow.
	scale := T((float64(hi)/2 - float64(lo)/2) / (float64(most-least) / 2))
	if scale == 0 && hi == 0 && lo == 0 {
		scale = 1
	}
	scale = max(scale, smallestScale[T]())
	zero := 0
	if !symmetric {
		zero = min(most, int(math.RoundToEven(-float64(lo)/float64(scale))))
	}
	if v := T(T(max(most-zero, zero-least)) * scale); v-v != 0 { // rounded: v − v must not be fused
		return Quant[T]{}, fmt.Errorf("stepgrad: QuantFromRange: the range from %v to %v is too wide: a level would have no finite value", lo, hi)
	}
	return NewQuant(scale, zero, least, most)
}

// smallestScale is the least power of two with a finite reciprocal.
func smallestScale[T Float]() T {
	if is32[T]() {
		return T(math.Ldexp(1, -127))
	}
	return T(math.Ldexp(1, -1023))
}

// Scale is the size of a step.
func (q Quant[T]) Scale() T { return q.q.Scale }

// Zero is the zero point: the level of 0.
func (q Quant[T]) Zero() int { return int(q.q.Zero) }

// Range returns the least and the greatest level.
func (q Quant[T]) Range() (min, max int) { return int(q.q.Min), int(q.q.Max) }

// Mode is the rounding.
func (q Quant[T]) Mode() Mode { return q.q.Mode }

// Rule says how x is divided by the scale.
func (q Quant[T]) Rule() Rule { return q.q.Rule }

// String shows all that the quantiser is made of.
func (q Quant[T]) String() string {
	if !q.valid() {
		return "Quant(zero)"
	}
	min, max := q.Range()
	return fmt.Sprintf("Quant(scale %v, zero %d, [%d, %d], %v, %v)", q.Scale(), q.Zero(), min, max, q.Mode(), q.Rule())
}

func (q *Quant[T]) valid() bool { return q.q.Scale > 0 }

// Integer is the type of a level in memory.
type Integer interface{ int8 | uint8 | int16 | uint16 }

// NibbleOrder says where levels of four bits lie in bytes.
type NibbleOrder uint8

// The orders. Levels are two's complement where min is negative, else
// unsigned; GGUF's Q4_0 is zero 8, [0, 15].
const (
	LowFirst  NibbleOrder = iota // element 2i in the low half of byte i: ONNX, OCP MX
	HighFirst                    // element 2i in the high half of byte i: NF4 of bitsandbytes
	SplitHalf                    // in blocks of 32, element j of the first half low and j+16 high in byte j: GGUF
	orders                       // how many there are
)

// FakeQuantize replaces values by those that the quantiser can hold, in one
// pass:
//
//	for i := range dst {
//		k := level(x[i]) // round(x·(1/scale)) + zero, see Quant
//		dst[i] = (clamp(k, min, max) − zero)·scale
//		bit i&7 of mask[i>>3] = min ≤ k && k ≤ max
//	}
//
// The bits are the mask of the straight-through estimator as PyTorch's
// fake_quantize has it (on the rounded level, both ends inside), for
// STEBackward; the unused ones of the last byte are 0. NaN gives NaN and bit 0;
// ±Inf saturates, with bit 0. −0 and what rounds to it give +0, as in PyTorch.
//
// dst and x have one length n and are the same slice or disjoint; mask is nil
// or has exactly (n+7)/8 bytes, disjoint from both; q is not the zero Quant.
// Else FakeQuantize panics.
func FakeQuantize[T Float](dst []T, mask []byte, x []T, q Quant[T]) {
	checkToMask("FakeQuantize", dst, mask, x)
	if mask != nil {
		checkMask("FakeQuantize", addr(mask), bytes(mask), len(x), addr(dst), addr(x), bytes(x))
	}
	checkQuant("FakeQuantize", &q)
	if mask == nil {
		fakeQuantizeBare(dst, x, &q.q)
	} else {
		fakeQuantize(dst, mask, x, &q.q)
	}
}

// FakeQuantizeGrad is the backward pass of FakeQuantize, in one pass over dy
// and x: the gradient by x, and the sums that are those by a scale and a zero
// point that are learned:
//
//	for i := range dx {
//		k, u := level(x[i]), x[i]/scale // u as the rule computes it
//		if min ≤ k && k ≤ max {
//			dx[i] = dy[i]
//			dscale += dy[i]·((k − zero) − u)
//		} else {
//			dx[i] = +0
//			dscale += dy[i]·(clamp(k, min, max) − zero)
//			dzero += dy[i]
//		}
//	}
//	dzero *= −scale // of every block
//
// It is the gradient of LSQ (Esser et al. 2020) without its factor 1/√(n·max),
// and of LSQ+ (Bhalgat et al. 2020) for the zero point. NaN in x gives dx = +0
// and dscale = NaN. PyTorch's _fake_quantize_learnable has the same under
// ReciprocalZero, which is the rule of its backward passes, though of its
// forward ones Reciprocal is, but for its wrong rounding of negative zero points
// per tensor.
//
// Products are fused into the sums, whose order is fixed: in blocks of 4096
// elements 64 bytes' worth of lanes, halved onto each other, and the blocks'
// sums in a tree whose left branch is the largest power of two of blocks. So
// the bits are the same on every machine, and calls on pieces of 4096·2^k
// elements, added up by that tree, give those of one call.
//
// dx, dy and x have one length; dx is the same slice as dy or x or disjoint
// from it; q is not the zero Quant. Else FakeQuantizeGrad panics.
func FakeQuantizeGrad[T Float](dx, dy, x []T, q Quant[T]) (dscale, dzero T) {
	checkGradSums("FakeQuantizeGrad", dx, dy, x)
	checkQuant("FakeQuantizeGrad", &q)
	return fakeQuantizeGrad(dx, dy, x, &q.q)
}

// Quantize computes levels:
//
//	for i := range dst { dst[i] = clamp(level(x[i]), min, max) }
//
// NaN gives the zero point; ±Inf and what is out of range saturate.
//
// dst and x have one length and are disjoint, [min, max] fits I, and q is not
// the zero Quant; else Quantize panics.
func Quantize[T Float, I Integer](dst []I, x []T, q Quant[T]) {
	checkConvert("Quantize", dst, x)
	checkQuant("Quantize", &q)
	checkFits[T, I]("Quantize", &q)
	quantize(dst, x, &q.q)
}

// Dequantize computes the values of levels:
//
//	for i := range dst { dst[i] = (x[i] − zero)·scale }
//
// x may hold any I, outside [min, max] too. The result of Quantize gives what
// FakeQuantize gives, bit for bit, but for NaN.
//
// dst and x have one length and are disjoint, [min, max] fits I, and q is not
// the zero Quant; else Dequantize panics.
func Dequantize[T Float, I Integer](dst []T, x []I, q Quant[T]) {
	checkConvert("Dequantize", dst, x)
	checkQuant("Dequantize", &q)
	checkFits[T, I]("Dequantize", &q)
	dequantize(dst, x, &q.q)
}

// Quantize4 computes levels of four bits, two to a byte, in the given order;
// else it is as Quantize. The half of the last byte that an odd number leaves
// over is 0.
//
// dst has exactly (len(x)+1)/2 bytes and is disjoint from x; [min, max] is
// within [−8, 7] or [0, 15]; with SplitHalf len(x) is a multiple of 32; q is not
// the zero Quant. Else Quantize4 panics.
func Quantize4[T Float](dst []byte, x []T, q Quant[T], order NibbleOrder) {
	checkNibbles("Quantize4", "dst", dst, x, len(x), order)
	checkQuant("Quantize4", &q)
	check4("Quantize4", &q)
	quantize4(dst, x, &q.q, order)
}

// Dequantize4 computes the values of n levels of four bits, as Dequantize: of
// two's complement where q's min is negative, else unsigned.
//
// dst has n elements, x exactly (n+1)/2 bytes, and they are disjoint; [min,
// max] is within [−8, 7] or [0, 15]; with SplitHalf n is a multiple of 32; q is
// not the zero Quant. Else Dequantize4 panics.
func Dequantize4[T Float](dst []T, x []byte, n int, q Quant[T], order NibbleOrder) {
	if len(dst) != n {
		panic("stepgrad: Dequantize4: dst must have n elements")
	}
	checkNibbles("Dequantize4", "x", x, dst, n, order)
	checkQuant("Dequantize4", &q)
	check4("Dequantize4", &q)
	dequantize4(dst, x, &q.q, order)
}

// MinMax returns the least and the greatest element, for QuantFromRange. NaN is
// ignored; without any other element it returns (+Inf, −Inf). A zero is +0.
func MinMax[T Float](x []T) (lo, hi T) {
	if race {
		raceRead(x)
	}
	return minMax(x)
}

// FakeQuantizeRows is FakeQuantize with a quantiser for every channel or group.
// x is a matrix in row-major order, its rows have length cols, and qs holds a
// quantiser for every group of columns of every row, row by row: the columns 0
// to group−1, group to 2·group−1 and so on, the last group of a row being
// shorter where group does not divide cols. So group = cols is one per row: a
// channel of an (out, in) weight matrix. mask is one for the whole matrix.
//
// cols and group are at least 1, group is at most cols, len(x) is a multiple of
// cols, and qs has an element for every group. Else it panics, and where
// FakeQuantize does.
func FakeQuantizeRows[T Float](dst []T, mask []byte, x []T, cols, group int, qs []Quant[T]) {
	checkToMask("FakeQuantizeRows", dst, mask, x)
	if mask != nil {
		checkMask("FakeQuantizeRows", addr(mask), bytes(mask), len(x), addr(dst), addr(x), bytes(x))
	}
	checkRows("FakeQuantizeRows", len(x), cols, group, qs)
	for i, at := 0, 0; at < len(x); i++ {
		to := groupEnd(at, cols, group)
		switch {
		case mask == nil:
			fakeQuantizeBare(dst[at:to], x[at:to], &qs[i].q)
		case at%8 == 0:
			fakeQuantize(dst[at:to], mask[at/8:(to+7)/8], x[at:to], &qs[i].q)
		default:
			shiftedMask(dst, mask, x, at, to, &qs[i].q)
		}
		at = to
	}
}

// FakeQuantizeGradRows is FakeQuantizeGrad of every group by its own quantiser:
// dscale[i] and dzero[i] are the sums of group i. See FakeQuantizeRows for rows
// and groups.
//
// dscale and dzero have the length of qs and are disjoint from each other and
// from the other slices; else it panics.
func FakeQuantizeGradRows[T Float](dx, dy, x []T, cols, group int, qs []Quant[T], dscale, dzero []T) {
	checkGradSums("FakeQuantizeGradRows", dx, dy, x)
	checkRows("FakeQuantizeGradRows", len(x), cols, group, qs)
	checkSums("FakeQuantizeGradRows", dx, dy, x, len(qs), dscale, dzero)
	for i, at := 0, 0; at < len(x); i++ {
		to := groupEnd(at, cols, group)
		dscale[i], dzero[i] = fakeQuantizeGrad(dx[at:to], dy[at:to], x[at:to], &qs[i].q)
		at = to
	}
}

// QuantizeRows is Quantize of every group by its own quantiser. See
// FakeQuantizeRows for rows and groups.
func QuantizeRows[T Float, I Integer](dst []I, x []T, cols, group int, qs []Quant[T]) {
	checkConvert("QuantizeRows", dst, x)
	checkRows("QuantizeRows", len(x), cols, group, qs)
	for i := range qs {
		checkFits[T, I]("QuantizeRows", &qs[i])
	}
	for i, at := 0, 0; at < len(x); i++ {
		to := groupEnd(at, cols, group)
		quantize(dst[at:to], x[at:to], &qs[i].q)
		at = to
	}
}

// Quantize4Rows is Quantize4 of every group by its own quantiser; dst is one for
// the whole matrix. See FakeQuantizeRows for rows and groups.
//
// group and cols are even; with SplitHalf they are multiples of 32. Else it
// panics.
func Quantize4Rows[T Float](dst []byte, x []T, cols, group int, qs []Quant[T], order NibbleOrder) {
	checkNibbles("Quantize4Rows", "dst", dst, x, len(x), order)
	check4Rows("Quantize4Rows", len(x), cols, group, qs, order)
	for i, at := 0, 0; at < len(x); i++ {
		to := groupEnd(at, cols, group)
		quantize4(dst[at/2:to/2], x[at:to], &qs[i].q, order)
		at = to
	}
}

// Dequantize4Rows is Dequantize4 of every group by its own quantiser, with the
// rules of Quantize4Rows.
func Dequantize4Rows[T Float](dst []T, x []byte, cols, group int, qs []Quant[T], order NibbleOrder) {
	checkNibbles("Dequantize4Rows", "x", x, dst, len(dst), order)
	check4Rows("Dequantize4Rows", len(dst), cols, group, qs, order)
	for i, at := 0, 0; at < len(dst); i++ {
		to := groupEnd(at, cols, group)
		dequantize4(dst[at:to], x[at/2:to/2], &qs[i].q, order)
		at = to
	}
}

// DequantizeRows is Dequantize of every group by its own quantiser. See
// FakeQuantizeRows for rows and groups.
func DequantizeRows[T Float, I Integer](dst []T, x []I, cols, group int, qs []Quant[T]) {
	checkConvert("DequantizeRows", dst, x)
	checkRows("DequantizeRows", len(x), cols, group, qs)
	for i := range qs {
		checkFits[T, I]("DequantizeRows", &qs[i])
	}
	for i, at := 0, 0; at < len(x); i++ {
		to := groupEnd(at, cols, group)
		dequantize(dst[at:to], x[at:to], &qs[i].q)
		at = to
	}
}

// groupEnd is where the group ends that starts at element at.
func groupEnd(at, cols, group int) int {
	return at + min(group, cols-at%cols)
}

// shiftedMask is fakeQuantize of the elements from at to to, whose bits start
// inside of a byte: the bits before them stay.
func shiftedMask[T Float](dst []T, mask []byte, x []T, at, to int, q *kernels.Quant[T]) {
	var scratch [64]byte
	for at < to {
		end := min(to, at+8*len(scratch))
		bits := scratch[:(end-at+7)/8]
		fakeQuantize(dst[at:end], bits, x[at:end], q)
		shift := at % 8
		for i, b := range bits {
			low, high := b<<shift, b>>(8-shift)
			mask[at/8+i] = mask[at/8+i]&(1<<shift-1) | low
			if next := at/8 + i + 1; next < (end+7)/8 {
				mask[next] = high
			}
		}
		at = end
	}
}
