/* SPDX-License-Identifier: MIT */
/*
 * test_block.c - the reasons not to go on with a wait: a request to stop, a
 * deadline, a cycle, threads that are used up.
 */
#include "config.h"

#include "handmade.h"

#include "src/block.h"
#include "src/cancel.h"
#include "src/frame.h"
#include "src/parker.h"

static struct tpar_pool *pool;
static struct tpar_future *task; /* that the test runs */
static struct tpi_run run;
static struct tpi_frame frame; /* that it waits in */
static struct tpi_wait waiting;

static void
start(void)
{
	pool = hand_pool(1);
	task = hand_future(pool);
	hand_begin(&run, task);
}

static void
wait_in(enum tpi_wait_kind kind, tpar_future *const *f, size_t n)
{
	tpi_frame_init(&frame, kind, f, n);
	tpi_frame_publish(&frame, task);
	waiting = (struct tpi_wait) { .frame = &frame };
}

static void
finish(void)
{
	atomic_store(&task->cur, NULL);
	hand_end(&run, 0);
	hand_drop(task);
	hand_free(pool);
	free(waiting.cycle);
	waiting.cycle = NULL;
}

static struct tpar_future *
make_running(void)
{
	struct tpar_future *f = hand_future(pool);

	ck_assert(tpi_future_claim(f));
	return f;
}

static void
end(struct tpar_future *f)
{
	atomic_store(&f->cur, NULL);
	if (tpi_state_peek(&f->state) != TPI_ENDED) {
		(void)tpi_future_claim(f);
		tpi_future_end(f, 0, NULL);
	}
	hand_drop(f);
}

START_TEST(stop_cancels_the_set_once)
{
	struct tpar_future *f;

	start();
	f = hand_future(pool);
	wait_in(TPI_WAIT_GATHER, &f, 1);
	tpi_block_check_stop(&frame);
	ck_assert_uint_eq(tpi_frame_cause(&frame), 0);
	(void)tpi_state_request_stop(&task->state);
	tpi_block_check_stop(&frame);
	ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_STOPPED);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	ck_assert(!tpi_block_ends_early(&frame));
	tpi_block_check_stop(&frame);
	end(f);
	finish();
}
END_TEST

START_TEST(stop_ends_a_wait_that_only_waits)
{
	struct tpar_future *f;

	start();
	f = hand_future(pool);
	wait_in(TPI_WAIT_ONLY, &f, 1);
	ck_assert(!tpi_block_ends_early(&frame));
	(void)tpi_state_request_stop(&task->state);
	tpi_block_check_stop(&frame);
	ck_assert(tpi_block_ends_early(&frame));
	ck_assert_int_eq(tpar_future_state(f), TPAR_PENDING);
	end(f);
	finish();
}
END_TEST

START_TEST(outside_of_a_task_nobody_asks)
{
	tpi_frame_init(&frame, TPI_WAIT_GATHER, NULL, 0);
	ck_assert_ptr_null(frame.task);
	tpi_block_check_stop(&frame);
	ck_assert_uint_eq(tpi_frame_cause(&frame), 0);
}
END_TEST

START_TEST(deadline_counts_once_it_has_come)
{
	static const enum tpi_wait_kind kinds[] = { TPI_WAIT_ONLY,
						    TPI_WAIT_GATHER };
	struct tpar_future *f;
	size_t k;

	for (k = 0; k < 2; k++) {
		start();
		f = hand_future(pool);
		wait_in(kinds[k], &f, 1);
		tpi_block_check_deadline(&waiting);
		ck_assert_uint_eq(tpi_frame_cause(&frame), 0);
		waiting.deadline_ns = INT64_MAX;
		tpi_block_check_deadline(&waiting);
		ck_assert_uint_eq(tpi_frame_cause(&frame), 0);
		ck_assert_int_eq(waiting.deadline_ns, INT64_MAX);
		waiting.deadline_ns = TPAR_NOW;
		tpi_block_check_deadline(&waiting);
		ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_TIMED_OUT);
		ck_assert_int_eq(waiting.deadline_ns, 0);
		ck_assert_int_eq(tpar_future_state(f),
				 k == 0 ? TPAR_PENDING : TPAR_CANCELLED);
		end(f);
		finish();
	}
}
END_TEST

/* Member 0 of the set waits for the test's task. */
static void
close_cycle(struct tpi_frame *its, struct tpar_future *member)
{
	tpi_frame_init(its, TPI_WAIT_GATHER, &task, 1);
	tpi_frame_publish(its, member);
}

