package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sbinet/npyio"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
)

func TestGlosses(t *testing.T) {
	m, texts, err := loadGlosses()
	require.NoError(t, err)
	assert.Equal(t, []int{4352, 384}, []int{m.rows(), m.cols})
	for i := range m.rows() {
		require.InDelta(t, 1, dotFloat(m.row(i), m.row(i)), 1e-3)
		require.Contains(t, texts[i], ": ")
	}
}

func random(rows, cols int) matrix {
	rng := rand.New(rand.NewPCG(5, 6))
	m := matrix{make([]float32, rows*cols), cols}
	for i := range m.data {
		m.data[i] = float32(rng.NormFloat64())
	}
	return m
}

// The library's integers and scales are those of the scalar loop: the speeds
// are those of the same work.
func TestEncodeIsTheScalarLoop(t *testing.T) {
	m := random(300, 77)
	for i, v := range []float32{0, 1e-40, 1e16, 1e-30} {
		for j := range m.row(i) {
			m.row(i)[j] *= v
		}
	}
	for j := range m.row(5) {
		m.row(5)[j] = float32(j%15-7) / 2 // ties
	}
	for _, f := range []format{{8, 77}, {8, 32}, {4, 77}, {4, 32}, {4, 7}} {
		one, all, naive := newCodes(f, 300, 77), newCodes(f, 300, 77), newCodes(f, 300, 77)
		one.encode(m, 0, 300)
		all.encodeAll(m)
		naive.encodeNaive(m, 0, 300)
		assert.Equal(t, naive, one, "%v", f)
		assert.Equal(t, naive, all, "%v", f)
	}
}

func TestParallelEncodesEveryVectorOnce(t *testing.T) {
	m := random(2000, 77) // several chunks, whose ends are no vectors' ends
	one, all := newCodes(format{8, 77}, 2000, 77), newCodes(format{8, 77}, 2000, 77)
	one.encode(m, 0, 2000)
	all.encodeAll(m)
	assert.Equal(t, one, all)
}

// decode is what the codes of vector i stand for.
func (c codes) decode(t *testing.T, i int) []float64 {
	x := make([]float32, 0, c.cols)
	at := i * c.stride4()
	for g := range c.groups(c.cols) {
		group := make([]float32, min(c.group, c.cols-len(x)))
		top := 1<<(c.bits-1) - 1
		q, err := stepgrad.NewQuant(c.scales[i*c.groups(c.cols)+g], 0, -top, top)
		require.NoError(t, err)
		if c.bits == 8 {
			stepgrad.Dequantize(group, c.bytes8[i*c.cols+len(x):][:len(group)], q)
		} else {
			n := (len(group) + 1) / 2
			stepgrad.Dequantize4(group, c.bytes4[at:at+n], len(group), q, stepgrad.LowFirst)
			at += n
		}
		x = append(x, group...)
	}
	wide := make([]float64, len(x))
	for j, v := range x {
		wide[j] = float64(v)
	}
	return wide
}

func TestIntegerDotIsThatOfTheDecodedVectors(t *testing.T) {
	const cols = 77
	m := random(50, cols)
	query := newCodes(format{8, cols}, 1, cols)
	query.encode(m.from(49, 50), 0, 1)
	y := query.decode(t, 0)
	for _, f := range []format{{8, cols}, {8, 16}, {4, cols}, {4, 32}, {4, 7}} {
		c := newCodes(f, 50, cols)
		c.encode(m, 0, 50)
		for i := range 50 {
			want := 0.0
			x := c.decode(t, i)
			for j := range x {
				want += x[j] * y[j]
				limit := 0.5001 * float64(c.scales[i*c.groups(cols)+j/f.group])
				require.InDelta(t, m.row(i)[j], x[j], limit, "half a step is the most that rounding may move")
			}
			require.InDelta(t, want, c.dot(i, query.bytes8, query.scales[0]), 2e-5, "%v, vector %d", f, i)
		}
	}
}

func TestSizes(t *testing.T) {
	assert.Equal(t, 388, format{8, 384}.bytes(384))
	assert.Equal(t, 192+12*4, format{4, 32}.bytes(384))
	assert.Equal(t, 11*4+11*4, format{4, 7}.bytes(77))
}

func TestRanked(t *testing.T) {
	scores := []float32{1, 5, 3, 5, -2, 4}
	got := ranked(2, len(scores), 4, func(q, i int) float32 { return scores[i] * float32(1-2*q) })
	assert.Equal(t, [][]int{{1, 3, 5, 2}, {4, 0, 2, 5}}, got)
	assert.Equal(t, []int{1, 3, 5, 2, 0, 4}, ranked(1, 6, 10, func(_, i int) float32 { return scores[i] })[0])
	assert.Equal(t, 0.5, recall([][]int{{1, 2}, {3, 4}}, [][]int{{2, 9}, {8, 3}}))
}

