/* SPDX-License-Identifier: MIT */
/*
 * test_sweep_sets.c - whatever fails: gathers of all kinds, waits for any, races,
 * streams, maps, groups, windows.
 */
#include "config.h"

#include "sweep.h"

enum { FEW = 5 };

/* A pool that is there, and as many of FEW items as are accepted. */
static tpar_pool *
submit_few(tpar_future **f, int *n)
{
	tpar_pool *pool = unit_pool(2, 2);

	memset(f, 0, FEW * sizeof *f);
	fault_begin();
	*n = sweep_submit_some(pool, f, FEW);
	return pool;
}

static void
end_few(tpar_pool *pool, tpar_future **f, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		sweep_ended(f[i], i);
	}
	tpar_future_unref_all(f, (size_t)n);
	sweep_destroy(pool);
}

/* ---- Gathers ------------------------------------------------------------- */

static void
gather_flat(void)
{
	intptr_t value[FEW];
	tpar_future *f[FEW];
	int n;
	tpar_pool *pool = submit_few(f, &n);
	int i;

	EXPECT(tpar_gather(f, (size_t)n, value, NULL) == TPAR_OK);
	for (i = 0; i < n; i++) {
		EXPECT(value[i] == i);
	}
	atomic_fetch_add(&sweep_taken, n);
	end_few(pool, f, n);
}

static int
until_stopped(intptr_t number)
{
	(void)number;
	UNIT_AWAIT(tpar_cancelled());
	return TPAR_ESTOPPED;
}

/* The last one fails, the others run until they are stopped, or wait for that. */
static void
gather_failing(void)
{
	struct tpar_failure why;
	tpar_future *f[FEW];
	int n;
	tpar_pool *pool;
	enum tpar_err err;

	sweep_item[0].body = until_stopped;
	sweep_item[FEW - 1].code = SWEEP_CODE;
	pool = submit_few(f, &n);
	if (n < FEW && n > 0) {
		EXPECT(tpar_future_cancel(f[0]) == TPAR_OK);
	}
	err = tpar_gather(f, (size_t)n, NULL, &why);
	EXPECT(err == (n == FEW ? TPAR_EFAILED
		       : n > 0	? TPAR_ECANCELED
				: TPAR_OK));
	if (err == TPAR_EFAILED) {
		EXPECT(why.index == FEW - 1 && why.code == SWEEP_CODE);
		EXPECT(why.message[0] != '\0');
	}
	end_few(pool, f, n);
}

/* Item i has items 2i + 1 and 2i + 2 below it. */
static int
gather_below(intptr_t number)
{
	tpar_future *f[2] = { NULL, NULL };
	intptr_t value[2];
	int n;

	if (number > 6) {
		return 0;
	}
	for (n = 0; n < 2; n++) {
		int below = (int)(2 * number) + 1 + n;

		sweep_item[below].body = gather_below;
		f[n] = sweep_submit(NULL, below);
		if (f[n] == NULL) {
			break;
		}
	}
	EXPECT(tpar_gather(f, (size_t)n, value, NULL) == TPAR_OK);
	atomic_fetch_add(&sweep_taken, n);
	tpar_future_unref_all(f, (size_t)n);
	return 0;
}

static void
gather_nested(void)
{
	tpar_pool *pool = unit_pool(2, 2);
	tpar_future *f;

	sweep_item[0].body = gather_below;
	fault_begin();
	f = sweep_submit(pool, 0);
	if (f != NULL) {
		EXPECT(sweep_wait(f, 0) == TPAR_DONE);
		tpar_future_unref(f);
	}
	sweep_destroy(pool);
}

static void
gather_until_a_deadline(void)
{
	struct tpar_failure why;
	tpar_future *f[FEW];
	int n;
	tpar_pool *pool;
	enum tpar_err err;

	sweep_item[1].body = until_stopped;
	pool = submit_few(f, &n);
	err = tpar_gather_until(f, (size_t)n, NULL, tpar_in(TPAR_MILLISECOND),
				&why);
	EXPECT(err == TPAR_ETIMEDOUT || (n < 2 && err == TPAR_OK));
	EXPECT(n < 2 || tpar_future_state(f[1]) == TPAR_CANCELLED);
	end_few(pool, f, n);
}

