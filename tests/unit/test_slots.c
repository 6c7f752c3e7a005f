/* SPDX-License-Identifier: MIT */
/*
 * test_slots.c - the slot stack of a worker: limits, pokes, what is promoted and
 * withdrawn, what thieves take by force.  The test is all threads.
 */
#include "config.h"

#include "forked.h"

#include "src/fence.h"

static struct forked t;

static uintptr_t
fork_limit(void)
{
	return t.s->limits.fork;
}

static uintptr_t
join_limit(void)
{
	return t.s->limits.join;
}

static struct tpar_slot *
priv(void)
{
	return atomic_load(&t.s->priv);
}

static bool
settled(void)
{
	return fork_limit() == (uintptr_t)t.s->end &&
	       join_limit() == (uintptr_t)priv();
}

/* ---- Memory and spans ---------------------------------------------------------- */

START_TEST(slots_are_made_once_and_aligned)
{
	forked_begin(&t, 2);
	ck_assert_ptr_eq(tpi_slots_get(t.w), t.s);
	ck_assert_uint_eq((uintptr_t)t.s % TPAR_SLOTS_SIZE, 0);
	ck_assert_ptr_eq(tpi_slots_of(t.head), t.s);
	ck_assert_ptr_eq(tpi_slots_of(t.s->end), t.s);
	ck_assert_ptr_eq(t.head, t.s->base);
	ck_assert_uint_gt((uintptr_t)(t.s->end - t.s->base), 1000);
	ck_assert(settled());
	ck_assert_ptr_null(t.other->slots);
	forked_end(&t);
}
END_TEST

START_TEST(slots_are_to_be_seen_while_there_are_spans)
{
	struct tpi_span inner;

	forked_begin(&t, 2);
	ck_assert_ptr_eq(tpi_slots_live(t.w), t.s);
	ck_assert_ptr_null(tpi_slots_live(t.other));
	(void)tpi_slots_enter(t.s, &inner, &t.region, NULL);
	ck_assert_ptr_eq(tpi_slots_live(t.w), t.s);
	tpi_slots_leave(t.s, &inner);
	ck_assert_ptr_eq(tpi_slots_live(t.w), t.s);
	tpi_slots_leave(t.s, &t.span);
	ck_assert_ptr_null(tpi_slots_live(t.w));
	(void)tpi_slots_enter(t.s, &t.span, &t.region, NULL);
	forked_end(&t);
}
END_TEST

START_TEST(top_is_found_whatever_is_forked)
{
	unsigned n;

	forked_begin(&t, 2);
	ck_assert_ptr_eq(tpi_slots_top(t.s), t.s->base);
	for (n = 1; n < 200; n++) {
		forked_fork(&t, 1, 0);
		ck_assert_ptr_eq(tpi_slots_top(t.s), t.head);
		if (n % 50 == 0) {
			/* What is promoted is left out. */
			tpi_slots_hold(t.s, t.s->base + n - 5);
			ck_assert_ptr_eq(tpi_slots_top(t.s), t.head);
		}
	}
	tpi_slots_hold(t.s, t.head);
	ck_assert_ptr_eq(tpi_slots_top(t.s), t.head);
	tpi_slots_hold(t.s, t.s->base);
	while (t.head > t.s->base) {
		(void)forked_clear(&t);
		ck_assert_ptr_eq(tpi_slots_top(t.s), t.head);
	}
	forked_fork(&t, (unsigned)(t.s->end - t.s->base), 0);
	ck_assert_ptr_eq(t.head, t.s->end);
	ck_assert_ptr_eq(tpi_slots_top(t.s), t.s->end);
	while (t.head > t.s->base) {
		(void)forked_clear(&t);
	}
	forked_end(&t);
}
END_TEST

