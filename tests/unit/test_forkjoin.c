/* SPDX-License-Identifier: MIT */
/*
 * test_forkjoin.c - forks and joins whose limits say so: what was stolen, what
 * was promoted and was not, what is skipped.  The test is both workers.
 */
#include "config.h"

#include "forked.h"

#include "src/clock.h"
#include "src/fence.h"
#include "src/leap.h"
#include "src/take.h"

#include <stdarg.h>

static struct forked t;

/* ---- Joins of what was promoted -------------------------------------------------- */

START_TEST(fork_that_ran_elsewhere_gives_its_result)
{
	struct tpi_forked *forked;

	forked_begin(&t, 2);
	forked_fork(&t, 2, 100);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 1);
	forked = forked_steal(&t);
	ck_assert(forked_run(&t, forked));
	ck_assert_ptr_eq(atomic_load(&forked->runner), t.other);
	ck_assert_int_eq(forked_get(t.s->base), 101);
	ck_assert_int_eq(forked_join(&t), 102);
	ck_assert_int_eq(forked_join(&t), 101);
	ck_assert_ptr_eq(t.head, t.s->base);
	forked_end(&t);
}
END_TEST

START_TEST(fork_that_nobody_took_is_taken_back)
{
	forked_begin(&t, 2);
	forked_fork(&t, 3, 0);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 3), 3);
	ck_assert(tpi_deque_nonempty(&t.w->deque));
	ck_assert_int_eq(forked_join(&t), 3);
	ck_assert_int_eq(forked_join(&t), 2);
	ck_assert_int_eq(forked_join(&t), 1);
	ck_assert(!tpi_deque_nonempty(&t.w->deque));
	ck_assert_ptr_eq(atomic_load(&t.s->priv), t.s->base);
	forked_end(&t);
}
END_TEST

START_TEST(fork_that_was_taken_and_not_begun_is_run_by_the_join)
{
	struct tpi_forked *forked;

	forked_begin(&t, 2);
	forked_fork(&t, 1, 5);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 1);
	forked = forked_steal(&t);
	ck_assert_int_eq(forked_join(&t), 6);
	/* The thief comes late. */
	ck_assert(!forked_run(&t, forked));
	forked_end(&t);
}
END_TEST

START_TEST(result_stays_where_it_is_while_others_fork_above)
{
	struct tpi_forked *forked;

	forked_begin(&t, 2);
	forked_fork(&t, 1, 0);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 1);
	forked = forked_steal(&t);
	forked_fork(&t, 2, 50);
	ck_assert(forked_run(&t, forked));
	forked_fork(&t, 2, 60);
	ck_assert_int_eq(forked_join(&t), 62);
	ck_assert_int_eq(forked_join(&t), 61);
	ck_assert_int_eq(forked_join(&t), 52);
	ck_assert_int_eq(forked_join(&t), 51);
	ck_assert_int_eq(forked_join(&t), 1);
	forked_end(&t);
}
END_TEST

/* In a stolen fork, that forks on the slots of who runs it. */
static struct forked
at_thief(struct tpar_slot *head)
{
	struct forked inner = t;

	inner.head = head;
	inner.w = t.other;
	inner.s = tpi_slots_of(head);
	return inner;
}

/* The stolen one forks itself. */
static void
fork_two(struct tpar_slot *head, struct tpar_slot *self)
{
	struct forked inner = at_thief(head);

	forked_fork(&inner, 2, 30);
	UNIT_MUST(tpi_slots_promote(inner.s, inner.head, 1) == 1);
	forked_set(self, forked_join(&inner) * 100 + forked_join(&inner));
}

START_TEST(stolen_fork_forks_on_the_slots_of_the_thief)
{
	struct tpi_forked *forked;

	forked_begin(&t, 2);
	forked_set(t.head, 0);
	t.head = tpar_fork_slot(t.head, fork_two);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 1);
	forked = forked_steal(&t);
	ck_assert(forked_run(&t, forked));
	ck_assert_ptr_nonnull(t.other->slots);
	ck_assert_ptr_null(tpi_slots_live(t.other));
	ck_assert_int_eq(forked_join(&t), 3231);
	forked_end(&t);
}
END_TEST

/* ---- Asking --------------------------------------------------------------------------- */

