package main

import (
	"errors"
	"math"
	"runtime"
	"sync"
)

// An experiment holds a run for every method and seed, in this order. Each run
// depends on its method and seed alone, so the number of workers changes
// nothing but the time.
type experiment struct {
	options
	digits dataset
	runs   [][]run
	sequel []sequel // by seed; empty before deploy
}

// firstSeed is the seed of the first trial. The defaults were chosen with other
// seeds, from 101 on, so that the table is no choice of the best.
const firstSeed = 1

// conduct trains every method from every seed; tick is called after each epoch
// of each run, by several goroutines.
func conduct(digits dataset, o options, tick func()) experiment {
	x := experiment{options: o, digits: digits, runs: make([][]run, len(methods))}
	type job struct{ method, seed int }
	jobs := make(chan job)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for j := range jobs {
				x.runs[j.method][j.seed] = newTrial(digits, firstSeed+j.seed).fit(methods[j.method], o, tick)
			}
		})
	}
	for m := range x.runs {
		x.runs[m] = make([]run, o.seeds)
	}
	for seed := range o.seeds {
		for m := range methods {
			jobs <- job{m, seed}
		}
	}
	close(jobs)
	workers.Wait()
	return x
}

// deploy trains the float networks further, for integers; tick is called after
// each epoch of each of its o.furtherTicks() trainings, by several goroutines.
func (x *experiment) deploy(tick func()) error {
	x.sequel = make([]sequel, x.seeds)
	failed := make([]error, x.seeds)
	seeds := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := range seeds {
				x.sequel[seed], failed[seed] = further(x.runs[float][seed], firstSeed+seed, x.options, tick)
			}
		})
	}
	for seed := range x.seeds {
		seeds <- seed
	}
	close(seeds)
	workers.Wait()
	return errors.Join(failed...)
}

// each returns one number of every run of method m.
func (x experiment) each(m int, number func(r run) float64) []float64 {
	var v []float64
	for _, r := range x.runs[m] {
		v = append(v, number(r))
	}
	return v
}

// A summary is the mean of some numbers and their standard deviation, which
// is 0 for a single one.
type summary struct{ mean, spread float64 }

func summarise(v []float64) summary {
	var s summary
	for _, x := range v {
		s.mean += x / float64(len(v))
	}
	for _, x := range v {
		s.spread += (x - s.mean) * (x - s.mean)
	}
	s.spread = math.Sqrt(s.spread / float64(max(len(v)-1, 1)))
	return s
}
