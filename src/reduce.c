/* SPDX-License-Identifier: MIT */
/*
 * reduce.c - one value from a range: blocks are folded, and combined in a tree
 * that the number of blocks alone decides.
 *
 * Each node of the tree has its left half write to where its own value is to be,
 * and lends its right half a place: on its stack if that is enough, else one
 * that is kept for others afterwards, so that there are never more than one per
 * level and worker.
 */
#include "config.h"

#include "algo.h"
#include "base.h"
#include "clock.h"

#include <taskpar/algorithm.h>
#include <taskpar/forkjoin.h>

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Values up to that lie on the stack; algorithm.h says so. */
#define SMALL 128

/* A place for a value. */
struct place {
	struct place *next;  /* of all there are */
	struct place *spare; /* of those that nobody uses */
	_Alignas(max_align_t) unsigned char value[];
};

struct reduce {
	struct tpi_algo algo;
	const struct tpar_reduction *how;
	void *value; /* the caller's */
	size_t begin;
	size_t end;
	size_t grain;
	struct place *places; /* [m:algo.lock] */
	struct place *spares; /* [m:algo.lock] */
};

struct room {
	_Alignas(max_align_t) unsigned char bytes[SMALL];
};

static TPI_NOINLINE struct place *
make_place(struct reduce *r)
{
	size_t size = r->how->value_size;
	struct place *place = NULL;

	if (size <= SIZE_MAX - sizeof *place) {
		place = malloc(sizeof *place + size);
	}
	if (place != NULL) {
		tpi_algo_hold(&r->algo);
		place->next = r->places;
		r->places = place;
		tpi_algo_release(&r->algo);
	}
	return place;
}

/* Of value_size bytes; room if that is enough.  NULL: no memory. */
static void *
take_place(struct reduce *r, struct room *room)
{
	struct place *place;

	if (r->how->value_size <= sizeof room->bytes) {
		return room->bytes;
	}
	tpi_algo_hold(&r->algo);
	place = r->spares;
	if (place != NULL) {
		r->spares = place->spare;
	}
	tpi_algo_release(&r->algo);
	if (place == NULL) {
		place = make_place(r);
	}
	return place != NULL ? place->value : NULL;
}

static void
give_place(struct reduce *r, void *value)
{
	struct place *place;

	if (r->how->value_size > SMALL) {
		place = TPI_CONTAINER(value, struct place, value);
		tpi_algo_hold(&r->algo);
		place->spare = r->spares;
		r->spares = place;
		tpi_algo_release(&r->algo);
	}
}

static void
set_identity(const struct reduce *r, void *value)
{
	if (r->how->identity != NULL) {
		memcpy(value, r->how->identity, r->how->value_size);
	} else {
		memset(value, 0, r->how->value_size);
	}
}

static size_t
block_begin(const struct reduce *r, size_t block)
{
	return r->begin + block * r->grain;
}

static void
fold(struct reduce *r, size_t block, void *value)
{
	size_t begin = block_begin(r, block);
	size_t end = r->end - begin > r->grain ? begin + r->grain : r->end;
	struct tpi_algo_call call;
	int code;

	if (tpi_algo_stops(&r->algo)) {
		return;
	}
	set_identity(r, value);
	tpi_algo_enter(&call);
	code = r->how->fold(begin, end, value, r->how->arg);
	if (TPI_UNLIKELY(code != 0)) {
		tpi_algo_leave_failed(&r->algo, &call, begin, code);
	} else {
		tpi_algo_leave(&call, NULL);
	}
}

/* The right one begins with that block. */
static void
combine(struct reduce *r, void *left, const void *right, size_t block)
{
	struct tpi_algo_call call;
	int code;

	if (tpi_algo_stops(&r->algo)) {
		return;
	}
	tpi_algo_enter(&call);
	code = r->how->combine(left, right, r->how->arg);
	if (TPI_UNLIKELY(code != 0)) {
		tpi_algo_leave_failed(&r->algo, &call, block_begin(r, block),
				      code);
	} else {
		tpi_algo_leave(&call, NULL);
	}
}

