/* SPDX-License-Identifier: MIT */
/*
 * own_taskpar.c - what no peer has: cancelling, deadlines, the memory of a
 * window, what still begins after a failure.
 */
#define _GNU_SOURCE /* for mallinfo2() */
#include "bench.h"

#include <taskpar.h>

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BESIDE = 2000, BESIDE_ROUNDS = 15, STEPS = 10000 };

static void
must(int err, const char *what)
{
	bench_require(err == TPAR_OK, what);
}

static unsigned workers;

static tpar_pool *
make_pool(unsigned blocking_limit, const struct tpar_allocator *allocator)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool;

	config.workers = workers;
	config.blocking_limit = blocking_limit;
	config.stack_size = (size_t)128 * 1024;
	if (allocator != NULL) {
		config.allocator = *allocator;
	}
	must(tpar_pool_create(&pool, &config), "tpar_pool_create()");
	return pool;
}

static int
pass_gate(void *arg, void *value)
{
	(void)arg, (void)value;
	bench_gate_pass();
	return 0;
}

static void
hold_workers(tpar_pool *pool)
{
	unsigned i;

	bench_gate_close();
	for (i = 0; i < workers; i++) {
		must(tpar_submit(pool, pass_gate, NULL, 0, NULL),
		     "tpar_submit()");
	}
	bench_gate_await(workers);
}

/* ---- cancel ---------------------------------------------------------------- */

static _Atomic size_t asleep;

static int
sleep_for_ever(void *arg, void *value)
{
	(void)arg, (void)value;
	atomic_fetch_add(&asleep, 1);
	return tpar_sleep(TPAR_FOREVER);
}

static int
gather_sleepers(void *arg, void *value)
{
	size_t n = *(const size_t *)arg;
	tpar_future **f = (tpar_future **)bench_buffer(0, n * sizeof *f);
	struct tpar_task task = TPAR_TASK_INIT;
	enum tpar_err err;

	(void)value;
	task.fn = sleep_for_ever;
	must(tpar_submit_many(NULL, &task, NULL, 0, n, f),
	     "tpar_submit_many()");
	err = tpar_gather(f, n, NULL, NULL);
	bench_require(err == TPAR_ESTOPPED, "tpar_gather()");
	tpar_future_unref_all(f, n);
	return err;
}

/* ns until a gather of n, `sleepers` of which sleep, has returned. */
static void
cancel(size_t n, unsigned blocking_limit, size_t sleepers)
{
	tpar_pool *pool = make_pool(blocking_limit, NULL);
	tpar_future *f;
	int64_t start;

	atomic_store(&asleep, 0);
	must(tpar_submit(pool, gather_sleepers, &n, 0, &f), "tpar_submit()");
	while (atomic_load(&asleep) < sleepers) {
		bench_pause_ns(TPAR_MILLISECOND);
	}
	bench_pause_ns(200 * TPAR_MILLISECOND); /* they fall asleep */
	start = bench_now_ns();
	must(tpar_future_cancel(f), "tpar_future_cancel()");
	bench_require(tpar_future_wait(f, TPAR_FOREVER) == TPAR_ECANCELED,
		      "tpar_future_wait()");
	printf("%lld\n", (long long)(bench_now_ns() - start));
	tpar_future_unref(f);
	must(tpar_pool_destroy(pool), "tpar_pool_destroy()");
}

static void
cancel_asleep(size_t n)
{
	cancel(n, (unsigned)n, n);
}

/* Of the default 512 threads for waits one is the gather's. */
static void
cancel_pending(size_t n)
{
	cancel(n, 0, 511);
}

/* ---- beside ---------------------------------------------------------------- */

static int silent[2];

static int
block_in_read(void *arg, void *value)
{
	char c;

	(void)arg, (void)value;
	atomic_fetch_add(&asleep, 1);
	/* The end of the pipe, once it is closed. */
	bench_require(read(silent[0], &c, 1) == 0, "read()");
	return 0;
}

/* Some 15 us. */
static int
compute(void *arg, void *value)
{
	uint64_t x = 1;
	int i;

	(void)arg;
	for (i = 0; i < STEPS; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("" : "+r"(x));
	}
	*(uint64_t *)value = x;
	return 0;
}

