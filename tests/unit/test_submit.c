/* SPDX-License-Identifier: MIT */
/*
 * test_submit.c - one task or many, from outside and from a worker: what is
 * refused has taken nothing, what is accepted runs once.
 */
#include "config.h"

#include "handmade.h"

#include "src/submit.h"

enum { MANY = 300 };

static _Atomic int runs;
static _Atomic int dropped;

static int
count_run(void *arg, void *value)
{
	(void)arg;
	(void)value;
	atomic_fetch_add(&runs, 1);
	return 0;
}

static void
count_drop(void *arg)
{
	(void)arg;
	atomic_fetch_add(&dropped, 1);
}

static struct tpar_task
counted_task(void)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = count_run;
	task.drop_arg = count_drop;
	return task;
}

/* The task is refused, in words, in each way of submitting. */
static void
expect_refused(tpar_pool *pool, const struct tpar_task *task, const char *word)
{
	tpar_future *untouched = (void *)&runs;
	tpar_future *f = untouched;

	ck_assert_int_eq(tpar_submit_task(pool, task, &f), TPAR_EINVAL);
	ck_assert_msg(strstr(tpar_error_detail(), word) != NULL,
		      "'%s' is not in '%s'", word, tpar_error_detail());
	ck_assert_int_eq(tpar_submit_many(pool, task, NULL, 0, 1, &f),
			 TPAR_EINVAL);
	ck_assert_ptr_eq(f, untouched);
}

START_TEST(bad_descriptions_are_refused)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_task task = counted_task();

	expect_refused(pool, NULL, "task is NULL");
	task.size = 8;
	expect_refused(pool, &task, "task.size");
	task = counted_task();
	task.fn = NULL;
	expect_refused(pool, &task, "task.fn");
	task = counted_task();
	task.flags = 8;
	expect_refused(pool, &task, "task.flags");
	task = counted_task();
	task.value_align = 3;
	expect_refused(pool, &task, "value_align");
	task = counted_task();
	task.value_size = ((size_t)1 << 30) + 1;
	expect_refused(pool, &task, "value_size");
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(runs + dropped, 0);
}
END_TEST

START_TEST(short_form_checks_too)
{
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_submit(pool, NULL, NULL, 0, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_submit(pool, count_run, NULL, SIZE_MAX, &f),
			 TPAR_EINVAL);
	ck_assert_ptr_null(f);
	/* The function behind the macro knows no place. */
	ck_assert_int_eq((tpar_submit)(pool, count_run, NULL, 0, &f), TPAR_OK);
	ck_assert_ptr_null(f->site);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	f = unit_submit(pool, count_run, NULL, 0);
	ck_assert_ptr_nonnull(strstr(f->site, "unit.h:"));
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(description_is_copied)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_task task = counted_task();
	tpar_future *f;

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	task.name = "copied";
	f = unit_submit_task(pool, &task);
	memset(&task, 0, sizeof task);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_str_eq(f->name, "copied");
	ck_assert_int_eq(runs, 1);
	ck_assert_int_eq(dropped, 1);
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
store_sum(void *arg, void *value)
{
	const int *pair = arg;

	*(int *)value = pair[0] + pair[1];
	return 0;
}

/* From outside if `arg` is a pool, else inside. */
static int
sum_many(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	int pairs[MANY][2];
	tpar_future *f[MANY];
	int sums[MANY];
	int i;

	(void)value;
	task.fn = store_sum;
	task.value_size = sizeof(int);
	for (i = 0; i < MANY; i++) {
		pairs[i][0] = i;
		pairs[i][1] = 1000 * i;
	}
	UNIT_MUST(tpar_submit_many(arg, &task, pairs, sizeof pairs[0], MANY,
				   f) == TPAR_OK);
	UNIT_MUST(tpar_gather(f, MANY, sums, NULL) == TPAR_OK);
	for (i = 0; i < MANY; i++) {
		UNIT_MUST(sums[i] == 1001 * i);
	}
	tpar_future_unref_all(f, MANY);
	return 0;
}

START_TEST(each_of_many_gets_its_argument)
{
	unsigned workers;

	for (workers = 1; workers <= 4; workers++) {
		tpar_pool *pool = unit_pool(workers, 4);

		ck_assert_int_eq(sum_many(pool, NULL), 0);
		unit_run_in(pool, sum_many, NULL);
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
}
END_TEST

START_TEST(many_without_arguments_share_the_templates)
{
	tpar_pool *pool = unit_pool(2, 1);
	struct tpar_task task = counted_task();
	tpar_future *f[3];

	task.arg = &task;
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 99, 3, f),
			 TPAR_OK);
	ck_assert_int_eq(tpar_wait_all(f, 3, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(f, 3);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, MANY, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(runs, MANY + 3);
	ck_assert_int_eq(dropped, MANY + 3);
}
END_TEST

START_TEST(none_of_many_is_accepted)
{
	tpar_pool *pool = unit_pool(1, 1);
	struct tpar_task task = counted_task();
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 0, NULL),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_many(pool, &task, &f, SIZE_MAX / 2, 3, &f),
			 TPAR_EINVAL);
	ck_assert_ptr_null(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(runs + dropped, 0);
}
END_TEST

static tpar_pool *
limited_pool(size_t limit)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = 1;
	config.queue_limit = limit;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	return pool;
}

