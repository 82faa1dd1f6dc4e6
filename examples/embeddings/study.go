package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/examples/internal/report"
)

const (
	nearest    = 10 // the vectors that a search is to find
	candidates = 30 // of the integers, for float to choose from
)

// A result is what became of the vectors in one format.
type result struct {
	codes
	found            [][]int
	recall, rescored float64
}

// A pace is how fast a format is encoded, in MB of float32 a second.
type pace struct {
	format
	naive, one, all float64
}

// findings are all that is reported.
type findings struct {
	m, queries matrix
	exact      [][]int
	results    []result // of formats, in their order
	paces      []pace
	copy       float64
}

// timed is how many of the formats are timed: the first.
const timed = 3

// formats are int8 with a scale a vector, int4 with groups of 32 and with a
// scale a vector, then the others of the plot.
func formats(cols int) []format {
	f := []format{{8, cols}, {4, min(32, cols)}}
	for _, group := range []int{cols, 128, 64, 16} {
		if o := (format{4, group}); group <= cols && !slices.Contains(f, o) {
			f = append(f, o)
		}
	}
	return f
}

func study(all matrix, queries int) findings {
	n := all.rows() - queries
	s := findings{m: all.from(0, n), queries: all.from(n, all.rows())}
	s.exact = searchFloat(s.m, s.queries, nearest)
	for i, f := range formats(all.cols) {
		c := newCodes(f, n, all.cols)
		c.encodeAll(s.m)
		found := c.search(s.queries, candidates)
		r := result{codes: c, rescored: recall(s.exact, rescore(s.m, s.queries, found, nearest))}
		for q := range found {
			r.found = append(r.found, found[q][:min(nearest, len(found[q]))])
		}
		r.recall = recall(s.exact, r.found)
		s.results = append(s.results, r)
		if i < timed {
			s.paces = append(s.paces, pace{f,
				s.measure(func() { c.encodeNaive(s.m, 0, n) }),
				s.measure(func() { c.encode(s.m, 0, n) }),
				s.measure(func() { c.encodeAll(s.m) }),
			})
		}
	}
	to := make([]float32, len(s.m.data))
	s.copy = s.measure(func() { copy(to, s.m.data) })
	return s
}

// measure returns the MB of float32 that f gets through in a second: the
// median of at least five calls, for a quarter of a second.
func (s findings) measure(f func()) float64 {
	var times []time.Duration
	for start := time.Now(); len(times) < 5 || time.Since(start) < time.Second/4; {
		before := time.Now()
		f()
		times = append(times, time.Since(before))
	}
	slices.Sort(times)
	return float64(4*len(s.m.data)) / 1e6 / times[len(times)/2].Seconds()
}

func (f format) name(cols int) string {
	if f.group == cols {
		return fmt.Sprintf("int%d, a scale a vector", f.bits)
	}
	return fmt.Sprintf("int%d, groups of %d", f.bits, f.group)
}

func (s findings) table() string {
	var b strings.Builder
	cols := s.m.cols
	fmt.Fprintf(&b, "%d vectors of %d dimensions, %d queries; stepgrad.ISA() = %s\n\n", s.m.rows(), cols, s.queries.rows(), stepgrad.ISA())
	fmt.Fprintf(&b, "%-24s %12s %9s %11s %12s\n", "", "bytes/vector", "of float", fmt.Sprintf("recall@%d", nearest), "rescored")
	fmt.Fprintf(&b, "%-24s %12d %8.1f%% %11.3f\n", "float32", 4*cols, 100.0, 1.0)
	for _, r := range s.results {
		size := r.format.bytes(cols)
		fmt.Fprintf(&b, "%-24s %12d %8.1f%% %11.3f %12.3f\n", r.name(cols), size, 100*float64(size)/float64(4*cols), r.recall, r.rescored)
	}
	fmt.Fprintf(&b, "\n%-24s %12s %9s %11s\n", "encoding, MB/s of float", "scalar loop", "1 thread", "Parallel")
	for _, p := range s.paces {
		fmt.Fprintf(&b, "%-24s %12.0f %9.0f %11.0f\n", p.name(cols), p.naive, p.one, p.all)
	}
	fmt.Fprintf(&b, "%-24s %12s %9.0f\n", "copy", "", s.copy)
	fmt.Fprintf(&b, "\nSearch is by inner product; queries are int8, products are summed in int32. Rescored: the best %d by\nthe integers, put in order by float. Scales are float32 and count in bytes/vector.\n", candidates)
	return b.String()
}

// sample shows what a few searches find.
func (s findings) sample(texts []string) string {
	short := func(i int) string {
		word, _, _ := strings.Cut(texts[i], ":")
		return word
	}
	var b strings.Builder
	n := s.m.rows()
	for q := 0; q < s.queries.rows() && q < 129; q += 32 {
		fmt.Fprintf(&b, "%s\n", texts[n+q])
		row := func(name string, found []int) {
			var words []string
			for _, i := range found[:5] {
				words = append(words, short(i))
			}
			fmt.Fprintf(&b, "  %-6s %s\n", name, strings.Join(words, " · "))
		}
		row("float", s.exact[q])
		row("int8", s.results[0].found[q])
		row("int4", s.results[1].found[q])
	}
	return b.String()
}

// write puts the codes, the table and the plot into the folder and returns
// their absolute paths.
func (s findings) write(folder string) (paths []string, err error) {
	folder, err = filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	picture, err := s.plot()
	if err != nil {
		return nil, err
	}
	int8s, int4s := s.results[0].codes, s.results[1].codes
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"embeddings.png", picture},
		{"embeddings.txt", []byte(s.table())},
		{"int8.npy", formatNPY(int8s.bytes8, int8s.cols)},
		{"int8_scales.npy", formatNPY(int8s.scales, int8s.groups(int8s.cols))},
		{"int4.npy", formatNPY(int4s.bytes4, int4s.stride4())},
		{"int4_scales.npy", formatNPY(int4s.scales, int4s.groups(int4s.cols))},
	} {
		path := filepath.Join(folder, f.name)
		if err := report.Replace(path, f.data); err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}