static void
gather_settled(void)
{
	struct tpar_outcome outcome[FEW];
	intptr_t value[FEW] = { -1, -1, -1, -1, -1 };
	tpar_future *f[FEW];
	int n;
	tpar_pool *pool;
	int i;

	sweep_item[2].code = SWEEP_CODE;
	pool = submit_few(f, &n);
	EXPECT(tpar_gather_settled(f, (size_t)n, value, outcome) == TPAR_OK);
	for (i = 0; i < n; i++) {
		EXPECT(outcome[i].state == (i == 2 ? TPAR_FAILED : TPAR_DONE));
		EXPECT(outcome[i].code == (i == 2 ? SWEEP_CODE : 0));
		EXPECT(value[i] == (i == 2 ? -1 : i));
	}
	atomic_fetch_add(&sweep_taken, n > 2 ? n - 1 : n);
	end_few(pool, f, n);
}

/* Of two halves: one is done, the other one is cancelled through its gather. */
static void
gather_in_background(void)
{
	tpar_future *half[2] = { NULL, NULL };
	tpar_future *all = NULL;
	tpar_future *f[FEW];
	int n;
	tpar_pool *pool;

	sweep_item[4].body = until_stopped;
	pool = submit_few(f, &n);
	if (n == FEW) {
		(void)sweep_ok(tpar_gather_async(&f[0], 2, &half[0]));
		(void)sweep_ok(tpar_gather_async(&f[3], 2, &half[1]));
	}
	if (half[0] != NULL && half[1] != NULL &&
	    sweep_ok(tpar_gather_async(&half[1], 1, &all))) {
		EXPECT(tpar_future_cancel(all) == TPAR_OK);
		EXPECT(tpar_future_wait(all, TPAR_FOREVER) == TPAR_ECANCELED);
		EXPECT(tpar_future_state(half[1]) == TPAR_CANCELLED);
	} else if (n == FEW) {
		EXPECT(tpar_future_cancel(f[4]) == TPAR_OK);
	}
	if (half[0] != NULL) {
		EXPECT(tpar_future_wait(half[0], TPAR_FOREVER) == TPAR_OK);
		EXPECT(((const intptr_t *)tpar_future_value(half[0]))[1] == 1);
	}
	EXPECT(tpar_wait_all(f, (size_t)n, TPAR_FOREVER) == TPAR_OK);
	EXPECT(half[1] == NULL ||
	       tpar_wait_all(&half[1], 1, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(all);
	tpar_future_unref_all(half, 2);
	end_few(pool, f, n);
}

/* What is shielded goes on when its sibling has failed. */
static void
shield_a_member(void)
{
	tpar_future *f[FEW];
	int n;
	tpar_pool *pool;

	sweep_item[FEW - 1].code = SWEEP_CODE;
	pool = submit_few(f, &n);
	if (n > 0) {
		EXPECT(tpar_future_shield(f[0]) == TPAR_OK);
		EXPECT(tpar_gather(f, (size_t)n, NULL, NULL) ==
		       (n == FEW ? TPAR_EFAILED : TPAR_OK));
		EXPECT(tpar_future_state(f[0]) == TPAR_DONE);
	}
	end_few(pool, f, n);
}

/* ---- One after the other ------------------------------------------------- */

static void
wait_for_any(void)
{
	tpar_future *f[FEW];
	size_t index = FEW;
	int n;
	tpar_pool *pool = submit_few(f, &n);

	if (n > 0) {
		EXPECT(tpar_wait_any(f, (size_t)n, TPAR_FOREVER, &index) ==
		       TPAR_OK);
		EXPECT(index < (size_t)n);
		EXPECT(tpar_future_state(f[index]) == TPAR_DONE);
		EXPECT(tpar_wait_all(f, (size_t)n, TPAR_FOREVER) == TPAR_OK);
	}
	end_few(pool, f, n);
}

static void
race(void)
{
	intptr_t value = -1;
	size_t index = FEW;
	tpar_future *f[FEW];
	int n;
	tpar_pool *pool;

	sweep_item[0].body = until_stopped;
	sweep_item[1].code = SWEEP_CODE;
	pool = submit_few(f, &n);
	if (n > 2) {
		EXPECT(tpar_race(f, (size_t)n, &value, &index, NULL) ==
		       TPAR_OK);
		EXPECT(index >= 2 && value == (intptr_t)index);
		atomic_fetch_add(&sweep_taken, 1);
		EXPECT(tpar_future_state(f[0]) == TPAR_CANCELLED);
	} else if (n > 0) {
		EXPECT(tpar_future_cancel(f[0]) == TPAR_OK);
		EXPECT(tpar_wait_all(f, (size_t)n, TPAR_FOREVER) == TPAR_OK);
	}
	end_few(pool, f, n);
}

static void
read_a_stream(void)
{
	tpar_future *f[FEW];
	tpar_stream *s = NULL;
	bool seen[FEW] = { false };
	int n;
	tpar_pool *pool = submit_few(f, &n);
	int i;

	if (sweep_ok(tpar_as_completed(f, (size_t)n, &s))) {
		size_t index = FEW;

		for (i = 0; i < n; i++) {
			EXPECT(tpar_stream_next(s, TPAR_FOREVER, &index) ==
			       TPAR_OK);
			EXPECT(index < (size_t)n && !seen[index]);
			seen[index] = true;
		}
		EXPECT(tpar_stream_next(s, TPAR_FOREVER, &index) == TPAR_EEND);
	}
	tpar_stream_close(s);
	EXPECT(tpar_wait_all(f, (size_t)n, TPAR_FOREVER) == TPAR_OK);
	end_few(pool, f, n);
}

/* ---- Maps ---------------------------------------------------------------- */

enum { MAPPED = 60 };

static _Atomic int mapped[MAPPED];

static int
map_one(void *arg, void *value)
{
	intptr_t number = *(const intptr_t *)arg;

	EXPECT(atomic_fetch_add(&mapped[number], 1) == 0);
	*(intptr_t *)value = 3 * number;
	return 0;
}

/* Each item at most once, and all of them if it is TPAR_OK. */
static void
map_all(unsigned flags, size_t window)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	tpar_pool *pool = unit_pool(2, 3);
	struct tpar_failure why;
	intptr_t in[MAPPED];
	intptr_t out[MAPPED];
	int i;

	for (i = 0; i < MAPPED; i++) {
		in[i] = i;
		atomic_store(&mapped[i], 0);
	}
	options.flags = flags;
	options.window = window;
	options.deadline_ns = tpar_in(600 * TPAR_SECOND);
	fault_begin();
	if (sweep_ok(tpar_map_with(pool, window > 0 ? &options : NULL, map_one,
				   in, sizeof in[0], out, sizeof out[0], MAPPED,
				   &why))) {
		for (i = 0; i < MAPPED; i++) {
			EXPECT(out[i] == 3 * (intptr_t)i);
		}
	} else {
		EXPECT(why.message[0] != '\0');
	}
	sweep_destroy(pool);
}

static void
map_plainly(void)
{
	map_all(0, 0);
}

static void
map_in_a_window(void)
{
	map_all(0, 3);
}

static void
map_what_blocks(void)
{
	map_all(TPAR_BLOCKING, 4);
}

/* ---- Groups and windows -------------------------------------------------- */

static bool
add_to_group(tpar_group *g, int i)
{
	struct tpar_task task = sweep_task(i);
	enum tpar_err err;

	atomic_store(&sweep_item[i].accepted, true);
	err = tpar_group_submit(g, &task, NULL);
	if (err != TPAR_OK) {
		atomic_store(&sweep_item[i].accepted, false);
	}
	if (err == TPAR_ECLOSED) {
		EXPECT(tpar_group_cancelled(g)); /* a child has failed */
		return false;
	}
	return sweep_ok(err);
}

/* Five at each of two levels; a child that cannot have its group fails. */
static int
run_inner_group(intptr_t number)
{
	tpar_group *g = NULL;
	enum tpar_err err = tpar_group_open(&g, NULL);
	int i;

	if (err != TPAR_ESTOPPED && !sweep_ok(err)) {
		return SWEEP_CODE;
	}
	if (err == TPAR_ESTOPPED) {
		return (int)err;
	}
	for (i = 0; i < FEW; i++) {
		if (!add_to_group(g, (int)(number + 1) * 10 + i)) {
			break;
		}
	}
	err = tpar_group_close(g, NULL, 0, NULL);
	/* What has failed may be the group around this one. */
	EXPECT(err == TPAR_OK || fault_any() || tpar_cancelled());
	EXPECT(err == TPAR_OK || err == TPAR_ESTOPPED || err == TPAR_EAGAIN);
	tpar_group_destroy(g);
	return err == TPAR_OK ? 0 : TPAR_ESTOPPED;
}

static void
run_groups(bool fails)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	struct tpar_failure why[2];
	tpar_group *g = NULL;
	size_t count = 0;
	enum tpar_err err;
	int i;

	config.pool = unit_pool(2, 2);
	config.deadline_ns = tpar_in(600 * TPAR_SECOND);
	sweep_item[4].code = fails ? SWEEP_CODE : 0;
	fault_begin();
	if (sweep_ok(tpar_group_open(&g, &config))) {
		for (i = 0; i < FEW; i++) {
			sweep_item[i].body = i < 4 ? run_inner_group : NULL;
			if (!add_to_group(g, i)) {
				break;
			}
		}
		err = tpar_group_close(g, why, 2, &count);
		EXPECT(err == TPAR_OK || err == TPAR_EFAILED);
		EXPECT(err == TPAR_OK || fails || fault_any());
		EXPECT((err == TPAR_OK) == (count == 0));
		EXPECT(err == TPAR_OK || why[0].code == SWEEP_CODE);
		tpar_group_destroy(g);
	}
	sweep_destroy(config.pool);
}

