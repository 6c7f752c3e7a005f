/* SPDX-License-Identifier: MIT */
/*
 * stops.c - scenarios of cancelling: storms, handlers and their removal, shields.
 */
#include "sys.h"

static tpar_pool *pool;

#define STORM 3

/* Everybody cancels and waits for everything. */
static void *
storm(void *arg)
{
	tpar_future **f = arg;
	enum tpar_err err;
	int i;

	for (i = 0; i < STORM; i++) {
		err = tpar_future_cancel(f[i]);
		MUST(err == TPAR_OK || err == TPAR_EALREADY);
	}
	for (i = 0; i < STORM; i++) {
		err = tpar_future_wait(f[i], TPAR_FOREVER);
		MUST(err == TPAR_OK || err == TPAR_ECANCELED);
	}
	return NULL;
}

static void
cancel_storm(void *arg)
{
	struct item item[STORM] = { { .polls = 3 }, { .polls = 1 }, { 0 } };
	tpar_future *f[STORM];
	pthread_t thread;
	int i;

	(void)arg;
	pool = sys_pool(2, 2);
	for (i = 0; i < STORM; i++) {
		f[i] = item_submit(pool, &item[i]);
	}
	thread = sys_start(storm, f);
	(void)storm(f);
	sys_join(thread);
	for (i = 0; i < STORM; i++) {
		bool done = tpar_future_state(f[i]) == TPAR_DONE;

		tpar_future_unref(f[i]);
		item_must_be_over(&item[i], done);
	}
	sys_destroy(pool);
}

/* A task that gathers is cancelled: so are its members, which have ended then. */
static int
gathering(void *arg, void *value)
{
	struct item *item = arg;
	struct item *out[2];
	tpar_future *f[2];
	enum tpar_err err;
	int i;

	(void)value;
	for (i = 0; i < 2; i++) {
		f[i] = item_submit(pool, &item[i]);
	}
	err = tpar_gather(f, 2, out, NULL);
	MUST(err == TPAR_OK || err == TPAR_ESTOPPED);
	for (i = 0; i < 2; i++) {
		bool done = tpar_future_state(f[i]) == TPAR_DONE;

		MUST(tpar_future_state(f[i]) >= TPAR_DONE);
		tpar_future_unref(f[i]);
		item_must_be_over(&item[i], done && err != TPAR_OK);
	}
	return err == TPAR_OK ? 0 : TPAR_ESTOPPED;
}

static void
stop_of_a_gather(void *arg)
{
	/* The second one ends only if it is stopped. */
	struct item item[2] = { { .polls = 3 }, { .polls = 1000000000 } };
	tpar_future *f;
	enum tpar_err err;

	(void)arg;
	pool = sys_pool(1 + tpar_sys_choose(2), 2);
	MUST(tpar_submit(pool, gathering, item, 0, &f) == TPAR_OK);
	sys_dawdle();
	MUST(tpar_future_cancel(f) == TPAR_OK ||
	     tpar_future_state(f) >= TPAR_DONE);
	err = tpar_future_wait(f, TPAR_FOREVER);
	MUST(err == TPAR_ECANCELED);
	tpar_future_unref(f);
	sys_destroy(pool);
}

/* A handler runs at most once, and never after it was removed. */
struct handled {
	int calls;
	bool removed;
	bool in_it;
};

static void
note_stop(void *arg)
{
	struct handled *h = arg;

	h->in_it = true;
	MUST(!h->removed);
	h->calls++;
	tpar_sys_yield();
	MUST(!h->removed);
	h->in_it = false;
}

static int
handling(void *arg, void *value)
{
	struct handled *h = arg;
	tpar_handler handler[2];
	int i;

	(void)value;
	for (i = 0; i < 2; i++) {
		if (tpar_on_cancel(note_stop, &h[i], &handler[i]) != TPAR_OK) {
			h[i].removed = true;
			memset(&handler[i], 0, sizeof handler[i]);
		}
	}
	tpar_sys_yield();
	for (i = 0; i < 2; i++) {
		tpar_off_cancel(&handler[i]);
		MUST(!h[i].in_it);
		h[i].removed = true;
	}
	return tpar_cancelled() ? TPAR_ESTOPPED : 0;
}

