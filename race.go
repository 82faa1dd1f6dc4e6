//go:build race

package stepgrad

import (
	"runtime"
	"unsafe"
)

// race builds tell the detector what the assembly is about to read and write:
// it does not see into assembly.
const race = true

func raceRead[E any](s []E) {
	if len(s) > 0 {
		runtime.RaceReadRange(unsafe.Pointer(&s[0]), int(bytes(s)))
	}
}

func raceWrite[E any](s []E) {
	if len(s) > 0 {
		runtime.RaceWriteRange(unsafe.Pointer(&s[0]), int(bytes(s)))
	}
}
