/* SPDX-License-Identifier: MIT */
/*
 * test_exit.c - exit() while tasks run and wait: from the main thread, from a
 * task, with functions registered by atexit() that use the library.
 */
#include "scene.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 8

/* Seconds. */
#define GUARD 60

/* What the process exits with. */
#define CODE 7

/* Of the child, which ends with it. */
static struct unit_hold hold = UNIT_HOLD_INIT;

/* Calls body() in a process of its own.  true: it has exited with CODE. */
static bool
exits_as_told(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	UNIT_MUST(pid >= 0);
	if (pid == 0) {
		UNIT_MUST(signal(SIGALRM, SIG_DFL) != SIG_ERR);
		(void)alarm(GUARD);
		/* One for each that is held, for work(), and one that is free. */
		UNIT_MUST(setenv("TASKPAR_WORKERS", "10", 1) == 0);
		/* What runs then has futures. */
		UNIT_MUST(setenv("TASKPAR_AUDIT", "quiet", 1) == 0);
		body();
		abort();
	}
	UNIT_MUST(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == CODE;
}

static int
gather_held(void *arg, void *value)
{
	tpar_future *f = scene_submit_elsewhere(NULL, unit_hold_task, arg, 0);

	(void)value;
	(void)tpar_gather(&f, 1, NULL, NULL);
	return 0;
}

/* Until the pool is shut down, if it ever is. */
static int
work(void *arg, void *value)
{
	tpar_future *f;

	(void)arg;
	(void)value;
	while (tpar_submit(NULL, unit_number_task, NULL, 8, &f) == TPAR_OK) {
		(void)tpar_future_wait(f, TPAR_FOREVER);
		tpar_future_unref(f);
	}
	return 0;
}

static void *
wait_outside(void *f)
{
	(void)tpar_future_wait(f, TPAR_FOREVER);
	return NULL;
}

/* Some wait, some run; more threads than places. */
static void
keep_busy(void)
{
	int i;

	for (i = 0; i < MANY; i++) {
		(void)unit_start(wait_outside,
				 unit_submit(NULL, gather_held, &hold, 0));
	}
	unit_gate_await(&hold.begun, MANY);
	UNIT_MUST(tpar_submit(NULL, work, NULL, 0, NULL) == TPAR_OK);
}

static _Noreturn void
leave_from_main(void)
{
	keep_busy();
	exit(CODE);
}

static int
leave(void *arg, void *value)
{
	(void)arg;
	(void)value;
	exit(CODE);
}

static void
leave_from_a_task(void)
{
	tpar_future *f;

	keep_busy();
	f = unit_submit(NULL, leave, NULL, 0);
	(void)tpar_future_wait(f, TPAR_FOREVER);
}

/* Those that are held do not end, so the shutdown has only begun. */
static void
use_at_exit(void)
{
	tpar_future *f[MANY];
	intptr_t out[MANY];
	int i;

	for (i = 0; i < MANY; i++) {
		f[i] = unit_submit(NULL, unit_number_task, (void *)(intptr_t)i,
				   sizeof out[0]);
	}
	UNIT_MUST(tpar_gather(f, MANY, out, NULL) == TPAR_OK);
	UNIT_MUST(out[MANY - 1] == MANY - 1);
	tpar_future_unref_all(f, MANY);
	UNIT_MUST(tpar_pool_shutdown(NULL, TPAR_CANCEL, TPAR_NOW) != TPAR_OK);
}

static void
end_pool_at_exit(void)
{
	unit_gate_open(&hold.go);
	(void)tpar_pool_destroy(NULL);
}

static _Noreturn void
leave_from_main_with_handlers(void)
{
	UNIT_MUST(atexit(use_at_exit) == 0);
	leave_from_main();
}

static void
leave_from_a_task_with_handlers(void)
{
	UNIT_MUST(atexit(use_at_exit) == 0);
	leave_from_a_task();
}

static int
leave_after_use(void *arg, void *value)
{
	use_at_exit();
	return leave(arg, value);
}

static void
leave_while_main_waits_for_all(void)
{
	tpar_future *f = unit_submit(NULL, leave_after_use, NULL, 0);

	UNIT_MUST(atexit(end_pool_at_exit) == 0);
	(void)tpar_gather(&f, 1, NULL, NULL);
}

static _Noreturn void
leave_and_end_the_pool(void)
{
	tpar_future *f = unit_submit(NULL, gather_held, &hold, 0);

	unit_gate_await(&hold.begun, 1);
	tpar_future_unref(f);
	UNIT_MUST(atexit(end_pool_at_exit) == 0);
	exit(CODE);
}

START_TEST(exit_ends_the_process_whatever_runs)
{
	static void (*const body[])(void) = { leave_from_main,
					      leave_from_a_task,
					      leave_from_main_with_handlers,
					      leave_from_a_task_with_handlers,
					      leave_while_main_waits_for_all,
					      leave_and_end_the_pool };
	long rounds = unit_scaled(20);
	size_t i;

	/* It takes what belongs to threads for leaks, and says so by its code. */
	if (unit_is_valgrind()) {
		return;
	}
	for (; rounds > 0; rounds--) {
		for (i = 0; i < sizeof body / sizeof body[0]; i++) {
			ck_assert_msg(exits_as_told(body[i]), "body %zu", i);
		}
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { exit_ends_the_process_whatever_runs };

	return unit_main("exit", tests, sizeof tests / sizeof tests[0]);
}
