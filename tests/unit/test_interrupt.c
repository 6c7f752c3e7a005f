/* SPDX-License-Identifier: MIT */
/*
 * test_interrupt.c - regions: who is kicked, how often, and that nothing is left.
 *
 * The calling thread is the task's.  It blocks the signal, as in a call that
 * sleeps in ppoll(), so that what was sent is pending and can be counted.
 */
#include "config.h"

#include "child.h"
#include "handmade.h"
#include "threads.h"

#include "src/cancel.h"
#include "src/fork.h"
#include "src/interrupt.h"
#include "src/kick.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <taskpar/blocking.h>
#include <time.h>

struct scene {
	struct tpar_pool *pool;
	struct tpar_future *f;
	struct tpi_run run;
	struct tpi_interrupt region;
};

static void
begin(struct scene *scene)
{
	/* As on a worker. */
	UNIT_MUST(tpi_kick_ready() == TPAR_OK);
	(void)tpi_kick_block(NULL);
	scene->pool = hand_pool(1);
	scene->f = hand_future(scene->pool);
	hand_begin(&scene->run, scene->f);
	ck_assert_int_eq(tpi_interrupt_begin(&scene->region, NULL), TPAR_OK);
	ck_assert_ptr_eq(scene->run.interrupt, &scene->region);
}

static void
end_task(struct scene *scene)
{
	tpi_handler_end(scene->f);
	hand_end(&scene->run, 0);
	hand_drop(scene->f);
	hand_free(scene->pool);
}

static bool
is_pending(void)
{
	sigset_t set;

	ck_assert_int_eq(sigpending(&set), 0);
	return sigismember(&set, tpi_kick_number()) == 1;
}

static bool
take_one(void)
{
	static const struct timespec at_once = { 0, 0 };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, tpi_kick_number());
	return sigtimedwait(&set, NULL, &at_once) == tpi_kick_number();
}

START_TEST(task_that_is_asked_is_kicked_until_the_end)
{
	struct scene scene;
	int i;

	begin(&scene);
	ck_assert(!is_pending());
	ck_assert(tpi_cancel(scene.f, TPI_REASON_ASKED));
	ck_assert(is_pending());
	for (i = 0; i < 5; i++) {
		UNIT_AWAIT(take_one());
	}
	/* Several may be there by now. */
	UNIT_AWAIT(is_pending());
	errno = EXDEV;
	tpi_interrupt_end(&scene.run);
	ck_assert_int_eq(errno, EXDEV);
	ck_assert(!is_pending());
	ck_assert_ptr_null(scene.run.interrupt);
	end_task(&scene);
	ck_assert(!is_pending());
}
END_TEST

START_TEST(mask_of_the_thread_is_as_it_was_and_no_thread_is_left)
{
	struct scene scene;

	begin(&scene);
	ck_assert(tpi_cancel(scene.f, TPI_REASON_ASKED));
	UNIT_AWAIT(unit_threads_called("taskpar-timer") == 1);
	tpi_interrupt_end(&scene.run);
	ck_assert(!tpi_kick_block(NULL));
	end_task(&scene);
	UNIT_AWAIT(unit_threads_called("taskpar-timer") == 0);
	/* A thread of the program's gets all that it does not block. */
	begin(&scene);
	tpi_interrupt_end(&scene.run);
	end_task(&scene);
	tpi_kick_unblock();
	scene.pool = hand_pool(1);
	scene.f = hand_future(scene.pool);
	hand_begin(&scene.run, scene.f);
	ck_assert_int_eq(tpi_interrupt_begin(&scene.region, NULL), TPAR_OK);
	ck_assert(!tpi_kick_block(NULL));
	ck_assert(tpi_cancel(scene.f, TPI_REASON_ASKED));
	tpi_interrupt_end(&scene.run);
	ck_assert(tpi_kick_block(NULL));
	end_task(&scene);
}
END_TEST

START_TEST(nobody_is_kicked_who_was_not_asked)
{
	struct scene scene;

	begin(&scene);
	ck_assert(!is_pending());
	tpi_interrupt_end(&scene.run);
	ck_assert(tpi_cancel(scene.f, TPI_REASON_ASKED));
	ck_assert(!is_pending());
	end_task(&scene);
}
END_TEST

START_TEST(task_that_was_asked_before_begins_none)
{
	struct scene scene;
	struct tpi_interrupt region;

	begin(&scene);
	tpi_interrupt_end(&scene.run);
	ck_assert(tpi_cancel(scene.f, TPI_REASON_ASKED));
	ck_assert_int_eq(tpi_interrupt_begin(&region, NULL), TPAR_ESTOPPED);
	ck_assert_ptr_null(scene.run.interrupt);
	ck_assert(!is_pending());
	end_task(&scene);
}
END_TEST

START_TEST(region_that_is_paused_is_kicked_when_it_goes_on)
{
	struct tpi_interrupt *paused;
	struct scene scene;
	int i;

	begin(&scene);
	paused = tpi_interrupt_pause();
	ck_assert_ptr_eq(paused, &scene.region);
	ck_assert_ptr_eq(tpi_interrupt_pause(), paused);
	ck_assert(tpi_cancel(scene.f, TPI_REASON_ASKED));
	ck_assert(!is_pending());
	tpi_interrupt_resume(paused);
	ck_assert(!is_pending());
	tpi_interrupt_resume(paused);
	ck_assert(is_pending());
	UNIT_AWAIT(take_one());
	UNIT_AWAIT(is_pending());
	for (i = 0; i < 3; i++) {
		paused = tpi_interrupt_pause();
		ck_assert(!is_pending());
		tpi_interrupt_resume(paused);
		ck_assert(is_pending());
	}
	tpi_interrupt_end(&scene.run);
	ck_assert(!is_pending());
	end_task(&scene);
}
END_TEST

