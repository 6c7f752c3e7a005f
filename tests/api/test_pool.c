/* SPDX-License-Identifier: MIT */
/*
 * test_pool.c - what a config says about a pool's threads holds: how many, how
 * called, where, with which signals, stacks and hooks.
 */
#define _GNU_SOURCE

#include "unit.h"

#include "threads.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#if UNIT_TSAN
#define STACK_DEFAULT ((size_t)4 << 20)
#else
#define STACK_DEFAULT ((size_t)8 << 20)
#endif

static const struct tpar_pool_config init = TPAR_POOL_CONFIG_INIT;

static int
do_nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

static tpar_pool *
create(const struct tpar_pool_config *config)
{
	tpar_pool *pool = NULL;

	ck_assert_int_eq(tpar_pool_create(&pool, config), TPAR_OK);
	ck_assert_ptr_nonnull(pool);
	return pool;
}

/* A config is refused, in words that name the field. */
static void
expect_refused(const struct tpar_pool_config *config, const char *word)
{
	tpar_pool *pool = (tpar_pool *)&pool;

	ck_assert_int_eq(tpar_pool_create(&pool, config), TPAR_EINVAL);
	ck_assert_ptr_eq(pool, (tpar_pool *)&pool);
	ck_assert_msg(strstr(tpar_error_detail(), word) != NULL,
		      "'%s' is not in '%s'", word, tpar_error_detail());
}

static void *
some_alloc(size_t size, size_t align, void *context)
{
	(void)size;
	(void)align;
	return context;
}

static void
some_free(void *memory, size_t size, void *context)
{
	(void)memory;
	(void)size;
	(void)context;
}

START_TEST(config_out_of_range_is_refused_by_name)
{
	struct tpar_pool_config config;

	ck_assert_int_eq(tpar_pool_create(NULL, NULL), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "pool is NULL");
	config = init;
	config.size = 0;
	expect_refused(&config, "config.size is 0");
	config.size = sizeof config + sizeof(void *);
	expect_refused(&config, "config.size");
	config = init;
	config.workers = 4097;
	expect_refused(&config, "config.workers is 4097");
	config = init;
	config.blocking_limit = 16385;
	expect_refused(&config, "config.blocking_limit is 16385");
	config = init;
	config.stack_size = (size_t)128 * 1024 - 1;
	expect_refused(&config, "config.stack_size is 131071");
	config.stack_size = SIZE_MAX;
	expect_refused(&config, "config.stack_size");
	config = init;
	config.allocator.alloc = some_alloc;
	expect_refused(&config, "config.allocator");
	config = init;
	config.allocator.free = some_free;
	expect_refused(&config, "config.allocator");
}
END_TEST

START_TEST(threads_are_called_after_their_pool)
{
	struct tpar_pool_config config = init;
	tpar_pool *pool;
	tpar_pool *other;

	config.workers = 3;
	config.name = "mine";
	pool = create(&config);
	config.workers = 2;
	config.name = NULL;
	other = create(&config);
	UNIT_AWAIT(unit_threads_called("mine/") == 3);
	ck_assert_int_eq(unit_threads_called("mine/0"), 1);
	ck_assert_int_eq(unit_threads_called("mine/1"), 1);
	ck_assert_int_eq(unit_threads_called("mine/2"), 1);
	UNIT_AWAIT(unit_threads_called("taskpar/") == 2);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	UNIT_AWAIT(unit_threads_called("mine/") == 0);
	ck_assert_int_eq(tpar_pool_destroy(other), TPAR_OK);
	UNIT_AWAIT(unit_threads_called("taskpar/") == 0);
}
END_TEST

