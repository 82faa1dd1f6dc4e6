package stepgrad_test

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// goldens are testdata/quant/golden.gz: inputs, and what real frameworks make
// of them. make.py beside it writes it.
type goldens struct {
	Groups []goldenGroup
	GGML   []struct {
		Format       string
		X, Blocks, Y goldenArray
	}
	arrays []byte
}

// A goldenGroup is a matrix and a quantiser for every block of columns.
type goldenGroup struct {
	Name                        string
	Bits, Min, Max, Cols, Block int
	Scale, X, Dy                goldenArray
	Zero                        []int
	Results                     []goldenResult
}

type goldenResult struct {
	Of            string
	Builds        []string // of PyTorch's kernels
	Y             goldenArray
	Mask          *goldenArray // one bit for each of Y
	K             *goldenArray // levels, whose values Y are
	Dx            *goldenArray // with dy; the sums are of columns SumsFrom to SumsTo − 1
	Dscale, Dzero *goldenArray
	SumsFrom      int `json:"sums_from"`
	SumsTo        int `json:"sums_to"`
}

type goldenArray struct{ At, Size int }

func (g *goldens) bytes(a goldenArray) []byte { return g.arrays[a.At : a.At+a.Size] }

func goldenFloats[T cases.Float](g *goldens, a goldenArray) []T {
	size := int(unsafe.Sizeof(T(0)))
	x := make([]T, a.Size/size)
	for i := range x {
		var word [8]byte
		copy(word[:size], g.bytes(a)[i*size:])
		x[i] = cases.FromBits[T](binary.LittleEndian.Uint64(word[:]))
	}
	return x
}

