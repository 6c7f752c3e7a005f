/* SPDX-License-Identifier: MIT */
/*
 * test_cond_wait.c - a condition wait ends with a signal, its deadline or the cancel
 * of its task, always with the mutex held, and swallows no signal.
 */
#include "sleepers.h"

#include <stdatomic.h>
#include <taskpar/syscalls.h>

/* Tickets, taken one by one. */
struct booth {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int tickets;
	int taken;
	_Atomic int waiting;
	enum tpar_err err; /* of the last one that got none */
	int64_t deadline_ns;
};

#define BOOTH_INIT                                                             \
	{                                                                      \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0,  \
			TPAR_OK, TPAR_FOREVER                                  \
	}

static int
take_ticket(void *arg, void *value)
{
	struct booth *booth = arg;
	enum tpar_err err = TPAR_OK;

	(void)value;
	UNIT_MUST(pthread_mutex_lock(&booth->mutex) == 0);
	atomic_fetch_add(&booth->waiting, 1);
	errno = EXDEV;
	while (booth->tickets == 0 && err == TPAR_OK) {
		err = tpar_cond_wait(&booth->cond, &booth->mutex,
				     booth->deadline_ns);
	}
	UNIT_MUST(errno == EXDEV);
	/* It is held, whatever happened. */
	UNIT_MUST(pthread_mutex_trylock(&booth->mutex) == EBUSY);
	if (err == TPAR_OK) {
		booth->tickets--;
		booth->taken++;
	} else {
		booth->err = err;
	}
	UNIT_MUST(pthread_mutex_unlock(&booth->mutex) == 0);
	return err == TPAR_ETIMEDOUT ? 5 : (int)err;
}

static void
sell(struct booth *booth)
{
	UNIT_MUST(pthread_mutex_lock(&booth->mutex) == 0);
	booth->tickets++;
	UNIT_MUST(pthread_cond_signal(&booth->cond) == 0);
	UNIT_MUST(pthread_mutex_unlock(&booth->mutex) == 0);
}

static int
sell_one(void *arg, void *value)
{
	(void)value;
	sell(arg);
	return 0;
}

