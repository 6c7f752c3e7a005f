/* SPDX-License-Identifier: MIT */
/*
 * test_clock.c - a monotonic clock that cannot be read ends the process, and says
 * so, whichever reading fails: src/clock.h says why that is no error.
 */
#include "config.h"

#include "unit.h"

#include <taskpar/cancel.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Atomic bool armed;
static _Atomic long fails_at;
static _Atomic long seen;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (armed && clock == CLOCK_MONOTONIC &&
	    atomic_fetch_add(&seen, 1) == fails_at) {
		errno = EPERM;
		return -1;
	}
	return __real_clock_gettime(clock, now);
}

static int
sleep_shortly(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return (int)tpar_sleep(tpar_in(1000));
}

/* What reads the clock: deadlines of all kinds. */
static void
use_deadlines(void)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	armed = true;
	task.fn = sleep_shortly;
	task.deadline_ns = tpar_in(600 * TPAR_SECOND);
	f = unit_submit_task(pool, &task);
	UNIT_MUST(tpar_future_wait(f, tpar_in(600 * TPAR_SECOND)) == TPAR_OK);
	tpar_future_unref(f);
	UNIT_MUST(tpar_sleep(tpar_in(1000)) == TPAR_OK);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	armed = false;
}

/* In a process of its own, whose last words come through the pipe. */
static _Noreturn void
child(int last_words, long at)
{
	struct rlimit none = { 0, 0 };

	UNIT_MUST(dup2(last_words, STDERR_FILENO) >= 0);
	UNIT_MUST(setrlimit(RLIMIT_CORE, &none) == 0);
	UNIT_MUST(signal(SIGABRT, SIG_DFL) != SIG_ERR);
	fails_at = at;
	use_deadlines();
	_exit(seen > at ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void
read_all(int fd, char *text, size_t size)
{
	size_t have = 0;
	ssize_t n = 1;

	while (n > 0 && have + 1 < size) {
		n = read(fd, text + have, size - 1 - have);
		have += n > 0 ? (size_t)n : 0;
	}
	text[have] = '\0';
}

/* false: it was not read so often. */
static bool
dies_with_words(long at)
{
	char words[4096];
	int ends[2];
	int status;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		child(ends[1], at);
	}
	(void)close(ends[1]);
	read_all(ends[0], words, sizeof words);
	(void)close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status)) {
		ck_assert_int_eq(WEXITSTATUS(status), EXIT_SUCCESS);
		return false;
	}
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	ck_assert_ptr_nonnull(strstr(words, "clock.c"));
	ck_assert_ptr_nonnull(strstr(words, "clock_gettime(CLOCK_MONOTONIC"));
	return true;
}

START_TEST(clock_that_cannot_be_read_ends_the_process)
{
	int without = 0;
	long deaths = 0;
	long n;

	/* How often it is read depends on who comes first. */
	for (n = 0; without < 2; n++) {
		if (dies_with_words(n)) {
			deaths++;
			without = 0;
		} else {
			without++;
		}
	}
	ck_assert_int_ge(deaths, 4);
	printf("# clock: %ld readings fail\n", deaths);
	(void)fflush(stdout);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { clock_that_cannot_be_read_ends_the_process };

	return unit_main("fault_clock", tests, sizeof tests / sizeof tests[0]);
}
