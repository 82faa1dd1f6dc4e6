package cases

import (
	"math"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/kernels"
)

func randomWholes[T Float]() []Whole[T] {
	streams := [][2]uint64{ // seed, offset
		{0, 0}, {1, 1}, {0x243f6a8885a308d3, 37}, {math.MaxUint64, 1<<36 - 9}, {1 << 32, math.MaxUint64 - 100}, {7, math.MaxUint64},
	}
	of := func(name string, fill func(dst []T, seed, offset uint64), element func(bits uint64) T) Whole[T] {
		return Whole[T]{name, len(streams), func(c *Call, way int, in []kernels.In[T]) {
			seed, offset := streams[way][0], streams[way][1]
			want := make([]T, len(in))
			for i := range want {
				want[i] = element(kernels.RandomElement[T](seed, offset+uint64(i)))
			}
			dst := Result(c, "dst", want)
			c.Run = func() { fill(dst, seed, offset) }
		}}
	}
	return []Whole[T]{
		of("Uniform", stepgrad.Uniform[T], kernels.Uniform[T]),
		of("Normal", stepgrad.Normal[T], kernels.Normal[T]),
		of("Gumbel", stepgrad.Gumbel[T], kernels.Gumbel[T]),
	}
}
