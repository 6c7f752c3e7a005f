/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_part.c - a stolen fork is part of the task that forked it: it has
 * its context, and must not wait for it.
 */
#include "forks.h"

/* What a stolen fork has found. */
struct found {
	struct unit_gate known; /* self */
	tpar_future *self;
	void *context;
	void *inherited;
	enum tpar_err wait;
	enum tpar_err gather;
	_Atomic int begun;
};

typedef struct found *found_at;

static int
give_context(void *arg, void *value)
{
	(void)arg;
	*(void **)value = tpar_context();
	return 0;
}

TPAR_VOID_TASK_1(look_around, found_at, found)
{
	tpar_future *f = unit_submit(NULL, give_context, NULL, sizeof(void *));

	forks_raise(&found->begun);
	found->context = tpar_context();
	UNIT_MUST(tpar_gather(&f, 1, &found->inherited, NULL) == TPAR_OK);
	tpar_future_unref(f);
	found->wait = tpar_future_wait(found->self, TPAR_FOREVER);
	found->gather = tpar_gather(&found->self, 1, NULL, NULL);
}

TPAR_VOID_TASK_1(have_it_stolen, found_at, found)
{
	TPAR_FORK(look_around, found);
	TPAR_CALL(forks_until, &found->begun);
	TPAR_JOIN(look_around);
}

/* One that has itself been stolen. */
TPAR_VOID_TASK_2(have_both_stolen, found_at, found, forks_flag, flag)
{
	forks_raise(flag);
	TPAR_CALL(have_it_stolen, found);
}

TPAR_VOID_TASK_1(have_all_stolen, found_at, found)
{
	_Atomic int flag = 0;

	TPAR_FORK(have_both_stolen, found, &flag);
	TPAR_CALL(forks_until, &flag);
	TPAR_JOIN(have_both_stolen);
}

static int
run_one(void *arg, void *value)
{
	struct found *found = arg;

	(void)value;
	unit_gate_await(&found->known, 1);
	UNIT_MUST(TPAR_RUN(have_it_stolen, NULL, NULL, NULL, found) == TPAR_OK);
	return 0;
}

static int
run_two(void *arg, void *value)
{
	struct found *found = arg;

	(void)value;
	unit_gate_await(&found->known, 1);
	UNIT_MUST(TPAR_RUN(have_all_stolen, NULL, NULL, NULL, found) ==
		  TPAR_OK);
	return 0;
}

static void
find(tpar_task_fn fn, struct found *found)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = fn;
	task.arg = found;
	task.context = found;
	ck_assert_int_eq(tpar_submit_task(pool, &task, &found->self), TPAR_OK);
	unit_gate_open(&found->known);
	ck_assert_int_eq(tpar_future_wait(found->self, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(found->self);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(stolen_fork_has_the_context_of_its_task)
{
	struct found one = { .known = UNIT_GATE_INIT };
	struct found two = { .known = UNIT_GATE_INIT };

	find(run_one, &one);
	ck_assert_ptr_eq(one.context, &one);
	ck_assert_ptr_eq(one.inherited, &one);
	find(run_two, &two);
	ck_assert_ptr_eq(two.context, &two);
	ck_assert_ptr_eq(two.inherited, &two);
}
END_TEST

START_TEST(stolen_fork_cannot_wait_for_its_task)
{
	struct found one = { .known = UNIT_GATE_INIT };
	struct found two = { .known = UNIT_GATE_INIT };

	find(run_one, &one);
	ck_assert_int_eq(one.wait, TPAR_EDEADLK);
	ck_assert_int_eq(one.gather, TPAR_EDEADLK);
	find(run_two, &two);
	ck_assert_int_eq(two.wait, TPAR_EDEADLK);
	ck_assert_int_eq(two.gather, TPAR_EDEADLK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { stolen_fork_has_the_context_of_its_task,
				 stolen_fork_cannot_wait_for_its_task };

	return unit_main("forkjoin_part", tests,
			 sizeof tests / sizeof tests[0]);
}
