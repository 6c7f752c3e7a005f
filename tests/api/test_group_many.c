/* SPDX-License-Identifier: MIT */
/*
 * test_group_many.c - large groups, many threads at once, and the memory that
 * children leave behind: none.
 */
#include "account.h"
#include "groups.h"

static _Atomic long runs;

static int
count(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

/* ---- Many ---------------------------------------------------------------- */

static void
submit_many(tpar_group *g, long n)
{
	struct tpar_task task = scene_droppable(count, NULL, 0);

	task.group = g;
	UNIT_MUST(tpar_submit_many(NULL, &task, NULL, 0, (size_t)n, NULL) ==
		  TPAR_OK);
}

START_TEST(million_children_at_once)
{
	long n = unit_scaled(1000000);
	tpar_group *g = group_in(NULL);

	submit_many(g, n);
	ck_assert_int_eq(group_end(g, NULL), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), n);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), n);
}
END_TEST

static int
close_many(void *arg, void *value)
{
	tpar_group *g = group_in(NULL);

	(void)value;
	submit_many(g, (long)(intptr_t)arg);
	UNIT_MUST(group_end(g, NULL) == TPAR_OK);
	return 0;
}

START_TEST(task_closes_a_large_group)
{
	long n = unit_scaled(200000);

	unit_run_in(NULL, close_many, (void *)(intptr_t)n);
	ck_assert_int_eq(atomic_load(&runs), n);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), n);
}
END_TEST

START_TEST(large_group_is_cancelled)
{
	long n = unit_scaled(200000);
	tpar_group *g = group_in(NULL);
	enum tpar_err err;
	size_t failures = 5;

	submit_many(g, n);
	ck_assert_int_eq(tpar_group_cancel(g, NULL), TPAR_OK);
	err = group_end(g, &failures);
	ck_assert(err == TPAR_ECANCELED || atomic_load(&runs) == n);
	ck_assert_uint_eq(failures, 0);
	ck_assert_int_eq(atomic_load(&scene_arg_drops), n);
}
END_TEST

