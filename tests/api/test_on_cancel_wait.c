/* SPDX-License-Identifier: MIT */
/*
 * test_on_cancel_wait.c - handlers under way: who waits for them, and what they
 * wait for and cancel themselves.
 */
#include "scene.h"

#include <string.h>

/* A task with one handler. */
struct task {
	tpar_pool *pool;
	struct unit_hold hold; /* of the handler */
	struct unit_gate ready;
	struct unit_gate told;
	tpar_handler handler[2];
	tpar_future *self;
	tpar_future *other;
	_Atomic bool through; /* the handler has returned */
	enum tpar_err said[4];
	int removes;
};

static void
task_init(struct task *task)
{
	static const struct unit_hold hold = UNIT_HOLD_INIT;
	static const struct unit_gate gate = UNIT_GATE_INIT;

	memset(task, 0, sizeof *task);
	task->hold = hold;
	task->ready = gate;
	task->told = gate;
}

static void
hold_handler(void *arg)
{
	struct task *task = arg;

	(void)unit_hold_task(&task->hold, NULL);
	atomic_store(&task->through, true);
}

/* Removes its handler, or leaves it to its end, while it runs. */
static int
outlive_handler(void *arg, void *value)
{
	struct task *task = arg;

	(void)value;
	UNIT_MUST(tpar_on_cancel(hold_handler, task, &task->handler[0]) ==
		  TPAR_OK);
	unit_gate_open(&task->ready);
	unit_gate_await(&task->hold.begun, 1);
	if (task->removes) {
		tpar_off_cancel(&task->handler[0]);
		UNIT_MUST(atomic_load(&task->through));
	}
	return 0;
}

static int
let_go(void *arg, void *value)
{
	struct task *task = arg;

	(void)value;
	unit_gate_open(&task->hold.go);
	return 0;
}

