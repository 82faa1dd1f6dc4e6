//go:build !purego

package isa

import "golang.org/x/sys/cpu"

// x/sys/cpu tests the operating system's AVX state for HasAVX2 only, so FMA
// never stands alone.
func init() {
	AVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	AVX512 = AVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL
	// Measured on Zen 3 and Zen 5: the two ways meet at three quarters of the last
	// cache, shared by source and destination.
	bytes := lastCache() / 4 * 3
	Stream32, Stream64 = bytes/8, bytes/16
	tiers = detected()
}

// lastCache is the size in bytes of the largest cache that the processor
// reports, or a usual one where it reports none.
func lastCache() int {
	// Intel's leaf 4 and AMD's leaf 0x8000001D have one format.
	largest := 0
	for _, leaf := range []uint32{4, 0x8000001D} {
		if most, _, _, _ := cpuid(leaf&0x80000000, 0); most < leaf {
			continue
		}
		for sub := uint32(0); sub < 16; sub++ {
			a, b, c, _ := cpuid(leaf, sub)
			if a&31 == 0 { // no more caches
				break
			}
			ways, partitions, line, sets := b>>22+1, b>>12&0x3ff+1, b&0xfff+1, c+1
			largest = max(largest, int(ways)*int(partitions)*int(line)*int(sets))
		}
	}
	if largest == 0 {
		return 32 << 20
	}
	return largest
}
