package main

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/examples/internal/report"
)

func allDigits(t *testing.T) dataset {
	d, err := loadDigits()
	require.NoError(t, err)
	return d
}

func total(d dataset) (sum float64) {
	for _, v := range d.images {
		sum += white * float64(v)
	}
	return sum
}

func TestDigits(t *testing.T) {
	d := allDigits(t)
	require.Len(t, d.labels, 1797)
	require.Len(t, d.images, 1797*64)
	var perClass [classes]int
	for _, c := range d.labels {
		perClass[c]++
	}
	assert.Equal(t, [classes]int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}, perClass)
	assert.Equal(t, 561718.0, total(d))
}

func TestSplitHoldsOutAFifthOfEveryClass(t *testing.T) {
	d := allDigits(t)
	train, heldOut := d.split(rand.New(rand.NewPCG(1, 2)))
	assert.Equal(t, d.len(), train.len()+heldOut.len())
	assert.Equal(t, total(d), total(train)+total(heldOut))
	var perClass [classes]int
	for _, c := range heldOut.labels {
		perClass[c]++
	}
	assert.Equal(t, [classes]int{35, 36, 35, 36, 36, 36, 36, 35, 34, 36}, perClass)
	assert.False(t, slices.IsSorted(train.labels))
}

func TestStaircasesAgreeInTraining(t *testing.T) {
	const top = 3
	var xs, want []float32
	for x := float32(-2.0); x < 6; x += 0.0625 {
		if f := x - float32(math.Floor(float64(x))); f == 0.5 {
			continue // ties: NearestEven differs from Floor(x + ½)
		}
		xs = append(xs, x)
		want = append(want, min(max(float32(math.Round(float64(x))), 0), top))
	}
	for name, round := range map[string]staircase{"hardFloor": hardFloor, "floorSTE": floorSTE, "clipSTE": clipSTE} {
		assert.Equal(t, want, round(ag.Const(xs), top).Data(), name)
	}
	assert.InDeltaSlice(t, want, softFloor(200)(ag.Const(xs), top).Data(), 1e-3)
	ramp := softFloor(0.001)(ag.Const(xs), top).Data()
	for i, x := range xs {
		assert.InDelta(t, min(max(x, 0), top), ramp[i], 1e-3)
	}
}

func TestQuantiserKeepsItsLevels(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	values := normal(rng, 2000, 1)
	for _, levels := range []int{2, 3, 4, 16} {
		for _, q := range []quantiser{symmetric(levels), fromZero(levels)} {
			got := slices.Clone(q.fit(values).apply(ag.Const(values), hardFloor).Data())
			slices.Sort(got)
			got = slices.Compact(got)
			assert.Len(t, got, levels)
			if q.zero == 0 {
				assert.Zero(t, got[0])
			} else {
				assert.Equal(t, -got[0], got[len(got)-1])
			}
		}
	}
	assert.InDelta(t, 0.25, symmetric(3).fit([]float32{-0.25, 0, 0.25, 0.25}).step, 1e-6)
	assert.Equal(t, []float32{0, 0}, fromZero(4).fit([]float32{0, 0}).apply(ag.Const([]float32{0, 0}), hardFloor).Data())
}

// lineOf returns the number of the only line of a source file with the text.
func lineOf(t *testing.T, file, text string) int {
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	for i, line := range strings.Split(string(source), "\n") {
		if strings.Contains(line, text) {
			return i + 1
		}
	}
	t.Fatalf("%s has no line with %s", file, text)
	return 0
}

func TestHardFloorBlocksAllButTheLastBias(t *testing.T) {
	trial := newTrial(allDigits(t), 1)
	batch := trial.train.first(32)
	s := trial.calibrate(4)
	loss := ag.CrossEntropy(trial.net.logits(batch.tensor(), s, hardFloor), batch.labels)
	grads := ag.Grad(loss, trial.net.params()...)
	for i, g := range grads {
		blocked := !slices.ContainsFunc(g.Data(), func(v float32) bool { return v != 0 })
		assert.Equal(t, i < 3, blocked, "parameter %d", i)
	}
	report := ag.Explain(loss, trial.net.params()...)
	var xs []int
	for _, b := range report.Blocks {
		xs = append(xs, b.X)
		assert.Equal(t, "Floor", b.Op)
		assert.Equal(t, "quantise.go", filepath.Base(b.File))
		assert.Equal(t, lineOf(t, "quantise.go", "ag.Floor("), b.Line)
		assert.Contains(t, b.Instead, "FloorSTE")
	}
	assert.Equal(t, []int{0, 1, 2}, slices.Compact(xs))

	for _, round := range []staircase{floorSTE, clipSTE, softFloor(4)} {
		loss := ag.CrossEntropy(trial.net.logits(batch.tensor(), s, round), batch.labels)
		assert.Empty(t, ag.Explain(loss, trial.net.params()...).Blocks)
	}
}

