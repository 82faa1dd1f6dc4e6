package main

import (
	"slices"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
	"github.com/stepgrad/stepgrad/kernels"
)

// vectors emits n vectors from the given one on, operation by operation.
func (a *loop) vectors(from, n int, tail bool) {
	invariant := a.val
	val := make([][]operand.Op, n)
	for k := range val {
		val[k] = slices.Clone(invariant)
	}
	for i, o := range a.body.ops {
		if a.inv[i] {
			continue
		}
		a.loaded = map[operand.Mem]reg.VecVirtual{}
		for k := range val {
			a.val = val[k]
			switch o.code {
			case opX, opY:
				// AVX2 has no registers to spare for vectors side by side.
				a.val[i] = a.load(o.code.String(), (from+k)*a.lanes+int(o.imm)*columnLen, tail, a.uses(i) == 1 || a.width == 256 && n > 1)
			case opBit:
				a.val[i] = a.loadBits((from+k)/a.vecs, (from+k)%a.vecs, tail)
			case opAcc:
				a.val[i] = a.acc[o.imm][(from+k)%a.vecs]
			default:
				a.lower(i, o)
			}
		}
	}
	for k := range val {
		a.val = val[k]
		a.results(from+k, tail)
	}
	a.val = invariant
}

// results stores what the body made of vector v.
func (a *loop) results(v int, tail bool) {
	b, first := a.body, v*a.lanes
	if b.bit != none {
		a.storeBits(v/a.vecs, v%a.vecs, tail, a.val[b.bit])
	}
	for i, id := range b.acc {
		if y := a.acc[i][v%a.vecs]; a.val[id] != operand.Op(y) {
			a.VMOVUPS(a.val[id], y)
		}
	}
	switch a.kernel.Shape {
	case reduce:
	case counted:
		dst := a.ptr["dst"]
		for w, id := range b.words {
			at := (v/a.vecs*len(b.words)+w)*a.group + v%a.vecs*a.lanes
			a.move(a.narrow(a.val[id]), operand.Mem{Base: dst, Disp: at * a.elem / 8})
		}
	case toInt8, toInt16:
		a.storeLow(first, a.integers(a.val[b.y]))
	case narrow:
		a.storeLow(first, a.val[b.y].(reg.VecVirtual))
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

func (a *loop) uses(id int) int {
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
func (a *loop) at(name string, first int) operand.Mem {
	for _, p := range a.operands() {
		if p.name == name {
			return operand.Mem{Base: a.ptr[name], Disp: first * a.size(p) / 8}
		}
	}
	panic("asm: " + a.kernel.Name + " has no operand " + name)
}

// load reads a vector of elements into lanes; one that is seldom read may stay
// in memory.
func (a *loop) load(name string, first int, tail, seldom bool) operand.Op {
	m := a.at(name, first)
	y := a.full()
	switch {
	case a.kernel.Shape == counted, a.kernel.Shape == columns:
		a.VMOVUPD(m, y)
	case a.wide() && tail:
		x := a.elems()
		a.loadTail(32, first, m, x)
		a.VCVTPS2PD(x, y)
	case a.wide():
		a.VCVTPS2PD(m, y)
	case tail:
		a.loadTail(a.elem, first, m, y)
	case a.kernel.Shape == widen:
		a.VPMOVZXWD(m, y)
	case a.kernel.Shape >= fromInt8 && a.kernel.Shape <= fromUint16:
		a.extend(m, y)
	case seldom:
		return m
	default:
		a.VMOVUPS(m, y)
	}
	return y
}

// integers rounds lanes to 32-bit integers.
func (a *loop) integers(v operand.Op) reg.VecVirtual {
	w := a.vec(32 * a.lanes)
	switch {
	case a.elem == 32:
		a.VCVTPS2DQ(v, w)
	case a.width == 256:
		a.VCVTPD2DQY(v, w)
	default:
		a.VCVTPD2DQ(v, w)
	}
	return w
}

// storeLow stores the low bits of 32-bit integers, to which the zero point is
// added where there is one: in dst's width it costs least.
func (a *loop) storeLow(first int, w reg.VecVirtual) {
	bits := a.size(a.operands()[0])
	w = a.low(bits, w)
	switch {
	case a.zero == nil:
	case bits == 8:
		a.VPADDB(a.zero, w, w)
	default:
		a.VPADDW(a.zero, w, w)
	}
	switch m := a.at("dst", first); bits * a.lanes {
	case 32:
		a.VMOVD(w, m)
	case 64:
		a.VMOVQ(w, m)
	default:
		a.VMOVDQU(w, m)
	}
}

// extend reads integers into lanes.
func (a *loop) extend(m operand.Mem, y reg.VecVirtual) {
	extend := map[kernels.Shape]inst{
		fromInt8: x86.VPMOVSXBD, fromUint8: x86.VPMOVZXBD, fromInt16: x86.VPMOVSXWD, fromUint16: x86.VPMOVZXWD,
	}[a.kernel.Shape]
	if a.body.Lane == 32 {
		x := a.full()
		a.do(extend, m, x)
		a.VCVTDQ2PS(x, y)
		return
	}
	x := a.vec(a.width / 2)
	a.do(extend, m, x)
	a.VCVTDQ2PD(x, y)
}

// narrow rounds lanes to elements.
func (a *loop) narrow(v operand.Op) reg.VecVirtual {
	if !a.wide() {
		return a.reg(v)
	}
	x := a.elems()
	if a.width == 256 {
		a.VCVTPD2PSY(a.reg(v), x)
	} else {
		a.VCVTPD2PS(a.reg(v), x)
	}
	return x
}

// product is dy times f′ rounded to elements.
func (a *loop) product(first int, tail bool, f operand.Op) reg.VecVirtual {
	x, y := a.narrow(f), a.elems()
	dy := operand.Op(a.at("dy", first))
	if tail {
		z := a.elems()
		a.loadTail(a.elem, first, dy.(operand.Mem), z)
		dy = z
	}
	if a.elem == 32 {
		a.VMULPS(dy, x, y)
	} else {
		a.VMULPD(dy, x, y)
	}
	return y
}

func (a *loop) store(name string, first int, tail bool, x reg.VecVirtual) {
	if m := a.at(name, first); tail {
		a.storeTail(a.elem, first, x, m)
	} else {
		a.move(x, m)
	}
}

func (a *loop) move(x reg.VecVirtual, m operand.Mem) {
	if a.nontemporal {
		a.VMOVNTPS(x, m)
	} else {
		a.VMOVUPS(x, m)
	}
}

func (a *loop) storeInts(first int, tail bool, v operand.Op) {
	x := a.ints(a.reg(v))
	if m := a.at("dst", first); tail {
		a.storeTail(32, first, x, m)
	} else {
		a.move(x, m)
	}
}

// reg is v in a register, to be read only: what was loaded for one of the
// vectors abreast serves the others.
func (a *loop) reg(v operand.Op) reg.VecVirtual {
	m, ok := v.(operand.Mem)
	if !ok {
		return v.(reg.VecVirtual)
	}
	if _, ok := a.loaded[m]; !ok {
		a.loaded[m] = a.full()
		a.copy(m, a.loaded[m])
	}
	return a.loaded[m]
}

// copy sets y to v.
func (a *loop) copy(v operand.Op, y reg.VecVirtual) {
	if m, ok := v.(operand.Mem); ok && a.single[m] {
		a.broadcast(m, y)
	} else {
		a.VMOVUPS(v, y)
	}
}

type inst = func(...operand.Op) (*ir.Instruction, error)

// do emits f; an operand that is a single lane in memory is broadcast.
func (a *loop) do(f inst, operands ...operand.Op) {
	i, err := f(operands...)
	if err != nil {
		panic(err)
	}
	for _, o := range operands {
		if m, ok := o.(operand.Mem); ok && a.single[m] {
			i.Suffixes = append(i.Suffixes, "BCST")
		}
	}
	a.Instruction(i)
}

// byLane is the instruction for the lanes' width.
func (a *loop) byLane(s, d inst) inst {
	if a.body.Lane == 32 {
		return s
	}
	return d
}

// lower emits operation i of the body.
func (a *loop) lower(i int, o op) {
	y := a.full()
	a.val[i] = y
	arg := func(id int) operand.Op { return a.val[id] }
	pick := a.byLane
	// binary emits f second, first, y: only the second may be in memory.
	binary := func(f inst, first, second int) { a.do(f, arg(second), a.reg(arg(first)), y) }
	// commuted keeps a memory operand where it may be.
	commuted := func(f inst) {
		if _, mem := arg(o.a).(operand.Mem); mem {
			binary(f, o.b, o.a)
		} else {
			binary(f, o.a, o.b)
		}
	}
	switch o.code {
	case opConst:
		if o.imm == 0 {
			a.VXORPS(y, y, y)
		} else {
			a.copy(a.constant(o.imm), y)
		}
	case opAdd:
		commuted(pick(x86.VADDPS, x86.VADDPD))
	case opMul:
		commuted(pick(x86.VMULPS, x86.VMULPD))
	case opSub:
		binary(pick(x86.VSUBPS, x86.VSUBPD), o.a, o.b)
	case opDiv:
		binary(pick(x86.VDIVPS, x86.VDIVPD), o.a, o.b)
	case opSqrt:
		a.do(pick(x86.VSQRTPS, x86.VSQRTPD), arg(o.a), y)
	case opFMA:
		a.fused(i, o, y, pick(x86.VFMADD213PS, x86.VFMADD213PD), pick(x86.VFMADD231PS, x86.VFMADD231PD))
	case opFNMA:
		a.fused(i, o, y, pick(x86.VFNMADD213PS, x86.VFNMADD213PD), pick(x86.VFNMADD231PS, x86.VFNMADD231PD))
	case opRound:
		// Bits 0 and 1 of the immediate select the rounding, bit 3 keeps the inexact flag clear.
		imm := operand.Imm([...]uint64{kernels.Down: 9, kernels.Up: 10, kernels.TowardZero: 11, kernels.NearestEven: 8}[o.imm])
		a.round(imm, arg(o.a), y)
	case opGreater: // MAXPS gives its second operand where the first is not greater
		binary(pick(x86.VMAXPS, x86.VMAXPD), o.a, o.b)
	case opLess:
		binary(pick(x86.VMINPS, x86.VMINPD), o.a, o.b)
	case opAnd:
		commuted(pick(x86.VANDPS, x86.VANDPD))
	case opOr:
		commuted(pick(x86.VORPS, x86.VORPD))
	case opXor:
		commuted(pick(x86.VXORPS, x86.VXORPD))
	case opAndNot: // the instruction inverts its first operand
		binary(pick(x86.VANDNPS, x86.VANDNPD), o.b, o.a)
	case opOrAnd:
		a.val[i] = a.orAnd(i, o)
	case opIAdd:
		commuted(pick(x86.VPADDD, x86.VPADDQ))
	case opISub:
		binary(pick(x86.VPSUBD, x86.VPSUBQ), o.a, o.b)
	case opIMul:
		commuted(x86.VPMULUDQ)
	case opWiden:
		a.VCVTPS2PD(a.lowHalves(a.reg(arg(o.a))), y)
	case opShl:
		a.do(pick(x86.VPSLLD, x86.VPSLLQ), operand.Imm(o.imm), a.reg(arg(o.a)), y)
	case opShr:
		a.do(pick(x86.VPSRLD, x86.VPSRLQ), operand.Imm(o.imm), a.reg(arg(o.a)), y)
	case opLT, opLE, opEQ, opIGT:
		a.val[i] = a.compare(o.code, a.reg(arg(o.a)), arg(o.b))
	case opBoth:
		a.val[i] = a.both(arg(o.a), arg(o.b))
	case opSelect:
		if a.body.isZero(o.c) {
			a.val[i] = a.keep(arg(o.a), arg(o.b))
		} else {
			a.val[i] = a.choose(arg(o.a), arg(o.b), arg(o.c))
		}
	default:
		panic("asm: amd64 has no " + o.code.String())
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

var predicates = map[code]uint64{opLT: ltOQ, opLE: leOQ, opEQ: eqOQ}

func (a *loop) compare(c code, x reg.VecVirtual, y operand.Op) operand.Op {
	m := a.mask()
	if c == opIGT {
		a.do(a.byLane(x86.VPCMPGTD, x86.VPCMPGTQ), y, x, m)
	} else {
		a.do(a.byLane(x86.VCMPPS, x86.VCMPPD), operand.Imm(predicates[c]), y, x, m)
	}
	return m
}

// free reports whether operation i may overwrite a value: it is in a register
// and read for the last time.
func (a *loop) free(id, i int) bool {
	_, isReg := a.val[id].(reg.VecVirtual)
	return isReg && !a.inv[id] && a.last[id] == i
}

// fused emits a·b + c. The instructions overwrite an operand, so one that is
// not read again makes a copy unnecessary.
func (a *loop) fused(i int, o op, y reg.VecVirtual, f213, f231 inst) {
	free := func(id int) bool { return a.free(id, i) }
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
		a.do(f231, a.val[z], a.reg(a.val[x]), a.val[c])
	case free(x) && !(cInMem && zInMem): // x = z·x + c
		a.val[i] = a.val[x]
		if zInMem {
			z, c = c, z // 132 would do; load the multiplier instead
			a.do(f213, a.val[z], a.reg(a.val[c]), a.val[x])
			return
		}
		a.do(f213, a.val[c], a.reg(a.val[z]), a.val[x])
	case cInMem || !zInMem:
		a.copy(a.val[x], y)
		a.do(f213, a.val[c], a.reg(a.val[z]), y)
	default:
		a.copy(a.val[c], y)
		a.do(f231, a.val[z], a.reg(a.val[x]), y)
	}
}
