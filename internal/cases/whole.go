package cases

import (
	"bytes"
	"fmt"
	"hash"
	"slices"
	"unsafe"

	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

// A Whole makes calls of a kernel that is no function of one element. Set places
// operands made of in, works out what the definition makes of them, and leaves
// the call in c.Run; way says which of the kernel's parameters and layouts.
type Whole[T Float] struct {
	Name string
	Ways int
	Set  func(c *Call, way int, in []kernels.In[T])
}

// Wholes lists them, as the catalogue does.
func Wholes[T Float]() []Whole[T] {
	return slices.Concat(quantWholes[T](), randomWholes[T](), categoricalWholes[T](), binWholes[T](), sampleWholes[T]())
}

// WholeByName returns the Whole with that name, or nil.
func WholeByName[T Float](name string) *Whole[T] {
	for _, w := range Wholes[T]() {
		if w.Name == name {
			return &w
		}
	}
	return nil
}

// A Call is one call of a Whole.
type Call struct {
	Run func()

	memory   Memory
	taken    int
	operands []operand
	results  []outcome
}

type operand struct {
	name      string
	now, then []byte
}

type outcome struct {
	name      string
	got, want []byte
	size      int  // of an element, in bytes
	float     bool // NaN equals NaN
}

// NewCall sets up a call in memory from m.
func NewCall[T Float](m Memory, w *Whole[T], way int, in []kernels.In[T]) *Call {
	c := &Call{memory: m}
	w.Set(c, way, in)
	return c
}

type element interface {
	Float | int8 | uint8 | int16 | uint16 | int32 | uint32
}

func raw[E element](s []E) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(E))))
}

// Operand places values that the call may only read.
func Operand[E element](c *Call, name string, values []E) []E {
	s := take[E](c.memory, c.taken, len(values))
	c.taken++
	copy(s, values)
	c.operands = append(c.operands, operand{name, raw(s), slices.Clone(raw(s))})
	return s
}

// Result places room for what the call is to write.
func Result[E element](c *Call, name string, want []E) []E {
	s := result[E](c.memory, c.taken, len(want))
	c.taken++
	c.expect(name, raw(s), raw(want), want)
	return s
}

// Becomes says what the call is to make of an operand.
func Becomes[E element](c *Call, name string, s, want []E) {
	c.operands = slices.DeleteFunc(c.operands, func(o operand) bool { return unsafe.SliceData(o.now) == unsafe.SliceData(raw(s)) })
	c.expect(name, raw(s), raw(want), want)
}

// Scalar says what the call is to return.
func Scalar[E element](c *Call, name string, got *E, want E) {
	s := []E{want}
	c.expect(name, raw(unsafe.Slice(got, 1)), raw(s), s)
}

func (c *Call) expect(name string, got, want []byte, like any) {
	r := outcome{name: name, got: got, want: want, size: 1}
	switch like.(type) {
	case []float32:
		r.size, r.float = 4, true
	case []float64:
		r.size, r.float = 8, true
	case []int16, []uint16:
		r.size = 2
	case []int32, []uint32:
		r.size = 4
	}
	c.results = append(c.results, r)
}

// Check runs the call and reports the first difference from the definition,
// operand that changed or write outside the results.
func (c *Call) Check() error {
	c.Run()
	for _, r := range c.results {
		if i := r.differs(); i >= 0 {
			return fmt.Errorf("tier %s: %s[%d] of %d is %s, want %s", isa.Name(), r.name, i, len(r.got)/r.size, r.show(r.got, i), r.show(r.want, i))
		}
	}
	for _, o := range c.operands {
		if !bytes.Equal(o.now, o.then) {
			return fmt.Errorf("tier %s: the operand %s was changed", isa.Name(), o.name)
		}
	}
	return c.memory.Check()
}

// differs is the first element that does, or −1.
func (r *outcome) differs() int {
	if bytes.Equal(r.got, r.want) {
		return -1
	}
	for i := range len(r.got) / r.size {
		at := i * r.size
		got, want := r.got[at:at+r.size], r.want[at:at+r.size]
		if !bytes.Equal(got, want) && !(isNaN(r, got) && isNaN(r, want)) {
			return i
		}
	}
	return -1
}

func isNaN(r *outcome, b []byte) bool {
	switch {
	case !r.float:
		return false
	case r.size == 4:
		v := *(*float32)(unsafe.Pointer(&b[0]))
		return v != v
	}
	v := *(*float64)(unsafe.Pointer(&b[0]))
	return v != v
}

func (r *outcome) show(b []byte, i int) string {
	p := unsafe.Pointer(&b[i*r.size])
	switch {
	case r.float && r.size == 4:
		return Spell(*(*float32)(p))
	case r.float:
		return Spell(*(*float64)(p))
	}
	return fmt.Sprintf("%x", b[i*r.size:(i+1)*r.size])
}

// Digest runs the call and adds its results to h, the same on every machine.
func (c *Call) Digest(h hash.Hash) {
	c.Run()
	for _, r := range c.results {
		for i := range len(r.got) / r.size {
			b := r.got[i*r.size : (i+1)*r.size]
			var v uint64
			switch {
			case isNaN(&r, b):
				v = ^uint64(0)
			case r.size == 1:
				v = uint64(b[0])
			case r.size == 2:
				v = uint64(*(*uint16)(unsafe.Pointer(&b[0])))
			case r.size == 4:
				v = uint64(*(*uint32)(unsafe.Pointer(&b[0])))
			default:
				v = *(*uint64)(unsafe.Pointer(&b[0]))
			}
			var word [8]byte
			for k := range word {
				word[k] = byte(v >> (8 * k))
			}
			h.Write(word[:])
		}
	}
}

// Size is how many bytes the call reads and writes.
func (c *Call) Size() (n int) {
	for _, o := range c.operands {
		n += len(o.now)
	}
	for _, r := range c.results {
		n += len(r.got)
	}
	return n
}

// Heap is Memory without checks, for timing and sweeps. It is used again: one
// call at a time.
type Heap struct{ rooms [operandsMost][]byte }

// Take implements Memory: aligned to 64 bytes, each operand at another place of
// its page.
func (h *Heap) Take(i, size, _ int) []byte {
	if len(h.rooms[i]) < size {
		mem := make([]byte, size+8192)
		start := 4096 - int(uintptr(unsafe.Pointer(unsafe.SliceData(mem)))&4095) + i*5*64
		h.rooms[i] = mem[start : start+size]
	}
	return h.rooms[i][:size:size]
}

// Check implements Memory.
func (h *Heap) Check() error { return nil }

// Xs is the X of every element.
func Xs[T Float](in []kernels.In[T]) []T {
	s := make([]T, len(in))
	for i := range in {
		s[i] = in[i].X
	}
	return s
}

// Dys is the Dy of every element.
func Dys[T Float](in []kernels.In[T]) []T {
	s := make([]T, len(in))
	for i := range in {
		s[i] = in[i].Dy
	}
	return s
}
