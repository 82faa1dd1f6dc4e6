// Command categorical learns which pixels of a digit to look at, a discrete
// choice, through GumbelSoftmax and by REINFORCE, and measures the bias and
// the spread of their gradients.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/stepgrad/stepgrad/examples/internal/digits"
	"github.com/stepgrad/stepgrad/examples/internal/report"
)

type options struct {
	slots, steps, seeds, samples int
	out                          string
}

const usage = `categorical learns which few of a digit's 64 pixels to look at, and to name the
digit by them: through GumbelSoftmax, soft and hard (straight-through), with a
temperature that falls, and by REINFORCE, with and without a baseline. Then it compares
their gradients, for one choice, with the exact one.

usage: go run -C examples ./categorical [flags]

`

// parse returns the options, or an error of one line.
func parse(args []string) (o options, help string, err error) {
	flags := flag.NewFlagSet("categorical", flag.ContinueOnError)
	flags.IntVar(&o.slots, "slots", 8, "`n` pixels to look at")
	flags.IntVar(&o.steps, "steps", 1500, "`n` steps of every training")
	flags.IntVar(&o.seeds, "seeds", 5, "train every method `n` times, from different seeds")
	flags.IntVar(&o.samples, "samples", 10000, "`n` samples of every estimator, in hundreds")
	flags.StringVar(&o.out, "out", "report", "`folder` for categorical.png, made if need be; relative to examples/")
	help, err = report.Parse(flags, usage, args)
	within := func(name string, v, low, high int) {
		if err == nil && (v < low || v > high) {
			err = fmt.Errorf("-%s is %d, must be from %d to %d", name, v, low, high)
		}
	}
	if help == "" {
		within("slots", o.slots, 2, pixels)
		within("steps", o.steps, looks, 1_000_000)
		within("seeds", o.seeds, 1, 1000)
		within("samples", o.samples, 100, 100_000_000)
		if err == nil && o.out == "" {
			err = errors.New("-out is empty")
		}
	}
	return o, help, err
}

func main() { report.Main("categorical", parse, categorical) }

func categorical(o options, w io.Writer) error {
	start := time.Now()
	images, labels, err := digits.Load()
	if err != nil {
		return err
	}
	if err := report.Prepare(o.out); err != nil {
		return err // rather than after the work
	}
	tick := report.Progress("training", o.seeds*len(methods)*looks+2*len(taus), os.Stderr)
	x := conduct(dataset{images, labels}, o, tick)
	fmt.Fprint(w, x.table())
	path, err := x.picture().Write(o.out, "categorical.png")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%.1f s; written: %s\n", time.Since(start).Seconds(), path)
	return nil
}

// An experiment has the runs of every method, and what fixed choices reach.
type experiment struct {
	options
	all                  dataset
	runs                 [][]run // by method and seed
	random, varying, any []float64
	comparison
}

func conduct(all dataset, o options, tick func()) *experiment {
	x := &experiment{options: o, all: all, runs: make([][]run, len(methods))}
	x.random, x.varying, x.any = make([]float64, o.seeds), make([]float64, o.seeds), make([]float64, o.seeds)
	work, wait := report.Workers()
	for i, m := range methods {
		x.runs[i] = make([]run, o.seeds)
		for seed := range o.seeds {
			in, out := all.split(splitting(seed))
			work(func() { x.runs[i][seed] = m.train(in, out, o.slots, o.steps, uint64(seed), tick) })
		}
	}
	for seed := range o.seeds {
		in, out := all.split(splitting(seed))
		work(func() {
			at := rand.New(rand.NewPCG(uint64(seed), 3)).Perm(pixels)
			x.random[seed] = retrained(in, out, at[:o.slots], o.steps, uint64(seed))
			x.any[seed] = retrained(in, out, at, o.steps, uint64(seed))
			x.varying[seed] = retrained(in, out, mostVarying(in, o.slots), o.steps, uint64(seed))
		})
	}
	wait()
	in, _ := all.split(splitting(0))
	x.comparison = newProblem(x.runs[1][0].early, in.first(batch)).compare(o.samples, 1, tick)
	return x
}

// splitting draws the held-out digits of a seed.
func splitting(seed int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 0)) }

func (x *experiment) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-24s%20s%22s\n", fmt.Sprintf("%d pixels, %d seeds", x.slots, x.seeds), "held-out accuracy", "trained anew on them")
	for i, m := range methods {
		var end, again []float64
		for _, r := range x.runs[i] {
			end, again = append(end, r.accuracy[looks-1]), append(again, r.again)
		}
		fmt.Fprintf(&b, "%-24s%20s%22s\n", m.name, percent(end), percent(again))
	}
	fmt.Fprintf(&b, "%-24s%42s\n", "pixels at random", percent(x.random))
	fmt.Fprintf(&b, "%-24s%42s\n", "that vary most", percent(x.varying))
	fmt.Fprintf(&b, "%-24s%42s\n\n", "all 64 pixels", percent(x.any))

	fmt.Fprintf(&b, "%-24s%8s%14s%10s\n", fmt.Sprintf("one slot, %.1f pixels", x.perplexity), "τ", "bias", "spread")
	for i, t := range x.taus {
		fmt.Fprintf(&b, "%-24s%8g%14s%10.2f\n", methods[0].name, t, x.soft[i].measured(), x.soft[i].spread)
	}
	for i, t := range x.taus {
		fmt.Fprintf(&b, "%-24s%8g%14s%10.2f\n", methods[1].name, t, x.hard[i].measured(), x.hard[i].spread)
	}
	fmt.Fprintf(&b, "%-24s%8s%14s%10.2f\n", methods[2].name, "", "0", x.reinforce.spread)
	fmt.Fprintf(&b, "%-24s%8s%14s%10.2f\n", methods[3].name, "", "0", x.baseline.spread)
	return b.String()
}

// measured is the bias, or that it is lost in the noise of its measurement.
func (e estimate) measured() string {
	if e.bias < e.noise {
		return fmt.Sprintf("< %.2f", e.noise)
	}
	return fmt.Sprintf("%.2f", e.bias)
}

func percent(v []float64) string {
	mean, deviation := moments(v)
	return fmt.Sprintf("%.1f ± %.1f %%", 100*mean, 100*deviation)
}

// moments are the mean and the standard deviation.
func moments(v []float64) (mean, deviation float64) {
	for _, a := range v {
		mean += a / float64(len(v))
	}
	for _, a := range v {
		deviation += (a - mean) * (a - mean)
	}
	return mean, math.Sqrt(deviation / float64(max(len(v)-1, 1)))
}