START_TEST(long_name_is_cut_for_the_index)
{
	struct tpar_pool_config config = init;
	tpar_pool *pool;

	config.workers = 11;
	config.name = "abcdefghijklmnopqrstuvwxyz";
	pool = create(&config);
	UNIT_AWAIT(unit_threads_called("abcdefghijkl") == 11);
	ck_assert_int_eq(unit_threads_called("abcdefghijklm/0"), 1);
	ck_assert_int_eq(unit_threads_called("abcdefghijkl/10"), 1);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* What the hooks of one pool saw. */
enum { INDEXES = 16 };
struct hooks {
	_Atomic int started[INDEXES];
	_Atomic int stopped[INDEXES];
	_Atomic int live[INDEXES];
};

static _Thread_local struct hooks *hooked; /* between start and stop */
static _Thread_local unsigned hooked_index;

static void
on_start(unsigned index, void *arg)
{
	struct hooks *hooks = arg;

	UNIT_MUST(index < INDEXES);
	UNIT_MUST(hooked == NULL);
	UNIT_MUST(atomic_fetch_add(&hooks->live[index], 1) == 0);
	hooked = hooks;
	hooked_index = index;
	atomic_fetch_add(&hooks->started[index], 1);
}

static void
on_stop(unsigned index, void *arg)
{
	struct hooks *hooks = arg;

	UNIT_MUST(hooked == hooks);
	UNIT_MUST(hooked_index == index);
	hooked = NULL;
	UNIT_MUST(atomic_fetch_sub(&hooks->live[index], 1) == 1);
	atomic_fetch_add(&hooks->stopped[index], 1);
}

static int
be_between_hooks(void *arg, void *value)
{
	(void)value;
	return hooked == arg ? 0 : 1;
}

static tpar_pool *
create_hooked(struct hooks *hooks, unsigned workers, unsigned blocking_limit)
{
	struct tpar_pool_config config = init;

	config.workers = workers;
	config.blocking_limit = blocking_limit;
	config.stack_size = (size_t)256 * 1024;
	config.on_worker_start = on_start;
	config.on_worker_stop = on_stop;
	config.hook_arg = hooks;
	return create(&config);
}

START_TEST(hooks_run_first_and_last_on_each_thread)
{
	struct hooks hooks = { { 0 }, { 0 }, { 0 } };
	tpar_pool *pool = create_hooked(&hooks, 5, 1);
	int i;

	for (i = 0; i < 100; i++) {
		unit_run_in(pool, be_between_hooks, &hooks);
	}
	for (i = 0; i < 5; i++) {
		UNIT_AWAIT(atomic_load(&hooks.started[i]) == 1);
		ck_assert_int_eq(atomic_load(&hooks.stopped[i]), 0);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	for (i = 0; i < INDEXES; i++) {
		ck_assert_int_eq(atomic_load(&hooks.started[i]), i < 5);
		ck_assert_int_eq(atomic_load(&hooks.stopped[i]), i < 5);
	}
}
END_TEST

/* A chain of tasks each of which waits for the next one on another thread. */
struct chain {
	struct hooks *hooks;
	int left;
	enum tpar_err last; /* what the wait of the last one gave */
};

static int
wait_for_next(void *arg, void *value)
{
	struct chain *chain = arg;
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f;
	enum tpar_err err;

	(void)value;
	UNIT_MUST(hooked == chain->hooks);
	if (--chain->left == 0) {
		return 0;
	}
	task.fn = wait_for_next;
	task.arg = chain;
	task.flags = TPAR_NO_INLINE;
	f = unit_submit_task(NULL, &task);
	err = tpar_future_wait(f, TPAR_FOREVER);
	if (err != TPAR_OK && chain->last == TPAR_OK) {
		chain->last = err;
	}
	tpar_future_unref(f);
	return (int)err;
}

START_TEST(threads_added_for_waits_are_hooked_and_limited)
{
	struct hooks hooks = { { 0 }, { 0 }, { 0 } };
	struct chain chain = { &hooks, 5, TPAR_OK };
	tpar_pool *pool = create_hooked(&hooks, 2, 3);
	tpar_future *f;
	int i;

	/* Five tasks at once, on five threads. */
	f = unit_submit(pool, wait_for_next, &chain, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(f);
	ck_assert_int_eq(chain.left, 0);
	/* There is no sixth one. */
	chain.left = 6;
	f = unit_submit(pool, wait_for_next, &chain, 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_EFAILED);
	tpar_future_unref(f);
	ck_assert_int_eq(chain.left, 1);
	ck_assert_int_eq(chain.last, TPAR_EAGAIN);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	for (i = 0; i < INDEXES; i++) {
		ck_assert_int_eq(atomic_load(&hooks.started[i]), i < 5);
		ck_assert_int_eq(atomic_load(&hooks.stopped[i]), i < 5);
	}
}
END_TEST

static bool
is_synchronous(int signal)
{
	return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE ||
	       signal == SIGILL || signal == SIGTRAP;
}

/* Of those that the kernel and the C library leave to be blocked. */
static bool
can_be_blocked(int signal)
{
	return signal != SIGKILL && signal != SIGSTOP &&
	       (signal < 32 || signal >= SIGRTMIN);
}

static int
read_signals(void *arg, void *value)
{
	(void)value;
	return pthread_sigmask(SIG_SETMASK, NULL, arg);
}

/* The task of a substitute: its caller waits for it on another thread. */
static int
read_signals_elsewhere(void *arg, void *value)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f;
	int rc;

	(void)value;
	task.fn = read_signals;
	task.arg = arg;
	task.flags = TPAR_NO_INLINE;
	f = unit_submit_task(NULL, &task);
	rc = (int)tpar_future_wait(f, TPAR_FOREVER);
	tpar_future_unref(f);
	return rc;
}

START_TEST(workers_block_all_signals_but_synchronous_ones)
{
	tpar_pool *pool;
	sigset_t before;
	sigset_t after;
	sigset_t worker;
	sigset_t added;
	int i;

	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	pool = unit_pool(1, 1);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	unit_run_in(pool, read_signals, &worker);
	unit_run_in(pool, read_signals_elsewhere, &added);
	for (i = 1; i <= SIGRTMAX; i++) {
		ck_assert_int_eq(sigismember(&after, i),
				 sigismember(&before, i));
		if (!can_be_blocked(i)) {
			continue;
		}
		ck_assert_msg(sigismember(&worker, i) == !is_synchronous(i),
			      "signal %d in a worker", i);
		ck_assert_msg(sigismember(&added, i) == !is_synchronous(i),
			      "signal %d in an added thread", i);
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

static int
read_stack_size(void *arg, void *value)
{
	pthread_attr_t attr;
	void *low;
	int rc;

	(void)value;
	UNIT_MUST(pthread_getattr_np(pthread_self(), &attr) == 0);
	rc = pthread_attr_getstack(&attr, &low, arg);
	UNIT_MUST(pthread_attr_destroy(&attr) == 0);
	return rc;
}

START_TEST(stack_is_as_large_as_asked)
{
	static const size_t asked[] = { (size_t)128 * 1024, (size_t)1 << 20,
					(size_t)3 << 20 };
	struct tpar_pool_config config = init;
	size_t size = 0;
	tpar_pool *pool;
	size_t i;

	config.workers = 1;
	for (i = 0; i < sizeof asked / sizeof asked[0]; i++) {
		config.stack_size = asked[i];
		pool = create(&config);
		unit_run_in(pool, read_stack_size, &size);
		ck_assert_uint_ge(size, asked[i]);
		ck_assert_uint_le(size, asked[i] + (1 << 20));
		ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	}
	/* Whatever the C library's own default is. */
	config.stack_size = 0;
	pool = create(&config);
	unit_run_in(pool, read_stack_size, &size);
	ck_assert_uint_ge(size, STACK_DEFAULT);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

/* Where the threads of a pool may run, as seen by its hooks. */
struct places {
	cpu_set_t cpus[INDEXES];
	struct unit_gate seen;
};

static void
look_where(unsigned index, void *arg)
{
	struct places *places = arg;

	UNIT_MUST(pthread_getaffinity_np(pthread_self(),
					 sizeof places->cpus[index],
					 &places->cpus[index]) == 0);
	unit_gate_open(&places->seen);
}

static int
nth_cpu(const cpu_set_t *cpus, int n)
{
	int cpu;

	n %= CPU_COUNT(cpus);
	for (cpu = 0; !CPU_ISSET(cpu, cpus) || n-- > 0; cpu++) {
	}
	return cpu;
}

START_TEST(pinned_worker_has_one_cpu_of_its_own)
{
	struct places places = { .seen = UNIT_GATE_INIT };
	struct tpar_pool_config config = init;
	cpu_set_t all;
	tpar_pool *pool;
	int i;

	ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
	config.workers = 3;
	config.pin = true;
	config.on_worker_start = look_where;
	config.hook_arg = &places;
	pool = create(&config);
	unit_gate_await(&places.seen, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(CPU_COUNT(&places.cpus[i]), 1);
		ck_assert(CPU_ISSET(nth_cpu(&all, i), &places.cpus[i]));
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
	config.pin = false;
	pool = create(&config);
	unit_gate_await(&places.seen, 6);
	for (i = 0; i < 3; i++) {
		ck_assert(CPU_EQUAL(&places.cpus[i], &all));
	}
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(workers_run_tasks_at_the_same_time)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(4, 1);
	tpar_future *f[5];
	int i;

	ck_assert_uint_eq(tpar_pool_workers(pool), 4);
	for (i = 0; i < 4; i++) {
		f[i] = unit_submit(pool, unit_hold_task, &hold, 0);
	}
	unit_gate_await(&hold.begun, 4);
	/* And no more of them. */
	f[4] = unit_submit(pool, do_nothing, NULL, 0);
	ck_assert_int_eq(tpar_future_wait(f[4], tpar_in(2 * TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	unit_gate_open(&hold.go);
	ck_assert_int_eq(tpar_wait_all(f, 5, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref_all(f, 5);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		config_out_of_range_is_refused_by_name,
		threads_are_called_after_their_pool,
		long_name_is_cut_for_the_index,
		hooks_run_first_and_last_on_each_thread,
		threads_added_for_waits_are_hooked_and_limited,
		workers_block_all_signals_but_synchronous_ones,
		stack_is_as_large_as_asked,
		pinned_worker_has_one_cpu_of_its_own,
		workers_run_tasks_at_the_same_time,
	};

	return unit_main("pool", tests, sizeof tests / sizeof tests[0]);
}
