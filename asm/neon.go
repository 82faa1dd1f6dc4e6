package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stepgrad/stepgrad/kernels"
)

// arm64File lowers every routine to NEON and prints the assembly.
func arm64File(rs []routine) []byte {
	c := &constants{at: map[[2]uint64]int{}}
	var text strings.Builder
	text.WriteString(generated + "//go:build !purego\n\n#include \"textflag.h\"\n")
	for _, r := range rs {
		text.WriteString(planned(r, c).String())
	}
	text.WriteString(c.String())
	text.WriteString(jumps(rs, arm64Dispatch, func(flag, label string) string {
		return fmt.Sprintf("\tMOVBU %s(SB), R0\n\tCBZ   R0, %s\n", flag, label)
	}))
	return []byte(text.String())
}

// constants is the table of 128-bit constants that all routines share.
type constants struct {
	at  map[[2]uint64]int
	all [][2]uint64
}

// offset is where v lies in the table.
func (c *constants) offset(v [2]uint64) int {
	if _, ok := c.at[v]; !ok {
		c.at[v] = 16 * len(c.all)
		c.all = append(c.all, v)
	}
	return c.at[v]
}

func (c *constants) String() string {
	var s strings.Builder
	s.WriteString("\n")
	for i, v := range c.all {
		fmt.Fprintf(&s, "DATA constants<>+%d(SB)/8, $0x%016x\n", 16*i, v[0])
		fmt.Fprintf(&s, "DATA constants<>+%d(SB)/8, $0x%016x\n", 16*i+8, v[1])
	}
	fmt.Fprintf(&s, "GLOBL constants<>(SB), RODATA|NOPTR, $%d\n", 16*len(c.all))
	return s.String()
}

// General registers besides R0, R1 and R2, which point at the operands. Not
// ours: R18 is the platform's, R27 the assembler's, R28 holds g, R29 and R30
// frame and return address.
const (
	regN         = "R3" // elements to go
	regCoef      = "R4" // the coefficients
	regConstants = "R5" // the table of constants
	regByte      = "R6" // in the tail: the mask byte
	regBit       = "R7" // in the tail: the next bit of it
	regTemp      = "R8"
	regSums      = "R9" // the accumulators in memory
)

const vectorRegisters = 32

// registers hands out V0, V1, …, the lowest free one first. It goes on past
// the last: peak tells whether a plan fits.
type registers struct {
	used []bool
	peak int
}

func (r *registers) alloc() int {
	v := slices.Index(r.used, false)
	if v < 0 {
		v = len(r.used)
		r.used = append(r.used, false)
	}
	r.used[v] = true
	r.peak = max(r.peak, v+1)
	return v
}

func (r *registers) free(v int) {
	if !r.used[v] {
		panic(fmt.Sprintf("asm: neon frees V%d twice", v))
	}
	r.used[v] = false
}

// neon lowers one routine. Several vectors are in flight at a time: every
// operation is emitted for all of them before the next.
type neon struct {
	routine
	*constants
	registers
	text strings.Builder

	width  int    // vectors in flight
	hoist  []int  // the invariant values that stay in registers
	arr    string // arrangement of the lanes
	lanes  int    // of one vector
	vecs   int    // vectors of one group, the smallest full step
	ptr    map[string]string
	inTail bool

	last   []int
	inv    []bool
	inLoop []bool // invariant values that iterations read

	// The register of every value, or none: of the invariant ones in fix, of
	// the others in val, for each vector in flight. Bit selectors have ids
	// too, after the operations.
	fix   []int
	val   [][]int
	v     int         // the vector in flight that is being lowered
	temps map[int]int // registers of values that were loaded for one operation
	spill []int       // where an invariant value lies on the stack, or none
	frame int         // bytes of stack, from the return address on
	mask  int         // the register of the group's mask bits
	acc   [][]int     // the registers of the accumulators, for every vector of a group
	level int         // the register of the zero point's level, of shapes that store integers
}

// lightOps is up to how many operations a body is bound by memory or by
// latency, not by the number of its instructions.
const lightOps = 16

