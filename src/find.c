/* SPDX-License-Identifier: MIT */
/*
 * find.c - the lowest item that is looked for: parts are handed out from left to
 * right, until the next one lies beyond the lowest hit.
 *
 * Whoever takes part is a fork of somebody who does, so there are as many as
 * workers that have nothing else to do.  A part that fails counts as something
 * found where it begins: what comes first in the range is the outcome.
 */
#include "config.h"

#include "algo.h"
#include "atomics.h"
#include "base.h"
#include "err.h"
#include "pace.h"
#include "pool.h"
#include "slots.h"
#include "worker.h"

#include <taskpar/algorithm.h>
#include <taskpar/forkjoin.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct find {
	struct tpi_algo algo;
	tpar_find_fn test;
	void *arg;
	size_t begin;
	size_t end;
	size_t grain;
	size_t *index;				     /* the caller's */
	_Alignas(TPI_CACHELINE) _Atomic size_t next; /* item to be handed out */
	_Alignas(TPI_CACHELINE) _Atomic size_t bound; /* lowest found, or end */
	size_t failed;		     /* [m:algo.lock] where; end: nowhere */
	int code;		     /* [m:algo.lock] of that one */
	char text[TPAR_MESSAGE_MAX]; /* [m:algo.lock] likewise */
};

/* Something was found at `item`.  false: there is something before it. */
static bool
lower(struct find *f, size_t item)
{
	size_t bound = tpi_load_relaxed(&f->bound);

	while (item < bound) {
		if (atomic_compare_exchange_weak_explicit(
			    &f->bound, &bound, item, memory_order_relaxed,
			    memory_order_relaxed)) {
			return true;
		}
	}
	return false;
}

/* The next part, of about `chunk` items; *begin is where.  0: no more. */
static size_t
take_part(struct find *f, size_t chunk, size_t *begin)
{
	size_t next = tpi_load_relaxed(&f->next);
	size_t bound;
	size_t left;
	size_t n;

	do {
		bound = tpi_load_relaxed(&f->bound);
		if (next >= bound) {
			return 0;
		}
		left = f->end - next;
		n = chunk < left ? tpi_algo_part(next, chunk, f->grain) : left;
		n = n < left ? n : left;
	} while (!atomic_compare_exchange_weak_explicit(
		&f->next, &next, next + n, memory_order_relaxed,
		memory_order_relaxed));
	*begin = next;
	return n;
}

static void
note_failure(struct find *f, size_t index, int code, const char *text)
{
	tpi_algo_hold(&f->algo);
	if (index < f->failed) {
		f->failed = index;
		f->code = code;
		tpi_copy_text(f->text, sizeof f->text, text);
	}
	tpi_algo_release(&f->algo);
}

static void
look(struct find *f, size_t begin, size_t end)
{
	char text[TPAR_MESSAGE_MAX] = "";
	struct tpi_algo_call call;
	size_t hit = end;
	int code;

	tpi_algo_enter(&call);
	code = f->test(begin, end, &hit, f->arg);
	if (TPI_LIKELY(code == 0)) {
		tpi_algo_leave(&call, NULL);
		if (TPI_UNLIKELY(hit < begin || hit > end)) {
			tpi_algo_refuse(&f->algo, TPAR_EINVAL,
					"a hit is outside of its part");
		} else if (hit < end) {
			(void)lower(f, hit);
		}
		return;
	}
	tpi_algo_leave(&call, text);
	if (code == TPAR_ESTOPPED) {
		tpi_algo_fail(&f->algo, begin, code, text);
	} else if (lower(f, begin)) {
		note_failure(f, begin, code, text);
	}
}

static bool
has_private(struct tpi_slots *s, struct tpar_slot *head)
{
	return tpi_load_relaxed(&s->priv) < head;
}

/* Takes part, and lets others do so.  chunk: to begin with. */
TPAR_VOID_TASK_3(seek, struct find *, f, size_t, chunk, int, is_root)
{
	struct tpi_slots *slots = tpi_slots_of(tpar_head);
	uint32_t width = slots->worker->pool->park.width;
	struct tpi_pace pace;
	uint32_t forks = 0;
	size_t begin;
	size_t left;
	size_t n;

	tpi_pace_init(&pace, f->grain, chunk, false);
	while ((n = take_part(f, tpi_pace_chunk(&pace), &begin)) > 0 &&
	       !tpi_algo_stops(&f->algo)) {
		left = f->end - begin;
		if (forks + 1 < width && left > n &&
		    (!is_root || f->algo.announced || pace.sure) &&
		    !has_private(slots, tpar_head)) {
			TPAR_FORK(seek, f, tpi_pace_chunk(&pace) / 4, 0);
			forks++;
		}
		tpi_pace_begin(&pace);
		look(f, begin, begin + n);
		if (tpi_pace_end(&pace, n)) {
			int64_t now = tpi_pace_adapt(&pace, left);

			if (is_root) {
				tpi_algo_tick(&f->algo, tpar_head, now);
			}
		}
		if (tpi_slots_asked(slots) && pace.sure) {
			(void)tpi_slots_promote(slots, tpar_head, 1);
		}
	}
	for (; forks > 0; forks--) {
		TPAR_JOIN(seek);
	}
}

TPAR_VOID_TASK_1(run_find, struct find *, f)
{
	size_t bound;

	tpi_algo_begin(&f->algo, tpar_head);
	TPAR_CALL(seek, f, 1, 1);
	bound = tpi_load_relaxed(&f->bound);
	if (tpi_region_is_whole(f->algo.region)) {
		if (f->failed == bound && f->failed < f->end) {
			tpi_algo_fail(&f->algo, f->failed, f->code, f->text);
		} else {
			*f->index = bound;
		}
	}
	tpi_algo_end(&f->algo, tpar_head);
}

enum tpar_err
tpar_find_first(tpar_pool *pool, size_t begin, size_t end, size_t grain,
		tpar_find_fn test, void *arg, size_t *index,
		struct tpar_failure *why)
{
	struct find f = { .algo = { .name = "tpar_find_first",
				    .fn = (const void *)(uintptr_t)test,
				    .arg = arg,
				    .items = begin < end ? end - begin : 0 },
			  .test = test,
			  .arg = arg,
			  .begin = begin,
			  .end = end,
			  .grain = grain > 0 ? grain : 1,
			  .index = index,
			  .next = begin,
			  .bound = end,
			  .failed = end };
	union {
		struct tpar_slot slot;
		struct tpar_slot_run_find_ typed;
	} root;

	if (test == NULL || index == NULL) {
		return tpi_algo_invalid(why, "test or index is NULL");
	}
	if (begin > end) {
		return tpi_algo_invalid(why, "the range ends before it begins");
	}
	if (begin == end) {
		*index = end;
		return TPAR_OK;
	}
	root.typed.data.arg.f = &f;
	return tpi_algo_run(&f.algo, pool, tpar_wrap_run_find_, &root.slot,
			    why);
}
