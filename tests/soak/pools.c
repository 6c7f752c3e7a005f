/* SPDX-License-Identifier: MIT */
/*
 * pools.c - pools that live for a moment: drained, cancelled, with what is
 * under way, and left by futures that outlive them.
 */
#include "jobs.h"

#include <taskpar/blocking.h>

enum { LOOSE = 30, SMALL_STACK = 256 * 1024 };

static void
nothing(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
}

static int
number(void *arg, void *value)
{
	*(uint64_t *)value = *(const uint64_t *)arg;
	return 0;
}

static tpar_pool *
make_pool(struct soak_random *random)
{
	struct tpar_pool_config config =
		soak_pool_config(1 + soak_below(random, 4));
	tpar_pool *pool = NULL;

	config.blocking_limit = 1 + soak_below(random, 8);
	config.stack_size = SMALL_STACK;
	config.queue_limit = soak_chance(random, 20) ? 40 : 0;
	config.own_threads_only = soak_chance(random, 30);
	config.name = "short";
	SOAK_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	return pool;
}

static void
use_pool(struct soak_random *random, tpar_pool *pool)
{
	if (soak_chance(random, 30)) {
		soak_some_forks(random, pool);
	}
	if (soak_chance(random, 60)) {
		jobs_set(random, pool, 0, true);
	}
	if (soak_chance(random, 20)) {
		SOAK_MUST(tpar_pool_each_worker(pool, nothing, NULL,
						TPAR_FOREVER) == TPAR_OK);
	}
	if (soak_chance(random, 60)) {
		jobs_loose(random, pool, 1 + soak_below(random, LOOSE));
	}
}

/* Begins a shutdown, submits into it, and waits until all have ended. */
static void
shut_pool(struct soak_random *random, tpar_pool *pool)
{
	enum tpar_shutdown how =
		soak_chance(random, 50) ? TPAR_CANCEL : TPAR_DRAIN;
	enum tpar_err err = tpar_pool_shutdown(pool, how, TPAR_NOW);

	SOAK_MUST(err == TPAR_OK || err == TPAR_ETIMEDOUT);
	jobs_loose(random, pool, 3);
	SOAK_MUST(tpar_pool_shutdown(pool, how, TPAR_FOREVER) == TPAR_OK);
}

void
soak_short_pools(struct soak_load *load)
{
	struct soak_random *random = &load->random;
	uint64_t id = soak_new_id();
	tpar_future *f = NULL;
	tpar_pool *pool;
	bool kept;

	soak_step(load, "making a pool");
	pool = make_pool(random);
	soak_step(load, "using a pool");
	use_pool(random, pool);
	kept = tpar_submit(pool, number, &id, sizeof id, &f) == TPAR_OK;
	if (soak_chance(random, 50)) {
		soak_step(load, "shutting a pool down");
		shut_pool(random, pool);
	}
	soak_step(load, "destroying a pool");
	SOAK_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	if (kept) {
		const uint64_t *value = tpar_future_value(f);

		SOAK_MUST(tpar_future_state(f) == TPAR_CANCELLED ||
			  (value != NULL && *value == id));
		tpar_future_unref(f);
	}
	soak_add(SOAK_POOLS, 1);
}
