package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stepgrad/stepgrad/examples/internal/report"
)

// A sequel is what became of one trained float network when it was trained
// further: in float, as the control, and for each width with fake-quantised
// weights, activations and biases, whose scales are learned. All see the same
// batches.
type sequel struct {
	control  float64 // accuracy of the float network, trained as long
	file     []byte  // and its safetensors
	deployed []deployed
}

// deployed is a network of integers, as it was read back from its file.
type deployed struct {
	intNetwork
	file     []byte
	accuracy float64 // of the integers
	rounded  float64 // of the control, rounded after training, as integers
	equal    bool    // the logits of the integers are those of the fake-quantised network, bit for bit
}

// furtherRate is the share of the first rate that training goes on with.
const furtherRate = 0.3

// furtherEpochs is a third of the first training.
func (o options) furtherEpochs() int { return (o.epochs + 2) / 3 }

// furtherTicks is how many epochs all that makes.
func (o options) furtherTicks() int { return o.seeds * (1 + len(widths)) * o.furtherEpochs() }

// further goes on with the network of a float run, which stays as it is.
func further(r run, seed int, o options, tick func()) (s sequel, err error) {
	epochs := o.furtherEpochs()
	train := func(params []tensor, logits func(images tensor) tensor) {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		c := newCourse(r.train, rng, furtherRate*o.rate, o.batch, epochs, params)
		for range epochs {
			c.epoch(func(images tensor, _ float64) tensor { return logits(images) })
			tick()
		}
	}
	calibration := r.train.first(min(calibrationImages, r.train.len())).tensor()

	control := r.net.clone()
	train(control.params(), func(images tensor) tensor { return control.logits(images, nil, nil) })
	s.control = trial{heldOut: r.heldOut, net: control}.evaluate(nil)
	if s.file, err = control.save(); err != nil {
		return s, err
	}
	for _, w := range widths {
		n := r.net.quantise(w, calibration)
		train(n.params(), n.logits)
		d := deployed{rounded: control.quantise(w, calibration).integers().accuracy(r.heldOut)}
		if d.file, err = n.integers().save(); err != nil {
			return s, err
		}
		if d.intNetwork, err = load(d.file); err != nil {
			return s, fmt.Errorf("%s: %w", w.name, err)
		}
		d.accuracy = d.intNetwork.accuracy(r.heldOut)
		d.equal = slices.Equal(n.logits(r.heldOut.tensor()).Data(), d.allLogits(r.heldOut))
		s.deployed = append(s.deployed, d)
	}
	return s, nil
}

// accuracy is the share of digits that the integers recognise.
func (n intNetwork) accuracy(d dataset) float64 {
	right, logits := 0, n.allLogits(d)
	for i, label := range d.labels {
		row := logits[i*classes : (i+1)*classes]
		if slices.Index(row, slices.Max(row)) == label {
			right++
		}
	}
	return float64(right) / float64(d.len())
}

// A deployRow is what the table says about a width, or about float.
type deployRow struct {
	Name, Note        string
	Look              look
	Trained, Rounded  string // accuracy
	Each              []float64
	Equal             string // in how many seeds
	Weights, FileSize int    // bytes
}

func (x experiment) deployRows() []deployRow {
	over := func(number func(s sequel) float64) []float64 {
		var v []float64
		for _, s := range x.sequel {
			v = append(v, number(s))
		}
		return v
	}
	each := over(func(s sequel) float64 { return s.control })
	rows := []deployRow{{
		Name: "float", Note: "The control, trained for as long.", Look: looks[float],
		Trained: x.percent(each), Each: percent(each),
		Weights: 4 * (pixels*hidden + hidden*classes), FileSize: len(x.sequel[0].file),
	}}
	for i, w := range widths {
		each := over(func(s sequel) float64 { return s.deployed[i].accuracy })
		equal := 0
		for _, s := range x.sequel {
			if s.deployed[i].equal {
				equal++
			}
		}
		n := x.sequel[0].deployed[i]
		rows = append(rows, deployRow{
			Name: w.name, Look: widthLooks[i],
			Note:    fmt.Sprintf("Weights from %d to %d, activations from 0 to %d.", w.least(), w.most(), w.top()),
			Trained: x.percent(each), Each: percent(each),
			Rounded: x.percent(over(func(s sequel) float64 { return s.deployed[i].rounded })),
			Equal:   fmt.Sprintf("%d of %d", equal, x.seeds),
			Weights: len(pack(n.first.weights, w.weightBits)) + len(pack(n.second.weights, w.weightBits)), FileSize: len(n.file),
		})
	}
	return rows
}

// deployTable is for the terminal.
func (x experiment) deployTable() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-22s %18s %18s %12s %8s %8s\n", fmt.Sprintf("integers, %d+%d epochs", x.epochs, x.furtherEpochs()), "trained", "only rounded", "bit for bit", "weights", "file")
	for _, r := range x.deployRows() {
		fmt.Fprintf(&b, "%-22s %18s %18s %12s %6d B %6d B\n", r.Name, r.Trained, r.Rounded, r.Equal, r.Weights, r.FileSize)
	}
	return b.String()
}

// export writes the networks of the first seed and returns the paths.
func (x experiment) export() (paths []string, err error) {
	folder, err := filepath.Abs(x.out)
	if err != nil {
		return nil, err
	}
	put := func(name string, file []byte) {
		path := filepath.Join(folder, "qat-"+name+".safetensors")
		if err == nil {
			err = report.Replace(path, file)
			paths = append(paths, path)
		}
	}
	put("float", x.sequel[0].file)
	for i, w := range widths {
		put(strings.ReplaceAll(w.name, " ", ""), x.sequel[0].deployed[i].file)
	}
	return paths, err
}
