/* SPDX-License-Identifier: MIT */
/*
 * test_fork_promise.c - in the child of a fork promises can still be completed,
 * and nobody is told of it but who has asked in the child.
 */
#include "child.h"
#include "scene.h"

#include <poll.h>

/* A promise of a number. */
struct pair {
	tpar_promise *p;
	tpar_future *f;
};

static void
never_called(tpar_promise *p, void *arg)
{
	(void)p;
	(void)arg;
	abort();
}

static void
make(struct pair *pair, bool with_handler)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;

	config.value_size = sizeof(intptr_t);
	config.on_cancel = with_handler ? never_called : NULL;
	UNIT_MUST(tpar_promise_create_with(&config, &pair->p, &pair->f) ==
		  TPAR_OK);
}

static void
give_up(struct pair *pair)
{
	tpar_promise_destroy(pair->p);
	tpar_future_unref(pair->f);
}

static enum tpar_err
set(struct pair *pair, intptr_t number)
{
	return tpar_promise_set(pair->p, &number);
}

static void
count(tpar_future *f, void *arg)
{
	(void)f;
	(*(int *)arg)++;
}

static bool
is_readable(int fd)
{
	struct pollfd poll_fd = { fd, POLLIN, 0 };

	return poll(&poll_fd, 1, 0) == 1;
}

static void *
wait_long(void *f)
{
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	return NULL;
}

/* A promise that a thread waits for in the parent. */
struct awaited {
	struct pair pair;
	int called;
	pthread_t thread;
};

static void
complete_here(void *arg)
{
	struct awaited *awaited = arg;
	struct pair *pair = &awaited->pair;
	intptr_t number = 0;
	int called = 0;

	UNIT_MUST(tpar_future_state(pair->f) != TPAR_CANCELLED);
	UNIT_MUST(tpar_future_wait(pair->f, TPAR_NOW) == TPAR_ETIMEDOUT);
	UNIT_MUST(tpar_future_wait(pair->f, tpar_in(TPAR_MILLISECOND)) ==
		  TPAR_ETIMEDOUT);
	UNIT_MUST(tpar_future_on_done(pair->f, count, &called) == TPAR_OK);
	UNIT_MUST(!tpar_promise_cancelled(pair->p));
	if (CHILD_STARTS_THREADS) {
		pthread_t thread = unit_start(wait_long, pair->f);

		UNIT_MUST(set(pair, 7) == TPAR_OK);
		unit_join(thread);
	} else {
		UNIT_MUST(set(pair, 7) == TPAR_OK);
	}
	UNIT_MUST(called == 1 && awaited->called == 0);
	UNIT_MUST(set(pair, 8) == TPAR_EALREADY);
	UNIT_MUST(tpar_gather(&pair->f, 1, &number, NULL) == TPAR_OK);
	UNIT_MUST(number == 7);
	give_up(pair);
}

static void
destroy_here(void *arg)
{
	struct awaited *awaited = arg;

	tpar_promise_destroy(awaited->pair.p);
	UNIT_MUST(tpar_future_wait(awaited->pair.f, TPAR_FOREVER) ==
		  TPAR_EFAILED);
	tpar_future_unref(awaited->pair.f);
	UNIT_MUST(awaited->called == 0);
}

START_TEST(promise_is_completed_in_the_child_and_again_in_the_parent)
{
	int with_handler;

	for (with_handler = 0; with_handler < 2; with_handler++) {
		struct awaited awaited = { .called = 0 };

		make(&awaited.pair, with_handler != 0);
		ck_assert_int_eq(tpar_future_on_done(awaited.pair.f, count,
						     &awaited.called),
				 TPAR_OK);
		awaited.thread = unit_start(wait_long, awaited.pair.f);
		ck_assert(child_runs(complete_here, &awaited));
		ck_assert(child_runs(destroy_here, &awaited));
		ck_assert_int_eq(awaited.called, 0);
		ck_assert_int_eq(set(&awaited.pair, 5), TPAR_OK);
		unit_join(awaited.thread);
		ck_assert_int_eq(awaited.called, 1);
		give_up(&awaited.pair);
	}
}
END_TEST

static void
create_here(void *arg)
{
	struct pair pair;

	(void)arg;
	make(&pair, false);
	UNIT_MUST(set(&pair, 1) == TPAR_OK);
	UNIT_MUST(tpar_future_wait(pair.f, TPAR_FOREVER) == TPAR_OK);
	give_up(&pair);
}

static _Atomic bool over;

static void *
create_all_the_time(void *arg)
{
	while (!over) {
		create_here(arg);
	}
	return NULL;
}

START_TEST(promises_can_be_made_in_the_child)
{
	pthread_t thread[2];
	long rounds = unit_scaled(100);
	int i;

	if (!CHILD_ALLOCATES) {
		return;
	}
	for (i = 0; i < 2; i++) {
		thread[i] = unit_start(create_all_the_time, NULL);
	}
	for (; rounds > 0; rounds--) {
		ck_assert(child_runs(create_here, NULL));
	}
	over = true;
	for (i = 0; i < 2; i++) {
		unit_join(thread[i]);
	}
}
END_TEST

/* ---- One that is just being completed, or cancelled ----------------------- */

struct race {
	struct pair pair;
	struct unit_gate go;
	bool cancels;
	bool over;
};

static void *
complete_at_some_time(void *arg)
{
	struct race *race = arg;
	unsigned round;

	for (round = 1;; round++) {
		tpar_promise *p;

		unit_gate_await(&race->go, round);
		if (race->over) {
			return NULL;
		}
		/* Once it has ended the next one stands in the pair. */
		p = race->pair.p;
		if (race->cancels) {
			(void)tpar_future_cancel(race->pair.f);
		} else {
			(void)set(&race->pair, 3);
		}
		tpar_promise_destroy(p);
	}
}

