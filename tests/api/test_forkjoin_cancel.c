/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_cancel.c - a computation sees that the future it runs under was
 * asked to stop, in all its tasks, wherever they run.
 */
#include "forks.h"

#include <string.h>

/* ---- Its own task ------------------------------------------------------------ */

struct flags {
	_Atomic int begun;  /* what is to be asked to stop runs */
	_Atomic int stolen; /* a fork runs elsewhere */
	tpar_pool *pool;
};

typedef struct flags *flags;

/* Runs until it is asked to stop; 1. */
TPAR_TASK_1(int, poll, flags, at)
{
	forks_raise(&at->begun);
	UNIT_AWAIT(tpar_cancelled());
	UNIT_MUST(tpar_checkpoint() == TPAR_ESTOPPED);
	UNIT_MUST(tpar_sleep(TPAR_FOREVER) == TPAR_ESTOPPED);
	return 1;
}

TPAR_TASK_1(int, poll_in_a_fork, flags, at)
{
	TPAR_FORK(poll, at);
	return TPAR_JOIN(poll);
}

/* A fork that is stolen, and polls there, while its parent polls here. */
TPAR_TASK_1(int, poll_elsewhere, flags, at)
{
	forks_raise(&at->stolen);
	UNIT_AWAIT(tpar_cancelled());
	UNIT_MUST(tpar_checkpoint() == TPAR_ESTOPPED);
	UNIT_MUST(tpar_cancel_reason() != NULL);
	return 1;
}

TPAR_TASK_1(int, poll_everywhere, flags, at)
{
	int polled;

	TPAR_FORK(poll_elsewhere, at);
	TPAR_CALL(forks_until, &at->stolen);
	polled = TPAR_CALL(poll, at);
	return polled + TPAR_JOIN(poll_elsewhere);
}

/* The parent waits in the join. */
TPAR_TASK_1(int, join_who_polls, flags, at)
{
	TPAR_FORK(poll_elsewhere, at);
	TPAR_CALL(forks_until, &at->stolen);
	forks_raise(&at->begun);
	return TPAR_JOIN(poll_elsewhere);
}

/* Nobody looks at it: the result is there. */
TPAR_TASK_1(int, ignore, flags, at)
{
	forks_raise(&at->begun);
	UNIT_AWAIT(tpar_cancelled());
	TPAR_FORK(forks_leaves, 5);
	return (int)TPAR_JOIN(forks_leaves);
}

/* Each of these runs one of them in a task. */
#define RUNNER(name)                                                           \
	static int run_##name(void *arg, void *value)                          \
	{                                                                      \
		struct flags *at = arg;                                        \
                                                                               \
		return TPAR_RUN(name, at->pool, (int *)value, NULL, at);       \
	}

RUNNER(poll)
RUNNER(poll_in_a_fork)
RUNNER(poll_everywhere)
RUNNER(join_who_polls)
RUNNER(ignore)

/* In a pool of `workers`, by cancelling the future; the computation's value. */
static int
cancel_future_of(tpar_task_fn fn, unsigned workers)
{
	tpar_pool *pool = unit_pool(workers, 1);
	struct flags at = { 0, 0, pool };
	tpar_future *f = unit_submit(pool, fn, &at, sizeof(int));
	int value = -1;

	UNIT_AWAIT(forks_raised(&at.begun));
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_gather(&f, 1, &value, NULL), TPAR_OK);
	tpar_future_unref(f);
	ck_assert(forks_work(pool));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	return value;
}

START_TEST(root_sees_that_its_future_was_asked_to_stop)
{
	ck_assert_int_eq(cancel_future_of(run_poll, 1), 1);
	ck_assert_int_eq(cancel_future_of(run_poll, 2), 1);
}
END_TEST

START_TEST(fork_sees_it)
{
	ck_assert_int_eq(cancel_future_of(run_poll_in_a_fork, 1), 1);
	ck_assert_int_eq(cancel_future_of(run_poll_in_a_fork, 2), 1);
}
END_TEST

START_TEST(stolen_fork_and_its_parent_see_it)
{
	ck_assert_int_eq(cancel_future_of(run_poll_everywhere, 2), 2);
}
END_TEST

