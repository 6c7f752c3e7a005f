/* SPDX-License-Identifier: MIT */
/*
 * sets.c - sets of jobs, submitted and waited for in all ways, from outside and
 * by jobs; what the eight outside threads do for all of the time.
 */
#include "jobs.h"

enum { MOST = 64, MOST_INSIDE = 6 };

/* Jobs under way, and who waits for them. */
struct set {
	struct soak_random *random;
	struct batch *batch;
	bool in_task;
	bool closing;
	unsigned n;
	tpar_future *f[MOST];
	struct job *job[MOST];
};

/* What a wait may say about its caller. */
static bool
is_callers(const struct set *set, enum tpar_err err)
{
	switch (err) {
	case TPAR_ESTOPPED:
		return set->in_task && tpar_cancelled();
	case TPAR_EAGAIN:
		return set->in_task;
	default:
		return false;
	}
}

static int64_t
some_deadline(struct soak_random *random)
{
	return soak_chance(random, 20)
		       ? TPAR_NOW
		       : tpar_in((int64_t)soak_below(random, 2000000));
}

/* ---- Submitting ---------------------------------------------------------- */

static void
check_refused(const struct set *set, enum tpar_err err)
{
	SOAK_MUST(set->closing && (err == TPAR_ECLOSED || err == TPAR_EAGAIN));
}

static void
submit_at_once(struct set *set, tpar_pool *pool, unsigned n)
{
	struct batch *batch = set->batch;
	enum tpar_err err = tpar_submit_many(pool, &batch->task, batch->job,
					     sizeof batch->job[0], n, set->f);
	unsigned i;

	if (err != TPAR_OK) {
		check_refused(set, err);
		batch_refused(batch, 0, n);
		return;
	}
	batch_accepted(batch, 0, n);
	for (i = 0; i < n; i++) {
		set->job[i] = &batch->job[i];
	}
	set->n = n;
}

static void
submit_singly(struct set *set, tpar_pool *pool, unsigned n)
{
	struct batch *batch = set->batch;
	unsigned i;

	for (i = 0; i < n; i++) {
		struct tpar_task task = batch_task(batch, i);
		enum tpar_err err =
			tpar_submit_task(pool, &task, &set->f[set->n]);

		if (err != TPAR_OK) {
			check_refused(set, err);
			batch_refused(batch, i, 1);
			continue;
		}
		batch_accepted(batch, i, 1);
		set->job[set->n++] = &batch->job[i];
	}
}

/* ---- Waiting ------------------------------------------------------------- */

static void
check_all(struct set *set)
{
	unsigned i;

	for (i = 0; i < set->n; i++) {
		job_check(set->job[i], set->f[i]);
	}
}

static void
gather(struct set *set, int64_t deadline)
{
	size_t size = set->batch->task.value_size;
	char *values =
		soak_chance(set->random, 50) ? malloc(set->n * size + 1) : NULL;
	struct tpar_failure why;
	enum tpar_err err =
		tpar_gather_until(set->f, set->n, values, deadline, &why);
	unsigned i;

	check_all(set);
	if (err == TPAR_OK && values != NULL) {
		for (i = 0; i < set->n; i++) {
			struct value value;

			memcpy(&value, values + i * size, sizeof value);
			job_taken(set->job[i], &value);
		}
	} else if (err == TPAR_EFAILED || err == TPAR_ECANCELED) {
		SOAK_MUST(why.index < set->n);
		SOAK_MUST(why.state == tpar_future_state(set->f[why.index]));
	} else if (err != TPAR_OK) {
		SOAK_MUST(is_callers(set, err) ||
			  (err == TPAR_ETIMEDOUT && deadline != TPAR_FOREVER));
	}
	free(values);
}

static void
settle(struct set *set)
{
	struct tpar_outcome outcomes[MOST];
	enum tpar_err err = tpar_gather_settled(set->f, set->n, NULL, outcomes);
	unsigned i;

	SOAK_MUST(err == TPAR_OK || is_callers(set, err));
	check_all(set);
	for (i = 0; i < set->n; i++) {
		SOAK_MUST(outcomes[i].state == tpar_future_state(set->f[i]));
	}
}

static void
race(struct set *set)
{
	size_t size = set->batch->task.value_size;
	char *values = malloc(size);
	struct value value;
	size_t index;
	enum tpar_err err = tpar_race(set->f, set->n, values, &index, NULL);

	SOAK_MUST(values != NULL);
	check_all(set);
	if (err == TPAR_OK) {
		SOAK_MUST(index < set->n);
		memcpy(&value, values, sizeof value);
		job_taken(set->job[index], &value);
	} else {
		SOAK_MUST(err == TPAR_EFAILED || err == TPAR_ECANCELED ||
			  is_callers(set, err));
	}
	free(values);
}

static void
stream(struct set *set)
{
	bool seen[MOST] = { false };
	tpar_stream *s = NULL;
	enum tpar_err err;
	size_t i;

	SOAK_MUST(tpar_as_completed(set->f, set->n, &s) == TPAR_OK);
	while ((err = tpar_stream_next(s, TPAR_FOREVER, &i)) == TPAR_OK) {
		SOAK_MUST(i < set->n && !seen[i]);
		seen[i] = true;
		job_check(set->job[i], set->f[i]);
		if (soak_chance(set->random, 1)) {
			break;
		}
	}
	SOAK_MUST(err == TPAR_OK || err == TPAR_EEND || is_callers(set, err));
	tpar_stream_close(s);
}

