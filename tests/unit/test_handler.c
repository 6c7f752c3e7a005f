/* SPDX-License-Identifier: MIT */
/*
 * test_handler.c - being told that a task was asked to stop: once, in order, by
 * its own cancel or its pool's; removed before, meanwhile and afterwards.
 */
#include "config.h"

#include "handmade.h"

#include "src/cancel.h"
#include "src/handler.h"

#include <stdatomic.h>

/* A handler that says how often it was called, and after how many others. */
struct probe {
	struct tpi_handler handler;
	unsigned called;
	unsigned place;
};

static unsigned calls;

static void
count(struct tpi_handler *handler)
{
	struct probe *probe = (struct probe *)handler;

	probe->called++;
	probe->place = calls++;
}

static void
add(struct probe *probe)
{
	struct probe empty = { .called = 0 };

	*probe = empty;
	ck_assert(tpi_handler_add(&probe->handler, count));
}

/* As the end of a task does. */
static void
end(struct tpi_run *run)
{
	tpi_handler_end(run->task);
	hand_end(run, 0);
}

START_TEST(all_are_called_in_order_once)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f = hand_future(pool);
	struct probe probe[5];
	struct tpi_run run;
	unsigned i;

	hand_begin(&run, f);
	for (i = 0; i < 5; i++) {
		add(&probe[i]);
	}
	ck_assert(tpi_cancel(f, TPI_REASON_ASKED));
	ck_assert(tpi_cancel(f, TPI_REASON_ASKED));
	tpi_handler_stop_pool(&pool->intake);
	for (i = 0; i < 5; i++) {
		ck_assert_uint_eq(probe[i].called, 1);
		ck_assert_uint_eq(probe[i].place, i);
		tpi_handler_remove(&probe[i].handler);
	}
	end(&run);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(removed_one_is_not_called)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f = hand_future(pool);
	struct probe never = { .called = 0 };
	struct probe probe[4];
	struct tpi_run run;
	unsigned i;

	hand_begin(&run, f);
	for (i = 0; i < 4; i++) {
		add(&probe[i]);
	}
	tpi_handler_remove(&never.handler);
	tpi_handler_remove(&probe[3].handler);
	tpi_handler_remove(&probe[1].handler);
	tpi_handler_remove(&probe[1].handler);
	/* The list is whole. */
	add(&probe[1]);
	ck_assert(tpi_cancel(f, TPI_REASON_ASKED));
	ck_assert_uint_eq(calls, 3);
	ck_assert_uint_eq(probe[3].called, 0);
	ck_assert_uint_eq(probe[1].place, 2);
	end(&run);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(too_late_to_be_added)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f = hand_future(pool);
	struct probe probe = { .called = 0 };
	struct tpi_run run;

	hand_begin(&run, f);
	ck_assert(!tpi_handler_asked(&run));
	ck_assert(tpi_cancel(f, TPI_REASON_ASKED));
	ck_assert(tpi_handler_asked(&run));
	ck_assert(!tpi_handler_add(&probe.handler, count));
	tpi_handler_stop(f);
	ck_assert_uint_eq(probe.called, 0);
	tpi_handler_remove(&probe.handler);
	end(&run);
	hand_drop(f);
	/* Shielded, it was asked all the same. */
	f = hand_future(pool);
	hand_begin(&run, f);
	run.shield = 1;
	ck_assert(tpi_cancel(f, TPI_REASON_ASKED));
	ck_assert(!tpi_handler_add(&probe.handler, count));
	end(&run);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(end_of_the_task_removes_what_is_left)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f = hand_future(pool);
	struct probe probe[2];
	struct tpi_run run;

	hand_begin(&run, f);
	add(&probe[0]);
	add(&probe[1]);
	tpi_handler_end(f);
	tpi_handler_call(f);
	tpi_handler_stop_pool(&pool->intake);
	ck_assert_uint_eq(calls, 0);
	tpi_handler_remove(&probe[0].handler);
	hand_end(&run, 0);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

/* What a task drops at its end is a time when nobody asks any more. */
START_TEST(nothing_is_added_at_the_end)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f = hand_future(pool);
	struct probe probe;
	struct tpi_run run;

	hand_begin(&run, f);
	run.ending = true;
	add(&probe);
	ck_assert(!run.handled);
	ck_assert(tpi_cancel(f, TPI_REASON_ASKED));
	tpi_handler_remove(&probe.handler);
	ck_assert_uint_eq(calls, 0);
	hand_end(&run, 0);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

enum { MANY = 200 };

