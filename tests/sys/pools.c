/* SPDX-License-Identifier: MIT */
/*
 * pools.c - scenarios of pools: shutdowns against submits and waits, priorities,
 * the default pool, errands.
 */
#include "sys.h"

static tpar_pool *pool;

#define SUBMITS 3

struct submitter {
	struct item item[SUBMITS];
	tpar_future *f[SUBMITS];
	int accepted;
};

static void *
submit_some(void *arg)
{
	struct submitter *s = arg;
	enum tpar_err err;
	int i;

	for (i = 0; i < SUBMITS; i++) {
		struct tpar_task task = item_describe(&s->item[i]);

		err = tpar_submit_task(pool, &task, &s->f[i]);
		MUST(err == TPAR_OK || err == TPAR_ECLOSED);
		if (err != TPAR_OK) {
			MUST(s->item[i].arg_drops == 0);
			break;
		}
		s->accepted++;
	}
	return NULL;
}

/* What was accepted has run; what was refused has not; nothing is lost. */
static void
account(struct submitter *s, bool drained)
{
	int i;

	for (i = 0; i < s->accepted; i++) {
		MUST(tpar_future_state(s->f[i]) == TPAR_DONE ||
		     (!drained &&
		      tpar_future_state(s->f[i]) == TPAR_CANCELLED));
	}
	for (i = 0; i < s->accepted; i++) {
		bool done = tpar_future_state(s->f[i]) == TPAR_DONE;

		tpar_future_unref(s->f[i]);
		item_must_be_over(&s->item[i], done);
	}
	for (; i < SUBMITS; i++) {
		MUST(s->item[i].runs == 0 && s->item[i].arg_drops == 0);
	}
}

static void
shut_down(enum tpar_shutdown how)
{
	struct submitter s[2];
	pthread_t thread[2];
	int i;

	memset(s, 0, sizeof s);
	pool = sys_pool(2, 2);
	for (i = 0; i < 2; i++) {
		thread[i] = sys_start(submit_some, &s[i]);
	}
	sys_dawdle();
	MUST(tpar_pool_shutdown(pool, how, TPAR_FOREVER) == TPAR_OK);
	for (i = 0; i < 2; i++) {
		sys_join(thread[i]);
	}
	for (i = 0; i < 2; i++) {
		account(&s[i], how == TPAR_DRAIN);
	}
	sys_destroy(pool);
}

static void
drain_against_submit(void *arg)
{
	(void)arg;
	shut_down(TPAR_DRAIN);
}

static void
cancel_against_submit(void *arg)
{
	(void)arg;
	shut_down(TPAR_CANCEL);
}

/* A wait for what a shutdown cancels. */
static void *
wait_for_it(void *arg)
{
	enum tpar_err err = tpar_future_wait(arg, TPAR_FOREVER);

	MUST(err == TPAR_OK || err == TPAR_ECANCELED);
	return NULL;
}

static void
cancel_against_wait(void *arg)
{
	struct item item[3] = { { .polls = 4 }, { .polls = 4 }, { 0 } };
	tpar_future *f[3];
	pthread_t thread;
	int i;

	(void)arg;
	pool = sys_pool(1, 2);
	for (i = 0; i < 3; i++) {
		f[i] = item_submit(pool, &item[i]);
	}
	thread = sys_start(wait_for_it, f[2]);
	sys_dawdle();
	MUST(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER) == TPAR_OK);
	for (i = 0; i < 3; i++) {
		MUST(tpar_future_state(f[i]) >= TPAR_DONE);
	}
	sys_join(thread);
	for (i = 0; i < 3; i++) {
		bool done = tpar_future_state(f[i]) == TPAR_DONE;

		tpar_future_unref(f[i]);
		item_must_be_over(&item[i], done);
	}
	sys_destroy(pool);
}

/* Each comes when the only worker may just be about to sleep. */
static void
one_after_another(void *arg)
{
	struct item item[6];
	tpar_future *f;
	int i;

	(void)arg;
	memset(item, 0, sizeof item);
	pool = sys_pool(1, 1);
	for (i = 0; i < 6; i++) {
		f = item_submit(pool, &item[i]);
		MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
		tpar_future_unref(f);
		item_must_be_over(&item[i], 1);
		sys_dawdle();
	}
	sys_destroy(pool);
}

/* A tree of tasks that nobody holds, while the pool drains. */
static int left;

static int
grow(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	int i;

	(void)value;
	for (i = 0; i < 2 && depth > 0; i++) {
		MUST(tpar_submit(pool, grow, (void *)(depth - 1), 0, NULL) ==
		     TPAR_OK);
	}
	left--;
	return 0;
}

static void
drain_a_tree(void *arg)
{
	(void)arg;
	left = 7;
	pool = sys_pool(2, 1);
	MUST(tpar_submit(pool, grow, (void *)2, 0, NULL) == TPAR_OK);
	sys_destroy(pool);
	MUST(left == 0);
}

