package autograd

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/kernels"
)

// QuantSpec says how FakeQuantize rounds, which elements share a scale, and
// where the gradient passes. It is an immutable value, made by PyTorch, LSQ,
// Larq, TFC or Brevitas, which differ in where the gradient passes, and changed
// by its methods; using the zero QuantSpec panics.
//
// One scale is for the whole tensor, unless PerChannel or PerGroup says
// otherwise.
type QuantSpec struct {
	min, max int
	mode     stepgrad.Mode
	rule     stepgrad.Rule

	mask  maskRule
	bound float64 // of byBound
	delta float64 // of EWGS

	share     sharing
	axis      int
	every     int // the size of a group
	gradScale bool
}

// A maskRule says where the gradient passes. With u = x/scale as the rule
// computes it, and the levels' ends lo = min − zero and hi = max − zero:
type maskRule uint8

const (
	byNothing   maskRule = iota // the zero QuantSpec
	byRounded                   // the level of x, before clamping, is in [min, max]
	byUnrounded                 // lo ≤ u ≤ hi
	byBound                     // |x| ≤ bound
	byStep                      // lo ≤ u ≤ hi, or a step against the gradient leads back there
	byIdentity                  // everywhere

	byDown // byStep for a dy that is negative: u ≤ hi
	byUp   // and positive: lo ≤ u
)

type sharing uint8

const (
	byTensor sharing = iota
	byChannel
	byGroup
)

// PyTorch is the rule of torch.fake_quantize_per_tensor_affine and its
// relatives, per channel and learnable: round(x·(1/scale)) + zero, ties to even;
// the gradient passes where that level is in [min, max], both ends inside, so
// half a step farther than the values reach.
//
// Of PyTorch's _fake_quantize_learnable forms the backward pass rounds
// otherwise than the forward one, as stepgrad.ReciprocalZero does: with an odd
// zero point that differs on ties.
func PyTorch(min, max int) QuantSpec {
	return QuantSpec{min: min, max: max, mode: stepgrad.NearestEven, mask: byRounded}
}

// LSQ is the rule of learned step size quantisation (Esser et al. 2020):
// round(x/scale) + zero, ties to even; the gradient passes where
// min ≤ x/scale + zero ≤ max, before rounding. The paper scales the gradient of
// the scale too: WithGradScale.
func LSQ(min, max int) QuantSpec {
	return QuantSpec{min: min, max: max, mode: stepgrad.NearestEven, rule: stepgrad.Divide, mask: byUnrounded}
}

// Larq lets the gradient pass where |x| ≤ bound, as the quantisers of Larq with
// their clip_value, whatever the levels are; else it is as LSQ.
func Larq(min, max int, bound float64) QuantSpec {
	s := LSQ(min, max)
	s.mask, s.bound = byBound, bound
	return s
}

// TFC is the rule of lower_bound and upper_bound in TensorFlow Compression,
// "identity_if_towards": the gradient passes where
// min ≤ x/scale + zero ≤ max, and elsewhere if the step that it asks for, against
// its sign, leads back there: below if dy < 0, above if dy > 0. So what is
// saturated is not lost. Else it is as LSQ.
func TFC(min, max int) QuantSpec {
	s := LSQ(min, max)
	s.mask = byStep
	return s
}

// Brevitas lets the gradient pass everywhere, as round_ste with
// tensor_clamp_ste of Brevitas; else it is as LSQ.
func Brevitas(min, max int) QuantSpec {
	s := LSQ(min, max)
	s.mask = byIdentity
	return s
}

// PerChannel returns s with a scale for each index of an axis; a negative axis
// counts from the end.
func (s QuantSpec) PerChannel(axis int) QuantSpec {
	s.share, s.axis = byChannel, axis
	return s
}

// PerGroup returns s with a scale for every so many consecutive elements of the
// last axis, the last group of a row being shorter where size does not divide
// its length. The scales of a row follow those of the row before.
func (s QuantSpec) PerGroup(size int) QuantSpec {
	s.share, s.every = byGroup, size
	return s
}

// WithMode returns s with another rounding.
func (s QuantSpec) WithMode(mode stepgrad.Mode) QuantSpec {
	s.mode = mode
	return s
}

// WithRule returns s with another way to divide by the scale.
func (s QuantSpec) WithRule(rule stepgrad.Rule) QuantSpec {
	s.rule = rule
	return s
}