START_TEST(others_run_and_signal_while_it_waits)
{
	struct booth booth = BOOTH_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, take_ticket, &booth, 0);

	UNIT_AWAIT(atomic_load(&booth.waiting) == 1);
	unit_run_in(pool, sell_one, &booth);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(booth.taken, 1);
	/* No signal of the system's was needed for that. */
	ck_assert_int_eq(tpar_interruptible_signal(), 0);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(cancel_ends_it)
{
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	for (i = 0; i < 20; i++) {
		struct booth booth = BOOTH_INIT;
		tpar_future *f = unit_submit(pool, take_ticket, &booth, 0);

		if (i % 2 == 0) {
			UNIT_AWAIT(atomic_load(&booth.waiting) == 1);
			ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		} else {
			ck_assert_int_eq(tpar_future_cancel_at(
						 f, tpar_in(TPAR_MILLISECOND)),
					 TPAR_OK);
		}
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 TPAR_ECANCELED);
		ck_assert(i % 2 == 1 || booth.err == TPAR_ESTOPPED);
		tpar_future_unref(f);
		/* Nobody uses them any more. */
		ck_assert_int_eq(pthread_cond_destroy(&booth.cond), 0);
		ck_assert_int_eq(pthread_mutex_destroy(&booth.mutex), 0);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(mutex_that_somebody_holds_delays_no_cancel_of_others)
{
	struct booth booth[2] = { BOOTH_INIT, BOOTH_INIT };
	tpar_pool *pool = unit_pool(2, 2);
	tpar_future *f[2];
	int i;

	for (i = 0; i < 2; i++) {
		f[i] = unit_submit(pool, take_ticket, &booth[i], 0);
		UNIT_AWAIT(atomic_load(&booth[i].waiting) == 1);
	}
	/* Then the first one has begun to wait. */
	ck_assert_int_eq(pthread_mutex_lock(&booth[0].mutex), 0);
	ck_assert_int_eq(tpar_future_cancel(f[0]), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(f[1]), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f[1], TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_RUNNING);
	ck_assert_int_eq(pthread_mutex_unlock(&booth[0].mutex), 0);
	ck_assert_int_eq(tpar_future_wait(f[0], TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref_all(f, 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(deadline_ends_it)
{
	struct booth booth = BOOTH_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	booth.deadline_ns = tpar_in(2 * TPAR_MILLISECOND);
	f = unit_submit(pool, take_ticket, &booth, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f), 5);
	ck_assert_int_ge(tpar_in(0), booth.deadline_ns);
	tpar_future_unref(f);
	/* Outside of a task, too; and a time that has come is only a look. */
	ck_assert_int_eq(take_ticket(&booth, NULL), 5);
	booth.deadline_ns = tpar_in(2 * TPAR_MILLISECOND);
	ck_assert_int_eq(take_ticket(&booth, NULL), 5);
	booth.deadline_ns = TPAR_NOW;
	ck_assert_int_eq(take_ticket(&booth, NULL), 5);
	booth.tickets = 1;
	ck_assert_int_eq(take_ticket(&booth, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
wait_for_nothing(void *arg, void *value)
{
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	(void)arg;
	(void)value;
	UNIT_MUST(tpar_cond_wait(NULL, &mutex, TPAR_FOREVER) == TPAR_EINVAL);
	UNIT_MUST(strstr(tpar_error_detail(), "cond") != NULL);
	UNIT_MUST(tpar_cond_wait(&cond, NULL, TPAR_FOREVER) == TPAR_EINVAL);
	UNIT_MUST(strstr(tpar_error_detail(), "mutex") != NULL);
	return 0;
}

START_TEST(null_is_refused)
{
	tpar_pool *pool = unit_pool(1, 1);

	(void)wait_for_nothing(NULL, NULL);
	unit_run_in(pool, wait_for_nothing, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- In regions and shields ---------------------------------------------- */

struct within {
	struct booth booth;
	struct unit_gate asked;
	bool shielded;
	int fd[2];
};

static int
wait_within(void *arg, void *value)
{
	struct within *within = arg;
	struct booth *booth = &within->booth;
	char byte;
	int rc;

	UNIT_MUST(tpar_interruptible_enter() == TPAR_OK);
	if (within->shielded) {
		tpar_shield_enter();
	}
	rc = take_ticket(booth, value);
	if (within->shielded) {
		UNIT_MUST(rc == 0);
		tpar_shield_leave();
	} else {
		UNIT_MUST(rc == TPAR_ESTOPPED);
	}
	/* The region is what it was. */
	UNIT_MUST(read(within->fd[0], &byte, 1) < 0 && errno == EINTR);
	tpar_interruptible_leave();
	sleeper_must_be_clean();
	return tpar_checkpoint();
}

START_TEST(it_may_stand_in_a_region_and_in_a_shield)
{
	tpar_pool *pool = unit_pool(1, 1);
	int i;

	for (i = 0; i < 10; i++) {
		struct within within = {
			BOOTH_INIT, UNIT_GATE_INIT, i % 2 == 1, { -1, -1 }
		};
		tpar_future *f;

		ck_assert_int_eq(pipe(within.fd), 0);
		f = unit_submit(pool, wait_within, &within, 0);
		UNIT_AWAIT(atomic_load(&within.booth.waiting) == 1);
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		if (within.shielded) {
			ck_assert_int_eq(tpar_future_state(f), TPAR_RUNNING);
			sell(&within.booth);
		}
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 TPAR_ECANCELED);
		tpar_future_unref(f);
		ck_assert_int_eq(close(within.fd[0]), 0);
		ck_assert_int_eq(close(within.fd[1]), 0);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- No signal is lost --------------------------------------------------- */

START_TEST(signal_is_not_lost_with_the_one_that_is_cancelled)
{
	enum { WAITERS = 4 };
	tpar_pool *pool = unit_pool(2, WAITERS);
	long rounds = unit_scaled(200);
	long round;
	int i;

	for (round = 0; round < rounds; round++) {
		struct booth booth = BOOTH_INIT;
		tpar_future *f[WAITERS];
		int taken = 0;

		for (i = 0; i < WAITERS; i++) {
			f[i] = unit_submit(pool, take_ticket, &booth, 0);
		}
		UNIT_AWAIT(atomic_load(&booth.waiting) == WAITERS);
		/* One ticket for each of those that are not stopped. */
		for (i = 0; i < WAITERS / 2; i++) {
			sell(&booth);
			/* If it has not just got it. */
			(void)tpar_future_cancel(f[i]);
		}
		for (i = 0; i < WAITERS; i++) {
			if (i < WAITERS / 2) {
				(void)tpar_future_wait(f[i], TPAR_FOREVER);
				taken += tpar_future_state(f[i]) == TPAR_DONE;
			}
		}
		/* What these have taken the others want. */
		for (i = 0; i < taken; i++) {
			sell(&booth);
		}
		for (i = WAITERS / 2; i < WAITERS; i++) {
			ck_assert_int_eq(tpar_future_wait(f[i], TPAR_FOREVER),
					 TPAR_OK);
		}
		ck_assert_int_eq(booth.tickets, 0);
		tpar_future_unref_all(f, WAITERS);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		others_run_and_signal_while_it_waits,
		cancel_ends_it,
		mutex_that_somebody_holds_delays_no_cancel_of_others,
		deadline_ends_it,
		null_is_refused,
		it_may_stand_in_a_region_and_in_a_shield,
		signal_is_not_lost_with_the_one_that_is_cancelled,
	};

	return unit_main("cond_wait", tests, sizeof tests / sizeof tests[0]);
}
