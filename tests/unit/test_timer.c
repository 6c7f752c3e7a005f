/* SPDX-License-Identifier: MIT */
/*
 * test_timer.c - timers: in order, once, not too early; taken out; the thread
 * that calls them, when it is there and when it is not.
 */
#include "config.h"

#include "src/clock.h"
#include "src/service.h"
#include "src/timer.h"

#include "child.h"
#include "threads.h"
#include "unit.h"

#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR (3600 * TPAR_SECOND)

/* Keeps the timer thread in a call until it is let go. */
struct block {
	struct tpi_timer timer;
	struct unit_hold hold;
};

static void
block_fn(struct tpi_timer *timer)
{
	struct block *block = (struct block *)(void *)timer;

	unit_gate_open(&block->hold.begun);
	unit_gate_await(&block->hold.go, 1);
}

static void
block_begin(struct block *block)
{
	struct unit_hold hold = UNIT_HOLD_INIT;

	block->hold = hold;
	tpi_timer_init(&block->timer, block_fn);
	ck_assert(tpi_timer_add(&block->timer, 1));
	unit_gate_await(&block->hold.begun, 1);
}

static void
block_end(struct block *block)
{
	unit_gate_open(&block->hold.go);
}

/* A timer that says when it was called, and how many were before it. */
struct probe {
	struct tpi_timer timer;
	struct unit_gate called;
	int64_t when;
	int64_t at;
	unsigned place;
};

static _Atomic unsigned calls;

static void
probe_fn(struct tpi_timer *timer)
{
	struct probe *probe = (struct probe *)(void *)timer;

	probe->at = tpi_clock_now();
	probe->place = atomic_fetch_add(&calls, 1);
	unit_gate_open(&probe->called);
}

static void
probe_init(struct probe *probe)
{
	struct unit_gate gate = UNIT_GATE_INIT;

	probe->called = gate;
	tpi_timer_init(&probe->timer, probe_fn);
}

static void
probe_add(struct probe *probe, int64_t when)
{
	probe_init(probe);
	probe->when = when;
	ck_assert(tpi_timer_add(&probe->timer, when));
}

static void
await_no_thread(void)
{
	UNIT_AWAIT(unit_threads_called("taskpar-timer") == 0);
}

START_TEST(no_thread_before_the_first_timer)
{
	tpar_pool *pool = unit_pool(1, 1);

	ck_assert_int_eq(unit_threads_called("taskpar-timer"), 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(called_when_the_time_has_come)
{
	struct probe probe[3];
	struct block block;
	int64_t now;
	int i;

	block_begin(&block);
	now = tpi_clock_now();
	probe_add(&probe[0], now + 3 * TPAR_MILLISECOND);
	probe_add(&probe[1], now + 1 * TPAR_MILLISECOND);
	probe_add(&probe[2], now + 2 * TPAR_MILLISECOND);
	block_end(&block);
	for (i = 0; i < 3; i++) {
		unit_gate_await(&probe[i].called, 1);
		ck_assert_int_ge(probe[i].at, probe[i].when);
	}
	ck_assert_uint_lt(probe[1].place, probe[2].place);
	ck_assert_uint_lt(probe[2].place, probe[0].place);
	await_no_thread();
}
END_TEST

START_TEST(past_deadline_is_called_at_once)
{
	static const int64_t past[] = { TPAR_NOW, 0, 1, INT64_MIN };
	struct probe probe;
	size_t i;

	for (i = 0; i < sizeof past / sizeof past[0]; i++) {
		probe_add(&probe, past[i]);
		unit_gate_await(&probe.called, 1);
		ck_assert(!tpi_timer_remove(&probe.timer));
	}
	await_no_thread();
}
END_TEST

START_TEST(earlier_deadline_wakes_the_thread)
{
	struct probe late;
	struct probe early;

	tpi_service_hold();
	probe_add(&late, tpar_in(HOUR));
	probe_add(&early, tpar_in(TPAR_MILLISECOND));
	unit_gate_await(&early.called, 1);
	ck_assert(tpi_timer_remove(&late.timer));
	/* And one that sleeps without a timeout. */
	probe_add(&early, tpar_in(TPAR_MILLISECOND));
	unit_gate_await(&early.called, 1);
	tpi_service_release();
	await_no_thread();
}
END_TEST

static uint32_t
random_below(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)*state * n) >> 32);
}

/* Those with a deadline were called, in its order. */
static void
check_order(struct probe *probe, size_t n, size_t called)
{
	int64_t *when = calloc(called, sizeof *when);
	size_t i;

	ck_assert_ptr_nonnull(when);
	for (i = 0; i < n; i++) {
		ck_assert_uint_eq(probe[i].called.opened, probe[i].when != 0);
		if (probe[i].when != 0) {
			when[probe[i].place] = probe[i].when;
		}
	}
	for (i = 1; i < called; i++) {
		ck_assert_int_ge(when[i], when[i - 1]);
	}
	free(when);
}

