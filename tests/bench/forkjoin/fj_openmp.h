/* SPDX-License-Identifier: MIT */
/*
 * fj_openmp.h - back end: OpenMP, a fork is a task, without a cut-off.
 */
#ifndef FJ_OPENMP_H
#define FJ_OPENMP_H

#include "fj_plain.h"

#include <omp.h>

#define FJ_PRAGMA(text) _Pragma(#text)

#define FJ_GROUP
#define FJ_FORK(to, name, ...)                                                 \
	do {                                                                   \
		__typeof__(to) fj_to = (to);                                   \
		FJ_PRAGMA(omp task firstprivate(fj_to))                        \
		*fj_to = name(__VA_ARGS__);                                    \
	} while (0)
#define FJ_FORK_VOID(name, ...)                                                \
	do {                                                                   \
		FJ_PRAGMA(omp task)                                            \
		name(__VA_ARGS__);                                             \
	} while (0)
#define FJ_WAIT FJ_PRAGMA(omp taskwait)
#define FJ_JOIN(to, name)
#define FJ_JOIN_VOID(name)
#define FJ_RUN(to, name, ...)                                                  \
	do {                                                                   \
		FJ_PRAGMA(omp parallel num_threads((int)fj_workers))           \
		FJ_PRAGMA(omp single)                                          \
		*(to) = name(__VA_ARGS__);                                     \
	} while (0)
#define FJ_RUN_VOID(name, ...)                                                 \
	do {                                                                   \
		FJ_PRAGMA(omp parallel num_threads((int)fj_workers))           \
		FJ_PRAGMA(omp single)                                          \
		name(__VA_ARGS__);                                             \
	} while (0)

/* Loops are of a team each, with the parts of schedule(static). */
#define FJ_LOOP(from, to, fn, arg) fj_loop(from, to, fn, arg)
#define FJ_RUN_LOOPS(name, arg) name(arg)

static void
fj_loop(size_t begin, size_t end, int (*body)(size_t, size_t, void *),
	void *arg)
{
	FJ_PRAGMA(omp parallel num_threads((int)fj_workers))
	{
		size_t workers = (size_t)omp_get_num_threads();
		size_t me = (size_t)omp_get_thread_num();
		size_t n = end - begin;

		body(begin + n * me / workers, begin + n * (me + 1) / workers,
		     arg);
	}
}

static void
fj_start(void)
{
	omp_set_dynamic(0);
}

static void
fj_stop(void)
{
}

static void
fj_version(void)
{
#ifdef __clang__
	puts("OpenMP of LLVM's libomp");
#else
	puts("OpenMP of GCC's libgomp");
#endif
}

#endif
