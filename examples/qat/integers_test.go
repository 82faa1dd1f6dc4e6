package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nlpodyssey/safetensors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

// sums are the int32 sums of both layers for one image.
func (n intNetwork) sums(t *testing.T, image []int8) (first, second []int32, active []int8) {
	first, second, active = make([]int32, hidden), make([]int32, classes), make([]int8, hidden)
	n.first.sums(first, image)
	for j, sum := range first {
		// The exact quotient, rounded by math: not the shift of the network.
		level := math.RoundToEven(float64(sum) * pixelScale * float64(n.first.scale[j]) / float64(n.activeScale))
		active[j] = int8(min(max(level, 0), float64(n.top())))
	}
	n.second.sums(second, active)
	return first, second, active
}

// What is exact: a sum of the first layer, times the scales of pixels and
// weights, is the value that the fake-quantised layer has in float32; so is a
// level of the activations times their scale, and a sum of the second layer
// times its scales. All by bits.
func assertExact(t *testing.T, n integrand, d dataset) {
	integers := n.integers()
	file, err := integers.save()
	require.NoError(t, err)
	read, err := load(file)
	require.NoError(t, err)
	require.Equal(t, integers, read)

	first := n.first(d.tensor()).Data()
	active := ag.FakeQuantize(ag.Const(first), powers(n.ea), nil, ag.LSQ(0, n.top())).Data()
	logits, levels := n.logits(d.tensor()).Data(), d.levels()
	for i := range d.len() {
		sums1, sums2, act := read.sums(t, levels[i*pixels:(i+1)*pixels])
		for j, sum := range sums1 {
			at := i*hidden + j
			require.Equal(t, math.Float32bits(first[at]), math.Float32bits(float32(sum)*(pixelScale*read.first.scale[j])))
			require.Equal(t, sum, int32(float64(first[at])/(pixelScale*float64(read.first.scale[j]))))
			require.Equal(t, active[at], float32(act[j])*read.activeScale)
		}
		for j, sum := range sums2 {
			at := i*classes + j
			require.Equal(t, math.Float32bits(logits[at]), math.Float32bits(float32(sum)*(read.activeScale*read.second.scale[j])))
		}
	}
	got := read.allLogits(d)
	for i, want := range logits {
		require.Equal(t, math.Float32bits(want), math.Float32bits(got[i]))
	}
}

func TestIntegersAreTheFakeQuantisedNetwork(t *testing.T) {
	d := allDigits(t).first(200)
	for seed := range 5 {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		for _, w := range widths {
			n := newNetwork(rng).quantise(w, d.tensor())
			assertExact(t, n, d)
			for _, x := range n.params() { // far from what training would give
				for i := range x.Data() {
					x.Data()[i] += float32(rng.NormFloat64()) * float32(seed)
				}
			}
			assertExact(t, n, d)
		}
	}
}

// Every weight, pixel, activation and bias at its extreme: the sums are the
// largest that there can be.
func TestIntegersAreExactAtTheExtremes(t *testing.T) {
	d := dataset{slices.Repeat([]float32{1}, 2*pixels), make([]int, 2)}
	for _, w := range widths {
		for _, sign := range []float32{1, -1} {
			n := network{w1: ag.Param(make([]float32, pixels*hidden), pixels, hidden), b1: ag.Param(make([]float32, hidden)),
				w2: ag.Param(make([]float32, hidden*classes), hidden, classes), b2: ag.Param(make([]float32, classes))}
			q := n.quantise(w, d.tensor())
			for i, p := range q.network.params() {
				for j := range p.Data() {
					p.Data()[j] = 1e6
					if i >= 2 {
						p.Data()[j] *= sign
					}
				}
			}
			assertExact(t, q, d)
			read := q.integers()
			_, sums, active := read.sums(t, d.levels())
			assert.Equal(t, int8(w.top()), active[0])
			if sign < 0 {
				assert.Equal(t, int32(leastBias+hidden*w.top()*w.least()), sums[0])
			}
		}
	}
}

