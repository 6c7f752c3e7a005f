/* SPDX-License-Identifier: MIT */
/*
 * take.c - where a worker finds tasks beyond its own deque: in other workers'
 * deques, and in the injectors.  See doc/TOUR.md#steal.
 */
#include "config.h"

#include "clock.h"
#include "elastic.h"
#include "future.h"
#include "pool.h"
#include "rng.h"
#include "slots.h"
#include "take.h"
#include "worker.h"

/* Of a worker's looks aside so many per task from the injector... */
#define LOOKS_PER_INJECT 9

/* ...and per turn of those that wait for HIGH ones; a prime like the others. */
#define LOOKS_PER_TURN 61
enum { TURN_LOW = 0, TURN_INJECTED = 20, TURN_OWN = 40 };

/* Entries of ended tasks that are dropped at once on the way to one that is. */
#define DROP_BATCH 32

/* Tasks taken at once from another worker. */
#define STEAL_BATCH (TPI_DEQUE_SIZE / 2 < 16 ? TPI_DEQUE_SIZE / 2 : 16)

/* Pauses before a search: in two microseconds a batch comes together. */
#define LULL_MAX 127

/*
 * How long to keep away from the injectors after a batch of n.  Who stays on
 * the heels of a producer takes the tasks' lines from under him as he writes
 * them; who lets him get a full batch ahead does not.  A single task is no
 * stream.
 */
static void
set_lull(struct tpi_worker *w, int n, int max)
{
	if (n == 1) {
		w->lull /= 2;
	} else if (n == max) {
		w->lull -= (w->lull + 3) / 4;
	} else if (w->lull < LULL_MAX) {
		w->lull = 2 * w->lull + 1;
	}
}

/* Up to `max` of the oldest tasks of a shard; the first one is returned. */
static struct tpar_future *
take_injected(struct tpi_worker *w, struct tpi_inject *q, int max)
{
	struct tpar_future *batch[TPI_INJECT_BATCH];
	struct tpi_link *link;
	int n = 0;

	if (!tpi_inject_nonempty(q) || !tpi_inject_enter(q)) {
		return NULL;
	}
	while (n < max && (link = tpi_inject_pop(q)) != NULL) {
		batch[n++] = tpi_future_of_link(link);
	}
	tpi_inject_leave(q);
	if (n == 0) {
		return NULL;
	}
	set_lull(w, n, max);
	/* Youngest first, so that the deque gives them back oldest first. */
	for (; n > 1; n--) {
		tpi_worker_push(w, batch[n - 1]);
	}
	return batch[0];
}

/* The oldest task of those with a priority of their own. */
static struct tpar_future *
take_aside(struct tpi_inject *q)
{
	struct tpar_future *f = NULL;
	struct tpi_link *link;
	int drops = DROP_BATCH;

	if (!tpi_inject_seems_nonempty(q) || !tpi_inject_enter(q)) {
		return NULL;
	}
	while (f == NULL && drops-- > 0 && (link = tpi_inject_pop(q)) != NULL) {
		f = tpi_future_of_link(link);
		if (tpi_state_peek(&f->state) != TPI_PENDING) {
			tpi_future_release(f); /* somebody claimed it */
			f = NULL;
		}
	}
	tpi_inject_leave(q);
	return f;
}

/*
 * While there are HIGH tasks, each task is preceded by a look; of those looks a
 * few are the turns of the others, so that none starves, however many are HIGH.
 */
struct tpar_future *
tpi_take_aside(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	uint32_t look = ++w->looks;
	/* All in turn: nobody else may be looking at some. */
	struct tpi_inject *shard = tpi_take_shard(w, look / LOOKS_PER_INJECT);
	struct tpi_inject *high = &pool->aside[TPI_ASIDE_HIGH];
	struct tpar_future *f = NULL;

	w->ticks = tpi_inject_seems_nonempty(high) ? 1 : TPI_TICKS_PER_LOOK;
	switch (look % LOOKS_PER_TURN) {
	case TURN_LOW:
		f = take_aside(&pool->aside[TPI_ASIDE_LOW]);
		break;
	case TURN_INJECTED:
		f = take_injected(w, shard, 1);
		break;
	case TURN_OWN:
		w->others_first = true;
		return NULL;
	}
	if (f == NULL) {
		f = take_aside(high);
	}
	if (f == NULL && look % LOOKS_PER_INJECT == 0) {
		f = take_injected(w, shard, 1);
	}
	return f;
}

static enum tpi_steal
steal(struct tpi_deque *d, struct tpar_future **f)
{
	enum tpi_steal got;

	do {
		got = tpi_deque_steal(d, f);
		/* ENDS: LOST means that somebody else got an entry. */
	} while (got == TPI_STEAL_LOST);
	return got;
}

/*
 * The victim has no tasks but may have forks: asks for some.  If in this search
 * it has answered before, and there is nothing, then it took back what it gave
 * in less time than lies between two looks: that is not worth its answers.
 */
