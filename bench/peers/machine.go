package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/stepgrad/stepgrad/internal/isa"
)

// A fact is a line of the header.
type fact struct{ name, value string }

// describeMachine says where and with what the numbers were made. What the
// system does not tell is left out.
func describeMachine(p *program, took time.Duration) (facts []fact) {
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, fact{name, value})
		}
	}
	command := "go run -C bench/peers ."
	if p.simd {
		command = "GOEXPERIMENT=simd " + command
	}
	add("command", strings.Join(append([]string{command}, os.Args[1:]...), " "))
	if p.quick {
		add("quick", "yes: fewer sizes and rounds; claim nothing by these numbers")
	}
	add("date", time.Now().UTC().Format("2006-01-02 15:04 UTC")+", "+took.String())
	add("processor", processor())
	add("caches", caches())
	add("cores", fmt.Sprint(runtime.NumCPU()))
	add("system", system())
	add("huge pages", between(read("/sys/kernel/mm/transparent_hugepage/enabled"), "[", "]"))
	info, _ := debug.ReadBuildInfo()
	build := map[string]string{}
	for _, s := range info.Settings {
		build[s.Key] = s.Value
	}
	goVersion := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	if v := build["GOAMD64"]; v != "" {
		goVersion += ", GOAMD64=" + v
	}
	add("Go", goVersion)
	add("stepgrad", "tiers "+strings.Join(isa.Tiers(), ", "))
	versions := map[string]string{}
	for _, d := range info.Deps {
		versions[d.Path] = d.Version
	}
	add("vek", versions["github.com/viterin/vek"])
	add("GoMLX, Go backend", versions["github.com/gomlx/gomlx"])
	if p.simd {
		add("simd/archsimd", "of "+runtime.Version())
	}
	for _, w := range p.workers() {
		for _, v := range w.versions {
			add(v[0], v[1])
		}
	}
	add("absent", strings.Join(p.missing, "; "))
	return facts
}

func read(path string) string {
	data, _ := os.ReadFile(path)
	return strings.TrimSpace(string(data))
}

func between(s, left, right string) string {
	_, s, _ = strings.Cut(s, left)
	s, _, _ = strings.Cut(s, right)
	return s
}

func processor() string {
	field := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + `\s*:\s*(.*)$`).FindStringSubmatch(read("/proc/cpuinfo"))
		if m == nil {
			return ""
		}
		return m[1]
	}
	s := field("model name")
	if family := field("cpu family"); family != "" { // a cloud's model name may say little
		s += fmt.Sprintf(" (family %s, model %s)", family, field("model"))
	}
	return s
}

func caches() string {
	var list []string
	dirs, _ := filepath.Glob("/sys/devices/system/cpu/cpu0/cache/index*")
	for _, dir := range dirs {
		if kind := read(dir + "/type"); kind != "Instruction" {
			list = append(list, fmt.Sprintf("L%s %s", read(dir+"/level"), read(dir+"/size")))
		}
	}
	return strings.Join(list, ", ")
}

func system() string {
	kernel := read("/proc/sys/kernel/osrelease")
	if kernel == "" {
		return runtime.GOOS
	}
	return between(read("/etc/os-release"), `PRETTY_NAME="`, `"`) + ", Linux " + kernel
}
