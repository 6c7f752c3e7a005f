/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c - what the child of a fork does about what threads held that it
 * does not have: locks of pools, parkers, frames; and how often it was forked.
 */
#include "config.h"

#include "child.h"
#include "handmade.h"

#include "src/alarm.h"
#include "src/cycle.h"
#include "src/eventfd.h"
#include "src/fork.h"
#include "src/frame.h"
#include "src/handler.h"
#include "src/lane.h"
#include "src/loose.h"
#include "src/oncancel.h"
#include "src/park.h"
#include "src/parker.h"
#include "src/pools.h"
#include "src/promise.h"
#include "src/service.h"
#include "src/timer.h"

#include <sys/mman.h>
#include <taskpar/promise.h>

/* A thread that holds locks, in this order, while the process forks. */
struct holder {
	struct tpi_lock *lock[2];
	struct unit_gate holds;
	struct unit_gate go;
	pthread_t thread;
};

static void *
hold_locks(void *arg)
{
	struct holder *holder = arg;
	int i;

	for (i = 0; i < 2 && holder->lock[i] != NULL; i++) {
		tpi_lock_enter(holder->lock[i]);
	}
	unit_gate_open(&holder->holds);
	unit_gate_await(&holder->go, 1);
	while (i > 0) {
		tpi_lock_leave(holder->lock[--i]);
	}
	return NULL;
}

static void
begin_hold(struct holder *holder, struct tpi_lock *first,
	   struct tpi_lock *second)
{
	struct unit_gate gate = UNIT_GATE_INIT;

	holder->lock[0] = first;
	holder->lock[1] = second;
	holder->holds = gate;
	holder->go = gate;
	holder->thread = unit_start(hold_locks, holder);
	unit_gate_await(&holder->holds, 1);
}

static void
end_hold(struct holder *holder)
{
	unit_gate_open(&holder->go);
	unit_join(holder->thread);
}

static bool
is_free(struct tpi_lock *lock)
{
	bool is = pthread_mutex_trylock(&lock->mutex) == 0;

	return is && pthread_mutex_unlock(&lock->mutex) == 0;
}

static void
see_second(void *arg)
{
	(void)arg;
	UNIT_MUST(tpi_fork_generation == 2);
}

static void
see_first(void *arg)
{
	(void)arg;
	UNIT_MUST(tpi_fork_generation == 1);
	UNIT_MUST(child_runs(see_second, NULL));
	UNIT_MUST(tpi_fork_generation == 1);
}

static void
see_none(void *arg)
{
	(void)arg;
	UNIT_MUST(tpi_fork_generation == 0);
}

