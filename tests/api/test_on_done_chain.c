/* SPDX-License-Identifier: MIT */
/*
 * test_on_done_chain.c - what callbacks do: end other futures, in chains that
 * need no stack, and all else but wait, whoever calls them.
 */
#include "promised.h"

#include <taskpar/cancel.h>
#include <taskpar/group.h>

static void
count(tpar_future *f, void *arg)
{
	UNIT_MUST(tpar_future_state(f) >= TPAR_DONE);
	atomic_fetch_add((_Atomic int *)arg, 1);
}

static void
count_of(tpar_future *f, _Atomic int *calls)
{
	ck_assert_int_eq(tpar_future_on_done(f, count, calls), TPAR_OK);
}

static int
return_code(void *arg, void *value)
{
	(void)value;
	return (int)(intptr_t)arg;
}

enum { CHAIN = 100000 };

struct link {
	struct promised made;
	struct link *next; /* NULL: the last one */
	_Atomic long *calls;
};

static void
set_next(tpar_future *f, void *arg)
{
	struct link *link = arg;

	atomic_fetch_add(link->calls, 1);
	UNIT_MUST(promised_value(f) > 0);
	if (link->next != NULL) {
		promised_set(link->next->made, promised_value(f) + 1);
		/* Its callbacks come after this one: there is no stack. */
	}
}

static void
cancel_next(tpar_future *f, void *arg)
{
	struct link *link = arg;

	atomic_fetch_add(link->calls, 1);
	UNIT_MUST(tpar_future_state(f) == TPAR_CANCELLED);
	if (link->next != NULL) {
		UNIT_MUST(tpar_future_cancel(link->next->made.f) == TPAR_OK);
	}
}

/* On a future that has ended, each time. */
static void
register_next(tpar_future *f, void *arg)
{
	struct link *link = arg;

	atomic_fetch_add(link->calls, 1);
	(void)f;
	if (link->next != NULL) {
		UNIT_MUST(tpar_future_on_done(link->next->made.f, register_next,
					      link->next) == TPAR_OK);
	}
}

struct chain {
	struct link *link;
	long n;
	_Atomic long calls;
	tpar_done_fn fn;
};

static void
make_chain(struct chain *chain, tpar_done_fn fn)
{
	long i;

	chain->n = unit_scaled(CHAIN);
	chain->link = calloc((size_t)chain->n, sizeof *chain->link);
	UNIT_MUST(chain->link != NULL);
	atomic_store(&chain->calls, 0);
	chain->fn = fn;
	for (i = 0; i < chain->n; i++) {
		struct link *link = &chain->link[i];

		link->made = promised_number();
		link->next = i + 1 < chain->n ? link + 1 : NULL;
		link->calls = &chain->calls;
		if (fn == register_next) {
			promised_set(link->made, i);
		} else {
			ck_assert_int_eq(tpar_future_on_done(link->made.f, fn,
							     link),
					 TPAR_OK);
		}
	}
}

static void *
pull(void *arg)
{
	struct chain *chain = arg;

	if (chain->fn == set_next) {
		promised_set(chain->link[0].made, 1);
	} else if (chain->fn == cancel_next) {
		UNIT_MUST(tpar_future_cancel(chain->link[0].made.f) == TPAR_OK);
	} else {
		UNIT_MUST(tpar_future_on_done(chain->link[0].made.f,
					      register_next,
					      &chain->link[0]) == TPAR_OK);
	}
	UNIT_MUST(atomic_load(&chain->calls) == chain->n);
	return NULL;
}

static void
run_chain(tpar_done_fn fn)
{
	struct chain chain;
	long i;

	make_chain(&chain, fn);
	unit_run_on_a_small_stack(pull, &chain);
	for (i = 0; i < chain.n; i++) {
		promised_free(chain.link[i].made);
	}
	free(chain.link);
}

START_TEST(chain_of_callbacks_that_complete_needs_no_stack)
{
	run_chain(set_next);
}
END_TEST