START_TEST(cycle_is_given_up_by_a_gather)
{
	struct tpi_frame its;
	struct tpar_future *f[3];
	int i;

	start();
	f[0] = make_running();
	f[1] = make_running();
	f[2] = hand_future(pool);
	wait_in(TPI_WAIT_GATHER, f, 3);
	for (i = 0; i < 3; i++) {
		(void)tpi_frame_register(&frame, f[i]);
	}
	close_cycle(&its, f[0]);
	tpi_block_check_cycles(&waiting);
	ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_DEADLOCKED);
	ck_assert_uint_eq(atomic_load(&frame.given_up), TPI_GIVEN_UP_SELF);
	/* The others were cancelled, and are waited for. */
	ck_assert(tpi_state_stop_requested(&f[1]->state));
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_CANCELLED);
	ck_assert_ptr_null(tpi_state_waiters(tpi_state_get(&f[0]->state)));
	ck_assert_ptr_nonnull(tpi_state_waiters(tpi_state_get(&f[1]->state)));
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "waits for"));
	for (i = 0; i < 3; i++) {
		end(f[i]);
	}
	finish();
}
END_TEST

/* It keeps its member, and who waits for it gives up instead. */
START_TEST(tied_wait_insists)
{
	struct tpi_frame its;
	struct tpar_future *f;

	start();
	f = make_running();
	wait_in(TPI_WAIT_SETTLED, &f, 1);
	frame.tied = true;
	(void)tpi_frame_register(&frame, f);
	close_cycle(&its, f);
	tpi_block_check_cycles(&waiting);
	ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_DEADLOCKED);
	ck_assert_uint_eq(atomic_load(&frame.given_up), TPI_GIVEN_UP_NONE);
	ck_assert(waiting.insists);
	ck_assert(tpi_state_stop_requested(&f->state));
	ck_assert_ptr_nonnull(tpi_state_waiters(tpi_state_get(&f->state)));
	end(f);
	finish();
}
END_TEST

/* Without a node it is nobody's to take off but its owner's. */
START_TEST(stopped_set_without_nodes_leaves_a_cycle)
{
	struct tpi_frame its;
	struct tpar_future *f;

	start();
	f = make_running();
	wait_in(TPI_WAIT_GATHER, &f, 1);
	waiting.unregistered = 0;
	ck_assert(tpi_frame_elect(&frame, TPI_STOPPED));
	close_cycle(&its, f);
	tpi_block_poll(&waiting);
	ck_assert_uint_eq(waiting.missing, 1);
	ck_assert_uint_eq(atomic_load(&frame.given_up), TPI_GIVEN_UP_SELF);
	end(f);
	finish();
}
END_TEST

START_TEST(cycle_ends_a_wait_that_only_waits)
{
	struct tpi_frame its;
	struct tpar_future *f;

	start();
	f = make_running();
	wait_in(TPI_WAIT_ONLY, &f, 1);
	(void)tpi_frame_register(&frame, f);
	close_cycle(&its, f);
	tpi_block_check_cycles(&waiting);
	ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_DEADLOCKED);
	ck_assert(tpi_block_ends_early(&frame));
	ck_assert_uint_eq(atomic_load(&frame.given_up), TPI_GIVEN_UP_NONE);
	ck_assert(!tpi_state_stop_requested(&f->state));
	end(f);
	finish();
}
END_TEST

START_TEST(timed_wait_looks_for_no_cycle)
{
	struct tpi_frame its;
	struct tpar_future *f;

	start();
	f = make_running();
	wait_in(TPI_WAIT_ONLY, &f, 1);
	close_cycle(&its, f);
	atomic_store(&frame.timed, 1);
	tpi_block_check_cycles(&waiting);
	ck_assert_uint_eq(tpi_frame_cause(&frame), 0);
	atomic_store(&frame.timed, 0);
	tpi_block_check_cycles(&waiting);
	ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_DEADLOCKED);
	end(f);
	finish();
}
END_TEST

/* No thread is left: the worker that the test plays is the only one. */
static void
use_up_threads(struct tpi_worker *w)
{
	hand_become(w);
	pool->capacity = 1;
	atomic_store(&pool->park.word, 0);
	waiting.worker = w;
}

START_TEST(member_is_run_here_if_nobody_else_can)
{
	struct tpar_future *f;
	struct tpi_worker *w;

	start();
	w = hand_worker(pool);
	f = hand_future(pool);
	wait_in(TPI_WAIT_ONLY, &f, 1);
	/* Another thread is active: it is that one's. */
	use_up_threads(w);
	atomic_store(&pool->park.word, TPI_ACTIVE);
	tpi_block_check_starved(&waiting);
	ck_assert_int_eq(tpar_future_state(f), TPAR_PENDING);
	use_up_threads(w);
	tpi_block_check_starved(&waiting);
	ck_assert_int_eq(tpar_future_state(f), TPAR_DONE);
	end(f);
	finish();
}
END_TEST

