/* SPDX-License-Identifier: MIT */
/*
 * test_worker.c - a worker's queue beyond its ring, and what is left in it of
 * sets that are through; running one task.  The test is the worker.
 */
#include "config.h"

#include "handmade.h"

#include "src/cancel.h"
#include "src/parker.h"
#include "src/run.h"

#include <taskpar/cancel.h>

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
	tpi_worker_trim(w, &f[1], 3);
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
	tpi_worker_trim(w, f, 4);
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
	tpi_worker_trim(w, f, MOST);
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
	tpi_worker_trim(w, f, SIZE + 1);
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
	tpi_worker_trim(w, f, SIZE + 1);
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
	tpi_worker_trim(w, f, SIZE + 1);
	ck_assert(w->spilled);
	ck_assert(tpi_inject_nonempty(&pool->shard[0]));
	tpi_inject_leave(&pool->shard[0]);
	tpi_worker_trim(w, f, SIZE + 1);
	ck_assert(!w->spilled);
	ck_assert(!tpi_inject_nonempty(&pool->shard[0]));
	for (i = 0; i <= SIZE; i++) {
		ck_assert(!is_queued(f[i]));
		tpar_future_unref(f[i]);
	}
	hand_free(pool);
}
END_TEST

/* Is the value zeroed before the function sees it? */
static int
expect_zeros(void *arg, void *value)
{
	const unsigned char *bytes = value;
	size_t n = *(const size_t *)arg;
	size_t i;

	for (i = 0; i < n; i++) {
		if (bytes[i] != 0) {
			return 1;
		}
	}
	memset(value, 0xff, n);
	return 0;
}

START_TEST(value_begins_as_zeros)
{
	static const size_t sizes[] = { 0, 1, 8, 16, 17, 300, 5000 };
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_future *one;
	int round;
	size_t i;

	start();
	task.fn = expect_zeros;
	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		task.value_size = sizes[i];
		task.arg = &task.value_size;
		/* The second one gets the same block, full of ones. */
		for (round = 0; round < 2; round++) {
			one = hand_future_of(pool, &task);
			ck_assert(tpi_future_claim(one));
			tpi_run_call(one, NULL, false);
			ck_assert_int_eq(tpar_future_state(one), TPAR_DONE);
			hand_drop(one);
		}
	}
	hand_free(pool);
}
END_TEST

START_TEST(zeroing_spares_the_next_block)
{
	static const size_t aligns[] = { 16, 32, 64, 128, 256, 4096 };
	struct tpar_task task = TPAR_TASK_INIT;
	unsigned char next[sizeof(struct tpar_future)];
	struct tpar_future *two[2];
	size_t i;

	start();
	task.fn = hand_nothing;
	for (i = 0; i < sizeof aligns / sizeof aligns[0]; i++) {
		task.value_align = aligns[i];
		two[0] = hand_future_of(pool, &task);
		two[1] = hand_future_of(pool, &task);
		two[1]->drop_value = NULL;
		two[1]->drop_arg = NULL;
		two[1]->code = 0;
		atomic_store(&two[1]->link.next, NULL);
		memset(two[1]->small, 1, sizeof two[1]->small);
		memcpy(next, two[1], sizeof next);
		ck_assert(tpi_future_claim(two[0]));
		tpi_run_call(two[0], NULL, false);
		ck_assert_mem_eq(two[1], next, sizeof next);
		hand_drop(two[0]);
		tpi_future_end_cancelled(two[1]);
		hand_drop(two[1]);
	}
	hand_free(pool);
}
END_TEST

static int
count_runs(void *arg, void *value)
{
	int *runs = arg;

	(void)value;
	(*runs)++;
	return 0;
}

START_TEST(pool_that_cancels_calls_no_function)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_future *one;
	int runs = 0;

	start();
	task.fn = count_runs;
	task.arg = &runs;
	one = hand_future_of(pool, &task);
	tpi_intake_close(&pool->intake, TPI_CANCELLING);
	ck_assert(tpi_future_claim(one));
	tpi_run_call(one, NULL, false);
	ck_assert_int_eq(runs, 0);
	ck_assert_int_eq(tpar_future_state(one), TPAR_CANCELLED);
	hand_drop(one);
	hand_free(pool);
}
END_TEST

