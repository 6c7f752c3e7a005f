/* SPDX-License-Identifier: MIT */
/*
 * test_wait_any.c - waiting for the first of several that ends, however.
 */
#include "promised.h"

#include <taskpar/cancel.h>

static size_t
any_of(tpar_future *const *f, size_t n)
{
	size_t index = SIZE_MAX;

	UNIT_MUST(tpar_wait_any(f, n, TPAR_FOREVER, &index) == TPAR_OK);
	return index;
}

START_TEST(any_of_nobody_is_an_error)
{
	size_t index = 7;

	ck_assert_int_eq(tpar_wait_any(NULL, 0, TPAR_FOREVER, &index),
			 TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "n is 0: none can end");
	ck_assert_int_eq(tpar_wait_any(NULL, 0, TPAR_NOW, NULL), TPAR_EINVAL);
	ck_assert_uint_eq(index, 7);
}
END_TEST

START_TEST(bad_set_is_refused_whatever_has_ended)
{
	tpar_future *f[3] = { promised_ended(1), NULL, NULL };
	size_t index = 7;

	ck_assert_int_eq(tpar_wait_any(f, 3, TPAR_FOREVER, &index),
			 TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f[1] is NULL");
	ck_assert_int_eq(tpar_wait_any(NULL, 3, TPAR_FOREVER, &index),
			 TPAR_EINVAL);
	ck_assert_uint_eq(index, 7);
	tpar_future_unref(f[0]);
}
END_TEST

START_TEST(of_those_that_had_ended_it_is_the_lowest)
{
	struct promised made = promised_make(100, NULL); /* sizes may differ */
	tpar_future *f[5] = { made.f, promised_failed(1, "x"),
			      promised_ended(2), NULL, made.f };

	f[3] = f[1];
	ck_assert_uint_eq(any_of(f, 5), 1);
	ck_assert_uint_eq(any_of(f + 2, 3), 0);
	ck_assert_int_eq(tpar_wait_any(f, 5, TPAR_NOW, NULL), TPAR_OK);
	/* Nobody was cancelled. */
	ck_assert_int_eq(tpar_future_state(made.f), TPAR_PENDING);
	tpar_future_unref_all(&f[1], 2);
	promised_free(made);
}
END_TEST

/* A thread waits for any; how the member ends does not matter. */
struct waiting {
	tpar_future *f[4];
	size_t index;
};

static void *
wait_any(void *arg)
{
	struct waiting *waiting = arg;

	waiting->index = any_of(waiting->f, 4);
	return NULL;
}

static void
end_one(void (*end)(struct promised made), unsigned which)
{
	struct promised made[3];
	struct waiting waiting;
	pthread_t thread;
	int i;

	promised_many(made, waiting.f, 3, NULL);
	waiting.f[3] = waiting.f[which]; /* twice: the lower position */
	thread = unit_start(wait_any, &waiting);
	end(made[which]);
	unit_join(thread);
	ck_assert_uint_eq(waiting.index, which);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_future_state(waiting.f[i]) ==
					 TPAR_PENDING,
				 i != (int)which);
	}
	/* It has left the others: they may end now, and nobody minds. */
	for (i = 0; i < 3; i++) {
		(void)tpar_promise_set_cancelled(made[i].p);
	}
	promised_free_many(made, 3);
}

static void
end_well(struct promised made)
{
	promised_set(made, 1);
}

static void
end_badly(struct promised made)
{
	UNIT_MUST(tpar_promise_fail(made.p, 1, NULL) == TPAR_OK);
}

static void
end_cancelled(struct promised made)
{
	UNIT_MUST(tpar_future_cancel(made.f) == TPAR_OK);
}

START_TEST(first_to_end_is_told_however_it_ends)
{
	unsigned which;

	for (which = 0; which < 3; which++) {
		end_one(end_well, which);
		end_one(end_badly, which);
		end_one(end_cancelled, which);
	}
}
END_TEST

START_TEST(deadline_leaves_all_alone)
{
	struct promised made[2];
	tpar_future *f[2];
	size_t index = 7;

	promised_many(made, f, 2, NULL);
	ck_assert_int_eq(tpar_wait_any(f, 2, TPAR_NOW, &index), TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_wait_any(f, 2, tpar_in(TPAR_MILLISECOND), &index),
			 TPAR_ETIMEDOUT);
	ck_assert_int_eq(tpar_wait_any(f, 2, tpar_in(0), NULL), TPAR_ETIMEDOUT);
	ck_assert_uint_eq(index, 7);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_PENDING);
	promised_set(made[1], 1);
	ck_assert_int_eq(tpar_wait_any(f, 2, tpar_in(0), &index), TPAR_OK);
	ck_assert_uint_eq(index, 1);
	promised_free_many(made, 2);
}
END_TEST

