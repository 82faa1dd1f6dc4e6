package cases

import (
	"math"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/kernels"
)

// A sampling is an image and how it is sampled.
type sampling struct {
	h, w, c int
	opt     stepgrad.SampleOptions
}

// samplings has every option with images of several shapes.
func samplings() (list []sampling) {
	shapes := [][3]int{{3, 5, 1}, {4, 2, 3}, {1, 1, 2}, {7, 1, 1}, {1, 6, 4}, {2, 9, 2}, {11, 7, 1}}
	for i := range 12 {
		s := shapes[i%len(shapes)]
		list = append(list, sampling{s[0], s[1], s[2], stepgrad.SampleOptions{
			AlignCorners: i%2 == 1, Padding: stepgrad.Padding(i / 2 % 3), Coords: stepgrad.Coords(i / 6),
		}})
	}
	return list
}

// point puts three of four about the image, some on pixels and on edges.
func (s sampling) point(i int, x float64, bits uint32) float64 {
	size := float64(s.w)
	if i%2 == 1 {
		size = float64(s.h)
	}
	h := float64(bits*2654435761) / (1 << 32)
	switch i % 8 / 2 {
	case 0:
		return x
	case 1:
		h = math.Floor(4*h*size) / (2 * size)
	default:
		h = 3 * h
	}
	if s.opt.Coords == stepgrad.Normalised { // conversions, lest Go fuse
		return float64(2*h) - 2
	}
	return float64(h*size) - size
}

// sampleOf lays out in as points, values for every point and an image.
func sampleOf[T Float](s sampling, in []kernels.In[T]) (xy, values, image []T) {
	n := len(in) / 2
	xy = make([]T, 2*n)
	for i := range xy {
		xy[i] = T(s.point(i, float64(in[i].X), uint32(Bits(in[i].X)>>(i%8))))
	}
	values = make([]T, n*s.c)
	for i := range values {
		values[i] = T(i%13) - 5.5
		if v := in[i%len(in)].Dy; v-v == 0 && math.Abs(float64(v)) < 1e3 {
			values[i] = v
		}
	}
	image = make([]T, s.h*s.w*s.c)
	for i := range image {
		image[i] = T(i*i%17)/3 - 2
	}
	return xy, values, image
}

func sampleWholes[T Float]() []Whole[T] {
	all := samplings()
	forward := func(name string, def, f func(dst, image []T, h, w, c int, xy []T, opt stepgrad.SampleOptions)) Whole[T] {
		return Whole[T]{name, len(all), func(call *Call, way int, in []kernels.In[T]) {
			s := all[way]
			xy, want, image := sampleOf(s, in)
			def(want, image, s.h, s.w, s.c, xy, s.opt)
			dst, image, xy := Result(call, "dst", want), Operand(call, "image", image), Operand(call, "xy", xy)
			call.Run = func() { f(dst, image, s.h, s.w, s.c, xy, s.opt) }
		}}
	}
	backward := func(name string, def, f func(dimage []T, h, w, c int, dy, xy []T, opt stepgrad.SampleOptions)) Whole[T] {
		return Whole[T]{name, len(all), func(call *Call, way int, in []kernels.In[T]) {
			s := all[way]
			xy, dy, want := sampleOf(s, in)
			def(want, s.h, s.w, s.c, dy, xy, s.opt)
			dimage, dy, xy := Result(call, "dimage", want), Operand(call, "dy", dy), Operand(call, "xy", xy)
			call.Run = func() { f(dimage, s.h, s.w, s.c, dy, xy, s.opt) }
		}}
	}
	return []Whole[T]{
		forward("SampleBilinear", kernels.SampleBilinear[T], stepgrad.SampleBilinear[T]),
		backward("SampleBilinearGradImage", kernels.SampleBilinearGradImage[T], stepgrad.SampleBilinearGradImage[T]),
		{"SampleBilinearGradXY", len(all), func(call *Call, way int, in []kernels.In[T]) {
			s := all[way]
			xy, dy, image := sampleOf(s, in)
			want := make([]T, len(xy))
			kernels.SampleBilinearGradXY(want, dy, image, s.h, s.w, s.c, xy, s.opt)
			dxy, dy := Result(call, "dxy", want), Operand(call, "dy", dy)
			image, xy = Operand(call, "image", image), Operand(call, "xy", xy)
			call.Run = func() { stepgrad.SampleBilinearGradXY(dxy, dy, image, s.h, s.w, s.c, xy, s.opt) }
		}},
		forward("SampleNearest", kernels.SampleNearest[T], stepgrad.SampleNearest[T]),
		backward("SampleNearestGradImage", kernels.SampleNearestGradImage[T], stepgrad.SampleNearestGradImage[T]),
	}
}
