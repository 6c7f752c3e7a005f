/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_pool.c - computations and the end of pools, and what is refused;
 * tasks that do not join what they fork, or join more.
 */
#include "forks.h"

#include <string.h>

enum { UNTOUCHED = -5 };

static _Atomic int bodies; /* that have run */

TPAR_TASK_0(int, count_body)
{
	return 1 + 0 * atomic_fetch_add(&bodies, 1);
}

/* ---- Refused --------------------------------------------------------------------- */

static void
expect_refused(tpar_pool *pool, enum tpar_err err)
{
	struct tpar_failure why;
	int value = UNTOUCHED;

	why.message[0] = '\0';
	ck_assert_int_eq(TPAR_RUN(count_body, pool, &value, &why), err);
	ck_assert_int_eq(value, UNTOUCHED);
	ck_assert_int_eq(why.code, err);
	ck_assert_uint_eq(why.index, SIZE_MAX);
	ck_assert_str_ne(why.message, "");
	ck_assert_int_eq(TPAR_RUN(count_body, pool, &value, NULL), err);
	ck_assert_int_eq(atomic_load(&bodies), 0);
}

START_TEST(closed_pool_refuses)
{
	tpar_pool *pool = unit_pool(1, 1);

	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	expect_refused(pool, TPAR_ECLOSED);
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER),
			 TPAR_OK);
	expect_refused(pool, TPAR_ECLOSED);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(pool_whose_queue_is_full_refuses)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = NULL;
	tpar_future *f[2];

	config.workers = 1;
	config.queue_limit = 1;
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	f[0] = unit_submit(pool, unit_hold_task, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	f[1] = unit_submit(pool, unit_hold_task, &hold, 0);
	expect_refused(pool, TPAR_EAGAIN);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_wait_all(f, 2, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(f, 2);
	ck_assert(forks_work(pool));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- While one runs --------------------------------------------------------------- */

typedef tpar_pool *pool_at;

struct flags {
	tpar_pool *pool;
	_Atomic int stolen;
	_Atomic int begun;
	_Atomic int go;
};

typedef struct flags *flags;

/* Forks before the end is asked for and afterwards, with a stolen one. */
TPAR_TASK_1(int, raise_and_return, flags, at)
{
	forks_raise(&at->stolen);
	UNIT_AWAIT(forks_raised(&at->go));
	return 10;
}

TPAR_TASK_1(int, go_on, flags, at)
{
	int sum;

	TPAR_FORK(count_body);
	TPAR_FORK(raise_and_return, at);
	TPAR_CALL(forks_until, &at->stolen);
	forks_raise(&at->begun);
	UNIT_AWAIT(forks_raised(&at->go));
	TPAR_FORK(count_body);
	sum = TPAR_JOIN(count_body);
	sum += TPAR_JOIN(raise_and_return);
	return sum + TPAR_JOIN(count_body);
}

struct outcome {
	struct flags at;
	struct tpar_failure why;
	int value;
	enum tpar_err err;
};

static void *
run_to_the_end(void *arg)
{
	struct outcome *o = arg;

	o->err = TPAR_RUN(go_on, o->at.pool, &o->value, &o->why, &o->at);
	return NULL;
}

START_TEST(draining_pool_runs_a_computation_to_its_end)
{
	struct outcome o = { .at.pool = unit_pool(2, 1), .value = UNTOUCHED };
	pthread_t thread = unit_start(run_to_the_end, &o);

	UNIT_AWAIT(forks_raised(&o.at.begun));
	ck_assert_int_eq(tpar_pool_shutdown(o.at.pool, TPAR_DRAIN, TPAR_NOW),
			 TPAR_ETIMEDOUT);
	forks_raise(&o.at.go);
	ck_assert_int_eq(tpar_pool_destroy(o.at.pool), TPAR_OK);
	unit_join(thread);
	ck_assert_int_eq(o.err, TPAR_OK);
	ck_assert_int_eq(o.value, 12);
}
END_TEST

/* All its tasks see that the pool is cancelled. */
TPAR_TASK_1(int, poll_elsewhere, flags, at)
{
	forks_raise(&at->stolen);
	UNIT_AWAIT(tpar_cancelled());
	return 1;
}

TPAR_TASK_1(int, poll_until_the_end, flags, at)
{
	int sum;

	TPAR_FORK(poll_elsewhere, at);
	TPAR_CALL(forks_until, &at->stolen);
	forks_raise(&at->begun);
	UNIT_AWAIT(tpar_cancelled());
	sum = TPAR_JOIN(poll_elsewhere);
	UNIT_MUST(sum == 1);
	return sum;
}

static void *
run_polling(void *arg)
{
	struct outcome *o = arg;

	o->err = TPAR_RUN(poll_until_the_end, o->at.pool, &o->value, &o->why,
			  &o->at);
	return NULL;
}

START_TEST(cancelled_pool_tells_the_tasks_of_a_computation)
{
	struct outcome o = { .at.pool = unit_pool(2, 1), .value = UNTOUCHED };
	pthread_t thread = unit_start(run_polling, &o);

	UNIT_AWAIT(forks_raised(&o.at.begun));
	ck_assert_int_eq(tpar_pool_shutdown(o.at.pool, TPAR_CANCEL,
					    TPAR_FOREVER),
			 TPAR_OK);
	unit_join(thread);
	/* It has come to its end all the same. */
	ck_assert_int_eq(o.err, TPAR_OK);
	ck_assert_int_eq(o.value, 1);
	expect_refused(o.at.pool, TPAR_ECLOSED);
	ck_assert_int_eq(tpar_pool_destroy(o.at.pool), TPAR_OK);
}
END_TEST

/* Many forks, some of which are in a queue when the pool is cancelled. */
TPAR_TASK_1(int, slow_tree, int, depth)
{
	int left;
	int right;

	if (depth == 0) {
		sched_yield();
		return 1;
	}
	TPAR_FORK(slow_tree, depth - 1);
	right = TPAR_CALL(slow_tree, depth - 1);
	left = TPAR_JOIN(slow_tree);
	return left + right;
}

static void *
run_slow_tree(void *arg)
{
	struct outcome *o = arg;

	forks_raise(&o->at.begun);
	o->err = TPAR_RUN(slow_tree, o->at.pool, &o->value, &o->why, 9);
	return NULL;
}

START_TEST(cancelled_pool_leaves_a_whole_result_or_none)
{
	int i;

	for (i = 0; i < 20; i++) {
		struct outcome o = { .at.pool = unit_pool(4, 1),
				     .value = UNTOUCHED };
		pthread_t thread = unit_start(run_slow_tree, &o);
		int k;

		UNIT_AWAIT(forks_raised(&o.at.begun));
		for (k = 0; k < 2 * i; k++) {
			sched_yield();
		}
		ck_assert_int_eq(tpar_pool_shutdown(o.at.pool, TPAR_CANCEL,
						    TPAR_FOREVER),
				 TPAR_OK);
		unit_join(thread);
		ck_assert(o.err == TPAR_OK || o.err == TPAR_ESTOPPED ||
			  o.err == TPAR_ECANCELED || o.err == TPAR_ECLOSED);
		ck_assert_int_eq(o.value, o.err == TPAR_OK ? 512 : UNTOUCHED);
		ck_assert_int_eq(tpar_pool_destroy(o.at.pool), TPAR_OK);
	}
}
END_TEST

/* ---- Inside: which pools may be ended -------------------------------------------------- */

TPAR_TASK_1(int, destroy_from_within, pool_at, pool)
{
	return tpar_pool_destroy(pool);
}

TPAR_TASK_1(int, fork_destroyer, pool_at, pool)
{
	TPAR_FORK(destroy_from_within, pool);
	return TPAR_JOIN(destroy_from_within);
}

static void
run_destroyer(tpar_pool *pool)
{
	int err = 0;

	ck_assert_int_eq(TPAR_RUN(fork_destroyer, pool, &err, NULL, pool),
			 TPAR_OK);
	ck_assert_int_eq(err, TPAR_EDEADLK);
	ck_assert(forks_work(pool));
}

START_TEST(fork_join_task_cannot_destroy_its_pool)
{
	forks_with_each(run_destroyer);
}
END_TEST

/* ---- Forks and joins that do not nest ---------------------------------------------------- */

TPAR_TASK_1(int, leave_unjoined, int, n)
{
	int i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(count_body);
	}
	return 1;
}

static void
expect_misuse(enum tpar_err err, struct tpar_failure *why, int value)
{
	ck_assert_int_eq(err, TPAR_EINVAL);
	ck_assert_int_eq(why->code, TPAR_EINVAL);
	ck_assert_ptr_ne(strstr(why->message, "join"), NULL);
	ck_assert_int_eq(value, UNTOUCHED);
}

static void
run_unjoined(tpar_pool *pool)
{
	static const int many[] = { 1, 2, 1000,
				    (int)(TPAR_SLOTS_SIZE / 64) + 100 };
	struct tpar_failure why;
	int value = UNTOUCHED;
	size_t i;

	for (i = 0; i < sizeof many / sizeof many[0]; i++) {
		enum tpar_err err =
			TPAR_RUN(leave_unjoined, pool, &value, &why, many[i]);

		expect_misuse(err, &why, value);
		ck_assert(forks_work(pool));
	}
}

START_TEST(root_that_leaves_forks_unjoined_is_an_error)
{
	forks_with_each(run_unjoined);
}
END_TEST

/* A stolen one does; its parent joins all of its own. */
TPAR_TASK_1(int, leave_unjoined_elsewhere, forks_flag, begun)
{
	TPAR_FORK(count_body);
	TPAR_FORK(count_body);
	forks_raise(begun);
	return 1;
}

TPAR_TASK_0(int, join_who_leaves_forks)
{
	_Atomic int begun = 0;

	TPAR_FORK(leave_unjoined_elsewhere, &begun);
	TPAR_CALL(forks_until, &begun);
	return TPAR_JOIN(leave_unjoined_elsewhere);
}

START_TEST(stolen_task_that_leaves_forks_unjoined_is_an_error)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_failure why;
	int value = UNTOUCHED;
	enum tpar_err err = TPAR_RUN(join_who_leaves_forks, pool, &value, &why);

	expect_misuse(err, &why, value);
	ck_assert(forks_work(pool));
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

TPAR_TASK_1(int, join_too_many, int, n)
{
	int i;

	TPAR_FORK(count_body);
	for (i = 0; i < n + 1; i++) {
		TPAR_JOIN(count_body);
	}
	return 1;
}

static void
run_too_many(tpar_pool *pool)
{
	struct tpar_failure why;
	int value = UNTOUCHED;
	int n;

	for (n = 1; n < 4; n++) {
		enum tpar_err err =
			TPAR_RUN(join_too_many, pool, &value, &why, n);

		expect_misuse(err, &why, value);
		ck_assert(forks_work(pool));
	}
}

START_TEST(root_that_joins_too_many_is_an_error)
{
	forks_with_each(run_too_many);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		closed_pool_refuses,
		pool_whose_queue_is_full_refuses,
		draining_pool_runs_a_computation_to_its_end,
		cancelled_pool_tells_the_tasks_of_a_computation,
		cancelled_pool_leaves_a_whole_result_or_none,
		fork_join_task_cannot_destroy_its_pool,
		root_that_leaves_forks_unjoined_is_an_error,
		stolen_task_that_leaves_forks_unjoined_is_an_error,
		root_that_joins_too_many_is_an_error
	};

	return unit_main("forkjoin_pool", tests,
			 sizeof tests / sizeof tests[0]);
}
