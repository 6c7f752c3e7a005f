/* SPDX-License-Identifier: MIT */
/*
 * test_worker.c - a worker's queue beyond its ring, and what is left in it of
 * sets that are through.  The test is the worker.
 */
#include "config.h"

#include "handmade.h"
#include "src/trim.h"

enum { SIZE = TPI_DEQUE_SIZE, HALF = SIZE / 2, MOST = 4 * SIZE };

static struct tpar_pool *pool;
static struct tpi_worker *w;
static struct tpar_future *f[MOST];

static void
start(void)
{
	pool = hand_pool(1);
	w = hand_worker(pool);
	hand_become(w);
}

/* Pushes n new futures, f[0..n). */
static void
push(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		f[i] = hand_future(pool);
		tpi_worker_push(w, f[i]);
	}
}

static void
end(struct tpar_future *one)
{
	ck_assert(tpi_future_claim(one));
	tpi_future_end(one, 0, NULL);
}

static bool
is_queued(struct tpar_future *one)
{
	return atomic_load(&one->holds) >= TPI_MEMREF &&
	       atomic_load(&one->trimmed) == 0;
}

static struct tpi_link *
pop_injected(void)
{
	return tpi_inject_pop(&pool->shard[0]);
}

/* The injector's next is f[i]. */
static void
expect_injected(int i)
{
	ck_assert_ptr_eq(pop_injected(), &f[i]->link);
}

/* Ends and releases n futures, whose queue entries are gone already. */
static void
drop(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (tpi_future_claim(f[i])) {
			tpi_future_end(f[i], 0, NULL);
		}
		hand_drop(f[i]);
	}
}

START_TEST(full_ring_spills_its_older_half)
{
	int i;

	start();
	push(SIZE);
	ck_assert(!w->spilled);
	ck_assert_ptr_null(pop_injected());
	f[SIZE] = hand_future(pool);
	tpi_worker_push(w, f[SIZE]);
	ck_assert(w->spilled);
	for (i = 0; i < HALF; i++) {
		expect_injected(i);
	}
	ck_assert_ptr_null(pop_injected());
	for (i = SIZE; i >= HALF; i--) {
		ck_assert_ptr_eq(tpi_deque_pop_owner(&w->deque), f[i]);
	}
	ck_assert_ptr_null(tpi_deque_pop_owner(&w->deque));
	drop(SIZE + 1);
	hand_free(pool);
}
END_TEST

START_TEST(spilled_tasks_keep_their_order)
{
	int i;

	start();
	push(MOST);
	for (i = 0; i < MOST - SIZE; i++) {
		expect_injected(i);
	}
	while (tpi_deque_pop_owner(&w->deque) != NULL) {
	}
	while (pop_injected() != NULL) {
	}
	drop(MOST);
	hand_free(pool);
}
END_TEST

START_TEST(spilled_tasks_are_seen_as_work)
{
	start();
	push(SIZE + 1);
	while (tpi_deque_pop_owner(&w->deque) != NULL) {
	}
	ck_assert(tpi_pool_any_work(pool));
	while (pop_injected() != NULL) {
	}
	ck_assert(!tpi_pool_any_work(pool));
	drop(SIZE + 1);
	hand_free(pool);
}
END_TEST

START_TEST(set_that_is_through_leaves_the_deque)
{
	int i;

	start();
	push(4);
	for (i = 1; i < 4; i++) {
		end(f[i]);
	}
	tpi_trim_set(w, &f[1], 3);
	for (i = 1; i < 4; i++) {
		ck_assert(!is_queued(f[i]));
		tpar_future_unref(f[i]);
	}
	ck_assert(is_queued(f[0]));
	ck_assert_ptr_eq(tpi_deque_pop_owner(&w->deque), f[0]);
	end(f[0]);
	hand_drop(f[0]);
	hand_free(pool);
}
END_TEST

START_TEST(stolen_members_are_left_to_their_thief)
{
	struct tpar_future *stolen;
	int i;

	start();
	push(4);
	for (i = 0; i < 4; i++) {
		end(f[i]);
	}
	ck_assert_int_eq(tpi_deque_steal(&w->deque, &stolen), TPI_STEAL_GOT);
	ck_assert_ptr_eq(stolen, f[0]);
	tpi_trim_set(w, f, 4);
	ck_assert(is_queued(f[0]));
	for (i = 1; i < 4; i++) {
		ck_assert(!is_queued(f[i]));
		tpar_future_unref(f[i]);
	}
	hand_drop(f[0]);
	hand_free(pool);
}
END_TEST

START_TEST(large_set_leaves_the_injector_too)
{
	int i;

	start();
	push(MOST);
	for (i = 0; i < MOST; i++) {
		end(f[i]);
	}
	tpi_trim_set(w, f, MOST);
	ck_assert(!tpi_pool_any_work(pool));
	ck_assert(!w->spilled);
	for (i = 0; i < MOST; i++) {
		ck_assert(!is_queued(f[i]));
		tpar_future_unref(f[i]);
	}
	hand_free(pool);
}
END_TEST

START_TEST(strangers_in_the_injector_move_to_the_deque)
{
	struct tpar_future *stranger;
	int i;

	start();
	stranger = hand_future(pool);
	tpi_inject_push(&pool->shard[0], &stranger->link, &stranger->link);
	push(SIZE + 1);
	for (i = 0; i <= SIZE; i++) {
		end(f[i]);
	}
	/* Its own entries are behind the stranger. */
	tpi_trim_set(w, f, SIZE + 1);
	ck_assert(!tpi_inject_nonempty(&pool->shard[0]));
	for (i = 0; i <= SIZE; i++) {
		ck_assert(!is_queued(f[i]));
		tpar_future_unref(f[i]);
	}
	ck_assert_ptr_eq(tpi_deque_pop_owner(&w->deque), stranger);
	end(stranger);
	hand_drop(stranger);
	hand_free(pool);
}
END_TEST