// planned tries plans from the best on: the most vectors in flight, then the
// most invariant values in registers.
func planned(r routine, c *constants) *neon {
	light := len(r.body.ops) <= lightOps
	width := 2
	if light {
		width = 4
	}
	need := 0
	for ; width > 0; width /= 2 {
		hoist := newNeon(r, c).candidates()
		for hoist = hoist[:min(len(hoist), vectorRegisters)]; ; hoist = hoist[:len(hoist)-1] {
			n := newNeon(r, c)
			n.width, n.hoist = width, hoist
			n.emit()
			if need = n.peak; need <= vectorRegisters {
				return n
			}
			if len(hoist) == 0 || light && width > 1 { // a short loop rather has fewer vectors than loads
				break
			}
		}
	}
	panic(fmt.Sprintf("asm: %s needs %d vector registers", r.name("NEON"), need))
}

func newNeon(r routine, c *constants) *neon {
	b := r.body
	n := &neon{
		routine: r, constants: c, arr: "2d", lanes: 128 / b.Lane, vecs: 1, ptr: map[string]string{},
		last: b.lastUse(), inv: b.invariant(), inLoop: make([]bool, len(b.ops)), temps: map[int]int{},
	}
	if b.Lane == 32 {
		n.arr = "4s"
	}
	if r.masked() {
		n.vecs = 8 / n.lanes
	}
	if r.grouped() {
		n.vecs = 512 / 128
		if r.kernel.Shape == counted {
			n.vecs = 16 / n.lanes
		}
	}
	for i, p := range r.operands() {
		n.ptr[p.name] = fmt.Sprintf("R%d", i)
	}
	for i, o := range b.ops {
		for _, id := range b.reads(o) {
			n.inLoop[id] = n.inLoop[id] || n.inv[id] && !n.inv[i]
		}
	}
	for _, id := range b.results() {
		n.inLoop[id] = n.inv[id]
	}
	n.fix = slices.Repeat([]int{none}, len(b.ops)+n.selectors())
	n.spill = slices.Clone(n.fix)
	return n
}

// reads lists the operands that an operation takes from registers: a choice
// between a value and zero is a bit operation.
func (b *Body) reads(o op) []int {
	return slices.DeleteFunc(o.args(), func(id int) bool { return o.code == opSelect && b.isZero(id) })
}

// selectors is how many vectors of mask bits the routine needs, selector the
// id of one.
func (n *neon) selectors() int {
	if n.masked() {
		return n.vecs
	}
	return 0
}

func (n *neon) selector(v int) int { return len(n.body.ops) + v }

// candidates lists the invariant values that are worth a register, the most
// read ones first. The addend of a fused operation is not: it is loaded
// straight into the result.
func (n *neon) candidates() []int {
	reads := make([]int, len(n.fix))
	for i, o := range n.body.ops {
		for _, id := range n.body.reads(o) {
			addend := (o.code == opFMA || o.code == opFNMA) && id == o.c
			if n.inv[id] && !n.inv[i] && !addend {
				reads[id]++
			}
		}
	}
	for v := range n.selectors() {
		reads[n.selector(v)]++
	}
	var ids []int
	for id, times := range reads {
		if times > 0 {
			ids = append(ids, id)
		}
	}
	slices.SortStableFunc(ids, func(a, b int) int { return reads[b] - reads[a] })
	return ids
}

// preamble loads the arguments and computes what every iteration shares. What
// does not stay in a register is a constant in read-only memory, or goes to
// the stack.
func (n *neon) preamble() {
	for _, p := range n.operands() {
		n.ins("MOVD", "%s+%d(FP), %s", p.name, n.routine.argument(p.name), n.ptr[p.name])
	}
	n.ins("MOVD", "n+%d(FP), %s", n.routine.argument("n"), regN)
	if n.coefficients() {
		n.ins("MOVD", "c+%d(FP), %s", n.routine.argument("c"), regCoef)
	}
	if n.kernel.Shape == toInt8 || n.kernel.Shape == toInt16 {
		n.level = n.alloc()
		n.ins("MOVW", "%d(%s), %s", n.body.Lane/8*levelField, regCoef, regTemp)
		n.ins("VDUP", "%s, V%d.S4", regTemp, n.level)
	}
	n.sums(func(at, r int) { n.ins("FMOVQ", "%d(%s), F%d", at, regSums, r) })
	if n.tabled() {
		n.ins("MOVD", "$constants<>(SB), %s", regConstants)
	}
	for i, o := range n.body.ops {
		stays := slices.Contains(n.hoist, i)
		if !n.inv[i] || o.code == opConst && !stays {
			continue
		}
		r := n.lower(i, o)
		if n.inLoop[i] && !stays {
			n.frame = max(n.frame, 16)
			n.ins("FMOVQ", "F%d, %d(RSP)", r, n.frame)
			n.spill[i] = n.frame
			n.frame += 16
			n.free(r)
			continue
		}
		n.fix[i] = r
	}
	for v := range n.selectors() {
		if id := n.selector(v); slices.Contains(n.hoist, id) {
			n.fix[id] = n.fetch(id)
		}
	}
}