START_TEST(queue_limit_is_kept)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = limited_pool(4);
	struct tpar_task task = counted_task();
	tpar_future *f[4];

	ck_assert_int_eq(tpar_submit(pool, unit_hold_task, &hold, 0, NULL),
			 TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 3, f), TPAR_OK);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 2, NULL),
			 TPAR_EAGAIN);
	ck_assert_int_eq(tpar_submit_task(pool, &task, &f[3]), TPAR_OK);
	ck_assert_int_eq(tpar_submit_task(pool, &task, NULL), TPAR_EAGAIN);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), "queue_limit"));
	/* A cancelled one makes room, though its entry is still queued. */
	ck_assert_int_eq(tpar_future_cancel(f[1]), TPAR_OK);
	ck_assert_int_eq(tpar_submit_task(pool, &task, NULL), TPAR_OK);
	ck_assert_int_eq(tpar_submit_task(pool, &task, NULL), TPAR_EAGAIN);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_wait_all(f, 4, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(f, 4);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(runs, 4);
	ck_assert_int_eq(dropped, 5);
}
END_TEST

START_TEST(queue_limit_counts_outside_tasks_only)
{
	tpar_pool *pool = limited_pool(1);

	/* Inside a task many more are submitted. */
	unit_run_in(pool, sum_many, NULL);
	ck_assert_uint_eq(atomic_load(&pool->intake.queued), 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(closed_pool_takes_nothing)
{
	tpar_pool *pool = limited_pool(5);
	struct tpar_task task = counted_task();
	tpar_future *untouched = (void *)&runs;
	tpar_future *f = untouched;

	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_submit_task(pool, &task, &f), TPAR_ECLOSED);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 1, &f),
			 TPAR_ECLOSED);
	ck_assert_ptr_eq(f, untouched);
	ck_assert_uint_eq(atomic_load(&pool->intake.queued), 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	ck_assert_int_eq(runs + dropped, 0);
}
END_TEST

START_TEST(worker_submits_to_its_own_queue)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpi_worker *w = hand_worker(pool);
	struct tpar_task task = counted_task();
	tpar_future *f[3];
	int i;

	hand_become(w);
	f[0] = unit_submit_task(pool, &task);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 2, &f[1]),
			 TPAR_OK);
	ck_assert(!tpi_inject_nonempty(&pool->shard[0]));
	ck_assert_ptr_eq(tpi_future_home(f[0]), w->heap);
	for (i = 2; i >= 0; i--) {
		ck_assert_ptr_eq(tpi_deque_pop_owner(&w->deque), f[i]);
		tpi_future_end_cancelled(f[i]);
		hand_drop(f[i]);
	}
	hand_free(pool);
}
END_TEST

