/* SPDX-License-Identifier: MIT */
/*
 * fj.h - what the fork-join programs have in common.  Each is written once, in
 * a header, with the macros of a back end; fj.c includes all of them, and is
 * compiled once for each back end:
 *
 *     FJ_TASK_1(long, fib, int, n)     as TPAR_TASK_1; FJ_VOID_TASK_1 too
 *     {
 *             FJ_GROUP;                before the first fork of a function
 *             FJ_FORK(&a, fib, n - 1); its result is there after the join
 *             b = FJ_CALL(fib, n - 2);
 *             FJ_WAIT;                 then the joins, the youngest first
 *             FJ_JOIN(&a, fib);
 *     }
 *
 * FJ_FORK_VOID and FJ_JOIN_VOID are for tasks without a result; FJ_RUN and
 * FJ_RUN_VOID begin.  Where the result goes is evaluated at the fork; arguments
 * are at the latest when it runs: variables in them may change, as they are
 * copied, but arrays must not be named; a pointer into one is fine.
 *
 * The sources are C and C++.
 */
#ifndef FJ_H
#define FJ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* for clock_gettime() and others, with -std=c11 too */
#endif

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * One program.  `run` is what is timed; it returns how many items it has dealt
 * with.  `right` says whether the result is that of a sequential computation.
 * Sizes: `full` is measured; `tiny` warms up and is checked by `make check`.
 */
struct fj_program {
	const char *name;
	long full;
	long tiny;
	void (*prepare)(long n);
	double (*run)(long n);
	int (*right)(long n);
};

/* A warm-up or a test: programs whose size is not their length are short. */
static int fj_brief;

static unsigned fj_workers;

/* What is timed: all of run(), unless it sets them itself. */
static double fj_begin;
static double fj_end;

static inline void
fj_require(int truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "fj: wrong: %s\n", what);
		exit(1);
	}
}

static inline double
fj_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* For the numbers that programs work on; the same in every run. */
static inline uint64_t
fj_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Aligned for any vector; its pages are there. */
static inline void *
fj_alloc(size_t bytes)
{
	size_t whole = (bytes + 63) / 64 * 64;
	void *memory = aligned_alloc(64, whole);

	fj_require(memory != NULL, "memory");
	memset(memory, 0, whole);
	return memory;
}

/*
 * Fixed buffer number `slot`, of at least `bytes`: kept from the warm-up to the
 * end.
 */
static inline void *
fj_buffer(unsigned slot, size_t bytes)
{
	static struct {
		void *at;
		size_t bytes;
	} buffer[4];

	if (buffer[slot].bytes < bytes) {
		free(buffer[slot].at);
		buffer[slot].at = fj_alloc(bytes);
		buffer[slot].bytes = bytes;
	}
	return buffer[slot].at;
}

static void
fj_prepare_nothing(long n)
{
	(void)n;
}

#if defined(FJ_TASKPAR)
#include "fj_taskpar.h"
#elif defined(FJ_OPENMP)
#include "fj_openmp.h"
#elif defined(FJ_TBB)
#include "fj_tbb.h"
#else
#include "fj_seq.h"
#endif

#endif