// WithGradScale returns s with the gradients of scale and zero multiplied by
// 1/√(n·max), n being the number of elements that share the scale: LSQ's factor,
// which makes steps of the scale as large, relatively, as those of x. It wants
// max > 0.
func (s QuantSpec) WithGradScale() QuantSpec {
	s.gradScale = true
	return s
}

// WithEWGS returns s with element-wise gradient scaling (Lee et al. 2021): dy
// is multiplied by 1 + delta·sign(dy)·(x̂ − q), where x̂ − q is how far the
// rounding has moved x, clamped to the range, and in units of the range: an
// element that rounds up is pushed up less than down. delta is finite; 0 is
// without.
func (s QuantSpec) WithEWGS(delta float64) QuantSpec {
	s.delta = delta
	return s
}

// FakeQuantize replaces the elements of x by those that a quantiser can hold,
// as stepgrad.FakeQuantize:
//
//	k = round(x/scale) + zero                   // as the rule and the mode of spec say
//	y = (clamp(k, min, max) − zero)·scale
//
// scale and zero hold one element, or one for each channel or group, in any
// shape; zero is rounded to a level, ties to even, and may be nil: 0. The
// gradients, with m = 1 where spec lets the gradient pass and 0 elsewhere, and
// u = x/scale, are
//
//	dx     = dy·m
//	dscale = Σ dy·((clamp(k, min, max) − zero) − m·u)
//	dzero  = Σ dy·(m − 1)·scale
//
// summed over the elements that share the scale: LSQ's (Esser et al. 2020) and,
// for zero, LSQ+'s (Bhalgat et al. 2020). dzero passes the rounding of zero
// straight. With the rule of PyTorch they are stepgrad.FakeQuantizeGrad's, bit
// for bit; with the others dscale and dzero are summed in float64, 16384
// elements at a time. The same bits come of any number of goroutines.
//
// WithEWGS multiplies m by its factor in dx and dscale.
//
// Derivatives of the gradients follow from these formulas, m and clamp(k, …)
// having derivative zero by x and scale, and clamp(k, …) − zero the derivative
// m − 1 by zero: so ∂dscale/∂x is −dy·m/scale. (Made of RoundSTE it would be 0:
// there it is the rounding that has the derivative 1, also within a gradient.)
// EWGS's factor is differentiated by x/scale alone.
//
// NaN gives NaN, dx = +0 (but dy by the rule of Brevitas) and a dscale that is
// NaN; ±Inf saturates, and makes dscale infinite where m is 1. Where m is 0, dx
// is +0 whatever dy is.
//
// If neither scale nor zero needs a gradient, a bit per element is kept for the
// backward pass (none by the rule of Brevitas, two by that of TFC), else x; with
// EWGS always x.
//
// It panics if spec is the zero QuantSpec; unless min < max, within 16 bits; if
// a number of elements is not as spec says, an axis out of range, or a group
// less than 1; unless every element of scale is positive and finite, and has a
// finite reciprocal if the rule needs it; if an element of zero is NaN; if zero
// is nil and 0 not a level.
func FakeQuantize[T stepgrad.Float](x, scale, zero *Var[T], spec QuantSpec) *Var[T] {
	l := spec.layoutOf(x.shape)
	zeros := scale
	if zero != nil {
		zeros = zero
	}
	spec.check(l.groups(), x.shape, scale.shape, zeros.shape)
	quantOf(spec, T(1), min(max(0, spec.min), spec.max), spec.options()) // the range, even if there is nothing
	q := newQuantiser(spec, l, scale, zero)
	if scale.node != nil || zero != nil && zero.node != nil || spec.delta != 0 {
		return q.learned(x, scale, zero)
	}
	if x.node == nil || spec.mask == byIdentity {
		return result(q.fake(x.data, nil), x.shape, via(x, pass[T]))
	}
	if spec.mask == byRounded && !l.moved {
		mask := make([]byte, (len(x.data)+7)/8)
		return result(q.fake(x.data, mask), x.shape, byDiagonal(x, keep[T](mask)))
	}
	dst := q.fake(x.data, nil)
	if spec.mask == byStep {
		down, up := q.masked(byDown).passing(x.data, nil), q.masked(byUp).passing(x.data, nil)
		return result(dst, x.shape, viaPlain(x,
			func(dy *Var[T]) *Var[T] { return diagonal(dy, keep[T](towards(dy.data, down, up))) },
			func(dst, dy []T) { keep[T](towards(dy, down, up))(dst, dy) }))
	}
	return result(dst, x.shape, byDiagonal(x, keep[T](q.passing(x.data, nil))))
}

