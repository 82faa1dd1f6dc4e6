package main

import "golang.org/x/sys/cpu"

// The moves take n bytes, a multiple of the vector in their name, with plain
// or with non-temporal stores. dst and src may be the same.

//go:noescape
func copy32(dst, src *byte, n int)

//go:noescape
func copy64(dst, src *byte, n int)

//go:noescape
func stream32(dst, src *byte, n int)

//go:noescape
func stream64(dst, src *byte, n int)

// The arithmetic loops do 12 operations n times, on vectors of 32 or 64 bytes.

func arithmetic32(n int)

func arithmetic64(n int)

func vectorMoves() (moves []move) {
	if cpu.X86.HasAVX512F {
		moves = append(moves, move{"copy64", vector(copy64), false}, move{"stream64", vector(stream64), true})
	}
	if cpu.X86.HasAVX2 {
		moves = append(moves, move{"copy32", vector(copy32), false}, move{"stream32", vector(stream32), true})
	}
	return moves
}

// vectorPeak is a loop over the widest vectors and how many operations on them
// one turn of it does.
func vectorPeak() (loop func(n int), operations int) {
	switch {
	case cpu.X86.HasAVX512F:
		return arithmetic64, 12
	case cpu.X86.HasAVX2:
		return arithmetic32, 12
	}
	return nil, 0
}