// tabled reports whether the routine reads the table of constants.
func (n *neon) tabled() bool {
	return n.masked() || slices.ContainsFunc(n.body.ops, func(o op) bool { return o.code == opConst && o.imm != 0 })
}

// emit writes the routine: as many groups at a time as are in flight, then
// single groups, then single elements.
func (n *neon) emit() {
	n.preamble()
	fixed := slices.Clone(n.used)
	group, unroll := n.vecs*n.lanes, max(1, n.width/n.vecs)
	if unroll > 1 {
		n.ins("CMP", "$%d, %s", unroll*group, regN)
		n.ins("BLT", "single")
		n.label("loop")
		n.step(unroll)
		n.ins("CMP", "$%d, %s", unroll*group, regN)
		n.ins("BGE", "loop")
	}
	n.label("single")
	n.ins("CMP", "$%d, %s", group, regN)
	n.ins("BLT", "tail")
	n.step(1)
	n.ins("B", "single")
	n.label("tail")
	if !n.grouped() {
		n.ins("CBZ", "%s, done", regN)
		n.tail(group)
		n.label("done")
	}
	n.sums(func(at, r int) { n.ins("FMOVQ", "F%d, %d(%s)", r, at, regSums) })
	n.text.WriteString("\tRET\n")
	for v, used := range n.used {
		if used != (v < len(fixed) && fixed[v]) {
			panic(fmt.Sprintf("asm: neon loses V%d in %s", v, n.name("NEON")))
		}
	}
}

// sums visits the accumulators; the first time it finds them registers.
func (n *neon) sums(f func(at, r int)) {
	if len(n.body.acc) == 0 {
		return
	}
	if n.acc == nil {
		n.ins("MOVD", "sums+%d(FP), %s", n.routine.argument("sums"), regSums)
		n.acc = make([][]int, len(n.body.acc))
		for i := range n.acc {
			for range n.vecs {
				n.acc[i] = append(n.acc[i], n.alloc())
			}
		}
	}
	at := 0
	for _, list := range n.acc {
		for _, r := range list {
			f(at, r)
			at += 16
		}
	}
}

// accumulates reports whether r is the register of an accumulator.
func (n *neon) accumulates(r int) bool {
	return slices.ContainsFunc(n.acc, func(list []int) bool { return slices.Contains(list, r) })
}

// step emits the given number of full groups and moves on.
func (n *neon) step(groups int) {
	vectors := groups * n.vecs
	for first := 0; first < vectors; first += n.width {
		n.vectors(first, min(n.width, vectors-first))
	}
	for _, p := range n.operands() {
		if p.typ != "*byte" { // the instructions on mask bytes move their pointer
			n.ins("ADD", "$%d, %s", vectors*n.lanes*n.size(p)/8, n.ptr[p.name])
		}
	}
	n.ins("SUB", "$%d, %s", vectors*n.lanes, regN)
}

// tail runs the same vector instructions for each of the last elements, in
// lane 0: the loads clear the other lanes.
func (n *neon) tail(group int) {
	n.inTail = true
	switch n.kernel.Shape {
	case kernels.ToMask:
		n.ins("MOVD", "$0, %s", regByte)
		n.ins("MOVD", "$1, %s", regBit)
	case kernels.FromMask:
		n.ins("MOVBU", "(%s), %s", n.ptr["mask"], regByte)
	}
	if group > 2 {
		n.label("element")
	}
	n.vectors(0, 1)
	if group > 2 {
		n.ins("SUB", "$1, %s", regN)
		n.ins("CBNZ", "%s, element", regN)
	}
	if n.kernel.Shape == kernels.ToMask {
		n.ins("MOVB", "%s, (%s)", regByte, n.ptr["mask"])
	}
}

