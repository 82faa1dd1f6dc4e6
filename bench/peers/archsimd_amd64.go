//go:build goexperiment.simd

package main

import "simd/archsimd"

// archsimdFloor is the loop as one writes it over simd/archsimd: the widest
// vectors, eight at a time, then the rest one by one. Bounds checks are left to
// the compiler, which drops those of constant indices.
func archsimdFloor() func(b batch) {
	switch {
	case archsimd.X86.AVX512():
		return func(b batch) { floor16(b.y, b.x) }
	case archsimd.X86.AVX():
		return func(b batch) { floor8(b.y, b.x) }
	}
	return nil
}

func floor16(y, x []float32) {
	for len(x) >= 128 && len(y) >= 128 {
		archsimd.LoadFloat32x16Slice(x[0:16]).FloorScaled(0).StoreSlice(y[0:16])
		archsimd.LoadFloat32x16Slice(x[16:32]).FloorScaled(0).StoreSlice(y[16:32])
		archsimd.LoadFloat32x16Slice(x[32:48]).FloorScaled(0).StoreSlice(y[32:48])
		archsimd.LoadFloat32x16Slice(x[48:64]).FloorScaled(0).StoreSlice(y[48:64])
		archsimd.LoadFloat32x16Slice(x[64:80]).FloorScaled(0).StoreSlice(y[64:80])
		archsimd.LoadFloat32x16Slice(x[80:96]).FloorScaled(0).StoreSlice(y[80:96])
		archsimd.LoadFloat32x16Slice(x[96:112]).FloorScaled(0).StoreSlice(y[96:112])
		archsimd.LoadFloat32x16Slice(x[112:128]).FloorScaled(0).StoreSlice(y[112:128])
		x, y = x[128:], y[128:]
	}
	for len(x) >= 16 && len(y) >= 16 {
		archsimd.LoadFloat32x16Slice(x).FloorScaled(0).StoreSlice(y)
		x, y = x[16:], y[16:]
	}
	if len(x) > 0 {
		archsimd.LoadFloat32x16SlicePart(x).FloorScaled(0).StoreSlicePart(y)
	}
	archsimd.ClearAVXUpperBits()
}

func floor8(y, x []float32) {
	for len(x) >= 64 && len(y) >= 64 {
		archsimd.LoadFloat32x8Slice(x[0:8]).Floor().StoreSlice(y[0:8])
		archsimd.LoadFloat32x8Slice(x[8:16]).Floor().StoreSlice(y[8:16])
		archsimd.LoadFloat32x8Slice(x[16:24]).Floor().StoreSlice(y[16:24])
		archsimd.LoadFloat32x8Slice(x[24:32]).Floor().StoreSlice(y[24:32])
		archsimd.LoadFloat32x8Slice(x[32:40]).Floor().StoreSlice(y[32:40])
		archsimd.LoadFloat32x8Slice(x[40:48]).Floor().StoreSlice(y[40:48])
		archsimd.LoadFloat32x8Slice(x[48:56]).Floor().StoreSlice(y[48:56])
		archsimd.LoadFloat32x8Slice(x[56:64]).Floor().StoreSlice(y[56:64])
		x, y = x[64:], y[64:]
	}
	for len(x) >= 8 && len(y) >= 8 {
		archsimd.LoadFloat32x8Slice(x).Floor().StoreSlice(y)
		x, y = x[8:], y[8:]
	}
	if len(x) > 0 {
		archsimd.LoadFloat32x8SlicePart(x).Floor().StoreSlicePart(y)
	}
	archsimd.ClearAVXUpperBits()
}
