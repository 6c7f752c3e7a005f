/* SPDX-License-Identifier: MIT */
/*
 * sweep.h - a table of scenarios, each of which is run with the n-th call that
 * may fail failing, once and from then on, for n = 0, 1, 2 ... and for each kind
 * of call, until a run has nothing left to fail.
 *
 * Every run is held to four things:
 *
 * - a call gives TPAR_OK, or one of the errors that its header names, and that
 *   only if something has failed (sweep_ok());
 * - every task that was accepted has ended once: its argument was dropped once,
 *   it ran once or, cancelled, not at all, and its value was dropped or taken
 *   once; a task that was refused was not touched (sweep_settle());
 * - no block, no mapping, no descriptor and no thread is left when what the
 *   scenario has made is destroyed;
 * - then the library works (sweep_healthy()).
 *
 * With TPAR_TEST_SCALE below 20, where each run takes long, some n are left out.
 * TPAR_SWEEP_ONLY=3 runs the scenario with this index in the table.
 */
#ifndef SWEEP_H
#define SWEEP_H

#include "calls.h"
#include "loose.h"
#include "storm.h"

#include <taskpar/cancel.h>
#include <taskpar/forkjoin.h>

struct sweep_scenario {
	const char *name;
	void (*run)(void);
	long least; /* injections */
};

/* ---- The ledger ---------------------------------------------------------- */

enum { SWEEP_ITEMS = 64, SWEEP_CODE = 7 };

/* A task, by the argument it has. */
struct sweep_item {
	intptr_t number;
	int code;		      /* it returns; 0: done */
	int (*body)(intptr_t number); /* called first; what it returns counts */
	_Atomic bool accepted;
	_Atomic int runs;
	_Atomic int drops;
};

static struct sweep_item sweep_item[SWEEP_ITEMS];

static _Atomic long sweep_made;	   /* values of tasks that were done */
static _Atomic long sweep_dropped; /* of those */
static _Atomic long sweep_taken;   /* of those, by the scenario */

static inline void
sweep_drop_arg(void *arg)
{
	struct sweep_item *item = arg;

	EXPECT(atomic_fetch_add(&item->drops, 1) == 0);
}

static inline void
sweep_drop_value(void *value)
{
	(void)value;
	atomic_fetch_add(&sweep_dropped, 1);
}

static inline int
sweep_run_item(void *arg, void *value)
{
	struct sweep_item *item = arg;
	int code = item->code;

	EXPECT(atomic_fetch_add(&item->runs, 1) == 0);
	EXPECT(atomic_load(&item->drops) == 0);
	if (item->body != NULL) {
		code = item->body(item->number);
	}
	*(intptr_t *)value = item->number;
	if (code == 0) {
		atomic_fetch_add(&sweep_made, 1);
	}
	return code > 0 ? tpar_fail(code, "item %d fails", (int)item->number)
			: code;
}

/* Item i, to be changed before it is submitted. */
static inline struct tpar_task
sweep_task(int i)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = sweep_run_item;
	task.arg = &sweep_item[i];
	task.value_size = sizeof(intptr_t);
	task.drop_arg = sweep_drop_arg;
	task.drop_value = sweep_drop_value;
	task.name = "item";
	return task;
}

/* true: it went well.  Else something has failed, and this is what it gives. */
static inline bool
sweep_ok(enum tpar_err err)
{
	EXPECT(err == TPAR_OK || fault_any());
	EXPECT(err == TPAR_OK || err == TPAR_ENOMEM || err == TPAR_EAGAIN);
	EXPECT(err == TPAR_OK || tpar_error_detail()[0] != '\0');
	return err == TPAR_OK;
}

/* NULL: it was refused. */
static inline tpar_future *
sweep_submit_task(tpar_pool *pool, const struct tpar_task *task)
{
	struct sweep_item *item = task->arg;
	tpar_future *f = NULL;

	/* Before: it may have ended when this returns. */
	atomic_store(&item->accepted, true);
	if (!sweep_ok(tpar_submit_task(pool, task, &f))) {
		EXPECT(f == NULL);
		atomic_store(&item->accepted, false);
	}
	return f;
}

static inline tpar_future *
sweep_submit(tpar_pool *pool, int i)
{
	struct tpar_task task = sweep_task(i);

	return sweep_submit_task(pool, &task);
}

/* Items 0 .. n - 1, until one is refused: how many were accepted. */
static inline int
sweep_submit_some(tpar_pool *pool, tpar_future **f, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		f[i] = sweep_submit(pool, i);
		if (f[i] == NULL) {
			break;
		}
	}
	return i;
}

