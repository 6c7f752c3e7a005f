/* SPDX-License-Identifier: MIT */
/*
 * jobs.c - what a job of the soak does, and the account of its life.
 */
#include "jobs.h"

static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static struct batch live = { .next = &live, .before = &live };

/* ---- Batches ------------------------------------------------------------- */

static void
link_batch(struct batch *batch)
{
	SOAK_MUST(pthread_mutex_lock(&live_lock) == 0);
	batch->next = live.next;
	batch->before = &live;
	live.next->before = batch;
	live.next = batch;
	SOAK_MUST(pthread_mutex_unlock(&live_lock) == 0);
}

static void
unlink_batch(struct batch *batch)
{
	SOAK_MUST(pthread_mutex_lock(&live_lock) == 0);
	batch->next->before = batch->before;
	batch->before->next = batch->next;
	SOAK_MUST(pthread_mutex_unlock(&live_lock) == 0);
}

void
batch_leave(struct batch *batch, unsigned users)
{
	unsigned before = atomic_fetch_sub(&batch->left, users);

	SOAK_MUST(before >= users);
	if (before == users) {
		unlink_batch(batch);
		free(batch);
	}
}

void
batch_accepted(struct batch *batch, unsigned first, unsigned n)
{
	unsigned i;

	for (i = first; i < first + n; i++) {
		soak_count(SOAK_ACCEPTED, batch->job[i].id);
	}
	atomic_fetch_add(&batch->accepted, n);
}

void
batch_refused(struct batch *batch, unsigned first, unsigned n)
{
	unsigned i;

	for (i = first; i < first + n; i++) {
		SOAK_MUST(atomic_load(&batch->job[i].state) == 0);
	}
	batch_leave(batch, n);
}

/* ---- The end of a job ---------------------------------------------------- */

static void
drop_arg(void *arg)
{
	struct job *job = arg;
	unsigned before = atomic_fetch_or(&job->state, JOB_DROPPED);

	SOAK_MUST(before == 0 || before == (JOB_BEGAN | JOB_RETURNED));
	soak_count(before == 0 ? SOAK_UNRUN : SOAK_RAN, job->id);
	batch_leave(job->batch, 1);
}

static void
drop_value(void *value)
{
	struct value *v = value;

	SOAK_MUST(v->check == ~v->id);
	v->check = v->id;
	soak_count(SOAK_VALUES_DROPPED, v->id);
}

void
job_check_value(struct job *job, const struct value *value)
{
	SOAK_MUST(value->id == job->id && value->check == ~job->id);
}

void
job_taken(struct job *job, const struct value *value)
{
	job_check_value(job, value);
	if (job->batch->owns) {
		soak_count(SOAK_VALUES_TAKEN, value->id);
	}
}

void
job_check(struct job *job, tpar_future *f)
{
	unsigned state = atomic_load(&job->state);

	SOAK_MUST(state & JOB_DROPPED);
	switch (tpar_future_state(f)) {
	case TPAR_DONE:
		SOAK_MUST((state & JOB_RETURNED) && job->code == 0);
		break;
	case TPAR_FAILED:
		SOAK_MUST((state & JOB_RETURNED) && job->code != 0);
		SOAK_MUST(tpar_future_code(f) == job->code);
		break;
	default:
		SOAK_MUST(tpar_future_state(f) == TPAR_CANCELLED);
		SOAK_MUST(!(state & JOB_BEGAN) || job->code == TPAR_ESTOPPED);
		break;
	}
}

/* ---- What a job does ----------------------------------------------------- */

enum { DEEPEST = 3, FAILURE = 1000 };

static int
write_value(struct job *job, struct value *value)
{
	value->id = job->id;
	value->check = ~job->id;
	if (job->batch->owns) {
		soak_count(SOAK_VALUES_MADE, job->id);
	}
	return 0;
}

static int
compute(struct soak_random *random, unsigned most)
{
	unsigned n = soak_below(random, most);

	while (n-- > 0) {
		(void)soak_next(random);
	}
	return tpar_checkpoint();
}

static int
body(struct job *job, struct value *value)
{
	struct soak_random random = { job->seed };
	unsigned which = soak_below(&random, 1000);
	int rc = 0;

	if (which < 900) {
		rc = compute(&random, 100);
	} else if (which < 930) {
		rc = compute(&random, 5000);
	} else if (which < 935) {
		return tpar_fail(FAILURE + (int)(job->id % 1000), "job %llu",
				 (unsigned long long)job->id);
	} else if (which < 940) {
		rc = tpar_sleep(tpar_in((int64_t)soak_below(&random, 300000)));
	} else if (which < 950) {
		soak_some_forks(&random, NULL);
		rc = tpar_checkpoint();
	} else if (which < 960) {
		sched_yield();
	} else if (job->depth < DEEPEST) {
		jobs_set(&random, NULL, job->depth + 1, job->batch->closing);
		rc = tpar_checkpoint();
	}
	return rc != 0 ? rc : write_value(job, value);
}

