/* SPDX-License-Identifier: MIT */
/*
 * sort.c - a merge sort whose halves, and whose merges, are forked.
 *
 * The array and a spare one take turns: each level of merges moves the elements
 * from where they are to the other one.  Parts that turn out to be sorted stay
 * where they are, and those that descend are reversed only if what stands beside
 * them does not go on descending.
 *
 * At any time each part has its elements in one of the two places, and who forks
 * knows in which: a fork that is skipped, as the computation is to stop, says 0
 * like any join that is skipped, which means that nothing has been moved.  So
 * the array never loses an element.
 */
#include "config.h"

#include "area.h"
#include "forkjoin.h"
#include "merge.h"

#include <taskpar/algorithm.h>

#include <pthread.h>
#include <string.h>

/*
 * How many elements are sorted, or merged, without forking: the share of the
 * array, so that there is something for many workers, within bounds.  With the
 * fastest comparisons, on Zen 4, sorting 2048 takes 45 us, merging 16384 33 us;
 * less is slower by some percent.
 */
#define GRAINS 32
#define GRAIN_MIN 512
#define SORT_GRAIN_MAX 2048
#define MERGE_GRAIN_MAX 16384

/* What a part is like afterwards; 0 is what it is like at first. */
enum part {
	IN_ARRAY = TPI_IN_ARRAY,
	IN_SPARE = TPI_IN_SPARE,
	DESCENDING /* in the array; each before its predecessor */
};

struct sort {
	struct tpi_order order;
	struct tpi_area area;
	size_t merge_grain;    /* merged by one task */
	enum tpi_place leaves; /* so that all is in the array in the end */
};

/* Neighbours being merged, to the other place. */
struct join {
	const struct sort *sort;
	size_t left;  /* where it begins, in elements */
	size_t right; /* where that ends, and this begins */
	enum tpi_place from;
};

/* ---- Merging --------------------------------------------------------------- */

static struct tpi_sorted
elements(const struct join *join, size_t first, size_t end)
{
	struct tpi_sorted part = { tpi_area_element(&join->sort->area,
						    join->from, first),
				   end - first };

	return part;
}

static char *
goal(const struct join *join, size_t i, size_t j)
{
	return tpi_area_element(&join->sort->area, tpi_place_other(join->from),
				join->left + i + j);
}

/* Instead of merging. */
static void
keep(const struct join *join, size_t i, size_t i_end, size_t j, size_t j_end)
{
	struct tpi_sorted left =
		elements(join, join->left + i, join->left + i_end);
	struct tpi_sorted right =
		elements(join, join->right + j, join->right + j_end);
	size_t size = join->sort->area.size;

	memcpy(goal(join, i, j), left.at, left.n * size);
	memcpy(goal(join, i_end, j), right.at, right.n * size);
}

/*
 * Merges elements i to i_end of the left part and j to j_end of the right one.
 * Returns 1; or 0: nothing has been moved.
 */
TPAR_TASK_5(int, merge_part, const struct join *, join, size_t, i, size_t,
	    i_end, size_t, j, size_t, j_end)
{
	const struct tpi_order *order = &join->sort->order;
	struct tpi_sorted left =
		elements(join, join->left + i, join->left + i_end);
	struct tpi_sorted right =
		elements(join, join->right + j, join->right + j_end);
	size_t half = (left.n + right.n) / 2;
	size_t i_mid, j_mid;

	if (tpi_area_stopped()) {
		return 0;
	}
	if (left.n + right.n <= join->sort->merge_grain) {
		tpi_merge(order, goal(join, i, j), left, right);
		return 1;
	}
	i_mid = tpi_merge_split(order, left, right, half);
	j_mid = j + (half - i_mid);
	i_mid += i;
	TPAR_FORK(merge_part, join, i, i_mid, j, j_mid);
	if (TPAR_CALL(merge_part, join, i_mid, i_end, j_mid, j_end) == 0) {
		keep(join, i_mid, i_end, j_mid, j_end);
	}
	if (TPAR_JOIN(merge_part) == 0) {
		keep(join, i, i_mid, j, j_mid);
	}
	return 1;
}

/* ---- Sorting --------------------------------------------------------------- */

/* A part that is not divided: what it is like afterwards. */
static enum part
sort_leaf(const struct sort *sort, size_t first, size_t n)
{
	const struct tpi_area *area = &sort->area;
	char *from = tpi_area_element(area, TPI_IN_ARRAY, first);
	bool descending;

	if (tpi_area_stopped()) {
		return IN_ARRAY;
	}
	if (tpi_merge_run(&sort->order, from, n, &descending) == n) {
		return descending ? DESCENDING : IN_ARRAY;
	}
	tpi_merge_sort(&sort->order, from,
		       tpi_area_element(area, TPI_IN_SPARE, first), n,
		       sort->leaves == TPI_IN_SPARE);
	return (enum part)sort->leaves;
}