/* The state of an item's future is what has happened to it. */
static inline void
sweep_ended(const tpar_future *f, int i)
{
	enum tpar_state state = tpar_future_state(f);
	int runs = atomic_load(&sweep_item[i].runs);

	EXPECT(state >= TPAR_DONE);
	EXPECT(atomic_load(&sweep_item[i].drops) == 1);
	EXPECT(state == TPAR_CANCELLED || runs == 1);
}

/* Waits for item i, which was accepted: how it has ended. */
static inline enum tpar_state
sweep_wait(tpar_future *f, int i)
{
	enum tpar_err err = tpar_future_wait(f, TPAR_FOREVER);
	enum tpar_state state = tpar_future_state(f);

	EXPECT(err == (state == TPAR_DONE     ? TPAR_OK
		       : state == TPAR_FAILED ? TPAR_EFAILED
					      : TPAR_ECANCELED));
	sweep_ended(f, i);
	return state;
}

/* What was accepted is run, whatever fails. */
static inline void
sweep_all_done(tpar_future **f, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		EXPECT(sweep_wait(f[i], i) == TPAR_DONE);
		EXPECT(*(const intptr_t *)tpar_future_value(f[i]) == i);
	}
}

static inline void
sweep_begin(void)
{
	int i;

	for (i = 0; i < SWEEP_ITEMS; i++) {
		sweep_item[i] = (struct sweep_item) { .number = i };
	}
	atomic_store(&sweep_made, 0);
	atomic_store(&sweep_dropped, 0);
	atomic_store(&sweep_taken, 0);
}

/* When all is destroyed. */
static inline void
sweep_settle(void)
{
	int i;

	for (i = 0; i < SWEEP_ITEMS; i++) {
		bool accepted = atomic_load(&sweep_item[i].accepted);
		int runs = atomic_load(&sweep_item[i].runs);

		EXPECT(atomic_load(&sweep_item[i].drops) == (accepted ? 1 : 0));
		EXPECT(runs <= (accepted ? 1 : 0));
	}
	EXPECT(atomic_load(&sweep_dropped) + atomic_load(&sweep_taken) ==
	       atomic_load(&sweep_made));
}

/* ---- Pools --------------------------------------------------------------- */

/* NULL: it cannot be made. */
static inline tpar_pool *
sweep_pool(unsigned workers, unsigned blocking_limit)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = workers;
	config.blocking_limit = blocking_limit;
	config.stack_size = (size_t)256 * 1024;
	if (!sweep_ok(tpar_pool_create(&pool, &config))) {
		EXPECT(pool == NULL);
	}
	return pool;
}

/* Nothing in the way of it may fail. */
static inline void
sweep_destroy(tpar_pool *pool)
{
	if (pool != NULL) {
		EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
	}
}

TPAR_TASK_1(int, sweep_fib, int, n)
{
	int a;
	int b;

	if (n < 2) {
		return n;
	}
	TPAR_FORK(sweep_fib, n - 1);
	b = TPAR_CALL(sweep_fib, n - 2);
	a = TPAR_JOIN(sweep_fib);
	return a + b;
}

/* Nothing fails any more, and all goes well. */
static inline void
sweep_healthy(void)
{
	tpar_pool *pool = unit_pool(2, 2);
	tpar_future *f[4];
	intptr_t value[4];
	int result = 0;
	int i;

	for (i = 0; i < 4; i++) {
		f[i] = unit_submit(pool, unit_number_task, (void *)(intptr_t)i,
				   sizeof value[i]);
	}
	EXPECT(tpar_gather(f, 4, value, NULL) == TPAR_OK);
	for (i = 0; i < 4; i++) {
		EXPECT(value[i] == i);
	}
	tpar_future_unref_all(f, 4);
	EXPECT(TPAR_RUN(sweep_fib, pool, &result, NULL, 8) == TPAR_OK);
	EXPECT(result == 21);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

/* ---- What is left -------------------------------------------------------- */

static inline int
sweep_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	UNIT_MUST(dir != NULL);
	while (readdir(dir) != NULL) {
		n++;
	}
	(void)closedir(dir);
	return n;
}

/* Blocks are counted by fault_run(). */
struct sweep_left {
	long mapped;
	int descriptors;
};

static struct sweep_left sweep_before;
static int sweep_threads; /* while nothing runs */

static void *
sweep_own_number(void *number)
{
	*(long *)number = syscall(SYS_gettid);
	return NULL;
}

/* With the one that a sanitizer has of its own, from the first one started on. */
static inline int
sweep_count_threads(void)
{
	char path[64];
	long number = 0;

	unit_join(fault_start(sweep_own_number, &number));
	snprintf(path, sizeof path, "/proc/self/task/%ld", number);
	/* ENDS: it was joined, and is going. */
	while (access(path, F_OK) == 0) {
		sched_yield();
	}
	return sweep_entries("/proc/self/task");
}