START_TEST(join_hears_a_poke_while_somebody_is_hungry)
{
	struct tpi_forked *forked;

	forked_begin(&t, 2);
	forked_fork(&t, 3, 0);
	tpi_slots_poke(t.s);
	/* Nobody is: it stays private, and the poke stays. */
	ck_assert_int_eq(forked_join(&t), 3);
	ck_assert_ptr_null(forked_steal(&t));
	ck_assert(tpi_slots_asked(t.s));
	tpi_slots_poke(t.s);
	tpi_park_enter(&t.pool->park, TPI_SEARCHING);
	ck_assert_int_eq(forked_join(&t), 2);
	(void)tpi_park_leave(&t.pool->park, TPI_SEARCHING);
	ck_assert(!tpi_slots_asked(t.s));
	forked = forked_steal(&t);
	ck_assert_ptr_nonnull(forked);
	ck_assert(forked_run(&t, forked));
	ck_assert_int_eq(forked_join(&t), 1);
	forked_end(&t);
}
END_TEST

/* ---- Thieves judge ------------------------------------------------------------------------ */

static void
take_a_while(struct tpar_slot *head, struct tpar_slot *self)
{
	int64_t until = tpi_clock_now() + 20000;

	/* ENDS: the clock goes on. */
	while (tpi_clock_now() < until) {
		forked_body(head, self);
	}
}

static void
have_stolen(tpar_slot_fn fn)
{
	struct tpi_forked *forked;

	forked_set(t.head, 0);
	t.head = tpar_fork_slot(t.head, fn);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 1);
	forked = forked_steal(&t);
	ck_assert(forked_run(&t, forked));
	(void)forked_join(&t);
}

START_TEST(thief_whose_takings_were_worth_it_asks_on)
{
	forked_begin(&t, 2);
	t.other->poke_from = 5;
	t.other->cool_ns = 7;
	have_stolen(take_a_while);
	ck_assert_int_eq(t.other->poke_from, 0);
	ck_assert_int_eq(t.other->cool_ns, 0);
	forked_end(&t);
}
END_TEST

START_TEST(thief_draws_on_what_earlier_takings_brought)
{
	forked_begin(&t, 2);
	/* More than can be saved; whatever this one takes, it is not all. */
	t.other->saved_ns = INT64_MAX / 2;
	t.other->cool_ns = 7;
	have_stolen(take_a_while);
	ck_assert_int_eq(t.other->cool_ns, 0);
	ck_assert_int_gt(t.other->saved_ns, 0);
	ck_assert_int_lt(t.other->saved_ns, INT64_MAX / 4);
	/* And less than any brings. */
	t.other->saved_ns = INT64_MIN / 2;
	have_stolen(take_a_while);
	ck_assert_int_gt(t.other->cool_ns, 0);
	ck_assert_int_gt(t.other->poke_from, 0);
	ck_assert_int_eq(t.other->saved_ns, 0);
	forked_end(&t);
}
END_TEST

/* A look of the other's, who asks in it. */
static struct tpar_future *
look(void)
{
	struct tpar_future *f;

	t.other->pokes = true;
	hand_become(t.other);
	f = tpi_take_scan(t.other);
	hand_become(t.w);
	return f;
}

START_TEST(thief_whose_victim_takes_back_what_it_gives_asks_less_often)
{
	int64_t cool;
	int i;

	forked_begin(&t, 2);
	t.other->asked = NULL;
	for (i = 0, cool = 0; i < 20; i++) {
		ck_assert_ptr_null(look());
		ck_assert_ptr_eq(t.other->asked, t.s);
		ck_assert_int_eq(t.other->cool_ns, cool);
		forked_fork(&t, 1, 4);
		ck_assert_int_eq(forked_join(&t), 5);
		ck_assert(!tpi_slots_asked(t.s));
		/* It is not asked again in that look. */
		ck_assert_ptr_null(look());
		ck_assert(!tpi_slots_asked(t.s));
		ck_assert_int_ge(t.other->cool_ns, cool);
		cool = t.other->cool_ns;
		ck_assert_int_gt(t.other->poke_from, 0);
	}
	ck_assert_int_eq(cool, TPI_COOL_MAX_NS);
	forked_end(&t);
}
END_TEST

START_TEST(thief_waits_for_the_answer_of_a_victim_who_is_just_giving_it)
{
	forked_begin(&t, 2);
	t.other->asked = NULL;
	t.other->cool_ns = 0;
	ck_assert_ptr_null(look());
	/* What was asked for is cleared, and nothing pushed yet. */
	forked_fork(&t, 1, 4);
	ck_assert_int_eq(forked_join(&t), 5);
	atomic_store(&t.s->lock, 1);
	ck_assert_ptr_null(look());
	ck_assert_int_eq(t.other->cool_ns, 0);
	ck_assert_ptr_eq(t.other->asked, t.s);
	atomic_store(&t.s->lock, 0);
	ck_assert_ptr_null(look());
	ck_assert_int_gt(t.other->cool_ns, 0);
	forked_end(&t);
}
END_TEST

