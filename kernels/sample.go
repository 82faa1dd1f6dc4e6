package kernels

import "math"

// Padding says what lies outside of an image.
type Padding uint8

// The paddings, in the order of the public constants.
const (
	Zeros      Padding = iota // 0
	Border                    // the nearest pixel of the image
	Reflection                // the image, mirrored again and again
	paddings                  // how many there are
)

// Valid reports whether p is one of the three paddings.
func (p Padding) Valid() bool { return p < paddings }

// String is the name of the public constant.
func (p Padding) String() string {
	return [...]string{"Zeros", "Border", "Reflection"}[p]
}

// Coords says what coordinates count.
type Coords uint8

// The coordinates, in the order of the public constants.
const (
	Normalised Coords = iota // from −1 to 1 across the image
	Pixel                    // pixels: integers are their centres, 0 that of the first
	coordses                 // how many there are
)

// Valid reports whether c is one of the two.
func (c Coords) Valid() bool { return c < coordses }

// String is the name of the public constant.
func (c Coords) String() string {
	return [...]string{"Normalised", "Pixel"}[c]
}

// SampleOptions are the conventions of an image's coordinates.
type SampleOptions struct {
	// AlignCorners puts −1 and 1 of Normalised at the centres of the outermost
	// pixels, and mirrors Reflection there; else they are those pixels' outer edges.
	AlignCorners bool
	Padding      Padding
	Coords       Coords
}

// An Axis places coordinates on an axis of pixels.
type Axis struct {
	// From a coordinate to twice its position, or to that; then to its position;
	// and the range of those that Split keeps. Vector code reads them in this order.
	add, mul, sub, half, first, last float64

	size             float64
	low, span, slope float64 // where Reflection mirrors
	padding          Padding
}

// Axis prepares an Axis of n pixels.
func (o SampleOptions) Axis(n int) Axis {
	a := Axis{size: float64(n), mul: 1, half: 1, low: -0.5, span: float64(n), slope: 1, padding: o.Padding}
	if o.AlignCorners {
		a.low, a.span = 0, a.size-1
	}
	if o.Coords == Normalised {
		a.add, a.mul, a.half = 1, a.span, 0.5
		a.sub = -2 * a.low
		a.slope = a.span / 2
	}
	if a.first, a.last = -2, a.size+1; o.Padding == Border {
		a.first, a.last = 0, a.size-1
	}
	return a
}

// Place is the position of coordinate c among the pixels' centres, padding done,
// and the derivative of that. It is not ok if no pixel is in reach, and for NaN.
func (a *Axis) Place(c float64) (at, slope float64, ok bool) {
	at = (float64((c+a.add)*a.mul) - a.sub) * a.half
	if a.padding != Zeros {
		return a.pad(at)
	}
	return at, a.slope, -1 <= at && at < a.size
}

// Split is the position of coordinate c, as the pixel before it and the rest;
// with Zeros, that outside of the image is anything outside. Reflection needs
// Place. NaN gives NaN.
func (a *Axis) Split(c float64) (pixel, rest float64) {
	at := (float64((c+a.add)*a.mul) - a.sub) * a.half
	if a.first > at {
		at = a.first
	}
	if a.last < at {
		at = a.last
	}
	pixel = math.Floor(at)
	return pixel, at - pixel
}

func (a *Axis) pad(at float64) (_, slope float64, ok bool) {
	slope = a.slope
	if a.padding == Reflection {
		if at-at != 0 {
			return 0, 0, false
		}
		if a.span == 0 {
			return 0, 0, true
		}
		if at -= a.low; at < 0 {
			at, slope = -at, -slope
		}
		if at >= 2*a.span {
			at = math.Mod(at, 2*a.span)
		}
		if at >= a.span {
			at, slope = 2*a.span-at, -slope
		}
		at += a.low
	}
	switch {
	case at <= 0:
		return 0, 0, true
	case at >= a.size-1:
		return a.size - 1, 0, true
	}
	return at, slope, at == at
}

// A Cell is where a point lies among the centres of pixels.
type Cell struct {
	X, Y   int     // the pixel above and to the left: −1 is outside of the image
	FX, FY float64 // how far on, in [0, 1)
	SX, SY float64 // the derivatives of the point's position by its coordinates
}

// A Plane places points in an image.
type Plane struct{ X, Y Axis }

// Plane prepares a Plane of h by w pixels.
func (o SampleOptions) Plane(h, w int) Plane { return Plane{o.Axis(w), o.Axis(h)} }

// Cell finds the cell of (x, y); not ok if none of its corners is in reach.
func (p *Plane) Cell(x, y float64) (c Cell, ok bool) {
	atX, sx, okX := p.X.Place(x)
	atY, sy, okY := p.Y.Place(y)
	if !okX || !okY {
		return c, false
	}
	left, top := math.Floor(atX), math.Floor(atY)
	return Cell{int(left), int(top), atX - left, atY - top, sx, sy}, true
}

// Nearest is the pixel nearest to (x, y), ties to even; not ok outside.
func (p *Plane) Nearest(x, y float64) (px, py int, ok bool) {
	atX, _, okX := p.X.Place(x)
	atY, _, okY := p.Y.Place(y)
	if !okX || !okY {
		return 0, 0, false
	}
	atX, atY = math.RoundToEven(atX), math.RoundToEven(atY)
	return int(atX), int(atY), 0 <= atX && atX < p.X.size && 0 <= atY && atY < p.Y.size
}

// Corner is the place and the weight of a cell's corner, 0 to 3 in rows.
func (c *Cell) Corner(k int) (x, y int, weight float64) {
	wx, wy := 1-c.FX, 1-c.FY
	if k&1 != 0 {
		wx = c.FX
	}
	if k&2 != 0 {
		wy = c.FY
	}
	return c.X + k&1, c.Y + k>>1, wx * wy
}

