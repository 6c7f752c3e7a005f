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
