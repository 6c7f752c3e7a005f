/* SPDX-License-Identifier: MIT */
/*
 * sets.c - scenarios of sets: gathers in gathers, a first failure, races, streams,
 * gathers in the background.
 */
#include "sys.h"

static tpar_pool *pool;

static int
leaf(void *arg, void *value)
{
	*(intptr_t *)value = (intptr_t)arg + 1;
	return 0;
}

/* A tree of gathers: the number of its leaves. */
static int
tree(void *arg, void *value)
{
	intptr_t depth = (intptr_t)arg;
	tpar_future *f[2];
	intptr_t n[2];
	int i;

	if (depth == 0) {
		*(intptr_t *)value = 1;
		return 0;
	}
	for (i = 0; i < 2; i++) {
		MUST(tpar_submit(pool, tree, (void *)(depth - 1), sizeof n[0],
				 &f[i]) == TPAR_OK);
	}
	MUST(tpar_gather(f, 2, n, NULL) == TPAR_OK);
	tpar_future_unref_all(f, 2);
	*(intptr_t *)value = n[0] + n[1];
	return 0;
}

static void
run_tree(unsigned workers, intptr_t depth)
{
	tpar_future *f;
	intptr_t n;

	pool = sys_pool(workers, 4);
	MUST(tpar_submit(pool, tree, (void *)depth, sizeof n, &f) == TPAR_OK);
	MUST(tpar_gather(&f, 1, &n, NULL) == TPAR_OK);
	MUST(n == (intptr_t)1 << depth);
	tpar_future_unref(f);
	sys_destroy(pool);
}

/* Waits of which no thread is free to do what is waited for. */
static void
nested_gathers(void *arg)
{
	(void)arg;
	run_tree(1, 2);
}

static void
nested_gathers_stolen(void *arg)
{
	(void)arg;
	run_tree(2, 2);
}

/* Two threads from outside each gather half of what the other one submits. */
struct half {
	tpar_future *f[4];
	int first;
};

static void *
gather_half(void *arg)
{
	struct half *half = arg;
	intptr_t n[2];

	MUST(tpar_gather(&half->f[half->first], 2, n, NULL) == TPAR_OK);
	MUST(n[0] == half->first + 1 && n[1] == half->first + 2);
	return NULL;
}

static void
gathers_from_outside(void *arg)
{
	struct half a = { .first = 0 };
	struct half b;
	pthread_t thread;
	int i;

	(void)arg;
	pool = sys_pool(2, 2);
	for (i = 0; i < 4; i++) {
		MUST(tpar_submit(pool, leaf, (void *)(intptr_t)i,
				 sizeof(intptr_t), &a.f[i]) == TPAR_OK);
	}
	b = a;
	b.first = 2;
	thread = sys_start(gather_half, &b);
	(void)gather_half(&a);
	sys_join(thread);
	tpar_future_unref_all(a.f, 4);
	sys_destroy(pool);
}

/* One fails: the others are stopped, and it is the one that is blamed. */
static void
first_failure(void *arg)
{
	struct item item[4] = {
		{ .polls = 3 }, { .code = 7 }, { .polls = 50 }, { .polls = 3 }
	};
	struct item *out[4];
	struct tpar_failure why;
	tpar_future *f[4];
	int i;

	(void)arg;
	pool = sys_pool(2, 2);
	for (i = 0; i < 4; i++) {
		f[i] = item_submit(pool, &item[i]);
	}
	MUST(tpar_gather(f, 4, out, &why) == TPAR_EFAILED);
	MUST(why.index == 1 && why.code == 7 && why.state == TPAR_FAILED);
	for (i = 0; i < 4; i++) {
		MUST(tpar_future_state(f[i]) >= TPAR_DONE);
		MUST(item[i].arg_drops == 1);
	}
	for (i = 0; i < 4; i++) {
		bool done = tpar_future_state(f[i]) == TPAR_DONE;

		tpar_future_unref(f[i]);
		item_must_be_over(&item[i], done);
	}
	sys_destroy(pool);
}

