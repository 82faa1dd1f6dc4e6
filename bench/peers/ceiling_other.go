//go:build !amd64

package main

func vectorMoves() []move { return nil }

func vectorPeak() (loop func(n int), operations int) { return nil, 0 }
