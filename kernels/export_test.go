package kernels

// FMA32 is for tests.
var FMA32 = fma32

// FMA is for tests.
func FMA[T Float](x, y, z T) T { return fma(x, y, z) }
