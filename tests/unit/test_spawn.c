/* SPDX-License-Identifier: MIT */
/*
 * test_spawn.c - a thread of the library: its signals, its stack, its name.
 */
#include "config.h"

#include "src/spawn.h"

#include "unit.h"

#include <signal.h>
#include <string.h>

#define STACK ((size_t)256 * 1024)

struct seen {
	sigset_t mask;
	size_t stack_size;
	size_t guard_size;
	size_t used;
	const char *name;
	unsigned index;
	char called[64];
};

static void *
look(void *arg)
{
	struct seen *seen = arg;
	pthread_attr_t attr;

	UNIT_MUST(pthread_sigmask(SIG_SETMASK, NULL, &seen->mask) == 0);
	UNIT_MUST(pthread_getattr_np(pthread_self(), &attr) == 0);
	UNIT_MUST(pthread_attr_getstacksize(&attr, &seen->stack_size) == 0);
	UNIT_MUST(pthread_attr_getguardsize(&attr, &seen->guard_size) == 0);
	UNIT_MUST(pthread_attr_destroy(&attr) == 0);
	return NULL;
}

static void
run(void *(*main)(void *arg), size_t stack, void *arg)
{
	pthread_t thread;

	ck_assert_int_eq(tpi_spawn(&thread, stack, main, arg), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(asynchronous_signals_are_blocked)
{
	static const int open[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	static const int blocked[] = { SIGINT,	SIGTERM, SIGHUP,
				       SIGALRM, SIGUSR1, SIGUSR2,
				       SIGCHLD, SIGPIPE, SIGPROF };
	struct seen seen;
	size_t i;

	run(look, STACK, &seen);
	for (i = 0; i < sizeof open / sizeof open[0]; i++) {
		ck_assert_int_eq(sigismember(&seen.mask, open[i]), 0);
	}
	for (i = 0; i < sizeof blocked / sizeof blocked[0]; i++) {
		ck_assert_int_eq(sigismember(&seen.mask, blocked[i]), 1);
	}
}
END_TEST

START_TEST(callers_mask_is_as_before)
{
	struct seen seen;
	sigset_t before;
	sigset_t after;
	int signo;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
	run(look, STACK, &seen);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	for (signo = 1; signo < SIGRTMIN; signo++) {
		ck_assert_int_eq(sigismember(&before, signo),
				 sigismember(&after, signo));
	}
}
END_TEST

START_TEST(stack_has_a_guard)
{
	struct seen seen;

	run(look, STACK, &seen);
	ck_assert_uint_ge(seen.stack_size, STACK);
	ck_assert_uint_ge(seen.guard_size, 64 * 1024);
}
END_TEST

/* Uses up `used` bytes in pieces. */
static size_t
use_stack(size_t left)
{
	volatile char piece[1024];
	size_t i;

	for (i = 0; i < sizeof piece; i += 64) {
		piece[i] = (char)left;
	}
	if (left <= 2 * sizeof piece) {
		return (size_t)piece[0];
	}
	return use_stack(left - sizeof piece - 128) + (size_t)piece[64];
}

static void *
use_all(void *arg)
{
	struct seen *seen = arg;

	(void)use_stack(seen->used);
	seen->index = 1;
	return NULL;
}

START_TEST(asked_stack_is_free_for_use)
{
	struct seen seen;

	memset(&seen, 0, sizeof seen);
	/* Sanitizers make frames larger. */
	seen.used = STACK / 4;
	run(use_all, STACK, &seen);
	ck_assert_uint_eq(seen.index, 1);
}
END_TEST

START_TEST(odd_stack_size_is_rounded_up)
{
	struct seen seen;

	run(look, STACK + 1, &seen);
	ck_assert_uint_ge(seen.stack_size, STACK + 1);
}
END_TEST

START_TEST(thread_that_cannot_be_is_reported)
{
	struct seen seen;
	pthread_t thread;

	ck_assert_int_ne(tpi_spawn(&thread, SIZE_MAX / 4 * 3, look, &seen), 0);
	run(look, STACK, &seen);
}
END_TEST

static void *
take_name(void *arg)
{
	struct seen *seen = arg;

	tpi_spawn_name(seen->name, seen->index);
	UNIT_MUST(pthread_getname_np(pthread_self(), seen->called,
				     sizeof seen->called) == 0);
	return NULL;
}

START_TEST(name_is_cut_for_the_index)
{
	static const struct {
		const char *name;
		unsigned index;
		const char *called;
	} cases[] = {
		{ "taskpar", 0, "taskpar/0" },
		{ "taskpar", 20479, "taskpar/20479" },
		{ "abcdefghijklm", 7, "abcdefghijklm/7" },
		{ "abcdefghijklmn", 7, "abcdefghijklm/7" },
		{ "abcdefghijklmnopqrstuvwxyz", 12345, "abcdefghi/12345" },
		{ "", 3, "/3" },
	};
	struct seen seen;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&seen, 0, sizeof seen);
		seen.name = cases[i].name;
		seen.index = cases[i].index;
		run(take_name, STACK, &seen);
		ck_assert_str_eq(seen.called, cases[i].called);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { asynchronous_signals_are_blocked,
				 callers_mask_is_as_before,
				 stack_has_a_guard,
				 asked_stack_is_free_for_use,
				 odd_stack_size_is_rounded_up,
				 thread_that_cannot_be_is_reported,
				 name_is_cut_for_the_index };

	return unit_main("spawn", tests, sizeof tests / sizeof tests[0]);
}
