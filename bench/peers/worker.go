package main

import (
	"bufio"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed workers/python.py
var pythonSource []byte

//go:embed workers/sleef.c
var sleefSource []byte

// A worker is a process that runs peers written in another language. It
// answers every line it is asked with one line:
//
//	hello                                     ok NAME VERSION NAME VERSION …
//	check IMPL OP TYPE N THREADS FILE         ok LENGTH … of each result, or none if IMPL has no OP
//	time IMPL OP TYPE N THREADS CALLS         ok NANOSECONDS
//	forget                                    ok
//
// FILE holds float64 numbers: the operands, and after check the results. check
// makes the operands for time: n elements, of the operands' kind.
type worker struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
	file     string
	versions [][2]string
}

func startWorker(dir, program string, args ...string) (*worker, error) {
	w := &worker{cmd: exec.Command(program, args...), file: filepath.Join(dir, "operands")}
	w.cmd.Stderr = os.Stderr
	in, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	w.in, w.out = in, bufio.NewReader(out)
	words, err := w.ask("hello")
	if err != nil {
		return nil, errors.Join(err, w.cmd.Wait())
	}
	for i := 0; i+1 < len(words); i += 2 {
		w.versions = append(w.versions, [2]string{words[i], words[i+1]})
	}
	return w, nil
}

func startPython(dir, python string) (*worker, error) {
	script := filepath.Join(dir, "worker.py")
	if err := os.WriteFile(script, pythonSource, 0o600); err != nil {
		return nil, err
	}
	return startWorker(dir, python, script)
}

// startSleef compiles its worker.
func startSleef(dir string) (*worker, error) {
	source, program := filepath.Join(dir, "sleef.c"), filepath.Join(dir, "sleef")
	if err := os.WriteFile(source, sleefSource, 0o600); err != nil {
		return nil, err
	}
	out, err := exec.Command("cc", "-O2", "-march=native", "-o", program, source, "-lsleef", "-lm").CombinedOutput()
	if err != nil {
		first, _, _ := strings.Cut(string(out), "\n")
		return nil, fmt.Errorf("cc: %w: %s", err, first)
	}
	return startWorker(dir, program)
}

func (w *worker) stop() {
	w.in.Close()
	_ = w.cmd.Wait()
}

var errNone = errors.New("the worker cannot do this")

func (w *worker) ask(question ...any) ([]string, error) {
	if _, err := fmt.Fprintln(w.in, question...); err != nil {
		return nil, err
	}
	line, err := w.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("asked %v: %w", question, err)
	}
	words := strings.Fields(line)
	switch {
	case len(words) > 0 && words[0] == "ok":
		return words[1:], nil
	case len(words) > 0 && words[0] == "none":
		return nil, errNone
	}
	return nil, fmt.Errorf("asked %v: %s", question, strings.TrimSpace(line))
}

// enter makes an entrant of the worker's implementation of k.Op, if it has one.
func (w *worker) enter(k key, operands ...[]float64) (list []entrant, err error) {
	results, err := w.check(k, operands)
	if errors.Is(err, errNone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w", k, err)
	}
	return []entrant{{
		key: k,
		time: func(calls int) (time.Duration, error) {
			words, err := w.ask("time", k.Impl, k.Op, k.Type, k.N, k.Threads, calls)
			if err != nil {
				return 0, err
			}
			ns, err := strconv.ParseFloat(words[0], 64)
			return time.Duration(ns), err
		},
		output: func() ([][]float64, error) { return results, nil },
	}}, nil
}

func (w *worker) check(k key, operands [][]float64) (results [][]float64, err error) {
	var data []byte
	for _, operand := range operands {
		for _, v := range operand {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
		}
	}
	if err := os.WriteFile(w.file, data, 0o600); err != nil {
		return nil, err
	}
	lengths, err := w.ask("check", k.Impl, k.Op, k.Type, k.N, k.Threads, w.file)
	if err != nil {
		return nil, err
	}
	if data, err = os.ReadFile(w.file); err != nil {
		return nil, err
	}
	for _, word := range lengths {
		n, err := strconv.Atoi(word)
		if err != nil || n*8 > len(data) {
			return nil, fmt.Errorf("the worker answered %v and wrote %d bytes", lengths, len(data))
		}
		result := make([]float64, n)
		for i := range result {
			result[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
		}
		results, data = append(results, result), data[8*n:]
	}
	return results, nil
}
