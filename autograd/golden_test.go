package autograd_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
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
// PyTorch's, but for rows that have nothing left, where PyTorch gives NaN: those
// of ours that have no NaN are defined.
func TestGoldenCategories(t *testing.T) {
	data, err := os.ReadFile("../testdata/categorical/torch.json")
	if err != nil {
		t.Skip("the source is not here")
	}
	var golden struct{ Cases []category }
	require.NoError(t, json.Unmarshal(data, &golden))
	require.NotEmpty(t, golden.Cases)
	for _, c := range golden.Cases {
		t.Run(fmt.Sprintf("%s/%s/%s/tau=%v,hard=%v", c.Op, c.Dtype, c.Name, c.Tau, c.Hard), func(t *testing.T) {
			if c.Dtype == "float32" {
				compareCategory[float32](t, c, 0x1p-24)
			} else {
				compareCategory[float64](t, c, 0x1p-53)
			}
		})
	}
}

const seed = 1

func compareCategory[T stepgrad.Float](t *testing.T, c category, unit float64) {
	data, largest := parsed[T](t, c.X), 0.0
	if c.Op == "gumbel_softmax" {
		// Logits that our noise brings to where theirs was brought.
		ours := make([]T, len(data))
		stepgrad.Gumbel(ours, seed, 0)
		for i, g := range parsed[T](t, c.Noise) {
			if v := math.Abs(float64(data[i])); v < 1e5 {
				largest = max(largest, v)
			}
			data[i] = T(float64(data[i]) + float64(g) - float64(ours[i]))
		}
	}
	x := autograd.Param(data, c.Rows, c.Cols)
	var y *autograd.Var[T]
	switch c.Op {
	case "softmax":
		y = autograd.Softmax(x)
	case "log_softmax":
		y = autograd.LogSoftmax(x)
	case "cross_entropy":
		y = autograd.CrossEntropy(x, c.Labels)
	case "gumbel_softmax":
		y = autograd.GumbelSoftmax(x, T(c.Tau), c.Hard, seed)
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
		// Gradients are differences of terms the size of dy, v and 1/tau, and
		// logits have been rounded.
		size := 64.0
		if c.Tau != 0 {
			size = (64 + 8*largest) / (c.Tau * c.Tau)
		}
		for i, v := range want {
			got, want := float64(r.ours[i]), float64(v)
			if want == want || c.Op == "cross_entropy" || r.name != "y" {
				ok := want != want || got == want || math.Abs(got-want) <= unit*size*(math.Abs(want)+1)
				assert.True(t, ok, "%s[%d]: PyTorch %v, ours %v", r.name, i, want, got)
				continue
			}
			row := data[i/c.Cols*c.Cols:][:c.Cols]
			assert.Equal(t, slices.ContainsFunc(row, func(v T) bool { return v != v }), got != got, "y[%d] of %v is %v", i, row, got)
		}
	}
}
