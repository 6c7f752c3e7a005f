/* SPDX-License-Identifier: MIT */
/*
 * test_fork_storm.c - forks at any moment: while other threads submit, gather,
 * give waits up, cancel, and make and destroy pools.
 */
#include "child.h"
#include "scene.h"

#define MANY 16

/* What the threads share; the child has one of them, who forks. */
struct storm {
	tpar_pool *pool;
	_Atomic bool over;
	struct unit_hold hold;
	tpar_future *held;    /* runs until the end */
	tpar_future *kept[8]; /* a few of those that were submitted */
};

static int
nothing(void *arg, void *value)
{
	(void)arg;
	(void)value;
	return 0;
}

static void
gather_some(tpar_pool *pool, int64_t deadline_ns)
{
	struct tpar_task task = scene_droppable(nothing, NULL, 8);
	tpar_future *f[MANY];

	UNIT_MUST(tpar_submit_many(pool, &task, NULL, 0, MANY, f) == TPAR_OK);
	(void)tpar_gather_until(f, MANY, NULL, deadline_ns, NULL);
	tpar_future_unref_all(f, MANY);
}

static int
nest(void *arg, void *value)
{
	(void)value;
	gather_some(arg, TPAR_FOREVER);
	return 0;
}

static void *
submit_and_gather(void *arg)
{
	struct storm *storm = arg;

	while (!storm->over) {
		gather_some(storm->pool, TPAR_FOREVER);
		unit_run_in(storm->pool, nest, storm->pool);
	}
	return NULL;
}

/* Two tasks that wait for each other: one of them is told so. */
struct ring {
	tpar_future *f[2];
	struct unit_gate go;
};

static int
wait_for_second(void *arg, void *value)
{
	struct ring *ring = arg;

	(void)value;
	unit_gate_await(&ring->go, 1);
	(void)tpar_future_wait(ring->f[1], TPAR_FOREVER);
	return 0;
}

static int
wait_for_first(void *arg, void *value)
{
	struct ring *ring = arg;

	(void)value;
	unit_gate_await(&ring->go, 1);
	(void)tpar_future_wait(ring->f[0], TPAR_FOREVER);
	return 0;
}

static void
close_ring(tpar_pool *pool)
{
	struct ring ring = { .go = UNIT_GATE_INIT };

	ring.f[0] = unit_submit(pool, wait_for_second, &ring, 0);
	ring.f[1] = unit_submit(pool, wait_for_first, &ring, 0);
	unit_gate_open(&ring.go);
	UNIT_MUST(tpar_wait_all(ring.f, 2, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref_all(ring.f, 2);
}

static void *
close_rings(void *arg)
{
	struct storm *storm = arg;
	tpar_pool *pool = unit_pool(2, 2);

	while (!storm->over) {
		close_ring(pool);
	}
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	return NULL;
}

/* The held one is waited for by nobody else, and by many at once. */
static void *
give_up_and_cancel(void *arg)
{
	struct storm *storm = arg;
	tpar_future *f[2];

	while (!storm->over) {
		(void)tpar_future_wait(storm->held, tpar_in(1000));
		f[0] = storm->held;
		f[1] = unit_submit(storm->pool, nothing, NULL, 0);
		(void)tpar_wait_all(f, 2, tpar_in(1000));
		(void)tpar_future_cancel(f[1]);
		tpar_future_unref(f[1]);
		gather_some(storm->pool, tpar_in(1000));
	}
	return NULL;
}

static void *
make_pools(void *arg)
{
	struct storm *storm = arg;

	while (!storm->over) {
		tpar_pool *pool = unit_pool(1, 1);

		gather_some(pool, TPAR_FOREVER);
		UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
		gather_some(NULL, TPAR_FOREVER);
		UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
	}
	return NULL;
}

/* The last few futures of the thread that forks, in whatever state they are. */
static void
keep(struct storm *storm, long round)
{
	tpar_future **place = &storm->kept[round % 8];

	tpar_future_unref(*place);
	*place = scene_submit_droppable(storm->pool, nothing, NULL, 8);
}

/* Each takes one of the locks for giving waits up, all of them. */
static void
give_up_waits(void)
{
	tpar_promise *p[32];
	tpar_future *f[32];
	int i;

	for (i = 0; i < 32; i++) {
		UNIT_MUST(tpar_promise_create(0, NULL, &p[i], &f[i]) ==
			  TPAR_OK);
		UNIT_MUST(tpar_future_wait(f[i], tpar_in(1)) == TPAR_ETIMEDOUT);
		tpar_promise_destroy(p[i]);
	}
	tpar_future_unref_all(f, 32);
}

static void
child_of_storm(void *arg)
{
	struct storm *storm = arg;
	tpar_pool *own;
	int dropped;
	int i;

	UNIT_MUST(tpar_submit(storm->pool, nothing, NULL, 0, NULL) ==
		  TPAR_ECLOSED);
	UNIT_MUST(tpar_future_wait(storm->held, TPAR_FOREVER) ==
		  TPAR_ECANCELED);
	UNIT_MUST(tpar_wait_all(storm->kept, 8, TPAR_FOREVER) == TPAR_OK);
	dropped = scene_value_drops;
	for (i = 0; i < 8; i++) {
		dropped += tpar_future_state(storm->kept[i]) == TPAR_DONE;
	}
	tpar_future_unref_all(storm->kept, 8);
	tpar_future_unref(storm->held);
	UNIT_MUST(scene_value_drops == dropped);
	if (CHILD_ALLOCATES) {
		UNIT_MUST(tpar_pool_destroy(storm->pool) == TPAR_OK);
		give_up_waits();
	}
	if (CHILD_ALLOCATES && CHILD_STARTS_THREADS) {
		own = unit_pool(2, 1);
		gather_some(own, TPAR_FOREVER);
		gather_some(NULL, tpar_in(60 * TPAR_SECOND));
		unit_run_in(own, nest, own);
		close_ring(own);
		UNIT_MUST(tpar_pool_destroy(own) == TPAR_OK);
		UNIT_MUST(tpar_pool_destroy(NULL) == TPAR_OK);
	}
}

START_TEST(fork_is_harmless_at_any_moment)
{
	struct storm storm = { .hold = UNIT_HOLD_INIT };
	void *(*const part[])(void *) = {
		submit_and_gather,  submit_and_gather, give_up_and_cancel,
		give_up_and_cancel, make_pools,	       close_rings
	};
	pthread_t thread[6];
	long rounds = unit_scaled(100);
	long i;

	storm.pool = unit_pool(2, 2);
	storm.held = unit_submit(storm.pool, unit_hold_task, &storm.hold, 0);
	unit_gate_await(&storm.hold.begun, 1);
	for (i = 0; i < 8; i++) {
		keep(&storm, i);
	}
	for (i = 0; i < 6; i++) {
		thread[i] = unit_start(part[i], &storm);
	}
	for (i = 0; i < rounds; i++) {
		keep(&storm, i);
		ck_assert(child_runs(child_of_storm, &storm));
	}
	storm.over = true;
	for (i = 0; i < 6; i++) {
		unit_join(thread[i]);
	}
	unit_gate_open(&storm.hold.go);
	ck_assert_int_eq(tpar_future_wait(storm.held, TPAR_FOREVER), TPAR_OK);
	tpar_future_unref(storm.held);
	tpar_future_unref_all(storm.kept, 8);
	ck_assert_int_eq(tpar_pool_destroy(storm.pool), TPAR_OK);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { fork_is_harmless_at_any_moment };

	return unit_main("fork_storm", tests, sizeof tests / sizeof tests[0]);
}
