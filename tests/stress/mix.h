/* SPDX-License-Identifier: MIT */
/*
 * mix.h - the jobs of stress_mix.c: what each one owns, and the account of what
 * became of it; submitting them, and sharing their futures.
 *
 * A job is an entry of a table, not of a stack: a wait on a cycle may end
 * before the job does.
 */
#ifndef MIX_H
#define MIX_H

#include "stress.h"

#include <taskpar/cancel.h>

enum {
	JOBS = 1200,
	POOLS = 3,
	KIDS = 6,
	DEPTH = 4,
	SLOTS = 8,
	VALUE_MAX = 700 /* bytes */
};

struct job {
	_Atomic int runs;
	_Atomic int returned;
	_Atomic int args_dropped;
	_Atomic int values_dropped;
	_Atomic int taken;
	uint64_t seed;
	int depth;
	bool accepted; /* by the library; written by the submitter */
	bool owns;     /* its value is dropped, or moved */
};

/* Of the round under way. */
struct world {
	struct job job[JOBS];
	_Atomic unsigned used;
	tpar_pool *pool[POOLS];
	unsigned pools;
	bool limited;	     /* a pool has a queue_limit */
	_Atomic bool closes; /* a pool is shut down, or may be */
	size_t value_size;
	pthread_mutex_t lock;
	tpar_future *slot[SLOTS];    /* [m:lock] */
	struct job *slot_job[SLOTS]; /* [m:lock] */
};

static struct world world = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* What a job or a thread is at: its futures and whose they are. */
struct work {
	struct stress_random random;
	bool in_task;
	int depth;
	unsigned n;
	tpar_future *f[KIDS];
	struct job *job[KIDS];
};

/* ---- The account --------------------------------------------------------- */

/* The value says whose it is, at both ends. */
static inline void
write_value(struct job *job, void *value)
{
	char *end = (char *)value + world.value_size - sizeof job;

	memcpy(value, &job, sizeof job);
	memcpy(end, &job, sizeof job);
}

static inline void
check_value(struct job *job, const void *value)
{
	const char *end = (const char *)value + world.value_size - sizeof job;

	UNIT_MUST(memcmp(value, &job, sizeof job) == 0);
	UNIT_MUST(memcmp(end, &job, sizeof job) == 0);
}

static inline void
drop_value(void *value)
{
	struct job *job;

	memcpy(&job, value, sizeof job);
	check_value(job, value);
	UNIT_MUST(atomic_fetch_add(&job->values_dropped, 1) == 0);
}

static inline void
drop_arg(void *arg)
{
	struct job *job = arg;

	UNIT_MUST(atomic_fetch_add(&job->args_dropped, 1) == 0);
}

static inline void
take(struct job *job, const void *value)
{
	check_value(job, value);
	UNIT_MUST(atomic_fetch_add(&job->taken, 1) == 0);
}

/* A future that has ended, and what its job knows. */
static inline void
check_ended(struct job *job, tpar_future *f)
{
	enum tpar_state state = tpar_future_state(f);
	int returned = atomic_load(&job->returned);

	UNIT_MUST(atomic_load(&job->args_dropped) == 1);
	switch (state) {
	case TPAR_DONE:
		UNIT_MUST(atomic_load(&job->runs) == 1 && returned == 0);
		break;
	case TPAR_FAILED:
		UNIT_MUST(atomic_load(&job->runs) == 1);
		UNIT_MUST(returned == tpar_future_code(f));
		break;
	default:
		UNIT_MUST(state == TPAR_CANCELLED);
		UNIT_MUST(atomic_load(&job->runs) == 0 ||
			  returned == TPAR_ESTOPPED);
		break;
	}
}

static inline void
check_all_ended(struct work *work)
{
	unsigned i;

	for (i = 0; i < work->n; i++) {
		check_ended(work->job[i], work->f[i]);
	}
}

/* When all is over. */
static inline void
check_account(struct job *job)
{
	int runs = atomic_load(&job->runs);
	bool has_value = runs == 1 && atomic_load(&job->returned) == 0;
	int gone = atomic_load(&job->values_dropped) +
		   (job->owns ? atomic_load(&job->taken) : 0);

	UNIT_MUST(runs == 0 || (runs == 1 && job->accepted));
	UNIT_MUST(atomic_load(&job->args_dropped) == job->accepted);
	UNIT_MUST(gone == (has_value && job->owns));
	UNIT_MUST(has_value || atomic_load(&job->taken) == 0);
}

