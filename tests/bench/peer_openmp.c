/* SPDX-License-Identifier: MIT */
/*
 * peer_openmp.c - OpenMP tasks.  `flat` has a team of W + 1: the thread that
 * creates the tasks is not one of the W; but it helps, while it waits and
 * whenever libgomp holds 64 tasks per thread.  `inner` and `tree` begin in a
 * task and have a team of W.
 */
#include "bench.h"

#include <omp.h>

static int team;

static void
start(unsigned workers)
{
	team = (int)workers;
	omp_set_dynamic(0);
}

static void
stop(void)
{
}

static void
create_and_wait(uint64_t *values, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
#pragma omp task firstprivate(i)
		values[i] = i + 1;
	}
#pragma omp taskwait
	bench_require_values(values, n);
}

static void
flat(size_t n)
{
	uint64_t *values = bench_buffer(0, n * sizeof *values);

#pragma omp parallel num_threads(team + 1)
#pragma omp single
	create_and_wait(values, n);
}

static void
inner(size_t n, size_t rounds)
{
	uint64_t *values = bench_buffer(0, n * sizeof *values);

#pragma omp parallel num_threads(team)
#pragma omp single
#pragma omp task
	{
		size_t i;

		for (i = 0; i < rounds; i++) {
			create_and_wait(values, n);
		}
	}
}

static uint64_t
fib(size_t n)
{
	uint64_t a;
	uint64_t b;

	if (n < 2) {
		return n;
	}
#pragma omp task shared(a)
	a = fib(n - 1);
#pragma omp task shared(b)
	b = fib(n - 2);
#pragma omp taskwait
	return a + b;
}

static void
tree(size_t n)
{
	uint64_t sum = 0;

#pragma omp parallel num_threads(team)
#pragma omp single
	sum = fib(n);
	bench_require(sum == bench_fib(n), "fib()");
}

const struct bench_peer bench_peer = {
	.start = start,
	.flat = flat,
	.inner = inner,
	.tree = tree,
	.stop = stop,
};