func TestShiftRound(t *testing.T) {
	for shift := -8; shift <= 45; shift++ {
		for x := int32(-5000); x <= 5000; x++ {
			for _, v := range []int32{x, x * 100_003} {
				require.Equal(t, int64(math.RoundToEven(math.Ldexp(float64(v), -shift))), shiftRound(v, shift), "%d by %d", v, shift)
			}
		}
	}
	assert.Equal(t, int64(-1)<<51, shiftRound(math.MinInt32, -20))
	assert.Greater(t, shiftRound(1, -200), int64(127))
	assert.Zero(t, shiftRound(math.MinInt32, 200))
}

func TestPack(t *testing.T) {
	for _, w := range widths {
		var levels []int8
		for n := range 300 {
			levels = append(levels, int8(w.least()+(n*7)%(1<<w.weightBits)))
		}
		packed := pack(levels, w.weightBits)
		assert.Len(t, packed, (300*w.weightBits+7)/8)
		assert.Equal(t, levels, unpack(packed, 300, w.weightBits), w.name)
		assert.Equal(t, levels[:7], unpack(pack(levels[:7], w.weightBits), 7, w.weightBits), w.name)
	}
	assert.Equal(t, []byte{0b11_010_001, 0b0_101_100_0}, pack([]int8{1, 2, 3, -4, -3}, 3)[:2])

	// Four bits lie as the library's do.
	q := quant(-3, -8, 7)
	x := normal(rand.New(rand.NewPCG(1, 1)), 100, 0.5)
	levels, want, back, direct := make([]int8, 100), make([]byte, 50), make([]float32, 100), make([]float32, 100)
	stepgrad.Quantize(levels, x, q)
	stepgrad.Quantize4(want, x, q, stepgrad.LowFirst)
	assert.Equal(t, want, pack(levels, 4))
	stepgrad.Dequantize4(back, pack(levels, 4), 100, q, stepgrad.LowFirst)
	stepgrad.FakeQuantize(direct, nil, x, q)
	assert.Equal(t, direct, back)
}

func TestPowersOfTwoAreLearned(t *testing.T) {
	e := ag.Param([]float32{-3.4, 0.5, 1.5, 2})
	y := powers(e)
	assert.Equal(t, []float32{0.125, 1, 4, 4}, y.Data())
	assert.InDeltaSlice(t, []float32{0.125 * math.Ln2, math.Ln2, 4 * math.Ln2, 4 * math.Ln2}, ag.Grad(ag.Sum(y), e)[0].Data(), 1e-6)

	assert.Equal(t, float32(-2), fitExponent([]float32{0.25, -0.5, 0.75, 1.75}, -8, 7))
	d := allDigits(t).first(32)
	n := newNetwork(rand.New(rand.NewPCG(1, 2))).quantise(widths[1], d.tensor())
	loss := ag.CrossEntropy(n.logits(d.tensor()), d.labels)
	assert.Empty(t, ag.Explain(loss, n.params()...).Blocks)
	for i, g := range ag.Grad(loss, n.params()...) {
		assert.True(t, slices.ContainsFunc(g.Data(), func(v float32) bool { return v != 0 }), "parameter %d", i)
	}
}

