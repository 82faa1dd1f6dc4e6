package cases

import (
	"bytes"
	"fmt"
	"unsafe"

	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/kernels"
)

// A Source says whose memory an operand uses.
type Source uint8

const (
	Own   Source = iota
	X            // x's
	Dy           // dy's
	NextX        // x's, one element further on; for dy only
)

// A Layout is a legal way for the operands of one call to share memory.
type Layout struct {
	Name          string
	Dst, Grad, Dy Source
}

// Layouts lists those of a shape, the disjoint one first.
func Layouts(s kernels.Shape) []Layout {
	disjoint := Layout{Name: "disjoint"}
	switch s {
	case kernels.Map, kernels.ToMask:
		return []Layout{disjoint, {Name: "dst=x", Dst: X}}
	case kernels.MapGrad, kernels.Zip, kernels.ZipGrad:
		return []Layout{
			disjoint, {Name: "dst=dy", Dst: Dy}, {Name: "dst=x", Dst: X}, {Name: "dy=x", Dy: X},
			{Name: "dst=dy=x", Dst: X, Dy: X}, {Name: "dy=x[1:]", Dy: NextX},
		}
	case kernels.MapBoth:
		return []Layout{disjoint, {Name: "dst=x", Dst: X}, {Name: "grad=x", Grad: X}}
	case kernels.FromMask:
		return []Layout{disjoint, {Name: "dst=dy", Dst: Dy}}
	default:
		return []Layout{disjoint}
	}
}

// Memory hands out the operands of one call.
type Memory interface {
	// Take returns room of that many bytes for operand i, aligned for elements
	// of the given size and no better than that.
	Take(i, bytes, elem int) []byte
	// Check reports a write outside what was taken since the last Check.
	Check() error
}

func take[E any](m Memory, i, n int) []E {
	var e E
	size := int(unsafe.Sizeof(e))
	return unsafe.Slice((*E)(unsafe.Pointer(unsafe.SliceData(m.Take(i, n*size, size)))), n)
}

const junk = 0xa5 // what results hold before a call: no expected value

// Run calls the kernel on n elements of the case from at on, starting over at
// its end, in operands from m that lie as l says. It reports the first
// difference from the definition, operand that changed or write outside the
// results. The case must have been tied as l.Dy says.
func (c *Case[T]) Run(m Memory, l Layout, at, n int) error {
	var b call.Buffers[T]
	shape := c.Kernel.Shape
	if shape != kernels.FromMask {
		if l.Dy == NextX {
			long := take[T](m, 0, n+1)
			b.X, b.Dy = long[:n], long[1:]
			long[n] = c.In[(at+n)%len(c.In)].X
		} else {
			b.X = take[T](m, 0, n)
		}
		for i, j := 0, at; i < n; i, j = i+1, c.after(j) {
			b.X[i] = c.In[j].X
		}
	}
	switch shape {
	case kernels.MapGrad, kernels.FromMask, kernels.Zip, kernels.ZipGrad:
		switch l.Dy {
		case Own:
			b.Dy = take[T](m, 1, n)
			for i, j := 0, at; i < n; i, j = i+1, c.after(j) {
				b.Dy[i] = c.In[j].Dy
			}
		case X:
			b.Dy = b.X
		}
	}
	if shape == kernels.ToMask || shape == kernels.FromMask {
		b.Mask = take[byte](m, 2, (n+7)/8)
		fill(b.Mask, junk) // in an operand the unused bits are ignored
		if shape == kernels.FromMask {
			for i, j := 0, at; i < n; i, j = i+1, c.after(j) {
				setBit(b.Mask, i, c.In[j].Bit)
			}
		}
	}
	if shape == kernels.MapInt {
		b.Int = result[int32](m, 3, n)
	} else if b.Dst = pick(l.Dst, b.X, b.Dy); b.Dst == nil {
		b.Dst = result[T](m, 4, n)
	}
	if shape == kernels.MapBoth {
		if b.Grad = pick(l.Grad, b.X, b.Dy); b.Grad == nil {
			b.Grad = result[T](m, 5, n)
		}
	}

	call.Kernel(c.Kernel.Name, &b, c.Params)

	for i, j := 0, at; i < n; i, j = i+1, c.after(j) {
		var got kernels.Out[T]
		switch shape {
		case kernels.MapInt:
			got.Int = b.Int[i]
		case kernels.MapBoth:
			got.Grad = b.Grad[i]
		case kernels.ToMask:
			got.Bit = b.Mask[i>>3]>>(i&7)&1 != 0
		}
		if shape != kernels.MapInt {
			got.Y = b.Dst[i]
		}
		if bad := c.Compare(j, got); bad != nil {
			bad.Index = i
			bad.Where = fmt.Sprintf("n=%d, %s", n, l.Name)
			return bad
		}
	}
	if err := c.untouched(&b, l, at, n); err != nil {
		return fmt.Errorf("%v, n=%d, %s: %w", c, n, l.Name, err)
	}
	if err := m.Check(); err != nil {
		return fmt.Errorf("%v, n=%d, %s: %w", c, n, l.Name, err)
	}
	return nil
}

