/* SPDX-License-Identifier: MIT */
/*
 * loop.c - loops: a range, or a matrix, is halved by forks until a part takes
 * some microseconds (pace.h), which is then done.
 *
 * A worker does parts from the left, and what it has forked is there to be taken
 * by others: the oldest fork, about half of what is left, comes first.  Who has
 * taken a part has a pace of its own.
 *
 * While nothing has been measured yet forks and joins give nothing away to who
 * asks: a loop that is over by then would not have been worth it.  If its
 * first items take long the forks are taken by force (slots.h).  Where that is
 * not possible, or the loop took long the last time, one is given away at once.
 */
#include "config.h"

#include "algo.h"
#include "loop.h"
#include "pace.h"
#include "pool.h"
#include "slots.h"
#include "worker.h"

#include <taskpar/algorithm.h>
#include <taskpar/forkjoin.h>

#include <stdint.h>

/* What one worker does of a loop, from the root or a fork that it took. */
struct strand {
	struct tpi_slots *slots; /* [c] the worker's */
	struct tpi_pace pace;
	size_t length; /* items, when it began */
	size_t calls;  /* of the body */
	bool is_root;
	bool gives; /* away what it forks first */
};

static size_t
multiply(size_t a, size_t b)
{
	size_t product;

	return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

static size_t
area(const struct tpar_tile *t)
{
	return multiply(t->row_end - t->row_begin,
			t->column_end - t->column_begin);
}

/* length > grain */
static size_t
middle(size_t begin, size_t length, size_t grain)
{
	return begin + tpi_algo_part(begin, length / 2, grain);
}

/* Cuts the lower or right half off.  false: it is one grain. */
static bool
cut(const struct tpi_loop *loop, struct tpar_tile *t, struct tpar_tile *off)
{
	size_t rows = t->row_end - t->row_begin;
	size_t columns = t->column_end - t->column_begin;

	*off = *t;
	if (columns > loop->column_grain &&
	    (rows <= loop->row_grain ||
	     columns / loop->column_grain > rows / loop->row_grain)) {
		t->column_end =
			middle(t->column_begin, columns, loop->column_grain);
		off->column_begin = t->column_end;
		return true;
	}
	if (rows > loop->row_grain) {
		t->row_end = middle(t->row_begin, rows, loop->row_grain);
		off->row_begin = t->row_end;
		return true;
	}
	return false;
}

static void
begin_strand(struct strand *strand, const struct tpi_loop *loop,
	     const struct tpar_tile *tile, size_t chunk, bool sure,
	     struct tpar_slot *head)
{
	strand->slots = tpi_slots_of(head);
	strand->length = area(tile);
	strand->calls = 0;
	strand->is_root = !sure;
	strand->gives = false;
	tpi_pace_init(&strand->pace,
		      multiply(loop->row_grain, loop->column_grain), chunk,
		      sure);
}

static void
give(struct strand *strand, struct tpar_slot *head)
{
	unsigned hungry = tpi_slots_hungry(strand->slots->worker);

	if (hungry > 0) {
		(void)tpi_slots_promote(strand->slots, head, hungry);
	}
}

static void
call_body(const struct tpi_loop *loop, struct strand *strand,
	  const struct tpar_tile *tile, struct tpar_slot *head)
{
	struct tpi_algo_call call;
	bool sure = strand->pace.sure;
	int64_t now;
	int code;

	if (TPI_UNLIKELY(tpi_algo_stops(loop->algo))) {
		return;
	}
	strand->calls++;
	strand->slots->holds_back = false;
	tpi_pace_begin(&strand->pace);
	tpi_algo_enter(&call);
	code = loop->body(tile, loop->arg);
	if (TPI_UNLIKELY(code != 0)) {
		tpi_algo_leave_failed(loop->algo, &call, tile->row_begin, code);
		return;
	}
	tpi_algo_leave(&call, NULL);
	if (!tpi_pace_end(&strand->pace, area(tile))) {
		return;
	}
	now = tpi_pace_adapt(&strand->pace, strand->length);
	if (strand->is_root) {
		tpi_algo_tick(loop->algo, head, now);
	}
	/* It is known now how long all will take: is a share worth it? */
	if (!sure && strand->pace.sure && tpi_slots_asked(strand->slots) &&
	    strand->length > tpi_pace_chunk(&strand->pace)) {
		give(strand, head);
	}
}

TPAR_VOID_TASK_DECL_6(tpi_loop_part, struct tpi_loop *, loop, struct strand *,
		      from, size_t, row, size_t, row_end, size_t, column,
		      size_t, column_end)

/* TPAR_FORK() without looking whether somebody asks. */
static struct tpar_slot *
fork_quietly(struct tpar_slot *head, struct tpi_loop *loop,
	     struct strand *strand, const struct tpar_tile *tile)
{
	struct tpar_slot_tpi_loop_part_ *slot =
		(struct tpar_slot_tpi_loop_part_ *)head;

	slot->data.arg.loop = loop;
	slot->data.arg.from = strand;
	slot->data.arg.row = tile->row_begin;
	slot->data.arg.row_end = tile->row_end;
	slot->data.arg.column = tile->column_begin;
	slot->data.arg.column_end = tile->column_end;
	/* ORDER L1 release -> force(): the arguments. */
	__atomic_store_n(&slot->head.fn, tpar_wrap_tpi_loop_part_,
			 __ATOMIC_RELEASE);
	return head + 1;
}

TPAR_VOID_TASK_BODY_6(tpi_loop_part, struct tpi_loop *, loop, struct strand *,
		      from, size_t, row, size_t, row_end, size_t, column,
		      size_t, column_end)
{
	struct tpar_tile tile = { row, row_end, column, column_end };
	struct tpar_tile off;
	struct strand own;
	struct strand *strand = from;
	unsigned forks = 0;
	size_t calls;

	if (from->slots != tpi_slots_of(tpar_head)) {
		strand = &own;
		begin_strand(strand, loop, &tile,
			     tpi_pace_chunk(&from->pace) / 4, true, tpar_head);
	}
	for (; area(&tile) > tpi_pace_chunk(&strand->pace) &&
	       cut(loop, &tile, &off);
	     forks++) {
		if (strand->pace.sure || tpar_head >= strand->slots->end) {
			TPAR_FORK(tpi_loop_part, loop, strand, off.row_begin,
				  off.row_end, off.column_begin,
				  off.column_end);
		} else {
			tpar_head = fork_quietly(tpar_head, loop, strand, &off);
		}
	}
	if (strand->gives) {
		strand->gives = false;
		give(strand, tpar_head);
	}
	call_body(loop, strand, &tile, tpar_head);
	for (; forks > 0; forks--) {
		calls = strand->calls;
		strand->slots->holds_back = !strand->pace.sure;
		TPAR_JOIN(tpi_loop_part);
		if (strand->calls == calls) {
			tpi_pace_pause(&strand->pace);
		}
	}
	strand->slots->holds_back = false;
}

void
tpi_loop_run(struct tpar_slot *tpar_head, struct tpi_loop *loop)
{
	struct strand strand;
	const struct tpar_tile *t = &loop->all;

	begin_strand(&strand, loop, t, 1, false, tpar_head);
	strand.pace.stamp = loop->now;
	strand.gives =
		loop->algo->was_long ||
		(loop->algo->announced && !strand.slots->worker->pool->fence);
	TPAR_CALL(tpi_loop_part, loop, &strand, t->row_begin, t->row_end,
		  t->column_begin, t->column_end);
}

TPAR_VOID_TASK_1(run_loop, struct tpi_loop *, loop)
{
	tpi_algo_begin(loop->algo, tpar_head);
	loop->now = loop->algo->began;
	tpi_loop_run(tpar_head, loop);
	tpi_algo_end(loop->algo, tpar_head);
}

static enum tpar_err
run(struct tpar_pool *pool, struct tpi_loop *loop, struct tpar_failure *why)
{
	union {
		struct tpar_slot slot;
		struct tpar_slot_run_loop_ typed;
	} root;

	root.typed.data.arg.loop = loop;
	return tpi_algo_run(loop->algo, pool, tpar_wrap_run_loop_, &root.slot,
			    why);
}

/* A body of tpar_for(). */
struct range {
	tpar_range_fn body;
	void *arg;
};

static int
call_range(const struct tpar_tile *tile, void *arg)
{
	const struct range *range = arg;

	return range->body(tile->row_begin, tile->row_end, range->arg);
}

enum tpar_err
tpar_for(tpar_pool *pool, size_t begin, size_t end, size_t grain,
	 tpar_range_fn body, void *arg, struct tpar_failure *why)
{
	struct range range = { body, arg };
	struct tpi_algo algo = { .name = "tpar_for",
				 .fn = (const void *)(uintptr_t)body,
				 .arg = arg,
				 .items = begin < end ? end - begin : 0 };
	struct tpi_loop loop = { .algo = &algo,
				 .body = call_range,
				 .arg = &range,
				 .all = { begin, end, 0, 1 },
				 .row_grain = grain > 0 ? grain : 1,
				 .column_grain = 1 };

	if (body == NULL) {
		return tpi_algo_invalid(why, "body is NULL");
	}
	if (begin > end) {
		return tpi_algo_invalid(why, "the range ends before it begins");
	}
	return begin < end ? run(pool, &loop, why) : TPAR_OK;
}

enum tpar_err
tpar_for_2d(tpar_pool *pool, size_t rows, size_t columns, size_t row_grain,
	    size_t column_grain, tpar_tile_fn body, void *arg,
	    struct tpar_failure *why)
{
	struct tpi_algo algo = { .name = "tpar_for_2d",
				 .fn = (const void *)(uintptr_t)body,
				 .arg = arg,
				 .items = multiply(rows, columns) };
	struct tpi_loop loop = { .algo = &algo,
				 .body = body,
				 .arg = arg,
				 .all = { 0, rows, 0, columns },
				 .row_grain = row_grain > 0 ? row_grain : 1,
				 .column_grain =
					 column_grain > 0 ? column_grain : 1 };

	if (body == NULL) {
		return tpi_algo_invalid(why, "body is NULL");
	}
	return rows > 0 && columns > 0 ? run(pool, &loop, why) : TPAR_OK;
}
