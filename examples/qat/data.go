package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strconv"

	ag "github.com/stepgrad/stepgrad/autograd"
)

const (
	side    = 8
	pixels  = side * side
	classes = 10
	white   = 16 // a pixel is an integer from 0 to 16
)

//go:embed data/digits.csv.gz
var digitsCSV []byte

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

// loadDigits reads the embedded file: 64 pixels and a label in each line.
func loadDigits() (dataset, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(digitsCSV))
	if err != nil {
		return dataset{}, fmt.Errorf("digits.csv.gz: %w", err)
	}
	lines := csv.NewReader(unzipped)
	lines.FieldsPerRecord = pixels + 1
	records, err := lines.ReadAll()
	if err != nil {
		return dataset{}, fmt.Errorf("digits.csv.gz: %w", err)
	}
	var d dataset
	for n, record := range records {
		for k, field := range record {
			v, err := strconv.Atoi(field)
			switch {
			case err != nil:
				return dataset{}, fmt.Errorf("digits.csv.gz:%d: %w", n+1, err)
			case k < pixels && 0 <= v && v <= white:
				d.images = append(d.images, float32(v)/white)
			case k == pixels && 0 <= v && v < classes:
				d.labels = append(d.labels, v)
			default:
				return dataset{}, fmt.Errorf("digits.csv.gz:%d: field %d is %d, out of range", n+1, k+1, v)
			}
		}
	}
	return d, nil
}
