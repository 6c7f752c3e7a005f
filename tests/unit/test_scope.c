/* SPDX-License-Identifier: MIT */
/*
 * test_scope.c - the children of a group: entering, leaving, the first cause,
 * who is held by whom; step by step, by one thread.
 */
#include "config.h"

#include "handmade.h"

#include "src/cancel.h"
#include "src/err.h"
#include "src/scope.h"

static struct tpar_pool *pool;
static struct tpar_group scope;
static int lasts;

static void
count_last(struct tpar_group *group)
{
	ck_assert_ptr_eq(group, &scope);
	lasts++;
}

static void
begin(void)
{
	pool = hand_pool(1);
	memset(&scope, 0, sizeof scope);
	ck_assert_int_eq(tpi_scope_init(&scope, count_last), 0);
}

static struct tpar_future *
child_with(unsigned flags)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_future *f;

	task.fn = hand_nothing;
	task.group = &scope;
	task.flags = flags;
	f = hand_future_of(pool, &task);
	tpi_store_relaxed(&f->link.next, NULL);
	return f;
}

static struct tpar_future *
child(void)
{
	return child_with(0);
}

/* Children that have entered, one by one. */
static void
enter(struct tpar_future **f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		f[i] = child();
		ck_assert(tpi_scope_enter(&scope, f[i], 1));
	}
}

static void
end_child(struct tpar_future *f, int rc)
{
	ck_assert(tpi_future_claim(f));
	tpi_future_end(f, rc, NULL);
}

static size_t
holds(void)
{
	return atomic_load(&scope.holds);
}

/* Nobody is left but the owner. */
static void
end(void)
{
	ck_assert_uint_eq(scope.running, 0);
	ck_assert_ptr_null(scope.live.first);
	ck_assert_ptr_null(scope.live.last);
	ck_assert_ptr_null(scope.swept.first);
	ck_assert_ptr_null(scope.swept.last);
	ck_assert_uint_eq(holds(), 1);
	ck_assert_int_eq(lasts, 0);
	tpi_scope_let_go(&scope);
	ck_assert_int_eq(lasts, 1);
	tpi_lock_fini(&scope.lock);
	hand_free(pool);
}

/* ---- Entering and leaving ------------------------------------------------ */

START_TEST(group_and_child_hold_each_other_until_it_is_off)
{
	struct tpar_future *f[2];

	begin();
	enter(f, 2);
	ck_assert_uint_eq(holds(), 3);
	ck_assert_uint_eq(scope.running, 2);
	/* Neither a handle nor a queue holds the first one any more. */
	hand_drop(f[0]);
	ck_assert_int_eq(tpar_future_state(f[0]), TPAR_PENDING);
	end_child(f[0], 0);
	ck_assert_uint_eq(holds(), 2);
	end_child(f[1], 0);
	ck_assert_uint_eq(holds(), 1);
	ck_assert_int_eq(tpar_future_state(f[1]), TPAR_DONE);
	hand_drop(f[1]);
	end();
}
END_TEST

START_TEST(children_leave_in_any_order)
{
	static const int orders[][4] = {
		{ 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 2, 0, 3 }, { 2, 0, 3, 1 }
	};
	struct tpar_future *f[4];
	size_t o;
	size_t i;

	begin();
	for (o = 0; o < 4; o++) {
		enter(f, 4);
		for (i = 0; i < 4; i++) {
			end_child(f[orders[o][i]], 0);
			hand_drop(f[orders[o][i]]);
			ck_assert_uint_eq(scope.running, 3 - i);
		}
	}
	end();
}
END_TEST

START_TEST(many_enter_at_once_in_the_order_of_their_links)
{
	struct tpar_future *f[3];
	size_t i;

	begin();
	for (i = 0; i < 3; i++) {
		f[i] = child();
	}
	tpi_store_relaxed(&f[0]->link.next, &f[1]->link);
	tpi_store_relaxed(&f[1]->link.next, &f[2]->link);
	ck_assert(tpi_scope_enter(&scope, f[0], 3));
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(tpi_future_ext(f[i])->index, i);
	}
	ck_assert_uint_eq(scope.submitted, 3);
	ck_assert_uint_eq(holds(), 4);
	for (i = 0; i < 3; i++) {
		end_child(f[i], 0);
		hand_drop(f[i]);
	}
	end();
}
END_TEST

