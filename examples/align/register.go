package main

import (
	"math"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/autograd/optim"
	"github.com/stepgrad/stepgrad/examples/internal/photos"
	"github.com/stepgrad/stepgrad/examples/internal/report"
)

type tensor = *ag.Var[float32]

// A view is a window of a photograph.
const (
	viewW, viewH     = 160, 110
	centreX, centreY = 145, 108 // of the window at pose 0, in pixels of the photograph
)

// radius is how far a corner of the view is from its centre.
var radius = math.Hypot(viewW, viewH) / 2

// A pose says where a view was taken: its centre, in pixels right of and below
// the starting point, and how far it was turned, in degrees clockwise.
type pose struct{ X, Y, Turn float64 }

// place is where the point (u, v) of the view, from its centre, lies in the photograph.
func (p pose) place(u, v float64) (x, y float64) {
	sin, cos := math.Sincos(p.Turn * math.Pi / 180)
	return centreX + p.X + u*cos - v*sin, centreY + p.Y + u*sin + v*cos
}

// off is how far the worst corner of p is from that of q, in pixels.
func (p pose) off(q pose) (worst float64) {
	for _, c := range corners {
		px, py := p.place(c[0], c[1])
		qx, qy := q.place(c[0], c[1])
		worst = max(worst, math.Hypot(px-qx, py-qy))
	}
	return worst
}

var corners = [4][2]float64{{-viewW / 2, -viewH / 2}, {viewW / 2, -viewH / 2}, {viewW / 2, viewH / 2}, {-viewW / 2, viewH / 2}}

// inside reports whether the whole view lies in the photograph.
func (p pose) inside(photo photos.Photo) bool {
	for _, c := range corners {
		x, y := p.place(c[0], c[1])
		if !(0 <= x && x <= float64(photo.W-1) && 0 <= y && y <= float64(photo.H-1)) {
			return false
		}
	}
	return true
}

var inPixels = stepgrad.SampleOptions{Padding: stepgrad.Border, Coords: stepgrad.Pixel}

// take makes the view of a camera at p: every pixel is the mean of 4 × 4 points
// in it, so that no sampler finds the very values it would compute itself, with
// noise of the given standard deviation.
func take(photo photos.Photo, p pose, noise float64, seed uint64) photos.Photo {
	const fine = 4
	view := photos.New(viewH, viewW)
	xy, rgb := make([]float32, 2*fine*fine), make([]float32, 3*fine*fine)
	for i := range viewH * viewW {
		u, v := atPixel(i)
		for k := range fine * fine {
			x, y := p.place(u+(float64(k%fine)+0.5)/fine-0.5, v+(float64(k/fine)+0.5)/fine-0.5)
			xy[2*k], xy[2*k+1] = float32(x), float32(y)
		}
		stepgrad.SampleBilinear(rgb, photo.RGB, photo.H, photo.W, 3, xy, inPixels)
		for k, c := range rgb {
			view.RGB[3*i+k%3] += c / (fine * fine)
		}
	}
	grain := make([]float32, len(view.RGB))
	stepgrad.Normal(grain, seed, 0)
	for i, g := range grain {
		view.RGB[i] += float32(noise) * g
	}
	return view
}

// atPixel is where pixel i of the view lies, from its centre.
func atPixel(i int) (u, v float64) {
	return float64(i%viewW) - (viewW-1)/2.0, float64(i/viewW) - (viewH-1)/2.0
}

// everyOther is a blurred view at every step-th pixel of every step-th row, and
// where those pixels are.
func everyOther(step int, view tensor) (target, grid tensor) {
	var rgb, uv []float32
	for i := range viewH * viewW {
		if i%viewW%step == step/2 && i/viewW%step == step/2 {
			u, v := atPixel(i)
			uv = append(uv, float32(u), float32(v))
			rgb = append(rgb, view.Data()[3*i:][:3]...)
		}
	}
	return ag.Const(rgb, len(rgb)/3, 3), ag.Const(uv, len(uv)/2, 2)
}

// points are pose.place of a grid. The pose is a tensor: x, y and the turn as
// the length of the arc that a corner makes, so that one step moves a corner
// as far in all three.
func points(grid, pose tensor) tensor {
	turn := ag.Scale(ag.Slice(pose, 0, 2, 3), float32(1/radius))
	cos, sin := ag.Cos(turn), ag.Sin(turn)
	rotation := ag.Reshape(ag.Concat(0, cos, sin, ag.Neg(sin), cos), 2, 2)
	centre := ag.Add(ag.Slice(pose, 0, 0, 2), ag.Const([]float32{centreX, centreY}))
	return ag.Add(ag.MatMul(grid, rotation), centre)
}

