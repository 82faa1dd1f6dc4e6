package stepgrad

import (
	"math"
	"unsafe"

	"github.com/stepgrad/stepgrad/kernels"
)

// Padding says what lies outside of an image.
type Padding = kernels.Padding

// The paddings, as those of torch.grid_sample.
const (
	Zeros      = kernels.Zeros      // 0
	Border     = kernels.Border     // the nearest pixel of the image
	Reflection = kernels.Reflection // the image, mirrored again and again
)

// Coords says what coordinates count.
type Coords = kernels.Coords

// The coordinates. In both x comes first, and goes to the right; y goes down.
const (
	Normalised = kernels.Normalised // from −1 to 1 across the image, as in torch.grid_sample
	Pixel      = kernels.Pixel      // in pixels: integers are the centres of pixels, 0 that of the first
)

// SampleOptions are the conventions of an image's coordinates; the zero value
// is the default of torch.grid_sample.
//
// AlignCorners puts −1 and 1 of Normalised at the centres of the outermost
// pixels, and mirrors Reflection there; without it they are the outer edges of
// these pixels: among centres 0 … n−1, at −½ and n−½.
type SampleOptions = kernels.SampleOptions

// SampleBilinear interpolates an image at points: of the four pixels around a
// point, weighted by its nearness to them,
//
//	X, Y := ⌊x⌋, ⌊y⌋; fx, fy := x − X, y − Y // x, y in pixels, padding done
//	dst[i·c+k] = (1−fx)·(1−fy)·image(X, Y, k) + fx·(1−fy)·image(X+1, Y, k) +
//		(1−fx)·fy·image(X, Y+1, k) + fx·fy·image(X+1, Y+1, k)
//
// for every point i and channel k, as torch.grid_sample. image is a row-major
// array of h rows, w columns and c channels, the channels last; xy holds the
// points, x and y in turn; dst holds c channels for every point. A batch of
// images is a call for each; the points of one can be shared out among
// goroutines.
//
// Positions, weights and sums are computed in float64, and rounded to T once.
// The largest error measured was 0.93·2^−24 of the largest pixel in float32; in
// float64 it was 8.2·2^−53 for 7 by 5 pixels, most of it that of the position,
// which grows with the image. A pixel of weight 0 is not read, so that a NaN
// beside a point does no harm.
//
// With Zeros, pixels outside count as 0; with Border a point outside is moved
// to the nearest edge of the rectangle of centres; with Reflection it is
// mirrored into the image first. A point with a coordinate that is NaN gives 0
// in every channel, and so does one that is ±Inf, or becomes it in pixels,
// except with Border, where it is an edge.
//
// h, w and c are at least 1 and image has h·w·c elements; xy has two for every
// point and dst c; dst is disjoint from image and xy; the options are among the
// constants. Else SampleBilinear panics.
func SampleBilinear[T Float](dst, image []T, h, w, c int, xy []T, opt SampleOptions) {
	checkSample("SampleBilinear", "dst", dst, "image", image, h, w, c, xy, opt)
	checkApart("SampleBilinear", "dst", dst, image, xy)
	if is32[T]() && c == 1 {
		sampleChannel(unsafe.Slice(p32(dst), len(dst)), unsafe.Slice(p32(image), len(image)), h, w, unsafe.Slice(p32(xy), len(xy)), opt)
		return
	}
	var p placed
	p.plane = opt.Plane(h, w)
	for len(xy) > 0 {
		n := min(len(xy)/2, placedMost)
		split(&p, xy[:2*n], opt.Padding)
		for i := range n {
			fx, fy := p.fx[i], p.fy[i]
			x, y := int(p.x[i]), int(p.y[i])
			if uint(x) >= uint(w-1) || uint(y) >= uint(h-1) || !(fx >= leastWeight && fy >= leastWeight) {
				sampleEdge(dst[i*c:][:c], image, h, w, &p, i)
				continue
			}
			wx, wy := 1-fx, 1-fy
			w0, w1, w2, w3 := wx*wy, fx*wy, wx*fy, fx*fy
			at := (y*w + x) * c
			to, upper, lower := dst[i*c:][:c], image[at:][:2*c], image[at+w*c:][:2*c]
			for k := range to {
				sum := 0 + float64(w0*float64(upper[k]))
				sum += float64(w1 * float64(upper[k+c]))
				sum += float64(w2 * float64(lower[k]))
				to[k] = T(sum + float64(w3*float64(lower[k+c])))
			}
		}
		dst, xy = dst[n*c:], xy[2*n:]
	}
}

