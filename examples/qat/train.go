package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/autograd/optim"
)

// A method is one way to get a network.
type method struct {
	name, note string
	quantised  bool                         // in evaluation, and then always by hardFloor
	round      func(done float64) staircase // in training, of which the share done is over
}

var methods = []method{
	{name: "float", round: always(nil),
		note: "The same network in 32-bit floating point: the control."},
	{name: "float, then rounded", quantised: true, round: always(nil),
		note: "The control, with its weights and activations rounded to the levels after training."},
	{name: "hard Floor", quantised: true, round: always(hardFloor),
		note: "Trained through Floor, whose gradient is zero: nothing learns but the last bias."},
	{name: "FloorSTE", quantised: true, round: always(floorSTE),
		note: "Trained through Floor with the gradient of the identity."},
	{name: "ClipSTE", quantised: true, round: always(clipSTE),
		note: "Rounding and clipping in one fused pass; beyond the outermost levels the gradient is zero."},
	{name: "SoftFloor", quantised: true, round: func(done float64) staircase { return softFloor(alpha(done)) },
		note: "Trained through a staircase of tanh steps that grow steeper as training goes on."},
}

const (
	float = iota // positions in methods
	afterwards
	hard
	ste
)

func always(round staircase) func(float64) staircase {
	return func(float64) staircase { return round }
}

const firstAlpha, lastAlpha = 1.0, 16.0

// alpha grows by the same factor at every step: nearly a ramp while the weights
// look for their levels, nearly the hard floor when they have found them.
func alpha(done float64) float32 {
	return float32(firstAlpha * math.Pow(lastAlpha/firstAlpha, done))
}

// A trial is what the methods have in common: the data and how it is split,
// the first weights and the order of the batches. It serves one run.
type trial struct {
	train, heldOut dataset
	net            network
	rng            *rand.Rand
}

func newTrial(digits dataset, seed int) trial {
	rng := rand.New(rand.NewPCG(uint64(seed), 0))
	train, heldOut := digits.split(rng)
	return trial{train, heldOut, newNetwork(rng), rng}
}

// A run is what one method made of one trial.
type run struct {
	trial
	scheme   *scheme // nil for a network in float
	loss     []float64
	accuracy []float64 // on held-out digits: before training, and after each epoch
	steps    int
	time     time.Duration // of the steps alone
}

// final is the accuracy in the end: of the last epoch, not of the best.
func (r run) final() float64 { return r.accuracy[len(r.accuracy)-1] }

// calibrationImages is how many of the training images a scheme is fitted to.
const calibrationImages = 256

// calibrate fits a scheme to the network as it is now.
func (t trial) calibrate(levels int) *scheme {
	n := min(calibrationImages, t.train.len())
	return t.net.calibrate(levels, t.train.first(n).tensor())
}

// evaluate returns the share of held-out digits that the network, rounded by
// hardFloor unless s is nil, recognises.
func (t trial) evaluate(s *scheme) float64 {
	right := 0
	for i, label := range t.net.classify(t.heldOut, s) {
		if label == t.heldOut.labels[i] {
			right++
		}
	}
	return float64(right) / float64(t.heldOut.len())
}

// fit trains the network by m and calls tick after each epoch.
func (t trial) fit(m method, o options, tick func()) run {
	r := run{trial: t}
	c := newCourse(t.train, t.rng, o.rate, o.batch, o.epochs, t.net.params())
	for epoch := 0; ; epoch++ {
		if m.quantised {
			r.scheme = t.calibrate(o.levels)
		}
		r.accuracy = append(r.accuracy, t.evaluate(r.scheme))
		if epoch == o.epochs {
			return r
		}
		start := time.Now()
		r.loss = append(r.loss, c.epoch(func(images tensor, done float64) tensor {
			return t.net.logits(images, r.scheme, m.round(done))
		}))
		r.time += time.Since(start)
		r.steps = c.steps
		tick()
	}
}

// A course is how anything here is trained: Adam, at a rate that falls to 0 as
// a cosine.
type course struct {
	train        dataset
	rng          *rand.Rand
	rate         float64
	batch        int
	steps, total int
	params       []tensor
	opt          *optim.Adam[float32]
}

func newCourse(train dataset, rng *rand.Rand, rate float64, batch, epochs int, params []tensor) *course {
	total := epochs * ((train.len() + batch - 1) / batch)
	return &course{train: train, rng: rng, rate: rate, batch: batch, total: total, params: params, opt: optim.NewAdam(float32(rate), params...)}
}

// epoch is one pass over the training images, in a random order. It returns the
// mean loss. done is the share of the course that is over.
func (c *course) epoch(logits func(images tensor, done float64) tensor) float64 {
	sum := 0.0
	for rows := range slices.Chunk(c.rng.Perm(c.train.len()), c.batch) {
		done := float64(c.steps) / float64(c.total)
		batch := c.train.pick(rows)
		loss := ag.CrossEntropy(logits(batch.tensor(), done), batch.labels)
		c.opt.Rate = float32(c.rate * (1 + math.Cos(math.Pi*done)) / 2)
		c.opt.Step(ag.Grad(loss, c.params...)...)
		sum += float64(loss.Data()[0]) * float64(batch.len())
		c.steps++
	}
	return sum / float64(c.train.len())
}
