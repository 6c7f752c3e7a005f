/* SPDX-License-Identifier: MIT */
/*
 * test_limits.c - the limits of the system, reached: threads of a user, address
 * space, descriptors.  What is refused says so, what is accepted runs, and when the
 * limit is lifted all works.
 */
#include "child.h"
#include "programs.h"

#include <sys/resource.h>
#include <sys/syscall.h>

enum { NOBODY = 65534 };

/* Keeps the upper limit, so that it can be lifted again. */
static rlim_t
limit(int what, rlim_t to)
{
	struct rlimit now;
	rlim_t before;

	UNIT_MUST(getrlimit(what, &now) == 0);
	before = now.rlim_cur;
	now.rlim_cur = to;
	UNIT_MUST(setrlimit(what, &now) == 0);
	return before;
}

static bool
is_shortage(enum tpar_err err)
{
	UNIT_MUST(err == TPAR_OK || tpar_error_detail()[0] != '\0');
	return err == TPAR_ENOMEM || err == TPAR_EAGAIN;
}

static enum tpar_err
create(tpar_pool **pool, unsigned workers, unsigned blocking_limit)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

	config.workers = workers;
	config.blocking_limit = blocking_limit;
	config.stack_size = (size_t)1 << 20;
	return tpar_pool_create(pool, &config);
}

static void
run_all_programs(void)
{
	tpar_pool *pool = unit_pool(2, 8);
	int i;

	for (i = 0; i < PROGRAMS; i++) {
		programs[i](pool);
	}
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

/* ---- Threads ------------------------------------------------------------- */

/* The largest pool that can be had; NULL: none. */
static tpar_pool *
create_largest(void)
{
	tpar_pool *pool = NULL;
	unsigned workers;

	for (workers = 64; workers > 0; workers--) {
		enum tpar_err err = create(&pool, workers, 64);

		if (err == TPAR_OK) {
			break;
		}
		UNIT_MUST(err == TPAR_EAGAIN);
		UNIT_MUST(tpar_error_detail()[0] != '\0');
		UNIT_MUST(pool == NULL);
	}
	UNIT_MUST(workers < 64);
	return pool;
}

/*
 * No further thread can be started: tasks that block share one, a cancel is told
 * on the thread that cancels, a wait in a task runs what it waits for.
 */
static void
use_what_there_is(tpar_pool *pool)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[PROGRAM_FEW];
	intptr_t i;

	task.fn = unit_number_task;
	task.value_size = sizeof i;
	task.flags = TPAR_BLOCKING;
	for (i = 0; i < PROGRAM_FEW; i++) {
		task.arg = (void *)i;
		f[i] = unit_submit_task(pool, &task);
	}
	UNIT_MUST(tpar_gather(f, PROGRAM_FEW, NULL, NULL) == TPAR_OK);
	for (i = 0; i < PROGRAM_FEW; i++) {
		UNIT_MUST(*(const intptr_t *)tpar_future_value(f[i]) == i);
	}
	tpar_future_unref_all(f, PROGRAM_FEW);
	program_gather(pool);
	program_nested(pool);
	program_one_by_one(pool);
	program_map(pool);
	program_window(pool);
	program_promise(pool);
}

/* The thread that serves deadlines cannot be had, or can. */
static void
use_a_deadline(void)
{
	tpar_promise *p;
	tpar_future *f;
	enum tpar_err err;

	UNIT_MUST(tpar_promise_create(0, NULL, &p, &f) == TPAR_OK);
	err = tpar_future_cancel_at(f, tpar_in(1000));
	if (err == TPAR_OK) {
		UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_ECANCELED);
	} else {
		UNIT_MUST(is_shortage(err));
		UNIT_MUST(tpar_promise_set(p, NULL) == TPAR_OK);
	}
	tpar_promise_destroy(p);
	tpar_future_unref(f);
}

static void
child_without_threads(void *arg)
{
	tpar_pool *pool = NULL;
	rlim_t most = 8;
	rlim_t before;

	(void)arg;
	/* Of this thread, which is the only one. */
	UNIT_MUST(syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) == 0);
	before = limit(RLIMIT_NPROC, most);
	/* Others may be this user, too. */
	while ((pool = create_largest()) == NULL) {
		most += 8;
		(void)limit(RLIMIT_NPROC, most);
	}
	use_what_there_is(pool);
	program_forkjoin(pool);
	use_a_deadline();
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	(void)limit(RLIMIT_NPROC, before);
	run_all_programs();
}

