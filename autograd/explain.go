package autograd

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/stepgrad/stepgrad"
)

// A Report says how the gradient of y reaches each of the xs given to Explain,
// or why it does not.
type Report struct {
	// Blocks lists, for every x that y depends on but by blocked paths alone,
	// the operations that block them, in the order in which they ran.
	Blocks []Block
	// Independent lists the positions of the xs that y does not depend on:
	// constants, and what only Detach leads to. Detach keeps no reference, so
	// that it cannot be named.
	Independent []int
	// ZeroShare has one entry per x: the share of the elements of dy/dx that
	// are exactly zero. It is 1 where nothing arrives, and also where a path
	// exists but every gradient on it is zero, as at a saturated clip.
	ZeroShare []float64
}

// A Block is one operation without a gradient on a path from y to an x.
type Block struct {
	X       int    // the position of the x
	Op      string // the operation
	File    string // where it was called: the first caller outside this package
	Line    int
	Instead []string // operations with a gradient to use in its place
}

// Explain tells why Grad(y, xs...) is zero where it is. It runs Grad once, with
// ones for a y that is not a scalar. An x counts as blocked only if every path
// from y to it is: a residual connection past a Floor lets the gradient
// through.
func Explain[T stepgrad.Float](y *Var[T], xs ...*Var[T]) Report {
	g := trace(y, func(*node[T], int) bool { return true })
	r := Report{ZeroShare: make([]float64, len(xs))}
	for k, grad := range GradWith(y, fill(T(1), y.shape), xs...) {
		zeros := 0
		for _, v := range grad.data {
			if v == 0 {
				zeros++
			}
		}
		if zeros > 0 {
			r.ZeroShare[k] = float64(zeros) / float64(len(grad.data))
		}
	}
	resolve := newSites()
	for k, x := range xs {
		at, ok := g.index[x.node]
		if !ok {
			r.Independent = append(r.Independent, k)
			continue
		}
		// For each node: does a path lead to x, and one that is open?
		reaches, open := make([]bool, len(g.nodes)), make([]bool, len(g.nodes))
		reaches[at], open[at] = true, true
		var found []*block
		for i, n := range g.nodes {
			shut := false
			for e, to := range g.operands(i) {
				reaches[i] = reaches[i] || reaches[to]
				if n.open(e) {
					open[i] = open[i] || open[to]
				} else {
					shut = shut || reaches[to]
				}
			}
			if shut {
				found = append(found, n.block)
			}
		}
		if open[len(open)-1] {
			continue
		}
		for _, b := range found {
			file, line := resolve.of(b)
			r.Blocks = append(r.Blocks, Block{X: k, Op: b.op, File: file, Line: line, Instead: instead(b.op)})
		}
	}
	return r
}

// String describes every x in a line or a few, for a person to read.
func (r Report) String() string {
	var b strings.Builder
	for k, share := range r.ZeroShare {
		var lines []string
		for _, bl := range r.Blocks {
			if bl.X == k {
				lines = append(lines, bl.String())
			}
		}
		switch {
		case len(lines) > 0:
			fmt.Fprintf(&b, "x%d: no gradient: every path from y is blocked, by\n", k)
			for i := 0; i < len(lines); {
				n := 1
				for i+n < len(lines) && lines[i+n] == lines[i] {
					n++
				}
				b.WriteString("    " + lines[i])
				if n > 1 {
					fmt.Fprintf(&b, " (%d times)", n)
				}
				b.WriteString("\n")
				i += n
			}
		case slices.Contains(r.Independent, k):
			fmt.Fprintf(&b, "x%d: no gradient: y does not depend on it (a constant, or only through Detach)\n", k)
		case share == 1:
			fmt.Fprintf(&b, "x%d: a path exists, but every gradient on it is zero (saturated, perhaps, at a clip or ReLU)\n", k)
		case share > 0:
			fmt.Fprintf(&b, "x%d: a gradient arrives; %.3g%% of its elements are zero\n", k, 100*share)
		default:
			fmt.Fprintf(&b, "x%d: a gradient arrives\n", k)
		}
	}
	return b.String()
}

// String names the operation, where it was called, and what to use instead.
func (b Block) String() string {
	s := fmt.Sprintf("%s at %s:%d", b.Op, b.File, b.Line)
	if len(b.Instead) > 0 {
		s += ": use " + strings.Join(b.Instead, " or ") + " instead"
	}
	return s
}

func instead(op string) []string {
	switch op {
	case "Floor", "Ceil", "Round":
		return []string{op + "STE", "Soft" + op}
	case "RoundAway":
		return []string{"RoundAwaySTE", "SoftRound"}
	case "Trunc":
		return []string{"TruncSTE"}
	case "GumbelSoftmax":
		return []string{"GumbelSoftmax with tau > 0"}
	}
	return []string{"Custom with a gradient rule"}
}

// A block remembers an operation without a gradient and its callers, to be
// looked up by Explain.
type block struct {
	op  string
	pcs [8]uintptr
}

// blocked is the result of an operation whose gradient is declared zero.
func blocked[T stepgrad.Float](op string, data []T, shape []int, operands ...*Var[T]) *Var[T] {
	edges := make([]edge[T], len(operands))
	for i, x := range operands {
		edges[i].to = x.node
	}
	y := result(data, shape, edges...)
	if y.node != nil {
		y.node.block = &block{op: op}
		runtime.Callers(2, y.node.block.pcs[:])
	}
	return y
}

// sites looks up callers, each but once.
type sites struct {
	pkg   string
	known map[[8]uintptr]runtime.Frame
}

func newSites() sites {
	return sites{reflect.TypeFor[Report]().PkgPath(), map[[8]uintptr]runtime.Frame{}}
}

// of returns the first caller outside this package. Functions are named
// path/package.function, so the package ends at the first dot after the last
// slash.
func (s sites) of(b *block) (file string, line int) {
	f, ok := s.known[b.pcs]
	if !ok {
		n := slices.Index(b.pcs[:], 0)
		if n < 0 {
			n = len(b.pcs)
		}
		frames := runtime.CallersFrames(b.pcs[:n])
		for more := true; more; {
			f, more = frames.Next()
			base := strings.LastIndexByte(f.Function, '/') + 1
			name, _, _ := strings.Cut(f.Function[base:], ".")
			if f.Function[:base]+name != s.pkg {
				break
			}
		}
		s.known[b.pcs] = f
	}
	return f.File, f.Line
}
