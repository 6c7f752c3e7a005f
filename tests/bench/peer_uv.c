/* SPDX-License-Identifier: MIT */
/*
 * peer_uv.c - libuv: uv_queue_work() from the thread of the loop, on a thread
 * pool of W.  A value is read in the callback that the loop makes afterwards.
 */
#define _GNU_SOURCE /* for setenv() */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

/* One task: libuv wants the caller to have the memory for it. */
struct request {
	uv_work_t work;
	uint64_t value;
};

static unsigned pool_workers;
static uint64_t sum;

static void
start(unsigned workers)
{
	char text[16];

	pool_workers = workers;
	snprintf(text, sizeof text, "%u", workers);
	bench_require(setenv("UV_THREADPOOL_SIZE", text, 1) == 0, "setenv()");
}

static void
stop(void)
{
	bench_require(uv_loop_close(uv_default_loop()) == 0, "uv_loop_close()");
}

static void
task(uv_work_t *work)
{
	struct request *request = (struct request *)work;

	request->value = (uintptr_t)work->data;
}

static void
pass_gate(uv_work_t *work)
{
	((struct request *)work)->value = 0;
	bench_gate_pass();
}

static void
add_value(uv_work_t *work, int status)
{
	bench_require(status == 0, "uv_queue_work()");
	sum += ((struct request *)work)->value;
}

static void
queue(struct request *request, uint64_t value, uv_work_cb fn)
{
	request->work.data = (void *)(uintptr_t)value;
	bench_require(uv_queue_work(uv_default_loop(), &request->work, fn,
				    add_value) == 0,
		      "uv_queue_work()");
}

static void
run_loop(size_t n)
{
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	bench_require(sum == (uint64_t)n * (n + 1) / 2, "the sum of values");
}

static void
flat(size_t n)
{
	struct request *requests = bench_buffer(0, n * sizeof *requests);
	size_t i;

	sum = 0;
	for (i = 0; i < n; i++) {
		queue(&requests[i], i + 1, task);
	}
	run_loop(n);
}

static void
trip(void)
{
	flat(1);
}

static void
pend(size_t n, void (*look)(void))
{
	struct request *requests =
		bench_buffer(0, (n + pool_workers) * sizeof *requests);
	size_t i;

	sum = 0;
	bench_gate_close();
	for (i = 0; i < pool_workers; i++) {
		queue(&requests[n + i], 0, pass_gate);
	}
	bench_gate_await(pool_workers);
	for (i = 0; i < n; i++) {
		queue(&requests[i], i + 1, task);
	}
	look();
	bench_gate_open();
	run_loop(n);
}

const struct bench_peer bench_peer = {
	.start = start,
	.flat = flat,
	.trip = trip,
	.pend = pend,
	.stop = stop,
};