// sampleChannel is SampleBilinear of one channel in float32. It copies pairs of
// pixels to columns, of which blend makes the sums. (Instructions that gather are
// slower than such copies: ARCHITECTURE.md.)
func sampleChannel(dst, image []float32, h, w int, xy []float32, opt SampleOptions) {
	var p placed
	p.plane = opt.Plane(h, w)
	first, right, bottom := unsafe.Pointer(&image[0]), uint(w-1), uint(h-1)
	for len(xy) > 0 {
		n := min(len(xy)/2, placedMost)
		split(&p, xy[:2*n], opt.Padding)
		for i := range n {
			x, y := int(p.x[i]), int(p.y[i]) // of NaN anything
			if uint(x) >= right || uint(y) >= bottom || !(p.fx[i] >= leastWeight && p.fy[i] >= leastWeight) {
				p.edge(i, image, h, w)
				continue
			}
			at := unsafe.Add(first, (y*w+x)*4)
			p.upper[i] = *(*[2]float32)(at)
			p.lower[i] = *(*[2]float32)(unsafe.Add(at, w*4))
		}
		if full := n &^ 7; full > 0 {
			blendF32(&dst[0], &p.fx[0], full)
		}
		if n%8 != 0 {
			var rest [8]float32
			blendF32(&rest[0], &p.fx[n&^7], 8)
			copy(dst[n&^7:n], rest[:])
		}
		dst, xy = dst[n:], xy[2*n:]
	}
}

// edge sets the pixels of a point of whose corners some may not count: those are
// 0, which adds nothing to a sum that is never −0.
func (p *placed) edge(i int, image []float32, h, w int) {
	x, y, fx, fy := int(p.x[i]), int(p.y[i]), p.fx[i], p.fy[i]
	var upper, lower [2]float32
	if x < -1 || x >= w || y < -1 || y >= h || fx != fx || fy != fy {
		p.fx[i], p.fy[i] = 0, 0 // no NaN
	} else {
		wx, wy := 1-fx, 1-fy
		at := y*w + x
		if x >= 0 && y >= 0 && wx*wy != 0 {
			upper[0] = image[at]
		}
		if x+1 < w && y >= 0 && fx*wy != 0 {
			upper[1] = image[at+1]
		}
		if x >= 0 && y+1 < h && wx*fy != 0 {
			lower[0] = image[at+w]
		}
		if x+1 < w && y+1 < h && fx*fy != 0 {
			lower[1] = image[at+w+1]
		}
	}
	p.upper[i], p.lower[i] = upper, lower
}

// sampleEdge is for a point of whose corners some may not count.
func sampleEdge[T Float](dst, image []T, h, w int, p *placed, i int) {
	cell := kernels.Cell{X: int(p.x[i]), Y: int(p.y[i]), FX: p.fx[i], FY: p.fy[i]}
	if cell.X < -1 || cell.X >= w || cell.Y < -1 || cell.Y >= h || cell.FX != cell.FX || cell.FY != cell.FY {
		clear(dst)
		return
	}
	var near corners
	near.find(&cell, h, w, len(dst))
	for k := range dst {
		sum := 0.0
		for j := range near.n {
			sum += float64(near.weight[j] * float64(image[near.at[j]+k]))
		}
		dst[k] = T(sum)
	}
}

