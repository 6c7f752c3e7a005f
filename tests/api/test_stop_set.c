/* SPDX-License-Identifier: MIT */
/*
 * test_stop_set.c - stopping sets: through the task that gathers them, by a
 * stop of one member; and what two sets with a member in common do to each
 * other.
 */
#include "scene.h"

#include <string.h>

static struct scene scene; /* begins nothing */
static tpar_pool *pool;	   /* runs all but what stays pending */

static void
begin(void)
{
	pool = unit_pool(8, 8);
	scene_stall(&scene);
}

static void
end(void)
{
	scene_let_go(&scene);
	scene_end(&scene);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

/* A member that runs until it is asked to stop and let go. */
struct leaf {
	struct unit_hold hold;
	struct unit_gate asked;
};

static int
run_leaf(void *arg, void *value)
{
	struct leaf *leaf = arg;

	*(intptr_t *)value = 7;
	(void)scene_until_stopped(&leaf->hold, value);
	unit_gate_open(&leaf->asked);
	unit_gate_await(&leaf->hold.go, 1);
	return leaf->hold.code;
}

static int
give_eight(void *arg, void *value)
{
	*(intptr_t *)value = 8;
	if (arg != NULL) {
		unit_gate_open(arg);
	}
	return 0;
}

/* Also says whether it was asked to stop. */
static int
fail_when_let(void *arg, void *value)
{
	(void)value;
	unit_gate_await(arg, 1);
	return tpar_cancelled() ? 32 : 31;
}

/*
 * A task that gathers, in this order: a leaf that runs; a task that is never
 * begun; one that fails when it is let; a level below; and one that is run in
 * place when the set has been entered.  Any of the middle three that is not
 * wanted is a task that just gives 8.
 */
enum { LEAF, STUCK, FAILING, BELOW, LAST, MEMBERS };

struct level {
	struct leaf leaf;
	tpar_future *shared; /* in the place of its own leaf */
	struct unit_gate fail;
	struct level *below;
	bool stuck;
	bool failing;
	bool settled;

	struct unit_gate entered;
	tpar_future *f[MEMBERS];
	enum tpar_err err;
	struct tpar_failure why;
	struct tpar_outcome outcomes[MEMBERS];
	intptr_t values[MEMBERS];
	bool all_ended; /* when the gather returned */
	bool stopped;	/* the task that gathers */
};

static int gather_level(void *arg, void *value);

static void
make_members(struct level *level)
{
	tpar_pool *stalled = scene.pool;
	tpar_future **f = level->f;

	f[LEAF] = level->shared
			  ? tpar_future_ref(level->shared)
			  : scene_submit_elsewhere(NULL, run_leaf, &level->leaf,
						   sizeof(intptr_t));
	f[STUCK] = scene_submit_elsewhere(level->stuck ? stalled : NULL,
					  give_eight, NULL, sizeof(intptr_t));
	if (level->failing) {
		f[FAILING] = scene_submit_elsewhere(
			NULL, fail_when_let, &level->fail, sizeof(intptr_t));
	} else {
		f[FAILING] =
			unit_submit(NULL, give_eight, NULL, sizeof(intptr_t));
	}
	if (level->below != NULL) {
		f[BELOW] = scene_submit_elsewhere(
			NULL, gather_level, level->below, sizeof(intptr_t));
	} else {
		f[BELOW] =
			unit_submit(NULL, give_eight, NULL, sizeof(intptr_t));
	}
	f[LAST] = unit_submit(stalled, give_eight, &level->entered,
			      sizeof(intptr_t));
}

static int
gather_level(void *arg, void *value)
{
	struct level *level = arg;
	int i;

	(void)value;
	make_members(level);
	memset(level->values, 0, sizeof level->values);
	if (level->settled) {
		level->err = tpar_gather_settled(
			level->f, MEMBERS, level->values, level->outcomes);
	} else {
		level->err = tpar_gather(level->f, MEMBERS, level->values,
					 &level->why);
	}
	level->all_ended = true;
	for (i = 0; i < MEMBERS; i++) {
		level->all_ended &= tpar_future_state(level->f[i]) >= TPAR_DONE;
	}
	level->stopped = tpar_cancelled();
	if (level->err == TPAR_OK || level->settled) {
		return tpar_checkpoint();
	}
	return tpar_fail_from(&level->why);
}

static struct level
new_level(int leaf_code)
{
	struct level level = { .leaf = { UNIT_HOLD_INIT, UNIT_GATE_INIT },
			       .fail = UNIT_GATE_INIT,
			       .entered = UNIT_GATE_INIT };

	level.leaf.hold.code = leaf_code;
	return level;
}

/* Starts a level and those below, and waits until all are in their sets. */
static tpar_future *
enter(struct level *level)
{
	tpar_future *f =
		unit_submit(pool, gather_level, level, sizeof(intptr_t));

	for (; level != NULL; level = level->below) {
		unit_gate_await(&level->entered, 1);
		if (level->shared == NULL) {
			unit_gate_await(&level->leaf.hold.begun, 1);
		}
	}
	return f;
}

static void
check_state(struct level *level, int member, enum tpar_state state)
{
	ck_assert_int_eq(tpar_future_state(level->f[member]), state);
}

static void
check_stopped(struct level *level)
{
	ck_assert_int_eq(level->err, TPAR_ESTOPPED);
	ck_assert(level->all_ended);
	ck_assert(level->stopped);
	if (!level->settled) {
		ck_assert_uint_eq(level->why.index, SIZE_MAX);
		ck_assert_int_eq(level->why.state, TPAR_PENDING);
		ck_assert_int_eq(level->why.code, TPAR_ESTOPPED);
	}
	check_state(level, STUCK, TPAR_CANCELLED);
	check_state(level, LAST, TPAR_DONE);
}

START_TEST(stop_goes_down_to_all_members_and_nested_sets)
{
	struct level level[3];
	tpar_future *root;
	int i;

	begin();
	for (i = 0; i < 3; i++) {
		level[i] = new_level(TPAR_ESTOPPED);
		level[i].stuck = true;
		level[i].settled = i == 2;
		level[i].below = i < 2 ? &level[i + 1] : NULL;
	}
	root = enter(&level[0]);
	ck_assert_int_eq(tpar_future_cancel(root), TPAR_OK);
	for (i = 0; i < 3; i++) {
		UNIT_AWAIT(tpar_future_state(level[i].f[STUCK]) ==
			   TPAR_CANCELLED);
		unit_gate_await(&level[i].leaf.asked, 1);
		unit_gate_open(&level[i].leaf.hold.go);
	}
	ck_assert_int_eq(tpar_future_wait(root, TPAR_FOREVER), TPAR_ECANCELED);
	for (i = 0; i < 3; i++) {
		check_stopped(&level[i]);
		check_state(&level[i], LEAF, TPAR_CANCELLED);
	}
	check_state(&level[0], BELOW, TPAR_CANCELLED);
	check_state(&level[1], BELOW, TPAR_CANCELLED);
	ck_assert_int_eq(level[2].outcomes[LEAF].state, TPAR_CANCELLED);
	ck_assert_int_eq(level[2].outcomes[STUCK].state, TPAR_CANCELLED);
	ck_assert_int_eq(level[2].outcomes[LAST].state, TPAR_DONE);
	ck_assert_int_eq(level[2].values[LAST], 8);
	for (i = 0; i < 3; i++) {
		tpar_future_unref_all(level[i].f, MEMBERS);
	}
	tpar_future_unref(root);
	end();
}
END_TEST

START_TEST(stopped_set_waits_for_every_member)
{
	struct level level[2];
	tpar_future *root;
	int i;

	begin();
	level[0] = new_level(TPAR_ESTOPPED);
	level[1] = new_level(TPAR_ESTOPPED);
	level[0].below = &level[1];
	level[0].stuck = level[1].stuck = true;
	root = enter(&level[0]);
	ck_assert_int_eq(tpar_future_cancel(root), TPAR_OK);
	/* All have ended but one, which still cleans up. */
	unit_gate_open(&level[1].leaf.hold.go);
	ck_assert_int_eq(tpar_future_wait(level[0].f[BELOW], TPAR_FOREVER),
			 TPAR_ECANCELED);
	unit_gate_await(&level[0].leaf.asked, 1);
	ck_assert_int_eq(tpar_future_state(root), TPAR_RUNNING);
	check_state(&level[0], LEAF, TPAR_RUNNING);
	unit_gate_open(&level[0].leaf.hold.go);
	ck_assert_int_eq(tpar_future_wait(root, TPAR_FOREVER), TPAR_ECANCELED);
	for (i = 0; i < 2; i++) {
		check_stopped(&level[i]);
		tpar_future_unref_all(level[i].f, MEMBERS);
	}
	tpar_future_unref(root);
	end();
}
END_TEST

START_TEST(complete_set_wins_over_the_stop)
{
	int i;

	begin();
	for (i = 0; i < 2; i++) {
		struct level level = new_level(0);
		tpar_future *root;

		level.settled = i == 1;
		root = enter(&level);
		ck_assert_int_eq(tpar_wait_all(&level.f[LEAF + 1], MEMBERS - 1,
					       TPAR_FOREVER),
				 TPAR_OK);
		ck_assert_int_eq(tpar_future_cancel(root), TPAR_OK);
		unit_gate_open(&level.leaf.hold.go);
		/* The task learns of it at its next checkpoint. */
		ck_assert_int_eq(tpar_future_wait(root, TPAR_FOREVER),
				 TPAR_ECANCELED);
		ck_assert(level.stopped);
		ck_assert_int_eq(level.err, TPAR_OK);
		ck_assert_int_eq(level.values[LEAF], 7);
		ck_assert_int_eq(level.values[LAST], 8);
		tpar_future_unref_all(level.f, MEMBERS);
		tpar_future_unref(root);
	}
	end();
}
END_TEST

START_TEST(member_stopped_by_somebody_else_fails_the_set)
{
	static const int victims[] = { STUCK, LEAF };
	int i;

	begin();
	for (i = 0; i < 2; i++) {
		struct level level = new_level(TPAR_ESTOPPED);
		tpar_future *root;

		level.stuck = true;
		root = enter(&level);
		unit_gate_open(&level.leaf.hold.go);
		ck_assert_int_eq(tpar_future_cancel(level.f[victims[i]]),
				 TPAR_OK);
		ck_assert_int_eq(tpar_future_wait(root, TPAR_FOREVER),
				 TPAR_EFAILED);
		ck_assert_int_eq(tpar_future_code(root), TPAR_ECANCELED);
		ck_assert_int_eq(level.err, TPAR_ECANCELED);
		ck_assert_uint_eq(level.why.index, (size_t)victims[i]);
		ck_assert_int_eq(level.why.state, TPAR_CANCELLED);
		ck_assert_int_eq(level.why.code, TPAR_ESTOPPED);
		ck_assert_uint_gt(strlen(level.why.message), 0);
		ck_assert(level.all_ended);
		ck_assert(!level.stopped);
		check_state(&level, LEAF, TPAR_CANCELLED);
		check_state(&level, STUCK, TPAR_CANCELLED);
		ck_assert_int_eq(level.values[LAST], 0);
		tpar_future_unref_all(level.f, MEMBERS);
		tpar_future_unref(root);
	}
	end();
}
END_TEST

START_TEST(settled_set_has_a_stopped_member_in_its_slot)
{
	struct level level;
	tpar_future *root;

	begin();
	level = new_level(TPAR_ESTOPPED);
	level.stuck = level.failing = level.settled = true;
	root = enter(&level);
	unit_gate_open(&level.leaf.hold.go);
	ck_assert_int_eq(tpar_future_cancel(level.f[STUCK]), TPAR_OK);
	ck_assert_int_eq(tpar_future_cancel(level.f[LEAF]), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(level.f[LEAF], TPAR_FOREVER),
			 TPAR_ECANCELED);
	/* The others go on, and nobody asks them to stop. */
	unit_gate_open(&level.fail);
	ck_assert_int_eq(tpar_future_wait(root, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(level.err, TPAR_OK);
	ck_assert_int_eq(level.outcomes[STUCK].state, TPAR_CANCELLED);
	ck_assert_int_eq(level.outcomes[STUCK].code, TPAR_ESTOPPED);
	ck_assert_int_eq(level.outcomes[LEAF].state, TPAR_CANCELLED);
	ck_assert_int_eq(level.outcomes[FAILING].state, TPAR_FAILED);
	ck_assert_int_eq(level.outcomes[FAILING].code, 31);
	ck_assert_int_eq(level.outcomes[LAST].state, TPAR_DONE);
	ck_assert_int_eq(level.values[STUCK], 0);
	ck_assert_int_eq(level.values[LAST], 8);
	ck_assert(!level.stopped);
	tpar_future_unref_all(level.f, MEMBERS);
	tpar_future_unref(root);
	end();
}
END_TEST

START_TEST(failing_set_stops_a_member_that_is_in_another_set_too)
{
	struct level failing;
	struct level other;
	tpar_future *root[2];

	begin();
	failing = new_level(TPAR_ESTOPPED);
	failing.failing = true;
	other = new_level(0);
	other.stuck = true;
	root[0] = enter(&failing);
	other.shared = failing.f[LEAF];
	root[1] = enter(&other);
	unit_gate_open(&failing.leaf.hold.go);
	unit_gate_open(&failing.fail);
	ck_assert_int_eq(tpar_wait_all(root, 2, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(failing.err, TPAR_EFAILED);
	ck_assert_uint_eq(failing.why.index, FAILING);
	ck_assert_int_eq(failing.why.code, 31);
	ck_assert_int_eq(other.err, TPAR_ECANCELED);
	ck_assert_uint_eq(other.why.index, LEAF);
	ck_assert_int_eq(other.why.state, TPAR_CANCELLED);
	check_state(&other, STUCK, TPAR_CANCELLED);
	ck_assert(!failing.stopped && !other.stopped);
	tpar_future_unref_all(failing.f, MEMBERS);
	tpar_future_unref_all(other.f, MEMBERS);
	tpar_future_unref_all(root, 2);
	end();
}
END_TEST

START_TEST(failure_before_the_stop_is_the_cause)
{
	struct level level;
	tpar_future *root;

	begin();
	level = new_level(TPAR_ESTOPPED);
	level.failing = true;
	root = enter(&level);
	unit_gate_open(&level.fail);
	unit_gate_await(&level.leaf.asked, 1);
	ck_assert_int_eq(tpar_future_cancel(root), TPAR_OK);
	unit_gate_open(&level.leaf.hold.go);
	ck_assert_int_eq(tpar_future_wait(root, TPAR_FOREVER), TPAR_EFAILED);
	ck_assert_int_eq(tpar_future_code(root), 31);
	ck_assert_int_eq(level.err, TPAR_EFAILED);
	ck_assert_uint_eq(level.why.index, FAILING);
	/* It has waited for the leaf to clean up. */
	ck_assert(level.all_ended);
	ck_assert(level.stopped);
	tpar_future_unref_all(level.f, MEMBERS);
	tpar_future_unref(root);
	end();
}
END_TEST

START_TEST(stop_before_the_failure_is_the_cause)
{
	struct level level;
	tpar_future *root;

	begin();
	level = new_level(22);
	level.stuck = true;
	root = enter(&level);
	ck_assert_int_eq(tpar_future_cancel(root), TPAR_OK);
	unit_gate_open(&level.leaf.hold.go);
	ck_assert_int_eq(tpar_future_wait(root, TPAR_FOREVER), TPAR_ECANCELED);
	check_stopped(&level);
	check_state(&level, LEAF, TPAR_FAILED);
	ck_assert_int_eq(tpar_future_code(level.f[LEAF]), 22);
	tpar_future_unref_all(level.f, MEMBERS);
	tpar_future_unref(root);
	end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		stop_goes_down_to_all_members_and_nested_sets,
		stopped_set_waits_for_every_member,
		complete_set_wins_over_the_stop,
		member_stopped_by_somebody_else_fails_the_set,
		settled_set_has_a_stopped_member_in_its_slot,
		failing_set_stops_a_member_that_is_in_another_set_too,
		failure_before_the_stop_is_the_cause,
		stop_before_the_failure_is_the_cause,
	};

	return unit_main("stop_set", tests, sizeof tests / sizeof tests[0]);
}
