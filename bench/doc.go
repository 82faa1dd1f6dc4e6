// Package bench measures every kernel of the catalogue: each implementation
// the machine has, the plain loop over package math that it replaces
// (impl=naive), and a copy that moves the same bytes (impl=copy), which is the
// most that memory allows. Names are benchstat's key=value:
//
//	BenchmarkKernel/op=Floor/type=f32/n=1024/impl=avx2
//
// A first look, some minutes:
//
//	go test -bench . ./bench
//
// The table of the README, interleaved by -count so that a noisy minute hits
// every implementation alike:
//
//	go install golang.org/x/perf/cmd/benchstat@latest
//	go test ./bench -bench 'Kernel/op=(Floor|Ceil|Trunc|Round|RoundAway|STEForward|STEBackward)$/type=f32' -sizes 1024,16384,262144 -count 6 > rounding.txt
//	benchstat -row /op,/n -col /impl -filter '.unit:ns/op' rounding.txt
//	go test ./bench -bench 'Kernel/op=(Soft|Smooth).*/type=f32' -sizes 16384 -count 6 > soft.txt
//	benchstat -row /op -col /impl -filter '.unit:ns/op' soft.txt
//
// Short calls, and all sizes from 8 to 16M elements:
//
//	go test ./bench -bench 'Kernel/op=Floor$' -sizes 8,16,32,64 -count 6
//	go test ./bench -bench 'Kernel/op=Floor$' -sizes all -count 6
//
// Other libraries, frameworks and the ceilings of memory are measured by a
// program of its own, which writes docs/BENCHMARKS.md:
//
//	GOEXPERIMENT=simd go run -C bench/peers .
//
// A benchmark runs for 100 ms unless -benchtime says otherwise. One thread
// works at a time.
package bench
