/* SPDX-License-Identifier: MIT */
/*
 * test_pool_memory.c - a pool's own allocator: all that is taken is given back,
 * until the last future is gone; and what happens when it has nothing to give,
 * or the system no threads.
 */
#include "account.h"

#include <sys/resource.h>

static struct tpar_pool_config
config_of(struct account *account, unsigned workers)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

	config.workers = workers;
	config.blocking_limit = 64;
	config.stack_size = (size_t)256 * 1024;
	config.allocator.alloc = account_alloc;
	config.allocator.free = account_free;
	config.allocator.context = account;
	return config;
}

static tpar_pool *
pool_of(struct account *account, unsigned workers)
{
	struct tpar_pool_config config = config_of(account, workers);
	tpar_pool *pool = NULL;

	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_OK);
	return pool;
}

static void
expect_balanced(struct account *account)
{
	ck_assert_int_eq(atomic_load(&account->blocks), 0);
	ck_assert_int_eq(atomic_load(&account->bytes), 0);
}

static int
do_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

static int
fail_in_words(void *arg, void *value)
{
	(void)value;
	return tpar_fail(5, "%s", (const char *)arg);
}

/* A little of everything that needs memory: submits, waits, messages. */
static int
do_a_lot(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[100];

	(void)arg;
	(void)value;
	task.fn = do_nothing;
	task.value_size = 1000;
	UNIT_MUST(tpar_submit_many(NULL, &task, NULL, 0, 100, f) == TPAR_OK);
	UNIT_MUST(tpar_gather(f, 100, NULL, NULL) == TPAR_OK);
	tpar_future_unref_all(f, 100);
	f[0] = unit_submit(NULL, fail_in_words, (char[]) { "so" }, 0);
	UNIT_MUST(tpar_future_wait(f[0], TPAR_FOREVER) == TPAR_EFAILED);
	tpar_future_unref(f[0]);
	task.value_size = 100000;
	task.value_align = TPAR_ALIGN_MAX;
	task.flags = TPAR_NO_INLINE;
	f[0] = unit_submit_task(NULL, &task);
	UNIT_MUST(tpar_future_wait(f[0], TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f[0]);
	return 0;
}

START_TEST(pool_gives_back_all_that_it_took)
{
	struct account account = ACCOUNT_INIT;
	tpar_pool *pool = pool_of(&account, 2);
	int i;

	ck_assert_int_gt(atomic_load(&account.bytes), 0);
	for (i = 0; i < 20; i++) {
		unit_run_in(pool, do_a_lot, NULL);
		ck_assert_int_eq(tpar_submit(pool, do_a_lot, NULL, 5, NULL),
				 TPAR_OK);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	expect_balanced(&account);
}
END_TEST

static void *
release(void *arg)
{
	tpar_future_unref(arg);
	return NULL;
}

START_TEST(allocator_serves_until_the_last_future_is_gone)
{
	struct account account = ACCOUNT_INIT;
	tpar_pool *pool = pool_of(&account, 1);
	tpar_future *f[4];
	long held;
	int i;

	f[0] = unit_submit(pool, unit_number_task, &f, sizeof(intptr_t));
	f[1] = unit_submit(pool, fail_in_words, (char[]) { "left" }, 0);
	f[2] = unit_submit(pool, do_nothing, NULL, 100000);
	f[3] = unit_submit(pool, do_nothing, NULL, 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	held = atomic_load(&account.bytes);
	ck_assert_int_gt(held, 100000);
	ck_assert_ptr_eq(*(void *const *)tpar_future_value(f[0]), &f);
	ck_assert_str_eq(tpar_future_message(f[1]), "left");
	for (i = 0; i < 4; i++) {
		ck_assert_int_gt(atomic_load(&account.bytes), 0);
		unit_join(unit_start(release, f[i]));
	}
	expect_balanced(&account);
}
END_TEST

START_TEST(create_without_memory_leaves_nothing_behind)
{
	struct account account = ACCOUNT_INIT;
	struct tpar_pool_config config = config_of(&account, 3);
	tpar_pool *const untouched = (tpar_pool *)&account;
	tpar_pool *pool = untouched;
	long i;

	for (i = 0;; i++) {
		enum tpar_err err;

		atomic_store(&account.asked, 0);
		atomic_store(&account.fail_at, i);
		err = tpar_pool_create(&pool, &config);
		if (err == TPAR_OK) {
			break;
		}
		ck_assert_int_eq(err, TPAR_ENOMEM);
		ck_assert_ptr_eq(pool, untouched);
		expect_balanced(&account);
	}
	/* An arena, a pool, their tables, two for each worker. */
	ck_assert_int_ge(i, 5);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	expect_balanced(&account);
}
END_TEST

static _Atomic int dropped;

static void
count_drop(void *arg)
{
	(void)arg;
	atomic_fetch_add(&dropped, 1);
}

/* All forms of a submit are refused; `pool` NULL: inside of a task. */
static void
submit_without_memory(tpar_pool *pool)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[3] = { NULL, NULL, NULL };
	struct tpar_failure why;
	int item = 0;

	task.fn = do_nothing;
	task.drop_arg = count_drop;
	task.drop_value = count_drop;
	UNIT_MUST(tpar_submit(pool, do_nothing, NULL, 0, f) == TPAR_ENOMEM);
	UNIT_MUST(tpar_submit(pool, do_nothing, NULL, 0, NULL) == TPAR_ENOMEM);
	UNIT_MUST(tpar_submit_task(pool, &task, f) == TPAR_ENOMEM);
	UNIT_MUST(tpar_submit_many(pool, &task, NULL, 0, 3, f) == TPAR_ENOMEM);
	UNIT_MUST(tpar_map(pool, do_nothing, &item, 0, NULL, 0, 1, &why) ==
		  TPAR_ENOMEM);
	UNIT_MUST(why.index == SIZE_MAX && why.code == TPAR_ENOMEM);
	UNIT_MUST(strcmp(why.message, "out of memory") == 0);
	task.value_size = 100000;
	UNIT_MUST(tpar_submit_task(pool, &task, NULL) == TPAR_ENOMEM);
	UNIT_MUST(f[0] == NULL && f[1] == NULL && f[2] == NULL);
}

static int
submit_without_memory_inside(void *arg, void *value)
{
	struct account *account = arg;

	(void)value;
	atomic_store(&account->fail_at, 0);
	submit_without_memory(NULL);
	atomic_store(&account->fail_at, LONG_MAX);
	return 0;
}

START_TEST(submit_without_memory_takes_nothing)
{
	struct account account = ACCOUNT_INIT;
	tpar_pool *pool = pool_of(&account, 1);

	atomic_store(&account.fail_at, 0);
	submit_without_memory(pool);
	atomic_store(&account.fail_at, LONG_MAX);
	unit_run_in(pool, submit_without_memory_inside, &account);
	ck_assert_int_eq(atomic_load(&dropped), 0);
	unit_run_in(pool, do_a_lot, NULL);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	expect_balanced(&account);
}
END_TEST

/* Of n tasks the last ones find no memory: then the first ones are undone. */
START_TEST(many_of_which_one_finds_no_memory_are_undone)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct account account = ACCOUNT_INIT;
	tpar_pool *pool = pool_of(&account, 1);
	tpar_future *f[8] = { NULL };
	long before = atomic_load(&account.blocks);
	enum tpar_err err;
	long i;

	task.fn = do_nothing;
	task.value_size = 100000;
	task.drop_arg = count_drop;
	task.drop_value = count_drop;
	for (i = 0; i < 8; i++) {
		atomic_store(&account.fail_at, atomic_load(&account.asked) + i);
		err = tpar_submit_many(pool, &task, NULL, 0, 8, f);
		ck_assert_int_eq(err, TPAR_ENOMEM);
		ck_assert_ptr_null(f[0]);
		ck_assert_int_eq(atomic_load(&account.blocks), before);
	}
	ck_assert_int_eq(atomic_load(&dropped), 0);
	atomic_store(&account.fail_at, LONG_MAX);
	err = tpar_submit_many(pool, &task, NULL, 0, 8, f);
	ck_assert_int_eq(err, TPAR_OK);
	ck_assert_int_eq(tpar_wait_all(f, 8, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(f, 8);
	ck_assert_int_eq(atomic_load(&dropped), 16);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	expect_balanced(&account);
}
END_TEST

START_TEST(map_needs_memory_for_a_few_tasks_only)
{
	enum { ITEMS = 100000 };
	struct account account = ACCOUNT_INIT;
	tpar_pool *pool = pool_of(&account, 2);
	long before = atomic_load(&account.bytes);

	ck_assert_int_eq(tpar_map(pool, do_nothing, NULL, 0, NULL, 0, ITEMS,
				  NULL),
			 TPAR_OK);
	/* Slabs are kept, so this is the most that it had; in bytes per item: */
	ck_assert_int_lt(atomic_load(&account.bytes) - before, 4 * ITEMS);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	expect_balanced(&account);
}
END_TEST

/* What it said first is not its message either: it was not the last. */
static int
fail_without_memory(void *arg, void *value)
{
	struct account *account = arg;
	int rc = tpar_fail(5, "with %s", "memory");

	(void)value;
	UNIT_MUST(rc == 5);
	atomic_store(&account->fail_at, 0);
	rc = tpar_fail(6, "without");
	atomic_store(&account->fail_at, LONG_MAX);
	return rc;
}

START_TEST(failure_without_memory_has_no_message)
{
	struct account account = ACCOUNT_INIT;
	tpar_pool *pool = pool_of(&account, 1);
	tpar_future *f = unit_submit(pool, fail_without_memory, &account, 0);
	struct tpar_failure why;

	ck_assert_int_eq(tpar_gather(&f, 1, NULL, &why), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(f), 6);
	ck_assert_str_eq(tpar_future_message(f), "");
	ck_assert_str_eq(why.message, "task 0 failed with code 6");
	tpar_future_unref(f);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	expect_balanced(&account);
}
END_TEST

static _Atomic int started;
static _Atomic int stopped;

static void
count_start(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	atomic_fetch_add(&started, 1);
}

static void
count_stop(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	atomic_fetch_add(&stopped, 1);
}

/* Lets this process map so many bytes more. */
static void
limit_address_space(size_t more)
{
	FILE *file = fopen("/proc/self/statm", "r");
	struct rlimit limit;
	unsigned long pages;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = (rlim_t)pages * 4096 + more;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

START_TEST(threads_that_were_started_are_gone_if_another_cannot_be)
{
	struct account account = ACCOUNT_INIT;
	struct tpar_pool_config config = config_of(&account, 8);
	tpar_pool *pool = NULL;

	config.stack_size = (size_t)1 << 30;
	config.on_worker_start = count_start;
	config.on_worker_stop = count_stop;
	limit_address_space((size_t)2 << 30);
	ck_assert_int_eq(tpar_pool_create(&pool, &config), TPAR_EAGAIN);
	ck_assert_ptr_null(pool);
	ck_assert_ptr_nonnull(strstr(tpar_error_detail(), " of 8 could not"));
	ck_assert_int_ge(atomic_load(&started), 1);
	ck_assert_int_lt(atomic_load(&started), 8);
	ck_assert_int_eq(atomic_load(&started), atomic_load(&stopped));
	expect_balanced(&account);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		pool_gives_back_all_that_it_took,
		allocator_serves_until_the_last_future_is_gone,
		create_without_memory_leaves_nothing_behind,
		submit_without_memory_takes_nothing,
		many_of_which_one_finds_no_memory_are_undone,
		map_needs_memory_for_a_few_tasks_only,
		failure_without_memory_has_no_message,
		threads_that_were_started_are_gone_if_another_cannot_be,
	};

	return unit_main("pool_memory", tests, sizeof tests / sizeof tests[0]);
}