START_TEST(task_asked_before_it_begins_is_not_called)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_future *one;
	int runs = 0;

	start();
	task.fn = count_runs;
	task.arg = &runs;
	one = hand_future_of(pool, &task);
	ck_assert(tpi_future_claim(one));
	ck_assert(tpi_cancel(one));
	tpi_run_call(one, NULL, false);
	ck_assert_int_eq(runs, 0);
	ck_assert_int_eq(tpar_future_state(one), TPAR_CANCELLED);
	hand_drop(one);
	hand_free(pool);
}
END_TEST

static int
complain(void *arg, void *value)
{
	int rc = *(int *)arg;

	(void)value;
	return tpar_fail(1, "this went wrong") == 1 ? rc : 2;
}

START_TEST(message_stays_only_with_a_failure)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_future *one;
	int rc;

	start();
	task.fn = complain;
	task.arg = &rc;
	for (rc = 0; rc < 2; rc++) {
		one = hand_future_of(pool, &task);
		ck_assert(tpi_future_claim(one));
		tpi_run_call(one, NULL, false);
		ck_assert_str_eq(tpar_future_message(one),
				 rc != 0 ? "this went wrong" : "");
		hand_drop(one);
	}
	hand_free(pool);
}
END_TEST

static struct tpar_pool *foreign;
static struct tpi_watch watch;

static int
look_at_foreign(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return foreign->foreign != NULL &&
			       foreign->foreign->parker == tpi_thread_parker()
		       ? 0
		       : 1;
}

START_TEST(task_of_another_pool_is_known_there)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_watch while_it_runs;
	struct tpar_future *one;

	start();
	foreign = hand_pool(1);
	watch.parker = tpi_parker_get();
	tpi_watch_add_locked(&foreign->waiting, &watch);
	task.fn = look_at_foreign;
	one = hand_future_of(foreign, &task);
	ck_assert(tpi_run_claim(w, one, &while_it_runs));
	ck_assert_ptr_eq(foreign->foreign, &while_it_runs);
	tpi_run_call(one, &while_it_runs, false);
	ck_assert_int_eq(tpar_future_state(one), TPAR_DONE);
	ck_assert_ptr_null(foreign->foreign);
	/* Who waits for that pool to be quiet is told. */
	ck_assert(tpi_parker_park(watch.parker, 1));
	tpi_parker_put(watch.parker);
	hand_drop(one);
	hand_free(foreign);
	hand_free(pool);
}
END_TEST

START_TEST(claim_of_a_foreign_task_may_be_lost)
{
	struct tpi_watch unused;
	struct tpar_future *one;

	start();
	foreign = hand_pool(1);
	one = hand_future(foreign);
	ck_assert(tpi_future_claim(one));
	ck_assert(!tpi_run_claim(w, one, &unused));
	ck_assert_ptr_null(foreign->foreign);
	tpi_future_end(one, 0, NULL);
	/* Its pool may be on its way out. */
	foreign->quit = true;
	ck_assert(!tpi_run_claim(w, one, &unused));
	ck_assert_ptr_null(foreign->foreign);
	hand_drop(one);
	hand_free(foreign);
	hand_free(pool);
}
END_TEST

START_TEST(foreign_task_is_skipped)
{
	struct tpi_watch while_claimed;
	struct tpar_future *one;

	start();
	foreign = hand_pool(1);
	one = hand_future(foreign);
	ck_assert(tpi_run_claim(w, one, &while_claimed));
	tpi_run_skip(one, &while_claimed);
	ck_assert_int_eq(tpar_future_state(one), TPAR_CANCELLED);
	ck_assert_ptr_null(foreign->foreign);
	hand_drop(one);
	hand_free(foreign);
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
		value_begins_as_zeros,
		zeroing_spares_the_next_block,
		pool_that_cancels_calls_no_function,
		task_asked_before_it_begins_is_not_called,
		message_stays_only_with_a_failure,
		task_of_another_pool_is_known_there,
		claim_of_a_foreign_task_may_be_lost,
		foreign_task_is_skipped,
	};

	return unit_main("worker", tests, sizeof tests / sizeof tests[0]);
}
