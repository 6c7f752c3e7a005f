/* SPDX-License-Identifier: MIT */
/*
 * test_fork_programs.c - forks while threads use all of the interface, by a thread
 * and by tasks: the child uses the library anew, execs or exits, and the parent's
 * results are what they are without.
 */
#include "child.h"
#include "programs.h"

enum { CODE = 7 };

struct parent {
	tpar_pool *pool;
	_Atomic bool over;
	struct unit_hold hold;
	tpar_future *held; /* runs until the end */
};

static void *
run_programs(void *arg)
{
	struct parent *parent = arg;
	int i;

	for (i = 0; !parent->over; i++) {
		programs[i % PROGRAMS](parent->pool);
	}
	return NULL;
}

/* ---- In the child -------------------------------------------------------- */

static int
nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

static void
refuse(tpar_pool *pool)
{
	tpar_future *f = NULL;
	int result = 0;

	UNIT_MUST(tpar_submit(pool, nothing, NULL, 0, &f) == TPAR_ECLOSED);
	UNIT_MUST(f == NULL);
	UNIT_MUST(TPAR_RUN(program_fib, pool, &result, NULL, 5) ==
		  TPAR_ECLOSED);
	UNIT_MUST(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER) ==
		  TPAR_OK);
}

static void
use_anew(void *arg)
{
	struct parent *parent = arg;
	tpar_pool *pool;
	int i;

	refuse(parent->pool);
	UNIT_MUST(tpar_future_wait(parent->held, TPAR_FOREVER) ==
		  TPAR_ECANCELED);
	if (CHILD_ALLOCATES && CHILD_STARTS_THREADS) {
		UNIT_MUST(tpar_pool_destroy(parent->pool) == TPAR_OK);
		pool = unit_pool(2, 8);
		for (i = 0; i < PROGRAMS; i++) {
			programs[i](pool);
		}
		programs[0](NULL);
		UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
		UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
	}
}

/*
 * May a child end by itself?  What belonged to the threads that it has not is a
 * leak for those who look for some at the end.
 */
static bool
may_end(void)
{
	return CHILD_ALLOCATES && !unit_is_valgrind();
}

static void
do_nothing(void *arg)
{
	(void)arg;
}

/* Runs body() in a child, which ends with CODE by that. */
static void
child_ends(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	UNIT_MUST(pid >= 0);
	if (pid == 0) {
		child_set_alarm();
		body();
		abort();
	}
	UNIT_MUST(waitpid(pid, &status, 0) == pid);
	UNIT_MUST(WIFEXITED(status) && WEXITSTATUS(status) == CODE);
}

static void
exec(void)
{
	(void)execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
}

static void
exit_properly(void)
{
	exit(CODE);
}

static void
exit_at_once(void)
{
	_exit(CODE);
}

/* ---- Who forks ----------------------------------------------------------- */

/* The child of a task may only exec or _exit. */
static int
fork_in_task(void *arg, void *value)
{
	(void)arg;
	(void)value;
	child_ends(exec);
	if (may_end()) {
		child_ends(exit_at_once);
	} else {
		UNIT_MUST(child_runs(do_nothing, NULL));
	}
	return 0;
}

static void *
fork_in_tasks(void *arg)
{
	struct parent *parent = arg;
	long n = unit_scaled(20);

	for (; n > 0; n--) {
		unit_run_in(parent->pool, fork_in_task, NULL);
	}
	return NULL;
}

static void
fork_here(struct parent *parent)
{
	long n = unit_scaled(20);

	for (; n > 0; n--) {
		UNIT_MUST(child_runs(use_anew, parent));
		child_ends(exec);
		if (may_end()) {
			child_ends(exit_properly);
		}
	}
}

START_TEST(fork_changes_no_result)
{
	struct parent parent = { .pool = unit_pool(3, 8),
				 .hold = UNIT_HOLD_INIT };
	pthread_t thread[3];
	int i;

	parent.held = unit_submit(parent.pool, unit_hold_task, &parent.hold, 0);
	unit_gate_await(&parent.hold.begun, 1);
	thread[0] = unit_start(run_programs, &parent);
	thread[1] = unit_start(run_programs, &parent);
	thread[2] = unit_start(fork_in_tasks, &parent);
	fork_here(&parent);
	unit_join(thread[2]);
	parent.over = true;
	unit_join(thread[0]);
	unit_join(thread[1]);
	for (i = 0; i < PROGRAMS; i++) {
		programs[i](parent.pool);
	}
	unit_gate_open(&parent.hold.go);
	ck_assert_int_eq(tpar_future_wait(parent.held, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(parent.held);
	ck_assert_int_eq(tpar_pool_destroy(parent.pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { fork_changes_no_result };

	return unit_main("fork_programs", tests,
			 sizeof tests / sizeof tests[0]);
}
