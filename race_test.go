//go:build race

package stepgrad_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

func init() { raceBuild = true }

// TestRaceSeen runs itself with a race between two calls of one kernel, which
// the detector must report although assembly does the work.
func TestRaceSeen(t *testing.T) {
	if name := os.Getenv("STEPGRAD_RACE"); name != "" {
		k := kernels.ByName(name)
		b, p := buffers[float32](64), cases.Params[float32](k.Sig)[0]
		done := make(chan bool)
		go func() { call.Kernel(k.Name, b, p); close(done) }()
		call.Kernel(k.Name, b, p)
		<-done
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range []string{"Floor", "FloorInt32", "SoftFloorGrad", "SoftFloorValueGrad", "STEForward", "STEBackward", "Add", "ReLUGrad"} {
		c := exec.Command(self, "-test.run=^TestRaceSeen$")
		c.Env = append(os.Environ(), "STEPGRAD_RACE="+name)
		out, err := c.CombinedOutput()
		assert.Error(t, err, "%s: no race was reported", name)
		assert.Contains(t, string(out), "DATA RACE", name)
	}
}
