/* SPDX-License-Identifier: MIT */
/*
 * starting.c - a worker gets a thread, by src/worker.c, which finds nothing to do
 * and ends; the next starter joins it first.  What a starter writes down of a
 * thread is there before another one reads it, and each thread is joined once.
 *
 * GENMC: --disable-spin-assume --unroll=3
 * BLOCKED: where a thread would still wait for its starter
 * CFLAGS: -DSTARTERS=1
 * CFLAGS: -DSTARTERS=2
 * MUTANT: worker.c /ORDER W3 release/,/;/s/_release/_relaxed/
 * MUTANT: worker.c /ORDER W3 acquire/,/;/s/_acquire/_relaxed/
 * MUTANT: worker.c s/^	await_starter(w);//
 * MUTANT: worker.c s/tpi_store_relaxed(&w->started, 0);//
 * MUTANT: worker.c s/w->joinable = rc == 0;//;s/memory_order_release);$/& w->joinable = rc == 0;/
 * MUTANT: worker.c /^tpi_worker_start/,/^}/s/tpi_worker_join(w);//
 */
#include "self.h"
#include "src/atomics.h"

/* A loop that waits is not unrolled: an execution in which it has to ends. */
#define tpi_yield() __VERIFIER_assume(0)

#include <pthread.h>

static int join_one(pthread_t thread);

#define pthread_join(thread, value) join_one(thread)

#include "src/worker.c"
#include "locks.h"

#undef pthread_join

#include <assert.h>

static struct tpar_pool pool;
static struct tpi_worker worker;
static _Atomic int started; /* threads */
static _Atomic int joined;

static int
join_one(pthread_t thread)
{
	atomic_fetch_add_explicit(&joined, 1, memory_order_relaxed);
	return pthread_join(thread, NULL);
}

int
tpi_spawn(pthread_t *thread, size_t stack_size, void *(*fn)(void *arg),
	  void *arg)
{
	(void)stack_size;
	atomic_fetch_add_explicit(&started, 1, memory_order_relaxed);
	return pthread_create(thread, NULL, fn, arg);
}

char *
tpi_spawn_stack_end(char *here, size_t stack_size)
{
	(void)stack_size;
	return here;
}

void
tpi_spawn_name(const char *name, unsigned index)
{
	(void)name;
	(void)index;
}

void
tpi_errand_begin(struct tpi_worker *w)
{
	(void)w;
}

void
tpi_errand_end(struct tpi_worker *w)
{
	(void)w;
}

/* There is no blocking task either. */
bool
tpi_park_serve(struct tpi_worker *w)
{
	(void)w;
	return false;
}

/* As that of park.c. */
bool
tpi_park_gone(struct tpi_worker *w)
{
	tpi_lock_enter(&pool.lock);
	w->next = pool.spare;
	pool.spare = w;
	tpi_lock_leave(&pool.lock);
	return true;
}

/* If there is a worker without a thread it gets one. */
static void
start(void)
{
	struct tpi_worker *w;

	tpi_lock_enter(&pool.lock);
	w = pool.spare;
	if (w != NULL) {
		pool.spare = w->next;
	}
	tpi_lock_leave(&pool.lock);
	if (w != NULL) {
		assert(tpi_worker_start(w, true) == 0);
	}
}

static void *
starter(void *arg)
{
	start();
	return arg;
}

int
main(void)
{
	pthread_t thread[STARTERS];
	int i;

	worker.pool = &pool;
	pool.spare = &worker;
	for (i = 0; i < STARTERS; i++) {
		pthread_create(&thread[i], NULL, starter, NULL);
	}
	start();
	for (i = 0; i < STARTERS; i++) {
		pthread_join(thread[i], NULL);
	}
	tpi_worker_join(&worker);
	assert(started >= 1 && started == joined);
	return 0;
}
