/* SPDX-License-Identifier: MIT */
/*
 * test_promise.c - promises, callbacks and descriptors without memory, without
 * descriptors: what is refused has changed nothing, what is accepted ends.
 */
#include "config.h"

#include "loose.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

static bool
refused(enum tpar_err err, enum tpar_err as)
{
	EXPECT(err == TPAR_OK || (err == as && fault_any()));
	return err != TPAR_OK;
}

/* The arena itself, made for the first one: refused until there is memory. */
START_TEST(first_promise_of_all_comes_late_or_never)
{
	tpar_promise *p = NULL;
	tpar_future *f = NULL;
	enum tpar_err err = TPAR_ENOMEM;
	long n;

	UNIT_MUST(signal(SIGALRM, fault_alarm) != SIG_ERR);
	for (n = 0; err != TPAR_OK; n++) {
		atomic_store(&fault_at, n);
		atomic_store(&fault_seen, 0);
		atomic_store(&fault_hit, 0);
		atomic_store(&fault_for_ever, true);
		atomic_store(&fault_kinds, FAULT_MEMORY | FAULT_LOCK);
		err = tpar_promise_create(8, NULL, &p, &f);
		fault_end();
		ck_assert_int_eq(err == TPAR_OK, !fault_any());
		ck_assert_int_eq(err == TPAR_OK, p != NULL);
		ck_assert_int_eq(err == TPAR_OK, f != NULL);
		ck_assert(err == TPAR_OK || err == TPAR_ENOMEM);
	}
	atomic_fetch_add(fault_total, n - 1);
	ck_assert_int_ge(n, 3);
	ck_assert_int_eq(tpar_promise_set_cancelled(p), TPAR_OK);
	tpar_promise_destroy(p);
	tpar_future_unref(f);
}
END_TEST

static void
complete_one(void)
{
	static const char words[] = "words that are kept if there is room";
	tpar_promise *p = NULL;
	tpar_future *f = NULL;
	char *value;

	fault_begin();
	if (refused(tpar_promise_create(LARGE_VALUE, count_drop, &p, &f),
		    TPAR_ENOMEM)) {
		EXPECT(p == NULL && f == NULL);
		return;
	}
	fault_end();
	value = calloc(1, LARGE_VALUE);
	fault_begin();
	atomic_store(&drops, 0);
	EXPECT(tpar_promise_set(p, value) == TPAR_OK);
	tpar_promise_destroy(p);
	EXPECT(tpar_future_state(f) == TPAR_DONE);
	tpar_future_unref(f);
	EXPECT(atomic_load(&drops) == 1);
	free(value);
	fault_end();
	/* One that fails, and says why or not. */
	EXPECT(tpar_promise_create(8, NULL, &p, &f) == TPAR_OK);
	fault_begin();
	EXPECT(tpar_promise_fail(p, 5, "%s", words) == TPAR_OK);
	EXPECT(tpar_future_code(f) == 5);
	EXPECT(strcmp(tpar_future_message(f), words) == 0 ||
	       (fault_any() && tpar_future_message(f)[0] == '\0'));
	tpar_promise_destroy(p);
	tpar_future_unref(f);
	fault_end();
	/* And one that nobody completes. */
	EXPECT(tpar_promise_create(8, NULL, &p, &f) == TPAR_OK);
	fault_begin();
	tpar_promise_destroy(p);
	EXPECT(tpar_future_state(f) == TPAR_FAILED);
	EXPECT(tpar_future_code(f) == TPAR_EFAILED);
	tpar_future_unref(f);
}

START_TEST(promise_is_made_or_refused_and_completed_without_memory)
{
	loose_warm_up();
	ck_assert_int_ge(fault_sweep(complete_one), 6);
}
END_TEST

/* ---- Callbacks ----------------------------------------------------------- */

static _Atomic int calls;

static void
count_call(tpar_future *f, void *arg)
{
	EXPECT(arg == &calls && tpar_future_state(f) >= TPAR_DONE);
	atomic_fetch_add(&calls, 1);
}

static void
register_callbacks(void)
{
	struct promised made = promised_make(8, count_drop);
	int64_t number = 3;
	int accepted = 0;
	int i;

	atomic_store(&calls, 0);
	atomic_store(&drops, 0);
	fault_begin();
	for (i = 0; i < 3; i++) {
		accepted += !refused(tpar_future_on_done(made.f, count_call,
							 &calls),
				     TPAR_ENOMEM);
	}
	EXPECT(tpar_promise_set(made.p, &number) == TPAR_OK);
	EXPECT(atomic_load(&calls) == accepted);
	/* And when it has ended. */
	accepted += !refused(tpar_future_on_done(made.f, count_call, &calls),
			     TPAR_ENOMEM);
	EXPECT(atomic_load(&calls) == accepted);
	promised_free(made);
	EXPECT(atomic_load(&drops) == 1);
}

START_TEST(callback_that_was_refused_is_not_called)
{
	loose_warm_up();
	ck_assert_int_ge(fault_sweep(register_callbacks), 8);
}
END_TEST

/* ---- Descriptors --------------------------------------------------------- */

static bool
is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN) != 0;
}

