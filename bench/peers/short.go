package main

import (
	"math"
	"time"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/internal/isa"
)

// A short call is written out twice, as a user writes it: the public function,
// and the loop in its place. Each function makes that many calls on its
// operands; the parameters are constants. Inlining them would show the compiler
// where the slices come from.
type shortCall struct {
	op         string
	ours, loop func(calls int, s *shortOperands)
}

type shortOperands struct {
	dst, x []float32
	ints   []int32
	mask   []byte
}

const step = 0.25 // a power of two: the loop's quotient is exact, too

var shortCalls = []shortCall{
	{"Floor",
		func(calls int, s *shortOperands) {
			dst, x := s.dst, s.x
			for range calls {
				stepgrad.Floor(dst, x)
			}
		},
		func(calls int, s *shortOperands) {
			dst, x := s.dst[:len(s.x)], s.x
			for range calls {
				for i, v := range x {
					dst[i] = float32(math.Floor(float64(v)))
				}
			}
		}},
	{"RoundAway",
		func(calls int, s *shortOperands) {
			dst, x := s.dst, s.x
			for range calls {
				stepgrad.RoundAway(dst, x)
			}
		},
		func(calls int, s *shortOperands) {
			dst, x := s.dst[:len(s.x)], s.x
			for range calls {
				for i, v := range x {
					dst[i] = float32(math.Round(float64(v)))
				}
			}
		}},
	{"FloorInt32",
		func(calls int, s *shortOperands) {
			dst, x := s.ints, s.x
			for range calls {
				stepgrad.FloorInt32(dst, x)
			}
		},
		func(calls int, s *shortOperands) {
			dst, x := s.ints[:len(s.x)], s.x
			for range calls {
				for i, v := range x {
					dst[i] = int32(math.Floor(float64(v)))
				}
			}
		}},
	{"STEForward",
		func(calls int, s *shortOperands) {
			dst, mask, x := s.dst, s.mask, s.x
			for range calls {
				stepgrad.STEForward(dst, mask, x, stepgrad.Down, lo, hi)
			}
		},
		func(calls int, s *shortOperands) {
			dst, mask, x := s.dst[:len(s.x)], s.mask, s.x
			for range calls {
				clear(mask)
				for i, v := range x {
					dst[i] = min(max(float32(math.Floor(float64(v))), lo), hi)
					if lo <= v && v <= hi {
						mask[i>>3] |= 1 << (i & 7)
					}
				}
			}
		}},
	{"STEBackward",
		func(calls int, s *shortOperands) {
			dst, dy, mask := s.dst, s.x, s.mask
			for range calls {
				stepgrad.STEBackward(dst, dy, mask)
			}
		},
		func(calls int, s *shortOperands) {
			dst, dy, mask := s.dst[:len(s.x)], s.x, s.mask
			for range calls {
				for i, v := range dy {
					if mask[i>>3]>>(i&7)&1 == 0 {
						v = 0
					}
					dst[i] = v
				}
			}
		}},
	{"FloorSnap",
		func(calls int, s *shortOperands) {
			dst, x := s.dst, s.x
			for range calls {
				stepgrad.FloorSnap(dst, x, 1)
			}
		},
		func(calls int, s *shortOperands) {
			dst, x := s.dst[:len(s.x)], s.x
			for range calls {
				for i, v := range x { // a step up, then down
					dst[i] = float32(math.Floor(float64(math.Nextafter32(v, float32(math.Inf(1))))))
				}
			}
		}},
	{"FloorDiv",
		func(calls int, s *shortOperands) {
			dst, x := s.dst, s.x
			for range calls {
				stepgrad.FloorDiv(dst, x, step)
			}
		},
		func(calls int, s *shortOperands) {
			dst, x := s.dst[:len(s.x)], s.x
			by := divisor
			for range calls {
				for i, v := range x {
					dst[i] = float32(math.Floor(float64(v / by)))
				}
			}
		}},
}

// divisor is a variable: by a constant power of two the compiler would multiply.
var divisor float32 = step

// beside is a place: the result right before the operand, as slices made one
// after the other are. The unused lanes of one's last vector are then the other,
// so a load may have to wait for the store of the call before.
const beside = "beside"

func newShortOperands(n int, place string) *shortOperands {
	m := newMemory(1 << 10)
	s := &shortOperands{dst: take[float32](m, n, 0), x: take[float32](m, n, 0), ints: take[int32](m, n, 0), mask: take[byte](m, (n+7)/8, 0)}
	if place == beside {
		both := take[float32](m, 2*n, 0)
		s.dst, s.x = both[:n], both[n:]
	}
	fill(s.x, 1, -12, 12)
	fillBits(s.mask)
	return s
}

// results are what a call writes, as numbers.
func (s *shortOperands) results() [][]float64 {
	ints, bits := make([]float64, len(s.ints)), make([]float64, len(s.mask))
	for i, v := range s.ints {
		ints[i] = float64(v)
	}
	for i, v := range s.mask {
		bits[i] = float64(v)
	}
	return [][]float64{float64s(s.dst), ints, bits}
}

// short races calls on 1 to 32 elements with the loops they replace, all sizes
// of an operation in one race.
func (p *program) short() error {
	for _, c := range shortCalls {
		for _, place := range []string{outOfPlace, beside} {
			if place == beside && c.op != "Floor" {
				continue // one shows it
			}
			var all []entrant
			for n := 1; n <= 32; n++ {
				id := key{Table: "Short", Op: c.op, Type: "f32", N: n, Place: place, Threads: 1, Impl: "loop"}
				if !p.wanted(id) || p.quick && n&(n-1) != 0 {
					continue
				}
				list, want := c.entrants(id)
				if err := check(list, map[string]answer{c.op: want}); err != nil {
					return err
				}
				all = append(all, list...)
			}
			if err := p.race(all, p.effort(150, 100*time.Microsecond)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c shortCall) entrants(id key) (list []entrant, want answer) {
	s := newShortOperands(id.N, id.Place)
	enter := func(f func(calls int, s *shortOperands)) entrant {
		return entrant{
			key: id,
			time: func(calls int) (time.Duration, error) {
				start := time.Now()
				f(calls, s)
				return time.Since(start), nil
			},
			output: func() ([][]float64, error) {
				s := newShortOperands(id.N, id.Place)
				f(1, s)
				return s.results(), nil
			},
		}
	}
	list = append(list, enter(c.loop))
	want.results, _ = list[0].output()
	for _, tier := range isa.Tiers() {
		id.Impl = tier
		list = append(list, onTier(tier, enter(c.ours)))
	}
	return list, want
}
