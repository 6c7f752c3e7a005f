/* SPDX-License-Identifier: MIT */
/*
 * peer_hts.c - htslib's thread pool: a process of queue size 64, whose results
 * come in the order of dispatching.
 */
#include "bench.h"

#include <htslib/thread_pool.h>
#include <pthread.h>
#include <stdlib.h>

static hts_tpool *pool;

static void
start(unsigned workers)
{
	pool = hts_tpool_init((int)workers);
	bench_require(pool != NULL, "hts_tpool_init()");
}

static void
stop(void)
{
	hts_tpool_destroy(pool);
}

/* Its values are pointers: this one is its own. */
static void *
number(void *arg)
{
	return arg;
}

struct window {
	hts_tpool_process *process;
	size_t n;
};

static void *
dispatch_all(void *arg)
{
	const struct window *window = arg;
	size_t i;

	for (i = 0; i < window->n; i++) {
		bench_require(hts_tpool_dispatch(pool, window->process, number,
						 (void *)(uintptr_t)(i + 1)) ==
				      0,
			      "hts_tpool_dispatch()");
	}
	return NULL;
}

static void
window(size_t n)
{
	struct window window = {
		hts_tpool_process_init(pool, BENCH_WINDOW_WIDTH, 0), n
	};
	pthread_t producer;
	size_t i;

	bench_require(window.process != NULL, "hts_tpool_process_init()");
	bench_require(pthread_create(&producer, NULL, dispatch_all, &window) ==
			      0,
		      "pthread_create()");
	for (i = 0; i < n; i++) {
		hts_tpool_result *result =
			hts_tpool_next_result_wait(window.process);

		bench_require(result != NULL &&
				      (uintptr_t)hts_tpool_result_data(
					      result) == i + 1,
			      "the order of values");
		hts_tpool_delete_result(result, 0);
	}
	pthread_join(producer, NULL);
	hts_tpool_process_destroy(window.process);
}

const struct bench_peer bench_peer = {
	.start = start,
	.window = window,
	.stop = stop,
};
