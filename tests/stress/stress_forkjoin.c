/* SPDX-License-Identifier: MIT */
/*
 * stress_forkjoin.c - random trees of forks, calls, computations within, and
 * futures that run some, from several threads at once, on few and on many
 * workers.  Each has a checksum, which a sequential walk knows; some fail, some
 * are stopped.
 */
#include "stress.h"

#include <taskpar/cancel.h>
#include <taskpar/forkjoin.h>

enum { CHILDREN = 6, DEPTH = 7, CODE = 5, THREADS = 4, WORKERS = 8 };

/* How a child is run. */
enum how { FORK, FORK_TOO, FORK_AGAIN, CALL, RUN, SUBMIT, LOOP, HOWS };

struct tree {
	unsigned fails;	    /* of ten thousand nodes */
	bool stops;	    /* its nodes look whether they should */
	_Atomic long begun; /* nodes */
	_Atomic long ended;
	_Atomic int told; /* some node gave up */
};

/* What a node does; the same from the same seed. */
struct plan {
	struct tree *tree;
	int depth;
	unsigned n;
	enum how how[CHILDREN];
	uint64_t seed[CHILDREN];
	bool joins[CHILDREN]; /* then the youngest fork */
	unsigned dawdle;
	bool fails;
	uint64_t own;
};

static void
make_plan(struct plan *plan, struct tree *tree, uint64_t seed, int depth)
{
	struct stress_random random = { seed };
	unsigned i;

	plan->tree = tree;
	plan->depth = depth;
	plan->own = stress_next(&random);
	plan->fails = stress_below(&random, 10000) < tree->fails;
	plan->dawdle = stress_chance(&random, 2) ? 20 : 0;
	plan->n = depth == 0 ? 0 : stress_below(&random, CHILDREN);
	for (i = 0; i < plan->n; i++) {
		plan->how[i] = (enum how)stress_below(&random, HOWS);
		plan->seed[i] = stress_next(&random);
		plan->joins[i] = stress_chance(&random, 30);
	}
}

static uint64_t
leaf_value(uint64_t seed)
{
	struct stress_random random = { seed };

	return stress_next(&random);
}

/* So many forks of a loop. */
static unsigned
loop_length(uint64_t seed)
{
	return (unsigned)(seed % 50);
}

/* The checksum, by one thread; *bad: nodes that fail. */
static uint64_t
walk(struct tree *tree, uint64_t seed, int depth, long *bad)
{
	struct plan plan;
	uint64_t sum;
	unsigned i;
	unsigned k;

	make_plan(&plan, tree, seed, depth);
	*bad += plan.fails;
	sum = plan.own;
	for (i = 0; i < plan.n; i++) {
		uint64_t value = 0;

		if (plan.how[i] == LOOP) {
			for (k = 0; k < loop_length(plan.seed[i]); k++) {
				value += leaf_value(plan.seed[i] + k);
			}
		} else {
			value = walk(tree, plan.seed[i], depth - 1, bad);
		}
		sum += value * (2 * i + 1);
	}
	return sum;
}

/* ---- Running it ------------------------------------------------------------------ */

typedef struct plan *above;

TPAR_TASK_1(uint64_t, leaf, uint64_t, seed)
{
	return leaf_value(seed);
}

/* Below. */
TPAR_TASK_DECL_2(uint64_t, grow, above, parent, uint64_t, seed)

static void
give_up(struct tree *tree, int code)
{
	atomic_store(&tree->told, 1);
	tpar_run_fail(code, "code %d", code);
}

static uint64_t
run_within(struct plan *plan, uint64_t seed)
{
	struct tpar_failure why;
	uint64_t value = 0;
	enum tpar_err err = TPAR_RUN(grow, NULL, &value, &why, plan, seed);

	if (err != TPAR_OK) {
		UNIT_MUST(value == 0);
		UNIT_MUST(atomic_load(&plan->tree->told) != 0 ||
			  tpar_cancelled());
		UNIT_MUST(err == TPAR_ESTOPPED ||
			  (err == TPAR_EFAILED && why.code == CODE));
		give_up(plan->tree, err == TPAR_EFAILED ? CODE : TPAR_ESTOPPED);
	}
	return value;
}

