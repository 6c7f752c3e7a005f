/* SPDX-License-Identifier: MIT */
/*
 * test_die.c - the last words of a broken invariant, and of misuse that cannot be
 * answered by an error: one line each, and SIGABRT.
 */
#include "config.h"

#include "src/die.h"

#include "unit.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child that ends by body() says to stderr. */
static void
last_words(void (*body)(void), char *words, size_t size)
{
	size_t length = 0;
	ssize_t n = 1;
	int ends[2];
	int status;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		UNIT_MUST(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
		body();
		_exit(0);
	}
	ck_assert_int_eq(close(ends[1]), 0);
	while (n > 0 && length < size - 1) {
		n = read(ends[0], words + length, size - 1 - length);
		length += n > 0 ? (size_t)n : 0;
	}
	words[length] = '\0';
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}

static void
break_invariant(void)
{
	TPI_CHECK(1 + 1 == 3);
}

static void
misuse(void)
{
	tpi_die_misuse("%s takes %d", "tpar_x()", 5);
}

START_TEST(broken_invariant_is_named_with_its_place)
{
	char words[512];

	last_words(break_invariant, words, sizeof words);
	ck_assert_ptr_nonnull(strstr(words, "libtaskpar: "));
	ck_assert_ptr_nonnull(strstr(words, "test_die.c:"));
	ck_assert_ptr_nonnull(strstr(words, "broken invariant: 1 + 1 == 3\n"));
}
END_TEST

START_TEST(misuse_is_told_in_words)
{
	char words[512];

	last_words(misuse, words, sizeof words);
	ck_assert_str_eq(words, "libtaskpar: tpar_x() takes 5\n");
}
END_TEST

START_TEST(what_holds_does_nothing)
{
	int n = 0;

	TPI_CHECK(++n == 1);
	ck_assert_int_eq(n, 1);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		broken_invariant_is_named_with_its_place,
		misuse_is_told_in_words,
		what_holds_does_nothing,
	};

	return unit_main("die", tests, sizeof tests / sizeof tests[0]);
}
