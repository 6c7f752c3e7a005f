/* SPDX-License-Identifier: MIT */
/*
 * test_interruptible.c - regions: a cancel breaks what blocks in one, and nothing
 * else, wherever it is on the way there.
 */
#include "forks.h"
#include "sleepers.h"

#include <taskpar/syscalls.h>

/* Reads, in a region for each, as long as there is something to read. */
static long
read_in_regions(struct sleeper *self)
{
	long got = 0;
	ssize_t n;
	char byte;

	do {
		enum tpar_err err = tpar_interruptible_enter();

		if (err != TPAR_OK) {
			UNIT_MUST(err == TPAR_ESTOPPED);
			errno = ECANCELED;
			return -1;
		}
		n = read(self->fd[0], &byte, 1);
		errno = n < 0 ? errno : EXDEV;
		tpar_interruptible_leave();
		UNIT_MUST(n >= 0 || errno == EINTR);
		UNIT_MUST(n < 0 || errno == EXDEV);
		sleeper_must_be_clean();
		got += n > 0;
	} while (n >= 0);
	/* How much it was, told by the way. */
	UNIT_MUST(write(self->fd[0], &got, sizeof got) == sizeof got);
	errno = EINTR;
	return -1;
}

static tpar_future *
begin(tpar_pool *pool, struct sleeper *sleeper)
{
	tpar_future *f = unit_submit(pool, sleeper_run, sleeper, 0);

	unit_gate_await(sleeper->call == read_in_regions ? &sleeper->begun
							 : &sleeper->inside,
			1);
	return f;
}

static void
must_be_cancelled(tpar_future *f)
{
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
}

