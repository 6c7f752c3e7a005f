/* SPDX-License-Identifier: MIT */
/*
 * slots.h - the forks of a worker: a stack of slots outside the C stack, and two
 * limits by which idle workers ask for some of them.
 *
 *   base      priv        head      end
 *   |promoted |  private  |  free   |
 *
 * A fork fills the slot at head, a join empties it; both are inlines of
 * forkjoin.h and touch nothing else but the two limits, which they compare with
 * the slot's address:
 *
 *   limits.fork   end, or 0 once somebody has asked
 *   limits.join   priv, or UINTPTR_MAX likewise; or while forks beyond the end
 *                 have been called at once; or as the computation has failed
 *
 * Whoever looks for work asks by poking (two plain stores).  The owner's next
 * fork or join notices, and promotes: its oldest private slots become futures in
 * its deque, where they are stolen as any other.  A poke may be lost, as the
 * owner just rewrites the limits: who asks does so again.  If the owner does not
 * notice, as it is in a long leaf, a heavy fence lets a thief take the oldest
 * private slot himself (tpi_slots_force()), or a join (tpi_slots_force_from()).
 *
 * priv and the spans are changed under the lock, which the owner takes only when
 * it promotes, joins what was promoted, or begins and ends computations.
 * Protocol and proof: doc/FORKJOIN.md; models: tests/model/slots.c, force.c.
 */
#ifndef TPI_SLOTS_H
#define TPI_SLOTS_H

#include "atomics.h"
#include "base.h"
#include "deque.h"
#include "future.h"
#include "region.h"

#include <taskpar/forkjoin.h>

#include <string.h>

struct tpar_pool;
struct tpi_worker;

/* The slots from `start` on belong to this computation; on the owner's stack. */
struct tpi_span {
	struct tpi_region *region;
	struct tpi_forked *forked; /* that this runs, or NULL: a root */
	struct tpar_slot *start;
	struct tpi_span *outer; /* beneath on this thread, or NULL */
	struct tpar_slot
		*outer_priv; /* what priv was before, if it was hidden */
	struct tpar_slot *outer_head; /* what `head` was before */
	size_t spilled;		      /* and spilled_count */
};

/* The result of a fork that found no slot. */
struct tpi_spilled {
	unsigned char data[TPAR_DATA_SIZE];
};

/* Slots begin after the structure, at a page of their own. */
#define TPI_SLOTS_FIRST ((uintptr_t)4096)

/* So many are remembered. */
#define TPI_SLOTS_LOOPS 16

struct tpi_slots {
	struct tpar_limits limits; /* [a:L2] by the built-ins, as forkjoin.h */
	struct tpi_worker *worker; /* [c] */
	struct tpar_slot *base;	   /* [c] */
	struct tpar_slot *end;	   /* [c] one more slot is there */
	struct tpar_slot *head; /* [o] where free slots begin; NULL: search */
	tpar_slot_fn last_fn;	/* [o] of end - 1, while some are spilled */
	struct tpi_spilled *spilled;  /* [o] */
	size_t spilled_count;	      /* [o] */
	size_t spilled_capacity;      /* [o] */
	struct tpi_fork_site *sites;  /* [o] per slot, or NULL: forksite.c */
	struct tpar_slot *debug_base; /* [o] of the innermost frame */
	uintptr_t loops[TPI_SLOTS_LOOPS]; /* [o] algo.c: short or long */
	bool holds_back; /* [o] the next join gives nothing away: loop.c */
	_Alignas(TPI_CACHELINE) _Atomic uint32_t lock; /* [a:L3] */
	uint32_t settled; /* [m:lock] how often limits were set */
	_Atomic(struct tpar_slot *) priv; /* [m:lock] read as a hint, too */
	struct tpi_span *span;		  /* [m:lock] the innermost, or NULL */
};

/* A promoted slot: a future in a deque. */
struct tpi_forked {
	struct tpar_future future;
	struct tpi_region *region;	     /* [c] */
	struct tpar_slot *slot;		     /* [c] */
	tpar_slot_fn fn;		     /* [c] */
	_Atomic(struct tpi_worker *) runner; /* [a:L4] or NULL */
	bool declined; /* [F2] there was no memory to run it elsewhere */
};

static inline bool
tpi_forked_has_ended(struct tpi_forked *forked)
{
	return tpi_state_phase(tpi_state_get(&forked->future.state)) ==
	       TPI_ENDED;
}

static inline struct tpi_slots *
tpi_slots_of(struct tpar_slot *slot)
{
	return (struct tpi_slots *)(void *)tpar_limits_of(slot);
}

static inline bool
tpi_slots_is_forked(struct tpar_slot *slot)
{
	return __atomic_load_n(&slot->head.fn, __ATOMIC_RELAXED) != NULL;
}

