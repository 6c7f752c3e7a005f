/* SPDX-License-Identifier: MIT */
/*
 * blocking.c - scenarios of tasks that block: their threads, places that are handed
 * over, what breaks them.
 */
#include "sys.h"

#include <taskpar/syscalls.h>

#include <errno.h>
#include <unistd.h>

static tpar_pool *pool;

/* Tasks that wait for each other, on threads beside the one that computes. */
struct meeting {
	struct gate gate;
	unsigned n;
};

static int
meet(void *arg, void *value)
{
	struct meeting *m = arg;

	(void)value;
	gate_open(&m->gate);
	gate_await(&m->gate, m->n);
	return 0;
}

static void
blocking_tasks_meet(void *arg)
{
	struct meeting m = { GATE_INIT, 3 };
	struct item item = { 0 };
	tpar_future *f[4];
	int i;

	(void)arg;
	pool = sys_pool(1, 3);
	for (i = 0; i < 3; i++) {
		struct tpar_task task = TPAR_TASK_INIT;

		task.fn = meet;
		task.arg = &m;
		task.flags = TPAR_BLOCKING;
		MUST(tpar_submit_task(pool, &task, &f[i]) == TPAR_OK);
	}
	f[3] = item_submit(pool, &item);
	MUST(tpar_wait_all(f, 4, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref_all(f, 4);
	sys_destroy(pool);
	item_must_be_over(&item, 1);
}

/* Two tasks that wait for each other, with a worker for each: both are woken. */
static void
workers_meet(void *arg)
{
	struct meeting m = { GATE_INIT, 2 };
	tpar_future *f[2];
	int i;

	(void)arg;
	pool = sys_pool(2, 1);
	for (i = 0; i < 2; i++) {
		MUST(tpar_submit(pool, meet, &m, 0, &f[i]) == TPAR_OK);
	}
	MUST(tpar_wait_all(f, 2, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref_all(f, 2);
	sys_destroy(pool);
}

/* One that waits for one that blocks, too, where one at a time may. */
static int
block_and_wait(void *arg, void *value)
{
	struct tpar_task task = item_describe(arg);
	tpar_future *f;

	(void)value;
	task.flags = TPAR_BLOCKING | TPAR_NO_INLINE;
	MUST(tpar_submit_task(pool, &task, &f) == TPAR_OK);
	MUST(tpar_future_wait(f, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref(f);
	return 0;
}

static void
blocking_task_waits(void *arg)
{
	struct item item[2] = { { .polls = 1 }, { 0 } };
	tpar_future *f[2];
	int i;

	(void)arg;
	pool = sys_pool(1, 1);
	for (i = 0; i < 2; i++) {
		struct tpar_task task = TPAR_TASK_INIT;

		task.fn = block_and_wait;
		task.arg = &item[i];
		task.flags = TPAR_BLOCKING;
		MUST(tpar_submit_task(pool, &task, &f[i]) == TPAR_OK);
	}
	MUST(tpar_wait_all(f, 2, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref_all(f, 2);
	sys_destroy(pool);
	item_must_be_over(&item[0], 1);
	item_must_be_over(&item[1], 1);
}

/* More than there are threads for: they queue, and all run. */
static void
blocking_tasks_queue(void *arg)
{
	struct item item[4] = { { .polls = 1 }, { .polls = 2 }, { 0 }, { 0 } };
	tpar_future *f[4];
	int i;

	(void)arg;
	pool = sys_pool(1, 1);
	for (i = 0; i < 4; i++) {
		struct tpar_task task = item_describe(&item[i]);

		task.flags = TPAR_BLOCKING;
		MUST(tpar_submit_task(pool, &task, &f[i]) == TPAR_OK);
	}
	(void)tpar_future_cancel(f[3]);
	MUST(tpar_wait_all(f, 4, TPAR_FOREVER) == TPAR_OK);
	for (i = 0; i < 4; i++) {
		bool done = tpar_future_state(f[i]) == TPAR_DONE;

		MUST(done || i == 3);
		tpar_future_unref(f[i]);
		item_must_be_over(&item[i], done);
	}
	sys_destroy(pool);
}

/* A task blocks in the one place there is; another one ends that. */
static int
block_in_place(void *arg, void *value)
{
	(void)value;
	tpar_blocking_enter();
	gate_await(arg, 1);
	tpar_blocking_leave();
	return 0;
}

static int
let_go(void *arg, void *value)
{
	(void)value;
	gate_open(arg);
	return 0;
}

static void
hand_over(void *arg)
{
	struct gate gate = GATE_INIT;
	tpar_future *f[3];

	(void)arg;
	pool = sys_pool(1, 2);
	MUST(tpar_submit(pool, block_in_place, &gate, 0, &f[0]) == TPAR_OK);
	MUST(tpar_submit(pool, block_in_place, &gate, 0, &f[1]) == TPAR_OK);
	MUST(tpar_submit(pool, let_go, &gate, 0, &f[2]) == TPAR_OK);
	MUST(tpar_wait_all(f, 3, TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref_all(f, 3);
	sys_destroy(pool);
}

/* A task reads from a pipe that nobody writes to, or one does: a cancel ends it. */
static int
read_one(void *arg, void *value)
{
	int *ends = arg;
	char byte;
	ssize_t n = tpar_read(ends[0], &byte, 1);

	(void)value;
	if (n < 0) {
		MUST(errno == ECANCELED);
		return TPAR_ESTOPPED;
	}
	MUST(n == 1 && byte == 'x');
	return 0;
}

static void
interrupted_read(void *arg)
{
	bool writes = tpar_sys_choose(2) == 1;
	enum tpar_err err;
	tpar_future *f;
	int ends[2];

	(void)arg;
	MUST(pipe(ends) == 0);
	pool = sys_pool(1, 1);
	MUST(tpar_submit(pool, read_one, ends, 0, &f) == TPAR_OK);
	sys_dawdle();
	if (writes) {
		MUST(write(ends[1], "x", 1) == 1);
	}
	(void)tpar_future_cancel(f);
	err = tpar_future_wait(f, TPAR_FOREVER);
	MUST(err == TPAR_ECANCELED || (writes && err == TPAR_OK));
	tpar_future_unref(f);
	sys_destroy(pool);
}

/* A task waits on a condition variable of the program's: a cancel ends it. */
struct shared {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool is_set;
};

static int
wait_on_cond(void *arg, void *value)
{
	struct shared *s = arg;
	enum tpar_err err = TPAR_OK;

	(void)value;
	MUST(pthread_mutex_lock(&s->mutex) == 0);
	while (!s->is_set && err == TPAR_OK) {
		err = tpar_cond_wait(&s->cond, &s->mutex, TPAR_FOREVER);
	}
	MUST(pthread_mutex_unlock(&s->mutex) == 0);
	MUST(err == TPAR_OK || err == TPAR_ESTOPPED);
	return err == TPAR_OK ? 0 : TPAR_ESTOPPED;
}

static void
cond_wait_stopped(void *arg)
{
	struct shared s = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
			    false };
	tpar_future *f[2];

	(void)arg;
	pool = sys_pool(1, 2);
	MUST(tpar_submit(pool, wait_on_cond, &s, 0, &f[0]) == TPAR_OK);
	MUST(tpar_submit(pool, wait_on_cond, &s, 0, &f[1]) == TPAR_OK);
	sys_dawdle();
	(void)tpar_future_cancel(f[0]);
	MUST(tpar_future_wait(f[0], TPAR_FOREVER) == TPAR_ECANCELED);
	MUST(pthread_mutex_lock(&s.mutex) == 0);
	s.is_set = true;
	MUST(pthread_cond_signal(&s.cond) == 0);
	MUST(pthread_mutex_unlock(&s.mutex) == 0);
	MUST(tpar_future_wait(f[1], TPAR_FOREVER) == TPAR_OK);
	tpar_future_unref_all(f, 2);
	sys_destroy(pool);
}

const struct scenario scenarios_of_blocking[] = {
	{ "blocking_tasks_meet", blocking_tasks_meet, 0, 0 },
	{ "workers_meet", workers_meet, 0, 0 },
	{ "blocking_task_waits", blocking_task_waits, 0, 0 },
	{ "blocking_tasks_queue", blocking_tasks_queue, 0, 0 },
	{ "hand_over", hand_over, 0, 0 },
	{ "interrupted_read", interrupted_read, 0, 0 },
	{ "cond_wait_stopped", cond_wait_stopped, 0, 0 },
	{ NULL, NULL, 0, 0 },
};
