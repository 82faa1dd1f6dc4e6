package autograd_test

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

// show prints the value of y and the gradient of its sum for each x.
func show(y V, xs ...V) {
	fmt.Printf("y %.4g\n", y.Data())
	for i, g := range ag.Grad(ag.Sum(y), xs...) {
		fmt.Printf("dx%d %.4g\n", i, g.Data())
	}
}

func Example() {
	w := ag.Param([]float64{0.3, 1.7, -0.6})
	loss := func(step func(V) V) V { return ag.Sum(ag.Square(ag.Sub(step(w), ag.Const([]float64{1, 1, 1})))) }
	fmt.Println("Floor   ", ag.Grad(loss(ag.Floor[float64]), w)[0].Data())
	fmt.Println("FloorSTE", ag.Grad(loss(ag.FloorSTE[float64]), w)[0].Data())
	// Output:
	// Floor    [0 0 0]
	// FloorSTE [-2 0 -4]
}

func ExampleParam() {
	w := ag.Param([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	fmt.Println(w.Shape(), ag.Param([]float32{1, 2, 3}).Shape())
	// Output: [2 3] [3]
}

func ExampleConst() {
	x, w := ag.Const([]float64{2}), ag.Param([]float64{3})
	show(ag.Mul(x, w), x, w)
	// Output:
	// y [6]
	// dx0 [0]
	// dx1 [2]
}

func ExampleVar_Data() {
	fmt.Println(ag.Neg(ag.Const([]float64{1, 2})).Data())
	// Output: [-1 -2]
}

func ExampleVar_Shape() {
	x := ag.Const([]float64{1, 2, 3, 4}, 2, 2)
	fmt.Println(x.Shape(), ag.Sum(x).Shape())
	// Output: [2 2] []
}

func ExampleVar_Len() {
	fmt.Println(ag.Const(make([]float64, 6), 2, 3).Len())
	// Output: 6
}

func ExampleVar_IsParam() {
	w := ag.Param([]float64{1})
	fmt.Println(w.IsParam(), ag.Neg(w).IsParam())
	// Output: true false
}

func ExampleGrad() {
	x := ag.Param([]float64{2, 3})
	y := ag.Sum(ag.Mul(ag.Square(x), x)) // Σ x³
	g := ag.Grad(y, x)[0]
	h := ag.Grad(ag.Sum(g), x)[0]
	fmt.Println(g.Data(), h.Data())
	// Output: [12 27] [12 18]
}

func ExampleGradWith() {
	x := ag.Param([]float64{2, 3})
	dy := ag.Const([]float64{1, 100})
	fmt.Println(ag.GradWith(ag.Square(x), dy, x)[0].Data())
	// Output: [4 600]
}

func ExampleDetach() {
	x := ag.Param([]float64{1.7})
	ste := ag.Add(x, ag.Detach(ag.Sub(ag.Floor(x), x)))
	show(ste, x)
	// Output:
	// y [1]
	// dx0 [1]
}

// A step at zero with the gradient of a triangle around it.
func ExampleCustom() {
	spike := func(x V) V {
		data := make([]float64, x.Len())
		for i, v := range x.Data() {
			if v > 0 {
				data[i] = 1
			}
		}
		return ag.Custom("Spike", data, x.Shape(), func(dy V) []V {
			one := ag.Const([]float64{1})
			return []V{ag.Mul(dy, ag.ReLU(ag.Sub(one, ag.Abs(x))))}
		}, x)
	}
	x := ag.Param([]float64{-0.25, 0.5, 2})
	show(spike(x), x)
	// Output:
	// y [0 1 1]
	// dx0 [0.75 0.5 0]
}

func ExampleClipSTE() {
	x := ag.Param([]float64{-9, -0.6, 2.5, 9})
	show(ag.ClipSTE(x, stepgrad.NearestEven, -4, 3), x)
	// Output:
	// y [-4 -1 2 3]
	// dx0 [0 1 1 0]
}

func ExampleSum() {
	x := ag.Param([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
	fmt.Println(ag.Sum(x).Data(), ag.Sum(x, 0).Data(), ag.Sum(x, -1).Data())
	// Output: [21] [5 7 9] [6 15]
}

func ExampleMean() {
	x := ag.Param([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
	fmt.Println(ag.Mean(x).Data(), ag.Mean(x, 0).Data(), ag.Grad(ag.Mean(x, 0, 1), x)[0].Data()[0] == 1.0/6)
	// Output: [3.5] [2.5 3.5 4.5] true
}

func ExampleMatMul() {
	a := ag.Param([]float64{1, 2, 3, 4}, 2, 2)
	b := ag.Param([]float64{10, 1}, 2, 1)
	show(ag.MatMul(a, b), a, b)
	// Output:
	// y [12 34]
	// dx0 [10 1 10 1]
	// dx1 [4 6]
}

func ExampleTranspose() {
	x := ag.Transpose(ag.Const([]float64{1, 2, 3, 4, 5, 6}, 2, 3))
	fmt.Println(x.Shape(), x.Data())
	// Output: [3 2] [1 4 2 5 3 6]
}

func ExampleReshape() {
	x := ag.Const([]float64{1, 2, 3, 4, 5, 6})
	fmt.Println(ag.Reshape(x, 2, 3).Shape(), ag.Reshape(ag.Const([]float64{7})).Shape())
	// Output: [2 3] []
}

func ExampleConcat() {
	a, b := ag.Param([]float64{1, 2}, 2, 1), ag.Param([]float64{3, 4, 5, 6}, 2, 2)
	y := ag.Concat(1, a, b)
	fmt.Println(y.Shape(), y.Data())
	// Output: [2 3] [1 3 4 2 5 6]
}

func ExampleSlice() {
	x := ag.Param([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
	show(ag.Slice(x, 1, 1, 3), x)
	// Output:
	// y [2 3 5 6]
	// dx0 [0 1 1 0 1 1]
}

func ExampleGather() {
	x := ag.Param([]float64{10, 20, 30})
	show(ag.Gather(x, 0, []int{2, 0, 2}), x)
	// Output:
	// y [30 10 30]
	// dx0 [1 0 2]
}

func ExampleWhere() {
	a, b := ag.Param([]float64{1, 2, 3}), ag.Param([]float64{9})
	show(ag.Where([]bool{true, false, true}, a, b), a, b)
	// Output:
	// y [1 9 3]
	// dx0 [1 0 1]
	// dx1 [1]
}

func ExampleCrossEntropy() {
	logits := ag.Param([]float64{800, 0, -800, 0}, 2, 2)
	show(ag.CrossEntropy(logits, []int{0, 0}), logits)
	// Output:
	// y [400]
	// dx0 [0 0 -0.5 0.5]
}

func ExampleExplain() {
	w := ag.Param([]float64{0.4, 1.2})
	y := ag.Sum(ag.Square(ag.Floor(w)))
	for _, b := range ag.Explain(y, w).Blocks {
		fmt.Println(b.Op, filepath.Base(b.File), b.Instead)
	}
	// Output: Floor example_test.go [FloorSTE SoftFloor]
}

func ExampleReport_String() {
	w, unused := ag.Param([]float64{0.4, 7}), ag.Param([]float64{1})
	fmt.Print(ag.Explain(ag.ClipSTE(w, stepgrad.Down, 0, 3), w, unused))
	// Output:
	// x0: a gradient arrives; 50% of its elements are zero
	// x1: no gradient: y does not depend on it (a constant, or only through Detach)
}

func ExampleBlock_String() {
	w := ag.Param([]float64{0.4, 1.2})
	b := ag.Explain(ag.Round(w), w).Blocks[0]
	b.File, b.Line = "model.go", 42 // so that this example has one output
	fmt.Println(b)
	// Output: Round at model.go:42: use RoundSTE or SoftRound instead
}

func ExampleCheck() {
	x := ag.Param([]float64{0.3, 1.6})
	fmt.Println(ag.Check(func(xs ...V) V { return ag.SmoothFloor(xs[0], 0.2) }, 3, x))
	fmt.Println(ag.Check(func(xs ...V) V { return ag.FloorSTE(xs[0]) }, 1, x) != nil)
	// Output:
	// <nil>
	// true
}

func ExampleFloor() {
	x := ag.Param([]float64{-1.5, 0.3, 2.5})
	show(ag.Floor(x), x)
	// Output:
	// y [-2 0 2]
	// dx0 [0 0 0]
}

func ExampleFloorSTE() {
	x := ag.Param([]float64{-1.5, 0.3, 2.5})
	show(ag.FloorSTE(x), x)
	// Output:
	// y [-2 0 2]
	// dx0 [1 1 1]
}

func ExampleCeil() {
	x := ag.Param([]float64{-1.5, 0.3, 2.5})
	show(ag.Ceil(x), x)
	// Output:
	// y [-1 1 3]
	// dx0 [0 0 0]
}

func ExampleCeilSTE() {
	x := ag.Param([]float64{-1.5, 0.3, 2.5})
	show(ag.CeilSTE(x), x)
	// Output:
	// y [-1 1 3]
	// dx0 [1 1 1]
}

func ExampleRound() {
	x := ag.Param([]float64{-1.5, 0.3, 2.5})
	show(ag.Round(x), x)
	// Output:
	// y [-2 0 2]
	// dx0 [0 0 0]
}

func ExampleRoundSTE() {
	x := ag.Param([]float64{-1.5, 0.3, 2.5})
	show(ag.RoundSTE(x), x)
	// Output:
	// y [-2 0 2]
	// dx0 [1 1 1]
}

func ExampleRoundAway() {
	x := ag.Param([]float64{-1.5, 0.3, 2.5})
	show(ag.RoundAway(x), x)
	// Output:
	// y [-2 0 3]
	// dx0 [0 0 0]
}

func ExampleRoundAwaySTE() {
	x := ag.Param([]float64{-1.5, 0.3, 2.5})
	show(ag.RoundAwaySTE(x), x)
	// Output:
	// y [-2 0 3]
	// dx0 [1 1 1]
}

func ExampleTrunc() {
	x := ag.Param([]float64{-1.5, 0.3, 2.5})
	show(ag.Trunc(x), x)
	// Output:
	// y [-1 0 2]
	// dx0 [0 0 0]
}

func ExampleTruncSTE() {
	x := ag.Param([]float64{-1.5, 0.3, 2.5})
	show(ag.TruncSTE(x), x)
	// Output:
	// y [-1 0 2]
	// dx0 [1 1 1]
}

func ExampleSoftFloor() {
	x := ag.Param([]float64{0.25, 0.75, 1})
	show(ag.SoftFloor(x, 10), x)
	// Output:
	// y [-0.006648 0.006648 0.5]
	// dx0 [0.133 0.133 5]
}

func ExampleSoftRound() {
	x := ag.Param([]float64{0.25, 0.75, 1})
	show(ag.SoftRound(x, 10), x)
	// Output:
	// y [0.006648 0.9934 1]
	// dx0 [0.133 0.133 0.000908]
}

func ExampleSoftCeil() {
	x := ag.Param([]float64{0.25, 0.75, 1})
	show(ag.SoftCeil(x, 10), x)
	// Output:
	// y [0.9934 1.007 1.5]
	// dx0 [0.133 0.133 5]
}

func ExampleSmoothFloor() {
	x := ag.Param([]float64{0.25, 0.75, 1})
	show(ag.SmoothFloor(x, 0.1), x)
	// Output:
	// y [-0.03173 0.03173 0.5]
	// dx0 [0.198 0.198 10]
}

func ExampleSmoothRound() {
	x := ag.Param([]float64{0.25, 0.75, 1})
	show(ag.SmoothRound(x, 0.1), x)
	// Output:
	// y [0.03173 0.9683 1]
	// dx0 [0.198 0.198 0.1]
}

func ExampleSmoothCeil() {
	x := ag.Param([]float64{0.25, 0.75, 1})
	show(ag.SmoothCeil(x, 0.1), x)
	// Output:
	// y [0.9683 1.032 1.5]
	// dx0 [0.198 0.198 10]
}

func ExampleAdd() {
	a, b := ag.Param([]float64{1, 2, 3}), ag.Param([]float64{2})
	show(ag.Add(a, b), a, b)
	// Output:
	// y [3 4 5]
	// dx0 [1 1 1]
	// dx1 [3]
}

func ExampleSub() {
	a, b := ag.Param([]float64{1, 2, 3}), ag.Param([]float64{2})
	show(ag.Sub(a, b), a, b)
	// Output:
	// y [-1 0 1]
	// dx0 [1 1 1]
	// dx1 [-3]
}

func ExampleMul() {
	a, b := ag.Param([]float64{1, 2, 3}), ag.Param([]float64{2})
	show(ag.Mul(a, b), a, b)
	// Output:
	// y [2 4 6]
	// dx0 [2 2 2]
	// dx1 [6]
}

func ExampleDiv() {
	a, b := ag.Param([]float64{1, 2, 3}), ag.Param([]float64{2})
	show(ag.Div(a, b), a, b)
	// Output:
	// y [0.5 1 1.5]
	// dx0 [0.5 0.5 0.5]
	// dx1 [-1.5]
}

func ExampleMaximum() {
	a, b := ag.Param([]float64{1, 2, 3}), ag.Param([]float64{2})
	show(ag.Maximum(a, b), a, b)
	// Output:
	// y [2 2 3]
	// dx0 [0 0.5 1]
	// dx1 [1.5]
}

func ExampleMinimum() {
	a, b := ag.Param([]float64{1, 2, 3}), ag.Param([]float64{2})
	show(ag.Minimum(a, b), a, b)
	// Output:
	// y [1 2 2]
	// dx0 [1 0.5 0]
	// dx1 [1.5]
}

func ExampleNeg() {
	x := ag.Param([]float64{1, -2})
	show(ag.Neg(x), x)
	// Output:
	// y [-1 2]
	// dx0 [-1 -1]
}

func ExampleExp() {
	x := ag.Param([]float64{0, 1})
	show(ag.Exp(x), x)
	// Output:
	// y [1 2.718]
	// dx0 [1 2.718]
}

func ExampleLog() {
	x := ag.Param([]float64{1, 2})
	show(ag.Log(x), x)
	// Output:
	// y [0 0.6931]
	// dx0 [1 0.5]
}

func ExampleSqrt() {
	x := ag.Param([]float64{4, 9})
	show(ag.Sqrt(x), x)
	// Output:
	// y [2 3]
	// dx0 [0.25 0.1667]
}

func ExampleAbs() {
	x := ag.Param([]float64{-2, 0, 3})
	show(ag.Abs(x), x)
	// Output:
	// y [2 0 3]
	// dx0 [-1 0 1]
}

func ExampleTanh() {
	x := ag.Param([]float64{0, 1})
	show(ag.Tanh(x), x)
	// Output:
	// y [0 0.7616]
	// dx0 [1 0.42]
}

func ExampleSigmoid() {
	x := ag.Param([]float64{0, 2})
	show(ag.Sigmoid(x), x)
	// Output:
	// y [0.5 0.8808]
	// dx0 [0.25 0.105]
}

func ExampleReLU() {
	x := ag.Param([]float64{-2, 0, 3})
	show(ag.ReLU(x), x)
	// Output:
	// y [0 0 3]
	// dx0 [0 0 1]
}

func ExampleSin() {
	x := ag.Param([]float64{0, 1})
	show(ag.Sin(x), x)
	// Output:
	// y [0 0.8415]
	// dx0 [1 0.5403]
}

func ExampleCos() {
	x := ag.Param([]float64{0, 1})
	show(ag.Cos(x), x)
	// Output:
	// y [1 0.5403]
	// dx0 [-0 -0.8415]
}

func ExampleSquare() {
	x := ag.Param([]float64{3, -4})
	show(ag.Square(x), x)
	// Output:
	// y [9 16]
	// dx0 [6 -8]
}

func ExampleScale() {
	x := ag.Param([]float64{1, 2})
	show(ag.Scale(x, 10), x)
	// Output:
	// y [10 20]
	// dx0 [10 10]
}

func ExampleClamp() {
	x := ag.Param([]float64{-3, -1, 0.5, 2})
	show(ag.Clamp(x, -1, 1), x)
	// Output:
	// y [-1 -1 0.5 1]
	// dx0 [0 1 1 0]
}

func ExampleSoftmax() {
	x := ag.Const([]float64{1, 2, 3, 1000, 1000, -1000}, 2, 3)
	fmt.Printf("%.3f\n", ag.Softmax(x).Data())
	// Output: [0.090 0.245 0.665 0.500 0.500 0.000]
}

func ExampleLogSoftmax() {
	x := ag.Const([]float64{1, 2, 3, 1000, 1000, -1000}, 2, 3)
	fmt.Printf("%.3f\n", ag.LogSoftmax(x).Data())
	// Output: [-2.408 -1.408 -0.408 -0.693 -0.693 -2000.693]
}

func ExampleGumbelSoftmax() {
	logits := ag.Param([]float64{2, 1, 0, 0, 1, 2}, 2, 3)
	reward := ag.Const([]float64{1, 2, 3})
	choice := ag.GumbelSoftmax(logits, 0.5, true, 1) // one-hot, with the gradient of the soft choice
	fmt.Println(choice.Data())
	grad := ag.Grad(ag.Sum(ag.Mul(choice, reward)), logits)[0]
	fmt.Printf("%.3f\n", grad.Data())
	// Output:
	// [1 0 0 0 1 0]
	// [-0.157 0.155 0.002 -0.003 -0.494 0.497]
}

// A weight is trained with the scale of its quantiser, and exported as integers.
func ExampleFakeQuantize() {
	w := ag.Param([]float32{0.31, -0.84, 0.12, 0.55})
	scale := ag.Param([]float32{ag.LSQScale(w.Data(), 7)})
	target := ag.Const([]float32{0.3, -0.9, 0.1, 0.6})
	for range 200 {
		y := ag.FakeQuantize(w, scale, nil, ag.LSQ(-8, 7))
		loss := ag.Sum(ag.Square(ag.Sub(y, target)))
		for i, g := range ag.Grad(loss, w, scale) {
			p := []*ag.Var[float32]{w, scale}[i].Data()
			for j := range p {
				p[j] -= float32(0.01 * g.Data()[j])
			}
		}
	}
	q, err := stepgrad.NewQuant(scale.Data()[0], 0, -8, 7, stepgrad.WithRule(stepgrad.Divide))
	if err != nil {
		fmt.Println(err)
		return
	}
	levels := make([]int8, 4)
	stepgrad.Quantize(levels, w.Data(), q)
	fmt.Printf("%d · %.2g\n", levels, q.Scale())
	// Output: [2 -8 1 5] · 0.11
}

func ExamplePyTorch() {
	x, scale := ag.Param([]float64{-2.6, -2.4, 0.4, 1.4, 1.6}), ag.Param([]float64{1})
	show(ag.FakeQuantize(x, scale, nil, ag.PyTorch(-2, 1)), x, scale)
	// Output:
	// y [-2 -2 0 1 1]
	// dx0 [0 1 1 1 0]
	// dx1 [-1.4]
}

func ExampleLSQ() {
	x, scale := ag.Param([]float64{-2.6, -2.4, 0.4, 1.4, 1.6}), ag.Param([]float64{1})
	show(ag.FakeQuantize(x, scale, nil, ag.LSQ(-2, 1)), x, scale)
	// Output:
	// y [-2 -2 0 1 1]
	// dx0 [0 0 1 0 0]
	// dx1 [-2.4]
}

func ExampleLarq() {
	x, scale := ag.Param([]float64{-2.6, -2.4, 0.4, 1.4, 1.6}), ag.Const([]float64{1})
	show(ag.FakeQuantize(x, scale, nil, ag.Larq(-2, 1, 2.5)), x)
	// Output:
	// y [-2 -2 0 1 1]
	// dx0 [0 1 1 1 1]
}

func ExampleTFC() {
	x, scale := ag.Param([]float64{-5, 0.4, 5}), ag.Const([]float64{1})
	loss := ag.Sum(ag.Square(ag.FakeQuantize(x, scale, nil, ag.TFC(-2, 1)))) // pulls both ends to 0
	fmt.Println(ag.Grad(loss, x)[0].Data(), ag.Grad(ag.Neg(loss), x)[0].Data())
	// Output: [-4 0 2] [0 -0 0]
}

func ExampleBrevitas() {
	x, scale := ag.Param([]float64{-5, 0.4, 5}), ag.Const([]float64{1})
	show(ag.FakeQuantize(x, scale, nil, ag.Brevitas(-2, 1)), x)
	// Output:
	// y [-2 0 1]
	// dx0 [1 1 1]
}

func ExampleQuantSpec_PerChannel() {
	w := ag.Param([]float64{0.34, 1.2, -0.66, 34, 120, -66}, 2, 3)
	scale := ag.Param([]float64{0.2, 20})
	show(ag.FakeQuantize(w, scale, nil, ag.LSQ(-4, 3).PerChannel(0)), w, scale)
	// Output:
	// y [0.4 0.6 -0.6 40 60 -60]
	// dx0 [1 0 1 1 0 1]
	// dx1 [3.6 3.6]
}

func ExampleQuantSpec_PerGroup() {
	w := ag.Const([]float64{0.3, 0.6, 30, 60, 3, 6, 300, 600}, 2, 4)
	scale := ag.Param([]float64{0.1, 10, 1, 100})
	fmt.Printf("%.4g\n", ag.FakeQuantize(w, scale, nil, ag.LSQ(-8, 7).PerGroup(2)).Data())
	// Output: [0.3 0.6 30 60 3 6 300 600]
}

func ExampleQuantSpec_WithMode() {
	x, scale := ag.Const([]float64{-0.5, 0.5, 0.9}), ag.Const([]float64{1})
	for _, mode := range []stepgrad.Mode{stepgrad.NearestEven, stepgrad.NearestAway, stepgrad.Down} {
		fmt.Println(ag.FakeQuantize(x, scale, nil, ag.PyTorch(-8, 7).WithMode(mode)).Data())
	}
	// Output:
	// [0 0 1]
	// [-1 1 1]
	// [-1 0 0]
}

func ExampleQuantSpec_WithRule() {
	x, scale, zero := ag.Const([]float64{0.5, 1.5}), ag.Const([]float64{1}), ag.Const([]float64{1})
	fmt.Println(ag.FakeQuantize(x, scale, zero, ag.PyTorch(-8, 7)).Data())
	fmt.Println(ag.FakeQuantize(x, scale, zero, ag.PyTorch(-8, 7).WithRule(stepgrad.ReciprocalZero)).Data())
	// Output:
	// [0 2]
	// [1 1]
}

func ExampleQuantSpec_WithGradScale() {
	x, scale := ag.Const([]float64{10, 10, 10, 10}), ag.Param([]float64{1})
	show(ag.FakeQuantize(x, scale, nil, ag.LSQ(-5, 4)), scale)
	show(ag.FakeQuantize(x, scale, nil, ag.LSQ(-5, 4).WithGradScale()), scale)
	// Output:
	// y [4 4 4 4]
	// dx0 [16]
	// y [4 4 4 4]
	// dx0 [4]
}

// 0.4 has been rounded down: pushing it up is worth more than pushing it down.
func ExampleQuantSpec_WithEWGS() {
	x, scale := ag.Param([]float64{0.4, 0.4}), ag.Const([]float64{1})
	y := ag.FakeQuantize(x, scale, nil, ag.LSQ(0, 1).WithEWGS(0.5))
	fmt.Println(ag.GradWith(y, ag.Const([]float64{1, -1}), x)[0].Data())
	// Output: [1.2 -0.8]
}

func ExampleLSQScale() {
	fmt.Println(ag.LSQScale([]float64{0.5, -1.5, 2.5, -1.5}, 9))
	// Output: 1
}

func ExampleSignSTE() {
	x := ag.Param([]float64{-2, -0.5, 0, 0.5, 2})
	show(ag.SignSTE(x, 1), x)
	// Output:
	// y [-1 -1 1 1 1]
	// dx0 [0 1 1 1 0]
}

func ExampleApproxSign() {
	x := ag.Param([]float64{-2, -0.5, 0, 0.5, 2})
	show(ag.ApproxSign(x), x)
	// Output:
	// y [-1 -1 1 1 1]
	// dx0 [0 1 2 1 0]
}

func ExampleSwishSign() {
	x := ag.Param([]float64{-2, -0.5, 0, 0.5, 2})
	show(ag.SwishSign(x, 5), x)
	// Output:
	// y [-1 -1 1 1 1]
	// dx0 [-0.003631 -0.08462 5 -0.08462 -0.003631]
}

func ExampleTernarySTE() {
	w := ag.Param([]float64{-1.2, -0.4, 0.1, 0.3, 0.9})
	show(ag.TernarySTE(w, ag.TernaryThreshold(w.Data()), 1), w)
	// Output:
	// y [-1 0 0 0 1]
	// dx0 [0 1 1 1 1]
}

func ExampleTernaryThreshold() {
	fmt.Printf("%.3g\n", ag.TernaryThreshold([]float64{-2, 1, 0, 1}))
	// Output: 0.7
}

func ExampleDoReFaWeights() {
	w := ag.Param([]float64{-2, -0.1, 0.1, 2})
	show(ag.DoReFaWeights(w, 2), w)
	// Output:
	// y [-1 -0.3333 0.3333 1]
	// dx0 [0.07329 1.027 1.027 0.07329]
}

func ExamplePACT() {
	x, alpha := ag.Param([]float64{-1, 0.4, 2.2, 5}), ag.Param([]float64{3})
	show(ag.PACT(x, alpha, 2), x, alpha)
	// Output:
	// y [0 0 2 3]
	// dx0 [0 1 1 0]
	// dx1 [1]
}

func ExampleStochasticRoundSTE() {
	x := ag.Param(slices.Repeat([]float64{0.25}, 1000))
	y := ag.StochasticRoundSTE(x, 42, 0)
	fmt.Printf("%.2f\n", ag.Mean(y).Data())
	fmt.Println(slices.Equal(y.Data(), ag.StochasticRoundSTE(x, 42, 0).Data()))
	// Output:
	// [0.28]
	// true
}

func ExampleMinMaxObserver() {
	o := ag.MinMaxObserver[float32]{Bits: 8}
	o.Observe([]float32{-0.5, 1.5})
	o.Observe([]float32{2.05})
	fmt.Println(o.Quant())
	// Output: Quant(scale 0.01, zero 50, [0, 255], NearestEven, Reciprocal) <nil>
}

func ExampleMovingAverageObserver() {
	o := ag.MovingAverageObserver[float64]{Bits: 8, Symmetric: true, Rate: 0.5}
	o.Observe([]float64{-127, 100})
	o.Observe([]float64{-381, 100})
	fmt.Println(o.Quant())
	// Output: Quant(scale 2, zero 0, [-127, 127], NearestEven, Reciprocal) <nil>
}

func ExamplePercentileObserver() {
	o := ag.PercentileObserver[float64]{Bits: 8, Symmetric: true, Percent: 99}
	for i := range 1000 {
		o.Observe([]float64{float64(i % 2)})
	}
	o.Observe([]float64{1e6})
	q, err := o.Quant()
	fmt.Printf("%.4f %v\n", q.Scale(), err)
	// Output: 0.0079 <nil>
}

func ExampleMSEObserver() {
	x := []float64{10}
	for i := range 10000 {
		x = append(x, math.Sin(float64(i)))
	}
	full, best := ag.MinMaxObserver[float64]{Bits: 4, Symmetric: true}, ag.MSEObserver[float64]{Bits: 4, Symmetric: true}
	full.Observe(x)
	best.Observe(x)
	a, _ := full.Quant()
	b, _ := best.Quant()
	fmt.Printf("%.3f %.3f\n", a.Scale(), b.Scale())
	// Output: 1.429 0.139
}

func ExampleSoftHistogram() {
	x := ag.Param([]float64{0.1, 0.2, 0.3, 0.9})
	want := ag.Const([]float64{1, 1, 1, 1}) // of four bins
	for range 500 {
		y := ag.SoftHistogram(x, 0, 1, 4, 20)
		g := ag.Grad(ag.Sum(ag.Square(ag.Sub(y, want))), x)[0]
		for i, d := range g.Data() {
			x.Data()[i] -= 5e-4 * d
		}
	}
	fmt.Printf("%.2f\n", x.Data())
	// Output: [0.06 0.31 0.57 0.85]
}

func ExampleSoftHistogramOpen() {
	x := ag.Param([]float64{-5, 0.5, 7})
	show(ag.SoftHistogramOpen(x, 0, 1, 2, 20), x) // the sum is 3, whatever x is
	// Output:
	// y [1.5 1.5]
	// dx0 [0 0 0]
}

func ExampleBucketize() {
	x := ag.Param([]float64{-1, 0.2, 1.5, 4})
	show(ag.Bucketize(x, []float64{0, 1, 3}), x)
	// Output:
	// y [0 1 2 3]
	// dx0 [0 1 0.5 0]
}

func ExampleSampleBilinear() {
	image := ag.Param([]float64{
		1, 2, 3,
		4, 5, 7,
	}, 2, 3, 1)
	xy := ag.Param([]float64{0.5, 0.5, 2, 0}, 2, 2)
	show(ag.SampleBilinear(image, xy, stepgrad.SampleOptions{Coords: stepgrad.Pixel}), image, xy)
	// Output:
	// y [3 3]
	// dx0 [0.25 0.25 1 0.25 0.25 0]
	// dx1 [1 3 -3 4]
}

func ExampleSampleNearest() {
	image := ag.Param([]float64{
		1, 2, 3,
		4, 5, 7,
	}, 2, 3, 1)
	xy := ag.Param([]float64{0.4, 0.5}, 1, 2)
	show(ag.SampleNearest(image, xy, stepgrad.SampleOptions{Coords: stepgrad.Pixel}), image, xy) // xy: as SampleBilinear
	// Output:
	// y [1]
	// dx0 [1 0 0 0 0 0]
	// dx1 [1 3]
}

func ExampleBias() {
	x := ag.Const([]float64{1.3, 1.7})
	b := ag.Bias(func(x V) V { return ag.Square(ag.RoundSTE(x)) }, x, 0, 0)
	fmt.Println(b.Straight, b.Expected, b.Bias)
	// Output: [2 4] [3 3] [-1 1]
}
