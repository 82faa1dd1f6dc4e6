//go:build !purego

package isa

import "golang.org/x/sys/cpu"

// x/sys/cpu tests the operating system's AVX state for HasAVX2 only, so FMA
// never stands alone.
func init() {
	AVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	tiers = detected()
}
