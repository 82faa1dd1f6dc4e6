package cases

import (
	"fmt"
	"math"

	"github.com/stepgrad/stepgrad/kernels"
)

// Params lists legal parameters for a signature, everyday ones first, then
// extremes. It is the same on every machine, whatever the size of int.
func Params[T Float](sig kernels.Signature) (list []kernels.Params[T]) {
	mantissa, exponents, _ := format[T]()
	tiny, normal, huge := FromBits[T](1), FromBits[T](1<<mantissa), FromBits[T](exponents<<mantissa-1)
	inf := T(math.Inf(1))
	steps := []T{0.1, -0.1, 1, 3, 1. / 3, -7.25, 1e-3, 1 << 20, 1. / (1 << 20), tiny, -normal, huge}
	ulps := []int{1, 0, 3, 2, 1 << 20, math.MaxInt32}
	switch sig {
	case kernels.None:
		return []kernels.Params[T]{{}}
	case kernels.Ulps:
		for _, u := range ulps {
			list = append(list, kernels.Params[T]{Ulps: u})
		}
	case kernels.Step:
		for _, s := range steps {
			list = append(list, kernels.Params[T]{Step: s})
		}
	case kernels.StepUlps:
		for i, s := range steps {
			list = append(list, kernels.Params[T]{Step: s, Ulps: ulps[i%len(ulps)]})
		}
	case kernels.Clamp:
		negZero := T(math.Copysign(0, -1))
		bounds := [][2]T{{-8, 7}, {0, 255}, {negZero, 0}, {0, negZero}, {3, 3}, {-inf, inf}, {-inf, -2}, {inf, inf}, {-huge, huge}, {-T(int64(1) << mantissa), 1 << 31}}
		for i, b := range bounds {
			for m := kernels.Down; m.Valid(); m++ {
				if i < 2 || i%5 == int(m) || b == [2]T{-inf, inf} {
					list = append(list, kernels.Params[T]{Mode: m, Lo: b[0], Hi: b[1]})
				}
			}
		}
	case kernels.Alpha:
		for _, a := range []T{5, 1, 200, 1e-3, 37.5, 0.3, 1e6, 1e-20, 709.5, tiny, normal, huge} {
			list = append(list, kernels.Params[T]{Alpha: a})
		}
	case kernels.Slope:
		for _, s := range []T{0.1, 1, 1e-4, 0.5, 0.7, 1e-2, 1e-20, FromBits[T](Bits(T(1)) - 1), tiny, normal} {
			list = append(list, kernels.Params[T]{Slope: s})
		}
	case kernels.Factor:
		for _, f := range []T{0.1, -1, 3, 0, T(math.Copysign(0, -1)), inf, -inf, T(math.NaN()), tiny, huge} {
			list = append(list, kernels.Params[T]{Factor: f})
		}
	}
	return list
}

// HostParams adds those that depend on the size of int.
func HostParams[T Float](sig kernels.Signature) []kernels.Params[T] {
	switch sig {
	case kernels.Ulps, kernels.StepUlps:
		return append(Params[T](sig), kernels.Params[T]{Step: 0.1, Ulps: math.MaxInt})
	}
	return Params[T](sig)
}

