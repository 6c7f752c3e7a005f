/* SPDX-License-Identifier: MIT */
/*
 * timers.c - scenarios in which time counts: deadlines of tasks, waits that are
 * given up, sleeps; timeouts may come before others are through.
 */
#include "sys.h"

static tpar_pool *pool;

#define HOUR (3600 * TPAR_SECOND)
#define MS TPAR_MILLISECOND

/* It ends when its time comes, long before its item is through. */
static void
deadline(void *arg)
{
	struct item item[2] = { { .polls = 1000000 }, { .polls = 1 } };
	struct tpar_task task = item_describe(&item[0]);
	enum tpar_err err;
	tpar_future *f[2];
	int i;

	(void)arg;
	pool = sys_pool(1, 1);
	task.deadline_ns = tpar_in(MS);
	MUST(tpar_submit_task(pool, &task, &f[0]) == TPAR_OK);
	f[1] = item_submit(pool, &item[1]);
	MUST(tpar_future_cancel_at(f[1], tpar_in(2 * MS)) != TPAR_EINVAL);
	MUST(tpar_future_wait(f[0], TPAR_FOREVER) == TPAR_ECANCELED);
	err = tpar_future_wait(f[1], TPAR_FOREVER);
	MUST(err == TPAR_OK || err == TPAR_ECANCELED);
	for (i = 0; i < 2; i++) {
		bool done = tpar_future_state(f[i]) == TPAR_DONE;

		tpar_future_unref(f[i]);
		item_must_be_over(&item[i], done);
	}
	sys_destroy(pool);
}

/* A wait that gives up, at the time at which what it waits for ends. */
static void
waits_given_up(void *arg)
{
	struct item item = { .polls = 2 };
	tpar_promise *p;
	tpar_future *f[2];
	enum tpar_err err;

	(void)arg;
	pool = sys_pool(1, 1);
	f[0] = item_submit(pool, &item);
	MUST(tpar_promise_create(0, NULL, &p, &f[1]) == TPAR_OK);
	err = tpar_future_wait(f[0], tpar_in(MS));
	MUST(err == TPAR_OK || err == TPAR_ETIMEDOUT);
	MUST(tpar_wait_all(f, 2, tpar_in(MS)) == TPAR_ETIMEDOUT);
	MUST(tpar_wait_any(f, 2, TPAR_FOREVER, NULL) == TPAR_OK);
	MUST(tpar_promise_set(p, NULL) == TPAR_OK);
	MUST(tpar_wait_all(f, 2, tpar_in(HOUR)) == TPAR_OK);
	tpar_promise_destroy(p);
	tpar_future_unref_all(f, 2);
	sys_destroy(pool);
	item_must_be_over(&item, 1);
}

/* Two tasks sleep in the one place there is, and are woken in time or stopped. */
static int
sleep_for_it(void *arg, void *value)
{
	enum tpar_err err;

	(void)value;
	err = tpar_sleep(tpar_in((intptr_t)arg * MS));
	MUST(err == TPAR_OK || err == TPAR_ESTOPPED);
	return err == TPAR_OK ? 0 : TPAR_ESTOPPED;
}

static void
sleepers(void *arg)
{
	int64_t before = tpar_in(0);
	tpar_future *f[3];
	enum tpar_err err;

	(void)arg;
	pool = sys_pool(1, 3);
	MUST(tpar_submit(pool, sleep_for_it, (void *)1, 0, &f[0]) == TPAR_OK);
	MUST(tpar_submit(pool, sleep_for_it, (void *)2, 0, &f[1]) == TPAR_OK);
	MUST(tpar_submit(pool, sleep_for_it, (void *)3600000, 0, &f[2]) ==
	     TPAR_OK);
	MUST(tpar_wait_all(f, 2, TPAR_FOREVER) == TPAR_OK);
	MUST(tpar_future_state(f[0]) == TPAR_DONE);
	MUST(tpar_in(0) - before >= 2 * MS);
	(void)tpar_future_cancel(f[2]);
	err = tpar_future_wait(f[2], TPAR_FOREVER);
	MUST(err == TPAR_ECANCELED);
	tpar_future_unref_all(f, 3);
	sys_destroy(pool);
}

/* The deadline of a gather comes while its members end. */
static void
gather_until(void *arg)
{
	struct item item[2] = { { .polls = 2 }, { .polls = 3 } };
	struct item *out[2];
	tpar_future *f[2];
	enum tpar_err err;
	int i;

	(void)arg;
	pool = sys_pool(1, 1);
	for (i = 0; i < 2; i++) {
		f[i] = item_submit(pool, &item[i]);
	}
	err = tpar_gather_until(f, 2, out, tpar_in(MS), NULL);
	MUST(err == TPAR_OK || err == TPAR_ETIMEDOUT);
	for (i = 0; i < 2; i++) {
		bool done = tpar_future_state(f[i]) == TPAR_DONE;

		MUST(tpar_future_state(f[i]) >= TPAR_DONE);
		tpar_future_unref(f[i]);
		item_must_be_over(&item[i], done && err != TPAR_OK);
	}
	sys_destroy(pool);
}

/* Threads that were added end when they have had nothing to do for long. */
static int
wait_for(void *arg, void *value)
{
	(void)value;
	MUST(tpar_future_wait(arg, TPAR_FOREVER) == TPAR_OK);
	return 0;
}

static void
retire(void *arg)
{
	struct item item = { .polls = 1 };
	tpar_promise *p;
	tpar_future *f[4];
	int i;

	(void)arg;
	pool = sys_pool(1, 4);
	MUST(tpar_promise_create(0, NULL, &p, &f[3]) == TPAR_OK);
	for (i = 0; i < 2; i++) {
		MUST(tpar_submit(pool, wait_for, f[3], 0, &f[i]) == TPAR_OK);
	}
	f[2] = item_submit(pool, &item);
	MUST(tpar_future_wait(f[2], TPAR_FOREVER) == TPAR_OK);
	MUST(tpar_promise_set(p, NULL) == TPAR_OK);
	MUST(tpar_wait_all(f, 4, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref_all(f, 3);
	MUST(tpar_sleep(tpar_in((10 + (int64_t)tpar_sys_choose(20)) *
				TPAR_SECOND)) == TPAR_OK);
	memset(&item, 0, sizeof item);
	f[2] = item_submit(pool, &item);
	MUST(tpar_future_wait(f[2], TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref_all(&f[2], 2);
	tpar_promise_destroy(p);
	sys_destroy(pool);
	item_must_be_over(&item, 1);
}

const struct scenario scenarios_of_timers[] = {
	{ "deadline", deadline, TPAR_SYS_EARLY, 10 * HOUR },
	{ "waits_given_up", waits_given_up, 0, 10 * HOUR },
	{ "sleepers", sleepers, 0, HOUR / 2 },
	{ "gather_until", gather_until, TPAR_SYS_EARLY, 10 * HOUR },
	{ "retire", retire, TPAR_SYS_EARLY, 10 * HOUR },
	{ NULL, NULL, 0, 0 },
};
