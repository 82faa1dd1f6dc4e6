package main

import (
	"math"
	"math/rand/v2"

	"github.com/stepgrad/stepgrad"
)

// Rows of categories, bins of a histogram, channels of an image; the workers
// have the same.
const (
	categories   = 16
	tau          = 0.5
	bins         = 64
	least, most  = -16, 16 // of the histogram: its edges are floats, and so are distances from them
	channels     = 4
	turned, away = 0.1, 0.05 // the sampled image: by so many radians, and moved
)

var discrete = []operation{
	{
		name: "GumbelSoftmax", title: "`gumbel_softmax`, rows of 16, its random numbers included", largest: 1 << 22,
		whole: true, tolerance: 0.02,
		prepare: func(b *batch) {
			for i := range b.x {
				b.x[i] = b.x[i]/8 + float32(i%categories)/8 // the last is likely, the first not hopeless
			}
		},
		expected: gumbelMeans, compared: means,
		kernels: func(b batch) { stepgrad.GumbelSoftmax(b.y, b.x, categories, tau, 1, uint64(b.at)) },
		naive:   func(b batch) { naiveGumbelSoftmax(b.y, b.x) },
	}, {
		name: "Histogram", title: "`histc`, 64 bins", largest: 1 << 22,
		whole: true, serial: true,
		expected: func(b *batch) [][]float64 {
			counts := make([]float64, bins)
			for _, x := range b.x {
				counts[int(math.Floor((float64(x)-least)*bins/(most-least)))]++
			}
			return [][]float64{counts}
		},
		results: func(b *batch) [][]float64 { return [][]float64{numbers(b.y[:bins])} },
		kernels: func(b batch) { stepgrad.Histogram(b.y[:bins], b.x, least, most) },
		naive:   func(b batch) { naiveHistogram(b.y[:bins], b.x) },
	}, {
		name: "SampleBilinear", title: "`grid_sample`, an image of n/4 pixels of four channels, turned", largest: 1 << 22,
		whole: true, tolerance: 1e-3,
		prepare: func(b *batch) {
			b.image, b.xy = b.x, b.dy[:len(b.x)*2/channels]
			turn(b.xy, side(len(b.image)))
		},
		expected: sampled,
		results:  func(b *batch) [][]float64 { return [][]float64{numbers(b.y)} },
		kernels: func(b batch) {
			w := side(len(b.image))
			stepgrad.SampleBilinear(b.y, b.image, w, w, channels, b.xy, stepgrad.SampleOptions{})
		},
		naive: func(b batch) { naiveSample(b.y, b.image, b.xy) },
	},
}

// means are what is known of a random result: the mean of each category, the
// share of rows that it wins, and the mean square sum of a row.
func means(y []float64) [][]float64 {
	rows := float64(len(y) / categories)
	mean, wins, square := make([]float64, categories), make([]float64, categories), 0.
	for at := 0; at < len(y); at += categories {
		first := 0
		for i, v := range y[at : at+categories] {
			mean[i] += v / rows
			square += v * v / rows
			if v > y[at+first] {
				first = i
			}
		}
		wins[first] += 1 / rows
	}
	return [][]float64{mean, wins, {square}}
}

// gumbelMeans draws other numbers; who wins has the probability of softmax.
func gumbelMeans(b *batch) [][]float64 {
	r := rand.New(rand.NewPCG(5, 0))
	x := numbers(b.x)
	chances := make([]float64, categories)
	for at := 0; at < len(x); at += categories {
		row := x[at : at+categories]
		for i, p := range softmax(row, 1) {
			chances[i] += p / float64(len(x)/categories)
		}
		for i := range row {
			row[i] -= math.Log(-math.Log(1 - r.Float64()))
		}
		copy(row, softmax(row, tau))
	}
	want := means(x)
	want[1] = chances
	return want
}

func softmax(x []float64, tau float64) []float64 {
	y, sum := make([]float64, len(x)), 0.
	for i, v := range x {
		y[i] = math.Exp(v / tau)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
	return y
}

func naiveGumbelSoftmax(y, x []float32) {
	for at := 0; at < len(x); at += categories {
		row, largest := y[at:at+categories], float32(math.Inf(-1))
		for i := range row {
			row[i] = (x[at+i] - float32(math.Log(rand.ExpFloat64()))) / tau
			largest = max(largest, row[i])
		}
		sum := float32(0)
		for i, v := range row {
			row[i] = float32(math.Exp(float64(v - largest)))
			sum += row[i]
		}
		for i := range row {
			row[i] /= sum
		}
	}
}

func naiveHistogram(counts, x []float32) {
	clear(counts)
	for _, v := range x {
		if least <= v && v <= most {
			counts[min(int((v-least)*bins/(most-least)), bins-1)]++
		}
	}
}

// side is that of the square image of n elements.
func side(n int) int { return int(math.Sqrt(float64(n / channels))) }

// turn makes the points of a square image that is turned and moved.
func turn(xy []float32, w int) {
	sin, cos := math.Sincos(turned)
	for i := range len(xy) / 2 {
		u, v := float64(2*(i%w)+1)/float64(w)-1, float64(2*(i/w)+1)/float64(w)-1
		xy[2*i], xy[2*i+1] = float32(cos*u-sin*v+away), float32(sin*u+cos*v+away)
	}
}

func sampled(b *batch) [][]float64 {
	y, image, w := make([]float64, len(b.y)), numbers(b.image), side(len(b.image))
	for i := range len(b.xy) / 2 {
		px, py := position(b.xy[2*i], w), position(b.xy[2*i+1], w)
		for cy := range w { // a tent over every row and column that is near
			if math.Abs(py-float64(cy)) >= 1 {
				continue
			}
			for cx := max(0, int(px)-1); cx <= min(w-1, int(px)+2); cx++ {
				weight := max(0, 1-math.Abs(px-float64(cx))) * (1 - math.Abs(py-float64(cy)))
				for k := range channels {
					y[i*channels+k] += weight * image[(cy*w+cx)*channels+k]
				}
			}
		}
	}
	return [][]float64{y}
}

// position is where a coordinate lies among the centres of pixels.
func position(c float32, w int) float64 { return ((float64(c)+1)*float64(w) - 1) / 2 }

func naiveSample(y, image, xy []float32) {
	w := side(len(image))
	at := func(x, y int) []float32 {
		if x < 0 || x >= w || y < 0 || y >= w {
			return nothing[:]
		}
		return image[(y*w+x)*channels:][:channels]
	}
	size := float32(w)
	for i := range len(xy) / 2 {
		px, py := ((xy[2*i]+1)*size-1)/2, ((xy[2*i+1]+1)*size-1)/2
		fx, fy := float32(math.Floor(float64(px))), float32(math.Floor(float64(py)))
		cx, cy := int(fx), int(fy)
		fx, fy = px-fx, py-fy
		a, b, c, d := at(cx, cy), at(cx+1, cy), at(cx, cy+1), at(cx+1, cy+1)
		to := y[i*channels:][:channels]
		for k := range to {
			to[k] = (1-fy)*((1-fx)*a[k]+fx*b[k]) + fy*((1-fx)*c[k]+fx*d[k])
		}
	}
}

var nothing [channels]float32
