//go:build ignore

// Command reduce makes china.png and flower.png of this folder, half as wide
// and high as the originals: the mean of every 2×2 pixels.
//
//	apt-get download python3-sklearn && dpkg-deb -x python3-sklearn_*.deb sklearn
//	go run reduce.go sklearn/usr/lib/python3/dist-packages/sklearn/datasets/images
package main

import (
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run reduce.go folder-of-the-originals")
	}
	for _, name := range []string{"china", "flower"} {
		if err := reduce(filepath.Join(os.Args[1], name+".jpg"), name+".png"); err != nil {
			log.Fatal(err)
		}
	}
}

func reduce(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	large, err := jpeg.Decode(f)
	if err != nil {
		return err
	}
	at := large.Bounds().Min
	small := image.NewRGBA(image.Rect(0, 0, large.Bounds().Dx()/2, large.Bounds().Dy()/2))
	for y := range small.Rect.Max.Y {
		for x := range small.Rect.Max.X {
			var sum [3]uint32
			for k := range 4 {
				r, g, b, _ := large.At(at.X+2*x+k%2, at.Y+2*y+k/2).RGBA()
				sum[0], sum[1], sum[2] = sum[0]+r, sum[1]+g, sum[2]+b
			}
			const unit = 4 * 257
			small.SetRGBA(x, y, color.RGBA{uint8((sum[0] + unit/2) / unit), uint8((sum[1] + unit/2) / unit), uint8((sum[2] + unit/2) / unit), 255})
		}
	}
	g, err := os.Create(to)
	if err != nil {
		return err
	}
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(g, small); err != nil {
		return err
	}
	return g.Close()
}