/* More tasks than the table has places, one on top of the other. */
START_TEST(only_the_task_that_is_asked)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f[MANY];
	struct tpi_run run[MANY];
	struct probe probe[MANY];
	unsigned i;
	unsigned k;

	for (i = 0; i < MANY; i++) {
		f[i] = hand_future(pool);
		hand_begin(&run[i], f[i]);
		add(&probe[i]);
	}
	for (i = 0; i < MANY; i += 2) {
		ck_assert(tpi_cancel(f[i], TPI_REASON_ASKED));
		ck_assert_uint_eq(calls, i / 2 + 1);
		ck_assert_uint_eq(probe[i].called, 1);
	}
	for (k = MANY; k-- > 0;) {
		ck_assert_uint_eq(probe[k].called, k % 2 == 0);
		end(&run[k]);
		hand_drop(f[k]);
	}
	hand_free(pool);
}
END_TEST

START_TEST(pool_tells_its_own_tasks)
{
	struct tpar_pool *pool[3];
	struct tpar_future *f[3];
	struct tpi_run run[3];
	struct probe probe[3];
	int i;

	for (i = 0; i < 3; i++) {
		pool[i] = hand_pool(1);
		f[i] = hand_future(pool[i]);
		hand_begin(&run[i], f[i]);
		/* The last one is gathered by the one below. */
		run[i].stopper = i == 2 ? &run[1] : NULL;
		add(&probe[i]);
	}
	tpi_intake_close(&pool[1]->intake, TPI_CANCELLING);
	tpi_handler_stop_pool(&pool[1]->intake);
	ck_assert_uint_eq(probe[0].called, 0);
	ck_assert_uint_eq(probe[1].called, 1);
	ck_assert_uint_eq(probe[2].called, 1);
	/* And none of the two is told of anything from now on. */
	ck_assert(!tpi_handler_add(&probe[2].handler, count));
	for (i = 3; i-- > 0;) {
		end(&run[i]);
		hand_drop(f[i]);
		hand_free(pool[i]);
	}
}
END_TEST

static void
remove_and_free(struct tpi_handler *handler)
{
	tpi_handler_remove(handler);
	tpi_handler_remove(handler);
	calls++;
	free(handler);
}

/* Cancels another task, whose handler is called by the same sweep. */
struct passer {
	struct tpi_handler handler;
	struct tpar_future *f;
	struct probe *probe;
};

static void
pass_on(struct tpi_handler *handler)
{
	struct passer *passer = (struct passer *)handler;

	UNIT_MUST(tpi_cancel(passer->f, TPI_REASON_ASKED));
	tpi_handler_remove(&passer->probe->handler);
}

START_TEST(call_may_remove_free_and_cancel)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f[2];
	struct passer passer = { .handler = { .fn = NULL } };
	struct tpi_handler *freed = calloc(1, sizeof *freed);
	struct tpi_run run[2];
	struct probe probe[3];
	int i;

	ck_assert_ptr_nonnull(freed);
	for (i = 0; i < 2; i++) {
		f[i] = hand_future(pool);
		hand_begin(&run[i], f[i]);
		add(&probe[i]);
	}
	tpi_thread_self.run = &run[0];
	passer.f = f[1];
	passer.probe = &probe[2];
	ck_assert(tpi_handler_add(freed, remove_and_free));
	ck_assert(tpi_handler_add(&passer.handler, pass_on));
	add(&probe[2]);
	ck_assert(tpi_cancel(f[0], TPI_REASON_ASKED));
	ck_assert_uint_eq(calls, 3);
	ck_assert_uint_eq(probe[1].called, 1);
	ck_assert_uint_eq(probe[2].called, 0);
	tpi_thread_self.run = &run[1];
	for (i = 2; i-- > 0;) {
		end(&run[i]);
		hand_drop(f[i]);
	}
	hand_free(pool);
}
END_TEST

struct slow {
	struct tpi_handler handler;
	struct unit_hold hold;
	struct tpar_future *f;
	bool through;
};

static void
dawdle(struct tpi_handler *handler)
{
	struct slow *slow = (struct slow *)(void *)handler;

	(void)unit_hold_task(&slow->hold, NULL);
	slow->through = true;
}

static void *
cancel_slow(void *arg)
{
	struct slow *slow = arg;

	UNIT_MUST(tpi_cancel(slow->f, TPI_REASON_ASKED));
	return NULL;
}

static void *
remove_slow(void *arg)
{
	struct slow *slow = arg;

	tpi_handler_remove(&slow->handler);
	UNIT_MUST(slow->through);
	return NULL;
}

static void *
let_slow_go(void *arg)
{
	struct slow *slow = arg;
	int i;

	for (i = 0; i < 10; i++) {
		sched_yield();
	}
	unit_gate_open(&slow->hold.go);
	return NULL;
}

