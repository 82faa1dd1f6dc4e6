// Package isa holds the feature booleans that the root package's dispatch
// reads. Tests, fuzz targets and benchmarks set them to reach every
// implementation the machine has; nothing else writes them after start-up.
package isa

import "math"

// The instruction sets this process dispatches to, best first. AVX512 implies
// AVX2; with all of them false the portable code runs.
var AVX512, AVX2, NEON bool

// Stream32 and Stream64 are the number of float32 and float64 elements from
// which memory-bound kernels that work out of place write around the caches:
// where source and destination together outgrow the last of them. At least 256,
// for the loops are unrolled.
var Stream32, Stream64 = math.MaxInt, math.MaxInt

// Names of the tiers, as stepgrad.ISA reports them.
const (
	NameAVX512  = "avx512"
	NameAVX2    = "avx2"
	NameNEON    = "neon"
	NameGeneric = "generic"
)

// Name is the tier in use.
func Name() string {
	switch {
	case AVX512:
		return NameAVX512
	case AVX2:
		return NameAVX2
	case NEON:
		return NameNEON
	}
	return NameGeneric
}

// Tiers lists what this machine can run, best first; the last is "generic".
func Tiers() []string { return append([]string(nil), tiers...) }

var tiers = detected()

func detected() (t []string) {
	if AVX512 {
		t = append(t, NameAVX512)
	}
	if AVX2 {
		t = append(t, NameAVX2)
	}
	if NEON {
		t = append(t, NameNEON)
	}
	return append(t, NameGeneric)
}

// Use switches the process to one of Tiers and returns the way back. It is
// for tests: calls that run at the same time see the change.
func Use(tier string) (restore func()) {
	known := false
	for _, t := range tiers {
		known = known || t == tier
	}
	if !known {
		panic("isa: Use: this machine has no tier " + tier)
	}
	a512, a2, neon := AVX512, AVX2, NEON
	AVX512 = tier == NameAVX512
	AVX2 = AVX512 || tier == NameAVX2
	NEON = tier == NameNEON
	return func() { AVX512, AVX2, NEON = a512, a2, neon }
}
