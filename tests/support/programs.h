/* SPDX-License-Identifier: MIT */
/*
 * programs.h - short programs that between them use all of the interface, and know
 * their results: to be run while something happens around them.
 *
 * Each may be run by any number of threads at the same time, and several times.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "unit.h"

#include <taskpar/syscalls.h>

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROGRAM_FEW = 8, PROGRAM_MANY = 500, PROGRAM_CODE = 9 };

static inline int
program_stop(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return (int)tpar_sleep(TPAR_FOREVER);
}

static inline int
program_fail(void *arg, void *value)
{
	(void)value;
	return tpar_fail(PROGRAM_CODE, "%s", (const char *)arg);
}

static inline void
program_submit(tpar_pool *pool, tpar_future **f)
{
	intptr_t i;

	for (i = 0; i < PROGRAM_FEW; i++) {
		f[i] = unit_submit(pool, unit_number_task, (void *)i, sizeof i);
	}
}

/* ---- Sets ---------------------------------------------------------------- */

static inline void
program_gather(tpar_pool *pool)
{
	intptr_t value[PROGRAM_FEW];
	tpar_future *f[PROGRAM_FEW];
	tpar_future *all;
	int i;

	program_submit(pool, f);
	UNIT_MUST(tpar_gather_async(f, PROGRAM_FEW, &all) == TPAR_OK);
	UNIT_MUST(tpar_gather(f, PROGRAM_FEW, value, NULL) == TPAR_OK);
	UNIT_MUST(tpar_future_wait(all, TPAR_FOREVER) == TPAR_OK);
	for (i = 0; i < PROGRAM_FEW; i++) {
		UNIT_MUST(value[i] == i);
		UNIT_MUST(((const intptr_t *)tpar_future_value(all))[i] == i);
	}
	tpar_future_unref(all);
	tpar_future_unref_all(f, PROGRAM_FEW);
}

/* 2^depth leaves. */
static inline int
program_tree(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	intptr_t half[2] = { 1, 0 };
	tpar_future *f[2];
	int i;

	if (depth > 0) {
		for (i = 0; i < 2; i++) {
			f[i] = unit_submit(NULL, program_tree,
					   (void *)(depth - 1), sizeof depth);
		}
		UNIT_MUST(tpar_gather(f, 2, half, NULL) == TPAR_OK);
		tpar_future_unref_all(f, 2);
	}
	*(intptr_t *)value = half[0] + half[1];
	return 0;
}

static inline void
program_nested(tpar_pool *pool)
{
	tpar_future *f =
		unit_submit(pool, program_tree, (void *)6, sizeof(intptr_t));

	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(*(const intptr_t *)tpar_future_value(f) == 64);
	tpar_future_unref(f);
}

/* The one that fails stops the one that sleeps. */
static inline void
program_failure(tpar_pool *pool)
{
	struct tpar_failure why;
	char words[] = "the last one";
	tpar_future *f[2];

	f[0] = unit_submit(pool, program_stop, NULL, 0);
	f[1] = unit_submit(pool, program_fail, words, 0);
	UNIT_MUST(tpar_gather(f, 2, NULL, &why) == TPAR_EFAILED);
	UNIT_MUST(why.index == 1 && why.code == PROGRAM_CODE);
	UNIT_MUST(strcmp(tpar_future_message(f[1]), words) == 0);
	UNIT_MUST(tpar_future_state(f[0]) == TPAR_CANCELLED);
	tpar_future_unref_all(f, 2);
}

static inline void
program_one_by_one(tpar_pool *pool)
{
	bool seen[PROGRAM_FEW] = { false };
	tpar_future *f[PROGRAM_FEW];
	tpar_stream *s;
	intptr_t value;
	size_t index;
	int i;

	program_submit(pool, f);
	UNIT_MUST(tpar_wait_any(f, PROGRAM_FEW, TPAR_FOREVER, &index) ==
		  TPAR_OK);
	UNIT_MUST(tpar_as_completed(f, PROGRAM_FEW, &s) == TPAR_OK);
	for (i = 0; i < PROGRAM_FEW; i++) {
		UNIT_MUST(tpar_stream_next(s, TPAR_FOREVER, &index) == TPAR_OK);
		UNIT_MUST(!seen[index]);
		seen[index] = true;
	}
	UNIT_MUST(tpar_stream_next(s, TPAR_FOREVER, &index) == TPAR_EEND);
	tpar_stream_close(s);
	UNIT_MUST(tpar_race(f, PROGRAM_FEW, &value, &index, NULL) == TPAR_OK);
	UNIT_MUST(value == (intptr_t)index);
	tpar_future_unref_all(f, PROGRAM_FEW);
}

