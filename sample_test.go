package stepgrad_test

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/kernels"
)

// golden is what testdata/sample/make.py has asked of PyTorch.
type golden struct {
	Histc []struct {
		Name   string
		Bins   int
		Lo, Hi float64
		X      []string
		Counts []float32
	}
	Samples []goldenSample `json:"grid_sample"`
}

type goldenSample struct {
	Mode, Padding  string
	Align          bool
	H, W, C        int
	Image, XY, Dy  []float64
	Y, Dimage, Dxy []float64
}

func (s goldenSample) options() stepgrad.SampleOptions {
	return stepgrad.SampleOptions{
		AlignCorners: s.Align,
		Padding:      map[string]stepgrad.Padding{"zeros": stepgrad.Zeros, "border": stepgrad.Border, "reflection": stepgrad.Reflection}[s.Padding],
	}
}

func readGolden(t *testing.T) (g golden) {
	data, err := os.ReadFile("testdata/sample/torch.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &g))
	require.Len(t, g.Histc, 4)
	require.Len(t, g.Samples, 12)
	return g
}

// TestHistogramTorch: the counts are those of torch.histc, but beside an edge,
// where that rounds.
func TestHistogramTorch(t *testing.T) {
	moved := map[string]float32{"tenths": tenthsMoved}
	for _, c := range readGolden(t).Histc {
		var x []float32
		for _, s := range c.X {
			v, err := strconv.ParseFloat(s, 32)
			require.NoError(t, err)
			x = append(x, float32(v))
		}
		counts := make([]float32, c.Bins)
		stepgrad.Histogram(counts, x, float32(c.Lo), float32(c.Hi))
		var differ, sum, torchs float32
		for b, n := range counts {
			sum, torchs = sum+n, torchs+c.Counts[b]
			differ += max(0, n-c.Counts[b])
		}
		assert.Equal(t, moved[c.Name], differ, "%s: elements in another bin", c.Name)
		assert.Equal(t, torchs, sum, "%s: elements in all", c.Name)
	}
}

// Of 0, 0.1, … 10 in float32, cut into tenths: those that lie just below, such
// as 0.7.
const tenthsMoved = 19

// TestSampleTorch: values and gradients of torch.grid_sample.
func TestSampleTorch(t *testing.T) {
	for _, s := range readGolden(t).Samples {
		t.Run(s.Mode+"/"+s.Padding+"/"+strconv.FormatBool(s.Align), func(t *testing.T) {
			sampleTorch[float64](t, s, 4e-15)
			sampleTorch[float32](t, s, 2e-6)
		})
	}
}

func sampleTorch[T kernels.Float](t *testing.T, s goldenSample, within float64) {
	as := func(x []float64) []T {
		y := make([]T, len(x))
		for i, v := range x {
			y[i] = T(v)
		}
		return y
	}
	near := func(want []float64, got []T, what string) {
		t.Helper()
		for i, w := range want {
			require.InDelta(t, w, float64(got[i]), within*(1+math.Abs(w)), "%s[%d]", what, i)
		}
	}
	image, xy, dy := as(s.Image), as(s.XY), as(s.Dy)
	y, dimage, dxy := make([]T, len(dy)), make([]T, len(image)), make([]T, len(xy))
	if s.Mode == "nearest" {
		stepgrad.SampleNearest(y, image, s.H, s.W, s.C, xy, s.options())
		stepgrad.SampleNearestGradImage(dimage, s.H, s.W, s.C, dy, xy, s.options())
		near(s.Dxy, make([]T, len(xy)), "torch's gradient of nearest")
	} else {
		stepgrad.SampleBilinear(y, image, s.H, s.W, s.C, xy, s.options())
		stepgrad.SampleBilinearGradImage(dimage, s.H, s.W, s.C, dy, xy, s.options())
		stepgrad.SampleBilinearGradXY(dxy, dy, image, s.H, s.W, s.C, xy, s.options())
		near(s.Dxy, dxy, "dxy")
	}
	near(s.Y, y, "y")
	near(s.Dimage, dimage, "dimage")
}

// TestSampleSpecial: coordinates that are no place, far ones, and neighbours
// that must not be read.
func TestSampleSpecial(t *testing.T) {
	t.Run("float32", func(t *testing.T) { sampleSpecial[float32](t, math.MaxFloat32) })
	t.Run("float64", func(t *testing.T) { sampleSpecial[float64](t, math.MaxFloat64) })
}

func sampleSpecial[T kernels.Float](t *testing.T, huge T) {
	inf, nan := T(math.Inf(1)), T(math.NaN())
	image := []T{1, 2, 3, 4, 5, 6} // 2 rows of 3
	for _, align := range []bool{false, true} {
		for _, coords := range []stepgrad.Coords{stepgrad.Normalised, stepgrad.Pixel} {
			opt := stepgrad.SampleOptions{AlignCorners: align, Coords: coords}
			at := func(p stepgrad.Padding, x, y T) (bilinear, nearest T, gradient [2]T, zero bool) {
				opt.Padding = p
				var b, n [1]T
				stepgrad.SampleBilinear(b[:], image, 2, 3, 1, []T{x, y}, opt)
				stepgrad.SampleNearest(n[:], image, 2, 3, 1, []T{x, y}, opt)
				stepgrad.SampleBilinearGradXY(gradient[:], []T{1}, image, 2, 3, 1, []T{x, y}, opt)
				zero = true
				for _, back := range []func(dimage []T, h, w, c int, dy, xy []T, opt stepgrad.SampleOptions){stepgrad.SampleBilinearGradImage[T], stepgrad.SampleNearestGradImage[T]} {
					dimage := make([]T, 6)
					back(dimage, 2, 3, 1, []T{1}, []T{x, y}, opt)
					for _, d := range dimage {
						zero = zero && d == 0
					}
				}
				return b[0], n[0], gradient, zero
			}
			for p := stepgrad.Zeros; p.Valid(); p++ {
				for _, xy := range [][2]T{{nan, 0}, {0, nan}, {nan, nan}, {nan, inf}, {inf, nan}} {
					b, n, g, zero := at(p, xy[0], xy[1])
					require.Equal(t, []T{0, 0, 0, 0}, []T{b, n, g[0], g[1]}, "%v %v", p, xy)
					require.True(t, zero)
				}
			}
			for _, big := range []T{inf, huge, huge / 4, 1e10} {
				for _, xy := range [][2]T{{big, 0}, {-big, 0}, {0, big}, {0, -big}, {big, -big}} {
					b, n, g, zero := at(stepgrad.Zeros, xy[0], xy[1])
					require.Equal(t, []T{0, 0, 0, 0}, []T{b, n, g[0], g[1]}, "%v", xy)
					require.True(t, zero)
					b, n, g, zero = at(stepgrad.Reflection, xy[0], xy[1])
					if big == inf {
						require.Equal(t, []T{0, 0, 0, 0}, []T{b, n, g[0], g[1]}, "%v", xy)
						require.True(t, zero)
					} else if big < huge/2 {
						require.True(t, b >= 1 && b <= 6 && n >= 1 && n <= 6, "%v: %v, %v", xy, b, n)
						require.False(t, zero)
					}
				}
				for _, c := range []struct{ x, y, want T }{{big, big, 6}, {-big, big, 4}, {big, -big, 3}, {-big, -big, 1}} {
					b, n, g, zero := at(stepgrad.Border, c.x, c.y)
					require.Equal(t, []T{c.want, c.want, 0, 0}, []T{b, n, g[0], g[1]}, "%+v", c)
					require.False(t, zero)
				}
			}
		}
	}
	// On centres only the pixel itself is read, and gradients reach it alone.
	odd := []T{nan, inf, 7, -inf, nan, 8}
	xy := []T{0, 0, 1, 0, 2, 0, 0, 1, 1, 1, 2, 1}
	for _, o := range []stepgrad.SampleOptions{{Coords: stepgrad.Pixel}, {Coords: stepgrad.Pixel, Padding: stepgrad.Border}, {Coords: stepgrad.Pixel, Padding: stepgrad.Reflection}} {
		dst, dimage := make([]T, 6), make([]T, 6)
		stepgrad.SampleBilinear(dst, odd, 2, 3, 1, xy, o)
		require.Equal(t, spelled(odd), spelled(dst))
		stepgrad.SampleBilinearGradImage(dimage, 2, 3, 1, odd, xy, o)
		require.Equal(t, spelled(odd), spelled(dimage))
	}
}

func spelled[T kernels.Float](x []T) (s []string) {
	for _, v := range x {
		s = append(s, strconv.FormatFloat(float64(v), 'g', -1, 64))
	}
	return s
}

// TestSampleReflection: far coordinates are mirrored exactly.
func TestSampleReflection(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 10000 {
		n, align := 1+rnd.IntN(9), rnd.IntN(2) == 0
		o := stepgrad.SampleOptions{AlignCorners: align, Padding: stepgrad.Reflection, Coords: stepgrad.Pixel}
		c := float64(rnd.IntN(4000))/4 - 500
		axis := o.Axis(n)
		at, slope, ok := axis.Place(c)
		require.True(t, ok)
		// Mirror until it is inside.
		low, high, want := -0.5, float64(n)-0.5, c
		if align {
			low, high = 0, float64(n-1)
		}
		sign := 1.0
		for want < low || want > high {
			if low == high {
				want = 0
				break
			}
			if want < low {
				want = 2*low - want
			} else {
				want = 2*high - want
			}
			sign = -sign
		}
		if clamped := max(0, min(want, float64(n-1))); clamped != want || want == 0 || want == float64(n-1) {
			want, sign = clamped, 0
		}
		require.Equal(t, []float64{want, sign}, []float64{at, slope}, "%v on %d pixels, %v", c, n, align)
	}
}

func TestSamplePanics(t *testing.T) {
	s := make([]float32, 100)
	image, xy, dst, none := s[:12:12], s[20:26:26], s[30:36:36], stepgrad.SampleOptions{}
	const most = math.MaxInt
	for want, f := range map[string]func(){
		"SampleBilinear: h, w and c must be at least 1":                     func() { stepgrad.SampleBilinear(dst, image, 2, 0, 2, xy, none) },
		"SampleNearest: h, w and c must be at least 1":                      func() { stepgrad.SampleNearest(dst, image, -2, -3, 2, xy, none) },
		"SampleBilinear: image must have h·w·c elements":                    func() { stepgrad.SampleBilinear(dst, image, 2, 3, 1, xy, none) },
		"SampleNearest: image must have h·w·c elements":                     func() { stepgrad.SampleNearest[float32](nil, nil, most/2+1, 4, 2, nil, none) },
		"SampleBilinearGradXY: image must have h·w·c elements":              func() { stepgrad.SampleBilinearGradXY(s[40:46], dst, image, most, most, 2, xy, none) },
		"SampleBilinearGradImage: dimage must have h·w·c elements":          func() { stepgrad.SampleBilinearGradImage(image, 2, 5, 2, dst, xy, none) },
		"SampleBilinear: xy must have two elements for every point":         func() { stepgrad.SampleBilinear(dst, image, 2, 3, 2, xy[:5], none) },
		"SampleBilinear: dst must have c elements for every point":          func() { stepgrad.SampleBilinear(dst[:5], image, 2, 3, 2, xy, none) },
		"SampleNearestGradImage: dy must have c elements for every point":   func() { stepgrad.SampleNearestGradImage(image, 2, 3, 2, dst[:4], xy, none) },
		"SampleBilinear: padding must be Zeros, Border or Reflection":       func() { stepgrad.SampleBilinear(dst, image, 2, 3, 2, xy, stepgrad.SampleOptions{Padding: 3}) },
		"SampleNearest: coords must be Normalised or Pixel":                 func() { stepgrad.SampleNearest(dst, image, 2, 3, 2, xy, stepgrad.SampleOptions{Coords: 2}) },
		"SampleBilinear: dst must not overlap another slice":                func() { stepgrad.SampleBilinear(s[8:14], image, 2, 3, 2, xy, none) },
		"SampleNearest: dst must not overlap another slice":                 func() { stepgrad.SampleNearest(xy, image, 2, 3, 2, xy, none) },
		"SampleBilinearGradImage: dimage must not overlap another slice":    func() { stepgrad.SampleBilinearGradImage(image, 2, 3, 2, s[4:10], xy, none) },
		"SampleNearestGradImage: dimage must not overlap another slice":     func() { stepgrad.SampleNearestGradImage(image, 2, 3, 2, dst, s[11:17], none) },
		"SampleBilinearGradXY: dxy and xy must have the same length":        func() { stepgrad.SampleBilinearGradXY(s[40:44], dst, image, 2, 3, 2, xy, none) },
		"SampleBilinearGradXY: dxy must not overlap another slice":          func() { stepgrad.SampleBilinearGradXY(s[31:37], dst, image, 2, 3, 2, xy, none) },
		"Histogram: counts must have at least one element":                  func() { stepgrad.Histogram(nil, xy, 0, 1) },
		"Histogram: counts must not overlap another slice":                  func() { stepgrad.Histogram(s[24:30], xy, 0, 1) },
		"Histogram: lo must be less than hi, both finite":                   func() { stepgrad.Histogram(dst, nil, 1, 1) },
		"SoftHistogram: lo must be less than hi, both finite":               func() { stepgrad.SoftHistogram(dst, xy, 1, float32(math.Inf(1)), 1) },
		"SoftHistogramOpen: lo must be less than hi, both finite":           func() { stepgrad.SoftHistogramOpen(dst, xy, float32(math.NaN()), 1, 1) },
		"SoftHistogram: hi - lo must be finite":                             func() { stepgrad.SoftHistogram(dst, xy, -3e38, 3e38, 1) },
		"SoftHistogram: sharpness must be positive and finite":              func() { stepgrad.SoftHistogram(dst, xy, 0, 1, 0) },
		"SoftHistogramOpenGrad: sharpness must be positive and finite":      func() { stepgrad.SoftHistogramOpenGrad(xy, dst, xy, 0, 1, float32(math.Inf(1))) },
		"SoftHistogramGrad: dx and x must have the same length":             func() { stepgrad.SoftHistogramGrad(xy[:3], dst, xy, 0, 1, 1) },
		"SoftHistogramGrad: dx and x must be the same slice or not overlap": func() { stepgrad.SoftHistogramGrad(s[22:28], dst, xy, 0, 1, 1) },
		"SoftHistogramGrad: dcounts must not overlap another slice":         func() { stepgrad.SoftHistogramGrad(xy, s[25:29], xy, 0, 1, 1) },
		"SoftHistogramOpenGrad: dcounts must have at least one element":     func() { stepgrad.SoftHistogramOpenGrad(xy, nil, xy, 0, 1, 1) },
	} {
		require.PanicsWithValue(t, "stepgrad: "+want, f)
	}
	for _, v := range s {
		require.Zero(t, v, "nothing was written")
	}
	require.NotPanics(t, func() { stepgrad.SoftHistogramGrad(xy, dst, xy, 0, 1, 1) })
}

// TestSampleAccuracy: values and gradients by the points against big floats, in
// units of the last place of the largest pixel or product.
func TestSampleAccuracy(t *testing.T) {
	t.Run("float32", func(t *testing.T) { sampleAccuracy[float32](t, 0x1p-24, 1.01, 1.5, 1) })
	t.Run("float64", func(t *testing.T) { sampleAccuracy[float64](t, 0x1p-53, 10, 12, 8) })
}

func sampleAccuracy[T kernels.Float](t *testing.T, eps, bound, gradBound, weightBound float64) {
	rnd := rand.New(rand.NewPCG(7, 7))
	f := func(v float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(v) }
	n := func() *big.Float { return new(big.Float).SetPrec(prec) }
	const h, w, c, points = 5, 7, 3, 4000
	image, dy, xy := make([]T, h*w*c), make([]T, points*c), make([]T, 2*points)
	for i := range image {
		image[i] = T(rnd.NormFloat64())
	}
	for i := range dy {
		dy[i] = T(rnd.NormFloat64())
	}
	for i := range xy {
		xy[i] = T(4*rnd.Float64() - 2)
	}
	for _, align := range []bool{false, true} {
		opt := stepgrad.SampleOptions{AlignCorners: align}
		got, dxy := make([]T, points*c), make([]T, 2*points)
		stepgrad.SampleBilinear(got, image, h, w, c, xy, opt)
		stepgrad.SampleBilinearGradXY(dxy, dy, image, h, w, c, xy, opt)
		var worst, worstGrad, worstWeight float64
		weights := make([]T, h*w*c)
		for i := range points {
			stepgrad.SampleBilinearGradImage(weights, h, w, c, []T{1, 1, 1}, xy[2*i:2*i+2], opt)
			var cell [2]int
			var on [2]*big.Float
			inside := true
			for a, size := range []int{w, h} {
				p := n().Add(f(float64(xy[2*i+a])), f(1))
				if align {
					p.Mul(p, f(float64(size-1)))
				} else {
					p.Sub(p.Mul(p, f(float64(size))), f(1))
				}
				p.Quo(p, f(2))
				v, _ := p.Float64()
				cell[a] = int(math.Floor(v))
				on[a] = p.Sub(p, f(float64(cell[a])))
				inside = inside && cell[a] >= -1 && cell[a] < size
			}
			var along [2]*big.Float
			along[0], along[1] = n(), n()
			size := [2]float64{}
			for k := range c {
				if !inside {
					require.Zero(t, got[i*c+k])
					continue
				}
				want, largest := n(), 0.0
				var pixels [4]*big.Float
				for j := range pixels {
					x, y := cell[0]+j%2, cell[1]+j/2
					pixels[j] = n()
					if x < 0 || x >= w || y < 0 || y >= h {
						continue
					}
					v := float64(image[(y*w+x)*c+k])
					pixels[j].SetFloat64(v)
					largest = max(largest, math.Abs(v))
				}
				side := func(a, j int) *big.Float {
					if j == 0 {
						return n().Sub(f(1), on[a])
					}
					return on[a]
				}
				for j, p := range pixels {
					weight := n().Mul(side(0, j%2), side(1, j/2))
					want.Add(want, n().Mul(p, weight))
					if x, y := cell[0]+j%2, cell[1]+j/2; x >= 0 && x < w && y >= 0 && y < h {
						exact, _ := weight.Sub(weight, f(float64(weights[(y*w+x)*c+k]))).Float64()
						worstWeight = max(worstWeight, math.Abs(exact)/eps)
					}
				}
				exact, _ := n().Sub(f(float64(got[i*c+k])), want).Float64()
				if largest > 0 {
					worst = max(worst, math.Abs(exact)/(eps*largest))
				}
				for a, pairs := range [2][2][2]int{{{0, 1}, {2, 3}}, {{0, 2}, {1, 3}}} {
					for j, pair := range pairs {
						d := n().Sub(pixels[pair[1]], pixels[pair[0]])
						along[a].Add(along[a], d.Mul(d, n().Mul(side(1-a, j), f(float64(dy[i*c+k])))))
					}
					size[a] = max(size[a], 2*largest*math.Abs(float64(dy[i*c+k])))
				}
			}
			for a, s := range []float64{w, h} {
				slope := s / 2
				if align {
					slope = (s - 1) / 2
				}
				exact, _ := n().Sub(f(float64(dxy[2*i+a])), along[a].Mul(along[a], f(slope))).Float64()
				if size[a] > 0 {
					worstGrad = max(worstGrad, math.Abs(exact)/(eps*slope*size[a]))
				} else {
					require.Zero(t, exact)
				}
			}
		}
		t.Logf("align %v: %.2f, gradient by the points %.2f, weight %.2f", align, worst, worstGrad, worstWeight)
		require.LessOrEqual(t, worst, bound)
		require.LessOrEqual(t, worstGrad, gradBound)
		require.LessOrEqual(t, worstWeight, weightBound)
	}
}
