// Command histogram gives a photograph the histogram of another, by gradient
// descent on tone curves through soft histograms.
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
	photo, target string
	steps         int
	out           string
}

const usage = `histogram gives a photograph the colours of another: it learns a tone curve for
each channel, by gradient descent on the difference of soft histograms.

usage: go run -C examples ./histogram [flags]

`

const equal = "flat"

// parse returns the options, or an error of one line.
func parse(args []string) (o options, help string, err error) {
	flags := flag.NewFlagSet("histogram", flag.ContinueOnError)
	flags.StringVar(&o.photo, "photo", "china", "the photograph to change, `name` china or flower")
	flags.StringVar(&o.target, "target", "flower", "where to take the histogram from, `name` china, flower, or flat: the same number everywhere")
	flags.IntVar(&o.steps, "steps", 200, "`n` steps")
	flags.StringVar(&o.out, "out", "report", "`folder` for histogram.png, made if need be; relative to examples/")
	help, err = report.Parse(flags, usage, args)
	switch {
	case err != nil || help != "":
	case !slices.Contains(photos.Names, o.photo):
		err = fmt.Errorf("-photo is %q, must be one of %q", o.photo, photos.Names)
	case !slices.Contains(photos.Names, o.target) && o.target != equal:
		err = fmt.Errorf("-target is %q, must be one of %q or %q", o.target, photos.Names, equal)
	case o.steps < 1 || o.steps > 100_000:
		err = fmt.Errorf("-steps is %d, must be from 1 to 100000", o.steps)
	case o.out == "":
		err = errors.New("-out is empty")
	}
	return o, help, err
}

func main() { report.Main("histogram", parse, match) }

func match(o options, w io.Writer) error {
	start := time.Now()
	photo, err := photos.Load(o.photo)
	if err != nil {
		return err
	}
	target := photos.Photo{}
	if o.target == equal {
		target = even()
	} else if target, err = photos.Load(o.target); err != nil {
		return err
	}
	if err := report.Prepare(o.out); err != nil {
		return err // rather than after the work
	}
	r := conduct(photo, target, o.steps, report.Progress("matching", channels*o.steps, os.Stderr))
	fmt.Fprint(w, r.table(o))
	path, err := r.picture(o).Write(o.out, "histogram.png")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%.1f s; written: %s\n", time.Since(start).Seconds(), path)
	return nil
}

// even has every value as often as any other, in every channel.
func even() photos.Photo {
	p := photos.New(128, 128)
	for i := range p.RGB {
		p.RGB[i] = (float32(i/channels) + 0.5) / float32(p.H*p.W)
	}
	return p
}

// A result is a photograph, the one whose histogram it was to have, and what
// became of it, by the curves and by sorting.
type result struct {
	photo, target, curved, sorted photos.Photo
	fits                          [channels]fit
}

// conduct learns the curves, of the channels at the same time, from every
// fourth pixel, and applies them to all.
func conduct(photo, target photos.Photo, steps int, tick func()) result {
	r := result{photo: photo, target: target, curved: photos.New(photo.H, photo.W), sorted: photos.New(photo.H, photo.W)}
	work, wait := report.Workers()
	for k := range channels {
		work(func() {
			r.fits[k] = learn(channel(photo, k, 2), channel(target, k, 1), steps, tick)
			whole := channel(photo, k, 1)
			insert(r.curved, k, r.fits[k].apply(whole).Data())
			insert(r.sorted, k, bySorting(whole, channel(target, k, 1)))
		})
	}
	wait()
	return r
}

func (r result) table(o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "levels of 255 from %s's histogram%9s%9s%9s\n", o.target, "red", "green", "blue")
	for _, c := range []struct {
		name string
		p    photos.Photo
	}{{o.photo, r.photo}, {"with the learned curves", r.curved}, {"by sorting", r.sorted}} {
		fmt.Fprintf(&b, "%-*s", len("levels of 255 from 's histogram")+len(o.target), c.name)
		for k := range channels {
			fmt.Fprintf(&b, "%9.2f", apart(channel(c.p, k, 1), channel(r.target, k, 1)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