START_TEST(forks_count_once_the_library_is_used)
{
	tpar_pool *pool;

	ck_assert(child_runs(see_none, NULL));
	pool = unit_pool(1, 1);
	ck_assert(child_runs(see_first, NULL));
	ck_assert_uint_eq(tpi_fork_generation, 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void
see_dead_pool(void *arg)
{
	tpar_pool *pool = arg;

	UNIT_MUST(tpi_intake_is_dead(&pool->intake));
	UNIT_MUST(!tpi_service_held());
	UNIT_MUST(is_free(&pool->lock));
	UNIT_MUST(pool->threads == 0 && pool->parked == NULL);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	UNIT_MUST(tpi_pool_worker_count(pool) == 0);
}

START_TEST(lock_of_a_pool_may_be_held)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct holder holder;

	begin_hold(&holder, &pool->lock, NULL);
	ck_assert(child_runs(see_dead_pool, pool));
	end_hold(&holder);
	ck_assert(!tpi_intake_is_dead(&pool->intake));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* What the process has once, each held by a thread when it forks. */
static void (*const parts[])(enum tpi_fork when) = {
	tpi_pools_fork_default, tpi_cycle_fork,	   tpi_loose_fork,
	tpi_eventfd_fork,	tpi_alarm_fork,	   tpi_frame_fork,
	tpi_handler_fork,	tpi_oncancel_fork, tpi_promise_fork,
	tpi_lane_fork,		tpi_timer_fork,	   tpi_parker_fork,
	tpi_pools_fork
};

#define PARTS (sizeof parts / sizeof parts[0])

static struct unit_gate begun;
static struct unit_gate forking;

/* Called before those of the library. */
static void
say_that_it_forks(void)
{
	unit_gate_open(&forking);
}

static void *
hold_part(void *arg)
{
	size_t i = (size_t)(intptr_t)arg;

	parts[i](TPI_FORK_PREPARE);
	unit_gate_open(&begun);
	unit_gate_await(&forking, 1);
	parts[i](TPI_FORK_PARENT);
	return NULL;
}

static void
take_all(void *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < PARTS; i++) {
		parts[i](TPI_FORK_PREPARE);
		parts[i](TPI_FORK_PARENT);
	}
}

START_TEST(fork_waits_for_what_another_thread_holds)
{
	static const struct unit_gate fresh = UNIT_GATE_INIT;
	long rounds = unit_scaled(10);
	tpar_promise *p;
	tpar_future *f;
	size_t i;

	/* So that there is an arena for those without a pool. */
	ck_assert_int_eq(tpar_promise_create(0, NULL, &p, &f), TPAR_OK);
	ck_assert_int_eq(pthread_atfork(say_that_it_forks, NULL, NULL), 0);
	for (i = 0; i < PARTS * (size_t)rounds; i++) {
		pthread_t thread;

		begun = fresh;
		forking = fresh;
		thread = unit_start(hold_part, (void *)(intptr_t)(i % PARTS));
		unit_gate_await(&begun, 1);
		ck_assert(child_runs(take_all, NULL));
		unit_join(thread);
	}
	tpar_promise_destroy(p);
	tpar_future_unref(f);
}
END_TEST

static void
wake_lost(void *arg)
{
	struct tpi_parker *lost = arg;

	tpi_parker_wake(lost);
	UNIT_MUST(tpi_load_relaxed(&lost->state) == TPI_PARK_PARKED);
}

START_TEST(parker_of_a_lost_thread_is_left_alone)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpi_parker *parker = tpi_parker_get();
	struct holder holder;

	/* As if its thread had just fallen asleep. */
	tpi_store_relaxed(&parker->state, TPI_PARK_PARKED);
	begin_hold(&holder, &parker->lock, NULL);
	ck_assert(child_runs(wake_lost, parker));
	end_hold(&holder);
	tpi_store_relaxed(&parker->state, TPI_PARK_EMPTY);
	tpi_parker_put(parker);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Two that somebody was about to wake: one that was free, and one's own. */
static void
take_over(void *arg)
{
	struct tpi_parker *parker = tpi_parker_get();
	int i;

	UNIT_MUST(parker == arg);
	for (i = 0; i < 2; i++) {
		UNIT_MUST(is_free(&parker->lock));
		UNIT_MUST(!tpi_parker_park(parker, TPAR_MILLISECOND));
		tpi_parker_wake(parker);
		UNIT_MUST(tpi_parker_park(parker, TPAR_FOREVER));
		parker = tpi_thread_parker();
	}
}

START_TEST(free_parkers_and_the_own_one_are_taken_over)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpi_parker *own = tpi_thread_parker();
	struct tpi_parker *parker = tpi_parker_get();
	struct holder holders[2];

	tpi_parker_put(parker);
	tpi_parker_wake(parker);
	begin_hold(&holders[0], &parker->lock, NULL);
	begin_hold(&holders[1], &own->lock, NULL);
	ck_assert(child_runs(take_over, parker));
	end_hold(&holders[0]);
	end_hold(&holders[1]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* The stack that the watch lies on is not there any more. */
static void
watch_alone(void *page)
{
	struct tpi_watch watch = { .parker = tpi_thread_parker() };

	UNIT_MUST(mprotect(page, 4096, PROT_NONE) == 0);
	tpi_alarm_watch(&watch);
	tpi_alarm_raise();
	UNIT_MUST(tpi_parker_park(watch.parker, TPAR_FOREVER));
	tpi_alarm_unwatch(&watch);
}

START_TEST(watches_of_lost_threads_are_forgotten)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpi_watch *watch = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(watch, MAP_FAILED);
	watch->parker = tpi_parker_get();
	tpi_alarm_watch(watch);
	ck_assert(child_runs(watch_alone, watch));
	tpi_alarm_raise();
	ck_assert(tpi_parker_park(watch->parker, TPAR_FOREVER));
	tpi_alarm_unwatch(watch);
	tpi_parker_put(watch->parker);
	ck_assert_int_eq(munmap(watch, 4096), 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

struct lost {
	tpar_future *f;
	struct tpi_frame *frame;
};

static void
forget(void *arg)
{
	struct lost *lost = arg;

	UNIT_MUST(tpar_future_state(lost->f) == TPAR_CANCELLED);
	UNIT_MUST(tpi_load_relaxed(&lost->f->state.word) ==
		  (TPI_ENDED | TPI_CANCELLED));
	UNIT_MUST(tpi_load_relaxed(&lost->frame->left) == 2);
}

START_TEST(waiters_of_a_lost_future_are_not_told)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	struct tpi_frame frame;
	struct lost lost = { .frame = &frame };

	lost.f = unit_submit(pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	tpi_frame_init(&frame, TPI_WAIT_ONLY, &lost.f, 1);
	ck_assert_int_eq(tpi_frame_register(&frame, lost.f), TPI_REGISTERED);
	ck_assert(child_runs(forget, &lost));
	ck_assert_uint_eq(tpi_frame_unregister(&frame, lost.f), 1);
	tpi_frame_fini(&frame);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	tpar_future_unref(lost.f);
}
END_TEST

static void
see_cancelled(void *arg)
{
	UNIT_MUST(tpar_future_state(arg) == TPAR_CANCELLED);
}

static void
see_running_still(void *arg)
{
	UNIT_MUST(tpar_future_state(arg) == TPAR_RUNNING);
}

static void
never_called(tpar_promise *p, void *arg)
{
	(void)p;
	(void)arg;
	abort();
}

static void
see_running(void *arg)
{
	UNIT_MUST(tpar_future_state(arg) == TPAR_RUNNING);
	UNIT_MUST(child_runs(see_running_still, arg));
}

START_TEST(promise_that_is_just_being_completed_ends)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	tpar_promise *p[2];
	tpar_future *f[2];

	ck_assert_int_eq(tpar_promise_create_with(&config, &p[0], &f[0]),
			 TPAR_OK);
	config.on_cancel = never_called;
	ck_assert_int_eq(tpar_promise_create_with(&config, &p[1], &f[1]),
			 TPAR_OK);
	ck_assert(child_runs(see_running, f[1]));
	ck_assert(tpi_future_claim(f[0]));
	ck_assert(tpi_loose_decide(f[1]));
	ck_assert(!tpi_loose_decide(f[1]));
	ck_assert(child_runs(see_cancelled, f[0]));
	ck_assert(child_runs(see_cancelled, f[1]));
	tpi_future_end_done(f[0]);
	tpi_future_end_done(f[1]);
	tpar_promise_destroy(p[0]);
	tpar_promise_destroy(p[1]);
	tpar_future_unref_all(f, 2);
}
END_TEST

/* The memory of a pool that was destroyed goes with the last of its futures. */
static void
release_last(void *arg)
{
	struct tpar_future *f = arg;

	UNIT_MUST(tpar_future_state(f) == TPAR_DONE);
	tpar_future_unref(f);
}

START_TEST(future_outlives_its_pool_in_the_child_too)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, unit_number_task, NULL, 8);

	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert(child_runs(release_last, f));
	release_last(f);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		forks_count_once_the_library_is_used,
		lock_of_a_pool_may_be_held,
		fork_waits_for_what_another_thread_holds,
		parker_of_a_lost_thread_is_left_alone,
		free_parkers_and_the_own_one_are_taken_over,
		watches_of_lost_threads_are_forgotten,
		waiters_of_a_lost_future_are_not_told,
		promise_that_is_just_being_completed_ends,
		future_outlives_its_pool_in_the_child_too
	};

	return unit_main("fork", tests, sizeof tests / sizeof tests[0]);
}