/* All come due while the thread is held; some have been taken out again. */
START_TEST(many_are_called_in_order)
{
	size_t n = (size_t)unit_scaled(100000);
	struct probe *probe = calloc(n, sizeof *probe);
	uint32_t random = 1;
	struct block block;
	struct probe last;
	size_t left = n;
	size_t i;

	ck_assert_ptr_nonnull(probe);
	tpi_service_hold();
	block_begin(&block);
	for (i = 0; i < n; i++) {
		probe_add(&probe[i], 1 + random_below(&random, 1000000));
	}
	for (i = 0; i < n; i++) {
		size_t other = random_below(&random, (uint32_t)n);

		if (i % 3 == 0 && tpi_timer_remove(&probe[other].timer)) {
			probe[other].when = 0;
			left--;
		}
	}
	block_end(&block);
	probe_add(&last, 2000000);
	unit_gate_await(&last.called, 1);
	tpi_service_release();
	ck_assert_uint_eq(atomic_load(&calls), left + 1);
	check_order(probe, n, left);
	free(probe);
}
END_TEST

START_TEST(removed_timer_is_not_called)
{
	struct block block;
	struct probe gone;
	struct probe stays;

	block_begin(&block);
	probe_add(&gone, 1);
	probe_add(&stays, 2);
	ck_assert(tpi_timer_remove(&gone.timer));
	ck_assert(!tpi_timer_remove(&gone.timer));
	block_end(&block);
	unit_gate_await(&stays.called, 1);
	ck_assert_uint_eq(gone.called.opened, 0);
	await_no_thread();
}
END_TEST

START_TEST(timer_being_called_is_not_removed)
{
	struct block block;
	struct probe never;

	block_begin(&block);
	ck_assert(!tpi_timer_remove(&block.timer));
	block_end(&block);
	await_no_thread();
	ck_assert(!tpi_timer_remove(&block.timer));
	probe_init(&never);
	ck_assert(!tpi_timer_remove(&never.timer));
}
END_TEST

struct chain {
	struct tpi_timer timer;
	unsigned left;
	struct probe *last;
};

static void
add_again(struct tpi_timer *timer)
{
	struct chain *chain = (struct chain *)timer;
	struct probe *last = chain->last;

	if (chain->left-- > 0) {
		UNIT_MUST(tpi_timer_add(timer, 1));
		return;
	}
	free(chain);
	UNIT_MUST(tpi_timer_remove(&last->timer));
	UNIT_MUST(tpi_timer_add(&last->timer, 1));
}

START_TEST(call_may_add_remove_and_free)
{
	struct chain *chain = malloc(sizeof *chain);
	struct probe last;

	ck_assert_ptr_nonnull(chain);
	probe_add(&last, tpar_in(HOUR));
	tpi_timer_init(&chain->timer, add_again);
	chain->left = 10;
	chain->last = &last;
	ck_assert(tpi_timer_add(&chain->timer, 1));
	unit_gate_await(&last.called, 1);
	await_no_thread();
}
END_TEST

START_TEST(thread_stays_while_there_is_a_pool)
{
	tpar_pool *first = unit_pool(1, 1);
	tpar_pool *second = unit_pool(1, 1);
	struct probe probe;
	int round;

	for (round = 0; round < 3; round++) {
		probe_add(&probe, 1);
		unit_gate_await(&probe.called, 1);
		ck_assert_int_eq(unit_threads_called("taskpar-timer"), 1);
	}
	ck_assert_int_eq(tpar_pool_destroy(first), TPAR_OK);
	ck_assert_int_eq(unit_threads_called("taskpar-timer"), 1);
	ck_assert_int_eq(tpar_pool_destroy(second), TPAR_OK);
	await_no_thread();
	/* And again. */
	first = unit_pool(1, 1);
	probe_add(&probe, 1);
	unit_gate_await(&probe.called, 1);
	ck_assert_int_eq(tpar_pool_destroy(first), TPAR_OK);
	await_no_thread();
}
END_TEST

START_TEST(last_pool_waits_for_the_call_under_way)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct probe probe;
	struct block block;

	block_begin(&block);
	probe_add(&probe, 1);
	block_end(&block);
	unit_gate_await(&probe.called, 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	UNIT_AWAIT(unit_threads_called("taskpar-timer") == 0);
}
END_TEST

START_TEST(what_is_pending_outlives_the_last_pool)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct probe late;
	struct probe soon;

	probe_add(&late, tpar_in(HOUR));
	probe_add(&soon, tpar_in(5 * TPAR_MILLISECOND));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	unit_gate_await(&soon.called, 1);
	ck_assert_int_eq(unit_threads_called("taskpar-timer"), 1);
	/* Whoever takes the last one out lets the thread go. */
	ck_assert(tpi_timer_remove(&late.timer));
	await_no_thread();
}
END_TEST

