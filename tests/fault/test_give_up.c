/* SPDX-License-Identifier: MIT */
/*
 * test_give_up.c - waits that end before their members do, or end them: by a
 * deadline, a failure, a stop, a cycle; without memory for nodes, or anything
 * to sleep on.
 */
#include "config.h"

#include "set.h"

/* Waits with a deadline leave the members alone. */
static void
give_up_waiting(struct set *set)
{
	int i;

	for (i = 0; i < 3; i++) {
		int64_t soon = i == 0 ? 1 : tpar_in(i * TPAR_MILLISECOND / 2);

		EXPECT(tpar_wait_all(set->f, MEMBERS, soon) == TPAR_ETIMEDOUT);
		EXPECT(tpar_future_wait(set->f[i], soon) == TPAR_ETIMEDOUT);
	}
	EXPECT(tpar_wait_all(set->f, MEMBERS, TPAR_NOW) == TPAR_ETIMEDOUT);
	EXPECT(tpar_future_wait(set->f[0], TPAR_NOW) == TPAR_ETIMEDOUT);
	EXPECT(atomic_load(&set->runs) == 0);
}

static void
give_up_outside(void)
{
	struct set set;

	set_make(&set, MEMBERS);
	fault_begin();
	give_up_waiting(&set);
	set_let_go(&set);
	EXPECT(tpar_wait_all(set.f, MEMBERS, tpar_in(3600 * TPAR_SECOND)) ==
	       TPAR_OK);
	set_free(&set);
}

START_TEST(threads_give_up_at_a_deadline)
{
	ck_assert_int_ge(fault_sweep(give_up_outside), 10);
}
END_TEST

static int
give_up_task(void *arg, void *value)
{
	(void)value;
	fault_begin();
	give_up_waiting(arg);
	return 0;
}

static void
give_up_inside(void)
{
	tpar_pool *other = unit_pool(1, 1);
	struct set set;

	set_make(&set, MEMBERS);
	unit_run_in(other, give_up_task, &set);
	EXPECT(tpar_pool_destroy(other) == TPAR_OK);
	set_let_go(&set);
	set_free(&set);
}

START_TEST(tasks_give_up_at_a_deadline)
{
	ck_assert_int_ge(fault_sweep(give_up_inside), 1);
}
END_TEST

/* Some have ended behind one that has not. */
static void
give_up_some(void)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *other = unit_pool(1, 1);
	struct set set;
	tpar_future *f[5];

	set_make(&set, MEMBERS);
	f[0] = set.f[0];
	f[1] = set.f[1];
	f[2] = unit_submit(other, unit_number_task, NULL, sizeof(intptr_t));
	f[3] = unit_submit(other, unit_hold_task, &hold, sizeof(intptr_t));
	f[4] = f[2];
	EXPECT(tpar_future_wait(f[2], TPAR_FOREVER) == TPAR_OK);
	fault_begin();
	EXPECT(tpar_wait_all(f, 5, tpar_in(TPAR_MILLISECOND)) ==
	       TPAR_ETIMEDOUT);
	unit_gate_open(&hold.go);
	set_let_go(&set);
	EXPECT(tpar_wait_all(f, 5, TPAR_FOREVER) == TPAR_OK);
	fault_end();
	tpar_future_unref_all(&f[2], 2);
	EXPECT(tpar_pool_destroy(other) == TPAR_OK);
	set_free(&set);
}

START_TEST(members_that_have_ended_are_not_given_up)
{
	ck_assert_int_ge(fault_sweep(give_up_some), 1);
}
END_TEST

/* A gather with a deadline cancels its set; for another one that is a cause. */
static void
cancel_at_deadline(void)
{
	tpar_future *few[4];
	struct tpar_failure why;
	struct set set;
	int i;

	set_make(&set, MEMBERS);
	for (i = 0; i < 4; i++) {
		few[i] = set.f[i];
	}
	fault_begin();
	EXPECT(tpar_gather_until(few, 4, NULL, tpar_in(TPAR_MILLISECOND),
				 &why) == TPAR_ETIMEDOUT);
	EXPECT(why.index == SIZE_MAX);
	EXPECT(tpar_future_state(set.f[3]) == TPAR_CANCELLED);
	EXPECT(tpar_future_state(set.f[4]) == TPAR_PENDING);
	EXPECT(tpar_gather(set.f, MEMBERS, NULL, &why) == TPAR_ECANCELED);
	EXPECT(why.index == 0);
	EXPECT(tpar_future_state(set.f[MEMBERS - 1]) == TPAR_CANCELLED);
	EXPECT(atomic_load(&set.runs) == 0);
	set_let_go(&set);
	set_free(&set);
}

START_TEST(deadline_cancels_the_set)
{
	ck_assert_int_ge(fault_sweep(cancel_at_deadline), 2);
}
END_TEST

/* A task is asked to stop in each of the calls that wait. */
enum call { WAIT, ALL, GATHER, UNTIL, SETTLED, CALLS };

static enum call call;

struct stopped {
	struct set set;
	struct unit_gate begun;
	enum tpar_err err;
};

