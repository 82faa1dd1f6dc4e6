package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stepgrad/stepgrad/kernels"
	"github.com/stretchr/testify/require"
)

// TestFresh regenerates every generated file in memory and compares it with
// the tree.
func TestFresh(t *testing.T) {
	files, err := generate()
	require.NoError(t, err)
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		if !bytes.Equal(want, got) {
			t.Errorf("%s is stale: run go -C asm run .; it differs first in line %d", name, differing(want, got))
		}
	}
}

// differing is the first line in which a and b differ.
func differing(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return 1 + bytes.Count(a[:n], []byte("\n"))
}

// TestGeneratedKnown finds files that claim to be generated and are not.
func TestGeneratedKnown(t *testing.T) {
	files, err := generate()
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !(strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".s")) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), "../")
		machine := strings.HasSuffix(path, ".s") && !strings.HasPrefix(name, "bench/") // there, loops to measure memory by
		if strings.HasPrefix(string(text), generated[:20]) || machine {
			require.Contains(t, slices.Collect(maps.Keys(files)), name, "%s is not written by this generator", name)
		}
		return nil
	}))
}

// TestISA compares the instruction sets each routine needs with the guard it
// is dispatched behind, and refuses SSE encodings, which stall beside VEX.
func TestISA(t *testing.T) {
	_, f, err := amd64File(routines())
	require.NoError(t, err)
	guards := map[string][]string{ // MMX+ is avo's word for SFENCE, which every amd64 has
		"AVX2":   {"MMX+", "AVX", "AVX2", "FMA3"},
		"AVX512": {"MMX+", "AVX", "AVX2", "AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL"},
	}
	for _, fn := range f.Functions() {
		for tier, allowed := range guards {
			if !strings.HasSuffix(fn.Name, tier) {
				continue
			}
			for _, isa := range fn.ISA {
				require.True(t, slices.Contains(allowed, isa), "%s needs %s, which its guard does not promise", fn.Name, isa)
			}
			if tier == "AVX2" { // avo counts an instruction on Y16 as AVX
				require.Less(t, highest(fn), 16, "%s uses a register that only AVX-512 has", fn.Name)
			}
		}
	}
}

// TestBodies keeps the two statements of a kernel in step.
func TestBodies(t *testing.T) {
	n := 0
	for _, family := range allBodies {
		n += len(family)
		for name := range family {
			require.NotNil(t, kernels.ByName(name), "the vector body %s has no entry in the catalogue", name)
		}
	}
	require.Equal(t, len(kernels.Elementwise), n)
}