/* Whoever was about to complete it, it ends. */
static void
end_here(void *arg)
{
	struct race *race = arg;

	/* It may have been destroyed: only its future is ours. */
	UNIT_MUST(tpar_future_state(race->pair.f) != TPAR_RUNNING);
	tpar_future_unref(race->pair.f);
}

START_TEST(completion_that_a_lost_thread_had_begun_is_a_cancel)
{
	struct race race = { .go = UNIT_GATE_INIT };
	long rounds = unit_scaled(200);
	pthread_t thread;
	long i;

	thread = unit_start(complete_at_some_time, &race);
	for (i = 0; i < rounds; i++) {
		race.cancels = i % 2 != 0;
		make(&race.pair, false);
		unit_gate_open(&race.go);
		ck_assert(child_runs(end_here, &race));
		(void)tpar_future_wait(race.pair.f, TPAR_FOREVER);
		tpar_future_unref(race.pair.f);
	}
	race.over = true;
	unit_gate_open(&race.go);
	unit_join(thread);
}
END_TEST

/* ---- What is built on them ------------------------------------------------ */

struct built {
	struct pair pair;
	struct scene scene;
	tpar_future *both[2]; /* the promise's, one that is held */
	tpar_future *all;
	tpar_stream *stream;
	int fd[2];
};

static void
use_built(void *arg)
{
	struct built *built = arg;
	tpar_stream *stream;
	tpar_future *all;
	size_t index = 9;
	int fd[2];

	UNIT_MUST(tpar_future_wait(built->all, TPAR_FOREVER) == TPAR_ECANCELED);
	UNIT_MUST(tpar_stream_next(built->stream, TPAR_FOREVER, &index) ==
		  TPAR_ECLOSED);
	tpar_stream_close(built->stream);
	UNIT_MUST(tpar_wait_any(built->both, 2, TPAR_FOREVER, &index) ==
		  TPAR_OK);
	UNIT_MUST(index == 1);
	UNIT_MUST(tpar_future_fd(built->both[0], &fd[0]) == TPAR_OK);
	UNIT_MUST(tpar_future_fd(built->both[1], &fd[1]) == TPAR_OK);
	UNIT_MUST(!is_readable(fd[0]) && is_readable(fd[1]));
	UNIT_MUST(tpar_gather_async(built->both, 1, &all) == TPAR_OK);
	UNIT_MUST(tpar_as_completed(built->both, 2, &stream) == TPAR_OK);
	UNIT_MUST(set(&built->pair, 4) == TPAR_OK);
	UNIT_MUST(is_readable(fd[0]));
	UNIT_MUST(tpar_future_wait(all, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(*(const intptr_t *)tpar_future_value(all) == 4);
	UNIT_MUST(tpar_stream_next(stream, TPAR_FOREVER, &index) == TPAR_OK);
	UNIT_MUST(index == 1);
	UNIT_MUST(tpar_stream_next(stream, TPAR_FOREVER, &index) == TPAR_OK);
	UNIT_MUST(index == 0);
	UNIT_MUST(tpar_stream_next(stream, TPAR_FOREVER, &index) == TPAR_EEND);
	tpar_stream_close(stream);
	UNIT_MUST(tpar_future_fd(built->both[0], &fd[1]) == TPAR_OK);
	UNIT_MUST(fd[0] == fd[1]);
	tpar_future_unref(all);
	tpar_future_unref(built->all);
	give_up(&built->pair);
}

START_TEST(what_is_built_on_lost_futures_starts_anew)
{
	struct built built;
	size_t index;

	make(&built.pair, false);
	scene_stall(&built.scene);
	built.both[0] = built.pair.f;
	built.both[1] = unit_submit(built.scene.pool, unit_number_task, NULL,
				    sizeof(intptr_t));
	ck_assert_int_eq(tpar_gather_async(built.both, 2, &built.all), TPAR_OK);
	ck_assert_int_eq(tpar_as_completed(built.both, 2, &built.stream),
			 TPAR_OK);
	ck_assert_int_eq(tpar_future_fd(built.both[0], &built.fd[0]), TPAR_OK);
	ck_assert_int_eq(tpar_future_fd(built.both[1], &built.fd[1]), TPAR_OK);
	ck_assert(child_runs(use_built, &built));
	ck_assert(!is_readable(built.fd[0]) && !is_readable(built.fd[1]));
	ck_assert_int_eq(set(&built.pair, 6), TPAR_OK);
	ck_assert(is_readable(built.fd[0]));
	ck_assert_int_eq(tpar_stream_next(built.stream, TPAR_FOREVER, &index),
			 TPAR_OK);
	ck_assert_uint_eq(index, 0);
	scene_let_go(&built.scene);
	ck_assert_int_eq(tpar_future_wait(built.all, TPAR_FOREVER), TPAR_OK);
	tpar_stream_close(built.stream);
	tpar_future_unref(built.all);
	tpar_future_unref(built.both[1]);
	give_up(&built.pair);
	scene_end(&built.scene);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		promise_is_completed_in_the_child_and_again_in_the_parent,
		promises_can_be_made_in_the_child,
		completion_that_a_lost_thread_had_begun_is_a_cancel,
		what_is_built_on_lost_futures_starts_anew
	};

	return unit_main("fork_promise", tests, sizeof tests / sizeof tests[0]);
}