START_TEST(closing_group_takes_children_while_one_runs)
{
	struct tpi_run run[2];
	struct tpar_future *f[2];
	struct tpar_future *other;
	struct tpar_future *late;
	struct tpar_future *worker_of_a_child;

	begin();
	enter(f, 1);
	late = child();
	other = hand_future(pool);
	ck_assert(tpi_scope_begin_close(&scope));
	ck_assert(!tpi_scope_begin_close(&scope));
	ck_assert(!tpi_scope_end_close(&scope));
	ck_assert(!tpi_scope_is_callers(&scope));
	/* A task, what a child has others do may run on any thread; no other. */
	ck_assert(!tpi_scope_enter(&scope, late, 1));
	worker_of_a_child = hand_future(pool);
	hand_begin(&run[0], worker_of_a_child);
	ck_assert(!tpi_scope_is_callers(&scope));
	ck_assert(tpi_scope_enter(&scope, late, 1));
	hand_end(&run[0], 0);
	hand_drop(worker_of_a_child);
	hand_begin(&run[0], f[0]);
	ck_assert(tpi_scope_is_callers(&scope));
	/* Also what runs on top of a child. */
	hand_begin(&run[1], other);
	ck_assert(tpi_scope_is_callers(&scope));
	hand_end(&run[1], 0);
	hand_end(&run[0], 0);
	ck_assert(!tpi_scope_end_close(&scope));
	ck_assert(!tpi_scope_all_off(&scope));
	ck_assert(tpi_scope_all_off_or_more(&scope));
	end_child(late, 0);
	ck_assert(tpi_scope_all_off_or_more(&scope));
	ck_assert(tpi_scope_end_close(&scope));
	f[1] = child();
	ck_assert(!tpi_scope_enter(&scope, f[1], 1));
	tpi_future_discard(NULL, f[1]);
	hand_drop(f[0]);
	hand_drop(late);
	hand_drop(other);
	end();
}
END_TEST

/* ---- The cause ----------------------------------------------------------- */

START_TEST(first_cause_stays)
{
	struct tpar_future *late;

	begin();
	ck_assert(tpi_scope_elect(&scope, TPI_SCOPE_TIMED_OUT));
	ck_assert(!tpi_scope_elect(&scope, TPI_SCOPE_STOPPED));
	ck_assert_int_eq(tpi_scope_cancel(&scope, TPI_SCOPE_CANCELLED, "no"),
			 TPAR_OK);
	ck_assert_int_eq(tpi_scope_fail_body(&scope, 5, "body"), TPAR_OK);
	ck_assert_int_eq(scope.cause, TPI_SCOPE_TIMED_OUT);
	ck_assert_int_eq(tpi_scope_reason(&scope), TPI_REASON_DEADLINE);
	ck_assert_str_eq(scope.text, "");
	/* But the body's failure is kept for the report. */
	ck_assert(scope.body_failed);
	ck_assert_str_eq(scope.body_text, "body");
	late = child();
	ck_assert(!tpi_scope_enter(&scope, late, 1));
	tpi_future_discard(NULL, late);
	end();
}
END_TEST

START_TEST(closed_group_has_no_cause_any_more)
{
	begin();
	ck_assert(tpi_scope_begin_close(&scope));
	ck_assert(tpi_scope_end_close(&scope));
	ck_assert(!tpi_scope_elect(&scope, TPI_SCOPE_TIMED_OUT));
	ck_assert_int_eq(tpi_scope_cancel(&scope, TPI_SCOPE_CANCELLED, "no"),
			 TPAR_EALREADY);
	ck_assert_int_eq(tpi_scope_fail_body(&scope, 5, "body"), TPAR_EALREADY);
	ck_assert_int_eq(scope.cause, TPI_SCOPE_NONE);
	ck_assert(!scope.body_failed);
	ck_assert_str_eq(scope.text, "");
	end();
}
END_TEST

START_TEST(reason_in_words_is_cut_and_kept)
{
	char text[300];

	begin();
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	ck_assert_str_ne(tpi_scope_text(&scope), "");
	ck_assert_int_eq(tpi_scope_cancel(&scope, TPI_SCOPE_CANCELLED, text),
			 TPAR_OK);
	ck_assert_int_eq(tpi_scope_reason(&scope), TPI_REASON_GROUP);
	ck_assert_uint_eq(strlen(tpi_scope_text(&scope)),
			  TPI_SCOPE_TEXT_MAX - 1);
	ck_assert_str_ne(tpi_scope_text(NULL), "");
	end();
}
END_TEST

static void
count_notice(void *arg)
{
	(*(int *)arg)++;
}

