/* SPDX-License-Identifier: MIT */
/*
 * loop.h - a loop over n tiny items, half a nanosecond each or less, again and
 * again: what counts is what the library adds to a plain one.  Items are items.
 */
#define LOOP_PASSES 50
#define LOOP_PASSES_BRIEF 3

static uint32_t *loop_data;

static __attribute__((noinline)) int
loop_body(size_t begin, size_t end, void *arg)
{
	uint32_t *data = (uint32_t *)arg;
	size_t i;

	for (i = begin; i < end; i++) {
		uint32_t x = (uint32_t)i * UINT32_C(2654435769);

		data[i] += x ^ x >> 15;
	}
	return 0;
}

static int
loop_passes(void)
{
	return fj_brief ? LOOP_PASSES_BRIEF : LOOP_PASSES;
}

FJ_LOOPS_TASK(loop, long, n)
{
	int pass;

	for (pass = 0; pass < loop_passes(); pass++) {
		FJ_LOOP(0, (size_t)n, loop_body, loop_data);
	}
}

static void
loop_prepare(long n)
{
	loop_data = (uint32_t *)fj_buffer(0, (size_t)n * sizeof(uint32_t));
	memset(loop_data, 0, (size_t)n * sizeof(uint32_t));
}

static double
loop_run(long n)
{
	FJ_RUN_LOOPS(loop, n);
	return (double)n * loop_passes();
}

static int
loop_right(long n)
{
	long i;

	for (i = 0; i < n; i++) {
		uint32_t x = (uint32_t)i * UINT32_C(2654435769);

		if (loop_data[i] != (x ^ x >> 15) * (uint32_t)loop_passes()) {
			break;
		}
	}
	return i == n;
}

static const struct fj_program loop_program = {
	"loop", 10000000, 20000, loop_prepare, loop_run, loop_right,
};