func (p pose) tensor() tensor {
	return ag.Const([]float32{float32(p.X), float32(p.Y), float32(p.Turn * math.Pi / 180 * radius)})
}

func poseOf(t tensor) pose {
	d := t.Data()
	return pose{float64(d[0]), float64(d[1]), float64(d[2]) / radius * 180 / math.Pi}
}

// A sampler reads a photograph at points.
type sampler struct {
	name, short string
	read        func(image, xy tensor, opt stepgrad.SampleOptions) tensor
}

var samplers = []sampler{
	{"bilinear", "bilinear", ag.SampleBilinear[float32]},
	{"nearest, straight-through", "nearest", ag.SampleNearest[float32]},
}

// The registration goes from coarse to fine: both pictures are blurred, so that
// the difference says where to go from afar, then less and less. As many pixels
// are left out as the blur makes superfluous.
var (
	blurs = [...]float64{8, 4, 2, 0}
	rates = [...]float32{1, 0.5, 0.2, 0.05} // pixels a step at first; it falls to 0 as a cosine
)

// A sweep is the registration of views that differ in their turn.
type sweep struct {
	turns []float64
	off   [][][]float64 // by sampler, turn and shift
}

var sweepTurns = []float64{0, 0.3, 1, 3, 10}

// across registers views that are shifted at random, at every turn, one
// registration at a time on each processor.
func across(photo photos.Photo, levels levels, o options, tick func()) sweep {
	s := sweep{sweepTurns, make([][][]float64, len(samplers))}
	random := make([]float32, 2*o.shifts)
	stepgrad.Uniform(random, o.seed, 0)
	work, wait := report.Workers()
	for i, by := range samplers {
		s.off[i] = make([][]float64, len(s.turns))
		for j, turn := range s.turns {
			s.off[i][j] = make([]float64, o.shifts)
			for k := range o.shifts {
				work(func() {
					truth := pose{40*float64(random[2*k]) - 20, 24*float64(random[2*k+1]) - 12, turn}
					view := take(photo, truth, o.noise, o.seed+1+uint64(k))
					s.off[i][j][k] = register(levels, view, by, o.steps).end().off(truth)
					tick()
				})
			}
		}
	}
	wait()
	return s
}

// A track is what a registration went through; entry 0 is the start.
type track struct {
	sampler
	poses  []pose
	losses []float64 // at the blur of the step
}

func (t track) end() pose { return t.poses[len(t.poses)-1] }

// register finds the pose of view in photo, by steps of Adam for every blur.
func register(photo levels, view photos.Photo, by sampler, steps int) track {
	at := ag.Param(make([]float32, 3))
	t := track{by, []pose{{}}, nil}
	for level, blur := range blurs {
		image := photo[level]
		target, grid := everyOther(max(1, int(blur)), blurred(view, blur))
		opt := optim.NewAdam(1, at)
		for step := range steps {
			opt.Rate = rates[level] * float32(0.5+0.5*math.Cos(math.Pi*float64(step)/float64(steps)))
			loss := ag.Mean(ag.Square(ag.Sub(by.read(image, points(grid, at), inPixels), target)))
			opt.Step(ag.Grad(loss, at)...)
			t.poses, t.losses = append(t.poses, poseOf(at)), append(t.losses, float64(loss.Data()[0]))
		}
	}
	return t
}

// levels are a picture at every blur.
type levels [len(blurs)]tensor

func blurredAll(p photos.Photo) (l levels) {
	for i, sigma := range blurs {
		l[i] = blurred(p, sigma)
	}
	return l
}

// blurred convolves with a Gaussian of standard deviation sigma, cut off at
// three of it; the edge is repeated.
func blurred(p photos.Photo, sigma float64) tensor {
	if sigma == 0 {
		return ag.Const(p.RGB, p.H, p.W, 3)
	}
	reach := int(3 * sigma)
	weights, sum := make([]float64, 2*reach+1), 0.0
	for i := range weights {
		d := float64(i-reach) / sigma
		weights[i] = math.Exp(-d * d / 2)
		sum += weights[i]
	}
	pass := func(from []float32, dx, dy int) []float32 {
		to := make([]float32, len(from))
		for i := range p.H * p.W {
			var c [3]float64
			for k, w := range weights {
				x := min(max(i%p.W+(k-reach)*dx, 0), p.W-1)
				y := min(max(i/p.W+(k-reach)*dy, 0), p.H-1)
				for ch, v := range from[3*(y*p.W+x):][:3] {
					c[ch] += w / sum * float64(v)
				}
			}
			for ch, v := range c {
				to[3*i+ch] = float32(v)
			}
		}
		return to
	}
	return ag.Const(pass(pass(p.RGB, 1, 0), 0, 1), p.H, p.W, 3)
}
