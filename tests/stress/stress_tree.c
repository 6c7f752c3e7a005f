/* SPDX-License-Identifier: MIT */
/*
 * stress_tree.c - trees of sets within sets, of a random shape, in which leaves
 * fail and branches are cancelled anywhere, on few and on many workers.  A set
 * has ended when its call returns: branches live on the stack of the one above.
 */
#include "stress.h"

#include <taskpar/cancel.h>

enum { WIDTH = 5, DEPTH = 6, LEAF_CODE = 5 };

struct tree {
	unsigned fails;	    /* of a thousand leaves */
	_Atomic long begun; /* branches and leaves */
	_Atomic long ended;
	pthread_mutex_t lock;
	tpar_future *victim; /* [m:lock] to be cancelled, any branch */
};

struct branch {
	struct tree *tree;
	uint64_t seed;
	int depth;
	bool running;
};

static tpar_pool *pool;

/* ---- The shape, without running anything ---------------------------------- */

static unsigned
branches(struct stress_random *random, const struct branch *branch)
{
	return branch->depth == 0 || stress_chance(random, 15)
		       ? 0
		       : 1 + stress_below(random, WIDTH);
}

static bool
leaf_fails(struct stress_random *random, const struct tree *tree)
{
	return stress_below(random, 1000) < tree->fails;
}

/* Returns how many leaves there are; *bad: those that fail. */
static long
count_leaves(const struct branch *branch, long *bad)
{
	struct stress_random random = { branch->seed };
	unsigned n = branches(&random, branch);
	long leaves = 0;
	unsigned i;

	if (n == 0) {
		*bad += leaf_fails(&random, branch->tree);
		return 1;
	}
	for (i = 0; i < n; i++) {
		struct branch below = { branch->tree, stress_next(&random),
					branch->depth - 1, false };

		leaves += count_leaves(&below, bad);
	}
	return leaves;
}

/* ---- Running it ---------------------------------------------------------- */

static int grow(void *arg, void *value);

static int
end_settled(tpar_future **f, unsigned n, long *values)
{
	struct tpar_outcome outcome[WIDTH];
	enum tpar_err err = tpar_gather_settled(f, n, values, outcome);
	unsigned i;

	if (err != TPAR_OK) {
		UNIT_MUST(err == TPAR_ESTOPPED && tpar_cancelled());
		return TPAR_ESTOPPED;
	}
	for (i = 0; i < n; i++) {
		if (outcome[i].state == TPAR_FAILED) {
			return tpar_fail(outcome[i].code, "%s",
					 outcome[i].message);
		}
		if (outcome[i].state == TPAR_CANCELLED) {
			return tpar_fail(TPAR_ECANCELED, "a branch");
		}
	}
	return 0;
}

static void
offer_victim(struct tree *tree, tpar_future *f)
{
	tpar_future *before;

	UNIT_MUST(pthread_mutex_lock(&tree->lock) == 0);
	before = tree->victim;
	tree->victim = tpar_future_ref(f);
	UNIT_MUST(pthread_mutex_unlock(&tree->lock) == 0);
	tpar_future_unref(before);
}

/* As futures, in one of several ways. */
static int
run_set(struct stress_random *random, struct branch *below, unsigned n,
	long *values)
{
	struct tpar_task task = TPAR_TASK_INIT;
	int64_t late = tpar_in(3600 * TPAR_SECOND);
	unsigned how = stress_below(random, 4);
	struct tpar_failure why = { .code = 0 };
	tpar_future *f[WIDTH];
	int rc;

	task.fn = grow;
	task.value_size = sizeof *values;
	UNIT_MUST(tpar_submit_many(NULL, &task, below, sizeof *below, n, f) ==
		  TPAR_OK);
	offer_victim(below->tree, f[stress_below(random, n)]);
	if (how == 0) {
		rc = end_settled(f, n, values);
	} else if (tpar_gather_until(f, n, values,
				     how == 1 ? late : TPAR_FOREVER,
				     &why) == TPAR_OK) {
		rc = 0;
	} else {
		rc = tpar_fail_from(&why);
	}
	tpar_future_unref_all(f, n);
	return rc;
}

static int
run_branches(struct stress_random *random, struct branch *below, unsigned n,
	     long *values)
{
	struct tpar_failure why;
	unsigned i;
	int rc;

	if (stress_chance(random, 20)) {
		rc = tpar_map(NULL, grow, below, sizeof *below, values,
			      sizeof *values, n, &why) == TPAR_OK
			     ? 0
			     : tpar_fail_from(&why);
	} else {
		rc = run_set(random, below, n, values);
	}
	for (i = 0; i < n; i++) {
		UNIT_MUST(!below[i].running);
	}
	return rc;
}