// vectors emits the body for count vectors in flight, the first of which is
// the given one of the step.
func (n *neon) vectors(first, count int) {
	n.val = make([][]int, count)
	for v := range n.val {
		n.val[v] = slices.Repeat([]int{none}, len(n.body.ops))
	}
	for i, o := range n.body.ops {
		if n.inv[i] {
			continue
		}
		for n.v = range count {
			switch o.code {
			case opX, opY:
				n.val[n.v][i] = n.widened(o.code.String(), first+n.v+int(o.imm)*columnLen/n.lanes)
			case opBit:
				n.val[n.v][i] = n.loadBit((first + n.v) % n.vecs)
			case opAcc:
				n.val[n.v][i] = n.acc[o.imm][(first+n.v)%n.vecs]
			default:
				n.val[n.v][i] = n.lower(i, o)
			}
		}
	}
	for n.v = range count {
		n.results(first + n.v)
		for _, r := range n.val[n.v] {
			if r != none && !n.accumulates(r) {
				n.free(r)
			}
		}
	}
}

// register is where the register of a value is kept.
func (n *neon) register(id int) *int {
	if id >= len(n.inv) || n.inv[id] {
		return &n.fix[id]
	}
	return &n.val[n.v][id]
}

// use is a value in a register.
func (n *neon) use(id int) int {
	if r := *n.register(id); r != none {
		return r
	}
	if _, ok := n.temps[id]; !ok {
		n.temps[id] = n.fetch(id)
	}
	return n.temps[id]
}

// fetch loads an invariant value from memory.
func (n *neon) fetch(id int) int {
	d := n.alloc()
	switch {
	case n.spill[id] != none:
		n.ins("FMOVQ", "%d(RSP), F%d", n.spill[id], d)
	case id >= len(n.body.ops):
		var sel [2]uint64
		for lane := range n.lanes {
			at, bit := lane*n.body.Lane, (id-len(n.body.ops))*n.lanes+lane
			sel[at/64] |= 1 << (at%64 + bit)
		}
		n.ins("FMOVQ", "%d(%s), F%d // mask bits", n.offset(sel), regConstants, d)
	case n.body.isZero(id):
		n.ins("VMOVI", "$0, V%d.B16", d)
	case n.body.ops[id].code == opConst:
		splat := n.body.ops[id].imm
		if n.body.Lane == 32 {
			splat |= splat << 32
		}
		n.ins("FMOVQ", "%d(%s), F%d // 0x%0*x", n.offset([2]uint64{splat, splat}), regConstants, d, n.body.Lane/4, n.body.ops[id].imm)
	default:
		panic(fmt.Sprintf("asm: neon reads value %d of %s where it is not", id, n.name("NEON")))
	}
	return d
}

// mortal reports whether operation i is the last to read a value that has a
// register to itself.
func (n *neon) mortal(i, id int) bool {
	return !n.accumulator(id) && n.last[id] == i && *n.register(id) != none && !n.inLoop[id]
}

func (n *neon) accumulator(id int) bool {
	return id < len(n.body.ops) && n.body.ops[id].code == opAcc
}

// take hands the register of an operand to the result of operation i if
// nothing reads the operand again.
func (n *neon) take(i, id int) bool {
	if _, ok := n.temps[id]; ok {
		delete(n.temps, id)
		return true
	}
	if n.mortal(i, id) {
		*n.register(id) = none
		return true
	}
	return n.accumulator(id) && n.last[id] == i // it is to be overwritten
}

// drop frees the registers of operands that nothing reads after operation i.
func (n *neon) drop(i int, o op) {
	for _, id := range o.args() {
		if n.mortal(i, id) {
			n.free(*n.register(id))
			*n.register(id) = none
		}
	}
	n.release()
}

// release frees the registers of values that were loaded for one operation.
func (n *neon) release() {
	for _, r := range n.temps {
		n.free(r)
	}
	clear(n.temps)
}

// String is the routine's assembly.
func (n *neon) String() string {
	frame := n.frame
	if frame > 0 {
		frame -= 8 // Go counts without the return address
	}
	declaration := n.name("NEON") + strings.TrimPrefix(n.signature(), "func")
	return fmt.Sprintf("\n// func %s\nTEXT ·%s(SB), NOSPLIT, $%d-%d\n", declaration, n.name("NEON"), frame, n.routine.argument("")) + n.text.String()
}
