// Command align finds where in a photograph a shifted and turned view of it was
// taken, by gradient descent through the coordinates of a sampler.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/stepgrad/stepgrad/examples/internal/photos"
	"github.com/stepgrad/stepgrad/examples/internal/report"
)

type options struct {
	truth  pose
	noise  float64
	steps  int
	shifts int
	seed   uint64
	out    string
}

const usage = `align takes a view of a photograph, shifted, turned, and with noise, and finds from
where, by gradient descent on the difference of the pixels: through the
bilinear sampler, and through the nearest pixel with the straight-through gradient.

usage: go run -C examples ./align [flags]

`

// parse returns the options, or an error of one line.
func parse(args []string) (o options, help string, err error) {
	flags := flag.NewFlagSet("align", flag.ContinueOnError)
	flags.Float64Var(&o.truth.X, "x", -17.3, "the view's centre, `pixels` to the right")
	flags.Float64Var(&o.truth.Y, "y", 11.6, "the view's centre, `pixels` down")
	flags.Float64Var(&o.truth.Turn, "turn", 13, "the view's turn, `degrees` clockwise")
	flags.Float64Var(&o.noise, "noise", 0.03, "`deviation` of the view's noise; pixels are from 0 to 1")
	flags.IntVar(&o.steps, "steps", 40, "`n` steps for each of four blurs")
	flags.IntVar(&o.shifts, "shifts", 4, "`n` random shifts at every turn of the sweep; 0 leaves that out")
	flags.Uint64Var(&o.seed, "seed", 1, "`seed` of the noise")
	flags.StringVar(&o.out, "out", "report", "`folder` for align.png, made if need be; relative to examples/")
	help, err = report.Parse(flags, usage, args)
	switch {
	case err != nil || help != "":
	case o.steps < 1 || o.steps > 100_000:
		err = fmt.Errorf("-steps is %d, must be from 1 to 100000", o.steps)
	case o.shifts < 0 || o.shifts > 1000:
		err = fmt.Errorf("-shifts is %d, must be from 0 to 1000", o.shifts)
	case !(o.noise >= 0 && o.noise <= 1):
		err = fmt.Errorf("-noise is %g, must be from 0 to 1", o.noise)
	case o.out == "":
		err = errors.New("-out is empty")
	}
	return o, help, err
}

func main() { report.Main("align", parse, align) }

func align(o options, w io.Writer) error {
	start := time.Now()
	photo, err := photos.Load("china")
	if err != nil {
		return err
	}
	if !o.truth.inside(photo) {
		return fmt.Errorf("a view at x %g, y %g, turned by %g° reaches beyond the photograph", o.truth.X, o.truth.Y, o.truth.Turn)
	}
	if err := report.Prepare(o.out); err != nil {
		return err // rather than after the work
	}
	view := take(photo, o.truth, o.noise, o.seed)
	levels := blurredAll(photo)
	tick := report.Progress("registering", len(samplers)*(1+len(sweepTurns)*o.shifts), os.Stderr)
	var tracks []track
	for _, by := range samplers {
		tracks = append(tracks, register(levels, view, by, o.steps))
		tick()
	}
	fmt.Fprint(w, table(o.truth, tracks))
	s := across(photo, levels, o, tick)
	if o.shifts > 0 {
		fmt.Fprintf(w, "\n%s", s.table())
	}
	path, err := picture(photo, view, o.truth, tracks, s).Write(o.out, "align.png")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%.1f s; written: %s\n", time.Since(start).Seconds(), path)
	return nil
}

func table(truth pose, tracks []track) string {
	var b strings.Builder
	line := func(name string, p pose, off string) {
		fmt.Fprintf(&b, "%-28s%9.3f%9.3f%10.3f%14s\n", name, p.X, p.Y, p.Turn, off)
	}
	fmt.Fprintf(&b, "%-28s%9s%9s%10s%14s\n", "", "x, px", "y, px", "turn, °", "corner off by")
	px := func(p pose) string { return fmt.Sprintf("%.3f px", p.off(truth)) }
	line("truth", truth, "")
	line("start", pose{}, px(pose{}))
	for _, t := range tracks {
		line(t.name, t.end(), px(t.end()))
	}
	return b.String()
}

// table shows the best and the worst of the shifts.
func (s sweep) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-28s", "corner off by, px; turn:")
	for _, turn := range s.turns {
		fmt.Fprintf(&b, "%14s", fmt.Sprintf("%g°", turn))
	}
	for i, by := range samplers {
		fmt.Fprintf(&b, "\n%-28s", by.name)
		for _, off := range s.off[i] {
			low, high := slices.Min(off), slices.Max(off)
			fmt.Fprintf(&b, "%14s", fmt.Sprintf("%.3f–%.3f", low, high))
		}
	}
	return b.String() + "\n"
}
