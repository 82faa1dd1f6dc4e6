package main

import "github.com/stepgrad/stepgrad/kernels"

var sumPrimitives = []primitive{
	{kernel: kernels.Kernel{Name: "Total", Shape: reduce}, body: func(b *Body, _ variant) Result {
		return Result{Acc: []V{b.Add(b.Acc(0), b.X())}}
	}},
}
