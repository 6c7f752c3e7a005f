/* SPDX-License-Identifier: MIT */
/*
 * lock.h - mutex, condition variable on the monotonic clock, thread start; and
 * the one list of the lock order.
 *
 * A thread that holds a lock may only take locks of a higher rank.  Debug
 * builds check it at every lock.  No user function runs under a lock.  See
 * doc/LOCKS.md.
 */
#ifndef TPI_LOCK_H
#define TPI_LOCK_H

#include "base.h"

#include <pthread.h>

enum tpi_lock_rank {
	TPI_RANK_DEFAULT_POOL = 1, /* pools.c: which pool is the default one */
	TPI_RANK_CYCLE,		   /* cycle.c: who takes his wait off a cycle */
	TPI_RANK_POOL,	      /* struct tpar_pool: threads and the parked */
	TPI_RANK_LOOSE,	      /* loose.c: the arena of those without a pool */
	TPI_RANK_EVENTFD,     /* eventfd.c: the table */
	TPI_RANK_STREAM,      /* stream.c: what has ended */
	TPI_RANK_GROUP,	      /* scope.c: children of a group */
	TPI_RANK_WINDOW,      /* window.c: its ring */
	TPI_RANK_UNEASY,      /* alarm.c: waits that an alarm wakes */
	TPI_RANK_REMOVAL,     /* frame.c: waiter lists being edited */
	TPI_RANK_HANDLER,     /* handler.c: who is told of a stop */
	TPI_RANK_ON_CANCEL,   /* oncancel.c: handlers and those under way */
	TPI_RANK_PROMISE,     /* promise.c: a call of on_cancel */
	TPI_RANK_LANE,	      /* lane.c: jobs and threads */
	TPI_RANK_INTERRUPT,   /* interrupt.c: who is kicked */
	TPI_RANK_TIMER,	      /* timer.c: what is pending */
	TPI_RANK_PARKER_LIST, /* parker.c: the free parkers */
	TPI_RANK_POOLS,	      /* pools.c: the pools there are */
	TPI_RANK_PARKER,      /* a thread falling asleep */
	TPI_RANK_AUDIT	      /* audit.c: debug builds' account */
};

struct tpi_lock {
	pthread_mutex_t mutex;
	enum tpi_lock_rank rank; /* [c] */
};

struct tpi_cond {
	pthread_cond_t cond;
};

#define TPI_LOCK_INIT(rank)                                                    \
	{                                                                      \
		PTHREAD_MUTEX_INITIALIZER, (rank)                              \
	}

/* 0 or an errno value; what is not 0 left nothing behind. */
int tpi_lock_init(struct tpi_lock *lock, enum tpi_lock_rank rank);
void tpi_lock_fini(struct tpi_lock *lock);
void tpi_lock_enter(struct tpi_lock *lock);
void tpi_lock_leave(struct tpi_lock *lock);

/* All n, which are of one rank; in the child of a fork, too. */
void tpi_lock_enter_all(struct tpi_lock *locks, size_t n);
void tpi_lock_leave_all(struct tpi_lock *locks, size_t n);

/* In the child of a fork: as new, whoever may have held it. */
void tpi_lock_renew(struct tpi_lock *lock);

int tpi_cond_init(struct tpi_cond *cond);
void tpi_cond_renew(struct tpi_cond *cond);
void tpi_cond_fini(struct tpi_cond *cond);
void tpi_cond_signal(struct tpi_cond *cond);
void tpi_cond_broadcast(struct tpi_cond *cond);

/*
 * Waits for a signal or, unless deadline_ns is 0, until that CLOCK_MONOTONIC
 * time; may return early.  false: the time has come.
 */
bool tpi_cond_wait(struct tpi_cond *cond, struct tpi_lock *lock,
		   int64_t deadline_ns);

#endif
