package main

import (
	"math"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

type tensor = *ag.Var[float32]

// A staircase rounds u to the nearest of the levels 0 … top. All have the
// value of hardFloor, except softFloor; they differ in the gradient.
type staircase func(u tensor, top float32) tensor

var half = ag.Const([]float32{0.5})

func hardFloor(u tensor, top float32) tensor {
	return ag.Clamp(ag.Floor(ag.Add(u, half)), 0, top)
}

// floorSTE passes the gradient through the floor; Clamp stops it for values
// that are more than half a step outside the levels.
func floorSTE(u tensor, top float32) tensor {
	return ag.Clamp(ag.FloorSTE(ag.Add(u, half)), 0, top)
}

// clipSTE does both in one pass and keeps one bit per element. It stops the
// gradient at the outermost levels, half a step earlier.
func clipSTE(u tensor, top float32) tensor {
	return ag.ClipSTE(u, stepgrad.NearestEven, 0, top)
}

// softFloor is nearly a ramp for small alpha and nearly hardFloor for large.
func softFloor(alpha float32) staircase {
	return func(u tensor, top float32) tensor {
		return ag.Clamp(ag.SoftFloor(ag.Add(u, half), alpha), 0, top)
	}
}

// A quantiser replaces x by the nearest of evenly spaced levels: level k, from
// 0 to top, stands for (k − zero)·step.
type quantiser struct {
	top, zero, step float32
}

// symmetric puts the levels on both sides of 0, for weights.
func symmetric(levels int) quantiser {
	top := float32(levels - 1)
	return quantiser{top: top, zero: top / 2}
}

// fromZero puts them above 0, for activations: it is a ReLU, too.
func fromZero(levels int) quantiser { return quantiser{top: float32(levels - 1)} }

func (q quantiser) apply(x tensor, round staircase) tensor {
	zero := ag.Const([]float32{q.zero})
	k := round(ag.Add(ag.Scale(x, 1/q.step), zero), q.top)
	return ag.Scale(ag.Sub(k, zero), q.step)
}

// fit returns q with the step, of some, that leaves the least squared error.
func (q quantiser) fit(values []float32) quantiser {
	const steps = 50
	var largest float32
	for _, v := range values {
		largest = max(largest, v, -v)
	}
	if largest == 0 {
		largest = 1
	}
	x, best, least := ag.Const(values), q, math.Inf(1)
	for i := 1; i <= steps; i++ {
		q.step = largest / (q.top - q.zero) * float32(i) / steps
		e := 0.0
		for j, rounded := range q.apply(x, hardFloor).Data() {
			d := float64(values[j] - rounded)
			e += d * d
		}
		if e < least {
			best, least = q, e
		}
	}
	return best
}
