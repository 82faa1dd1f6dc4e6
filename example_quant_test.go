package stepgrad_test

import (
	"fmt"
	"math"

	"github.com/stepgrad/stepgrad"
)

func ExampleNewQuant() {
	q, err := stepgrad.NewQuant[float32](0.1, 128, 0, 255, stepgrad.WithRule(stepgrad.Divide)) // ONNX's uint8
	fmt.Println(q, err)
	_, err = stepgrad.NewQuant[float32](0.1, 128, -128, 127)
	fmt.Println(err)
	// Output:
	// Quant(scale 0.1, zero 128, [0, 255], NearestEven, Divide) <nil>
	// stepgrad: NewQuant: zero must be in [min, max] = [-128, 127], not 128
}

func ExampleWithMode() {
	even, _ := stepgrad.NewQuant(1., 0, -8, 7)
	away, _ := stepgrad.NewQuant(1., 0, -8, 7, stepgrad.WithMode(stepgrad.NearestAway))
	x, dst := []float64{0.5, 2.5, -2.5}, make([]int8, 3)
	stepgrad.Quantize(dst, x, even)
	fmt.Println(dst)
	stepgrad.Quantize(dst, x, away)
	fmt.Println(dst)
	// Output:
	// [0 2 -2]
	// [1 3 -3]
}

func ExampleWithRule() {
	plain, _ := stepgrad.NewQuant(1., 3, -8, 7)
	together, _ := stepgrad.NewQuant(1., 3, -8, 7, stepgrad.WithRule(stepgrad.ReciprocalZero))
	x, dst := []float64{0.5, 1.5}, make([]int8, 2)
	stepgrad.Quantize(dst, x, plain) // round(0.5) + 3, round(1.5) + 3
	fmt.Println(dst)
	stepgrad.Quantize(dst, x, together) // round(3.5), round(4.5)
	fmt.Println(dst)
	// Output:
	// [3 5]
	// [4 4]
}

func ExampleQuantFromRange() {
	x := []float32{-0.4, 0, 1.1, 0.3}
	lo, hi := stepgrad.MinMax(x)
	q, err := stepgrad.QuantFromRange(lo, hi, 8, false)
	fmt.Println(q.Zero(), err)
	// Output:
	// 68 <nil>
}

func ExampleFakeQuantize() {
	q, _ := stepgrad.NewQuant(0.25, 0, -8, 7)
	dst, mask := make([]float64, 4), make([]byte, 1)
	stepgrad.FakeQuantize(dst, mask, []float64{0.3, -0.1, 5, -2}, q)
	fmt.Printf("%v %04b\n", dst, mask[0]) // 5 is out of range
	// Output:
	// [0.25 0 1.75 -2] 1011
}

func ExampleFakeQuantizeGrad() {
	q, _ := stepgrad.NewQuant(0.25, 0, -8, 7)
	dx := make([]float64, 3)
	dscale, dzero := stepgrad.FakeQuantizeGrad(dx, []float64{1, 1, 1}, []float64{0.3, -0.1, 5}, q)
	fmt.Printf("%v %.2f %.2f\n", dx, dscale, dzero) // (1 − 1.2) + (0 + 0.4) + 7, −0.25
	// Output:
	// [1 1 0] 7.20 -0.25
}

func ExampleQuantize() {
	q, _ := stepgrad.NewQuant[float32](0.1, 0, -128, 127)
	dst := make([]int8, 4)
	stepgrad.Quantize(dst, []float32{1.23, -0.5, 100, float32(math.NaN())}, q)
	fmt.Println(dst)
	// Output:
	// [12 -5 127 0]
}

func ExampleDequantize() {
	q, _ := stepgrad.NewQuant(0.5, 10, 0, 255)
	dst := make([]float64, 3)
	stepgrad.Dequantize(dst, []uint8{10, 12, 0}, q)
	fmt.Println(dst)
	// Output:
	// [0 1 -5]
}

func ExampleQuantize4() {
	q, _ := stepgrad.NewQuant(1., 0, -8, 7)
	dst := make([]byte, 2)
	stepgrad.Quantize4(dst, []float64{1, -1, 7}, q, stepgrad.LowFirst)
	fmt.Printf("%#x\n", dst)
	stepgrad.Quantize4(dst, []float64{1, -1, 7}, q, stepgrad.HighFirst)
	fmt.Printf("%#x\n", dst)
	// Output:
	// 0xf107
	// 0x1f70
}

func ExampleDequantize4() {
	q, _ := stepgrad.NewQuant(1., 0, -8, 7)
	dst := make([]float64, 3)
	stepgrad.Dequantize4(dst, []byte{0xf1, 0x07}, 3, q, stepgrad.LowFirst)
	fmt.Println(dst)
	// Output:
	// [1 -1 7]
}

func ExampleMinMax() {
	fmt.Println(stepgrad.MinMax([]float64{3, math.NaN(), -2}))
	fmt.Println(stepgrad.MinMax[float64](nil))
	// Output:
	// -2 3
	// +Inf -Inf
}

// perRow has a scale for each row of two.
func perRow() []stepgrad.Quant[float64] {
	fine, _ := stepgrad.NewQuant(0.125, 0, -8, 7)
	coarse, _ := stepgrad.NewQuant(2., 0, -8, 7)
	return []stepgrad.Quant[float64]{fine, coarse}
}

func ExampleFakeQuantizeRows() {
	dst := make([]float64, 6)
	stepgrad.FakeQuantizeRows(dst, nil, []float64{0.1, 0.2, -0.3, 3.5, 10, 100}, 3, 3, perRow())
	fmt.Println(dst)
	// Output:
	// [0.125 0.25 -0.25 4 10 14]
}

func ExampleFakeQuantizeGradRows() {
	dx, dscale, dzero := make([]float64, 4), make([]float64, 2), make([]float64, 2)
	stepgrad.FakeQuantizeGradRows(dx, []float64{1, 1, 1, 1}, []float64{0.1875, 0.25, 3, 100}, 2, 2, perRow(), dscale, dzero)
	fmt.Println(dx, dscale, dzero)
	// Output:
	// [1 1 1 0] [0.5 7.5] [0 -2]
}

func ExampleQuantizeRows() {
	dst := make([]int8, 6)
	stepgrad.QuantizeRows(dst, []float64{0.1, 0.2, -0.3, 3.5, 10, 100}, 3, 3, perRow())
	fmt.Println(dst)
	// Output:
	// [1 2 -2 2 5 7]
}

func ExampleQuantize4Rows() {
	dst, x := make([]byte, 2), []float64{0.125, -0.25, 2, -8}
	stepgrad.Quantize4Rows(dst, x, 2, 2, perRow(), stepgrad.LowFirst)
	fmt.Printf("%#x\n", dst)
	// Output:
	// 0xe1c1
}

func ExampleDequantize4Rows() {
	dst := make([]float64, 4)
	stepgrad.Dequantize4Rows(dst, []byte{0xe1, 0xc1}, 2, 2, perRow(), stepgrad.LowFirst)
	fmt.Println(dst)
	// Output:
	// [0.125 -0.25 2 -8]
}

func ExampleDequantizeRows() {
	dst := make([]float64, 4)
	stepgrad.DequantizeRows(dst, []int8{1, -8, 1, -8}, 2, 2, perRow())
	fmt.Println(dst)
	// Output:
	// [0.125 -1 2 -16]
}