START_TEST(election_is_told_once)
{
	int notices = 0;

	begin();
	tpi_scope_notify(&scope, count_notice, &notices);
	ck_assert_int_eq(notices, 0);
	ck_assert(tpi_scope_elect(&scope, TPI_SCOPE_STOPPED));
	(void)tpi_scope_elect(&scope, TPI_SCOPE_STOPPED);
	ck_assert_int_eq(notices, 1);
	/* Who asks later is told at once. */
	tpi_scope_notify(&scope, count_notice, &notices);
	ck_assert_int_eq(notices, 2);
	tpi_scope_notify(&scope, NULL, NULL);
	end();
}
END_TEST

/* ---- The sweep ----------------------------------------------------------- */

START_TEST(sweep_ends_what_has_not_begun_even_before_it_is_queued)
{
	struct tpar_future *f[3];
	size_t i;

	begin();
	enter(f, 3);
	ck_assert_int_eq(tpi_scope_cancel(&scope, TPI_SCOPE_CANCELLED, NULL),
			 TPAR_OK);
	ck_assert_uint_eq(scope.running, 0);
	ck_assert_uint_eq(scope.not_done, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_CANCELLED);
		/* The queue still has its reference, and drops it later. */
		ck_assert(!tpi_future_claim(f[i]));
		hand_drop(f[i]);
	}
	end();
}
END_TEST

START_TEST(sweep_takes_each_child_once)
{
	struct tpar_future *f[3];
	struct tpar_future *found[3];
	size_t i;

	begin();
	enter(f, 3);
	for (i = 0; i < 3; i++) {
		ck_assert(tpi_future_claim(f[i]));
	}
	for (i = 0; i < 3; i++) {
		found[i] = tpi_scope_next_to_stop(&scope);
		ck_assert_ptr_eq(found[i], f[i]);
	}
	ck_assert_ptr_null(tpi_scope_next_to_stop(&scope));
	ck_assert_ptr_null(scope.live.first);
	/* They leave from where they are now. */
	tpi_future_end(f[1], 0, NULL);
	tpi_future_end(f[0], 0, NULL);
	tpi_future_end(f[2], 0, NULL);
	for (i = 0; i < 3; i++) {
		tpi_future_release(found[i]);
		hand_drop(f[i]);
	}
	end();
}
END_TEST

START_TEST(sweep_asks_those_that_run_and_spares_the_shielded)
{
	struct tpar_future *f[2];
	struct tpar_future *shielded[2];

	begin();
	enter(f, 1);
	shielded[0] = child_with(TPAR_SHIELDED);
	shielded[1] = child_with(TPAR_SHIELDED);
	ck_assert(tpi_scope_enter(&scope, shielded[0], 1));
	ck_assert(tpi_scope_enter(&scope, shielded[1], 1));
	ck_assert(tpi_future_claim(f[0]));
	ck_assert(tpi_future_claim(shielded[1]));
	ck_assert_int_eq(tpi_scope_cancel(&scope, TPI_SCOPE_CANCELLED, NULL),
			 TPAR_OK);
	ck_assert(tpi_cancel_requested(f[0]));
	ck_assert(tpi_scope_has_stopped(f[0]));
	ck_assert(!tpi_cancel_requested(shielded[1]));
	ck_assert(!tpi_scope_has_stopped(shielded[0]));
	ck_assert_int_eq(tpar_future_state(shielded[0]), TPAR_PENDING);
	tpi_future_end(f[0], 0, NULL);
	end_child(shielded[0], 0);
	tpi_future_end(shielded[1], 0, NULL);
	ck_assert_uint_eq(scope.not_done, 0);
	hand_drop(f[0]);
	hand_drop(shielded[0]);
	hand_drop(shielded[1]);
	end();
}
END_TEST

START_TEST(failed_children_are_kept_in_the_order_of_time)
{
	struct tpar_future *f[4];

	begin();
	enter(f, 4);
	ck_assert(tpi_future_claim(f[0]));
	ck_assert(tpi_future_claim(f[1]));
	ck_assert(tpi_future_claim(f[2]));
	tpi_future_end(f[2], 7, NULL);
	ck_assert_int_eq(scope.cause, TPI_SCOPE_FAILED);
	/* The others were cancelled for it before anybody was told. */
	ck_assert_int_eq(tpar_future_state(f[3]), TPAR_CANCELLED);
	ck_assert(tpi_cancel_requested(f[0]));
	ck_assert_int_eq(tpi_scope_fail_body(&scope, 5, ""), TPAR_OK);
	ck_assert_uint_eq(scope.body_after, 1);
	tpi_future_end(f[0], 8, NULL);
	tpi_future_end(f[1], TPAR_ESTOPPED, NULL);
	ck_assert_uint_eq(scope.failures, 2);
	ck_assert_uint_eq(scope.not_done, 4);
	ck_assert_ptr_eq(scope.failed.first, f[2]);
	ck_assert_ptr_eq(tpi_future_ext(f[2])->next_failed, f[0]);
	ck_assert_ptr_null(tpi_future_ext(f[0])->next_failed);
	/* Nobody else holds them. */
	hand_drop(f[2]);
	hand_drop(f[0]);
	ck_assert_int_eq(tpar_future_code(f[2]), 7);
	ck_assert_int_eq(tpar_future_code(f[0]), 8);
	tpi_future_release(f[2]);
	tpi_future_release(f[0]);
	hand_drop(f[1]);
	hand_drop(f[3]);
	end();
}
END_TEST

