package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

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
	c := newAMD64()
	c.ConstraintExpr("!purego")
	for _, t := range amd64Tiers {
		for _, r := range rs {
			p, err := t.plan(r)
			if err != nil {
				return nil, nil, err
			}
			t.emit(c, r, p)
		}
	}
	f, err := c.compile()
	if err != nil {
		return nil, nil, err
	}
	src, err := printer.NewGoAsm(printer.Config{Name: "asm", Pkg: "stepgrad"}).Print(f)
	src = append(src, jumps(rs, amd64Dispatch, func(flag, label string) string {
		return fmt.Sprintf("\tCMPB %s(SB), $0\n\tJEQ  %s\n", flag, label)
	})...)
	return src, f, err
}

// amd64 is the file being built, and its constants.
type amd64 struct {
	*build.Context
	pool map[string]operand.Mem
}

func newAMD64() *amd64 { return &amd64{build.NewContext(), map[string]operand.Mem{}} }

func (c *amd64) compile() (*ir.File, error) {
	f, err := c.Result()
	if err != nil {
		return nil, err
	}
	return f, pass.Compile.Execute(f)
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
		switch width {
		case 8:
			c.AppendDatum(operand.U8(v))
		case 32:
			c.AppendDatum(operand.U32(v))
		default:
			c.AppendDatum(operand.U64(v))
		}
	}
	c.pool[name] = m
	return m
}

// A machine is what the tiers of amd64 do differently: masks, and with them
// the tail.
type machine interface {
	round(imm operand.Op, x operand.Op, y reg.VecVirtual)
	mask() operand.Op // a fresh one
	both(m, n operand.Op) operand.Op
	choose(m, x, y operand.Op) reg.VecVirtual // x where m is set, else y
	keep(m, x operand.Op) reg.VecVirtual      // x where m is set, else 0
	ints(x reg.VecVirtual) reg.VecVirtual     // saturating, NaN to 0
	orAnd(i int, o op) operand.Op

	// In the tail, elements of w bits are those of a vector that starts at
	// element first.
	startTail()
	loadTail(w, first int, m operand.Mem, y reg.VecVirtual)
	storeTail(w, first int, y reg.VecVirtual, m operand.Mem)

	lowHalves(x reg.VecVirtual) reg.VecVirtual     // of lanes of 64 bits, close together
	low(bits int, w reg.VecVirtual) reg.VecVirtual // the low bits, so many of each 32-bit integer, close together

	loadBits(g, v int, tail bool) operand.Op
	storeBits(g, v int, tail bool, m operand.Op)
}

type amd64Tier struct {
	name    string
	width   int
	vectors int // registers, of which avo would take 32 anywhere
	machine func(*loop) machine
	plans   []plan // for long bodies, best first
}

// A plan says how many vectors the main loop works on at once, operation by
// operation, and how many invariant values stay in registers. A long body is a
// chain of dependent operations: with vectors side by side, an operation's
// operands are ready when it comes up.
type plan struct{ abreast, hoist int }

// light bodies need few registers, and the processor overlaps them by itself.
const light = 16

func (t amd64Tier) emit(c *amd64, r routine, p plan) {
	l := &loop{amd64: c, routine: r, width: t.width, plan: p}
	l.machine = t.machine(l)
	l.emit(t.name)
}

// plan is the first for which the registers suffice.
func (t amd64Tier) plan(r routine) (p plan, err error) {
	plans := t.plans
	switch {
	case len(r.body.acc) > 0: // one vector after the other, in the order of the sums
		plans = []plan{{1, 7}, {1, 4}, {1, 0}}
	case len(r.body.ops) <= light:
		return plan{1, 7}, nil
	}
	for _, p = range plans {
		c := newAMD64()
		t.emit(c, r, p)
		f, failed := c.compile()
		if err = failed; err == nil && highest(f.Functions()[0]) >= t.vectors {
			err = errors.New("too few registers")
		}
		if err == nil {
			return p, nil
		}
	}
	return p, fmt.Errorf("%s: %w", r.name(t.name), err)
}

// highest is the largest number of a vector register in f.
func highest(f *ir.Function) (n int) {
	for _, i := range f.Instructions() {
		for _, r := range i.Registers() {
			if r.Kind() == reg.KindVector {
				n = max(n, int(r.(reg.Physical).PhysicalIndex()))
			}
		}
	}
	return n
}

