/* SPDX-License-Identifier: MIT */
/*
 * test_err.c - the texts of errors, each thread's detail, and where long texts
 * are cut.
 */
#include "config.h"

#include "src/err.h"

#include <check.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Characters of 1, 2, 3 and 4 bytes. */
static const char *const characters[] = { "a", "\303\251", "\342\202\254",
					  "\360\237\214\212" };
enum { CHARACTERS = sizeof characters / sizeof characters[0] };

/* The longest text that the tests make of them. */
enum { TEXT_MAX = 256 };

START_TEST(every_code_has_its_text)
{
	static const struct {
		enum tpar_err err;
		int value;
		const char *text;
	} codes[] = {
#define CODE(name, value, text) { TPAR_##name, value, text },
		TPAR_ERR_MAP(CODE)
#undef CODE
	};
	size_t count = sizeof codes / sizeof codes[0];
	size_t i;
	size_t k;

	ck_assert_int_eq(TPAR_OK, 0);
	for (i = 0; i < count; i++) {
		ck_assert_int_eq(codes[i].err, codes[i].value);
		ck_assert_str_eq(tpar_strerror(codes[i].err), codes[i].text);
		for (k = 0; k < i; k++) {
			ck_assert_str_ne(codes[i].text, codes[k].text);
		}
		if (codes[i].err != TPAR_OK) {
			ck_assert_int_ge(codes[i].value, -20099);
			ck_assert_int_le(codes[i].value, -20001);
		}
	}
}
END_TEST

START_TEST(other_codes_are_unknown)
{
	static const int codes[] = { 1,	     -1,     42,      -20000,
				     -20014, -20099, INT_MIN, INT_MAX };
	size_t i;

	for (i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		ck_assert_str_eq(tpar_strerror((enum tpar_err)codes[i]),
				 "unknown error");
	}
}
END_TEST

START_TEST(version_is_that_of_the_header)
{
	char version[64];

	snprintf(version, sizeof version, "%d.%d.%d", TPAR_VERSION_MAJOR,
		 TPAR_VERSION_MINOR, TPAR_VERSION_PATCH);
	ck_assert_str_eq(tpar_version(), version);
}
END_TEST

static void TPAR_PRINTF(3, 4)
	format(char *to, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tpi_format(to, size, fmt, args);
	va_end(args);
}

/*
 * Cuts a text at every size.  ends[0..count) are the lengths after which a
 * character of it is whole, 0 first.
 */
static void
check_every_cut(const char *text, const size_t *ends, size_t count)
{
	size_t length = strlen(text);
	size_t end = 0;
	size_t size;

	for (size = 1; size <= length + 2; size++) {
		char copied[TEXT_MAX + 4];
		char formatted[TEXT_MAX + 4];

		while (end + 1 < count && ends[end + 1] < size) {
			end++;
		}
		memset(copied, '#', sizeof copied);
		memset(formatted, '#', sizeof formatted);
		tpi_copy_text(copied, size, text);
		format(formatted, size, "%s", text);
		ck_assert_uint_eq(strlen(copied), ends[end]);
		ck_assert_mem_eq(copied, text, ends[end]);
		ck_assert_str_eq(formatted, copied);
		ck_assert_int_eq(copied[size], '#');
		ck_assert_int_eq(formatted[size], '#');
	}
}

START_TEST(one_size_of_characters_cut_at_every_length)
{
	const char *character = characters[_i];
	size_t ends[11] = { 0 };
	char text[TEXT_MAX] = "";
	size_t i;

	for (i = 1; i <= 10; i++) {
		strcat(text, character);
		ends[i] = strlen(text);
		check_every_cut(text, ends, i + 1);
	}
}
END_TEST

/* Every sequence of four characters. */
START_TEST(mixed_characters_cut_at_every_length)
{
	unsigned sequence;

	for (sequence = 0; sequence < 256; sequence++) {
		size_t ends[5] = { 0 };
		char text[TEXT_MAX] = "";
		size_t i;

		for (i = 0; i < 4; i++) {
			strcat(text, characters[sequence >> (2 * i) & 3]);
			ends[i + 1] = strlen(text);
		}
		check_every_cut(text, ends, 5);
	}
}
END_TEST

