package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
	"github.com/stepgrad/stepgrad/kernels"
)

// amd64File compiles every routine for the amd64 tiers and prints the assembly.
func amd64File(rs []routine) ([]byte, *ir.File, error) {
	c := &amd64{Context: build.NewContext(), pool: map[string]operand.Mem{}}
	c.ConstraintExpr("!purego")
	for _, r := range rs {
		(&avx2{amd64: c, routine: r}).emit()
	}
	f, err := c.Result()
	if err != nil {
		return nil, nil, err
	}
	if err := pass.Compile.Execute(f); err != nil {
		return nil, nil, err
	}
	src, err := printer.NewGoAsm(printer.Config{Name: "asm", Pkg: "stepgrad"}).Print(f)
	return src, f, err
}

// amd64 is the file being built, and its constants.
type amd64 struct {
	*build.Context
	pool map[string]operand.Mem
}

// vector is constant data of any number of values of the given width, shared
// by all routines.
func (c *amd64) vector(name string, width int, values ...uint64) operand.Mem {
	if m, ok := c.pool[name]; ok {
		return m
	}
	m := c.StaticGlobal(name)
	c.DataAttributes(attr.RODATA | attr.NOPTR)
	for _, v := range values {
		if width == 32 {
			c.AppendDatum(operand.U32(v))
		} else {
			c.AppendDatum(operand.U64(v))
		}
	}
	c.pool[name] = m
	return m
}

// splat is a constant in every lane of a 256-bit vector.
func (c *amd64) splat(lane int, bits uint64) operand.Mem {
	values := make([]uint64, 256/lane)
	for i := range values {
		values[i] = bits
	}
	return c.vector(fmt.Sprintf("splat%d_%0*x", lane, lane/4, bits), lane, values...)
}

// avx2 lowers one routine to AVX2 and FMA.
type avx2 struct {
	*amd64
	routine

	ptr       map[string]reg.GPVirtual
	n         reg.GPVirtual
	last      []int
	inv       []bool
	val       []operand.Op // of every value of the body, in this iteration
	bits      reg.GPVirtual
	window    reg.GPVirtual // the tail's index into the mask tables
	table     map[int]reg.GPVirtual
	inRegs    bool // invariant values live in registers
	lanes     int  // of one vector
	group     int  // elements of the smallest full step
	vecs      int  // vectors of one group
	unroll    int  // groups of the main loop
	tailMasks map[int]reg.VecVirtual
}

// hoistLimit is how many invariant values leave enough of the 16 registers to
// the loop; with more, they are memory operands.
const hoistLimit = 7

func (a *avx2) emit() {
	b := a.body
	a.lanes = 256 / b.Lane
	a.group, a.vecs = a.lanes, 1
	if a.masked() {
		a.group, a.vecs = 8, 8/a.lanes
	}
	switch n := len(b.ops); {
	case n <= 16:
		a.unroll = 4
	default:
		a.unroll = 2
	}
	if a.vecs > 1 {
		a.unroll = 2
	}
	a.last, a.inv = b.lastUse(), b.invariant()

	a.Function(a.name("AVX2"))
	a.Attributes(attr.NOSPLIT)
	a.Pragma("noescape")
	a.SignatureExpr(a.signature())
	a.ptr = map[string]reg.GPVirtual{}
	for _, p := range a.operands() {
		a.ptr[p.name] = a.GP64()
		a.Load(a.Param(p.name), a.ptr[p.name])
	}
	a.n = a.GP64()
	a.Load(a.Param("n"), a.n)
	a.preamble()

	loop, single, tail, done := "loop", "single", "tail", "done"
	a.CMPQ(a.n, operand.U32(a.unroll*a.group))
	a.JB(operand.LabelRef(single))
	a.align()
	a.Label(loop)
	a.step(a.unroll)
	a.CMPQ(a.n, operand.U32(a.unroll*a.group))
	a.JAE(operand.LabelRef(loop))
	a.Label(single)
	a.CMPQ(a.n, operand.U32(a.group))
	a.JB(operand.LabelRef(tail))
	a.step(1)
	a.JMP(operand.LabelRef(single))
	a.Label(tail)
	a.TESTQ(a.n, a.n)
	a.JZ(operand.LabelRef(done))
	a.tail()
	a.Label(done)
	a.VZEROUPPER()
	a.RET()
}