var amd64Tiers = []amd64Tier{
	{"AVX512", 512, 32, func(l *loop) machine { return &avx512{loop: l} }, []plan{{4, 8}, {4, 4}, {4, 0}, {2, 8}, {2, 4}, {2, 0}, {1, 0}}},
	{"AVX2", 256, 16, func(l *loop) machine { return &avx2{loop: l} }, []plan{{2, 0}, {1, 6}, {1, 4}, {1, 2}, {1, 0}}},
}

// A loop is one routine being emitted.
type loop struct {
	*amd64
	routine
	machine
	plan
	width int // of a vector, in bits

	ptr    map[string]reg.GPVirtual
	n      reg.GPVirtual // elements to go
	last   []int
	inv    []bool
	val    []operand.Op                   // of every value of the body, in the vector being emitted
	single map[operand.Mem]bool           // memory that holds one lane, for all
	loaded map[operand.Mem]reg.VecVirtual // for one operation on the vectors abreast
	lanes  int                            // of one vector
	group  int                            // elements of the smallest full step
	vecs   int                            // vectors of one group
	unroll int                            // groups of the main loop

	frame reg.GPVirtual // the first slot
	slots int

	acc  [][]reg.VecVirtual // the accumulators, one of each for every vector of a group
	zero reg.VecVirtual     // the level of 0 in integers as narrow as dst

	nontemporal bool // stores go around the caches
}

// splat is a constant in every lane of a vector.
func (a *loop) splat(lane int, bits uint64) operand.Mem {
	values := make([]uint64, a.width/lane)
	for i := range values {
		values[i] = bits
	}
	return a.vector(fmt.Sprintf("splat%dx%d_%0*x", len(values), lane, lane/4, bits), lane, values...)
}

// constant is a lane's constant in memory: a whole vector, or one lane where the
// instructions can broadcast it. The linker aligns to 32 bytes at most, so every
// load of 64 would cross a cache line.
func (a *loop) constant(bits uint64) operand.Mem {
	if a.width < 512 {
		return a.splat(a.body.Lane, bits)
	}
	m := a.vector(fmt.Sprintf("lane%d_%0*x", a.body.Lane, a.body.Lane/4, bits), a.body.Lane, bits)
	a.single[m] = true
	return m
}

// vec is a fresh register of so many bits, full one of a whole vector.
func (a *loop) vec(bits int) reg.VecVirtual {
	switch bits {
	case 128:
		return a.XMM()
	case 256:
		return a.YMM()
	}
	return a.ZMM()
}

func (a *loop) full() reg.VecVirtual { return a.vec(a.width) }

// elems is a fresh register for one vector's elements in memory.
func (a *loop) elems() reg.VecVirtual { return a.vec(a.lanes * a.elem) }

func (a *loop) emit(tier string) {
	b := a.body
	a.lanes = a.width / b.Lane
	a.group, a.vecs = a.lanes, 1
	if a.masked() {
		a.group = max(8, a.lanes)
		a.vecs = a.group / a.lanes
	}
	if a.grouped() {
		a.group = 512 / b.Lane
		if a.kernel.Shape == counted {
			a.group = 16
		}
		a.vecs = a.group / a.lanes
	}
	a.unroll = 8
	switch {
	case a.kernel.Shape == counted:
		a.unroll = 1
	case a.kernel.Sig >= quantiser || len(b.acc) > 0:
		a.unroll = 4 / a.vecs // these are many
	case len(b.ops) > light:
		a.unroll = max(2, a.abreast)
	case a.vecs > 1:
		a.unroll = 2
	}
	a.last, a.inv = b.lastUse(), b.invariant()

	a.Function(a.name(tier))
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

	const loop, single, tail, done = "loop", "single", "tail", "done"
	sums := a.accumulators()
	a.CMPQ(a.n, operand.U32(a.group)) // a short call has no other branch to take
	a.JB(operand.LabelRef(tail))
	if a.memoryBound() {
		a.streamed()
	}
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
	if !a.grouped() {
		a.TESTQ(a.n, a.n)
		a.JZ(operand.LabelRef(done))
		a.tail()
		a.Label(done)
	}
	for i, m := range sums {
		a.VMOVUPS(a.acc[i/a.vecs][i%a.vecs], m)
	}
	a.VZEROUPPER()
	a.RET()
}

