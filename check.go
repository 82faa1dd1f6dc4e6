package stepgrad

import (
	"unsafe"

	"github.com/stepgrad/stepgrad/kernels"
)

// Float is the element type of every function: float32, float64 and types
// defined as one of them.
type Float interface{ ~float32 | ~float64 }

// is32 is a constant in every instantiation.
func is32[T Float]() bool {
	var t T
	return unsafe.Sizeof(t) == 4
}

// p32 and p64 are what the kernels take, once the slices have been checked.
func p32[T Float](s []T) *float32 { return (*float32)(unsafe.Pointer(unsafe.SliceData(s))) }
func p64[T Float](s []T) *float64 { return (*float64)(unsafe.Pointer(unsafe.SliceData(s))) }
func pInt(s []int32) *int32       { return unsafe.SliceData(s) }
func pByte(s []byte) *byte        { return unsafe.SliceData(s) }

// addr is where a slice lies, for comparison only.
func addr[E any](s []E) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }

func bytes[E any](s []E) uintptr { return uintptr(len(s)) * unsafe.Sizeof(*new(E)) }

// overlap reports whether two blocks, both empty or neither, share memory. (Like
// partial it takes numbers, for the compiler's inliner to like it.)
func overlap(a, sizeA, b, sizeB uintptr) bool { return a < b+sizeB && b < a+sizeA }

// partial reports whether two blocks of the same size, d bytes apart, overlap
// without being the same.
func partial(d, size uintptr) bool { return d != 0 && (d < size || -d < size) }

// The checks below are one per kernels.Shape. They run before anything is
// written, whatever the length. Those of Map and MapInt are inlined.

func checkMap[T Float](name string, dst, x []T) {
	if len(dst) != len(x) {
		panic("stepgrad: " + name + ": dst and x must have the same length")
	}
	if partial(addr(dst)-addr(x), bytes(x)) {
		panic("stepgrad: " + name + ": dst and x must be the same slice or not overlap")
	}
	if race {
		raceRead(x)
		raceWrite(dst)
	}
}

func checkMapInt[T Float](name string, dst []int32, x []T) {
	if len(dst) != len(x) {
		panic("stepgrad: " + name + ": dst and x must have the same length")
	}
	if overlap(addr(dst), bytes(dst), addr(x), bytes(x)) {
		panic("stepgrad: " + name + ": dst and x must not overlap")
	}
	if race {
		raceRead(x)
		raceWrite(dst)
	}
}

func checkMapGrad[T Float](name string, dst, dy, x []T) {
	if len(dst) != len(x) || len(dy) != len(x) {
		panic("stepgrad: " + name + ": dst, dy and x must have the same length")
	}
	if partial(addr(dst)-addr(dy), bytes(dy)) {
		panic("stepgrad: " + name + ": dst and dy must be the same slice or not overlap")
	}
	if partial(addr(dst)-addr(x), bytes(x)) {
		panic("stepgrad: " + name + ": dst and x must be the same slice or not overlap")
	}
	if race {
		raceRead(dy)
		raceRead(x)
		raceWrite(dst)
	}
}

func checkMapBoth[T Float](name string, dst, grad, x []T) {
	if len(dst) != len(x) || len(grad) != len(x) {
		panic("stepgrad: " + name + ": dst, grad and x must have the same length")
	}
	if overlap(addr(dst), bytes(dst), addr(grad), bytes(grad)) {
		panic("stepgrad: " + name + ": dst and grad must not overlap")
	}
	if partial(addr(dst)-addr(x), bytes(x)) {
		panic("stepgrad: " + name + ": dst and x must be the same slice or not overlap")
	}
	if partial(addr(grad)-addr(x), bytes(x)) {
		panic("stepgrad: " + name + ": grad and x must be the same slice or not overlap")
	}
	if race {
		raceRead(x)
		raceWrite(dst)
		raceWrite(grad)
	}
}

// checkZip is for Zip and ZipGrad: where dst and the operands lie, and their
// bytes. (Numbers, so that the compiler inlines it.) raceZip comes after it.
func checkZip(name string, dst, x, y, size, sizeX, sizeY uintptr) {
	same := size == sizeX && size == sizeY
	if !same || partial(dst-x, size) || partial(dst-y, size) {
		panic("stepgrad: " + name + ": dst must " + zipRule(same))
	}
}

