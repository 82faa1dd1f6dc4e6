package autograd_test

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	"github.com/stepgrad/stepgrad/autograd"
)

// category is a case of testdata/categorical; README.md there says what is in it.
type category struct {
	Op, Name, Dtype            string
	Rows, Cols                 int
	Labels                     []int
	Tau                        float64
	Hard                       bool
	X, Y, Dy, Dx, V, Hv, Noise string
}

func parsed[T stepgrad.Float](t *testing.T, text string) (list []T) {
	for _, word := range strings.Fields(text) {
		v, err := strconv.ParseFloat(word, 8*int(unsafe.Sizeof(T(0))))
		require.NoError(t, err)
		list = append(list, T(v))
	}
	return list
}

// TestGoldenCategories compares values, gradients and second derivatives with
// PyTorch's. Rows that have nothing left, where PyTorch gives NaN, are not for
// comparing.
func TestGoldenCategories(t *testing.T) {
	data, err := os.ReadFile("../testdata/categorical/torch.json")
	if err != nil {
		t.Skip("the source is not here")
	}
	var golden struct{ Cases []category }
	require.NoError(t, json.Unmarshal(data, &golden))
	require.NotEmpty(t, golden.Cases)
	for _, c := range golden.Cases {
		if c.Hard || c.Name == "nothing left" {
			continue
		}
		t.Run(strings.Join([]string{c.Op, c.Dtype, c.Name}, "/"), func(t *testing.T) {
			if c.Dtype == "float32" {
				compareCategory[float32](t, c, 0x1p-24)
			} else {
				compareCategory[float64](t, c, 0x1p-53)
			}
		})
	}
}

func compareCategory[T stepgrad.Float](t *testing.T, c category, unit float64) {
	x := autograd.Param(parsed[T](t, c.X), c.Rows, c.Cols)
	var y *autograd.Var[T]
	switch c.Op {
	case "softmax":
		y = autograd.Softmax(x)
	case "log_softmax":
		y = autograd.LogSoftmax(x)
	case "cross_entropy":
		y = autograd.CrossEntropy(x, c.Labels)
	case "gumbel_softmax":
		noise := autograd.Const(parsed[T](t, c.Noise), c.Rows, c.Cols)
		y = autograd.Softmax(autograd.Scale(autograd.Add(x, noise), T(1/c.Tau)))
	default:
		t.Fatalf("unknown op %q", c.Op)
	}
	dy := autograd.Reshape(autograd.Const(parsed[T](t, c.Dy)), y.Shape()...)
	dx := autograd.GradWith(y, dy, x)[0]
	hv := autograd.GradWith(dx, autograd.Const(parsed[T](t, c.V), c.Rows, c.Cols), x)[0]
	for _, r := range []struct {
		name string
		ours []T
		want string
	}{{"y", y.Data(), c.Y}, {"dx", dx.Data(), c.Dx}, {"hv", hv.Data(), c.Hv}} {
		want := parsed[T](t, r.want)
		require.Len(t, r.ours, len(want))
		// Gradients are differences of terms the size of dy, v and 1/tau.
		size := 1 + c.Tau
		if c.Tau != 0 {
			size = 1 / (c.Tau * c.Tau)
		}
		for i, v := range want {
			far := math.Abs(float64(r.ours[i]) - float64(v))
			ok := r.ours[i] == v || far <= 16*unit*(math.Abs(float64(v))+size)
			assert.True(t, ok, "%s[%d]: PyTorch %v, ours %v", r.name, i, v, r.ours[i])
		}
	}
}
