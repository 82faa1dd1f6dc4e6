package autograd_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
)

// here returns the file and the number of the line above its caller's.
func here() (string, int) {
	_, file, line, _ := runtime.Caller(1)
	return file, line - 1
}

func TestExplainBlocks(t *testing.T) {
	w, b, scale, other := numbers(-2, 2, 4, 3), numbers(-2, 2, 3), ag.Param([]float64{0.5}), ag.Param([]float64{1})
	x := ag.Const(numbers(-2, 2, 5, 4).Data(), 5, 4)
	h := ag.Add(ag.MatMul(x, w), b)
	q := ag.Floor(ag.Div(h, scale))
	file, floorLine := here()
	q = ag.Clamp(q, -3, 3)
	c := ag.Custom("Bin", q.Data(), q.Shape(), nil,
		q)
	_, customEnd := here()
	y := ag.Mean(ag.Square(ag.Mul(c, scale)))
	r := ag.Explain(y, w, b, scale, other, x)

	custom := ag.Block{Op: "Bin", File: file, Line: customEnd - 1, Instead: []string{"Custom with a gradient rule"}}
	floor := ag.Block{Op: "Floor", File: file, Line: floorLine, Instead: []string{"FloorSTE", "SoftFloor"}}
	at := func(b ag.Block, x int) ag.Block { b.X = x; return b }
	require.Equal(t, []ag.Block{at(floor, 0), at(custom, 0), at(floor, 1), at(custom, 1)}, r.Blocks)
	require.Equal(t, []int{3, 4}, r.Independent)
	require.Equal(t, []float64{1, 1, 0, 1, 1}, r.ZeroShare)
	require.Equal(t, "explain_test.go", filepath.Base(file))
	require.Equal(t, fmt.Sprintf(`x0: no gradient: every path from y is blocked, by
    Floor at %[1]s:%[2]d: use FloorSTE or SoftFloor instead
    Bin at %[1]s:%[3]d: use Custom with a gradient rule instead
x1: no gradient: every path from y is blocked, by
    Floor at %[1]s:%[2]d: use FloorSTE or SoftFloor instead
    Bin at %[1]s:%[3]d: use Custom with a gradient rule instead
x2: a gradient arrives
x3: no gradient: y does not depend on it (a constant, or only through Detach)
x4: no gradient: y does not depend on it (a constant, or only through Detach)
`, file, floorLine, customEnd-1), r.String())
}

func TestExplainInstead(t *testing.T) {
	x := ag.Param([]float64{1.2})
	for op, c := range map[string]struct {
		y       V
		instead []string
	}{
		"Floor":     {ag.Floor(x), []string{"FloorSTE", "SoftFloor"}},
		"Ceil":      {ag.Ceil(x), []string{"CeilSTE", "SoftCeil"}},
		"Round":     {ag.Round(x), []string{"RoundSTE", "SoftRound"}},
		"RoundAway": {ag.RoundAway(x), []string{"RoundAwaySTE", "SoftRound"}},
		"Trunc":     {ag.Trunc(x), []string{"TruncSTE"}},

		"GumbelSoftmax": {ag.GumbelSoftmax(x, 0, true, 1), []string{"GumbelSoftmax with tau > 0"}},
	} {
		r := ag.Explain(c.y, x)
		require.Len(t, r.Blocks, 1)
		require.Equal(t, op, r.Blocks[0].Op)
		require.Equal(t, c.instead, r.Blocks[0].Instead)
	}
}

