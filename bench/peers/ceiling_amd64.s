#include "textflag.h"

// MOVE8 moves eight vectors of w bytes from SI to DI.
#define MOVE8(store, w, v0, v1, v2, v3, v4, v5, v6, v7) \
	VMOVUPS (0*w)(SI), v0; \
	VMOVUPS (1*w)(SI), v1; \
	VMOVUPS (2*w)(SI), v2; \
	VMOVUPS (3*w)(SI), v3; \
	VMOVUPS (4*w)(SI), v4; \
	VMOVUPS (5*w)(SI), v5; \
	VMOVUPS (6*w)(SI), v6; \
	VMOVUPS (7*w)(SI), v7; \
	store   v0, (0*w)(DI); \
	store   v1, (1*w)(DI); \
	store   v2, (2*w)(DI); \
	store   v3, (3*w)(DI); \
	store   v4, (4*w)(DI); \
	store   v5, (5*w)(DI); \
	store   v6, (6*w)(DI); \
	store   v7, (7*w)(DI)

// MOVE moves CX bytes from SI to DI, a multiple of w: in blocks of eight, then singly.
#define MOVE(store, w, v0, v1, v2, v3, v4, v5, v6, v7) \
	SUBQ    $(8*w), CX; \
	JB      rest; \
	PCALIGN $64; \
loop: \
	MOVE8(store, w, v0, v1, v2, v3, v4, v5, v6, v7); \
	ADDQ    $(8*w), SI; \
	ADDQ    $(8*w), DI; \
	SUBQ    $(8*w), CX; \
	JAE     loop; \
rest: \
	ADDQ    $(8*w), CX; \
	JZ      done; \
single: \
	VMOVUPS (SI), v0; \
	store   v0, (DI); \
	ADDQ    $w, SI; \
	ADDQ    $w, DI; \
	SUBQ    $w, CX; \
	JNZ     single; \
done:

// func copy32(dst, src *byte, n int)
TEXT ·copy32(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVE(VMOVUPS, 32, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)
	VZEROUPPER
	RET

// func copy64(dst, src *byte, n int)
TEXT ·copy64(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVE(VMOVUPS, 64, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	VZEROUPPER
	RET

// func stream32(dst, src *byte, n int)
TEXT ·stream32(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVE(VMOVNTPS, 32, Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)
	SFENCE
	VZEROUPPER
	RET

// func stream64(dst, src *byte, n int)
TEXT ·stream64(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVE(VMOVNTPS, 64, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	SFENCE
	VZEROUPPER
	RET

// ARITHMETIC does CX times twelve multiplications and additions, none of which
// waits for another of its round.
#define ARITHMETIC(v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, zero) \
	VXORPS  zero, zero, zero; \
	PCALIGN $64; \
loop: \
	VMULPS  zero, zero, v0; \
	VADDPS  zero, zero, v1; \
	VMULPS  zero, zero, v2; \
	VADDPS  zero, zero, v3; \
	VMULPS  zero, zero, v4; \
	VADDPS  zero, zero, v5; \
	VMULPS  zero, zero, v6; \
	VADDPS  zero, zero, v7; \
	VMULPS  zero, zero, v8; \
	VADDPS  zero, zero, v9; \
	VMULPS  zero, zero, v10; \
	VADDPS  zero, zero, v11; \
	DECQ    CX; \
	JNZ     loop

// func arithmetic32(n int)
TEXT ·arithmetic32(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	ARITHMETIC(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12)
	VZEROUPPER
	RET

// func arithmetic64(n int)
TEXT ·arithmetic64(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX
	ARITHMETIC(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12)
	VZEROUPPER
	RET