static void
ask_twice(bool ended)
{
	struct promised made = promised_make(0, NULL);
	int fd = -7;
	int again = -7;
	enum tpar_err err;

	if (ended) {
		EXPECT(tpar_promise_set(made.p, NULL) == TPAR_OK);
	}
	fault_begin();
	err = tpar_future_fd(made.f, &fd);
	EXPECT(err == TPAR_OK ||
	       ((err == TPAR_ENOMEM || err == TPAR_EAGAIN) && fault_any()));
	EXPECT((fd == -7) == (err != TPAR_OK));
	if (err != TPAR_OK && !atomic_load(&fault_for_ever)) {
		err = tpar_future_fd(made.f, &fd);
		EXPECT(err == TPAR_OK);
	}
	if (err == TPAR_OK) {
		/* What there is already needs nothing. */
		EXPECT(tpar_future_fd(made.f, &again) == TPAR_OK);
		EXPECT(again == fd && is_readable(fd) == ended);
		(void)tpar_promise_set(made.p, NULL);
		EXPECT(is_readable(fd));
	}
	promised_free(made);
	EXPECT(fd < 0 || (fcntl(fd, F_GETFD) < 0 && errno == EBADF));
}

static void
ask_before_the_end(void)
{
	ask_twice(false);
}

static void
ask_after_the_end(void)
{
	ask_twice(true);
}

START_TEST(descriptor_is_given_or_refused)
{
	loose_warm_up();
	ck_assert_int_ge(fault_sweep(ask_before_the_end), 5);
	ck_assert_int_ge(fault_sweep(ask_after_the_end), 5);
}
END_TEST

START_TEST(without_descriptors_it_says_so)
{
	struct promised made = promised_make(0, NULL);
	int fd = -7;

	atomic_store(&fault_for_ever, true);
	atomic_store(&fault_kinds, FAULT_SYSTEM);
	ck_assert_int_eq(tpar_future_fd(made.f, &fd), TPAR_EAGAIN);
	ck_assert_str_eq(tpar_error_detail(), "no descriptor is left");
	fault_end();
	ck_assert_int_eq(fd, -7);
	promised_free(made);
}
END_TEST

/* ---- Being cancelled ----------------------------------------------------- */

static _Atomic int told;

static void
give_way(tpar_promise *p, void *arg)
{
	EXPECT(arg == &told);
	atomic_fetch_add(&told, 1);
	EXPECT(tpar_promise_cancelled(p));
	EXPECT(tpar_promise_set_cancelled(p) == TPAR_OK);
}

static void
cancel_and_wait(void)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	struct promised made = { NULL, NULL };

	config.on_cancel = give_way;
	config.arg = &told;
	atomic_store(&told, 0);
	fault_begin();
	if (refused(tpar_promise_create_with(&config, &made.p, &made.f),
		    TPAR_ENOMEM)) {
		EXPECT(made.p == NULL && made.f == NULL);
		return;
	}
	EXPECT(tpar_future_cancel(made.f) == TPAR_OK);
	EXPECT(tpar_future_wait(made.f, TPAR_FOREVER) == TPAR_ECANCELED);
	tpar_promise_destroy(made.p);
	EXPECT(tpar_future_state(made.f) == TPAR_CANCELLED);
	tpar_future_unref(made.f);
	EXPECT(atomic_load(&told) == 1);
}

/* While there is a pool the threads of the lane stay, and end with it. */
static void
with_pool(fault_scenario scenario)
{
	tpar_pool *pool = unit_pool(1, 1);

	scenario();
	fault_end();
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

static void
cancel_and_wait_with_pool(void)
{
	with_pool(cancel_and_wait);
}

START_TEST(promise_is_told_of_a_cancel_also_without_threads)
{
	loose_warm_up();
	ck_assert_int_ge(fault_sweep(cancel_and_wait_with_pool), 3);
}
END_TEST

/* A callback that cancels and destroys: what is due by then is called before. */
static void
cancel_and_destroy(tpar_future *f, void *arg)
{
	struct promised *made = arg;

	EXPECT(tpar_future_state(f) == TPAR_DONE);
	fault_begin();
	EXPECT(tpar_future_cancel(made->f) == TPAR_OK);
	tpar_promise_destroy(made->p);
	fault_end();
}

static void
note_call(tpar_promise *p, void *arg)
{
	EXPECT(tpar_promise_cancelled(p) && arg == &told);
	atomic_fetch_add(&told, 1);
}

static void
destroy_in_callback(void)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	struct promised first = promised_make(0, NULL);
	struct promised made = { NULL, NULL };

	config.on_cancel = note_call;
	config.arg = &told;
	atomic_store(&told, 0);
	EXPECT(tpar_promise_create_with(&config, &made.p, &made.f) == TPAR_OK);
	EXPECT(tpar_future_on_done(first.f, cancel_and_destroy, &made) ==
	       TPAR_OK);
	EXPECT(tpar_promise_set(first.p, NULL) == TPAR_OK);
	EXPECT(tpar_future_state(made.f) == TPAR_FAILED);
	EXPECT(atomic_load(&told) <= 1);
	tpar_future_unref(made.f);
	promised_free(first);
}

static void
destroy_in_callback_with_pool(void)
{
	with_pool(destroy_in_callback);
}

START_TEST(callback_may_destroy_what_it_has_cancelled)
{
	loose_warm_up();
	ck_assert_int_ge(fault_sweep(destroy_in_callback_with_pool), 2);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		first_promise_of_all_comes_late_or_never,
		promise_is_made_or_refused_and_completed_without_memory,
		callback_that_was_refused_is_not_called,
		descriptor_is_given_or_refused,
		without_descriptors_it_says_so,
		promise_is_told_of_a_cancel_also_without_threads,
		callback_may_destroy_what_it_has_cancelled,
	};

	return fault_main("fault_promise", tests,
			  sizeof tests / sizeof tests[0], 30);
}