START_TEST(stolen_fork_sees_it_while_its_parent_waits_in_the_join)
{
	ck_assert_int_eq(cancel_future_of(run_join_who_polls, 2), 1);
}
END_TEST

START_TEST(request_is_up_to_the_tasks)
{
	ck_assert_int_eq(cancel_future_of(run_ignore, 1), 32);
	ck_assert_int_eq(cancel_future_of(run_ignore, 2), 32);
}
END_TEST

/* ---- By way of what waits for it ---------------------------------------------- */

static int
fail_at_once(void *arg, void *value)
{
	UNIT_AWAIT(forks_raised(arg));
	(void)value;
	return 3;
}

START_TEST(failure_of_a_sibling_future_stops_it)
{
	tpar_pool *pool = unit_pool(3, 1);
	struct flags at = { 0, 0, pool };
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_failure why;
	tpar_future *f[2];
	int value = 0;

	task.fn = fail_at_once;
	task.arg = &at.begun;
	task.value_size = sizeof value;
	f[0] = unit_submit(pool, run_poll_everywhere, &at, sizeof value);
	f[1] = unit_submit_task(pool, &task);
	ck_assert_int_eq(tpar_gather(f, 2, NULL, &why), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 1);
	ck_assert_int_eq(tpar_future_take(f[0], &value), TPAR_OK);
	ck_assert_int_eq(value, 2);
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A task of one pool runs it on another one, and is itself asked to stop. */
static void
cancel_from_another_pool(tpar_task_fn fn, int polled)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct flags at = { 0, 0, unit_pool(2, 1) };
	tpar_future *f = unit_submit(pool, fn, &at, sizeof(int));
	int value = 0;

	UNIT_AWAIT(forks_raised(&at.begun));
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_gather(&f, 1, &value, NULL), TPAR_OK);
	ck_assert_int_eq(value, polled);
	tpar_future_unref(f);
	ck_assert(forks_work(at.pool));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(at.pool), TPAR_OK);
}

START_TEST(computation_on_another_pool_sees_that_its_caller_was_stopped)
{
	cancel_from_another_pool(run_poll, 1);
	cancel_from_another_pool(run_poll_in_a_fork, 1);
	cancel_from_another_pool(run_poll_everywhere, 2);
}
END_TEST

/* A nested computation sees what its outer one sees. */
TPAR_TASK_1(int, poll_within, flags, at)
{
	int value = 0;

	UNIT_MUST(TPAR_RUN(poll_everywhere, NULL, &value, NULL, at) == TPAR_OK);
	return value;
}

TPAR_TASK_1(int, poll_within_a_fork, flags, at)
{
	TPAR_FORK(poll_within, at);
	return TPAR_JOIN(poll_within);
}

RUNNER(poll_within_a_fork)

START_TEST(nested_computations_see_it)
{
	ck_assert_int_eq(cancel_future_of(run_poll_within_a_fork, 2), 2);
}
END_TEST

/* A future that a fork gathers is cancelled with the computation's. */
static int
sleep_for_ever(void *arg, void *value)
{
	(void)value;
	forks_raise(arg);
	return tpar_sleep(TPAR_FOREVER);
}

TPAR_TASK_1(int, gather_sleeper, flags, at)
{
	tpar_future *f = unit_submit(NULL, sleep_for_ever, &at->begun, 0);
	enum tpar_err err = tpar_gather(&f, 1, NULL, NULL);

	tpar_future_unref(f);
	return err == TPAR_ESTOPPED;
}

TPAR_TASK_1(int, gather_sleeper_in_a_fork, flags, at)
{
	TPAR_FORK(gather_sleeper, at);
	return TPAR_JOIN(gather_sleeper);
}

RUNNER(gather_sleeper_in_a_fork)

START_TEST(what_forks_gather_is_stopped)
{
	ck_assert_int_eq(cancel_future_of(run_gather_sleeper_in_a_fork, 1), 1);
	ck_assert_int_eq(cancel_future_of(run_gather_sleeper_in_a_fork, 2), 1);
}
END_TEST