START_TEST(shield_pauses_it)
{
	struct scene scene;

	begin(&scene);
	scene.run.shield = 1;
	tpi_interrupt_shield(&scene.run);
	ck_assert(tpi_cancel(scene.f, TPI_REASON_ASKED));
	ck_assert(!is_pending());
	scene.run.shield = 0;
	tpi_interrupt_shield(&scene.run);
	ck_assert(is_pending());
	tpi_interrupt_end(&scene.run);
	ck_assert(!is_pending());
	end_task(&scene);
}
END_TEST

START_TEST(one_that_could_not_be_queued_comes_later)
{
	struct rlimit before;
	struct rlimit none;
	struct scene scene;

	begin(&scene);
	ck_assert_int_eq(getrlimit(RLIMIT_SIGPENDING, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_SIGPENDING, &none), 0);
	ck_assert(tpi_cancel(scene.f, TPI_REASON_ASKED));
	(void)take_one();
	ck_assert_int_eq(setrlimit(RLIMIT_SIGPENDING, &before), 0);
	UNIT_AWAIT(is_pending());
	tpi_interrupt_end(&scene.run);
	ck_assert(!is_pending());
	end_task(&scene);
}
END_TEST

/* ---- Many ---------------------------------------------------------------- */

struct kicked {
	struct scene scene;
	struct unit_gate begun;
	struct unit_gate may_end;
};

static void *
be_kicked(void *arg)
{
	struct kicked *kicked = arg;
	int i;

	begin(&kicked->scene);
	unit_gate_open(&kicked->begun);
	for (i = 0; i < 4; i++) {
		UNIT_AWAIT(take_one());
	}
	unit_gate_await(&kicked->may_end, 1);
	tpi_interrupt_end(&kicked->scene.run);
	UNIT_MUST(!is_pending());
	end_task(&kicked->scene);
	UNIT_MUST(!is_pending());
	return NULL;
}

START_TEST(one_timer_kicks_all_of_them_as_they_come_and_go)
{
	enum { THREADS = 8 };
	static struct kicked kicked[THREADS];
	struct unit_gate gate = UNIT_GATE_INIT;
	pthread_t thread[THREADS];
	int round;
	int i;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < THREADS; i++) {
			kicked[i].begun = gate;
			kicked[i].may_end = gate;
			thread[i] = unit_start(be_kicked, &kicked[i]);
			unit_gate_await(&kicked[i].begun, 1);
			if (i % 2 == 1) {
				unit_gate_open(&kicked[i - 1].may_end);
			}
			ck_assert(tpi_cancel(kicked[i].scene.f,
					     TPI_REASON_ASKED));
		}
		for (i = 0; i < THREADS; i++) {
			unit_gate_open(&kicked[i].may_end);
			unit_join(thread[i]);
		}
	}
}
END_TEST

/* ---- fork() -------------------------------------------------------------- */

/* With a timer of the child's own. */
static void
be_kicked_here(void)
{
	struct scene scene;

	begin(&scene);
	UNIT_MUST(tpi_cancel(scene.f, TPI_REASON_ASKED));
	UNIT_AWAIT(take_one());
	UNIT_AWAIT(take_one());
	tpi_interrupt_end(&scene.run);
	UNIT_MUST(!is_pending());
	end_task(&scene);
}

static void
leave_in_child(void *arg)
{
	struct scene *scene = arg;
	struct tpi_interrupt region;

	/* There is no place for the timer that would repeat it. */
	tpi_interrupt_resume(tpi_interrupt_pause());
	UNIT_MUST(!is_pending());
	tpi_interrupt_end(&scene->run);
	UNIT_MUST(!is_pending());
	/* Its task is lost, and was asked. */
	UNIT_MUST(!CHILD_STARTS_THREADS ||
		  tpi_interrupt_begin(&region, NULL) == TPAR_ESTOPPED);
	if (CHILD_STARTS_THREADS && CHILD_ALLOCATES) {
		be_kicked_here();
	}
}

START_TEST(child_of_a_fork_is_kicked_no_more_and_may_leave)
{
	struct scene scene;

	/* As with the first pool. */
	ck_assert_int_eq(tpi_fork_watch(), 0);
	begin(&scene);
	ck_assert(tpi_cancel(scene.f, TPI_REASON_ASKED));
	ck_assert(child_runs(leave_in_child, &scene));
	UNIT_AWAIT(is_pending());
	tpi_interrupt_end(&scene.run);
	ck_assert(!is_pending());
	end_task(&scene);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		task_that_is_asked_is_kicked_until_the_end,
		mask_of_the_thread_is_as_it_was_and_no_thread_is_left,
		nobody_is_kicked_who_was_not_asked,
		task_that_was_asked_before_begins_none,
		region_that_is_paused_is_kicked_when_it_goes_on,
		shield_pauses_it,
		one_that_could_not_be_queued_comes_later,
		one_timer_kicks_all_of_them_as_they_come_and_go,
		child_of_a_fork_is_kicked_no_more_and_may_leave,
	};

	return unit_main("interrupt", tests, sizeof tests / sizeof tests[0]);
}
