/* SPDX-License-Identifier: MIT */
/*
 * test_cancel.c - what a task learns about a request to stop, and how it says
 * why it fails.
 */
#include "unit.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

START_TEST(outside_of_tasks_nobody_is_asked_to_stop)
{
	struct tpar_failure why = { .code = 8 };

	ck_assert(!tpar_cancelled());
	ck_assert_int_eq(tpar_checkpoint(), 0);
	/* Only the codes come back; there is nowhere to keep the words. */
	ck_assert_int_eq(tpar_fail(5, "lost %s", "words"), 5);
	ck_assert_int_eq(tpar_fail(0, "lost"), TPAR_EFAILED);
	ck_assert_int_eq(tpar_fail_from(&why), 8);
	ck_assert_str_eq(tpar_error_detail(), "");
}
END_TEST

/* A task that looks before and after it is asked to stop. */
struct asked {
	struct unit_hold hold;
	int returns; /* what it returns in the end */
};

static int
look_for_requests(void *arg, void *value)
{
	struct asked *asked = arg;
	int i;

	UNIT_MUST(!tpar_cancelled());
	UNIT_MUST(tpar_checkpoint() == 0);
	(void)unit_hold_task(&asked->hold, value);
	/* The answer stays. */
	for (i = 0; i < 3; i++) {
		UNIT_MUST(tpar_cancelled());
		UNIT_MUST(tpar_checkpoint() == TPAR_ESTOPPED);
	}
	return asked->returns;
}

