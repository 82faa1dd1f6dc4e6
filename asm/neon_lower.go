package main

import (
	"fmt"
	"slices"

	"github.com/stepgrad/stepgrad/kernels"
)

// Operations that are one instruction, with their operands in order or, for
// those of turned, in reverse.
var (
	plain = map[code]string{
		opAdd: "fadd", opSub: "fsub", opMul: "fmul", opDiv: "fdiv", opSqrt: "fsqrt",
		opAnd: "and", opBoth: "and", opOr: "orr", opXor: "eor", opAndNot: "bic",
		opIAdd: "add", opISub: "sub", opEQ: "fcmeq", opIGT: "cmgt",
	}
	turned    = map[code]string{opLT: "fcmgt", opLE: "fcmge"}
	roundings = map[kernels.Mode]string{
		kernels.Down: "frintm", kernels.Up: "frintp", kernels.TowardZero: "frintz", kernels.NearestEven: "frintn",
	}
)

// lower emits operation i of the body and returns the register of its result.
func (n *neon) lower(i int, o op) int {
	if name, ok := plain[o.code]; ok {
		return n.simple(i, o, name, o.args()...)
	}
	if name, ok := turned[o.code]; ok {
		return n.simple(i, o, name, o.b, o.a)
	}
	switch o.code {
	case opConst:
		return n.fetch(i)
	case opParam:
		return n.scalar(int(o.imm))
	case opRound:
		if name, ok := roundings[kernels.Mode(o.imm)]; ok {
			return n.simple(i, o, name, o.a)
		}
	case opFMA:
		return n.fused(i, o, "fmla")
	case opFNMA:
		return n.fused(i, o, "fmls")
	case opOrAnd:
		a, b, c, d := n.use(o.a), n.use(o.b), n.use(o.c), n.alloc()
		n.vec("and", d, a, b)
		n.vec("orr", d, d, c)
		n.drop(i, o)
		return d
	case opGreater:
		return n.choose(i, o, o.a, o.b)
	case opLess:
		return n.choose(i, o, o.b, o.a)
	case opIMul:
		a, b, d, t := n.use(o.a), n.use(o.b), n.alloc(), n.alloc()
		n.vec("xtn 32", d, a)
		n.vec("xtn 32", t, b)
		n.vec("umull", d, d, t)
		n.free(t)
		n.drop(i, o)
		return d
	case opWiden:
		a, d := n.use(o.a), n.alloc()
		n.vec("xtn 32", d, a)
		n.vec("fcvtl", d, d)
		n.drop(i, o)
		return d
	case opShl:
		return n.shift(i, o, "VSHL")
	case opShr:
		return n.shift(i, o, "VUSHR")
	case opSelect:
		return n.choice(i, o)
	}
	panic(fmt.Sprintf("asm: neon has no %v %d", o.code, o.imm))
}

// simple is an instruction whose result may replace an operand.
func (n *neon) simple(i int, o op, name string, args ...int) int {
	regs := make([]int, 1+len(args))
	for k, id := range args {
		regs[1+k] = n.use(id)
	}
	n.drop(i, o)
	regs[0] = n.alloc()
	n.vec(name, regs...)
	return regs[0]
}

func (n *neon) shift(i int, o op, name string) int {
	a := n.use(o.a)
	n.drop(i, o)
	d := n.alloc()
	n.ins(name, "$%d, %s, %s", o.imm, n.whole(a), n.whole(d))
	return d
}

// fused adds the product to the register that holds the addend.
func (n *neon) fused(i int, o op, name string) int {
	a, b, d := n.use(o.a), n.use(o.b), n.use(o.c)
	if !n.take(i, o.c) {
		c := d
		d = n.alloc()
		n.vec("mov", d, c)
	}
	n.vec(name, d, a, b)
	n.drop(i, o)
	return d
}

// choose is o.a where big > small, else o.b. FMAX would not do: it prefers +0
// to −0, and NaN to a number.
func (n *neon) choose(i int, o op, big, small int) int {
	big, small, a, b := n.use(big), n.use(small), n.use(o.a), n.use(o.b)
	d := n.alloc()
	n.vec("fcmgt", d, big, small)
	n.vec("bsl", d, a, b)
	n.drop(i, o)
	return d
}