START_TEST(inner_span_begins_above_and_hides_what_is_below_if_it_says_so)
{
	struct tpi_span inner;

	forked_begin(&t, 2);
	forked_fork(&t, 5, 0);
	ck_assert_ptr_eq(tpi_slots_enter(t.s, &inner, &t.region, NULL), t.head);
	ck_assert_ptr_eq(priv(), t.s->base);
	tpi_slots_leave(t.s, &inner);
	ck_assert_ptr_eq(tpi_slots_enter(t.s, &inner, &t.region, &t.forked),
			 t.head);
	ck_assert_ptr_eq(priv(), t.head);
	ck_assert_uint_eq(join_limit(), (uintptr_t)t.head);
	tpi_slots_leave(t.s, &inner);
	ck_assert_ptr_eq(priv(), t.s->base);
	/* As a join that waits: its slot is not forked, but in use. */
	tpi_slots_hold(t.s, t.head);
	t.s->head = t.head;
	(void)forked_clear(&t);
	ck_assert_ptr_eq(tpi_slots_enter(t.s, &inner, &t.region, &t.forked),
			 t.head + 1);
	ck_assert_ptr_null(t.s->head);
	tpi_slots_leave(t.s, &inner);
	ck_assert_ptr_eq(t.s->head, t.head + 1);
	t.s->head = NULL;
	tpi_slots_hold(t.s, t.s->base);
	while (t.head > t.s->base) {
		(void)forked_clear(&t);
	}
	forked_end(&t);
}
END_TEST

/* ---- Asking ---------------------------------------------------------------------- */

START_TEST(poke_is_heard_at_the_next_fork)
{
	struct tpi_forked *forked;

	forked_begin(&t, 2);
	forked_fork(&t, 2, 10);
	ck_assert(!tpi_slots_asked(t.s));
	tpi_slots_poke(t.s);
	ck_assert(tpi_slots_asked(t.s));
	ck_assert_uint_eq(join_limit(), UINTPTR_MAX);
	ck_assert_ptr_null(forked_steal(&t));
	forked_fork(&t, 1, 12);
	ck_assert(settled());
	ck_assert_ptr_eq(priv(), t.s->base + 1);
	forked = forked_steal(&t);
	ck_assert_ptr_nonnull(forked);
	ck_assert_ptr_eq(forked->slot, t.s->base);
	ck_assert_ptr_eq(forked->region, &t.region);
	ck_assert(forked_run(&t, forked));
	ck_assert_int_eq(forked_join(&t), 13);
	ck_assert_int_eq(forked_join(&t), 12);
	ck_assert_int_eq(forked_join(&t), 11);
	forked_end(&t);
}
END_TEST

START_TEST(half_a_poke_is_repeated)
{
	forked_begin(&t, 2);
	tpi_slots_poke(t.s);
	tpi_slots_relimit(t.s);
	ck_assert_uint_eq(join_limit(), (uintptr_t)priv());
	ck_assert(tpi_slots_asked(t.s));
	tpi_slots_poke(t.s);
	ck_assert_uint_eq(join_limit(), UINTPTR_MAX);
	forked_end(&t);
}
END_TEST

START_TEST(idle_workers_are_hungry)
{
	forked_begin(&t, 4);
	/* Two are active, both run. */
	ck_assert_uint_eq(tpi_slots_hungry(t.w), 2);
	tpi_park_enter(&t.pool->park, TPI_SEARCHING);
	ck_assert_uint_eq(tpi_slots_hungry(t.w), 3);
	tpi_park_enter(&t.pool->park, 2 * TPI_ACTIVE);
	ck_assert_uint_eq(tpi_slots_hungry(t.w), 1);
	tpi_park_enter(&t.pool->park, TPI_ACTIVE);
	ck_assert_uint_eq(tpi_slots_hungry(t.w), 1);
	(void)tpi_park_leave(&t.pool->park, 3 * TPI_ACTIVE + TPI_SEARCHING);
	forked_end(&t);
}
END_TEST

/* ---- Promotion ---------------------------------------------------------------------- */

START_TEST(oldest_are_promoted_and_stolen_first)
{
	struct tpi_forked *forked;
	long i;

	forked_begin(&t, 2);
	forked_fork(&t, 5, 0);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 3), 3);
	ck_assert_ptr_eq(priv(), t.s->base + 3);
	for (i = 0; i < 3; i++) {
		forked = forked_steal(&t);
		ck_assert_ptr_nonnull(forked);
		ck_assert_ptr_eq(forked->slot, t.s->base + i);
		ck_assert_ptr_eq(forked->slot->head.forked, forked);
		ck_assert_ptr_eq(forked->fn, forked_body);
		ck_assert(forked_run(&t, forked));
	}
	ck_assert_ptr_null(forked_steal(&t));
	for (i = 5; i > 0; i--) {
		ck_assert_int_eq(forked_join(&t), i);
	}
	ck_assert_ptr_eq(priv(), t.s->base);
	forked_end(&t);
}
END_TEST