START_TEST(cancel_breaks_reads_in_a_loop_of_regions)
{
	tpar_pool *pool = unit_pool(1, 1);
	int round;

	for (round = 0; round < 20; round++) {
		struct sleeper sleeper = sleeper_of(read_in_regions);
		tpar_future *f;
		int i;

		sleeper_silent(&sleeper);
		f = begin(pool, &sleeper);
		for (i = 0; i < round; i++) {
			ck_assert_int_eq(write(sleeper.fd[1], "x", 1), 1);
		}
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		must_be_cancelled(f);
		sleeper_close(&sleeper);
		unit_run_in(pool, sleeper_look, NULL);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* One region around all of them; goes on after the first EINTR. */
static long
read_thrice_in_one(struct sleeper *self)
{
	char byte;
	int i;

	UNIT_MUST(tpar_interruptible_enter() == TPAR_OK);
	sleeper_enter(self);
	for (i = 0; i < 3; i++) {
		UNIT_MUST(read(self->fd[0], &byte, 1) < 0 && errno == EINTR);
		/* It is none of those that have to be left. */
		UNIT_MUST(tpar_interruptible_enter() == TPAR_ESTOPPED);
		if (i == 1) {
			tpar_interruptible_leave();
		}
	}
	tpar_interruptible_leave();
	tpar_interruptible_leave();
	sleeper_must_be_clean();
	UNIT_MUST(tpar_interruptible_enter() == TPAR_ESTOPPED);
	sleeper_must_be_clean();
	errno = EINTR;
	return -1;
}

START_TEST(all_that_blocks_in_one_region_is_broken)
{
	struct sleeper sleeper = sleeper_of(read_thrice_in_one);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	sleeper_silent(&sleeper);
	f = begin(pool, &sleeper);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	must_be_cancelled(f);
	sleeper_close(&sleeper);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Nested as above, with the calls that have regions of their own. */
static long
call_in_region(struct sleeper *self)
{
	char byte;
	ssize_t n;

	sleeper_enter(self);
	UNIT_MUST(sleeper_gets(tpar_interruptible_signal()));
	n = tpar_read(self->fd[0], &byte, 1);
	UNIT_MUST(sleeper_gets(tpar_interruptible_signal()));
	UNIT_MUST(n < 0 && errno == ECANCELED);
	UNIT_MUST(read(self->fd[0], &byte, 1) < 0 && errno == EINTR);
	tpar_interruptible_leave();
	sleeper_must_be_clean();
	errno = ECANCELED;
	return n;
}

START_TEST(calls_may_be_made_in_a_region)
{
	struct sleeper sleeper = sleeper_of(call_in_region);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	sleeper_silent(&sleeper);
	f = begin(pool, &sleeper);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	must_be_cancelled(f);
	sleeper_close(&sleeper);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static long
leave_open(struct sleeper *self)
{
	char byte;

	UNIT_MUST(tpar_interruptible_enter() == TPAR_OK);
	sleeper_enter(self);
	tpar_interruptible_leave();
	return read(self->fd[0], &byte, 1);
}

static long
exit_open(struct sleeper *self)
{
	(void)leave_open(self);
	pthread_exit(NULL);
}

START_TEST(region_left_open_ends_with_its_task)
{
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	for (i = 0; i < 10; i++) {
		struct sleeper sleeper =
			sleeper_of(i % 2 == 0 ? leave_open : exit_open);
		tpar_future *f;

		sleeper_silent(&sleeper);
		f = begin(pool, &sleeper);
		if (i % 4 < 2) {
			ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		} else {
			ck_assert_int_eq(write(sleeper.fd[1], "x", 1), 1);
		}
		(void)tpar_future_wait(f, TPAR_FOREVER);
		tpar_future_unref(f);
		unit_run_in(pool, sleeper_look, NULL);
		sleeper_close(&sleeper);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void
enter_in_drop(void *arg)
{
	*(int *)arg = tpar_interruptible_enter();
	tpar_interruptible_leave();
}

static int
leave_only(void *arg, void *value)
{
	(void)arg;
	(void)value;
	tpar_interruptible_leave();
	tpar_interruptible_leave();
	return 0;
}

START_TEST(nothing_happens_outside_of_tasks)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	int said = -1;
	tpar_future *f;

	ck_assert_int_eq(tpar_interruptible_enter(), TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_signal(), 0);
	tpar_interruptible_leave();
	task.fn = leave_only;
	task.drop_arg = enter_in_drop;
	task.arg = &said;
	f = unit_submit_task(pool, &task);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(said, TPAR_OK);
	ck_assert_int_eq(tpar_interruptible_signal(), 0);
}
END_TEST

/* ---- Shields ------------------------------------------------------------- */

static long
shielded_then_not(struct sleeper *self)
{
	char byte;

	sleeper_enter(self);
	tpar_shield_enter();
	UNIT_AWAIT(tpar_cancel_reason() != NULL);
	sleeper_must_be_clean();
	UNIT_MUST(tpar_write(self->fd[1], "x", 1) == 1);
	UNIT_MUST(tpar_read(self->fd[0], &byte, 1) == 1);
	sleeper_must_be_clean();
	UNIT_MUST(tpar_interruptible_enter() == TPAR_OK);
	tpar_interruptible_leave();
	sleeper_must_be_clean();
	tpar_shield_leave();
	UNIT_MUST(sleeper_gets(tpar_interruptible_signal()));
	return read(self->fd[0], &byte, 1);
}

static long
entered_in_a_shield(struct sleeper *self)
{
	char byte;

	tpar_shield_enter();
	unit_gate_open(&self->inside);
	UNIT_AWAIT(tpar_cancel_reason() != NULL);
	UNIT_MUST(tpar_interruptible_enter() == TPAR_OK);
	sleeper_must_be_clean();
	tpar_shield_leave();
	return read(self->fd[0], &byte, 1);
}

static void
run_shielded(long (*call)(struct sleeper *self))
{
	struct sleeper sleeper = sleeper_of(call);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	sleeper_silent(&sleeper);
	f = begin(pool, &sleeper);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	must_be_cancelled(f);
	ck_assert_int_eq(sleeper.error, EINTR);
	unit_run_in(pool, sleeper_look, NULL);
	sleeper_close(&sleeper);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(shield_keeps_the_cancel_away_for_as_long_as_it_lasts)
{
	run_shielded(shielded_then_not);
	run_shielded(entered_in_a_shield);
}
END_TEST

/* ---- What else runs on the thread ---------------------------------------- */

static void
callback(tpar_future *f, void *arg)
{
	(void)f;
	(void)arg;
	sleeper_must_be_clean();
}

static void
errand(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	sleeper_must_be_clean();
}

static void
drop(void *arg)
{
	(void)arg;
	sleeper_must_be_clean();
}

/* What others have left is dropped here. */
static void
drop_what_others_have(void)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[2];

	task.fn = sleeper_look;
	task.value_size = 1;
	task.drop_arg = drop;
	task.drop_value = drop;
	f[0] = unit_submit_task(NULL, &task);
	f[1] = unit_submit_task(NULL, &task);
	UNIT_MUST(tpar_future_cancel(f[0]) == TPAR_OK);
	(void)tpar_future_wait(f[1], TPAR_FOREVER);
	tpar_future_unref_all(f, 2);
}

static struct {
	tpar_promise *p;
	tpar_future *f;
	struct unit_gate waits;
} awaited = { NULL, NULL, UNIT_GATE_INIT };

/* One on top of it, an errand while it sleeps, a callback. */
static long
wait_in_region(struct sleeper *self)
{
	tpar_promise *promise;
	tpar_future *f[2];
	char byte;

	UNIT_MUST(tpar_interruptible_enter() == TPAR_OK);
	f[0] = unit_submit(NULL, sleeper_look, NULL, 0);
	UNIT_MUST(tpar_promise_create(0, NULL, &promise, &f[1]) == TPAR_OK);
	UNIT_MUST(tpar_future_on_done(f[1], callback, NULL) == TPAR_OK);
	UNIT_MUST(tpar_future_wait(f[0], TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(sleeper_gets(tpar_interruptible_signal()));
	UNIT_MUST(tpar_promise_set(promise, NULL) == TPAR_OK);
	UNIT_MUST(sleeper_gets(tpar_interruptible_signal()));
	tpar_promise_destroy(promise);
	tpar_future_unref_all(f, 2);
	drop_what_others_have();
	unit_gate_open(&awaited.waits);
	UNIT_MUST(tpar_future_wait(awaited.f, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(sleeper_gets(tpar_interruptible_signal()));
	unit_gate_open(&self->inside);
	return read(self->fd[0], &byte, 1);
}

START_TEST(what_else_runs_on_the_thread_is_left_alone)
{
	tpar_pool *pool = unit_pool(1, 1);
	unsigned i;

	for (i = 0; i < 10; i++) {
		struct sleeper sleeper = sleeper_of(wait_in_region);
		tpar_future *f;

		sleeper_silent(&sleeper);
		ck_assert_int_eq(tpar_promise_create(0, NULL, &awaited.p,
						     &awaited.f),
				 TPAR_OK);
		f = unit_submit(pool, sleeper_run, &sleeper, 0);
		unit_gate_await(&awaited.waits, i + 1);
		ck_assert_int_eq(tpar_pool_each_worker(pool, errand, NULL,
						       TPAR_FOREVER),
				 TPAR_OK);
		ck_assert_int_eq(tpar_promise_set(awaited.p, NULL), TPAR_OK);
		unit_gate_await(&sleeper.inside, 1);
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		must_be_cancelled(f);
		ck_assert_int_eq(sleeper.error, EINTR);
		tpar_promise_destroy(awaited.p);
		tpar_future_unref(awaited.f);
		sleeper_close(&sleeper);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Fork-join ----------------------------------------------------------- */

struct computation {
	_Atomic int stolen; /* a fork runs elsewhere */
	struct unit_gate begun;
	struct unit_gate over; /* the fork is */
	struct sleeper silent[2];
};

typedef struct computation *computation;

static int
read_from(struct computation *at, int i)
{
	ssize_t n;
	char byte;

	UNIT_MUST(tpar_interruptible_enter() == TPAR_OK);
	unit_gate_open(&at->begun);
	n = read(at->silent[i].fd[0], &byte, 1);
	tpar_interruptible_leave();
	sleeper_must_be_clean();
	return n < 0 && errno == EINTR;
}

TPAR_TASK_1(int, read_in_fork, computation, at)
{
	int broken;

	forks_raise(&at->stolen);
	broken = read_from(at, 0);
	unit_gate_open(&at->over);
	return broken;
}

TPAR_TASK_1(int, read_in_both, computation, at)
{
	int broken;

	TPAR_FORK(read_in_fork, at);
	TPAR_CALL(forks_until, &at->stolen);
	broken = read_from(at, 1);
	/* Not by way of the join. */
	unit_gate_await(&at->over, 1);
	return broken + TPAR_JOIN(read_in_fork);
}

static int
run_both(void *arg, void *value)
{
	int broken = 0;

	(void)value;
	UNIT_MUST(TPAR_RUN(read_in_both, NULL, &broken, NULL,
			   (struct computation *)arg) == TPAR_OK);
	UNIT_MUST(broken == 2);
	return tpar_checkpoint();
}

START_TEST(cancel_reaches_forks_wherever_they_run)
{
	struct computation at = { .begun = UNIT_GATE_INIT,
				  .over = UNIT_GATE_INIT };
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f;

	sleeper_silent(&at.silent[0]);
	sleeper_silent(&at.silent[1]);
	f = unit_submit(pool, run_both, &at, 0);
	unit_gate_await(&at.begun, 2);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	must_be_cancelled(f);
	sleeper_close(&at.silent[0]);
	sleeper_close(&at.silent[1]);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		cancel_breaks_reads_in_a_loop_of_regions,
		all_that_blocks_in_one_region_is_broken,
		calls_may_be_made_in_a_region,
		region_left_open_ends_with_its_task,
		nothing_happens_outside_of_tasks,
		shield_keeps_the_cancel_away_for_as_long_as_it_lasts,
		what_else_runs_on_the_thread_is_left_alone,
		cancel_reaches_forks_wherever_they_run,
	};

	return unit_main("interruptible", tests,
			 sizeof tests / sizeof tests[0]);
}
