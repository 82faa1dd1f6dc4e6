package photos

import (
	"crypto/sha256"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLoad(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, name := range Names {
		p, err := Load(name)
		require.NoError(t, err)
		assert.Equal(t, []int{213, 320, 3 * 213 * 320}, []int{p.H, p.W, len(p.RGB)})
		file, err := files.ReadFile(name + ".png")
		require.NoError(t, err)
		assert.Contains(t, string(readme), fmt.Sprintf("%x", sha256.Sum256(file)))

		m := p.Image()
		for _, at := range [][2]int{{0, 0}, {319, 0}, {100, 212}} {
			r, g, b, _ := m.At(at[0], at[1]).RGBA()
			for k, v := range []uint32{r, g, b} {
				assert.Equal(t, float32(v>>8)/255, p.RGB[3*(at[1]*320+at[0])+k])
			}
		}
	}
	_, err = Load("cat")
	assert.ErrorContains(t, err, `"cat"`)
}

func TestImageClips(t *testing.T) {
	p := New(1, 1)
	copy(p.RGB, []float32{-1, 0.5, 7})
	r, g, b, a := p.Image().At(0, 0).RGBA()
	assert.Equal(t, [4]uint32{0, 128, 255, 255}, [4]uint32{r >> 8, g >> 8, b >> 8, a >> 8})
}