START_TEST(no_more_are_promoted_than_there_are)
{
	forked_begin(&t, 2);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 2), 0);
	forked_fork(&t, 2, 0);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head - 1, 10), 1);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 10), 1);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 10), 0);
	ck_assert_int_eq(forked_join(&t), 2);
	ck_assert_int_eq(forked_join(&t), 1);
	forked_end(&t);
}
END_TEST

START_TEST(of_many_an_eighth_is_promoted_at_once)
{
	long i;

	forked_begin(&t, 2);
	forked_fork(&t, 24, 0);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 3);
	ck_assert_ptr_eq(priv(), t.s->base + 3);
	for (i = 24; i > 0; i--) {
		ck_assert_int_eq(forked_join(&t), i);
	}
	forked_end(&t);
}
END_TEST

START_TEST(what_was_joined_by_mistake_is_not_promoted)
{
	tpar_slot_fn fn;

	forked_begin(&t, 2);
	forked_fork(&t, 2, 0);
	fn = t.s->base->head.fn;
	t.s->base->head.fn = NULL;
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 2), 0);
	t.s->base->head.fn = fn;
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 2), 2);
	ck_assert_int_eq(forked_join(&t), 2);
	ck_assert_int_eq(forked_join(&t), 1);
	forked_end(&t);
}
END_TEST

START_TEST(who_asks_in_vain_has_not_been_heard)
{
	forked_begin(&t, 2);
	tpi_slots_poke(t.s);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 2), 0);
	ck_assert(tpi_slots_asked(t.s));
	forked_fork(&t, 1, 0);
	ck_assert(!tpi_slots_asked(t.s));
	ck_assert_ptr_eq(priv(), t.s->base + 1);
	ck_assert_int_eq(forked_join(&t), 1);
	forked_end(&t);
}
END_TEST

START_TEST(forks_of_outer_regions_are_promoted_as_theirs)
{
	struct tpi_region inner_region;
	struct tpi_forked *forked;
	struct tpi_span inner;

	forked_begin(&t, 2);
	forked_fork(&t, 1, 0);
	tpi_region_begin(&inner_region, "inner");
	t.head = tpi_slots_enter(t.s, &inner, &inner_region, NULL);
	forked_fork(&t, 1, 5);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 2), 2);
	forked = forked_steal(&t);
	ck_assert_ptr_eq(forked->region, &t.region);
	ck_assert(forked_run(&t, forked));
	forked = forked_steal(&t);
	ck_assert_ptr_eq(forked->region, &inner_region);
	ck_assert(forked_run(&t, forked));
	ck_assert_int_eq(forked_join(&t), 6);
	tpi_slots_leave(t.s, &inner);
	tpi_region_end(&inner_region);
	ck_assert_int_eq(forked_join(&t), 1);
	forked_end(&t);
}
END_TEST

START_TEST(what_is_promoted_is_withdrawn_and_private_again)
{
	struct tpi_forked *forked;

	forked_begin(&t, 2);
	forked_fork(&t, 2, 0);
	ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 1);
	ck_assert_ptr_null(tpi_slots_withdraw(t.s, forked_clear(&t)));
	forked = tpi_slots_withdraw(t.s, forked_clear(&t));
	ck_assert_ptr_nonnull(forked);
	ck_assert_ptr_eq(forked->slot, t.s->base);
	ck_assert_ptr_eq(priv(), t.s->base);
	ck_assert(settled());
	/* Both references. */
	ck_assert_ptr_eq(forked_steal(&t), forked);
	ck_assert(forked_run(&t, forked));
	tpi_future_release(&forked->future);
	forked_end(&t);
}
END_TEST

/* ---- Failure --------------------------------------------------------------------------- */

