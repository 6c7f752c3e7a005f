/* SPDX-License-Identifier: MIT */
/*
 * test_lane.c - jobs on threads that may block: at the same time, in order at
 * the limit, once; threads that come and go.
 */
#include "config.h"

#include "src/lane.h"
#include "src/service.h"

#include "child.h"
#include "threads.h"
#include "unit.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

/* A job that says where it runs, then waits to be let go. */
struct probe {
	struct tpi_lane_job job;
	struct unit_hold hold;
	pthread_t thread;
	unsigned place;
};

static _Atomic unsigned calls;

static void
probe_fn(struct tpi_lane_job *job)
{
	struct probe *probe = (struct probe *)(void *)job;

	probe->thread = pthread_self();
	probe->place = atomic_fetch_add(&calls, 1);
	unit_gate_open(&probe->hold.begun);
	unit_gate_await(&probe->hold.go, 1);
}

static void
probe_init(struct probe *probe)
{
	struct probe empty = { .job = { .fn = probe_fn },
			       .hold = UNIT_HOLD_INIT };

	*probe = empty;
}

static void
probe_run(struct probe *probe)
{
	probe_init(probe);
	ck_assert(tpi_lane_run(&probe->job));
}

static void
await_no_thread(void)
{
	UNIT_AWAIT(unit_threads_called("taskpar-lane") == 0);
}