static inline uintptr_t
tpi_slots_fork_limit(struct tpi_slots *s)
{
	return __atomic_load_n(&s->limits.fork, __ATOMIC_RELAXED);
}

/* Has somebody asked, whom the owner has not heard? */
static inline bool
tpi_slots_asked(struct tpi_slots *s)
{
	return tpi_slots_fork_limit(s) == 0;
}

/*
 * Any thread; the slots live as long as their worker.  Both limits, as an owner
 * that promoted nothing has reset the one of joins, and may not fork any more.
 */
static inline void
tpi_slots_poke(struct tpi_slots *s)
{
	if (!tpi_slots_asked(s) ||
	    __atomic_load_n(&s->limits.join, __ATOMIC_RELAXED) != UINTPTR_MAX) {
		__atomic_store_n(&s->limits.fork, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&s->limits.join, UINTPTR_MAX,
				 __ATOMIC_RELAXED);
	}
}

/* Has the owner heard all who asked, and not only begun to answer? */
static inline bool
tpi_slots_has_answered(struct tpi_slots *s)
{
	/* ORDER L7 acquire <- clear_pokes(): the lock is taken, or was. */
	if (__atomic_load_n(&s->limits.fork, __ATOMIC_ACQUIRE) == 0) {
		return false;
	}
	/* ORDER L3 acquire <- leave(): what it gave is in the deque, or gone. */
	return atomic_load_explicit(&s->lock, memory_order_acquire) == 0;
}

/* A fork of a computation that has failed: its result is zero. */
static inline struct tpar_slot *
tpi_slots_skip(struct tpi_region *region, struct tpar_slot *slot)
{
	tpi_region_skip(region);
	memset(slot->data, 0, sizeof slot->data);
	return slot;
}

/*
 * The calling worker's, made when first asked for.  NULL: no memory.  `live` is
 * what thieves see of them: while there are spans.
 */
struct tpi_slots *tpi_slots_get(struct tpi_worker *worker);
void tpi_slots_free(struct tpi_slots *slots);

/* Those of a worker, while it has forks.  Any thread. */
struct tpi_slots *tpi_slots_live(struct tpi_worker *worker);

/*
 * Owner.  Between them the calling worker runs tasks of `region`, whose forks
 * begin at the slot that is returned.  forked: the stolen fork that it runs, or
 * NULL for a root.  With one, what lies below is not to be promoted meanwhile, as
 * it is another computation's, or waits.
 */
struct tpar_slot *tpi_slots_enter(struct tpi_slots *slots,
				  struct tpi_span *span,
				  struct tpi_region *region,
				  struct tpi_forked *forked);
void tpi_slots_leave(struct tpi_slots *slots, struct tpi_span *span);

/* Owner: how many tasks the idle workers could take, now. */
unsigned tpi_slots_hungry(struct tpi_worker *worker);

/*
 * Owner: promotes up to n of the oldest private slots below head, and tells the
 * sleepers.  Returns how many; if some, what was asked for counts as heard.
 */
unsigned tpi_slots_promote(struct tpi_slots *slots, struct tpar_slot *head,
			   unsigned n);

/*
 * Owner, joining `slot`, the youngest, whose fn was just cleared: is it private?
 * Else it is so from now on, and is a future, whose reference is the caller's.
 */
struct tpi_forked *tpi_slots_withdraw(struct tpi_slots *slots,
				      struct tpar_slot *slot);

/* Owner: the head, as the slots tell it. */
struct tpar_slot *tpi_slots_top(struct tpi_slots *slots);

/* Owner: forks beyond the end have become more, or less. */
void tpi_slots_relimit(struct tpi_slots *slots);

/* Owner: slots up to head are in use, and wait; or no more. */
void tpi_slots_hold(struct tpi_slots *slots, struct tpar_slot *head);

/*
 * The first failure of a region counts: then all limits of the calling worker's
 * pool are poked, also those just being set (L5), so that forks are skipped.
 */
void tpi_slots_fail_with(struct tpi_region *region, enum tpar_err err, int code,
			 const char *fmt, va_list args);
void tpi_slots_fail(struct tpi_region *region, enum tpar_err err,
		    const char *fmt, ...) TPAR_PRINTF(3, 4);

/*
 * Has some owner had time to hear, and has something that a thief could take?
 * Those that have not are poked.  Before or while the caller sleeps.
 */
bool tpi_slots_watch(struct tpar_pool *pool);

/* Takes a private slot of an owner that does not hear; or NULL. */
struct tpar_future *tpi_slots_force(struct tpi_worker *thief);

/* Likewise of this one; within: only what `within` waits for, unless NULL. */
struct tpar_future *tpi_slots_force_from(struct tpi_worker *thief,
					 struct tpi_slots *slots,
					 struct tpi_forked *within);

#endif
