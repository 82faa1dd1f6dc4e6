package stepgrad_test

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"hash"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stepgrad/stepgrad/internal/call"
	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/kernels"
)

var update = flag.Bool("update", false, "TestDigest writes testdata/digest.txt instead of comparing with it")

// The golden digests travel in the test binary, so that it can run alone
// inside an emulator.
//
//go:embed testdata/digest.txt
var goldenDigests string

const digestFile = "testdata/digest.txt"

// TestDigest hashes what every kernel makes of a fixed set of inputs. The
// golden values are the same on every processor and tier, whatever its byte
// order, int size and NaN payloads; -short hashes a smaller set, for targets
// whose arithmetic is emulated.
//
//	go test -run TestDigest -update .   # after a change of the catalogue
func TestDigest(t *testing.T) {
	if *update {
		writeDigests(t)
		return
	}
	golden := readDigests(t)
	column := 0
	if testing.Short() {
		column = 1
	}
	eachTier(t, func(t *testing.T) {
		total := sha256.New()
		for i := range kernels.All {
			k := &kernels.All[i]
			sum := digest(k, testing.Short())
			total.Write(sum)
			assert.Equal(t, golden[k.Name][column], hex.EncodeToString(sum[:8]), k.Name)
		}
		got := hex.EncodeToString(total.Sum(nil))
		assert.Equal(t, golden["catalogue"][column], got)
		t.Logf("digest of %d kernels: %s", len(kernels.All), got)
	})
	assert.Len(t, golden, len(kernels.All)+1, "%s lists other kernels than the catalogue", digestFile)
}

// digest hashes the results of one kernel for both element types.
func digest(k *kernels.Kernel, short bool) []byte {
	h := sha256.New()
	if k.Shape == kernels.Whole {
		digestWhole[float32](h, k.Name, short)
		digestWhole[float64](h, k.Name, short)
		return h.Sum(nil)
	}
	digestInto[float32](h, k, short)
	digestInto[float64](h, k, short)
	return h.Sum(nil)
}

func digestInto[T cases.Float](h hash.Hash, k *kernels.Kernel, short bool) {
	params, n := cases.Params[T](k.Sig), 4000
	if short {
		params, n = params[:min(3, len(params))], 150
	}
	in := cases.Inputs[T](cases.Rand(5), n)
	b := buffers[T](len(in))
	value := func(x T) uint64 {
		if x != x {
			return ^uint64(0) // any NaN equals any NaN
		}
		return cases.Bits(x)
	}
	for _, p := range params {
		for i, v := range in {
			b.X[i], b.Dy[i] = v.X, v.Dy
		}
		if k.Shape == kernels.FromMask {
			for i := range b.Mask {
				b.Mask[i] = byte(i * 151)
			}
		}
		call.Kernel(k.Name, b, p)
		word := make([]byte, 0, 8*4*len(in))
		for i := range in {
			switch k.Shape {
			case kernels.MapInt:
				word = binary.LittleEndian.AppendUint32(word, uint32(b.Int[i]))
				continue
			case kernels.MapBoth:
				word = binary.LittleEndian.AppendUint64(word, value(b.Grad[i]))
			}
			word = binary.LittleEndian.AppendUint64(word, value(b.Dst[i]))
		}
		if k.Shape == kernels.ToMask {
			word = append(word, b.Mask...)
		}
		h.Write(word)
	}
}

// readDigests parses lines of "name full short".
func readDigests(t *testing.T) map[string][2]string {
	golden := map[string][2]string{}
	for line := range strings.Lines(goldenDigests) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		require.Len(t, f, 3, "%s: line %q", digestFile, line)
		golden[f[0]] = [2]string{f[1], f[2]}
	}
	return golden
}

func writeDigests(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Digests of every kernel's results, full and -short; the same on every machine.\n" +
		"# Regenerate: go test -run TestDigest -update .\n")
	full, short := sha256.New(), sha256.New()
	for i := range kernels.All {
		k := &kernels.All[i]
		f, s := digest(k, false), digest(k, true)
		full.Write(f)
		short.Write(s)
		fmt.Fprintf(&b, "%s %x %x\n", k.Name, f[:8], s[:8])
	}
	fmt.Fprintf(&b, "catalogue %x %x\n", full.Sum(nil), short.Sum(nil))
	require.NoError(t, os.WriteFile(digestFile, []byte(b.String()), 0o644))
}