/* A race in a task, a look at who is first, a stream of the same futures. */
static int
race_task(void *arg, void *value)
{
	struct item *item = arg;
	struct item *winner = NULL;
	tpar_future *f[3];
	size_t first = 9;
	int i;

	(void)value;
	for (i = 0; i < 3; i++) {
		f[i] = item_submit(pool, &item[i]);
	}
	MUST(tpar_wait_any(f, 3, TPAR_FOREVER, NULL) == TPAR_OK);
	MUST(tpar_race(f, 3, &winner, &first, NULL) == TPAR_OK);
	MUST(first < 3 && winner == &item[first] && item[first].code == 0);
	for (i = 0; i < 3; i++) {
		MUST(tpar_future_state(f[i]) >= TPAR_DONE);
	}
	for (i = 0; i < 3; i++) {
		bool done = tpar_future_state(f[i]) == TPAR_DONE;

		tpar_future_unref(f[i]);
		/* That of the winner was moved. */
		item_must_be_over(&item[i], done && (size_t)i != first);
	}
	return 0;
}

static void
race(void *arg)
{
	struct item item[3] = { { .polls = 4 }, { .code = 5 }, { .polls = 2 } };
	tpar_future *f;

	(void)arg;
	pool = sys_pool(2, 2);
	MUST(tpar_submit(pool, race_task, item, 0, &f) == TPAR_OK);
	MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	sys_destroy(pool);
}

/* Two threads take from one stream: each future comes once. */
struct taking {
	tpar_stream *stream;
	unsigned seen;
};

static void *
take_all(void *arg)
{
	struct taking *t = arg;
	enum tpar_err err;
	size_t i;

	while ((err = tpar_stream_next(t->stream, TPAR_FOREVER, &i)) ==
	       TPAR_OK) {
		MUST((t->seen & 1u << i) == 0);
		t->seen |= 1u << i;
	}
	MUST(err == TPAR_EEND);
	return NULL;
}

static void
stream(void *arg)
{
	struct item item[3] = { { .polls = 2 }, { .code = 1 }, { .polls = 1 } };
	struct taking mine = { NULL, 0 };
	struct taking theirs;
	tpar_future *f[3];
	pthread_t thread;
	int i;

	(void)arg;
	pool = sys_pool(2, 2);
	for (i = 0; i < 3; i++) {
		f[i] = item_submit(pool, &item[i]);
	}
	MUST(tpar_as_completed(f, 3, &mine.stream) == TPAR_OK);
	theirs = mine;
	thread = sys_start(take_all, &theirs);
	(void)take_all(&mine);
	sys_join(thread);
	MUST((mine.seen & theirs.seen) == 0);
	MUST((mine.seen | theirs.seen) == 7);
	tpar_stream_close(mine.stream);
	tpar_future_unref_all(f, 3);
	sys_destroy(pool);
}

/* A gather in the background, cancelled by another thread meanwhile. */
static void *
cancel_it(void *arg)
{
	(void)tpar_future_cancel(arg);
	tpar_future_unref(arg);
	return NULL;
}

static void
gather_async(void *arg)
{
	struct item item[2] = { { .polls = 2 }, { .polls = 2 } };
	enum tpar_state state;
	tpar_future *f[2];
	tpar_future *all;
	tpar_future *outer;
	pthread_t thread;
	enum tpar_err err;
	int i;

	(void)arg;
	pool = sys_pool(1, 2);
	for (i = 0; i < 2; i++) {
		f[i] = item_submit(pool, &item[i]);
	}
	MUST(tpar_gather_async(f, 2, &all) == TPAR_OK);
	MUST(tpar_gather_async(&all, 1, &outer) == TPAR_OK);
	tpar_future_unref_all(f, 2);
	thread = sys_start(cancel_it, tpar_future_ref(all));
	err = tpar_future_wait(outer, TPAR_FOREVER);
	MUST(err == TPAR_OK || err == TPAR_ECANCELED || err == TPAR_EFAILED);
	state = tpar_future_state(outer);
	sys_join(thread);
	tpar_future_unref(all);
	tpar_future_unref(outer);
	sys_destroy(pool);
	for (i = 0; i < 2; i++) {
		MUST(item[i].arg_drops == 1);
		MUST(item[i].value_drops <= item[i].runs);
		MUST(state != TPAR_DONE || item[i].value_drops == 1);
	}
}

const struct scenario scenarios_of_sets[] = {
	{ "nested_gathers", nested_gathers, 0, 0 },
	{ "nested_gathers_stolen", nested_gathers_stolen, 0, 0 },
	{ "gathers_from_outside", gathers_from_outside, 0, 0 },
	{ "first_failure", first_failure, 0, 0 },
	{ "race", race, 0, 0 },
	{ "stream", stream, 0, 0 },
	{ "gather_async", gather_async, 0, 0 },
	{ NULL, NULL, 0, 0 },
};
