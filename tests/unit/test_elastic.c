/* SPDX-License-Identifier: MIT */
/*
 * test_elastic.c - who serves blocking tasks: the count, what is told to others
 * if there is no thread, and what a wait in such a task gives up.
 */
#include "config.h"

#include "blocking.h"
#include "handmade.h"

#include "src/elastic.h"
#include "src/park.h"
#include "src/parked.h"

enum { LIMIT = 3, FEW = 8 };

static struct tpar_pool *pool;

static void
begin(void)
{
	pool = hand_pool(1);
	pool->config.blocking_limit = LIMIT;
	/* There is no thread, and there will be none. */
	pool->capacity = 0;
}

static struct tpar_future *
queue_one(void)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_future *f;

	task.fn = hand_nothing;
	task.flags = TPAR_BLOCKING;
	f = hand_future_of(pool, &task);
	ck_assert(tpi_future_is_blocking(f));
	tpi_inject_push(&pool->blocking, &f->link, &f->link);
	return f;
}

static void
take_back(struct tpar_future *f)
{
	ck_assert_ptr_eq(tpi_inject_pop(&pool->blocking), &f->link);
	tpi_future_end_cancelled(f);
	hand_drop(f);
}

static uint32_t
elastic(void)
{
	return atomic_load(&pool->elastic);
}

/* ---- Notices ----------------------------------------------------------------------------- */

START_TEST(nothing_queued_needs_nobody)
{
	begin();
	ck_assert(!tpi_elastic_notify(pool));
	ck_assert_uint_eq(elastic(), 0);
	ck_assert(!tpi_elastic_lacks_threads(pool));
	hand_free(pool);
}
END_TEST

START_TEST(task_is_everybodys_only_while_no_thread_can_be_had)
{
	struct tpar_future *f;

	begin();
	f = queue_one();
	ck_assert(!tpi_pool_any_work(pool));
	ck_assert(!tpi_elastic_notify(pool));
	ck_assert_uint_eq(elastic(), 0);
	ck_assert(tpi_elastic_lacks_threads(pool));
	ck_assert(tpi_pool_any_work(pool));
	ck_assert(tpi_pool_any_queued(pool));
	take_back(f);
	ck_assert(!tpi_pool_any_queued(pool));
	hand_free(pool);
}
END_TEST

START_TEST(those_that_serve_are_enough_at_the_limit)
{
	struct tpar_future *f;

	begin();
	f = queue_one();
	atomic_store(&pool->elastic, LIMIT);
	ck_assert(!tpi_elastic_notify(pool));
	ck_assert_uint_eq(elastic(), LIMIT);
	/* They see it when they leave, so it is nobody else's. */
	ck_assert(!tpi_elastic_lacks_threads(pool));
	ck_assert(tpi_elastic_has_thread(pool));
	take_back(f);
	atomic_store(&pool->elastic, 0);
	hand_free(pool);
}
END_TEST

/* ---- Service ------------------------------------------------------------------------------ */

START_TEST(who_serves_takes_all_in_order_and_leaves)
{
	struct tpar_future *f[LIMIT];
	struct tpi_worker *w;
	int i;

	begin();
	pool->capacity = HAND_CAPACITY;
	w = hand_worker(pool);
	hand_become(w);
	for (i = 0; i < LIMIT; i++) {
		f[i] = queue_one();
	}
	atomic_store(&pool->elastic, 1);
	tpi_elastic_serve(w);
	ck_assert_uint_eq(elastic(), 0);
	ck_assert(!w->elastic);
	ck_assert_uint_eq(w->blocked, 0);
	for (i = 0; i < LIMIT; i++) {
		ck_assert_int_eq(tpar_future_state(f[i]), TPAR_DONE);
		tpar_future_unref(f[i]);
	}
	hand_free(pool);
}
END_TEST