func TestLoadRefuses(t *testing.T) {
	d := allDigits(t).first(64)
	n := newNetwork(rand.New(rand.NewPCG(1, 2))).quantise(widths[2], d.tensor()).integers()
	file, err := n.save()
	require.NoError(t, err)
	change := func(f func(n *intNetwork)) []byte {
		other, err := load(file)
		require.NoError(t, err)
		f(&other)
		b, err := other.save()
		require.NoError(t, err)
		return b
	}
	replace := func(old, new string) []byte {
		require.Equal(t, len(old), len(new))
		require.True(t, bytes.Contains(file, []byte(old)))
		return bytes.Replace(file, []byte(old), []byte(new), 1)
	}
	float, err := newNetwork(rand.New(rand.NewPCG(1, 2))).save()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing":         {nil, ""},
		"cut":             {file[:len(file)-1], ""},
		"float":           {float, `no network of ""-bit weights`},
		"other bits":      {replace(`"weight_bits":"3"`, `"weight_bits":"4"`), "first.weight is U8 of shape [32 24], must be U8 of shape [32 32]"},
		"unknown bits":    {replace(`"weight_bits":"3"`, `"weight_bits":"9"`), `"9"-bit`},
		"tensor missing":  {replace("first.bias", "first.bios"), "no tensor first.bias"},
		"type":            {replace(`"I32"`, `"F32"`), "must be I32"},
		"no power of two": {change(func(n *intNetwork) { n.second.scale[3] = 0.3 }), "second.weight_scale has 0.3"},
		"NaN":             {change(func(n *intNetwork) { n.activeScale = float32(math.NaN()) }), "activation.scale has NaN"},
		"negative scale":  {change(func(n *intNetwork) { n.first.scale[0] = -1 }), "first.weight_scale has -1"},
		"large bias":      {change(func(n *intNetwork) { n.first.bias[9] = 1 << 20 }), "first.bias has 1048576"},
	} {
		_, err := load(c.file)
		if assert.Error(t, err, name) {
			assert.Contains(t, err.Error(), c.want, name)
		}
	}
}

func TestFloatFileHoldsTheWeights(t *testing.T) {
	n := newNetwork(rand.New(rand.NewPCG(1, 2)))
	file, err := n.save()
	require.NoError(t, err)
	st, err := safetensors.Deserialize(file)
	require.NoError(t, err)
	w, ok := st.Tensor("first.weight")
	require.True(t, ok)
	assert.Equal(t, []uint64{pixels, hidden}, w.Shape())
	got := make([]float32, pixels*hidden)
	_, err = binary.Decode(w.Data(), binary.LittleEndian, got)
	require.NoError(t, err)
	assert.Equal(t, n.w1.Data(), got)
}

func TestDeploy(t *testing.T) {
	o := quick
	o.epochs, o.out = 9, t.TempDir()
	ticks := make(chan struct{}, 1000)
	x := conduct(allDigits(t), o, func() {})
	before := slices.Clone(x.runs[float][0].net.w1.Data())
	require.NoError(t, x.deploy(func() { ticks <- struct{}{} }))
	assert.Len(t, ticks, o.furtherTicks())
	assert.Equal(t, before, x.runs[float][0].net.w1.Data(), "the network that all start from stays")
	for _, s := range x.sequel {
		assert.Greater(t, s.control, 0.9)
		for _, d := range s.deployed {
			assert.True(t, d.equal, d.name)
			assert.Greater(t, d.accuracy, 0.9, d.name)
		}
	}
	last := x.sequel[0].deployed[len(widths)-1]
	assert.Greater(t, last.accuracy, last.rounded+0.02, "with 2 bits, learning the scales pays")

	again := conduct(allDigits(t), o, func() {})
	require.NoError(t, again.deploy(func() {}))
	assert.Equal(t, x.sequel, again.sequel)

	paths, err := x.export()
	require.NoError(t, err)
	assert.Len(t, paths, 1+len(widths))
	for i, path := range paths[1:] {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		n, err := load(data)
		require.NoError(t, err, path)
		assert.Equal(t, x.sequel[0].deployed[i].intNetwork, n)
	}
	path, err := x.write(time.Now())
	require.NoError(t, err)
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, want := range []string{"Real integers", "2 of 2", "Weights from -4 to 3", "2368 B", "1184 B", "888 B", "Accuracy by bytes of weights"} {
		assert.Contains(t, string(page), want)
	}
	assert.NotContains(t, string(page), "ZgotmplZ")
	assert.Contains(t, x.deployTable(), "2 of 2")
	assert.True(t, filepath.IsAbs(paths[0]) && strings.HasSuffix(paths[0], "qat-float.safetensors"))
}