// SampleBilinearGradImage is the gradient of SampleBilinear by the image:
//
//	clear(dimage)
//	dimage(X, Y, k) += (1−fx)·(1−fy)·dy[i·c+k] // and so for its neighbours
//
// for every point i, in order, each product rounded to T: the bits depend on the
// order of the points alone. A point that gives 0 whatever the image is adds
// nothing.
//
// h, w and c are at least 1 and dimage has h·w·c elements; xy has two for every
// point and dy c; dimage is disjoint from dy and xy; the options are among the
// constants. Else SampleBilinearGradImage panics.
func SampleBilinearGradImage[T Float](dimage []T, h, w, c int, dy, xy []T, opt SampleOptions) {
	checkSample("SampleBilinearGradImage", "dy", dy, "dimage", dimage, h, w, c, xy, opt)
	checkApart("SampleBilinearGradImage", "dimage", dimage, dy, xy)
	clear(dimage)
	plane := opt.Plane(h, w)
	for i := 0; i < len(xy); i += 2 {
		cell, ok := plane.Cell(float64(xy[i]), float64(xy[i+1]))
		if !ok {
			continue
		}
		var near corners
		near.find(&cell, h, w, c)
		from := dy[i/2*c:][:c]
		for j := range near.n {
			to := dimage[near.at[j]:][:c]
			for k, d := range from {
				to[k] += T(near.weight[j] * float64(d))
			}
		}
	}
}

// SampleBilinearGradXY is the gradient of SampleBilinear by the points:
//
//	dxy[2i]   = Σ dy[i·c+k]·((1−fy)·(image(X+1, Y, k) − image(X, Y, k)) + fy·(image(X+1, Y+1, k) − image(X, Y+1, k)))
//	dxy[2i+1] = Σ dy[i·c+k]·((1−fx)·(image(X, Y+1, k) − image(X, Y, k)) + fx·(image(X+1, Y+1, k) − image(X+1, Y, k)))
//
// summed over the channels k, times the derivative of the position in pixels by
// the coordinate. That is in Normalised (w−1)/2 or (h−1)/2 with AlignCorners,
// else w/2 or h/2; of the other sign where Reflection mirrors; and 0 where
// Border or Reflection have moved the point to an edge, and on it. As in torch
// the derivative between cells is that to the right and below.
//
// It serves SampleNearest too, as a straight-through estimator: the derivative
// of that is 0 or undefined. A point that gives 0 whatever the image is has the
// gradient +0. Sums are in float64, rounded to T once.
//
// The rules are those of SampleBilinear, of dy in the place of dst; dxy has the
// length of xy and is disjoint from dy, image and xy.
func SampleBilinearGradXY[T Float](dxy, dy, image []T, h, w, c int, xy []T, opt SampleOptions) {
	checkSample("SampleBilinearGradXY", "dy", dy, "image", image, h, w, c, xy, opt)
	if len(dxy) != len(xy) {
		panic("stepgrad: SampleBilinearGradXY: dxy and xy must have the same length")
	}
	checkApart("SampleBilinearGradXY", "dxy", dxy, image, xy)
	if overlap(addr(dxy), bytes(dxy), addr(dy), bytes(dy)) {
		panic("stepgrad: SampleBilinearGradXY: dxy must not overlap another slice")
	}
	if race {
		raceRead(dy)
	}
	plane := opt.Plane(h, w)
	for i := 0; i < len(xy); i += 2 {
		cell, ok := plane.Cell(float64(xy[i]), float64(xy[i+1]))
		if !ok {
			dxy[i], dxy[i+1] = 0, 0
			continue
		}
		var alongX, alongY float64
		if inner(&cell, h, w) {
			a := (cell.Y*w + cell.X) * c
			upper, lower := image[a:][:2*c], image[a+w*c:][:2*c]
			for k, d := range dy[i/2*c:][:c] {
				v0, v1, v2, v3 := float64(upper[k]), float64(upper[k+c]), float64(lower[k]), float64(lower[k+c])
				dX := float64((v1-v0)*(1-cell.FY)) + float64((v3-v2)*cell.FY)
				dY := float64((v2-v0)*(1-cell.FX)) + float64((v3-v1)*cell.FX)
				alongX += float64(float64(d) * dX)
				alongY += float64(float64(d) * dY)
			}
			dxy[i], dxy[i+1] = 0, 0
			if cell.SX != 0 {
				dxy[i] = T(alongX * cell.SX)
			}
			if cell.SY != 0 {
				dxy[i+1] = T(alongY * cell.SY)
			}
			continue
		}
		var at [4]int // −1 outside
		for k := range at {
			x, y, _ := cell.Corner(k)
			if at[k] = -1; 0 <= x && x < w && 0 <= y && y < h {
				at[k] = (y*w + x) * c
			}
		}
		for k, d := range dy[i/2*c:][:c] {
			var v [4]float64
			for j, a := range at {
				if a >= 0 {
					v[j] = float64(image[a+k])
				}
			}
			dX, dY := v[1]-v[0], v[2]-v[0]
			if cell.FY != 0 {
				dX = float64(dX*(1-cell.FY)) + float64((v[3]-v[2])*cell.FY)
			}
			if cell.FX != 0 {
				dY = float64(dY*(1-cell.FX)) + float64((v[3]-v[1])*cell.FX)
			}
			alongX += float64(float64(d) * dX)
			alongY += float64(float64(d) * dY)
		}
		dxy[i], dxy[i+1] = 0, 0
		if cell.SX != 0 {
			dxy[i] = T(alongX * cell.SX)
		}
		if cell.SY != 0 {
			dxy[i+1] = T(alongY * cell.SY)
		}
	}
}

