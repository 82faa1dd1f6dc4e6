// Command verify compares the kernels with their definitions on every float32
// there is:
//
//	go run -C verify .                                    # every kernel with one input, every tier
//	go run -C verify . -kernel Floor,Round -tier avx2
//	go run -C verify . -kernel SoftFloor -alpha 1,5,20    # with SoftFloorGrad and SoftFloorValueGrad
//	go run -C verify . -kernel quant                      # Quantize and FakeQuantize by several quantisers
//	go run -C verify . -bits 20                           # a sample of 2^20 inputs
//
// It uses all cores, prints a row for VERIFICATION.md per kernel, parameter and
// tier, and exits with status 1 where a result differs. For another processor:
//
//	GOARCH=arm64 go build -C verify -o /tmp/verify-arm64 . && qemu-aarch64-static /tmp/verify-arm64 -kernel Floor,Round
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/stepgrad/stepgrad/internal/cases"
	"github.com/stepgrad/stepgrad/internal/isa"
	"github.com/stepgrad/stepgrad/kernels"
)

type options struct {
	kernels, tiers             string
	bits                       int
	alpha, slope, step, lo, hi floats
	factor                     floats
	ulps                       int
	dy                         floats
}

// floats is a flag of comma-separated float32s.
type floats []float32

func (f *floats) String() string {
	var list []string
	for _, v := range *f {
		list = append(list, strconv.FormatFloat(float64(v), 'g', -1, 32))
	}
	return strings.Join(list, ",")
}

func (f *floats) Set(s string) error {
	*f = nil
	for _, word := range strings.Split(s, ",") {
		v, err := strconv.ParseFloat(word, 32)
		if err != nil {
			return fmt.Errorf("%q is not a float32", word)
		}
		*f = append(*f, float32(v))
	}
	return nil
}

func main() {
	o := options{alpha: floats{5}, slope: floats{0.1}, step: floats{0.1}, factor: floats{0.1}, lo: floats{-8}, hi: floats{7}, dy: floats{1, -0.3}}
	flag.StringVar(&o.kernels, "kernel", "", "kernels or families, comma-separated; SoftX and SmoothX bring their gradients (default: all with one input)")
	flag.StringVar(&o.tiers, "tier", "", "tiers, comma-separated (default: all this machine has)")
	flag.IntVar(&o.bits, "bits", 32, "test 2^`n` inputs, 4 to 32")
	flag.Var(&o.alpha, "alpha", "alpha of SoftX, comma-separated")
	flag.Var(&o.slope, "slope", "slope of SmoothX, comma-separated")
	flag.Var(&o.step, "step", "step of FloorDiv and FloorDivSnap, comma-separated")
	flag.Var(&o.factor, "factor", "factor of Scale, comma-separated")
	flag.Var(&o.lo, "lo", "lower bounds of STEForward")
	flag.Var(&o.hi, "hi", "upper bounds of STEForward, as many")
	flag.Var(&o.dy, "dy", "dy of the gradients, or second operand, comma-separated")
	flag.IntVar(&o.ulps, "ulps", 1, "ulps of FloorSnap and FloorDivSnap")
	flag.Parse()
	if flag.NArg() > 0 {
		fail(fmt.Errorf("%q: options only, please", flag.Args()))
	}
	groups, tiers, err := plan(o)
	if err != nil {
		fail(err)
	}
	ok := verify(o, groups, tiers)
	if o.quantises() && !verifyQuant(o, tiers) {
		ok = false
	}
	if !ok {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "verify:", err)
	os.Exit(2)
}