// after is the element that follows j.
func (c *Case[T]) after(j int) int {
	if j++; j < len(c.In) {
		return j
	}
	return 0
}

// untouched reports an operand that changed, or an unused bit set in a result.
func (c *Case[T]) untouched(b *call.Buffers[T], l Layout, at, n int) error {
	keptX := b.X != nil && l.Dst != X && l.Grad != X
	keptDy := b.Dy != nil && l.Dst == Own
	keptMask := c.Kernel.Shape == kernels.FromMask
	for i, j := 0, at; i < n; i, j = i+1, c.after(j) {
		in := &c.In[j]
		if keptX && Bits(b.X[i]) != Bits(in.X) {
			return fmt.Errorf("x[%d] was changed from %s to %s", i, Spell(in.X), Spell(b.X[i]))
		}
		if keptDy && Bits(b.Dy[i]) != Bits(in.Dy) {
			return fmt.Errorf("dy[%d] was changed from %s to %s", i, Spell(in.Dy), Spell(b.Dy[i]))
		}
		if keptMask && b.Mask[i>>3]>>(i&7)&1 != 0 != in.Bit {
			return fmt.Errorf("mask bit %d was changed", i)
		}
	}
	last := len(b.Mask) - 1
	switch used := n & 7; {
	case used == 0:
	case c.Kernel.Shape == kernels.ToMask && b.Mask[last]>>used != 0:
		return fmt.Errorf("unused bits of the last mask byte are not 0: %#08b", b.Mask[last])
	case keptMask && b.Mask[last]>>used != junk>>used:
		return fmt.Errorf("mask[%d] was changed", last)
	}
	return nil
}

func pick[T Float](s Source, x, dy []T) []T {
	switch s {
	case X:
		return x
	case Dy:
		return dy
	}
	return nil
}

func result[E any](m Memory, i, n int) []E {
	s := take[E](m, i, n)
	fill(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), n*int(unsafe.Sizeof(*new(E)))), junk)
	return s
}

func fill(b []byte, v byte) {
	if len(b) == 0 {
		return
	}
	b[0] = v
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

func setBit(mask []byte, i int, on bool) {
	mask[i>>3] &^= 1 << (i & 7)
	if on {
		mask[i>>3] |= 1 << (i & 7)
	}
}

// An Arena is Memory with canaries around every operand. Operand i starts
// Shift·(i+1) elements after a 64-byte boundary, so operands of one call lie
// differently.
type Arena struct {
	Shift int
	rooms [operandsMost]room
}

const (
	operandsMost = 10
	margin       = 128 // bytes of canary on either side
	canary       = 0x5a
)

type room struct {
	mem      []byte
	from, to int // what was taken; to = 0: nothing
}

// Take implements Memory.
func (a *Arena) Take(i, size, elem int) []byte {
	r := &a.rooms[i]
	if len(r.mem) < size+2*margin+64 {
		raw := make([]byte, size+2*margin+128)
		r.mem = raw[-uintptr(unsafe.Pointer(unsafe.SliceData(raw)))&63:]
		fill(r.mem, canary)
	}
	if r.to > 0 { // taken before and not checked
		fill(r.mem[r.from:r.to], canary)
	}
	r.from = margin + a.Shift*(i+1)*elem%64
	r.to = r.from + size
	return r.mem[r.from:r.to:r.to]
}

// Check implements Memory.
func (a *Arena) Check() error {
	for i := range a.rooms {
		r := &a.rooms[i]
		if r.to == 0 {
			continue
		}
		if !bytes.Equal(r.mem[r.from-margin:r.from], canaries) || !bytes.Equal(r.mem[r.to:r.to+margin], canaries) {
			return fmt.Errorf("a write just outside of operand %d", i)
		}
		fill(r.mem[r.from:r.to], canary)
		r.to = 0
	}
	return nil
}

var canaries = bytes.Repeat([]byte{canary}, margin)