/*
 * Threads that serve deadlines and cancels end if they have nothing to do, and
 * one that was joined is there for a moment still.  While one goes, another one
 * may be missing from the list: only two looks in a row count.
 */
static inline void
sweep_await_threads(void)
{
	int looks = 0;

	(void)alarm(FAULT_PATIENCE);
	while (looks < 2) {
		if (sweep_entries("/proc/self/task") > sweep_threads) {
			looks = 0;
			sched_yield();
		} else {
			looks++;
		}
	}
	(void)alarm(0);
}

/* What a thread has given back counts only when it has ended. */
static inline struct sweep_left
sweep_look(void)
{
	sweep_await_threads();
	return (struct sweep_left) { atomic_load(&fault_mapped),
				     sweep_entries("/proc/self/fd") };
}

static inline void
sweep_expect_nothing_left(void)
{
	struct sweep_left now = sweep_look();

	EXPECT(now.mapped == sweep_before.mapped);
	EXPECT(now.descriptors == sweep_before.descriptors);
}

/* ---- The sweep ----------------------------------------------------------- */

static void (*sweep_scenario_run)(void);

/* A signal comes a thousand times a second meanwhile; not in valgrind. */
static void
sweep_once(void)
{
	if (!unit_is_valgrind()) {
		storm_begin(0, NULL);
	}
	sweep_begin();
	sweep_scenario_run();
	fault_end();
	sweep_settle();
	sweep_healthy();
	if (!unit_is_valgrind()) {
		storm_end(0, NULL);
	}
}

static inline long
sweep_step(void)
{
	long percent = unit_scaled(100);

	return percent < 20 ? 100 / percent : 1;
}

/* How many calls a run makes depends on who comes first: two without a failure. */
static inline long
sweep_kind(int kinds, bool for_ever)
{
	long step = sweep_step();
	long injections = 0;
	int without = 0;
	long n;

	for (n = 0; without < 2; n += step) {
		if (fault_run(sweep_once, kinds, n, for_ever)) {
			injections++;
			without = 0;
		} else {
			without++;
		}
		sweep_expect_nothing_left();
	}
	return injections;
}

static inline long
sweep_scenario(const struct sweep_scenario *scenario)
{
	const int all = FAULT_ALL | FAULT_CALL | FAULT_LOOP;
	long injections = 0;
	int i;

	sweep_scenario_run = scenario->run;
	/* What is made once in a process, or never. */
	UNIT_MUST(tpi_thread_parker() != NULL);
	UNIT_MUST(signal(SIGALRM, fault_alarm) != SIG_ERR);
	storm_take(SIGRTMIN + 3);
	loose_warm_up();
	sweep_threads = sweep_count_threads();
	(void)fault_run(sweep_once, 0, 0, false);
	sweep_before = sweep_look();
	for (i = 0; i < FAULT_KINDS; i++) {
		injections += sweep_kind(1 << i, false);
		if (1 << i != FAULT_BREAK) {
			injections += sweep_kind(1 << i, true);
		}
	}
	injections += sweep_kind(all, true);
	atomic_fetch_add(fault_total, injections);
	printf("# %s: %ld injections\n", scenario->name, injections);
	printf("# and %ld signals\n", storm_signals);
	(void)fflush(stdout);
	return injections;
}

/* Defined by the program: calls sweep_scenario() for entry _i of its table. */
#define SWEEP_TEST(table)                                                      \
	START_TEST(scenario_survives_whatever_fails)                           \
	{                                                                      \
		ck_assert_int_ge(sweep_scenario(&(table)[_i]),                 \
				 (table)[_i].least / sweep_step());            \
	}                                                                      \
	END_TEST

/* As fault_main(), with one test for each scenario. */
static inline int
sweep_main(const char *name, const TTest *test, int scenarios, long least)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	long total;
	const char *only = getenv("TPAR_SWEEP_ONLY");
	int first = only != NULL ? atoi(only) : 0;
	int failed;

	fault_total = mmap(NULL, sizeof *fault_total, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	UNIT_MUST(fault_total != MAP_FAILED);
	tcase_set_timeout(tcase, UNIT_TIMEOUT);
	tcase_add_loop_test(tcase, test, first,
			    only != NULL ? first + 1 : scenarios);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	total = atomic_load(fault_total);
	printf("# %s: %d scenarios, %ld injections\n", name,
	       only != NULL ? 1 : scenarios, total);
	if (failed > 0 || (only == NULL && total < least / sweep_step())) {
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

#endif