START_TEST(no_thread_before_the_first_job)
{
	tpar_pool *pool = unit_pool(1, 1);

	ck_assert_int_eq(unit_threads_called("taskpar-lane"), 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(each_job_that_blocks_has_a_thread)
{
	struct probe probe[8];
	size_t i;
	size_t k;

	tpi_service_hold();
	for (i = 0; i < 8; i++) {
		probe_run(&probe[i]);
	}
	for (i = 0; i < 8; i++) {
		unit_gate_await(&probe[i].hold.begun, 1);
		ck_assert(!pthread_equal(probe[i].thread, pthread_self()));
		for (k = 0; k < i; k++) {
			ck_assert(!pthread_equal(probe[i].thread,
						 probe[k].thread));
		}
		ck_assert(!tpi_lane_withdraw(&probe[i].job));
	}
	ck_assert_int_eq(unit_threads_called("taskpar-lane"), 8);
	for (i = 0; i < 8; i++) {
		unit_gate_open(&probe[i].hold.go);
	}
	tpi_service_release();
	await_no_thread();
}
END_TEST

START_TEST(jobs_beyond_the_limit_run_in_order)
{
	struct probe probe[10];
	unsigned i;

	tpi_lane_limits.threads = 2;
	tpi_service_hold();
	for (i = 0; i < 10; i++) {
		probe_run(&probe[i]);
	}
	unit_gate_await(&probe[0].hold.begun, 1);
	unit_gate_await(&probe[1].hold.begun, 1);
	ck_assert_int_eq(unit_threads_called("taskpar-lane"), 2);
	for (i = 2; i < 10; i++) {
		unit_gate_open(&probe[i].hold.go);
	}
	/* One thread runs them all. */
	unit_gate_open(&probe[0].hold.go);
	for (i = 2; i < 10; i++) {
		unit_gate_await(&probe[i].hold.begun, 1);
		ck_assert_uint_eq(probe[i].place, i);
		ck_assert(pthread_equal(probe[i].thread, probe[0].thread));
	}
	unit_gate_open(&probe[1].hold.go);
	tpi_service_release();
	await_no_thread();
}
END_TEST

START_TEST(queued_job_is_withdrawn)
{
	struct probe probe[4];
	int i;

	tpi_lane_limits.threads = 1;
	tpi_service_hold();
	for (i = 0; i < 4; i++) {
		probe_run(&probe[i]);
	}
	unit_gate_await(&probe[0].hold.begun, 1);
	ck_assert(tpi_lane_withdraw(&probe[3].job));
	ck_assert(tpi_lane_withdraw(&probe[1].job));
	ck_assert(!tpi_lane_withdraw(&probe[1].job));
	ck_assert(!tpi_lane_withdraw(&probe[0].job));
	/* The queue is whole: both can be queued again. */
	ck_assert(tpi_lane_run(&probe[1].job));
	for (i = 0; i < 3; i++) {
		unit_gate_open(&probe[i].hold.go);
	}
	unit_gate_await(&probe[1].hold.begun, 1);
	ck_assert_uint_lt(probe[2].place, probe[1].place);
	ck_assert_uint_eq(atomic_load(&calls), 3);
	tpi_service_release();
	await_no_thread();
}
END_TEST

START_TEST(job_that_never_ran_cannot_be_withdrawn)
{
	struct probe probe;

	probe_init(&probe);
	ck_assert(!tpi_lane_withdraw(&probe.job));
}
END_TEST

START_TEST(idle_thread_is_used_again)
{
	struct probe probe[20];
	int i;

	tpi_lane_limits.threads = 1;
	tpi_service_hold();
	for (i = 0; i < 20; i++) {
		probe_run(&probe[i]);
		unit_gate_open(&probe[i].hold.go);
		unit_gate_await(&probe[i].hold.begun, 1);
		ck_assert(pthread_equal(probe[i].thread, probe[0].thread));
		if (i % 2 == 0) {
			sched_yield();
		}
	}
	tpi_service_release();
	await_no_thread();
}
END_TEST

START_TEST(idle_thread_ends_after_a_while)
{
	struct probe probe[2];

	tpi_lane_limits.keep_alive_ns = TPAR_MILLISECOND;
	tpi_service_hold();
	probe_run(&probe[0]);
	unit_gate_open(&probe[0].hold.go);
	unit_gate_await(&probe[0].hold.begun, 1);
	await_no_thread();
	/* And the next job has another one. */
	probe_run(&probe[1]);
	unit_gate_await(&probe[1].hold.begun, 1);
	ck_assert_int_eq(unit_threads_called("taskpar-lane"), 1);
	unit_gate_open(&probe[1].hold.go);
	tpi_service_release();
	await_no_thread();
}
END_TEST

START_TEST(threads_end_with_the_last_pool)
{
	tpar_pool *first = unit_pool(1, 1);
	tpar_pool *second = unit_pool(1, 1);
	struct probe probe[3];
	int i;

	for (i = 0; i < 3; i++) {
		probe_run(&probe[i]);
		unit_gate_await(&probe[i].hold.begun, 1);
	}
	ck_assert_int_eq(tpar_pool_destroy(first), TPAR_OK);
	ck_assert_int_eq(unit_threads_called("taskpar-lane"), 3);
	for (i = 0; i < 3; i++) {
		unit_gate_open(&probe[i].hold.go);
	}
	ck_assert_int_eq(tpar_pool_destroy(second), TPAR_OK);
	await_no_thread();
}
END_TEST

START_TEST(without_a_pool_threads_end_by_themselves)
{
	struct probe probe[3];
	int i;

	for (i = 0; i < 3; i++) {
		probe_run(&probe[i]);
		unit_gate_await(&probe[i].hold.begun, 1);
	}
	for (i = 0; i < 3; i++) {
		unit_gate_open(&probe[i].hold.go);
	}
	await_no_thread();
	ck_assert_uint_eq(atomic_load(&calls), 3);
}
END_TEST

static void
destroy_fn(struct tpi_lane_job *job)
{
	struct probe *probe = (struct probe *)(void *)job;

	tpi_service_release();
	unit_gate_open(&probe->hold.begun);
}

/* It cannot wait for itself. */
START_TEST(job_may_end_the_last_pool)
{
	struct probe probe[2];

	tpi_service_hold();
	probe_run(&probe[0]);
	unit_gate_await(&probe[0].hold.begun, 1);
	probe_init(&probe[1]);
	probe[1].job.fn = destroy_fn;
	ck_assert(tpi_lane_run(&probe[1].job));
	unit_gate_open(&probe[0].hold.go);
	unit_gate_await(&probe[1].hold.begun, 1);
	await_no_thread();
}
END_TEST

static pthread_barrier_t both;

static void
end_fn(struct tpi_lane_job *job)
{
	struct probe *probe = (struct probe *)(void *)job;

	(void)pthread_barrier_wait(&both);
	tpi_lane_end();
	unit_gate_open(&probe->hold.begun);
}

/* Each ends what was the last pool, and there was another one in between. */
START_TEST(two_jobs_that_end_the_last_pool_do_not_wait_for_each_other)
{
	long round;

	UNIT_MUST(pthread_barrier_init(&both, NULL, 2) == 0);
	for (round = 0; round < unit_scaled(100); round++) {
		struct probe probe[2];
		int i;

		for (i = 0; i < 2; i++) {
			probe_init(&probe[i]);
			probe[i].job.fn = end_fn;
			ck_assert(tpi_lane_run(&probe[i].job));
		}
		for (i = 0; i < 2; i++) {
			unit_gate_await(&probe[i].hold.begun, 1);
		}
		await_no_thread();
	}
}
END_TEST

struct chain {
	struct tpi_lane_job job;
	unsigned left;
	struct unit_gate *done;
};

static void
run_again(struct tpi_lane_job *job)
{
	struct chain *chain = (struct chain *)job;
	struct unit_gate *done = chain->done;

	if (chain->left-- > 0) {
		UNIT_MUST(tpi_lane_run(job));
		return;
	}
	free(chain);
	unit_gate_open(done);
}

START_TEST(job_may_run_again_or_free_itself)
{
	struct unit_gate done = UNIT_GATE_INIT;
	struct chain *chain = calloc(1, sizeof *chain);

	ck_assert_ptr_nonnull(chain);
	chain->job.fn = run_again;
	chain->left = 10;
	chain->done = &done;
	ck_assert(tpi_lane_run(&chain->job));
	unit_gate_await(&done, 1);
	await_no_thread();
}
END_TEST

struct racer {
	struct tpi_lane_job job;
	_Atomic long called;
	long withdrawn;
	unsigned seed;
};

static void
count_call(struct tpi_lane_job *job)
{
	atomic_fetch_add(&((struct racer *)job)->called, 1);
}

static void *
race(void *arg)
{
	struct racer *racer = arg;
	long rounds = unit_scaled(3000);
	uint32_t random = racer->seed;
	long i;

	for (i = 1; i <= rounds; i++) {
		UNIT_MUST(tpi_lane_run(&racer->job));
		random = random * 1664525u + 1013904223u;
		if (random >> 31 != 0) {
			sched_yield();
		}
		if (tpi_lane_withdraw(&racer->job)) {
			racer->withdrawn++;
		} else {
			UNIT_AWAIT(atomic_load(&racer->called) +
					   racer->withdrawn ==
				   i);
		}
	}
	UNIT_MUST(atomic_load(&racer->called) + racer->withdrawn == rounds);
	return NULL;
}

static void
race_all(void)
{
	struct racer racer[4];
	pthread_t thread[4];
	unsigned i;

	for (i = 0; i < 4; i++) {
		struct racer empty = { .job = { .fn = count_call }, .seed = i };

		racer[i] = empty;
		thread[i] = unit_start(race, &racer[i]);
	}
	for (i = 0; i < 4; i++) {
		unit_join(thread[i]);
	}
}

START_TEST(once_or_withdrawn)
{
	tpi_lane_limits.threads = 3;
	tpi_service_hold();
	race_all();
	tpi_service_release();
	await_no_thread();
}
END_TEST

START_TEST(once_or_withdrawn_with_threads_that_come_and_go)
{
	tpi_lane_limits.keep_alive_ns = 1;
	tpi_service_hold();
	race_all();
	tpi_service_release();
	race_all();
	await_no_thread();
}
END_TEST

/* Nothing that was queued is there; new jobs run. */
static int
use_in_child(struct probe *queued)
{
	struct probe probe;

	if (unit_threads_called("taskpar-lane") != 0 ||
	    tpi_lane_withdraw(&queued->job)) {
		return 1;
	}
	if (CHILD_STARTS_THREADS) {
		probe_run(&probe);
		unit_gate_open(&probe.hold.go);
		unit_gate_await(&probe.hold.begun, 1);
		await_no_thread();
	}
	return queued->hold.begun.opened == 0 ? 0 : 2;
}

START_TEST(child_of_fork_has_no_jobs)
{
	struct probe probe[2];
	int status;
	pid_t child;

	tpi_lane_limits.threads = 1;
	probe_run(&probe[0]);
	probe_run(&probe[1]);
	unit_gate_await(&probe[0].hold.begun, 1);
	child = fork();
	if (child == 0) {
		_exit(use_in_child(&probe[1]));
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert(tpi_lane_withdraw(&probe[1].job));
	unit_gate_open(&probe[0].hold.go);
	await_no_thread();
}
END_TEST

static void
fork_fn(struct tpi_lane_job *job)
{
	struct probe *probe = (struct probe *)(void *)job;
	int status = 1;
	pid_t child;

	child = fork();
	if (child == 0) {
		/* Qemu has one of its own, with the same name. */
		UNIT_MUST(unit_threads_called("taskpar-lane") == 1 + UNIT_QEMU);
		/* Any other end, and valgrind misses the parent's threads. */
		(void)raise(SIGKILL);
	}
	UNIT_MUST(child > 0);
	UNIT_MUST(waitpid(child, &status, 0) == child);
	UNIT_MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	unit_gate_open(&probe->hold.begun);
}

/* Its thread is still one in the child. */
START_TEST(job_may_fork)
{
	struct probe probe;

	probe_init(&probe);
	probe.job.fn = fork_fn;
	ck_assert(tpi_lane_run(&probe.job));
	unit_gate_await(&probe.hold.begun, 1);
	await_no_thread();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		no_thread_before_the_first_job,
		each_job_that_blocks_has_a_thread,
		jobs_beyond_the_limit_run_in_order,
		queued_job_is_withdrawn,
		job_that_never_ran_cannot_be_withdrawn,
		idle_thread_is_used_again,
		idle_thread_ends_after_a_while,
		threads_end_with_the_last_pool,
		without_a_pool_threads_end_by_themselves,
		job_may_end_the_last_pool,
		two_jobs_that_end_the_last_pool_do_not_wait_for_each_other,
		job_may_run_again_or_free_itself,
		once_or_withdrawn,
		once_or_withdrawn_with_threads_that_come_and_go,
		child_of_fork_has_no_jobs,
		job_may_fork,
	};

	return unit_main("lane", tests, sizeof tests / sizeof tests[0]);
}
