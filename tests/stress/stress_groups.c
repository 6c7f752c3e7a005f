/* SPDX-License-Identifier: MIT */
/*
 * stress_groups.c - trees of groups of a random shape: children that submit,
 * open groups, fail, cancel, time out; threads that submit and cancel from
 * outside, a pool that is shut down meanwhile.  When a group has closed none of
 * its children runs; in the end each argument and value was dropped once.
 */
#include "stress.h"

#include <taskpar.h>

enum { JOBS = 3000, DEPTH = 4, KIDS = 4, THREADS = 3, CODE = 5 };

/* A group and its children's account. */
struct scope {
	tpar_group *g;
	_Atomic long accepted;
	_Atomic long dropped;
	_Atomic long running;
	_Atomic long failed;
	_Atomic int body; /* tpar_group_fail() came in time */
};

struct job {
	struct scope *scope;
	_Atomic int runs;
	_Atomic int returned;
	_Atomic int args_dropped;
	_Atomic int values_dropped;
	_Atomic int accepted;
	uint64_t seed;
	int depth;
};

/* Of the round under way. */
static struct {
	struct job job[JOBS];
	_Atomic unsigned used;
	tpar_pool *pool;
	unsigned fails;	  /* of a thousand jobs */
	unsigned cancels; /* of a thousand steps */
	bool shuts;	  /* the pool is shut down meanwhile */
} world;

static void
drop_arg(void *arg)
{
	struct job *job = arg;

	UNIT_MUST(atomic_fetch_add(&job->args_dropped, 1) == 0);
	atomic_fetch_add(&job->scope->dropped, 1);
}

static void
drop_value(void *value)
{
	struct job *job;

	memcpy(&job, value, sizeof job);
	UNIT_MUST(atomic_fetch_add(&job->values_dropped, 1) == 0);
}

/* ---- Submitting ---------------------------------------------------------- */

static int run_job(void *arg, void *value);

static struct job *
new_jobs(struct stress_random *random, struct scope *scope, int depth,
	 unsigned n)
{
	unsigned at = atomic_fetch_add(&world.used, n);
	unsigned i;

	if (at + n > JOBS) {
		return NULL;
	}
	for (i = 0; i < n; i++) {
		world.job[at + i].scope = scope;
		world.job[at + i].seed = stress_next(random);
		world.job[at + i].depth = depth;
	}
	return &world.job[at];
}

/* What may happen to a child while its submitter still looks. */
static void
handle(struct stress_random *random, tpar_future *f)
{
	switch (stress_below(random, 5)) {
	case 0:
		(void)tpar_future_cancel(f);
		break;
	case 1:
		(void)tpar_future_cancel_at(f, stress_deadline(random));
		break;
	case 2:
		(void)tpar_future_wait(f, stress_deadline(random));
		break;
	case 3:
		(void)tpar_future_shield(f);
		break;
	default:
		break;
	}
}

/* One or some at once.  false: the group takes no more. */
static bool
submit(struct stress_random *random, struct scope *scope, int depth)
{
	unsigned n = 1 + stress_below(random, KIDS);
	struct job *job = new_jobs(random, scope, depth, n);
	struct tpar_task task = TPAR_TASK_INIT;
	bool handles = stress_chance(random, 40);
	tpar_future *f[KIDS];
	enum tpar_err err;
	unsigned i;

	if (job == NULL) {
		return false;
	}
	task.fn = run_job;
	task.value_size = stress_chance(random, 80) ? sizeof job : 300;
	task.drop_value = drop_value;
	task.drop_arg = drop_arg;
	task.group = scope->g;
	task.flags = stress_chance(random, 10) ? TPAR_NO_INLINE : 0;
	task.flags |= stress_chance(random, 5) ? TPAR_SHIELDED : 0;
	if (stress_chance(random, 20)) {
		task.deadline_ns = stress_deadline(random);
	}
	if (stress_chance(random, 20)) {
		task.priority = stress_chance(random, 50) ? TPAR_PRIORITY_HIGH
							  : TPAR_PRIORITY_LOW;
	}
	atomic_fetch_add(&scope->accepted, n);
	err = tpar_submit_many(world.pool, &task, job, sizeof *job, n,
			       handles ? f : NULL);
	if (err != TPAR_OK) {
		UNIT_MUST(err == TPAR_ECLOSED);
		atomic_fetch_sub(&scope->accepted, n);
		return false;
	}
	for (i = 0; i < n; i++) {
		atomic_store(&job[i].accepted, 1);
	}
	if (handles) {
		handle(random, f[stress_below(random, n)]);
		tpar_future_unref_all(f, n);
	}
	return true;
}

