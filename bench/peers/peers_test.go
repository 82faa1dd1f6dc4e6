package peers

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/viterin/vek/vek32"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/internal/cases"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.benchtime", "200ms")
	flag.Parse()
	os.Exit(m.Run())
}

type unary = func(dst, x []float32)

// into gives vek's function the shape of ours.
func into(f func(dst, x []float32) []float32) unary { return func(dst, x []float32) { f(dst, x) } }

// contests lists what is measured. Exp and Sin have no counterpart here: they
// are the yardsticks of SoftRound and SmoothRound.
var contests = []struct {
	op, impl string
	f        unary
}{
	{"Floor", "stepgrad", stepgrad.Floor[float32]},
	{"Floor", "vek", into(vek32.Floor_Into)},
	{"Ceil", "stepgrad", stepgrad.Ceil[float32]},
	{"Ceil", "vek", into(vek32.Ceil_Into)},
	{"Round", "stepgrad", stepgrad.Round[float32]},
	{"Round", "vek", into(vek32.Round_Into)},
	{"Exp", "vek", into(vek32.Exp_Into)},
	{"SoftRound", "stepgrad", func(dst, x []float32) { stepgrad.SoftRound(dst, x, 5) }},
	{"SoftFloor", "stepgrad", func(dst, x []float32) { stepgrad.SoftFloor(dst, x, 5) }},
	{"Sin", "vek", into(vek32.Sin_Into)},
	{"SmoothRound", "stepgrad", func(dst, x []float32) { stepgrad.SmoothRound(dst, x, 0.1) }},
	{"SmoothFloor", "stepgrad", func(dst, x []float32) { stepgrad.SmoothFloor(dst, x, 0.1) }},
}

func BenchmarkPeer(b *testing.B) {
	for _, n := range []int{1024, 16384, 262144} {
		r := cases.Rand(22)
		x, dst := make([]float32, n), make([]float32, n+512)[256:][:n]
		for i := range x {
			x[i] = float32(r.Float64()*24 - 12)
		}
		for _, c := range contests {
			b.Run(fmt.Sprintf("op=%s/type=f32/n=%d/impl=%s", c.op, n, c.impl), func(b *testing.B) {
				b.SetBytes(int64(8 * n))
				for b.Loop() {
					c.f(dst, x)
				}
			})
		}
	}
}
