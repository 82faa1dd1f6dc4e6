// Package digits holds the handwritten digits that examples learn from.
package digits

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
)

const (
	Side    = 8
	Pixels  = Side * Side
	Classes = 10
	White   = 16 // a pixel is an integer from 0 to 16
)

//go:embed digits.csv.gz
var file []byte

// Load reads the embedded file, 64 pixels and a label in each line. Images are
// rows of pixels in [0, 1].
func Load() (images []float32, labels []int, err error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, nil, fmt.Errorf("digits.csv.gz: %w", err)
	}
	lines := csv.NewReader(unzipped)
	lines.FieldsPerRecord = Pixels + 1
	records, err := lines.ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("digits.csv.gz: %w", err)
	}
	for n, record := range records {
		for k, field := range record {
			v, err := strconv.Atoi(field)
			switch {
			case err != nil:
				return nil, nil, fmt.Errorf("digits.csv.gz:%d: %w", n+1, err)
			case k < Pixels && 0 <= v && v <= White:
				images = append(images, float32(v)/White)
			case k == Pixels && 0 <= v && v < Classes:
				labels = append(labels, v)
			default:
				return nil, nil, fmt.Errorf("digits.csv.gz:%d: field %d is %d, out of range", n+1, k+1, v)
			}
		}
	}
	return images, labels, nil
}
