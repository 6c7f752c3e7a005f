/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c - what the child of a fork can do with pools and futures that
 * were there before, and that the parent does not notice.
 */
#include "child.h"
#include "scene.h"

#include <poll.h>
#include <string.h>

#define MANY 13

static int
square(void *arg, void *value)
{
	intptr_t x = *(intptr_t *)arg;

	*(intptr_t *)value = x * x;
	return 0;
}

/* A gather on this pool gives what it should. */
static void
use(tpar_pool *pool)
{
	intptr_t in[MANY];
	intptr_t out[MANY];
	tpar_future *f[MANY];
	int i;

	for (i = 0; i < MANY; i++) {
		in[i] = i;
		f[i] = unit_submit(pool, square, &in[i], sizeof in[i]);
	}
	UNIT_MUST(tpar_gather(f, MANY, out, NULL) == TPAR_OK);
	for (i = 0; i < MANY; i++) {
		UNIT_MUST(out[i] == (intptr_t)i * i);
	}
	tpar_future_unref_all(f, MANY);
}

static void
use_default(void *arg)
{
	(void)arg;
	use(NULL);
}

/* In the child: NULL means a new pool, which can be ended like any other. */
static void
use_a_new_default_pool(void)
{
	if (!CHILD_STARTS_THREADS) {
		return;
	}
	use(NULL);
	UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
	use(NULL);
	UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
}

/* In the child: the pool was there before. */
static void
refuse(tpar_pool *pool)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[2] = { NULL, NULL };
	intptr_t in[2] = { 1, 2 };
	struct tpar_failure why;

	task.fn = unit_number_task;
	task.value_size = sizeof(intptr_t);
	UNIT_MUST(tpar_submit(pool, unit_number_task, NULL, sizeof(intptr_t),
			      &f[0]) == TPAR_ECLOSED);
	UNIT_MUST(tpar_submit_task(pool, &task, &f[0]) == TPAR_ECLOSED);
	UNIT_MUST(tpar_submit_many(pool, &task, NULL, 0, 2, f) == TPAR_ECLOSED);
	UNIT_MUST(f[0] == NULL && f[1] == NULL);
	UNIT_MUST(tpar_map(pool, square, in, sizeof in[0], in, sizeof in[0], 2,
			   &why) == TPAR_ECLOSED);
	UNIT_MUST(in[1] == 2);
	UNIT_MUST(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER) ==
		  TPAR_OK);
	UNIT_MUST(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_NOW) == TPAR_OK);
}

/* In the child: f had not ended. */
static void
see_cancelled(tpar_future *f)
{
	unsigned char value[64];

	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_ECANCELED);
	UNIT_MUST(tpar_future_wait(f, TPAR_NOW) == TPAR_ECANCELED);
	UNIT_MUST(tpar_future_state(f) == TPAR_CANCELLED);
	UNIT_MUST(tpar_future_code(f) == TPAR_ESTOPPED);
	UNIT_MUST(tpar_future_value(f) == NULL);
	UNIT_MUST(strcmp(tpar_future_message(f), "") == 0);
	UNIT_MUST(tpar_future_take(f, value) == TPAR_ECANCELED);
	UNIT_MUST(tpar_future_cancel(f) == TPAR_EALREADY);
}

/* ---- An idle pool --------------------------------------------------------- */

struct idle {
	tpar_pool *pool;
	tpar_future *number; /* 5 */
	tpar_future *failed;
	tpar_future *droppable;
};

static void
child_of_idle(void *arg)
{
	struct idle *idle = arg;
	intptr_t number = 0;

	refuse(idle->pool);
	UNIT_MUST(tpar_gather(&idle->number, 1, &number, NULL) == TPAR_OK);
	UNIT_MUST(number == 5);
	UNIT_MUST(tpar_future_wait(idle->failed, TPAR_FOREVER) == TPAR_EFAILED);
	UNIT_MUST(tpar_future_code(idle->failed) == 7);
	UNIT_MUST(strcmp(tpar_future_message(idle->failed), "code 7") == 0);
	UNIT_MUST(tpar_pool_destroy(idle->pool) == TPAR_OK);
	/* Futures live on. */
	UNIT_MUST(*(const intptr_t *)tpar_future_value(idle->number) == 5);
	UNIT_MUST(scene_value_drops == 0);
	tpar_future_unref(idle->droppable);
	UNIT_MUST(scene_value_drops == 1);
	tpar_future_unref(idle->number);
	tpar_future_unref(idle->failed);
	use_a_new_default_pool();
}

