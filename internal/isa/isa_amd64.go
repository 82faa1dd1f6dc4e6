//go:build !purego

package isa

import "golang.org/x/sys/cpu"

// x/sys/cpu tests the operating system's AVX state for HasAVX2 only, so FMA
// never stands alone.
func init() {
	AVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	AVX512 = AVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL
	tiers = detected()
}
