package main

import (
	"math/rand/v2"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/examples/internal/digits"
)

const (
	side    = digits.Side
	pixels  = digits.Pixels
	classes = digits.Classes
	white   = digits.White
)

// dataset holds images as rows of pixels in [0, 1].
type dataset struct {
	images []float32
	labels []int
}

func (d dataset) len() int              { return len(d.labels) }
func (d dataset) tensor() tensor        { return ag.Const(d.images, d.len(), pixels) }
func (d dataset) first(n int) dataset   { return dataset{d.images[:n*pixels], d.labels[:n]} }
func (d dataset) image(i int) []float32 { return d.images[i*pixels : (i+1)*pixels] }

// pick returns the given rows.
func (d dataset) pick(rows []int) dataset {
	p := dataset{make([]float32, 0, len(rows)*pixels), make([]int, 0, len(rows))}
	for _, i := range rows {
		p.images = append(p.images, d.image(i)...)
		p.labels = append(p.labels, d.labels[i])
	}
	return p
}

// split holds out a fifth of every class, drawn by rng.
func (d dataset) split(rng *rand.Rand) (train, heldOut dataset) {
	var in, out []int
	for c := range classes {
		var rows []int
		for i, label := range d.labels {
			if label == c {
				rows = append(rows, i)
			}
		}
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		out = append(out, rows[:len(rows)/5]...)
		in = append(in, rows[len(rows)/5:]...)
	}
	for _, rows := range [][]int{in, out} {
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	return d.pick(in), d.pick(out)
}

func loadDigits() (dataset, error) {
	images, labels, err := digits.Load()
	return dataset{images, labels}, err
}
