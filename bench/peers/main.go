// Command peers measures stepgrad beside what one would use instead, and
// beside what memory allows, on the same elements in interleaved rounds.
//
//	GOEXPERIMENT=simd go run -C bench/peers .
//
// writes docs/BENCHMARKS.md, docs/peers.txt (the same as benchmark lines, for
// benchstat) and two plots; it takes ten minutes, with -quick half a minute.
// Peers that the machine lacks are named and left out: without GOEXPERIMENT=simd
// there is no simd/archsimd, without -python no NumPy and PyTorch, without cc
// and libsleef-dev no SLEEF.
//
// A module of its own, so that the peers are no dependency of anyone's.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() {
	p := &program{threads: runtime.GOMAXPROCS(0)}
	only := flag.String("only", "", "measure benchmarks that match `regexp` alone, such as Share/op=Floor/type=f32")
	out := flag.String("out", "../../docs", "write to `directory`, relative to where the program is")
	python := flag.String("python", "python3", "run NumPy and PyTorch by this `program`")
	flag.BoolVar(&p.quick, "quick", false, "half a minute: fewer sizes and rounds, good for no claim")
	flag.Parse()
	if err := p.run(*only, *out, *python); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// program is one run of the comparison.
type program struct {
	quick   bool
	threads int // of Go: all cores, unless GOMAXPROCS says less
	only    *regexp.Regexp
	memory  *memory

	python, sleef *worker  // nil where there are none
	simd          bool     // simd/archsimd is there
	missing       []string // who could not come, and why

	records     records
	allocations []allocation
	peak        float64 // vector operations a second, of one thread
}

func (p *program) run(only, out, python string) (err error) {
	if p.only, err = regexp.Compile(only); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p.startWorkers(dir, python)
	defer p.stopWorkers()

	largest := 1 << 26
	if p.quick {
		largest = quickSize
	}
	p.memory = newMemory(largest)
	start := time.Now()
	for _, section := range []struct {
		name string
		run  func() error
	}{
		{"moves", p.ceilings},
		{"memory-bound kernels", p.shares},
		{"Parallel", p.parallel},
		{"short calls", p.short},
		{"transcendental kernels", p.transcendental},
		{"peers", p.everyone},
		{"autograd", p.train},
	} {
		fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(start).Seconds(), section.name)
		if err := section.run(); err != nil {
			return err
		}
		p.forget()
	}
	p.peak = peak()
	took := time.Since(start).Round(time.Second)
	fmt.Fprintf(os.Stderr, "%4.0f s  done\n", took.Seconds())
	return p.write(out, describeMachine(p, took))
}

func (p *program) startWorkers(dir, python string) {
	var err error
	if p.python, err = startPython(dir, python); err != nil {
		p.python = nil
		p.missing = append(p.missing, fmt.Sprintf("NumPy and PyTorch (%s: %v)", python, err))
	} else if len(p.python.versions) == 1 {
		p.missing = append(p.missing, "PyTorch ("+python+" cannot import torch)")
	}
	if p.sleef, err = startSleef(dir); err != nil {
		p.sleef = nil
		p.missing = append(p.missing, fmt.Sprintf("SLEEF (%v)", err))
	}
	if p.simd = archsimdFloor() != nil; !p.simd {
		p.missing = append(p.missing, "simd/archsimd (amd64 with GOEXPERIMENT=simd)")
	}
	for _, m := range p.missing {
		fmt.Fprintln(os.Stderr, "peers: without", m)
	}
}

func (p *program) workers() (list []*worker) {
	for _, w := range []*worker{p.python, p.sleef} {
		if w != nil {
			list = append(list, w)
		}
	}
	return list
}

func (p *program) stopWorkers() {
	for _, w := range p.workers() {
		w.stop()
	}
}

// forget frees what the workers hold.
func (p *program) forget() {
	for _, w := range p.workers() {
		_, _ = w.ask("forget")
	}
	runtime.GC()
}

const quickSize = 1 << 18

// sizes are those of a table; a quick run leaves out the large ones.
func (p *program) sizes(all ...int) (list []int) {
	for _, n := range all {
		if !p.quick || n <= quickSize {
			list = append(list, n)
		}
	}
	return list
}

func (p *program) effort(rounds int, turn time.Duration) effort {
	if p.quick {
		return effort{rounds: 8, turn: turn / 2}
	}
	return effort{rounds, turn}
}

// threadCounts is 1 and, if there are more, all.
func (p *program) threadCounts() []int {
	if p.threads == 1 {
		return []int{1}
	}
	return []int{1, p.threads}
}

// wanted tells whether -only leaves a benchmark in, whatever its implementation.
func (p *program) wanted(k key) bool {
	name, _, _ := strings.Cut(k.String(), "/impl=")
	return p.only.MatchString(name)
}

// contest checks the entrants against the answers and races them.
func (p *program) contest(list []entrant, answers map[string]answer, e effort) error {
	if err := check(list, answers); err != nil {
		return err
	}
	return p.race(list, e)
}

func (p *program) race(list []entrant, e effort) error {
	rs, err := race(list, e)
	p.records = append(p.records, rs...)
	return err
}

// everyone races all peers, operation by operation.
func (p *program) everyone() error {
	for i := range operations {
		op := &operations[i]
		for _, n := range p.sizes(64, 1<<10, 1<<14, 1<<18, 1<<22, 1<<26) {
			if op.largest > 0 && n > op.largest || !p.wanted(key{Table: "Peer", Op: op.name, Type: "f32", N: n, Place: outOfPlace, Threads: 1}) {
				continue
			}
			list, want, err := p.peers(op, n)
			if err != nil {
				return err
			}
			if err := p.contest(list, map[string]answer{op.name: want}, p.effort(40, time.Millisecond)); err != nil {
				return err
			}
			p.forget()
		}
	}
	return nil
}

// peak measures arithmetic without memory.
func peak() float64 {
	loop, operations := vectorPeak()
	if loop == nil {
		return 0
	}
	rs, _ := race([]entrant{{time: repeated(func() { loop(1000) })}}, effort{40, time.Millisecond})
	return float64(1000*operations) / rs[0].min() * 1e9
}
