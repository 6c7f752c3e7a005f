/* SPDX-License-Identifier: MIT */
/*
 * scan.c - prefix sums.
 *
 * Values are summed up in blocks, then each block is gone through from the sum
 * of all before it.  A worker that sums up the block which comes right after
 * those whose sums are known goes through it at once, while it is in its cache:
 * on one worker all are done so.  The others are done in a second loop.
 *
 * Either way a block's sum is of its own values alone, and added to the sum of
 * those before: results are the same.
 */
#include "config.h"

#include "algo.h"
#include "atomics.h"
#include "base.h"
#include "err.h"
#include "failure.h"
#include "loop.h"

#include <taskpar/algorithm.h>
#include <taskpar/forkjoin.h>

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct scan {
	struct tpi_algo algo;
	const struct tpar_prefix *how;
	const char *in;
	char *out;
	size_t n;
	size_t grain;
	size_t blocks;
	char *sums;	/* of each block's values, later a place to copy one */
	char *prefixes; /* the sum of all before a block; consumed */
	/* Prefixes are known up to that of this block. */
	_Alignas(TPI_CACHELINE) _Atomic size_t front; /* [a:A2] */
};

/* As most values are small. */
static inline void
copy(void *to, const void *from, size_t size)
{
	if (size == sizeof(uint64_t)) {
		memcpy(to, from, sizeof(uint64_t));
	} else if (size == sizeof(uint32_t)) {
		memcpy(to, from, sizeof(uint32_t));
	} else {
		memcpy(to, from, size);
	}
}

static char *
prefix_of(const struct scan *s, size_t block)
{
	return s->prefixes + block * s->how->value_size;
}

static char *
sum_of(const struct scan *s, size_t block)
{
	return s->sums + block * s->how->value_size;
}

/* The values of a block, from *i to the one before the returned. */
static size_t
values_of(const struct scan *s, size_t block, size_t *i)
{
	*i = block * s->grain;
	return s->n - *i > s->grain ? *i + s->grain : s->n;
}

/* All these return a code of combine's, and in *at the value it was called for. */
static int
sum_up(struct scan *s, size_t block, size_t *at)
{
	size_t size = s->how->value_size;
	char *sum = sum_of(s, block);
	size_t i;
	size_t end = values_of(s, block, &i);
	int code = 0;

	copy(sum, s->in + i * size, size);
	for (i++; i < end && code == 0; i++) {
		code = s->how->combine(sum, s->in + i * size, s->how->arg);
		*at = i;
	}
	return code;
}

static int
go_through(struct scan *s, size_t block, size_t *at)
{
	size_t size = s->how->value_size;
	bool exclusive = s->how->exclusive;
	char *prefix = prefix_of(s, block);
	char *value = sum_of(s, block);
	size_t i;
	size_t end = values_of(s, block, &i);
	int code = 0;

	for (; i < end && code == 0; i++) {
		*at = i;
		if (exclusive) {
			copy(value, s->in + i * size, size);
			copy(s->out + i * size, prefix, size);
			code = s->how->combine(prefix, value, s->how->arg);
		} else {
			code = s->how->combine(prefix, s->in + i * size,
					       s->how->arg);
			copy(s->out + i * size, prefix, size);
		}
	}
	return code;
}

/* From the prefix and the sum of a block to the next one's prefix. */
static int
extend(struct scan *s, size_t block, size_t *at)
{
	char *next = prefix_of(s, block + 1);

	if (block + 1 == s->blocks) {
		return 0;
	}
	(void)values_of(s, block, at);
	copy(next, prefix_of(s, block), s->how->value_size);
	return s->how->combine(next, sum_of(s, block), s->how->arg);
}

static int
do_block(struct scan *s, size_t block, size_t *at)
{
	/* Nothing comes after the last one. */
	int code = block + 1 < s->blocks ? sum_up(s, block, at) : 0;

	/* ORDER A2 acquire <- do_block() */
	if (code != 0 ||
	    atomic_load_explicit(&s->front, memory_order_acquire) != block) {
		return code;
	}
	code = extend(s, block, at);
	if (code != 0) {
		return code;
	}
	/* ORDER A2 release -> do_block(): the prefix. */
	atomic_store_explicit(&s->front, block + 1, memory_order_release);
	return go_through(s, block, at);
}

