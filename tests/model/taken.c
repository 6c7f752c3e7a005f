/* SPDX-License-Identifier: MIT */
/*
 * taken.c - a worker that shows the task it runs and gives up its reference
 * afterwards, and a reader who holds what he has seen.  Nobody looks into a
 * future that is gone; and if both publish what they wait in and then look for
 * the other, one of them sees it.
 *
 * CFLAGS: -DENDS=0 -DFENCED=true
 * CFLAGS: -DENDS=0 -DFENCED=false
 * CFLAGS: -DENDS=1 -DFENCED=true
 * CFLAGS: -DENDS=1 -DFENCED=false
 * MUTANT: worker.h /ORDER W2 seq_cst -- tpi_worker_hide(): watch/,/;/s/_seq_cst/_relaxed/
 * MUTANT: worker.h /ORDER W2 seq_cst -- tpi_worker_taken() /,/;/s/_seq_cst/_relaxed/
 * MUTANT: worker.h /ORDER W2 seq_cst <- tpi_worker_taken()/,/;/s/_seq_cst/_relaxed/
 * MUTANT: worker.h /ORDER W2 release -> tpi_worker_hide(): f is/,/;/s/_release/_relaxed/
 * MUTANT: -UENDS -DENDS=0 worker.h /ORDER W2 seq_cst -- tpi_worker_show(), tpi/,/;/s/_seq_cst/_relaxed/
 * MUTANT: -UENDS -DENDS=0 worker.h /ORDER W2 seq_cst -- tpi_worker_taken(): show/,/;/s/_seq_cst/_relaxed/
 * MUTANT: -UENDS -DENDS=0 -UFENCED -DFENCED=true worker.h s/tpi_fence_light();//
 * MUTANT: -UFENCED -DFENCED=true worker.h /ORDER W2 release -> tpi_worker_taken/,/;/s/_release/_relaxed/
 * MUTANT: -UFENCED -DFENCED=true worker.h /ORDER W2 acquire <- tpi_worker_taken(): it/,/;/s/_acquire/_relaxed/
 * MUTANT: -UFENCED -DFENCED=true worker.h /S3: hide/,/light/s/tpi_fence_light();//
 * BLOCKED: where the worker would still wait
 */
#include "src/worker.h"

#include <assert.h>
#include <pthread.h>

static struct tpi_worker w;
static struct tpar_future task;
static _Atomic int waits[2]; /* a published frame each */
static int gone;

void
tpi_fence_heavy(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

void
tpi_future_dispose(struct tpar_future *f)
{
	f->code = -1;
	gone++;
}

void
tpi_worker_await_unwatched(struct tpi_worker *worker)
{
	__VERIFIER_assume(atomic_load_explicit(&worker->watched,
					       memory_order_acquire) == 0);
}

static void *
reader(void *arg)
{
	struct tpar_future *f;
	int *seen = arg;

	atomic_store_explicit(&waits[0], 1, memory_order_seq_cst);
	f = tpi_worker_taken(&w);
	if (f != NULL) {
		*seen = f->code == 7;
		assert(*seen);
		tpi_future_release(f);
	}
	return NULL;
}

int
main(void)
{
	pthread_t thread;
	int seen = 0;
	int sees = 0;

	w.fenced = FENCED;
	atomic_init(&w.taken, NULL);
	atomic_init(&w.watched, 0);
	atomic_init(&waits[0], 0);
	atomic_init(&waits[1], 0);
	atomic_init(&task.holds, TPI_MEMREF);
	pthread_create(&thread, NULL, reader, &seen);
	task.code = 7;
	tpi_worker_show(&w, &task);
	atomic_store_explicit(&waits[1], 1, memory_order_seq_cst);
	sees = atomic_load_explicit(&waits[0], memory_order_seq_cst);
#if ENDS
	tpi_worker_hide(&w);
	tpi_future_release(&task);
	pthread_join(thread, NULL);
	(void)sees;
#else
	pthread_join(thread, NULL);
	assert(sees || seen);
	tpi_worker_hide(&w);
	tpi_future_release(&task);
#endif
	assert(gone == 1);
	return 0;
}