static TPI_NOINLINE void
lack_memory(struct reduce *r)
{
	tpi_algo_refuse(&r->algo, TPAR_ENOMEM, "no memory for another value");
}

/* Blocks first .. last - 1 into value. */
TPAR_VOID_TASK_4(node, struct reduce *, r, size_t, first, size_t, last, void *,
		 value)
{
	size_t middle = first + (last - first) / 2;
	struct room room;
	void *right;

	if (last - first == 1) {
		fold(r, first, value);
		return;
	}
	right = take_place(r, &room);
	if (TPI_UNLIKELY(right == NULL)) {
		lack_memory(r);
		return;
	}
	TPAR_FORK(node, r, middle, last, right);
	TPAR_CALL(node, r, first, middle, value);
	if (first == 0 && !r->algo.announced) {
		tpi_algo_tick(&r->algo, tpar_head, tpi_clock_now());
	}
	TPAR_JOIN(node);
	combine(r, value, right, middle);
	give_place(r, right);
}

TPAR_VOID_TASK_1(run_reduce, struct reduce *, r)
{
	size_t blocks = (r->end - r->begin - 1) / r->grain + 1;
	struct room room;
	void *value = take_place(r, &room);

	tpi_algo_begin(&r->algo, tpar_head);
	if (TPI_UNLIKELY(value == NULL)) {
		lack_memory(r);
		return;
	}
	TPAR_CALL(node, r, 0, blocks, value);
	if (tpi_region_is_whole(r->algo.region)) {
		memcpy(r->value, value, r->how->value_size);
	}
	give_place(r, value);
	tpi_algo_end(&r->algo, tpar_head);
}

static void
free_places(void *arg)
{
	struct reduce *r = arg;
	struct place *place;

	while ((place = r->places) != NULL) {
		r->places = place->next;
		free(place);
	}
}

static enum tpar_err
run(struct tpar_pool *pool, struct reduce *r, struct tpar_failure *why)
{
	union {
		struct tpar_slot slot;
		struct tpar_slot_run_reduce_ typed;
	} root;
	enum tpar_err err;

	root.typed.data.arg.r = r;
	pthread_cleanup_push(free_places, r);
	err = tpi_algo_run(&r->algo, pool, tpar_wrap_run_reduce_, &root.slot,
			   why);
	pthread_cleanup_pop(1);
	return err;
}

static const char *
find_mistake(const struct tpar_reduction *how)
{
	if (how == NULL || how->size != sizeof *how) {
		return "how is NULL, or its size is wrong: use "
		       "TPAR_REDUCTION_INIT";
	}
	if (how->value_size == 0) {
		return "value_size is 0";
	}
	return how->fold == NULL || how->combine == NULL
		       ? "fold or combine is NULL"
		       : NULL;
}

enum tpar_err
tpar_reduce(tpar_pool *pool, size_t begin, size_t end, size_t grain,
	    const struct tpar_reduction *how, void *value,
	    struct tpar_failure *why)
{
	const char *mistake = find_mistake(how);
	struct reduce r = { .how = how,
			    .value = value,
			    .begin = begin,
			    .end = end,
			    .grain = grain };

	if (mistake == NULL && value == NULL) {
		mistake = "value is NULL";
	}
	if (mistake == NULL && begin > end) {
		mistake = "the range ends before it begins";
	}
	if (mistake != NULL) {
		return tpi_algo_invalid(why, mistake);
	}
	if (begin == end) {
		set_identity(&r, value);
		return TPAR_OK;
	}
	if (grain == 0) {
		r.grain = tpi_algo_grain(end - begin, 4);
	}
	r.algo.name = how->name != NULL ? how->name : "tpar_reduce";
	r.algo.fn = (const void *)(uintptr_t)how->fold;
	r.algo.arg = how->arg;
	r.algo.items = end - begin;
	return run(pool, &r, why);
}
