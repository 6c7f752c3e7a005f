/* SPDX-License-Identifier: MIT */
/*
 * fj.c - all fork-join programs with one back end: fj_seq, fj_taskpar, ...
 *
 *     fj_X PROGRAM WORKERS [N]   runs it, after a warm-up, and prints its
 *                                seconds and how many items it had
 *     fj_X list                  prints the programs' names
 *     fj_X check                 runs all, small, with 1 and with 2 workers
 *     fj_X version               of what
 *     fj_X exchange              prints the nanoseconds that a cache line takes
 *                                to another processor and back
 *
 * N is a program's size; without it, that of tests/bench/README.md.
 */
#include "fj.h"

/* The first lines of each say what it is. */
#include "fib.h"
#include "skynet.h"
#include "nqueens.h"
#include "dfs.h"
#include "uts.h"
#include "knapsack.h"
#include "cilksort.h"
#include "tiles.h"
#include "matmul.h"
#include "strassen.h"
#include "flat.h"
#include "pile.h"
#include "late.h"
#include "nbody.h"
#include "loop.h"
#include "sort.h"
#include "exchange.h"

static const struct fj_program *const fj_programs[] = {
	&fib_program,	   &skynet_program,   &nqueens_program,
	&dfs_program,	   &uts_t1_program,   &uts_t3_program,
	&knapsack_program, &cilksort_program, &matmul_program,
	&strassen_program, &flat_program,     &pile_program,
	&late_program,	   &nbody_program,    &loop_program,
#ifdef FJ_SORT
	&sort_program,
#endif
};
static const size_t fj_programs_count =
	sizeof fj_programs / sizeof fj_programs[0];

/* Runs it; returns the items. */
static double
once(const struct fj_program *program, long n)
{
	double items;

	program->prepare(n);
	fj_begin = fj_now();
	fj_end = 0;
	items = program->run(n);
	if (fj_end == 0) {
		fj_end = fj_now();
	}
	fj_require(program->right(n), program->name);
	return items;
}

static long
number(const char *text, long least, long most)
{
	char *end;
	long n = strtol(text, &end, 10);

	fj_require(*text != '\0' && *end == '\0' && n >= least && n <= most,
		   text);
	return n;
}

static const struct fj_program *
find(const char *name)
{
	size_t i;

	for (i = 0; i < fj_programs_count; i++) {
		if (strcmp(fj_programs[i]->name, name) == 0) {
			return fj_programs[i];
		}
	}
	fj_require(0, name);
	return NULL;
}

static void
measure(const struct fj_program *program, long n)
{
	double items;

	fj_brief = 1;
	once(program, program->tiny);
	fj_brief = 0;
	items = once(program, n);
	printf("%.9f %.0f\n", fj_end - fj_begin, items);
}

static void
check(void)
{
	size_t i;

	fj_brief = 1;
	for (fj_workers = 1; fj_workers <= 2; fj_workers++) {
		fj_start();
		for (i = 0; i < fj_programs_count; i++) {
			once(fj_programs[i], fj_programs[i]->tiny);
		}
		fj_stop();
	}
	fj_require(exchange() > 0, "exchange");
}

/* What it was compiled by, and what runs the tasks. */
static void
version(void)
{
#ifdef __clang__
	printf("clang %d.%d.%d, ", __clang_major__, __clang_minor__,
	       __clang_patchlevel__);
#else
	printf("gcc %d.%d.%d, ", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
	fj_version();
}

int
main(int argc, char **argv)
{
	size_t i;

	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (i = 0; i < fj_programs_count; i++) {
			puts(fj_programs[i]->name);
		}
	} else if (argc == 2 && strcmp(argv[1], "version") == 0) {
		version();
	} else if (argc == 2 && strcmp(argv[1], "check") == 0) {
		check();
	} else if (argc == 2 && strcmp(argv[1], "exchange") == 0) {
		printf("%.0f\n", exchange());
	} else if (argc == 3 || argc == 4) {
		const struct fj_program *program = find(argv[1]);

		fj_workers = (unsigned)number(argv[2], 1, 1024);
		fj_start();
		measure(program, argc == 4 ? number(argv[3], 0, LONG_MAX)
					   : program->full);
		fj_stop();
	} else {
		fputs("usage: fj_X PROGRAM WORKERS [N] | list | check |"
		      " version | exchange\n",
		      stderr);
		return 2;
	}
	return 0;
}