START_TEST(thief_who_got_some_does_not_mind_what_is_taken_back)
{
	struct tpar_future *f;

	forked_begin(&t, 2);
	t.other->asked = NULL;
	ck_assert_ptr_null(look());
	forked_fork(&t, 2, 4);
	ck_assert(!tpi_slots_asked(t.s));
	f = look();
	ck_assert_ptr_nonnull(f);
	ck_assert(forked_run(&t, (struct tpi_forked *)(void *)f));
	(void)forked_join(&t);
	(void)forked_join(&t);
	t.other->asked = NULL;
	t.other->cool_ns = 0;
	/* Nor while it has not heard yet. */
	ck_assert_ptr_null(look());
	ck_assert_ptr_null(look());
	ck_assert_int_eq(t.other->cool_ns, 0);
	forked_end(&t);
}
END_TEST

/* ---- Failure --------------------------------------------------------------------------------- */

START_TEST(nothing_begins_once_the_computation_has_failed)
{
	struct tpi_forked *stolen;
	struct tpi_forked *taken;

	forked_begin(&t, 2);
	forked_fork(&t, 5, 10);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 3), 3);
	stolen = forked_steal(&t);
	ck_assert(forked_run(&t, stolen));
	taken = forked_steal(&t);
	tpar_run_fail(3, "code %d", 3);
	/* Whoever begins it now does not call it. */
	ck_assert(forked_run(&t, taken));
	ck_assert_int_eq(forked_join(&t), 0); /* private */
	ck_assert_int_eq(forked_join(&t), 0);
	ck_assert_int_eq(forked_join(&t), 0);  /* promoted */
	ck_assert_int_eq(forked_join(&t), 0);  /* skipped elsewhere */
	ck_assert_int_eq(forked_join(&t), 11); /* had run before */
	ck_assert_int_eq(tpi_region_outcome(&t.region, NULL), TPAR_EFAILED);
	forked_end(&t);
}
END_TEST

/* As far as it gets before anybody is asked. */
static void
begin_to_fail(struct tpi_region *region, ...)
{
	va_list none;

	va_start(none, region);
	ck_assert(tpi_region_fail(region, TPAR_EFAILED, 3, NULL, none));
	va_end(none);
}

START_TEST(task_that_sees_the_failure_begins_no_fork_any_more)
{
	forked_begin(&t, 2);
	forked_fork(&t, 1, 5);
	begin_to_fail(&t.region);
	ck_assert(!tpi_slots_asked(t.s));
	ck_assert(tpar_cancelled());
	forked_fork(&t, 1, 7);
	ck_assert_int_eq(forked_join(&t), 0);
	ck_assert_int_eq(forked_join(&t), 0);
	forked_end(&t);
}
END_TEST

START_TEST(fork_of_a_failed_computation_is_not_promoted)
{
	forked_begin(&t, 2);
	tpar_run_fail(3, NULL);
	forked_fork(&t, 4, 0);
	ck_assert_ptr_null(forked_steal(&t));
	ck_assert_ptr_eq(t.head, t.s->base + 4);
	while (t.head > t.s->base) {
		ck_assert_int_eq(forked_join(&t), 0);
	}
	forked_end(&t);
}
END_TEST

START_TEST(fork_that_a_cancelled_pool_has_ended_stops_the_computation)
{
	struct tpi_forked *forked;

	forked_begin(&t, 2);
	forked_fork(&t, 2, 0);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 1);
	forked = forked_steal(&t);
	atomic_store(&t.pool->intake.closed, TPI_CANCELLING);
	ck_assert(forked_run(&t, forked));
	ck_assert_int_eq(forked_join(&t), 2);
	ck_assert_int_eq(forked_join(&t), 0);
	ck_assert_int_eq(tpi_region_outcome(&t.region, NULL), TPAR_ESTOPPED);
	forked_end(&t);
}
END_TEST