// SampleNearest takes from an image the pixels nearest to points; between two,
// the one with the even index, as torch.grid_sample. Positions are computed in
// float64. Padding, special values and rules are those of SampleBilinear.
//
// The gradient by the image is SampleNearestGradImage; by the points it is 0
// where it exists, and SampleBilinearGradXY is the estimator.
func SampleNearest[T Float](dst, image []T, h, w, c int, xy []T, opt SampleOptions) {
	checkSample("SampleNearest", "dst", dst, "image", image, h, w, c, xy, opt)
	checkApart("SampleNearest", "dst", dst, image, xy)
	plane := opt.Plane(h, w)
	for i := 0; i < len(xy); i += 2 {
		to := dst[i/2*c:][:c]
		if x, y, ok := plane.Nearest(float64(xy[i]), float64(xy[i+1])); ok {
			copy(to, image[(y*w+x)*c:])
		} else {
			clear(to)
		}
	}
}

// SampleNearestGradImage is the gradient of SampleNearest by the image:
//
//	clear(dimage)
//	dimage(nearest x, nearest y, k) += dy[i·c+k]
//
// for every point i, in order. The rules are those of SampleBilinearGradImage.
func SampleNearestGradImage[T Float](dimage []T, h, w, c int, dy, xy []T, opt SampleOptions) {
	checkSample("SampleNearestGradImage", "dy", dy, "dimage", dimage, h, w, c, xy, opt)
	checkApart("SampleNearestGradImage", "dimage", dimage, dy, xy)
	clear(dimage)
	plane := opt.Plane(h, w)
	for i := 0; i < len(xy); i += 2 {
		if x, y, ok := plane.Nearest(float64(xy[i]), float64(xy[i+1])); ok {
			to := dimage[(y*w+x)*c:][:c]
			for k, d := range dy[i/2*c:][:c] {
				to[k] += d
			}
		}
	}
}

// placedMost is how many points are placed at a time.
const placedMost = 64

// No product of weights of at least leastWeight, or of what they leave of 1, is 0.
const leastWeight = 0x1p-500

// placed are the cells of some points, as in kernels.Cell but in columns; NaN
// where no pixel is in reach.
type placed struct {
	plane        kernels.Plane
	x, y, fx, fy [placedMost]float64    // fx, fy and what follows: the columns of blend
	upper, lower [placedMost][2]float32 // pixels
}

