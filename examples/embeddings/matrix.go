package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/sbinet/npyio/npy"
)

var (
	//go:embed data/glosses.npy.gz
	glossesNPY []byte
	//go:embed data/glosses.txt.gz
	glossesText []byte
)

// A matrix holds vectors as rows.
type matrix struct {
	data []float32
	cols int
}

func (m matrix) rows() int              { return len(m.data) / m.cols }
func (m matrix) row(i int) []float32    { return m.data[i*m.cols : (i+1)*m.cols] }
func (m matrix) from(lo, hi int) matrix { return matrix{m.data[lo*m.cols : hi*m.cols], m.cols} }

// maxCols keeps the int32 sum of int8 products from overflowing.
const maxCols = math.MaxInt32 / (128 * 128)

// largest keeps inner products of so many elements finite in float32.
const largest = 1e16

// loadFile reads a .npy or .npy.gz file.
func loadFile(path string) (matrix, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return matrix{}, err
	}
	m, err := parseNPY(data)
	if err != nil {
		return matrix{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// loadGlosses returns the embedded vectors and the text of each.
func loadGlosses() (matrix, []string, error) {
	m, err := parseNPY(glossesNPY)
	if err != nil {
		return matrix{}, nil, fmt.Errorf("glosses.npy.gz: %w", err)
	}
	text, err := unzip(glossesText)
	if err != nil {
		return matrix{}, nil, fmt.Errorf("glosses.txt.gz: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != m.rows() {
		return matrix{}, nil, fmt.Errorf("glosses.txt.gz has %d lines for %d vectors", len(lines), m.rows())
	}
	return m, lines, nil
}

// unzip returns data as it is unless it starts as gzip does.
func unzip(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// parseNPY reads a two-dimensional array of float32 or float64 in C order.
func parseNPY(data []byte) (m matrix, err error) {
	if data, err = unzip(data); err != nil {
		return matrix{}, err
	}
	defer func() {
		if r := recover(); r != nil { // npyio slices a broken header out of bounds
			m, err = matrix{}, errors.New("the header is not that of a .npy file")
		}
	}()
	left := bytes.NewReader(data)
	r, err := npy.NewReader(left)
	if err != nil {
		return matrix{}, err
	}
	shape, kind := r.Header.Descr.Shape, r.Header.Descr.Type
	width := map[string]int{"<f4": 4, ">f4": 4, "<f8": 8, ">f8": 8}[kind]
	switch {
	case width == 0:
		return matrix{}, fmt.Errorf("elements are %s, must be float32 or float64", kind)
	case r.Header.Descr.Fortran:
		return matrix{}, errors.New("the array is in Fortran order; save numpy.ascontiguousarray of it")
	case len(shape) != 2:
		return matrix{}, fmt.Errorf("the shape is %v, must be (vectors, dimensions)", shape)
	case shape[0] < 1 || shape[1] < 1 || shape[1] > maxCols:
		return matrix{}, fmt.Errorf("the shape is %v: at least one vector, and from 1 to %d dimensions", shape, maxCols)
	case shape[0] > left.Len() || left.Len() != shape[0]*shape[1]*width:
		return matrix{}, fmt.Errorf("%d bytes do not hold a %s array of shape %v", left.Len(), kind, shape)
	}
	m = matrix{make([]float32, 0, shape[0]*shape[1]), shape[1]}
	if width == 4 {
		err = r.Read(&m.data)
	} else {
		var wide []float64
		err = r.Read(&wide)
		for _, v := range wide {
			m.data = append(m.data, float32(v))
		}
	}
	if err != nil {
		return matrix{}, err
	}
	for i, v := range m.data {
		if !(-largest <= v && v <= largest) {
			return matrix{}, fmt.Errorf("element (%d, %d) is %v, must be from %g to %g", i/m.cols, i%m.cols, v, -largest, largest)
		}
	}
	return m, nil
}

// formatNPY makes a .npy file of a matrix: npyio writes slices with one
// dimension only.
func formatNPY[T int8 | uint8 | float32](data []T, cols int) []byte {
	kind := map[any]string{int8(0): "|i1", uint8(0): "|u1", float32(0): "<f4"}[any(T(0))]
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }", kind, len(data)/cols, cols)
	const before = 10 // the magic, the version and the header's length
	header += strings.Repeat(" ", 63-(before+len(header))%64) + "\n"

	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	binary.Write(&b, binary.LittleEndian, data)
	return b.Bytes()
}