// pixel is 0 outside.
func pixel[T Float](image []T, h, w, c, x, y, channel int) float64 {
	if x < 0 || x >= w || y < 0 || y >= h {
		return 0
	}
	return float64(image[(y*w+x)*c+channel])
}

// SampleBilinear is the sum of weight·pixel over the corners whose weight is
// not 0, in order, in float64.
func SampleBilinear[T Float](dst, image []T, h, w, c int, xy []T, o SampleOptions) {
	plane := o.Plane(h, w)
	for i := range len(xy) / 2 {
		cell, ok := plane.Cell(float64(xy[2*i]), float64(xy[2*i+1]))
		for ch := range c {
			sum := 0.0
			for k := 0; ok && k < 4; k++ {
				if x, y, weight := cell.Corner(k); weight != 0 {
					sum += float64(weight * pixel(image, h, w, c, x, y, ch))
				}
			}
			dst[i*c+ch] = T(sum)
		}
	}
}

// SampleBilinearGradImage adds up dy·weight, rounded to T, point by point.
func SampleBilinearGradImage[T Float](dimage []T, h, w, c int, dy, xy []T, o SampleOptions) {
	clear(dimage)
	plane := o.Plane(h, w)
	for i := range len(xy) / 2 {
		cell, ok := plane.Cell(float64(xy[2*i]), float64(xy[2*i+1]))
		for k := 0; ok && k < 4; k++ {
			x, y, weight := cell.Corner(k)
			if weight == 0 || x < 0 || x >= w || y < 0 || y >= h {
				continue
			}
			for ch := range c {
				dimage[(y*w+x)*c+ch] += T(weight * float64(dy[i*c+ch]))
			}
		}
	}
}

// SampleBilinearGradXY is the derivative inside of the cell, and that of its
// right and lower neighbour on an edge.
func SampleBilinearGradXY[T Float](dxy, dy, image []T, h, w, c int, xy []T, o SampleOptions) {
	plane := o.Plane(h, w)
	for i := range len(xy) / 2 {
		cell, ok := plane.Cell(float64(xy[2*i]), float64(xy[2*i+1]))
		var sum [2]float64
		for ch := 0; ok && ch < c; ch++ {
			at := func(x, y int) float64 { return pixel(image, h, w, c, cell.X+x, cell.Y+y, ch) }
			alongX := between(at(1, 0)-at(0, 0), at(1, 1)-at(0, 1), cell.FY)
			alongY := between(at(0, 1)-at(0, 0), at(1, 1)-at(1, 0), cell.FX)
			sum[0] += float64(float64(dy[i*c+ch]) * alongX)
			sum[1] += float64(float64(dy[i*c+ch]) * alongY)
		}
		dxy[2*i], dxy[2*i+1] = T(bySlope(sum[0], cell.SX)), T(bySlope(sum[1], cell.SY))
	}
}

// between is a and b, which does not count where its weight is 0.
func between(a, b, weight float64) float64 {
	if weight == 0 {
		return a
	}
	return float64(a*(1-weight)) + float64(b*weight)
}

// bySlope is +0 where the slope is, whatever d is.
func bySlope(d, slope float64) float64 {
	if slope == 0 {
		return 0
	}
	return d * slope
}

// SampleNearest is the nearest pixel.
func SampleNearest[T Float](dst, image []T, h, w, c int, xy []T, o SampleOptions) {
	plane := o.Plane(h, w)
	for i := range len(xy) / 2 {
		x, y, ok := plane.Nearest(float64(xy[2*i]), float64(xy[2*i+1]))
		for ch := range c {
			dst[i*c+ch] = 0
			if ok {
				dst[i*c+ch] = image[(y*w+x)*c+ch]
			}
		}
	}
}

// SampleNearestGradImage adds up dy, point by point.
func SampleNearestGradImage[T Float](dimage []T, h, w, c int, dy, xy []T, o SampleOptions) {
	clear(dimage)
	plane := o.Plane(h, w)
	for i := range len(xy) / 2 {
		if x, y, ok := plane.Nearest(float64(xy[2*i]), float64(xy[2*i+1])); ok {
			for ch := range c {
				dimage[(y*w+x)*c+ch] += dy[i*c+ch]
			}
		}
	}
}

const edgesSample = "NaN, and ±Inf unless Border, give 0 and a gradient of +0"

var sampleKernels = []Kernel{
	sample("SampleBilinear", "dst image h w c xy opt", "the four pixels around each point, by their nearness", "SampleBilinearGradImage, SampleBilinearGradXY", [2]float64{0.93, 8.2}),
	sample("SampleBilinearGradImage", "dimage h w c dy xy opt", "the sum of dy by nearness, for every pixel", "composed of other operations", [2]float64{0.5, 7}),
	sample("SampleBilinearGradXY", "dxy dy image h w c xy opt", "Σ dy·∂SampleBilinear/∂(x, y) over the channels", "composed of other operations", [2]float64{1.1, 8.2}),
	sample("SampleNearest", "dst image h w c xy opt", "the nearest pixel, ties to even", "SampleNearestGradImage, and SampleBilinearGradXY as estimator", [2]float64{}),
	sample("SampleNearestGradImage", "dimage h w c dy xy opt", "the sum of dy where a pixel is the nearest", "composed of other operations", [2]float64{}),
}

// sample is an entry; ulp is of the largest pixel or product, in a small image,
// and does not count the sum over points.
func sample(name, args, formula, gradient string, ulp [2]float64) Kernel {
	k := whole(name, "sample", args, formula, gradient, edgesSample)
	k.ULP = ulp
	return k
}
