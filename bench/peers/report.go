package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/stepgrad/stepgrad/internal/isa"
)

// A report is what the tables are made of.
type report struct {
	records
	facts       []fact
	allocations []allocation
	tier        string   // what this machine dispatches to
	tiers       []string // all it has
	threads     []int
	peak        float64
}

// write makes the files and prints where they are.
func (p *program) write(dir string, facts []fact) error {
	r := &report{p.records, facts, p.allocations, isa.Name(), isa.Tiers(), p.threadCounts(), p.peak}
	files := []struct {
		name string
		data []byte
	}{
		{"BENCHMARKS.md", []byte(r.markdown())},
		{"peers.txt", []byte(r.lines())},
		{"bandwidth.svg", r.bandwidthPlot()},
		{"roofline.svg", r.rooflinePlot(readAssembly())},
	}
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path, f.data, 0o644); err != nil {
			return err
		}
		fmt.Println(path)
	}
	return nil
}

// lines are the records as benchmark lines: the fastest round, the median of
// the rounds, and how many there were.
func (r *report) lines() string {
	var b strings.Builder
	for _, f := range r.facts {
		fmt.Fprintf(&b, "%s: %s\n", strings.ReplaceAll(strings.ToLower(f.name), " ", "-"), f.value)
	}
	for _, x := range r.records {
		fmt.Fprintf(&b, "%v-%d %d %s ns/op %s median-ns/op %d rounds\n",
			x.key, x.Threads, x.calls*len(x.ns), strconv.FormatFloat(x.min(), 'g', 6, 64), strconv.FormatFloat(x.median(), 'g', 6, 64), len(x.ns))
	}
	return b.String()
}

// A page collects Markdown.
type page struct{ strings.Builder }

func (p *page) say(format string, args ...any) { fmt.Fprintf(p, format+"\n\n", args...) }

// table writes rows; the first are the headings, the first column is text.
func (p *page) table(rows ...[]string) {
	if len(rows) < 2 {
		p.say("(not measured)")
		return
	}
	for i, row := range rows {
		fmt.Fprintf(p, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(p, "|---|%s\n", strings.Repeat("---:|", len(row)-1))
		}
	}
	p.WriteString("\n")
}

func (r *report) markdown() string {
	p := new(page)
	p.say("# Benchmarks")
	p.say("Written by `bench/peers`, not by hand; [peers.txt](peers.txt) has every number, for benchstat. Ratios hold within this run, on this machine.")
	rows := [][]string{{"", ""}}
	for _, f := range r.facts {
		rows = append(rows, []string{f.name, f.value})
	}
	for _, row := range rows {
		fmt.Fprintf(p, "| %s | %s |\n", row[0], row[1])
		if row[0] == "" {
			p.WriteString("|---|---|\n")
		}
	}
	p.WriteString("\n")
	p.say("Implementations run in turns of about a millisecond, forwards and backwards, some dozens of rounds (what takes seconds, at least three); a number is the fastest round, " +
		"with the median after a dot where two are given; from 4M elements on, comparisons and single numbers go by the median, for a host lends its memory's whole speed for moments only. Before anything is timed, all results are compared, of random ones their means. " +
		"Operands are aligned to 64 bytes, in memory that was written before, at different places of their pages; Go's and PyTorch's memory is in small pages, " +
		"NumPy asks for huge ones. n counts elements: 1K is 1024. A dash is something the peer does not do.")
	for _, section := range []func(p *page){
		r.targetTables, r.lossTable, r.moveTables, r.shareTables, r.parallelTable, r.shortTable, r.transcendentalTables, r.peerTables, r.autogradTable,
	} {
		section(p)
	}
	return strings.TrimRight(p.String(), "\n") + "\n"
}

