package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/stepgrad/stepgrad"
	ag "github.com/stepgrad/stepgrad/autograd"
	"github.com/stepgrad/stepgrad/examples/internal/report"
)

//go:embed report.html.tmpl
var reportText string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"column": func(pixel int) int { return pixel % side },
	"line":   func(pixel int) int { return pixel / side },
	"along":  func(percent, length float64) float64 { return percent / 100 * length },
}).Parse(reportText))

// A row is what the table says about a method.
type row struct {
	Name, Note string
	Look       look
	Accuracy   string
	Each       []float64 // accuracy of every run in percent
	Steps      int
	Seconds    string
}

func (x experiment) rows() []row {
	var rows []row
	for m, method := range methods {
		seconds := summarise(x.each(m, func(r run) float64 { return r.time.Seconds() }))
		rows = append(rows, row{
			Name: method.name, Note: method.note, Look: looks[m],
			Accuracy: x.percent(x.each(m, run.final)),
			Each:     percent(x.each(m, run.final)),
			Steps:    x.runs[m][0].steps,
			Seconds:  fmt.Sprintf("%.2f s", seconds.mean),
		})
	}
	return rows
}

// percent says mean and spread of accuracies.
func (x experiment) percent(each []float64) string {
	s := summarise(each)
	if x.seeds == 1 {
		return fmt.Sprintf("%.1f %%", 100*s.mean)
	}
	return fmt.Sprintf("%.1f ± %.1f %%", 100*s.mean, 100*s.spread)
}

// table is for the terminal.
func (x experiment) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-22s %18s %8s %14s\n", x.setting(), "held-out accuracy", "steps", "time per run")
	for _, r := range x.rows() {
		fmt.Fprintf(&b, "%-22s %18s %8d %14s\n", r.Name, r.Accuracy, r.Steps, r.Seconds)
	}
	return b.String()
}

func (x experiment) setting() string {
	if x.seeds == 1 {
		return fmt.Sprintf("%d levels, 1 seed", x.levels)
	}
	return fmt.Sprintf("%d levels, %d seeds", x.levels, x.seeds)
}

// explain asks the library how the gradient of the loss of a first batch
// reaches the parameters through method m.
func (x experiment) explain(m int) string {
	t := newTrial(x.digits, firstSeed)
	batch := t.train.first(min(x.batch, t.train.len()))
	loss := ag.CrossEntropy(t.net.logits(batch.tensor(), t.calibrate(x.levels), methods[m].round(0)), batch.labels)
	report := ag.Explain(loss, t.net.params()...)
	text := report.String()
	for _, b := range report.Blocks { // file names are enough
		text = strings.ReplaceAll(text, filepath.Dir(b.File)+string(filepath.Separator), "")
	}
	return fmt.Sprintf("Explain(loss, w1, b1, w2, b2) of %s:\n%s", methods[m].name, text)
}

// A specimen is a held-out digit of the first trial.
type specimen struct {
	Pixels []float32
	Label  int
	Read   []int // as what, by each method
}

// gallery shows the first held-out digits, then the first on which the
// networks that learnt do not agree.
func (x experiment) gallery() []specimen {
	const plain, disputed = 6, 8
	heldOut := x.runs[0][0].heldOut
	read := make([][]int, len(methods))
	for m := range methods {
		read[m] = x.runs[m][0].net.classify(heldOut, x.runs[m][0].scheme)
	}
	var shown []specimen
	for i, label := range heldOut.labels {
		s := specimen{heldOut.image(i), label, make([]int, len(methods))}
		agree := true
		for m := range methods {
			s.Read[m] = read[m][i]
			agree = agree && (m == hard || m == afterwards || s.Read[m] == s.Read[float])
		}
		if i < plain || !agree && len(shown) < plain+disputed {
			shown = append(shown, s)
		}
	}
	return shown
}

// write renders the report into the output folder and returns its path. The
// file appears there whole or not at all.
func (x experiment) write(start time.Time) (path string, err error) {
	closeUp := x.closeUp()
	var deployed []deployRow
	var sizes template.HTML
	if x.sequel != nil {
		deployed, sizes = x.deployRows(), x.sizePlot()
	}
	var b bytes.Buffer
	err = reportTemplate.Execute(&b, map[string]any{
		"Setting":    x.setting(),
		"Levels":     x.levels,
		"Epochs":     x.epochs,
		"Batch":      x.batch,
		"Rate":       x.rate,
		"Rows":       x.rows(),
		"Trained":    x.runs[0][0].train.len(),
		"HeldOut":    x.runs[0][0].heldOut.len(),
		"Loss":       x.lossPlot(),
		"Accuracy":   x.accuracyPlot(0),
		"CloseUp":    x.accuracyPlot(closeUp),
		"From":       closeUp,
		"Sweep":      x.sweepPlot(),
		"Deployed":   deployed,
		"Sizes":      sizes,
		"Further":    x.furtherEpochs(),
		"Panels":     panels(),
		"Stalled":    x.explain(hard),
		"Learning":   x.explain(ste),
		"Gallery":    x.gallery(),
		"Command":    x.command(),
		"Date":       start.Format("2 January 2006, 15:04 MST"),
		"Took":       time.Since(start).Round(time.Second),
		"ISA":        stepgrad.ISA(),
		"Machine":    fmt.Sprintf("%s/%s, %d workers, %s", runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), runtime.Version()),
		"FirstAlpha": firstAlpha,
		"LastAlpha":  lastAlpha,
	})
	if err != nil {
		return "", err
	}
	path, err = filepath.Abs(filepath.Join(x.out, "qat.html"))
	if err != nil {
		return "", err
	}
	return path, report.Replace(path, b.Bytes())
}

func (o options) command() string {
	return fmt.Sprintf("go run -C examples ./qat -seeds %d -levels %d -epochs %d -batch %d -lr %g", o.seeds, o.levels, o.epochs, o.batch, o.rate)
}
