package kernels_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// Accuracy is measured elsewhere; here are the rules that hold bit for bit.

// staircases runs the two instantiations for the value kernel of every family
// that has gradient and both in one pass.
func staircases(t *testing.T, f32, f64 func(*testing.T, *kernels.Kernel)) {
	for i := range kernels.All {
		if k := &kernels.All[i]; k.Shape == kernels.MapBoth {
			base := kernels.ByName(strings.TrimSuffix(k.Name, "ValueGrad"))
			require.NotNil(t, base, k.Name)
			t.Run(base.Name+"/float32", func(t *testing.T) { f32(t, base) })
			t.Run(base.Name+"/float64", func(t *testing.T) { f64(t, base) })
		}
	}
}

// TestStaircaseAgrees: ValueGrad gives the bits of the two functions apart, Grad
// is one product with dy, NaN in is NaN out, infinities map to themselves with
// derivative 0, and whatever the parameter a finite x has a finite value.
func TestStaircaseAgrees(t *testing.T) { staircases(t, agrees[float32], agrees[float64]) }

func agrees[T cases.Float](t *testing.T, k *kernels.Kernel) {
	for _, p := range cases.Params[T](k.Sig) {
		value := cases.Def[T](k)(p)
		grad := cases.Def[T](kernels.ByName(k.Name + "Grad"))(p)
		both := cases.Def[T](kernels.ByName(k.Name + "ValueGrad"))(p)
		for _, in := range cases.Inputs[T](cases.Rand(15), 1000) {
			x := in.X
			y, out := value(in).Y, both(in)
			show := func(rule string) string {
				return k.Name + " " + cases.Show(k.Sig, p) + " of " + cases.Spell(x) + ": " + rule
			}
			slope := grad(kernels.In[T]{X: x, Dy: 1}).Y
			require.True(t, cases.Same(y, out.Y), show("value"))
			require.True(t, cases.Same(slope, out.Grad), show("f′"))
			require.True(t, cases.Same(T(in.Dy*slope), grad(in).Y), show("dy·f′"))
			switch {
			case x != x:
				require.True(t, y != y && slope != slope, show("NaN"))
			case math.IsInf(float64(x), 0):
				require.True(t, cases.Same(x, y) && cases.Same(0, slope), show("±Inf"))
			default:
				require.True(t, finite(y), show("finite"))
				require.True(t, slope >= 0, show("f′ ≥ 0"))
				up := value(kernels.In[T]{X: nextUp(x)}).Y
				require.True(t, up >= y || near(up, y), show("monotone, to the last bits"))
			}
		}
	}
}

// near allows what the error bound does.
func near[T cases.Float](a, b T) bool {
	for range 8 {
		a = nextUp(a)
	}
	return a >= b
}

// TestStaircaseMirrors: SoftCeil(x) = −SoftFloor(−x), and SoftRound is odd; so
// are the Smooth ones. The derivative is even.
func TestStaircaseMirrors(t *testing.T) { staircases(t, mirrors[float32], mirrors[float64]) }

func mirrors[T cases.Float](t *testing.T, k *kernels.Kernel) {
	twin := strings.NewReplacer("Floor", "Ceil", "Ceil", "Floor").Replace(k.Name) + "ValueGrad"
	for _, p := range cases.Params[T](k.Sig) {
		f := cases.Def[T](kernels.ByName(k.Name + "ValueGrad"))(p)
		g := cases.Def[T](kernels.ByName(twin))(p)
		for _, x := range inputs[T](500) {
			a, b := f(kernels.In[T]{X: x}), g(kernels.In[T]{X: -x})
			require.True(t, cases.Same(a.Y, -b.Y), "%s of %s is %s, %s of its negative %s", k.Name, cases.Spell(x), cases.Spell(a.Y), twin, cases.Spell(b.Y))
			require.True(t, cases.Same(a.Grad, b.Grad), "%s: f′(%s) is %s, %s of its negative %s", k.Name, cases.Spell(x), cases.Spell(a.Grad), twin, cases.Spell(b.Grad))
		}
	}
}