static inline int
program_triple(void *arg, void *value)
{
	*(int64_t *)value = 3 * *(const int64_t *)arg;
	return 0;
}

static inline void
program_map(tpar_pool *pool)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	int64_t in[PROGRAM_FEW];
	int64_t out[2][PROGRAM_FEW];
	int i;

	for (i = 0; i < PROGRAM_FEW; i++) {
		in[i] = i;
	}
	options.flags = TPAR_BLOCKING;
	options.window = 2;
	UNIT_MUST(tpar_map(pool, program_triple, in, sizeof in[0], out[0],
			   sizeof out[0][0], PROGRAM_FEW, NULL) == TPAR_OK);
	UNIT_MUST(tpar_map_with(pool, &options, program_triple, in,
				sizeof in[0], out[1], sizeof out[1][0],
				PROGRAM_FEW, NULL) == TPAR_OK);
	for (i = 0; i < PROGRAM_FEW; i++) {
		UNIT_MUST(out[0][i] == 3 * i && out[1][i] == 3 * i);
	}
}

/* ---- Scopes -------------------------------------------------------------- */

static inline int
program_count(void *arg, void *value)
{
	(void)value;
	atomic_fetch_add((_Atomic int *)arg, 1);
	return 0;
}

static inline int
program_inner_group(void *arg, void *value)
{
	tpar_group *g;
	int i;

	(void)value;
	UNIT_MUST(tpar_group_open(&g, NULL) == TPAR_OK);
	for (i = 0; i < PROGRAM_FEW; i++) {
		UNIT_MUST(tpar_group_run(g, program_count, arg) == TPAR_OK);
	}
	UNIT_MUST(tpar_group_close(g, NULL, 0, NULL) == TPAR_OK);
	tpar_group_destroy(g);
	return 0;
}

static inline void
program_group(tpar_pool *pool)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	_Atomic int count = 0;
	tpar_group *g;
	int i;

	config.pool = pool;
	config.deadline_ns = tpar_in(600 * TPAR_SECOND);
	UNIT_MUST(tpar_group_open(&g, &config) == TPAR_OK);
	for (i = 0; i < 4; i++) {
		UNIT_MUST(tpar_group_run(g, program_inner_group, &count) ==
			  TPAR_OK);
	}
	UNIT_MUST(tpar_group_close(g, NULL, 0, NULL) == TPAR_OK);
	tpar_group_destroy(g);
	UNIT_MUST(count == 4 * PROGRAM_FEW);
}

static inline void
program_window(tpar_pool *pool)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	intptr_t value;
	tpar_window *w;
	intptr_t put = 0;
	intptr_t taken;

	config.pool = pool;
	config.width = 3;
	config.value_size = sizeof value;
	task.fn = unit_number_task;
	task.value_size = sizeof value;
	UNIT_MUST(tpar_window_open(&w, &config) == TPAR_OK);
	for (taken = 0; taken < PROGRAM_FEW; taken++) {
		while (put < PROGRAM_FEW && put - taken < 3) {
			task.arg = (void *)put++;
			UNIT_MUST(tpar_window_put(w, &task, TPAR_FOREVER) ==
				  TPAR_OK);
		}
		UNIT_MUST(tpar_window_take(w, &value, TPAR_FOREVER, NULL) ==
			  TPAR_OK);
		UNIT_MUST(value == taken);
	}
	UNIT_MUST(tpar_window_end(w) == TPAR_OK);
	UNIT_MUST(tpar_window_take(w, &value, TPAR_FOREVER, NULL) == TPAR_EEND);
	tpar_window_close(w);
}

/* ---- Times, promises ----------------------------------------------------- */

