package fuzz

import (
	"testing"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

// fuzzWhole is fuzzKernel for kernels that are not elementwise; way picks
// parameters and layout.
func fuzzWhole(f *testing.F, name string) {
	single, double := cases.WholeByName[float32](name), cases.WholeByName[float64](name)
	if single == nil || double == nil {
		f.Fatalf("internal/cases does not know how to call %s", name)
	}
	in, in64 := cases.Inputs[float32](cases.Rand(7), 64), cases.Inputs[float64](cases.Rand(8), 64)
	for way := range min(single.Ways, 12) {
		f.Add(false, encode(in[way:way+16]), uint16(16+way*9), uint16(way), uint8(way))
		f.Add(true, encode(in64[way:way+16]), uint16(33+way*7), uint16(way), uint8(way))
	}
	f.Fuzz(func(t *testing.T, wide bool, data []byte, n, way uint16, shift uint8) {
		if wide {
			runWhole(t, double, elements[float64](data, int(n%most)), way, shift)
		} else {
			runWhole(t, single, elements[float32](data, int(n%most)), way, shift)
		}
	})
}

func runWhole[T cases.Float](t *testing.T, w *cases.Whole[T], in []kernels.In[T], way uint16, shift uint8) {
	arena := cases.Arena{Shift: int(shift % 16)}
	for _, tier := range isa.Tiers() {
		restore := isa.Use(tier)
		err := cases.NewCall(&arena, w, int(way)%w.Ways, in).Check()
		restore()
		if err != nil {
			t.Errorf("%s, way %d: %v", w.Name, int(way)%w.Ways, err)
		}
	}
}