START_TEST(failure_pokes_all_and_stays_poked)
{
	forked_begin(&t, 2);
	forked_fork(&t, 1, 7);
	tpi_slots_fail(&t.region, TPAR_EFAILED, "failed");
	ck_assert_uint_eq(fork_limit(), 0);
	ck_assert_uint_eq(join_limit(), UINTPTR_MAX);
	tpi_slots_relimit(t.s);
	ck_assert_uint_eq(join_limit(), UINTPTR_MAX);
	forked_fork(&t, 1, 8);
	ck_assert_int_eq(forked_join(&t), 0);
	ck_assert_int_eq(forked_join(&t), 0);
	ck_assert_int_eq(tpi_region_outcome(&t.region, NULL), TPAR_EFAILED);
	forked_end(&t);
}
END_TEST

/* ---- By force ---------------------------------------------------------------------------- */

/* Where there is no heavy fence nothing is taken by force. */
static bool
forceful(void)
{
	t.pool->fence = tpi_fence_available();
	return t.pool->fence;
}

START_TEST(owner_that_does_not_hear_is_found)
{
	forked_begin(&t, 2);
	if (forceful()) {
		ck_assert(!tpi_slots_watch(t.pool));
		ck_assert(tpi_slots_asked(t.s));
		ck_assert(!tpi_slots_watch(t.pool));
		forked_fork(&t, 1, 0); /* is promoted */
		ck_assert(!tpi_slots_watch(t.pool));
		ck_assert_int_eq(forked_join(&t), 1);
		tpi_slots_promote(t.s, t.head, 0);
		t.s->limits.fork = (uintptr_t)t.s->end;
		forked_fork(&t, 1, 0);
		ck_assert(!tpi_slots_watch(t.pool));
		ck_assert(tpi_slots_watch(t.pool));
		ck_assert(tpi_slots_watch(t.pool));
		ck_assert_int_eq(forked_join(&t), 1);
		ck_assert(!tpi_slots_watch(t.pool));
	}
	ck_assert(t.pool->fence == tpi_fence_available());
	forked_end(&t);
}
END_TEST

static struct tpi_forked *
take_by_force(void)
{
	struct tpar_future *f;

	hand_become(t.other);
	f = tpi_slots_force(t.other);
	hand_become(t.w);
	return (struct tpi_forked *)(void *)f;
}

static struct tpi_forked *
take_within(struct tpi_forked *within)
{
	struct tpar_future *f;

	tpi_slots_poke(t.s);
	hand_become(t.other);
	f = tpi_slots_force_from(t.other, t.s, within);
	hand_become(t.w);
	return (struct tpi_forked *)(void *)f;
}

START_TEST(who_waits_for_a_fork_takes_only_what_that_one_waits_for)
{
	struct tpi_forked *forked;
	struct tpi_forked stranger;
	struct tpi_span inner;
	struct tpi_span innermost;

	forked_begin(&t, 2);
	if (forceful()) {
		forked_fork(&t, 1, 20);
		ck_assert_ptr_null(take_within(&t.forked));
		(void)tpi_slots_enter(t.s, &inner, &t.region, &t.forked);
		ck_assert_ptr_null(take_within(&t.forked));
		t.s->limits.fork = (uintptr_t)t.s->end;
		forked_fork(&t, 1, 30);
		(void)tpi_slots_enter(t.s, &innermost, &t.region, NULL);
		ck_assert_ptr_null(take_within(&stranger));
		forked = take_within(&t.forked);
		ck_assert_ptr_nonnull(forked);
		ck_assert_ptr_eq(forked->slot, t.s->base + 1);
		ck_assert(forked_run(&t, forked));
		tpi_slots_leave(t.s, &innermost);
		ck_assert_int_eq(forked_join(&t), 31);
		tpi_slots_leave(t.s, &inner);
		ck_assert_ptr_null(take_within(&t.forked));
		ck_assert_ptr_eq(priv(), t.s->base);
		forked = take_within(NULL);
		ck_assert_ptr_nonnull(forked);
		ck_assert(forked_run(&t, forked));
		ck_assert_int_eq(forked_join(&t), 21);
	}
	ck_assert(t.pool->fence == tpi_fence_available());
	forked_end(&t);
}
END_TEST