/* ns for BESIDE tasks that compute. */
static int64_t
compute_in(tpar_pool *pool)
{
	static tpar_future *f[BESIDE];
	static uint64_t values[BESIDE];
	struct tpar_task task = TPAR_TASK_INIT;
	int64_t start = bench_now_ns();
	size_t i;

	task.fn = compute;
	task.value_size = sizeof values[0];
	must(tpar_submit_many(pool, &task, NULL, 0, BESIDE, f),
	     "tpar_submit_many()");
	must(tpar_gather(f, BESIDE, values, NULL), "tpar_gather()");
	for (i = 0; i < BESIDE; i++) {
		bench_require(values[i] == values[0], "values");
	}
	tpar_future_unref_all(f, BESIDE);
	return bench_now_ns() - start;
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Time without, in percent of that while n blocking tasks are in read(). */
static void
beside(size_t n)
{
	tpar_future **f = (tpar_future **)bench_buffer(0, n * sizeof *f);
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *with = make_pool((unsigned)n, NULL);
	tpar_pool *without = make_pool((unsigned)n, NULL);
	int64_t time[2][BESIDE_ROUNDS];
	size_t i;

	bench_require(pipe(silent) == 0, "pipe()");
	atomic_store(&asleep, 0);
	task.fn = block_in_read;
	task.flags = TPAR_BLOCKING;
	must(tpar_submit_many(with, &task, NULL, 0, n, f),
	     "tpar_submit_many()");
	while (atomic_load(&asleep) < n) {
		bench_pause_ns(TPAR_MILLISECOND);
	}
	(void)compute_in(with);
	(void)compute_in(without);
	for (i = 0; i < BESIDE_ROUNDS; i++) {
		time[0][i] = compute_in(with);
		time[1][i] = compute_in(without);
	}
	bench_require(close(silent[1]) == 0, "close()");
	must(tpar_wait_all(f, n, TPAR_FOREVER), "tpar_wait_all()");
	tpar_future_unref_all(f, n);
	(void)close(silent[0]);
	qsort(time[0], BESIDE_ROUNDS, sizeof time[0][0], by_time);
	qsort(time[1], BESIDE_ROUNDS, sizeof time[1][0], by_time);
	printf("%.1f\n", 100.0 * (double)time[1][BESIDE_ROUNDS / 2] /
				 (double)time[0][BESIDE_ROUNDS / 2]);
	must(tpar_pool_destroy(with), "tpar_pool_destroy()");
	must(tpar_pool_destroy(without), "tpar_pool_destroy()");
}

/* ---- deadlines ------------------------------------------------------------- */

static int
nothing(void *arg, void *value)
{
	(void)arg, (void)value;
	return 0;
}

/* ns for n submits, and for n to run. */
static void
run_with_deadlines(size_t n, bool timed, int64_t *submit, int64_t *run)
{
	tpar_future **f = (tpar_future **)bench_buffer(0, n * sizeof *f);
	tpar_pool *pool = make_pool(1, NULL);
	struct tpar_task task = TPAR_TASK_INIT;
	uint64_t random = 1;
	int64_t start;
	size_t i;

	task.fn = nothing;
	hold_workers(pool);
	start = bench_now_ns();
	for (i = 0; i < n; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		task.deadline_ns = timed ? start + 3600 * TPAR_SECOND +
						   (int64_t)(random >> 24)
					 : TPAR_FOREVER;
		must(tpar_submit_task(pool, &task, &f[i]),
		     "tpar_submit_task()");
	}
	*submit = bench_now_ns() - start;
	start = bench_now_ns();
	bench_gate_open();
	must(tpar_wait_all(f, n, TPAR_FOREVER), "tpar_wait_all()");
	*run = bench_now_ns() - start;
	tpar_future_unref_all(f, n);
	must(tpar_pool_destroy(pool), "tpar_pool_destroy()");
}

/* What a deadline adds to the submit of a task, and to its run. */
static void
deadlines(size_t n)
{
	int64_t submit[2];
	int64_t run[2];

	run_with_deadlines(n, true, &submit[0], &run[0]);
	run_with_deadlines(n, false, &submit[0], &run[0]);
	run_with_deadlines(n, true, &submit[1], &run[1]);
	printf("%.2f %.2f\n", (double)(submit[1] - submit[0]) / (double)n,
	       (double)(run[1] - run[0]) / (double)n);
}

/* ---- window_memory --------------------------------------------------------- */

static _Atomic size_t in_use;

static void *
count_alloc(size_t size, size_t align, void *context)
{
	(void)context;
	atomic_fetch_add(&in_use, size);
	return aligned_alloc(align, (size + align - 1) / align * align);
}

static void
count_free(void *memory, size_t size, void *context)
{
	(void)context;
	atomic_fetch_sub(&in_use, size);
	free(memory);
}

/* The pool's own allocations are part of what malloc() has given out. */
static size_t
memory_in_use(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static int
number(void *arg, void *value)
{
	*(uint64_t *)value = (uintptr_t)arg;
	return 0;
}

/* Bytes, at most: of a window, its items and its pool's memory for them. */
static void
window_memory(size_t n)
{
	struct tpar_allocator allocator = { count_alloc, count_free, NULL };
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = make_pool(1, &allocator);
	size_t before = memory_in_use();
	size_t pool_most = 0;
	size_t most = 0;
	size_t taken = 0;
	size_t put = 0;
	tpar_window *w;

	config.pool = pool;
	config.width = BENCH_WINDOW_WIDTH;
	config.value_size = sizeof(uint64_t);
	must(tpar_window_open(&w, &config), "tpar_window_open()");
	task.fn = number;
	task.value_size = sizeof(uint64_t);
	while (taken < n) {
		uint64_t value;

		task.arg = (void *)(uintptr_t)put;
		if (put < n && tpar_window_put(w, &task, TPAR_NOW) == TPAR_OK) {
			put++;
			continue;
		}
		must(tpar_window_take(w, &value, TPAR_FOREVER, NULL),
		     "tpar_window_take()");
		bench_require(value == taken++, "the order of values");
		if (taken % 1000 == 0) {
			size_t now = memory_in_use() - before;

			most = now > most ? now : most;
			now = atomic_load(&in_use);
			pool_most = now > pool_most ? now : pool_most;
		}
	}
	tpar_window_close(w);
	printf("%zu\n", most > pool_most ? most : pool_most);
	must(tpar_pool_destroy(pool), "tpar_pool_destroy()");
}

/* ---- group_failure, map_failure ---------------------------------------------- */

static _Atomic bool has_failed;
static _Atomic size_t later;

static int
fail_or_count(void *arg, void *value)
{
	(void)value;
	if (arg != NULL && *(const int *)arg != 0) {
		atomic_store(&has_failed, true);
		return 1;
	}
	atomic_fetch_add(&later, atomic_load(&has_failed) ? 1 : 0);
	return 0;
}

/* How many of n bodies began after that of the first one, which failed. */
static void
group_failure(size_t n)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	static const int yes = 1;
	tpar_pool *pool = make_pool(1, NULL);
	tpar_group *g;
	size_t i;

	config.pool = pool;
	must(tpar_group_open(&g, &config), "tpar_group_open()");
	hold_workers(pool);
	for (i = 0; i < n; i++) {
		must(tpar_group_run(g, fail_or_count,
				    i == 0 ? (void *)(uintptr_t)&yes : NULL),
		     "tpar_group_run()");
	}
	bench_gate_open();
	bench_require(tpar_group_close(g, NULL, 0, NULL) == TPAR_EFAILED,
		      "tpar_group_close()");
	tpar_group_destroy(g);
	printf("%zu\n", atomic_load(&later));
	must(tpar_pool_destroy(pool), "tpar_pool_destroy()");
}

static void
map_failure(size_t n)
{
	int *args = (int *)bench_buffer(0, n * sizeof *args);
	tpar_pool *pool = make_pool(1, NULL);
	size_t i;

	for (i = 0; i < n; i++) {
		args[i] = i == 0;
	}
	bench_require(tpar_map(pool, fail_or_count, args, sizeof *args, NULL, 0,
			       n, NULL) == TPAR_EFAILED,
		      "tpar_map()");
	printf("%zu\n", atomic_load(&later));
	must(tpar_pool_destroy(pool), "tpar_pool_destroy()");
}

void
bench_own_start(unsigned n)
{
	workers = n;
}

const struct bench_own bench_own_taskpar[] = {
	{ "cancel", 10000, cancel_asleep },
	{ "cancel_pending", 10000, cancel_pending },
	{ "beside", 500, beside },
	{ "deadlines", 100000, deadlines },
	{ "window_memory", 1000000, window_memory },
	{ "group_failure", 100000, group_failure },
	{ "map_failure", 100000, map_failure },
	{ NULL, 0, NULL },
};
