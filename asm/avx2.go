package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx2 is AVX2 and FMA: 16 registers of 256 bits. A mask is a vector of lanes
// of all ones or zeros.
type avx2 struct {
	*loop
	bits   reg.GPVirtual             // the mask byte being gathered
	window reg.GPVirtual             // the tail's index into the tables of ones
	tables map[int]reg.GPVirtual     // their addresses, by width
	masks  map[[2]int]reg.VecVirtual // tail masks, by width and first element
}

func (a *avx2) round(imm, x operand.Op, y reg.VecVirtual) {
	if a.body.Lane == 32 {
		a.VROUNDPS(imm, x, y)
	} else {
		a.VROUNDPD(imm, x, y)
	}
}

func (a *avx2) mask() operand.Op { return a.YMM() }

func (a *avx2) both(m, n operand.Op) operand.Op { return a.keep(m, n) }

func (a *avx2) keep(m, x operand.Op) reg.VecVirtual {
	y := a.YMM()
	a.VANDPS(x, m, y)
	return y
}

func (a *avx2) choose(m, x, y operand.Op) reg.VecVirtual {
	z := a.YMM()
	a.VBLENDVPS(m, x, a.reg(y), z)
	return z
}

func (a *avx2) orAnd(_ int, o op) operand.Op {
	y := a.keep(a.reg(a.val[o.a]), a.val[o.b])
	a.VORPS(a.val[o.c], y, y)
	return y
}

// ints: the processor gives INT_MIN for whatever does not fit.
func (a *avx2) ints(x reg.VecVirtual) reg.VecVirtual {
	y, ordered := a.YMM(), a.YMM()
	if a.elem == 32 {
		high := a.YMM()
		a.VCVTTPS2DQ(x, y)
		a.VCMPPS(operand.Imm(geOQ), a.splat(32, 0x4f000000), x, high) // 2^31
		a.VPXOR(high, y, y)                                           // INT_MIN becomes INT_MAX
		a.VCMPPS(operand.Imm(ordQ), x, x, ordered)
		a.VPAND(ordered, y, y)
		return y
	}
	a.VCMPPD(operand.Imm(ordQ), x, x, ordered)
	a.VANDPD(ordered, x, y)
	a.VMINPD(a.splat(64, 0x41dfffffffc00000), y, y) // 2^31 − 1
	r := a.XMM()
	a.VCVTTPD2DQY(y, r)
	return r
}

func (a *avx2) lowHalves(x reg.VecVirtual) reg.VecVirtual {
	y := a.XMM()
	a.VEXTRACTF128(operand.Imm(1), x, y)
	a.VSHUFPS(operand.Imm(0b10_00_10_00), y, x.AsX(), y)
	return y
}

func (a *avx2) low(bits int, w reg.VecVirtual) reg.VecVirtual {
	// The low bytes of each half come together, then the halves.
	order := make([]uint64, 4*a.lanes)
	for i := range order {
		order[i] = 0x80 // a zero
		if lane := i % 16 * 8 / bits; lane < 4 {
			order[i] = uint64(lane*4 + i%(bits/8))
		}
	}
	a.VPSHUFB(a.vector(fmt.Sprintf("low%d_%d", bits, a.lanes), 8, order...), w, w)
	switch {
	case a.elem == 64:
		return w
	case bits == 8:
		halves := a.YMM()
		a.VMOVDQU(a.vector("halves8", 32, 0, 4, 0, 4, 0, 4, 0, 4), halves)
		a.VPERMD(w, halves, w)
	default:
		a.VPERMQ(operand.Imm(0b1000), w, w)
	}
	return w.AsX().(reg.VecVirtual)
}

// A tail mask is a window on a table of eight ones and eight zeros.
func (a *avx2) startTail() {
	a.window = a.GP64()
	a.MOVL(operand.U32(8), a.window.As32())
	a.SUBQ(a.n, a.window)
	a.tables = map[int]reg.GPVirtual{}
	a.masks = map[[2]int]reg.VecVirtual{}
}

func (a *avx2) tailMask(w, first int) reg.VecVirtual {
	if m, ok := a.masks[[2]int{w, first}]; ok {
		return m
	}
	t, ok := a.tables[w]
	if !ok {
		values := make([]uint64, 16)
		for i := range 8 {
			values[i] = 1<<w - 1
		}
		t = a.GP64()
		a.LEAQ(a.vector(fmt.Sprintf("ones%d", w), w, values...), t)
		a.tables[w] = t
	}
	m := a.vec(w * a.lanes)
	a.VMOVUPS(operand.Mem{Base: t, Index: a.window, Scale: uint8(w / 8), Disp: first * w / 8}, m)
	a.masks[[2]int{w, first}] = m
	return m
}

func (a *avx2) loadTail(w, first int, m operand.Mem, y reg.VecVirtual) {
	if w == 32 {
		a.VMASKMOVPS(m, a.tailMask(w, first), y)
	} else {
		a.VMASKMOVPD(m, a.tailMask(w, first), y)
	}
}

func (a *avx2) storeTail(w, first int, y reg.VecVirtual, m operand.Mem) {
	if w == 32 {
		a.VMASKMOVPS(y, a.tailMask(w, first), m)
	} else {
		a.VMASKMOVPD(y, a.tailMask(w, first), m)
	}
}

// loadBits spreads the bits of vector v of a group over the lanes.
func (a *avx2) loadBits(g, v int, _ bool) operand.Op {
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
func (a *avx2) storeBits(g, v int, tail bool, m operand.Op) {
	if tail {
		m = a.keep(m, a.tailMask(a.elem, v*a.lanes))
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