START_TEST(chain_of_callbacks_that_cancel_needs_no_stack)
{
	run_chain(cancel_next);
}
END_TEST

START_TEST(chain_of_callbacks_that_register_needs_no_stack)
{
	run_chain(register_next);
}
END_TEST

/* ---- What a callback may do ---------------------------------------------- */

struct doings {
	struct promised other;
	tpar_future *pending;
	tpar_future *task;
	tpar_future *all;
	tpar_stream *stream;
	tpar_group *group;
	int fd;
	_Atomic int number;
};

static int
count_run(void *arg, void *value)
{
	(void)value;
	atomic_fetch_add((_Atomic int *)arg, 1);
	return 0;
}

static void
do_everything(tpar_future *f, void *arg)
{
	struct doings *doings = arg;
	size_t index;

	UNIT_MUST(tpar_submit(NULL, count_run, &doings->number, 0,
			      &doings->task) == TPAR_OK);
	UNIT_MUST(tpar_future_cancel(doings->pending) == TPAR_OK);
	UNIT_MUST(tpar_future_on_done(doings->task, count, &doings->number) ==
		  TPAR_OK);
	UNIT_MUST(tpar_future_on_done(f, count, &doings->number) == TPAR_OK);
	promised_set(doings->other, 1);
	UNIT_MUST(tpar_gather_async(&doings->other.f, 1, &doings->all) ==
		  TPAR_OK);
	UNIT_MUST(tpar_future_state(doings->all) == TPAR_DONE);
	UNIT_MUST(tpar_as_completed(&f, 1, &doings->stream) == TPAR_OK);
	UNIT_MUST(tpar_stream_next(doings->stream, TPAR_NOW, &index) ==
		  TPAR_OK);
	tpar_stream_close(doings->stream);
	UNIT_MUST(tpar_future_fd(f, &doings->fd) == TPAR_OK);
	UNIT_MUST(tpar_future_wait(f, TPAR_NOW) != TPAR_ETIMEDOUT);
	UNIT_MUST(tpar_future_shield(doings->task) == TPAR_OK);
	UNIT_MUST(tpar_group_open(&doings->group, NULL) == TPAR_OK);
	UNIT_MUST(tpar_group_cancel(doings->group, NULL) == TPAR_OK);
	tpar_group_destroy(doings->group);
	atomic_fetch_add(&doings->number, 1);
}

/* Of a future that ends in some way: by whom, and holding what, it matters. */
static void
do_all_when_ended(tpar_future *f, void (*end)(void *arg), void *arg)
{
	struct doings doings = { .other = promised_number() };
	struct promised pending = promised_number();

	doings.pending = pending.f;
	count_of(doings.other.f, &doings.number);
	count_of(pending.f, &doings.number);
	ck_assert_int_eq(tpar_future_on_done(f, do_everything, &doings),
			 TPAR_OK);
	end(arg);
	UNIT_AWAIT(atomic_load(&doings.number) == 6);
	tpar_future_unref(doings.task);
	tpar_future_unref(doings.all);
	promised_free(doings.other);
	promised_free(pending);
}

static void
end_by_setting(void *arg)
{
	promised_set(*(struct promised *)arg, 1);
}

static void
end_by_cancelling(void *arg)
{
	UNIT_MUST(tpar_future_cancel(arg) == TPAR_OK);
}

static void
end_by_deadline(void *arg)
{
	UNIT_MUST(tpar_future_cancel_at(arg, tpar_in(TPAR_MILLISECOND)) ==
		  TPAR_OK);
}

static void
end_by_running(void *arg)
{
	scene_let_go(arg);
}

static void
end_by_shutdown(void *arg)
{
	struct scene *scene = arg;

	UNIT_MUST(tpar_pool_shutdown(scene->pool, TPAR_CANCEL, TPAR_NOW) ==
		  TPAR_ETIMEDOUT);
	scene_let_go(scene);
}