START_TEST(thief_takes_the_oldest_private_slot_of_who_was_asked)
{
	struct tpi_forked *forked;

	forked_begin(&t, 2);
	forked_fork(&t, 2, 20);
	tpi_slots_poke(t.s);
	ck_assert_ptr_null(take_by_force());
	t.s->limits.fork = (uintptr_t)t.s->end;
	if (forceful()) {
		ck_assert_ptr_null(take_by_force());
		tpi_slots_poke(t.s);
		atomic_store(&t.pool->regions, 0);
		ck_assert_ptr_null(take_by_force());
		atomic_store(&t.pool->regions, 1);
		ck_assert_ptr_null(tpi_slots_force(t.w));
		forked = take_by_force();
		ck_assert_ptr_nonnull(forked);
		ck_assert_ptr_eq(forked->slot, t.s->base);
		ck_assert_ptr_eq(priv(), t.s->base + 1);
		ck_assert_ptr_eq(t.s->base->head.forked, forked);
		ck_assert(forked_run(&t, forked));
	}
	ck_assert_int_eq(forked_join(&t), 22);
	ck_assert_int_eq(forked_join(&t), 21);
	ck_assert_ptr_eq(priv(), t.s->base);
	forked_end(&t);
}
END_TEST

START_TEST(
	nothing_is_taken_by_force_where_something_is_queued_or_none_is_forked)
{
	struct tpi_forked *forked;

	forked_begin(&t, 2);
	if (forceful()) {
		tpi_slots_poke(t.s);
		ck_assert_ptr_null(take_by_force());
	}
	forked_fork(&t, 2, 0);
	forked = forked_steal(&t);
	if (forceful()) {
		ck_assert(forked_run(&t, forked));
		ck_assert_uint_eq(tpi_slots_promote(t.s, t.head, 1), 1);
		forked_fork(&t, 1, 2);
		tpi_slots_poke(t.s);
		ck_assert_ptr_null(take_by_force());
		ck_assert_int_eq(forked_join(&t), 3);
	}
	ck_assert_int_eq(forked_join(&t), 2);
	ck_assert_int_eq(forked_join(&t), 1);
	forked_end(&t);
}
END_TEST

START_TEST(what_is_called_at_the_end_is_not_taken_by_force)
{
	forked_begin(&t, 2);
	forked_fork(&t, (unsigned)(t.s->end - t.s->base), 0);
	tpi_slots_hold(t.s, t.s->end);
	__atomic_store_n(&t.s->end->head.fn, forked_body, __ATOMIC_RELAXED);
	if (forceful()) {
		tpi_slots_poke(t.s);
		ck_assert_ptr_null(take_by_force());
		ck_assert(!tpi_slots_watch(t.pool));
	}
	ck_assert(t.pool->fence == tpi_fence_available());
	tpi_slots_hold(t.s, t.s->base);
	__atomic_store_n(&t.s->end->head.fn, (tpar_slot_fn)NULL,
			 __ATOMIC_RELAXED);
	while (t.head > t.s->base) {
		(void)forked_clear(&t);
	}
	forked_end(&t);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		slots_are_made_once_and_aligned,
		slots_are_to_be_seen_while_there_are_spans,
		top_is_found_whatever_is_forked,
		inner_span_begins_above_and_hides_what_is_below_if_it_says_so,
		poke_is_heard_at_the_next_fork,
		half_a_poke_is_repeated,
		idle_workers_are_hungry,
		oldest_are_promoted_and_stolen_first,
		no_more_are_promoted_than_there_are,
		of_many_an_eighth_is_promoted_at_once,
		what_was_joined_by_mistake_is_not_promoted,
		who_asks_in_vain_has_not_been_heard,
		forks_of_outer_regions_are_promoted_as_theirs,
		what_is_promoted_is_withdrawn_and_private_again,
		failure_pokes_all_and_stays_poked,
		owner_that_does_not_hear_is_found,
		who_waits_for_a_fork_takes_only_what_that_one_waits_for,
		thief_takes_the_oldest_private_slot_of_who_was_asked,
		nothing_is_taken_by_force_where_something_is_queued_or_none_is_forked,
		what_is_called_at_the_end_is_not_taken_by_force
	};

	return unit_main("slots", tests, sizeof tests / sizeof tests[0]);
}