func (r *report) targetTables(p *page) {
	p.say("## Targets")
	p.say("Every promised figure, by the tier this machine dispatches to (%s); of several cases the worst.", r.tier)
	rows := [][]string{{"target", "goal", "measured", ""}}
	for _, t := range r.targets() {
		goal := "≤ " + digits3(t.limit)
		if t.atLeast {
			goal = "≥ " + digits3(t.limit)
		}
		measured := digits3(t.measured)
		if t.where != "" {
			measured += " (" + t.where + ")"
		}
		rows = append(rows, []string{t.what, goal, measured, t.verdict()})
	}
	p.table(rows...)
}

func (r *report) lossTable(p *page) {
	p.say("## Losses")
	p.say("Every case in which a peer is faster than stepgrad's dispatched tier by more than %.0f %%, the same number of threads; ns per call.", 100*noise)
	list := r.losses()
	if len(list) == 0 {
		p.say("None.")
		return
	}
	rows := [][]string{{"operation", "n", "threads", "stepgrad", "peer", "times faster"}}
	for _, l := range list {
		name := l.ours.Op
		if l.ours.Place == beside {
			name += " (side by side)"
		}
		if l.ours.Impl == "autograd" {
			name += " (autograd)"
		}
		rows = append(rows, []string{name, size(l.ours.N), fmt.Sprint(l.ours.Threads), digits3(l.ours.typical()),
			l.theirs.Impl + " " + digits3(l.theirs.typical()), digits3(l.factor())})
	}
	p.table(rows...)
}