static int
wait_until_stopped(void *arg, void *value)
{
	int64_t late = tpar_in(3600 * TPAR_SECOND);
	struct stopped *stopped = arg;
	tpar_future **f = stopped->set.f;

	(void)value;
	fault_begin();
	unit_gate_open(&stopped->begun);
	switch (call) {
	case WAIT:
		stopped->err = tpar_future_wait(f[0], late);
		break;
	case ALL:
		stopped->err = tpar_wait_all(f, MEMBERS, TPAR_FOREVER);
		break;
	case GATHER:
		stopped->err = tpar_gather(f, MEMBERS, NULL, NULL);
		break;
	case UNTIL:
		stopped->err = tpar_gather_until(f, MEMBERS, NULL, late, NULL);
		break;
	default:
		stopped->err = tpar_gather_settled(f, MEMBERS, NULL, NULL);
		break;
	}
	return (int)stopped->err;
}

static void
stop_waiting(void)
{
	bool leaves = call == WAIT || call == ALL;
	tpar_pool *other = unit_pool(1, 1);
	struct stopped stopped = { .begun = UNIT_GATE_INIT };
	tpar_future *f;

	set_make(&stopped.set, MEMBERS);
	f = unit_submit(other, wait_until_stopped, &stopped, 0);
	unit_gate_await(&stopped.begun, 1);
	EXPECT(tpar_future_cancel(f) == TPAR_OK);
	EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_ECANCELED);
	EXPECT(stopped.err == TPAR_ESTOPPED);
	EXPECT(tpar_future_state(stopped.set.f[MEMBERS - 1]) ==
	       (leaves ? TPAR_PENDING : TPAR_CANCELLED));
	fault_end();
	tpar_future_unref(f);
	EXPECT(tpar_pool_destroy(other) == TPAR_OK);
	set_let_go(&stopped.set);
	set_free(&stopped.set);
}

START_TEST(waits_end_when_their_task_is_stopped)
{
	long injections = 0;

	for (call = WAIT; call < CALLS; call++) {
		injections += fault_sweep(stop_waiting);
	}
	ck_assert_int_ge(injections, 25);
}
END_TEST

/* More waiting tasks than a cancel can ask without memory for their list. */
enum { WAITING = 40 };

static int
wait_for_set(void *arg, void *value)
{
	struct stopped *stopped = arg;

	(void)value;
	unit_gate_open(&stopped->begun);
	return (int)tpar_wait_all(stopped->set.f, MEMBERS, TPAR_FOREVER);
}

static int
gather_waiting(void *arg, void *value)
{
	struct tpar_failure why;

	(void)value;
	return tpar_gather(arg, WAITING, NULL, &why) == TPAR_OK
		       ? 0
		       : tpar_fail_from(&why);
}

static void
stop_many(void)
{
	tpar_pool *other = unit_pool(WAITING + 1, 1);
	struct stopped stopped = { .begun = UNIT_GATE_INIT };
	tpar_future *f[WAITING];
	tpar_future *all;
	int i;

	set_make(&stopped.set, MEMBERS);
	for (i = 0; i < WAITING; i++) {
		f[i] = unit_submit(other, wait_for_set, &stopped, 0);
	}
	unit_gate_await(&stopped.begun, WAITING);
	all = unit_submit(other, gather_waiting, f, 0);
	UNIT_AWAIT(tpi_state_waiters(tpi_state_get(&f[0]->state)) != NULL);
	fault_begin();
	EXPECT(tpar_future_cancel(all) == TPAR_OK);
	EXPECT(tpar_future_wait(all, TPAR_FOREVER) == TPAR_ECANCELED);
	fault_end();
	for (i = 0; i < WAITING; i++) {
		EXPECT(tpar_future_state(f[i]) == TPAR_CANCELLED);
	}
	EXPECT(tpar_future_state(stopped.set.f[0]) == TPAR_PENDING);
	tpar_future_unref_all(f, WAITING);
	tpar_future_unref(all);
	EXPECT(tpar_pool_destroy(other) == TPAR_OK);
	set_let_go(&stopped.set);
	set_free(&stopped.set);
}

START_TEST(cancel_of_many_needs_no_memory)
{
	ck_assert_int_ge(fault_sweep(stop_many), 1);
}
END_TEST

/* One member runs until it is stopped, the one behind it fails. */
static int
run_until_stopped(void *arg, void *value)
{
	(void)value;
	unit_gate_open(arg);
	UNIT_AWAIT(tpar_cancelled());
	return TPAR_ESTOPPED;
}

static void *
wait_for_two(void *arg)
{
	EXPECT(tpar_wait_all(arg, 2, TPAR_FOREVER) == TPAR_OK);
	return NULL;
}

static void *
open_gate(void *arg)
{
	unit_gate_open(arg);
	return NULL;
}

