/* SPDX-License-Identifier: MIT */
/*
 * test_gather_cycles.c - sets that contain the caller or lead back to it: the
 * wait would never end, and says so.
 */
#include "unit.h"

#include <stdatomic.h>
#include <string.h>

static int
count_run(void *arg, void *value)
{
	(void)value;
	atomic_fetch_add((_Atomic int *)arg, 1);
	return 0;
}

/* A task that gathers a set with itself, which others are members of. */
struct self {
	struct unit_gate known;
	tpar_future *f[3];
	tpar_future *mixed[2]; /* the first one has a value */
	_Atomic int runs;
};

static int
gather_itself(void *arg, void *value)
{
	static const char words[] = "'narcissus' (one.c:1) waits for itself";
	struct tpar_outcome outcome[3];
	struct tpar_failure why;
	struct self *self = arg;

	(void)value;
	unit_gate_await(&self->known, 1);
	memset(outcome, 0x5a, sizeof outcome);
	UNIT_MUST(tpar_gather(self->f, 3, NULL, &why) == TPAR_EDEADLK);
	UNIT_MUST(why.index == SIZE_MAX && why.code == TPAR_EDEADLK);
	UNIT_MUST(why.state == TPAR_PENDING && why.task == NULL);
	UNIT_MUST(strcmp(why.message, words) == 0);
	UNIT_MUST(strcmp(tpar_error_detail(), words) == 0);
	UNIT_MUST(tpar_gather(self->f, 3, NULL, NULL) == TPAR_EDEADLK);
	UNIT_MUST(tpar_gather_until(self->f, 3, NULL, TPAR_NOW, &why) ==
		  TPAR_EDEADLK);
	UNIT_MUST(tpar_gather_settled(self->f, 3, NULL, outcome) ==
		  TPAR_EDEADLK);
	UNIT_MUST(outcome[0].state == (enum tpar_state)0x5a5a5a5a);
	UNIT_MUST(tpar_wait_all(self->f, 3, TPAR_FOREVER) == TPAR_EDEADLK);
	UNIT_MUST(tpar_wait_all(self->mixed, 2, TPAR_NOW) == TPAR_EDEADLK);
	UNIT_MUST(strcmp(tpar_error_detail(), words) == 0);
	/* Nothing has been touched. */
	UNIT_MUST(tpar_future_state(self->f[0]) == TPAR_PENDING);
	UNIT_MUST(tpar_future_state(self->f[2]) == TPAR_PENDING);
	UNIT_MUST(!tpar_cancelled());
	return 0;
}

