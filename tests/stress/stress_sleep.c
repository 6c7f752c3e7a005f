/* SPDX-License-Identifier: MIT */
/*
 * stress_sleep.c - few tasks with pauses between them, so that workers fall
 * asleep all the time and are woken all the time.  A wake-up that is lost shows
 * as a round that hangs.
 */
#include "stress.h"

enum { THREADS = 3, STEPS = 60, KIDS = 3 };

static tpar_pool *pool;

/* Not even a hint is left to whoever is about to look. */
static void
pause_for_a_while(struct stress_random *random)
{
	/* Around what a worker searches before it sleeps (src/pool.c). */
	int64_t until = tpar_in(stress_below(random, 60000));

	while (tpar_in(0) < until) {
		if (stress_chance(random, 10)) {
			sched_yield();
		}
	}
}

static int
be_nothing(void *arg, void *value)
{
	*(intptr_t *)value = (intptr_t)arg;
	return 0;
}

/* Its workers' own submits are the ones that a fence orders, or none does. */
static int
submit_and_wait(void *arg, void *value)
{
	struct stress_random random = { (uintptr_t)arg };
	unsigned flags = stress_chance(&random, 50) ? TPAR_NO_INLINE : 0;
	struct tpar_task task = TPAR_TASK_INIT;
	intptr_t values[KIDS];
	tpar_future *f[KIDS];
	intptr_t i;

	task.fn = be_nothing;
	task.value_size = sizeof values[0];
	task.flags = flags;
	for (i = 0; i < KIDS; i++) {
		task.arg = (void *)i;
		f[i] = unit_submit_task(NULL, &task);
		if (stress_chance(&random, 50)) {
			pause_for_a_while(&random);
		}
	}
	UNIT_MUST(tpar_gather(f, KIDS, values, NULL) == TPAR_OK);
	for (i = 0; i < KIDS; i++) {
		UNIT_MUST(values[i] == i);
	}
	tpar_future_unref_all(f, KIDS);
	*(intptr_t *)value = (intptr_t)arg;
	return 0;
}

static void *
be_outside(void *arg)
{
	struct stress_random random = { *(const uint64_t *)arg };
	int step;

	for (step = 0; step < STEPS; step++) {
		bool inside = stress_chance(&random, 50);
		void *number = (void *)(uintptr_t)stress_below(&random, 1000);
		tpar_future *f =
			unit_submit(pool, inside ? submit_and_wait : be_nothing,
				    number, sizeof(intptr_t));

		if (stress_chance(&random, 30)) {
			pause_for_a_while(&random);
		}
		UNIT_MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
		UNIT_MUST(*(void *const *)tpar_future_value(f) == number);
		tpar_future_unref(f);
		if (stress_chance(&random, 70)) {
			pause_for_a_while(&random);
		}
	}
	return NULL;
}

static void
run_drowsy(struct stress_random *random)
{
	static const unsigned widths[] = { 1, 2, 3, 9 };
	unsigned threads = 1 + stress_below(random, THREADS);
	pthread_t thread[THREADS];
	uint64_t seed[THREADS];
	unsigned i;

	/* Never short of threads, so that every gather succeeds. */
	pool = unit_pool(widths[stress_below(random, 4)], 4 * THREADS);
	for (i = 0; i < threads; i++) {
		seed[i] = stress_next(random);
		thread[i] = unit_start(be_outside, &seed[i]);
	}
	for (i = 0; i < threads; i++) {
		unit_join(thread[i]);
	}
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(every_task_is_seen_by_somebody_awake)
{
	ck_assert_int_gt(stress_run("drowsy", run_drowsy, 60), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { every_task_is_seen_by_somebody_awake };

	return stress_main("stress_sleep", tests,
			   sizeof tests / sizeof tests[0]);
}