// towards takes the bits of down where dy is negative, of up where it is
// positive, and else those of both.
func towards[T stepgrad.Float](dy []T, down, up []byte) []byte {
	bits := make([]byte, len(up))
	for i, v := range dy {
		from := down[i>>3] & up[i>>3]
		if v < 0 {
			from = down[i>>3]
		} else if v > 0 {
			from = up[i>>3]
		}
		bits[i>>3] |= from & (1 << (i & 7))
	}
	return bits
}

func quantPanic(format string, args ...any) {
	panic("autograd: FakeQuantize: " + fmt.Sprintf(format, args...))
}

// A layout says which elements share a scale. In the order of arrange they are
// the runs of group columns, or fewer at the end of a row, of a matrix.
type layout struct {
	rows, cols, group int
	perRow            int  // groups
	moved             bool // arrange changes the order: the axis is not the first
	outer, inner      int  // if so, around the axis
}

func (l layout) groups() int { return l.rows * l.perRow }

// run is where group g lies.
func (l layout) run(g int) (from, to int) {
	row, at := g/l.perRow*l.cols, g%l.perRow*l.group
	return row + at, row + min(at+l.group, l.cols)
}

func (s QuantSpec) layoutOf(shape []int) layout {
	n := size(shape)
	l := layout{rows: 1, cols: n, group: n, perRow: 1}
	switch s.share {
	case byChannel:
		k := axisOf("FakeQuantize", shape, s.axis)
		l.outer, _, l.inner = split(shape, k)
		l.rows, l.cols = shape[k], l.outer*l.inner
		l.group, l.moved = l.cols, l.outer > 1 && l.rows > 1
	case byGroup:
		k := axisOf("FakeQuantize", shape, -1)
		if s.every < 1 {
			quantPanic("a group of %d elements must be at least 1", s.every)
		}
		l.rows, l.cols = size(shape[:k]), shape[k]
		l.group, l.perRow = min(s.every, l.cols), 0
		if l.cols > 0 {
			l.perRow = (l.cols-1)/l.group + 1
		}
	}
	return l
}

// arrange returns x with the elements that share a scale together.
func arrange[T stepgrad.Float](l layout, x []T) []T {
	if !l.moved {
		return x
	}
	dst := blank[T](len(x))
	exchange(dst, x, l.outer, l.rows, l.inner)
	return dst
}

// restore undoes arrange where something has moved.
func restore[T stepgrad.Float](l layout, dst, x []T) { exchange(dst, x, l.rows, l.outer, l.inner) }

func restored[T stepgrad.Float](l layout, x []T) []T {
	if !l.moved {
		return x
	}
	dst := blank[T](len(x))
	restore(l, dst, x)
	return dst
}

// exchange transposes n × m blocks of inner elements each.
func exchange[T stepgrad.Float](dst, x []T, n, m, inner int) {
	const tile = 16 // what is read and what is written stays in the cache
	for i0 := 0; i0 < n; i0 += tile {
		for j0 := 0; j0 < m; j0 += tile {
			for j := j0; j < min(m, j0+tile); j++ {
				if inner == 1 {
					for i := i0; i < min(n, i0+tile); i++ {
						dst[j*n+i] = x[i*m+j]
					}
					continue
				}
				for i := i0; i < min(n, i0+tile); i++ {
					copy(dst[(j*n+i)*inner:][:inner], x[(i*m+j)*inner:])
				}
			}
		}
	}
}

// from is where arrange puts element i.
func (l layout) from(i int) int {
	j, in := i/l.inner, i%l.inner
	return (j%l.rows*l.outer+j/l.rows)*l.inner + in
}

// expand repeats the element of each group, to a tensor of the given shape;
// collapse sums up each group. They are each other's gradient.
func expand[T stepgrad.Float](l layout, s *Var[T], shape []int) *Var[T] {
	dst := make([]T, size(shape))
	for g := range l.groups() {
		from, to := l.run(g)
		repeat(dst[from:to], s.data[g])
	}
	return result(restored(l, dst), shape, via(s, func(dy *Var[T]) *Var[T] { return collapse(l, dy, s.shape) }))
}

func collapse[T stepgrad.Float](l layout, x *Var[T], shape []int) *Var[T] {
	dst, all := make([]T, l.groups()), arrange(l, x.data)
	for g := range dst {
		from, to := l.run(g)
		dst[g] = T(sum(all[from:to]))
	}
	return result(dst, shape, via(x, func(dy *Var[T]) *Var[T] { return expand(l, dy, x.shape) }))
}