/* Calls fn for some blocks; a failure is told here, as it has its index. */
static int
each_block(const struct tpar_tile *tile, struct scan *s,
	   int (*fn)(struct scan *s, size_t block, size_t *at))
{
	struct tpi_algo_call call;
	size_t block;
	size_t at = 0;
	int code;

	for (block = tile->row_begin; block < tile->row_end; block++) {
		tpi_algo_enter(&call);
		code = fn(s, block, &at);
		if (TPI_UNLIKELY(code != 0)) {
			tpi_algo_leave_failed(&s->algo, &call, at, code);
			return code;
		}
		tpi_algo_leave(&call, NULL);
	}
	return 0;
}

static int
first_pass(const struct tpar_tile *tile, void *scan)
{
	return each_block(tile, scan, do_block);
}

static int
second_pass(const struct tpar_tile *tile, void *scan)
{
	return each_block(tile, scan, go_through);
}

static void
loop_over(struct tpar_slot *head, struct scan *s, size_t first,
	  tpar_tile_fn body)
{
	struct tpi_loop loop = { .algo = &s->algo,
				 .body = body,
				 .arg = s,
				 .all = { first, s->blocks, 0, 1 },
				 .row_grain = 1,
				 .column_grain = 1 };

	tpi_loop_run(head, &loop);
}

static int
extend_rest(const struct tpar_tile *tile, void *scan)
{
	return each_block(tile, scan, extend);
}

TPAR_VOID_TASK_1(run_scan, struct scan *, s)
{
	struct tpar_tile rest = { 0, s->blocks, 0, 1 };

	tpi_algo_begin(&s->algo, tpar_head);
	loop_over(tpar_head, s, 0, first_pass);
	/* Relaxed: all blocks of the loop have been joined. */
	rest.row_begin = tpi_load_relaxed(&s->front);
	if (rest.row_begin < s->blocks && !tpi_algo_stops(&s->algo) &&
	    extend_rest(&rest, s) == 0) {
		loop_over(tpar_head, s, rest.row_begin, second_pass);
	}
	tpi_algo_end(&s->algo, tpar_head);
}

static const char *
find_mistake(const void *in, const void *out, size_t n,
	     const struct tpar_prefix *how)
{
	uintptr_t from = (uintptr_t)in;
	uintptr_t to = (uintptr_t)out;
	size_t size;

	if (how == NULL || how->size != sizeof *how) {
		return "how is NULL, or its size is wrong: use "
		       "TPAR_PREFIX_INIT";
	}
	if (how->value_size == 0 || how->combine == NULL) {
		return "value_size is 0, or combine is NULL";
	}
	if (n == 0) {
		return NULL;
	}
	if (in == NULL || out == NULL) {
		return "in or out is NULL";
	}
	/* Half of it, as there are sums and prefixes. */
	if (n > SIZE_MAX / 2 / how->value_size) {
		return "n * value_size is too large";
	}
	size = n * how->value_size;
	return from != to && from < to + size && to < from + size
		       ? "in and out overlap"
		       : NULL;
}

static enum tpar_err
run(struct tpar_pool *pool, struct scan *s, struct tpar_failure *why)
{
	union {
		struct tpar_slot slot;
		struct tpar_slot_run_scan_ typed;
	} root;
	size_t size = s->how->value_size;
	enum tpar_err err;

	s->sums = malloc(2 * s->blocks * size);
	if (s->sums == NULL) {
		err = tpi_err(TPAR_ENOMEM, "no memory for %zu blocks",
			      s->blocks);
		tpi_failure_of_call(why, err);
		return err;
	}
	s->prefixes = s->sums + s->blocks * size;
	if (s->how->identity != NULL) {
		memcpy(s->prefixes, s->how->identity, size);
	} else {
		memset(s->prefixes, 0, size);
	}
	root.typed.data.arg.s = s;
	pthread_cleanup_push(free, s->sums);
	err = tpi_algo_run(&s->algo, pool, tpar_wrap_run_scan_, &root.slot,
			   why);
	pthread_cleanup_pop(1);
	return err;
}

enum tpar_err
tpar_scan(tpar_pool *pool, const void *in, void *out, size_t n, size_t grain,
	  const struct tpar_prefix *how, struct tpar_failure *why)
{
	const char *mistake = find_mistake(in, out, n, how);
	struct scan s = { .how = how, .in = in, .out = out, .n = n };

	if (mistake != NULL) {
		return tpi_algo_invalid(why, mistake);
	}
	if (n == 0) {
		return TPAR_OK;
	}
	if (grain == 0) {
		grain = tpi_algo_grain(n, 2);
	}
	s.grain = grain;
	s.blocks = (n - 1) / grain + 1;
	s.algo.name = how->name != NULL ? how->name : "tpar_scan";
	s.algo.fn = (const void *)(uintptr_t)how->combine;
	s.algo.arg = how->arg;
	s.algo.items = n;
	return run(pool, &s, why);
}