static void
end_by_group(void *arg)
{
	UNIT_MUST(tpar_group_fail(arg, 1, "the body") == TPAR_OK);
}

START_TEST(callback_of_a_promise_may_do_all_but_wait)
{
	struct promised made = promised_number();

	do_all_when_ended(made.f, end_by_setting, &made);
	promised_free(made);
	made = promised_number();
	do_all_when_ended(made.f, end_by_cancelling, made.f);
	promised_free(made);
	made = promised_number();
	do_all_when_ended(made.f, end_by_deadline, made.f);
	promised_free(made);
}
END_TEST

START_TEST(callback_of_a_task_may_do_all_but_wait)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_group *group = NULL;
	struct scene scene;
	tpar_future *f;

	scene_stall(&scene);
	f = unit_submit(scene.pool, return_code, NULL, 0);
	do_all_when_ended(f, end_by_running, &scene);
	tpar_future_unref(f);
	scene_end(&scene);

	scene_stall(&scene);
	f = unit_submit(scene.pool, return_code, NULL, 0);
	do_all_when_ended(f, end_by_shutdown, &scene);
	tpar_future_unref(f);
	scene_end(&scene);

	scene_stall(&scene);
	config.pool = scene.pool;
	ck_assert_int_eq(tpar_group_open(&group, &config), TPAR_OK);
	task.fn = return_code;
	ck_assert_int_eq(tpar_group_submit(group, &task, &f), TPAR_OK);
	do_all_when_ended(f, end_by_group, group);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_group_close(group, NULL, 0, NULL), TPAR_EFAILED);
	tpar_group_destroy(group);
	scene_let_go(&scene);
	scene_end(&scene);
}
END_TEST

START_TEST(bad_callback_is_refused)
{
	struct promised made = promised_number();

	ck_assert_int_eq(tpar_future_on_done(NULL, count, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
	ck_assert_int_eq(tpar_future_on_done(made.f, NULL, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "fn is NULL");
	promised_free(made);
}
END_TEST

/* Threads register while another one completes. */
struct crowd {
	struct promised made;
	pthread_barrier_t start;
	_Atomic int calls;
};

enum { CROWD = 3, EACH = 20 };

static void *
register_many(void *arg)
{
	struct crowd *crowd = arg;
	int i;

	(void)pthread_barrier_wait(&crowd->start);
	for (i = 0; i < EACH; i++) {
		UNIT_MUST(tpar_future_on_done(crowd->made.f, count,
					      &crowd->calls) == TPAR_OK);
	}
	return NULL;
}

START_TEST(callback_comes_once_when_registering_meets_the_end)
{
	long round;

	for (round = 0; round < unit_scaled(300); round++) {
		struct crowd crowd = { .made = promised_number() };
		pthread_t thread[CROWD];
		int i;

		UNIT_MUST(pthread_barrier_init(&crowd.start, NULL, CROWD + 1) ==
			  0);
		for (i = 0; i < CROWD; i++) {
			thread[i] = unit_start(register_many, &crowd);
		}
		(void)pthread_barrier_wait(&crowd.start);
		promised_set(crowd.made, 1);
		for (i = 0; i < CROWD; i++) {
			unit_join(thread[i]);
		}
		ck_assert_int_eq(atomic_load(&crowd.calls), CROWD * EACH);
		promised_free(crowd.made);
		UNIT_MUST(pthread_barrier_destroy(&crowd.start) == 0);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		chain_of_callbacks_that_complete_needs_no_stack,
		chain_of_callbacks_that_cancel_needs_no_stack,
		chain_of_callbacks_that_register_needs_no_stack,
		callback_of_a_promise_may_do_all_but_wait,
		callback_of_a_task_may_do_all_but_wait,
		bad_callback_is_refused,
		callback_comes_once_when_registering_meets_the_end,
	};

	return unit_main("on_done_chain", tests,
			 sizeof tests / sizeof tests[0]);
}