START_TEST(threads_are_used_up)
{
	if (geteuid() != 0) {
		printf("# only root can be another user: not tried\n");
		return;
	}
	ck_assert(child_runs(child_without_threads, NULL));
}
END_TEST

/* ---- Address space ------------------------------------------------------- */

static rlim_t
mapped_now(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	UNIT_MUST(file != NULL);
	UNIT_MUST(fscanf(file, "%lu", &pages) == 1);
	UNIT_MUST(fclose(file) == 0);
	return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Values of a megabyte each, as many as there is room for. */
static void
fill_up(tpar_pool *pool)
{
	enum { MOST = 500 };
	tpar_future *f[MOST];
	enum tpar_err err = TPAR_OK;
	intptr_t i;
	int n;

	for (n = 0; n < MOST && err == TPAR_OK; n++) {
		f[n] = NULL;
		err = tpar_submit(pool, unit_number_task, (void *)(intptr_t)n,
				  (size_t)1 << 20, &f[n]);
	}
	UNIT_MUST(err == TPAR_ENOMEM);
	n--;
	UNIT_MUST(f[n] == NULL && n > 0);
	UNIT_MUST(tpar_wait_all(f, (size_t)n, TPAR_FOREVER) == TPAR_OK);
	for (i = 0; i < n; i++) {
		UNIT_MUST(*(const intptr_t *)tpar_future_value(f[i]) == i);
	}
	tpar_future_unref_all(f, (size_t)n);
}

static void
child_without_space(void *arg)
{
	tpar_pool *large = NULL;
	tpar_pool *pool = NULL;
	enum tpar_err err;
	rlim_t before;
	int result = 0;

	(void)arg;
	before = limit(RLIMIT_AS, mapped_now() + ((rlim_t)400 << 20));
	err = create(&large, 1000, 1);
	UNIT_MUST(is_shortage(err) && large == NULL);
	err = create(&pool, 2, 64);
	UNIT_MUST(err == TPAR_OK);
	fill_up(pool);
	use_what_there_is(pool);
	/* Forks need a mapping for each worker. */
	err = TPAR_RUN(program_fib, pool, &result, NULL, 16);
	UNIT_MUST((err == TPAR_OK && result == 987) || is_shortage(err));
	fill_up(pool);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	(void)limit(RLIMIT_AS, before);
	run_all_programs();
}

START_TEST(address_space_is_used_up)
{
	if (!CHILD_ALLOCATES || unit_is_valgrind()) {
		printf("# what watches needs the space itself: not tried\n");
		return;
	}
	ck_assert(child_runs(child_without_space, NULL));
}
END_TEST

/* ---- Descriptors --------------------------------------------------------- */

static void
child_without_descriptors(void *arg)
{
	tpar_pool *pool;
	tpar_promise *p;
	tpar_future *f;
	rlim_t before;
	int fd = -1;
	int next;

	(void)arg;
	UNIT_MUST(tpar_promise_create(0, NULL, &p, &f) == TPAR_OK);
	next = dup(STDERR_FILENO);
	UNIT_MUST(next >= 0 && close(next) == 0);
	before = limit(RLIMIT_NOFILE, (rlim_t)next);
	UNIT_MUST(tpar_future_fd(f, &fd) == TPAR_EAGAIN);
	UNIT_MUST(tpar_error_detail()[0] != '\0' && fd == -1);
	/* Of the default size: what is said in files cannot be read. */
	UNIT_MUST(tpar_pool_create(&pool, NULL) == TPAR_OK);
	program_gather(pool);
	program_map(pool);
	program_forkjoin(pool);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	(void)limit(RLIMIT_NOFILE, before);
	UNIT_MUST(tpar_future_fd(f, &fd) == TPAR_OK && fd >= 0);
	tpar_promise_destroy(p);
	tpar_future_unref(f);
	run_all_programs();
}

START_TEST(descriptors_are_used_up)
{
	ck_assert(child_runs(child_without_descriptors, NULL));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		threads_are_used_up,
		address_space_is_used_up,
		descriptors_are_used_up,
	};

	return unit_main("limits", tests, sizeof tests / sizeof tests[0]);
}