struct errand {
	struct plan *plan;
	uint64_t seed;
};

static int
run_errand(void *arg, void *value)
{
	struct errand *errand = arg;

	return TPAR_RUN(grow, NULL, (uint64_t *)value, NULL, errand->plan,
			errand->seed);
}

static uint64_t
submit(struct plan *plan, uint64_t seed)
{
	struct errand errand = { plan, seed };
	uint64_t value = 0;
	tpar_future *f = NULL;
	enum tpar_err err =
		tpar_submit(NULL, run_errand, &errand, sizeof value, &f);

	if (err == TPAR_OK) {
		err = tpar_gather(&f, 1, &value, NULL);
		tpar_future_unref(f);
	}
	if (err != TPAR_OK) {
		UNIT_MUST(atomic_load(&plan->tree->told) != 0 ||
			  tpar_cancelled() || err == TPAR_ECLOSED);
		give_up(plan->tree, err == TPAR_EFAILED ? CODE : TPAR_ESTOPPED);
	}
	return value;
}

TPAR_TASK_1(uint64_t, loop, uint64_t, seed)
{
	unsigned n = loop_length(seed);
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		TPAR_FORK(leaf, seed + i);
	}
	for (i = 0; i < n; i++) {
		sum += TPAR_JOIN(leaf);
	}
	return sum;
}

static void
begin(struct plan *plan)
{
	struct stress_random random = { plan->own };

	atomic_fetch_add(&plan->tree->begun, 1);
	stress_dawdle(&random, plan->dawdle);
	if (plan->fails) {
		give_up(plan->tree, CODE);
	}
	if (plan->tree->stops && tpar_cancelled()) {
		give_up(plan->tree, TPAR_ESTOPPED);
	}
}

/* One that is not forked. */
TPAR_TASK_3(uint64_t, step, above, plan, uint64_t, seed, enum how, how)
{
	switch (how) {
	case RUN:
		return run_within(plan, seed);
	case SUBMIT:
		return submit(plan, seed);
	case LOOP:
		return TPAR_CALL(loop, seed);
	default:
		return TPAR_CALL(grow, plan, seed);
	}
}

/* The plan of who forks it is on its stack until it joins. */
TPAR_TASK_BODY_2(uint64_t, grow, above, parent, uint64_t, seed)
{
	unsigned forked[CHILDREN];
	unsigned forks = 0;
	struct plan plan;
	uint64_t sum;
	unsigned i;

	make_plan(&plan, parent->tree, seed, parent->depth - 1);
	begin(&plan);
	sum = plan.own;
	for (i = 0; i < plan.n; i++) {
		if (plan.how[i] < CALL) {
			forked[forks++] = 2 * i + 1;
			TPAR_FORK(grow, &plan, plan.seed[i]);
		} else {
			sum += TPAR_CALL(step, &plan, plan.seed[i],
					 plan.how[i]) *
			       (2 * i + 1);
		}
		if (plan.joins[i] && forks > 0) {
			sum += TPAR_JOIN(grow) * forked[--forks];
		}
	}
	while (forks > 0) {
		sum += TPAR_JOIN(grow) * forked[--forks];
	}
	atomic_fetch_add(&plan.tree->ended, 1);
	return sum;
}

/* ---- Rounds ------------------------------------------------------------------------ */

static tpar_pool *pool;

/* What one thread runs. */
struct part {
	struct tree tree;
	uint64_t seed;
	bool cut; /* the pool may be cancelled */
	pthread_t thread;
};

static void
start_pool(struct stress_random *random)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;

	config.workers = 1 + stress_below(random, WORKERS);
	config.blocking_limit = 1 + stress_below(random, WORKERS);
	config.stack_size = (size_t)1 << 20;
	UNIT_MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
}