/* With one worker that is held, HIGH tasks begin in order, LOW ones last. */
static struct gate gate_of_first;
static int order[4];
static int ordered;

static int
hold(void *arg, void *value)
{
	(void)arg, (void)value;
	gate_await(&gate_of_first, 1);
	return 0;
}

static int
note_order(void *arg, void *value)
{
	(void)value;
	order[ordered++] = (int)(intptr_t)arg;
	return 0;
}

static void
priorities(void *arg)
{
	static const enum tpar_priority of[4] = { TPAR_PRIORITY_LOW,
						  TPAR_PRIORITY_HIGH,
						  TPAR_PRIORITY_NORMAL,
						  TPAR_PRIORITY_HIGH };
	struct gate fresh = GATE_INIT;
	tpar_future *f[5];
	int i;

	(void)arg;
	gate_of_first = fresh;
	pool = sys_pool(1, 1);
	MUST(tpar_submit(pool, hold, NULL, 0, &f[4]) == TPAR_OK);
	while (tpar_future_state(f[4]) != TPAR_RUNNING) {
		tpar_sys_yield();
	}
	for (i = 0; i < 4; i++) {
		struct tpar_task task = TPAR_TASK_INIT;

		task.fn = note_order;
		task.arg = (void *)(intptr_t)i;
		task.priority = of[i];
		MUST(tpar_submit_task(pool, &task, &f[i]) == TPAR_OK);
	}
	gate_open(&gate_of_first);
	MUST(tpar_wait_all(f, 5, TPAR_FOREVER) == TPAR_OK);
	/* The worker that was held looks for HIGH ones before all else. */
	MUST(order[0] == 1 && order[1] == 3);
	tpar_future_unref_all(f, 5);
	sys_destroy(pool);
}

/* Two threads start the default pool at once; those of its threads that have begun
   are told. */
static void
count_worker(unsigned index, void *arg)
{
	int *calls = arg;

	MUST(index < 2);
	calls[index]++;
}

static void *
use_default(void *arg)
{
	struct item item = { .polls = 1 };
	tpar_future *f = item_submit(NULL, &item);

	(void)arg;
	MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	item_must_be_over(&item, 1);
	return NULL;
}

static void
default_pool(void *arg)
{
	pthread_t thread = sys_start(use_default, NULL);
	int calls[2] = { 0, 0 };

	(void)arg;
	(void)use_default(NULL);
	MUST(tpar_pool_each_worker(NULL, count_worker, calls, TPAR_FOREVER) ==
	     TPAR_OK);
	MUST(calls[0] <= 1 && calls[1] <= 1 && calls[0] + calls[1] >= 1);
	sys_join(thread);
	sys_destroy(NULL);
}

/* Asks all threads while one is added, as a task waits: who is asked is counted. */
static int asked;

static void
note_asked(unsigned index, void *arg)
{
	(void)index, (void)arg;
	asked++;
	tpar_sys_yield();
	asked--;
}

static int
wait_for_other(void *arg, void *value)
{
	(void)value;
	MUST(tpar_future_wait(arg, TPAR_FOREVER) == TPAR_OK);
	return 0;
}

static void
asked_beside_new_threads(void *arg)
{
	tpar_promise *p;
	tpar_future *f[3];
	int i;

	(void)arg;
	asked = 0;
	pool = sys_pool(1, 4);
	MUST(tpar_promise_create(0, NULL, &p, &f[2]) == TPAR_OK);
	for (i = 0; i < 2; i++) {
		MUST(tpar_submit(pool, wait_for_other, f[2], 0, &f[i]) ==
		     TPAR_OK);
	}
	for (i = 0; i < 4; i++) {
		MUST(tpar_pool_each_worker(pool, note_asked, NULL,
					   TPAR_FOREVER) == TPAR_OK);
		MUST(asked == 0);
	}
	MUST(tpar_promise_set(p, NULL) == TPAR_OK);
	MUST(tpar_wait_all(f, 3, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref_all(f, 3);
	tpar_promise_destroy(p);
	sys_destroy(pool);
}

const struct scenario scenarios_of_pools[] = {
	{ "asked_beside_new_threads", asked_beside_new_threads, 0, 0 },
	{ "drain_against_submit", drain_against_submit, 0, 0 },
	{ "cancel_against_submit", cancel_against_submit, 0, 0 },
	{ "cancel_against_wait", cancel_against_wait, 0, 0 },
	{ "one_after_another", one_after_another, 0, 0 },
	{ "drain_a_tree", drain_a_tree, 0, 0 },
	{ "priorities", priorities, 0, 0 },
	{ "default_pool", default_pool, 0, 0 },
	{ NULL, NULL, 0, 0 },
};
