/* SPDX-License-Identifier: MIT */
/*
 * test_parker.c - the token makes the order of parking and waking irrelevant;
 * the list of free parkers.
 */
#include "config.h"

#include "src/clock.h"
#include "src/parker.h"

#include "unit.h"

static unsigned
state_of(struct tpi_parker *p)
{
	return atomic_load(&p->state);
}

START_TEST(wake_before_park_is_kept)
{
	struct tpi_parker *p = tpi_parker_get();

	tpi_parker_wake(p);
	ck_assert_uint_eq(state_of(p), TPI_PARK_TOKEN);
	ck_assert(tpi_parker_park(p, TPAR_FOREVER));
	ck_assert_uint_eq(state_of(p), TPI_PARK_EMPTY);
	tpi_parker_put(p);
}
END_TEST

START_TEST(two_wakes_are_one_token)
{
	struct tpi_parker *p = tpi_parker_get();

	tpi_parker_wake(p);
	tpi_parker_wake(p);
	ck_assert(tpi_parker_park(p, TPAR_FOREVER));
	ck_assert(!tpi_parker_park(p, tpar_in(0)));
	tpi_parker_put(p);
}
END_TEST

START_TEST(past_deadline_gives_no_token)
{
	struct tpi_parker *p = tpi_parker_get();

	ck_assert(!tpi_parker_park(p, 1));
	ck_assert_uint_eq(state_of(p), TPI_PARK_EMPTY);
	ck_assert(!tpi_parker_park(p, tpar_in(0)));
	ck_assert(!tpi_parker_park(p, tpar_in(TPAR_MILLISECOND)));
	ck_assert_uint_eq(state_of(p), TPI_PARK_EMPTY);
	tpi_parker_put(p);
}
END_TEST

START_TEST(token_counts_although_the_deadline_has_passed)
{
	struct tpi_parker *p = tpi_parker_get();

	tpi_parker_wake(p);
	ck_assert(tpi_parker_park(p, 1));
	ck_assert(!tpi_parker_park(p, 1));
	tpi_parker_put(p);
}
END_TEST

START_TEST(deadline_is_not_early)
{
	struct tpi_parker *p = tpi_parker_get();
	int64_t deadline = tpar_in(2 * TPAR_MILLISECOND);

	ck_assert(!tpi_parker_park(p, deadline));
	ck_assert_int_ge(tpi_clock_now(), deadline);
	tpi_parker_put(p);
}
END_TEST

START_TEST(list_gives_back_the_last)
{
	struct tpi_parker *first = tpi_parker_get();
	struct tpi_parker *second = tpi_parker_get();

	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_nonnull(second);
	ck_assert_ptr_ne(first, second);
	tpi_parker_put(first);
	tpi_parker_put(second);
	ck_assert_ptr_eq(tpi_parker_get(), second);
	ck_assert_ptr_eq(tpi_parker_get(), first);
	tpi_parker_put(first);
	tpi_parker_put(second);
}
END_TEST

/* Whoever wakes a parker too late wakes its next owner for nothing. */
START_TEST(late_wake_survives_in_the_list)
{
	struct tpi_parker *p = tpi_parker_get();

	tpi_parker_put(p);
	tpi_parker_wake(p);
	ck_assert_ptr_eq(tpi_parker_get(), p);
	ck_assert(tpi_parker_park(p, TPAR_FOREVER));
	ck_assert(!tpi_parker_park(p, 1));
	tpi_parker_put(p);
}
END_TEST

static void *
park_forever(void *arg)
{
	UNIT_MUST(tpi_parker_park(arg, TPAR_FOREVER));
	return NULL;
}

START_TEST(wake_ends_the_sleep)
{
	struct tpi_parker *p = tpi_parker_get();
	pthread_t thread = unit_start(park_forever, p);

	UNIT_AWAIT(state_of(p) == TPI_PARK_PARKED);
	tpi_parker_wake(p);
	unit_join(thread);
	ck_assert_uint_eq(state_of(p), TPI_PARK_EMPTY);
	tpi_parker_put(p);
}
END_TEST

/* Two threads hand a number to and fro. */
struct ping {
	struct tpi_parker *parker[2];
	long rounds;
	long number; /* belongs to whoever was woken */
};

static void *
pong(void *arg)
{
	struct ping *ping = arg;
	long i;

	for (i = 0; i < ping->rounds; i++) {
		UNIT_MUST(tpi_parker_park(ping->parker[1], TPAR_FOREVER));
		UNIT_MUST(ping->number == 2 * i + 1);
		ping->number++;
		tpi_parker_wake(ping->parker[0]);
	}
	return NULL;
}

START_TEST(what_the_waker_wrote_is_seen)
{
	struct ping ping = { { tpi_parker_get(), tpi_parker_get() },
			     unit_scaled(10000),
			     0 };
	pthread_t thread = unit_start(pong, &ping);
	long i;

	for (i = 0; i < ping.rounds; i++) {
		ping.number++;
		tpi_parker_wake(ping.parker[1]);
		UNIT_MUST(tpi_parker_park(ping.parker[0], TPAR_FOREVER));
	}
	unit_join(thread);
	ck_assert_int_eq(ping.number, 2 * ping.rounds);
	tpi_parker_put(ping.parker[0]);
	tpi_parker_put(ping.parker[1]);
}
END_TEST

/* Each round one wake and a park that may time out at the same moment. */
struct race {
	struct tpi_parker *parker;
	struct unit_gate begin;
	struct unit_gate end;
	long rounds;
};

static void *
wake_each_round(void *arg)
{
	struct race *race = arg;
	unsigned i;

	for (i = 1; i <= (unsigned)race->rounds; i++) {
		unit_gate_await(&race->begin, i);
		tpi_parker_wake(race->parker);
		unit_gate_open(&race->end);
	}
	return NULL;
}

START_TEST(token_is_not_lost_to_a_deadline)
{
	struct race race = { tpi_parker_get(), UNIT_GATE_INIT, UNIT_GATE_INIT,
			     unit_scaled(3000) };
	pthread_t thread = unit_start(wake_each_round, &race);
	long tokens = 0;
	long i;

	for (i = 1; i <= race.rounds; i++) {
		unit_gate_open(&race.begin);
		if (tpi_parker_park(race.parker, tpar_in(i % 64 * 1000))) {
			tokens++;
			unit_gate_await(&race.end, (unsigned)i);
		} else {
			unit_gate_await(&race.end, (unsigned)i);
			tokens += tpi_parker_park(race.parker, TPAR_FOREVER);
		}
	}
	unit_join(thread);
	ck_assert_int_eq(tokens, race.rounds);
	ck_assert_uint_eq(state_of(race.parker), TPI_PARK_EMPTY);
	tpi_parker_put(race.parker);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		wake_before_park_is_kept,
		two_wakes_are_one_token,
		past_deadline_gives_no_token,
		token_counts_although_the_deadline_has_passed,
		deadline_is_not_early,
		list_gives_back_the_last,
		late_wake_survives_in_the_list,
		wake_ends_the_sleep,
		what_the_waker_wrote_is_seen,
		token_is_not_lost_to_a_deadline,
	};

	return unit_main("parker", tests, sizeof tests / sizeof tests[0]);
}
