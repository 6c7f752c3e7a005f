/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin_debug.c - programs compiled with TPAR_DEBUG: what nests runs as
 * ever, what does not ends the program with what and where.
 */
#define TPAR_DEBUG

#include "forks.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TPAR_TASK_1(long, echo, long, n)
{
	return 3 * n + 1;
}

TPAR_VOID_TASK_0(nothing)
{
}

/* ---- What nests ---------------------------------------------------------------- */

TPAR_TASK_1(long, fork_in_a_loop, long, n)
{
	long right = 0;
	long i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(echo, i);
	}
	TPAR_FORK(nothing);
	TPAR_JOIN(nothing);
	while (i-- > 0) {
		right += TPAR_JOIN(echo) == 3 * i + 1;
	}
	return right;
}

/* A computation of its own and a stolen fork among the forks of another. */
TPAR_TASK_1(int, raise_flag, forks_flag, flag)
{
	TPAR_FORK(echo, 1);
	forks_raise(flag);
	return (int)TPAR_JOIN(echo);
}

TPAR_TASK_1(long, nest, int, depth)
{
	long within = 0;
	long sum;

	if (depth == 0) {
		return 1;
	}
	TPAR_FORK(nest, depth - 1);
	UNIT_MUST(TPAR_RUN(nest, NULL, &within, NULL, depth - 1) == TPAR_OK);
	TPAR_CALL(nothing);
	sum = TPAR_CALL(nest, depth - 1);
	return within + sum + TPAR_JOIN(nest);
}

TPAR_TASK_0(int, have_stolen)
{
	_Atomic int flag = 0;

	TPAR_FORK(raise_flag, &flag);
	TPAR_CALL(forks_until, &flag);
	return TPAR_JOIN(raise_flag);
}

static void
run_what_nests(tpar_pool *pool)
{
	static const long many[] = { 0, 1, 1000,
				     (long)(TPAR_SLOTS_SIZE / 64) + 1000 };
	long value = 0;
	size_t i;

	for (i = 0; i < sizeof many / sizeof many[0]; i++) {
		ck_assert_int_eq(TPAR_RUN(fork_in_a_loop, pool, &value, NULL,
					  many[i]),
				 TPAR_OK);
		ck_assert_int_eq(value, many[i]);
	}
	ck_assert_int_eq(TPAR_RUN(nest, pool, &value, NULL, 6), TPAR_OK);
	ck_assert_int_eq(value, 729);
	ck_assert(forks_work(pool));
}

START_TEST(programs_whose_forks_nest_run_as_ever)
{
	forks_with_each(run_what_nests);
}
END_TEST

