/* SPDX-License-Identifier: MIT */
/*
 * promises.c - scenarios of promises and of callbacks: completed against
 * cancelled, chains of futures that end each other.
 */
#include "sys.h"

#include <poll.h>

static tpar_pool *pool;
static int drops;

static void
drop_number(void *value)
{
	MUST(*(int *)value == 17);
	drops++;
}

/* One sets it, one fails it, one cancels it, one waits: one of them wins. */
struct contest {
	tpar_promise *promise;
	tpar_future *future;
	int won;
	int calls; /* of the callback */
};

static void *
set_it(void *arg)
{
	struct contest *c = arg;
	int value = 17;
	enum tpar_err err = tpar_promise_set(c->promise, &value);

	MUST(err == TPAR_OK || err == TPAR_EALREADY);
	c->won += err == TPAR_OK;
	drops += err != TPAR_OK;
	return NULL;
}

static void *
fail_it(void *arg)
{
	struct contest *c = arg;
	enum tpar_err err = tpar_promise_fail(c->promise, 4, "no");

	MUST(err == TPAR_OK || err == TPAR_EALREADY);
	c->won += err == TPAR_OK;
	return NULL;
}

static void
note_end(tpar_future *f, void *arg)
{
	struct contest *c = arg;

	MUST(f == c->future && tpar_future_state(f) >= TPAR_DONE);
	c->calls++;
}

static void
contest(struct contest *c, bool cancel)
{
	pthread_t thread[2];
	enum tpar_err err;

	MUST(tpar_future_on_done(c->future, note_end, c) == TPAR_OK);
	thread[0] = sys_start(set_it, c);
	thread[1] = sys_start(fail_it, c);
	if (cancel) {
		(void)tpar_future_cancel(c->future);
	}
	err = tpar_future_wait(c->future, TPAR_FOREVER);
	MUST(err == TPAR_OK || err == TPAR_EFAILED || err == TPAR_ECANCELED);
	sys_join(thread[0]);
	sys_join(thread[1]);
	/* It waits for on_cancel; callbacks may run after a wait has ended. */
	tpar_promise_destroy(c->promise);
	MUST(c->calls == 1);
	MUST(c->won + (err == TPAR_ECANCELED) == 1);
	tpar_future_unref(c->future);
	MUST(drops == 1 || err != TPAR_OK);
}

static void
promise_contest(void *arg)
{
	struct contest c = { NULL, NULL, 0, 0 };

	(void)arg;
	drops = 0;
	MUST(tpar_promise_create(sizeof(int), drop_number, &c.promise,
				 &c.future) == TPAR_OK);
	contest(&c, true);
}

/* With on_cancel, which may run while others complete it. */
static int asked;

static void
on_cancel(tpar_promise *p, void *arg)
{
	struct contest *c = arg;
	enum tpar_err err = tpar_promise_fail(p, 5, "asked");

	asked++;
	c->won += err == TPAR_OK;
}

static void
promise_asked(void *arg)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	struct contest c = { NULL, NULL, 0, 0 };

	(void)arg;
	drops = asked = 0;
	config.value_size = sizeof(int);
	config.drop_value = drop_number;
	config.on_cancel = on_cancel;
	config.arg = &c;
	MUST(tpar_promise_create_with(&config, &c.promise, &c.future) ==
	     TPAR_OK);
	contest(&c, true);
	MUST(asked <= 1);
}

/* Which of several ends first, and where it is first among them. */
static void *
set_both(void *arg)
{
	struct contest *c = arg;

	(void)set_it(&c[0]);
	(void)set_it(&c[1]);
	return NULL;
}

static void
first_to_end(void *arg)
{
	struct contest c[2] = { { NULL, NULL, 0, 0 }, { NULL, NULL, 0, 0 } };
	tpar_future *f[4];
	pthread_t thread;
	size_t index = 9;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		MUST(tpar_promise_create(sizeof(int), NULL, &c[i].promise,
					 &c[i].future) == TPAR_OK);
	}
	f[0] = f[3] = c[0].future;
	f[1] = f[2] = c[1].future;
	thread = sys_start(set_both, c);
	MUST(tpar_wait_any(f, 4, TPAR_FOREVER, &index) == TPAR_OK);
	MUST(index == 0);
	MUST(tpar_race(f + 1, 2, NULL, &index, NULL) == TPAR_OK);
	MUST(index == 0);
	sys_join(thread);
	for (i = 0; i < 2; i++) {
		tpar_promise_destroy(c[i].promise);
		tpar_future_unref(c[i].future);
	}
}

/* A task waits for a promise that the callback of another task completes. */
static int
wait_for_promise(void *arg, void *value)
{
	(void)value;
	MUST(tpar_future_wait(arg, TPAR_FOREVER) == TPAR_OK);
	MUST(*(const int *)tpar_future_value(arg) == 17);
	return 0;
}

static void
complete(tpar_future *f, void *arg)
{
	int value = 17;

	(void)f;
	MUST(tpar_promise_set(arg, &value) == TPAR_OK);
}

static void
chain(void *arg)
{
	struct item item = { .polls = 1 };
	tpar_promise *p[2];
	tpar_future *f[2];
	tpar_future *waits;
	tpar_future *first;
	int i;

	(void)arg;
	drops = 0;
	pool = sys_pool(1, 2);
	for (i = 0; i < 2; i++) {
		MUST(tpar_promise_create(sizeof(int), drop_number, &p[i],
					 &f[i]) == TPAR_OK);
	}
	MUST(tpar_submit(pool, wait_for_promise, f[1], 0, &waits) == TPAR_OK);
	first = item_submit(pool, &item);
	MUST(tpar_future_on_done(first, complete, p[0]) == TPAR_OK);
	MUST(tpar_future_on_done(f[0], complete, p[1]) == TPAR_OK);
	MUST(tpar_future_wait(waits, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(waits);
	tpar_future_unref(first);
	sys_destroy(pool);
	for (i = 0; i < 2; i++) {
		tpar_promise_destroy(p[i]);
		tpar_future_unref(f[i]);
	}
	MUST(drops == 2);
	item_must_be_over(&item, 1);
}

/* A descriptor becomes readable when the task has ended, also one asked late. */
static void
descriptor(void *arg)
{
	struct item item = { .polls = 2 };
	struct pollfd one = { -1, POLLIN, 0 };
	tpar_future *f;

	(void)arg;
	pool = sys_pool(1, 1);
	f = item_submit(pool, &item);
	MUST(tpar_future_fd(f, &one.fd) == TPAR_OK);
	MUST(poll(&one, 1, -1) == 1);
	MUST(tpar_future_state(f) == TPAR_DONE);
	tpar_future_unref(f);
	sys_destroy(pool);
	item_must_be_over(&item, 1);
}

const struct scenario scenarios_of_promises[] = {
	{ "promise_contest", promise_contest, 0, 0 },
	{ "promise_asked", promise_asked, 0, 0 },
	{ "first_to_end", first_to_end, 0, 0 },
	{ "chain", chain, 0, 0 },
	{ "descriptor", descriptor, 0, 0 },
	{ NULL, NULL, 0, 0 },
};
