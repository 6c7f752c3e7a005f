/* SPDX-License-Identifier: MIT */
/*
 * test_after.c - callbacks: being registered, and the lists of what is due, which
 * is called when its thread is through with what it is in the middle of.
 */
#include "config.h"

#include "handmade.h"

#include "src/after.h"
#include "src/lane.h"

enum { MANY = 5 };

static struct tpar_pool *pool;

/* A callback that notes when it was called, and does one more thing. */
struct note {
	struct tpi_callback callback;
	struct tpar_future *seen;
	int order;	   /* 1: the first one; 0: not called */
	struct note *adds; /* what it makes due, or NULL */
	struct note *withdraws;
	bool withdrawn;
};

static struct note note[MANY];
static int calls;

static void
call(struct tpi_callback *callback, struct tpar_future *f)
{
	struct note *self = TPI_CONTAINER(callback, struct note, callback);

	self->seen = f;
	self->order = ++calls;
	if (self->adds != NULL) {
		tpi_after_due(&self->adds->callback);
		tpi_after_run(); /* not now */
		ck_assert_int_eq(self->adds->order, 0);
	}
	if (self->withdraws != NULL) {
		self->withdrawn =
			tpi_after_withdraw(&self->withdraws->callback);
	}
}

static void
start(void)
{
	int i;

	pool = hand_pool(1);
	calls = 0;
	memset(note, 0, sizeof note);
	for (i = 0; i < MANY; i++) {
		note[i].callback.fn = call;
	}
}

static void
expect_order(int a, int b, int c)
{
	ck_assert_int_eq(note[0].order, a);
	ck_assert_int_eq(note[1].order, b);
	ck_assert_int_eq(note[2].order, c);
}