START_TEST(many_strangers_stay_where_they_are)
{
	enum { STRANGERS = 64 };
	struct tpar_future *stranger[STRANGERS];
	struct tpi_link *link;
	int left = STRANGERS;
	int i;

	start();
	for (i = 0; i < STRANGERS; i++) {
		stranger[i] = hand_future(pool);
		tpi_inject_push(&pool->shard[0], &stranger[i]->link,
				&stranger[i]->link);
	}
	push(SIZE + 1);
	for (i = 0; i <= SIZE; i++) {
		end(f[i]);
	}
	tpi_trim_set(w, f, SIZE + 1);
	/* A batch was moved, no more; the set's rest is met later. */
	ck_assert(w->spilled);
	ck_assert(tpi_inject_nonempty(&pool->shard[0]));
	while (tpi_deque_pop_owner(&w->deque) != NULL) {
		left--;
	}
	while ((link = pop_injected()) != NULL) {
		left -= tpi_state_peek(&tpi_future_of_link(link)->state) ==
			TPI_PENDING;
	}
	ck_assert_int_eq(left, 0);
	for (i = 0; i < STRANGERS; i++) {
		end(stranger[i]);
		hand_drop(stranger[i]);
	}
	drop(HALF);
	tpar_future_unref_all(&f[HALF], HALF + 1);
	hand_free(pool);
}
END_TEST

START_TEST(busy_injector_is_trimmed_later)
{
	int i;

	start();
	push(SIZE + 1);
	for (i = 0; i <= SIZE; i++) {
		end(f[i]);
	}
	ck_assert(tpi_inject_enter(&pool->shard[0]));
	tpi_trim_set(w, f, SIZE + 1);
	ck_assert(w->spilled);
	ck_assert(tpi_inject_nonempty(&pool->shard[0]));
	tpi_inject_leave(&pool->shard[0]);
	tpi_trim_set(w, f, SIZE + 1);
	ck_assert(!w->spilled);
	ck_assert(!tpi_inject_nonempty(&pool->shard[0]));
	for (i = 0; i <= SIZE; i++) {
		ck_assert(!is_queued(f[i]));
		tpar_future_unref(f[i]);
	}
	hand_free(pool);
}
END_TEST

START_TEST(what_was_claimed_is_not_spilled)
{
	int i;

	start();
	push(SIZE);
	for (i = 0; i < HALF; i += 2) {
		end(f[i]);
	}
	tpi_worker_push_full(w, f[SIZE] = hand_future(pool));
	for (i = 0; i < HALF; i += 2) {
		ck_assert(!is_queued(f[i]));
		tpar_future_unref(f[i]);
		expect_injected(i + 1);
	}
	ck_assert(!tpi_inject_nonempty(&pool->shard[0]));
	for (i = SIZE; i >= HALF; i--) {
		ck_assert_ptr_eq(tpi_deque_pop_owner(&w->deque), f[i]);
	}
	for (i = 0; i <= SIZE; i++) {
		if (i >= HALF || i % 2 != 0) {
			end(f[i]);
			hand_drop(f[i]);
		}
	}
	hand_free(pool);
}
END_TEST

START_TEST(task_that_is_shown_is_held_by_who_sees_it)
{
	struct tpar_future *one;

	start();
	one = hand_future(pool);
	ck_assert_ptr_null(tpi_worker_taken(w));
	tpi_worker_show(w, one);
	ck_assert_ptr_eq(tpi_worker_taken(w), one);
	ck_assert_uint_eq(atomic_load(&one->holds),
			  2 * TPI_MEMREF + TPI_HANDLE);
	ck_assert_uint_eq(atomic_load(&w->watched), 0);
	tpi_worker_hide(w);
	ck_assert_ptr_null(tpi_worker_taken(w));
	end(one);
	tpi_future_release(one);
	hand_drop(one);
	hand_free(pool);
}
END_TEST

static _Atomic bool hidden;

static void *
hide(void *arg)
{
	tpi_worker_hide(arg);
	atomic_store(&hidden, true);
	return NULL;
}

START_TEST(worker_waits_until_nobody_looks_at_its_task)
{
	struct tpar_future *one;
	pthread_t thread;

	start();
	one = hand_future(pool);
	tpi_worker_show(w, one);
	atomic_fetch_add(&w->watched, 1);
	thread = unit_start(hide, w);
	UNIT_AWAIT(atomic_load(&w->taken) == NULL);
	ck_assert(!atomic_load(&hidden));
	atomic_fetch_sub(&w->watched, 1);
	unit_join(thread);
	ck_assert(atomic_load(&hidden));
	end(one);
	hand_drop(one);
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		full_ring_spills_its_older_half,
		spilled_tasks_keep_their_order,
		spilled_tasks_are_seen_as_work,
		set_that_is_through_leaves_the_deque,
		stolen_members_are_left_to_their_thief,
		large_set_leaves_the_injector_too,
		strangers_in_the_injector_move_to_the_deque,
		many_strangers_stay_where_they_are,
		busy_injector_is_trimmed_later,
		what_was_claimed_is_not_spilled,
		task_that_is_shown_is_held_by_who_sees_it,
		worker_waits_until_nobody_looks_at_its_task,
	};

	return unit_main("worker", tests, sizeof tests / sizeof tests[0]);
}
