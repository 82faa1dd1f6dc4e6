package main

import (
	"errors"
	"math"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

// testProgram has no workers, little memory and two threads.
func testProgram() *program {
	return &program{quick: true, threads: 2, only: regexp.MustCompile(""), memory: newMemory(1 << 14)}
}

func TestMoves(t *testing.T) {
	m := newMemory(1 << 12)
	for _, place := range []string{outOfPlace, inPlace} {
		for _, threads := range []int{1, 2} {
			for n := 0; n <= 1<<12; n += 64 {
				m.reset()
				dst, guard, src := take[byte](m, n, 0), take[byte](m, 64, 0), take[byte](m, n, 0)
				if place == inPlace {
					src = dst
				}
				for i := range src {
					src[i] = byte(i*7 + 1)
				}
				fillBits(guard)
				want, kept := strings.Clone(string(src)), string(guard)
				for _, e := range movers(key{Place: place, Threads: threads}, dst, src) {
					if place == outOfPlace {
						clear(dst)
					}
					_, err := e.time(1)
					require.NoError(t, err)
					require.Equal(t, want, string(dst), "%s of %d bytes", e.Impl, n)
					require.Equal(t, kept, string(guard), "%s of %d bytes wrote beyond", e.Impl, n)
				}
			}
		}
	}
}

func TestOperations(t *testing.T) {
	for i := range operations {
		op := &operations[i]
		t.Run(op.name, func(t *testing.T) {
			for _, n := range []int{1, 7, 64, 1000, 1024} {
				if op.whole && n%64 != 0 {
					continue // rows, bins or pixels
				}
				list, want, err := testProgram().peers(op, n)
				require.NoError(t, err)
				require.NoError(t, check(list, map[string]answer{op.name: want}))
				require.GreaterOrEqual(t, len(list), 2)
			}
		})
	}
}

// TestCheckFinds keeps check honest.
func TestCheckFinds(t *testing.T) {
	enter := func(results ...[]float64) []entrant {
		return []entrant{{key: key{Op: "F"}, output: func() ([][]float64, error) { return results, nil }}}
	}
	want := map[string]answer{"F": {[][]float64{{1, 2, 300}}, 0.01}}
	require.NoError(t, check(enter([]float64{1, 2.005, 302}), want))
	require.NoError(t, check(enter([]float64{1}), want), "a beginning")
	for _, wrong := range [][]float64{{1, 2.03, 300}, {1, 2, math.NaN()}, {1, 2, 304}, {}, {1, 2, 300, 4}} {
		require.Error(t, check(enter(wrong), want), "%v", wrong)
	}
	require.Error(t, check(enter(), want))
	require.Error(t, check(enter([]float64{1}, []float64{1}), want))
	broken := []entrant{{output: func() ([][]float64, error) { return nil, errors.New("broken") }}}
	require.ErrorContains(t, check(broken, want), "broken")
}

func TestShortCalls(t *testing.T) {
	for _, c := range shortCalls {
		for _, place := range []string{outOfPlace, beside} {
			for n := 1; n <= 40; n++ {
				list, want := c.entrants(key{Op: c.op, N: n, Place: place})
				require.NoError(t, check(list, map[string]answer{c.op: want}))
			}
		}
	}
}

func TestKernels(t *testing.T) {
	names := slices.Clone(memoryBound)
	for _, name := range staircases {
		names = append(names, name, name+"Grad", name+"ValueGrad")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			testKernel[float32](t, kernels.ByName(name))
			testKernel[float64](t, kernels.ByName(name))
		})
	}
}

func TestMoved(t *testing.T) {
	for shape, want := range map[kernels.Shape]int{
		kernels.Map: 160, kernels.MapInt: 120, kernels.MapGrad: 240, kernels.MapBoth: 240, kernels.ToMask: 162, kernels.FromMask: 162,
	} {
		require.Equal(t, want, moved[float64](shape, 10), "shape %d", shape)
	}
}

func testKernel[T cases.Float](t *testing.T, k *kernels.Kernel) {
	m := newMemory(1 << 12)
	b := newOperands[T](m, k.Shape, 1000, outOfPlace)
	p := params[T](k, outOfPlace)
	want := defined(k, &b.Buffers, p)
	require.NoError(t, check(kernel(key{Op: k.Name}, b, p), map[string]answer{k.Name: want}))
	require.Len(t, b.dst, (moved[T](k.Shape, 1000)/2+63)/64*64)
	require.Len(t, b.src, len(b.dst))
}

