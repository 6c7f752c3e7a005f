/* SPDX-License-Identifier: MIT */
/*
 * peer_tbb.cc - oneTBB: task_group in a task_arena.  In `flat` the arena has a
 * slot for the thread that submits beside the W workers: it helps while it
 * waits, as is oneTBB's design.  `inner` and `tree` begin inside an arena of W
 * slots, one of which is that thread's.  `roundtrip` enqueues to W workers.
 */
#include "bench.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

using oneapi::tbb::global_control;
using oneapi::tbb::task_arena;
using oneapi::tbb::task_group;

namespace
{

int pool_workers;
global_control *limit;
task_arena *beside; /* W workers and the thread that submits */
task_arena *within; /* W threads, one of which begins */
task_arena *apart;  /* W workers; who submits never runs a task */

void
start(unsigned workers)
{
	pool_workers = static_cast<int>(workers);
	limit = new global_control(global_control::max_allowed_parallelism,
				   workers + 1);
	beside = new task_arena(pool_workers + 1, 1);
	within = new task_arena(pool_workers, 1);
	apart = new task_arena(pool_workers, 0);
}

void
stop()
{
	delete apart;
	delete within;
	delete beside;
	delete limit;
}

uint64_t *
values_for(size_t n)
{
	return static_cast<uint64_t *>(bench_buffer(0, n * sizeof(uint64_t)));
}

void
run_each(task_group &group, uint64_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		group.run([values, i] { values[i] = i + 1; });
	}
}

void
run_and_wait(uint64_t *values, size_t n)
{
	task_group group;

	run_each(group, values, n);
	group.wait();
	bench_require_values(values, n);
}

void
flat(size_t n)
{
	uint64_t *values = values_for(n);

	beside->execute([=] { run_and_wait(values, n); });
}

void
inner(size_t n, size_t rounds)
{
	uint64_t *values = values_for(n);

	within->execute([=] {
		task_group group;

		group.run_and_wait([=] {
			for (size_t i = 0; i < rounds; i++) {
				run_and_wait(values, n);
			}
		});
	});
}

uint64_t
fib(size_t n)
{
	if (n < 2) {
		return n;
	}

	uint64_t a = 0;
	uint64_t b = 0;
	task_group group;

	group.run([&a, n] { a = fib(n - 1); });
	group.run([&b, n] { b = fib(n - 2); });
	group.wait();
	return a + b;
}

void
tree(size_t n)
{
	uint64_t sum = 0;

	within->execute([&sum, n] { sum = fib(n); });
	bench_require(sum == bench_fib(n), "fib()");
}

void
trip()
{
	uint64_t value = 0;
	task_group group;

	apart->enqueue(group.defer([&value] { value = 7; }));
	group.wait();
	bench_require(value == 7, "a value");
}

void
pend(size_t n, void (*look)())
{
	uint64_t *values = values_for(n);

	beside->execute([=] {
		task_group group;

		bench_gate_close();
		for (int i = 0; i < pool_workers; i++) {
			group.run(bench_gate_pass);
		}
		bench_gate_await(pool_workers);
		run_each(group, values, n);
		look();
		bench_gate_open();
		group.wait();
		bench_require_values(values, n);
	});
}

} // namespace

const struct bench_peer bench_peer = {
	start, flat, nullptr, inner, tree, trip, pend, nullptr, stop, nullptr,
};
