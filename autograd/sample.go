package autograd

import (
	"fmt"
	"slices"

	"github.com/stepgrad/stepgrad"
)

// SampleBilinear interpolates images at points, as stepgrad.SampleBilinear.
// image has shape [h w c] and xy [… 2], which gives [… c]; or a batch, image
// [n h w c] and xy [n … 2], which gives [n … c].
//
// The gradients are those of stepgrad.SampleBilinearGradImage and
// stepgrad.SampleBilinearGradXY, and can be differentiated to any order: inside
// of a cell the value is linear in the image and in each coordinate, with a
// mixed second derivative that need not be 0. The borders between cells, where
// the gradient by the points jumps, do not count in that.
//
// It panics if the shapes are not such, if h, w or c is 0, or if an option is
// none of the constants. image and xy are kept for the backward pass.
func SampleBilinear[T stepgrad.Float](image, xy *Var[T], opt stepgrad.SampleOptions) *Var[T] {
	return newSampler("SampleBilinear", image, xy, opt).take(bilinear, image, xy)
}

// SampleNearest takes from images the pixels nearest to points, as
// stepgrad.SampleNearest. Shapes, panics and the gradient by the points are
// those of SampleBilinear: a straight-through estimator, as the derivative is 0
// almost everywhere. In torch the gradient is that 0.
func SampleNearest[T stepgrad.Float](image, xy *Var[T], opt stepgrad.SampleOptions) *Var[T] {
	return newSampler("SampleNearest", image, xy, opt).take(nearest, image, xy)
}

// A weighting says how a point reads the pixels around it.
type weighting uint8

const (
	nearest  weighting = iota
	bilinear           // and its derivatives:
	alongX             // by x
	alongY             // by y
	alongXY            // by both
)

// A sampler holds what is constant of an operation, and the shapes.
type sampler[T stepgrad.Float] struct {
	opt           stepgrad.SampleOptions
	h, w, c       int
	points        int // of one image
	image, xy, to []int
}

func newSampler[T stepgrad.Float](op string, image, xy *Var[T], opt stepgrad.SampleOptions) *sampler[T] {
	r := len(image.shape)
	batched := r == 4
	if r != 3 && r != 4 || len(xy.shape) < 1+r-3 || xy.shape[len(xy.shape)-1] != 2 || batched && image.shape[0] != xy.shape[0] {
		panic(fmt.Sprintf("autograd: %s: shapes %v and %v are not [h w c] and [… 2], or [n h w c] and [n … 2]", op, image.shape, xy.shape))
	}
	s := &sampler[T]{opt: opt, h: image.shape[r-3], w: image.shape[r-2], c: image.shape[r-1], image: image.shape, xy: xy.shape}
	if s.h == 0 || s.w == 0 || s.c == 0 {
		panic(fmt.Sprintf("autograd: %s: shape %v has no pixel", op, image.shape))
	}
	obey(op, func() { stepgrad.SampleBilinear(nil, make([]T, 1), 1, 1, 1, nil, opt) })
	s.points = size(xy.shape[r-3 : len(xy.shape)-1])
	s.to = slices.Clone(xy.shape)
	s.to[len(s.to)-1] = s.c
	return s
}

// take reads images at points.
func (s *sampler[T]) take(by weighting, image, xy *Var[T]) *Var[T] {
	dst := blank[T](size(s.to))
	s.chunks(func(i, j, at int) {
		s.taken(by, dst[i*s.c:j*s.c], image.data[at:at+s.h*s.w*s.c], xy.data[2*i:2*j])
	})
	toImage := via(image, func(dy *Var[T]) *Var[T] { return s.give(by, dy, xy) })
	toXY := via(xy, func(dy *Var[T]) *Var[T] { return s.slope(by, dy, image, xy) })
	if by == bilinear || by == nearest {
		toImage = viaPlain(image, toImage.rule, func(dst, dy []T) { s.given(by, dst, apart(dst, dy), xy.data) }, xy)
		toXY = viaPlain(xy, toXY.rule, func(dst, dy []T) { s.sloped(dst, apart(dst, dy), image.data, xy.data) }, image, xy)
	}
	return result(dst, s.to, toImage, toXY)
}

// give is take's gradient by the images.
func (s *sampler[T]) give(by weighting, dy, xy *Var[T]) *Var[T] {
	dst := blank[T](size(s.image))
	s.given(by, dst, dy.data, xy.data)
	return result(dst, s.image,
		via(dy, func(d *Var[T]) *Var[T] { return s.take(by, d, xy) }),
		via(xy, func(d *Var[T]) *Var[T] { return s.slope(by, dy, d, xy) }))
}

