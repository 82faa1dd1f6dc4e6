package stepgrad_test

import (
	"fmt"
	"math"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

// A floor in the way of a gradient, the way past it, and how to find it. The
// README shows these lines.
func Example() {
	w := ag.Param([]float64{0.25, 1.75, 2.5})
	hard := ag.Sum(ag.Square(ag.Floor(w)))
	ste := ag.Sum(ag.Square(ag.FloorSTE(w)))
	fmt.Println(ag.Grad(hard, w)[0].Data()) // [0 0 0]: nothing learns
	fmt.Println(ag.Grad(ste, w)[0].Data())  // [0 2 4]: straight through
	why := ag.Explain(hard, w).Blocks[0]    // also why.File and why.Line
	fmt.Println(why.Op, why.Instead)        // Floor [FloorSTE SoftFloor]
	// Output:
	// [0 0 0]
	// [0 2 4]
	// Floor [FloorSTE SoftFloor]
}

func ExampleFloor() {
	x := []float32{-1.5, -0.3, 0, 2.9999998}
	stepgrad.Floor(x, x) // in place
	fmt.Println(x)
	// Output:
	// [-2 -1 0 2]
}

func ExampleCeil() {
	dst, x := make([]float64, 3), []float64{-1.5, -0.3, 0.3}
	stepgrad.Ceil(dst, x)
	fmt.Println(dst)
	// Output:
	// [-1 -0 1]
}

func ExampleTrunc() {
	dst, x := make([]float64, 3), []float64{-1.5, -0.3, 1.5}
	stepgrad.Trunc(dst, x)
	fmt.Println(dst)
	// Output:
	// [-1 -0 1]
}

func ExampleRound() {
	dst, x := make([]float64, 4), []float64{0.5, 1.5, 2.5, -0.3}
	stepgrad.Round(dst, x) // ties to even
	fmt.Println(dst)
	// Output:
	// [0 2 2 -0]
}

func ExampleRoundAway() {
	dst, x := make([]float64, 4), []float64{0.5, 1.5, 2.5, -0.3}
	stepgrad.RoundAway(dst, x)
	fmt.Println(dst)
	// Output:
	// [1 2 3 -0]
}

func ExampleFloorSnap() {
	x := []float32{2.9999998, 2.999999, 2.5} // the first is the neighbour of 3
	dst := make([]float32, len(x))
	stepgrad.FloorSnap(dst, x, 1)
	fmt.Println(dst)
	// Output:
	// [3 2 2]
}

func ExampleFloorDiv() {
	// In float64, 0.6 lies below 6 times 0.1: both are rounded.
	dst, x := make([]float64, 3), []float64{0.55, 0.6, 1}
	stepgrad.FloorDiv(dst, x, 0.1)
	fmt.Println(dst, math.Floor(1/0.1))
	// Output:
	// [5 5 9] 10
}

func ExampleFloorDivSnap() {
	const step = 0.1
	x := []float64{3 * step, 6 * step, 7 * step}
	dst := make([]float64, len(x))
	stepgrad.FloorDivSnap(dst, x, step, 1)
	fmt.Println(dst)
	// Output:
	// [3 6 7]
}

func ExampleFloorInt32() {
	dst, x := make([]int32, 4), []float32{-1.5, 2.5, 1e10, float32(math.NaN())}
	stepgrad.FloorInt32(dst, x)
	fmt.Println(dst)
	// Output:
	// [-2 2 2147483647 0]
}

func ExampleCeilInt32() {
	dst, x := make([]int32, 4), []float32{-1.5, 2.5, 1e10, float32(math.NaN())}
	stepgrad.CeilInt32(dst, x)
	fmt.Println(dst)
	// Output:
	// [-1 3 2147483647 0]
}

func ExampleRoundInt32() {
	dst, x := make([]int32, 4), []float32{-1.5, 2.5, 1e10, float32(math.NaN())}
	stepgrad.RoundInt32(dst, x)
	fmt.Println(dst)
	// Output:
	// [-2 2 2147483647 0]
}

func ExampleTruncInt32() {
	dst, x := make([]int32, 4), []float32{-1.5, 2.5, 1e10, float32(math.NaN())}
	stepgrad.TruncInt32(dst, x)
	fmt.Println(dst)
	// Output:
	// [-1 2 2147483647 0]
}

func ExampleSTEForward() {
	x := []float32{-9.4, -3.2, 0.4, 6.6, 7.2}
	dst, mask := make([]float32, len(x)), make([]byte, 1)
	stepgrad.STEForward(dst, mask, x, stepgrad.NearestEven, -8, 7)
	fmt.Printf("%v %05b\n", dst, mask[0])
	// Output:
	// [-8 -3 0 7 7] 01110
}

func ExampleSTEBackward() {
	dy, mask := []float32{1, 2, 3, 4, 5}, []byte{0b01110}
	dst := make([]float32, len(dy))
	stepgrad.STEBackward(dst, dy, mask)
	fmt.Println(dst)
	// Output:
	// [0 2 3 4 0]
}

func ExampleSoftFloor() {
	dst, x := make([]float64, 4), []float64{0.25, 0.75, 1, 1.25}
	stepgrad.SoftFloor(dst, x, 10)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [-0.0066 0.0066 0.5000 0.9934]
}

func ExampleSoftFloorGrad() {
	x, dy := []float64{0.25, 0.5, 1}, []float64{1, 1, 2}
	dst := make([]float64, len(x))
	stepgrad.SoftFloorGrad(dst, dy, x, 10)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [0.1330 0.0009 10.0009]
}

func ExampleSoftFloorValueGrad() {
	x := []float64{0.25, 0.5, 1}
	value, grad := make([]float64, len(x)), make([]float64, len(x))
	stepgrad.SoftFloorValueGrad(value, grad, x, 10)
	fmt.Printf("%.4f %.4f\n", value, grad)
	// Output:
	// [-0.0066 0.0000 0.5000] [0.1330 0.0009 5.0005]
}

func ExampleSoftRound() {
	dst, x := make([]float64, 4), []float64{0.25, 0.75, 1, 1.25}
	stepgrad.SoftRound(dst, x, 10)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [0.0066 0.9934 1.0000 1.0066]
}

func ExampleSoftRoundGrad() {
	x, dy := []float64{0.25, 0.5, 1}, []float64{1, 1, 2}
	dst := make([]float64, len(x))
	stepgrad.SoftRoundGrad(dst, dy, x, 10)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [0.1330 5.0005 0.0018]
}

func ExampleSoftRoundValueGrad() {
	x := []float64{0.25, 0.5, 1}
	value, grad := make([]float64, len(x)), make([]float64, len(x))
	stepgrad.SoftRoundValueGrad(value, grad, x, 10)
	fmt.Printf("%.4f %.4f\n", value, grad)
	// Output:
	// [0.0066 0.5000 1.0000] [0.1330 5.0005 0.0009]
}

func ExampleSoftCeil() {
	dst, x := make([]float64, 4), []float64{0.25, 0.75, 1, 1.25}
	stepgrad.SoftCeil(dst, x, 10)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [0.9934 1.0066 1.5000 1.9934]
}

func ExampleSoftCeilGrad() {
	x, dy := []float64{0.25, 0.5, 1}, []float64{1, 1, 2}
	dst := make([]float64, len(x))
	stepgrad.SoftCeilGrad(dst, dy, x, 10)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [0.1330 0.0009 10.0009]
}

func ExampleSoftCeilValueGrad() {
	x := []float64{0.25, 0.5, 1}
	value, grad := make([]float64, len(x)), make([]float64, len(x))
	stepgrad.SoftCeilValueGrad(value, grad, x, 10)
	fmt.Printf("%.4f %.4f\n", value, grad)
	// Output:
	// [0.9934 1.0000 1.5000] [0.1330 0.0009 5.0005]
}

func ExampleSmoothFloor() {
	dst, x := make([]float64, 4), []float64{0.25, 0.75, 1, 1.25}
	stepgrad.SmoothFloor(dst, x, 0.01)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [-0.0032 0.0032 0.5000 0.9968]
}

func ExampleSmoothFloorGrad() {
	x, dy := []float64{0.25, 0.5, 1}, []float64{1, 1, 2}
	dst := make([]float64, len(x))
	stepgrad.SmoothFloorGrad(dst, dy, x, 0.01)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [0.0200 0.0100 200.0000]
}

func ExampleSmoothFloorValueGrad() {
	x := []float64{0.25, 0.5, 1}
	value, grad := make([]float64, len(x)), make([]float64, len(x))
	stepgrad.SmoothFloorValueGrad(value, grad, x, 0.01)
	fmt.Printf("%.4f %.4f\n", value, grad)
	// Output:
	// [-0.0032 0.0000 0.5000] [0.0200 0.0100 100.0000]
}

func ExampleSmoothRound() {
	dst, x := make([]float64, 4), []float64{0.25, 0.75, 1, 1.25}
	stepgrad.SmoothRound(dst, x, 0.01)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [0.0032 0.9968 1.0000 1.0032]
}

func ExampleSmoothRoundGrad() {
	x, dy := []float64{0.25, 0.5, 1}, []float64{1, 1, 2}
	dst := make([]float64, len(x))
	stepgrad.SmoothRoundGrad(dst, dy, x, 0.01)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [0.0200 100.0000 0.0200]
}

func ExampleSmoothRoundValueGrad() {
	x := []float64{0.25, 0.5, 1}
	value, grad := make([]float64, len(x)), make([]float64, len(x))
	stepgrad.SmoothRoundValueGrad(value, grad, x, 0.01)
	fmt.Printf("%.4f %.4f\n", value, grad)
	// Output:
	// [0.0032 0.5000 1.0000] [0.0200 100.0000 0.0100]
}

func ExampleSmoothCeil() {
	dst, x := make([]float64, 4), []float64{0.25, 0.75, 1, 1.25}
	stepgrad.SmoothCeil(dst, x, 0.01)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [0.9968 1.0032 1.5000 1.9968]
}

func ExampleSmoothCeilGrad() {
	x, dy := []float64{0.25, 0.5, 1}, []float64{1, 1, 2}
	dst := make([]float64, len(x))
	stepgrad.SmoothCeilGrad(dst, dy, x, 0.01)
	fmt.Printf("%.4f\n", dst)
	// Output:
	// [0.0200 0.0100 200.0000]
}

func ExampleSmoothCeilValueGrad() {
	x := []float64{0.25, 0.5, 1}
	value, grad := make([]float64, len(x)), make([]float64, len(x))
	stepgrad.SmoothCeilValueGrad(value, grad, x, 0.01)
	fmt.Printf("%.4f %.4f\n", value, grad)
	// Output:
	// [0.9968 1.0000 1.5000] [0.0200 0.0100 100.0000]
}

func ExampleISA() {
	isa := stepgrad.ISA()
	fmt.Println(isa == "avx512" || isa == "avx2" || isa == "neon" || isa == "generic")
	// Output:
	// true
}

func ExampleParallel() {
	x := make([]float32, 1<<20)
	for i := range x {
		x[i] = float32(i) + 0.5
	}
	stepgrad.Parallel(len(x), func(lo, hi int) { stepgrad.Floor(x[lo:hi], x[lo:hi]) })
	fmt.Println(x[0], x[len(x)-1])
	// Output:
	// 0 1.048575e+06
}

func ExampleAdd() {
	dst, x, y := make([]float64, 3), []float64{1, 2, 3}, []float64{0.5, -2, 7}
	stepgrad.Add(dst, x, y)
	fmt.Println(dst)
	// Output:
	// [1.5 0 10]
}

func ExampleSub() {
	x, y := []float64{1, 2, 3}, []float64{0.5, -2, 7}
	stepgrad.Sub(x, x, y) // in place
	fmt.Println(x)
	// Output:
	// [0.5 4 -4]
}

func ExampleMul() {
	dst, x := make([]float32, 3), []float32{1, 2, 3}
	stepgrad.Mul(dst, x, x)
	fmt.Println(dst)
	// Output:
	// [1 4 9]
}

func ExampleDiv() {
	dst, x, y := make([]float64, 3), []float64{1, -1, 0}, []float64{4, 0, 0}
	stepgrad.Div(dst, x, y)
	fmt.Println(dst)
	// Output:
	// [0.25 -Inf NaN]
}

func ExampleScale() {
	x := []float64{1, 2, 3}
	stepgrad.Scale(x, x, 0.5)
	fmt.Println(x)
	// Output:
	// [0.5 1 1.5]
}

func ExampleSqrt() {
	dst, x := make([]float64, 3), []float64{2.25, 0, -1}
	stepgrad.Sqrt(dst, x)
	fmt.Println(dst)
	// Output:
	// [1.5 0 NaN]
}

func ExampleReLU() {
	dst, x := make([]float64, 3), []float64{-1, 0, 2}
	stepgrad.ReLU(dst, x)
	fmt.Println(dst)
	// Output:
	// [0 0 2]
}

func ExampleReLUGrad() {
	dst, dy, y := make([]float64, 3), []float64{5, 5, 5}, []float64{0, 0, 2}
	stepgrad.ReLUGrad(dst, dy, y)
	fmt.Println(dst)
	// Output:
	// [0 0 5]
}

func ExampleExp() {
	dst, x := make([]float64, 3), []float64{0, 2, -1000}
	stepgrad.Exp(dst, x)
	fmt.Println(dst)
	// Output:
	// [1 7.38905609893065 0]
}

func ExampleLog() {
	dst, x := make([]float64, 4), []float64{1, 10, 0, -1}
	stepgrad.Log(dst, x)
	fmt.Println(dst)
	// Output:
	// [0 2.302585092994046 -Inf NaN]
}

func ExampleTanh() {
	dst, x := make([]float32, 3), []float32{0.5, -0.5, 100}
	stepgrad.Tanh(dst, x)
	fmt.Println(dst)
	// Output:
	// [0.46211717 -0.46211717 1]
}

func ExampleTanhGrad() {
	dst, dy, y := make([]float64, 3), []float64{2, 2, 2}, []float64{0, 0.5, -1}
	stepgrad.TanhGrad(dst, dy, y)
	fmt.Println(dst)
	// Output:
	// [2 1.5 0]
}

func ExampleSigmoid() {
	dst, x := make([]float32, 3), []float32{0, 2, -80}
	stepgrad.Sigmoid(dst, x)
	fmt.Println(dst)
	// Output:
	// [0.5 0.8807971 1.8048513e-35]
}

func ExampleSigmoidGrad() {
	dst, dy, y := make([]float64, 3), []float64{2, 2, 2}, []float64{0.5, 0.25, 1}
	stepgrad.SigmoidGrad(dst, dy, y)
	fmt.Println(dst)
	// Output:
	// [0.5 0.375 0]
}

func ExampleHistogram() {
	counts, x := make([]float32, 4), []float32{0, 0.1, 0.25, 0.9, 1, 1.5}
	stepgrad.Histogram(counts, x, 0, 1)
	fmt.Println(counts)
	// Output:
	// [2 1 0 2]
}

func ExampleSoftHistogram() {
	counts, x := make([]float64, 4), []float64{0.1, 0.5, 0.6}
	stepgrad.SoftHistogram(counts, x, 0, 1, 40)
	fmt.Printf("%.4f\n", counts)
	// Output:
	// [0.9796 0.5204 1.4795 0.0025]
}

func ExampleSoftHistogramOpen() {
	counts, x := make([]float64, 4), []float64{-3, 0, 0.5, 1}
	stepgrad.SoftHistogramOpen(counts, x, 0, 1, 40)
	fmt.Printf("%.4f\n", counts)
	// Output:
	// [2.0000 0.5000 0.5000 1.0000]
}

func ExampleSoftHistogramGrad() {
	dx, dcounts, x := make([]float64, 2), []float64{0, 1, 0, 0}, []float64{0.25, 0.5}
	stepgrad.SoftHistogramGrad(dx, dcounts, x, 0, 1, 40) // to have more in the second bin
	fmt.Printf("%.3f\n", dx)
	// Output:
	// [9.998 -9.998]
}

func ExampleSoftHistogramOpenGrad() {
	dx, dcounts, x := make([]float64, 2), []float64{1, 0}, []float64{-0.01, 0.5}
	stepgrad.SoftHistogramOpenGrad(dx, dcounts, x, 0, 1, 40) // the edge at 0 is none
	fmt.Printf("%.6f\n", dx)
	// Output:
	// [-0.000000 -10.000000]
}

func ExampleSampleBilinear() {
	image := []float64{
		1, 2, 3,
		4, 5, 6,
	}
	dst, xy := make([]float64, 3), []float64{0.5, 0.5, 2, 0, 2, -0.5}
	stepgrad.SampleBilinear(dst, image, 2, 3, 1, xy, stepgrad.SampleOptions{Coords: stepgrad.Pixel})
	fmt.Println(dst)
	// Output:
	// [3 3 1.5]
}

func ExampleSampleBilinearGradImage() {
	dimage := make([]float64, 2*3)
	stepgrad.SampleBilinearGradImage(dimage, 2, 3, 1, []float64{4}, []float64{0.5, 0.25}, stepgrad.SampleOptions{Coords: stepgrad.Pixel})
	fmt.Println(dimage)
	// Output:
	// [1.5 1.5 0 0.5 0.5 0]
}

func ExampleSampleBilinearGradXY() {
	image := []float64{
		1, 2, 3,
		4, 5, 7,
	}
	dxy, dy, xy := make([]float64, 4), []float64{1, 1}, []float64{0.5, 0.5, 1.5, 0.5}
	stepgrad.SampleBilinearGradXY(dxy, dy, image, 2, 3, 1, xy, stepgrad.SampleOptions{Coords: stepgrad.Pixel})
	fmt.Println(dxy)
	// Output:
	// [1 3 1.5 3.5]
}

func ExampleSampleNearest() {
	image := []float64{
		1, 2, 3,
		4, 5, 6,
	}
	dst, xy := make([]float64, 3), []float64{-1, -1, 0.1, 0.7, 5, 0}
	stepgrad.SampleNearest(dst, image, 2, 3, 1, xy, stepgrad.SampleOptions{Padding: stepgrad.Border})
	fmt.Println(dst)
	// Output:
	// [1 5 3]
}

func ExampleSampleNearestGradImage() {
	dimage, dy := make([]float64, 2*3), []float64{1, 10, 100}
	xy := []float64{0, 0, 0.2, 0.1, 2, 1}
	stepgrad.SampleNearestGradImage(dimage, 2, 3, 1, dy, xy, stepgrad.SampleOptions{Coords: stepgrad.Pixel})
	fmt.Println(dimage)
	// Output:
	// [11 0 0 0 0 100]
}

func ExampleUniform() {
	// The same elements, in two pieces.
	all, a, b := make([]float32, 4), make([]float32, 2), make([]float32, 2)
	stepgrad.Uniform(all, 1, 0)
	stepgrad.Uniform(a, 1, 0)
	stepgrad.Uniform(b, 1, 2)
	fmt.Println(all)
	fmt.Println(a, b)
	// Output:
	// [0.8902592 0.6719983 0.24740142 0.7576265]
	// [0.8902592 0.6719983] [0.24740142 0.7576265]
}

func ExampleNormal() {
	x := make([]float64, 100_000)
	stepgrad.Normal(x, 1, 0)
	within := 0
	for _, v := range x {
		if math.Abs(v) < 1 {
			within++
		}
	}
	fmt.Printf("%.3f %.2f\n", x[:3], float64(within)/100_000)
	// Output:
	// [1.252 1.146 0.142] 0.68
}

func ExampleGumbel() {
	// The largest of logits + Gumbel noise chooses by probability: here 1 : 3.
	logits := []float32{0, float32(math.Log(3))}
	noise, second := make([]float32, 2), 0
	for i := range uint64(10_000) {
		stepgrad.Gumbel(noise, 1, 2*i)
		if logits[1]+noise[1] > logits[0]+noise[0] {
			second++
		}
	}
	fmt.Printf("%.2f\n", float64(second)/10_000)
	// Output:
	// 0.75
}

func ExampleSoftmax() {
	inf := float32(math.Inf(1))
	x := []float32{
		0, 0, 800, // no overflow
		1, -inf, 1, // the second cannot be chosen
		inf, 5, inf,
		-inf, -inf, -inf,
	}
	stepgrad.Softmax(x, x, 3)
	fmt.Println(x)
	// Output:
	// [0 0 1 0.5 0 0.5 0.5 0 0.5 0 0 0]
}

func ExampleLogSoftmax() {
	dst, x := make([]float64, 3), []float64{0, 0, 800}
	stepgrad.LogSoftmax(dst, x, 3)
	fmt.Println(dst)
	// Output:
	// [-800 -800 0]
}

func ExampleSoftmaxGrad() {
	y, dy := make([]float64, 2), []float64{1, 0}
	stepgrad.Softmax(y, []float64{0, 0}, 2)
	stepgrad.SoftmaxGrad(dy, dy, y, 2)
	fmt.Println(dy)
	// Output:
	// [0.25 -0.25]
}

func ExampleGumbelSoftmax() {
	logits := make([]float32, 4)
	for _, tau := range []float32{2, 0.5, 0} {
		dst := make([]float32, 4)
		stepgrad.GumbelSoftmax(dst, logits, 4, tau, 1, 0)
		fmt.Printf("%.3f\n", dst)
	}
	// Output:
	// [0.404 0.218 0.116 0.261]
	// [0.789 0.067 0.005 0.138]
	// [1.000 0.000 0.000 0.000]
}

func ExampleArgmaxOneHot() {
	dst, x := make([]float32, 6), []float32{0.2, 0.5, 0.3, 7, 7, 1}
	stepgrad.ArgmaxOneHot(dst, x, 3)
	fmt.Println(dst)
	// Output:
	// [0 1 0 1 0 0]
}
