/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin.c - fork-join without memory: nothing has begun, or all is done
 * by whoever has some, or the computation says that it is not complete.
 */
#include "config.h"

#include "fault.h"

#include "tests/api/forks.h"
#include "tests/unit/forked.h"

enum { UNTOUCHED = -5, FEW = 3, BEYOND = 300 };

static _Atomic int bodies; /* that have run */

TPAR_TASK_1(long, echo, long, n)
{
	atomic_fetch_add(&bodies, 1);
	return 3 * n + 1;
}

/* ---- Slots ----------------------------------------------------------------------- */

static void
run_outside(void)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_failure why;
	long value = UNTOUCHED;
	enum tpar_err err;

	atomic_store(&bodies, 0);
	fault_begin();
	err = TPAR_RUN(echo, pool, &value, &why, 2);
	fault_end();
	if (err != TPAR_OK) {
		EXPECT(fault_any());
		EXPECT(err == TPAR_ENOMEM || err == TPAR_EAGAIN);
		EXPECT(why.code == (int)err);
		EXPECT(why.message[0] != '\0');
		EXPECT(value == UNTOUCHED);
		EXPECT(atomic_load(&bodies) == 0);
	} else {
		EXPECT(value == 7);
		EXPECT(atomic_load(&bodies) == 1);
	}
	EXPECT(forks_work(pool));
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(computation_begins_with_all_it_needs_or_not_at_all)
{
	ck_assert_int_ge(fault_sweep(run_outside), 3);
}
END_TEST

static int
run_in_task(void *arg, void *value)
{
	enum tpar_err *err = arg;
	long result = UNTOUCHED;

	(void)value;
	fault_begin();
	*err = TPAR_RUN(echo, NULL, &result, NULL, 2);
	fault_end();
	EXPECT(result == (*err == TPAR_OK ? 7 : UNTOUCHED));
	return 0;
}

static int refused;

static void
run_inside(void)
{
	long mapped = atomic_load(&fault_mapped);
	tpar_pool *pool = unit_pool(1, 1);
	enum tpar_err err = TPAR_OK;

	atomic_store(&bodies, 0);
	unit_run_in(pool, run_in_task, &err);
	/* The thread that waits asks for something, too. */
	EXPECT(err == TPAR_OK || (err == TPAR_ENOMEM && fault_any()));
	refused += err != TPAR_OK;
	EXPECT(atomic_load(&bodies) == (err == TPAR_OK ? 1 : 0));
	EXPECT(forks_work(pool));
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
#ifndef TPI_DEBUG
	/* Else there is a list of all futures, which stays. */
	EXPECT(atomic_load(&fault_mapped) == mapped);
#else
	(void)mapped;
#endif
}

START_TEST(task_is_told_that_there_is_no_address_space_for_forks)
{
	ck_assert_int_ge(fault_sweep(run_inside), 3);
	ck_assert_int_ge(refused, 3);
}
END_TEST

/* ---- Thieves ------------------------------------------------------------------------ */

/* Until it has run elsewhere or something has failed. */
TPAR_TASK_0(long, fork_for_thief)
{
	long value;

	fault_begin();
	TPAR_FORK(echo, 5);
	while (atomic_load(&bodies) == 0 && !fault_any()) {
		TPAR_FORK(forks_nothing);
		TPAR_JOIN(forks_nothing);
		sched_yield();
	}
	value = TPAR_JOIN(echo);
	fault_end();
	return value;
}

