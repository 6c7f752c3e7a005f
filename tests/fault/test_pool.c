/* SPDX-License-Identifier: MIT */
/*
 * test_pool.c - pools that cannot be made, or not at once; shutting down and
 * destroying without memory.
 */
#include "config.h"

#include "fault.h"

#include <taskpar/cancel.h>

static bool
is_shortage(enum tpar_err err)
{
	return err == TPAR_ENOMEM || err == TPAR_EAGAIN;
}

static void
create(tpar_pool **pool, const struct tpar_pool_config *config)
{
	tpar_pool *untouched = (tpar_pool *)&fault_hit;
	enum tpar_err err;

	*pool = untouched;
	fault_begin();
	err = tpar_pool_create(pool, config);
	if (err != TPAR_OK) {
		EXPECT(is_shortage(err));
		EXPECT(fault_any());
		EXPECT(*pool == untouched);
		/* As good as if nothing had been tried. */
		fault_end();
		EXPECT(tpar_pool_create(pool, config) == TPAR_OK);
		fault_begin();
	}
}

static void
create_three(void)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool;

	config.workers = 3;
	config.stack_size = (size_t)256 * 1024;
	config.pin = true;
	create(&pool, &config);
	EXPECT(tpar_pool_workers(pool) == 3);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(pool_is_made_or_nothing_is)
{
	ck_assert_int_ge(fault_sweep(create_three), 50);
}
END_TEST

/* Its size is what the system says, which may be silent. */
static void
create_default(void)
{
	tpar_pool *pool;

	create(&pool, NULL);
	EXPECT(tpar_pool_workers(pool) >= 1);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(size_is_guessed_if_the_system_does_not_tell)
{
	ck_assert_int_ge(fault_sweep(create_default), 25);
}
END_TEST

static void
use_default(void)
{
	tpar_future *f = NULL;
	enum tpar_err err;
	intptr_t value = 0;
	unsigned workers;

	fault_begin();
	workers = tpar_pool_workers(NULL);
	EXPECT(workers == 2 || (workers == 0 && fault_any()));
	err = tpar_submit(NULL, unit_number_task, (void *)7, sizeof value, &f);
	if (err != TPAR_OK) {
		EXPECT(is_shortage(err));
		EXPECT(fault_any());
		EXPECT(f == NULL);
		fault_end();
		EXPECT(tpar_submit(NULL, unit_number_task, (void *)7,
				   sizeof value, &f) == TPAR_OK);
		fault_begin();
	}
	EXPECT(tpar_gather(&f, 1, &value, NULL) == TPAR_OK);
	EXPECT(value == 7);
	tpar_future_unref(f);
	EXPECT(tpar_pool_destroy(NULL) == TPAR_OK);
}

START_TEST(default_pool_is_tried_again)
{
	setenv("TASKPAR_WORKERS", "2", 1);
	ck_assert_int_ge(fault_sweep(use_default), 50);
}
END_TEST

/* An allocator of the caller's that fails, too. */
struct meter {
	_Atomic long blocks;
	_Atomic long bytes;
};

static void *
metered_alloc(size_t size, size_t align, void *context)
{
	struct meter *meter = context;
	void *memory;

	if (fault_now(FAULT_MEMORY)) {
		return NULL;
	}
	memory =
		__real_aligned_alloc(align, (size + align - 1) / align * align);
	UNIT_MUST(memory != NULL);
	atomic_fetch_add(&meter->blocks, 1);
	atomic_fetch_add(&meter->bytes, (long)size);
	return memory;
}

static void
metered_free(void *memory, size_t size, void *context)
{
	struct meter *meter = context;

	atomic_fetch_sub(&meter->blocks, 1);
	atomic_fetch_sub(&meter->bytes, (long)size);
	__real_free(memory);
}

static int
complain(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return tpar_fail(3, "something is wrong");
}

static void
use_own_allocator(void)
{
	static const size_t sizes[] = { 8, 5000, 300 };
	static const tpar_task_fn fns[] = { unit_number_task, unit_number_task,
					    complain };
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct meter meter = { 0, 0 };
	tpar_future *f[3] = { NULL, NULL, NULL };
	tpar_pool *pool;
	enum tpar_err err;
	int i;

	config.workers = 2;
	config.allocator.alloc = metered_alloc;
	config.allocator.free = metered_free;
	config.allocator.context = &meter;
	create(&pool, &config);
	for (i = 0; i < 3; i++) {
		err = tpar_submit(pool, fns[i], NULL, sizes[i], &f[i]);
		EXPECT(err == TPAR_OK || (err == TPAR_ENOMEM && fault_any()));
		EXPECT((err == TPAR_OK) == (f[i] != NULL));
	}
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
	/* They live on. */
	EXPECT(f[1] == NULL || tpar_future_value(f[1]) != NULL);
	EXPECT(f[2] == NULL || tpar_future_code(f[2]) == 3);
	tpar_future_unref_all(f, 3);
	EXPECT(atomic_load(&meter.blocks) == 0);
	EXPECT(atomic_load(&meter.bytes) == 0);
}

START_TEST(own_allocator_may_fail)
{
	ck_assert_int_ge(fault_sweep(use_own_allocator), 50);
}
END_TEST

static void
shut_down_busy(void)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *held = unit_submit(pool, unit_hold_task, &hold, 0);
	tpar_future *behind = unit_submit(pool, unit_hold_task, &hold, 0);
	tpar_future *late = NULL;

	unit_gate_await(&hold.begun, 1);
	fault_begin();
	EXPECT(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_NOW) ==
	       TPAR_ETIMEDOUT);
	EXPECT(tpar_submit(pool, unit_hold_task, &hold, 0, &late) ==
	       TPAR_ECLOSED);
	EXPECT(late == NULL);
	EXPECT(tpar_pool_shutdown(pool, TPAR_CANCEL,
				  tpar_in(2 * TPAR_MILLISECOND)) ==
	       TPAR_ETIMEDOUT);
	unit_gate_open(&hold.go);
	EXPECT(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER) == TPAR_OK);
	EXPECT(tpar_future_state(held) == TPAR_DONE);
	EXPECT(tpar_future_state(behind) == TPAR_CANCELLED);
	tpar_future_unref(held);
	tpar_future_unref(behind);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(shutdown_needs_no_memory)
{
	ck_assert_int_ge(fault_sweep(shut_down_busy), 5);
}
END_TEST

