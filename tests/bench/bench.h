/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what the peers have in common: bench.c has main(), times what a
 * peer defines here and prints it.  What is measured: tests/bench/README.md
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One library.  What it cannot do is NULL.  Each call checks its results and
 * returns when all its tasks have ended; task i, from 0, has the value i + 1.
 *
 * start      start `workers` threads and whatever else is needed once.
 * flat       n tasks, each with one call from a thread outside of the pool;
 *            all values are there in the end.
 * flat_many  the same with one call for all.
 * inner      the same from inside a task of the pool, `rounds` times.
 * tree       bench_fib(n) with two tasks and a wait for both in every call.
 * trip       one task, from outside of the pool, and wait for its value.
 * pend       n tasks that cannot begin yet; look(); let them run.
 * window     n tasks through an ordered window of BENCH_WINDOW_WIDTH: a thread
 *            submits them, the calling one takes their values in order.
 * stop       end what start() began.
 * own        what no other library has: the last one has no name.
 */
struct bench_peer {
	void (*start)(unsigned workers);
	void (*flat)(size_t n);
	void (*flat_many)(size_t n);
	void (*inner)(size_t n, size_t rounds);
	void (*tree)(size_t n);
	void (*trip)(void);
	void (*pend)(size_t n, void (*look)(void));
	void (*window)(size_t n);
	void (*stop)(void);
	const struct bench_own *own;
};

/* Prints its number, or two, by itself. */
struct bench_own {
	const char *name;
	size_t n;
	void (*measure)(size_t n);
};

extern const struct bench_peer bench_peer;

#define BENCH_WINDOW_WIDTH 64

/* Ends the program with a message that names `what`, unless it is true. */
void bench_require(int truth, const char *what);

/* Ends the program unless values[i] is i + 1 for all i: by their sum. */
void bench_require_values(const uint64_t *values, size_t n);

uint64_t bench_fib(size_t n);

int64_t bench_now_ns(void);
void bench_pause_ns(int64_t ns);

/* Of own_taskpar.c. */
void bench_own_start(unsigned workers);
extern const struct bench_own bench_own_taskpar[];

/*
 * Buffer number `slot`, 0 or 1, of at least `bytes`, which have been written
 * to.  It keeps its memory from call to call, so that a second run pays for no
 * page faults.
 */
void *bench_buffer(unsigned slot, size_t bytes);

/* A gate: tasks that pass it sleep in there until it is opened. */
void bench_gate_close(void);
void bench_gate_pass(void);
void bench_gate_await(unsigned tasks);
void bench_gate_open(void);

#ifdef __cplusplus
}
#endif

#endif