func split[T Float](s *placed, xy []T, padding Padding) {
	n := len(xy) / 2
	if padding == Reflection {
		for i := range n {
			cell, ok := s.plane.Cell(float64(xy[2*i]), float64(xy[2*i+1]))
			if !ok {
				cell.FX = math.NaN()
			}
			s.x[i], s.y[i], s.fx[i], s.fy[i] = float64(cell.X), float64(cell.Y), cell.FX, cell.FY
		}
		return
	}
	for i := range n {
		s.x[i], s.y[i] = float64(xy[2*i]), float64(xy[2*i+1])
	}
	splitF64(&s.x[0], &s.fx[0], &s.x[0], n, &s.plane.X)
	splitF64(&s.y[0], &s.fy[0], &s.y[0], n, &s.plane.Y)
}

func blendGeneric(dst *float32, x *float64, n int) {
	const column = placedMost * 8
	at := func(k int) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(x), k*column) }
	fx, fy := unsafe.Slice((*float64)(at(0)), n), unsafe.Slice((*float64)(at(1)), n)
	upper, lower := unsafe.Slice((*[2]float32)(at(2)), n), unsafe.Slice((*[2]float32)(at(3)), n)
	d := unsafe.Slice(dst, n)
	for i := range d {
		wx, wy := 1-fx[i], 1-fy[i]
		sum := 0 + float64(wx*wy*float64(upper[i][0]))
		sum += float64(fx[i] * wy * float64(upper[i][1]))
		sum += float64(wx * fy[i] * float64(lower[i][0]))
		d[i] = float32(sum + float64(fx[i]*fy[i]*float64(lower[i][1])))
	}
}

func splitGeneric(dst, grad, x *float64, n int, a *kernels.Axis) {
	pixels, rests := unsafe.Slice(dst, n), unsafe.Slice(grad, n)
	for i, v := range unsafe.Slice(x, n) {
		pixels[i], rests[i] = a.Split(v)
	}
}

// inner reports that all corners of a cell count.
func inner(cell *kernels.Cell, h, w int) bool {
	return uint(cell.X) < uint(w-1) && uint(cell.Y) < uint(h-1) && cell.FX != 0 && cell.FY != 0
}

// corners are those of a cell that count.
type corners struct {
	n      int
	at     [4]int // the pixel's first channel
	weight [4]float64
}

func (s *corners) find(cell *kernels.Cell, h, w, c int) {
	for k := range 4 {
		x, y, weight := cell.Corner(k)
		if weight != 0 && 0 <= x && x < w && 0 <= y && y < h {
			s.at[s.n], s.weight[s.n] = (y*w+x)*c, weight
			s.n++
		}
	}
}

// checkSample: values has c elements for every point, image h·w·c. (In 32 bits
// the products could overflow.)
func checkSample[T Float](name, what string, values []T, whatImage string, image []T, h, w, c int, xy []T, opt SampleOptions) {
	if h < 1 || w < 1 || c < 1 {
		panic("stepgrad: " + name + ": h, w and c must be at least 1")
	}
	if len(image)%h != 0 || len(image)/h%w != 0 || len(image)/h/w != c {
		panic("stepgrad: " + name + ": " + whatImage + " must have h·w·c elements")
	}
	if len(xy)%2 != 0 {
		panic("stepgrad: " + name + ": xy must have two elements for every point")
	}
	if len(values)%c != 0 || len(values)/c != len(xy)/2 {
		panic("stepgrad: " + name + ": " + what + " must have c elements for every point")
	}
	if !opt.Padding.Valid() {
		panic("stepgrad: " + name + ": padding must be Zeros, Border or Reflection")
	}
	if !opt.Coords.Valid() {
		panic("stepgrad: " + name + ": coords must be Normalised or Pixel")
	}
}

// checkApart: result shares no memory with the operands.
func checkApart[T Float](name, what string, result, a, b []T) {
	if overlap(addr(result), bytes(result), addr(a), bytes(a)) || overlap(addr(result), bytes(result), addr(b), bytes(b)) {
		panic("stepgrad: " + name + ": " + what + " must not overlap another slice")
	}
	if race {
		raceRead(a)
		raceRead(b)
		raceWrite(result)
	}
}
