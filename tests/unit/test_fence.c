/* SPDX-License-Identifier: MIT */
/*
 * test_fence.c - light against heavy: of two threads that each store and then
 * look at the other's store at least one sees it; which pools rely on that.
 */
#include "config.h"

#include "handmade.h"

#include "src/fence.h"

struct race {
	pthread_barrier_t start;
	pthread_barrier_t end;
	long rounds;
	_Atomic int light;
	_Atomic int heavy;
	int light_saw;
};

static void *
run_light(void *arg)
{
	struct race *race = arg;
	long i;

	for (i = 0; i < race->rounds; i++) {
		pthread_barrier_wait(&race->start);
		atomic_store_explicit(&race->light, 1, memory_order_release);
		tpi_fence_light();
		race->light_saw = atomic_load_explicit(&race->heavy,
						       memory_order_relaxed);
		pthread_barrier_wait(&race->end);
	}
	return NULL;
}

START_TEST(one_of_the_two_sees_the_other)
{
	struct race race = { .rounds = unit_scaled(20000) };
	pthread_t thread;
	long i;

	if (!tpi_fence_available()) {
		ck_assert(!tpi_fence_available());
		return;
	}
	pthread_barrier_init(&race.start, NULL, 2);
	pthread_barrier_init(&race.end, NULL, 2);
	thread = unit_start(run_light, &race);
	for (i = 0; i < race.rounds; i++) {
		int saw;

		atomic_store(&race.light, 0);
		atomic_store(&race.heavy, 0);
		pthread_barrier_wait(&race.start);
		atomic_store_explicit(&race.heavy, 1, memory_order_relaxed);
		tpi_fence_heavy();
		saw = atomic_load_explicit(&race.light, memory_order_relaxed);
		pthread_barrier_wait(&race.end);
		ck_assert(saw != 0 || race.light_saw != 0);
	}
	unit_join(thread);
	pthread_barrier_destroy(&race.start);
	pthread_barrier_destroy(&race.end);
}
END_TEST

START_TEST(each_pool_of_several_uses_one_of_the_two_ways)
{
	tpar_pool *one = unit_pool(1, 1);
	tpar_pool *two = unit_pool(2, 1);

	ck_assert(!one->park.announce && !one->park.fence);
	ck_assert_int_eq(two->park.fence, tpi_fence_available());
	ck_assert_int_eq(two->park.announce, !tpi_fence_available());
	ck_assert_int_eq(tpar_pool_destroy(one), TPAR_OK);
	ck_assert_int_eq(tpar_pool_destroy(two), TPAR_OK);
}
END_TEST

/* Has another worker, which may be asleep, open the gate that it waits at. */
static int
open_gate(void *arg, void *value)
{
	(void)value;
	unit_gate_open(arg);
	return 0;
}

static int
need_another_worker(void *arg, void *value)
{
	long rounds = *(long *)arg;
	long i;

	(void)value;
	for (i = 0; i < rounds; i++) {
		struct unit_gate gate = UNIT_GATE_INIT;
		tpar_future *f = unit_submit(NULL, open_gate, &gate, 0);

		unit_gate_await(&gate, 1);
		tpar_future_unref(f);
	}
	return 0;
}

/* Returns if no wake-up is lost. */
static bool
wake_others(bool fence)
{
	long rounds = unit_scaled(5000);
	tpar_pool *pool = unit_pool(2, 0);

	if (pool->park.fence != fence) {
		pool->park.fence = fence;
		pool->park.announce = !fence;
	}
	unit_run_in(pool, need_another_worker, &rounds);
	return tpar_pool_destroy(pool) == TPAR_OK;
}

START_TEST(sleeping_worker_is_woken_by_a_seq_cst_store)
{
	ck_assert(wake_others(false));
}
END_TEST

START_TEST(sleeping_worker_is_woken_through_the_fence)
{
	ck_assert(wake_others(tpi_fence_available()));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		one_of_the_two_sees_the_other,
		each_pool_of_several_uses_one_of_the_two_ways,
		sleeping_worker_is_woken_by_a_seq_cst_store,
		sleeping_worker_is_woken_through_the_fence,
	};

	return unit_main("fence", tests, sizeof tests / sizeof tests[0]);
}
