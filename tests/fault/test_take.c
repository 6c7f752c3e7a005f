/* SPDX-License-Identifier: MIT */
/*
 * test_take.c - what asks for nothing and so cannot fail for want of it:
 * cancelling, reading, taking, releasing, and gathering what has ended.
 */
#include "config.h"

#include "fault.h"

#include <taskpar/cancel.h>

enum { N = 40, CODE = 7 };

static int dropped;

static void
drop(void *object)
{
	(void)object;
	dropped++;
}

static int
give_number(void *arg, void *value)
{
	*(intptr_t *)value = (intptr_t)arg;
	return (intptr_t)arg == N ? tpar_fail(CODE, "too much") : 0;
}

static struct tpar_task
owning_task(intptr_t number)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = give_number;
	task.arg = (void *)number;
	task.value_size = sizeof number;
	task.drop_value = drop;
	return task;
}

#define WORKERS 2

/* On one worker each: they wait for each other. */
static int
meet(void *arg, void *value)
{
	atomic_int *missing = arg;

	(void)value;
	atomic_fetch_sub(missing, 1);
	UNIT_AWAIT(atomic_load(missing) == 0);
	return 0;
}

/* Threads that have yet to begin ask for something. */
static void
have_all_begun(tpar_pool *pool)
{
	struct tpar_task task = TPAR_TASK_INIT;
	atomic_int missing = WORKERS;
	tpar_future *f[WORKERS];
	int i;

	task.fn = meet;
	task.arg = &missing;
	task.flags = TPAR_NO_INLINE;
	for (i = 0; i < WORKERS; i++) {
		f[i] = unit_submit_task(pool, &task);
	}
	EXPECT(tpar_gather(f, WORKERS, NULL, NULL) == TPAR_OK);
	tpar_future_unref_all(f, WORKERS);
}

static void
submit_all(tpar_pool *pool, tpar_future **f, intptr_t n)
{
	intptr_t i;

	have_all_begun(pool);
	for (i = 0; i < n; i++) {
		struct tpar_task task = owning_task(i);

		f[i] = unit_submit_task(pool, &task);
	}
	EXPECT(tpar_wait_all(f, (size_t)n, TPAR_FOREVER) == TPAR_OK);
}

/* From here on nothing may even be asked for. */
static void
begin_asking_for_nothing(void)
{
	dropped = 0;
	fault_begin();
}

static void
end_asking_for_nothing(void)
{
	fault_end();
	EXPECT(atomic_load(&fault_seen) == 0);
}

static void
take_values(void)
{
	tpar_pool *pool = unit_pool(WORKERS, 1);
	intptr_t values[N];
	tpar_future *f[N];
	intptr_t i;

	submit_all(pool, f, N);
	begin_asking_for_nothing();
	for (i = 0; i < N / 2; i++) {
		EXPECT(*(const intptr_t *)tpar_future_value(f[i]) == i);
		EXPECT(tpar_future_take(f[i], &values[i]) == TPAR_OK);
		EXPECT(values[i] == i);
		EXPECT(tpar_future_value(f[i]) == NULL);
		EXPECT(tpar_future_take(f[i], &values[i]) == TPAR_EALREADY);
	}
	EXPECT(tpar_gather(f, N, values, NULL) == TPAR_EALREADY);
	EXPECT(tpar_gather_settled(&f[i], N / 4, &values[i], NULL) == TPAR_OK);
	EXPECT(values[N / 2 + 1] == N / 2 + 1);
	tpar_future_unref(tpar_future_ref(f[N - 1]));
	EXPECT(dropped == 0);
	tpar_future_unref_all(f, N);
	EXPECT(dropped == N / 4);
	end_asking_for_nothing();
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(taking_asks_for_nothing)
{
	ck_assert_int_eq(fault_sweep(take_values), 0);
}
END_TEST

static void
read_failure(void)
{
	struct tpar_task task = owning_task(N);
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit_task(pool, &task);
	struct tpar_outcome outcome;
	struct tpar_failure why;

	EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_EFAILED);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
	begin_asking_for_nothing();
	EXPECT(tpar_future_state(f) == TPAR_FAILED);
	EXPECT(tpar_future_code(f) == CODE);
	EXPECT(strcmp(tpar_future_message(f), "too much") == 0);
	EXPECT(tpar_gather_settled(&f, 1, NULL, &outcome) == TPAR_OK);
	EXPECT(strcmp(outcome.message, "too much") == 0);
	EXPECT(tpar_future_cancel(f) == TPAR_EALREADY);
	EXPECT(tpar_future_take(f, &task) == TPAR_EFAILED);
	fault_end();
	EXPECT(tpar_gather(&f, 1, NULL, &why) == TPAR_EFAILED);
	EXPECT(strcmp(why.message, "too much") == 0);
	begin_asking_for_nothing();
	tpar_future_unref(f);
	end_asking_for_nothing();
	EXPECT(dropped == 0);
}

START_TEST(reading_a_failure_asks_for_nothing)
{
	ck_assert_int_eq(fault_sweep(read_failure), 0);
}
END_TEST

static void
cancel_pending(void)
{
	struct unit_hold hold = UNIT_HOLD_INIT;
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *held = unit_submit(pool, unit_hold_task, &hold, 0);
	struct tpar_task task = owning_task(1);
	tpar_future *f[N];
	int i;

	unit_gate_await(&hold.begun, 1);
	task.drop_arg = drop;
	for (i = 0; i < N; i++) {
		f[i] = unit_submit_task(pool, &task);
	}
	begin_asking_for_nothing();
	for (i = 0; i < N; i++) {
		EXPECT(tpar_future_cancel(f[i]) == TPAR_OK);
		EXPECT(tpar_future_state(f[i]) == TPAR_CANCELLED);
		EXPECT(tpar_future_cancel(f[i]) == TPAR_EALREADY);
	}
	EXPECT(dropped == N);
	EXPECT(tpar_future_cancel(held) == TPAR_OK);
	EXPECT(tpar_future_state(held) == TPAR_RUNNING);
	tpar_future_unref_all(f, N);
	end_asking_for_nothing();
	unit_gate_open(&hold.go);
	EXPECT(tpar_future_wait(held, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(held);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(cancelling_asks_for_nothing)
{
	ck_assert_int_eq(fault_sweep(cancel_pending), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { taking_asks_for_nothing,
				 reading_a_failure_asks_for_nothing,
				 cancelling_asks_for_nothing };

	return fault_main("fault_take", tests, sizeof tests / sizeof tests[0],
			  0);
}
