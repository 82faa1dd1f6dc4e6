// Command embeddings encodes vectors as 8-bit and 4-bit integers, searches
// among those, and writes down what that saves and what it costs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/stepgrad/stepgrad/examples/internal/report"
)

type options struct {
	npy, out string
	queries  int
}

const usage = `embeddings encodes vectors as int8, with a scale for each, and as int4, with a
scale for every 32 numbers; searches among the integers; and writes down what
was saved, how many of the ten nearest are still found, and how fast the encoding
is. Without -npy, the vectors are embeddings of 4352 definitions of WordNet.

usage: go run -C examples ./embeddings [flags]

`

// parse returns the options, or an error of one line.
func parse(args []string) (o options, help string, err error) {
	flags := flag.NewFlagSet("embeddings", flag.ContinueOnError)
	flags.StringVar(&o.npy, "npy", "", "`file` of your own vectors, .npy or .npy.gz: float32 or float64, one a row, compared by inner product")
	flags.IntVar(&o.queries, "queries", 256, "the last `n` vectors are searched for among the others")
	flags.StringVar(&o.out, "out", "report", "`folder` for the results, made if need be; relative to examples/, like -npy's file")
	help, err = report.Parse(flags, usage, args)
	switch {
	case err != nil || help != "":
	case o.queries < 1:
		err = fmt.Errorf("-queries is %d, must be at least 1", o.queries)
	case o.out == "":
		err = errors.New("-out is empty")
	}
	return o, help, err
}

func main() { report.Main("embeddings", parse, embeddings) }

func embeddings(o options, w io.Writer) error {
	start := time.Now()
	var all matrix
	var texts []string
	var err error
	if o.npy == "" {
		all, texts, err = loadGlosses()
	} else {
		all, err = loadFile(o.npy)
	}
	if err != nil {
		return err
	}
	if all.rows() < o.queries+nearest {
		return fmt.Errorf("%d vectors are too few for %d queries: %d more are needed", all.rows(), o.queries, nearest)
	}
	if err := report.Prepare(o.out); err != nil {
		return err // rather than after the work
	}
	s := study(all, o.queries)
	fmt.Fprint(w, s.table())
	if texts != nil {
		fmt.Fprintf(w, "\n%s", s.sample(texts))
	}
	paths, err := s.write(o.out)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%.0f s; written:\n  %s\n", time.Since(start).Seconds(), strings.Join(paths, "\n  "))
	return nil
}
