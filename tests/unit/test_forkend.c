/* SPDX-License-Identifier: MIT */
/*
 * test_forkend.c - what is left unjoined is joined when a span ends, or when its
 * run is about to be unwound.
 */
#include "config.h"

#include "forked.h"

#include "src/forkend.h"

static struct forked t;

START_TEST(span_that_is_empty_does_not_fail)
{
	struct tpi_span inner;

	forked_begin(&t, 1);
	forked_fork(&t, 3, 10);
	t.s->head = t.head;
	ck_assert_ptr_eq(tpi_slots_enter(t.s, &inner, &t.region, NULL), t.head);
	tpi_forkend_leave(t.s, &inner);
	ck_assert(!tpi_region_failed(&t.region));
	ck_assert_ptr_eq(t.s->span, &t.span);
	t.s->head = NULL;
	ck_assert_int_eq(forked_join(&t), 13);
	ck_assert_int_eq(forked_join(&t), 12);
	ck_assert_int_eq(forked_join(&t), 11);
	forked_end(&t);
}
END_TEST

START_TEST(forks_that_are_left_are_skipped_and_fail_the_computation)
{
	struct tpi_span inner;

	forked_begin(&t, 1);
	(void)tpi_slots_enter(t.s, &inner, &t.region, &t.forked);
	forked_fork(&t, 3, 10);
	tpi_forkend_leave(t.s, &inner);
	ck_assert_int_eq(t.region.err, TPAR_EINVAL);
	ck_assert(!tpi_slots_is_forked(inner.start));
	ck_assert_ptr_eq(t.s->span, &t.span);
	forked_end(&t);
}
END_TEST

START_TEST(forks_of_a_run_that_is_unwound_have_ended)
{
	struct tpi_forked *stolen;

	forked_begin(&t, 2);
	forked_fork(&t, 3, 10);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 1);
	stolen = forked_steal(&t);
	ck_assert(forked_run(&t, stolen));
	tpi_forkend_exit();
	ck_assert_int_eq(t.region.err, TPAR_EFAILED);
	ck_assert_ptr_eq(tpi_slots_top(t.s), t.span.start);
	/* Its span is still there, for its own handler. */
	ck_assert_ptr_eq(t.s->span, &t.span);
	forked_end(&t);
}
END_TEST

START_TEST(computation_below_another_run_is_left_alone)
{
	struct tpar_future *task;
	struct tpi_run run;

	forked_begin(&t, 1);
	forked_fork(&t, 1, 10);
	task = hand_future(t.pool);
	hand_begin(&run, task);
	tpi_forkend_exit();
	hand_end(&run, 0);
	hand_drop(task);
	ck_assert(!tpi_region_failed(&t.region));
	ck_assert_int_eq(forked_join(&t), 11);
	forked_end(&t);
	tpi_forkend_exit(); /* in no task at all */
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		span_that_is_empty_does_not_fail,
		forks_that_are_left_are_skipped_and_fail_the_computation,
		forks_of_a_run_that_is_unwound_have_ended,
		computation_below_another_run_is_left_alone,
	};

	return unit_main("forkend", tests, sizeof tests / sizeof tests[0]);
}