// masked reports whether the kernel reads or writes mask bytes.
func (a *avx2) masked() bool {
	return a.kernel.Shape == kernels.ToMask || a.kernel.Shape == kernels.FromMask
}

// align starts the next instruction on a 32-byte boundary: where a short loop
// happens to lie would else move it by up to a factor of two.
func (a *avx2) align() {
	a.Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.Imm(32)}})
}

// preamble computes what every iteration shares: into registers where there
// are few, else constants stay in read-only memory and the rest goes to the
// stack, both as memory operands.
func (a *avx2) preamble() {
	b := a.body
	a.val = make([]operand.Op, len(b.ops))
	needed := 0 // invariant values that the iterations read
	inLoop := make([]bool, len(b.ops))
	for i, o := range b.ops {
		for _, id := range o.args() {
			if !a.inv[i] && a.inv[id] && !inLoop[id] {
				inLoop[id] = true
				needed++
			}
		}
	}
	a.inRegs = needed <= hoistLimit
	var c reg.Register
	if a.coefficients() {
		c = a.Load(a.Param("c"), a.GP64())
	}
	for i, o := range b.ops {
		switch {
		case !a.inv[i]:
		case o.code == opConst && !a.inRegs:
			a.val[i] = a.splat(b.Lane, o.imm)
		case o.code == opParam && c != nil:
			y := a.YMM()
			a.VBROADCASTSD(operand.Mem{Base: c, Disp: 8 * int(o.imm)}, y)
			a.val[i] = y
		case o.code == opParam:
			y := a.YMM()
			a.broadcast(a.address(a.scalars()[o.imm].name), y)
			a.val[i] = y
		default:
			a.lower(i, o)
		}
		if a.inv[i] && !a.inRegs && o.code != opConst && inLoop[i] {
			m := a.AllocLocal(32)
			a.VMOVUPD(a.val[i], m)
			a.val[i] = m
		}
	}
}

// address is where a scalar argument lies; loading it through the address
// keeps SSE instructions out.
func (a *avx2) address(name string) operand.Mem {
	basic, err := a.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return basic.Addr
}

// broadcast fills y with the lane at m.
func (a *avx2) broadcast(m operand.Mem, y reg.VecVirtual) {
	if a.body.Lane == 32 {
		a.VBROADCASTSS(m, y)
	} else {
		a.VBROADCASTSD(m, y)
	}
}

// step emits the given number of full groups and moves on.
func (a *avx2) step(groups int) {
	for g := range groups {
		for v := range a.vecs {
			a.vector256(g, v, false)
		}
	}
	for _, p := range a.operands() {
		a.ADDQ(operand.U32(a.size(p)*groups*a.group/8), a.ptr[p.name])
	}
	a.SUBQ(operand.U32(groups*a.group), a.n)
}

// size is the number of bits of memory an operand takes per element.
func (r routine) size(p param) int {
	switch p.typ {
	case "*byte":
		return 1
	case "*int32", "*float32":
		return 32
	}
	return 64
}

// tail runs the same vector instructions on the last n < group elements, with
// loads and stores masked. A mask is a window on a table of eight ones and
// eight zeros.
func (a *avx2) tail() {
	a.window = a.GP64()
	a.MOVL(operand.U32(8), a.window.As32())
	a.SUBQ(a.n, a.window)
	a.table = map[int]reg.GPVirtual{}
	for v := range a.vecs {
		a.tailMasks = map[int]reg.VecVirtual{}
		a.vector256(0, v, true)
	}
}

// tailMask has ones in the lanes of width w that are elements, for the vector
// that starts at element first.
func (a *avx2) tailMask(w, first int) reg.VecVirtual {
	if m, ok := a.tailMasks[w]; ok {
		return m
	}
	t, ok := a.table[w]
	if !ok {
		values := make([]uint64, 16)
		for i := range 8 {
			values[i] = 1<<w - 1
		}
		t = a.GP64()
		a.LEAQ(a.vector(fmt.Sprintf("ones%d", w), w, values...), t)
		a.table[w] = t
	}
	at := operand.Mem{Base: t, Index: a.window, Scale: uint8(w / 8), Disp: first * w / 8}
	var m reg.VecVirtual
	if w*a.lanes == 128 {
		m = a.XMM()
	} else {
		m = a.YMM()
	}
	a.VMOVUPS(at, m)
	a.tailMasks[w] = m
	return m
}