START_TEST(idle_pool_refuses_and_its_futures_stay)
{
	struct idle idle = { .pool = unit_pool(2, 1) };

	idle.number = unit_submit(idle.pool, unit_number_task, (void *)5,
				  sizeof(intptr_t));
	idle.failed = unit_submit(idle.pool, scene_fail_with, (void *)7, 0);
	idle.droppable = scene_submit_droppable(idle.pool, scene_return, NULL,
						sizeof(intptr_t));
	(void)tpar_future_wait(idle.number, TPAR_FOREVER);
	(void)tpar_future_wait(idle.failed, TPAR_FOREVER);
	ck_assert_int_eq(tpar_future_wait(idle.droppable, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert(child_runs(child_of_idle, &idle));
	ck_assert_int_eq(scene_value_drops, 0);
	use(idle.pool);
	tpar_future_unref(idle.number);
	tpar_future_unref(idle.failed);
	tpar_future_unref(idle.droppable);
	ck_assert_int_eq(tpar_pool_destroy(idle.pool), TPAR_OK);
}
END_TEST

static void
child_that_destroys(void *arg)
{
	refuse(arg);
	UNIT_MUST(tpar_pool_destroy(arg) == TPAR_OK);
}

/* Its own pool is what the child's child has lost. */
static void
child_with_a_child(void *arg)
{
	tpar_pool *own = unit_pool(2, 1);

	refuse(arg);
	use(own);
	use(NULL);
	UNIT_MUST(child_runs(child_that_destroys, own));
	UNIT_MUST(child_runs(child_that_destroys, arg));
	use(own);
	use(NULL);
	UNIT_MUST(tpar_pool_destroy(own) == TPAR_OK);
	UNIT_MUST(tpar_pool_destroy(arg) == TPAR_OK);
	UNIT_MUST(child_runs(use_default, NULL));
}

START_TEST(child_can_have_a_child)
{
	tpar_pool *pool;

	if (!CHILD_STARTS_THREADS || !CHILD_ALLOCATES) {
		return;
	}
	pool = unit_pool(2, 1);
	use(pool);
	use(NULL);
	ck_assert(child_runs(child_with_a_child, pool));
	use(pool);
	use(NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void
child_of_none(void *arg)
{
	(void)arg;
	UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
	use_a_new_default_pool();
}

START_TEST(fork_before_the_first_pool_loses_nothing)
{
	ck_assert(child_runs(child_of_none, NULL));
	use(NULL);
}
END_TEST

/* ---- A busy pool ---------------------------------------------------------- */

struct busy {
	struct scene scene;
	tpar_future *pending[MANY];
	tpar_future *large; /* with a value of 60 bytes */
};

/* Those that wait behind the one that runs have arguments and values to drop. */
static void
begin_busy(struct busy *busy)
{
	int i;

	scene_stall(&busy->scene);
	for (i = 0; i < MANY; i++) {
		busy->pending[i] = scene_submit_droppable(
			busy->scene.pool, scene_return, NULL, sizeof(intptr_t));
	}
	busy->large = scene_submit_droppable(busy->scene.pool, scene_return,
					     NULL, 60);
}

static void
end_busy(struct busy *busy)
{
	scene_let_go(&busy->scene);
	ck_assert_int_eq(tpar_gather(busy->pending, MANY, NULL, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(busy->large, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(busy->pending, MANY);
	tpar_future_unref(busy->large);
	scene_end(&busy->scene);
	ck_assert_int_eq(scene_arg_drops, MANY + 1);
	ck_assert_int_eq(scene_value_drops, MANY + 1);
}

static void
child_of_busy(void *arg)
{
	struct busy *busy = arg;
	struct tpar_outcome outcomes[MANY];
	struct tpar_failure why;
	intptr_t values[MANY];
	int i;

	refuse(busy->scene.pool);
	see_cancelled(busy->scene.held);
	see_cancelled(busy->large);
	UNIT_MUST(tpar_gather(busy->pending, MANY, values, &why) ==
		  TPAR_ECANCELED);
	UNIT_MUST(why.index == 0 && why.state == TPAR_CANCELLED);
	UNIT_MUST(tpar_gather_until(busy->pending, MANY, values,
				    tpar_in(TPAR_SECOND),
				    NULL) == TPAR_ECANCELED);
	UNIT_MUST(tpar_gather_settled(busy->pending, MANY, NULL, outcomes) ==
		  TPAR_OK);
	UNIT_MUST(outcomes[MANY - 1].state == TPAR_CANCELLED);
	UNIT_MUST(tpar_wait_all(busy->pending, MANY, TPAR_FOREVER) == TPAR_OK);
	for (i = 0; i < MANY; i++) {
		see_cancelled(busy->pending[i]);
	}
	UNIT_MUST(tpar_pool_destroy(busy->scene.pool) == TPAR_OK);
	see_cancelled(busy->pending[0]);
	tpar_future_unref_all(busy->pending, MANY);
	tpar_future_unref(busy->large);
	tpar_future_unref(busy->scene.held);
	UNIT_MUST(scene_arg_drops == 0 && scene_value_drops == 0);
	use_a_new_default_pool();
}

START_TEST(what_had_not_ended_is_cancelled_and_nothing_is_dropped)
{
	struct busy busy;

	begin_busy(&busy);
	ck_assert(child_runs(child_of_busy, &busy));
	end_busy(&busy);
}
END_TEST

static void
count(tpar_future *f, void *arg)
{
	(void)f;
	(*(int *)arg)++;
}

/* Each call is the first to look at its future. */
static void
child_that_looks(void *arg)
{
	struct pollfd fd = { .events = POLLIN };
	struct busy *busy = arg;
	tpar_stream *stream;
	tpar_future *all;
	intptr_t value;
	size_t index;
	int called = 0;

	UNIT_MUST(tpar_future_state(busy->pending[0]) == TPAR_CANCELLED);
	UNIT_MUST(tpar_future_code(busy->pending[1]) == TPAR_ESTOPPED);
	UNIT_MUST(tpar_future_take(busy->pending[2], &value) == TPAR_ECANCELED);
	UNIT_MUST(tpar_future_cancel(busy->pending[3]) == TPAR_EALREADY);
	UNIT_MUST(tpar_wait_all(&busy->pending[4], 1, TPAR_FOREVER) == TPAR_OK);
	UNIT_MUST(tpar_gather_settled(&busy->pending[5], 1, NULL, NULL) ==
		  TPAR_OK);
	UNIT_MUST(tpar_future_value(busy->pending[6]) == NULL);
	tpar_future_unref(tpar_future_ref(busy->pending[7]));
	tpar_future_unref(busy->pending[7]);
	UNIT_MUST(tpar_future_on_done(busy->pending[8], count, &called) ==
		  TPAR_OK);
	UNIT_MUST(called == 1);
	UNIT_MUST(tpar_as_completed(&busy->pending[9], 1, &stream) == TPAR_OK);
	UNIT_MUST(tpar_stream_next(stream, TPAR_NOW, &index) == TPAR_OK);
	tpar_stream_close(stream);
	UNIT_MUST(tpar_future_fd(busy->pending[10], &fd.fd) == TPAR_OK);
	UNIT_MUST(poll(&fd, 1, 0) == 1);
	UNIT_MUST(tpar_gather_async(&busy->pending[11], 1, &all) == TPAR_OK);
	UNIT_MUST(tpar_future_state(all) == TPAR_FAILED);
	tpar_future_unref(all);
	UNIT_MUST(tpar_future_cancel_at(busy->pending[12], TPAR_NOW) ==
		  TPAR_EALREADY);
	UNIT_MUST(scene_arg_drops == 0 && scene_value_drops == 0);
}

START_TEST(every_call_sees_that_it_was_cancelled)
{
	struct busy busy;

	begin_busy(&busy);
	ck_assert(child_runs(child_that_looks, &busy));
	end_busy(&busy);
}
END_TEST

static int
wait_for(void *arg, void *value)
{
	(void)value;
	return tpar_future_wait(arg, TPAR_FOREVER) == TPAR_ECANCELED ? 0 : 1;
}

/* Sets of both: in a task, and from outside. */
static void
child_that_mixes(void *arg)
{
	struct busy *busy = arg;
	struct unit_hold hold = UNIT_HOLD_INIT;
	struct tpar_failure why;
	tpar_future *f[2];

	if (!CHILD_STARTS_THREADS) {
		return;
	}
	f[0] = unit_submit(NULL, scene_until_stopped, &hold, sizeof(intptr_t));
	f[1] = busy->pending[0];
	UNIT_MUST(tpar_gather(f, 2, NULL, &why) == TPAR_ECANCELED);
	UNIT_MUST(why.index == 1);
	tpar_future_unref(f[0]);
	unit_run_in(NULL, wait_for, busy->pending[1]);
	UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
}

START_TEST(set_with_a_lost_member_fails_and_cancels_the_others)
{
	struct busy busy;

	begin_busy(&busy);
	ck_assert(child_runs(child_that_mixes, &busy));
	end_busy(&busy);
}
END_TEST

/* ---- Who forks ------------------------------------------------------------ */

static void
child_that_does_nothing(void *arg)
{
	(void)arg;
}

static int
fork_and_exit(void *arg, void *value)
{
	(void)value;
	return child_runs(child_that_does_nothing, arg) ? 0 : 1;
}

static int
fork_and_exec(void *arg, void *value)
{
	int status;
	pid_t pid = fork();

	(void)arg;
	(void)value;
	UNIT_MUST(pid >= 0);
	if (pid == 0) {
		child_set_alarm();
		(void)execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
		abort();
	}
	UNIT_MUST(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : 1;
}

static int
fork_twice(void *arg, void *value)
{
	tpar_future *f[2];

	(void)value;
	f[0] = unit_submit(arg, fork_and_exit, NULL, 0);
	f[1] = unit_submit(arg, fork_and_exec, NULL, 0);
	UNIT_MUST(tpar_gather(f, 2, NULL, NULL) == TPAR_OK);
	tpar_future_unref_all(f, 2);
	return 0;
}

START_TEST(task_can_fork_and_its_child_exec_or_exit)
{
	tpar_pool *pool = unit_pool(2, 2);

	unit_run_in(pool, fork_and_exit, NULL);
	unit_run_in(pool, fork_and_exec, NULL);
	unit_run_in(pool, fork_twice, pool);
	use(pool);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static void
child_that_destroys_if_it_can(void *arg)
{
	if (CHILD_ALLOCATES) {
		child_that_destroys(arg);
	}
}

static void *
fork_now_and_then(void *arg)
{
	long n = unit_scaled(20);

	for (; n > 0; n--) {
		UNIT_MUST(child_runs(child_that_destroys_if_it_can, arg));
	}
	return NULL;
}

START_TEST(threads_can_fork_at_the_same_time)
{
	tpar_pool *pool = unit_pool(2, 1);
	pthread_t thread[3];
	int i;

	for (i = 0; i < 3; i++) {
		thread[i] = unit_start(fork_now_and_then, pool);
	}
	for (i = 0; i < 3; i++) {
		unit_join(thread[i]);
	}
	use(pool);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static unsigned handled;

static void
use_default_pool(void)
{
	handled++;
	use(NULL);
}

START_TEST(handlers_of_a_program_can_use_the_library)
{
	if (!CHILD_STARTS_THREADS) {
		return;
	}
	ck_assert_int_eq(pthread_atfork(use_default_pool, use_default_pool,
					use_default_pool),
			 0);
	use(NULL);
	ck_assert(child_runs(child_of_none, NULL));
	ck_assert_uint_eq(handled, 2);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		idle_pool_refuses_and_its_futures_stay,
		child_can_have_a_child,
		fork_before_the_first_pool_loses_nothing,
		what_had_not_ended_is_cancelled_and_nothing_is_dropped,
		every_call_sees_that_it_was_cancelled,
		set_with_a_lost_member_fails_and_cancels_the_others,
		task_can_fork_and_its_child_exec_or_exit,
		threads_can_fork_at_the_same_time,
		handlers_of_a_program_can_use_the_library
	};

	return unit_main("fork", tests, sizeof tests / sizeof tests[0]);
}