// accumulators loads them, and returns where each is to be stored.
func (a *loop) accumulators() (sums []operand.Mem) {
	if len(a.body.acc) == 0 {
		return nil
	}
	p := a.Load(a.Param("sums"), a.GP64())
	a.acc = make([][]reg.VecVirtual, len(a.body.acc))
	for i := range a.acc {
		for range a.vecs {
			m := operand.Mem{Base: p, Disp: len(sums) * a.width / 8}
			y := a.full()
			a.VMOVUPS(m, y)
			a.acc[i] = append(a.acc[i], y)
			sums = append(sums, m)
		}
	}
	return sums
}

// memoryBound reports whether the kernel does so little that memory sets its pace.
func (a *loop) memoryBound() bool {
	if s := a.kernel.Shape; s >= fromInt8 && s <= fromUint16 {
		return true
	}
	return !a.wide() && !a.transcendental() && !a.grouped() && a.kernel.Shape != kernels.MapGrad && a.kernel.Shape != kernels.MapBoth
}

// streamed is the main loop for operands that outgrow the caches: a plain store
// would first read the line that it overwrites, a non-temporal one does not. In
// place the line has been read anyway. The stores need an aligned dst; on the
// way there the first elements are done twice.
func (a *loop) streamed() {
	const stream, plain = "stream", "plain"
	dst := a.ptr["dst"]
	n := a.n
	if a.ptr["y"] != nil { // three operands outgrow the caches earlier than two
		n = a.GP64()
		a.MOVQ(a.n, n)
		a.SHRQ(operand.Imm(1), n)
		a.ADDQ(a.n, n)
	}
	a.CMPQ(n, operand.NewDataAddr(operand.Symbol{Name: isaSymbol(fmt.Sprintf("Stream%d", a.elem))}, 0))
	a.JB(operand.LabelRef(plain))
	for _, p := range a.operands()[1:] {
		if p.typ != "*byte" {
			a.CMPQ(dst, a.ptr[p.name])
			a.JEQ(operand.LabelRef(plain))
		}
	}
	if a.width == 512 && !a.masked() && !a.grouped() {
		// Half a cache line at a time is as fast or faster.
		a.Instruction(&ir.Instruction{
			Opcode:   "JMP",
			Operands: []operand.Op{operand.NewDataAddr(operand.Symbol{Name: "·" + a.name("AVX2")}, 0)},
		})
		a.Label(plain)
		return
	}
	if a.masked() || a.grouped() { // whose callers may align dst
		a.TESTQ(operand.U32(a.width/8-1), dst)
		a.JNZ(operand.LabelRef(plain))
	} else {
		shift := map[int]uint64{32: 2, 64: 3}
		out, in := a.size(a.operands()[0]), a.size(a.operands()[1])
		ahead := a.GP64() // bytes, then elements, to the next boundary of dst
		a.MOVQ(dst, ahead)
		a.NEGQ(ahead)
		a.ANDQ(operand.U32(a.group*out/8-1), ahead)
		a.TESTQ(operand.U32(out/8-1), ahead)
		a.JNZ(operand.LabelRef(plain))
		a.vectors(0, 1, false)
		a.ADDQ(ahead, dst)
		a.SHRQ(operand.Imm(shift[out]), ahead)
		a.SUBQ(ahead, a.n)
		a.SHLQ(operand.Imm(shift[in]), ahead)
		for _, p := range a.operands()[1:] {
			a.ADDQ(ahead, a.ptr[p.name])
		}
	}
	a.nontemporal = true
	a.align()
	a.Label(stream)
	if a.width == 256 {
		for _, p := range a.operands()[1:] {
			for at := 0; at < a.size(p)*a.unroll*a.group/8; at += 64 {
				a.PREFETCHNTA(operand.Mem{Base: a.ptr[p.name], Disp: 448 + at}) // as far ahead as Go's copy
			}
		}
	}
	a.step(a.unroll)
	a.CMPQ(a.n, operand.U32(a.unroll*a.group))
	a.JAE(operand.LabelRef(stream))
	a.SFENCE()
	a.nontemporal = false
	a.Label(plain)
}

// align starts the next instruction on a 32-byte boundary: where a short loop
// happens to lie would else move it by up to a factor of two.
func (a *loop) align() {
	a.Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.Imm(32)}})
}

