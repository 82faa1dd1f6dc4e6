package main

import (
	"math"
	"math/rand/v2"
	"slices"

	ag "github.com/stepgrad/stepgrad/autograd"
)

const hidden = 32

// A network has 64 inputs, 32 hidden units and 10 outputs.
type network struct {
	w1, b1, w2, b2 tensor
}

func newNetwork(rng *rand.Rand) network {
	return network{
		w1: ag.Param(normal(rng, pixels*hidden, math.Sqrt(2.0/pixels)), pixels, hidden),
		b1: ag.Param(make([]float32, hidden)),
		w2: ag.Param(normal(rng, hidden*classes, math.Sqrt(2.0/hidden)), hidden, classes),
		b2: ag.Param(make([]float32, classes)),
	}
}

func normal(rng *rand.Rand, n int, deviation float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(deviation * rng.NormFloat64())
	}
	return x
}

func (n network) params() []tensor { return []tensor{n.w1, n.b1, n.w2, n.b2} }

// A scheme quantises the weights of both layers and the activations between
// them. Pixels have 17 values from the start; biases and outputs stay float.
type scheme struct {
	w1, act, w2 quantiser
}

// calibrate fits a scheme to the network and to its activations on images.
func (n network) calibrate(levels int, images tensor) *scheme {
	s := scheme{w1: symmetric(levels).fit(n.w1.Data()), w2: symmetric(levels).fit(n.w2.Data())}
	active := ag.ReLU(layer(images, s.w1.apply(n.w1, hardFloor), n.b1))
	s.act = fromZero(levels).fit(active.Data())
	return &s
}

// logits runs the network, quantised by s and round unless round is nil.
func (n network) logits(images tensor, s *scheme, round staircase) tensor {
	if round == nil {
		return layer(ag.ReLU(layer(images, n.w1, n.b1)), n.w2, n.b2)
	}
	h := layer(images, s.w1.apply(n.w1, round), n.b1)
	return layer(s.act.apply(h, round), s.w2.apply(n.w2, round), n.b2)
}

func layer(x, w, b tensor) tensor { return ag.Add(ag.MatMul(x, w), b) }

// classify returns a class for every image, by the hard staircase or, if s is
// nil, in float.
func (n network) classify(d dataset, s *scheme) []int {
	var round staircase
	if s != nil {
		round = hardFloor
	}
	logits := n.logits(d.tensor(), s, round).Data()
	labels := make([]int, d.len())
	for i := range labels {
		row := logits[i*classes : (i+1)*classes]
		labels[i] = slices.Index(row, slices.Max(row))
	}
	return labels
}
