/* SPDX-License-Identifier: MIT */
/*
 * oncancel.c - a task that has registered a handler of the user's is asked to
 * stop, while it removes the handler, another thread does, or it ends.  What is
 * removed runs before that or not at all; what the handler uses is there while it
 * runs; the list goes with the task.  LATE: the lane has no thread, so the one who
 * asks runs it.
 *
 * GENMC: --disable-spin-assume --unroll=4
 * BLOCKED: where somebody would still wait for the handler
 * CFLAGS: -DBY_OTHER
 * CFLAGS: -DADD
 * CFLAGS: -DREMOVE -DLATE
 * CFLAGS: -DEND_ONLY
 * CFLAGS: -DREMOVE
 * MUTANT: oncancel.c s/await(b, task, h->reserved.1.);//
 * MUTANT: oncancel.c s/handlers->running = entry->number;//
 * MUTANT: oncancel.c s/handlers->first = entry->next;//
 * MUTANT: -UREMOVE -DEND_ONLY oncancel.c s/await(b, handlers->task, 0);//
 * MUTANT: -UREMOVE -DEND_ONLY oncancel.c s/handlers->job_out = true;//
 * MUTANT: -UREMOVE -DADD oncancel.c s/handlers->asked = true;//
 * MUTANT: -UREMOVE -DADD oncancel.c s/asked = handlers->asked;/asked = false;/
 */
#include "self.h"

#include "src/oncancel.c"

#include <assert.h>

/* Only the thread-local structure is copied; GenMC does so member by member. */
void *
memcpy(void *to, const void *from, size_t n)
{
	struct tpi_thread *self = to;
	const struct tpi_thread *of = from;

	assert(n == sizeof *self);
	self->run = of->run;
	self->worker = of->worker;
	self->heap = of->heap;
	self->parker = of->parker;
	self->sweep = of->sweep;
	self->due = of->due;
	self->due_last = of->due_last;
	self->due_running = of->due_running;
	self->late = of->late;
	self->late_last = of->late_last;
	self->late_running = of->late_running;
	self->handling = of->handling;
	return to;
}

static struct tpar_future task;
static struct tpi_run task_run;
static struct tpi_handlers *handlers;
static tpar_handler handle[2];
static int content;	  /* what the handler uses */
static _Atomic int calls; /* of it */
static pthread_t asking;
static pthread_t server; /* of the lane */
static _Atomic int has_server;
static _Atomic int taken; /* the job: by the server or by withdraw */

void
tpi_lock_enter(struct tpi_lock *of)
{
	pthread_mutex_lock(&of->mutex);
}

void
tpi_lock_leave(struct tpi_lock *of)
{
	pthread_mutex_unlock(&of->mutex);
}

struct tpi_parker *
tpi_thread_parker_slow(void)
{
	return NULL;
}

void
tpi_wait_until(bool (*pred)(void *arg), void *arg, struct tpi_parker *parker)
{
	(void)parker;
	__VERIFIER_assume(pred(arg));
}

bool
tpi_handler_asked(struct tpi_run *run)
{
	return tpi_state_stop_requested(&run->task->state);
}

void
tpi_handler_remove(struct tpi_handler *told)
{
	(void)told;
#ifndef ADD
	pthread_join(asking, NULL);
#endif
}

void
tpi_err_say_plain(enum tpar_err err)
{
	(void)err;
}

void
tpi_handler_end(struct tpar_future *of)
{
	(void)of;
}

/* The lane has a thread of its own for the job. */
static void *
serve(void *arg)
{
	begin_as(2);
	if (atomic_exchange_explicit(&taken, 1, memory_order_acq_rel) == 0) {
		run_job(arg);
	}
	return NULL;
}

bool
tpi_lane_run(struct tpi_lane_job *job)
{
#ifdef LATE
	(void)job;
	return false;
#else
	pthread_create(&server, NULL, serve, job);
	tpi_store_relaxed(&has_server, 1);
	return true;
#endif
}

bool
tpi_lane_withdraw(struct tpi_lane_job *job)
{
	(void)job;
#ifdef LATE
	return false;
#else
	return atomic_exchange_explicit(&taken, 1, memory_order_acq_rel) == 0;
#endif
}

void
tpi_after_due(struct tpi_callback *due)
{
	due->fn(due, due->f);
}

void
tpi_after_late(struct tpi_callback *due,
	       void (*fn)(struct tpi_callback *, struct tpar_future *))
{
	fn(due, NULL);
}

static void
handler(void *arg)
{
	int *used = arg;

	assert(*used == 7);
	atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
}

/* As handler.c calls it: until then tpi_handler_remove() waits. */
static void *
asker(void *arg)
{
	begin_as(1);
	(void)tpi_state_request_stop(&task.state);
	tell(&handlers->told);
	return arg;
}

#ifdef BY_OTHER
static void *
remover(void *arg)
{
	begin_as(3);
	tpar_off_cancel(&handle[0]);
	content = 0; /* it is something else now */
	return arg;
}
#endif

static void
make_handlers(void)
{
	handlers =
		aligned_alloc(_Alignof(struct tpi_handlers), sizeof *handlers);
	handlers->job.fn = run_job;
	handlers->run = &task_run;
	handlers->task = &task;
	handlers->first = NULL;
	handlers->running = 0;
	handlers->asked = false;
	handlers->job_out = false;
	handlers->next = NULL;
	bucket_of(&task)->first = handlers;
	task_run.handlers = handlers;
}

int
main(void)
{
	pthread_t other;
	enum tpar_err err = TPAR_OK;
	int before;

	tpi_state_init(&task.state, true);
	(void)tpi_state_claim(&task.state);
	task_run.task = &task;
	thread_of[0].run = &task_run;
	make_handlers();
	content = 7;
#ifndef ADD
	(void)tpar_on_cancel(handler, &content, &handle[0]);
#endif
	pthread_create(&asking, NULL, asker, NULL);
#ifdef BY_OTHER
	pthread_create(&other, NULL, remover, NULL);
#endif
#ifdef ADD
	err = tpar_on_cancel(handler, &content, &handle[0]);
	pthread_join(asking, NULL);
	if (tpi_load_relaxed(&has_server)) {
		pthread_join(server, NULL);
		atomic_store_explicit(&has_server, 0, memory_order_relaxed);
	}
	/* It is told, once, or refused: the task was asked. */
	assert(calls == (err == TPAR_OK));
#endif
#ifdef REMOVE
	tpar_off_cancel(&handle[0]);
	before = tpi_load_relaxed(&calls);
	content = 0; /* it is something else now */
#endif
#ifndef BY_OTHER
	(void)other;
#else
	/* It keeps the task. */
	pthread_join(other, NULL);
#endif
	tpi_oncancel_end(&task_run);
#ifdef REMOVE
	assert(tpi_load_relaxed(&calls) == before);
#else
	(void)before;
	content = 0;
#endif
	if (tpi_load_relaxed(&has_server)) {
		pthread_join(server, NULL);
	}
	assert(calls <= 1);
	return 0;
}
