package stepgrad_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

// TestComplete follows every kernel of the catalogue through the tree: its
// public function, Example and fuzz target, and its gradient rule in autograd;
// and back: no generic function of the root package is left out of the
// catalogue.
func TestComplete(t *testing.T) {
	if _, err := os.Stat("go.mod"); err != nil {
		t.Skip("the source is not here")
	}
	public, examples := functions(parseDir(t, ".", false)), functions(parseDir(t, ".", true))
	targets := functions(parseDir(t, "fuzz", true))
	rules := selectors(parseDir(t, "autograd", false), "stepgrad")
	for i := range kernels.All {
		k := &kernels.All[i]
		f := public[k.Name]
		if assert.NotNil(t, f, "%s: no public function", k.Name) {
			assert.NotNil(t, f.Type.TypeParams, "%s takes both element types", k.Name)
			assert.NotEmpty(t, f.Doc.Text(), "%s: no documentation", k.Name)
			assert.Equal(t, parameters(k), names(f.Type.Params), "%s: parameters", k.Name)
		}
		assert.NotNil(t, targets["Fuzz"+k.Name], "%s: no fuzz target", k.Name)
		assert.NotEmpty(t, k.Formula, "%s: no formula", k.Name)
		assert.NotEmpty(t, k.Edges, "%s: no edge cases", k.Name)
		assert.NotEmpty(t, k.Gradient, "%s: gradient neither declared nor \"none\"", k.Name)
		if k.Gradient != "none" {
			assert.True(t, rules[k.Name], "%s has a gradient, but autograd does not call it", k.Name)
		}
		assert.Same(t, k, kernels.ByName(k.Name), "the name is unique")
	}
	for name, f := range public {
		if !ast.IsExported(name) {
			continue
		}
		assert.NotNil(t, examples["Example"+name], "%s: no Example", name)
		if f.Type.TypeParams != nil && !fails(f) { // one that returns an error is no kernel
			assert.NotNil(t, kernels.ByName(name), "%s is not in the catalogue", name)
		}
	}
}

// TestReadme: the lines of the README's program are those of Example, which runs.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Skip("the source is not here")
	}
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	_, program, found := strings.Cut(string(readme), "func main() {\n")
	require.True(t, found, "README.md has no program")
	program, _, _ = strings.Cut(program, "\n}")
	require.Contains(t, string(example), program, "README.md shows other lines than Example")
}

// TestSignatures: every shape and signature of the catalogue is known to the
// drivers that iterate it.
func TestSignatures(t *testing.T) {
	for i := range kernels.Elementwise {
		k := &kernels.Elementwise[i]
		assert.NotEmpty(t, cases.Params[float32](k.Sig), "%s: cases.Params lacks its signature", k.Name)
		assert.Equal(t, k.Sig == kernels.None || k.Sig == kernels.Factor, cases.Illegal[float32](k.Sig) == nil, "%s: cases.Illegal lacks its signature", k.Name)
		assert.NotEmpty(t, operands[float32](k.Shape), "%s: the contract test lacks its shape", k.Name)
	}
}

// parameters is how the public function of a kernel names its parameters.
func parameters(k *kernels.Kernel) (list []string) {
	if k.Shape == kernels.Whole {
		return k.Args
	}
	for _, o := range operands[float32](k.Shape) {
		if o.name == "int" {
			o.name = "dst"
		}
		list = append(list, o.name)
	}
	return append(list, map[kernels.Signature][]string{
		kernels.Ulps: {"ulps"}, kernels.Step: {"step"}, kernels.StepUlps: {"step", "ulps"},
		kernels.Clamp: {"mode", "lo", "hi"}, kernels.Alpha: {"alpha"}, kernels.Slope: {"slope"}, kernels.Factor: {"factor"},
	}[k.Sig]...)
}

func parseDir(t *testing.T, dir string, tests bool) (files []*ast.File) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") != tests {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, f)
	}
	return files
}

// functions are those without a receiver, by name.
func functions(files []*ast.File) map[string]*ast.FuncDecl {
	list := map[string]*ast.FuncDecl{}
	for _, file := range files {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				list[f.Name.Name] = f
			}
		}
	}
	return list
}

// fails reports whether f returns an error.
func fails(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	last := f.Type.Results.List[len(f.Type.Results.List)-1]
	id, ok := last.Type.(*ast.Ident)
	return ok && id.Name == "error"
}

// selectors are the names used as pkg.Name.
func selectors(files []*ast.File, pkg string) map[string]bool {
	used := map[string]bool{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := s.X.(*ast.Ident); ok && id.Name == pkg {
					used[s.Sel.Name] = true
				}
			}
			return true
		})
	}
	return used
}

func names(fields *ast.FieldList) (list []string) {
	for _, f := range fields.List {
		for _, n := range f.Names {
			list = append(list, n.Name)
		}
	}
	return list
}