func readGoldens(t *testing.T) *goldens {
	f, err := os.Open("testdata/quant/golden.gz")
	if err != nil {
		t.Skip("the source is not here")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	all, err := io.ReadAll(z)
	require.NoError(t, err)
	g, end := new(goldens), 4+binary.LittleEndian.Uint32(all)
	require.NoError(t, json.Unmarshal(all[4:end], g))
	g.arrays = all[end:]
	return g
}

// An element is what a framework sees.
type element[T cases.Float] struct {
	x, dy, scale   T
	zero, min, max int
	fused          bool // by a build of PyTorch that contracts x·y + z
}

// product is x·(1/scale), and sum that plus the zero point: fused or not.
func (e element[T]) product() T { return T(e.x * (1 / e.scale)) }

func (e element[T]) sum(zero int) T {
	if e.fused {
		return kernels.FMA(e.x, 1/e.scale, T(zero))
	}
	return e.product() + T(zero)
}

func even[T cases.Float](x T) T { return kernels.RoundMode(x, stepgrad.NearestEven) }

// clamp takes a level that is no NaN.
func (e element[T]) clamp(k T) int { return int(min(max(k, T(e.min)), T(e.max))) }

func (e element[T]) value(k int) T { return T(k-e.zero) * e.scale }

func (e element[T]) in(k T) bool { return T(e.min) <= k && k <= T(e.max) }

// An outcome is what a framework makes of an element by a way of its own.
type outcome[T cases.Float] struct {
	why   string // "" where its way is ours
	level int
	value T
	in    bool
}

func (e element[T]) outcome(why string, k int, in bool) outcome[T] {
	return outcome[T]{why, k, e.value(k), in}
}

// A peer says which preset gives the bits of a framework's function, and what
// that makes of the elements it treats in its own way.
type peer[T cases.Float] struct {
	opts []stepgrad.QuantOption
	own  func(e element[T]) outcome[T]
}

// cast is C's conversion of a float to int64 on amd64.
func cast[T cases.Float](k T) int64 {
	if !(k >= -1<<63 && k < 1<<63) {
		return math.MinInt64
	}
	return int64(k)
}

// castFirst is the level of a framework that casts k before it clamps.
func (e element[T]) castFirst(why string, k T) outcome[T] {
	switch {
	case k != k:
		return e.outcome("NaN", e.min, false)
	case k >= 1<<63:
		return e.outcome("int64", e.min, false)
	}
	return e.outcome(why, e.clamp(k), e.in(k))
}

func (e element[T]) nanIs(level int) outcome[T] {
	if e.x != e.x {
		return e.outcome("NaN", level, false)
	}
	return outcome[T]{}
}

var (
	reciprocalZero = []stepgrad.QuantOption{stepgrad.WithRule(stepgrad.ReciprocalZero)}
	divide         = []stepgrad.QuantOption{stepgrad.WithRule(stepgrad.Divide)}
)

// peers are the functions in golden.gz; docs/PARITY.md explains the ways of
// their own.
func peers[T cases.Float]() map[string]peer[T] {
	perTensor := peer[T]{own: func(e element[T]) outcome[T] {
		o := e.nanIs(e.min)
		if unsafe.Sizeof(e.x) == 4 {
			return o
		}
		if o.why == "" {
			k := even(T(e.x*T(1/float32(e.scale)))) + T(e.zero)
			o = e.outcome("float32", e.clamp(k), e.in(k))
		}
		o.value = T(float32(o.level-e.zero) * float32(e.scale))
		return o
	}}
	perChannel := peer[T]{own: func(e element[T]) outcome[T] {
		if unsafe.Sizeof(e.x) == 8 {
			return e.castFirst("float32", even(T(e.x*T(1/float32(e.scale))))+T(e.zero))
		}
		return e.castFirst("", even(e.product())+T(e.zero))
	}}
	onnx := peer[T]{opts: divide, own: func(e element[T]) outcome[T] { return e.nanIs(e.min) }}
	return map[string]peer[T]{
		"torch.fake_quantize_per_tensor_affine":                     perTensor,
		"torch.fake_quantize_per_channel_affine, int32 zero points": perChannel,
		"torch.fake_quantize_per_channel_affine, float zero points": {reciprocalZero, func(e element[T]) outcome[T] {
			return e.castFirst("fused", even(e.sum(e.zero)))
		}},
		"torch._fake_quantize_learnable_per_tensor_affine":  perTensor,
		"torch._fake_quantize_learnable_per_channel_affine": perChannel,
		"torch.quantize_per_tensor": {own: func(e element[T]) outcome[T] {
			// An int32 that the zero point may make wrap around.
			const most = math.MaxInt32 - 127
			k, why := float64(most), "NaN"
			if e.x == e.x {
				k, why = min(max(math.RoundToEven(float64(e.product())), math.MinInt32), most), "int32"
			}
			return e.outcome(why, e.clamp(T(int32(k)+int32(e.zero))), false)
		}},
		"torch.quantize_per_channel, int32 zero points": {own: func(e element[T]) outcome[T] { return e.nanIs(0) }},
		"torch.quantize_per_channel, float zero points": {reciprocalZero, func(e element[T]) outcome[T] {
			why := "int32"
			if e.x != e.x {
				why = "NaN"
			}
			return e.outcome(why, e.clamp(T(int32(cast(even(e.sum(e.zero)))))), false)
		}},
		"onnxruntime QuantizeLinear, DequantizeLinear":           onnx,
		"onnxruntime QuantizeLinear, DequantizeLinear, per axis": onnx,
		"onnxruntime QuantizeLinear, DequantizeLinear, blocked":  onnx,
	}
}

// A gradPeer is a peer backwards: zero is the zero point that it uses, and own
// is dx.
type gradPeer[T cases.Float] struct {
	opts []stepgrad.QuantOption
	zero func(zero int) int
	own  func(e element[T]) (why string, dx T)
}

func gradPeers[T cases.Float]() map[string]gradPeer[T] {
	kept := func(zero int) int { return zero }
	truncated := func(zero int) int { return int(float64(zero) + 0.5) }
	fixed := gradPeer[T]{nil, kept, func(e element[T]) (string, T) {
		if e.in(even(e.product()) + T(e.zero)) {
			return "", 0
		}
		return e.masked()
	}}
	learnable := func(zero func(int) int) gradPeer[T] {
		return gradPeer[T]{reciprocalZero, zero, func(e element[T]) (why string, dx T) {
			z := zero(e.zero)
			theirs := e.in(even(e.sum(z)))
			e.fused = false
			ours := e.in(even(e.sum(e.zero)))
			switch {
			case theirs == ours && ours:
				return "", 0
			case theirs == ours:
				return e.masked()
			case z != e.zero:
				why = "zero point"
			default:
				why = "fused"
			}
			if theirs {
				return why, e.dy
			}
			_, dx = e.masked()
			return why, dx
		}}
	}
	return map[string]gradPeer[T]{
		"torch.fake_quantize_per_tensor_affine, backward":             fixed,
		"torch.fake_quantize_per_channel_affine, backward":            fixed,
		"torch._fake_quantize_learnable_per_tensor_affine, backward":  learnable(truncated),
		"torch._fake_quantize_learnable_per_channel_affine, backward": learnable(kept),
	}
}

// masked is dx of a framework that multiplies dy by the mask.
func (e element[T]) masked() (why string, dx T) {
	if e.dy-e.dy != 0 {
		return "dy·0", e.dy * 0
	}
	return "−0", e.dy * 0
}

// A parity is a row of the table in docs/PARITY.md.
type parity struct {
	preset   string
	elements int
	differ   map[string]int
}

// compare counts an element. The framework's must be ours, or what the way of
// its own, if there is one, gives.
func compare[V comparable](p *parity, theirs, ours, own V, why string) (ok bool) {
	p.elements++
	if why == "" {
		return theirs == ours
	}
	if own != ours {
		p.differ[why]++
	}
	return theirs == own
}

// parities are the rows, by function.
type parities map[string]*parity

func (p parities) row(of string, bits int, builds []string, preset string) *parity {
	name := "`" + of + "`"
	if bits == 64 {
		name += ", float64"
	}
	if n := len(builds); n == 1 || n == 2 {
		name += " (" + strings.Join(builds, ", ") + ")"
	}
	if p[name] == nil {
		p[name] = &parity{preset: preset, differ: map[string]int{}}
	}
	return p[name]
}

func (p parities) lines() (list []string) {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		row, equal := p[name], p[name].elements
		var differ []string
		for _, why := range slices.Sorted(maps.Keys(row.differ)) {
			equal -= row.differ[why]
			differ = append(differ, fmt.Sprintf("%d %s", row.differ[why], why))
		}
		if differ == nil {
			differ = []string{"–"}
		}
		list = append(list, fmt.Sprintf("| %s | %s | %d | %d | %s |", name, row.preset, row.elements, equal, strings.Join(differ, ", ")))
	}
	return list
}

