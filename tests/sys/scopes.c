/* SPDX-License-Identifier: MIT */
/*
 * scopes.c - scenarios of groups and windows: children that spawn while the group
 * closes, a first failure, a full window with a producer and a consumer.
 */
#include "sys.h"

static tpar_pool *pool;
static tpar_group *group;
static int begun;
static int accepted;

static tpar_group *
open_group(void)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	tpar_group *g;

	config.pool = pool;
	MUST(tpar_group_open(&g, &config) == TPAR_OK);
	return g;
}

/* Each child spawns two until the depth is 0. */
static int
spawn(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	enum tpar_err err;
	int i;

	(void)value;
	begun++;
	for (i = 0; i < 2 && depth > 0; i++) {
		err = tpar_group_run(group, spawn, (void *)(depth - 1));
		MUST(err == TPAR_OK || err == TPAR_ECLOSED);
		accepted += err == TPAR_OK;
	}
	return 0;
}

static void
close_while_spawning(void *arg)
{
	(void)arg;
	begun = accepted = 0;
	pool = sys_pool(2, 2);
	group = open_group();
	MUST(tpar_group_run(group, spawn, (void *)2) == TPAR_OK);
	accepted++;
	MUST(tpar_group_close(group, NULL, 0, NULL) == TPAR_OK);
	MUST(begun == 7 && accepted == 7);
	MUST(tpar_group_run(group, spawn, NULL) == TPAR_ECLOSED);
	tpar_group_destroy(group);
	sys_destroy(pool);
}

/* The same, and somebody cancels it: what was accepted is over at its close. */
static void *
cancel_group(void *arg)
{
	sys_dawdle();
	MUST(tpar_group_cancel(arg, "enough") != TPAR_EINVAL);
	return NULL;
}

static void
cancel_while_spawning(void *arg)
{
	enum tpar_err err;
	pthread_t thread;
	int before;

	(void)arg;
	begun = accepted = 0;
	pool = sys_pool(2, 2);
	group = open_group();
	thread = sys_start(cancel_group, group);
	err = tpar_group_run(group, spawn, (void *)2);
	MUST(err == TPAR_OK || err == TPAR_ECLOSED);
	accepted += err == TPAR_OK;
	err = tpar_group_close(group, NULL, 0, NULL);
	before = begun;
	MUST(err == TPAR_OK || err == TPAR_ECANCELED);
	MUST(err != TPAR_OK || begun == accepted);
	sys_join(thread);
	tpar_group_destroy(group);
	sys_destroy(pool);
	MUST(begun == before);
}

/* A child fails: the others are stopped, it is the one that is blamed. */
static void
fail_fast(void *arg)
{
	struct item item[4] = {
		{ .polls = 4 }, { .code = 3 }, { .polls = 4 }, { .polls = 4 }
	};
	struct tpar_failure why;
	enum tpar_err err;
	size_t count = 9;
	int taken[4];
	int i;

	(void)arg;
	pool = sys_pool(2, 2);
	group = open_group();
	for (i = 0; i < 4; i++) {
		struct tpar_task task = item_describe(&item[i]);

		err = tpar_group_submit(group, &task, NULL);
		MUST(err == TPAR_OK || err == TPAR_ECLOSED);
		taken[i] = err == TPAR_OK;
	}
	MUST(tpar_group_close(group, &why, 1, &count) == TPAR_EFAILED);
	MUST(count == 1 && why.code == 3 && why.index == 1);
	for (i = 0; i < 4; i++) {
		MUST(item[i].arg_drops == taken[i]);
		MUST(item[i].value_drops <= item[i].runs);
	}
	tpar_group_destroy(group);
	sys_destroy(pool);
}

/* ---- Windows ------------------------------------------------------------------ */

#define ITEMS 5

struct flow {
	tpar_window *window;
	struct item item[ITEMS];
	int put; /* accepted */
};

static void *
produce(void *arg)
{
	struct flow *flow = arg;
	enum tpar_err err = TPAR_OK;
	int i;

	for (i = 0; i < ITEMS && err == TPAR_OK; i++) {
		struct tpar_task task = item_describe(&flow->item[i]);

		err = tpar_window_put(flow->window, &task, TPAR_FOREVER);
		MUST(err == TPAR_OK || err == TPAR_ECLOSED);
		flow->put += err == TPAR_OK;
	}
	MUST(tpar_window_end(flow->window) == TPAR_OK);
	return NULL;
}

static void
open_flow(struct flow *flow, size_t width)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;

	memset(flow, 0, sizeof *flow);
	pool = sys_pool(2, 2);
	config.pool = pool;
	config.width = width;
	config.value_size = sizeof(struct item *);
	MUST(tpar_window_open(&flow->window, &config) == TPAR_OK);
}

static void
window_full(void *arg)
{
	struct item *got;
	struct flow flow;
	pthread_t thread;
	int i;

	(void)arg;
	open_flow(&flow, 1 + tpar_sys_choose(2));
	thread = sys_start(produce, &flow);
	for (i = 0; i < ITEMS; i++) {
		/* Until nobody else can go on: the producer sleeps. */
		if (tpar_sys_choose(4) == 0) {
			MUST(tpar_sleep(tpar_in(TPAR_MILLISECOND)) == TPAR_OK);
		}
		MUST(tpar_window_take(flow.window, &got, TPAR_FOREVER, NULL) ==
		     TPAR_OK);
		MUST(got == &flow.item[i]);
	}
	MUST(tpar_window_take(flow.window, &got, TPAR_FOREVER, NULL) ==
	     TPAR_EEND);
	sys_join(thread);
	tpar_window_close(flow.window);
	sys_destroy(pool);
	for (i = 0; i < ITEMS; i++) {
		item_must_be_over(&flow.item[i], 0);
	}
}

/* An item fails while the producer waits for room. */
static void
window_fails(void *arg)
{
	struct tpar_failure why;
	struct item *got;
	struct flow flow;
	enum tpar_err err;
	pthread_t thread;
	int taken = 0;
	int i;

	(void)arg;
	open_flow(&flow, 2);
	flow.item[2].code = 6;
	flow.item[3].polls = 2;
	thread = sys_start(produce, &flow);
	while ((err = tpar_window_take(flow.window, &got, TPAR_FOREVER,
				       &why)) == TPAR_OK) {
		MUST(got == &flow.item[taken]);
		taken++;
	}
	MUST(err == TPAR_EFAILED && why.code == 6 && why.index == 2);
	MUST(taken <= 2);
	sys_join(thread);
	tpar_window_close(flow.window);
	sys_destroy(pool);
	for (i = 0; i < ITEMS; i++) {
		MUST(flow.item[i].arg_drops == (i < flow.put));
		MUST(flow.item[i].runs <= flow.item[i].arg_drops);
		MUST(i >= taken || flow.item[i].value_drops == 0);
	}
}

const struct scenario scenarios_of_scopes[] = {
	{ "close_while_spawning", close_while_spawning, 0, 0 },
	{ "cancel_while_spawning", cancel_while_spawning, 0, 0 },
	{ "fail_fast", fail_fast, 0, 0 },
	{ "window_full", window_full, 0, 0 },
	{ "window_fails", window_fails, 0, 0 },
	{ NULL, NULL, 0, 0 },
};