START_TEST(all_failures_of_a_wide_group_are_told)
{
	enum { WIDTH = 64 };
	struct tpar_failure why[WIDTH];
	tpar_pool *pool = unit_pool(WIDTH, 1);
	struct unit_hold hold[WIDTH];
	tpar_group *g = group_in(pool);
	bool seen[WIDTH + 1] = { false };
	size_t n = 0;
	size_t i;

	for (i = 0; i < WIDTH; i++) {
		hold[i] = (struct unit_hold)UNIT_HOLD_INIT;
		hold[i].code = (int)i + 1;
		group_run(g, scene_until_stopped, &hold[i]);
		unit_gate_await(&hold[i].begun, 1);
	}
	ck_assert_int_eq(tpar_group_cancel(g, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_group_close(g, why, WIDTH, &n), TPAR_ECANCELED);
	ck_assert_uint_eq(n, WIDTH);
	for (i = 0; i < WIDTH; i++) {
		ck_assert_int_eq(why[i].code, (int)why[i].index + 1);
		ck_assert(!seen[why[i].index]);
		seen[why[i].index] = true;
	}
	tpar_group_destroy(g);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- Many threads -------------------------------------------------------- */

enum { THREADS = 4 };

struct submitter {
	tpar_group *g;
	long accepted;
};

static int
count_and_add_one(void *arg, void *value)
{
	(void)count(arg, value);
	UNIT_MUST(tpar_group_run(arg, count, NULL) == TPAR_OK);
	return 0;
}

static void *
submit_for_a_while(void *arg)
{
	struct submitter *self = arg;
	long n = unit_scaled(5000);
	tpar_future *f;
	long i;

	for (i = 0; i < n; i++) {
		if (i % 2 == 0) {
			group_run(self->g, count_and_add_one, self->g);
			self->accepted += 2;
		} else {
			f = group_submit(self->g, count, NULL);
			self->accepted++;
			if (i % 3 == 0) {
				(void)tpar_future_wait(f, TPAR_FOREVER);
			}
			tpar_future_unref(f);
		}
	}
	return NULL;
}

START_TEST(many_threads_submit_to_one_group)
{
	struct submitter submitter[THREADS];
	tpar_group *g = group_in(NULL);
	pthread_t thread[THREADS];
	long accepted = 0;
	int i;

	for (i = 0; i < THREADS; i++) {
		submitter[i] = (struct submitter) { g, 0 };
		thread[i] = unit_start(submit_for_a_while, &submitter[i]);
	}
	for (i = 0; i < THREADS; i++) {
		unit_join(thread[i]);
		accepted += submitter[i].accepted;
	}
	ck_assert_int_eq(group_end(g, NULL), TPAR_OK);
	ck_assert_int_eq(atomic_load(&runs), accepted);
}
END_TEST

/* Submits until it is refused. */
static void *
submit_until_closed(void *arg)
{
	struct submitter *self = arg;
	struct tpar_task task = scene_droppable(count, NULL, 0);
	enum tpar_err err;

	/* ENDS: the group closes. */
	while ((err = tpar_group_submit(self->g, &task, NULL)) == TPAR_OK) {
		self->accepted++;
	}
	UNIT_MUST(err == TPAR_ECLOSED);
	return NULL;
}

START_TEST(what_a_closing_group_has_taken_is_waited_for)
{
	long rounds = unit_scaled(100);

	for (; rounds > 0; rounds--) {
		struct submitter submitter[THREADS];
		tpar_group *g = group_in(NULL);
		pthread_t thread[THREADS];
		long accepted = 0;
		long ran;
		int i;

		atomic_store(&runs, 0);
		for (i = 0; i < THREADS; i++) {
			submitter[i] = (struct submitter) { g, 0 };
			thread[i] =
				unit_start(submit_until_closed, &submitter[i]);
		}
		sched_yield();
		ck_assert_int_eq(tpar_group_close(g, NULL, 0, NULL), TPAR_OK);
		ran = atomic_load(&runs);
		for (i = 0; i < THREADS; i++) {
			unit_join(thread[i]);
			accepted += submitter[i].accepted;
		}
		ck_assert_int_eq(ran, accepted);
		tpar_group_destroy(g);
	}
}
END_TEST

/* ---- Memory -------------------------------------------------------------- */

static tpar_pool *
counted_pool(struct account *account, unsigned workers)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = workers;
	config.stack_size = (size_t)256 * 1024;
	config.allocator.alloc = account_alloc;
	config.allocator.free = account_free;
	config.allocator.context = account;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	return pool;
}

static int
fail_now_and_then(void *arg, void *value)
{
	(void)value;
	return arg != NULL ? tpar_fail(5, "%s", (char *)arg) : 0;
}

/* Few and many children, with and without handles, done and failed. */
static int
make_groups(void *arg, void *value)
{
	static const int sizes[] = { 1, 2, 63, 64, 65, 300, 3000 };
	tpar_future *f = NULL;
	size_t s;
	int i;

	(void)value;
	for (s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		tpar_group *g = group_in(NULL);

		for (i = 0; i < sizes[s]; i++) {
			if (i % 3 == 0) {
				f = group_submit(g, fail_now_and_then, NULL);
				tpar_future_unref(f);
			} else {
				group_run(g, fail_now_and_then, NULL);
			}
		}
		if (arg != NULL) {
			group_run(g, fail_now_and_then, arg);
		}
		(void)group_end(g, NULL);
	}
	return 0;
}

START_TEST(children_leave_no_memory_behind)
{
	unsigned workers;

	for (workers = 1; workers <= 2; workers++) {
		struct account account = ACCOUNT_INIT;
		tpar_pool *pool = counted_pool(&account, workers);

		unit_run_in(pool, make_groups, NULL);
		unit_run_in(pool, make_groups, "no more");
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
		ck_assert_int_eq(atomic_load(&account.blocks), 0);
	}
}
END_TEST

struct laps {
	struct account *account;
	int children;
	long bytes; /* after some laps */
	long most;  /* afterwards */
};

static int
run_laps(void *arg, void *value)
{
	struct laps *laps = arg;
	long n = 100 + unit_scaled(1500); /* fewer where they are slow */
	long lap;
	int i;

	(void)value;
	for (lap = 0; lap < n && lap < 400; lap++) {
		tpar_group *g = group_in(NULL);

		for (i = 0; i < laps->children; i++) {
			group_run(g, count, NULL);
		}
		UNIT_MUST(group_end(g, NULL) == TPAR_OK);
		if (lap == 40) {
			laps->bytes = atomic_load(&laps->account->bytes);
		} else if (atomic_load(&laps->account->bytes) > laps->most) {
			laps->most = atomic_load(&laps->account->bytes);
		}
	}
	return 0;
}

/* On one worker, whose queue has nobody else to look at it. */
START_TEST(task_that_opens_groups_for_hours_needs_no_more_memory)
{
	static const int sizes[] = { 1, 10, 64, 100, 2000 };
	size_t s;

	for (s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		struct account account = ACCOUNT_INIT;
		struct laps laps = { &account, sizes[s], 0, 0 };
		tpar_pool *pool = counted_pool(&account, 1);

		unit_run_in(pool, run_laps, &laps);
		ck_assert_int_le(laps.most, 2 * laps.bytes + 1000000);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
		ck_assert_int_eq(atomic_load(&account.blocks), 0);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		million_children_at_once,
		task_closes_a_large_group,
		large_group_is_cancelled,
		all_failures_of_a_wide_group_are_told,
		many_threads_submit_to_one_group,
		what_a_closing_group_has_taken_is_waited_for,
		children_leave_no_memory_behind,
		task_that_opens_groups_for_hours_needs_no_more_memory,
	};

	return unit_main("group_many", tests, sizeof tests / sizeof tests[0]);
}