// same makes floats comparable: all NaNs are one.
func same[T cases.Float](x T) uint64 {
	if x != x {
		return math.MaxUint64
	}
	return cases.Bits(x)
}

// TestGolden compares the quantisers with PyTorch, ONNX Runtime and GGUF, bit
// for bit. Where a framework has a way of its own, its result must be what
// docs/PARITY.md says of it; the table there is what this test counts.
func TestGolden(t *testing.T) {
	g := readGoldens(t)
	groups := g.Groups
	if testing.Short() {
		groups = []goldenGroup{groups[0], groups[4], groups[len(groups)-1]}
	}
	eachTier(t, func(t *testing.T) {
		rows := parities{}
		for i := range groups {
			if group := &groups[i]; group.Bits == 32 {
				compareGroup[float32](t, g, group, rows)
			} else {
				compareGroup[float64](t, g, group, rows)
			}
		}
		compareGGML(t, g, rows)
		if page, err := os.ReadFile("docs/PARITY.md"); err == nil && !testing.Short() {
			table := strings.Join(rows.lines(), "\n")
			assert.True(t, strings.Contains(string(page), table+"\n"), "docs/PARITY.md should have the table\n%s", table)
		}
	})
}

// goldenData is a group, decoded.
type goldenData[T cases.Float] struct {
	*goldenGroup
	scale, x, dy []T
}

func (d *goldenData[T]) element(i int) element[T] {
	perRow := (d.Cols + d.Block - 1) / d.Block
	q := i/d.Cols*perRow + i%d.Cols/d.Block
	return element[T]{x: d.x[i], dy: d.dy[i], scale: d.scale[q], zero: d.Zero[q], min: d.Min, max: d.Max}
}

func (d *goldenData[T]) quants(t *testing.T, opts []stepgrad.QuantOption) (qs []stepgrad.Quant[T]) {
	for i, scale := range d.scale {
		q, err := stepgrad.NewQuant(scale, d.Zero[i], d.Min, d.Max, opts...)
		require.NoError(t, err)
		qs = append(qs, q)
	}
	return qs
}

func preset[T cases.Float](q stepgrad.Quant[T]) string { return fmt.Sprint(q.Rule(), ", ", q.Mode()) }