static int
run(void *arg, void *value)
{
	struct job *job = arg;

	SOAK_MUST(atomic_fetch_or(&job->state, JOB_BEGAN) == 0);
	job->code = body(job, value);
	if (job->code != 0) {
		soak_add(job->code == TPAR_ESTOPPED ? SOAK_STOPPED
						    : SOAK_FAILED,
			 1);
	}
	SOAK_MUST(atomic_fetch_or(&job->state, JOB_RETURNED) == JOB_BEGAN);
	return job->code;
}

/* ---- Their description --------------------------------------------------- */

static void
describe(struct soak_random *random, struct batch *batch)
{
	struct tpar_task task = TPAR_TASK_INIT;

	batch->owns = soak_chance(random, 40);
	task.fn = run;
	task.drop_arg = drop_arg;
	task.drop_value = batch->owns ? drop_value : NULL;
	task.value_size = sizeof(struct value);
	task.name = "job";
	if (soak_chance(random, 10)) {
		task.value_size += soak_below(random, 500);
	}
	if (soak_chance(random, 10)) {
		task.priority = soak_chance(random, 50) ? TPAR_PRIORITY_HIGH
							: TPAR_PRIORITY_LOW;
	}
	if (soak_chance(random, 5)) {
		task.flags |= TPAR_NO_INLINE;
	}
	if (soak_chance(random, 1)) {
		task.flags |= TPAR_BLOCKING;
	}
	if (soak_chance(random, 3)) {
		task.deadline_ns =
			tpar_in((int64_t)soak_below(random, 1000000));
	}
	batch->task = task;
}

struct batch *
batch_make(struct soak_random *random, unsigned n, unsigned depth)
{
	struct batch *batch = malloc(sizeof *batch + n * sizeof batch->job[0]);
	unsigned i;

	SOAK_MUST(batch != NULL);
	batch->n = n;
	batch->closing = false;
	atomic_init(&batch->left, n + 1);
	atomic_init(&batch->accepted, 0);
	describe(random, batch);
	for (i = 0; i < n; i++) {
		struct job *job = &batch->job[i];

		job->batch = batch;
		job->id = soak_new_id();
		job->seed = soak_next(random);
		job->depth = depth;
		job->code = 0;
		atomic_init(&job->state, 0);
	}
	link_batch(batch);
	return batch;
}

struct tpar_task
batch_task(struct batch *batch, unsigned i)
{
	struct tpar_task task = batch->task;

	task.arg = &batch->job[i];
	return task;
}

/* ---- For the watchdog ---------------------------------------------------- */

static const char *
state_name(unsigned state)
{
	return state == JOB_BEGAN ? "runs" : "has returned, arg not dropped";
}

/* Those that run; of those that do not, how many. */
static void
dump_batch(FILE *to, struct batch *batch)
{
	unsigned waiting = 0;
	unsigned i;

	for (i = 0; i < batch->n; i++) {
		struct job *job = &batch->job[i];
		unsigned state = atomic_load(&job->state);

		waiting += state == 0;
		if (state != 0 && !(state & JOB_DROPPED)) {
			fprintf(to,
				"soak:   job %" PRIu64 " seed %" PRIu64
				": %s\n",
				job->id, job->seed, state_name(state));
		}
	}
	fprintf(to,
		"soak: batch %p of depth %u, flags %u%s: %u jobs, %u accepted, "
		"%u have not begun, %u users are left\n",
		(void *)batch, batch->job[0].depth, batch->task.flags,
		batch->task.deadline_ns != 0 ? ", deadline" : "", batch->n,
		atomic_load(&batch->accepted), waiting,
		atomic_load(&batch->left));
}

void
soak_dump_jobs(FILE *to)
{
	struct batch *batch;

	if (pthread_mutex_trylock(&live_lock) != 0) {
		fprintf(to, "soak: the list of jobs is locked\n");
		return;
	}
	for (batch = live.next; batch != &live; batch = batch->next) {
		dump_batch(to, batch);
	}
	(void)pthread_mutex_unlock(&live_lock);
}
