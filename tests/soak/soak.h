/* SPDX-License-Identifier: MIT */
/*
 * soak.h - what the parts of the soak share: random numbers from a seed, the
 * account of what was made and what became of it, and loads.
 *
 * A load is a thread from outside of all pools that takes one turn after the
 * other until it is told to stop; each turn leaves nothing behind that the
 * account does not know of.
 *
 * It uses public headers and no framework, so that it is built for any system
 * that the library is.
 */
#ifndef SOAK_H
#define SOAK_H

#include <taskpar.h>

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOAK_MUST(cond)                                                        \
	((cond) ? (void)0 : soak_broken(__FILE__, __LINE__, #cond))

_Noreturn void soak_broken(const char *file, int line, const char *what);

/* ---- Random numbers ------------------------------------------------------ */

/* Steele, Lea, Flood: SplitMix64; any state is as good as any other. */
struct soak_random {
	uint64_t state;
};

static inline uint64_t
soak_next(struct soak_random *random)
{
	uint64_t x = random->state += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* 0 .. n - 1 */
static inline unsigned
soak_below(struct soak_random *random, unsigned n)
{
	return (unsigned)(soak_next(random) >> 32) % n;
}

static inline bool
soak_chance(struct soak_random *random, unsigned percent)
{
	return soak_below(random, 100) < percent;
}

/* ---- The account --------------------------------------------------------- */

/*
 * What is counted.  Entries come in pairs or triples that must agree in number
 * and in the sum of the identities counted, so that one that is lost does not
 * make up for another one that comes twice:
 *
 *     jobs:    ACCEPTED = RAN + UNRUN
 *     values:  MADE = TAKEN + DROPPED
 *     calls:   ASKED = CALLED (callbacks, of futures and of promises)
 *     memory:  GOT = GAVE (of the pools' allocators)
 */
enum soak_entry {
	SOAK_ACCEPTED, /* jobs that the library has taken */
	SOAK_RAN,      /* those that it has run to their end, and dropped */
	SOAK_UNRUN,    /* those that were cancelled before they began */
	SOAK_VALUES_MADE,
	SOAK_VALUES_TAKEN,
	SOAK_VALUES_DROPPED,
	SOAK_CALLS_ASKED,
	SOAK_CALLED,
	SOAK_MEMORY_GOT,
	SOAK_MEMORY_GAVE,
	/* Counted for the summary alone. */
	SOAK_STOPPED, /* jobs that ran, and ended as cancelled */
	SOAK_FAILED,
	SOAK_FORKS,
	SOAK_ITEMS, /* of maps and loops */
	SOAK_PROMISES,
	SOAK_SETS,
	SOAK_POOLS,
	SOAK_IO, /* futures of libtaskpar-io */
	SOAK_ENTRIES
};

void soak_count(enum soak_entry entry, uint64_t id);
void soak_add(enum soak_entry entry, uint64_t n);
uint64_t soak_counted(enum soak_entry entry);

/* Of everything; in no order. */
uint64_t soak_new_id(void);

/* Says what does not agree.  Returns whether all does. */
bool soak_account_agrees(void);

/* ---- Loads --------------------------------------------------------------- */

struct soak_load {
	const char *name;
	void (*turn)(struct soak_load *load);
	struct soak_random random;
	pthread_t thread;
	_Atomic uint64_t turns;
	_Atomic(const char *) step; /* what it is at, for the watchdog */
};

static inline void
soak_step(struct soak_load *load, const char *step)
{
	atomic_store_explicit(&load->step, step, memory_order_relaxed);
}

enum { SOAK_SHARED_POOLS = 2 };

/* What there is for all of its time. */
extern tpar_pool *soak_pools[SOAK_SHARED_POOLS];
extern _Atomic bool soak_is_over;

/* One of those, or NULL for the default pool. */
static inline tpar_pool *
soak_pool(struct soak_random *random)
{
	unsigned which = soak_below(random, SOAK_SHARED_POOLS + 1);

	return which < SOAK_SHARED_POOLS ? soak_pools[which] : NULL;
}

/* The config of a pool whose memory is in the account. */
struct tpar_pool_config soak_pool_config(unsigned workers);

/* One turn of each kind: jobs.c, forks.c, scopes.c, waits.c, pools.c, io.c. */
void soak_jobs(struct soak_load *load);
void soak_forks(struct soak_load *load);
void soak_scopes(struct soak_load *load);
void soak_waits(struct soak_load *load);
void soak_short_pools(struct soak_load *load);
void soak_io(struct soak_load *load);

/* Before the first level is taken, and after the last turn. */
void soak_io_begin(void);
void soak_io_end(void);

/* A sum by forks, as part of a task or from outside: forks.c. */
void soak_some_forks(struct soak_random *random, tpar_pool *pool);

/* ---- Levels -------------------------------------------------------------- */

/* What the process has, as the system says. */
struct soak_level {
	long memory; /* KiB, resident */
	long in_use; /* KiB, of malloc(); 0 if that does not tell */
	long threads;
	long descriptors;
};

struct soak_level soak_level_now(void);

/* At rest: what malloc() has, but nobody uses, goes back to the system. */
void soak_level_settle(void);

/* ---- The watchdog -------------------------------------------------------- */

/*
 * From now on there must be some turn of each load within `patience` seconds,
 * or, while all are told to end, an end of that.
 */
void soak_watch(struct soak_load *loads, unsigned n, long patience);
void soak_watch_end(bool ends);
void soak_unwatch(void);

/* Jobs that the library has and that have not ended: jobs.c. */
void soak_dump_jobs(FILE *to);

#endif
