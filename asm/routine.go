package main

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/stepgrad/stepgrad/kernels"
)

type bodyFunc func(b *Body, m kernels.Mode) Result

// bodies maps the names of one family's kernels to their vector bodies.
type bodies map[string]bodyFunc

var allBodies = []bodies{roundBodies, steBodies, softBodies, smoothBodies, arithBodies, elementaryBodies}

// A routine is one assembly function: a kernel for one element type and, where
// the kernel has a rounding mode, for one of the five.
type routine struct {
	kernel *kernels.Kernel
	elem   int // 32 or 64
	mode   kernels.Mode
	body   *Body
}

// routines lists every assembly function of the catalogue, in its order.
func routines() []routine {
	var all []routine
	for i := range kernels.Elementwise {
		k := &kernels.Elementwise[i]
		f := bodyOf(k.Name)
		modes := 1
		if k.Sig == kernels.Clamp {
			modes = 5
		}
		for _, elem := range []int{32, 64} {
			lane := elem
			if k.Wide {
				lane = 64
			}
			for m := range modes {
				mode := kernels.Mode(m)
				body := newBody(lane, elem, k.Shape, func(b *Body) Result { return f(b, mode) })
				all = append(all, routine{k, elem, mode, body})
			}
		}
	}
	return all
}

func bodyOf(name string) bodyFunc {
	for _, family := range allBodies {
		if f, ok := family[name]; ok {
			return f
		}
	}
	panic("asm: no vector body for kernel " + name)
}

// name is the Go name of the routine for a tier, as in floorF32AVX2 or
// steForwardUpF64NEON; an empty tier gives the dispatching function's.
func (r routine) name(tier string) string {
	mode := ""
	if tier != "" && r.kernel.Sig == kernels.Clamp {
		mode = r.mode.String()
	}
	return fmt.Sprintf("%s%sF%d%s", lowerFirst(r.kernel.Name), mode, r.elem, tier)
}

// lowerFirst lowers the leading capitals but the last: STEForward is steForward.
func lowerFirst(s string) string {
	n := 0
	for n < len(s) && unicode.IsUpper(rune(s[n])) {
		n++
	}
	if n > 1 {
		n--
	}
	return strings.ToLower(s[:n]) + s[n:]
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// What the public function calls its operands and parameters, in order.
var (
	operandNames = map[kernels.Shape][]string{
		kernels.Map: {"dst", "x"}, kernels.MapInt: {"dst", "x"}, kernels.MapGrad: {"dst", "dy", "x"},
		kernels.MapBoth: {"dst", "grad", "x"}, kernels.ToMask: {"dst", "mask", "x"}, kernels.FromMask: {"dst", "dy", "mask"},
		kernels.Zip: {"dst", "x", "y"}, kernels.ZipGrad: {"dst", "dy", "y"},
	}
	paramNames = map[kernels.Signature][]string{
		kernels.Ulps: {"ulps"}, kernels.Step: {"step"}, kernels.StepUlps: {"step", "ulps"},
		kernels.Clamp: {"mode", "lo", "hi"}, kernels.Alpha: {"alpha"}, kernels.Slope: {"slope"}, kernels.Factor: {"factor"},
	}
)

// A param is one argument of a routine: its name and Go type.
type param struct{ name, typ string }

// operands lists the pointer arguments of the routine in order, as name and Go
// type.
func (r routine) operands() []param {
	t := fmt.Sprintf("*float%d", r.elem)
	switch r.kernel.Shape {
	case kernels.Map:
		return []param{{"dst", t}, {"x", t}}
	case kernels.MapInt:
		return []param{{"dst", "*int32"}, {"x", t}}
	case kernels.MapGrad:
		return []param{{"dst", t}, {"dy", t}, {"x", t}}
	case kernels.MapBoth:
		return []param{{"dst", t}, {"grad", t}, {"x", t}}
	case kernels.ToMask:
		return []param{{"dst", t}, {"mask", "*byte"}, {"x", t}}
	case kernels.FromMask:
		return []param{{"dst", t}, {"x", t}, {"mask", "*byte"}}
	default:
		return []param{{"dst", t}, {"x", t}, {"y", t}}
	}
}

// scalars lists the arguments after n. Transcendental kernels get a pointer to
// their coefficients.
func (r routine) scalars() []param {
	t := fmt.Sprintf("float%d", r.elem)
	switch r.kernel.Sig {
	case kernels.Ulps:
		return []param{{"ulps", fmt.Sprintf("int%d", r.elem)}}
	case kernels.Step:
		return []param{{"step", t}}
	case kernels.StepUlps:
		return []param{{"step", t}, {"ulps", fmt.Sprintf("int%d", r.elem)}}
	case kernels.Clamp:
		return []param{{"lo", t}, {"hi", t}}
	case kernels.Factor:
		return []param{{"factor", t}}
	case kernels.Alpha, kernels.Slope:
		return []param{{"c", "*float64"}}
	}
	return nil
}

// coefficients reports whether the parameters come through a pointer.
func (r routine) coefficients() bool {
	return r.kernel.Sig == kernels.Alpha || r.kernel.Sig == kernels.Slope
}

// signature is the Go declaration after the name.
func (r routine) signature() string {
	var parts []string
	for _, p := range append(append(r.operands(), param{"n", "int"}), r.scalars()...) {
		parts = append(parts, p.name+" "+p.typ)
	}
	return "func(" + strings.Join(parts, ", ") + ")"
}

// masked reports whether the kernel reads or writes mask bytes.
func (r routine) masked() bool {
	return r.kernel.Shape == kernels.ToMask || r.kernel.Shape == kernels.FromMask
}

// wide reports whether elements are converted to wider lanes.
func (r routine) wide() bool { return r.body.Lane != r.body.Elem }

// size is the number of bits of memory an operand takes per element.
func (r routine) size(p param) int {
	switch p.typ {
	case "*byte":
		return 1
	case "*int32", "*float32":
		return 32
	}
	return 64
}

// argument is where an argument lies from FP on, or the size of all of them.
// Pointers come first, so there is no padding.
func (r routine) argument(name string) (offset int) {
	for _, p := range append(append(r.operands(), param{"n", "int"}), r.scalars()...) {
		switch {
		case p.name == name:
			return offset
		case p.typ == "float32" || p.typ == "int32":
			offset += 4
		default:
			offset += 8
		}
	}
	return offset
}
