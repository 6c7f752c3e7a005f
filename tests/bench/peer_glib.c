/* SPDX-License-Identifier: MIT */
/*
 * peer_glib.c - GLib's GThreadPool, exclusive, so that it has W threads from
 * the start.  Its tasks return nothing: a counter says when all have ended.
 */
#include "bench.h"

#include <glib.h>

static GThreadPool *pool;
static unsigned pool_workers;
static GMutex mutex;
static GCond all_ended;
static gint left; /* tasks that have not ended */

/* What a task is pushed with: not NULL, which GLib does not allow. */
static char plain[1];
static char at_gate[1];

static void
task(gpointer data, gpointer unused)
{
	(void)unused;
	if (data == at_gate) {
		bench_gate_pass();
	}
	if (g_atomic_int_dec_and_test(&left)) {
		g_mutex_lock(&mutex);
		g_cond_signal(&all_ended);
		g_mutex_unlock(&mutex);
	}
}

static void
start(unsigned workers)
{
	pool_workers = workers;
	pool = g_thread_pool_new(task, NULL, (gint)workers, TRUE, NULL);
	bench_require(pool != NULL, "g_thread_pool_new()");
}

static void
stop(void)
{
	g_thread_pool_free(pool, FALSE, TRUE);
}

static void
push(size_t n, void *data)
{
	size_t i;

	for (i = 0; i < n; i++) {
		bench_require(g_thread_pool_push(pool, data, NULL),
			      "g_thread_pool_push()");
	}
}

static void
wait_for_all(void)
{
	g_mutex_lock(&mutex);
	while (g_atomic_int_get(&left) > 0) {
		g_cond_wait(&all_ended, &mutex);
	}
	g_mutex_unlock(&mutex);
}

static void
flat(size_t n)
{
	g_atomic_int_set(&left, (gint)n);
	push(n, plain);
	wait_for_all();
}

static void
trip(void)
{
	flat(1);
}

static void
pend(size_t n, void (*look)(void))
{
	g_atomic_int_set(&left, (gint)(n + pool_workers));
	bench_gate_close();
	push(pool_workers, at_gate);
	bench_gate_await(pool_workers);
	push(n, plain);
	look();
	bench_gate_open();
	wait_for_all();
}

const struct bench_peer bench_peer = {
	.start = start,
	.flat = flat,
	.trip = trip,
	.pend = pend,
	.stop = stop,
};