func (r *report) moveTables(p *page) {
	p.say("## What memory allows")
	p.say("GB/s, read and written, of the fastest way to move n elements, and which it was: Go's `copy`, or a loop of 32- or 64-byte vectors with plain (copy) " +
		"or non-temporal stores (stream). In place every byte is loaded and stored back.")
	heading := []string{"n"}
	type column struct {
		typ, place string
		threads    int
	}
	var columns []column
	for _, place := range []string{outOfPlace, inPlace} {
		for _, typ := range []string{"f32", "f64"} {
			for _, threads := range r.threads {
				columns = append(columns, column{typ, place, threads})
				heading = append(heading, fmt.Sprintf("%s, %s, %s", typ, placeName(place), threadsName(threads)))
			}
		}
	}
	rows := [][]string{heading}
	for _, n := range r.sizes("Ceiling") {
		row := []string{size(n)}
		for _, c := range columns {
			cell := "–"
			k := key{"Ceiling", "Move", c.typ, n, c.place, c.threads, ""}
			if best, ok := r.ceiling(k); ok {
				cell = digits3(moves2(c.typ, n)/best.typical()) + " " + best.Impl
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	p.table(rows...)
	p.say("![bandwidth by size](bandwidth.svg)")
	p.say("![roofline](roofline.svg)")
}

// moves2 is the number of bytes read and written when n elements are copied.
func moves2(typ string, n int) float64 {
	bytes, _ := strconv.Atoi(typ[1:])
	return float64(2 * n * bytes / 8)
}

// share is how fast a kernel moves its bytes, as a part of the fastest move.
func (r *report) share(k key) (float64, bool) {
	x, ok := r.find(k)
	best, ok2 := r.ceiling(k)
	if !ok || !ok2 {
		return 0, false
	}
	return best.typical() / x.typical(), true
}

// vectorTiers are those worth a column beside each other.
func (r *report) vectorTiers() []string {
	if len(r.tiers) == 1 {
		return r.tiers
	}
	return slices.DeleteFunc(slices.Clone(r.tiers), func(t string) bool { return t == isa.NameGeneric })
}

func (r *report) shareTables(p *page) {
	tiers := r.vectorTiers()
	p.say("## Memory-bound kernels")
	p.say("Speed as a share of the fastest move of the same bytes in the same race, %s. The target is %.2f for the roundings: ✓ met, ✗ missed; the others have none.", strings.Join(tiers, " · "), shareGoal)
	for _, place := range []string{outOfPlace, inPlace} {
		for _, typ := range []string{"f32", "f64"} {
			heading := []string{typ + ", " + placeName(place)}
			for _, n := range r.sizes("Share") {
				heading = append(heading, size(n))
			}
			rows := [][]string{heading}
			for _, op := range memoryBound {
				row, any := []string{"`" + op + "`"}, false
				for _, n := range r.sizes("Share") {
					var cell []string
					for _, tier := range tiers {
						s, ok := r.share(key{"Share", op, typ, n, place, 1, tier})
						if !ok {
							continue
						}
						mark := ""
						if slices.Contains(roundings, op) {
							mark = map[bool]string{true: " ✓", false: " ✗"}[s >= shareGoal]
						}
						cell = append(cell, fmt.Sprintf("%.2f%s", s, mark))
						any = true
					}
					row = append(row, dash(strings.Join(cell, " · ")))
				}
				if any {
					rows = append(rows, row)
				}
			}
			p.table(rows...)
		}
	}
}

func (r *report) parallel(typ string, n int) (one, all record, ok bool) {
	most := r.threads[len(r.threads)-1]
	one, ok1 := r.find(key{"Parallel", "Floor", typ, n, outOfPlace, 1, "stepgrad"})
	all, ok2 := r.find(key{"Parallel", "Floor", typ, n, outOfPlace, most, "stepgrad"})
	return one, all, ok1 && ok2
}

func (r *report) parallelShare(typ string, n int) (all, ceiling record, ok bool) {
	_, all, ok = r.parallel(typ, n)
	if !ok {
		return
	}
	ceiling, ok = r.ceiling(all.key)
	return all, ceiling, ok
}

func (r *report) parallelTable(p *page) {
	p.say("## Parallel")
	p.say("`Floor` out of place: ns per element of one thread and of `Parallel`, what `Parallel` takes of one thread's time (✗ above %.2f), and its share of the fastest copy by as many threads.", 1+noise)
	heading := []string{"n"}
	for _, typ := range []string{"f32", "f64"} {
		heading = append(heading, typ+", one", "Parallel", "of one's time", "share of copy")
	}
	rows := [][]string{heading}
	for _, n := range r.sizes("Parallel") {
		row := []string{size(n)}
		for _, typ := range []string{"f32", "f64"} {
			one, all, ok := r.parallel(typ, n)
			if !ok {
				row = append(row, "–", "–", "–", "–")
				continue
			}
			ratio := all.typical() / one.typical()
			mark := ""
			if ratio > 1+noise {
				mark = " ✗"
			}
			share := "–"
			if all, c, ok := r.parallelShare(typ, n); ok {
				share = fmt.Sprintf("%.2f", c.typical()/all.typical())
			}
			row = append(row, each(one), each(all), fmt.Sprintf("%.2f%s", ratio, mark), share)
		}
		rows = append(rows, row)
	}
	p.table(rows...)
}

func (r *report) short(op, place string, n int) (ours, loop record, ok bool) {
	k := key{"Short", op, "f32", n, place, 1, r.tier}
	ours, ok1 := r.find(k)
	k.Impl = "loop"
	loop, ok2 := r.find(k)
	return ours, loop, ok1 && ok2
}

func (r *report) shortTable(p *page) {
	p.say("## Short calls")
	p.say("ns per call, float32, stepgrad (%s) / the loop over package math written in its place. ✗: from 8 elements on, slower than the loop; below, more than 4 ns slower. "+
		"The loops keep what they can outside, and the branch predictor knows n. Operands lie apart, but for the last column: there the result lies right before the operand, "+
		"as slices made one after the other do, and a call in a tight loop may wait for the stores of the one before.", r.tier)
	type column struct{ op, place string }
	heading, columns := []string{"n"}, []column{}
	for _, c := range shortCalls {
		heading, columns = append(heading, "`"+c.op+"`"), append(columns, column{c.op, outOfPlace})
	}
	heading, columns = append(heading, "`Floor`, side by side"), append(columns, column{"Floor", beside})
	rows := [][]string{heading}
	for _, n := range r.sizes("Short") {
		row := []string{fmt.Sprint(n)}
		for _, c := range columns {
			ours, loop, ok := r.short(c.op, c.place, n)
			if !ok {
				row = append(row, "–")
				continue
			}
			mark := ""
			if n >= 8 && ours.typical() > loop.typical() || n < 8 && ours.typical()-loop.typical() > 4 {
				mark = " ✗"
			}
			row = append(row, fmt.Sprintf("%.1f / %.1f%s", ours.typical(), loop.typical(), mark))
		}
		rows = append(rows, row)
	}
	p.table(rows...)
}

func (r *report) transcendental(op, typ, impl string) (record, bool) {
	return r.find(key{"Transcendental", op, typ, 1 << 14, outOfPlace, 1, impl})
}

func (r *report) transcendentalTables(p *page) {
	p.say("## Transcendental kernels")
	p.say("16K elements, ns per element, %s; last, value and derivative in one pass against the value alone (✗ above 1.3).", strings.Join(r.tiers, " · "))
	for _, typ := range []string{"f32", "f64"} {
		rows := [][]string{{typ, "value", "gradient", "both", "both ÷ value"}}
		for _, op := range staircases {
			row, any := []string{"`" + op + "`"}, false
			for _, form := range []string{"", "Grad", "ValueGrad"} {
				var cell []string
				for _, tier := range r.tiers {
					if x, ok := r.transcendental(op+form, typ, tier); ok {
						cell, any = append(cell, each(x)), true
					}
				}
				row = append(row, dash(strings.Join(cell, " · ")))
			}
			var cell []string
			for _, tier := range r.tiers {
				value, ok1 := r.transcendental(op, typ, tier)
				both, ok2 := r.transcendental(op+"ValueGrad", typ, tier)
				if ok1 && ok2 {
					mark := ""
					if both.typical() > 1.3*value.typical() {
						mark = " ✗"
					}
					cell = append(cell, fmt.Sprintf("%.2f%s", both.typical()/value.typical(), mark))
				}
			}
			if row = append(row, dash(strings.Join(cell, " · "))); any {
				rows = append(rows, row)
			}
		}
		p.table(rows...)
	}
	p.say("What they are measured by, in the same race: ns per element, and how many of it `SoftRound` and `SmoothRound` take (%s). SLEEF's are its functions of 1.0 ULP; "+
		"NumPy and PyTorch write the staircases with their operations.", strings.Join(r.tiers, " · "))
	rows := [][]string{{"", "ns", "`SoftRound` ÷", "`SmoothRound` ÷"}}
	for _, x := range r.records {
		if x.Table != "Transcendental" || slices.Contains(r.tiers, x.Impl) {
			continue
		}
		row := []string{fmt.Sprintf("%s %s, %s", x.Impl, x.Op, x.Type), each(x)}
		for _, op := range []string{"SoftRound", "SmoothRound"} {
			var cell []string
			for _, tier := range r.tiers {
				if ours, ok := r.transcendental(op, x.Type, tier); ok {
					cell = append(cell, fmt.Sprintf("%.2f", ours.typical()/x.typical()))
				}
			}
			row = append(row, dash(strings.Join(cell, " · ")))
		}
		rows = append(rows, row)
	}
	p.table(rows...)
}

func (r *report) peerTables(p *page) {
	p.say("## Peers")
	p.say("float32, out of place: ns per element, fastest round · median. Tiers and `parallel` are stepgrad's kernels, `autograd` is its graph; `naive` is the loop over package math; scalar loops other than floor's stop at 4M, where an element takes as long as it will.")
	for i := range operations {
		op := &operations[i]
		p.say("### %s", op.title)
		if op.bits > 0 {
			p.say("In brackets, the share of the fastest copy of as many bytes, %s an element, by as many threads.", strconv.FormatFloat(float64(op.bits)/8, 'g', -1, 64))
		}
		heading := []string{op.name}
		sizes := slices.DeleteFunc(r.sizes("Peer"), func(n int) bool { return op.largest > 0 && n > op.largest })
		for _, n := range sizes {
			heading = append(heading, size(n))
		}
		rows := [][]string{heading}
		for _, c := range r.contenders(op.name) {
			name := c.Impl
			if c.Threads > 1 || c.Impl == "torch" {
				name += ", " + threadsName(c.Threads)
			}
			row := []string{name}
			for _, n := range sizes {
				c.N = n
				x, ok := r.find(c)
				if !ok {
					row = append(row, "–")
					continue
				}
				cell := digits3(x.min()/float64(n)) + " · " + digits3(x.median()/float64(n))
				if share, ok := r.share(c); ok {
					cell += fmt.Sprintf(" (%.2f)", share)
				}
				row = append(row, cell)
			}
			rows = append(rows, row)
		}
		p.table(rows...)
	}
}

// contenders are those who do op, in the order they were measured, without a size.
func (r *report) contenders(op string) (list []key) {
	for _, x := range r.records {
		k := x.key
		k.N = 0
		if k.Table == "Peer" && k.Op == op && !isMove(k.Impl) && !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}

func (r *report) training(op, impl string, threads int) (record, bool) {
	return r.best(func(k key) bool {
		return k.Table == "Autograd" && k.Op == op && k.Impl == impl && k.Threads == threads
	})
}

func (r *report) autogradTable(p *page) {
	p.say("## autograd")
	p.say("Forward, backward and, for the network, the optimiser's step, beside the same in PyTorch (its optimiser fused): µs, fastest round · median; " +
		"and what a step allocates once it is warm, with one thread or several. Gradients were compared first, within 1e-4. " +
		"One thread means GOMAXPROCS=1: the garbage collector has none of its own.")
	heading := []string{""}
	for _, impl := range []string{"autograd", "PyTorch"} {
		for _, threads := range r.threads {
			heading = append(heading, impl+", "+threadsName(threads))
		}
	}
	for _, threads := range r.threads {
		heading = append(heading, "autograd ÷ PyTorch, "+threadsName(threads))
	}
	rows := [][]string{append(heading, "allocations", "KiB")}
	for _, t := range trainings {
		row, any := []string{t.title}, false
		for _, impl := range []string{"autograd", "torch"} {
			for _, threads := range r.threads {
				cell := "–"
				if x, ok := r.training(t.op, impl, threads); ok {
					cell, any = digits3(x.min()/1e3)+" · "+digits3(x.median()/1e3), true
				}
				row = append(row, cell)
			}
		}
		for _, threads := range r.threads {
			ours, ok1 := r.training(t.op, "autograd", threads)
			theirs, ok2 := r.training(t.op, "torch", threads)
			cell := "–"
			if ok1 && ok2 {
				cell = fmt.Sprintf("%.2f", ours.typical()/theirs.typical())
			}
			row = append(row, cell)
		}
		count, kib := "–", "–"
		for _, a := range r.allocations {
			if a.op == t.op {
				count, kib = fmt.Sprintf("%.0f", a.count), fmt.Sprintf("%.0f", a.bytes/1024)
			}
		}
		if any {
			rows = append(rows, append(row, count, kib))
		}
	}
	p.table(rows...)
}

// sizes are those that a table was measured at.
func (r *report) sizes(table string) (list []int) {
	for _, x := range r.records {
		if x.Table == table {
			list = append(list, x.N)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// size is n as people say it.
func size(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%dM", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%dK", n>>10)
	}
	return fmt.Sprint(n)
}

func placeName(place string) string {
	return map[string]string{outOfPlace: "out of place", inPlace: "in place"}[place]
}

func threadsName(threads int) string {
	if threads == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", threads)
}

// each is a record's time in ns per element.
func each(x record) string { return digits3(x.typical() / float64(x.N)) }

// digits3 has three digits, without an exponent.
func digits3(v float64) string {
	for decimals, limit := 0, 100.0; decimals < 3; decimals, limit = decimals+1, limit/10 {
		if v >= limit || v <= -limit {
			return strconv.FormatFloat(v, 'f', decimals, 64)
		}
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
