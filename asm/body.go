package main

import (
	"fmt"
	"math"

	"github.com/stepgrad/stepgrad/kernels"
)

// A V is a vector of lanes, an M a mask with one truth value a lane. Both name
// values of a Body: the vocabulary below records operations in order, each
// machine turns the record into instructions.
type (
	V struct{ id int }
	M struct{ id int }
)

// A Body is a kernel's vector code for one loop iteration, written once for
// every machine. Lanes are the type the arithmetic is done in; elements are
// what lies in memory. They differ for wide kernels, which load float32 into
// float64 lanes and round once on the way back.
type Body struct {
	Lane int // 32 or 64
	Elem int // 32 or 64

	ops  []op
	seen map[op]int
	// The results, as ids; none where the shape has no such operand.
	y, grad, bit int
	acc          []int // what becomes of the accumulators
	words        []int // the results for each counter
}

const none = -1

// Result is what a body computes: Y for dst, Grad for f′ (which the loop
// multiplies by dy, or stores in grad), Bit for the mask.
type Result struct {
	Y, Grad V
	Bit     M
	Acc     []V // the accumulators' new values, for shapes that reduce
	Words   []V // the results for each counter, for counted
}

type code uint8

const (
	opX     code = iota // the loaded elements of x (dy, for kernels.FromMask and ZipGrad); imm: the column, for columns
	opY                 // of y
	opBit               // the loaded mask bits
	opConst             // imm: the lane's bits
	opParam             // imm: index of the scalar parameter or coefficient
	opAcc               // imm: index of the accumulator
	opAdd
	opSub
	opMul
	opDiv
	opSqrt
	opFMA     // a·b + c
	opFNMA    // c − a·b
	opRound   // imm: kernels.Mode
	opGreater // a where a > b, else b: NaN and equal zeros give b
	opLess    // a where a < b, else b
	opAnd
	opOr
	opXor
	opAndNot // a &^ b
	opOrAnd  // a & b | c
	opIAdd   // lanes as integers
	opISub
	opIMul  // of the low halves, exact
	opWiden // the low half, a float32, as a float64
	opShl   // imm
	opShr   // imm, zeros shifted in
	opLT    // a < b; false for NaN, like opLE and opEQ
	opLE
	opEQ
	opIGT    // a > b as signed integers
	opBoth   // mask ∧ mask
	opSelect // a: mask; b where set, else c
)

var codeNames = [...]string{
	"x", "y", "bit", "const", "param", "acc", "add", "sub", "mul", "div", "sqrt", "fma", "fnma", "round", "greater", "less",
	"and", "or", "xor", "andnot", "orand", "iadd", "isub", "imul", "widen", "shl", "shr", "lt", "le", "eq", "igt", "both", "select",
}

func (c code) String() string { return codeNames[c] }

// An op is one operation; a, b and c are ids of its operands, or none.
type op struct {
	code    code
	a, b, c int
	imm     uint64
}

func (o op) args() []int {
	var ids []int
	for _, id := range []int{o.a, o.b, o.c} {
		if id != none {
			ids = append(ids, id)
		}
	}
	return ids
}

// newBody records f for lanes and elements of the given widths.
func newBody(lane, elem int, shape kernels.Shape, f func(b *Body) Result) *Body {
	b := &Body{Lane: lane, Elem: elem, seen: map[op]int{}, y: none, grad: none, bit: none}
	r := f(b)
	switch shape {
	case kernels.MapGrad:
		b.grad = r.Grad.id
	case kernels.MapBoth:
		b.y, b.grad = r.Y.id, r.Grad.id
	case kernels.ToMask:
		b.y, b.bit = r.Y.id, r.Bit.id
	case reduce, counted:
	default:
		b.y = r.Y.id
	}
	for _, v := range r.Acc {
		b.acc = append(b.acc, v.id)
	}
	for _, v := range r.Words {
		b.words = append(b.words, v.id)
	}
	b.prune()
	return b
}

// emit records an operation once: a repeated one is the same value.
func (b *Body) emit(o op) int {
	if id, ok := b.seen[o]; ok {
		return id
	}
	b.ops = append(b.ops, o)
	b.seen[o] = len(b.ops) - 1
	return len(b.ops) - 1
}