func zipRule(same bool) string {
	if !same {
		return "have the same length as both operands"
	}
	return "be the same slice as an operand or not overlap it"
}

func raceZip[T Float](dst, x, y []T) {
	if race {
		raceRead(x)
		raceRead(y)
		raceWrite(dst)
	}
}

// checkToMask and checkFromMask differ in what the operand is called; checkMask
// comes after either.

func checkToMask[T Float](name string, dst []T, mask []byte, x []T) {
	if len(dst) != len(x) {
		panic("stepgrad: " + name + ": dst and x must have the same length")
	}
	if partial(addr(dst)-addr(x), bytes(x)) {
		panic("stepgrad: " + name + ": dst and x must be the same slice or not overlap")
	}
	if race {
		raceRead(x)
		raceWrite(dst)
		raceWrite(mask)
	}
}

func checkFromMask[T Float](name string, dst, dy []T, mask []byte) {
	if len(dst) != len(dy) {
		panic("stepgrad: " + name + ": dst and dy must have the same length")
	}
	if partial(addr(dst)-addr(dy), bytes(dy)) {
		panic("stepgrad: " + name + ": dst and dy must be the same slice or not overlap")
	}
	if race {
		raceRead(dy)
		raceRead(mask)
		raceWrite(dst)
	}
}

// checkMask: mask has size bytes, for n elements; the other slices lie at a
// and b. (Numbers, so that the compiler inlines it.)
func checkMask(name string, mask, held uintptr, n int, a, b, size uintptr) {
	exact := held == uintptr(n+7)/8
	if !exact || overlap(mask, held, a, size) || overlap(mask, held, b, size) {
		panic("stepgrad: " + name + ": mask must " + maskRule(exact))
	}
}

func maskRule(exact bool) string {
	if !exact {
		return "hold one bit per element, exactly (n+7)/8 bytes"
	}
	return "not overlap another slice"
}

// The checks of parameters are one per kernels.Signature. x − x is 0 exactly
// for finite x.

func checkUlps(name string, ulps int) {
	if ulps < 0 {
		panic("stepgrad: " + name + ": ulps must be at least 0")
	}
}

func checkStep[T Float](name string, step T) {
	if step == 0 || step-step != 0 {
		panic("stepgrad: " + name + ": step must be finite and not 0")
	}
}

func checkAlpha[T Float](name string, alpha T) {
	if !(alpha > 0) || alpha-alpha != 0 {
		panic("stepgrad: " + name + ": alpha must be positive and finite")
	}
}

func checkSlope[T Float](name string, slope T) {
	if !(slope > 0 && slope <= 1) {
		panic("stepgrad: " + name + ": slope must be in (0, 1]")
	}
}

func checkClamp[T Float](name string, mode Mode, lo, hi T) {
	if !mode.Valid() {
		panic("stepgrad: " + name + ": mode must be Down, Up, TowardZero, NearestEven or NearestAway")
	}
	if !(lo <= hi) {
		panic("stepgrad: " + name + ": lo must be at most hi, neither NaN")
	}
	if kernels.Floor(lo) != lo || kernels.Floor(hi) != hi {
		panic("stepgrad: " + name + ": lo and hi must be integers or infinite")
	}
}

// checkGradSums is for gradients that are elements and sums.
func checkGradSums[T Float](name string, dx, dy, x []T) {
	if len(dx) != len(x) || len(dy) != len(x) {
		panic("stepgrad: " + name + ": dx, dy and x must have the same length")
	}
	if partial(addr(dx)-addr(dy), bytes(dy)) {
		panic("stepgrad: " + name + ": dx and dy must be the same slice or not overlap")
	}
	if partial(addr(dx)-addr(x), bytes(x)) {
		panic("stepgrad: " + name + ": dx and x must be the same slice or not overlap")
	}
	if race {
		raceRead(dy)
		raceRead(x)
		raceWrite(dx)
	}
}

// checkConvert is for elements that become others.
func checkConvert[D, X any](name string, dst []D, x []X) {
	if len(dst) != len(x) {
		panic("stepgrad: " + name + ": dst and x must have the same length")
	}
	if overlap(addr(dst), bytes(dst), addr(x), bytes(x)) {
		panic("stepgrad: " + name + ": dst and x must not overlap")
	}
	if race {
		raceRead(x)
		raceWrite(dst)
	}
}