/* A stolen fork sleeps, its parent waits for it. */
TPAR_TASK_1(int, sleep_elsewhere, flags, at)
{
	forks_raise(&at->stolen);
	return tpar_sleep(TPAR_FOREVER) == TPAR_ESTOPPED;
}

TPAR_TASK_1(int, join_sleeper, flags, at)
{
	TPAR_FORK(sleep_elsewhere, at);
	TPAR_CALL(forks_until, &at->stolen);
	forks_raise(&at->begun);
	return TPAR_JOIN(sleep_elsewhere);
}

RUNNER(join_sleeper)

START_TEST(stolen_fork_that_sleeps_is_woken_as_its_parent_waits)
{
	ck_assert_int_eq(cancel_future_of(run_join_sleeper, 2), 1);
}
END_TEST

/* ---- Shields -------------------------------------------------------------------- */

struct shielded {
	struct flags at;
	_Atomic int asked; /* the test has cancelled the future */
	int here;
	int there;
	int after;
};

typedef struct shielded *shielded;

TPAR_TASK_1(int, look_elsewhere, shielded, s)
{
	forks_raise(&s->at.stolen);
	UNIT_AWAIT(forks_raised(&s->asked));
	return tpar_cancelled();
}

TPAR_VOID_TASK_1(look_everywhere, shielded, s)
{
	TPAR_FORK(look_elsewhere, s);
	TPAR_CALL(forks_until, &s->at.stolen);
	forks_raise(&s->at.begun);
	UNIT_AWAIT(forks_raised(&s->asked));
	s->here = tpar_cancelled();
	s->there = TPAR_JOIN(look_elsewhere);
}

static int
run_in_shield(void *arg, void *value)
{
	struct shielded *s = arg;

	(void)value;
	tpar_shield_enter();
	UNIT_MUST(TPAR_RUN(look_everywhere, NULL, NULL, NULL, s) == TPAR_OK);
	tpar_shield_leave();
	s->after = tpar_cancelled();
	return 0;
}

static int
run_without_shield(void *arg, void *value)
{
	struct shielded *s = arg;

	(void)value;
	return TPAR_RUN(look_everywhere, NULL, NULL, NULL, s);
}

