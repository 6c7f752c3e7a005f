/* SPDX-License-Identifier: MIT */
/*
 * sortkeys.c - sorting by integer keys: a long array is split by the highest
 * digit in which its keys differ, a bucket that fits into a cache is sorted from
 * the low digits up.
 *
 * A split counts and then copies chunks of the array at the same time.  What it
 * copies from stays as it is, so if a fork is skipped, or the keys are not what
 * they were when they were counted, the split has not happened.  A bucket is
 * brought back to the array by who sorts it, or else by who forked that.
 */
#include "config.h"

#include "area.h"
#include "forkjoin.h"
#include "radix.h"

#include <taskpar/algorithm.h>

#include <pthread.h>
#include <stdlib.h>

/* Sorted by one task: half of a second-level cache, with the spare one. */
#define LEAF_BYTES ((size_t)512 << 10)
#define LEAF_MIN 1024

/* Elements of short buckets that one task sorts. */
#define GRAIN 4096

/* Elements of a chunk, and how many chunks there are at most. */
#define CHUNK_MIN 32768
#define CHUNKS_MAX 256

struct sort {
	struct tpi_keys keys;
	struct tpi_area area;
};

struct chunk {
	uint64_t vary;
	size_t count[TPI_RADIX_DIGITS];
	size_t at[TPI_RADIX_DIGITS];
};

/* A part of the array, and its buckets, which lie in the other place. */
struct split {
	const struct sort *sort;
	enum tpi_place from;
	size_t first;
	size_t n;
	uint64_t key; /* of one of its elements */
	unsigned low; /* bits below the digit that it is split by */
	size_t start[TPI_RADIX_DIGITS + 1]; /* of each bucket, from first */
	size_t per_chunk;
	size_t chunks;
	struct chunk chunk[];
};

/* ---- Splitting -------------------------------------------------------------- */

enum step { VARY, COUNT, SCATTER };

static bool
do_chunk(struct split *split, size_t c, enum step step)
{
	const struct sort *sort = split->sort;
	struct chunk *chunk = &split->chunk[c];
	size_t first = c * split->per_chunk;
	size_t n = split->n - first < split->per_chunk ? split->n - first
						       : split->per_chunk;
	const char *from = tpi_area_element(&sort->area, split->from,
					    split->first + first);

	switch (step) {
	case VARY:
		chunk->vary = tpi_radix_vary(&sort->keys, from, n, split->key);
		return true;
	case COUNT:
		tpi_radix_count(&sort->keys, from, n, split->low, chunk->count);
		return true;
	default:
		return tpi_radix_scatter(
			&sort->keys, from, n, split->low,
			tpi_area_element(&sort->area,
					 tpi_place_other(split->from),
					 split->first),
			chunk->at, chunk->count);
	}
}

/* A step for some chunks.  Returns 1; or 0: not for all. */
TPAR_TASK_4(int, do_chunks, struct split *, split, size_t, c, size_t, end,
	    enum step, step)
{
	int done;

	if (tpi_area_stopped()) {
		return 0;
	}
	if (end - c == 1) {
		return do_chunk(split, c, step);
	}
	TPAR_FORK(do_chunks, split, c, c + (end - c) / 2, step);
	done = TPAR_CALL(do_chunks, split, c + (end - c) / 2, end, step);
	return TPAR_JOIN(do_chunks) & done;
}

static bool
place_buckets(struct split *split)
{
	size_t sum = 0;
	size_t d;
	size_t c;

	for (d = 0; d < TPI_RADIX_DIGITS; d++) {
		split->start[d] = sum;
		for (c = 0; c < split->chunks; c++) {
			split->chunk[c].at[d] = sum;
			sum += split->chunk[c].count[d];
		}
	}
	split->start[d] = sum;
	return true;
}

/* How many of the lowest bits differ. */
static unsigned
bits_of(uint64_t vary)
{
	unsigned bits = 0;

	while (bits < 64 && vary >> bits > 0) {
		bits++;
	}
	return bits;
}

/* The highest one that differs, and below what was split by; or there is none. */
static bool
choose_digit(struct split *split, const struct split *outer)
{
	uint64_t vary = 0;
	unsigned bits;
	size_t c;

	for (c = 0; c < split->chunks; c++) {
		vary |= split->chunk[c].vary;
	}
	bits = bits_of(vary);
	bits = bits < outer->low ? bits : outer->low;
	split->low = bits > TPI_RADIX_BITS ? bits - TPI_RADIX_BITS : 0;
	return bits > 0;
}

/* ---- Buckets ---------------------------------------------------------------- */

/* Unless they are there: buckets as they are. */
static void
bring(const struct split *split, unsigned d, unsigned end)
{
	if (split->from == TPI_IN_ARRAY) {
		tpi_area_move(&split->sort->area, TPI_IN_SPARE,
			      split->first + split->start[d],
			      split->start[end] - split->start[d]);
	}
}

/* Sorts a bucket, and brings it to the array. */
static void
sort_leaf(const struct split *split, unsigned d)
{
	const struct sort *sort = split->sort;
	enum tpi_place place = tpi_place_other(split->from);
	size_t first = split->first + split->start[d];
	size_t n = split->start[d + 1] - split->start[d];
	char *from = tpi_area_element(&sort->area, place, first);
	char *to = tpi_area_element(&sort->area, split->from, first);
	uint64_t vary;

	if (n == 0) {
		return;
	}
	vary = tpi_radix_vary(&sort->keys, from, n,
			      tpi_radix_key(&sort->keys, from));
	if (tpi_radix_sort(&sort->keys, from, to, n, bits_of(vary))) {
		place = split->from;
	}
	if (place == TPI_IN_SPARE) {
		tpi_area_move(&sort->area, TPI_IN_SPARE, first, n);
	}
}

