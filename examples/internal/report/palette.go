package report

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"slices"
)

// paletted is drawn in 256 colours, found by median cut (Heckbert 1982): a third of
// the bytes, for pictures that are kept in a repository.
func paletted(drawn image.Image) *image.Paletted {
	m := image.NewRGBA(drawn.Bounds())
	draw.Draw(m, m.Rect, drawn, m.Rect.Min, draw.Src)
	type colour struct{ rgb, n int }
	counts := map[int]int{}
	for i := 0; i < len(m.Pix); i += 4 {
		counts[int(m.Pix[i])<<16|int(m.Pix[i+1])<<8|int(m.Pix[i+2])]++
	}
	var all []colour
	for rgb, n := range counts {
		all = append(all, colour{rgb, n})
	}
	slices.SortFunc(all, func(a, b colour) int { return cmp.Compare(a.rgb, b.rgb) }) // maps have no order
	channel := func(c colour, shift int) int { return c.rgb >> shift & 255 }

	// widest is the channel that varies most in a box, and by how much.
	widest := func(box []colour) (shift, extent int) {
		for _, s := range []int{16, 8, 0} {
			low, high := 255, 0
			for _, c := range box {
				low, high = min(low, channel(c, s)), max(high, channel(c, s))
			}
			if high-low > extent {
				shift, extent = s, high-low
			}
		}
		return shift, extent
	}
	boxes := [][]colour{all}
	for len(boxes) < 256 {
		split, most, shift := -1, 0, 0
		for i, box := range boxes {
			s, extent := widest(box)
			pixels := 0
			for _, c := range box {
				pixels += c.n
			}
			if score := extent * pixels; score > most {
				split, most, shift = i, score, s
			}
		}
		if split < 0 {
			break
		}
		box := boxes[split]
		slices.SortStableFunc(box, func(a, b colour) int { return cmp.Compare(channel(a, shift), channel(b, shift)) })
		middle := len(box) / 2
		boxes[split] = box[:middle:middle]
		boxes = append(boxes, box[middle:])
	}

	var palette color.Palette
	for _, box := range boxes {
		sum, n := [3]int{}, 0
		for _, c := range box {
			n += c.n
			for k := range sum {
				sum[k] += c.n * channel(c, 16-8*k)
			}
		}
		palette = append(palette, color.RGBA{uint8((sum[0] + n/2) / n), uint8((sum[1] + n/2) / n), uint8((sum[2] + n/2) / n), 255})
	}
	p := image.NewPaletted(m.Rect, palette)
	draw.FloydSteinberg.Draw(p, m.Rect, m, m.Rect.Min)
	return p
}
