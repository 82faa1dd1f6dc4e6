package cases

import (
	"fmt"
	"math/rand/v2"

	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

// A Case is a kernel, its parameters, one input per element, and what the
// definition makes of them.
type Case[T Float] struct {
	Kernel *kernels.Kernel
	Params kernels.Params[T]
	In     []kernels.In[T]
	Want   []kernels.Out[T]
}

// New evaluates the definition on every input.
func New[T Float](k *kernels.Kernel, p kernels.Params[T], in []kernels.In[T]) *Case[T] {
	c := &Case[T]{Kernel: k, Params: p, In: in, Want: make([]kernels.Out[T], len(in))}
	f := Def[T](k)(p)
	for i, v := range in {
		c.Want[i] = f(v)
	}
	return c
}

// Def is the kernel's definition for T.
func Def[T Float](k *kernels.Kernel) kernels.Def[T] {
	if f, ok := any(k.Def32).(kernels.Def[T]); ok {
		return f
	}
	return any(k.Def64).(kernels.Def[T])
}

// Inputs returns the special values, each with another as dy, and n random
// elements.
func Inputs[T Float](r *rand.Rand, n int) []kernels.In[T] {
	list := Specials[T]()
	in := make([]kernels.In[T], 0, len(list)+n)
	for i, x := range list {
		in = append(in, kernels.In[T]{X: x, Dy: list[i*29%len(list)], Bit: i%3 == 0})
	}
	for range n {
		in = append(in, kernels.In[T]{X: Random[T](r), Dy: Random[T](r), Bit: r.Uint64()&1 != 0})
	}
	return in
}

// Tie returns the case in which dy is x, or x one element further on: operands
// may overlap each other freely.
func (c *Case[T]) Tie(dy Source) *Case[T] {
	if dy == Own {
		return c
	}
	in := make([]kernels.In[T], len(c.In))
	for i := range in {
		in[i] = c.In[i]
		in[i].Dy = in[i].X
		if dy == NextX {
			in[i].Dy = c.In[(i+1)%len(in)].X
		}
	}
	return New(c.Kernel, c.Params, in)
}

// A Mismatch is an element on which a kernel and its definition differ.
type Mismatch struct {
	Index               int
	Result              string // which result: dst, grad, int or bit
	Input, Got, Wanted  string
	Tier, Kernel, Where string
}

func (m *Mismatch) Error() string {
	return fmt.Sprintf("tier %s: %s, %s: %s[%d]: input %s\n\tgot  %s\n\twant %s",
		m.Tier, m.Kernel, m.Where, m.Result, m.Index, m.Input, m.Got, m.Wanted)
}

// Compare compares element i of a call with the definition; nil is equal.
func (c *Case[T]) Compare(i int, got kernels.Out[T]) *Mismatch {
	want := &c.Want[i]
	switch c.Kernel.Shape {
	case kernels.MapInt:
		if got.Int != want.Int {
			return c.mismatch(i, "dst", fmt.Sprint(got.Int), fmt.Sprint(want.Int))
		}
		return nil
	case kernels.MapBoth:
		if !Same(got.Grad, want.Grad) {
			return c.mismatch(i, "grad", Spell(got.Grad), Spell(want.Grad))
		}
	case kernels.ToMask:
		if got.Bit != want.Bit {
			return c.mismatch(i, "mask bit", fmt.Sprint(got.Bit), fmt.Sprint(want.Bit))
		}
	}
	if !Same(got.Y, want.Y) {
		return c.mismatch(i, "dst", Spell(got.Y), Spell(want.Y))
	}
	return nil
}

func (c *Case[T]) mismatch(i int, result, got, want string) *Mismatch {
	input := "x = " + Spell(c.In[i].X)
	switch c.Kernel.Shape {
	case kernels.MapGrad, kernels.ZipGrad:
		input += ", dy = " + Spell(c.In[i].Dy)
	case kernels.Zip:
		input += ", y = " + Spell(c.In[i].Dy)
	case kernels.FromMask:
		input = fmt.Sprintf("dy = %s, bit = %v", Spell(c.In[i].Dy), c.In[i].Bit)
	}
	return &Mismatch{
		Index: i, Result: result, Input: input, Got: got, Wanted: want,
		Tier: isa.Name(), Kernel: c.String(),
	}
}

// String names kernel, type and parameters.
func (c *Case[T]) String() string {
	return fmt.Sprintf("%s[%s](%s)", c.Kernel.Name, TypeName[T](), Show(c.Kernel.Sig, c.Params))
}

// Spell shows a float and its bits.
func Spell[T Float](x T) string { return fmt.Sprintf("%v (%#x)", x, Bits(x)) }
