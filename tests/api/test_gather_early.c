/* SPDX-License-Identifier: MIT */
/*
 * test_gather_early.c - sets that are not waited for to their natural end: the
 * calling task is stopped, or there is no thread for what has not begun.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

enum how { GATHER, SETTLED, WAIT_ALL };

static int
do_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

/* What only a worker of that pool begins, which is busy. */
static tpar_future *
submit_idle(tpar_pool *busy)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = do_nothing;
	task.flags = TPAR_NO_INLINE;
	return unit_submit_task(busy, &task);
}

static int
run_until_stopped(void *arg, void *value)
{
	struct unit_gate *begun = arg;

	(void)value;
	unit_gate_open(begun);
	UNIT_AWAIT(tpar_cancelled());
	return TPAR_ESTOPPED;
}

/* A task that waits for a set in vain, until it is asked to stop. */
struct vain {
	enum how how;
	tpar_future *f[2];
	enum tpar_err err;
	struct tpar_failure why;
	struct tpar_outcome outcome[2];
};

static int
wait_in_vain(void *arg, void *value)
{
	struct vain *vain = arg;

	(void)value;
	switch (vain->how) {
	case GATHER:
		vain->err = tpar_gather(vain->f, 2, NULL, &vain->why);
		return tpar_fail_from(&vain->why);
	case SETTLED:
		vain->err =
			tpar_gather_settled(vain->f, 2, NULL, vain->outcome);
		return (int)vain->err;
	default:
		vain->err = tpar_wait_all(vain->f, 2, TPAR_FOREVER);
		return (int)vain->err;
	}
}

/* One member runs, the other one has not begun; then the caller is stopped. */
static void
stop_in_vain(enum how how, struct vain *vain)
{
	struct unit_gate begun = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_pool *busy = unit_pool(1, 1);
	tpar_future *f;
	int i;

	vain->how = how;
	vain->f[0] = unit_submit(busy, run_until_stopped, &begun, 0);
	vain->f[1] = submit_idle(busy);
	unit_gate_await(&begun, 1);
	f = unit_submit(pool, wait_in_vain, vain, 0);
	UNIT_AWAIT(tpar_future_state(f) == TPAR_RUNNING);
	unit_run_in(pool, do_nothing, NULL);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(vain->err, TPAR_ESTOPPED);
	/* First the one that could begin once the other one has ended. */
	for (i = 1; how == WAIT_ALL && i >= 0; i--) {
		ck_assert_int_lt(tpar_future_state(vain->f[i]), TPAR_DONE);
		ck_assert_int_eq(tpar_future_cancel(vain->f[i]), TPAR_OK);
	}
	ck_assert_int_eq(tpar_wait_all(vain->f, 2, TPAR_FOREVER), TPAR_OK);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(tpar_future_state(vain->f[i]), TPAR_CANCELLED);
	}
	tpar_future_unref_all(vain->f, 2);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(busy), TPAR_OK);
}

START_TEST(stopped_gather_stops_its_set)
{
	struct vain vain;

	stop_in_vain(GATHER, &vain);
	ck_assert_uint_eq(vain.why.index, SIZE_MAX);
	ck_assert_int_eq(vain.why.state, TPAR_PENDING);
	ck_assert_int_eq(vain.why.code, TPAR_ESTOPPED);
	ck_assert_str_eq(vain.why.message,
			 "the calling task has been asked to stop");
}
END_TEST

START_TEST(stopped_settled_set_is_reported_all_the_same)
{
	struct vain vain;
	int i;

	stop_in_vain(SETTLED, &vain);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(vain.outcome[i].state, TPAR_CANCELLED);
		ck_assert_int_eq(vain.outcome[i].code, TPAR_ESTOPPED);
		ck_assert_str_eq(vain.outcome[i].message, "");
	}
}
END_TEST

START_TEST(stopped_wait_leaves_its_set_alone)
{
	struct vain vain;

	stop_in_vain(WAIT_ALL, &vain);
}
END_TEST

/* A task that is asked to stop before it comes to wait for two sets. */
struct late {
	struct unit_hold hold;
	tpar_future *done;
	tpar_future *pending;
};