// choice overwrites whichever of the mask and the two values is not read
// again.
func (n *neon) choice(i int, o op) (d int) {
	switch {
	case n.body.isZero(o.c):
		return n.simple(i, o, "and", o.b, o.a)
	case n.body.isZero(o.b):
		return n.simple(i, o, "bic", o.c, o.a)
	}
	m, x, y := n.use(o.a), n.use(o.b), n.use(o.c)
	switch {
	case n.take(i, o.a):
		d = m
		n.vec("bsl", d, x, y)
	case n.take(i, o.c):
		d = y
		n.vec("bit", d, x, m)
	case n.take(i, o.b):
		d = x
		n.vec("bif", d, y, m)
	default:
		d = n.alloc()
		n.vec("mov", d, m)
		n.vec("bsl", d, x, y)
	}
	n.drop(i, o)
	return d
}

// scalar spreads the i-th scalar argument or coefficient over the lanes.
func (n *neon) scalar(i int) int {
	d := n.alloc()
	if n.coefficients() {
		n.ins(moves[n.body.Lane], "%d(%s), F%d", n.body.Lane/8*i, regCoef, d)
	} else {
		name := n.scalars()[i].name
		n.ins(moves[n.body.Lane], "%s+%d(FP), F%d", name, n.argument(name), d)
	}
	n.ins("VDUP", "%s, %s", n.first(d), n.whole(d))
	return d
}

// moves are the loads and stores of so many bits.
var moves = map[int]string{32: "FMOVS", 64: "FMOVD", 128: "FMOVQ"}

// move is the instruction and the address for an operand's elements: those of
// a vector or, in the tail, the next one.
func (n *neon) move(name string, vector int) (mnemonic, address string) {
	i := slices.IndexFunc(n.operands(), func(p param) bool { return p.name == name })
	size := n.size(n.operands()[i])
	if n.inTail {
		return moves[size] + ".P", fmt.Sprintf("%d(%s)", size/8, n.ptr[name])
	}
	return moves[size*n.lanes], fmt.Sprintf("%d(%s)", vector*size*n.lanes/8, n.ptr[name])
}

// Two bytes go through a general register.

func (n *neon) load(name string, vector int) int {
	d := n.alloc()
	if mnemonic, address := n.move(name, vector); mnemonic != "" {
		n.ins(mnemonic, "%s, F%d", address, d)
	} else {
		n.ins("MOVHU", "%s, %s", address, regTemp)
		n.ins("FMOVS", "%s, F%d", regTemp, d)
	}
	return d
}

func (n *neon) store(name string, vector, r int) {
	if mnemonic, address := n.move(name, vector); mnemonic != "" {
		n.ins(mnemonic, "F%d, %s", r, address)
	} else {
		n.ins("FMOVS", "F%d, %s", r, regTemp)
		n.ins("MOVH", "%s, %s", regTemp, address)
	}
}

// widened reads elements of an operand into lanes.
func (n *neon) widened(name string, vector int) int {
	d := n.load(name, vector)
	if n.wide() && n.kernel.Shape != counted && n.kernel.Shape != columns {
		n.vec("fcvtl", d, d)
	}
	if n.kernel.Shape == widen {
		n.vec("uxtl 32", d, d)
	}
	if p, ok := integers[n.kernel.Shape]; ok && p.name == name {
		extend := "uxtl"
		if p.typ[1] == 'i' {
			extend = "sxtl"
		}
		for w := n.size(p) * 2; w <= n.body.Lane; w *= 2 {
			n.vec(fmt.Sprintf("%s %d", extend, w), d, d)
		}
		n.vec("scvtf", d, d)
	}
	return d
}

// narrowed is a value rounded to elements. Its register is kept like that of a
// loaded value, under an id that no value has.
func (n *neon) narrowed(id int) int {
	if !n.wide() {
		return n.use(id)
	}
	if _, ok := n.temps[^id]; !ok {
		v := n.use(id)
		d := n.alloc()
		n.vec("fcvtn", d, v)
		n.temps[^id] = d
	}
	return n.temps[^id]
}