static void
handler_removed(void *arg)
{
	struct handled h[2] = { { 0, false, false }, { 0, false, false } };
	tpar_future *f;
	enum tpar_err err;

	(void)arg;
	pool = sys_pool(1, 2);
	MUST(tpar_submit(pool, handling, h, 0, &f) == TPAR_OK);
	sys_dawdle();
	(void)tpar_future_cancel(f);
	err = tpar_future_wait(f, TPAR_FOREVER);
	MUST(err == TPAR_OK || err == TPAR_ECANCELED);
	MUST(h[0].calls <= 1 && h[1].calls <= 1);
	MUST(h[0].calls >= h[1].calls || h[0].removed);
	tpar_future_unref(f);
	sys_destroy(pool);
}

/* In a shield a task sees nothing, after it it does; its member goes on. */
static int
shielding(void *arg, void *value)
{
	struct item *item = arg;
	struct item *out;
	tpar_future *f;
	enum tpar_err err;

	(void)value;
	tpar_shield_enter();
	f = item_submit(pool, item);
	err = tpar_gather(&f, 1, &out, NULL);
	MUST(err == TPAR_OK && out == item);
	MUST(!tpar_cancelled());
	tpar_shield_leave();
	tpar_future_unref(f);
	item_must_be_over(item, 0);
	return tpar_checkpoint();
}

static void
shield(void *arg)
{
	struct item item = { .polls = 2 };
	tpar_future *f;
	enum tpar_err err;

	(void)arg;
	pool = sys_pool(2, 2);
	MUST(tpar_submit(pool, shielding, &item, 0, &f) == TPAR_OK);
	sys_dawdle();
	(void)tpar_future_cancel(f);
	err = tpar_future_wait(f, TPAR_FOREVER);
	MUST(err == TPAR_OK || err == TPAR_ECANCELED);
	MUST(item.runs == 1 || err == TPAR_ECANCELED);
	tpar_future_unref(f);
	sys_destroy(pool);
}

static void *
fail_promise(void *arg)
{
	sys_dawdle();
	MUST(tpar_promise_fail(arg, 7, "no") == TPAR_OK);
	return NULL;
}

/*
 * The only worker runs the first member, and is free once that is asked to stop:
 * the second one is over by then, and never begins.
 */
static void
nothing_begins_after_a_failure(void *arg)
{
	struct item item[2] = { { .polls = 1000000000 }, { 0 } };
	struct tpar_task task = item_describe(&item[1]);
	struct tpar_failure why;
	struct item *out[3];
	tpar_promise *promise;
	tpar_future *f[3];
	pthread_t thread;
	int i;

	(void)arg;
	pool = sys_pool(1, 2);
	f[0] = item_submit(pool, &item[0]);
	while (item[0].runs == 0) {
		tpar_sys_yield();
	}
	task.flags = TPAR_NO_INLINE;
	MUST(tpar_submit_task(pool, &task, &f[1]) == TPAR_OK);
	MUST(tpar_promise_create(sizeof(struct item *), NULL, &promise,
				 &f[2]) == TPAR_OK);
	thread = sys_start(fail_promise, promise);
	MUST(tpar_gather(f, 3, out, &why) == TPAR_EFAILED);
	MUST(why.index == 2 && why.code == 7);
	sys_join(thread);
	tpar_promise_destroy(promise);
	for (i = 0; i < 3; i++) {
		tpar_future_unref(f[i]);
	}
	item_must_be_over(&item[0], 0);
	item_must_be_over(&item[1], 0);
	MUST(item[1].runs == 0);
	sys_destroy(pool);
}

const struct scenario scenarios_of_stops[] = {
	{ "cancel_storm", cancel_storm, 0, 0 },
	{ "stop_of_a_gather", stop_of_a_gather, 0, 0 },
	{ "handler_removed", handler_removed, 0, 0 },
	{ "shield", shield, 0, 0 },
	{ "nothing_begins_after_a_failure", nothing_begins_after_a_failure, 0,
	  0 },
	{ NULL, NULL, 0, 0 },
};
