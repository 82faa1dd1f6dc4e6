package stepgrad_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// The rules of DESIGN.md, stated once more, by what operands are rather than
// by function: check.go must agree with these on every kernel.

type operand struct {
	name    string
	bytes   int  // of an element; 0: a bit
	written bool // by the call
}

func operands[T cases.Float](s kernels.Shape) []operand {
	elem := int(unsafe.Sizeof(T(0)))
	dst, grad := operand{"dst", elem, true}, operand{"grad", elem, true}
	dy, x, y := operand{"dy", elem, false}, operand{"x", elem, false}, operand{"y", elem, false}
	return map[kernels.Shape][]operand{
		kernels.Map:      {dst, x},
		kernels.MapInt:   {{"int", 4, true}, x},
		kernels.MapGrad:  {dst, dy, x},
		kernels.MapBoth:  {dst, grad, x},
		kernels.ToMask:   {dst, {"mask", 0, true}, x},
		kernels.FromMask: {dst, dy, {"mask", 0, false}},
		kernels.Zip:      {dst, x, y},
		kernels.ZipGrad:  {dst, dy, y},
	}[s]
}

func (o operand) float() bool { return o.name != "mask" && o.name != "int" }

// size is what n elements need, in bytes.
func (o operand) size(n int) int {
	if o.bytes == 0 {
		return (n + 7) / 8
	}
	return n * o.bytes
}

// A plan says where each operand lies in one block of memory.
type plan map[string]place

type place struct{ at, size int } // in bytes

const room = 1024 // between operands that have nothing to do with each other

func apart(ops []operand, n int) plan {
	p := plan{}
	for i, o := range ops {
		p[o.name] = place{at: (i + 1) * room, size: o.size(n)}
	}
	return p
}

// with is the plan with one place changed.
func (p plan) with(name string, at, size int) plan {
	q := plan{}
	for k, v := range p {
		q[k] = v
	}
	q[name] = place{at, size}
	return q
}

func view[E any](mem []float64, p place) []E {
	var e E
	start := unsafe.Add(unsafe.Pointer(unsafe.SliceData(mem)), p.at)
	return unsafe.Slice((*E)(start), p.size/int(unsafe.Sizeof(e)))
}

// try calls the kernel on operands placed as planned and returns its panic's
// value, and whether anything was written.
func try[T cases.Float](k *kernels.Kernel, p plan, params kernels.Params[T]) (cause any, written bool) {
	mem := make([]float64, 8*room/8)
	for i := range mem {
		mem[i] = 1.75 + float64(i)
	}
	before := slices.Clone(mem)
	b := &call.Buffers[T]{
		Dst: view[T](mem, p["dst"]), Grad: view[T](mem, p["grad"]), Dy: view[T](mem, p["dy"]), X: view[T](mem, p["x"]),
		Int: view[int32](mem, p["int"]), Mask: view[byte](mem, p["mask"]),
	}
	switch k.Shape {
	case kernels.Zip:
		b.Dy = view[T](mem, p["y"])
	case kernels.ZipGrad:
		b.X = view[T](mem, p["y"])
	}
	defer func() {
		cause = recover()
		written = !slices.Equal(mem, before)
	}()
	call.Kernel(k.Name, b, params)
	return
}

// TestContract checks every rule whose violation panics: a string that names
// the function, before anything is written.
func TestContract(t *testing.T) { eachKernel(t, contract[float32], contract[float64]) }

func contract[T cases.Float](t *testing.T, k *kernels.Kernel) {
	ops := operands[T](k.Shape)
	good := cases.Params[T](k.Sig)[0]
	panics := func(p plan, params kernels.Params[T], rule string, args ...any) {
		t.Helper()
		rule = fmt.Sprintf(rule, args...)
		cause, written := try(k, p, params)
		message, ok := cause.(string)
		assert.True(t, ok, "%s: panic value %v, want a string", rule, cause)
		assert.True(t, strings.HasPrefix(message, "stepgrad: "+k.Name+": "), "%s: message %q", rule, message)
		assert.False(t, written, "%s: written before the panic", rule)
	}
	passes := func(p plan, rule string, args ...any) {
		t.Helper()
		cause, _ := try(k, p, good)
		assert.Nil(t, cause, rule, args)
	}

	for _, n := range []int{0, 1, 8, 40} {
		fine := apart(ops, n)
		passes(fine, "n = %d", n)
		for _, o := range ops {
			step := max(o.bytes, 1)
			panics(fine.with(o.name, fine[o.name].at, fine[o.name].size+step), good, "n = %d, %s too long", n, o.name)
			if n > 0 {
				panics(fine.with(o.name, fine[o.name].at, fine[o.name].size-step), good, "n = %d, %s too short", n, o.name)
				panics(fine.with(o.name, fine[o.name].at, 0), good, "n = %d, %s empty", n, o.name)
			}
		}
		for _, bad := range cases.Illegal[T](k.Sig) {
			panics(fine, bad, "n = %d, %s", n, cases.Show(k.Sig, bad))
		}
	}

	const n = 40
	fine := apart(ops, n)
	for i, a := range ops {
		for _, b := range ops[i+1:] {
			exclusive := !a.float() || !b.float() || a.written && b.written
			free := !exclusive && !a.written && !b.written
			unit := min(max(a.bytes, 1), max(b.bytes, 1))
			from, to := fine[b.name].at-fine[a.name].size, fine[b.name].at+fine[b.name].size
			for at := from; at <= to; at += unit {
				if at%max(a.bytes, 1) != 0 {
					continue // a slice is aligned for its elements
				}
				p := fine.with(a.name, at, fine[a.name].size)
				disjoint, same := at == from || at == to, at == fine[b.name].at
				if disjoint || free || same && !exclusive {
					passes(p, "%s %d bytes after %s", a.name, at-fine[b.name].at, b.name)
				} else {
					panics(p, good, "%s %d bytes after %s", a.name, at-fine[b.name].at, b.name)
				}
			}
		}
	}
}

// TestNil: no elements, no memory, no panic.
func TestNil(t *testing.T) { eachKernel(t, nothing[float32], nothing[float64]) }

func nothing[T cases.Float](t *testing.T, k *kernels.Kernel) {
	require.NotPanics(t, func() { call.Kernel(k.Name, &call.Buffers[T]{}, cases.Params[T](k.Sig)[0]) })
}

// TestContractOfEmpty: slices without elements overlap nothing, wherever they
// point.
func TestContractOfEmpty(t *testing.T) { eachKernel(t, empty[float32], empty[float64]) }

func empty[T cases.Float](t *testing.T, k *kernels.Kernel) {
	p := plan{}
	for i, o := range operands[T](k.Shape) {
		p[o.name] = place{at: room + 8*(i/2)} // two share an address
	}
	cause, _ := try(k, p, cases.Params[T](k.Sig)[0])
	assert.Nil(t, cause)
}