func (s QuantSpec) check(groups int, shape, scale, zero []int) {
	switch {
	case s.mask == byNothing:
		quantPanic("the zero QuantSpec: begin with PyTorch, LSQ, Larq, TFC or Brevitas")
	case size(scale) != groups:
		quantPanic("scale has shape %v, but x of shape %v wants %d elements", scale, shape, groups)
	case size(zero) != groups:
		quantPanic("zero has shape %v, but x of shape %v wants %d elements", zero, shape, groups)
	case s.mask == byBound && !(s.bound >= 0):
		quantPanic("bound must be at least 0, not %v", s.bound)
	case s.delta-s.delta != 0:
		quantPanic("delta must be finite, not %v", s.delta)
	case s.gradScale && s.max < 1:
		quantPanic("WithGradScale wants max > 0, not %d", s.max)
	}
}

// A quantiser does the work on the elements.
type quantiser[T stepgrad.Float] struct {
	QuantSpec
	layout
	qs []stepgrad.Quant[T] // of the groups
}

func newQuantiser[T stepgrad.Float](s QuantSpec, l layout, scale, zero *Var[T]) *quantiser[T] {
	q := &quantiser[T]{s, l, make([]stepgrad.Quant[T], l.groups())}
	opts := s.options()
	for g := range q.qs {
		v, k := scale.data[g], 0
		if !(v > 0) || v-v != 0 {
			quantPanic("scale[%d] must be positive and finite, not %v", g, v)
		}
		if zero != nil {
			z := float64(zero.data[g])
			if z != z {
				quantPanic("zero[%d] must not be NaN", g)
			}
			k = int(min(max(math.RoundToEven(z), float64(s.min)), float64(s.max)))
		}
		q.qs[g] = quantOf(s, v, k, opts)
	}
	return q
}

func (s QuantSpec) options() []stepgrad.QuantOption {
	return []stepgrad.QuantOption{stepgrad.WithMode(s.mode), stepgrad.WithRule(s.rule)}
}

func quantOf[T stepgrad.Float](s QuantSpec, scale T, zero int, opts []stepgrad.QuantOption) stepgrad.Quant[T] {
	q, err := stepgrad.NewQuant(scale, zero, s.min, s.max, opts...)
	if err != nil {
		quantPanic("%s", strings.TrimPrefix(err.Error(), "stepgrad: NewQuant: "))
	}
	return q
}

// fake returns the values, and sets the bits of a mask that is not nil as
// PyTorch's rule has them; then the layout has nothing moved.
func (q *quantiser[T]) fake(x []T, mask []byte) []T {
	dst := blank[T](len(x))
	from, to := x, dst
	if q.moved {
		from = arrange(q.layout, x)
		to = from
	}
	bits := func(i, j int) []byte {
		if mask == nil {
			return nil
		}
		return mask[i/8 : (j+7)/8]
	}
	if q.share == byTensor {
		stepgrad.Parallel(len(x), func(i, j int) {
			stepgrad.FakeQuantize(to[i:j], bits(i, j), from[i:j], q.qs[0])
		})
		return dst
	}
	some := max(1, 4096/max(1, q.cols))
	if mask != nil && q.cols%8 != 0 {
		some = q.rows // rows share bytes
	}
	tiles(len(x), some*q.cols, func(_, i, j int) {
		stepgrad.FakeQuantizeRows(to[i:j], bits(i, j), from[i:j], q.cols, q.group, q.quants(i, j))
	})
	if q.moved {
		restore(q.layout, dst, to)
	}
	return dst
}

// quants are those of the whole rows from element i to j.
func (q *quantiser[T]) quants(i, j int) []stepgrad.Quant[T] {
	return q.qs[i/q.cols*q.perRow : j/q.cols*q.perRow]
}

// tiles calls f for pieces of length elements, the last one shorter, on as many
// cores as that is worth; k counts them.
func tiles(n, length int, f func(k, i, j int)) {
	stepgrad.Parallel(n, func(lo, hi int) {
		for k := (lo + length - 1) / length; k*length < hi; k++ {
			f(k, k*length, min(n, (k+1)*length))
		}
	})
}

// sumPiece is how many elements are summed up at a time. The kernel's sums of
// such pieces combine to those of the whole by a kernels.Tree.
const sumPiece = 4 * kernels.SumBlock

