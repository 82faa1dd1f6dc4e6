//go:build !purego

package isa

import "golang.org/x/sys/cpu"

func init() {
	NEON = cpu.ARM64.HasASIMD
	tiers = detected()
}
