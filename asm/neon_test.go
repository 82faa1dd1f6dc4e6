package main

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stepgrad/stepgrad/kernels"
	"github.com/stretchr/testify/require"
	"golang.org/x/arch/arm64/arm64asm"
)

var wordLine = regexp.MustCompile(`(?m)^\tWORD +\$0x([0-9a-f]{8}) // (.+)$`)

// requireWords decodes every WORD in text and compares it with its comment. It
// returns the mnemonics it met.
func requireWords(t *testing.T, text string) map[string]bool {
	t.Helper()
	met := map[string]bool{}
	words := wordLine.FindAllStringSubmatch(text, -1)
	require.Equal(t, strings.Count(text, "WORD"), len(words), "a WORD without a comment")
	for _, w := range words {
		bits, err := strconv.ParseUint(w[1], 16, 32)
		require.NoError(t, err)
		inst, err := arm64asm.Decode(binary.LittleEndian.AppendUint32(nil, uint32(bits)))
		require.NoError(t, err, "%s // %s", w[1], w[2])
		require.Equal(t, w[2], arm64asm.GNUSyntax(inst), "%s", w[1])
		met[strings.Fields(w[2])[0]] = true
	}
	return met
}

func TestWords(t *testing.T) {
	require.NotEmpty(t, requireWords(t, string(arm64File(routines()))))
}

// encodings lists every word instruction with every arrangement it has and
// registers that differ in every bit.
func encodings() (text string) {
	for _, name := range slices.Sorted(maps.Keys(a64s)) {
		inst := a64s[name]
		if inst.goName != "" {
			continue
		}
		lanes := []string{"2s", "4s", "2d"}
		if inst.field == bitwise || inst.field == fixed {
			lanes = lanes[:1]
		}
		for _, l := range lanes {
			for _, regs := range [][]int{{1, 2, 4}, {30, 29, 27}, {8, 16, 31}} {
				word, operands := assemble(name, l, regs[:inst.operands]...)
				text += fmt.Sprintf("\t%s %s\n", word, operands)
			}
		}
	}
	return text
}

func TestEncodings(t *testing.T) {
	met := requireWords(t, encodings())
	for name, inst := range a64s {
		mnemonic, _, _ := strings.Cut(name, " ")
		require.Equal(t, inst.goName == "", met[mnemonic], name)
	}
}

// TestAssembler compares the words with those of the GNU assembler, where it
// is installed.
func TestAssembler(t *testing.T) {
	as, err := exec.LookPath("aarch64-linux-gnu-as")
	if err != nil {
		t.Skip("no aarch64-linux-gnu-as: apt-get install binutils-aarch64-linux-gnu")
	}
	words := wordLine.FindAllStringSubmatch(encodings(), -1)
	source := ""
	for _, w := range words {
		source += w[2] + "\n"
	}
	cmd := exec.Command(as, "-al", "-o", filepath.Join(t.TempDir(), "a.o"), "-")
	cmd.Stdin = strings.NewReader(source)
	listing, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", listing)
	lines := regexp.MustCompile(`(?m)^ +\d+ [0-9a-f]{4} ([0-9A-F]{8}) +\t(.+)$`).FindAllStringSubmatch(string(listing), -1)
	require.Len(t, lines, len(words))
	for i, l := range lines {
		bits, err := strconv.ParseUint(l[1], 16, 32) // in the order of memory
		require.NoError(t, err)
		got := binary.LittleEndian.Uint32(binary.BigEndian.AppendUint32(nil, uint32(bits)))
		require.Equal(t, words[i][1], fmt.Sprintf("%08x", got), l[2])
	}
}

// TestReserved keeps to the registers there are, and off those of the platform,
// the assembler and the runtime.
func TestReserved(t *testing.T) {
	text := string(arm64File(routines()))
	require.Empty(t, regexp.MustCompile(`\b(R(1[6-8]|2[5-9]|3\d)|[FVv](3[2-9]|[4-9]\d|\d{3,}))\b`).FindAllString(text, -1))
}

// everything is a body that uses the whole vocabulary, with so many constants
// that they do not fit the registers.
func everything(b *Body, _ kernels.Mode) Result {
	x, p := b.X(), b.Param(0)
	y := b.FMA(x, p, b.Sqrt(b.Div(x, b.Float(3))))
	for m := range kernels.Mode(5) {
		y = b.FNMA(y, b.Float(float64(m)+0.5), b.Round(y, m))
	}
	z := b.ISub(b.Shl(b.IAdd(y, b.Bits(12345)), 3), b.Shr(x, 5))
	z = b.Or(b.Xor(b.And(z, b.Bits(0xffff)), p), b.Neg(b.Abs(b.Sub(x, y))))
	m := b.Both(b.LT(x, y), b.Both(b.LE(y, z), b.Both(b.EQ(x, p), b.IGT(z, b.Mul(p, p)))))
	for k := range 16 {
		z = b.Add(b.Greater(z, b.Float(float64(k)+7.25)), b.Less(b.Float(float64(-k)-7.25), x))
	}
	g := b.Select(m, b.Select(b.LT(z, p), z, y), b.Select(m, x, b.Select(m, b.Zero(), p)))
	return Result{Y: g, Grad: b.Mul(g, z), Bit: m}
}

// TestVocabulary lowers it in every shape and width.
func TestVocabulary(t *testing.T) {
	for shape := kernels.Map; shape <= kernels.ZipGrad; shape++ {
		for _, width := range [][2]int{{32, 32}, {64, 32}, {64, 64}} {
			lane, elem := width[0], width[1]
			masked := shape == kernels.ToMask || shape == kernels.FromMask
			if lane != elem && (masked || shape == kernels.MapInt) {
				continue // no kernel is so
			}
			k := &kernels.Kernel{Name: fmt.Sprintf("All%d", shape), Shape: shape, Sig: kernels.Step}
			if lane == 64 {
				k.Sig = kernels.Alpha
			}
			body := newBody(lane, elem, shape, func(b *Body) Result {
				r := everything(b, kernels.Down)
				if shape == kernels.FromMask {
					r.Y = b.Select(b.Bit(), r.Y, r.Grad)
				}
				if shape == kernels.Zip || shape == kernels.ZipGrad {
					r.Y = b.Sub(r.Y, b.Y())
				}
				return r
			})
			met := requireWords(t, string(arm64File([]routine{{kernel: k, elem: elem, mode: kernels.Down, body: body}})))
			require.Equal(t, lane != elem, met["fcvtl"])
			require.Equal(t, shape == kernels.MapInt, met["fcvtzs"])
			require.Equal(t, shape == kernels.MapInt && elem == 64, met["sqxtn"])
		}
	}
}

// TestExhausted: a body that needs more registers than there are is a mistake
// of the generator's, and says so.
func TestExhausted(t *testing.T) {
	body := newBody(32, 32, kernels.Map, func(b *Body) Result {
		var live []V
		for i := range 40 {
			live = append(live, b.Mul(b.X(), b.Float(float64(i))))
		}
		y := b.X()
		for _, v := range live {
			y = b.Div(y, v)
		}
		return Result{Y: y}
	})
	r := routine{kernel: &kernels.Kernel{Name: "Greedy"}, elem: 32, mode: kernels.Down, body: body}
	require.PanicsWithValue(t, "asm: greedyF32NEON needs 41 vector registers", func() { arm64File([]routine{r}) })
}
