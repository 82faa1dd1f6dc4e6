module github.com/stepgrad/stepgrad/bench/peers

go 1.26.0

require (
	github.com/gomlx/gomlx v0.26.0
	github.com/stepgrad/stepgrad v0.0.0
	github.com/viterin/vek v0.4.3
	golang.org/x/sys v0.49.0
)

require (
	github.com/chewxy/math32 v1.10.1 // indirect
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/go-logr/logr v1.4.3 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/viterin/partial v1.1.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/exp v0.0.0-20250819193227-8b4c13bb791b // indirect
	gonum.org/v1/gonum v0.17.0 // indirect
	k8s.io/klog/v2 v2.130.1 // indirect
)

replace github.com/stepgrad/stepgrad => ../../