// results stores what the body computed for a vector.
func (n *neon) results(vector int) {
	b := n.body
	for k, id := range b.acc {
		if r, to := n.use(id), n.acc[k][vector%n.vecs]; r != to {
			n.vec("mov", to, r)
		}
	}
	switch n.kernel.Shape {
	case reduce:
	case counted:
		for w, id := range b.words {
			at := (vector/n.vecs*len(b.words)+w)*16 + vector%n.vecs*n.lanes
			n.ins(moves[n.elem*n.lanes], "F%d, %d(%s)", n.narrowed(id), at*n.elem/8, n.ptr["dst"])
		}
	case narrow:
		y, d := n.use(b.y), n.alloc()
		n.vec("xtn 16", d, y)
		n.store("dst", vector, d)
		n.free(d)
	case toInt8, toInt16:
		y, d := n.use(b.y), n.alloc()
		n.vec("fcvtns", d, y)
		if b.Lane == 64 {
			n.vec("xtn 32", d, d)
		}
		n.ins("VADD", "V%d.S4, V%d.S4, V%[2]d.S4", n.level, d)
		for w := 16; w >= n.size(n.operands()[0]); w /= 2 {
			n.vec(fmt.Sprintf("xtn %d", w), d, d)
		}
		n.store("dst", vector, d)
		n.free(d)
	case kernels.MapGrad:
		f := n.narrowed(b.grad)
		d := n.load("dy", vector)
		lanes := n.arr
		if n.wide() {
			lanes = "2s"
		}
		n.ins(assemble("fmul", lanes, d, d, f))
		n.store("dst", vector, d)
		n.free(d)
	case kernels.MapInt:
		y := n.use(b.y)
		d := n.alloc()
		n.vec("fcvtzs", d, y) // saturates, and NaN gives 0
		if b.Lane == 64 {
			n.vec("sqxtn", d, d)
		}
		n.store("dst", vector, d)
		n.free(d)
	default:
		if b.bit != none {
			n.storeBit(vector % n.vecs)
		}
		n.store("dst", vector, n.narrowed(b.y))
		if b.grad != none {
			n.store("grad", vector, n.narrowed(b.grad))
		}
	}
	n.release()
}

// loadBit spreads the bits of vector v of a group over the lanes. In the tail
// the next bit comes down to where lane 0 looks for its own.
func (n *neon) loadBit(v int) int {
	sel := n.use(n.selector(v))
	if n.inTail {
		d := n.alloc()
		n.ins("VDUP", "%s, %s", regByte, n.whole(d))
		n.ins("LSR", "$1, %s", regByte)
		n.vec("cmtst", d, d, sel)
		n.release()
		return d
	}
	if v == 0 {
		n.mask = n.alloc()
		n.ins("VLD1R.P", "1(%s), [V%d.B16]", n.ptr["mask"], n.mask)
	}
	d := n.alloc()
	n.vec("cmtst", d, n.mask, sel)
	if v == n.vecs-1 {
		n.free(n.mask)
	}
	n.release()
	return d
}

// storeBit keeps a bit of each lane of vector v of a group; the last vector
// adds them up to the mask byte.
func (n *neon) storeBit(v int) {
	m := n.use(n.body.bit)
	if n.inTail {
		n.ins("VMOV", "%s, %s", n.first(m), regTemp)
		n.ins("AND", "%s, %s", regBit, regTemp)
		n.ins("ORR", "%s, %s", regTemp, regByte)
		n.ins("LSL", "$1, %s", regBit)
		return
	}
	sel := n.use(n.selector(v))
	d := n.alloc()
	n.vec("and", d, m, sel)
	if v == 0 {
		n.mask = d
	} else {
		n.vec("orr", n.mask, n.mask, d)
		n.free(d)
	}
	if v == n.vecs-1 {
		n.ins("VADDV", "V%d.S4, V%[1]d", n.mask)
		n.ins("VST1.P", "V%d.B[0], 1(%s)", n.mask, n.ptr["mask"])
		n.free(n.mask)
	}
}

// vec emits a vector instruction on the body's lanes, destination first.
func (n *neon) vec(mnemonic string, regs ...int) { n.ins(assemble(mnemonic, n.arr, regs...)) }

// whole and first are a register's lanes, and lane 0, in Go's assembly.
func (n *neon) whole(r int) string { return fmt.Sprintf("V%d.%s", r, arrangements[n.arr].goName) }
func (n *neon) first(r int) string { return fmt.Sprintf("V%d.%c[0]", r, arrangements[n.arr].goName[0]) }

// ins adds a line.
func (n *neon) ins(name, operands string, args ...any) {
	fmt.Fprintf(&n.text, "\t%-7s %s\n", name, fmt.Sprintf(operands, args...))
}

func (n *neon) label(name string) { fmt.Fprintf(&n.text, "\n%s:\n", name) }