/* A task of one pool shuts down another one, and is asked to stop meanwhile. */
struct closing {
	tpar_pool *busy;
	struct unit_gate begun;
};

static int
close_busy(void *arg, void *value)
{
	struct closing *closing = arg;

	(void)value;
	EXPECT(tpar_pool_shutdown(closing->busy, TPAR_DRAIN,
				  tpar_in(TPAR_MILLISECOND)) == TPAR_ETIMEDOUT);
	unit_gate_open(&closing->begun);
	return (int)tpar_pool_shutdown(closing->busy, TPAR_DRAIN, TPAR_FOREVER);
}

static void
stop_shutting_down(void)
{
	struct closing closing = { unit_pool(1, 1), UNIT_GATE_INIT };
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f;

	EXPECT(tpar_submit(closing.busy, unit_hold_task, &hold, 0, NULL) ==
	       TPAR_OK);
	unit_gate_await(&hold.begun, 1);
	f = unit_submit(pool, close_busy, &closing, 0);
	fault_begin();
	unit_gate_await(&closing.begun, 1);
	EXPECT(tpar_future_cancel(f) == TPAR_OK);
	EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_ECANCELED);
	tpar_future_unref(f);
	unit_gate_open(&hold.go);
	EXPECT(tpar_pool_destroy(closing.busy) == TPAR_OK);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(task_that_shuts_a_pool_down_can_be_stopped)
{
	ck_assert_int_ge(fault_sweep(stop_shutting_down), 5);
}
END_TEST

static int
destroy_own(void *arg, void *value)
{
	tpar_pool *pool = *(tpar_pool **)arg;

	(void)value;
	EXPECT(tpar_pool_destroy(pool) == TPAR_EDEADLK);
	EXPECT(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER) ==
	       TPAR_EDEADLK);
	return 0;
}

/* Destroying drains, whatever fails; a task of the pool cannot do it. */
static void
destroy_full(void)
{
	tpar_pool *pool = unit_pool(2, 1);
	tpar_future *f[20];
	int i;

	for (i = 0; i < 20; i++) {
		f[i] = unit_submit(pool, destroy_own, &pool, 0);
	}
	fault_begin();
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
	for (i = 0; i < 20; i++) {
		EXPECT(tpar_future_state(f[i]) == TPAR_DONE);
	}
	tpar_future_unref_all(f, 20);
}

START_TEST(destroy_drains_without_memory)
{
	ck_assert_int_ge(fault_sweep(destroy_full), 2);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { pool_is_made_or_nothing_is,
				 size_is_guessed_if_the_system_does_not_tell,
				 default_pool_is_tried_again,
				 own_allocator_may_fail,
				 shutdown_needs_no_memory,
				 task_that_shuts_a_pool_down_can_be_stopped,
				 destroy_drains_without_memory };

	return fault_main("fault_pool", tests, sizeof tests / sizeof tests[0],
			  500);
}
