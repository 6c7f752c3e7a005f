/* SPDX-License-Identifier: MIT */
/*
 * stress_pools.c - pools that are made, shut down and destroyed while threads
 * submit to them; pools whose tasks wait for each other's, there and back; the
 * default pool, again and again.
 */
#include "stress.h"

#include <taskpar/cancel.h>

enum { POOLS = 2, SUBMITTERS = 3, CLOSERS = 2, HOPS = 6 };

struct counted {
	_Atomic long accepted;
	_Atomic long refused;
	_Atomic long ran;
	_Atomic long dropped;
	_Atomic long running;
};

/* Of the round under way; task and thread n belong to pool n % POOLS. */
static struct {
	tpar_pool *pool[POOLS];
	struct counted of[POOLS];
	_Atomic bool closes;
} world;

/* One hop of a message between the pools. */
struct hop {
	uint64_t seed;
	int pool;
	int left;
};

static int run_hop(void *arg, void *value);

static void
drop_hop(void *arg)
{
	struct hop *hop = arg;

	atomic_fetch_add(&world.of[hop->pool].dropped, 1);
	free(hop);
}

/* Submits the next hop.  NULL: it was refused. */
static tpar_future *
send_hop(struct stress_random *random, int pool, int left)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct hop *hop = malloc(sizeof *hop);
	tpar_future *f = NULL;
	enum tpar_err err;

	UNIT_MUST(hop != NULL);
	hop->seed = stress_next(random);
	hop->pool = pool;
	hop->left = left;
	task.fn = run_hop;
	task.arg = hop;
	task.drop_arg = drop_hop;
	task.flags = stress_chance(random, 30) ? TPAR_NO_INLINE : 0;
	if (stress_chance(random, 40)) {
		task.priority = stress_chance(random, 50) ? TPAR_PRIORITY_HIGH
							  : TPAR_PRIORITY_LOW;
	}
	err = tpar_submit_task(world.pool[pool], &task, &f);
	if (err == TPAR_OK) {
		atomic_fetch_add(&world.of[pool].accepted, 1);
		return f;
	}
	UNIT_MUST(err == TPAR_ECLOSED && atomic_load(&world.closes));
	atomic_fetch_add(&world.of[pool].refused, 1);
	free(hop);
	return NULL;
}

static int
pass_on(struct stress_random *random, const struct hop *hop)
{
	int to = stress_chance(random, 80) ? 1 - hop->pool : hop->pool;
	tpar_future *f = send_hop(random, to, hop->left - 1);
	struct tpar_failure why;
	int rc = 0;

	if (f == NULL) {
		return TPAR_ECLOSED;
	}
	switch (stress_below(random, 4)) {
	case 0:
		rc = (int)tpar_future_wait(f, TPAR_FOREVER);
		break;
	case 1:
		rc = (int)tpar_wait_all(&f, 1, tpar_in(3600 * TPAR_SECOND));
		break;
	case 2:
		rc = tpar_gather(&f, 1, NULL, &why) == TPAR_OK
			     ? 0
			     : tpar_fail_from(&why);
		break;
	default: /* nobody waits for it */
		break;
	}
	tpar_future_unref(f);
	return rc;
}

static int
run_hop(void *arg, void *value)
{
	struct hop *hop = arg;
	struct counted *of = &world.of[hop->pool];
	struct stress_random random = { hop->seed };
	int rc = 0;

	(void)value;
	atomic_fetch_add(&of->running, 1);
	atomic_fetch_add(&of->ran, 1);
	stress_dawdle(&random, 5);
	if (hop->left > 0) {
		rc = pass_on(&random, hop);
	}
	atomic_fetch_sub(&of->running, 1);
	return rc;
}

static void *
submit_until_closed(void *arg)
{
	struct stress_random random = { *(uint64_t *)arg };
	int pool = (int)stress_below(&random, POOLS);
	tpar_future *f;
	int n = 0;

	while ((f = send_hop(&random, pool,
			     (int)stress_below(&random, HOPS))) != NULL) {
		if (stress_chance(&random, 20) || n++ > 200) {
			(void)tpar_future_wait(f, stress_deadline(&random));
		}
		tpar_future_unref(f);
		stress_dawdle(&random, 3);
	}
	return NULL;
}

static void *
close_pools(void *arg)
{
	struct stress_random random = { *(uint64_t *)arg };
	unsigned first = stress_below(&random, POOLS);
	unsigned i;

	stress_dawdle(&random, 60);
	for (i = 0; i < POOLS; i++) {
		enum tpar_shutdown how =
			stress_chance(&random, 60) ? TPAR_DRAIN : TPAR_CANCEL;
		unsigned p = (first + i) % POOLS;
		enum tpar_err err = tpar_pool_shutdown(
			world.pool[p], how, stress_deadline(&random));

		UNIT_MUST(err == TPAR_OK || err == TPAR_ETIMEDOUT);
		if (err == TPAR_OK) {
			UNIT_MUST(atomic_load(&world.of[p].running) == 0);
		}
		stress_dawdle(&random, 20);
	}
	return NULL;
}

static void
make_pools(struct stress_random *random)
{
	int i;

	memset(&world, 0, sizeof world);
	for (i = 0; i < POOLS; i++) {
		struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

		config.workers = 1 + stress_below(random, 3);
		config.blocking_limit = 1 + stress_below(random, 4);
		config.stack_size = (size_t)256 * 1024;
		config.own_threads_only = stress_chance(random, 40);
		UNIT_MUST(tpar_pool_create(&world.pool[i], &config) == TPAR_OK);
	}
}

