package main

import (
	"math"
	"math/rand/v2"
	"slices"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/autograd/optim"
	"github.com/stepgrad/stepgrad/examples/internal/digits"
)

type tensor = *ag.Var[float32]

const (
	pixels  = digits.Pixels
	classes = digits.Classes
	hidden  = 32
	batch   = 32
	rate    = 0.01 // of Adam at first; it falls to 0 as a cosine

	choiceRate = 0.1 // that of the logits, throughout
)

// A dataset holds images as rows of pixels in [0, 1].
type dataset struct {
	images []float32
	labels []int
}

func (d dataset) len() int { return len(d.labels) }

func (d dataset) pick(rows []int) (p dataset) {
	for _, i := range rows {
		p.images = append(p.images, d.images[i*pixels:(i+1)*pixels]...)
		p.labels = append(p.labels, d.labels[i])
	}
	return p
}

func (d dataset) first(n int) dataset { return dataset{d.images[:n*pixels], d.labels[:n]} }

// split holds out a quarter.
func (d dataset) split(rng *rand.Rand) (train, heldOut dataset) {
	rows := rng.Perm(d.len())
	return d.pick(rows[d.len()/4:]), d.pick(rows[:d.len()/4])
}

// draw picks a batch.
func (d dataset) draw(rng *rand.Rand) dataset {
	rows := make([]int, batch)
	for i := range rows {
		rows[i] = rng.IntN(d.len())
	}
	return d.pick(rows)
}

// A network sees some pixels of a digit and names it.
type network struct{ w1, b1, w2, b2 tensor }

func newNetwork(seen int, rng *rand.Rand) network {
	normal := func(deviation float64, shape ...int) tensor {
		data := make([]float32, shape[0]*shape[1])
		for i := range data {
			data[i] = float32(deviation * rng.NormFloat64())
		}
		return ag.Param(data, shape...)
	}
	return network{
		normal(math.Sqrt(2/float64(seen)), seen, hidden), ag.Param(make([]float32, hidden)),
		normal(math.Sqrt(1/float64(hidden)), hidden, classes), ag.Param(make([]float32, classes)),
	}
}

func (n network) params() []tensor { return []tensor{n.w1, n.b1, n.w2, n.b2} }

func (n network) clone() network {
	c := func(x tensor) tensor { return ag.Param(slices.Clone(x.Data()), x.Shape()...) }
	return network{c(n.w1), c(n.b1), c(n.w2), c(n.b2)}
}

// losses are the cross-entropies, one for each row of what is seen.
func (n network) losses(seen tensor, labels []int) tensor {
	truth := make([]float32, len(labels)*classes)
	for i, c := range labels {
		truth[i*classes+c] = 1
	}
	return ag.Neg(ag.Sum(ag.Mul(ag.LogSoftmax(n.logits(seen)), ag.Const(truth, len(labels), classes)), 1))
}

func (n network) logits(seen tensor) tensor {
	h := ag.ReLU(ag.Add(ag.MatMul(seen, n.w1), n.b1))
	return ag.Add(ag.MatMul(h, n.w2), n.b2)
}

// accuracy is the share of digits that the network names right by the given pixels.
func (n network) accuracy(d dataset, at []int) float64 {
	logits := n.logits(look(d, at)).Data()
	right := 0
	for i, c := range d.labels {
		row := logits[i*classes:][:classes]
		if slices.Index(row, slices.Max(row)) == c {
			right++
		}
	}
	return float64(right) / float64(d.len())
}

// look gives the given pixels of every digit.
func look(d dataset, at []int) tensor {
	seen := make([]float32, 0, d.len()*len(at))
	for i := range d.len() {
		for _, p := range at {
			seen = append(seen, d.images[i*pixels+p])
		}
	}
	return ag.Const(seen, d.len(), len(at))
}

// A method chooses a pixel for each slot and each digit, by logits of shape
// [slots pixels], and says how the logits learn.
type method struct {
	name string
	// choose returns the choice, of shape [n slots pixels], for logits repeated n times.
	choose func(repeated tensor, tau float32, seed uint64) tensor
	score  bool // the logits learn by REINFORCE, as the choice has no gradient
	base   bool // with a baseline
}

var methods = []method{
	{name: "GumbelSoftmax, soft", choose: func(x tensor, tau float32, seed uint64) tensor { return ag.GumbelSoftmax(x, tau, false, seed) }},
	{name: "GumbelSoftmax, hard", choose: func(x tensor, tau float32, seed uint64) tensor { return ag.GumbelSoftmax(x, tau, true, seed) }},
	{name: "REINFORCE", choose: sample, score: true},
	{name: "REINFORCE, baseline", choose: sample, score: true, base: true},
}

// sample is exactly one-hot, and a constant.
func sample(x tensor, _ float32, seed uint64) tensor {
	return ag.GumbelSoftmax(ag.Detach(x), 0, true, seed)
}