/* ---- In tasks ------------------------------------------------------------ */

struct task {
	struct unit_gate known;
	struct unit_gate begun;
	tpar_future *f[3];
	size_t n;
	enum tpar_err err;
	size_t index;
	int64_t deadline_ns;
	tpar_future *ended; /* tried while the task is stopped */
};

static int
wait_any_in_task(void *arg, void *value)
{
	struct task *task = arg;

	(void)value;
	unit_gate_await(&task->known, 1);
	task->index = SIZE_MAX;
	unit_gate_open(&task->begun);
	task->err = tpar_wait_any(task->f, task->n, task->deadline_ns,
				  &task->index);
	if (task->ended != NULL) {
		UNIT_MUST(tpar_wait_any(&task->ended, 1, TPAR_FOREVER, NULL) ==
			  TPAR_OK);
	}
	return 0;
}

static void
init_task(struct task *task)
{
	memset(task, 0, sizeof *task);
	task->known = (struct unit_gate)UNIT_GATE_INIT;
	task->begun = (struct unit_gate)UNIT_GATE_INIT;
}

START_TEST(stopped_task_leaves_the_wait_and_the_members)
{
	struct promised made[3];
	struct task task;
	tpar_future *f;

	init_task(&task);
	promised_many(made, task.f, 3, NULL);
	task.n = 3;
	task.ended = promised_ended(1);
	f = unit_submit(NULL, wait_any_in_task, &task, 0);
	unit_gate_open(&task.known);
	unit_gate_await(&task.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(task.err, TPAR_ESTOPPED);
	ck_assert_uint_eq(task.index, SIZE_MAX);
	ck_assert_int_eq(tpar_future_state(task.f[0]), TPAR_PENDING);
	tpar_future_unref(f);
	tpar_future_unref(task.ended);
	promised_free_many(made, 3);
}
END_TEST

START_TEST(task_that_waits_for_itself_is_told)
{
	struct promised made = promised_make(0, NULL);
	struct task task;
	tpar_future *f;

	init_task(&task);
	task.n = 2;
	task.f[0] = made.f;
	f = unit_submit(NULL, wait_any_in_task, &task, 0);
	task.f[1] = f;
	unit_gate_open(&task.known);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(task.err, TPAR_EDEADLK);
	ck_assert_uint_eq(task.index, SIZE_MAX);
	tpar_future_unref(f);
	promised_free(made);
}
END_TEST

static int
note_thread(void *arg, void *value)
{
	(void)arg;
	*(pthread_t *)value = pthread_self();
	return 0;
}

static int
wait_for_children(void *arg, void *value)
{
	tpar_future *f[3];
	size_t index;
	int i;

	(void)arg;
	for (i = 0; i < 3; i++) {
		f[i] = unit_submit(NULL, note_thread, NULL, sizeof(pthread_t));
	}
	UNIT_MUST(tpar_wait_any(f, 3, TPAR_FOREVER, &index) == TPAR_OK);
	UNIT_MUST(tpar_future_state(f[index]) == TPAR_DONE);
	*(bool *)value = pthread_equal(pthread_self(),
				       *(const pthread_t *)tpar_future_value(
					       f[index])) != 0;
	UNIT_MUST(tpar_wait_all(f, 3, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref_all(f, 3);
	return 0;
}

START_TEST(nothing_is_run_in_place_while_there_are_threads)
{
	tpar_pool *pool = unit_pool(1, 4);
	tpar_future *f =
		unit_submit(pool, wait_for_children, NULL, sizeof(bool));

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert(!*(const bool *)tpar_future_value(f));
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Threads are used up ------------------------------------------------- */

/* Waits for what the test ends when all else has. */
static int
use_up(void *arg, void *value)
{
	(void)value;
	UNIT_MUST(tpar_future_wait(arg, TPAR_FOREVER) == TPAR_OK);
	return 0;
}

struct starved {
	tpar_future *never;
	unsigned flags;
	enum tpar_err err;
	enum tpar_state state[3]; /* when the call had returned */
	size_t index;
};

static int
count_run(void *arg, void *value)
{
	(void)value;
	atomic_fetch_add((_Atomic int *)arg, 1);
	return 0;
}

static _Atomic int runs;

static int
wait_when_starved(void *arg, void *value)
{
	struct starved *starved = arg;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[3];
	int i;

	(void)value;
	task.fn = count_run;
	task.arg = &runs;
	task.flags = starved->flags;
	f[0] = starved->never;
	f[1] = unit_submit_task(NULL, &task);
	f[2] = unit_submit_task(NULL, &task);
	starved->index = SIZE_MAX;
	starved->err = tpar_wait_any(f, 3, TPAR_FOREVER, &starved->index);
	for (i = 0; i < 3; i++) {
		starved->state[i] = tpar_future_state(f[i]);
	}
	(void)tpar_future_cancel(f[2]);
	tpar_future_unref_all(&f[1], 2);
	return 0;
}

static void
starve(struct starved *starved)
{
	struct promised never = promised_make(0, NULL);
	struct promised outer = promised_make(0, NULL);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *blocked = unit_submit(pool, use_up, outer.f, 0);
	tpar_future *f;

	starved->never = never.f;
	UNIT_AWAIT(tpar_future_state(blocked) == TPAR_RUNNING);
	f = unit_submit(pool, wait_when_starved, starved, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(starved->state[0], TPAR_PENDING);
	UNIT_MUST(tpar_promise_set(outer.p, NULL) == TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(blocked, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(blocked);
	tpar_future_unref(f);
	promised_free(outer);
	promised_free(never);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(one_is_run_in_place_when_threads_are_used_up)
{
	struct starved starved = { .flags = 0 };

	starve(&starved);
	ck_assert_int_eq(starved.err, TPAR_OK);
	ck_assert_uint_eq(starved.index, 1);
	ck_assert_int_eq(starved.state[1], TPAR_DONE);
}
END_TEST

START_TEST(one_that_may_not_be_run_in_place_does_not_hang_the_wait)
{
	struct starved starved = { .flags = TPAR_NO_INLINE };

	starve(&starved);
	ck_assert_int_eq(starved.state[1], TPAR_CANCELLED);
	ck_assert(starved.err == TPAR_EAGAIN ||
		  (starved.err == TPAR_OK && starved.index == 1));
	ck_assert_int_eq(atomic_load(&runs), 0);
}
END_TEST

/* ---- Many at once -------------------------------------------------------- */

enum { SET = 6, WAITERS = 3 };

struct crowd {
	struct promised made[SET];
	tpar_future *f[SET];
	pthread_barrier_t start;
};

static void *
wait_any_of_crowd(void *arg)
{
	struct crowd *crowd = arg;
	size_t index = SIZE_MAX;
	enum tpar_err err;

	(void)pthread_barrier_wait(&crowd->start);
	do {
		err = tpar_wait_any(crowd->f, SET, tpar_in(1000), &index);
	} while (err == TPAR_ETIMEDOUT);
	UNIT_MUST(err == TPAR_OK && index < SET);
	UNIT_MUST(tpar_future_state(crowd->f[index]) >= TPAR_DONE);
	return NULL;
}

START_TEST(waits_that_come_and_go_while_members_end_see_one_that_has)
{
	long round;

	for (round = 0; round < unit_scaled(300); round++) {
		pthread_t thread[WAITERS];
		struct crowd crowd;
		int i;

		promised_many(crowd.made, crowd.f, SET, NULL);
		UNIT_MUST(pthread_barrier_init(&crowd.start, NULL,
					       WAITERS + 1) == 0);
		for (i = 0; i < WAITERS; i++) {
			thread[i] = unit_start(wait_any_of_crowd, &crowd);
		}
		(void)pthread_barrier_wait(&crowd.start);
		for (i = 0; i < SET; i++) {
			promised_set(crowd.made[(i + round) % SET], i);
		}
		for (i = 0; i < WAITERS; i++) {
			unit_join(thread[i]);
		}
		promised_free_many(crowd.made, SET);
		UNIT_MUST(pthread_barrier_destroy(&crowd.start) == 0);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		any_of_nobody_is_an_error,
		bad_set_is_refused_whatever_has_ended,
		of_those_that_had_ended_it_is_the_lowest,
		first_to_end_is_told_however_it_ends,
		deadline_leaves_all_alone,
		stopped_task_leaves_the_wait_and_the_members,
		task_that_waits_for_itself_is_told,
		nothing_is_run_in_place_while_there_are_threads,
		one_is_run_in_place_when_threads_are_used_up,
		one_that_may_not_be_run_in_place_does_not_hang_the_wait,
		waits_that_come_and_go_while_members_end_see_one_that_has,
	};

	return unit_main("wait_any", tests, sizeof tests / sizeof tests[0]);
}
