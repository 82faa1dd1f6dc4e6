package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Where a kernel's result goes.
const (
	outOfPlace = "out"
	inPlace    = "in"
)

// A key says what was measured; it is the name of a benchmark line.
type key struct {
	Table, Op, Type string
	N               int
	Place           string
	Threads         int
	Impl            string
}

func (k key) String() string {
	return fmt.Sprintf("Benchmark%s/op=%s/type=%s/n=%d/place=%s/threads=%d/impl=%s", k.Table, k.Op, k.Type, k.N, k.Place, k.Threads, k.Impl)
}

// An entrant runs one implementation.
type entrant struct {
	key
	time   func(calls int) (time.Duration, error)
	output func() ([][]float64, error) // the results of one call, or their beginning; nil: nothing to compare
}

// A record is what an entrant took: ns per call, one number for each round.
type record struct {
	key
	calls int // in a round
	ns    []float64
}

func (r record) min() float64    { return slices.Min(r.ns) }
func (r record) median() float64 { s := slices.Sorted(slices.Values(r.ns)); return s[len(s)/2] }

// far is the number of elements from which operands lie in memory. There the
// fastest round tells of a moment in which the host had its memory for itself.
const far = 1 << 22

// typical is what comparisons go by: the fastest round, in far memory the median.
func (r record) typical() float64 {
	if r.N >= far {
		return r.median()
	}
	return r.min()
}

// An effort is how many rounds a race has, and how long an entrant may run in
// each. One whose single call takes longer drops out when it has had its time
// and atLeast rounds, or fewer where they take seconds.
type effort struct {
	rounds int
	turn   time.Duration
}

const atLeast, enough = 8, 2 * time.Second

func (e effort) over(rounds int, spent time.Duration) bool {
	return rounds >= atLeast && spent > time.Duration(e.rounds)*e.turn || rounds >= 3 && spent > enough
}

// race runs the entrants in turns, so that a noisy moment hits all alike, the
// odd rounds backwards, so that none always follows the same.
func race(entrants []entrant, e effort) ([]record, error) {
	records := make([]record, len(entrants))
	spent := make([]time.Duration, len(entrants))
	for i, x := range entrants {
		records[i].key = x.key
		for calls := 1; ; {
			d, err := x.time(calls)
			if err != nil {
				return nil, fmt.Errorf("%v: %w", x.key, err)
			}
			if each := max(float64(d)/float64(calls), 0.1); d > e.turn/4 || calls >= 1<<30 {
				records[i].calls = max(1, int(float64(e.turn)/each))
				break
			}
			calls *= 4
		}
	}
	order := make([]int, len(entrants))
	for i := range order {
		order[i] = i
	}
	for round := range e.rounds {
		for _, i := range order {
			r := &records[i]
			if e.over(round, spent[i]) {
				continue
			}
			if r.calls > 1 { // what the one before left in the caches is not this one's
				if _, err := entrants[i].time(1); err != nil {
					return nil, fmt.Errorf("%v: %w", r.key, err)
				}
			}
			d, err := entrants[i].time(r.calls)
			if err != nil {
				return nil, fmt.Errorf("%v: %w", r.key, err)
			}
			spent[i] += d
			r.ns = append(r.ns, float64(d)/float64(r.calls))
		}
		slices.Reverse(order)
	}
	return records, nil
}

// repeated times calls of f.
func repeated(f func()) func(calls int) (time.Duration, error) {
	return func(calls int) (time.Duration, error) {
		start := time.Now()
		for range calls {
			f()
		}
		return time.Since(start), nil
	}
}

// An answer is what an operation's results must be, up to a share of
// max(1, |result|).
type answer struct {
	results   [][]float64
	tolerance float64
}

// check compares every entrant's results with those of its operation, before
// anything is timed: a peer that computes something else is no peer.
func check(entrants []entrant, answers map[string]answer) error {
	for _, e := range entrants {
		if e.output == nil {
			continue
		}
		got, err := e.output()
		if err != nil {
			return fmt.Errorf("%v: %w", e.key, err)
		}
		want := answers[e.Op]
		if len(got) != len(want.results) {
			return fmt.Errorf("%v: %d results, want %d", e.key, len(got), len(want.results))
		}
		for r := range got {
			if len(got[r]) == 0 || len(got[r]) > len(want.results[r]) {
				return fmt.Errorf("%v: result %d has %d elements, want %d", e.key, r, len(got[r]), len(want.results[r]))
			}
			for i, g := range got[r] {
				w := want.results[r][i]
				if d := math.Abs(g - w); !(d <= want.tolerance*max(1, math.Abs(w))) {
					return fmt.Errorf("%v: result %d[%d] is %v, want %v within %g: not the same operation", e.key, r, i, g, w, want.tolerance)
				}
			}
		}
	}
	return nil
}

// records answers questions about what was measured.
type records []record

// find returns the record of k.
func (rs records) find(k key) (record, bool) {
	for _, r := range rs {
		if r.key == k {
			return r, true
		}
	}
	return record{}, false
}

// best is the fastest record that matches.
func (rs records) best(match func(k key) bool) (record, bool) {
	var list records
	for _, r := range rs {
		if match(r.key) {
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		return record{}, false
	}
	return slices.MinFunc(list, func(a, b record) int { return cmp.Compare(a.typical(), b.typical()) }), true
}

// ceiling is the fastest move in the race of k: of the same bytes, at the same
// place, by as many threads.
func (rs records) ceiling(k key) (record, bool) {
	return rs.best(func(c key) bool {
		impl := c.Impl
		c.Impl = k.Impl
		return c == k && isMove(impl)
	})
}