/* A timer of a thread that takes it out again, unless it was called before. */
struct racer {
	struct tpi_timer timer;
	_Atomic unsigned called;
	unsigned removed;
	unsigned seed;
};

static void
count_call(struct tpi_timer *timer)
{
	atomic_fetch_add(&((struct racer *)timer)->called, 1);
}

static void *
race(void *arg)
{
	struct racer *racer = arg;
	unsigned rounds = (unsigned)unit_scaled(3000);
	uint32_t random = racer->seed;
	unsigned i;

	for (i = 1; i <= rounds; i++) {
		UNIT_MUST(tpi_timer_add(&racer->timer,
					tpar_in(random_below(&random, 20000))));
		if (random_below(&random, 2) == 0) {
			sched_yield();
		}
		if (tpi_timer_remove(&racer->timer)) {
			racer->removed++;
		} else {
			UNIT_AWAIT(atomic_load(&racer->called) +
					   racer->removed ==
				   i);
		}
	}
	UNIT_MUST(atomic_load(&racer->called) + racer->removed == rounds);
	return NULL;
}

static void
race_all(void)
{
	struct racer racer[4];
	pthread_t thread[4];
	unsigned i;

	for (i = 0; i < 4; i++) {
		tpi_timer_init(&racer[i].timer, count_call);
		atomic_init(&racer[i].called, 0);
		racer[i].removed = 0;
		racer[i].seed = i;
		thread[i] = unit_start(race, &racer[i]);
	}
	for (i = 0; i < 4; i++) {
		unit_join(thread[i]);
	}
}

START_TEST(called_once_or_removed_with_a_thread_that_comes_and_goes)
{
	race_all();
	await_no_thread();
}
END_TEST

START_TEST(called_once_or_removed)
{
	tpi_service_hold();
	race_all();
	tpi_service_release();
	await_no_thread();
}
END_TEST

/* Of the timers of before, none is pending; new ones work. */
static int
use_in_child(struct probe *inherited)
{
	struct probe probe;

	if (unit_threads_called("taskpar-timer") != 0 ||
	    tpi_timer_remove(&inherited->timer)) {
		return 1;
	}
	if (CHILD_STARTS_THREADS) {
		probe_add(&probe, tpar_in(TPAR_MILLISECOND));
		unit_gate_await(&probe.called, 1);
		await_no_thread();
	}
	return inherited->called.opened == 0 ? 0 : 2;
}

START_TEST(child_of_fork_has_no_timers)
{
	struct probe probe;
	int status;
	pid_t child;

	probe_add(&probe, tpar_in(HOUR));
	child = fork();
	if (child == 0) {
		_exit(use_in_child(&probe));
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert(tpi_timer_remove(&probe.timer));
	await_no_thread();
}
END_TEST

/* A timer that sets itself again, which cannot fail. */
struct again {
	struct tpi_timer timer;
	struct unit_gate called;
	_Atomic int left;
};

static void
again_fn(struct tpi_timer *timer)
{
	struct again *again = (struct again *)(void *)timer;

	if (atomic_fetch_sub(&again->left, 1) > 1) {
		tpi_timer_add_reserved(timer, 1);
	}
	unit_gate_open(&again->called);
}

START_TEST(timer_that_keeps_its_place_can_be_set_again_and_again)
{
	struct again again = { .called = UNIT_GATE_INIT, .left = 3 };

	tpi_timer_init(&again.timer, again_fn);
	again.timer.keeps = true;
	ck_assert(tpi_timer_reserve());
	tpi_timer_add_reserved(&again.timer, 1);
	unit_gate_await(&again.called, 3);
	ck_assert(!tpi_timer_remove(&again.timer));
	/* The place is there still, and so is the thread. */
	tpi_timer_add_reserved(&again.timer, tpar_in(HOUR));
	ck_assert(tpi_timer_remove(&again.timer));
	atomic_store(&again.left, 1);
	tpi_timer_add_reserved(&again.timer, 1);
	unit_gate_await(&again.called, 4);
	tpi_timer_give_back();
	await_no_thread();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		no_thread_before_the_first_timer,
		called_when_the_time_has_come,
		past_deadline_is_called_at_once,
		earlier_deadline_wakes_the_thread,
		many_are_called_in_order,
		removed_timer_is_not_called,
		timer_being_called_is_not_removed,
		call_may_add_remove_and_free,
		thread_stays_while_there_is_a_pool,
		last_pool_waits_for_the_call_under_way,
		what_is_pending_outlives_the_last_pool,
		called_once_or_removed_with_a_thread_that_comes_and_goes,
		called_once_or_removed,
		child_of_fork_has_no_timers,
		timer_that_keeps_its_place_can_be_set_again_and_again,
	};

	return unit_main("timer", tests, sizeof tests / sizeof tests[0]);
}