// plan turns the options into groups and tiers.
func plan(o options) (groups []group, tiers []string, err error) {
	if o.bits < 4 || o.bits > 32 {
		return nil, nil, fmt.Errorf("-bits %d: must be 4 to 32", o.bits)
	}
	if len(o.lo) != len(o.hi) {
		return nil, nil, fmt.Errorf("-lo has %d bounds and -hi %d: they go in pairs", len(o.lo), len(o.hi))
	}
	tiers = isa.Tiers()
	if o.tiers != "" {
		for _, tier := range strings.Split(o.tiers, ",") {
			if !slices.Contains(tiers, tier) {
				return nil, nil, fmt.Errorf("-tier %s: this machine has %s", tier, strings.Join(tiers, ", "))
			}
		}
		tiers = strings.Split(o.tiers, ",")
	}
	var known, chosen []string
	for i := range kernels.Elementwise {
		k := &kernels.Elementwise[i]
		switch k.Shape {
		case kernels.FromMask, kernels.MapGrad, kernels.MapBoth:
			continue // no float input of its own, or part of its value's group
		}
		known = append(known, k.Name)
		if o.kernels == "" || slices.Contains(strings.Split(o.kernels, ","), k.Name) || slices.Contains(strings.Split(o.kernels, ","), k.Family) {
			chosen = append(chosen, k.Name, k.Family)
			params, err := parameters(k, o)
			if err != nil {
				return nil, nil, err
			}
			for _, p := range params {
				groups = append(groups, groupsOf(k, p, o.dy)...)
			}
		}
	}
	if o.quantises() {
		chosen = append(chosen, "quant")
	}
	known = append(known, "quant")
	for _, name := range strings.Split(o.kernels, ",") {
		if name != "" && !slices.Contains(chosen, name) {
			return nil, nil, fmt.Errorf("-kernel %s: known are %s", name, strings.Join(known, ", "))
		}
	}
	return groups, tiers, nil
}

// quantises reports whether the quantisers are asked for.
func (o options) quantises() bool {
	return o.kernels == "" || slices.Contains(strings.Split(o.kernels, ","), "quant")
}

// groupsOf is one group, or one for each second operand.
func groupsOf(k *kernels.Kernel, p kernels.Params[float32], dys floats) (list []group) {
	if k.Shape != kernels.Zip && k.Shape != kernels.ZipGrad {
		return []group{groupOf(k, p, dys)}
	}
	for _, dy := range dys {
		list = append(list, group{params: p, runs: []run{{k, dy}}, def: k.Def32, dy: dy})
	}
	return list
}

// groupOf takes the kernel's gradient and both with it, where it has them.
func groupOf(k *kernels.Kernel, p kernels.Params[float32], dys floats) group {
	g := group{params: p, runs: []run{{kernel: k}}, def: k.Def32, dy: 1}
	if grad := kernels.ByName(k.Name + "Grad"); grad != nil && grad.Shape == kernels.MapGrad {
		for _, dy := range dys {
			g.runs = append(g.runs, run{grad, dy})
		}
	}
	if both := kernels.ByName(k.Name + "ValueGrad"); both != nil {
		g.runs = append(g.runs, run{kernel: both})
		g.def = both.Def32
	}
	return g
}

// parameters lists those asked for that the kernel takes.
func parameters(k *kernels.Kernel, o options) (list []kernels.Params[float32], err error) {
	add := func(values floats, set func(*kernels.Params[float32], float32)) {
		for _, v := range values {
			p := kernels.Params[float32]{Ulps: o.ulps}
			set(&p, v)
			list = append(list, p)
		}
	}
	switch k.Sig {
	case kernels.None, kernels.Ulps:
		list = []kernels.Params[float32]{{Ulps: o.ulps}}
	case kernels.Step, kernels.StepUlps:
		add(o.step, func(p *kernels.Params[float32], v float32) { p.Step = v })
	case kernels.Alpha:
		add(o.alpha, func(p *kernels.Params[float32], v float32) { p.Alpha = v })
	case kernels.Slope:
		add(o.slope, func(p *kernels.Params[float32], v float32) { p.Slope = v })
	case kernels.Factor:
		add(o.factor, func(p *kernels.Params[float32], v float32) { p.Factor = v })
	case kernels.Clamp:
		for i := range o.lo {
			for m := kernels.Down; m.Valid(); m++ {
				list = append(list, kernels.Params[float32]{Mode: m, Lo: o.lo[i], Hi: o.hi[i]})
			}
		}
	}
	for _, p := range list {
		a, b, ulps, mode := cases.Raw(k.Sig, p)
		if legal := cases.Legal[float32](k.Sig, a, b, ulps, mode); cases.Show(k.Sig, legal) != cases.Show(k.Sig, p) {
			return nil, fmt.Errorf("%s: %s is not legal", k.Name, cases.Show(k.Sig, p))
		}
	}
	return list, nil
}

