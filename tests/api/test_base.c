/* SPDX-License-Identifier: MIT */
/*
 * test_base.c - deadlines, the texts of errors, the calling thread's detail,
 * the version.
 */
#include "unit.h"

#include <limits.h>
#include <string.h>
#include <time.h>

static int64_t
now(void)
{
	struct timespec ts;

	UNIT_MUST(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (int64_t)ts.tv_sec * TPAR_SECOND + ts.tv_nsec;
}

/* tpar_in(ns) lies between the times before and after it, plus `add`. */
static void
expect_in(int64_t ns, int64_t add)
{
	int64_t before = now();
	int64_t deadline = tpar_in(ns);
	int64_t after = now();

	ck_assert_int_ge(deadline, before + add);
	ck_assert_int_le(deadline, after + add);
	ck_assert_int_gt(deadline, TPAR_FOREVER);
}

START_TEST(deadline_lies_so_far_from_now)
{
	expect_in(1, 1);
	expect_in(3 * TPAR_SECOND, 3 * TPAR_SECOND);
	expect_in(5 * TPAR_MILLISECOND, 5000000);
}
END_TEST

START_TEST(deadline_of_no_time_has_just_passed)
{
	expect_in(0, 0);
	expect_in(-1, 0);
	expect_in(-TPAR_SECOND, 0);
	expect_in(INT64_MIN, 0);
}
END_TEST

START_TEST(deadline_beyond_all_times_is_the_last_one)
{
	ck_assert_int_eq(tpar_in(INT64_MAX), INT64_MAX);
	ck_assert_int_eq(tpar_in(INT64_MAX - 1), INT64_MAX);
	/* One that just fits is not cut. */
	ck_assert_int_lt(tpar_in(INT64_MAX - now() - TPAR_SECOND * 3600),
			 INT64_MAX);
}
END_TEST

START_TEST(zero_is_no_deadline_and_negative_is_now)
{
	ck_assert_int_eq(TPAR_FOREVER, 0);
	ck_assert_int_lt(TPAR_NOW, 0);
	ck_assert_int_eq(TPAR_SECOND, 1000 * TPAR_MILLISECOND);
}
END_TEST

struct text {
	int err;
	const char *text;
};

#define TEXT(name, value, text) { TPAR_##name, text },
static const struct text texts[] = { TPAR_ERR_MAP(TEXT) };
#undef TEXT

enum { TEXTS = sizeof texts / sizeof texts[0] };

START_TEST(each_error_has_a_text_and_a_code_of_its_own)
{
	int i;
	int j;

	ck_assert_int_eq(TPAR_OK, 0);
	for (i = 0; i < TEXTS; i++) {
		ck_assert_str_eq(tpar_strerror((enum tpar_err)texts[i].err),
				 texts[i].text);
		ck_assert(texts[i].err == 0 ||
			  (texts[i].err >= -20099 && texts[i].err <= -20001));
		for (j = 0; j < i; j++) {
			ck_assert_int_ne(texts[i].err, texts[j].err);
			ck_assert_str_ne(texts[i].text, texts[j].text);
		}
	}
}
END_TEST

START_TEST(any_other_number_is_an_unknown_error)
{
	static const int others[] = { 1,      -1,     2,       -20000,
				      -20014, -20099, INT_MAX, INT_MIN };
	size_t i;

	for (i = 0; i < sizeof others / sizeof others[0]; i++) {
		ck_assert_str_eq(tpar_strerror((enum tpar_err)others[i]),
				 "unknown error");
	}
}
END_TEST

START_TEST(version_is_that_of_the_headers)
{
	char text[40];

	snprintf(text, sizeof text, "%d.%d.%d", TPAR_VERSION_MAJOR,
		 TPAR_VERSION_MINOR, TPAR_VERSION_PATCH);
	ck_assert_str_eq(tpar_version(), text);
}
END_TEST

START_TEST(site_is_file_and_line)
{
	char text[256];

	snprintf(text, sizeof text, "%s:%d", __FILE__, __LINE__ + 1);
	ck_assert_str_eq(TPAR_SITE, text);
}
END_TEST

static int
do_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

/* Fails on purpose: the size of a config is wrong by so many bytes. */
static void
ask_for_nonsense(size_t off)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.size += off;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_EINVAL);
}

