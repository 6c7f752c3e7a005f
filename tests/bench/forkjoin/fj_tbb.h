/* SPDX-License-Identifier: MIT */
/*
 * fj_tbb.h - back end: oneTBB, a task_group for each function that forks.
 */
#ifndef FJ_TBB_H
#define FJ_TBB_H

#include "fj_plain.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/parallel_sort.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

#define FJ_GROUP oneapi::tbb::task_group fj_group
#define FJ_FORK(to, name, ...)                                                 \
	do {                                                                   \
		auto *fj_to = (to);                                            \
		fj_group.run([=] { *fj_to = name(__VA_ARGS__); });             \
	} while (0)
#define FJ_FORK_VOID(name, ...) fj_group.run([=] { name(__VA_ARGS__); })
#define FJ_WAIT fj_group.wait()
#define FJ_JOIN(to, name)
#define FJ_JOIN_VOID(name)
#define FJ_RUN(to, name, ...)                                                  \
	fj_arena->execute([&] { *(to) = name(__VA_ARGS__); })
#define FJ_RUN_VOID(name, ...) fj_arena->execute([&] { name(__VA_ARGS__); })
#define FJ_LOOP(from, to, fn, arg)                                             \
	oneapi::tbb::parallel_for(                                             \
		oneapi::tbb::blocked_range<size_t>(from, to),                  \
		[=](const oneapi::tbb::blocked_range<size_t> &part) {          \
			fn(part.begin(), part.end(), arg);                     \
		},                                                             \
		oneapi::tbb::static_partitioner())
#define FJ_RUN_LOOPS(name, arg) FJ_RUN_VOID(name, arg)
#define FJ_SORT(numbers, n)                                                    \
	fj_arena->execute([&] {                                                \
		oneapi::tbb::parallel_sort(                                    \
			numbers, (numbers) + (n), [](uint64_t a, uint64_t b) { \
				return sort_order(&a, &b) < 0;                 \
			});                                                    \
	})

static oneapi::tbb::global_control *fj_limit;
static oneapi::tbb::task_arena *fj_arena; /* the caller is one of its threads */

static void
fj_start(void)
{
	using oneapi::tbb::global_control;

	fj_limit = new global_control(global_control::max_allowed_parallelism,
				      fj_workers);
	fj_arena = new oneapi::tbb::task_arena((int)fj_workers, 1);
}

static void
fj_stop(void)
{
	delete fj_arena;
	delete fj_limit;
}

static void
fj_version(void)
{
	printf("oneTBB %s\n", TBB_runtime_version());
}

#endif
