package kernels

// FMA32 is for tests.
var FMA32 = fma32
