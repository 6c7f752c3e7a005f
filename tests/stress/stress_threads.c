/* SPDX-License-Identifier: MIT */
/*
 * stress_threads.c - tasks of which many block: few threads may be added, so
 * that they are used up again and again, and waits with deadlines come and go.
 * A wait that finds no thread says so; nothing is lost and nothing hangs.
 */
#include "stress.h"

enum { THREADS = 2, STEPS = 12, KIDS = 4, DEPTH = 4, POOLS = 2 };

static tpar_pool *pools[POOLS];
static _Atomic long begun;
static _Atomic long dropped;
static _Atomic long accepted;

/* What a task is to do, handed over and dropped. */
struct errand {
	struct stress_random random;
	unsigned depth;
};

static void
drop_errand(void *arg)
{
	atomic_fetch_add(&dropped, 1);
	free(arg);
}

static int run_errand(void *arg, void *value);

static tpar_future *
submit_errand(struct stress_random *random, unsigned depth)
{
	struct errand *errand = malloc(sizeof *errand);
	struct tpar_task task = TPAR_TASK_INIT;

	UNIT_MUST(errand != NULL);
	errand->random.state = stress_next(random);
	errand->depth = depth;
	task.fn = run_errand;
	task.arg = errand;
	task.drop_arg = drop_errand;
	task.flags = stress_chance(random, 50) ? TPAR_NO_INLINE : 0;
	atomic_fetch_add(&accepted, 1);
	return unit_submit_task(pools[stress_below(random, POOLS)], &task);
}

/* Waits for all in some way; in the end all have ended. */
static void
wait_for(struct stress_random *random, tpar_future **f, size_t n)
{
	enum tpar_err err;
	size_t i;

	switch (stress_below(random, 4)) {
	case 0:
		err = tpar_gather_until(f, n, NULL, stress_deadline(random),
					NULL);
		UNIT_MUST(err != TPAR_EDEADLK && err != TPAR_EINVAL);
		break;
	case 1:
		err = tpar_wait_all(f, n, stress_deadline(random));
		UNIT_MUST(err == TPAR_OK || err == TPAR_ETIMEDOUT ||
			  err == TPAR_EAGAIN || err == TPAR_ESTOPPED);
		break;
	case 2:
		for (i = 0; i < n; i++) {
			(void)tpar_future_wait(f[i], stress_deadline(random));
		}
		break;
	default:
		break;
	}
	/* A stopped task cannot wait plainly, but gather it can. */
	err = tpar_gather_settled(f, n, NULL, NULL);
	UNIT_MUST(err == TPAR_OK || err == TPAR_EAGAIN || err == TPAR_ESTOPPED);
	for (i = 0; i < n; i++) {
		UNIT_MUST(tpar_future_state(f[i]) >= TPAR_DONE);
	}
}

static int
run_errand(void *arg, void *value)
{
	struct errand *errand = arg;
	struct stress_random *random = &errand->random;
	unsigned n = errand->depth > 0 ? 1 + stress_below(random, KIDS) : 0;
	tpar_future *f[KIDS];
	unsigned i;

	(void)value;
	atomic_fetch_add(&begun, 1);
	for (i = 0; i < n; i++) {
		f[i] = submit_errand(random, errand->depth - 1);
	}
	stress_dawdle(random, 20);
	if (n > 0) {
		wait_for(random, f, n);
		tpar_future_unref_all(f, n);
	}
	return stress_chance(random, 10) ? tpar_fail(1, "by chance") : 0;
}

static void *
be_outside(void *arg)
{
	struct stress_random random = { *(const uint64_t *)arg };
	tpar_future *f[KIDS];
	int step;
	int i;

	for (step = 0; step < STEPS; step++) {
		for (i = 0; i < KIDS; i++) {
			f[i] = submit_errand(&random,
					     stress_below(&random, DEPTH));
		}
		if (stress_chance(&random, 20)) {
			(void)tpar_future_cancel(f[0]);
		}
		wait_for(&random, f, KIDS);
		tpar_future_unref_all(f, KIDS);
	}
	return NULL;
}

static void
run_short_of_threads(struct stress_random *random)
{
	pthread_t thread[THREADS];
	uint64_t seed[THREADS];
	int i;

	atomic_store(&begun, 0);
	atomic_store(&dropped, 0);
	atomic_store(&accepted, 0);
	for (i = 0; i < POOLS; i++) {
		pools[i] = unit_pool(1 + stress_below(random, 3),
				     1 + stress_below(random, 2));
	}
	for (i = 0; i < THREADS; i++) {
		seed[i] = stress_next(random);
		thread[i] = unit_start(be_outside, &seed[i]);
	}
	for (i = 0; i < THREADS; i++) {
		unit_join(thread[i]);
	}
	for (i = 0; i < POOLS; i++) {
		UNIT_MUST(tpar_pool_destroy(pools[i]) == TPAR_OK);
	}
	UNIT_MUST(atomic_load(&dropped) == atomic_load(&accepted));
	UNIT_MUST(atomic_load(&begun) <= atomic_load(&accepted));
}

START_TEST(tasks_end_although_threads_are_used_up)
{
	ck_assert_int_gt(
		stress_run("short of threads", run_short_of_threads, 25), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { tasks_end_although_threads_are_used_up };

	return stress_main("stress_threads", tests,
			   sizeof tests / sizeof tests[0]);
}