var quick = options{seeds: 2, levels: 4, epochs: 4, batch: 32, rate: 0.01}

func TestAllLearnButTheHardFloor(t *testing.T) {
	x := conduct(allDigits(t), quick, func() {})
	for m, method := range methods {
		accuracy := summarise(x.each(m, run.final)).mean
		if m == hard {
			assert.Less(t, accuracy, 0.3, method.name)
		} else {
			assert.Greater(t, accuracy, 0.6, method.name)
		}
		for _, r := range x.runs[m] {
			assert.Equal(t, quick.epochs*46, r.steps) // ⌈1442/32⌉ = 46
			assert.Len(t, r.loss, quick.epochs)
			assert.Len(t, r.accuracy, quick.epochs+1)
		}
	}
}

func TestWorkersDoNotChangeResults(t *testing.T) {
	o := quick
	o.epochs = 1
	d := allDigits(t)
	many := conduct(d, o, func() {})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one := conduct(d, o, func() {})
	for m := range methods {
		for seed := range o.seeds {
			a, b := many.runs[m][seed], one.runs[m][seed]
			assert.Equal(t, a.loss, b.loss)
			assert.Equal(t, a.accuracy, b.accuracy)
			for i, p := range a.net.params() {
				assert.Equal(t, p.Data(), b.net.params()[i].Data())
			}
		}
	}
}

func TestSummary(t *testing.T) {
	assert.Equal(t, summary{3, 0}, summarise([]float64{3}))
	assert.Equal(t, summary{2, math.Sqrt2}, summarise([]float64{1, 3}))
}

func TestFlags(t *testing.T) {
	o, help, err := parse(nil)
	require.NoError(t, err)
	assert.Empty(t, help)
	assert.GreaterOrEqual(t, o.seeds, 3)

	_, help, err = parse([]string{"-h"})
	require.NoError(t, err)
	for _, name := range []string{"-seeds", "-levels", "-epochs", "-batch", "-lr", "-out"} {
		assert.Contains(t, help, name)
	}
	for _, args := range []string{"-seeds 0", "-levels 1", "-levels 257", "-epochs 0", "-epochs many", "-batch 0",
		"-lr 0", "-lr NaN", "-lr -1", "-out=", "-nonsense", "report"} {
		_, _, err := parse(strings.Fields(args))
		if assert.Error(t, err, args) {
			assert.NotContains(t, err.Error(), "\n")
			name, _, _ := strings.Cut(args, " ")
			assert.Contains(t, err.Error(), strings.Trim(name, "-="))
		}
	}
}

func TestReportStandsAlone(t *testing.T) {
	o := quick
	o.seeds, o.epochs, o.out = 1, 1, t.TempDir()
	x := conduct(allDigits(t), o, func() {})
	path, err := x.write(time.Now())
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(path))
	left, err := os.ReadDir(o.out)
	require.NoError(t, err)
	assert.Len(t, left, 1)

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	text := string(data)
	for _, want := range []string{"CC BY 4.0", "Alpaydin", "Floor at quantise.go:", "FloorSTE", "ClipSTE", "SoftFloor", "SmoothFloor", "ISA() ="} {
		assert.Contains(t, text, want)
	}
	for _, name := range []string{`xmlns="http://www.w3.org/2000/svg"`, `xmlns:xlink="http://www.w3.org/1999/xlink"`} {
		text = strings.ReplaceAll(text, name, "") // names, not references
	}
	for _, reference := range []string{"http:", "https:", "src=", "href=", "@import", "url(", "ZgotmplZ", "NaN"} {
		assert.NotContains(t, text, reference)
	}

	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o777)) // a folder is in the way
	_, err = x.write(time.Now())
	require.Error(t, err)
	left, err = os.ReadDir(o.out)
	require.NoError(t, err)
	assert.Len(t, left, 1)

	file := filepath.Join(o.out, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	assert.Error(t, report.Prepare(filepath.Join(file, "below")))
}

func TestProgressIsSparseInLogs(t *testing.T) {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer log.Close()
	tick := report.Progress("training", 1000, log)
	for range 1000 {
		tick()
	}
	text, err := os.ReadFile(log.Name())
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	assert.Len(t, lines, 10)
	assert.Equal(t, "training: 100%, 0 s left", lines[9])
}