func TestNPY(t *testing.T) {
	m := random(3, 5)
	file := formatNPY(m.data, m.cols)
	assert.Zero(t, bytes.IndexByte(file, '\n')%64-63, "data start at a multiple of 64, as numpy writes them")
	got, err := parseNPY(file)
	require.NoError(t, err)
	assert.Equal(t, m, got)

	var levels []int8
	require.NoError(t, npyio.Read(bytes.NewReader(formatNPY([]int8{-7, 3, 127, -128}, 2)), &levels))
	assert.Equal(t, []int8{-7, 3, 127, -128}, levels)

	var wide bytes.Buffer
	wide.Write(bytes.Replace(file[:128], []byte("<f4"), []byte("<f8"), 1))
	for _, v := range m.data {
		binary.Write(&wide, binary.LittleEndian, float64(v))
	}
	got, err = parseNPY(wide.Bytes())
	require.NoError(t, err)
	assert.Equal(t, m, got)

	change := func(old, new string) []byte {
		require.True(t, bytes.Contains(file, []byte(old)))
		return bytes.Replace(bytes.Clone(file), []byte(old), []byte(new), 1)
	}
	bad := bytes.Clone(file)
	binary.LittleEndian.PutUint32(bad[len(bad)-4:], math.Float32bits(float32(math.NaN())))
	huge := bytes.Clone(file)
	binary.LittleEndian.PutUint32(huge[len(huge)-4:], math.Float32bits(2e16))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing":      {nil, ""},
		"no npy":       {[]byte("word: definition, and so on"), ""},
		"cut header":   {file[:40], ""},
		"no line end":  {change("\n", " "), "header"},
		"integers":     {change("<f4", "<i4"), "float32 or float64"},
		"half":         {change("<f4", "<f2"), "float32 or float64"},
		"Fortran":      {change("False, 'shape': (3, 5), }", "True, 'shape': (3, 5), } "), "Fortran"},
		"one row more": {change("(3, 5)", "(4, 5)"), "60 bytes"},
		"no rows":      {change("(3, 5)", "(0, 5)"), "at least one"},
		"negative":     {change("(3, 5)", "(-3,5)"), "at least one"},
		"vector":       {change("(3, 5), }", "(15,), } "), "(vectors, dimensions)"},
		"cut":          {file[:len(file)-1], "59 bytes"},
		"NaN":          {bad, "element (2, 4) is NaN"},
		"large":        {huge, "element (2, 4) is 2e+16"},
		"cut gzip":     {glossesNPY[:1000], "EOF"},
	} {
		_, err := parseNPY(c.file)
		if assert.Error(t, err, name) {
			assert.Contains(t, err.Error(), c.want, name)
		}
	}
	_, err = parseNPY(change("(3, 5)", fmt.Sprintf("(%d, 5)", int64(math.MaxInt64/2))))
	assert.Error(t, err, "a shape that overflows")
}

func TestCommand(t *testing.T) {
	all, _, err := loadGlosses()
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.npy")
	require.NoError(t, os.WriteFile(file, formatNPY(all.from(0, 600).data, all.cols), 0o666))
	var text strings.Builder
	o := options{npy: file, out: filepath.Join(dir, "out"), queries: 50}
	require.NoError(t, embeddings(o, &text))
	table, err := os.ReadFile(filepath.Join(o.out, "embeddings.txt"))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(text.String(), string(table)))
	assert.Contains(t, text.String(), "550 vectors of 384 dimensions, 50 queries")

	picture, err := os.Open(filepath.Join(o.out, "embeddings.png"))
	require.NoError(t, err)
	defer picture.Close()
	_, err = png.Decode(picture)
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(o.out, "int8.npy"))
	require.NoError(t, err)
	var levels []int8
	require.NoError(t, npyio.Read(bytes.NewReader(data), &levels))
	c := newCodes(format{8, 384}, 550, 384)
	c.encode(all, 0, 550)
	assert.Equal(t, c.bytes8, levels)

	o.queries = 595
	assert.ErrorContains(t, embeddings(o, &text), "too few")
	o.npy = filepath.Join(dir, "none.npy")
	assert.ErrorIs(t, embeddings(o, &text), os.ErrNotExist)
}

// The figures that the documentation gives.
func TestRecall(t *testing.T) {
	all, _, err := loadGlosses()
	require.NoError(t, err)
	m, queries := all.from(0, 4096), all.from(4096, 4352)
	exact := searchFloat(m, queries, nearest)
	for f, want := range map[format]float64{{8, 384}: 0.995, {4, 32}: 0.946} {
		c := newCodes(f, 4096, 384)
		c.encodeAll(m)
		assert.InDelta(t, want, recall(exact, c.search(queries, nearest)), 0.0005, "%v", f)
	}
}

func TestFlags(t *testing.T) {
	o, _, err := parse(strings.Fields("-npy x.npy -queries 7 -out there"))
	require.NoError(t, err)
	assert.Equal(t, options{"x.npy", "there", 7}, o)
	_, help, err := parse([]string{"-h"})
	require.NoError(t, err)
	for _, name := range []string{"-npy", "-queries", "-out"} {
		assert.Contains(t, help, name)
	}
	for _, args := range []string{"-queries 0", "-queries many", "-out=", "-nonsense", "report"} {
		_, _, err := parse(strings.Fields(args))
		assert.Error(t, err, args)
	}
}
