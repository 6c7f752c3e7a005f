/* SPDX-License-Identifier: MIT */
/*
 * test_on_cancel.c - handlers without memory, and without a thread to run them:
 * refused, or run by the one who cancels.
 */
#include "config.h"

#include "fault.h"

#include <taskpar/cancel.h>

enum { HANDLERS = 3 };

struct task {
	struct unit_gate begun;
	_Atomic int told;
	int registered;
};

static void
tell(void *arg)
{
	struct task *task = arg;

	atomic_fetch_add(&task->told, 1);
}

static int
register_some(void *arg, void *value)
{
	struct task *task = arg;
	tpar_handler h;
	int i;

	(void)value;
	for (i = 0; i < HANDLERS; i++) {
		enum tpar_err err = tpar_on_cancel(tell, task, &h);

		EXPECT(err == TPAR_OK || (err == TPAR_ENOMEM && fault_any()));
		task->registered += err == TPAR_OK;
	}
	unit_gate_open(&task->begun);
	UNIT_AWAIT(atomic_load(&task->told) == task->registered &&
		   tpar_cancelled());
	return tpar_checkpoint();
}

static void
cancel_one(void)
{
	struct task task = { .begun = UNIT_GATE_INIT };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, register_some, &task, 0);

	fault_begin();
	unit_gate_await(&task.begun, 1);
	EXPECT(tpar_future_cancel(f) == TPAR_OK);
	EXPECT(tpar_future_wait(f, TPAR_FOREVER) == TPAR_ECANCELED);
	fault_end();
	EXPECT(atomic_load(&task.told) == task.registered);
	tpar_future_unref(f);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(handler_is_registered_and_run_or_refused)
{
	ck_assert_int_ge(fault_sweep(cancel_one), 10);
}
END_TEST

static void
cancel_pool(void)
{
	struct task task = { .begun = UNIT_GATE_INIT };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, register_some, &task, 0);

	unit_gate_await(&task.begun, 1);
	fault_begin();
	EXPECT(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER) == TPAR_OK);
	fault_end();
	EXPECT(atomic_load(&task.told) == HANDLERS);
	tpar_future_unref(f);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(pool_that_is_cancelled_runs_them_itself)
{
	ck_assert_int_ge(fault_sweep(cancel_pool), 3);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { handler_is_registered_and_run_or_refused,
				 pool_that_is_cancelled_runs_them_itself };

	return fault_main("fault_on_cancel", tests,
			  sizeof tests / sizeof tests[0], 15);
}