/* A callback may submit while its thread sleeps in a wait. */
START_TEST(worker_that_is_blocked_submits_from_outside)
{
	struct tpar_pool *pool = hand_pool(2);
	struct tpi_worker *w = hand_worker(pool);
	tpar_future *f = NULL;

	hand_become(w);
	ck_assert(tpi_park_block(w));
	/* It is on nobody's list, so that no thread is started for the task. */
	tpi_park_enter(&pool->park, 2 * TPI_ACTIVE);
	ck_assert_int_eq(tpar_submit(pool, count_run, NULL, 0, &f), TPAR_OK);
	ck_assert(!tpi_deque_nonempty(&w->deque));
	ck_assert(tpi_inject_nonempty(&pool->shard[0]));
	(void)tpi_park_leave(&pool->park, 2 * TPI_ACTIVE);
	tpi_park_unblock(w);
	ck_assert(tpi_inject_enter(&pool->shard[0]));
	ck_assert_ptr_eq(tpi_future_of_link(tpi_inject_pop(&pool->shard[0])),
			 f);
	tpi_inject_leave(&pool->shard[0]);
	ck_assert(tpi_future_claim(f));
	tpi_future_end_cancelled(f);
	hand_drop(f);
	hand_free(pool);
}
END_TEST

START_TEST(worker_of_another_pool_submits_from_outside)
{
	struct tpar_pool *mine = hand_pool(1);
	struct tpar_pool *pool = hand_pool(1);
	struct tpi_worker *w = hand_worker(mine);
	struct tpar_task task = counted_task();
	tpar_future *f;

	hand_become(w);
	/* Nobody is to be woken: the pool has no threads. */
	atomic_store(&pool->park.word, TPI_ACTIVE);
	f = unit_submit_task(pool, &task);
	ck_assert_ptr_null(tpi_deque_pop_owner(&w->deque));
	ck_assert_ptr_eq(tpi_inject_pop(&pool->shard[0]), &f->link);
	ck_assert_ptr_eq(tpi_future_home(f)->arena, pool->arena);
	tpi_future_end_cancelled(f);
	hand_drop(f);
	hand_free(pool);
	hand_free(mine);
}
END_TEST

START_TEST(own_threads_only_marks_the_tasks)
{
	struct tpar_pool *pool = hand_pool(1);
	struct tpi_worker *w = hand_worker(pool);
	struct tpar_task task = counted_task();
	tpar_future *f[2];
	int i;

	pool->intake.own_threads_only = true;
	hand_become(w);
	f[0] = unit_submit_task(pool, &task);
	ck_assert_int_eq(tpar_submit_many(pool, &task, NULL, 0, 1, &f[1]),
			 TPAR_OK);
	for (i = 1; i >= 0; i--) {
		ck_assert_uint_ne(f[i]->flags & TPI_F_OWN_THREADS, 0);
		ck_assert_ptr_eq(tpi_deque_pop_owner(&w->deque), f[i]);
		tpi_future_end_cancelled(f[i]);
		hand_drop(f[i]);
	}
	hand_free(pool);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		bad_descriptions_are_refused,
		short_form_checks_too,
		description_is_copied,
		each_of_many_gets_its_argument,
		many_without_arguments_share_the_templates,
		none_of_many_is_accepted,
		queue_limit_is_kept,
		queue_limit_counts_outside_tasks_only,
		closed_pool_takes_nothing,
		worker_submits_to_its_own_queue,
		worker_that_is_blocked_submits_from_outside,
		worker_of_another_pool_submits_from_outside,
		own_threads_only_marks_the_tasks,
	};

	return unit_main("submit", tests, sizeof tests / sizeof tests[0]);
}