START_TEST(removal_and_end_wait_for_the_call_under_way)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f = hand_future(pool);
	struct slow slow = { .hold = UNIT_HOLD_INIT, .f = f };
	pthread_t remover[3];
	pthread_t canceller;
	pthread_t opener;
	struct tpi_run run;
	int i;

	hand_begin(&run, f);
	ck_assert(tpi_handler_add(&slow.handler, dawdle));
	canceller = unit_start(cancel_slow, &slow);
	unit_gate_await(&slow.hold.begun, 1);
	for (i = 0; i < 3; i++) {
		remover[i] = unit_start(remove_slow, &slow);
	}
	opener = unit_start(let_slow_go, &slow);
	/* So does the end of the task, before which it is not to be freed. */
	end(&run);
	ck_assert(slow.through);
	for (i = 0; i < 3; i++) {
		unit_join(remover[i]);
	}
	unit_join(opener);
	unit_join(canceller);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

/* A task that adds and removes while it is cancelled. */
struct race {
	struct tpar_future *_Atomic f; /* to be cancelled */
	_Atomic bool through;
};

static void *
cancel_each(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->through)) {
		struct tpar_future *f = atomic_exchange(&race->f, NULL);

		if (f != NULL) {
			(void)tpi_cancel(f, TPI_REASON_ASKED);
			tpi_future_release(f);
		}
	}
	return NULL;
}

struct racer {
	struct tpi_handler handler;
	_Atomic int called;
};

static void
count_racer(struct tpi_handler *handler)
{
	atomic_fetch_add(&((struct racer *)handler)->called, 1);
}

/* Returns how often it was called, having been added. */
static int
race_once(struct tpar_pool *pool, struct race *race, bool removes)
{
	struct tpar_future *f = hand_future(pool);
	struct racer *racer = calloc(1, sizeof *racer);
	struct tpi_run run;
	bool added;
	int called;

	ck_assert_ptr_nonnull(racer);
	hand_begin(&run, f);
	tpi_future_retain(f);
	atomic_store(&race->f, f);
	added = tpi_handler_add(&racer->handler, count_racer);
	if (removes) {
		tpi_handler_remove(&racer->handler);
	} else {
		UNIT_AWAIT(tpar_cancelled());
		if (added) {
			UNIT_AWAIT(atomic_load(&racer->called) == 1);
		}
		tpi_handler_remove(&racer->handler);
	}
	called = atomic_load(&racer->called);
	ck_assert_int_le(called, added);
	free(racer);
	UNIT_AWAIT(atomic_load(&race->f) == NULL);
	end(&run);
	hand_drop(f);
	return called;
}

START_TEST(called_or_refused_while_it_is_asked)
{
	struct tpar_pool *pool = hand_pool(1);
	struct race race = { .through = false };
	pthread_t canceller = unit_start(cancel_each, &race);
	long rounds = unit_scaled(3000);
	long i;

	for (i = 0; i < rounds; i++) {
		ck_assert_int_le(race_once(pool, &race, i % 2 == 0), 1);
	}
	atomic_store(&race.through, true);
	unit_join(canceller);
	hand_free(pool);
}
END_TEST

/* Nothing is left of the table in the child of a fork. */
START_TEST(child_of_fork_has_no_handlers)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f = hand_future(pool);
	struct tpi_run run;
	struct probe probe;

	hand_begin(&run, f);
	add(&probe);
	tpi_handler_fork(TPI_FORK_PREPARE);
	tpi_handler_fork(TPI_FORK_CHILD);
	tpi_handler_call(f);
	tpi_handler_remove(&probe.handler);
	ck_assert_uint_eq(calls, 0);
	end(&run);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

/* What is no task's goes on there. */
START_TEST(child_of_fork_keeps_what_has_no_run)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f = hand_future(pool);
	struct probe probe[2] = { { .called = 0 }, { .called = 0 } };
	int i;

	ck_assert(tpi_future_claim(f));
	for (i = 0; i < 2; i++) {
		tpi_handler_add_to(&probe[i].handler, f, count);
	}
	tpi_handler_fork(TPI_FORK_PREPARE);
	tpi_handler_fork(TPI_FORK_CHILD);
	tpi_handler_remove(&probe[0].handler);
	ck_assert(tpi_cancel(f, TPI_REASON_ASKED));
	ck_assert_uint_eq(probe[0].called, 0);
	ck_assert_uint_eq(probe[1].called, 1);
	tpi_future_end(f, 0, NULL);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		all_are_called_in_order_once,
		removed_one_is_not_called,
		too_late_to_be_added,
		end_of_the_task_removes_what_is_left,
		nothing_is_added_at_the_end,
		only_the_task_that_is_asked,
		pool_tells_its_own_tasks,
		call_may_remove_free_and_cancel,
		removal_and_end_wait_for_the_call_under_way,
		called_or_refused_while_it_is_asked,
		child_of_fork_has_no_handlers,
		child_of_fork_keeps_what_has_no_run,
	};

	return unit_main("handler", tests, sizeof tests / sizeof tests[0]);
}