START_TEST(callback_is_called_with_its_future_held)
{
	struct tpar_future *f;
	uint64_t before;

	start();
	f = hand_future(pool);
	before = atomic_load(&f->holds);
	ck_assert(tpi_after(f, &note[0].callback, call));
	ck_assert_uint_eq(atomic_load(&f->holds), before + TPI_MEMREF);
	ck_assert(tpi_future_claim(f));
	ck_assert_int_eq(calls, 0);
	tpi_future_end(f, 0, NULL);
	ck_assert_int_eq(calls, 1);
	ck_assert_ptr_eq(note[0].seen, f);
	ck_assert_uint_eq(atomic_load(&f->holds), before);
	/* It has ended: nothing is registered, and nothing held. */
	ck_assert(!tpi_after(f, &note[1].callback, call));
	ck_assert_uint_eq(atomic_load(&f->holds), before);
	ck_assert_int_eq(calls, 1);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(oldest_is_called_first)
{
	struct tpar_future *f;
	int i;

	start();
	f = hand_future(pool);
	for (i = 0; i < 3; i++) {
		ck_assert(tpi_after(f, &note[i].callback, call));
	}
	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, TPAR_ESTOPPED, NULL);
	expect_order(1, 2, 3);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(what_a_callback_makes_due_comes_after_it)
{
	start();
	note[0].adds = &note[2];
	tpi_after_due(&note[0].callback);
	tpi_after_due(&note[1].callback);
	ck_assert_int_eq(calls, 0);
	tpi_after_run();
	expect_order(1, 2, 3);
	ck_assert_ptr_null(tpi_thread_self.due);
	ck_assert(!tpi_thread_self.due_running);
	tpi_after_run();
	ck_assert_int_eq(calls, 3);
	hand_free(pool);
}
END_TEST

START_TEST(nothing_is_called_in_a_sweep)
{
	struct tpi_sweep *sweep = (struct tpi_sweep *)&note;

	start();
	tpi_thread_self.sweep = sweep;
	tpi_after_due(&note[0].callback);
	tpi_after_run();
	ck_assert_int_eq(calls, 0);
	tpi_thread_self.sweep = NULL;
	tpi_after_run();
	ck_assert_int_eq(calls, 1);
	hand_free(pool);
}
END_TEST

START_TEST(what_is_due_may_be_withdrawn)
{
	int gone;
	int i;

	for (gone = 0; gone < 3; gone++) {
		start();
		for (i = 0; i < 3; i++) {
			tpi_after_due(&note[i].callback);
		}
		ck_assert(tpi_after_withdraw(&note[gone].callback));
		ck_assert(!tpi_after_withdraw(&note[gone].callback));
		/* The list is whole: what comes now comes last. */
		tpi_after_due(&note[3].callback);
		tpi_after_run();
		ck_assert_int_eq(calls, 3);
		ck_assert_int_eq(note[gone].order, 0);
		ck_assert_int_eq(note[3].order, 3);
		hand_free(pool);
	}
}
END_TEST

START_TEST(list_may_become_empty_by_that)
{
	start();
	ck_assert(!tpi_after_withdraw(&note[0].callback));
	tpi_after_due(&note[0].callback);
	ck_assert(tpi_after_withdraw(&note[0].callback));
	ck_assert_ptr_null(tpi_thread_self.due);
	tpi_after_due(&note[1].callback);
	tpi_after_run();
	expect_order(0, 1, 0);
	hand_free(pool);
}
END_TEST

START_TEST(callback_withdraws_others_but_not_itself)
{
	start();
	note[0].withdraws = &note[1];
	note[2].withdraws = &note[2];
	tpi_after_due(&note[0].callback);
	tpi_after_due(&note[1].callback);
	tpi_after_due(&note[2].callback);
	tpi_after_run();
	expect_order(1, 0, 2);
	ck_assert(note[0].withdrawn);
	ck_assert(!note[2].withdrawn);
	hand_free(pool);
}
END_TEST

static void
call_late(struct tpi_callback *callback, struct tpar_future *f)
{
	ck_assert(tpi_after_is_callers());
	ck_assert(!tpi_thread_self.due_running);
	call(callback, f);
}

static void
put_off(struct tpi_callback *callback, struct tpar_future *f)
{
	ck_assert_ptr_null(f);
	tpi_after_late(callback, call_late);
}

START_TEST(what_may_block_comes_after_all_that_is_due)
{
	start();
	note[0].callback.fn = put_off;
	note[1].callback.fn = put_off;
	tpi_after_due(&note[0].callback);
	tpi_after_due(&note[1].callback);
	tpi_after_due(&note[2].callback);
	tpi_after_run();
	expect_order(2, 3, 1);
	ck_assert(!tpi_after_is_callers());
	hand_free(pool);
}
END_TEST

/* As on_cancel may, which a promise has called here for want of threads. */
static void
end_and_see(struct tpi_callback *callback, struct tpar_future *f)
{
	tpi_after_due(&note[3].callback);
	tpi_after_run();
	ck_assert_int_eq(note[3].order, 1);
	/* Another one that may block does not come on top of it. */
	note[2].callback.fn = put_off;
	tpi_after_due(&note[2].callback);
	tpi_after_run();
	ck_assert_int_eq(note[2].order, 0);
	/* One that was put off can be withdrawn. */
	ck_assert(tpi_after_withdraw(&note[1].callback));
	call(callback, f);
}

static void
put_off_end(struct tpi_callback *callback, struct tpar_future *f)
{
	(void)f;
	tpi_after_late(callback, end_and_see);
}

START_TEST(what_blocks_sees_the_ends_that_it_causes)
{
	start();
	note[0].callback.fn = put_off_end;
	note[1].callback.fn = put_off;
	tpi_after_due(&note[0].callback);
	tpi_after_due(&note[1].callback);
	tpi_after_run();
	expect_order(2, 0, 3);
	ck_assert(!tpi_thread_self.late_running);
	hand_free(pool);
}
END_TEST

static tpar_future *all;
static enum tpar_err waited;

static void
wait_for_what_it_ends(tpar_promise *p, void *arg)
{
	(void)arg;
	UNIT_MUST(tpar_promise_set_cancelled(p) == TPAR_OK);
	waited = tpar_future_wait(all, TPAR_FOREVER);
}

START_TEST(on_cancel_without_a_thread_may_wait_for_what_it_ends)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	tpar_promise *p;
	tpar_future *f;

	tpi_lane_limits.threads = 0;
	config.on_cancel = wait_for_what_it_ends;
	ck_assert_int_eq(tpar_promise_create_with(&config, &p, &f), TPAR_OK);
	ck_assert_int_eq(tpar_gather_async(&f, 1, &all), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(waited, TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(all), TPAR_ECANCELED);
	tpar_promise_destroy(p);
	tpar_future_unref(f);
	tpar_future_unref(all);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		callback_is_called_with_its_future_held,
		oldest_is_called_first,
		what_a_callback_makes_due_comes_after_it,
		nothing_is_called_in_a_sweep,
		what_is_due_may_be_withdrawn,
		list_may_become_empty_by_that,
		callback_withdraws_others_but_not_itself,
		what_may_block_comes_after_all_that_is_due,
		what_blocks_sees_the_ends_that_it_causes,
		on_cancel_without_a_thread_may_wait_for_what_it_ends,
	};

	return unit_main("after", tests, sizeof tests / sizeof tests[0]);
}