/* ---- Submitting ---------------------------------------------------------- */

/* n jobs in a row, or NULL: all are used up. */
static inline struct job *
new_jobs(struct work *work, unsigned n, bool owns)
{
	unsigned at = atomic_fetch_add(&world.used, n);
	unsigned i;

	if (at + n > JOBS) {
		return NULL;
	}
	for (i = 0; i < n; i++) {
		world.job[at + i].seed = stress_next(&work->random);
		world.job[at + i].depth = work->depth + 1;
		world.job[at + i].owns = owns;
	}
	return &world.job[at];
}

static inline tpar_pool *
some_pool(struct work *work)
{
	if (work->in_task && stress_chance(&work->random, 70)) {
		return NULL;
	}
	return world.pool[stress_below(&work->random, world.pools)];
}

static inline void
check_refused(enum tpar_err err)
{
	UNIT_MUST(err == TPAR_OK || (err == TPAR_EAGAIN && world.limited) ||
		  (err == TPAR_ECLOSED && atomic_load(&world.closes)));
}

static inline void
add_kid(struct work *work, struct job *job)
{
	job->accepted = true;
	work->job[work->n++] = job;
}

/* Some jobs, at once or one by one. */
static inline void
submit_kids(struct work *work, tpar_task_fn fn)
{
	struct stress_random *random = &work->random;
	unsigned n = 1 + stress_below(random, KIDS);
	struct tpar_task task = TPAR_TASK_INIT;
	bool owns = stress_chance(random, 50);
	tpar_pool *pool = some_pool(work);
	struct job *job = new_jobs(work, n, owns);
	enum tpar_err err;
	unsigned i;

	work->n = 0;
	if (job == NULL) {
		return;
	}
	task.fn = fn;
	task.value_size = world.value_size;
	task.drop_value = owns ? drop_value : NULL;
	task.drop_arg = drop_arg;
	task.flags = stress_chance(random, 15) ? TPAR_NO_INLINE : 0;
	if (stress_chance(random, 40)) {
		task.priority = stress_chance(random, 50) ? TPAR_PRIORITY_HIGH
							  : TPAR_PRIORITY_LOW;
	}
	if (stress_chance(random, 50)) {
		err = tpar_submit_many(pool, &task, job, sizeof *job, n,
				       work->f);
		check_refused(err);
		for (i = 0; err == TPAR_OK && i < n; i++) {
			add_kid(work, &job[i]);
		}
		return;
	}
	for (i = 0; i < n; i++) {
		task.arg = &job[i];
		err = tpar_submit_task(pool, &task, &work->f[work->n]);
		check_refused(err);
		if (err == TPAR_OK) {
			add_kid(work, &job[i]);
		}
	}
}

/* ---- Shared futures ------------------------------------------------------ */

static inline void
put_slot(struct work *work, unsigned i)
{
	unsigned at = stress_below(&work->random, SLOTS);
	tpar_future *before;

	UNIT_MUST(pthread_mutex_lock(&world.lock) == 0);
	before = world.slot[at];
	world.slot[at] = tpar_future_ref(work->f[i]);
	world.slot_job[at] = work->job[i];
	UNIT_MUST(pthread_mutex_unlock(&world.lock) == 0);
	tpar_future_unref(before);
}

/* Some of those that others have put there. */
static inline void
get_slots(struct work *work)
{
	unsigned n = 1 + stress_below(&work->random, KIDS);
	unsigned at;

	work->n = 0;
	UNIT_MUST(pthread_mutex_lock(&world.lock) == 0);
	while (n-- > 0) {
		at = stress_below(&work->random, SLOTS);
		if (world.slot[at] != NULL) {
			work->f[work->n] = tpar_future_ref(world.slot[at]);
			work->job[work->n++] = world.slot_job[at];
		}
	}
	UNIT_MUST(pthread_mutex_unlock(&world.lock) == 0);
}

#endif