static void
nest_groups(void)
{
	run_groups(false);
}

static void
nest_groups_that_fail(void)
{
	run_groups(true);
}

/* 20 items through a window of 4; what is not taken is dropped with it. */
static void
pass_a_window(void)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	tpar_window *w = NULL;
	intptr_t value = -1;
	int taken = 0;
	int i;

	config.pool = unit_pool(2, 2);
	config.width = 4;
	config.value_size = sizeof value;
	fault_begin();
	if (sweep_ok(tpar_window_open(&w, &config))) {
		for (i = 0; i < 20; i++) {
			struct tpar_task task = sweep_task(i);

			if (i - taken == 4) {
				EXPECT(tpar_window_take(w, &value, TPAR_FOREVER,
							NULL) == TPAR_OK);
				EXPECT(value == taken++);
			}
			atomic_store(&sweep_item[i].accepted, true);
			if (!sweep_ok(
				    tpar_window_put(w, &task, TPAR_FOREVER))) {
				atomic_store(&sweep_item[i].accepted, false);
				break;
			}
		}
		EXPECT(tpar_window_end(w) == TPAR_OK);
		while (taken < i - 1) {
			EXPECT(tpar_window_take(w, &value, TPAR_FOREVER,
						NULL) == TPAR_OK);
			EXPECT(value == taken++);
		}
		tpar_window_close(w);
	}
	atomic_fetch_add(&sweep_taken, taken);
	sweep_destroy(config.pool);
}

static const struct sweep_scenario scenarios[] = {
	{ "gather", gather_flat, 5 },
	{ "gather that fails", gather_failing, 5 },
	{ "gathers in gathers", gather_nested, 10 },
	{ "gather until a deadline", gather_until_a_deadline, 5 },
	{ "gather settled", gather_settled, 5 },
	{ "gathers in the background", gather_in_background, 10 },
	{ "shielded member", shield_a_member, 5 },
	{ "wait for any", wait_for_any, 5 },
	{ "race", race, 5 },
	{ "stream", read_a_stream, 5 },
	{ "map", map_plainly, 5 },
	{ "map in a window", map_in_a_window, 5 },
	{ "map of what blocks", map_what_blocks, 5 },
	{ "groups in groups", nest_groups, 30 },
	{ "groups in groups that fail", nest_groups_that_fail, 30 },
	{ "window", pass_a_window, 10 },
};

SWEEP_TEST(scenarios)

int
main(void)
{
	return sweep_main("sweep_sets", scenario_survives_whatever_fails,
			  sizeof scenarios / sizeof scenarios[0], 600);
}
