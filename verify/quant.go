package main

import (
	"fmt"
	"math"
	"sync"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

// A quantiser is swept by FakeQuantize, its mask and Quantize at once.
type quantiser struct {
	scale          float32
	zero, min, max int
	mode           stepgrad.Mode
	rule           stepgrad.Rule
}

// quantisers has every rule and mode, and ranges of 4, 8 and 16 bits.
var quantisers = []quantiser{
	{0.1, 0, -128, 127, stepgrad.NearestEven, stepgrad.Reciprocal},
	{0.0123, 128, 0, 255, stepgrad.NearestEven, stepgrad.Divide},
	{1. / 3, 3, -128, 127, stepgrad.NearestAway, stepgrad.ReciprocalZero},
	{0.25, 8, 0, 15, stepgrad.Down, stepgrad.Reciprocal},
	{7.5, 0, -8, 7, stepgrad.Up, stepgrad.Divide},
	{1e-3, 40000, 0, 65535, stepgrad.TowardZero, stepgrad.Reciprocal},
}

func (q quantiser) String() string {
	return fmt.Sprintf("scale=%v,zero=%d,[%d, %d],%v,%v", q.scale, q.zero, q.min, q.max, q.mode, q.rule)
}

// sweep feeds 2^bits float32 inputs to the quantiser on every tier, on all cores,
// and returns for each tier how many results differ from the definition, and one
// of them.
func (q quantiser) sweep(bits int, tiers []string, step func(int)) (failures []int, first []string, err error) {
	quant, err := stepgrad.NewQuant(q.scale, q.zero, q.min, q.max, stepgrad.WithMode(q.mode), stepgrad.WithRule(q.rule))
	if err != nil {
		return nil, nil, err
	}
	def := kernels.NewQuant(q.scale, q.zero, q.min, q.max, q.mode, q.rule)
	failures, first = make([]int, len(tiers)), make([]string, len(tiers))
	total := uint64(1) << bits
	size := min(block, int(total))
	x, fake := make([]float32, size), make([]float32, size)
	level, in := make([]int32, size), make([]bool, size)
	for at := uint64(0); at < total; at += uint64(size) {
		eachTile(size, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				x[i] = input(at+uint64(i), bits)
				fake[i], in[i] = def.Fake(x[i])
				level[i] = def.Int(x[i])
			}
		})
		for t, tier := range tiers {
			restore := isa.Use(tier)
			var mu sync.Mutex
			eachTile(size, func(_, lo, hi int) {
				var dst [tile]float32
				var mask [tile / 8]byte
				var wide [tile]int16
				var uwide [tile]uint16
				var narrow [tile]int8
				var unarrow [tile]uint8
				n := hi - lo
				stepgrad.FakeQuantize(dst[:n], mask[:(n+7)/8], x[lo:hi], quant)
				got := func(i int) int32 { return int32(unarrow[i]) }
				switch {
				case q.max > math.MaxInt16:
					stepgrad.Quantize(uwide[:n], x[lo:hi], quant)
					got = func(i int) int32 { return int32(uwide[i]) }
				case q.min >= 0 && q.max <= math.MaxUint8:
					stepgrad.Quantize(unarrow[:n], x[lo:hi], quant)
				case q.min >= math.MinInt8 && q.max <= math.MaxInt8:
					stepgrad.Quantize(narrow[:n], x[lo:hi], quant)
					got = func(i int) int32 { return int32(narrow[i]) }
				default:
					stepgrad.Quantize(wide[:n], x[lo:hi], quant)
					got = func(i int) int32 { return int32(wide[i]) }
				}
				for i := range n {
					want := fake[lo+i]
					same := math.Float32bits(dst[i]) == math.Float32bits(want) || dst[i] != dst[i] && want != want
					if same && got(i) == level[lo+i] && mask[i>>3]>>(i&7)&1 != 0 == in[lo+i] {
						continue
					}
					mu.Lock()
					failures[t]++
					first[t] = fmt.Sprintf("tier %s: x = %v (%#x): got %v, level %d; want %v, level %d, in range %v",
						tier, x[lo+i], math.Float32bits(x[lo+i]), dst[i], got(i), want, level[lo+i], in[lo+i])
					mu.Unlock()
				}
			})
			restore()
		}
		step(size)
	}
	return failures, first, nil
}
