// Command qat trains a small classifier of handwritten digits whose weights
// and activations have only a few levels, four ways; then one for integers,
// which run without float; and writes a report.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/stepgrad/stepgrad/examples/internal/report"
)

type options struct {
	seeds, levels, epochs, batch int
	rate                         float64
	out                          string
}

const usage = `qat trains a 64-32-10 network on handwritten digits with weights and activations
of a few levels: through the hard Floor, which stalls, and through FloorSTE,
ClipSTE and SoftFloor, which learn, beside the same network in float. Then it
trains the float network on for int8, int4 and 3 bits, with learned scales, and
runs it on integers. It prints tables and writes an HTML report and the networks.

usage: go run -C examples ./qat [flags]

`

// parse returns the options, or an error of one line.
func parse(args []string) (o options, help string, err error) {
	flags := flag.NewFlagSet("qat", flag.ContinueOnError)
	flags.IntVar(&o.seeds, "seeds", 8, "train every method `n` times, from different seeds")
	flags.IntVar(&o.levels, "levels", 3, "`n` levels for each weight and activation, from 2 to 256")
	flags.IntVar(&o.epochs, "epochs", 60, "`n` passes over the training digits; a third as many follow for the integers")
	flags.IntVar(&o.batch, "batch", 32, "`n` digits in a step")
	flags.Float64Var(&o.rate, "lr", 0.01, "learning `rate` of Adam at the start; it falls to 0 as a cosine")
	flags.StringVar(&o.out, "out", "report", "`folder` for the report, made if need be; relative to examples/")
	help, err = report.Parse(flags, usage, args)
	if err != nil || help != "" {
		return o, help, err
	}
	within := func(name string, v, low, high int) {
		if err == nil && (v < low || v > high) {
			err = fmt.Errorf("-%s is %d, must be from %d to %d", name, v, low, high)
		}
	}
	within("seeds", o.seeds, 1, 1000)
	within("levels", o.levels, 2, 256)
	within("epochs", o.epochs, 1, 100_000)
	within("batch", o.batch, 1, 1000)
	switch {
	case err != nil:
	case !(o.rate > 0 && o.rate <= 1):
		err = fmt.Errorf("-lr is %g, must be above 0 and at most 1", o.rate)
	case o.out == "":
		err = errors.New("-out is empty")
	}
	return o, help, err
}

func main() { report.Main("qat", parse, qat) }

func qat(o options, w io.Writer) error {
	start := time.Now()
	digits, err := loadDigits()
	if err != nil {
		return err
	}
	if err := report.Prepare(o.out); err != nil {
		return err // rather than after the work
	}
	tick := report.Progress("training", o.seeds*len(methods)*o.epochs+o.furtherTicks(), os.Stderr)
	x := conduct(digits, o, tick)
	if err := x.deploy(tick); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n%s\n%s\n", x.table(), x.explain(hard), x.deployTable())
	path, err := x.write(start)
	if err != nil {
		return err
	}
	files, err := x.export()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%.0f s; report: %s\nnetworks of seed %d:\n  %s\n", time.Since(start).Seconds(), path, firstSeed, strings.Join(files, "\n  "))
	return nil
}
