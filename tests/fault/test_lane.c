/* SPDX-License-Identifier: MIT */
/*
 * test_lane.c - jobs when threads cannot be started: refused, or run by those
 * that are there.
 */
#include "config.h"

#include "fault.h"
#include "threads.h"

#include "src/lane.h"
#include "src/service.h"

enum { MANY = 4 };

static _Atomic int calls;

/* Nobody joins a thread that ends by itself; what it waited with is given back. */
static void
release(void)
{
	tpi_service_release();
	UNIT_AWAIT(unit_threads_called("taskpar-lane") == 0);
}

static void
count(struct tpi_lane_job *job)
{
	(void)job;
	atomic_fetch_add(&calls, 1);
}

static void
run_many(void)
{
	struct tpi_lane_job job[MANY];
	int refused = 0;
	int i;

	tpi_service_hold();
	atomic_store(&calls, 0);
	fault_begin();
	for (i = 0; i < MANY; i++) {
		struct tpi_lane_job empty = { .fn = count };

		job[i] = empty;
		if (!tpi_lane_run(&job[i])) {
			EXPECT(fault_any());
			EXPECT(!tpi_lane_withdraw(&job[i]));
			refused++;
		}
	}
	UNIT_AWAIT(atomic_load(&calls) == MANY - refused);
	fault_end();
	release();
}

START_TEST(job_is_run_or_refused)
{
	ck_assert_int_ge(fault_sweep(run_many), 10);
}
END_TEST

struct block {
	struct tpi_lane_job job;
	struct unit_hold hold;
};

static void
block(struct tpi_lane_job *job)
{
	(void)unit_hold_task(&((struct block *)(void *)job)->hold, NULL);
}

/* One thread is there, and busy: it comes to the others afterwards. */
static void
run_behind(void)
{
	struct block first = { .job = { .fn = block }, .hold = UNIT_HOLD_INIT };
	struct tpi_lane_job job[MANY];
	int i;

	tpi_service_hold();
	atomic_store(&calls, 0);
	EXPECT(tpi_lane_run(&first.job));
	unit_gate_await(&first.hold.begun, 1);
	fault_begin();
	for (i = 0; i < MANY; i++) {
		struct tpi_lane_job empty = { .fn = count };

		job[i] = empty;
		EXPECT(tpi_lane_run(&job[i]));
	}
	unit_gate_open(&first.hold.go);
	UNIT_AWAIT(atomic_load(&calls) == MANY);
	fault_end();
	release();
}

START_TEST(job_waits_for_a_busy_thread)
{
	ck_assert_int_ge(fault_sweep(run_behind), 10);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { job_is_run_or_refused,
				 job_waits_for_a_busy_thread };

	return fault_main("fault_lane", tests, sizeof tests / sizeof tests[0],
			  20);
}
