/* SPDX-License-Identifier: MIT */
/*
 * sys.h - what the scenarios of the replayable scheduler share.
 *
 * In a run one thread goes on at a time, so counters need not be atomic.
 */
#ifndef SYS_H
#define SYS_H

#include <taskpar.h>
#include <taskpar/sys.h>

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#define MUST(cond) TPAR_SYS_CHECK(cond)

struct scenario {
	const char *name;
	void (*fn)(void *arg);
	unsigned flags;	 /* of the config */
	int64_t time_ns; /* virtual; 0: it needs no timeout, so a second */
};

/* One list in each file of scenarios; the last name is NULL. */
extern const struct scenario scenarios_of_sets[];
extern const struct scenario scenarios_of_stops[];
extern const struct scenario scenarios_of_pools[];
extern const struct scenario scenarios_of_scopes[];
extern const struct scenario scenarios_of_promises[];
extern const struct scenario scenarios_of_forks[];
extern const struct scenario scenarios_of_blocking[];
extern const struct scenario scenarios_of_timers[];

static inline tpar_pool *
sys_pool(unsigned workers, unsigned blocking_limit)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	tpar_pool *pool = NULL;

	config.workers = workers;
	config.blocking_limit = blocking_limit;
	config.stack_size = (size_t)256 * 1024;
	MUST(tpar_pool_create(&pool, &config) == TPAR_OK);
	return pool;
}

static inline void
sys_destroy(tpar_pool *pool)
{
	MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

static inline pthread_t
sys_start(void *(*main)(void *arg), void *arg)
{
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, main, arg) == 0);
	return thread;
}

static inline void
sys_join(pthread_t thread)
{
	MUST(pthread_join(thread, NULL) == 0);
}

/* Others go on for a while, the seed says for how long. */
static inline void
sys_dawdle(void)
{
	unsigned i;

	for (i = tpar_sys_choose(8); i > 0; i--) {
		tpar_sys_yield();
	}
}

/* A task and what became of it: see item_task(). */
struct item {
	int code; /* it returns */
	int runs;
	int arg_drops;
	int value_drops;
	int polls; /* it looks so often whether it was asked to stop */
};

static inline void
item_drop_arg(void *arg)
{
	((struct item *)arg)->arg_drops++;
}

static inline void
item_drop_value(void *value)
{
	(*(struct item **)value)->value_drops++;
}

static inline int
item_task(void *arg, void *value)
{
	struct item *item = arg;
	int i;

	item->runs++;
	*(struct item **)value = item;
	for (i = 0; i < item->polls; i++) {
		if (tpar_cancelled()) {
			return TPAR_ESTOPPED;
		}
		tpar_sys_yield();
	}
	return item->code;
}

static inline struct tpar_task
item_describe(struct item *item)
{
	struct tpar_task task = TPAR_TASK_INIT;

	task.fn = item_task;
	task.arg = item;
	task.value_size = sizeof item;
	task.drop_arg = item_drop_arg;
	task.drop_value = item_drop_value;
	task.name = "item";
	return task;
}

static inline tpar_future *
item_submit(tpar_pool *pool, struct item *item)
{
	struct tpar_task task = item_describe(item);
	tpar_future *f = NULL;

	MUST(tpar_submit_task(pool, &task, &f) == TPAR_OK);
	return f;
}

/* Its argument was dropped once; its value, if it has one, `dropped` times. */
static inline void
item_must_be_over(const struct item *item, int dropped)
{
	MUST(item->arg_drops == 1);
	MUST(item->runs <= 1);
	MUST(item->value_drops == dropped);
}

/* Counts how often it was opened; others wait for a count. */
struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned opened;
};

#define GATE_INIT                                                              \
	{                                                                      \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0         \
	}

static inline void
gate_open(struct gate *gate)
{
	MUST(pthread_mutex_lock(&gate->mutex) == 0);
	gate->opened++;
	MUST(pthread_cond_broadcast(&gate->cond) == 0);
	MUST(pthread_mutex_unlock(&gate->mutex) == 0);
}

static inline void
gate_await(struct gate *gate, unsigned times)
{
	MUST(pthread_mutex_lock(&gate->mutex) == 0);
	while (gate->opened < times) {
		MUST(pthread_cond_wait(&gate->cond, &gate->mutex) == 0);
	}
	MUST(pthread_mutex_unlock(&gate->mutex) == 0);
}

#endif