// vector256 emits one vector: vector v of group g.
func (a *avx2) vector256(g, v int, tail bool) {
	b := a.body
	first := g*a.group + v*a.lanes
	for i, o := range b.ops {
		switch {
		case a.inv[i]:
		case o.code == opX:
			a.val[i] = a.load("x", first, tail, a.uses(i) == 1)
		case o.code == opBit:
			a.val[i] = a.loadBits(g, v)
		default:
			a.lower(i, o)
		}
	}
	if b.bit != none {
		a.storeBits(g, v, tail)
	}
	switch a.kernel.Shape {
	case kernels.MapGrad:
		a.store("dst", first, tail, a.product(first, tail, a.val[b.grad]))
	case kernels.MapBoth:
		a.store("dst", first, tail, a.narrow(a.val[b.y]))
		a.store("grad", first, tail, a.narrow(a.val[b.grad]))
	case kernels.MapInt:
		a.storeInts(first, tail, a.val[b.y])
	default:
		a.store("dst", first, tail, a.narrow(a.val[b.y]))
	}
}

func (a *avx2) uses(id int) int {
	n := 0
	for _, o := range a.body.ops {
		for _, arg := range o.args() {
			if arg == id {
				n++
			}
		}
	}
	for _, r := range a.body.results() {
		if r == id {
			n++
		}
	}
	return n
}

// at is the memory of an operand from the given element on.
func (a *avx2) at(name string, first int) operand.Mem {
	for _, p := range a.operands() {
		if p.name == name {
			return operand.Mem{Base: a.ptr[name], Disp: first * a.size(p) / 8}
		}
	}
	panic("asm: " + a.kernel.Name + " has no operand " + name)
}

// load reads a vector of elements into lanes; one that is read once may stay
// in memory.
func (a *avx2) load(name string, first int, tail, once bool) operand.Op {
	m := a.at(name, first)
	y := a.YMM()
	switch {
	case a.wide() && tail:
		x := a.XMM()
		a.VMASKMOVPS(m, a.tailMask(32, first), x)
		a.VCVTPS2PD(x, y)
	case a.wide():
		a.VCVTPS2PD(m, y)
	case tail && a.elem == 32:
		a.VMASKMOVPS(m, a.tailMask(32, first), y)
	case tail:
		a.VMASKMOVPD(m, a.tailMask(64, first), y)
	case once:
		return m
	default:
		a.VMOVUPS(m, y)
	}
	return y
}

func (a *avx2) wide() bool { return a.body.Lane != a.body.Elem }

// narrow rounds lanes to elements.
func (a *avx2) narrow(v operand.Op) reg.VecVirtual {
	if !a.wide() {
		return a.reg(v)
	}
	x := a.XMM()
	a.VCVTPD2PSY(a.reg(v), x)
	return x
}

// product is dy times f′ rounded to elements.
func (a *avx2) product(first int, tail bool, f operand.Op) reg.VecVirtual {
	x := a.narrow(f)
	y := a.YMM()
	if a.wide() {
		y = a.XMM()
	}
	dy := operand.Op(a.at("dy", first))
	if tail {
		z := a.YMM()
		if a.wide() {
			z = a.XMM()
		}
		if a.elem == 32 {
			a.VMASKMOVPS(dy, a.tailMask(32, first), z)
		} else {
			a.VMASKMOVPD(dy, a.tailMask(64, first), z)
		}
		dy = z
	}
	if a.elem == 32 {
		a.VMULPS(dy, x, y)
	} else {
		a.VMULPD(dy, x, y)
	}
	return y
}

func (a *avx2) store(name string, first int, tail bool, x reg.VecVirtual) {
	m := a.at(name, first)
	switch {
	case !tail:
		a.VMOVUPS(x, m)
	case a.elem == 32:
		a.VMASKMOVPS(x, a.tailMask(32, first), m)
	default:
		a.VMASKMOVPD(x, a.tailMask(64, first), m)
	}
}

