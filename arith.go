package stepgrad

// Add computes
//
//	for i := range dst { dst[i] = x[i] + y[i] }
//
// as IEEE 754 adds.
//
// dst, x and y have one length; dst is the same slice as an operand or
// disjoint from it. Else Add panics.
func Add[T Float](dst, x, y []T) {
	checkZip("Add", addr(dst), addr(x), addr(y), bytes(dst), bytes(x), bytes(y))
	raceZip(dst, x, y)
	if is32[T]() {
		addF32(p32(dst), p32(x), p32(y), len(x))
	} else {
		addF64(p64(dst), p64(x), p64(y), len(x))
	}
}

// Sub computes
//
//	for i := range dst { dst[i] = x[i] − y[i] }
//
// as IEEE 754 subtracts.
//
// dst, x and y have one length; dst is the same slice as an operand or
// disjoint from it. Else Sub panics.
func Sub[T Float](dst, x, y []T) {
	checkZip("Sub", addr(dst), addr(x), addr(y), bytes(dst), bytes(x), bytes(y))
	raceZip(dst, x, y)
	if is32[T]() {
		subF32(p32(dst), p32(x), p32(y), len(x))
	} else {
		subF64(p64(dst), p64(x), p64(y), len(x))
	}
}

// Mul computes
//
//	for i := range dst { dst[i] = x[i] · y[i] }
//
// as IEEE 754 multiplies.
//
// dst, x and y have one length; dst is the same slice as an operand or
// disjoint from it. Else Mul panics.
func Mul[T Float](dst, x, y []T) {
	checkZip("Mul", addr(dst), addr(x), addr(y), bytes(dst), bytes(x), bytes(y))
	raceZip(dst, x, y)
	if is32[T]() {
		mulF32(p32(dst), p32(x), p32(y), len(x))
	} else {
		mulF64(p64(dst), p64(x), p64(y), len(x))
	}
}

// Div computes
//
//	for i := range dst { dst[i] = x[i] / y[i] }
//
// as IEEE 754 divides: 1/±0 is ±Inf, 0/0 NaN.
//
// dst, x and y have one length; dst is the same slice as an operand or
// disjoint from it. Else Div panics.
func Div[T Float](dst, x, y []T) {
	checkZip("Div", addr(dst), addr(x), addr(y), bytes(dst), bytes(x), bytes(y))
	raceZip(dst, x, y)
	if is32[T]() {
		divF32(p32(dst), p32(x), p32(y), len(x))
	} else {
		divF64(p64(dst), p64(x), p64(y), len(x))
	}
}

// Scale computes
//
//	for i := range dst { dst[i] = x[i] · factor }
//
// as IEEE 754 multiplies, for any factor, NaN and ±Inf included.
//
// dst and x have one length and are the same slice or disjoint; else Scale
// panics.
func Scale[T Float](dst, x []T, factor T) {
	checkMap("Scale", dst, x)
	if is32[T]() {
		scaleF32(p32(dst), p32(x), len(x), float32(factor))
	} else {
		scaleF64(p64(dst), p64(x), len(x), float64(factor))
	}
}

// Sqrt computes
//
//	for i := range dst { dst[i] = √x[i] }
//
// correctly rounded. −0 gives −0, x < 0 gives NaN; +Inf and NaN map to
// themselves.
//
// dst and x have one length and are the same slice or disjoint; else Sqrt
// panics.
func Sqrt[T Float](dst, x []T) {
	checkMap("Sqrt", dst, x)
	if is32[T]() {
		sqrtF32(p32(dst), p32(x), len(x))
	} else {
		sqrtF64(p64(dst), p64(x), len(x))
	}
}

// ReLU computes
//
//	for i := range dst {
//		if x[i] ≤ 0 { dst[i] = +0 } else { dst[i] = x[i] }
//	}
//
// NaN gives NaN, −0 gives +0.
//
// dst and x have one length and are the same slice or disjoint; else ReLU
// panics.
func ReLU[T Float](dst, x []T) {
	checkMap("ReLU", dst, x)
	if is32[T]() {
		reLUF32(p32(dst), p32(x), len(x))
	} else {
		reLUF64(p64(dst), p64(x), len(x))
	}
}

// ReLUGrad is the vector-Jacobian product of ReLU, by its result y or by its
// operand, which are positive at the same places:
//
//	for i := range dst {
//		if y[i] > 0 { dst[i] = dy[i] } else { dst[i] = +0 }
//	}
//
// At 0 and NaN the result is +0, whatever dy is, NaN included.
//
// dst, dy and y have one length; dst is the same slice as an operand or
// disjoint from it. Else ReLUGrad panics.
func ReLUGrad[T Float](dst, dy, y []T) {
	checkZip("ReLUGrad", addr(dst), addr(dy), addr(y), bytes(dst), bytes(dy), bytes(y))
	raceZip(dst, dy, y)
	if is32[T]() {
		reLUGradF32(p32(dst), p32(dy), p32(y), len(y))
	} else {
		reLUGradF64(p64(dst), p64(dy), p64(y), len(y))
	}
}