/* ---- A group from its beginning to its end --------------------------------- */

static bool
open_scope(struct stress_random *random, struct scope *scope)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	enum tpar_err err;

	memset(scope, 0, sizeof *scope);
	config.pool = world.pool;
	config.detached = stress_chance(random, 20);
	if (stress_chance(random, 25)) {
		config.deadline_ns = stress_deadline(random);
	}
	err = tpar_group_open(&scope->g, &config);
	UNIT_MUST(err == TPAR_OK || (err == TPAR_ESTOPPED && tpar_cancelled()));
	return err == TPAR_OK;
}

static void
disturb(struct stress_random *random, struct scope *scope)
{
	if (stress_below(random, 1000) >= world.cancels) {
		return;
	}
	if (stress_chance(random, 50)) {
		(void)tpar_group_cancel(scope->g, "disturbed");
	} else if (tpar_group_fail(scope->g, CODE, "the body") == TPAR_OK) {
		atomic_store(&scope->body, 1);
	}
}

static void
close_scope(struct stress_random *random, struct scope *scope)
{
	struct tpar_failure why[2];
	size_t n = 0;
	enum tpar_err err;

	if (stress_chance(random, 20)) {
		tpar_group_destroy(scope->g);
		UNIT_MUST(atomic_load(&scope->running) == 0);
		return;
	}
	err = tpar_group_close(scope->g, why, 2, &n);
	UNIT_MUST(err == TPAR_OK || err == TPAR_EFAILED ||
		  err == TPAR_ECANCELED || err == TPAR_ETIMEDOUT ||
		  err == TPAR_ESTOPPED);
	UNIT_MUST(atomic_load(&scope->running) == 0);
	UNIT_MUST(err != TPAR_OK || n == 0);
	UNIT_MUST(err != TPAR_EFAILED || n > 0);
	UNIT_MUST((long)n ==
		  atomic_load(&scope->failed) + atomic_load(&scope->body));
	UNIT_MUST(n == 0 || why[0].code == CODE);
	UNIT_MUST(tpar_group_run(scope->g, run_job, NULL) == TPAR_ECLOSED);
	if (stress_chance(random, 50)) {
		UNIT_MUST(tpar_group_close(scope->g, NULL, 0, NULL) ==
			  TPAR_ECLOSED);
	}
	tpar_group_destroy(scope->g);
}

static void
run_scope(struct stress_random *random, int depth)
{
	struct scope scope;
	unsigned n = stress_below(random, KIDS);

	if (!open_scope(random, &scope)) {
		return;
	}
	while (n-- > 0 && submit(random, &scope, depth + 1)) {
		stress_dawdle(random, 3);
		disturb(random, &scope);
	}
	close_scope(random, &scope);
	UNIT_MUST(atomic_load(&scope.dropped) == atomic_load(&scope.accepted));
	/* Whoever still looked at it would see that. */
	memset(&scope, 0xff, sizeof scope);
}

static int
steps_of_job(struct stress_random *random, struct job *job)
{
	unsigned n = stress_below(random, 4);

	while (n-- > 0) {
		if (job->depth < DEPTH && stress_chance(random, 30)) {
			run_scope(random, job->depth);
		} else if (stress_chance(random, 30)) {
			(void)submit(random, job->scope, job->depth + 1);
		} else {
			stress_dawdle(random, 8);
			disturb(random, job->scope);
		}
		if (tpar_cancelled() && stress_chance(random, 80)) {
			return TPAR_ESTOPPED;
		}
	}
	return stress_below(random, 1000) < world.fails ? CODE : 0;
}

static int
run_job(void *arg, void *value)
{
	struct job *job = arg;
	struct stress_random random = { job->seed };
	int rc;

	UNIT_MUST(atomic_fetch_add(&job->runs, 1) == 0);
	atomic_fetch_add(&job->scope->running, 1);
	memcpy(value, &job, sizeof job);
	rc = steps_of_job(&random, job);
	atomic_store(&job->returned, rc);
	if (rc == CODE) {
		atomic_fetch_add(&job->scope->failed, 1);
	}
	atomic_fetch_sub(&job->scope->running, 1);
	return rc;
}