START_TEST(detail_is_empty_until_a_call_fails)
{
	char first[256];

	ck_assert_str_eq(tpar_error_detail(), "");
	unit_run_in(NULL, do_nothing, NULL);
	ck_assert_str_eq(tpar_error_detail(), "");
	ask_for_nonsense(1);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "config.size"));
	snprintf(first, sizeof first, "%s", tpar_error_detail());
	/* What succeeds leaves it; what fails replaces it. */
	unit_run_in(NULL, do_nothing, NULL);
	ck_assert_str_eq(tpar_error_detail(), first);
	ask_for_nonsense(2);
	ck_assert_str_ne(tpar_error_detail(), first);
}
END_TEST

START_TEST(detail_is_never_that_of_an_earlier_mistake)
{
	tpar_future *f =
		unit_submit(NULL, unit_number_task, NULL, sizeof(intptr_t));

	ask_for_nonsense(1);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(NULL, TPAR_FOREVER), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
	ask_for_nonsense(1);
	ck_assert_int_eq(tpar_future_cancel(NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
	ask_for_nonsense(1);
	ck_assert_int_eq(tpar_future_take(NULL, &f), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "f is NULL");
	ck_assert_int_eq(tpar_future_take(f, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "value is NULL");
	/* Also where the code alone would do. */
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_EALREADY);
	ck_assert_str_eq(tpar_error_detail(), tpar_strerror(TPAR_EALREADY));
	tpar_future_unref(f);
}
END_TEST

START_TEST(detail_is_what_a_library_on_top_records)
{
	char text[3000];

	ck_assert_int_eq(tpar_error_set(TPAR_EAGAIN, "%d of %s", 3, "them"),
			 TPAR_EAGAIN);
	ck_assert_str_eq(tpar_error_detail(), "3 of them");
	ask_for_nonsense(1);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "config.size"));
	/* A long one is cut between characters. */
	memset(text, 0, sizeof text);
	while (strlen(text) + 3 < sizeof text) {
		memcpy(text + strlen(text), "\xc3\xa4", 2);
	}
	ck_assert_int_eq(tpar_error_set(TPAR_EINVAL, "%s", text), TPAR_EINVAL);
	ck_assert_uint_gt(strlen(tpar_error_detail()), 500);
	ck_assert_uint_eq(strlen(tpar_error_detail()) % 2, 0);
}
END_TEST

struct speaker {
	struct unit_gate *met;
	size_t off;
	long rounds;
};

/* Each thread reads what it did wrong itself, whatever others do meanwhile. */
static void *
speak(void *arg)
{
	const struct speaker *speaker = arg;
	char own[64];
	long i;

	UNIT_MUST(tpar_error_detail()[0] == '\0');
	unit_gate_open(speaker->met);
	unit_gate_await(speaker->met, 2);
	snprintf(own, sizeof own, "config.size is %zu,",
		 sizeof(struct tpar_pool_config) + speaker->off);
	for (i = 0; i < speaker->rounds; i++) {
		ask_for_nonsense(speaker->off);
		UNIT_MUST(strstr(tpar_error_detail(), own) != NULL);
	}
	return NULL;
}

START_TEST(detail_is_the_threads_own)
{
	struct unit_gate met = UNIT_GATE_INIT;
	struct speaker speaker[2] = { { &met, 1, unit_scaled(2000) },
				      { &met, 2, unit_scaled(2000) } };
	pthread_t thread[2];
	int i;

	ask_for_nonsense(3);
	for (i = 0; i < 2; i++) {
		thread[i] = unit_start(speak, &speaker[i]);
	}
	for (i = 0; i < 2; i++) {
		unit_join(thread[i]);
	}
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "config.size"));
}
END_TEST

static int
make_mistake(void *arg, void *value)
{
	(void)value;
	ask_for_nonsense(1);
	return strstr(tpar_error_detail(), arg) != NULL ? 0 : 1;
}

START_TEST(mistake_of_a_task_is_not_its_submitters)
{
	unit_run_in(NULL, make_mistake, (char[]) { "config.size" });
	ck_assert_str_eq(tpar_error_detail(), "");
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		deadline_lies_so_far_from_now,
		deadline_of_no_time_has_just_passed,
		deadline_beyond_all_times_is_the_last_one,
		zero_is_no_deadline_and_negative_is_now,
		each_error_has_a_text_and_a_code_of_its_own,
		any_other_number_is_an_unknown_error,
		version_is_that_of_the_headers,
		site_is_file_and_line,
		detail_is_empty_until_a_call_fails,
		detail_is_never_that_of_an_earlier_mistake,
		detail_is_what_a_library_on_top_records,
		detail_is_the_threads_own,
		mistake_of_a_task_is_not_its_submitters,
	};

	return unit_main("base", tests, sizeof tests / sizeof tests[0]);
}