static int
grow_on(struct branch *branch, long *leaves)
{
	struct stress_random random = { branch->seed };
	unsigned n = branches(&random, branch);
	struct branch below[WIDTH];
	long values[WIDTH];
	unsigned i;
	int rc;

	if (n == 0) {
		*leaves = 1;
		return leaf_fails(&random, branch->tree)
			       ? tpar_fail(LEAF_CODE, "a leaf")
			       : 0;
	}
	for (i = 0; i < n; i++) {
		below[i] = (struct branch) { branch->tree, stress_next(&random),
					     branch->depth - 1, false };
	}
	rc = run_branches(&random, below, n, values);
	for (i = 0; rc == 0 && i < n; i++) {
		*leaves += values[i];
	}
	/* Whoever still looked at them would see that. */
	memset(below, 0xff, sizeof below);
	return rc;
}

static int
grow(void *arg, void *value)
{
	struct branch *branch = arg;
	struct tree *tree = branch->tree;
	int rc;

	atomic_fetch_add(&tree->begun, 1);
	branch->running = true;
	rc = grow_on(branch, value);
	branch->running = false;
	atomic_fetch_add(&tree->ended, 1);
	return rc;
}

/* ---- Rounds -------------------------------------------------------------- */

struct canceller {
	struct tree *tree;
	uint64_t seed;
	_Atomic bool stop;
};

static void *
cancel_some(void *arg)
{
	struct canceller *self = arg;
	struct stress_random random = { self->seed };
	tpar_future *victim;

	while (!atomic_load(&self->stop)) {
		stress_dawdle(&random, 60);
		UNIT_MUST(pthread_mutex_lock(&self->tree->lock) == 0);
		victim = self->tree->victim;
		self->tree->victim = NULL;
		UNIT_MUST(pthread_mutex_unlock(&self->tree->lock) == 0);
		if (victim != NULL) {
			(void)tpar_future_cancel(victim);
			tpar_future_unref(victim);
		}
		sched_yield();
	}
	return NULL;
}

static void
check_root(tpar_future *f, const struct branch *root, bool cancels)
{
	long bad = 0;
	long leaves = count_leaves(root, &bad);
	int code = tpar_future_code(f);
	long value = 0;

	switch (tpar_future_state(f)) {
	case TPAR_DONE:
		UNIT_MUST(bad == 0);
		UNIT_MUST(tpar_future_take(f, &value) == TPAR_OK);
		UNIT_MUST(value == leaves);
		break;
	case TPAR_FAILED:
		UNIT_MUST((bad > 0 && code == LEAF_CODE) ||
			  (cancels && code == TPAR_ECANCELED));
		UNIT_MUST(code != LEAF_CODE ||
			  strstr(tpar_future_message(f), "a leaf") != NULL);
		break;
	default:
		UNIT_MUST(cancels);
		break;
	}
}

static void
run_tree(struct stress_random *random)
{
	static const unsigned fails[] = { 0, 3, 50 };
	struct tree tree = { .fails = fails[stress_below(random, 3)],
			     .lock = PTHREAD_MUTEX_INITIALIZER };
	struct branch root = { &tree, stress_next(random), DEPTH, false };
	struct canceller canceller = { &tree, stress_next(random), false };
	bool cancels = stress_chance(random, 50);
	pthread_t thread = pthread_self();
	tpar_future *f;

	if (cancels) {
		thread = unit_start(cancel_some, &canceller);
	}
	f = unit_submit(pool, grow, &root, sizeof(long));
	if (cancels && stress_chance(random, 50)) {
		offer_victim(&tree, f);
	}
	(void)tpar_future_wait(f, TPAR_FOREVER);
	UNIT_MUST(!root.running);
	UNIT_MUST(atomic_load(&tree.begun) == atomic_load(&tree.ended));
	check_root(f, &root, cancels);
	tpar_future_unref(f);
	if (cancels) {
		atomic_store(&canceller.stop, true);
		unit_join(thread);
	}
	tpar_future_unref(tree.victim);
}

static long
run_trees(const char *name, unsigned workers, long rounds)
{
	long n;

	pool = unit_pool(workers, 256);
	n = stress_run(name, run_tree, rounds);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
	return n;
}

START_TEST(trees_end_on_one_worker)
{
	ck_assert_int_gt(run_trees("1 worker", 1, 60), 0);
}
END_TEST

START_TEST(trees_end_on_two_workers)
{
	ck_assert_int_gt(run_trees("2 workers", 2, 60), 0);
}
END_TEST

START_TEST(trees_end_on_three_workers)
{
	ck_assert_int_gt(run_trees("3 workers", 3, 60), 0);
}
END_TEST

START_TEST(trees_end_on_eight_workers)
{
	ck_assert_int_gt(run_trees("8 workers", 8, 60), 0);
}
END_TEST

START_TEST(trees_end_on_more_workers_than_processors)
{
	ck_assert_int_gt(run_trees("64 workers", 64, 30), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { trees_end_on_one_worker,
				 trees_end_on_two_workers,
				 trees_end_on_three_workers,
				 trees_end_on_eight_workers,
				 trees_end_on_more_workers_than_processors };

	return stress_main("stress_tree", tests,
			   sizeof tests / sizeof tests[0]);
}