static void
cancel_while_looking(tpar_task_fn fn, struct shielded *s)
{
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f = unit_submit(pool, fn, s, 0);

	UNIT_AWAIT(forks_raised(&s->at.begun));
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	forks_raise(&s->asked);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(in_a_shield_no_fork_sees_it_wherever_it_runs)
{
	struct shielded s = { .here = -1, .there = -1, .after = -1 };
	struct shielded open = { .here = -1, .there = -1 };

	cancel_while_looking(run_in_shield, &s);
	ck_assert_int_eq(s.here, 0);
	ck_assert_int_eq(s.there, 0);
	ck_assert_int_eq(s.after, 1);
	cancel_while_looking(run_without_shield, &open);
	ck_assert_int_eq(open.here, 1);
	ck_assert_int_eq(open.there, 1);
}
END_TEST

/* A fork's own shield, here and elsewhere. */
TPAR_TASK_1(int, shield_in_a_fork, flags, at)
{
	int seen = 0;

	forks_raise(&at->stolen);
	UNIT_AWAIT(tpar_cancelled());
	tpar_shield_enter();
	seen += !tpar_cancelled();
	seen += tpar_sleep(tpar_in(1000)) == TPAR_OK;
	tpar_shield_leave();
	return seen + (tpar_cancelled() ? 1 : 0);
}

TPAR_TASK_1(int, shield_everywhere, flags, at)
{
	int seen;

	TPAR_FORK(shield_in_a_fork, at);
	TPAR_CALL(forks_until, &at->stolen);
	forks_raise(&at->begun);
	seen = TPAR_CALL(shield_in_a_fork, at);
	return seen + TPAR_JOIN(shield_in_a_fork);
}

RUNNER(shield_everywhere)

START_TEST(fork_may_shield_itself)
{
	ck_assert_int_eq(cancel_future_of(run_shield_everywhere, 2), 6);
}
END_TEST

/* What a task sees before and after its computation has failed. */
TPAR_TASK_1(int, sees_the_failure, int, shields)
{
	int before = tpar_cancelled();
	int after;

	if (shields) {
		tpar_shield_enter();
	}
	tpar_run_fail(3, NULL);
	after = tpar_cancelled();
	if (shields) {
		tpar_shield_leave();
	}
	return before ? -1 : after;
}

TPAR_VOID_TASK_2(look_at_the_failure, int, shields, int *, seen)
{
	*seen = TPAR_CALL(sees_the_failure, shields);
}

static int
fail_below_a_shield(void *arg, void *value)
{
	int *seen = arg;
	int i;

	(void)value;
	tpar_shield_enter();
	for (i = 0; i < 2; i++) {
		UNIT_MUST(TPAR_RUN(look_at_the_failure, NULL, NULL, NULL, i,
				   &seen[i]) == TPAR_EFAILED);
	}
	tpar_shield_leave();
	return 0;
}

START_TEST(shield_below_a_computation_does_not_hide_its_failure)
{
	tpar_future *f;
	int seen[2] = { -1, -1 };

	ck_assert_int_eq(tpar_submit(NULL, fail_below_a_shield, seen, 0, &f),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(seen[0], 1);
	ck_assert_int_eq(seen[1], 0); /* its own shield does */
}
END_TEST

/* Cleans up by a computation, while the one that it is part of has failed. */
TPAR_TASK_0(long, clean_up)
{
	long leaves;

	tpar_run_fail(3, NULL);
	tpar_shield_enter();
	UNIT_MUST(TPAR_RUN(forks_leaves, NULL, &leaves, NULL, 5) == TPAR_OK);
	tpar_shield_leave();
	UNIT_MUST(TPAR_RUN(forks_leaves, NULL, NULL, NULL, 5) == TPAR_ESTOPPED);
	return leaves;
}

TPAR_VOID_TASK_1(clean_up_to, long *, leaves)
{
	*leaves = TPAR_CALL(clean_up);
}

START_TEST(what_a_task_does_in_a_shield_is_not_skipped)
{
	long leaves = 0;

	ck_assert_int_eq(TPAR_RUN(clean_up_to, NULL, NULL, NULL, &leaves),
			 TPAR_EFAILED);
	ck_assert_int_eq(leaves, 32);
}
END_TEST

/* In a shield from before both, an inner one sees the failure of the outer. */
TPAR_VOID_TASK_1(look_in_inner, int *, seen)
{
	*seen = tpar_cancelled();
}

TPAR_VOID_TASK_1(fail_and_begin_inner, int *, seen)
{
	tpar_run_fail(3, NULL);
	(void)TPAR_RUN(look_in_inner, NULL, NULL, NULL, seen);
}

static int
nest_below_a_shield(void *arg, void *value)
{
	(void)value;
	tpar_shield_enter();
	UNIT_MUST(TPAR_RUN(fail_and_begin_inner, NULL, NULL, NULL, arg) ==
		  TPAR_EFAILED);
	tpar_shield_leave();
	return 0;
}

START_TEST(shield_below_two_computations_hides_nothing_from_the_inner)
{
	tpar_future *f;
	int seen = -1;

	ck_assert_int_eq(tpar_submit(NULL, nest_below_a_shield, &seen, 0, &f),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(seen, 1);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		what_a_task_does_in_a_shield_is_not_skipped,
		shield_below_two_computations_hides_nothing_from_the_inner,
		shield_below_a_computation_does_not_hide_its_failure,
		root_sees_that_its_future_was_asked_to_stop,
		fork_sees_it,
		stolen_fork_and_its_parent_see_it,
		stolen_fork_sees_it_while_its_parent_waits_in_the_join,
		request_is_up_to_the_tasks,
		failure_of_a_sibling_future_stops_it,
		computation_on_another_pool_sees_that_its_caller_was_stopped,
		nested_computations_see_it,
		what_forks_gather_is_stopped,
		stolen_fork_that_sleeps_is_woken_as_its_parent_waits,
		in_a_shield_no_fork_sees_it_wherever_it_runs,
		fork_may_shield_itself
	};

	return unit_main("forkjoin_cancel", tests,
			 sizeof tests / sizeof tests[0]);
}