func compareGroup[T cases.Float](t *testing.T, g *goldens, group *goldenGroup, rows parities) {
	d := &goldenData[T]{group, goldenFloats[T](g, group.Scale), goldenFloats[T](g, group.X), goldenFloats[T](g, group.Dy)}
	for _, r := range d.Results {
		ok := false
		switch {
		case r.Dx != nil:
			ok = compareGrad(t, g, d, r, rows)
		case r.K != nil:
			ok = compareLevels(t, g, d, r, rows)
		default:
			ok = compareFake(t, g, d, r, rows)
		}
		if !ok {
			t.Errorf("%s, %s %v differs", d.Name, r.Of, r.Builds)
		}
	}
}

func fused(r goldenResult) bool { return len(r.Builds) > 0 && !slices.Contains(r.Builds, "default") }

func compareFake[T cases.Float](t *testing.T, g *goldens, d *goldenData[T], r goldenResult, rows parities) bool {
	type result struct {
		y  uint64
		in bool
	}
	p, found := peers[T]()[r.Of]
	require.True(t, found, r.Of)
	qs := d.quants(t, p.opts)
	theirs := goldenFloats[T](g, r.Y)
	dst, mask := make([]T, len(d.x)), make([]byte, (len(d.x)+7)/8)
	stepgrad.FakeQuantizeRows(dst, mask, d.x, d.Cols, d.Block, qs)
	theirMask := mask // the learnable functions do not tell theirs
	if r.Mask != nil {
		theirMask = g.bytes(*r.Mask)
	}
	bit := func(mask []byte, i int) bool { return mask[i>>3]>>(i&7)&1 != 0 }
	row := rows.row(r.Of, d.Bits, r.Builds, preset(qs[0]))
	for i := range d.x {
		e := d.element(i)
		e.fused = fused(r)
		own := p.own(e)
		if r.Mask == nil {
			own.in = bit(mask, i)
		}
		if !compare(row, result{same(theirs[i]), bit(theirMask, i)}, result{same(dst[i]), bit(mask, i)}, result{same(own.value), own.in}, own.why) {
			t.Errorf("element %d, %+v: theirs %v %v, ours %v %v, expected %+v", i, e, theirs[i], bit(theirMask, i), dst[i], bit(mask, i), own)
			return false
		}
	}
	return true
}

// integers decodes levels: those of four bits two to a byte, the low half first.
func (d *goldenGroup) integers(b []byte, n int) []int {
	k := make([]int, n)
	for i := range k {
		switch levels := d.Max - d.Min; {
		case levels < 16:
			k[i] = int(b[i/2] >> (i % 2 * 4) & 15)
		case levels < 256:
			k[i] = int(b[i])
		default:
			k[i] = int(binary.LittleEndian.Uint16(b[2*i:]))
		}
		if k[i] > d.Max {
			k[i] -= d.Max - d.Min + 1
		}
	}
	return k
}

// levels are what Quantize makes, and values what Dequantize makes of levels.
func levels[T cases.Float, I stepgrad.Integer](d *goldenData[T], qs []stepgrad.Quant[T], theirs []int) (k []int, values []T) {
	dst, in, values := make([]I, len(d.x)), make([]I, len(d.x)), make([]T, len(d.x))
	stepgrad.QuantizeRows(dst, d.x, d.Cols, d.Block, qs)
	for i, v := range dst {
		k, in[i] = append(k, int(v)), I(theirs[i])
	}
	stepgrad.DequantizeRows(values, in, d.Cols, d.Block, qs)
	return k, values
}

func compareLevels[T cases.Float](t *testing.T, g *goldens, d *goldenData[T], r goldenResult, rows parities) bool {
	p, found := peers[T]()[r.Of]
	require.True(t, found, r.Of)
	qs := d.quants(t, p.opts)
	raw := g.bytes(*r.K)
	theirs := d.integers(raw, len(d.x))
	if packed := (d.Cols + 1) / 2; len(raw) == len(qs)*packed { // every row by itself
		theirs = nil
		for i := range qs {
			theirs = append(theirs, d.integers(raw[i*packed:], d.Cols)...)
			if !compareNibbles(t, d, i, raw[i*packed:][:packed], qs[i]) {
				return false
			}
		}
	}
	run := map[[2]bool]func(*goldenData[T], []stepgrad.Quant[T], []int) ([]int, []T){
		{false, true}: levels[T, int8], {false, false}: levels[T, uint8], {true, true}: levels[T, int16], {true, false}: levels[T, uint16],
	}[[2]bool{d.Max-d.Min > 255, d.Min < 0}]
	ours, values := run(d, qs, theirs)
	row := rows.row(r.Of, d.Bits, r.Builds, preset(qs[0]))
	y := goldenFloats[T](g, r.Y)
	for i := range d.x {
		e := d.element(i)
		own := p.own(e)
		if !compare(row, theirs[i], ours[i], own.level, own.why) {
			t.Errorf("element %d, %+v: theirs %v, ours %v, expected %+v", i, e, theirs[i], ours[i], own)
			return false
		}
		if same(y[i]) != same(values[i]) {
			t.Errorf("the value of level %d with %+v: theirs %v, ours %v", theirs[i], e, y[i], values[i])
			return false
		}
	}
	return true
}