// surrogate has REINFORCE's estimate (Williams 1992) as its gradient by logits:
//
//	E (loss − baseline) · ∇ log p(choice)
//
// over the first axis of choice, of shape [n …], which losses has too.
func surrogate(losses, choice, logits tensor, baseline float32) tensor {
	axes := []int{1, 2}[:len(choice.Shape())-1]
	chance := ag.Sum(ag.Mul(choice, ag.LogSoftmax(logits)), axes...)
	return ag.Mul(ag.Sub(ag.Detach(losses), ag.Const([]float32{baseline})), chance)
}

// cosine falls from rate to 0.
func cosine(rate float32, step, steps int) float32 {
	return rate * float32(0.5+0.5*math.Cos(math.Pi*float64(step)/float64(steps)))
}

// tau falls from 2 to 0.2, by the same factor every step.
func tau(step, steps int) float32 {
	return float32(2 * math.Pow(0.1, float64(step)/float64(max(steps-1, 1))))
}

// A run is one training of a method.
type run struct {
	method
	logits   []float32 // [slots pixels]
	accuracy []float64 // held out, by the most probable pixels, at each look
	again    float64   // of a new network, trained on those pixels alone
	early    snapshot  // after a few steps
}

// A snapshot is a network and the logits, while both learn.
type snapshot struct {
	net    network
	logits []float32
}

// looks is how often a run is looked at.
const looks = 25

// train learns which pixels to look at, and to name digits by them, at once.
func (m method) train(in, out dataset, slots, steps int, seed uint64, tick func()) run {
	rng := rand.New(rand.NewPCG(seed, 1))
	net := newNetwork(slots, rng)
	logits := ag.Param(make([]float32, slots*pixels), slots, pixels)
	weights, choices := optim.NewAdam[float32](rate, net.params()...), optim.NewAdam[float32](choiceRate, logits)
	params := append(net.params(), logits)
	r := run{method: m, logits: logits.Data()}
	zeros := ag.Const(make([]float32, batch*slots*pixels), batch, slots, pixels)
	baseline := float32(math.Log(classes)) // of a guess
	for step := range steps {
		weights.Rate = cosine(rate, step, steps)
		some := in.draw(rng)
		choice := m.choose(ag.Add(zeros, logits), tau(step, steps), rng.Uint64())
		seen := ag.Sum(ag.Mul(choice, ag.Const(some.images, batch, 1, pixels)), 2)
		losses := net.losses(seen, some.labels)
		loss := ag.Mean(losses)
		learn := loss
		if m.score {
			b := float32(0)
			if m.base {
				b = baseline
			}
			learn = ag.Add(loss, ag.Mean(surrogate(losses, choice, logits, b)))
		}
		grads := ag.Grad(learn, params...)
		weights.Step(grads[:4]...)
		choices.Step(grads[4])
		baseline += 0.1 * (loss.Data()[0] - baseline)
		if step == steps/15 {
			r.early = snapshot{net.clone(), slices.Clone(r.logits)}
		}
		if (step+1)*looks/steps > step*looks/steps {
			r.accuracy = append(r.accuracy, net.accuracy(out, r.chosen()))
			tick()
		}
	}
	r.again = retrained(in, out, r.chosen(), steps, seed)
	return r
}

// chosen are the most probable pixels, one for each slot.
func (r run) chosen() []int { return mostProbable(r.logits) }

func mostProbable(logits []float32) (at []int) {
	for i := 0; i < len(logits); i += pixels {
		row := logits[i : i+pixels]
		at = append(at, slices.Index(row, slices.Max(row)))
	}
	return at
}

// retrained is the held-out accuracy of a network that sees these pixels from the start.
func retrained(in, out dataset, at []int, steps int, seed uint64) float64 {
	rng := rand.New(rand.NewPCG(seed, 2))
	net := newNetwork(len(at), rng)
	opt := optim.NewAdam[float32](rate, net.params()...)
	for step := range steps {
		opt.Rate = cosine(rate, step, steps)
		some := in.draw(rng)
		opt.Step(ag.Grad(ag.Mean(net.losses(look(some, at), some.labels)), net.params()...)...)
	}
	return net.accuracy(out, at)
}

// mostVarying are the n pixels whose values vary most.
func mostVarying(d dataset, n int) []int {
	var variance [pixels]float64
	for p := range pixels {
		var sum, squares float64
		for i := range d.len() {
			v := float64(d.images[i*pixels+p])
			sum, squares = sum+v, squares+v*v
		}
		mean := sum / float64(d.len())
		variance[p] = squares/float64(d.len()) - mean*mean
	}
	at := make([]int, pixels)
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(a, b int) int {
		if variance[a] > variance[b] {
			return -1
		}
		return 1
	})
	return at[:n]
}
