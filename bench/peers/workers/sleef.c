// Runs SLEEF's double functions of 1.0 ULP for the comparison; worker.go says
// what it answers.
#include <immintrin.h>
#include <sleef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void loop(double *, const double *, long);

#define LOOP(name, width, load, store, function)                     \
	static void name(double *y, const double *x, long n)                  \
	{                                                                     \
		for (long i = 0; i < n; i += width)                           \
			store(y + i, function(load(x + i)));                  \
	}

#ifdef __AVX512F__
#define WIDE(op, f) LOOP(op##_avx512, 8, _mm512_loadu_pd, _mm512_storeu_pd, Sleef_##f##d8_u10avx512f)
#else
#define WIDE(op, f) enum { op##_avx512 }; /* none: 0 */
#endif

#define BOTH(op, f) \
	WIDE(op, f) \
	LOOP(op##_avx2, 4, _mm256_loadu_pd, _mm256_storeu_pd, Sleef_##f##d4_u10avx2)

BOTH(Exp, exp)
BOTH(Expm1, expm1)
BOTH(Tanh, tanh)
BOTH(Sin, sin)
BOTH(Atan, atan)

static struct {
	const char *op;
	loop *avx512, *avx2;
} ops[] = {
	{"Exp", Exp_avx512, Exp_avx2},
	{"Expm1", Expm1_avx512, Expm1_avx2},
	{"Tanh", Tanh_avx512, Tanh_avx2},
	{"Sin", Sin_avx512, Sin_avx2},
	{"Atan", Atan_avx512, Atan_avx2},
};

static loop *find(const char *impl, const char *op, const char *type)
{
	if (strcmp(type, "f64"))
		return NULL;
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		if (strcmp(op, ops[i].op))
			continue;
		if (!strcmp(impl, "sleef-avx512"))
			return ops[i].avx512;
		if (!strcmp(impl, "sleef-avx2"))
			return ops[i].avx2;
	}
	return NULL;
}

static double *numbers(long n) { return aligned_alloc(64, (n * sizeof(double) + 63) / 64 * 64); }

// check keeps the operands for time: n numbers, a multiple of 8.
static double *x, *y;

static int check(loop *f, long n, const char *file)
{
	free(x), free(y);
	x = numbers(n), y = numbers(n);
	FILE *data = fopen(file, "r+b");
	if (!x || !y || !data || fread(x, sizeof *x, n, data) != (size_t)n)
		return 0;
	f(y, x, n);
	rewind(data);
	int done = fwrite(y, sizeof *y, n, data) == (size_t)n;
	return fclose(data) == 0 && done;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(void)
{
	char line[4096], what[16], impl[32], op[32], type[8], last[2048];
	long n, threads;
	while (fgets(line, sizeof line, stdin)) {
		int words = sscanf(line, "%15s %31s %31s %7s %ld %ld %2047s", what, impl, op, type, &n, &threads, last);
		loop *f = words == 7 ? find(impl, op, type) : NULL;
		if (words == 1 && !strcmp(what, "hello")) {
			printf("ok sleef %d.%d.%d\n", SLEEF_VERSION_MAJOR, SLEEF_VERSION_MINOR, SLEEF_VERSION_PATCHLEVEL);
		} else if (words == 1 && !strcmp(what, "forget")) {
			puts("ok");
		} else if (words == 7 && !f) {
			puts("none");
		} else if (words == 7 && !strcmp(what, "check") && n % 8 == 0) {
			if (check(f, n, last))
				printf("ok %ld\n", n);
			else
				puts("error no operands");
		} else if (words == 7 && !strcmp(what, "time") && x) {
			long calls = atol(last);
			double start = now();
			for (long i = 0; i < calls; i++)
				f(y, x, n);
			printf("ok %.0f\n", now() - start);
		} else {
			printf("error not understood: %s", line);
		}
		fflush(stdout);
	}
	return 0;
}
