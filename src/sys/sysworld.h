/* SPDX-License-Identifier: MIT */
/*
 * sysworld.h - one run of the replayable scheduler: its threads, its clock, what
 * the seed has drawn, and how it ended.
 *
 * It lies in memory that a run's process shares with the one that has forked it,
 * which reads the end there, also of a run that crashed.  Only the thread whose
 * turn it is touches it (systurn.c), so there are no atomics and no locks.
 */
#ifndef TPI_SYSWORLD_H
#define TPI_SYSWORLD_H

#include "base.h"

#include <taskpar/sys.h>

#include <pthread.h>
#include <semaphore.h>

/* At the same time; beyond it pthread_create() gives EAGAIN. */
#define TPI_SYS_THREADS 600

/* The last points of a thread, for reports; a power of two. */
#define TPI_SYS_LAST 8

/* The locks that it holds, for reports. */
#define TPI_SYS_HELD 8

/* When a run begins: not 0, which no deadline means. */
#define TPI_SYS_BEGIN ((int64_t)1000 * TPAR_SECOND)

/* What a thread waits for, if it does. */
enum tpi_syswait {
	TPI_SYS_UNUSED, /* no thread */
	TPI_SYS_READY,
	TPI_SYS_MUTEX,
	TPI_SYS_COND,
	TPI_SYS_RWLOCK,
	TPI_SYS_SEMAPHORE,
	TPI_SYS_JOIN,
	TPI_SYS_SLEEP,
	TPI_SYS_DESCRIPTORS,
	TPI_SYS_EXITED
};

struct tpi_syssite {
	const char *file;
	unsigned line;
};

struct tpi_sysheld {
	const void *lock;
	struct tpi_syssite site;
};

struct tpi_systhread {
	sem_t turn; /* posted when its turn comes */
	enum tpi_syswait wait;
	const void *object; /* that it waits for, by address only */
	int64_t deadline;   /* of its wait; 0: none */
	bool timed_out;
	uint64_t looked; /* at which step, at its descriptors */
	bool detached;
	bool quiet;	   /* no other thread's turn comes at its points */
	unsigned exits;	   /* rounds of its destructors */
	unsigned number;   /* as started */
	uint64_t priority; /* the higher one goes on */
	pthread_t id;
	void *(*main)(void *arg);
	void *arg;
	char name[16];
	struct tpi_syssite last[TPI_SYS_LAST];
	unsigned lasts;
	struct tpi_sysheld held[TPI_SYS_HELD];
};

/* A seed has up to so many points at which the thread that goes on changes. */
#define TPI_SYS_CHANGES 4

struct tpi_sysworld {
	/* The question. */
	const char *name;
	uint64_t seed;
	uint64_t steps_max;
	int64_t time_max; /* 0: none */
	unsigned flags;
	unsigned workers;
	bool loud;   /* says how it ends */
	bool traces; /* each switch */
	bool here;   /* not in a process of its own */

	/* What the seed has chosen. */
	uint64_t rng;
	bool by_priority;
	unsigned odds; /* a switch at one of so many points: mask */
	uint64_t change_at[TPI_SYS_CHANGES]; /* sorted; UINT64_MAX: none */
	unsigned changes;		     /* that have been */
	uint64_t lowest;		     /* priority given so far */
	uint64_t fell_back; /* the step at which one did for being long */

	/* So far. */
	uint64_t steps;
	uint64_t switches;
	uint64_t trace;
	int64_t now;
	unsigned idle;	/* waiting loops went round since somebody was woken */
	bool woken;	/* somebody may have to go on at once */
	unsigned slots; /* of thread[], ever used */
	unsigned started;
	struct tpi_systhread *current;
	sem_t answered; /* by a thread that wrote its stack */

	/* The answer. */
	enum tpar_sys_verdict verdict;
	bool returned;
	char what[256];

	struct tpi_systhread thread[TPI_SYS_THREADS];
};

/* NULL: no run. */
extern struct tpi_sysworld *tpi_sysworld;

/* The calling thread, if it is one of the run. */
extern _Thread_local struct tpi_systhread *tpi_sysworld_self;

/* Of the seed. */
void tpi_sysworld_begin(struct tpi_sysworld *world, uint64_t seed);
uint64_t tpi_sysworld_draw(struct tpi_sysworld *world);

/* A number below n, not 0. */
unsigned tpi_sysworld_below(struct tpi_sysworld *world, unsigned n);

/* Into the hash of what happened. */
static inline void
tpi_sysworld_note(struct tpi_sysworld *world, uint64_t what)
{
	world->trace = (world->trace ^ what) * UINT64_C(0x100000001b3);
}

/* A new thread that is ready, or NULL: there are too many. */
struct tpi_systhread *tpi_sysworld_add(struct tpi_sysworld *world);
void tpi_sysworld_remove(struct tpi_systhread *thread);

#endif
