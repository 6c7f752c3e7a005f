/* SPDX-License-Identifier: MIT */
/*
 * stress_loops.c - loops, reductions, prefix sums and searches within each other,
 * of random sizes and grains, in which items fail and tasks are cancelled: each
 * has the value and the outcome of the same program without threads.
 */
#include "stress.h"

#include <taskpar/cancel.h>

enum { DEPTH = 3, LEAF_CODE = 5, ITEMS_MAX = 300 };

enum kind { LEAF, RANGE, TILES, REDUCTION, SCAN, SEARCH, KINDS };

/* One algorithm over items that are nodes, too; or a leaf. */
struct node {
	uint64_t seed;
	int depth;
	unsigned fails; /* of ten thousand leaves */
	enum kind kind;
	size_t n;
	size_t columns; /* of tiles */
	size_t grain;
	uint64_t rare; /* what a search looks for is a multiple of that */
};

static tpar_pool *pool;

/* ---- The shape ------------------------------------------------------------- */

static struct node
make_node(uint64_t seed, int depth, unsigned fails)
{
	struct stress_random random = { seed };
	struct node node = { .seed = seed, .depth = depth, .fails = fails };
	unsigned most = depth == 1 ? ITEMS_MAX : 12;

	if (depth > 0) {
		node.kind = 1 + stress_below(&random, KINDS - 1);
		node.n = stress_below(&random, most);
		node.columns = 1 + stress_below(&random, 9);
		node.n -= node.kind == TILES ? node.n % node.columns : 0;
		node.grain = stress_chance(&random, 50)
				     ? 0
				     : 1 + stress_below(&random, 20);
		node.rare = 1 + stress_below(&random, most);
	}
	return node;
}

static struct node
item_of(const struct node *node, size_t i)
{
	struct stress_random random = { node->seed + (i + 1) * 1000003 };

	return make_node(stress_next(&random), node->depth - 1, node->fails);
}

/* What a scan makes of its prefix sums: order matters. */
static uint64_t
mix_sums(const uint64_t *sums, size_t n)
{
	uint64_t mixed = n;
	size_t i;

	for (i = 0; i < n; i++) {
		mixed = mixed * 31 + sums[i];
	}
	return mixed;
}

static int
run_leaf(const struct node *node, uint64_t *value)
{
	struct stress_random random = { node->seed };
	volatile unsigned rounds = 0;

	*value = stress_next(&random);
	if (stress_chance(&random, 3)) {
		for (rounds = stress_below(&random, 3000); rounds > 0;) {
			rounds--;
		}
	}
	return stress_below(&random, 10000) < node->fails ? LEAF_CODE : 0;
}

/* ---- Without threads ------------------------------------------------------- */

static int
run_serially(const struct node *node, uint64_t *value)
{
	uint64_t sums[ITEMS_MAX];
	uint64_t sum = 0;
	uint64_t v = 0;
	size_t i;
	int code = 0;

	if (node->kind == LEAF) {
		return run_leaf(node, value);
	}
	for (i = 0; i < node->n && code == 0; i++) {
		struct node item = item_of(node, i);

		code = run_serially(&item, &v);
		if (node->kind == SEARCH && code == 0 && v % node->rare == 0) {
			break;
		}
		sum += v;
		sums[i] = sum;
	}
	*value = node->kind == SEARCH ? i
		 : node->kind == SCAN ? mix_sums(sums, node->n)
				      : sum;
	return code;
}

/* ---- With threads ---------------------------------------------------------- */

static int run_node(const struct node *node, uint64_t *value);

struct place {
	const struct node *node;
	_Atomic uint64_t sum;
	uint64_t *values; /* of a scan */
};

static int
fold_items(size_t begin, size_t end, void *sum, void *arg)
{
	const struct place *place = arg;
	uint64_t v = 0;
	int code = 0;

	for (; begin < end && code == 0; begin++) {
		struct node item = item_of(place->node, begin);

		code = run_node(&item, &v);
		*(uint64_t *)sum += v;
		if (place->values != NULL) {
			place->values[begin] = v;
		}
	}
	return code;
}

static int
add_items(size_t begin, size_t end, void *arg)
{
	struct place *place = arg;
	uint64_t sum = 0;
	int code = fold_items(begin, end, &sum, place);

	atomic_fetch_add(&place->sum, sum);
	return code;
}

static int
add_tile(const struct tpar_tile *tile, void *arg)
{
	struct place *place = arg;
	size_t columns = place->node->columns;
	size_t row;
	int code = 0;

	for (row = tile->row_begin; row < tile->row_end && code == 0; row++) {
		code = add_items(row * columns + tile->column_begin,
				 row * columns + tile->column_end, place);
	}
	return code;
}

static int
add_sums(void *left, const void *right, void *arg)
{
	(void)arg;
	*(uint64_t *)left += *(const uint64_t *)right;
	return 0;
}