// TestSteady: in place, a kernel finds other values at its second call, but
// never wanders off to infinity or to subnormal numbers.
func TestSteady(t *testing.T) {
	for _, name := range memoryBound {
		k := kernels.ByName(name)
		if k.Shape == kernels.MapInt {
			continue
		}
		b := newOperands[float32](newMemory(1<<12), k.Shape, 1000, inPlace)
		for _, e := range kernel(key{Op: name}, b, params[float32](k, inPlace)) {
			_, err := e.time(200)
			require.NoError(t, err)
			for _, v := range b.Dst {
				require.True(t, v == 0 || math.Abs(float64(v)) >= 1e-3 && math.Abs(float64(v)) <= 1e3, "%s: %v", name, v)
			}
		}
	}
}

func TestTrainings(t *testing.T) {
	for _, tr := range trainings {
		list, want, err := testProgram().trainers(key{Op: tr.op, N: 256}, tr)
		require.NoError(t, err)
		require.Len(t, list, 2)
		for i, result := range want.results {
			sum := 0.0
			for _, v := range result {
				sum += v * v
			}
			require.True(t, sum > 0 && sum < 1e9, "%s: result %d has the square sum %v", tr.op, i, sum)
		}
	}
}

// TestPython compares NumPy and PyTorch with the operations, where they are.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import numpy").Run() != nil {
		t.Skip("no python3 with numpy")
	}
	p := testProgram()
	p.python, err = startPython(t.TempDir(), python)
	require.NoError(t, err)
	defer p.python.stop()
	for i := range operations {
		list, want, err := p.peers(&operations[i], 1024)
		require.NoError(t, err)
		require.NoError(t, check(list, map[string]answer{operations[i].name: want}))
		for _, e := range list {
			_, err := e.time(1)
			require.NoError(t, err)
		}
	}
	for _, tr := range trainings {
		list, want, err := p.trainers(key{Op: tr.op, Type: "f32", N: 256}, tr)
		require.NoError(t, err)
		require.NoError(t, check(list, map[string]answer{tr.op: want}))
	}
	_, err = p.python.ask("nonsense")
	require.ErrorContains(t, err, "nonsense")
}

func TestRace(t *testing.T) {
	var order []string
	enter := func(name string, each time.Duration) entrant {
		return entrant{key: key{Impl: name}, time: func(calls int) (time.Duration, error) {
			order = append(order, name)
			return time.Duration(calls) * each, nil
		}}
	}
	e := effort{rounds: 40, turn: time.Millisecond}
	rs, err := race([]entrant{enter("fast", 100*time.Nanosecond), enter("slow", 20*time.Millisecond)}, e)
	require.NoError(t, err)
	require.Len(t, rs[0].ns, 40)
	require.Equal(t, 10000, rs[0].calls)
	require.Equal(t, 100., rs[0].min())
	require.Len(t, rs[1].ns, atLeast, "one that takes longer than its turns drops out")
	require.Equal(t, 1, rs[1].calls)
	require.False(t, e.over(2, time.Hour))
	require.True(t, e.over(3, 3*time.Second))
	require.Contains(t, strings.Join(order, " "), "fast slow slow fast", "rounds go forth and back")
	_, err = race([]entrant{{time: func(int) (time.Duration, error) { return 0, errors.New("gone") }}}, e)
	require.ErrorContains(t, err, "gone")
}

func TestInstructionsPerElement(t *testing.T) {
	const assembly = "TEXT ·floorF32AVX512(SB), NOSPLIT\nloop:\n\tVRNDSCALEPS $0x09, (CX), Z0\n\tVMOVUPS     Z0, (AX)\n" +
		"\tVMOVUPS.Z   64(CX), K1, Z0\n\tADDQ $0x40, AX\n\tSUBQ $0x00000020, DX\n\tCMPQ DX, $0x20\n\tJAE loop\n\n" +
		"TEXT ·ceilF32AVX512(SB), NOSPLIT\n\tRET\n"
	require.Equal(t, 2/32., instructionsPerElement(assembly, "Floor", "avx512"))
	require.Zero(t, instructionsPerElement(assembly, "Ceil", "avx512"))
	require.Zero(t, instructionsPerElement(assembly, "Floor", "avx2"))
	real := readAssembly()
	require.NotEmpty(t, real)
	require.Equal(t, 1/16., instructionsPerElement(real, "Floor", isa.NameAVX512))
	require.Equal(t, 1/8., instructionsPerElement(real, "Floor", isa.NameAVX2))
	for _, op := range roofline {
		require.NotZero(t, instructionsPerElement(real, op, isa.NameAVX512), op)
		require.NotZero(t, instructionsPerElement(real, op, isa.NameAVX2), op)
	}
}