// prune drops what no result needs, such as the value in a gradient kernel.
func (b *Body) prune() {
	live := make([]bool, len(b.ops))
	for _, id := range b.results() {
		live[id] = true
	}
	for id := len(b.ops) - 1; id >= 0; id-- {
		if live[id] {
			for _, a := range b.ops[id].args() {
				live[a] = true
			}
		}
	}
	to := make([]int, len(b.ops))
	at := func(id int) int {
		if id == none {
			return none
		}
		return to[id]
	}
	var kept []op
	for id, o := range b.ops {
		if live[id] {
			to[id] = len(kept)
			kept = append(kept, op{o.code, at(o.a), at(o.b), at(o.c), o.imm})
		}
	}
	b.ops, b.seen = kept, nil
	b.y, b.grad, b.bit = at(b.y), at(b.grad), at(b.bit)
	for k, id := range b.acc {
		b.acc[k] = at(id)
	}
	for k, id := range b.words {
		b.words[k] = at(id)
	}
}

func (b *Body) results() []int {
	var ids []int
	for _, id := range []int{b.y, b.grad, b.bit} {
		if id != none {
			ids = append(ids, id)
		}
	}
	return append(append(ids, b.acc...), b.words...)
}

// lastUse gives, for every value, the index of the last operation that reads
// it; results are read after the last operation.
func (b *Body) lastUse() []int {
	last := make([]int, len(b.ops))
	for i, o := range b.ops {
		for _, a := range o.args() {
			last[a] = i
		}
	}
	for _, id := range b.results() {
		last[id] = len(b.ops)
	}
	return last
}

// invariant marks the values that are the same in every iteration.
func (b *Body) invariant() []bool {
	inv := make([]bool, len(b.ops))
	for i, o := range b.ops {
		inv[i] = o.code != opX && o.code != opY && o.code != opBit && o.code != opAcc
		for _, a := range o.args() {
			inv[i] = inv[i] && inv[a]
		}
	}
	return inv
}

func (b *Body) v(c code, imm uint64, args ...V) V {
	o := op{c, none, none, none, imm}
	for i, a := range args {
		*[]*int{&o.a, &o.b, &o.c}[i] = a.id
	}
	return V{b.emit(o)}
}

func (b *Body) m(c code, x, y V) M { return M{b.emit(op{c, x.id, y.id, none, 0})} }

// The vocabulary. Every operation is correctly rounded or exact, so all
// machines agree bit for bit.

// X is the vector of input elements, Y that of a second operand, Bit their mask
// bits.
func (b *Body) X() V   { return b.v(opX, 0) }
func (b *Body) Y() V   { return b.v(opY, 0) }
func (b *Body) Bit() M { return M{b.emit(op{opBit, none, none, none, 0})} }

// Column is the i-th column of x.
func (b *Body) Column(i int) V { return b.v(opX, uint64(i)) }

// Param is the i-th scalar after the operands, or the i-th coefficient.
func (b *Body) Param(i int) V { return b.v(opParam, uint64(i)) }

// Acc is the i-th accumulator, before this vector.
func (b *Body) Acc(i int) V { return b.v(opAcc, uint64(i)) }

// Float is a constant in every lane; it must be exact in the lane's type
// where exactness matters.
func (b *Body) Float(x float64) V {
	if b.Lane == 32 {
		return b.Bits(uint64(math.Float32bits(float32(x))))
	}
	return b.Bits(math.Float64bits(x))
}

// Bits is a constant by its bit pattern.
func (b *Body) Bits(x uint64) V { return b.v(opConst, x) }

func (b *Body) Add(x, y V) V     { return b.v(opAdd, 0, x, y) }
func (b *Body) Sub(x, y V) V     { return b.v(opSub, 0, x, y) }
func (b *Body) Mul(x, y V) V     { return b.v(opMul, 0, x, y) }
func (b *Body) Div(x, y V) V     { return b.v(opDiv, 0, x, y) }
func (b *Body) Sqrt(x V) V       { return b.v(opSqrt, 0, x) }
func (b *Body) FMA(x, y, z V) V  { return b.v(opFMA, 0, x, y, z) }
func (b *Body) FNMA(x, y, z V) V { return b.v(opFNMA, 0, x, y, z) }

