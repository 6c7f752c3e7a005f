/* SPDX-License-Identifier: MIT */
/*
 * jobs.h - tasks of the soak that are in the account: each is accepted once,
 * runs or is cancelled once, and what it owns is dropped or taken once.
 */
#ifndef SOAK_JOBS_H
#define SOAK_JOBS_H

#include "soak.h"

enum { JOB_BEGAN = 1, JOB_RETURNED = 2, JOB_DROPPED = 4 };

/* Where it is in the life of its batch. */
struct job {
	struct batch *batch;
	uint64_t id;
	uint64_t seed;
	_Atomic unsigned state;
	int code; /* what it has returned */
	unsigned depth;
};

/* Jobs with one description; they are freed together, with the last one. */
struct batch {
	struct batch *next; /* [m:live_lock], of those that live */
	struct batch *before;
	_Atomic unsigned left; /* jobs that are not dropped, and the caller */
	_Atomic unsigned accepted;
	unsigned n;
	struct tpar_task task;
	bool owns;    /* their values are dropped or moved */
	bool closing; /* their pool may refuse, and cancel, anything */
	struct job job[];
};

/* What a job writes. */
struct value {
	uint64_t id;
	uint64_t check; /* ~id */
};

/* n jobs of which none is submitted yet; the caller is one of its users. */
struct batch *batch_make(struct soak_random *random, unsigned n,
			 unsigned depth);
void batch_leave(struct batch *batch, unsigned users);

/* The description of one of them. */
struct tpar_task batch_task(struct batch *batch, unsigned i);

/* They were, or were not, taken by the library. */
void batch_accepted(struct batch *batch, unsigned first, unsigned n);
void batch_refused(struct batch *batch, unsigned first, unsigned n);

/* Has it ended as its job says?  Only in a batch that its caller has not left. */
void job_check(struct job *job, tpar_future *f);
void job_check_value(struct job *job, const struct value *value);
void job_taken(struct job *job, const struct value *value);

/*
 * Submits some to the pool, waits for them in some way; depth > 0: in a job.
 * closing: the pool is ended meanwhile, or has a limit.
 */
void jobs_set(struct soak_random *random, tpar_pool *pool, unsigned depth,
	      bool closing);

/* Without handles. */
void jobs_loose(struct soak_random *random, tpar_pool *pool, unsigned n);

#endif