/* ---- Rounds -------------------------------------------------------------- */

struct outsider {
	struct scope *scope;
	uint64_t seed;
};

static void *
submit_outside(void *arg)
{
	struct outsider *self = arg;
	struct stress_random random = { self->seed };
	unsigned n = stress_below(&random, 12);
	enum tpar_err err;

	while (n-- > 0 && submit(&random, self->scope, 1)) {
		stress_dawdle(&random, 20);
		disturb(&random, self->scope);
	}
	if (world.shuts && stress_chance(&random, 30)) {
		err = tpar_pool_shutdown(
			world.pool,
			stress_chance(&random, 50) ? TPAR_CANCEL : TPAR_DRAIN,
			TPAR_NOW);
		UNIT_MUST(err == TPAR_OK || err == TPAR_ETIMEDOUT);
	}
	return NULL;
}

static int
root_task(void *arg, void *value)
{
	(void)value;
	run_scope(arg, 0);
	return 0;
}

/* The root group is filled by threads, and closed while they are at it. */
static void
run_root(struct stress_random *random)
{
	struct outsider outsider[THREADS];
	pthread_t thread[THREADS];
	struct scope scope;
	unsigned n = 1 + stress_below(random, THREADS);
	unsigned i;

	UNIT_MUST(open_scope(random, &scope));
	for (i = 0; i < n; i++) {
		outsider[i] = (struct outsider) { &scope, stress_next(random) };
		thread[i] = unit_start(submit_outside, &outsider[i]);
	}
	stress_dawdle(random, 100);
	if (stress_chance(random, 30)) {
		/* Only a close leaves the group for those who still submit. */
		UNIT_MUST(tpar_group_close(scope.g, NULL, 0, NULL) !=
			  TPAR_EDEADLK);
		UNIT_MUST(atomic_load(&scope.running) == 0);
	}
	for (i = 0; i < n; i++) {
		unit_join(thread[i]);
	}
	tpar_group_destroy(scope.g);
	UNIT_MUST(atomic_load(&scope.running) == 0);
	UNIT_MUST(atomic_load(&scope.dropped) == atomic_load(&scope.accepted));
}

/* When all is over. */
static void
check_account(struct job *job)
{
	int runs = atomic_load(&job->runs);
	int accepted = atomic_load(&job->accepted);
	bool has_value = runs == 1 && atomic_load(&job->returned) == 0;

	UNIT_MUST(runs <= accepted);
	UNIT_MUST(atomic_load(&job->args_dropped) == accepted);
	UNIT_MUST(atomic_load(&job->values_dropped) == has_value);
}

static void
run_round(struct stress_random *random)
{
	static const unsigned often[] = { 0, 2, 20, 200 };
	static const unsigned workers[] = { 1, 2, 3, 8 };
	tpar_future *f = NULL;
	unsigned used;
	unsigned i;

	memset(world.job, 0, sizeof world.job);
	atomic_store(&world.used, 0);
	world.pool = unit_pool(workers[stress_below(random, 4)], 64);
	world.fails = often[stress_below(random, 4)];
	world.cancels = often[stress_below(random, 4)];
	world.shuts = stress_chance(random, 20);
	if (stress_chance(random, 50)) {
		f = unit_submit(world.pool, root_task, random, 0);
		stress_dawdle(&(struct stress_random) { 1 }, 30);
		if (world.cancels > 0) {
			(void)tpar_future_cancel_at(f, tpar_in(1000000));
		}
		(void)tpar_future_wait(f, TPAR_FOREVER);
		tpar_future_unref(f);
	} else {
		run_root(random);
	}
	UNIT_MUST(tpar_pool_destroy(world.pool) == TPAR_OK);
	used = atomic_load(&world.used);
	for (i = 0; i < used && i < JOBS; i++) {
		check_account(&world.job[i]);
	}
}

START_TEST(groups_close_when_all_children_have_ended)
{
	ck_assert_int_gt(stress_run("groups", run_round, 200), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { groups_close_when_all_children_have_ended };

	return stress_main("stress_groups", tests,
			   sizeof tests / sizeof tests[0]);
}
