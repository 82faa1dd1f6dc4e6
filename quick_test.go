package stepgrad_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

func TestQuick(t *testing.T) {
	t.Log(isa.Tiers())
	for _, tier := range isa.Tiers() {
		defer isa.Use(tier)()
		for i := range kernels.All {
			k := &kernels.All[i]
			for n := 0; n < 100; n++ {
				r := rand.New(rand.NewPCG(1, uint64(n)))
				p := kernels.Params[float32]{Ulps: 3, Step: -0.1, Lo: -3, Hi: 4, Alpha: 5, Slope: .1}
				for m := range 5 {
					p.Mode = kernels.Mode(m)
					b := call.Buffers[float32]{Dst: make([]float32, n), Grad: make([]float32, n), X: make([]float32, n), Dy: make([]float32, n), Int: make([]int32, n), Mask: make([]byte, (n+7)/8)}
					for j := range b.X {
						b.X[j] = math.Float32frombits(r.Uint32())
						if r.IntN(2) == 0 {
							b.X[j] = float32(r.NormFloat64() * 4)
						}
						b.Dy[j] = float32(r.NormFloat64())
					}
					r2 := r
					if k.Shape == kernels.FromMask {
						for j := range b.Mask {
							b.Mask[j] = byte(r2.Uint32())
						}
					}
					call.Kernel(k.Name, &b, p)
					f := k.Def32(p)
					for j := range b.X {
						bit := b.Mask[j>>3]>>(j&7)&1 != 0
						o := f(kernels.In[float32]{X: b.X[j], Dy: b.Dy[j], Bit: bit})
						ok := true
						switch k.Shape {
						case kernels.MapInt:
							ok = b.Int[j] == o.Int
						default:
							ok = math.Float32bits(b.Dst[j]) == math.Float32bits(o.Y) || b.Dst[j] != b.Dst[j] && o.Y != o.Y
						}
						if k.Shape == kernels.ToMask && bit != o.Bit {
							ok = false
						}
						if !ok {
							t.Fatal(tier, k.Name, n, j, b.X[j], b.Dst[j], o.Y, b.Int[j], o.Int, p.Mode)
						}
					}
				}
			}
		}
	}
}