// preamble computes what every iteration shares. As many as the plan says live
// in registers, the most read first; of the rest, constants stay in read-only
// memory, coefficients where they are if they can be broadcast from there, and
// others go to the stack, all as memory operands.
func (a *loop) preamble() {
	b := a.body
	a.val, a.single = make([]operand.Op, len(b.ops)), map[operand.Mem]bool{}
	reads := make([]int, len(b.ops)) // by the iterations
	var shared []int
	for i, o := range b.ops {
		for _, id := range o.args() {
			if !a.inv[i] && a.inv[id] {
				if reads[id]++; reads[id] == 1 {
					shared = append(shared, id)
				}
			}
		}
	}
	slices.SortStableFunc(shared, func(x, y int) int {
		return cmp.Compare(reads[y], reads[x])
	})
	inReg := make([]bool, len(b.ops))
	for _, id := range shared[:min(len(shared), a.hoist)] {
		inReg[id] = true
	}
	var c reg.Register
	if a.coefficients() {
		c = a.Load(a.Param("c"), a.GP64())
	}
	if a.kernel.Shape == toInt8 || a.kernel.Shape == toInt16 {
		m := operand.Mem{Base: c, Disp: b.Lane / 8 * levelField}
		if a.size(a.operands()[0]) == 8 {
			a.zero = a.XMM()
			a.VPBROADCASTB(m, a.zero)
		} else {
			a.zero = a.vec(max(128, 16*a.lanes))
			a.VPBROADCASTW(m, a.zero)
		}
	}
	for i, o := range b.ops {
		switch {
		case !a.inv[i]:
			continue
		case o.code == opConst && !inReg[i]:
			a.val[i] = a.constant(o.imm)
			continue
		case o.code == opParam && c != nil && !inReg[i] && a.width == 512:
			m := operand.Mem{Base: c, Disp: b.Lane / 8 * int(o.imm)}
			a.val[i], a.single[m] = m, true
			continue
		case o.code == opParam && c != nil:
			y := a.full()
			a.broadcast(operand.Mem{Base: c, Disp: b.Lane / 8 * int(o.imm)}, y)
			a.val[i] = y
		case o.code == opParam:
			y := a.full()
			a.broadcast(a.address(a.scalars()[o.imm].name), y)
			a.val[i] = y
		default:
			a.loaded = map[operand.Mem]reg.VecVirtual{}
			a.lower(i, o)
		}
		if reads[i] > 0 && !inReg[i] {
			m := a.slot()
			a.VMOVUPD(a.val[i], m)
			a.val[i] = m
		}
	}
}

// slot is room for a vector on the stack, aligned: one across two cache lines
// would cost twice as much to read.
func (a *loop) slot() operand.Mem {
	size := a.width / 8
	if a.frame == nil {
		a.Attributes(0) // the frame may be too large for NOSPLIT
		a.frame = a.GP64()
		a.LEAQ(a.AllocLocal(size).Offset(size-1), a.frame)
		a.ANDQ(operand.I8(-size), a.frame)
	}
	a.AllocLocal(size)
	a.slots++
	return operand.Mem{Base: a.frame, Disp: (a.slots - 1) * size}
}

// address is where a scalar argument lies; loading it through the address
// keeps SSE instructions out.
func (a *loop) address(name string) operand.Mem {
	basic, err := a.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return basic.Addr
}

// broadcast fills y with the lane at m.
func (a *loop) broadcast(m operand.Mem, y reg.VecVirtual) {
	if a.body.Lane == 32 {
		a.VBROADCASTSS(m, y)
	} else {
		a.VBROADCASTSD(m, y)
	}
}

// step emits the given number of full groups and moves on.
func (a *loop) step(groups int) {
	vectors := groups * a.vecs
	for first := 0; first < vectors; first += a.abreast {
		a.vectors(first, min(a.abreast, vectors-first), false)
	}
	for _, p := range a.operands() {
		a.ADDQ(operand.U32(a.size(p)*groups*a.group/8), a.ptr[p.name])
	}
	a.SUBQ(operand.U32(groups*a.group), a.n)
}

// tail runs the same vector instructions on the last n < group elements, with
// loads and stores masked.
func (a *loop) tail() {
	a.startTail()
	for v := range a.vecs {
		a.vectors(v, 1, true)
	}
}