// Only if every path is blocked is an x reported, and then with every
// operation that blocks one.
func TestExplainPaths(t *testing.T) {
	x := ag.Param([]float64{1.2, 3.4})
	residual := ag.Add(x, ag.Floor(x))
	require.Empty(t, ag.Explain(residual, x).Blocks)
	require.Equal(t, "x0: a gradient arrives\n", ag.Explain(residual, x).String())
	detached := ag.Add(x, ag.Detach(ag.Sub(ag.Floor(x), x)))
	require.Empty(t, ag.Explain(detached, x).Blocks)

	both := ag.Add(ag.Floor(ag.Ceil(x)), ag.Neg(ag.Trunc(x)))
	var ops []string
	for _, b := range ag.Explain(both, x).Blocks {
		ops = append(ops, b.Op)
	}
	require.ElementsMatch(t, []string{"Ceil", "Floor", "Trunc"}, ops)

	// A block that is on no path to x is not x's.
	w := ag.Param([]float64{1})
	y := ag.Mul(ag.Round(x), ag.FloorSTE(w))
	r := ag.Explain(y, w, x, y)
	require.Len(t, r.Blocks, 1)
	require.Equal(t, "Round", r.Blocks[0].Op)
	require.Equal(t, 1, r.Blocks[0].X)

	// Nor if it leads nowhere but to another x.
	r = ag.Explain(ag.Add(ag.Floor(x), ag.Ceil(w)), x, w)
	require.Len(t, r.Blocks, 2)
	require.Equal(t, "Floor", r.Blocks[0].Op)
	require.Equal(t, "Ceil", r.Blocks[1].Op)

	// An intermediate x above the block is not blocked.
	h := ag.Floor(x)
	r = ag.Explain(ag.Square(h), h, x)
	require.Len(t, r.Blocks, 1)
	require.Equal(t, 1, r.Blocks[0].X)
	require.Equal(t, []float64{0, 1}, r.ZeroShare)

	only := ag.Detach(x)
	r = ag.Explain(only, x, only)
	require.Equal(t, []int{0, 1}, r.Independent)
	require.Empty(t, r.Blocks)
}

func TestExplainZeros(t *testing.T) {
	x := ag.Param([]float64{-9, 0.5, 9, 10})
	r := ag.Explain(ag.ClipSTE(ag.Neg(x), stepgrad.Down, -1, 1), x)
	require.Equal(t, []float64{0.75}, r.ZeroShare)
	require.Equal(t, "x0: a gradient arrives; 75% of its elements are zero\n", r.String())
	r = ag.Explain(ag.Sum(ag.ClipSTE(x, stepgrad.Down, 20, 30)), x)
	require.Equal(t, []float64{1}, r.ZeroShare)
	require.Empty(t, r.Blocks)
	require.Empty(t, r.Independent)
	require.Equal(t, "x0: a path exists, but every gradient on it is zero (saturated, perhaps, at a clip or ReLU)\n", r.String())
}

func quantise[T stepgrad.Float](x *ag.Var[T]) *ag.Var[T] {
	apply := func() *ag.Var[T] { return ag.Round(x) }
	return apply()
}

// The line is the user's in a generic function, a closure, a function value,
// a goroutine and a gradient rule.
func TestExplainCallSite(t *testing.T) {
	x := ag.Param([]float32{1.2})
	site := func(y *ag.Var[float32]) string {
		r := ag.Explain(y, x)
		require.Len(t, r.Blocks, 1)
		return fmt.Sprintf("%s:%d", filepath.Base(r.Blocks[0].File), r.Blocks[0].Line)
	}
	line := func(back int) string {
		_, file, line, _ := runtime.Caller(1)
		return fmt.Sprintf("%s:%d", filepath.Base(file), line-back)
	}
	require.Equal(t, line(17), site(quantise(x)))
	value := ag.Ceil[float32]
	y := value(x)
	require.Equal(t, line(1), site(y))
	done := make(chan *ag.Var[float32])
	go func() { done <- ag.Trunc(x) }()
	require.Equal(t, line(1), site(<-done))
	var inRule string
	z := ag.Custom("Rule", []float32{1}, nil, func(dy *ag.Var[float32]) []*ag.Var[float32] {
		s := ag.Floor(x)
		inRule = line(1)
		return []*ag.Var[float32]{ag.Mul(dy, ag.Reshape(s, 1))}
	}, x)
	g := ag.Grad(z, x)[0]
	require.Equal(t, inRule, site(g))

	// Several from one line are several blocks, and one line for a person.
	y = x
	for range 3 {
		y = ag.Round(y)
	}
	r := ag.Explain(y, x)
	require.Len(t, r.Blocks, 3)
	require.Contains(t, r.String(), "instead (3 times)\n")
}