static enum tpi_place
ascending(const struct sort *sort, enum part part, size_t first, size_t n)
{
	if (part == DESCENDING) {
		tpi_merge_reverse(tpi_area_element(&sort->area, TPI_IN_ARRAY,
						   first),
				  n, sort->area.size);
		return TPI_IN_ARRAY;
	}
	return (enum tpi_place)part;
}

/* Is the element at i to be before the one before it? */
static bool
is_inverted(const struct sort *sort, enum tpi_place place, size_t i)
{
	return tpi_order_is_before(&sort->order,
				   tpi_area_element(&sort->area, place, i),
				   tpi_area_element(&sort->area, place, i - 1));
}

/*
 * Brings both parts to one place, ascending; if one has to be moved, so that the
 * merge leads to where the merges at this depth do.
 */
static enum tpi_place
together(const struct sort *sort, const struct join *join, size_t n,
	 enum part left, enum part right, unsigned depth)
{
	size_t half = join->right - join->left;
	enum tpi_place from = ascending(sort, left, join->left, half);
	enum tpi_place at = ascending(sort, right, join->right, n - half);
	bool toggled = (depth - 1) % 2 > 0;

	if (from == at) {
		return from;
	}
	if (from == (toggled ? tpi_place_other(sort->leaves) : sort->leaves)) {
		tpi_area_move(&sort->area, at, join->right, n - half);
		return from;
	}
	tpi_area_move(&sort->area, from, join->left, half);
	return at;
}

/*
 * Sorts n elements from the first on, by halving them `depth` times.  Returns
 * what they are like.
 */
TPAR_TASK_4(int, sort_part, const struct sort *, sort, size_t, first, size_t, n,
	    unsigned, depth)
{
	size_t half = tpi_merge_half(n);
	struct join join = { sort, first, first + half, TPI_IN_ARRAY };
	enum part left, right;

	if (depth == 0) {
		return (int)sort_leaf(sort, first, n);
	}
	TPAR_FORK(sort_part, sort, first, half, depth - 1);
	right = (enum part)TPAR_CALL(sort_part, sort, first + half, n - half,
				     depth - 1);
	left = (enum part)TPAR_JOIN(sort_part);
	if (left == DESCENDING && right == DESCENDING &&
	    is_inverted(sort, TPI_IN_ARRAY, join.right)) {
		return DESCENDING;
	}
	join.from = together(sort, &join, n, left, right, depth);
	if (!is_inverted(sort, join.from, join.right) ||
	    TPAR_CALL(merge_part, &join, 0, half, 0, n - half) == 0) {
		return (int)join.from;
	}
	return (int)tpi_place_other(join.from);
}

TPAR_VOID_TASK_3(sort_all, const struct sort *, sort, size_t, n, unsigned,
		 depth)
{
	enum part part = (enum part)TPAR_CALL(sort_part, sort, 0, n, depth);

	if (ascending(sort, part, 0, n) == TPI_IN_SPARE) {
		tpi_area_move(&sort->area, TPI_IN_SPARE, 0, n);
	}
}

/* ---- The call -------------------------------------------------------------- */

static size_t
grain(size_t n, size_t max)
{
	size_t share = n / GRAINS;

	return share < GRAIN_MIN ? GRAIN_MIN : share > max ? max : share;
}

static enum tpar_err
run(tpar_pool *pool, struct sort *sort, size_t n, struct tpar_failure *why)
{
	union {
		struct tpar_slot slot;
		struct tpar_slot_sort_all_ typed;
	} root;
	unsigned depth = 0;

	while (n >> depth > grain(n, SORT_GRAIN_MAX)) {
		depth++;
	}
	sort->merge_grain = grain(n, MERGE_GRAIN_MAX);
	sort->leaves = depth % 2 > 0 ? TPI_IN_SPARE : TPI_IN_ARRAY;
	root.typed.data.arg.sort = sort;
	root.typed.data.arg.n = n;
	root.typed.data.arg.depth = depth;
	return tpi_forkjoin_root(pool, tpar_wrap_sort_all_, &root.slot, why,
				 "tpar_sort", depth > 0);
}

enum tpar_err
tpar_sort(tpar_pool *pool, void *base, size_t n, size_t size,
	  int (*compare)(const void *a, const void *b, void *arg), void *arg,
	  struct tpar_failure *why)
{
	struct sort sort = { .order = { compare, arg, size } };
	enum tpar_err err;

	err = tpi_area_make(&sort.area, base, n, size, compare != NULL, why);
	if (err != TPAR_OK || n < 2) {
		return err;
	}
	pthread_cleanup_push(tpi_area_free, &sort.area);
	err = run(pool, &sort, n, why);
	pthread_cleanup_pop(1);
	return err;
}