// compareNibbles compares a row of packed levels, in ONNX's order; the element
// after a NaN is the zero point in ours, and min in theirs.
func compareNibbles[T cases.Float](t *testing.T, d *goldenData[T], row int, theirs []byte, q stepgrad.Quant[T]) bool {
	x := slices.Clone(d.x[row*d.Cols:][:d.Cols])
	values := make([]T, len(x))
	stepgrad.Dequantize4(values, theirs, len(x), q, stepgrad.LowFirst)
	for i, v := range x {
		if v != v {
			x[i] = T(math.Inf(-1))
		}
	}
	ours := make([]byte, len(theirs))
	stepgrad.Quantize4(ours, x, q, stepgrad.LowFirst)
	fake := make([]T, len(x))
	stepgrad.FakeQuantize(fake, nil, x, q)
	return assert.Equal(t, theirs, ours) && assert.Equal(t, fake, values)
}

func compareGrad[T cases.Float](t *testing.T, g *goldens, d *goldenData[T], r goldenResult, rows parities) bool {
	p, found := gradPeers[T]()[r.Of]
	require.True(t, found, r.Of)
	qs := d.quants(t, p.opts)
	dx, sums := make([]T, len(d.x)), make([]T, 2*len(qs))
	stepgrad.FakeQuantizeGradRows(dx, d.dy, d.x, d.Cols, d.Block, qs, sums[:len(qs)], sums[len(qs):])
	theirs := goldenFloats[T](g, *r.Dx)
	row := rows.row(r.Of, d.Bits, r.Builds, preset(qs[0]))
	for i := range d.x {
		e := d.element(i)
		e.fused = fused(r)
		why, own := p.own(e)
		if !compare(row, same(theirs[i]), same(dx[i]), same(own), why) {
			t.Errorf("element %d, %+v: theirs %v, ours %v, expected %v (%s)", i, e, theirs[i], dx[i], own, why)
			return false
		}
	}
	return r.Dscale == nil || compareSums(t, g, d, r, p)
}

// sumTolerance is how far apart sums may lie, in units of the sum of the
// terms' sizes: PyTorch adds up rounded terms, in another order. They lie up to
// 2^-25.2 apart.
const sumTolerance = 0x1p-24

// compareSums compares the gradients by scale and zero point, with the zero
// point that the framework uses, and after moving the elements whose level it
// rounds in a way of its own.
func compareSums[T cases.Float](t *testing.T, g *goldens, d *goldenData[T], r goldenResult, p gradPeer[T]) bool {
	dscale, dzero := goldenFloats[T](g, *r.Dscale), goldenFloats[T](g, *r.Dzero)
	for row, scale := range d.scale {
		zero := p.zero(d.Zero[row])
		q, err := stepgrad.NewQuant(scale, zero, d.Min, d.Max, p.opts...)
		require.NoError(t, err)
		from, to := row*d.Cols+r.SumsFrom, row*d.Cols+r.SumsTo
		ours, oursZero := stepgrad.FakeQuantizeGrad(make([]T, to-from), d.dy[from:to], d.x[from:to], q)
		s, z := float64(ours), float64(oursZero)
		var size, sizeZero float64
		for i := from; i < to; i++ {
			e := d.element(i)
			term := func(k T) (s, z float64) {
				if s = float64(e.clamp(k) - zero); e.in(k) {
					return s - float64(e.product()), 0
				}
				return s, -float64(scale)
			}
			dy, ourK := float64(e.dy), even(e.sum(zero))
			e.fused = fused(r)
			ourS, ourZ := term(ourK)
			theirS, theirZ := term(even(e.sum(zero)))
			s += dy * (theirS - ourS)
			z += dy * (theirZ - ourZ)
			size += math.Abs(dy) * (math.Abs(float64(e.clamp(ourK)-zero)) + 1)
			sizeZero += math.Abs(dy * theirZ)
		}
		if math.Abs(s-float64(dscale[row])) > sumTolerance*size || math.Abs(z-float64(dzero[row])) > sumTolerance*sizeZero {
			t.Errorf("row %d: dscale theirs %v, ours %v; dzero theirs %v, ours %v", row, dscale[row], s, dzero[row], z)
			return false
		}
	}
	return true
}