static int
look_at_items(size_t begin, size_t end, size_t *hit, void *arg)
{
	const struct node *node = ((struct place *)arg)->node;
	uint64_t v = 0;

	for (; begin < end; begin++) {
		struct node item = item_of(node, begin);
		int code = run_node(&item, &v);

		if (code != 0) {
			return code;
		}
		if (v % node->rare == 0) {
			*hit = begin;
			break;
		}
	}
	return 0;
}

static enum tpar_err
scan_items(struct place *place, uint64_t *value, struct tpar_failure *why)
{
	struct tpar_prefix how = TPAR_PREFIX_INIT;
	const struct node *node = place->node;
	uint64_t values[ITEMS_MAX];
	enum tpar_err err;

	place->values = values;
	how.value_size = sizeof values[0];
	how.combine = add_sums;
	err = tpar_for(NULL, 0, node->n, 0, add_items, place, why);
	if (err == TPAR_OK) {
		err = tpar_scan(NULL, values, values, node->n, node->grain,
				&how, why);
	}
	*value = err == TPAR_OK ? mix_sums(values, node->n) : 0;
	return err;
}

static enum tpar_err
reduce_items(struct place *place, uint64_t *value, struct tpar_failure *why)
{
	struct tpar_reduction how = TPAR_REDUCTION_INIT;

	how.value_size = sizeof *value;
	how.fold = fold_items;
	how.combine = add_sums;
	how.arg = place;
	return tpar_reduce(NULL, 0, place->node->n, place->node->grain, &how,
			   value, why);
}

static enum tpar_err
run_kind(struct place *place, uint64_t *value, struct tpar_failure *why)
{
	const struct node *node = place->node;
	size_t index = 0;
	enum tpar_err err;

	switch (node->kind) {
	case REDUCTION:
		return reduce_items(place, value, why);
	case SCAN:
		return scan_items(place, value, why);
	case SEARCH:
		err = tpar_find_first(NULL, 0, node->n, node->grain,
				      look_at_items, place, &index, why);
		*value = index;
		return err;
	case TILES:
		err = tpar_for_2d(NULL, node->n / node->columns, node->columns,
				  node->grain, node->grain / 2, add_tile, place,
				  why);
		break;
	default:
		err = tpar_for(NULL, 0, node->n, node->grain, add_items, place,
			       why);
		break;
	}
	*value = atomic_load(&place->sum);
	return err;
}

static int
run_node(const struct node *node, uint64_t *value)
{
	struct place place = { .node = node };
	struct tpar_failure why;
	enum tpar_err err;

	if (node->kind == LEAF) {
		return run_leaf(node, value);
	}
	err = run_kind(&place, value, &why);
	if (err == TPAR_OK) {
		return 0;
	}
	UNIT_MUST(err == TPAR_EFAILED || err == TPAR_ESTOPPED);
	UNIT_MUST(why.message[0] != '\0');
	return tpar_fail_from(&why);
}

static int
run_root(void *node, void *value)
{
	return run_node(node, value);
}

/* ---- Rounds ---------------------------------------------------------------- */

static void
round_of_loops(struct stress_random *random)
{
	unsigned fails = stress_chance(random, 50) ? 0 : 3;
	struct node node = make_node(stress_next(random), DEPTH, fails);
	bool cancel = stress_chance(random, 20);
	uint64_t expected = 0;
	int code = run_serially(&node, &expected);
	tpar_future *f = unit_submit(pool, run_root, &node, sizeof expected);
	enum tpar_err err;

	if (cancel) {
		stress_dawdle(random, 1000);
		(void)tpar_future_cancel(f);
	}
	err = tpar_future_wait(f, TPAR_FOREVER);
	if (err == TPAR_OK) {
		UNIT_MUST(code == 0);
		UNIT_MUST(*(const uint64_t *)tpar_future_value(f) == expected);
	} else if (err == TPAR_EFAILED) {
		UNIT_MUST(code == LEAF_CODE);
		UNIT_MUST(tpar_future_code(f) == LEAF_CODE);
	} else {
		UNIT_MUST(cancel && err == TPAR_ECANCELED);
	}
	tpar_future_unref(f);
}

static void
run_on(unsigned workers, long rounds)
{
	long n;

	pool = unit_pool(workers, 1);
	n = stress_run("loops", round_of_loops, rounds);
	ck_assert_int_ge(n, 0);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}

START_TEST(loops_on_one_worker)
{
	run_on(1, 100);
}
END_TEST

START_TEST(loops_on_two_workers)
{
	run_on(2, 200);
}
END_TEST

START_TEST(loops_on_many_workers)
{
	run_on(6, 100);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		loops_on_one_worker,
		loops_on_two_workers,
		loops_on_many_workers,
	};

	return stress_main("stress_loops", tests,
			   sizeof tests / sizeof tests[0]);
}
