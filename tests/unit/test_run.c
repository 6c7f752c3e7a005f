/* SPDX-License-Identifier: MIT */
/*
 * test_run.c - running one task on top of whatever runs, of the own pool or of
 * another one.  The test is the worker.
 */
#include "config.h"

#include "handmade.h"

#include "src/cancel.h"
#include "src/parker.h"
#include "src/run.h"

#include <taskpar/cancel.h>

static struct tpar_pool *pool;
static struct tpi_worker *w;

static void
start(void)
{
	pool = hand_pool(1);
	w = hand_worker(pool);
	hand_become(w);
}

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
		if (tpi_future_class(two[1]) != TPI_CLASS_LARGE) {
			two[1]->heap = NULL;
		}
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
	ck_assert(tpi_cancel(one, TPI_REASON_ASKED));
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

/* How often it was asked to stop, by way of what gathers it. */
static int asked;

static int
look_whether_asked(void *arg, void *value)
{
	(void)arg;
	(void)value;
	asked += tpar_cancelled();
	return 0;
}

START_TEST(stop_of_a_gather_is_one_for_what_runs_on_top)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpi_watch while_it_runs;
	struct tpar_future *below;
	struct tpar_future *one;
	struct tpi_run run;
	int bound;

	start();
	foreign = hand_pool(1);
	task.fn = look_whether_asked;
	below = hand_future(pool);
	hand_begin(&run, below);
	tpi_intake_close(&pool->intake, TPI_CANCELLING);
	/* Of another pool: nobody has asked it itself. */
	for (bound = 0; bound < 2; bound++) {
		one = hand_future_of(foreign, &task);
		ck_assert(tpi_run_claim(w, one, &while_it_runs));
		tpi_run_call(one, &while_it_runs, bound);
		ck_assert_int_eq(asked, bound);
		hand_drop(one);
	}
	hand_end(&run, 0);
	hand_drop(below);
	hand_free(foreign);
	hand_free(pool);
}
END_TEST

START_TEST(taken_task_runs_unless_its_pool_is_cancelled)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_future *one;
	int cancel;
	int runs = 0;

	start();
	task.fn = count_runs;
	task.arg = &runs;
	for (cancel = 0; cancel < 2; cancel++) {
		if (cancel) {
			tpi_intake_close(&pool->intake, TPI_CANCELLING);
		}
		one = hand_future_of(pool, &task);
		ck_assert(tpi_future_claim(one));
		tpi_run_taken(w, one);
		ck_assert_int_eq(tpar_future_state(one),
				 cancel ? TPAR_CANCELLED : TPAR_DONE);
		hand_drop(one);
	}
	ck_assert_int_eq(runs, 1);
	hand_free(pool);
}
END_TEST

START_TEST(thread_is_asked_of_the_tasks_own_pool)
{
	struct tpar_future *own;
	struct tpar_future *other;

	start();
	foreign = hand_pool(1);
	foreign->capacity = 1;
	(void)hand_worker(foreign);
	atomic_store(&foreign->park.word, 0);
	own = hand_future(pool);
	other = hand_future(foreign);
	/* There the one thread is blocked; here we are active. */
	ck_assert(tpi_run_has_thread(w, own));
	ck_assert(!tpi_run_has_thread(w, other));
	ck_assert_ptr_null(foreign->foreign);
	atomic_store(&foreign->park.word, TPI_ACTIVE);
	ck_assert(tpi_run_has_thread(w, other));
	ck_assert(tpi_future_claim(own));
	tpi_future_end_cancelled(own);
	ck_assert(tpi_future_claim(other));
	tpi_future_end_cancelled(other);
	hand_drop(own);
	hand_drop(other);
	hand_free(foreign);
	hand_free(pool);
}
END_TEST

static struct tpar_future *dropped_in;

static void
drop_arg(void *arg)
{
	(void)arg;
	dropped_in = tpi_thread_self.run->task;
	ck_assert_int_eq(tpar_fail(1, "lost"), 1);
}

START_TEST(argument_is_dropped_as_part_of_its_task)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct tpar_future *below;
	struct tpar_future *one;
	struct tpi_run run;
	int skip;

	start();
	task.fn = hand_nothing;
	task.drop_arg = drop_arg;
	below = hand_future(pool);
	hand_begin(&run, below);
	for (skip = 0; skip < 2; skip++) {
		one = hand_future_of(pool, &task);
		ck_assert(tpi_future_claim(one));
		if (skip) {
			tpi_run_skip(one, NULL);
		} else {
			tpi_run_call(one, NULL, false);
		}
		ck_assert_ptr_eq(dropped_in, one);
		ck_assert_ptr_eq(tpi_thread_self.run, &run);
		ck_assert_ptr_null(run.message);
		ck_assert_str_eq(tpar_future_message(one), "");
		hand_drop(one);
	}
	hand_end(&run, 0);
	hand_drop(below);
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		value_begins_as_zeros,
		zeroing_spares_the_next_block,
		pool_that_cancels_calls_no_function,
		task_asked_before_it_begins_is_not_called,
		message_stays_only_with_a_failure,
		task_of_another_pool_is_known_there,
		claim_of_a_foreign_task_may_be_lost,
		foreign_task_is_skipped,
		stop_of_a_gather_is_one_for_what_runs_on_top,
		taken_task_runs_unless_its_pool_is_cancelled,
		thread_is_asked_of_the_tasks_own_pool,
		argument_is_dropped_as_part_of_its_task,
	};

	return unit_main("run", tests, sizeof tests / sizeof tests[0]);
}