START_TEST(join_too_many_at_the_root_changes_nothing_but_the_outcome)
{
	forked_begin(&t, 2);
	forked_fork(&t, 1, 0);
	ck_assert_int_eq(forked_join(&t), 1);
	ck_assert_int_eq(forked_join(&t), 0);
	ck_assert_ptr_eq(t.head, t.s->base);
	ck_assert_int_eq(tpi_region_outcome(&t.region, NULL), TPAR_EINVAL);
	forked_end(&t);
}
END_TEST

/* ---- Beyond the slots --------------------------------------------------------------------------- */

START_TEST(forks_beyond_the_slots_are_called_and_joined_youngest_first)
{
	long n;
	long i;

	forked_begin(&t, 2);
	n = t.s->end - t.s->base;
	forked_fork(&t, (unsigned)n + 100, 0);
	ck_assert_ptr_eq(t.head, t.s->end);
	ck_assert_uint_eq(t.s->spilled_count, 100);
	for (i = n + 100; i > 0; i--) {
		ck_assert_int_eq(forked_join(&t), i);
	}
	ck_assert_ptr_eq(t.head, t.s->base);
	ck_assert_uint_eq(t.s->spilled_count, 0);
	ck_assert_uint_eq(t.s->limits.join, (uintptr_t)t.s->base);
	forked_end(&t);
}
END_TEST

START_TEST(slots_are_promoted_and_stolen_while_forks_are_beyond_them)
{
	struct tpi_forked *forked;
	long n;
	long i;

	forked_begin(&t, 2);
	n = t.s->end - t.s->base;
	forked_fork(&t, (unsigned)n + 3, 0);
	/* As if there were but four, or a share of all would be promoted. */
	tpi_slots_hold(t.s, t.s->end - 4);
	tpi_slots_poke(t.s);
	forked_fork(&t, 1, n + 3);
	forked = forked_steal(&t);
	ck_assert_ptr_nonnull(forked);
	ck_assert_ptr_eq(forked->slot, t.s->end - 4);
	ck_assert(forked_run(&t, forked));
	ck_assert_ptr_null(forked_steal(&t));
	for (i = n + 4; i > n - 4; i--) {
		ck_assert_int_eq(forked_join(&t), i);
	}
	tpi_slots_hold(t.s, t.s->base);
	for (; i > 0; i--) {
		ck_assert_int_eq(forked_join(&t), i);
	}
	forked_end(&t);
}
END_TEST

/* ---- Leapfrogging ---------------------------------------------------------------------------------- */

/* A thief with a thread of its own: its fork is for who waits for it. */
static pthread_t joiner;
static bool leapt;
static bool by_force;
static _Atomic int begun;

static void
note_who_runs(struct tpar_slot *head, struct tpar_slot *self)
{
	leapt = pthread_equal(joiner, pthread_self());
	forked_body(head, self);
}

/* Promotes a fork of its own and waits until somebody has run it, or nobody has. */
static void
offer_fork(struct tpar_slot *head, struct tpar_slot *self,
	   bool (*is_over)(struct tpi_forked *))
{
	struct forked inner = at_thief(head);
	struct tpi_forked *forked;

	forked_set(inner.head, 40);
	inner.head = tpar_fork_slot(inner.head, note_who_runs);
	UNIT_MUST(tpi_slots_promote(inner.s, inner.head, 1) == 1);
	forked = head->head.forked;
	atomic_store(&begun, 1);
	UNIT_AWAIT(is_over(forked));
	forked_set(self, forked_join(&inner));
}

static bool
has_ended(struct tpi_forked *forked)
{
	return tpi_state_phase(tpi_state_get(&forked->future.state)) ==
	       TPI_ENDED;
}

static void
wait_for_help(struct tpar_slot *head, struct tpar_slot *self)
{
	offer_fork(head, self, has_ended);
}

/* The joiner has looked round, and sleeps. */
static bool
joiner_sleeps(struct tpi_forked *forked)
{
	(void)forked;
	return tpi_park_active(atomic_load(&t.pool->park.word)) < 2;
}

static void
wait_for_nobody(struct tpar_slot *head, struct tpar_slot *self)
{
	offer_fork(head, self, joiner_sleeps);
}

/* Forks and hears nothing, until somebody has taken it. */
static void
wait_for_force(struct tpar_slot *head, struct tpar_slot *self)
{
	struct forked inner = at_thief(head);

	inner.s->limits.fork = (uintptr_t)inner.s->end;
	forked_set(inner.head, 40);
	inner.head = tpar_fork_slot(inner.head, note_who_runs);
	atomic_store(&begun, 1);
	UNIT_AWAIT(atomic_load(&inner.s->priv) > head);
	forked_set(self, forked_join(&inner));
}