// slope is take's gradient by the points: Σ dy·take over the channels, with the
// derivatives of its weights.
func (s *sampler[T]) slope(by weighting, dy, image, xy *Var[T]) *Var[T] {
	switch by {
	case alongX:
		return Concat(-1, fill(T(0), rows(s.xy)), s.dot(dy, s.take(alongXY, image, xy)))
	case alongY:
		return Concat(-1, s.dot(dy, s.take(alongXY, image, xy)), fill(T(0), rows(s.xy)))
	case alongXY:
		return fill(T(0), s.xy)
	}
	dst := blank[T](size(s.xy))
	s.sloped(dst, dy.data, image.data, xy.data)
	parts := func(d *Var[T]) (x, y *Var[T]) { return Slice(d, -1, 0, 1), Slice(d, -1, 1, 2) }
	return result(dst, s.xy,
		via(dy, func(d *Var[T]) *Var[T] {
			x, y := parts(d)
			return Add(Mul(x, s.take(alongX, image, xy)), Mul(y, s.take(alongY, image, xy)))
		}),
		via(image, func(d *Var[T]) *Var[T] {
			x, y := parts(d)
			return Add(s.give(alongX, Mul(x, dy), xy), s.give(alongY, Mul(y, dy), xy))
		}),
		via(xy, func(d *Var[T]) *Var[T] {
			x, y := parts(d)
			mixed := s.dot(dy, s.take(alongXY, image, xy))
			return Concat(-1, Mul(y, mixed), Mul(x, mixed))
		}))
}

// dot is Σ a·b over the channels, an axis that stays, of length 1.
func (s *sampler[T]) dot(a, b *Var[T]) *Var[T] { return sumTo(Mul(a, b), rows(s.to)) }

// chunks calls f for points i to j of an image that starts at element at.
func (s *sampler[T]) chunks(f func(i, j, at int)) {
	if s.points == 0 {
		return
	}
	stepgrad.Parallel(size(s.xy)/2, func(lo, hi int) {
		for i := lo; i < hi; {
			n := i / s.points
			j := min(hi, (n+1)*s.points)
			f(i, j, n*s.h*s.w*s.c)
			i = j
		}
	})
}

func (s *sampler[T]) taken(by weighting, dst, image, xy []T) {
	switch by {
	case nearest:
		stepgrad.SampleNearest(dst, image, s.h, s.w, s.c, xy, s.opt)
	case bilinear:
		stepgrad.SampleBilinear(dst, image, s.h, s.w, s.c, xy, s.opt)
	default:
		clear(dst)
		s.corners(by, xy, func(point, at int, weight float64) {
			for k, v := range image[at:][:s.c] {
				dst[point*s.c+k] += T(weight * float64(v))
			}
		})
	}
}

// given adds up, image by image, in the order of the points.
func (s *sampler[T]) given(by weighting, dimage, dy, xy []T) {
	all := s.h * s.w * s.c
	for n := range size(s.image) / all {
		dimage := dimage[n*all:][:all]
		dy, xy := dy[n*s.points*s.c:][:s.points*s.c], xy[2*n*s.points:][:2*s.points]
		switch by {
		case nearest:
			stepgrad.SampleNearestGradImage(dimage, s.h, s.w, s.c, dy, xy, s.opt)
		case bilinear:
			stepgrad.SampleBilinearGradImage(dimage, s.h, s.w, s.c, dy, xy, s.opt)
		default:
			clear(dimage)
			s.corners(by, xy, func(point, at int, weight float64) {
				for k, d := range dy[point*s.c:][:s.c] {
					dimage[at+k] += T(weight * float64(d))
				}
			})
		}
	}
}

func (s *sampler[T]) sloped(dxy, dy, image, xy []T) {
	s.chunks(func(i, j, at int) {
		stepgrad.SampleBilinearGradXY(dxy[2*i:2*j], dy[i*s.c:j*s.c], image[at:at+s.h*s.w*s.c], s.h, s.w, s.c, xy[2*i:2*j], s.opt)
	})
}

// corners calls f for every corner of a point's cell that counts in a
// derivative of the weights, with the pixel's first channel.
func (s *sampler[T]) corners(by weighting, xy []T, f func(point, at int, weight float64)) {
	plane := s.opt.Plane(s.h, s.w)
	for i := range len(xy) / 2 {
		cell, ok := plane.Cell(float64(xy[2*i]), float64(xy[2*i+1]))
		if !ok {
			continue
		}
		wx, wy := [2]float64{1 - cell.FX, cell.FX}, [2]float64{1 - cell.FY, cell.FY}
		if by == alongX || by == alongXY {
			wx = [2]float64{-cell.SX, cell.SX}
		}
		if by == alongY || by == alongXY {
			wy = [2]float64{-cell.SY, cell.SY}
		}
		for k := range 4 {
			x, y, _ := cell.Corner(k)
			weight := wx[k&1] * wy[k>>1]
			if weight != 0 && 0 <= x && x < s.w && 0 <= y && y < s.h {
				f(i, (y*s.w+x)*s.c, weight)
			}
		}
	}
}