static int
gather_when_stopped(void *arg, void *value)
{
	struct late *late = arg;
	struct tpar_failure why;
	intptr_t number = -1;

	(void)unit_hold_task(&late->hold, value);
	UNIT_MUST(tpar_checkpoint() == TPAR_ESTOPPED);
	/* A complete set is a success. */
	UNIT_MUST(tpar_gather(&late->done, 1, &number, NULL) == TPAR_OK);
	UNIT_MUST(number == 77);
	UNIT_MUST(tpar_wait_all(&late->done, 1, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(tpar_gather_settled(&late->done, 1, &number, NULL) ==
		  TPAR_OK);
	UNIT_MUST(tpar_wait_all(&late->pending, 1, TPAR_FOREVER) ==
		  TPAR_ESTOPPED);
	UNIT_MUST(tpar_future_state(late->pending) == TPAR_PENDING);
	UNIT_MUST(tpar_gather(&late->pending, 1, NULL, &why) == TPAR_ESTOPPED);
	UNIT_MUST(tpar_future_state(late->pending) == TPAR_CANCELLED);
	UNIT_MUST(why.code == TPAR_ESTOPPED && why.index == SIZE_MAX);
	return tpar_fail_from(&why);
}

START_TEST(stopped_task_begins_nothing_but_collects_what_is_done)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct late late = { .hold = UNIT_HOLD_INIT };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_pool *busy = unit_pool(1, 1);
	tpar_future *f;

	late.done = unit_submit(pool, unit_number_task, (void *)77,
				sizeof(intptr_t));
	ck_assert_int_eq(tpar_future_wait(late.done, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_submit(busy, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	late.pending = unit_submit(busy, do_nothing, NULL, 0);
	f = unit_submit(pool, gather_when_stopped, &late, 0);
	unit_gate_await(&late.hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	unit_gate_open(&late.hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	unit_gate_open(&hold.go);
	tpar_future_unref(late.done);
	tpar_future_unref(late.pending);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(busy), TPAR_OK);
}
END_TEST

/* A chain of waits that needs a thread for each; the last one finds none. */
struct chain {
	enum how how;
	int left;
	struct unit_hold *hold; /* of a task in another pool */
	tpar_pool *other;
	enum tpar_err err;
	struct tpar_failure why;
	struct tpar_outcome outcome[3];
	enum tpar_state state[3];
};

static enum tpar_err
wait_for_set(struct chain *chain, tpar_future **f)
{
	switch (chain->how) {
	case GATHER:
		return tpar_gather(f, 3, NULL, &chain->why);
	case SETTLED:
		return tpar_gather_settled(f, 3, NULL, chain->outcome);
	default:
		return tpar_wait_all(f, 3, TPAR_FOREVER);
	}
}

/* The set: one that runs elsewhere, and two that nobody can begin. */
static int
find_no_thread(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct chain *chain = arg;
	tpar_future *f[3];
	int i;

	(void)value;
	task.fn = find_no_thread;
	task.arg = chain;
	task.flags = TPAR_NO_INLINE;
	if (chain->left-- > 0) {
		f[0] = unit_submit_task(NULL, &task);
		(void)tpar_future_wait(f[0], TPAR_FOREVER);
		tpar_future_unref(f[0]);
		return 0;
	}
	task.fn = do_nothing;
	f[0] = unit_submit(chain->other, unit_hold_task, chain->hold, 0);
	unit_gate_await(&chain->hold->begun, 1);
	f[1] = unit_submit_task(NULL, &task);
	f[2] = unit_submit_task(NULL, &task);
	unit_gate_open(&chain->hold->go);
	chain->err = wait_for_set(chain, f);
	for (i = 0; i < 3; i++) {
		chain->state[i] = tpar_future_state(f[i]);
	}
	tpar_future_unref_all(f, 3);
	return 0;
}

static void
use_up_threads(enum how how, struct chain *chain)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 2);

	memset(chain, 0, sizeof *chain);
	chain->how = how;
	chain->left = 2;
	chain->hold = &hold;
	chain->other = unit_pool(1, 1);
	unit_run_in(pool, find_no_thread, chain);
	ck_assert_int_eq(chain->err, TPAR_EAGAIN);
	/* That one was waited for. */
	ck_assert_int_eq(chain->state[0], TPAR_DONE);
	ck_assert_int_eq(chain->state[1], TPAR_CANCELLED);
	ck_assert_int_eq(chain->state[2], TPAR_CANCELLED);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(chain->other), TPAR_OK);
}

START_TEST(what_finds_no_thread_is_cancelled_and_told)
{
	struct chain chain;
	int i;

	use_up_threads(GATHER, &chain);
	ck_assert_uint_eq(chain.why.index, SIZE_MAX);
	ck_assert_int_eq(chain.why.code, TPAR_EAGAIN);
	ck_assert_str_eq(chain.why.message, "stack and threads are used up");
	use_up_threads(WAIT_ALL, &chain);
	use_up_threads(SETTLED, &chain);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(chain.outcome[i].state, chain.state[i]);
	}
}
END_TEST

/* Gathers the next one on top, until there is no stack and no thread. */
static int
go_down(void *arg, void *value)
{
	_Atomic long *deepest = arg;
	struct tpar_failure why;
	tpar_future *f;
	enum tpar_err err;

	(void)value;
	atomic_fetch_add(deepest, 1);
	f = unit_submit(NULL, go_down, arg, 0);
	err = tpar_gather(&f, 1, NULL, &why);
	UNIT_MUST(err == TPAR_EFAILED || err == TPAR_EAGAIN);
	tpar_future_unref(f);
	return tpar_fail_from(&why);
}

START_TEST(descent_without_end_ends_with_the_stack)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	_Atomic long deepest = 0;
	struct tpar_failure why;
	tpar_pool *pool = NULL;
	tpar_future *f;

	config.workers = 1;
	config.blocking_limit = 3;
	config.stack_size = (size_t)128 * 1024;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	f = unit_submit(pool, go_down, &deepest, 0);
	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_EFAILED);
	/* The reason has come up all the way. */
	ck_assert_int_eq(why.code, TPAR_EAGAIN);
	ck_assert_str_eq(why.message, "stack and threads are used up");
	ck_assert_int_ge(atomic_load(&deepest), 4);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		stopped_gather_stops_its_set,
		stopped_settled_set_is_reported_all_the_same,
		stopped_wait_leaves_its_set_alone,
		stopped_task_begins_nothing_but_collects_what_is_done,
		what_finds_no_thread_is_cancelled_and_told,
		descent_without_end_ends_with_the_stack,
	};

	return unit_main("gather_early", tests, sizeof tests / sizeof tests[0]);
}
