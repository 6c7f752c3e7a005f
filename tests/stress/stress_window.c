/* SPDX-License-Identifier: MIT */
/*
 * stress_window.c - windows at random: several who put, one who takes, both
 * threads or tasks; items that fail, stop themselves or use a window of their
 * own; a cancel, a deadline, an early end, a close with items in any state.
 */
#include "stress.h"

#include <taskpar/cancel.h>

enum { PRODUCERS = 3, ITEMS = 60 };

struct item {
	_Atomic int runs;
	_Atomic int done;
	_Atomic int args_dropped;
	_Atomic int values_dropped;
	uint64_t seed;
	long number; /* among its producer's */
	int producer;
	bool accepted;
};

/* Of the round under way. */
static struct {
	tpar_pool *pool;
	tpar_window *w;
	size_t width;
	bool may_fail;
	bool may_close; /* whatever the items do */
	_Atomic long attempts;
	_Atomic long begun;
	_Atomic int producing;
	struct item item[PRODUCERS][ITEMS];
} round_;

struct value {
	struct item *item;
	char more[40];
};

struct part {
	uint64_t seed;
	int producer;
	long taken;
	enum tpar_err err;
};

static void
drop_value(void *value)
{
	atomic_fetch_add(&((struct value *)value)->item->values_dropped, 1);
}

static void
drop_arg(void *arg)
{
	atomic_fetch_add(&((struct item *)arg)->args_dropped, 1);
}

static int
return_number(void *arg, void *value)
{
	*(intptr_t *)value = (intptr_t)arg;
	return 0;
}

/* A window inside of an item. */
static int
use_inner(struct stress_random *random)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	intptr_t n = stress_below(random, 9);
	enum tpar_err err;
	tpar_window *w;
	intptr_t value;
	intptr_t put = 0;
	intptr_t taken = 0;

	config.width = 1 + stress_below(random, 4);
	config.value_size = sizeof value;
	err = tpar_window_open(&w, &config);
	if (err != TPAR_OK) {
		UNIT_MUST(err == TPAR_ESTOPPED);
		return err;
	}
	task.fn = return_number;
	task.value_size = sizeof value;
	while (taken < n && err == TPAR_OK) {
		task.arg = (void *)put;
		if (put < n && tpar_window_put(w, &task, TPAR_NOW) == TPAR_OK) {
			put++;
			continue;
		}
		err = tpar_window_take(w, &value, TPAR_FOREVER, NULL);
		UNIT_MUST(err == TPAR_ESTOPPED || err == TPAR_ECLOSED ||
			  (err == TPAR_OK && value == taken++));
	}
	tpar_window_close(w);
	return err;
}

static int
run_item(void *arg, void *value)
{
	struct item *item = arg;
	struct stress_random random = { item->seed };
	int rc = 0;

	((struct value *)value)->item = item;
	UNIT_MUST(atomic_fetch_add(&item->runs, 1) == 0);
	/* Each begins only when so many have been taken. */
	UNIT_MUST(atomic_fetch_add(&round_.begun, 1) <
		  atomic_load(&round_.attempts) + (long)round_.width);
	stress_dawdle(&random, 8);
	if (stress_chance(&random, 10)) {
		rc = use_inner(&random);
	}
	if (round_.may_fail && stress_chance(&random, 1)) {
		rc = stress_chance(&random, 50) ? (int)TPAR_ESTOPPED : 5;
	}
	if (rc == 0) {
		atomic_fetch_add(&item->done, 1);
	}
	return rc;
}

static int
produce(void *arg, void *value)
{
	struct part *part = arg;
	struct stress_random random = { part->seed };
	struct tpar_task task = TPAR_TASK_INIT;
	int i;

	(void)value;
	task.fn = run_item;
	task.value_size = sizeof(struct value);
	task.drop_arg = drop_arg;
	task.drop_value = drop_value;
	for (i = 0; i < ITEMS; i++) {
		struct item *item = &round_.item[part->producer][i];
		enum tpar_err err = TPAR_EAGAIN;

		item->seed = stress_next(&random);
		item->number = i;
		item->producer = part->producer;
		task.arg = item;
		task.flags = stress_chance(&random, 20) ? TPAR_NO_INLINE : 0;
		stress_dawdle(&random, 3);
		while (err == TPAR_EAGAIN || err == TPAR_ETIMEDOUT) {
			err = tpar_window_put(
				round_.w, &task,
				stress_chance(&random, 80)
					? TPAR_FOREVER
					: stress_deadline(&random));
		}
		item->accepted = err == TPAR_OK;
		if (err != TPAR_OK) {
			UNIT_MUST(err == TPAR_ECLOSED && round_.may_close);
			break;
		}
	}
	if (atomic_fetch_sub(&round_.producing, 1) == 1) {
		UNIT_MUST(tpar_window_end(round_.w) == TPAR_OK);
	}
	return 0;
}

