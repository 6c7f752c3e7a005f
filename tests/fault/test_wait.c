/* SPDX-License-Identifier: MIT */
/*
 * test_wait.c - all calls that wait, for a large set that others wait for, too:
 * without memory for nodes, or anything to sleep on, they end all the same, and
 * with the right outcome.
 */
#include "config.h"

#include "set.h"

enum call { GATHER, UNTIL, SETTLED, ALL, ALL_UNTIL, CALLS };

enum place {
	OUTSIDE,   /* a thread of the program */
	ELSEWHERE, /* a task of another pool: it sleeps, too */
	IN_PLACE,  /* a task that runs the members itself */
	PLACES
};

static enum call call;
static enum place place;
static intptr_t fails;

static void
check_gathered(struct set *set, enum tpar_err err, const intptr_t *values,
	       const struct tpar_failure *why)
{
	intptr_t i;

	if (fails == MEMBERS) {
		EXPECT(err == TPAR_OK);
		for (i = 0; i < MEMBERS; i++) {
			EXPECT(values[i] == i);
		}
		return;
	}
	EXPECT(err == TPAR_EFAILED);
	EXPECT(why->index == (size_t)fails);
	EXPECT(why->code == SET_CODE);
	EXPECT(why->message[0] != '\0');
	EXPECT(values[0] == -1);
	if (place == IN_PLACE && call == GATHER) {
		EXPECT(tpar_future_state(set->f[MEMBERS - 1]) ==
		       TPAR_CANCELLED);
	}
}

static void
check_settled(enum tpar_err err, const intptr_t *values,
	      const struct tpar_outcome *outcomes)
{
	intptr_t i;

	EXPECT(err == TPAR_OK);
	for (i = 0; i < MEMBERS; i++) {
		EXPECT(outcomes[i].state ==
		       (i == fails ? TPAR_FAILED : TPAR_DONE));
		EXPECT(outcomes[i].code == (i == fails ? SET_CODE : 0));
		EXPECT(values[i] == (i == fails ? -1 : i));
	}
}

static void
wait_for_set(struct set *set)
{
	int64_t late = tpar_in(3600 * TPAR_SECOND);
	struct tpar_outcome outcomes[MEMBERS];
	intptr_t values[MEMBERS];
	struct tpar_failure why;
	enum tpar_err err;

	memset(values, -1, sizeof values);
	switch (call) {
	case GATHER:
		err = tpar_gather(set->f, MEMBERS, values, &why);
		check_gathered(set, err, values, &why);
		break;
	case UNTIL:
		err = tpar_gather_until(set->f, MEMBERS, values, late, &why);
		check_gathered(set, err, values, &why);
		break;
	case SETTLED:
		err = tpar_gather_settled(set->f, MEMBERS, values, outcomes);
		check_settled(err, values, outcomes);
		break;
	case ALL:
		EXPECT(tpar_wait_all(set->f, MEMBERS, TPAR_FOREVER) == TPAR_OK);
		break;
	default:
		EXPECT(tpar_wait_all(set->f, MEMBERS, late) == TPAR_OK);
		break;
	}
}

static void *
wait_outside(void *arg)
{
	wait_for_set(arg);
	return NULL;
}

static int
wait_inside(void *arg, void *value)
{
	(void)value;
	fault_begin();
	wait_for_set(arg);
	return 0;
}

static void
wait_on_a_thread(void)
{
	pthread_t thread;
	struct set set;

	set_make(&set, fails);
	fault_begin();
	thread = fault_start(wait_outside, &set);
	set_await_waiter(&set);
	set_let_go(&set);
	unit_join(thread);
	set_free(&set);
}

static void
wait_in_another_pool(void)
{
	tpar_pool *other = unit_pool(1, 1);
	struct set set;
	tpar_future *f;

	set_make(&set, fails);
	f = unit_submit(other, wait_inside, &set, 0);
	set_await_waiter(&set);
	set_let_go(&set);
	EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	EXPECT(tpar_pool_destroy(other) == TPAR_OK);
	set_free(&set);
}

/* Submits the set and claims it while another one waits. */
static int
submit_and_wait(void *arg, void *value)
{
	struct set *set = arg;

	(void)value;
	set_submit(set, NULL);
	set_begin_waiting(set);
	fault_begin();
	wait_for_set(set);
	return 0;
}

static void
wait_in_place(void)
{
	struct set set;
	tpar_future *f;

	set_clear(&set, fails);
	set.pool = unit_pool(1, 1);
	f = unit_submit(set.pool, submit_and_wait, &set, 0);
	EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	set_free(&set);
}

static const fault_scenario scenario[PLACES] = { wait_on_a_thread,
						 wait_in_another_pool,
						 wait_in_place };

static long
sweep_calls(enum place where, intptr_t which)
{
	long injected = 0;

	place = where;
	fails = which;
	for (call = GATHER; call < CALLS; call++) {
		injected += fault_sweep(scenario[where]);
	}
	return injected;
}

START_TEST(threads_wait_for_what_others_wait_for)
{
	ck_assert_int_ge(sweep_calls(OUTSIDE, MEMBERS), 50);
}
END_TEST

START_TEST(tasks_wait_for_what_others_wait_for)
{
	ck_assert_int_ge(sweep_calls(ELSEWHERE, MEMBERS), 25);
}
END_TEST

START_TEST(tasks_run_what_others_wait_for)
{
	ck_assert_int_ge(sweep_calls(IN_PLACE, MEMBERS), 5);
}
END_TEST

START_TEST(threads_see_which_member_failed)
{
	ck_assert_int_ge(sweep_calls(OUTSIDE, MEMBERS - 2), 50);
}
END_TEST

START_TEST(tasks_see_which_member_failed)
{
	ck_assert_int_ge(sweep_calls(ELSEWHERE, MEMBERS - 2), 25);
}
END_TEST

START_TEST(tasks_begin_no_member_after_the_one_that_failed)
{
	ck_assert_int_ge(sweep_calls(IN_PLACE, MEMBERS - 2), 5);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		threads_wait_for_what_others_wait_for,
		tasks_wait_for_what_others_wait_for,
		tasks_run_what_others_wait_for,
		threads_see_which_member_failed,
		tasks_see_which_member_failed,
		tasks_begin_no_member_after_the_one_that_failed,
	};

	return fault_main("fault_wait", tests, sizeof tests / sizeof tests[0],
			  500);
}