START_TEST(set_with_the_caller_is_refused_at_once)
{
	struct self self = { .known = UNIT_GATE_INIT };
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(1, 1);

	task.fn = gather_itself;
	task.arg = &self;
	task.name = "narcissus";
	task.site = "one.c:1";
	self.f[1] = unit_submit_task(pool, &task);
	self.f[0] = unit_submit(pool, count_run, &self.runs, 0);
	self.f[2] = unit_submit(pool, count_run, &self.runs, 0);
	self.mixed[0] = unit_submit(pool, count_run, &self.runs, 8);
	self.mixed[1] = self.f[1];
	unit_gate_open(&self.known);
	ck_assert_int_eq(tpar_gather(self.f, 3, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(self.mixed[0], TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(atomic_load(&self.runs), 3);
	tpar_future_unref_all(self.f, 3);
	tpar_future_unref(self.mixed[0]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

enum how { GATHER, SETTLED, WAIT_ALL };

/* Two tasks of two pools, each of which waits for the other. */
struct side {
	struct unit_gate known;
	enum how how;
	tpar_future *other;
	enum tpar_err err;
	struct tpar_failure why;
	char detail[512];
};

static int
wait_for_other(void *arg, void *value)
{
	struct side *side = arg;

	(void)value;
	unit_gate_await(&side->known, 1);
	switch (side->how) {
	case GATHER:
		side->err = tpar_gather(&side->other, 1, NULL, &side->why);
		break;
	case SETTLED:
		side->err = tpar_gather_settled(&side->other, 1, NULL, NULL);
		break;
	default:
		side->err = tpar_wait_all(&side->other, 1, TPAR_FOREVER);
	}
	snprintf(side->detail, sizeof side->detail, "%s", tpar_error_detail());
	return (int)side->err;
}

static tpar_future *
submit_side(tpar_pool *pool, struct side *side, enum how how, const char *name,
	    const char *site)
{
	struct tpar_task task = TPAR_TASK_INIT;

	memset(side, 0, sizeof *side);
	side->known = (struct unit_gate)UNIT_GATE_INIT;
	side->how = how;
	task.fn = wait_for_other;
	task.arg = side;
	task.name = name;
	task.site = site;
	return unit_submit_task(pool, &task);
}

/* Returns how many of the two were told. */
static int
check_side(const struct side *side, const char *chain)
{
	if (side->err != TPAR_EDEADLK) {
		/* It was asked to stop by the other one, or saw it end. */
		ck_assert_int_ne(side->err, TPAR_EINVAL);
		return 0;
	}
	ck_assert_str_eq(side->detail, chain);
	if (side->how == GATHER) {
		ck_assert_str_eq(side->why.message, chain);
		ck_assert_uint_eq(side->why.index, SIZE_MAX);
		ck_assert_int_eq(side->why.code, TPAR_EDEADLK);
	}
	return 1;
}

static void
wait_for_each_other(tpar_pool *left, tpar_pool *right, enum how one,
		    enum how other)
{
	struct side side[2];
	tpar_future *f[2];
	int told;
	int i;

	f[0] = submit_side(left, &side[0], one, "left", "l.c:1");
	f[1] = submit_side(right, &side[1], other, "right", "r.c:2");
	side[0].other = f[1];
	side[1].other = f[0];
	for (i = 0; i < 2; i++) {
		UNIT_AWAIT(tpar_future_state(f[i]) == TPAR_RUNNING);
	}
	for (i = 0; i < 2; i++) {
		unit_gate_open(&side[i].known);
	}
	ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_FOREVER), TPAR_OK);
	told = check_side(&side[0], "'left' (l.c:1) waits for 'right' (r.c:2) "
				    "waits for 'left' (l.c:1)") +
	       check_side(&side[1], "'right' (r.c:2) waits for 'left' (l.c:1) "
				    "waits for 'right' (r.c:2)");
	ck_assert_int_ge(told, 1);
	tpar_future_unref_all(f, 2);
}

START_TEST(cycle_across_pools_is_told_with_names_and_sites)
{
	tpar_pool *left = unit_pool(1, 1);
	tpar_pool *right = unit_pool(1, 1);
	long round;

	for (round = 0; round < unit_scaled(100); round++) {
		enum how one;
		enum how other;

		for (one = GATHER; one <= WAIT_ALL; one++) {
			for (other = GATHER; other <= WAIT_ALL; other++) {
				wait_for_each_other(left, right, one, other);
			}
		}
	}
	ck_assert_int_eq(tpar_pool_destroy(left), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(right), TPAR_OK);
}
END_TEST

/* The closer of a cycle, whose set has members that are not to blame. */
struct closer {
	struct unit_gate known;
	struct unit_gate begun; /* by those who are not */
	tpar_pool *busy;
	tpar_future *f[3];
	enum tpar_err err;
	struct tpar_failure why;
};

static int
close_cycle(void *arg, void *value)
{
	struct closer *closer = arg;

	(void)value;
	unit_gate_await(&closer->known, 1);
	closer->err = tpar_gather(closer->f, 3, NULL, &closer->why);
	return (int)closer->err;
}

static int
do_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

static int
run_until_stopped(void *arg, void *value)
{
	struct closer *closer = arg;

	(void)value;
	unit_gate_open(&closer->begun);
	UNIT_AWAIT(tpar_cancelled());
	return TPAR_ESTOPPED;
}

/* A drop function with errors of its own, after the cycle has been broken. */
static void
drop_badly(void *arg)
{
	struct closer *closer = arg;

	UNIT_AWAIT(tpar_future_state(closer->f[1]) >= TPAR_DONE);
	UNIT_MUST(tpar_submit(NULL, NULL, NULL, 0, NULL) == TPAR_EINVAL);
}

/* Gathers what nobody begins: its pool is busy, it is not run in place. */
static int
gather_idle(void *arg, void *value)
{
	struct closer *closer = arg;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *idle;
	enum tpar_err err;

	(void)value;
	task.fn = do_nothing;
	task.flags = TPAR_NO_INLINE;
	task.arg = closer;
	task.drop_arg = drop_badly;
	idle = unit_submit_task(closer->busy, &task);
	unit_gate_open(&closer->begun);
	err = tpar_gather(&idle, 1, NULL, NULL);
	tpar_future_unref(idle);
	return (int)err;
}

START_TEST(closer_of_a_cycle_cancels_its_set_and_waits_for_it)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct closer closer = { .known = UNIT_GATE_INIT,
				 .begun = UNIT_GATE_INIT };
	tpar_pool *pool[4] = { unit_pool(2, 1), unit_pool(1, 1),
			       unit_pool(1, 1), unit_pool(1, 1) };
	struct side back;
	tpar_future *f;
	int i;

	closer.busy = pool[3];
	ck_assert_int_eq(tpar_submit(pool[3], unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	f = unit_submit(pool[0], close_cycle, &closer, 0);
	closer.f[1] = submit_side(pool[1], &back, WAIT_ALL, "back", "b.c:1");
	closer.f[0] = unit_submit(pool[2], gather_idle, &closer, 0);
	closer.f[2] = unit_submit(pool[0], run_until_stopped, &closer, 0);
	unit_gate_await(&closer.begun, 2);
	/* Else the one that waits for it would run it in place. */
	UNIT_AWAIT(tpar_future_state(f) == TPAR_RUNNING);
	back.other = f;
	UNIT_AWAIT(tpar_future_state(closer.f[1]) == TPAR_RUNNING);
	unit_gate_open(&back.known);
	/* They wait already once another one has their place. */
	unit_run_in(pool[1], do_nothing, NULL);
	unit_run_in(pool[2], do_nothing, NULL);
	unit_gate_open(&closer.known);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(closer.err, TPAR_EDEADLK);
	ck_assert_uint_eq(closer.why.index, SIZE_MAX);
	ck_assert_ptr_nonnull(
		strstr(closer.why.message, " waits for 'back' (b.c:1) waits"));
	ck_assert_int_eq(back.err, TPAR_ESTOPPED);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_future_state(closer.f[i]),
				 TPAR_CANCELLED);
	}
	unit_gate_open(&hold.go);
	tpar_future_unref_all(closer.f, 3);
	tpar_future_unref(f);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(tpar_pool_destroy(pool[i]), TPAR_OK);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		set_with_the_caller_is_refused_at_once,
		cycle_across_pools_is_told_with_names_and_sites,
		closer_of_a_cycle_cancels_its_set_and_waits_for_it,
	};

	return unit_main("gather_cycles", tests,
			 sizeof tests / sizeof tests[0]);
}
