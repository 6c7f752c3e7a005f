/* SPDX-License-Identifier: MIT */
/*
 * scopes.c - groups, windows and maps, that end well, fail, are cancelled or
 * run into a deadline.
 */
#include "jobs.h"

#include <taskpar/group.h>
#include <taskpar/window.h>

enum { MOST = 40, WIDTH = 16, MAP_CODE = 99 };

/* ---- Groups -------------------------------------------------------------- */

static void
submit_to_group(struct soak_random *random, tpar_group *g, struct batch *batch)
{
	unsigned i;

	for (i = 0; i < batch->n; i++) {
		struct tpar_task task = batch_task(batch, i);
		enum tpar_err err = tpar_group_submit(g, &task, NULL);

		if (err == TPAR_OK) {
			batch_accepted(batch, i, 1);
		} else {
			SOAK_MUST(err == TPAR_ECLOSED);
			batch_refused(batch, i, 1);
		}
		if (soak_chance(random, 1)) {
			SOAK_MUST(tpar_group_cancel(g, "enough") == TPAR_OK);
		}
	}
}

static void
run_group(struct soak_random *random, tpar_pool *pool, bool in_task)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	struct batch *batch;
	tpar_group *g = NULL;
	enum tpar_err err;

	config.pool = pool;
	if (soak_chance(random, 20)) {
		config.deadline_ns =
			tpar_in((int64_t)soak_below(random, 2000000));
	}
	err = tpar_group_open(&g, &config);
	if (err != TPAR_OK) {
		SOAK_MUST(err == TPAR_ESTOPPED && in_task);
		return;
	}
	batch = batch_make(random, 1 + soak_below(random, MOST), 1);
	submit_to_group(random, g, batch);
	err = tpar_group_close(g, NULL, 0, NULL);
	SOAK_MUST(err == TPAR_OK || err == TPAR_EFAILED ||
		  err == TPAR_ECANCELED ||
		  (err == TPAR_ETIMEDOUT && config.deadline_ns != 0) ||
		  ((err == TPAR_ESTOPPED || err == TPAR_EAGAIN) && in_task));
	tpar_group_destroy(g);
	/* All have ended, so nobody else has it. */
	SOAK_MUST(atomic_load(&batch->left) == 1);
	batch_leave(batch, 1);
	soak_add(SOAK_SETS, 1);
}

/* A group whose only child opens one. */
static int
open_inner(void *arg, void *value)
{
	struct soak_random random = { *(const uint64_t *)arg };

	(void)value;
	run_group(&random, NULL, true);
	return 0;
}

static void
run_nested_group(struct soak_random *random, tpar_pool *pool)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	uint64_t seeds[4];
	tpar_group *g = NULL;
	unsigned i;

	config.pool = pool;
	SOAK_MUST(tpar_group_open(&g, &config) == TPAR_OK);
	for (i = 0; i < 4; i++) {
		seeds[i] = soak_next(random);
		SOAK_MUST(tpar_group_run(g, open_inner, &seeds[i]) == TPAR_OK);
	}
	if (soak_chance(random, 20)) {
		SOAK_MUST(tpar_group_cancel(g, "all") == TPAR_OK);
	}
	tpar_group_destroy(g);
}

/* ---- Windows ------------------------------------------------------------- */

/* false: it has ended, or is to be cancelled. */
static bool
take_one(tpar_window *w, struct batch *batch, unsigned *next, bool wait)
{
	char values[sizeof(struct value) + 500];
	struct value value;
	struct tpar_failure why;
	enum tpar_err err = tpar_window_take(
		w, values, wait ? TPAR_FOREVER : TPAR_NOW, &why);

	if (err == TPAR_OK) {
		memcpy(&value, values, sizeof value);
		job_taken(&batch->job[(*next)++], &value);
		return true;
	}
	SOAK_MUST(err == TPAR_EEND || err == TPAR_EFAILED ||
		  err == TPAR_ECANCELED || (err == TPAR_ETIMEDOUT && !wait));
	return err == TPAR_ETIMEDOUT;
}

