package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"
)

// avx512 is AVX-512 F, BW, DQ and VL: 32 registers of 512 bits, and masks in
// registers of their own.
type avx512 struct {
	*loop
	elements reg.OpmaskVirtual // in the tail: a bit per element
}

func (a *avx512) round(imm, x operand.Op, y reg.VecVirtual) {
	if a.body.Lane == 32 {
		a.VRNDSCALEPS(imm, x, y)
	} else {
		a.VRNDSCALEPD(imm, x, y)
	}
}

func (a *avx512) mask() operand.Op { return a.K() }

func (a *avx512) both(m, n operand.Op) operand.Op {
	k := a.K()
	a.KANDW(m, n, k)
	return k
}

func (a *avx512) keep(m, x operand.Op) reg.VecVirtual {
	y := a.ZMM()
	mem, ok := x.(operand.Mem)
	switch single := ok && a.single[mem]; {
	case single && a.body.Lane == 32:
		a.VBROADCASTSS_Z(x, m, y)
	case single:
		a.VBROADCASTSD_Z(x, m, y)
	case a.body.Lane == 32:
		a.VMOVUPS_Z(x, m, y)
	default:
		a.VMOVUPD_Z(x, m, y)
	}
	return y
}

func (a *avx512) choose(m, x, y operand.Op) reg.VecVirtual {
	z := a.ZMM()
	blend := x86.VBLENDMPD
	if a.body.Lane == 32 {
		blend = x86.VBLENDMPS
	}
	i, err := blend(x, a.reg(y), m, z)
	if err != nil {
		panic(err)
	}
	// avo takes every masked result for a merged one, and would keep z alive
	// from the start of the function.
	i.Inputs = i.Inputs[:len(i.Inputs)-1]
	if mem, ok := x.(operand.Mem); ok && a.single[mem] {
		i.Suffixes = append(i.Suffixes, "BCST")
	}
	a.Instruction(i)
	return z
}

// orAnd is one instruction, for any function of three bits: 0xf8 is A | B & C,
// and A is overwritten.
func (a *avx512) orAnd(i int, o op) operand.Op {
	y, ok := a.val[o.c].(reg.VecVirtual)
	if !ok || !a.free(o.c, i) {
		y = a.ZMM()
		a.copy(a.val[o.c], y)
	}
	a.do(a.byLane(x86.VPTERNLOGD, x86.VPTERNLOGQ), operand.Imm(0xf8), a.val[o.b], a.reg(a.val[o.a]), y)
	return y
}

// ints: the processor gives INT_MIN for whatever does not fit.
func (a *avx512) ints(x reg.VecVirtual) reg.VecVirtual {
	ordered, y := a.K(), a.ZMM()
	if a.elem == 32 {
		high := a.K()
		a.VCMPPS(operand.Imm(ordQ), x, x, ordered)
		a.VCMPPS(operand.Imm(geOQ), a.splat(32, 0x4f000000), x, high) // 2^31
		a.VCVTTPS2DQ_Z(x, ordered, y)
		a.VMOVDQU32(a.splat(32, 0x7fffffff), high, y)
		return y
	}
	a.VCMPPD(operand.Imm(ordQ), x, x, ordered)
	a.VMOVUPD_Z(x, ordered, y)
	a.VMINPD(a.splat(64, 0x41dfffffffc00000), y, y) // 2^31 − 1
	r := a.YMM()
	a.VCVTTPD2DQ(y, r)
	return r
}

func (a *avx512) lowHalves(x reg.VecVirtual) reg.VecVirtual {
	y := a.YMM()
	a.VPMOVQD(x, y)
	return y
}

func (a *avx512) low(bits int, w reg.VecVirtual) reg.VecVirtual {
	y := a.vec(max(128, bits*a.lanes))
	if bits == 8 {
		a.VPMOVDB(w, y)
	} else {
		a.VPMOVDW(w, y)
	}
	return y
}

func (a *avx512) startTail() {
	iota := make([]uint64, 16)
	for i := range iota {
		iota[i] = uint64(i)
	}
	n := a.ZMM()
	a.VPBROADCASTD(a.n.As32(), n)
	a.elements = a.K()
	a.VPCMPGTD(a.vector("iota", 32, iota...), n, a.elements)
}

func (a *avx512) loadTail(w, _ int, m operand.Mem, y reg.VecVirtual) {
	if w == 32 {
		a.VMOVUPS_Z(m, a.elements, y)
	} else {
		a.VMOVUPD_Z(m, a.elements, y)
	}
}

func (a *avx512) storeTail(w, _ int, y reg.VecVirtual, m operand.Mem) {
	if w == 32 {
		a.VMOVUPS(y, a.elements, m)
	} else {
		a.VMOVUPD(y, a.elements, m)
	}
}

// A group is one vector: 16 elements and two mask bytes, or 8 and one. The
// tail touches the second byte only if it has elements there.

func (a *avx512) loadBits(g, _ int, tail bool) operand.Op {
	k := a.K()
	at := operand.Mem{Base: a.ptr["mask"], Disp: g * a.lanes / 8}
	switch {
	case a.lanes == 8:
		a.KMOVB(at, k)
	case !tail:
		a.KMOVW(at, k)
	default:
		low, high := a.GP32(), a.GP32()
		a.MOVBLZX(at, low)
		a.CMPQ(a.n, operand.Imm(8))
		a.JBE(operand.LabelRef("bits"))
		a.MOVBLZX(at.Offset(1), high)
		a.SHLL(operand.Imm(8), high)
		a.ORL(high, low)
		a.Label("bits")
		a.KMOVW(low, k)
	}
	return k
}

func (a *avx512) storeBits(g, _ int, tail bool, m operand.Op) {
	at := operand.Mem{Base: a.ptr["mask"], Disp: g * a.lanes / 8}
	if tail {
		m = a.both(m, a.elements)
	}
	switch {
	case a.lanes == 8:
		a.KMOVB(m, at)
	case !tail:
		a.KMOVW(m, at)
	default:
		high := a.K()
		a.KMOVB(m, at)
		a.CMPQ(a.n, operand.Imm(8))
		a.JBE(operand.LabelRef("bits"))
		a.KSHIFTRW(operand.Imm(8), m, high)
		a.KMOVB(high, at.Offset(1))
		a.Label("bits")
	}
}