static void
ask(int returns, enum tpar_state state)
{
	struct asked asked = { UNIT_HOLD_INIT, returns };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, look_for_requests, &asked, 0);

	unit_gate_await(&asked.hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	unit_gate_open(&asked.hold.go);
	(void)tpar_future_wait(f, TPAR_FOREVER);
	ck_assert_int_eq(tpar_future_state(f), state);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(request_is_seen_for_good_and_may_be_ignored)
{
	ask(TPAR_ESTOPPED, TPAR_CANCELLED);
	ask(0, TPAR_DONE);
	ask(1, TPAR_FAILED);
}
END_TEST

/* Waits for a task of its own, before and after it is asked to stop itself. */
struct look {
	bool cancelled;
	pthread_t thread;
};

static int
look_around(void *arg, void *value)
{
	struct look *look = arg;

	(void)value;
	look->cancelled = tpar_cancelled();
	look->thread = pthread_self();
	return 0;
}

static int
spawn_and_look(void *arg, void *value)
{
	struct asked *asked = arg;
	struct look look = { .cancelled = true };
	enum tpar_err err;
	tpar_future *f;

	f = unit_submit(NULL, look_around, &look, 0);
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	UNIT_MUST(!look.cancelled);
	(void)unit_hold_task(&asked->hold, value);
	UNIT_MUST(tpar_cancelled());
	/* The other one is not asked, nor run here; it may have run already. */
	look.cancelled = true;
	f = unit_submit(NULL, look_around, &look, 0);
	err = tpar_future_wait(f, TPAR_FOREVER);
	UNIT_MUST(err == TPAR_ESTOPPED || err == TPAR_OK);
	UNIT_AWAIT(tpar_future_state(f) == TPAR_DONE);
	UNIT_MUST(!look.cancelled);
	UNIT_MUST(!pthread_equal(look.thread, pthread_self()));
	tpar_future_unref(f);
	return asked->returns;
}

START_TEST(request_is_the_tasks_own)
{
	struct asked asked = { UNIT_HOLD_INIT, 0 };
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f = unit_submit(pool, spawn_and_look, &asked, 0);

	unit_gate_await(&asked.hold.begun, 1);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	unit_gate_open(&asked.hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* A request goes down a tree of sets to every leaf. */
struct tree {
	int height;
	struct unit_gate *leaves;
	_Atomic int *stopped;
};

static int
grow(void *arg, void *value)
{
	struct tree *tree = arg;
	struct tree below = { tree->height - 1, tree->leaves, tree->stopped };
	struct tpar_failure why;
	tpar_future *f[2];

	(void)value;
	if (tree->height == 0) {
		unit_gate_open(tree->leaves);
		UNIT_AWAIT(tpar_cancelled());
		atomic_fetch_add(tree->stopped, 1);
		return tpar_checkpoint();
	}
	f[0] = unit_submit(NULL, grow, &below, 0);
	f[1] = unit_submit(NULL, grow, &below, 0);
	UNIT_MUST(tpar_gather(f, 2, NULL, &why) == TPAR_ESTOPPED);
	tpar_future_unref_all(f, 2);
	return tpar_fail_from(&why);
}

START_TEST(request_goes_down_to_all_that_is_gathered)
{
	struct unit_gate leaves = UNIT_GATE_INIT;
	_Atomic int stopped = 0;
	struct tree tree = { 3, &leaves, &stopped };
	tpar_pool *pool = unit_pool(8, 16);
	tpar_future *f = unit_submit(pool, grow, &tree, 0);

	unit_gate_await(&leaves, 8);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_int_eq(atomic_load(&stopped), 8);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Says two things, the last one with so many characters. */
struct speech {
	int code;
	size_t lead; /* bytes of ASCII in front */
	size_t characters;
	const char *character;
};

static int
speak(void *arg, void *value)
{
	struct speech *speech = arg;
	char text[1000] = "";
	size_t i;

	(void)value;
	for (i = 0; i < speech->lead; i++) {
		strcat(text, "-");
	}
	for (i = 0; i < speech->characters; i++) {
		strcat(text, speech->character);
	}
	UNIT_MUST(tpar_fail(1, "something quite different") == 1);
	return tpar_fail(speech->code, "%s", text);
}

static tpar_future *
let_speak(struct speech *speech)
{
	tpar_future *f = unit_submit(NULL, speak, speech, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	return f;
}

/* What is kept of `lead` bytes of ASCII and many characters of `size` bytes. */
static void
expect_kept(size_t lead, const char *character, size_t characters)
{
	struct speech speech = { 3, lead, 200, character };
	tpar_future *f = let_speak(&speech);
	const char *message = tpar_future_message(f);
	size_t size = strlen(character);
	struct tpar_failure why;
	size_t i;

	ck_assert_uint_eq(strlen(message), lead + characters * size);
	ck_assert_uint_eq(strspn(message, "-"), lead);
	for (i = 0; i < characters; i++) {
		ck_assert_mem_eq(message + lead + i * size, character, size);
	}
	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_EFAILED);
	ck_assert_str_eq(why.message, message);
	tpar_future_unref(f);
}

START_TEST(long_words_are_cut_between_characters)
{
	size_t lead;

	/* 191 bytes of them are kept. */
	for (lead = 0; lead < 8; lead++) {
		expect_kept(lead, "x", 191 - lead);
		expect_kept(lead, "\xc3\xa9", (191 - lead) / 2);
		expect_kept(lead, "\xe2\x82\xac", (191 - lead) / 3);
		expect_kept(lead, "\xf0\x9f\x90\x8c", (191 - lead) / 4);
	}
}
END_TEST

START_TEST(words_that_just_fit_are_kept_whole)
{
	struct speech speech = { 3, 188, 1, "\xe2\x82\xac" };
	tpar_future *f = let_speak(&speech);

	ck_assert_uint_eq(strlen(tpar_future_message(f)), 191);
	ck_assert_str_eq(tpar_future_message(f) + 188, "\xe2\x82\xac");
	tpar_future_unref(f);
}
END_TEST

static int
fail_in_numbers(void *arg, void *value)
{
	(void)value;
	return tpar_fail(*(int *)arg, "%d of %s, %.1f%%", 3, "many", 2.5);
}

START_TEST(words_are_formatted_and_zero_fails_all_the_same)
{
	int code = 0;
	tpar_future *f = unit_submit(NULL, fail_in_numbers, &code, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f), TPAR_EFAILED);
	ck_assert_str_eq(tpar_future_message(f), "3 of many, 2.5%");
	tpar_future_unref(f);
}
END_TEST

/* Says something and returns something else. */
static int
say_and_return(void *arg, void *value)
{
	(void)value;
	UNIT_MUST(tpar_fail(1, "said") == 1);
	return *(int *)arg;
}

START_TEST(words_belong_to_failures_only)
{
	int code = 0;
	tpar_future *f = unit_submit(NULL, say_and_return, &code, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_str_eq(tpar_future_message(f), "");
	tpar_future_unref(f);
	code = TPAR_ESTOPPED;
	f = unit_submit(NULL, say_and_return, &code, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	ck_assert_str_eq(tpar_future_message(f), "");
	tpar_future_unref(f);
	/* Whatever the code is in the end. */
	code = INT_MIN;
	f = unit_submit(NULL, say_and_return, &code, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f), INT_MIN);
	ck_assert_str_eq(tpar_future_message(f), "said");
	tpar_future_unref(f);
}
END_TEST

/* Two tasks on one thread, one on top of the other, keep their words apart. */
static int
say_below(void *arg, void *value)
{
	struct speech inner = { 4, 0, 1, "inner" };
	tpar_future *f;

	(void)value;
	UNIT_MUST(tpar_fail(2, "outer") == 2);
	f = unit_submit(NULL, speak, &inner, 0);
	UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_EFAILED);
	UNIT_MUST(strcmp(tpar_future_message(f), "inner") == 0);
	tpar_future_unref(f);
	return *(int *)arg;
}

START_TEST(words_are_the_tasks_own)
{
	tpar_pool *pool = unit_pool(1, 1);
	int code = 2;
	tpar_future *f = unit_submit(pool, say_below, &code, 0);

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_str_eq(tpar_future_message(f), "outer");
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Ends with a failure that it was handed. */
static int
pass_on(void *arg, void *value)
{
	(void)value;
	return tpar_fail_from(arg);
}

static void
expect_passed(struct tpar_failure *why, enum tpar_state state, int code)
{
	tpar_future *f = unit_submit(NULL, pass_on, why, 0);

	(void)tpar_future_wait(f, TPAR_FOREVER);
	ck_assert_int_eq(tpar_future_state(f), state);
	ck_assert_int_eq(tpar_future_code(f), code);
	ck_assert_str_eq(tpar_future_message(f),
			 state == TPAR_FAILED ? why->message : "");
	tpar_future_unref(f);
}

START_TEST(failure_is_passed_on_with_its_words)
{
	struct tpar_failure why = { .index = 3,
				    .state = TPAR_FAILED,
				    .code = 17,
				    .message = "seventeen" };

	expect_passed(&why, TPAR_FAILED, 17);
	why.code = 0;
	expect_passed(&why, TPAR_FAILED, TPAR_EFAILED);
	/* A member was cancelled: that is no request to the caller. */
	why.state = TPAR_CANCELLED;
	why.code = TPAR_ESTOPPED;
	expect_passed(&why, TPAR_FAILED, TPAR_ECANCELED);
	/* The caller itself was asked. */
	why.index = SIZE_MAX;
	why.state = TPAR_PENDING;
	expect_passed(&why, TPAR_CANCELLED, TPAR_ESTOPPED);
	why.code = TPAR_EDEADLK;
	expect_passed(&why, TPAR_FAILED, TPAR_EDEADLK);
}
END_TEST

/* A loop that looks, while another thread asks, at any time. */
static int
loop_until_stopped(void *arg, void *value)
{
	int rc = 0;

	(void)arg;
	while (rc == 0) {
		++*(long *)value;
		sched_yield();
		rc = tpar_checkpoint();
	}
	return rc;
}

START_TEST(request_may_come_from_any_thread_at_any_time)
{
	tpar_pool *pool = unit_pool(1, 1);
	long round;

	for (round = 0; round < unit_scaled(200); round++) {
		tpar_future *f = unit_submit(pool, loop_until_stopped, NULL,
					     sizeof(long));

		if (round % 2 == 0) {
			UNIT_AWAIT(tpar_future_state(f) == TPAR_RUNNING);
		}
		ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER),
				 TPAR_ECANCELED);
		tpar_future_unref(f);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		outside_of_tasks_nobody_is_asked_to_stop,
		request_is_seen_for_good_and_may_be_ignored,
		request_is_the_tasks_own,
		request_goes_down_to_all_that_is_gathered,
		long_words_are_cut_between_characters,
		words_that_just_fit_are_kept_whole,
		words_are_formatted_and_zero_fails_all_the_same,
		words_belong_to_failures_only,
		words_are_the_tasks_own,
		failure_is_passed_on_with_its_words,
		request_may_come_from_any_thread_at_any_time,
	};

	return unit_main("cancel", tests, sizeof tests / sizeof tests[0]);
}