static void
stop_by_failure(void)
{
	struct unit_gate begun = UNIT_GATE_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *other = unit_pool(2, 1);
	struct tpar_failure why;
	pthread_t thread;
	pthread_t opener;
	tpar_future *f[3];
	struct set set;

	set_make(&set, MEMBERS);
	hold.code = SET_CODE;
	f[0] = set.f[0];
	f[1] = unit_submit(other, run_until_stopped, &begun, sizeof(intptr_t));
	f[2] = unit_submit(other, unit_hold_task, &hold, sizeof(intptr_t));
	unit_gate_await(&begun, 1);
	unit_gate_await(&hold.begun, 1);
	thread = fault_start(wait_for_two, &f[1]);
	UNIT_AWAIT(tpi_state_waiters(tpi_state_get(&f[2]->state)) != NULL);
	fault_begin();
	opener = fault_start(open_gate, &hold.go);
	EXPECT(tpar_gather(f, 3, NULL, &why) == TPAR_EFAILED);
	EXPECT(why.index == 2);
	EXPECT(why.code == SET_CODE);
	EXPECT(tpar_future_state(f[0]) == TPAR_CANCELLED);
	EXPECT(tpar_future_state(f[1]) == TPAR_CANCELLED);
	fault_end();
	unit_join(opener);
	unit_join(thread);
	tpar_future_unref_all(&f[1], 2);
	EXPECT(tpar_pool_destroy(other) == TPAR_OK);
	set_let_go(&set);
	set_free(&set);
}

START_TEST(failure_stops_members_before_it)
{
	ck_assert_int_ge(fault_sweep(stop_by_failure), 1);
}
END_TEST

/* The set and a task that waits for the one that gathers them. */
struct cycle {
	struct set set;
	struct unit_gate submitted;
	tpar_future *f[2]; /* each waits for the other, too */
	enum tpar_err err[2];
};

static int
wait_for_other(struct cycle *cycle, int me)
{
	tpar_future *f[3] = { cycle->set.f[0], cycle->set.f[1] };

	unit_gate_await(&cycle->submitted, 1);
	f[2] = cycle->f[1 - me];
	fault_begin();
	cycle->err[me] = call == WAIT  ? tpar_future_wait(f[2], TPAR_FOREVER)
			 : call == ALL ? tpar_wait_all(f, 3, TPAR_FOREVER)
				       : tpar_gather(f, 3, NULL, NULL);
	set_let_go(&cycle->set);
	return (int)cycle->err[me];
}

static int
be_first(void *arg, void *value)
{
	(void)value;
	return wait_for_other(arg, 0);
}

static int
be_second(void *arg, void *value)
{
	(void)value;
	return wait_for_other(arg, 1);
}

static void
close_cycle(void)
{
	struct cycle cycle = { .submitted = UNIT_GATE_INIT };
	tpar_pool *other = unit_pool(2, 1);
	pthread_t thread;

	set_make(&cycle.set, MEMBERS);
	cycle.f[0] = unit_submit(other, be_first, &cycle, sizeof(intptr_t));
	cycle.f[1] = unit_submit(other, be_second, &cycle, sizeof(intptr_t));
	thread = fault_start(wait_for_two, cycle.f);
	UNIT_AWAIT(tpi_state_waiters(tpi_state_get(&cycle.f[1]->state)) !=
		   NULL);
	unit_gate_open(&cycle.submitted);
	unit_join(thread);
	fault_end();
	EXPECT(cycle.err[0] == TPAR_EDEADLK || cycle.err[1] == TPAR_EDEADLK);
	tpar_future_unref_all(cycle.f, 2);
	EXPECT(tpar_pool_destroy(other) == TPAR_OK);
	set_free(&cycle.set);
}

START_TEST(cycle_is_reported_without_memory)
{
	long injections = 0;

	for (call = WAIT; call <= GATHER; call++) {
		injections += fault_sweep(close_cycle);
	}
	ck_assert_int_ge(injections, 5);
}
END_TEST

/* The key to the threads' parkers: outside threads look now and then. */
static void
wait_without_key(void)
{
	struct set set;

	set_make(&set, MEMBERS);
	give_up_waiting(&set);
	set_let_go(&set);
	EXPECT(tpar_gather(set.f, MEMBERS, NULL, NULL) == TPAR_OK);
	set_free(&set);
}

static void
begin_without_key(void)
{
	fault_begin();
	EXPECT(tpi_thread_parker() == NULL);
	fault_end();
	wait_without_key();
}

START_TEST(threads_wait_without_a_key)
{
	UNIT_MUST(signal(SIGALRM, fault_alarm) != SIG_ERR);
	ck_assert(fault_run(begin_without_key, FAULT_LOCK, 0, false));
	ck_assert(!fault_run(wait_without_key, FAULT_LOCK, 0, false));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { threads_give_up_at_a_deadline,
				 tasks_give_up_at_a_deadline,
				 members_that_have_ended_are_not_given_up,
				 deadline_cancels_the_set,
				 waits_end_when_their_task_is_stopped,
				 cancel_of_many_needs_no_memory,
				 failure_stops_members_before_it,
				 cycle_is_reported_without_memory,
				 threads_wait_without_a_key };

	return fault_main("fault_give_up", tests,
			  sizeof tests / sizeof tests[0], 100);
}
