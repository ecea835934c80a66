//go:build ignore

// This program draws example/bytes.png: the bytes of a small request, one
// column of eight squares each, the highest bit on top. Run it with
// "go run draw_bytes.go" after a change to the request below; the image is
// kept in the repository and not made by the build.
package main

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log"
	"os"
)

const request = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: text/html\r\n\r\n"

const (
	cell   = 24 // pixels from one column to the next, at twice the size shown
	square = 20
	margin = 32
)

var palette = color.Palette{
	color.RGBA{0xfb, 0xfa, 0xf7, 0xff}, // paper
	color.RGBA{0xe6, 0xe3, 0xda, 0xff}, // a zero
	color.RGBA{0x22, 0x25, 0x2b, 0xff}, // a one
	color.RGBA{0xf1, 0xcf, 0xca, 0xff}, // a zero of a line end
	color.RGBA{0xb3, 0x37, 0x2b, 0xff}, // a one of a line end
}

func main() {
	width := 2*margin + len(request)*cell - (cell - square)
	img := image.NewPaletted(image.Rect(0, 0, width, 2*margin+8*cell-(cell-square)), palette)
	for column, byte := range []byte(request) {
		for bit := range 8 {
			colour := 1 + int(byte>>(7-bit)&1)
			if byte == '\r' || byte == '\n' {
				colour += 2
			}
			x, y := margin+column*cell, margin+bit*cell
			draw.Draw(img, image.Rect(x, y, x+square, y+square), image.NewUniform(palette[colour]), image.Point{}, draw.Src)
		}
	}
	f, err := os.Create("example/bytes.png")
	if err != nil {
		log.Fatal(err)
	}
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(f, img); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	log.Printf("example/bytes.png: %v", img.Bounds().Max)
}
