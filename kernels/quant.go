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
// floats by their order. The level of x is round(u + Before) + After, where u
// is x·Factor or, by the rule Divide, x / Factor.
type Quant[T Float] struct {
	Factor        T
	Before, After T // the zero point, before or after the rounding, and +0
	Min, Max      T
	Zero, Scale   T

	Mode Mode
	Rule Rule
}

// NewQuant prepares a Quant. What it is given is legal.
func NewQuant[T Float](scale T, zero, min, max int, mode Mode, rule Rule) Quant[T] {
	q := Quant[T]{Factor: 1 / scale, After: T(zero), Min: T(min), Max: T(max), Zero: T(zero), Scale: scale, Mode: mode, Rule: rule}
	switch rule {
	case Divide:
		q.Factor = scale
	case ReciprocalZero:
		q.Before, q.After = q.After, q.Before
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

// Level is the level of x, inside [Min, Max], and whether it had to be moved
// there. NaN has the level NaN and is outside.
func (q *Quant[T]) Level(x T) (c T, in bool) {
	k := RoundMode(q.Quotient(x)+q.Before, q.Mode) + q.After
	return STEClamp(k, q.Min, q.Max), q.Min <= k && k <= q.Max
}

// Fake is x quantised and back, and whether it was in range.
func (q *Quant[T]) Fake(x T) (y T, in bool) {
	c, in := q.Level(x)
	return (c - q.Zero) * q.Scale, in
}

// Grad is dy where x is in range, else +0; and the derivatives of Fake by the
// scale and the zero point.
func (q *Quant[T]) Grad(dy, x T) (dx, scale, zero T) {
	c, in := q.Level(x)
	if in {
		return dy, (c - q.Zero) - q.Quotient(x), 0
	}
	return 0, c - q.Zero, -q.Scale
}

// Int is the level of x as an integer; NaN has the zero point's.
func (q *Quant[T]) Int(x T) int32 {
	c, _ := q.Level(x)
	if c != c {
		c = q.Zero
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

// Least and Greatest ignore a NaN x.

func Least[T Float](x, least T) T {
	if x < least {
		return x
	}
	return least
}

func Greatest[T Float](x, greatest T) T {
	if x > greatest {
		return x
	}
	return greatest
}

// Inf is +Inf, or −Inf for a negative sign.
func Inf[T Float](sign int) T { return T(math.Inf(sign)) }