static inline int
program_sleep(void *arg, void *value)
{
	int64_t deadline = tpar_in(300000);

	(void)arg;
	(void)value;
	UNIT_MUST(tpar_sleep(deadline) == TPAR_OK);
	UNIT_MUST(tpar_in(0) >= deadline);
	return 0;
}

static inline void
program_times(tpar_pool *pool)
{
	tpar_future *f[3];
	int64_t deadline;

	f[0] = unit_submit(pool, program_sleep, NULL, 0);
	f[1] = unit_submit(pool, program_stop, NULL, 0);
	f[2] = unit_submit(pool, program_stop, NULL, 0);
	deadline = tpar_in(300000);
	UNIT_MUST(tpar_future_cancel_at(f[1], deadline) == TPAR_OK);
	UNIT_MUST(tpar_future_wait(f[2], deadline) == TPAR_ETIMEDOUT);
	UNIT_MUST(tpar_in(0) >= deadline);
	UNIT_MUST(tpar_sleep(tpar_in(300000)) == TPAR_OK);
	UNIT_MUST(tpar_future_cancel(f[2]) == TPAR_OK);
	UNIT_MUST(tpar_future_wait(f[0], TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(tpar_future_wait(f[1], TPAR_FOREVER) == TPAR_ECANCELED);
	UNIT_MUST(tpar_future_wait(f[2], TPAR_FOREVER) == TPAR_ECANCELED);
	UNIT_MUST(tpar_in(0) >= deadline);
	tpar_future_unref_all(f, 3);
}

static inline void
program_be_told(tpar_future *f, void *arg)
{
	UNIT_MUST(tpar_future_state(f) == TPAR_DONE);
	atomic_fetch_add((_Atomic int *)arg, 1);
}

static inline int
program_complete(void *arg, void *value)
{
	int64_t number = 5;

	(void)value;
	UNIT_MUST(tpar_promise_set(arg, &number) == TPAR_OK);
	return 0;
}

static inline void
program_promise(tpar_pool *pool)
{
	struct pollfd polled = { -1, POLLIN, 0 };
	_Atomic int told = 0;
	tpar_promise *p;
	tpar_future *f;
	tpar_future *setter;
	int n;

	UNIT_MUST(tpar_promise_create(8, NULL, &p, &f) == TPAR_OK);
	UNIT_MUST(tpar_future_fd(f, &polled.fd) == TPAR_OK);
	UNIT_MUST(tpar_future_on_done(f, program_be_told, &told) == TPAR_OK);
	setter = unit_submit(pool, program_complete, p, 0);
	do {
		n = poll(&polled, 1, -1);
	} while (n < 0 && errno == EINTR);
	UNIT_MUST(n == 1);
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(*(const int64_t *)tpar_future_value(f) == 5);
	UNIT_MUST(tpar_future_wait(setter, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(told == 1);
	tpar_future_unref(setter);
	tpar_promise_destroy(p);
	tpar_future_unref(f);
}

/* ---- Fork-join ----------------------------------------------------------- */

TPAR_TASK_1(int, program_fib, int, n)
{
	int a;
	int b;

	if (n < 2) {
		return n;
	}
	TPAR_FORK(program_fib, n - 1);
	b = TPAR_CALL(program_fib, n - 2);
	a = TPAR_JOIN(program_fib);
	return a + b;
}

static inline int
program_sum(size_t begin, size_t end, void *value, void *arg)
{
	size_t i;

	(void)arg;
	for (i = begin; i < end; i++) {
		*(int64_t *)value += (int64_t)i;
	}
	return 0;
}

static inline int
program_add(void *left, const void *right, void *arg)
{
	(void)arg;
	*(int64_t *)left += *(const int64_t *)right;
	return 0;
}

static inline void
program_forkjoin(tpar_pool *pool)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;
	uint64_t number[PROGRAM_MANY];
	int64_t sum = 0;
	int result = 0;
	uint64_t i;

	UNIT_MUST(TPAR_RUN(program_fib, pool, &result, NULL, 16) == TPAR_OK);
	UNIT_MUST(result == 987);
	how.value_size = sizeof sum;
	how.fold = program_sum;
	how.combine = program_add;
	UNIT_MUST(tpar_reduce(pool, 0, PROGRAM_MANY, 10, &how, &sum, NULL) ==
		  TPAR_OK);
	UNIT_MUST(sum == PROGRAM_MANY * (PROGRAM_MANY - 1) / 2);
	for (i = 0; i < PROGRAM_MANY; i++) {
		number[i] = i * 7919 % PROGRAM_MANY;
	}
	UNIT_MUST(tpar_sort_u64(pool, number, PROGRAM_MANY, NULL) == TPAR_OK);
	for (i = 0; i < PROGRAM_MANY; i++) {
		UNIT_MUST(number[i] == i);
	}
}

/* ---- System calls -------------------------------------------------------- */

enum { PROGRAM_BYTES = 20000 };

static inline int
program_write(void *arg, void *value)
{
	static const char bytes[PROGRAM_BYTES];

	(void)value;
	UNIT_MUST(tpar_write(*(int *)arg, bytes, sizeof bytes) ==
		  PROGRAM_BYTES);
	return 0;
}

/* By what says that there is something, and by what gives it. */
static inline int
program_read(void *arg, void *value)
{
	struct pollfd polled = { *(int *)arg, POLLIN, 0 };
	char bytes[1000];
	ssize_t have = 0;
	ssize_t n;

	(void)value;
	while (have < PROGRAM_BYTES) {
		UNIT_MUST(tpar_poll(&polled, 1, 0) >= 0);
		n = tpar_poll(&polled, 1, -1);
		UNIT_MUST(n == 1);
		n = tpar_read(polled.fd, bytes, sizeof bytes);
		UNIT_MUST(n > 0);
		have += n;
	}
	return 0;
}

/* Nothing comes: until it is cancelled. */
static inline int
program_read_for_ever(void *arg, void *value)
{
	char byte;

	(void)value;
	UNIT_MUST(tpar_read(*(int *)arg, &byte, 1) == -1);
	UNIT_MUST(errno == ECANCELED);
	return TPAR_ESTOPPED;
}

static inline void
program_calls(tpar_pool *pool)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[4];
	int ends[2][2];
	int i;

	UNIT_MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[0]) == 0);
	UNIT_MUST(pipe(ends[1]) == 0);
	task.flags = TPAR_BLOCKING;
	for (i = 0; i < 4; i++) {
		task.fn = i % 2 == 0 ? program_read : program_write;
		task.arg = &ends[i / 2][i % 2];
		f[i] = unit_submit_task(pool, &task);
	}
	UNIT_MUST(tpar_gather(f, 4, NULL, NULL) == TPAR_OK);
	tpar_future_unref_all(f, 4);
	task.fn = program_read_for_ever;
	for (i = 0; i < 2; i++) {
		task.arg = &ends[i][0];
		f[i] = unit_submit_task(pool, &task);
		UNIT_MUST(tpar_future_cancel_at(f[i], tpar_in(300000)) ==
			  TPAR_OK);
	}
	for (i = 0; i < 2; i++) {
		UNIT_MUST(tpar_future_wait(f[i], TPAR_FOREVER) ==
			  TPAR_ECANCELED);
		UNIT_MUST(close(ends[i][0]) == 0 && close(ends[i][1]) == 0);
	}
	tpar_future_unref_all(f, 2);
}

/* ---- A pool of its own --------------------------------------------------- */

static inline void
program_pool(tpar_pool *pool)
{
	tpar_future *f[PROGRAM_FEW];
	int i;

	(void)pool;
	pool = unit_pool(2, 2);
	for (i = 0; i < PROGRAM_FEW; i++) {
		f[i] = unit_submit(pool, program_stop, NULL, 0);
	}
	UNIT_MUST(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER) ==
		  TPAR_OK);
	for (i = 0; i < PROGRAM_FEW; i++) {
		UNIT_MUST(tpar_future_state(f[i]) == TPAR_CANCELLED);
	}
	tpar_future_unref_all(f, PROGRAM_FEW);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

static void (*const programs[])(tpar_pool *pool) = {
	program_gather,	 program_nested,   program_failure, program_one_by_one,
	program_map,	 program_group,	   program_window,  program_times,
	program_promise, program_forkjoin, program_calls,   program_pool,
};

enum { PROGRAMS = sizeof programs / sizeof programs[0] };

#endif
