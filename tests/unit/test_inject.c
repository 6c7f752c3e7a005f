/* SPDX-License-Identifier: MIT */
/*
 * test_inject.c - the queue from outside: its order, the gap between a
 * producer's two steps, one consumer at a time; by one thread, with others
 * between any two steps, then with several threads.
 */
#include "config.h"

#include "steps.h"

#include "src/inject.h"

#include "unit.h"

#include <string.h>

enum { ENTRIES = 8, STEPS_MAX = 16 };

static struct tpi_inject queue;
static struct tpi_link link_of[ENTRIES];

static void
push(int i)
{
	tpi_inject_push(&queue, &link_of[i], &link_of[i]);
}

/* The two halves of a push: in between, the list is cut. */
static struct tpi_link *
push_first_half(int i)
{
	tpi_store_relaxed(&link_of[i].next, NULL);
	return atomic_exchange(&queue.tail, &link_of[i]);
}

static void
push_second_half(struct tpi_link *before, int i)
{
	atomic_store(&before->next, &link_of[i]);
}

static void
expect_pop(int i)
{
	ck_assert_ptr_eq(tpi_inject_pop(&queue), &link_of[i]);
}

static void
expect_empty(void)
{
	ck_assert_ptr_null(tpi_inject_pop(&queue));
	ck_assert_ptr_null(tpi_inject_peek(&queue));
	ck_assert(!tpi_inject_nonempty(&queue));
}

START_TEST(new_queue_is_empty)
{
	tpi_inject_init(&queue);
	expect_empty();
}
END_TEST

START_TEST(first_in_first_out)
{
	int round;
	int i;

	tpi_inject_init(&queue);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ENTRIES; i++) {
			push(i);
			ck_assert(tpi_inject_nonempty(&queue));
		}
		for (i = 0; i < ENTRIES; i++) {
			expect_pop(i);
		}
		expect_empty();
	}
}
END_TEST

START_TEST(one_at_a_time)
{
	int i;

	tpi_inject_init(&queue);
	for (i = 0; i < 3 * ENTRIES; i++) {
		push(i % ENTRIES);
		expect_pop(i % ENTRIES);
		expect_empty();
	}
}
END_TEST

START_TEST(push_between_pops)
{
	tpi_inject_init(&queue);
	push(0);
	push(1);
	expect_pop(0);
	push(2);
	expect_pop(1);
	expect_pop(2);
	push(3);
	expect_pop(3);
	expect_empty();
}
END_TEST

START_TEST(chain_is_pushed_as_a_whole)
{
	int i;

	tpi_inject_init(&queue);
	for (i = 0; i < 3; i++) {
		atomic_store(&link_of[i].next, &link_of[i + 1]);
	}
	push(4);
	tpi_inject_push(&queue, &link_of[0], &link_of[3]);
	push(5);
	expect_pop(4);
	for (i = 0; i < 4; i++) {
		expect_pop(i);
	}
	expect_pop(5);
	expect_empty();
}
END_TEST

START_TEST(peek_takes_nothing)
{
	tpi_inject_init(&queue);
	ck_assert_ptr_null(tpi_inject_peek(&queue));
	push(0);
	push(1);
	ck_assert_ptr_eq(tpi_inject_peek(&queue), &link_of[0]);
	ck_assert_ptr_eq(tpi_inject_peek(&queue), &link_of[0]);
	expect_pop(0);
	ck_assert_ptr_eq(tpi_inject_peek(&queue), &link_of[1]);
	expect_pop(1);
	expect_empty();
}
END_TEST

START_TEST(gap_at_the_front_counts_as_work)
{
	struct tpi_link *before;

	tpi_inject_init(&queue);
	before = push_first_half(0);
	ck_assert(tpi_inject_nonempty(&queue));
	ck_assert_ptr_null(tpi_inject_pop(&queue));
	ck_assert_ptr_null(tpi_inject_peek(&queue));
	ck_assert(tpi_inject_nonempty(&queue));
	push_second_half(before, 0);
	expect_pop(0);
	expect_empty();
}
END_TEST

START_TEST(gap_hides_what_is_beyond_it)
{
	struct tpi_link *before;

	tpi_inject_init(&queue);
	push(0);
	push(1);
	before = push_first_half(2);
	push(3);
	expect_pop(0);
	/* Entry 1 is in front of the cut: its successor is not known yet. */
	ck_assert_ptr_null(tpi_inject_pop(&queue));
	ck_assert(tpi_inject_nonempty(&queue));
	push_second_half(before, 2);
	expect_pop(1);
	expect_pop(2);
	expect_pop(3);
	expect_empty();
}
END_TEST

START_TEST(two_gaps_are_closed_in_the_other_order)
{
	struct tpi_link *before_first;
	struct tpi_link *before_second;

	tpi_inject_init(&queue);
	before_first = push_first_half(0);
	before_second = push_first_half(1);
	push_second_half(before_second, 1);
	ck_assert_ptr_null(tpi_inject_pop(&queue));
	ck_assert(tpi_inject_nonempty(&queue));
	push_second_half(before_first, 0);
	expect_pop(0);
	expect_pop(1);
	expect_empty();
}
END_TEST

START_TEST(only_one_consumer)
{
	tpi_inject_init(&queue);
	ck_assert(tpi_inject_enter(&queue));
	ck_assert(!tpi_inject_enter(&queue));
	tpi_inject_leave(&queue);
	ck_assert(tpi_inject_enter(&queue));
	tpi_inject_leave(&queue);
}
END_TEST

static struct tpi_link *cut_before;

static void
push_another(void *arg)
{
	(void)arg;
	push(1);
}

static void
push_half_of_another(void *arg)
{
	(void)arg;
	cut_before = push_first_half(1);
}