// storeInts converts integral lanes to int32, saturating, NaN to 0. The
// processor gives INT_MIN for whatever does not fit.
func (a *avx2) storeInts(first int, tail bool, v operand.Op) {
	x := a.reg(v)
	ordered := a.YMM()
	var r reg.VecVirtual
	if a.elem == 32 {
		y, high := a.YMM(), a.YMM()
		a.VCVTTPS2DQ(x, y)
		a.VCMPPS(operand.Imm(geOQ), a.splat(32, 0x4f000000), x, high) // 2^31
		a.VPXOR(high, y, y)                                           // INT_MIN becomes INT_MAX
		a.VCMPPS(operand.Imm(ordQ), x, x, ordered)
		a.VPAND(ordered, y, y)
		r = y
	} else {
		y := a.YMM()
		a.VCMPPD(operand.Imm(ordQ), x, x, ordered)
		a.VANDPD(ordered, x, y)
		a.VMINPD(a.splat(64, 0x41dfffffffc00000), y, y) // 2^31 − 1
		r = a.XMM()
		a.VCVTTPD2DQY(y, r)
	}
	m := a.at("dst", first)
	if tail {
		a.VPMASKMOVD(r, a.tailMask(32, first), m)
	} else {
		a.VMOVDQU(r, m)
	}
}

// loadBits spreads the bits of vector v of a group over the lanes.
func (a *avx2) loadBits(g, v int) reg.VecVirtual {
	y := a.YMM()
	a.VPBROADCASTB(operand.Mem{Base: a.ptr["mask"], Disp: g}, y)
	bit := make([]uint64, a.lanes)
	for i := range bit {
		bit[i] = 1 << (v*a.lanes + i)
	}
	sel := a.YMM()
	a.VMOVDQU(a.vector(fmt.Sprintf("bits%d_%d", a.elem, v), a.elem, bit...), sel)
	a.VPAND(sel, y, y)
	if a.elem == 32 {
		a.VPCMPEQD(sel, y, y)
	} else {
		a.VPCMPEQQ(sel, y, y)
	}
	return y
}

// storeBits gathers the lanes' signs; the last vector of a group writes the byte.
func (a *avx2) storeBits(g, v int, tail bool) {
	m := a.reg(a.val[a.body.bit])
	if tail {
		y := a.YMM()
		a.VANDPS(a.tailMask(a.elem, v*a.lanes), m, y)
		m = y
	}
	bits := a.GP32()
	if a.elem == 32 {
		a.VMOVMSKPS(m, bits)
	} else {
		a.VMOVMSKPD(m, bits)
	}
	if v == 0 {
		a.bits = bits
	} else {
		a.SHLL(operand.Imm(uint64(v*a.lanes)), bits)
		a.ORL(bits, a.bits)
	}
	if v == a.vecs-1 {
		a.MOVB(a.bits.As8(), operand.Mem{Base: a.ptr["mask"], Disp: g})
	}
}

// Predicates of VCMPPS, none of which signals on a quiet NaN.
const (
	eqOQ = 0x00
	ltOQ = 0x11
	leOQ = 0x12
	geOQ = 0x1d
	ordQ = 0x07
)

// reg is v in a register.
func (a *avx2) reg(v operand.Op) reg.VecVirtual {
	if m, ok := v.(operand.Mem); ok {
		y := a.YMM()
		a.VMOVUPS(m, y)
		return y
	}
	return v.(reg.VecVirtual)
}

type inst = func(...operand.Op)

