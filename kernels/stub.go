package kernels

var softKernels, smoothKernels []Kernel