// grad computes the gradients: of x, and by group those of scale and zero.
func (q *quantiser[T]) grad(dx, dy, x, dscale, dzero []T) {
	to := dx
	if q.moved {
		dy, x = arrange(q.layout, dy), arrange(q.layout, x)
		to = dy
	}
	kernel := q.mask == byRounded && q.delta == 0
	switch {
	case q.share == byTensor:
		parts := make([][2]T, (len(x)+sumPiece-1)/sumPiece)
		tiles(len(x), sumPiece, func(k, i, j int) {
			if kernel {
				parts[k][0], parts[k][1] = stepgrad.FakeQuantizeGrad(to[i:j], dy[i:j], x[i:j], q.qs[0])
			} else {
				parts[k][0], parts[k][1] = q.gradPiece(to[i:j], dy[i:j], x[i:j], &q.qs[0])
			}
		})
		var scales, zeros kernels.Tree[T]
		for _, p := range parts {
			scales.Add(p[0])
			zeros.Add(p[1])
		}
		dscale[0], dzero[0] = scales.Sum(), zeros.Sum()
	case kernel:
		tiles(len(x), max(1, 4096/max(1, q.cols))*q.cols, func(_, i, j int) {
			g, h := i/q.cols*q.perRow, j/q.cols*q.perRow
			stepgrad.FakeQuantizeGradRows(to[i:j], dy[i:j], x[i:j], q.cols, q.group, q.qs[g:h], dscale[g:h], dzero[g:h])
		})
	default:
		tiles(len(x), max(1, 4096/max(1, q.cols))*q.cols, func(_, first, end int) {
			for g := first / q.cols * q.perRow; g < end/q.cols*q.perRow; g++ {
				var scales, zeros kernels.Tree[T]
				for i, j := q.run(g); i < j; i += sumPiece {
					k := min(j, i+sumPiece)
					scale, zero := q.gradPiece(to[i:k], dy[i:k], x[i:k], &q.qs[g])
					scales.Add(scale)
					zeros.Add(zero)
				}
				dscale[g], dzero[g] = scales.Sum(), zeros.Sum()
			}
		})
	}
	if q.moved {
		restore(q.layout, dx, to)
	}
	if q.gradScale {
		for g, f := range q.factors() {
			dscale[g], dzero[g] = T(dscale[g]*f), T(dzero[g]*f)
		}
	}
}

// factors are LSQ's, by group.
func (q *quantiser[T]) factors() []T {
	f := make([]T, len(q.qs))
	for g := range f {
		i, j := q.run(g)
		f[g] = T(1 / math.Sqrt(float64(max(1, j-i))*float64(q.max)))
	}
	return f
}

// A stretch is what the gradient of so many elements of one group is made of.
type stretch[T stepgrad.Float] struct {
	u, level [512]T   // x/scale, and the clamped level less the zero point
	m, not   [64]byte // where the gradient passes, and where not
}

// load fills in all; dy is for the rule that looks at its signs.
func (q *quantiser[T]) load(s *stretch[T], x, dy []T, of *stepgrad.Quant[T]) {
	u, level, m := s.u[:len(x)], s.level[:len(x)], s.m[:(len(x)+7)/8]
	if q.rule == stepgrad.Divide {
		scale := of.Scale()
		for i, v := range x {
			u[i] = v / scale
		}
	} else {
		stepgrad.Scale(u, x, 1/of.Scale())
	}
	lo, hi := ends(of)
	stepgrad.STEForward(level, m, u, q.mode, lo, hi) // m by LSQ's rule
	if q.rule == stepgrad.ReciprocalZero || q.mask == byRounded {
		unit := quantOf(q.QuantSpec, T(1), of.Zero(), q.options())
		if q.mask == byRounded {
			stepgrad.FakeQuantize(level, m, u, unit)
		} else {
			stepgrad.FakeQuantize(level, nil, u, unit)
		}
	}
	switch q.mask {
	case byBound:
		bound := T(q.bound)
		for i, v := range x {
			set(m, i, -bound <= v && v <= bound)
		}
	case byStep:
		for i, v := range u {
			if v < lo {
				set(m, i, dy[i] < 0)
			} else if v > hi {
				set(m, i, dy[i] > 0)
			}
		}
	case byDown:
		for i, v := range u {
			set(m, i, v <= hi)
		}
	case byUp:
		for i, v := range u {
			set(m, i, lo <= v)
		}
	case byIdentity:
		for i := range m {
			m[i] = 0xff
		}
	}
	for i, b := range m {
		s.not[i] = ^b
	}
}