START_TEST(wait_in_a_blocking_task_makes_room_for_another_one)
{
	struct tpi_worker *w;

	begin();
	pool->capacity = HAND_CAPACITY;
	w = hand_worker(pool);
	(void)tpi_park_leave(&pool->park, TPI_ACTIVE);
	w->elastic = true;
	w->blocked = 1;
	atomic_store(&pool->elastic, LIMIT);
	(void)tpi_park_block(w);
	ck_assert_uint_eq(elastic(), LIMIT - 1);
	(void)tpi_park_block(w);
	ck_assert_uint_eq(elastic(), LIMIT - 1);
	tpi_park_unblock(w);
	tpi_park_unblock(w);
	ck_assert_uint_eq(elastic(), LIMIT);
	ck_assert_uint_eq(w->blocked, 1);
	/* It was never counted as one that computes. */
	ck_assert_uint_eq(tpi_park_active(atomic_load(&pool->park.word)), 0);
	atomic_store(&pool->elastic, 0);
	hand_free(pool);
}
END_TEST

/* One parked, one that waits in a blocking task, and one more that waits. */
static struct tpi_worker *
park_one_without_room(struct tpi_worker *serving)
{
	struct tpi_worker *parked = hand_worker(pool);

	pool->config.blocking_limit = 1;
	serving->elastic = true;
	serving->blocked = 1;
	tpi_lock_enter(&pool->lock);
	tpi_parked_push_locked(parked);
	tpi_lock_leave(&pool->lock);
	atomic_store(&pool->park.word, 0);
	atomic_store(&pool->elastic, 1);
	(void)tpi_park_block(serving);
	ck_assert_uint_eq(elastic(), 0);
	return parked;
}

START_TEST(task_for_which_there_was_no_room_gets_what_a_wait_gives_back)
{
	struct tpi_worker *parked;
	struct tpi_worker *w;
	struct tpar_future *f;

	begin();
	pool->capacity = HAND_CAPACITY;
	(void)hand_worker(pool);
	w = hand_worker(pool);
	parked = park_one_without_room(w);
	f = hand_future(pool);
	tpi_inject_push(&pool->shard[0], &f->link, &f->link);
	ck_assert(!tpi_park_wake_one(pool));
	/* Nor is one free that is parked, and that nobody wakes. */
	ck_assert(!tpi_park_can_run(pool));
	tpi_park_unblock(w);
	ck_assert_uint_eq(elastic(), 1);
	ck_assert_uint_eq(atomic_load(&parked->parked), TPI_AWAKE);
	ck_assert_uint_eq(atomic_load(&pool->park.word),
			  TPI_ACTIVE + TPI_SEARCHING);
	ck_assert_ptr_eq(tpi_inject_pop(&pool->shard[0]), &f->link);
	tpi_future_end_cancelled(f);
	hand_drop(f);
	atomic_store(&pool->elastic, 0);
	hand_free(pool);
}
END_TEST

START_TEST(parked_one_is_woken_by_who_asks_whether_it_is_free)
{
	struct tpi_worker *parked;
	struct tpi_worker *w;

	begin();
	pool->capacity = HAND_CAPACITY;
	(void)hand_worker(pool);
	w = hand_worker(pool);
	parked = park_one_without_room(w);
	/* There is room by now, but the task was queued before. */
	atomic_store(&pool->elastic, 1);
	ck_assert(tpi_park_can_run(pool));
	ck_assert_uint_eq(atomic_load(&parked->parked), TPI_AWAKE);
	atomic_store(&pool->elastic, 0);
	hand_free(pool);
}
END_TEST

START_TEST(who_serves_is_not_searched_for_tasks)
{
	struct tpar_pool *real = unit_pool(1, FEW);
	tpar_future *f[FEW];
	struct unit_hold hold = UNIT_HOLD_INIT;

	blocking_hold(real, &hold, f, FEW);
	unit_gate_await(&hold.begun, FEW);
	ck_assert_int_le(__builtin_popcountll(tpi_pool_occupied(real, 0)), 1);
	unit_gate_open(&hold.go);
	blocking_end(f, FEW);
	ck_assert_int_eq(tpar_pool_destroy(real), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		nothing_queued_needs_nobody,
		task_is_everybodys_only_while_no_thread_can_be_had,
		those_that_serve_are_enough_at_the_limit,
		who_serves_takes_all_in_order_and_leaves,
		wait_in_a_blocking_task_makes_room_for_another_one,
		task_for_which_there_was_no_room_gets_what_a_wait_gives_back,
		parked_one_is_woken_by_who_asks_whether_it_is_free,
		who_serves_is_not_searched_for_tasks,
	};

	return unit_main("elastic", tests, sizeof tests / sizeof tests[0]);
}
