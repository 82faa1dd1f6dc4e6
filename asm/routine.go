package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/stepgrad/stepgrad/kernels"
)

type bodyFunc func(b *Body, m kernels.Mode) Result

// bodies maps the names of one family's kernels to their vector bodies.
type bodies map[string]bodyFunc

var allBodies = []bodies{roundBodies, steBodies, softBodies, smoothBodies, arithBodies, elementaryBodies}

// primitives are the loops that kernels of the shape kernels.Whole are made of.
var primitives = slices.Concat(quantPrimitives, randomPrimitives, samplePrimitives, sumPrimitives)

// A routine is one assembly function: a kernel for one element type and, where
// the kernel has a rounding mode, for one of the five, under one rule where it
// has rules.
type routine struct {
	kernel *kernels.Kernel
	elem   int // 32 or 64
	mode   kernels.Mode
	rule   kernels.Rule
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
				all = append(all, routine{kernel: k, elem: elem, mode: mode, body: body})
			}
		}
	}
	for i := range primitives {
		p := &primitives[i]
		for _, elem := range []int{32, 64} {
			if p.only != 0 && p.only != elem {
				continue
			}
			lane := elem
			if p.kernel.Wide {
				lane = 64
			}
			for _, v := range p.variants() {
				body := newBody(lane, elem, p.kernel.Shape, func(b *Body) Result { return p.body(b, v) })
				all = append(all, routine{kernel: &p.kernel, elem: elem, mode: v.mode, rule: v.rule, body: body})
			}
		}
	}
	return all
}

// A primitive is one of them.
type primitive struct {
	kernel kernels.Kernel // its name, shape and signature; no entry of the catalogue
	body   func(b *Body, v variant) Result
	only   int // the width of elements, where there is but one
}

// A variant is how a quantiser rounds.
type variant struct {
	mode kernels.Mode
	rule kernels.Rule
}

func (p *primitive) variants() (all []variant) {
	if p.kernel.Sig != quantiser {
		return []variant{{}}
	}
	for r := kernels.Reciprocal; r.Valid(); r++ {
		for m := kernels.Down; m.Valid(); m++ {
			all = append(all, variant{m, r})
		}
	}
	return all
}

// Shapes of primitives. Those that store integers, and those that reduce, take
// whole groups of 64 bytes of floats only, and so have no tail.
const (
	toInt8     kernels.Shape = 100 + iota // (dst *uint8, x): the low bits of the level
	toInt16                               // (dst *uint16, x)
	fromInt8                              // (dst, x *int8)
	fromUint8                             // (dst, x *uint8)
	fromInt16                             // (dst, x *int16)
	fromUint16                            // (dst, x *uint16)
	reduce                                // (x): the accumulators
	reduceGrad                            // (dst, y, x): an elementwise result, and the accumulators
	narrow                                // (dst *uint16, x *uint32): the low halves
	widen                                 // (dst *uint32, x *uint16)
	counted                               // (dst, x *uint64): some results for each counter, for 16 counters the first, then the second …
	columns                               // (dst, x *float64): x is several columns of columnLen elements of 64 bits
)

// columnLen is that of the root's placed.
const columnLen = 64

// Signatures of primitives.
const (
	quantiser kernels.Signature = 100 + iota // c: a kernels.Quant, with modes and rules
	levels                                   // c: a kernels.Quant
	bits                                     // signs: 32 bits
	keys                                     // c: integers of 64 bits
	axis                                     // c: a kernels.Axis
)

// integers are the widths in memory of the shapes with integers: of dst, of x.
var integers = map[kernels.Shape]param{
	toInt8: {"dst", "*uint8"}, toInt16: {"dst", "*uint16"},
	fromInt8: {"x", "*int8"}, fromUint8: {"x", "*uint8"}, fromInt16: {"x", "*int16"}, fromUint16: {"x", "*uint16"},
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
	if tier != "" && r.varied() {
		mode = r.mode.String()
	}
	if tier != "" && r.kernel.Sig == quantiser {
		mode = r.rule.String() + mode
	}
	return fmt.Sprintf("%s%sF%d%s", lowerFirst(r.kernel.Name), mode, r.elem, tier)
}

// varied reports whether there is a routine for every rounding mode.
func (r routine) varied() bool { return r.kernel.Sig == kernels.Clamp || r.kernel.Sig == quantiser }

// grouped reports whether the routine takes whole groups only.
func (r routine) grouped() bool { return r.kernel.Shape >= toInt8 }

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
	case toInt8, toInt16:
		return []param{integers[r.kernel.Shape], {"x", t}}
	case fromInt8, fromUint8, fromInt16, fromUint16:
		return []param{{"dst", t}, integers[r.kernel.Shape]}
	case reduce:
		return []param{{"x", t}}
	case narrow:
		return []param{{"dst", "*uint16"}, {"x", "*uint32"}}
	case counted:
		return []param{{"dst", t}, {"x", "*uint64"}}
	case columns:
		return []param{{"dst", t}, {"x", "*float64"}}
	case widen:
		return []param{{"dst", "*uint32"}, {"x", "*uint16"}}
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
	var list []param
	switch r.kernel.Sig {
	case bits:
		return []param{{"signs", "uint32"}}
	case keys:
		return []param{{"c", "*uint64"}}
	}
	if r.coefficients() {
		list = append(list, param{"c", "*" + t})
	}
	if len(r.body.acc) > 0 {
		list = append(list, param{"sums", "*" + t})
	}
	return list
}

// coefficients reports whether the parameters come through a pointer.
func (r routine) coefficients() bool {
	return r.transcendental() || r.kernel.Sig == quantiser || r.kernel.Sig == levels || r.kernel.Sig == keys || r.kernel.Sig == axis
}

func (r routine) transcendental() bool {
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
	if r.kernel.Shape == counted && p.name == "dst" {
		return r.elem * len(r.body.words)
	}
	switch p.typ {
	case "*byte":
		return 1
	case "*int8", "*uint8":
		return 8
	case "*int16", "*uint16":
		return 16
	case "*int32", "*uint32", "*float32":
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
		case p.typ == "float32" || p.typ == "int32" || p.typ == "uint32":
			offset += 4
		default:
			offset += 8
		}
	}
	return offset
}