static enum tpar_err
run_tree(struct part *part, uint64_t *value, struct tpar_failure *why)
{
	struct plan root = { .tree = &part->tree, .depth = DEPTH + 1 };
	enum tpar_err err = TPAR_RUN(grow, pool, value, why, &root, part->seed);

	/* Nothing runs any more. */
	UNIT_MUST(atomic_load(&part->tree.begun) ==
		  atomic_load(&part->tree.ended));
	return err;
}

static void
check_tree(struct part *part, uint64_t value, enum tpar_err err)
{
	long bad = 0;
	uint64_t sum = walk(&part->tree, part->seed, DEPTH, &bad);

	UNIT_MUST(value == (err == TPAR_OK ? sum : 0));
	UNIT_MUST(err != TPAR_OK || bad == 0);
	if (part->cut || part->tree.stops) {
		UNIT_MUST(err == TPAR_OK || err == TPAR_ESTOPPED ||
			  (err == TPAR_EFAILED && bad > 0) ||
			  (part->cut &&
			   (err == TPAR_ECANCELED || err == TPAR_ECLOSED)));
	} else {
		UNIT_MUST(err == (bad > 0 ? TPAR_EFAILED : TPAR_OK));
	}
}

static void *
run_part(void *arg)
{
	struct part *part = arg;
	struct tpar_failure why;
	uint64_t value = 0;
	enum tpar_err err = run_tree(part, &value, &why);

	UNIT_MUST(err != TPAR_EFAILED || why.code == CODE);
	check_tree(part, value, err);
	return NULL;
}

static struct part
make_part(struct stress_random *random)
{
	struct part part = { .seed = stress_next(random) };

	part.tree.fails = stress_chance(random, 30) ? 20 : 0;
	return part;
}

static void
grow_trees(struct stress_random *random)
{
	unsigned n = 1 + stress_below(random, THREADS);
	struct part part[THREADS];
	unsigned i;

	start_pool(random);
	for (i = 0; i < n; i++) {
		part[i] = make_part(random);
	}
	for (i = 0; i < n; i++) {
		part[i].thread = unit_start(run_part, &part[i]);
	}
	for (i = 0; i < n; i++) {
		unit_join(part[i].thread);
	}
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(trees_have_their_checksums_or_fail_as_they_should)
{
	ck_assert_int_gt(stress_run("trees", grow_trees, 60), 0);
}
END_TEST

/* As a future, which is cancelled while it runs. */
static int
run_part_in_task(void *arg, void *value)
{
	(void)value;
	(void)run_part(arg);
	return 0;
}

static void
cancel_trees(struct stress_random *random)
{
	struct part part = make_part(random);
	tpar_future *f;

	start_pool(random);
	part.tree.stops = true;
	f = unit_submit(pool, run_part_in_task, &part, 0);
	stress_dawdle(random, 100);
	(void)tpar_future_cancel(f);
	(void)tpar_future_wait(f, TPAR_FOREVER);
	tpar_future_unref(f);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(trees_are_stopped_anywhere)
{
	ck_assert_int_gt(stress_run("stopped", cancel_trees, 100), 0);
}
END_TEST

/* The pool ends under them. */
static void
cut_trees(struct stress_random *random)
{
	unsigned n = 1 + stress_below(random, THREADS);
	struct part part[THREADS];
	unsigned i;

	start_pool(random);
	for (i = 0; i < n; i++) {
		part[i] = make_part(random);
		part[i].cut = true;
		part[i].tree.stops = stress_chance(random, 50);
	}
	for (i = 0; i < n; i++) {
		part[i].thread = unit_start(run_part, &part[i]);
	}
	stress_dawdle(random, 100);
	UNIT_MUST(tpar_pool_shutdown(pool, TPAR_CANCEL, TPAR_FOREVER) ==
		  TPAR_OK);
	for (i = 0; i < n; i++) {
		unit_join(part[i].thread);
	}
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(trees_end_with_their_pool)
{
	ck_assert_int_gt(stress_run("cut", cut_trees, 60), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		trees_have_their_checksums_or_fail_as_they_should,
		trees_are_stopped_anywhere, trees_end_with_their_pool
	};

	return stress_main("stress_forkjoin", tests,
			   sizeof tests / sizeof tests[0]);
}
