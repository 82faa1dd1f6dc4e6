package main

import (
	"math"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

// A width is how many bits there are for weights, which have a scale for every
// output of a layer, and for the activations between the layers, which have
// one. Pixels are integers from the start.
type width struct {
	name                       string
	weightBits, activationBits int
}

var widths = []width{
	{"int8", 8, 7},
	{"int4", 4, 4},
	{"3 bits", 3, 4},
	{"2 bits", 2, 3},
}

func (w width) least() int { return -1 << (w.weightBits - 1) }
func (w width) most() int  { return 1<<(w.weightBits-1) - 1 }
func (w width) top() int   { return 1<<w.activationBits - 1 }

// A sum of products of levels and the level of a bias stay below 2^24 in size,
// up to which float32 holds every integer: 64·16·128 + 2^15 in the first layer,
// 32·127·128 + 2^15 in the second. So if every scale is a power of two, float32
// adds multiples of one power of two without rounding, in any order, and the
// fake-quantised network computes what the integers do.
const leastBias, mostBias = math.MinInt16, math.MaxInt16

const pixelScale = 1.0 / white

// An integrand is a network in training whose numbers are those of integers
// times powers of two, of which the exponents are learned too.
type integrand struct {
	network
	width
	e1, e2, ea tensor // log2 of the scales, before rounding: a weight scale per output, one for the activations
}

func (n network) clone() network {
	return network{copyOf(n.w1), copyOf(n.b1), copyOf(n.w2), copyOf(n.b2)}
}

func copyOf(x tensor) tensor {
	return ag.Param(append([]float32(nil), x.Data()...), x.Shape()...)
}

// quantise fits exponents to a copy of the network and its activations on
// images.
func (n network) quantise(w width, images tensor) integrand {
	q := integrand{network: n.clone(), width: w}
	perOutput := func(w2 tensor) tensor {
		rows, in := ag.Transpose(w2).Data(), w2.Shape()[0]
		var e []float32
		for at := 0; at < len(rows); at += in {
			e = append(e, fitExponent(rows[at:at+in], w.least(), w.most()))
		}
		return ag.Param(e)
	}
	q.e1, q.e2 = perOutput(q.w1), perOutput(q.w2)
	q.ea = ag.Param([]float32{0})
	active := ag.ReLU(q.first(images))
	q.ea.Data()[0] = fitExponent(active.Data(), 0, w.top())
	return q
}

// fitExponent returns log2 of the scale, of powers of two, that leaves the
// least squared error.
func fitExponent(values []float32, least, most int) float32 {
	low, high := stepgrad.MinMax(values)
	largest := max(float64(high), -float64(low), 0x1p-30)
	first := int(math.Ceil(math.Log2(largest / float64(most)))) // nothing is cut off
	best, smallest := first, math.Inf(1)
	rounded := make([]float32, len(values))
	for e := first; e > first-5; e-- {
		stepgrad.FakeQuantize(rounded, nil, values, quant(float32(e), least, most))
		sum := 0.0
		for i, v := range rounded {
			sum += float64(v-values[i]) * float64(v-values[i])
		}
		if sum < smallest {
			best, smallest = e, sum
		}
	}
	return float32(best)
}

// quant is the quantiser with scale 2^e.
func quant(e float32, least, most int) stepgrad.Quant[float32] {
	q, err := stepgrad.NewQuant(power(e), 0, least, most)
	if err != nil {
		panic(err) // e has been kept where scales have reciprocals
	}
	return q
}

// power is 2^e for the nearest integer, kept within limits that no digit needs.
func power(e float32) float32 {
	return float32(math.Ldexp(1, int(math.RoundToEven(float64(min(max(e, -60), 60))))))
}

// powers is 2^round(e), with the gradient of 2^e: powers of two that are learned
// as in TQT (Jain et al. 2020), which rounds up.
func powers(e tensor) tensor {
	rounded := ag.RoundSTE(e)
	data := make([]float32, e.Len())
	for i, v := range rounded.Data() {
		data[i] = power(v)
	}
	var y tensor
	y = ag.Custom("2^x", data, e.Shape(), func(dy tensor) []tensor {
		return []tensor{ag.Mul(dy, ag.Scale(y, math.Ln2))}
	}, rounded)
	return y
}

func (n integrand) params() []tensor { return append(n.network.params(), n.e1, n.e2, n.ea) }

// layer is that of integers: bias has the scale of the sums.
func (n integrand) layer(x, w, b, e tensor, inputScale tensor) tensor {
	scale := powers(e)
	weights := ag.FakeQuantize(w, scale, nil, ag.LSQ(n.least(), n.most()).PerChannel(1).WithGradScale())
	bias := ag.FakeQuantize(b, ag.Detach(ag.Mul(scale, inputScale)), nil, ag.LSQ(leastBias, mostBias).PerChannel(0))
	return layer(x, weights, bias)
}

// first is the first layer, before activations are rounded.
func (n integrand) first(images tensor) tensor {
	return n.layer(images, n.w1, n.b1, n.e1, ag.Const([]float32{pixelScale}))
}

// logits are those of the fake-quantised network; the rounding to levels from
// 0 up is its ReLU.
func (n integrand) logits(images tensor) tensor {
	scale := powers(n.ea)
	active := ag.FakeQuantize(n.first(images), scale, nil, ag.LSQ(0, n.top()).WithGradScale())
	return n.layer(active, n.w2, n.b2, n.e2, scale)
}

// A layer of integers: sums[j] = bias[j] + Σᵢ weights[j][i]·x[i].
type intLayer struct {
	in, out int
	weights []int8 // (out, in)
	bias    []int32
	scale   []float32 // of the weights of each output: a power of two
}

func (l intLayer) sums(dst []int32, x []int8) {
	for j := range dst {
		sum := l.bias[j]
		for i, k := range l.weights[j*l.in : (j+1)*l.in] {
			sum += int32(k) * int32(x[i])
		}
		dst[j] = sum
	}
}

// An intNetwork is what is left after training: integers, and powers of two
// that say what they stand for.
type intNetwork struct {
	width
	first, second intLayer
	activeScale   float32 // of the activations
}

// integers rounds the network for good.
func (n integrand) integers() intNetwork {
	activation := power(n.ea.Data()[0])
	return intNetwork{
		width:       n.width,
		first:       n.round(n.w1, n.b1, n.e1, pixelScale),
		second:      n.round(n.w2, n.b2, n.e2, activation),
		activeScale: activation,
	}
}

func (n integrand) round(w, b, e tensor, inputScale float32) intLayer {
	l := intLayer{in: w.Shape()[0], out: w.Shape()[1], weights: make([]int8, w.Len())}
	qs := make([]stepgrad.Quant[float32], l.out)
	bias := make([]int16, l.out)
	for j := range l.out {
		qs[j] = quant(e.Data()[j], n.least(), n.most())
		l.scale = append(l.scale, qs[j].Scale())
		q, err := stepgrad.NewQuant(qs[j].Scale()*inputScale, 0, leastBias, mostBias)
		if err != nil {
			panic(err)
		}
		stepgrad.Quantize(bias[j:j+1], b.Data()[j:j+1], q)
		l.bias = append(l.bias, int32(bias[j]))
	}
	stepgrad.QuantizeRows(l.weights, ag.Transpose(w).Data(), l.in, l.in, qs)
	return l
}

// logits runs the network on one image of integers from 0 to 16. Up to the
// last line, where the sums get their scales, there is no float.
func (n intNetwork) logits(dst []float32, image []int8) {
	var sums [hidden]int32
	var active [hidden]int8
	n.first.sums(sums[:], image)
	for j, sum := range sums {
		shift := exponent(n.activeScale) - exponent(n.first.scale[j]*pixelScale)
		active[j] = int8(min(max(shiftRound(sum, shift), 0), int64(n.top())))
	}
	var last [classes]int32
	n.second.sums(last[:], active[:])
	for j, sum := range last {
		dst[j] = float32(sum) * (n.activeScale * n.second.scale[j])
	}
}

// exponent is log2 of a power of two.
func exponent(scale float32) int {
	_, e := math.Frexp(float64(scale))
	return e - 1
}

// shiftRound is x/2^shift rounded to the nearest integer, ties to even, for |x|
// up to 2^31. Shifts beyond −20 and 40 are as those: what is not 0 there is
// above every level, or rounds to 0.
func shiftRound(x int32, shift int) int64 {
	shift = min(max(shift, -20), 40)
	if shift <= 0 {
		return int64(x) << -shift
	}
	whole, rest, half := int64(x)>>shift, int64(x)&(1<<shift-1), int64(1)<<(shift-1)
	if rest > half || rest == half && whole&1 == 1 {
		whole++
	}
	return whole
}

// levels are the pixels as integers from 0 to 16.
func (d dataset) levels() []int8 {
	levels := make([]int8, len(d.images))
	for i, v := range d.images {
		levels[i] = int8(v * white)
	}
	return levels
}

// allLogits runs the network on every image.
func (n intNetwork) allLogits(d dataset) []float32 {
	levels, logits := d.levels(), make([]float32, d.len()*classes)
	for i := range d.len() {
		n.logits(logits[i*classes:(i+1)*classes], levels[i*pixels:(i+1)*pixels])
	}
	return logits
}