func set(bits []byte, i int, to bool) {
	var b byte
	if to {
		b = 1
	}
	bits[i>>3] = bits[i>>3]&^(1<<(i&7)) | b<<(i&7)
}

// ends are the levels' ends without the zero point.
func ends[T stepgrad.Float](q *stepgrad.Quant[T]) (lo, hi T) {
	least, most := q.Range()
	return T(least - q.Zero()), T(most - q.Zero())
}

// gradPiece is grad of elements that share a scale.
func (q *quantiser[T]) gradPiece(dx, dy, x []T, of *stepgrad.Quant[T]) (dscale, dzero T) {
	var s stretch[T]
	var scales, zeros float64
	lo, hi := ends(of)
	k := q.shaping(lo, hi)
	for at := 0; at < len(x); at += len(s.u) {
		end := min(len(x), at+len(s.u))
		n := end - at
		d, to, u, level, m := dy[at:end], dx[at:end], s.u[:n], s.level[:n], s.m[:(n+7)/8]
		q.load(&s, x[at:end], d, of)
		shaped := d
		if k != 0 {
			var bent [512]T
			shaped = bent[:n]
			for i, v := range d {
				w := 1 + T(sign(v, k)*(clamped(u[i], lo, hi)-level[i]))
				shaped[i], u[i] = T(v*w), T(u[i]*w)
			}
		}
		stepgrad.STEBackward(u, u, m)
		stepgrad.Sub(level, level, u)
		scales += dot(d, level)
		stepgrad.STEBackward(u, d, s.not[:len(m)])
		zeros -= sum(u)
		stepgrad.STEBackward(to, shaped, m)
	}
	return T(scales), T(zeros * float64(of.Scale()))
}

// dot adds as sum does.
func dot[T stepgrad.Float](x, y []T) float64 {
	var a, b, c, d float64
	for ; len(x) >= 4 && len(y) >= 4; x, y = x[4:], y[4:] {
		a += float64(float64(x[0]) * float64(y[0]))
		b += float64(float64(x[1]) * float64(y[1]))
		c += float64(float64(x[2]) * float64(y[2]))
		d += float64(float64(x[3]) * float64(y[3]))
	}
	for i, v := range x {
		a += float64(float64(v) * float64(y[i]))
	}
	return a + b + (c + d)
}

// shaping is EWGS's factor of a distance in steps.
func (q *quantiser[T]) shaping(lo, hi T) T { return T(q.delta / float64(hi-lo)) }

// sign is v with the sign of d, and 0 where d is 0 or NaN.
func sign[T stepgrad.Float](d, v T) T {
	switch {
	case d > 0:
		return v
	case d < 0:
		return -v
	}
	return 0
}

func clamped[T stepgrad.Float](v, lo, hi T) T { return min(max(v, lo), hi) }

// masked is q with another mask.
func (q *quantiser[T]) masked(m maskRule) *quantiser[T] {
	p := *q
	p.mask = m
	return &p
}

// each calls f for all stretches of x; x and dy are arranged, and dy may be nil
// where no rule looks at it.
func (q *quantiser[T]) each(x, dy []T, f func(at, n int, s *stretch[T], lo, hi T)) {
	var s stretch[T]
	for g := range q.qs {
		of := &q.qs[g]
		lo, hi := ends(of)
		for at, to := q.run(g); at < to; at += len(s.u) {
			end := min(to, at+len(s.u))
			var d []T
			if dy != nil {
				d = dy[at:end]
			}
			q.load(&s, x[at:end], d, of)
			f(at, end-at, &s, lo, hi)
		}
	}
}

// values returns a number for each element of x.
func (q *quantiser[T]) values(x []T, f func(dst []T, s *stretch[T], lo, hi T)) []T {
	dst, all := blank[T](len(x)), arrange(q.layout, x)
	q.masked(byUnrounded).each(all, nil, func(at, n int, s *stretch[T], lo, hi T) { f(dst[at:at+n], s, lo, hi) })
	return restored(q.layout, dst)
}

// passing returns the bits of m; dy is as each has it.
func (q *quantiser[T]) passing(x, dy []T) []byte {
	mask := make([]byte, (len(x)+7)/8)
	if dy != nil {
		dy = arrange(q.layout, dy)
	}
	q.each(arrange(q.layout, x), dy, func(at, n int, s *stretch[T], _, _ T) {
		for i, b := range s.m[:(n+7)/8] {
			if last := n - 8*i; last < 8 {
				b &= 1<<last - 1
			}
			k, shift := at/8+i, at%8
			mask[k] |= b << shift
			if over := b >> (8 - shift); over != 0 {
				mask[k+1] |= over
			}
		}
	})
	if !q.moved {
		return mask
	}
	to := make([]byte, len(mask))
	for i := range x {
		from := q.from(i)
		to[i>>3] |= mask[from>>3] >> (from & 7) & 1 << (i & 7)
	}
	return to
}

