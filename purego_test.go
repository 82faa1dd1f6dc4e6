package stepgrad_test

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packages lists the module's directories that hold Go, nested modules
// excepted.
func packages(t *testing.T) (dirs []string) {
	if _, err := os.Stat("go.mod"); err != nil {
		t.Skip("the source is not here")
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if _, nested := os.Stat(filepath.Join(path, "go.mod")); nested == nil && path != "." || strings.HasPrefix(path, ".") && path != "." {
			return fs.SkipDir
		}
		if files, _ := filepath.Glob(filepath.Join(path, "*.go")); len(files) > 0 {
			dirs = append(dirs, path)
		}
		return nil
	})
	require.NoError(t, err)
	return dirs
}

// TestPurego proves, for every processor that has some, that -tags purego
// selects no assembly of this module.
func TestPurego(t *testing.T) {
	arches := []string{
		"386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle",
		"ppc64", "ppc64le", "riscv64", "s390x", "wasm",
	}
	selected := func(dir, arch string, tags ...string) []string {
		c := build.Default
		c.GOARCH, c.BuildTags, c.CgoEnabled = arch, tags, false
		p, err := c.ImportDir(dir, 0)
		if err != nil {
			if _, none := err.(*build.NoGoError); none {
				return nil // tests only
			}
			require.NoError(t, err, "%s for %s", dir, arch)
		}
		return p.SFiles
	}
	found := map[string]bool{} // .s files that some processor selects
	for _, dir := range packages(t) {
		for _, arch := range arches {
			for _, s := range selected(dir, arch) {
				found[filepath.Join(dir, s)] = true
			}
			assert.Empty(t, selected(dir, arch, "purego"), "assembly of %s for %s with -tags purego", dir, arch)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.s"))
		require.NoError(t, err)
		for _, f := range files {
			assert.True(t, found[f], "%s: no processor in the list selects it", f)
		}
	}
	assert.True(t, found["kernels_amd64.s"], "the amd64 assembly was not seen: this test looks in the wrong place")
}