static void
run_window(struct soak_random *random, tpar_pool *pool)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	struct batch *batch =
		batch_make(random, 1 + soak_below(random, 3 * MOST), 1);
	bool leaves = soak_chance(random, 10);
	tpar_window *w = NULL;
	unsigned next = 0;
	unsigned i = 0;
	bool open = true;

	config.pool = pool;
	config.width = 1 + soak_below(random, WIDTH);
	config.value_size = batch->task.value_size;
	SOAK_MUST(tpar_window_open(&w, &config) == TPAR_OK);
	while (open && i < batch->n) {
		struct tpar_task task = batch_task(batch, i);
		enum tpar_err err = tpar_window_put(w, &task, TPAR_NOW);

		if (err == TPAR_OK) {
			batch_accepted(batch, i++, 1);
			continue;
		}
		SOAK_MUST(err == TPAR_EAGAIN || err == TPAR_ECLOSED);
		open = err == TPAR_EAGAIN && take_one(w, batch, &next, true);
	}
	batch_refused(batch, i, batch->n - i);
	SOAK_MUST(tpar_window_end(w) == TPAR_OK);
	while (!leaves && take_one(w, batch, &next, true)) {
		/* in the order of the jobs */
	}
	SOAK_MUST(next <= i);
	tpar_window_close(w);
	SOAK_MUST(atomic_load(&batch->left) == 1);
	batch_leave(batch, 1);
	soak_add(SOAK_SETS, 1);
}

/* ---- Maps ---------------------------------------------------------------- */

static int
map_item(void *arg, void *value)
{
	uint64_t i = *(const uint64_t *)arg;

	if (i == UINT64_MAX) {
		return tpar_fail(MAP_CODE, "the one that fails");
	}
	*(uint64_t *)value = ~i;
	return 0;
}

static void
run_map(struct soak_random *random, tpar_pool *pool)
{
	size_t n = 1 + soak_below(random, 1000);
	uint64_t *args = malloc(2 * n * sizeof *args);
	uint64_t *values = args + n;
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	size_t bad =
		soak_chance(random, 20) ? soak_below(random, (unsigned)n) : n;
	struct tpar_failure why;
	enum tpar_err err;
	size_t i;

	SOAK_MUST(args != NULL);
	for (i = 0; i < n; i++) {
		args[i] = i == bad ? UINT64_MAX : i;
	}
	options.window = soak_below(random, 8);
	options.flags = soak_chance(random, 3) ? TPAR_BLOCKING : 0;
	if (soak_chance(random, 10)) {
		options.deadline_ns =
			tpar_in((int64_t)soak_below(random, 500000));
	}
	err = tpar_map_with(pool, &options, map_item, args, sizeof *args,
			    values, sizeof *values, n, &why);
	if (err == TPAR_OK) {
		SOAK_MUST(bad == n);
		for (i = 0; i < n; i++) {
			SOAK_MUST(values[i] == ~(uint64_t)i);
		}
		soak_add(SOAK_ITEMS, n);
	} else if (err == TPAR_EFAILED) {
		SOAK_MUST(why.index == bad && why.code == MAP_CODE);
	} else {
		SOAK_MUST(err == TPAR_ETIMEDOUT && options.deadline_ns != 0);
	}
	free(args);
}

/* ---- Turns --------------------------------------------------------------- */

void
soak_scopes(struct soak_load *load)
{
	struct soak_random *random = &load->random;
	tpar_pool *pool = soak_pool(random);

	switch (soak_below(random, 4)) {
	case 0:
		soak_step(load, "a group");
		run_group(random, pool, false);
		break;
	case 1:
		soak_step(load, "nested groups");
		run_nested_group(random, pool);
		break;
	case 2:
		soak_step(load, "a window");
		run_window(random, pool);
		break;
	default:
		soak_step(load, "a map");
		run_map(random, pool);
		break;
	}
}