// lower emits operation i of the body.
func (a *avx2) lower(i int, o op) {
	y := a.YMM()
	a.val[i] = y
	arg := func(id int) operand.Op { return a.val[id] }
	pick := func(s, d inst) inst {
		if a.body.Lane == 32 {
			return s
		}
		return d
	}
	// binary emits f(second, first, y): only the second may be in memory.
	binary := func(f inst, first, second int) { f(arg(second), a.reg(arg(first)), y) }
	// commuted keeps a memory operand where it may be.
	commuted := func(f inst) {
		if _, mem := arg(o.a).(operand.Mem); mem {
			binary(f, o.b, o.a)
		} else {
			binary(f, o.a, o.b)
		}
	}
	compare := func(predicate uint64) {
		if a.body.Lane == 32 {
			a.VCMPPS(operand.Imm(predicate), arg(o.b), a.reg(arg(o.a)), y)
		} else {
			a.VCMPPD(operand.Imm(predicate), arg(o.b), a.reg(arg(o.a)), y)
		}
	}
	switch o.code {
	case opConst:
		if o.imm == 0 {
			a.VXORPS(y, y, y)
		} else {
			a.VMOVUPS(a.splat(a.body.Lane, o.imm), y)
		}
	case opAdd:
		commuted(pick(a.VADDPS, a.VADDPD))
	case opMul:
		commuted(pick(a.VMULPS, a.VMULPD))
	case opSub:
		binary(pick(a.VSUBPS, a.VSUBPD), o.a, o.b)
	case opDiv:
		binary(pick(a.VDIVPS, a.VDIVPD), o.a, o.b)
	case opSqrt:
		pick(a.VSQRTPS, a.VSQRTPD)(arg(o.a), y)
	case opFMA:
		a.fused(i, o, y, pick(a.VFMADD213PS, a.VFMADD213PD), pick(a.VFMADD231PS, a.VFMADD231PD))
	case opFNMA:
		a.fused(i, o, y, pick(a.VFNMADD213PS, a.VFNMADD213PD), pick(a.VFNMADD231PS, a.VFNMADD231PD))
	case opRound:
		// Bits 0 and 1 of the immediate select the rounding, bit 3 keeps the inexact flag clear.
		imm := operand.Imm([...]uint64{kernels.Down: 9, kernels.Up: 10, kernels.TowardZero: 11, kernels.NearestEven: 8}[o.imm])
		if a.body.Lane == 32 {
			a.VROUNDPS(imm, arg(o.a), y)
		} else {
			a.VROUNDPD(imm, arg(o.a), y)
		}
	case opGreater: // MAXPS gives its second operand where the first is not greater
		binary(pick(a.VMAXPS, a.VMAXPD), o.a, o.b)
	case opLess:
		binary(pick(a.VMINPS, a.VMINPD), o.a, o.b)
	case opAnd, opBoth:
		commuted(a.VANDPS)
	case opOr:
		commuted(a.VORPS)
	case opXor:
		commuted(a.VXORPS)
	case opAndNot: // the instruction inverts its first operand
		binary(a.VANDNPS, o.b, o.a)
	case opIAdd:
		commuted(pick(a.VPADDD, a.VPADDQ))
	case opISub:
		binary(pick(a.VPSUBD, a.VPSUBQ), o.a, o.b)
	case opShl:
		pick(a.VPSLLD, a.VPSLLQ)(operand.Imm(o.imm), a.reg(arg(o.a)), y)
	case opShr:
		pick(a.VPSRLD, a.VPSRLQ)(operand.Imm(o.imm), a.reg(arg(o.a)), y)
	case opLT:
		compare(ltOQ)
	case opLE:
		compare(leOQ)
	case opEQ:
		compare(eqOQ)
	case opIGT:
		binary(pick(a.VPCMPGTD, a.VPCMPGTQ), o.a, o.b)
	case opSelect:
		switch {
		case a.body.isZero(o.c):
			a.VANDPS(arg(o.b), a.reg(arg(o.a)), y)
		case a.body.isZero(o.b):
			a.VANDNPS(arg(o.c), a.reg(arg(o.a)), y)
		default:
			a.VBLENDVPS(a.reg(arg(o.a)), arg(o.b), a.reg(arg(o.c)), y)
		}
	default:
		panic("asm: avx2 has no " + o.code.String())
	}
}

// fused emits a·b + c. The instructions overwrite an operand, so one that is
// not read again makes a copy unnecessary.
func (a *avx2) fused(i int, o op, y reg.VecVirtual, f213, f231 inst) {
	free := func(id int) bool {
		_, isReg := a.val[id].(reg.VecVirtual)
		return isReg && !a.inv[id] && a.last[id] == i
	}
	x, z, c := o.a, o.b, o.c
	if !free(x) && free(z) {
		x, z = z, x
	}
	if _, mem := a.val[x].(operand.Mem); mem {
		x, z = z, x
	}
	_, cInMem := a.val[c].(operand.Mem)
	_, zInMem := a.val[z].(operand.Mem)
	switch {
	case free(c): // c += x·z
		a.val[i] = a.val[c]
		f231(a.val[z], a.reg(a.val[x]), a.val[c])
	case free(x) && !(cInMem && zInMem): // x = z·x + c
		a.val[i] = a.val[x]
		if zInMem {
			z, c = c, z // 132 would do; load the multiplier instead
			f213(a.val[z], a.reg(a.val[c]), a.val[x])
			return
		}
		f213(a.val[c], a.reg(a.val[z]), a.val[x])
	case cInMem || !zInMem:
		a.VMOVUPS(a.val[x], y)
		f213(a.val[c], a.reg(a.val[z]), y)
	default:
		a.VMOVUPS(a.val[c], y)
		f231(a.val[z], a.reg(a.val[x]), y)
	}
}
