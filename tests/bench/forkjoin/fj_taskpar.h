/* SPDX-License-Identifier: MIT */
/*
 * fj_taskpar.h - back end: libtaskpar's own fork-join, on a pool.
 */
#ifndef FJ_TASKPAR_H
#define FJ_TASKPAR_H

#include <taskpar.h>
#include <taskpar/algorithm.h>
#include <taskpar/forkjoin.h>

#define FJ_TASK_1 TPAR_TASK_1
#define FJ_TASK_2 TPAR_TASK_2
#define FJ_TASK_3 TPAR_TASK_3
#define FJ_TASK_4 TPAR_TASK_4
#define FJ_VOID_TASK_2 TPAR_VOID_TASK_2
#define FJ_VOID_TASK_3 TPAR_VOID_TASK_3
#define FJ_VOID_TASK_5 TPAR_VOID_TASK_5
#define FJ_VOID_TASK_6 TPAR_VOID_TASK_6
#define FJ_VOID_TASK_7 TPAR_VOID_TASK_7

#define FJ_GROUP
#define FJ_FORK(to, ...) TPAR_FORK(__VA_ARGS__)
#define FJ_FORK_VOID(...) TPAR_FORK(__VA_ARGS__)
#define FJ_CALL(...) TPAR_CALL(__VA_ARGS__)
#define FJ_WAIT
#define FJ_JOIN(to, name) (*(to) = TPAR_JOIN(name))
#define FJ_JOIN_VOID(name) TPAR_JOIN(name)
#define FJ_RUN(to, name, ...)                                                  \
	fj_require(TPAR_RUN(name, fj_pool, to, NULL, __VA_ARGS__) == TPAR_OK,  \
		   "TPAR_RUN")
#define FJ_RUN_VOID(name, ...) FJ_RUN(NULL, name, __VA_ARGS__)
#define FJ_LOOPS_TASK(name, type, arg) TPAR_VOID_TASK_1(name, type, arg)
#define FJ_LOOP(from, to, fn, arg)                                             \
	fj_require(tpar_for(NULL, from, to, 0, fn, arg, NULL) == TPAR_OK,      \
		   "tpar_for()")
#define FJ_RUN_LOOPS(name, arg) FJ_RUN_VOID(name, arg)
#define FJ_SORT(numbers, n)                                                    \
	fj_require(tpar_sort(fj_pool, numbers, n, sizeof *(numbers),           \
			     sort_order_with, NULL, NULL) == TPAR_OK,          \
		   "tpar_sort()")

static tpar_pool *fj_pool;

static void
fj_start(void)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

	config.workers = fj_workers;
	fj_require(tpar_pool_create(&fj_pool, &config) == TPAR_OK, "the pool");
}

static void
fj_stop(void)
{
	fj_require(tpar_pool_destroy(fj_pool) == TPAR_OK, "the pool's end");
}

static void
fj_version(void)
{
	printf("libtaskpar %d.%d.%d\n", TPAR_VERSION_MAJOR, TPAR_VERSION_MINOR,
	       TPAR_VERSION_PATCH);
}

#endif