// Greater is x where x > y, else y; Less is x where x < y, else y.
func (b *Body) Greater(x, y V) V { return b.v(opGreater, 0, x, y) }
func (b *Body) Less(x, y V) V    { return b.v(opLess, 0, x, y) }

func (b *Body) And(x, y V) V    { return b.v(opAnd, 0, x, y) }
func (b *Body) Or(x, y V) V     { return b.v(opOr, 0, x, y) }
func (b *Body) Xor(x, y V) V    { return b.v(opXor, 0, x, y) }
func (b *Body) AndNot(x, y V) V { return b.v(opAndNot, 0, x, y) }

// WithSign is h, which is not negative, with the sign of x.
func (b *Body) WithSign(h, x V) V { return b.v(opOrAnd, 0, x, b.SignBit(), h) }

// IAdd, ISub, Shl and Shr treat lanes as integers of the lane's width; IMul is
// the product of the low halves of lanes of 64 bits. Widen converts the low half,
// a float32, to the lane.
func (b *Body) IAdd(x, y V) V    { return b.v(opIAdd, 0, x, y) }
func (b *Body) ISub(x, y V) V    { return b.v(opISub, 0, x, y) }
func (b *Body) IMul(x, y V) V    { return b.v(opIMul, 0, x, y) }
func (b *Body) Widen(x V) V      { return b.v(opWiden, 0, x) }
func (b *Body) Shl(x V, k int) V { return b.v(opShl, uint64(k), x) }
func (b *Body) Shr(x V, k int) V { return b.v(opShr, uint64(k), x) }

func (b *Body) LT(x, y V) M          { return b.m(opLT, x, y) }
func (b *Body) LE(x, y V) M          { return b.m(opLE, x, y) }
func (b *Body) EQ(x, y V) M          { return b.m(opEQ, x, y) }
func (b *Body) IGT(x, y V) M         { return b.m(opIGT, x, y) }
func (b *Body) Both(x, y M) M        { return M{b.emit(op{opBoth, x.id, y.id, none, 0})} }
func (b *Body) Select(m M, x, y V) V { return V{b.emit(op{opSelect, m.id, x.id, y.id, 0})} }

// SignBit has the sign bit set in every lane, and no other.
func (b *Body) SignBit() V   { return b.Bits(1 << (b.Lane - 1)) }
func (b *Body) Abs(x V) V    { return b.AndNot(x, b.SignBit()) }
func (b *Body) Neg(x V) V    { return b.Xor(x, b.SignBit()) }
func (b *Body) SignOf(x V) V { return b.And(x, b.SignBit()) }
func (b *Body) Zero() V      { return b.Bits(0) }
func (b *Body) isZero(id int) bool {
	return b.ops[id].code == opConst && b.ops[id].imm == 0
}

// Round is the rounding m. No machine but NEON rounds ties away from zero, so
// that is made of others: the largest float below ½, with x's sign, carries x
// past the next integer exactly where |x|'s fraction is at least ½.
func (b *Body) Round(x V, m kernels.Mode) V {
	if m != kernels.NearestAway {
		return b.v(opRound, uint64(m), x)
	}
	half := math.Nextafter(0.5, 0)
	if b.Lane == 32 {
		half = float64(math.Nextafter32(0.5, 0))
	}
	return b.Round(b.Add(x, b.WithSign(b.Float(half), x)), kernels.TowardZero)
}

// String lists the record, for tests and for reading.
func (b *Body) String() string {
	s := ""
	for id, o := range b.ops {
		s += fmt.Sprintf("%3d %-8v", id, o.code)
		for _, a := range o.args() {
			s += fmt.Sprintf(" %d", a)
		}
		if o.imm != 0 {
			s += fmt.Sprintf(" #%#x", o.imm)
		}
		s += "\n"
	}
	return s
}