static int
consume(void *arg, void *value)
{
	struct part *part = arg;
	struct stress_random random = { part->seed };
	long next[PRODUCERS] = { 0 };
	struct value got;
	enum tpar_err err;

	(void)value;
	for (;;) {
		atomic_fetch_add(&round_.attempts, 1);
		do {
			err = tpar_window_take(
				round_.w, &got,
				stress_chance(&random, 80)
					? TPAR_FOREVER
					: stress_deadline(&random),
				NULL);
		} while (err == TPAR_ETIMEDOUT && !round_.may_close);
		if (err != TPAR_OK) {
			break;
		}
		UNIT_MUST(got.item->number == next[got.item->producer]++);
		UNIT_MUST(atomic_load(&got.item->done) == 1);
		UNIT_MUST(atomic_fetch_add(&got.item->values_dropped, 1) == 0);
		part->taken++;
		stress_dawdle(&random, 3);
	}
	UNIT_MUST(err == TPAR_EEND || round_.may_close);
	part->err = err;
	return 0;
}

static void *
produce_thread(void *arg)
{
	(void)produce(arg, NULL);
	return NULL;
}

static void
open_window(struct stress_random *random)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;

	round_.width =
		1 + stress_below(random, stress_chance(random, 50) ? 4 : 70);
	config.pool = round_.pool;
	config.width = round_.width;
	config.value_size = sizeof(struct value);
	if (stress_chance(random, 20)) {
		config.deadline_ns = tpar_in(stress_below(random, 3000000));
		round_.may_close = true;
	}
	UNIT_MUST(tpar_window_open(&round_.w, &config) == TPAR_OK);
}

static void
check_items(void)
{
	int p;
	int i;

	for (p = 0; p < PRODUCERS; p++) {
		for (i = 0; i < ITEMS; i++) {
			struct item *item = &round_.item[p][i];

			UNIT_MUST(atomic_load(&item->runs) <= 1);
			UNIT_MUST(atomic_load(&item->args_dropped) ==
				  (item->accepted ? 1 : 0));
			UNIT_MUST(atomic_load(&item->values_dropped) ==
				  atomic_load(&item->done));
			UNIT_MUST(round_.may_close ||
				  atomic_load(&item->done) ==
					  (item->accepted ? 1 : 0));
		}
	}
}

/* A task of the round: a thread, or a task of a pool with enough threads. */
struct running {
	pthread_t thread;
	tpar_future *f;
};

static void
start(struct stress_random *random, struct running *running, tpar_task_fn fn,
      void *(*main)(void *), void *arg)
{
	running->f = NULL;
	if (stress_chance(random, 50)) {
		running->f = unit_submit(round_.pool, fn, arg, 0);
	} else {
		running->thread = unit_start(main, arg);
	}
}

static void
finish(struct running *running)
{
	if (running->f == NULL) {
		unit_join(running->thread);
		return;
	}
	UNIT_MUST(tpar_future_wait(running->f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(running->f);
}

static void *
consume_thread(void *arg)
{
	(void)consume(arg, NULL);
	return NULL;
}

static void
run_round(struct stress_random *random)
{
	int producers = 1 + (int)stress_below(random, PRODUCERS);
	struct part part[PRODUCERS + 1] = { { 0, 0, 0, TPAR_OK } };
	struct running running[PRODUCERS + 1];
	int i;

	memset(&round_, 0, sizeof round_);
	round_.pool = unit_pool(1 + stress_below(random, 3),
				PRODUCERS + 1 + stress_below(random, 4));
	round_.may_fail = stress_chance(random, 30);
	round_.may_close = round_.may_fail;
	open_window(random);
	round_.may_close |= stress_chance(random, 20);
	atomic_store(&round_.producing, producers);
	for (i = 0; i <= producers; i++) {
		part[i].seed = stress_next(random);
		part[i].producer = i;
		start(random, &running[i], i < producers ? produce : consume,
		      i < producers ? produce_thread : consume_thread,
		      &part[i]);
	}
	if (round_.may_close && stress_chance(random, 70)) {
		stress_dawdle(random, 300);
		UNIT_MUST(tpar_window_cancel(round_.w, "cancelled") == TPAR_OK);
	}
	finish(&running[producers]);
	if (part[producers].err != TPAR_EEND) {
		/* It may only have found nothing in time. */
		(void)tpar_window_cancel(round_.w, NULL);
	}
	for (i = 0; i < producers; i++) {
		finish(&running[i]);
	}
	tpar_window_close(round_.w);
	check_items();
	UNIT_MUST(tpar_pool_destroy(round_.pool) == TPAR_OK);
}

START_TEST(items_come_in_order_or_the_window_ends)
{
	ck_assert_int_gt(stress_run("window", run_round, 150), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { items_come_in_order_or_the_window_ends };

	return stress_main("stress_window", tests,
			   sizeof tests / sizeof tests[0]);
}
