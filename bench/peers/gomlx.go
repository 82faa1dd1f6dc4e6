package main

import (
	"fmt"

	"github.com/gomlx/gomlx/backends/simplego"
	g "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// gomlxGraphs are the operations as GoMLX spells them; its Go backend has no
// gradient of Floor, so a straight-through estimator must stop it.
var gomlxGraphs = map[string]func(x *g.Node) *g.Node{
	"Floor":     g.Floor,
	"DetachSTE": func(x *g.Node) *g.Node { return g.Add(x, g.StopGradient(g.Sub(g.Floor(x), x))) },
	"ClipSTE": func(x *g.Node) *g.Node {
		c := g.ClipScalar(x, lo, hi)
		return g.Add(c, g.StopGradient(g.Sub(g.Round(c), c)))
	},
	"SoftRound":      gomlxSoftRound,
	"SoftRoundTrain": gomlxSoftRound,
	"Exp":            g.Exp,
	"Sin":            g.Sin,
}

func gomlxSoftRound(x *g.Node) *g.Node {
	m := g.AddScalar(g.StopGradient(g.Floor(x)), 0.5)
	return g.Add(m, g.MulScalar(g.Tanh(g.MulScalar(g.Sub(x, m), alpha)), softScale))
}

// enterGoMLX makes an entrant of GoMLX's Go backend. The operands are shared
// with it and its results handed back, so that it copies and allocates as
// little as it can.
func enterGoMLX(id key, op *operation, b *batch) (list []entrant, err error) {
	graph := gomlxGraphs[op.name]
	if graph == nil {
		return nil, nil
	}
	defer func() { // its way to report errors
		if v := recover(); v != nil {
			err = fmt.Errorf("%v: %v", id, v)
		}
	}()
	backend := simplego.GetBackend()
	shared := func(x []float32) *tensors.Tensor {
		t := tensors.FromFlatDataAndDimensions(x, len(x))
		t.MustMaterializeOnDevice(backend, true, 0)
		return t
	}
	var exec *g.Exec
	var operands []any
	if op.trained {
		exec = g.MustNewExec(backend, func(x, dy *g.Node) []*g.Node {
			y := graph(x)
			return append([]*g.Node{y}, g.Gradient(g.ReduceAllSum(g.Mul(y, dy)), x)...)
		})
		operands = []any{shared(b.x), shared(b.dy)}
	} else {
		exec = g.MustNewExec(backend, graph)
		operands = []any{shared(b.x)}
	}
	return []entrant{{
		key: id,
		time: repeated(func() {
			for _, t := range exec.MustExec(operands...) {
				t.MustFinalizeAll()
			}
		}),
		output: func() (out [][]float64, err error) {
			for _, t := range exec.MustExec(operands...) {
				out = append(out, float64s(tensors.MustCopyFlatData[float32](t)))
				t.MustFinalizeAll()
			}
			return out, nil
		},
	}}, nil
}
