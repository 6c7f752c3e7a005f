/* SPDX-License-Identifier: MIT */
/*
 * peer_taskpar.c - libtaskpar: a pool of W workers; the thread that measures is
 * outside of it and sleeps while it waits.
 */
#include "bench.h"

#include <pthread.h>
#include <taskpar.h>

static tpar_pool *pool;
static unsigned pool_workers;

static void
must(int err, const char *what)
{
	bench_require(err == TPAR_OK, what);
}

static void
start(unsigned workers)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

	bench_own_start(workers);
	config.workers = pool_workers = workers;
	must(tpar_pool_create(&pool, &config), "tpar_pool_create()");
}

static void
stop(void)
{
	must(tpar_pool_destroy(pool), "tpar_pool_destroy()");
}

static int
number(void *arg, void *value)
{
	*(uint64_t *)value = (uintptr_t)arg;
	return 0;
}

static int
number_at(void *arg, void *value)
{
	*(uint64_t *)value = *(const uint64_t *)arg;
	return 0;
}

static tpar_future **
futures_for(size_t n)
{
	return (tpar_future **)bench_buffer(0, n * sizeof(tpar_future *));
}

static void
submit_each(tpar_pool *where, tpar_future **f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		must(tpar_submit(where, number, (void *)(uintptr_t)(i + 1),
				 sizeof(uint64_t), &f[i]),
		     "tpar_submit()");
	}
}

static void
gather_all(tpar_future **f, size_t n, uint64_t *values)
{
	must(tpar_gather(f, n, values, NULL), "tpar_gather()");
	tpar_future_unref_all(f, n);
	bench_require_values(values, n);
}

static void
flat(size_t n)
{
	tpar_future **f = futures_for(n);
	uint64_t *values = bench_buffer(1, n * sizeof *values);

	submit_each(pool, f, n);
	gather_all(f, n, values);
}

/* The values take the place of the arguments. */
static void
flat_many(size_t n)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future **f = futures_for(n);
	uint64_t *values = bench_buffer(1, n * sizeof *values);
	size_t i;

	for (i = 0; i < n; i++) {
		values[i] = i + 1;
	}
	task.fn = number_at;
	task.value_size = sizeof *values;
	must(tpar_submit_many(pool, &task, values, sizeof *values, n, f),
	     "tpar_submit_many()");
	gather_all(f, n, values);
}

struct inner {
	size_t n;
	size_t rounds;
};

static int
parent(void *arg, void *value)
{
	const struct inner *inner = arg;
	tpar_future **f = futures_for(inner->n);
	uint64_t *values = bench_buffer(1, inner->n * sizeof *values);
	size_t i;

	(void)value;
	for (i = 0; i < inner->rounds; i++) {
		submit_each(NULL, f, inner->n);
		gather_all(f, inner->n, values);
	}
	return 0;
}

/* Runs one task from outside. */
static void
run(tpar_task_fn fn, void *arg, void *value, size_t size)
{
	tpar_future *f;

	must(tpar_submit(pool, fn, arg, size, &f), "tpar_submit()");
	must(tpar_gather(&f, 1, value, NULL), "tpar_gather()");
	tpar_future_unref(f);
}

static void
inner(size_t n, size_t rounds)
{
	struct inner inner = { n, rounds };

	run(parent, &inner, NULL, 0);
}

static int
fib(void *arg, void *value)
{
	uintptr_t n = (uintptr_t)arg;
	tpar_future *f[2];
	uint64_t part[2];

	if (n < 2) {
		*(uint64_t *)value = n;
		return 0;
	}
	must(tpar_submit(NULL, fib, (void *)(n - 1), sizeof *part, &f[0]),
	     "tpar_submit()");
	must(tpar_submit(NULL, fib, (void *)(n - 2), sizeof *part, &f[1]),
	     "tpar_submit()");
	must(tpar_gather(f, 2, part, NULL), "tpar_gather()");
	tpar_future_unref_all(f, 2);
	*(uint64_t *)value = part[0] + part[1];
	return 0;
}

static void
tree(size_t n)
{
	uint64_t sum = 0;

	run(fib, (void *)(uintptr_t)n, &sum, sizeof sum);
	bench_require(sum == bench_fib(n), "fib()");
}

static void
trip(void)
{
	tpar_future *f;
	const uint64_t *value;

	must(tpar_submit(pool, number, (void *)(uintptr_t)7, sizeof *value, &f),
	     "tpar_submit()");
	must(tpar_future_wait(f, TPAR_FOREVER), "tpar_future_wait()");
	value = tpar_future_value(f);
	bench_require(value != NULL && *value == 7, "a value");
	tpar_future_unref(f);
}

static int
pass_gate(void *arg, void *value)
{
	(void)arg, (void)value;
	bench_gate_pass();
	return 0;
}

static void
pend(size_t n, void (*look)(void))
{
	tpar_future **f = futures_for(n);
	uint64_t *values;
	unsigned i;

	bench_gate_close();
	for (i = 0; i < pool_workers; i++) {
		must(tpar_submit(pool, pass_gate, NULL, 0, NULL),
		     "tpar_submit()");
	}
	bench_gate_await(pool_workers);
	submit_each(pool, f, n);
	look();
	bench_gate_open();
	values = bench_buffer(1, n * sizeof *values);
	gather_all(f, n, values);
}

struct feed {
	tpar_window *w;
	size_t n;
};

static void *
put_all(void *arg)
{
	const struct feed *feed = arg;
	struct tpar_task task = TPAR_TASK_INIT;
	size_t i;

	task.fn = number;
	task.value_size = sizeof(uint64_t);
	for (i = 0; i < feed->n; i++) {
		task.arg = (void *)(uintptr_t)(i + 1);
		must(tpar_window_put(feed->w, &task, TPAR_FOREVER),
		     "tpar_window_put()");
	}
	must(tpar_window_end(feed->w), "tpar_window_end()");
	return NULL;
}

static void
window(size_t n)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	struct feed feed = { NULL, n };
	pthread_t producer;
	uint64_t value = 0;
	uint64_t i;

	config.pool = pool;
	config.width = BENCH_WINDOW_WIDTH;
	config.value_size = sizeof value;
	must(tpar_window_open(&feed.w, &config), "tpar_window_open()");
	bench_require(pthread_create(&producer, NULL, put_all, &feed) == 0,
		      "pthread_create()");
	for (i = 1; i <= n; i++) {
		must(tpar_window_take(feed.w, &value, TPAR_FOREVER, NULL),
		     "tpar_window_take()");
		bench_require(value == i, "the order of values");
	}
	pthread_join(producer, NULL);
	tpar_window_close(feed.w);
}

const struct bench_peer bench_peer = {
	.start = start,
	.flat = flat,
	.flat_many = flat_many,
	.inner = inner,
	.tree = tree,
	.trip = trip,
	.pend = pend,
	.window = window,
	.stop = stop,
	.own = bench_own_taskpar,
};