// checkNibbles: packed has the nibbles of n elements of values.
func checkNibbles[T Float](name, what string, packed []byte, values []T, n int, order NibbleOrder) {
	if len(packed) != (n+1)/2 {
		panic("stepgrad: " + name + ": " + what + " must hold two elements per byte, exactly (n+1)/2 bytes")
	}
	if overlap(addr(packed), bytes(packed), addr(values), bytes(values)) {
		panic("stepgrad: " + name + ": dst and x must not overlap")
	}
	if order >= orders {
		panic("stepgrad: " + name + ": order must be LowFirst, HighFirst or SplitHalf")
	}
	if order == SplitHalf && n%32 != 0 {
		panic("stepgrad: " + name + ": with SplitHalf the number of elements must be a multiple of 32")
	}
}

func checkQuant[T Float](name string, q *Quant[T]) {
	if !q.valid() {
		panic("stepgrad: " + name + ": q must come from NewQuant or QuantFromRange")
	}
}

// checkFits: I holds every level.
func checkFits[T Float, I Integer](name string, q *Quant[T]) {
	var i I
	least, most := T(0), T(1)
	for bits := 8 * unsafe.Sizeof(i); bits > 0; bits-- {
		most *= 2
	}
	if i--; i < 0 { // signed
		most /= 2
		least = -most
	}
	if q.q.Min < least || q.q.Max >= most {
		panic("stepgrad: " + name + ": the levels of q must fit the integer type")
	}
}

func check4[T Float](name string, q *Quant[T]) {
	if !(q.q.Min >= -8 && q.q.Max <= 7 || q.q.Min >= 0 && q.q.Max <= 15) {
		panic("stepgrad: " + name + ": the levels of q must be within [-8, 7] or [0, 15]")
	}
}

// checkRows: n elements in rows of cols, with a quantiser for every group.
func checkRows[T Float](name string, n, cols, group int, qs []Quant[T]) {
	if cols < 1 || group < 1 || group > cols {
		panic("stepgrad: " + name + ": cols and group must be at least 1, group at most cols")
	}
	if n%cols != 0 {
		panic("stepgrad: " + name + ": the length of x must be a multiple of cols")
	}
	if len(qs) != n/cols*((cols-1)/group+1) {
		panic("stepgrad: " + name + ": qs must have one element for every group of every row")
	}
	for i := range qs {
		checkQuant(name, &qs[i])
	}
}

func check4Rows[T Float](name string, n, cols, group int, qs []Quant[T], order NibbleOrder) {
	checkRows(name, n, cols, group, qs)
	if cols%2 != 0 || group%2 != 0 {
		panic("stepgrad: " + name + ": cols and group must be even")
	}
	if order == SplitHalf && (cols%32 != 0 || group%32 != 0) {
		panic("stepgrad: " + name + ": with SplitHalf cols and group must be multiples of 32")
	}
	for i := range qs {
		check4(name, &qs[i])
	}
}

// checkSums is for the sums of checkGradSums by group.
func checkSums[T Float](name string, dx, dy, x []T, groups int, dscale, dzero []T) {
	if len(dscale) != groups || len(dzero) != groups {
		panic("stepgrad: " + name + ": dscale and dzero must have the length of qs")
	}
	if overlap(addr(dscale), bytes(dscale), addr(dzero), bytes(dzero)) {
		panic("stepgrad: " + name + ": dscale and dzero must not overlap")
	}
	for _, sums := range [][]T{dscale, dzero} {
		for _, s := range [][]T{dx, dy, x} {
			if overlap(addr(sums), bytes(sums), addr(s), bytes(s)) {
				panic("stepgrad: " + name + ": dscale and dzero must not overlap another slice")
			}
		}
	}
	if race {
		raceWrite(dscale)
		raceWrite(dzero)
	}
}

// checkCols: n elements in rows of cols.
func checkCols(name string, n, cols int) {
	if cols < 1 || n%cols != 0 {
		panic("stepgrad: " + name + ": cols must be at least 1 and divide the length")
	}
}

func checkTau[T Float](name string, tau T) {
	if !(tau >= 0) {
		panic("stepgrad: " + name + ": tau must be at least 0, not NaN")
	}
}