/* On one worker: the pool runs others while a task waits for its handler. */
START_TEST(task_waits_for_its_handler_and_others_run)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct task task;
	tpar_future *f[2];
	int i;

	for (i = 0; i < 2; i++) {
		task_init(&task);
		task.removes = i;
		f[0] = unit_submit(pool, outlive_handler, &task, 0);
		unit_gate_await(&task.ready, 1);
		ck_assert_int_eq(tpar_future_cancel(f[0]), TPAR_OK);
		unit_gate_await(&task.hold.begun, 1);
		f[1] = unit_submit(pool, let_go, &task, 0);
		ck_assert_int_eq(tpar_future_wait(f[0], TPAR_FOREVER), TPAR_OK);
		ck_assert(atomic_load(&task.through));
		ck_assert_int_eq(tpar_future_wait(f[1], TPAR_FOREVER), TPAR_OK);
		tpar_future_unref_all(f, 2);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void *
remove_from_outside(void *arg)
{
	struct task *task = arg;

	tpar_off_cancel(&task->handler[0]);
	UNIT_MUST(atomic_load(&task->through));
	return NULL;
}

START_TEST(any_thread_that_removes_it_waits)
{
	tpar_pool *pool = unit_pool(1, 1);
	pthread_t thread[2];
	struct task task;
	tpar_future *f;

	task_init(&task);
	f = unit_submit(pool, outlive_handler, &task, 0);
	unit_gate_await(&task.ready, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	unit_gate_await(&task.hold.begun, 1);
	thread[0] = unit_start(remove_from_outside, &task);
	thread[1] = unit_start(remove_from_outside, &task);
	sched_yield();
	unit_gate_open(&task.hold.go);
	unit_join(thread[0]);
	unit_join(thread[1]);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void
never(void *arg)
{
	(void)arg;
	UNIT_MUST(!"this handler was removed");
}

/* Removes itself, and the one that would be next. */
static void
remove_both(void *arg)
{
	struct task *task = arg;

	tpar_off_cancel(&task->handler[0]);
	tpar_off_cancel(&task->handler[1]);
	tpar_off_cancel(&task->handler[0]);
	unit_gate_open(&task->told);
}

static int
register_both(void *arg, void *value)
{
	struct task *task = arg;

	(void)value;
	UNIT_MUST(tpar_on_cancel(remove_both, task, &task->handler[0]) ==
		  TPAR_OK);
	UNIT_MUST(tpar_on_cancel(never, task, &task->handler[1]) == TPAR_OK);
	unit_gate_open(&task->ready);
	unit_gate_await(&task->told, 1);
	return 0;
}

START_TEST(handler_removes_itself_and_others)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct task task;
	tpar_future *f;

	task_init(&task);
	f = unit_submit(pool, register_both, &task, 0);
	unit_gate_await(&task.ready, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Waits for a task, for its own, and for its own pool; cancels. */
static void
do_much(void *arg)
{
	struct task *task = arg;
	tpar_future *both[2] = { task->other, task->self };
	tpar_handler h;

	UNIT_MUST(tpar_on_cancel(never, NULL, &h) == TPAR_EINVAL);
	UNIT_MUST(tpar_future_cancel(task->self) == TPAR_OK);
	task->said[0] = tpar_future_wait(task->self, TPAR_FOREVER);
	task->said[1] = tpar_gather(both, 2, NULL, NULL);
	task->said[2] =
		tpar_pool_shutdown(task->pool, TPAR_DRAIN, TPAR_FOREVER);
	UNIT_MUST(tpar_future_cancel(task->other) == TPAR_OK);
	task->said[3] = tpar_future_wait(task->other, TPAR_FOREVER);
	unit_gate_open(&task->told);
}

static int
have_much_done(void *arg, void *value)
{
	struct task *task = arg;

	(void)value;
	UNIT_MUST(tpar_on_cancel(do_much, task, &task->handler[0]) == TPAR_OK);
	unit_gate_open(&task->ready);
	unit_gate_await(&task->told, 1);
	return 0;
}

START_TEST(handler_waits_for_others_but_not_for_its_own)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct task task;

	task_init(&task);
	task.pool = pool;
	task.other = unit_submit(pool, scene_until_stopped, &hold, 0);
	unit_gate_await(&hold.begun, 1);
	task.self = unit_submit(pool, have_much_done, &task, 0);
	unit_gate_await(&task.ready, 1);
	ck_assert_int_eq(tpar_future_cancel(task.self), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(task.self, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(task.said[0], TPAR_EDEADLK);
	ck_assert_int_eq(task.said[1], TPAR_EDEADLK);
	ck_assert_int_eq(task.said[2], TPAR_EDEADLK);
	ck_assert_int_eq(task.said[3], TPAR_OK);
	tpar_future_unref(task.self);
	tpar_future_unref(task.other);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* The next one's handler cancels the one after that, and so on. */
enum { LINKS = 30 };

struct link {
	tpar_future *next; /* or NULL */
	struct unit_gate ready;
	struct unit_gate told;
};

static void
cancel_next(void *arg)
{
	struct link *link = arg;

	if (link->next != NULL) {
		UNIT_MUST(tpar_future_cancel(link->next) == TPAR_OK);
		UNIT_MUST(tpar_future_wait(link->next, TPAR_FOREVER) ==
			  TPAR_ECANCELED);
	}
	unit_gate_open(&link->told);
}

static int
be_link(void *arg, void *value)
{
	struct link *link = arg;
	tpar_handler h;

	(void)value;
	UNIT_MUST(tpar_on_cancel(cancel_next, link, &h) == TPAR_OK);
	unit_gate_open(&link->ready);
	unit_gate_await(&link->told, 1);
	return tpar_checkpoint();
}

START_TEST(handler_cancels_what_has_a_handler)
{
	static const struct unit_gate gate = UNIT_GATE_INIT;
	tpar_pool *pool = unit_pool(LINKS, 1);
	struct link link[LINKS];
	tpar_future *f[LINKS];
	int i;

	for (i = 0; i < LINKS; i++) {
		link[i].ready = gate;
		link[i].told = gate;
		link[i].next = i > 0 ? f[i - 1] : NULL;
		f[i] = unit_submit(pool, be_link, &link[i], 0);
		unit_gate_await(&link[i].ready, 1);
	}
	ck_assert_int_eq(tpar_future_cancel(f[LINKS - 1]), TPAR_OK);
	for (i = 0; i < LINKS; i++) {
		ck_assert_int_eq(tpar_future_wait(f[i], TPAR_FOREVER),
				 TPAR_ECANCELED);
	}
	tpar_future_unref_all(f, LINKS);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- All at once --------------------------------------------------------- */

enum { HANDLERS = 3 };

struct storm {
	_Atomic long begun;
	_Atomic long registered;
	_Atomic long removed; /* unless it has run */
	_Atomic long ran;
	_Atomic uint32_t random;
};

struct tally {
	struct storm *storm;
	_Atomic int ran;
};

static uint32_t
random_below(struct storm *storm, uint32_t n)
{
	uint32_t x = atomic_fetch_add(&storm->random, 0x9e3779b9u);

	x = (x ^ (x >> 16)) * 0x85ebca6bu;
	x = (x ^ (x >> 13)) * 0xc2b2ae35u;
	return (x ^ (x >> 16)) % n;
}

static void
count_run(void *arg)
{
	struct tally *tally = arg;

	UNIT_MUST(atomic_fetch_add(&tally->ran, 1) == 0);
	atomic_fetch_add(&tally->storm->ran, 1);
}

/* A handler that was removed has run or never will. */
static int
register_and_remove(void *arg, void *value)
{
	struct storm *storm = arg;
	struct tally tally[HANDLERS] = { { NULL, 0 } };
	tpar_handler h[HANDLERS] = { { { 0, 0 } } };
	int ran[HANDLERS];
	int i;

	(void)value;
	atomic_fetch_add(&storm->begun, 1);
	for (i = 0; i < HANDLERS; i++) {
		tally[i].storm = storm;
		if (tpar_on_cancel(count_run, &tally[i], &h[i]) != TPAR_OK) {
			break;
		}
		atomic_fetch_add(&storm->registered, 1);
		if (random_below(storm, 2) == 0) {
			sched_yield();
		}
	}
	for (i = 0; i < HANDLERS; i++) {
		tpar_off_cancel(&h[i]);
		ran[i] = atomic_load(&tally[i].ran);
		if (h[i].reserved[1] != 0 && ran[i] == 0) {
			atomic_fetch_add(&storm->removed, 1);
		}
	}
	for (i = 0; i < HANDLERS; i++) {
		UNIT_MUST(atomic_load(&tally[i].ran) == ran[i]);
	}
	return 0;
}

enum { SET = 50 };

static void
storm_once(tpar_pool *pool, struct storm *storm)
{
	long before = atomic_load(&storm->begun);
	tpar_future *f[SET];
	int i;

	for (i = 0; i < SET; i++) {
		f[i] = unit_submit(pool, register_and_remove, storm, 0);
	}
	/* Each has just begun, or is about to. */
	for (i = 0; i < SET; i++) {
		long more = random_below(storm, 8) > 0;

		UNIT_AWAIT(atomic_load(&storm->begun) - before >= i + more);
		(void)tpar_future_cancel(f[i]);
		before -= tpar_future_state(f[i]) == TPAR_CANCELLED;
	}
	(void)tpar_wait_all(f, SET, TPAR_FOREVER);
	tpar_future_unref_all(f, SET);
}

START_TEST(storm_of_registering_cancelling_and_removing)
{
	long rounds = unit_scaled(300);
	struct storm storm;
	tpar_pool *pool;
	long i;

	atomic_init(&storm.begun, 0);
	atomic_init(&storm.registered, 0);
	atomic_init(&storm.removed, 0);
	atomic_init(&storm.ran, 0);
	atomic_init(&storm.random, 1);
	pool = unit_pool(3, 1);
	for (i = 0; i < rounds; i++) {
		storm_once(pool, &storm);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(atomic_load(&storm.ran) + atomic_load(&storm.removed),
			 atomic_load(&storm.registered));
}
END_TEST

/* The same while whole pools are cancelled. */
START_TEST(storm_of_pools_that_are_cancelled)
{
	long rounds = unit_scaled(300);
	struct storm storm;
	long i;
	int k;

	atomic_init(&storm.begun, 0);
	atomic_init(&storm.registered, 0);
	atomic_init(&storm.removed, 0);
	atomic_init(&storm.ran, 0);
	atomic_init(&storm.random, 2);
	for (i = 0; i < rounds; i++) {
		tpar_pool *pool = unit_pool(3, 1);
		long before;

		before = atomic_load(&storm.begun);
		for (k = 0; k < 20; k++) {
			UNIT_MUST(tpar_submit(pool, register_and_remove, &storm,
					      0, NULL) == TPAR_OK);
		}
		UNIT_AWAIT(atomic_load(&storm.begun) - before >= i % 20);
		ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_CANCEL,
						    TPAR_FOREVER),
				 TPAR_OK);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
	ck_assert_int_eq(atomic_load(&storm.ran) + atomic_load(&storm.removed),
			 atomic_load(&storm.registered));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_waits_for_its_handler_and_others_run,
		any_thread_that_removes_it_waits,
		handler_removes_itself_and_others,
		handler_waits_for_others_but_not_for_its_own,
		handler_cancels_what_has_a_handler,
		storm_of_registering_cancelling_and_removing,
		storm_of_pools_that_are_cancelled,
	};

	return unit_main("on_cancel_wait", tests,
			 sizeof tests / sizeof tests[0]);
}