/* A bucket that is to be split in turn; NULL: it is not. */
static struct split *
make_split(const struct split *outer, unsigned d)
{
	const struct sort *sort = outer->sort;
	size_t n = outer->start[d + 1] - outer->start[d];
	enum tpi_place from = tpi_place_other(outer->from);
	size_t first = outer->first + outer->start[d];
	size_t per_chunk = n / CHUNKS_MAX + 1;
	struct split *split;
	size_t chunks;
	uint64_t key;

	if (n < LEAF_MIN || n <= LEAF_BYTES / sort->area.size) {
		return NULL;
	}
	per_chunk = per_chunk < CHUNK_MIN ? CHUNK_MIN : per_chunk;
	chunks = (n + per_chunk - 1) / per_chunk;
	key = tpi_radix_key(&sort->keys,
			    tpi_area_element(&sort->area, from, first));
	split = malloc(sizeof *split + chunks * sizeof split->chunk[0]);
	if (split != NULL) {
		split->sort = sort;
		split->from = from;
		split->first = first;
		split->n = n;
		split->key = key;
		split->per_chunk = per_chunk;
		split->chunks = chunks;
	}
	return split;
}

/*
 * Sorts buckets from d up to `end`, and brings them to the array.  Returns 1; or
 * 0: they are as they were, perhaps for no bit is left to sort them by.
 */
TPAR_TASK_3(int, sort_buckets, const struct split *, outer, unsigned, d,
	    unsigned, end)
{
	unsigned mid = d + (end - d) / 2;
	struct split *split;
	int done;

	if (tpi_area_stopped() || outer->low == 0) {
		return 0;
	}
	if (end - d > 1 && outer->start[end] - outer->start[d] <= GRAIN) {
		for (; d < end; d++) {
			sort_leaf(outer, d);
		}
		return 1;
	}
	if (end - d > 1) {
		TPAR_FORK(sort_buckets, outer, d, mid);
		if (TPAR_CALL(sort_buckets, outer, mid, end) == 0) {
			bring(outer, mid, end);
		}
		if (TPAR_JOIN(sort_buckets) == 0) {
			bring(outer, d, mid);
		}
		return 1;
	}
	split = make_split(outer, d);
	if (split == NULL) {
		sort_leaf(outer, d);
		return 1;
	}
	pthread_cleanup_push(free, split);
	done = TPAR_CALL(do_chunks, split, 0, split->chunks, VARY) &&
	       choose_digit(split, outer) &&
	       TPAR_CALL(do_chunks, split, 0, split->chunks, COUNT) &&
	       place_buckets(split) &&
	       TPAR_CALL(do_chunks, split, 0, split->chunks, SCATTER);
	if (done && TPAR_CALL(sort_buckets, split, 0, TPI_RADIX_DIGITS) == 0) {
		bring(split, 0, TPI_RADIX_DIGITS);
	}
	pthread_cleanup_pop(1);
	return done;
}

/* ---- The calls -------------------------------------------------------------- */

TPAR_VOID_TASK_1(sort_all, const struct split *, all)
{
	(void)TPAR_CALL(sort_buckets, all, 0, 1);
}

static enum tpar_err
sort(tpar_pool *pool, void *base, size_t n, const struct tpi_keys *keys,
     bool has_function, struct tpar_failure *why)
{
	struct sort sort = { .keys = *keys };
	/* One bucket, in the array. */
	struct split all = { .sort = &sort,
			     .from = TPI_IN_SPARE,
			     .low = 64,
			     .start = { 0, n } };
	union {
		struct tpar_slot slot;
		struct tpar_slot_sort_all_ typed;
	} root;
	enum tpar_err err;

	err = tpi_area_make(&sort.area, base, n, keys->size, has_function, why);
	if (err != TPAR_OK || n < 2) {
		return err;
	}
	root.typed.data.arg.all = &all;
	pthread_cleanup_push(tpi_area_free, &sort.area);
	err = tpi_forkjoin_root(pool, tpar_wrap_sort_all_, &root.slot, why,
				"tpar_sort_by_key",
				n > LEAF_BYTES / keys->size);
	pthread_cleanup_pop(1);
	return err;
}

enum tpar_err
tpar_sort_by_key(tpar_pool *pool, void *base, size_t n, size_t size,
		 uint64_t (*key)(const void *element, void *arg), void *arg,
		 struct tpar_failure *why)
{
	struct tpi_keys keys = { key, arg, 0, size };

	return sort(pool, base, n, &keys, key != NULL, why);
}

enum tpar_err
tpar_sort_u64(tpar_pool *pool, uint64_t *numbers, size_t n,
	      struct tpar_failure *why)
{
	static const struct tpi_keys keys = { .size = sizeof *numbers };

	return sort(pool, numbers, n, &keys, true, why);
}

enum tpar_err
tpar_sort_i64(tpar_pool *pool, int64_t *numbers, size_t n,
	      struct tpar_failure *why)
{
	static const struct tpi_keys keys = { .flip = UINT64_C(1) << 63,
					      .size = sizeof *numbers };

	return sort(pool, numbers, n, &keys, true, why);
}

enum tpar_err
tpar_sort_u32(tpar_pool *pool, uint32_t *numbers, size_t n,
	      struct tpar_failure *why)
{
	static const struct tpi_keys keys = { .size = sizeof *numbers };

	return sort(pool, numbers, n, &keys, true, why);
}

enum tpar_err
tpar_sort_i32(tpar_pool *pool, int32_t *numbers, size_t n,
	      struct tpar_failure *why)
{
	static const struct tpi_keys keys = { .flip = UINT64_C(1) << 31,
					      .size = sizeof *numbers };

	return sort(pool, numbers, n, &keys, true, why);
}