/* Pops until nothing comes; `from` is the first that is expected. */
static int
drain(int from)
{
	struct tpi_link *link;

	while ((link = tpi_inject_pop(&queue)) != NULL) {
		ck_assert_ptr_eq(link, &link_of[from]);
		from++;
	}
	return from;
}

START_TEST(push_between_the_steps_of_a_pop)
{
	unsigned at;
	int next;

	for (at = 0; at < STEPS_MAX; at++) {
		tpi_inject_init(&queue);
		push(0);
		steps_at(at, push_another, NULL);
		next = drain(0);
		if (!steps_end()) {
			push(1);
		}
		ck_assert(next == 2 || tpi_inject_nonempty(&queue));
		ck_assert_int_eq(drain(next), 2);
		expect_empty();
	}
}
END_TEST

/*
 * Whoever finds nothing may fall asleep, so the queue must not look empty as
 * long as there is something in it, also after the gap was closed.
 */
START_TEST(gap_between_the_steps_of_a_pop_counts_as_work)
{
	unsigned at;
	int next;

	for (at = 0; at < STEPS_MAX; at++) {
		tpi_inject_init(&queue);
		push(0);
		steps_at(at, push_half_of_another, NULL);
		next = drain(0);
		if (!steps_end()) {
			push_half_of_another(NULL);
		}
		ck_assert_msg(tpi_inject_nonempty(&queue),
			      "looks empty with a gap at step %u", at);
		push_second_half(cut_before, 1);
		ck_assert_msg(tpi_inject_nonempty(&queue),
			      "looks empty after a gap at step %u", at);
		ck_assert_int_eq(drain(next), 2);
		expect_empty();
	}
}
END_TEST

static void
pop_meanwhile(void *arg)
{
	int *next = arg;

	*next = drain(*next);
}

START_TEST(pop_between_the_steps_of_a_push)
{
	unsigned at;
	int next;

	for (at = 0; at < 2; at++) {
		tpi_inject_init(&queue);
		push(0);
		next = 0;
		steps_at(at, pop_meanwhile, &next);
		push(1);
		ck_assert(steps_end());
		ck_assert(tpi_inject_nonempty(&queue));
		ck_assert_int_eq(drain(next), 2);
		expect_empty();
	}
}
END_TEST

/* Several threads. */

enum { PRODUCERS = 3, CONSUMERS = 2 };

struct item {
	struct tpi_link link;
	int producer;
	long number;
};

static struct item *items[PRODUCERS];
static long per_producer;
static _Atomic long popped;
static long last_of[PRODUCERS]; /* [m:busy] */
static _Atomic long out_of_order;

static void *
produce(void *arg)
{
	struct item *mine = arg;
	long i = 0;

	while (i < per_producer) {
		long n = i % 3 == 0 && i + 2 <= per_producer ? 2 : 1;

		if (n == 2) {
			tpi_store_relaxed(&mine[i].link.next,
					  &mine[i + 1].link);
		}
		tpi_inject_push(&queue, &mine[i].link, &mine[i + n - 1].link);
		i += n;
	}
	return NULL;
}

static void
consume_all(void)
{
	struct tpi_link *link;

	while ((link = tpi_inject_pop(&queue)) != NULL) {
		struct item *item = (struct item *)(void *)link;

		if (item->number != last_of[item->producer] + 1) {
			atomic_fetch_add(&out_of_order, 1);
		}
		last_of[item->producer] = item->number;
		atomic_fetch_add(&popped, 1);
	}
}

static void *
consume(void *arg)
{
	(void)arg;
	while (atomic_load(&popped) < PRODUCERS * per_producer) {
		if (tpi_inject_nonempty(&queue) && tpi_inject_enter(&queue)) {
			consume_all();
			tpi_inject_leave(&queue);
		} else {
			sched_yield();
		}
	}
	return NULL;
}

START_TEST(many_producers_keep_their_order)
{
	pthread_t thread[PRODUCERS + CONSUMERS];
	long i;
	int p;

	per_producer = unit_scaled(100000);
	tpi_inject_init(&queue);
	for (p = 0; p < PRODUCERS; p++) {
		items[p] = calloc((size_t)per_producer, sizeof *items[p]);
		ck_assert_ptr_nonnull(items[p]);
		for (i = 0; i < per_producer; i++) {
			items[p][i].producer = p;
			items[p][i].number = i;
		}
		last_of[p] = -1;
	}
	for (p = 0; p < CONSUMERS; p++) {
		thread[PRODUCERS + p] = unit_start(consume, NULL);
	}
	for (p = 0; p < PRODUCERS; p++) {
		thread[p] = unit_start(produce, items[p]);
	}
	for (p = 0; p < PRODUCERS + CONSUMERS; p++) {
		unit_join(thread[p]);
	}
	ck_assert_int_eq(atomic_load(&out_of_order), 0);
	ck_assert_int_eq(atomic_load(&popped), PRODUCERS * per_producer);
	expect_empty();
	for (p = 0; p < PRODUCERS; p++) {
		free(items[p]);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		new_queue_is_empty,
		first_in_first_out,
		one_at_a_time,
		push_between_pops,
		chain_is_pushed_as_a_whole,
		peek_takes_nothing,
		gap_at_the_front_counts_as_work,
		gap_hides_what_is_beyond_it,
		two_gaps_are_closed_in_the_other_order,
		only_one_consumer,
		push_between_the_steps_of_a_pop,
		gap_between_the_steps_of_a_pop_counts_as_work,
		pop_between_the_steps_of_a_push,
		many_producers_keep_their_order,
	};

	return unit_main("inject", tests, sizeof tests / sizeof tests[0]);
}