// compareGGML compares blocks of 32: a half-precision scale, then levels. A
// block of zeros has the scale 0, which no Quant has; Q4_0's may be negative,
// so the elements change their sign instead.
func compareGGML(t *testing.T, g *goldens, rows parities) {
	for _, golden := range g.GGML {
		x, y, blocks := goldenFloats[float32](g, golden.X), goldenFloats[float32](g, golden.Y), g.bytes(golden.Blocks)
		size := len(blocks) / (len(x) / 32)
		for at := 0; at < len(x); at += 32 {
			x, y, block := x[at:at+32], y[at:at+32], blocks[at/32*size:][:size]
			least, most := stepgrad.MinMax(x)
			d, four := max(most, -least)/127, golden.Format == "Q4_0"
			if four {
				if d = most / -8; -least > most || -least == most && slices.Index(x, least) < slices.Index(x, most) {
					d = least / -8
				}
			}
			stored := half(binary.LittleEndian.Uint16(block))
			if d == 0 {
				zeros := make([]byte, size)
				if four {
					zeros = append(zeros[:2], slices.Repeat([]byte{0x88}, 16)...)
				}
				zeros[1] = block[1] & 0x80 // Q4_0 divides by −8, so it stores −0
				assert.Equal(t, zeros, block, "%s of zeros", golden.Format)
				continue
			}
			sign, codes, values := float32(1), make([]byte, size-2), make([]float32, 32)
			if d < 0 {
				sign = -1
			}
			signed := make([]float32, 32)
			for i := range x {
				signed[i] = sign * x[i]
			}
			q := func(scale float32) stepgrad.Quant[float32] {
				zero, lo, hi, rule := 0, -128, 127, stepgrad.Reciprocal
				if four {
					zero, lo, hi, rule = 8, 0, 15, stepgrad.ReciprocalZero
				}
				q, err := stepgrad.NewQuant(scale, zero, lo, hi, stepgrad.WithMode(stepgrad.NearestAway), stepgrad.WithRule(rule))
				require.NoError(t, err)
				return q
			}
			if four {
				stepgrad.Quantize4(codes, signed, q(sign*d), stepgrad.SplitHalf)
			} else {
				levels := make([]int8, 32)
				stepgrad.Quantize(levels, signed, q(d))
				for i, k := range levels {
					codes[i] = byte(k)
				}
			}
			switch { // by their codes
			case stored == 0: // half precision cannot hold it
			case four:
				stepgrad.Dequantize4(values, block[2:], 32, q(sign*stored), stepgrad.SplitHalf)
			default:
				levels := make([]int8, 32)
				for i, b := range block[2:] {
					levels[i] = int8(b)
				}
				stepgrad.Dequantize(values, levels, q(stored))
			}
			row := rows.row("gguf "+golden.Format, 32, nil, preset(q(sign*d)))
			for i := range codes {
				if !compare(row, block[2+i], codes[i], 0, "") {
					t.Errorf("%s, block %d, byte %d: theirs %#x, ours %#x", golden.Format, at/32, i, block[2+i], codes[i])
				}
			}
			for i := range values {
				values[i] *= sign
				if stored == 0 && y[i] == 0 {
					continue
				}
				if same(values[i]) != same(y[i]) {
					t.Errorf("%s, block %d, value %d: theirs %v, ours %v", golden.Format, at/32, i, y[i], values[i])
				}
			}
		}
	}
}

// half is the value of a half-precision float.
func half(bits uint16) float32 {
	m, e := float64(bits&0x3ff), int(bits>>10&31)
	if e > 0 {
		m, e = m+0x400, e-1
	}
	return float32(math.Copysign(math.Ldexp(m, e-24), 1-2*float64(bits>>15)))
}