/* ---- Those to be waited for ----------------------------------------------- */

START_TEST(some_children_are_those_that_have_not_ended)
{
	struct tpar_future *f[4];
	struct tpar_future *some[4];
	struct tpar_future *swept;
	size_t i;

	begin();
	enter(f, 4);
	end_child(f[1], 0);
	swept = tpi_scope_next_to_stop(&scope);
	ck_assert_ptr_eq(swept, f[0]);
	tpi_future_release(swept);
	ck_assert_uint_eq(tpi_scope_running(&scope), 3);
	ck_assert_uint_eq(tpi_scope_some(&scope, some, 2), 2);
	ck_assert_ptr_eq(some[0], f[0]);
	ck_assert_ptr_eq(some[1], f[2]);
	tpi_future_release(some[0]);
	tpi_future_release(some[1]);
	ck_assert_uint_eq(tpi_scope_some(&scope, some, 4), 3);
	for (i = 0; i < 3; i++) {
		tpi_future_release(some[i]);
	}
	for (i = 0; i < 4; i++) {
		if (i != 1) {
			end_child(f[i], 0);
		}
		hand_drop(f[i]);
	}
	ck_assert_uint_eq(tpi_scope_some(&scope, some, 4), 0);
	end();
}
END_TEST

START_TEST(children_that_were_given_up_are_not_waited_for)
{
	struct tpar_future *f[3];
	struct tpar_future *some[3];
	size_t i;

	begin();
	enter(f, 3);
	ck_assert(tpi_scope_begin_close(&scope));
	ck_assert_uint_eq(tpi_scope_some(&scope, some, 3), 3);
	/* One has ended meanwhile, and is not counted twice. */
	end_child(f[0], 0);
	tpi_scope_give_up(&scope, some, 2);
	for (i = 0; i < 3; i++) {
		tpi_future_release(some[i]);
	}
	ck_assert_uint_eq(scope.given_up, 1);
	ck_assert(!tpi_scope_all_off(&scope));
	ck_assert_uint_eq(tpi_scope_some(&scope, some, 3), 1);
	ck_assert_ptr_eq(some[0], f[2]);
	tpi_future_release(some[0]);
	end_child(f[2], 0);
	ck_assert(tpi_scope_all_off(&scope));
	ck_assert(tpi_scope_end_close(&scope));
	/* The owner may go before it. */
	end_child(f[1], 9);
	ck_assert_uint_eq(scope.given_up, 0);
	ck_assert_uint_eq(scope.failures, 1);
	ck_assert_int_eq(scope.cause, TPI_SCOPE_NONE);
	tpi_future_release(f[1]);
	for (i = 0; i < 3; i++) {
		hand_drop(f[i]);
	}
	end();
}
END_TEST

START_TEST(last_child_frees_a_group_whose_owner_has_gone)
{
	struct tpar_future *f[1];

	begin();
	enter(f, 1);
	tpi_scope_let_go(&scope);
	ck_assert_int_eq(lasts, 0);
	end_child(f[0], 0);
	ck_assert_int_eq(lasts, 1);
	hand_drop(f[0]);
	tpi_lock_fini(&scope.lock);
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		group_and_child_hold_each_other_until_it_is_off,
		children_leave_in_any_order,
		many_enter_at_once_in_the_order_of_their_links,
		closing_group_takes_children_while_one_runs,
		first_cause_stays,
		closed_group_has_no_cause_any_more,
		reason_in_words_is_cut_and_kept,
		election_is_told_once,
		sweep_ends_what_has_not_begun_even_before_it_is_queued,
		sweep_takes_each_child_once,
		sweep_asks_those_that_run_and_spares_the_shielded,
		failed_children_are_kept_in_the_order_of_time,
		some_children_are_those_that_have_not_ended,
		children_that_were_given_up_are_not_waited_for,
		last_child_frees_a_group_whose_owner_has_gone,
	};

	return unit_main("scope", tests, sizeof tests / sizeof tests[0]);
}