/* One that is gathered in the background, and perhaps cancelled. */
static void
gather_behind(struct set *set)
{
	tpar_future *all = NULL;
	enum tpar_err err;

	SOAK_MUST(tpar_gather_async(set->f, set->n, &all) == TPAR_OK);
	if (soak_chance(set->random, 30)) {
		err = soak_chance(set->random, 50)
			      ? tpar_future_cancel(all)
			      : tpar_future_cancel_at(
					all, some_deadline(set->random));
		SOAK_MUST(err == TPAR_OK || err == TPAR_EALREADY);
	}
	err = tpar_future_wait(all, TPAR_FOREVER);
	SOAK_MUST(err == TPAR_OK || err == TPAR_EFAILED ||
		  err == TPAR_ECANCELED || is_callers(set, err));
	if (!is_callers(set, err)) {
		check_all(set);
	}
	tpar_future_unref(all);
}

/* Some are cancelled, and the values of the others taken. */
static void
cancel_some(struct set *set)
{
	char *values = malloc(set->batch->task.value_size);
	struct value value;
	unsigned i;

	SOAK_MUST(values != NULL);
	for (i = 0; i < set->n; i++) {
		if (soak_chance(set->random, 50)) {
			(void)tpar_future_cancel(set->f[i]);
		}
	}
	for (i = 0; i < set->n; i++) {
		enum tpar_err err = tpar_future_wait(set->f[i], TPAR_FOREVER);

		if (is_callers(set, err)) {
			break;
		}
		job_check(set->job[i], set->f[i]);
		SOAK_MUST((err == TPAR_OK) ==
			  (tpar_future_state(set->f[i]) == TPAR_DONE));
		if (err == TPAR_OK) {
			SOAK_MUST(tpar_future_take(set->f[i], values) ==
				  TPAR_OK);
			memcpy(&value, values, sizeof value);
			job_taken(set->job[i], &value);
		}
	}
	free(values);
}

static void
wait_any(struct set *set)
{
	size_t index;
	enum tpar_err err = tpar_wait_any(set->f, set->n, TPAR_FOREVER, &index);

	if (err == TPAR_OK) {
		SOAK_MUST(index < set->n);
		job_check(set->job[index], set->f[index]);
	} else {
		SOAK_MUST(is_callers(set, err));
	}
}

static void
wait_plainly(struct set *set)
{
	int64_t deadline = soak_chance(set->random, 30)
				   ? some_deadline(set->random)
				   : TPAR_FOREVER;
	enum tpar_err err = tpar_wait_all(set->f, set->n, deadline);

	SOAK_MUST(err == TPAR_OK || is_callers(set, err) ||
		  (err == TPAR_ETIMEDOUT && deadline != TPAR_FOREVER));
	if (err == TPAR_OK) {
		check_all(set);
	}
}

static void
wait_somehow(struct set *set)
{
	switch (soak_below(set->random, 12)) {
	case 0:
		gather(set, some_deadline(set->random));
		break;
	case 1:
		settle(set);
		break;
	case 2:
		race(set);
		break;
	case 3:
		stream(set);
		break;
	case 4:
		gather_behind(set);
		break;
	case 5:
		cancel_some(set);
		break;
	case 6:
		wait_any(set);
		break;
	case 7:
		wait_plainly(set);
		break;
	case 8:
		break; /* the handles go, the jobs go on */
	default:
		gather(set, TPAR_FOREVER);
		break;
	}
}

/* ---- Sets ---------------------------------------------------------------- */

static void
run_set(struct set *set, tpar_pool *pool, unsigned n, unsigned depth)
{
	set->batch = batch_make(set->random, n, depth);
	set->batch->closing = set->closing;
	set->n = 0;
	if (soak_chance(set->random, 70)) {
		submit_at_once(set, pool, n);
	} else {
		submit_singly(set, pool, n);
	}
	if (set->n > 0) {
		wait_somehow(set);
		tpar_future_unref_all(set->f, set->n);
	}
	batch_leave(set->batch, 1);
	soak_add(SOAK_SETS, 1);
}

void
jobs_set(struct soak_random *random, tpar_pool *pool, unsigned depth,
	 bool closing)
{
	struct set set;

	set.random = random;
	set.in_task = depth > 0;
	set.closing = closing;
	run_set(&set, pool,
		1 + soak_below(random, depth > 0 ? MOST_INSIDE : MOST), depth);
}

void
jobs_loose(struct soak_random *random, tpar_pool *pool, unsigned n)
{
	struct batch *batch = batch_make(random, n, 0);

	batch->closing = true;
	if (tpar_submit_many(pool, &batch->task, batch->job,
			     sizeof batch->job[0], n, NULL) == TPAR_OK) {
		batch_accepted(batch, 0, n);
	} else {
		batch_refused(batch, 0, n);
	}
	batch_leave(batch, 1);
}

void
soak_jobs(struct soak_load *load)
{
	tpar_pool *pool =
		soak_pools[soak_below(&load->random, SOAK_SHARED_POOLS)];

	soak_step(load, "a set of jobs");
	jobs_set(&load->random, pool, 0, false);
}
