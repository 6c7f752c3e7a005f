/* SPDX-License-Identifier: MIT */
/*
 * timers.c - N timers of so many milliseconds, gathered; prints milliseconds.
 *
 *     timers N MS
 */
#include <stdio.h>
#include <stdlib.h>
#include <taskpar.h>
#include <taskpar/io.h>

static void
require(int truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "timers: %s: %s\n", what, tpar_error_detail());
		exit(EXIT_FAILURE);
	}
}

/* From before the first one is made until all are done, in nanoseconds. */
static int64_t
measure(tpar_future **f, size_t n, int64_t ms)
{
	int64_t begin = tpar_in(0);
	size_t i;

	for (i = 0; i < n; i++) {
		require(tpar_io_timer(tpar_in(ms * TPAR_MILLISECOND), &f[i]) ==
				TPAR_OK,
			"tpar_io_timer()");
	}
	require(tpar_gather(f, n, NULL, NULL) == TPAR_OK, "tpar_gather()");
	return tpar_in(0) - begin;
}

int
main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
	int64_t ms = argc > 2 ? strtol(argv[2], NULL, 10) : 10;
	tpar_future **f = calloc(n, sizeof *f);
	int64_t ns;

	require(f != NULL && n > 0, "N");
	/* The library has its thread, as Python has its loop. */
	(void)measure(f, 1, 1);
	tpar_future_unref(f[0]);
	ns = measure(f, n, ms);
	tpar_future_unref_all(f, n);
	printf("%.3f\n", (double)ns / 1e6);
	free(f);
	return 0;
}