// verify runs the groups and prints the table; it reports whether all agreed.
func verify(o options, groups []group, tiers []string) (ok bool) {
	fmt.Println("| date | command | processor | tier | kernel | parameters | inputs | result |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	ok = true
	command := strings.Join(append([]string{"go run -C verify ."}, os.Args[1:]...), " ")
	for i, g := range groups {
		k := g.runs[0].kernel
		bar := progress(o, fmt.Sprintf("%d/%d %s(%s)", i+1, len(groups), k.Name, cases.Show(k.Sig, g.params)))
		results := g.sweep(o.bits, tiers, func(n int) { _ = bar.Add(n) })
		_ = bar.Finish()
		for _, r := range results {
			verdict := "equal"
			if r.failures > 0 {
				verdict, ok = fmt.Sprintf("**%d differ**", r.failures), false
			}
			shown := cases.Show(k.Sig, g.params)
			switch r.run.kernel.Shape {
			case kernels.Zip:
				shown += fmt.Sprintf("y=%v", r.run.dy)
			case kernels.ZipGrad:
				shown += fmt.Sprintf("dy=%v", r.run.dy)
			case kernels.MapGrad:
				shown += fmt.Sprintf(",dy=%v", r.run.dy)
			}
			fmt.Printf("| %s | `%s` | %s | %s | %s | %s | 2^%d | %s |\n",
				time.Now().Format("2006-01-02"), command, processor(), r.tier, r.run.kernel.Name, shown, o.bits, verdict)
			for _, m := range r.first {
				m.Tier, m.Where = r.tier, "sweep"
				fmt.Fprintln(os.Stderr, m)
			}
		}
	}
	return ok
}

// verifyQuant is verify of the quantisers.
func verifyQuant(o options, tiers []string) (ok bool) {
	ok = true
	command := strings.Join(append([]string{"go run -C verify ."}, os.Args[1:]...), " ")
	for i, q := range quantisers {
		bar := progress(o, fmt.Sprintf("%d/%d Quantize(%v)", i+1, len(quantisers), q))
		failures, first, err := q.sweep(o.bits, tiers, func(n int) { _ = bar.Add(n) })
		if err != nil {
			fail(err)
		}
		_ = bar.Finish()
		for t, tier := range tiers {
			verdict := "equal"
			if failures[t] > 0 {
				verdict, ok = fmt.Sprintf("**%d differ**", failures[t]), false
				fmt.Fprintln(os.Stderr, first[t])
			}
			fmt.Printf("| %s | `%s` | %s | %s | FakeQuantize, Quantize | %v | 2^%d | %s |\n",
				time.Now().Format("2006-01-02"), command, processor(), tier, q, o.bits, verdict)
		}
	}
	return ok
}

func progress(o options, name string) *progressbar.ProgressBar {
	return progressbar.NewOptions64(1<<o.bits,
		progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(name), progressbar.OptionThrottle(throttle()),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("inputs"), progressbar.OptionSetWidth(24), progressbar.OptionClearOnFinish())
}

// throttle keeps a log file readable.
func throttle() time.Duration {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
		return 15 * time.Second
	}
	return 200 * time.Millisecond
}

// processor names the machine, and the emulator that shows through: an arm64
// kernel does not print "model name".
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == "model name" {
			model := strings.TrimSpace(value)
			if runtime.GOARCH != "amd64" && runtime.GOARCH != "386" {
				return runtime.GOARCH + " emulated on " + model
			}
			return model
		}
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}