static enum tpi_steal
ask(struct tpi_worker *w, struct tpi_worker *victim, struct tpi_slots *forks,
    struct tpar_future **f)
{
	if (w->asked != forks || tpi_slots_asked(forks)) {
		tpi_slots_poke(forks);
		w->asked = forks;
		return TPI_STEAL_EMPTY;
	}
	if (!tpi_slots_has_answered(forks)) {
		return TPI_STEAL_EMPTY;
	}
	w->asked = NULL;
	/* The answer may have come after the first look. */
	if (steal(&victim->deque, f) == TPI_STEAL_GOT) {
		return TPI_STEAL_GOT;
	}
	tpi_worker_cool(w, tpi_clock_now(), w->cool_ns);
	return TPI_STEAL_EMPTY;
}

/* The oldest task of a victim; up to half of the rest goes to the own deque. */
static struct tpar_future *
rob(struct tpi_worker *w, struct tpi_worker *victim)
{
	struct tpi_deque *d = &victim->deque;
	struct tpar_future *first = NULL;
	struct tpi_slots *forks;
	struct tpar_future *f;
	int64_t more;
	enum tpi_steal got = steal(d, &first);

	forks = tpi_slots_live(victim);
	if (TPI_UNLIKELY(forks != NULL)) {
		if (got == TPI_STEAL_EMPTY && w->pokes) {
			got = ask(w, victim, forks, &first);
		}
		/* One at a time: they are large, and only the oldest are. */
		if (got == TPI_STEAL_GOT && w->poke_from == 0 &&
		    !tpi_deque_nonempty(d)) {
			tpi_slots_poke(forks);
		}
		return got == TPI_STEAL_GOT ? first : NULL;
	}
	if (got == TPI_STEAL_EMPTY) {
		return NULL;
	}
	more = (tpi_load_relaxed(&d->bottom) - tpi_load_relaxed(&d->top)) / 2;
	if (more > STEAL_BATCH - 1) {
		more = STEAL_BATCH - 1;
	}
	for (; more > 0 && tpi_deque_steal(d, &f) == TPI_STEAL_GOT; more--) {
		tpi_worker_push(w, f);
	}
	return first;
}

/* Of these workers of one word of the pool's, beginning at bit `start`. */
static struct tpar_future *
rob_some(struct tpi_worker *w, uint32_t base, uint64_t bits, unsigned start)
{
	struct tpar_future *f = NULL;

	bits = start > 0 ? bits >> start | bits << (64 - start) : bits;
	for (; bits != 0 && f == NULL; bits &= bits - 1) {
		unsigned k = (unsigned)__builtin_ctzll(bits) + start;
		struct tpi_worker *victim =
			tpi_pool_worker(w->pool, base + k % 64);

		if (victim != w) {
			f = rob(w, victim);
		}
	}
	return f;
}

static struct tpar_future *
rob_others(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	uint32_t n = tpi_pool_worker_count(pool);
	uint32_t words = (n + 63) / 64;
	uint32_t start = tpi_rng_below(&w->rng, n);
	struct tpar_future *f = NULL;
	uint32_t i;

	for (i = 0; i < words && f == NULL; i++) {
		uint32_t word = (start / 64 + i) % words;

		f = rob_some(w, word * 64, tpi_pool_occupied(pool, word),
			     start % 64);
	}
	return f;
}

struct tpar_future *
tpi_take_scan(struct tpi_worker *w)
{
	struct tpar_pool *pool = w->pool;
	struct tpar_future *f = NULL;
	unsigned i;

	if (!w->others_first) {
		f = take_aside(&pool->aside[TPI_ASIDE_HIGH]);
	}
	w->others_first = false;
	if (f == NULL) {
		f = rob_others(w);
	}
	for (i = 0; f == NULL && i < pool->shards; i++) {
		f = take_injected(w, tpi_take_shard(w, i), TPI_INJECT_BATCH);
	}
	for (i = 0; f == NULL && i < TPI_ASIDES; i++) {
		f = take_aside(&pool->aside[i]);
	}
	if (f == NULL && TPI_UNLIKELY(tpi_load_relaxed(&pool->lacking) != 0)) {
		f = tpi_take_blocking(pool);
	}
	return f;
}

struct tpar_future *
tpi_take_blocking(struct tpar_pool *pool)
{
	return take_aside(&pool->blocking);
}

bool
tpi_take_busy(struct tpar_pool *pool)
{
	unsigned n = tpi_pool_injectors(pool);
	unsigned i;

	n -= tpi_load_relaxed(&pool->lacking) ==
	     0; /* as in tpi_pool_any_work() */
	for (i = 0; i < n; i++) {
		if (tpi_inject_busy(tpi_pool_injector(pool, i))) {
			return true;
		}
	}
	return false;
}
