package main

import (
	"math"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/examples/internal/report"
)

// The estimators are compared on one choice, of the pixel for the first slot
// among all 64, early in a training: the other slots and the network
// stand still. The loss of every pixel is known then, and with it the gradient
// of the expected loss by the 64 logits,
//
//	∂/∂logits[j] Σ p[i]·loss[i] = p[j]·(loss[j] − Σ p[i]·loss[i])
type problem struct {
	snapshot
	some   dataset
	others []int // the pixels of the other slots
	p      []float64
	losses []float64 // of every choice
	exact  []float64 // the gradient
}

// An estimate says how far an estimator is from the exact gradient, in units of that.
type estimate struct {
	bias   float64 // ‖E g − exact‖
	spread float64 // √ E ‖g − E g‖², of a single sample
	noise  float64 // of the measured bias: what it would be on the average without any
}

func newProblem(s snapshot, some dataset) *problem {
	q := &problem{snapshot: s, some: some, others: mostProbable(s.logits)[1:]}
	choices := make([]float32, pixels*pixels)
	for i := range pixels {
		choices[i*pixels+i] = 1
	}
	for _, v := range q.loss(ag.Const(choices, pixels, pixels)).Data() {
		q.losses = append(q.losses, float64(v))
	}
	for _, v := range s.logits[:pixels] {
		q.p = append(q.p, float64(v))
	}
	stepgrad.Softmax(q.p, q.p, pixels)
	mean := q.expected()
	for j, p := range q.p {
		q.exact = append(q.exact, p*(q.losses[j]-mean))
	}
	return q
}

// expected is the expected loss.
func (q *problem) expected() (mean float64) {
	for i, p := range q.p {
		mean += p * q.losses[i]
	}
	return mean
}

// loss is the mean cross-entropy of the digits, for every row of choice, of
// shape [n pixels], one-hot or relaxed.
func (q *problem) loss(choice tensor) tensor {
	n, digits := choice.Shape()[0], q.some.len()
	first := ag.MatMul(choice, ag.Transpose(ag.Const(q.some.images, digits, pixels)))
	rest := look(q.some, q.others)
	all, labels := make([]float32, 0, n*rest.Len()), make([]int, 0, n*digits)
	for range n {
		all, labels = append(all, rest.Data()...), append(labels, q.some.labels...)
	}
	seen := ag.Concat(1, ag.Reshape(first, n*digits, 1), ag.Const(all, n*digits, len(q.others)))
	return ag.Mean(ag.Reshape(q.net.losses(seen, labels), n, digits), 1)
}

// sampled measures m's estimates of the gradient.
func (q *problem) sampled(m method, tau float32, samples int, seed uint64) estimate {
	const atOnce = 100
	var all measure
	for n := 0; n < samples; n += atOnce {
		// Every row has logits of its own, so that it gets a gradient of its own.
		var rows []float32
		for range atOnce {
			rows = append(rows, q.logits[:pixels]...)
		}
		logits := ag.Param(rows, atOnce, pixels)
		choice := m.choose(logits, tau, seed+uint64(n))
		losses := q.loss(choice)
		if m.score {
			b := 0.0
			if m.base {
				b = q.expected()
			}
			losses = surrogate(losses, choice, logits, float32(b))
		}
		grads := ag.Grad(ag.Sum(losses), logits)[0].Data()
		for i := range atOnce {
			all.add(grads[i*pixels:][:pixels])
		}
	}
	return all.against(q.exact)
}

// A measure gathers samples of a gradient.
type measure struct {
	n       int
	sum     [pixels]float64
	squares float64
}

func (m *measure) add(g []float32) {
	m.n++
	for j, v := range g {
		m.sum[j] += float64(v)
		m.squares += float64(v) * float64(v)
	}
}

func (m *measure) against(exact []float64) estimate {
	n := float64(m.n)
	var off, mean, length float64
	for j, e := range exact {
		s := m.sum[j] / n
		mean += s * s
		off += (s - e) * (s - e)
		length += e * e
	}
	variance := (m.squares/n - mean) * n / (n - 1)
	return estimate{
		bias:   math.Sqrt(max(0, off-variance/n) / length), // the mean is off by its own variance too
		spread: math.Sqrt(variance / length),
		noise:  math.Sqrt(variance / n / length),
	}
}

// enumerated is REINFORCE's estimate exactly, over all choices: it is
// (loss[i] − baseline)·(one-hot(i) − p) with probability p[i].
func (q *problem) enumerated(baseline float64) estimate {
	var off, variance, exact float64
	for j := range pixels {
		var mean, square float64
		for i, p := range q.p {
			g := -q.p[j] * (q.losses[i] - baseline)
			if i == j {
				g += q.losses[i] - baseline
			}
			mean += p * g
			square += p * g * g
		}
		off += (mean - q.exact[j]) * (mean - q.exact[j])
		variance += square - mean*mean
		exact += q.exact[j] * q.exact[j]
	}
	return estimate{bias: math.Sqrt(off / exact), spread: math.Sqrt(variance / exact)}
}

// A comparison has the estimates of GumbelSoftmax at some temperatures, and of
// REINFORCE, which has none.
type comparison struct {
	taus                []float32
	soft, hard          []estimate
	reinforce, baseline estimate
	perplexity          float64 // among how many pixels the choice was open: e to the entropy
}

var taus = []float32{0.1, 0.2, 0.5, 1, 2, 5}

func (q *problem) compare(samples int, seed uint64, tick func()) comparison {
	c := comparison{taus: taus, reinforce: q.enumerated(0), baseline: q.enumerated(q.expected())}
	entropy := 0.0
	for _, p := range q.p {
		if p > 0 {
			entropy -= p * math.Log(p)
		}
	}
	c.perplexity = math.Exp(entropy)
	c.soft, c.hard = make([]estimate, len(taus)), make([]estimate, len(taus))
	work, wait := report.Workers()
	for i, t := range taus {
		for k, to := range [][]estimate{c.soft, c.hard} {
			work(func() {
				to[i] = q.sampled(methods[k], t, samples, seed+uint64(2*i+k)<<32)
				tick()
			})
		}
	}
	wait()
	return c
}