START_TEST(stolen_forks_nest)
{
	tpar_pool *pool = unit_pool(2, 1);
	int value = 0;

	ck_assert_int_eq(TPAR_RUN(have_stolen, pool, &value, NULL), TPAR_OK);
	ck_assert_int_eq(value, 4);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* ---- What does not ---------------------------------------------------------------- */

/* Lines are counted from here. */
enum { LEAVES = __LINE__ };
TPAR_VOID_TASK_0(leave_unjoined)
{
	TPAR_FORK(echo, 1);
	TPAR_FORK(nothing);
	TPAR_FORK(nothing);
	TPAR_JOIN(nothing);
}

TPAR_VOID_TASK_0(call_who_leaves)
{
	TPAR_FORK(nothing);
	TPAR_CALL(leave_unjoined);
	TPAR_JOIN(nothing);
}

TPAR_VOID_TASK_0(fork_who_leaves)
{
	TPAR_FORK(leave_unjoined);
	TPAR_JOIN(leave_unjoined);
}

enum { JOINS = __LINE__ };
TPAR_VOID_TASK_0(join_too_many)
{
	TPAR_FORK(nothing);
	TPAR_JOIN(nothing);
	TPAR_JOIN(nothing);
}

/* The fork is its parent's. */
TPAR_VOID_TASK_0(call_who_joins)
{
	TPAR_FORK(nothing);
	TPAR_CALL(join_too_many);
	TPAR_JOIN(nothing);
}

TPAR_VOID_TASK_0(run_who_joins)
{
	TPAR_FORK(nothing);
	UNIT_MUST(TPAR_RUN(join_too_many, NULL, NULL, NULL) == TPAR_OK);
	TPAR_JOIN(nothing);
}

enum { MIXES = __LINE__ };
TPAR_VOID_TASK_0(join_the_wrong_one)
{
	TPAR_FORK(nothing);
	TPAR_FORK(echo, 1);
	TPAR_JOIN(nothing);
	(void)TPAR_JOIN(echo);
}

#define RUNNER(name)                                                           \
	static void run_##name(tpar_pool *pool)                                \
	{                                                                      \
		UNIT_MUST(TPAR_RUN(name, pool, NULL, NULL) == TPAR_OK);        \
	}

RUNNER(leave_unjoined)
RUNNER(call_who_leaves)
RUNNER(fork_who_leaves)
RUNNER(join_too_many)
RUNNER(call_who_joins)
RUNNER(run_who_joins)
RUNNER(join_the_wrong_one)

/* What a process says that runs it and dies of it. */
static void
last_words(void (*run)(tpar_pool *pool), char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;
	int ends[2];
	int status;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		UNIT_MUST(dup2(ends[1], STDERR_FILENO) >= 0);
		UNIT_MUST(signal(SIGABRT, SIG_DFL) != SIG_ERR);
		(void)alarm(UNIT_TIMEOUT / 2);
		run(unit_pool(1, 1));
		_exit(EXIT_SUCCESS);
	}
	ck_assert_int_eq(close(ends[1]), 0);
	while ((got = read(ends[0], text + length, size - 1 - length)) > 0) {
		length += (size_t)got;
	}
	text[length] = '\0';
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* All parts must be in what it says, and that line of this file. */
static void
expect_words(void (*run)(tpar_pool *pool), const char *const *part, size_t n,
	     int line)
{
	char text[4096];
	char place[100];
	size_t i;

	last_words(run, text, sizeof text);
	for (i = 0; i < n; i++) {
		ck_assert_msg(strstr(text, part[i]) != NULL, "%s not in %s",
			      part[i], text);
	}
	snprintf(place, sizeof place, "test_forkjoin_debug.c:%d", line);
	ck_assert_msg(strstr(text, place) != NULL, "%s not in %s", place, text);
}

START_TEST(forks_left_unjoined_end_the_program_by_name_and_line)
{
	static const char *const words[] = { "leave_unjoined() has returned",
					     ": echo, " };

	expect_words(run_leave_unjoined, words, 2, LEAVES + 3);
	expect_words(run_call_who_leaves, words, 2, LEAVES + 3);
	expect_words(run_fork_who_leaves, words, 2, LEAVES + 3);
}
END_TEST

START_TEST(joins_too_many_end_the_program_by_name_and_line)
{
	static const char *const words[] = { "a join of nothing" };

	expect_words(run_join_too_many, words, 1, JOINS + 5);
	expect_words(run_call_who_joins, words, 1, JOINS + 5);
	expect_words(run_run_who_joins, words, 1, JOINS + 5);
}
END_TEST

START_TEST(join_of_another_fork_ends_the_program_by_names_and_lines)
{
	static const char *const words[] = { "a join of nothing",
					     "the youngest fork is echo" };

	expect_words(run_join_the_wrong_one, words, 2, MIXES + 4);
	expect_words(run_join_the_wrong_one, words, 2, MIXES + 5);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		programs_whose_forks_nest_run_as_ever, stolen_forks_nest,
		forks_left_unjoined_end_the_program_by_name_and_line,
		joins_too_many_end_the_program_by_name_and_line,
		join_of_another_fork_ends_the_program_by_names_and_lines
	};

	return unit_main("forkjoin_debug", tests,
			 sizeof tests / sizeof tests[0]);
}