START_TEST(member_that_nobody_can_run_is_cancelled)
{
	struct tpar_future *f[3];
	struct tpi_worker *w;

	start();
	w = hand_worker(pool);
	f[0] = hand_future(pool);
	f[0]->flags |= TPI_F_NO_INLINE;
	f[1] = make_running();
	f[2] = hand_future(pool);
	wait_in(TPI_WAIT_ONLY, f, 3);
	use_up_threads(w);
	tpi_block_check_starved(&waiting);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_CANCELLED);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_state(f[2]), TPAR_DONE);
	end(f[0]);
	end(f[1]);
	end(f[2]);
	finish();
}
END_TEST

START_TEST(without_stack_everything_pending_is_cancelled)
{
	struct tpar_future *f;
	struct tpi_worker *w;

	start();
	w = hand_worker(pool);
	f = hand_future(pool);
	wait_in(TPI_WAIT_ONLY, &f, 1);
	use_up_threads(w);
	w->stack_low = (char *)UINTPTR_MAX;
	tpi_block_check_starved(&waiting);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	end(f);
	finish();
}
END_TEST

/* Its own pool has a thread that may be just about to run it. */
START_TEST(task_of_another_pool_is_left_to_that_one)
{
	struct tpar_pool *other = hand_pool(1);
	struct tpar_future *f;
	struct tpi_worker *w;

	start();
	w = hand_worker(pool);
	(void)hand_worker(other);
	f = hand_future(other);
	f->flags |= TPI_F_OWN_THREADS;
	wait_in(TPI_WAIT_ONLY, &f, 1);
	use_up_threads(w);
	tpi_block_check_starved(&waiting);
	ck_assert_int_eq(tpar_future_state(f), TPAR_PENDING);
	/* Unless its threads are used up, too. */
	other->capacity = 1;
	atomic_store(&other->park.word, 0);
	tpi_block_check_starved(&waiting);
	ck_assert_int_eq(tpar_future_state(f), TPAR_CANCELLED);
	hand_drop(f);
	finish();
	hand_free(other);
}
END_TEST

static void *
end_from_outside(void *arg)
{
	struct tpar_future *f = arg;

	UNIT_AWAIT(atomic_load(&tpi_pool_of(f->intake)->park.word) == 0);
	tpi_future_end(f, 0, NULL);
	return NULL;
}

START_TEST(sleeping_worker_is_not_active)
{
	struct tpar_future *f;
	struct tpi_worker *w;
	pthread_t thread;

	start();
	w = hand_worker(pool);
	hand_become(w);
	f = make_running();
	wait_in(TPI_WAIT_ONLY, &f, 1);
	waiting.worker = w;
	tpi_store_relaxed(&frame.owner, 0);
	(void)tpi_frame_register(&frame, f);
	(void)tpi_frame_take_off(&frame, 1);
	ck_assert_uint_eq(atomic_load(&pool->park.word), TPI_ACTIVE);
	thread = unit_start(end_from_outside, f);
	tpi_block_sleep(&waiting);
	unit_join(thread);
	ck_assert(tpi_frame_complete(&frame));
	ck_assert_uint_eq(atomic_load(&pool->park.word), TPI_ACTIVE);
	end(f);
	finish();
}
END_TEST

START_TEST(sleep_without_a_parker_naps)
{
	struct tpar_future *f;

	start();
	f = make_running();
	wait_in(TPI_WAIT_ONLY, &f, 1);
	frame.parker = NULL;
	atomic_store(&frame.timed, 1);
	waiting.deadline_ns = tpar_in(3 * TPAR_MILLISECOND);
	tpi_block_sleep(&waiting);
	ck_assert_uint_eq(tpi_frame_cause(&frame), TPI_TIMED_OUT);
	end(f);
	finish();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		stop_cancels_the_set_once,
		stop_ends_a_wait_that_only_waits,
		outside_of_a_task_nobody_asks,
		deadline_counts_once_it_has_come,
		cycle_is_given_up_by_a_gather,
		tied_wait_insists,
		stopped_set_without_nodes_leaves_a_cycle,
		cycle_ends_a_wait_that_only_waits,
		timed_wait_looks_for_no_cycle,
		member_is_run_here_if_nobody_else_can,
		member_that_nobody_can_run_is_cancelled,
		without_stack_everything_pending_is_cancelled,
		task_of_another_pool_is_left_to_that_one,
		sleeping_worker_is_not_active,
		sleep_without_a_parker_naps,
	};

	return unit_main("block", tests, sizeof tests / sizeof tests[0]);
}