/* Bytes that are no UTF-8 are cut as well, and lose 3 bytes at most. */
START_TEST(invalid_text_is_cut)
{
	static const char bytes[] = { 'a',    '\200', '\303',
				      '\342', '\360', '\377' };
	unsigned sequence;

	for (sequence = 0; sequence < 6 * 6 * 6 * 6 * 6; sequence++) {
		unsigned rest = sequence;
		char text[6] = "";
		char to[8];
		size_t size;
		size_t i;

		for (i = 0; i < 5; i++) {
			text[i] = bytes[rest % 6];
			rest /= 6;
		}
		for (size = 1; size <= 6; size++) {
			memset(to, '#', sizeof to);
			tpi_copy_text(to, size, text);
			ck_assert_uint_lt(strlen(to), size);
			ck_assert_uint_ge(strlen(to) + 3, size - 1);
			ck_assert_mem_eq(to, text, strlen(to));
			ck_assert_int_eq(to[size], '#');
		}
	}
}
END_TEST

START_TEST(detail_is_that_of_the_last_error)
{
	ck_assert_str_eq(tpar_error_detail(), "");
	ck_assert_int_eq(tpi_err(TPAR_EINVAL, "field %s is %d", "size", 7),
			 TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "field size is 7");
	ck_assert_int_eq(tpi_err(TPAR_EBUSY, "busy"), TPAR_EBUSY);
	ck_assert_str_eq(tpar_error_detail(), "busy");
	ck_assert_int_eq(tpi_err(TPAR_EAGAIN, "%s", ""), TPAR_EAGAIN);
	ck_assert_str_eq(tpar_error_detail(), "");
}
END_TEST

/* A character that does not fit whole is left out. */
START_TEST(long_detail_is_cut_between_characters)
{
	const char *character = characters[_i];
	size_t bytes = strlen(character);
	char text[2 * TPI_DETAIL_MAX];
	size_t start;

	for (start = TPI_DETAIL_MAX - 6; start < TPI_DETAIL_MAX; start++) {
		size_t whole = (TPI_DETAIL_MAX - 1 - start) / bytes * bytes;
		size_t at;

		memset(text, 'x', start);
		for (at = start; at < TPI_DETAIL_MAX + 8; at += bytes) {
			memcpy(text + at, character, bytes);
		}
		text[at] = '\0';
		ck_assert_int_eq(tpi_err(TPAR_EDEADLK, "%s", text),
				 TPAR_EDEADLK);
		ck_assert_uint_eq(strlen(tpar_error_detail()), start + whole);
		ck_assert_mem_eq(tpar_error_detail(), text, start + whole);
	}
}
END_TEST

static void *
see_no_detail(void *arg)
{
	bool *right = arg;

	*right = strcmp(tpar_error_detail(), "") == 0;
	(void)tpi_err(TPAR_ENOMEM, "theirs");
	*right = *right && strcmp(tpar_error_detail(), "theirs") == 0;
	return NULL;
}

START_TEST(each_thread_has_its_detail)
{
	pthread_t thread;
	bool right = false;

	(void)tpi_err(TPAR_EINVAL, "mine");
	ck_assert_int_eq(pthread_create(&thread, NULL, see_no_detail, &right),
			 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(right);
	ck_assert_str_eq(tpar_error_detail(), "mine");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("err");
	TCase *tests = tcase_create("err");
	SRunner *runner;
	int failed;

	/* First: it sees the detail before any error. */
	tcase_add_test(tests, detail_is_that_of_the_last_error);
	tcase_add_test(tests, every_code_has_its_text);
	tcase_add_test(tests, other_codes_are_unknown);
	tcase_add_test(tests, version_is_that_of_the_header);
	tcase_add_loop_test(tests, one_size_of_characters_cut_at_every_length,
			    0, CHARACTERS);
	tcase_add_test(tests, mixed_characters_cut_at_every_length);
	tcase_add_test(tests, invalid_text_is_cut);
	tcase_add_loop_test(tests, long_detail_is_cut_between_characters, 0,
			    CHARACTERS);
	tcase_add_test(tests, each_thread_has_its_detail);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
