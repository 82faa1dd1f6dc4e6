package main

import (
	"fmt"
	"strings"
)

// Go's assembler has few vector instructions for arm64: no floating-point
// arithmetic but the fused operations, no rounding, no ordered comparison. The
// others are written as words, each with its mnemonic as comment, which
// TestWords decodes.

// A field says how an instruction encodes the type of its lanes.
type field uint8

const (
	bitwise  field = iota // not at all: always 16b
	floating              // bit 22 is set for float64
	integer               // bits 23 and 22 are log2 of the lane's bytes
	fixed                 // only one combination, which is part of the base
)

// An a64 is one vector instruction, known by its A64 mnemonic: as Go's
// assembler spells it or, where it has no name there, as a word with all
// fields zero.
type a64 struct {
	goName   string
	base     uint32
	operands int // how many, of a word
	field    field
	lanes    [3]string // where fixed: of destination and sources
}

var a64s = map[string]a64{
	"add":   {goName: "VADD", field: integer},
	"and":   {goName: "VAND", field: bitwise},
	"bif":   {goName: "VBIF", field: bitwise},
	"bit":   {goName: "VBIT", field: bitwise},
	"bsl":   {goName: "VBSL", field: bitwise},
	"cmtst": {goName: "VCMTST", field: integer},
	"eor":   {goName: "VEOR", field: bitwise},
	"fmla":  {goName: "VFMLA", field: floating},
	"fmls":  {goName: "VFMLS", field: floating},
	"mov":   {goName: "VMOV", field: bitwise},
	"orr":   {goName: "VORR", field: bitwise},
	"sub":   {goName: "VSUB", field: integer},

	"bic":    {base: 0x0e601c00, operands: 3, field: bitwise},
	"cmgt":   {base: 0x0e203400, operands: 3, field: integer},
	"fadd":   {base: 0x0e20d400, operands: 3, field: floating},
	"fcmeq":  {base: 0x0e20e400, operands: 3, field: floating},
	"fcmge":  {base: 0x2e20e400, operands: 3, field: floating},
	"fcmgt":  {base: 0x2ea0e400, operands: 3, field: floating},
	"fcvtl":  {base: 0x0e617800, operands: 2, field: fixed, lanes: [3]string{"2d", "2s"}},
	"fcvtn":  {base: 0x0e616800, operands: 2, field: fixed, lanes: [3]string{"2s", "2d"}},
	"fcvtzs": {base: 0x0ea1b800, operands: 2, field: floating},
	"fdiv":   {base: 0x2e20fc00, operands: 3, field: floating},
	"fmul":   {base: 0x2e20dc00, operands: 3, field: floating},
	"frintm": {base: 0x0e219800, operands: 2, field: floating},
	"frintn": {base: 0x0e218800, operands: 2, field: floating},
	"frintp": {base: 0x0ea18800, operands: 2, field: floating},
	"frintz": {base: 0x0ea19800, operands: 2, field: floating},
	"fsqrt":  {base: 0x2ea1f800, operands: 2, field: floating},
	"fsub":   {base: 0x0ea0d400, operands: 3, field: floating},
	"fcvtns": {base: 0x0e21a800, operands: 2, field: floating},
	"scvtf":  {base: 0x0e21d800, operands: 2, field: floating},
	"sqxtn":  {base: 0x0ea14800, operands: 2, field: fixed, lanes: [3]string{"2s", "2d"}},
	"umull":  {base: 0x2ea0c000, operands: 3, field: fixed, lanes: [3]string{"2d", "2s", "2s"}},

	// By the width of the result's lanes.
	"sxtl 16": {base: 0x0f08a400, operands: 2, field: fixed, lanes: [3]string{"8h", "8b"}},
	"sxtl 32": {base: 0x0f10a400, operands: 2, field: fixed, lanes: [3]string{"4s", "4h"}},
	"sxtl 64": {base: 0x0f20a400, operands: 2, field: fixed, lanes: [3]string{"2d", "2s"}},
	"uxtl 16": {base: 0x2f08a400, operands: 2, field: fixed, lanes: [3]string{"8h", "8b"}},
	"uxtl 32": {base: 0x2f10a400, operands: 2, field: fixed, lanes: [3]string{"4s", "4h"}},
	"uxtl 64": {base: 0x2f20a400, operands: 2, field: fixed, lanes: [3]string{"2d", "2s"}},
	"xtn 8":   {base: 0x0e212800, operands: 2, field: fixed, lanes: [3]string{"8b", "8h"}},
	"xtn 16":  {base: 0x0e612800, operands: 2, field: fixed, lanes: [3]string{"4h", "4s"}},
	"xtn 32":  {base: 0x0ea12800, operands: 2, field: fixed, lanes: [3]string{"2s", "2d"}},
}

// An arrangement is a width and number of lanes.
type arrangement struct {
	goName string
	q      uint32 // all 128 bits
	double uint32 // 64-bit lanes
}

var arrangements = map[string]arrangement{
	"2s":  {"S2", 0, 0},
	"4s":  {"S4", 1, 0},
	"2d":  {"D2", 1, 1},
	"16b": {"B16", 1, 0},
}

// assemble is one instruction on vector registers with lanes of the given
// arrangement, destination first: its name and operands in Go's assembly, where
// the destination comes last.
func assemble(mnemonic, lanes string, regs ...int) (name, operands string) {
	inst, ok := a64s[mnemonic]
	if !ok {
		panic("asm: a64 has no " + mnemonic)
	}
	if inst.field == bitwise {
		lanes = "16b"
	}
	arr, ok := arrangements[lanes]
	if !ok {
		panic("asm: a64 has no arrangement " + lanes)
	}
	if inst.goName != "" {
		var args []string
		for _, r := range regs {
			args = append([]string{fmt.Sprintf("V%d.%s", r, arr.goName)}, args...)
		}
		return inst.goName, strings.Join(args, ", ")
	}

	if len(regs) != inst.operands {
		panic(fmt.Sprintf("asm: a64 %s has %d operands, not %d", mnemonic, inst.operands, len(regs)))
	}
	word := inst.base
	switch inst.field {
	case bitwise:
		word |= arr.q << 30
	case floating:
		word |= arr.q<<30 | arr.double<<22
	case integer:
		word |= arr.q<<30 | (2+arr.double)<<22
	}
	var args []string
	for i, r := range regs {
		word |= uint32(r&31) << [...]int{0, 5, 16}[i] // Rd, Rn, Rm
		if inst.field == fixed {
			lanes = inst.lanes[i]
		}
		args = append(args, fmt.Sprintf("v%d.%s", r, lanes))
	}
	mnemonic, _, _ = strings.Cut(mnemonic, " ")
	return "WORD", fmt.Sprintf("$0x%08x // %s %s", word, mnemonic, strings.Join(args, ", "))
}