// learned is FakeQuantize with gradients that need x.
func (q *quantiser[T]) learned(x, scale, zero *Var[T]) *Var[T] {
	edges := []edge[T]{{to: x.node}, {to: scale.node}}
	if zero != nil {
		edges = append(edges, edge[T]{to: zero.node})
	}
	y := result(q.fake(x.data, nil), x.shape, edges...)
	if y.node != nil {
		spec, l := q.QuantSpec, q.layout // the quants are made again, not kept
		y.node.joint = func(dy *Var[T]) []*Var[T] {
			return newQuantiser(spec, l, scale, zero).grads(dy, x, scale, zero)
		}
	}
	return y
}

// grads returns the gradients of those operands that have a node.
func (q *quantiser[T]) grads(dy, x, scale, zero *Var[T]) (grads []*Var[T]) {
	dx := blank[T](len(x.data))
	dscale, dzero := make([]T, len(q.qs)), make([]T, len(q.qs))
	q.grad(dx, dy.data, x.data, dscale, dzero)
	d := &quantGrad[T]{quantiser: q, dy: dy, x: x, scale: scale, zero: zero}
	d.bits = sync.OnceValue(func() []byte { return q.passing(x.data, dy.data) })
	to := func(v *Var[T], rule func(d *Var[T]) *Var[T]) (e edge[T]) {
		if v != nil {
			e = via(v, rule)
		}
		return e
	}
	if x.node != nil {
		if q.mask == byIdentity && q.delta == 0 {
			grads = append(grads, dy)
		} else {
			grads = append(grads, result(dx, x.shape, to(dy, d.xByDy), to(d.bent(x), d.xByX), to(d.bent(scale), d.xByScale)))
		}
	}
	if scale.node != nil {
		grads = append(grads, result(dscale, scale.shape, to(dy, d.scaleByDy), to(x, d.scaleByX), to(scale, d.scaleByScale), to(zero, d.scaleByZero)))
	}
	if zero != nil && zero.node != nil {
		grads = append(grads, result(dzero, zero.shape, to(dy, d.zeroByDy), to(scale, d.zeroByScale)))
	}
	return grads
}

// A quantGrad holds what the gradients are functions of:
//
//	dx     = dy·m·w
//	dscale = Σ dy·(level − m·w·v)·factor
//	dzero  = Σ −dy·(1−m)·scale·factor
//
// with v = x/scale, level the clamped level without the zero point, and w = 1, or by EWGS
// 1 + k·(clamp(v) − level), k having the sign of dy. Each method is the
// vector-Jacobian product of one of them: d is the gradient of the result.
type quantGrad[T stepgrad.Float] struct {
	*quantiser[T]
	dy, x, scale, zero *Var[T]
	bits               func() []byte
}

// m and not keep the elements where m is 1 and 0.

func (q *quantGrad[T]) m(x *Var[T]) *Var[T] { return diagonal(x, keep[T](q.bits())) }

func (q *quantGrad[T]) not(x *Var[T]) *Var[T] {
	bits := slices.Clone(q.bits())
	for i := range bits {
		bits[i] = ^bits[i]
	}
	return diagonal(x, keep[T](bits))
}

func (q *quantGrad[T]) steps() *Var[T] { return expand(q.layout, q.scale, q.x.shape) }

func (q *quantGrad[T]) v() *Var[T] { return Div(q.x, q.steps()) }

// byV turns a gradient of v, 0 where m is, into one of scale; that of x is
// Div(gv, q.steps()).
func (q *quantGrad[T]) byV(gv *Var[T]) *Var[T] {
	return Neg(collapse(q.layout, q.m(Div(Mul(gv, q.v()), q.steps())), q.scale.shape))
}

// spread repeats the gradient of dscale or dzero, and scales it as they are.
func (q *quantGrad[T]) spread(d *Var[T]) *Var[T] {
	if q.gradScale {
		d = Mul(d, &Var[T]{data: q.factors(), shape: d.shape})
	}
	return expand(q.layout, d, q.x.shape)
}

// bent is x or scale where dx depends on them.
func (q *quantGrad[T]) bent(v *Var[T]) *Var[T] {
	if q.delta == 0 {
		return nil
	}
	return v
}

