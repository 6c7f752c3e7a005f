/* SPDX-License-Identifier: MIT */
/*
 * fj_seq.h - back end: no parallelism, a fork is a call.
 */
#ifndef FJ_SEQ_H
#define FJ_SEQ_H

#include "fj_plain.h"

#define FJ_GROUP
#define FJ_FORK(to, name, ...) (*(to) = name(__VA_ARGS__))
#define FJ_FORK_VOID(name, ...) name(__VA_ARGS__)
#define FJ_WAIT
#define FJ_JOIN(to, name)
#define FJ_JOIN_VOID(name)
#define FJ_RUN(to, name, ...) (*(to) = name(__VA_ARGS__))
#define FJ_RUN_VOID(name, ...) name(__VA_ARGS__)
#define FJ_LOOP(from, to, fn, arg) fn(from, to, arg)
#define FJ_RUN_LOOPS(name, arg) name(arg)
#define FJ_SORT(numbers, n) qsort(numbers, n, sizeof *(numbers), sort_order)

static void
fj_start(void)
{
}

static void
fj_stop(void)
{
}

static void
fj_version(void)
{
	puts("sequential");
}

#endif