static void
have_stolen(void)
{
	tpar_pool *pool = unit_pool(2, 1);
	long value = UNTOUCHED;
	enum tpar_err err;

	atomic_store(&bodies, 0);
	err = TPAR_RUN(fork_for_thief, pool, &value, NULL);
	EXPECT(err == TPAR_OK);
	EXPECT(value == 16);
	EXPECT(atomic_load(&bodies) == 1);
	EXPECT(forks_work(pool));
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(what_no_thief_can_run_is_run_by_the_join)
{
	ck_assert_int_ge(fault_sweep(have_stolen), 2);
}
END_TEST

/* By hand: the other worker has no slots. */
static void
decline(void)
{
	struct tpi_forked *forked;
	struct forked t;

	forked_begin(&t, 2);
	forked_fork(&t, 2, 10);
	EXPECT(tpi_slots_promote(t.s, t.head, 1) == 1);
	forked = forked_steal(&t);
	EXPECT(forked != NULL);
	fault_begin();
	EXPECT(forked_run(&t, forked));
	fault_end();
	EXPECT(forked->declined == fault_any());
	EXPECT(forked_get(t.s->base) == (fault_any() ? 10 : 11));
	EXPECT(forked_join(&t) == 12);
	EXPECT(forked_join(&t) == 11);
	EXPECT(tpi_region_outcome(&t.region, NULL) == TPAR_OK);
	forked_end(&t);
}

START_TEST(thief_without_slots_declines)
{
	ck_assert_int_ge(fault_sweep_of(decline, FAULT_MEMORY), 1);
}
END_TEST

/* ---- Promotion ------------------------------------------------------------------------ */

static void
promote(void)
{
	struct forked t;
	unsigned k;
	int i;

	forked_begin(&t, 2);
	forked_fork(&t, FEW, 0);
	tpi_slots_poke(t.s);
	fault_begin();
	k = tpi_slots_promote(t.s, t.head, FEW);
	fault_end();
	EXPECT(fault_any() ? k < FEW : k == FEW);
	EXPECT(atomic_load(&t.s->priv) == t.s->base + k);
	EXPECT(tpi_slots_asked(t.s) == (k == 0));
	for (i = FEW; i > 0; i--) {
		EXPECT(forked_join(&t) == i);
	}
	EXPECT(atomic_load(&t.s->priv) == t.s->base);
	forked_end(&t);
}

START_TEST(forks_for_which_there_is_no_future_stay_private)
{
	ck_assert_int_ge(fault_sweep_of(promote, FAULT_MEMORY), 1);
}
END_TEST

/* ---- Beyond the slots --------------------------------------------------------------------- */

static long seen; /* joins that gave something */

TPAR_TASK_1(long, fork_beyond, long, n)
{
	long right = 0;
	long i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(echo, i);
	}
	fault_begin();
	for (; i < n + BEYOND; i++) {
		TPAR_FORK(echo, i);
	}
	fault_end();
	seen = 0;
	while (i-- > 0) {
		long value = TPAR_JOIN(echo);

		right += value == 3 * i + 1;
		seen += value != 0;
	}
	return right;
}

static void
spill(void)
{
	tpar_pool *pool = unit_pool(1, 1);
	long n = (long)(TPAR_SLOTS_SIZE / sizeof(struct tpar_slot));
	struct tpar_failure why;
	long right = UNTOUCHED;
	enum tpar_err err;

	atomic_store(&bodies, 0);
	err = TPAR_RUN(fork_beyond, pool, &right, &why, n);
	if (fault_any()) {
		EXPECT(err == TPAR_ENOMEM);
		EXPECT(why.code == TPAR_ENOMEM);
		EXPECT(strstr(why.message, "beyond the slots") != NULL);
		EXPECT(right == UNTOUCHED);
		/* The others were skipped. */
		EXPECT(atomic_load(&bodies) < BEYOND + 200);
		EXPECT(seen <= atomic_load(&bodies));
	} else {
		EXPECT(err == TPAR_OK);
		EXPECT(right == n + BEYOND);
	}
	EXPECT(forks_work(pool));
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(results_that_cannot_be_kept_end_the_computation)
{
	ck_assert_int_ge(fault_sweep_of(spill, FAULT_MEMORY), 2);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		computation_begins_with_all_it_needs_or_not_at_all,
		task_is_told_that_there_is_no_address_space_for_forks,
		what_no_thief_can_run_is_run_by_the_join,
		thief_without_slots_declines,
		forks_for_which_there_is_no_future_stay_private,
		results_that_cannot_be_kept_end_the_computation
	};

	return fault_main("fault_forkjoin", tests,
			  sizeof tests / sizeof tests[0], 10);
}
