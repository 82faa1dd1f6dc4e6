package main

import (
	"sync"
	"time"
	"unsafe"
)

// A move is one way to read some bytes and to write as many: what memory
// allows a kernel that does the same. The lengths are multiples of 64.
type move struct {
	impl     string
	f        func(dst, src []byte)
	streamed bool // around the caches: only out of place
}

func vector(f func(dst, src *byte, n int)) func(dst, src []byte) {
	return func(dst, src []byte) { f(unsafe.SliceData(dst), unsafe.SliceData(src), len(src)) }
}

// moves lists those for a place. In place, a move loads and stores the same
// bytes; Go's copy would notice and do nothing.
func moves(place string) (list []move) {
	if place == outOfPlace {
		list = append(list, move{"copy", func(dst, src []byte) { copy(dst, src) }, false})
	}
	for _, m := range vectorMoves() {
		if place == outOfPlace || !m.streamed {
			list = append(list, m)
		}
	}
	return list
}

// movers are the moves from src to dst as entrants of a race. Each thread
// moves its share as often as it is asked, without waiting for the others:
// more than any kernel can have.
func movers(id key, dst, src []byte) (list []entrant) {
	share := (len(dst)/id.Threads + 63) &^ 63
	part := func(b []byte, t int) []byte { return b[min(t*share, len(b)):min((t+1)*share, len(b))] }
	for _, m := range moves(id.Place) {
		id.Impl = m.impl
		list = append(list, entrant{key: id, time: func(calls int) (time.Duration, error) {
			var wait sync.WaitGroup
			work := func(t int) {
				d, s := part(dst, t), part(src, t)
				for range calls {
					m.f(d, s)
				}
			}
			start := time.Now()
			for t := 1; t < id.Threads; t++ {
				wait.Go(func() { work(t) })
			}
			work(0)
			wait.Wait()
			return time.Since(start), nil
		}})
	}
	return list
}

func isMove(impl string) bool {
	for _, m := range moves(outOfPlace) {
		if m.impl == impl {
			return true
		}
	}
	return false
}
