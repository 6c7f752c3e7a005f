/* SPDX-License-Identifier: MIT */
/*
 * test_failure.c - why a call did not succeed: never without words.
 */
#include "config.h"

#include "handmade.h"

#include "src/err.h"
#include "src/failure.h"

START_TEST(call_is_blamed_with_its_detail)
{
	static const enum tpar_err detailed[] = { TPAR_EINVAL, TPAR_EDEADLK,
						  TPAR_EALREADY, TPAR_ECLOSED };
	struct tpar_failure why;
	size_t i;

	(void)tpi_err(TPAR_EINVAL, "n is odd");
	for (i = 0; i < sizeof detailed / sizeof detailed[0]; i++) {
		memset(&why, 0xff, sizeof why);
		tpi_failure_of_call(&why, detailed[i]);
		ck_assert_uint_eq(why.index, SIZE_MAX);
		ck_assert_int_eq(why.state, TPAR_PENDING);
		ck_assert_int_eq(why.code, detailed[i]);
		ck_assert_ptr_null(why.task);
		ck_assert_str_eq(why.message, "n is odd");
		ck_assert_uint_eq(why.reserved[0], 0);
	}
}
END_TEST

START_TEST(call_is_blamed_in_general_words)
{
	static const enum tpar_err general[] = { TPAR_ESTOPPED, TPAR_ETIMEDOUT,
						 TPAR_ENOMEM, TPAR_EAGAIN };
	struct tpar_failure why;
	size_t i;

	/* An old detail is not theirs. */
	(void)tpi_err(TPAR_EINVAL, "something else");
	for (i = 0; i < sizeof general / sizeof general[0]; i++) {
		tpi_failure_of_call(&why, tpi_err_plain(general[i]));
		ck_assert_str_eq(why.message, tpar_strerror(general[i]));
	}
	tpi_failure_of_call(NULL, TPAR_EINVAL);
}
END_TEST

START_TEST(blamed_member_is_the_detail_too)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f = hand_future(pool);

	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, 6, NULL);
	ck_assert_int_eq(tpi_failure_of_member(NULL, f, 4), TPAR_EFAILED);
	ck_assert_str_eq(tpar_error_detail(), "task 4 failed with code 6");
	hand_drop(f);
	hand_free(pool);
}
END_TEST

static struct tpar_future *
ended(struct tpar_pool *pool, int rc, const char *text)
{
	struct tpar_future *f = hand_future(pool);
	char *message = NULL;

	if (text != NULL) {
		message = tpi_arena_alloc(pool->arena, strlen(text) + 1,
					  sizeof(void *));
		strcpy(message, text);
	}
	f->name = "member";
	UNIT_MUST(tpi_future_claim(f));
	tpi_future_end(f, rc, message);
	return f;
}

START_TEST(member_is_blamed_with_its_message)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *f = ended(pool, 5, "no route");
	struct tpar_failure why;

	memset(&why, 0xff, sizeof why);
	ck_assert_int_eq(tpi_failure_of_member(&why, f, 3), TPAR_EFAILED);
	ck_assert_uint_eq(why.index, 3);
	ck_assert_int_eq(why.state, TPAR_FAILED);
	ck_assert_int_eq(why.code, 5);
	ck_assert_str_eq(why.task, "member");
	ck_assert_str_eq(why.message, "no route");
	ck_assert_uint_eq(why.reserved[3], 0);
	ck_assert_int_eq(tpi_failure_of_member(NULL, f, 3), TPAR_EFAILED);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(silent_member_is_blamed_in_words)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpar_future *failed = ended(pool, -7, NULL);
	struct tpar_future *cancelled = ended(pool, TPAR_ESTOPPED, NULL);
	struct tpar_failure why;

	(void)tpi_failure_of_member(&why, failed, 0);
	ck_assert_str_eq(why.message, "task 0 failed with code -7");
	ck_assert_int_eq(tpi_failure_of_member(&why, cancelled, 12),
			 TPAR_ECANCELED);
	ck_assert_int_eq(why.state, TPAR_CANCELLED);
	ck_assert_int_eq(why.code, TPAR_ESTOPPED);
	ck_assert_str_eq(why.message, "task 12 was cancelled");
	ck_assert_int_eq(tpi_failure_of_member(NULL, cancelled, 12),
			 TPAR_ECANCELED);
	hand_drop(failed);
	hand_drop(cancelled);
	hand_free(pool);
}
END_TEST

START_TEST(long_detail_is_cut_between_characters)
{
	struct tpar_failure why;
	char text[2 * TPAR_MESSAGE_MAX];

	memset(text, 'y', sizeof text);
	memcpy(text + TPAR_MESSAGE_MAX - 3, "\xe2\x82\xac", 3);
	text[sizeof text - 1] = '\0';
	(void)tpi_err(TPAR_EINVAL, "%s", text);
	tpi_failure_of_call(&why, TPAR_EINVAL);
	ck_assert_uint_eq(strlen(why.message), TPAR_MESSAGE_MAX - 3);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { call_is_blamed_with_its_detail,
				 call_is_blamed_in_general_words,
				 blamed_member_is_the_detail_too,
				 member_is_blamed_with_its_message,
				 silent_member_is_blamed_in_words,
				 long_detail_is_cut_between_characters };

	return unit_main("failure", tests, sizeof tests / sizeof tests[0]);
}
