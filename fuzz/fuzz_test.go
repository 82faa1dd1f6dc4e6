// Package fuzz compares every implementation of every kernel with its
// definition on inputs that Go's fuzzer makes up, bit for bit:
//
//	go test -fuzz='FuzzFloor$' ./fuzz
//
// Without -fuzz the targets run their seeds. The target functions are
// generated from the catalogue; this is what they run.
package fuzz

import (
	"encoding/binary"
	"testing"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

// most bounds the elements of one run: enough for every unrolled loop and its
// tail.
const most = 300

// fuzzKernel runs one kernel on n elements. data holds them, raw; a short one
// repeats, so the fuzzer has little to minimise. a, b, ulps and mode become
// legal parameters; layout picks how the operands lie in memory, shift how far
// from alignment.
func fuzzKernel(f *testing.F, name string) {
	k := kernels.ByName(name)
	if k == nil {
		f.Fatalf("the catalogue has no kernel %s: run go -C asm run .", name)
	}
	seed[float32](f, k)
	seed[float64](f, k)
	f.Fuzz(func(t *testing.T, double bool, data []byte, n uint16, a, b uint64, ulps int, mode, layout, shift uint8) {
		if double {
			run(t, k, elements[float64](data, int(n%most)), cases.Legal[float64](k.Sig, a, b, ulps, mode), layout, shift)
		} else {
			run(t, k, elements[float32](data, int(n%most)), cases.Legal[float32](k.Sig, a, b, ulps, mode), layout, shift)
		}
	})
}

// seed adds the special values, a few at a time, under every parameter.
func seed[T cases.Float](f *testing.F, k *kernels.Kernel) {
	const few = 16
	double := cases.TypeName[T]() == "float64"
	in := cases.Inputs[T](cases.Rand(6), 4*few)
	params := cases.Params[T](k.Sig)
	for i := 0; i*few+few <= len(in) || i < len(params); i++ {
		from := i * few % (len(in) - few)
		a, b, ulps, mode := cases.Raw(k.Sig, params[i%len(params)])
		f.Add(double, encode(in[from:from+few]), uint16(few+i*7), a, b, ulps, mode, uint8(i), uint8(i))
	}
}

// encode is the way back from elements.
func encode[T cases.Float](in []kernels.In[T]) (data []byte) {
	for _, v := range in {
		for _, x := range []T{v.X, v.Dy} {
			if cases.TypeName[T]() == "float32" {
				data = binary.LittleEndian.AppendUint32(data, uint32(cases.Bits(x)))
			} else {
				data = binary.LittleEndian.AppendUint64(data, cases.Bits(x))
			}
		}
	}
	return data
}

// elements reads x and dy in turn, n times; the mask bit is the lowest of x,
// which kernels that read a mask do not read.
func elements[T cases.Float](data []byte, n int) []kernels.In[T] {
	size := 4
	if cases.TypeName[T]() == "float64" {
		size = 8
	}
	have := len(data) / (2 * size)
	if have == 0 {
		return nil
	}
	in := make([]kernels.In[T], n)
	for i := range in {
		var x, dy [8]byte
		at := i % have * 2 * size
		copy(x[:], data[at:at+size])
		copy(dy[:], data[at+size:at+2*size])
		in[i].X = cases.FromBits[T](binary.LittleEndian.Uint64(x[:]))
		in[i].Dy = cases.FromBits[T](binary.LittleEndian.Uint64(dy[:]))
		in[i].Bit = x[0]&1 != 0
	}
	return in
}

func run[T cases.Float](t *testing.T, k *kernels.Kernel, in []kernels.In[T], p kernels.Params[T], layout, shift uint8) {
	layouts := cases.Layouts(k.Shape)
	l := layouts[int(layout)%len(layouts)]
	c := cases.New(k, p, in)
	if len(in) > 0 {
		c = c.Tie(l.Dy)
	} else if l.Dy == cases.NextX {
		l = layouts[0] // there is no next
	}
	arena := cases.Arena{Shift: int(shift % 16)}
	for _, tier := range isa.Tiers() {
		restore := isa.Use(tier)
		err := c.Run(&arena, l, 0, len(in))
		restore()
		if err != nil {
			t.Error(err)
		}
	}
}