// Illegal lists parameters that must panic.
func Illegal[T Float](sig kernels.Signature) (list []kernels.Params[T]) {
	nan, inf := T(math.NaN()), T(math.Inf(1))
	add := func(p kernels.Params[T]) { list = append(list, p) }
	switch sig {
	case kernels.Ulps, kernels.StepUlps:
		for _, u := range []int{-1, math.MinInt} {
			add(kernels.Params[T]{Step: 1, Ulps: u})
		}
	}
	switch sig {
	case kernels.Step, kernels.StepUlps:
		for _, s := range []T{0, T(math.Copysign(0, -1)), nan, inf, -inf} {
			add(kernels.Params[T]{Step: s})
		}
	case kernels.Clamp:
		for _, m := range []kernels.Mode{5, 6, 255} {
			add(kernels.Params[T]{Mode: m, Lo: -1, Hi: 1})
		}
		half := FromBits[T](1) // the smallest fraction
		for _, b := range [][2]T{{1, 0}, {nan, 1}, {0, nan}, {nan, nan}, {0.5, 2}, {0, 0.5}, {half, 1}, {-1, -half}, {inf, -inf}} {
			add(kernels.Params[T]{Lo: b[0], Hi: b[1]})
		}
	case kernels.Alpha:
		for _, a := range []T{0, T(math.Copysign(0, -1)), -1, -FromBits[T](1), nan, inf, -inf} {
			add(kernels.Params[T]{Alpha: a})
		}
	case kernels.Slope:
		for _, s := range []T{0, T(math.Copysign(0, -1)), -0.5, FromBits[T](Bits(T(1)) + 1), 2, nan, inf, -inf} {
			add(kernels.Params[T]{Slope: s})
		}
	}
	return list
}

// Legal makes legal parameters of raw bits: a fuzzer's way in. Bits that are
// legal already keep their meaning.
func Legal[T Float](sig kernels.Signature, a, b uint64, ulps int, mode uint8) kernels.Params[T] {
	var p kernels.Params[T]
	x, y := FromBits[T](a), FromBits[T](b)
	switch sig {
	case kernels.Ulps, kernels.Step, kernels.StepUlps:
		if p.Ulps = ulps; ulps < 0 {
			p.Ulps = -(ulps + 1)
		}
		if p.Step = x; x == 0 || x-x != 0 {
			p.Step = 0.1
		}
	case kernels.Clamp:
		p.Mode = kernels.Mode(mode) % 5
		p.Lo, p.Hi = T(math.Floor(float64(x))), T(math.Floor(float64(y)))
		if x != x || y != y {
			p.Lo, p.Hi = -8, 7
		}
		if p.Lo > p.Hi {
			p.Lo, p.Hi = p.Hi, p.Lo
		}
	case kernels.Alpha:
		if p.Alpha = T(math.Abs(float64(x))); !(p.Alpha > 0) || p.Alpha-p.Alpha != 0 {
			p.Alpha = 5
		}
	case kernels.Slope:
		if p.Slope = T(math.Abs(float64(x))); p.Slope > 1 {
			p.Slope = 1 / p.Slope
		}
		if !(p.Slope > 0) {
			p.Slope = 0.1
		}
	case kernels.Factor:
		p.Factor = x
	}
	return p
}

// Raw is the way back from Legal.
func Raw[T Float](sig kernels.Signature, p kernels.Params[T]) (a, b uint64, ulps int, mode uint8) {
	switch sig {
	case kernels.Clamp:
		return Bits(p.Lo), Bits(p.Hi), 0, uint8(p.Mode)
	case kernels.Alpha:
		return Bits(p.Alpha), 0, 0, 0
	case kernels.Slope:
		return Bits(p.Slope), 0, 0, 0
	case kernels.Factor:
		return Bits(p.Factor), 0, 0, 0
	}
	return Bits(p.Step), 0, p.Ulps, 0
}

// Show spells the parameters that the signature has.
func Show[T Float](sig kernels.Signature, p kernels.Params[T]) string {
	switch sig {
	case kernels.Ulps:
		return fmt.Sprintf("ulps=%d", p.Ulps)
	case kernels.Step:
		return fmt.Sprintf("step=%v", p.Step)
	case kernels.StepUlps:
		return fmt.Sprintf("step=%v,ulps=%d", p.Step, p.Ulps)
	case kernels.Clamp:
		return fmt.Sprintf("mode=%v,lo=%v,hi=%v", p.Mode, p.Lo, p.Hi)
	case kernels.Alpha:
		return fmt.Sprintf("alpha=%v", p.Alpha)
	case kernels.Slope:
		return fmt.Sprintf("slope=%v", p.Slope)
	case kernels.Factor:
		return fmt.Sprintf("factor=%v", p.Factor)
	}
	return ""
}