static void *
steal_and_run(void *arg)
{
	struct tpi_forked *forked = arg;
	struct tpar_future *f = &forked->future;

	hand_become(t.other);
	UNIT_MUST(tpi_future_claim(f));
	tpi_run_taken(t.other, f);
	tpi_future_release(f);
	hand_become(NULL);
	return NULL;
}

static void
join_thief(tpar_slot_fn fn)
{
	struct tpi_forked *forked;
	pthread_t thief;

	forked_begin(&t, 2);
	/* Or a sentinel would be started when this thread sleeps. */
	atomic_store(&t.pool->regions, 0);
	joiner = pthread_self();
	forked_set(t.head, 0);
	t.head = tpar_fork_slot(t.head, fn);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 1);
	forked = forked_steal(&t);
	thief = unit_start(steal_and_run, forked);
	UNIT_AWAIT(atomic_load(&begun) != 0);
	/* Nor is a thread to be started for what the thief has forked. */
	t.pool->quit = true;
	t.pool->fence = by_force;
	ck_assert_int_eq(forked_join(&t), 41);
	unit_join(thief);
	t.pool->quit = false;
	forked_end(&t);
}

START_TEST(who_waits_for_a_thief_runs_what_the_thief_has_forked)
{
	join_thief(wait_for_help);
	ck_assert(leapt);
}
END_TEST

START_TEST(who_waits_for_a_thief_takes_what_that_one_does_not_give)
{
	if (tpi_fence_available()) {
		by_force = true;
		join_thief(wait_for_force);
	}
	ck_assert(leapt == tpi_fence_available());
}
END_TEST

/* What is joined has left its slots, and has not ended yet. */
START_TEST(who_waits_for_a_thief_takes_nothing_of_what_was_there_before)
{
	struct tpi_span span;

	forked_begin(&t, 2);
	t.pool->fence = tpi_fence_available();
	forked_fork(&t, 1, 20);
	atomic_store(&t.forked.runner, t.w);
	(void)tpi_slots_enter(t.s, &span, &t.region, &t.forked);
	tpi_slots_leave(t.s, &span);
	tpi_slots_poke(t.s);
	hand_become(t.other);
	ck_assert(!tpi_leap(t.other, &t.forked, TPI_LEAP_FORCE));
	hand_become(t.w);
	ck_assert_ptr_eq(atomic_load(&t.s->priv), t.s->base);
	ck_assert_int_eq(forked_join(&t), 21);
	forked_end(&t);
}
END_TEST

/* In a handler of pthread_exit(): that could be called again. */
START_TEST(who_waits_on_the_way_out_runs_nothing)
{
	tpi_thread_self.exiting = true;
	join_thief(wait_for_nobody);
	tpi_thread_self.exiting = false;
	ck_assert(!leapt);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		fork_that_ran_elsewhere_gives_its_result,
		fork_that_nobody_took_is_taken_back,
		fork_that_was_taken_and_not_begun_is_run_by_the_join,
		result_stays_where_it_is_while_others_fork_above,
		stolen_fork_forks_on_the_slots_of_the_thief,
		join_hears_a_poke_while_somebody_is_hungry,
		thief_whose_takings_were_worth_it_asks_on,
		thief_draws_on_what_earlier_takings_brought,
		thief_whose_victim_takes_back_what_it_gives_asks_less_often,
		thief_waits_for_the_answer_of_a_victim_who_is_just_giving_it,
		thief_who_got_some_does_not_mind_what_is_taken_back,
		nothing_begins_once_the_computation_has_failed,
		task_that_sees_the_failure_begins_no_fork_any_more,
		fork_of_a_failed_computation_is_not_promoted,
		fork_that_a_cancelled_pool_has_ended_stops_the_computation,
		join_too_many_at_the_root_changes_nothing_but_the_outcome,
		forks_beyond_the_slots_are_called_and_joined_youngest_first,
		slots_are_promoted_and_stolen_while_forks_are_beyond_them,
		who_waits_for_a_thief_runs_what_the_thief_has_forked,
		who_waits_for_a_thief_takes_what_that_one_does_not_give,
		who_waits_for_a_thief_takes_nothing_of_what_was_there_before,
		who_waits_on_the_way_out_runs_nothing
	};

	return unit_main("forkjoin", tests, sizeof tests / sizeof tests[0]);
}