// level is the clamped level without the zero point.
func (q *quantGrad[T]) level() *Var[T] {
	dst := q.values(q.x.data, func(dst []T, s *stretch[T], _, _ T) { copy(dst, s.level[:]) })
	if q.zero == nil {
		return &Var[T]{data: dst, shape: q.x.shape}
	}
	return result(dst, q.x.shape, via(q.zero, q.levelByZero))
}

func (q *quantGrad[T]) levelByZero(d *Var[T]) *Var[T] {
	return Neg(collapse(q.layout, q.not(d), q.zero.shape))
}

// slope is k, and inside keeps the elements where clamp(v) has the derivative 1.

func (q *quantGrad[T]) slope() *Var[T] {
	dst := make([]T, len(q.x.data))
	k := q.shaping(T(q.min), T(q.max))
	for i, d := range q.dy.data {
		dst[i] = sign(d, k)
	}
	return &Var[T]{data: dst, shape: q.x.shape}
}

func (q *quantGrad[T]) inside(x *Var[T]) *Var[T] {
	return diagonal(x, keep[T](q.masked(byUnrounded).passing(q.x.data, nil)))
}

// w times x.
func (q *quantGrad[T]) w(x *Var[T]) *Var[T] {
	if q.delta == 0 {
		return x
	}
	dst := q.values(q.x.data, func(dst []T, s *stretch[T], lo, hi T) {
		for i := range dst {
			dst[i] = clamped(s.u[i], lo, hi) - s.level[i]
		}
	})
	moved := result(dst, q.x.shape, via(q.v(), q.inside))
	return Mul(Add(Mul(q.slope(), moved), scalar(T(1))), x)
}

func (q *quantGrad[T]) xByDy(d *Var[T]) *Var[T] { return q.m(q.w(d)) }

func (q *quantGrad[T]) xByV(d *Var[T]) *Var[T] {
	return q.inside(q.m(Mul(Mul(d, q.dy), q.slope())))
}

func (q *quantGrad[T]) xByX(d *Var[T]) *Var[T] { return Div(q.xByV(d), q.steps()) }

func (q *quantGrad[T]) xByScale(d *Var[T]) *Var[T] { return q.byV(q.xByV(d)) }

func (q *quantGrad[T]) scaleByDy(d *Var[T]) *Var[T] {
	return Mul(q.spread(d), Sub(q.level(), q.m(q.w(q.v()))))
}

func (q *quantGrad[T]) scaleByV(d *Var[T]) *Var[T] {
	by := Mul(q.spread(d), q.dy)
	gv := q.m(q.w(by))
	if q.delta != 0 {
		gv = Add(gv, q.inside(q.m(Mul(Mul(by, q.v()), q.slope()))))
	}
	return Neg(gv)
}

func (q *quantGrad[T]) scaleByX(d *Var[T]) *Var[T] { return Div(q.scaleByV(d), q.steps()) }

func (q *quantGrad[T]) scaleByScale(d *Var[T]) *Var[T] { return q.byV(q.scaleByV(d)) }

func (q *quantGrad[T]) scaleByZero(d *Var[T]) *Var[T] {
	return q.levelByZero(Mul(q.spread(d), q.dy))
}

func (q *quantGrad[T]) zeroByDy(d *Var[T]) *Var[T] {
	return Neg(q.not(Mul(q.spread(d), q.steps())))
}

func (q *quantGrad[T]) zeroByScale(d *Var[T]) *Var[T] {
	return Neg(collapse(q.layout, q.not(Mul(q.spread(d), q.dy)), q.scale.shape))
}

// LSQScale returns the scale with which learned step size quantisation starts,
//
//	2·mean|x|/√max
//
// max being the greatest level (Esser et al. 2020): of a tensor, or of a
// channel's elements. Where that is 0, or there are no elements, it is 1. The
// sum is accumulated in float64. It panics unless max is at least 1.
func LSQScale[T stepgrad.Float](x []T, max int) T {
	if max < 1 {
		panic(fmt.Sprintf("autograd: LSQScale: max must be at least 1, not %d", max))
	}
	scale := T(2 * meanAbs(x) / math.Sqrt(float64(max)))
	if scale == 0 || len(x) == 0 {
		return 1
	}
	return scale
}

func meanAbs[T stepgrad.Float](x []T) float64 {
	total := 0.0
	for _, v := range x {
		total += math.Abs(float64(v))
	}
	return total / float64(len(x))
}