/* Tasks of either may still come to the other until both have run dry. */
static void
end_pools(struct stress_random *random)
{
	int i;

	atomic_store(&world.closes, true);
	for (i = 0; i < POOLS; i++) {
		UNIT_MUST(tpar_pool_shutdown(world.pool[i],
					     stress_chance(random, 50)
						     ? TPAR_DRAIN
						     : TPAR_CANCEL,
					     TPAR_FOREVER) == TPAR_OK);
		UNIT_MUST(atomic_load(&world.of[i].running) == 0);
	}
	for (i = 0; i < POOLS; i++) {
		struct counted *of = &world.of[i];

		UNIT_MUST(tpar_pool_destroy(world.pool[i]) == TPAR_OK);
		UNIT_MUST(atomic_load(&of->dropped) ==
			  atomic_load(&of->accepted));
		UNIT_MUST(atomic_load(&of->ran) <= atomic_load(&of->accepted));
	}
}

static void
close_while_submitting(struct stress_random *random)
{
	pthread_t thread[SUBMITTERS + CLOSERS];
	uint64_t seed[SUBMITTERS + CLOSERS];
	int i;

	make_pools(random);
	atomic_store(&world.closes, true);
	for (i = 0; i < SUBMITTERS + CLOSERS; i++) {
		seed[i] = stress_next(random);
		thread[i] = unit_start(i < SUBMITTERS ? submit_until_closed
						      : close_pools,
				       &seed[i]);
	}
	for (i = 0; i < SUBMITTERS + CLOSERS; i++) {
		unit_join(thread[i]);
	}
	end_pools(random);
}

START_TEST(what_was_accepted_ends_while_pools_are_shut_down)
{
	ck_assert_int_gt(stress_run("closing", close_while_submitting, 60), 0);
}
END_TEST

/* Messages go to and fro; all must arrive. */
static void
wait_for_each_other(struct stress_random *random)
{
	tpar_future *f[20];
	int i;

	make_pools(random);
	for (i = 0; i < 20; i++) {
		f[i] = send_hop(random, i % POOLS,
				(int)stress_below(random, 3 * HOPS));
		UNIT_MUST(f[i] != NULL);
	}
	for (i = 0; i < 20; i++) {
		enum tpar_err err = tpar_future_wait(f[i], TPAR_FOREVER);

		/* Threads may be used up, and so end what nobody may begin. */
		UNIT_MUST(err == TPAR_OK || err == TPAR_EFAILED);
		UNIT_MUST(err == TPAR_OK ||
			  tpar_future_code(f[i]) == TPAR_EAGAIN ||
			  tpar_future_code(f[i]) == TPAR_EFAILED ||
			  tpar_future_code(f[i]) == TPAR_ECANCELED);
	}
	tpar_future_unref_all(f, 20);
	end_pools(random);
}

START_TEST(pools_wait_for_each_other)
{
	ck_assert_int_gt(stress_run("to and fro", wait_for_each_other, 80), 0);
}
END_TEST

/* A pool is destroyed with all that it has just been given. */
struct last {
	_Atomic int ended;
	uint64_t seed;
};

static int
end_last(void *arg, void *value)
{
	struct last *last = arg;
	tpar_future *f;

	(void)value;
	/* Only the first ones: tasks may still submit while it is drained. */
	if (atomic_fetch_add(&last->ended, 1) < 20) {
		UNIT_MUST(tpar_submit(NULL, end_last, last, 0, &f) == TPAR_OK);
		(void)tpar_future_wait(f, TPAR_FOREVER);
		tpar_future_unref(f);
	}
	return 0;
}

static void
destroy_at_once(struct stress_random *random)
{
	unsigned n = stress_below(random, 8);
	struct last last = { .ended = 0 };
	tpar_pool *pool = unit_pool(1 + stress_below(random, 4), 4);
	unsigned i;

	for (i = 0; i < n; i++) {
		UNIT_MUST(tpar_submit(pool, end_last, &last, 0, NULL) ==
			  TPAR_OK);
	}
	stress_dawdle(random, 3);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	UNIT_MUST(atomic_load(&last.ended) == (int)(n > 0 ? n + 20 : 0));
}

START_TEST(destroy_ends_what_was_submitted)
{
	ck_assert_int_gt(stress_run("destroy", destroy_at_once, 150), 0);
}
END_TEST

static void *
use_default_pool(void *arg)
{
	intptr_t number = (intptr_t)arg;
	intptr_t value = 0;
	tpar_future *f;

	UNIT_MUST(tpar_submit(NULL, unit_number_task, arg, sizeof value, &f) ==
		  TPAR_OK);
	UNIT_MUST(tpar_gather(&f, 1, &value, NULL) == TPAR_OK);
	UNIT_MUST(value == number);
	tpar_future_unref(f);
	return NULL;
}

static void
destroy_default(struct stress_random *random)
{
	pthread_t thread[SUBMITTERS];
	intptr_t i;

	for (i = 0; i < SUBMITTERS; i++) {
		thread[i] = unit_start(use_default_pool, (void *)i);
	}
	for (i = 0; i < SUBMITTERS; i++) {
		unit_join(thread[i]);
	}
	if (stress_chance(random, 70)) {
		UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
	}
}

START_TEST(default_pool_is_made_by_whoever_is_first)
{
	setenv("TASKPAR_WORKERS", "3", 1);
	ck_assert_int_gt(stress_run("default pool", destroy_default, 100), 0);
	ck_assert_int_eq(tpar_pool_destroy(NULL), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		what_was_accepted_ends_while_pools_are_shut_down,
		pools_wait_for_each_other,
		destroy_ends_what_was_submitted,
		default_pool_is_made_by_whoever_is_first,
	};

	return stress_main("stress_pools", tests,
			   sizeof tests / sizeof tests[0]);
}
