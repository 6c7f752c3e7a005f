/* SPDX-License-Identifier: MIT */
/*
 * promise.c - completing a future by hand.
 *
 * Without on_cancel the future is PENDING, and whoever claims it completes it:
 * set, fail, destroy, or a cancel.  With on_cancel it is RUNNING, so that a
 * cancel is only a request, and tpi_loose_decide() says who completes it.
 */
#include "config.h"

#include "after.h"
#include "audit.h"
#include "cancel.h"
#include "err.h"
#include "fork.h"
#include "future.h"
#include "handler.h"
#include "lane.h"
#include "lock.h"
#include "loose.h"
#include "parker.h"
#include "promise.h"
#include "thread.h"
#include "wait.h"

#include <taskpar/gather.h>
#include <taskpar/promise.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/*
 * What on_cancel needs.  `out`: it is queued or running; it is called once.
 */
struct tpar_promise {
	struct tpar_future *f;		  /* [c] held */
	tpar_promise_cancel_fn on_cancel; /* [c] */
	void *arg;			  /* [c] */
	struct tpi_handler told;	  /* the future was asked to stop */
	struct tpi_lane_job job;	  /* then on_cancel is called */
	struct tpi_callback due;	  /* where the lane has no thread */
	bool out; /* [m:call_lock] the call is queued, or on */
	const struct tpi_thread *caller; /* [m:call_lock] once it is on */
	struct tpi_parker *waiter;	 /* [m:call_lock] in destroy */
	bool *gone; /* [m:call_lock] to be told that on_cancel destroyed it */
	uint32_t
		generation; /* [m:call_lock] of the process that all that is of */
};

/* For calls of on_cancel, which are rare. */
static struct tpi_lock call_lock = TPI_LOCK_INIT(TPI_RANK_PROMISE);

/* A call that was queued or on when the process was forked is not in here. */
static void
enter(struct tpar_promise *p)
{
	tpi_lock_enter(&call_lock);
	if (TPI_UNLIKELY(p->generation != tpi_fork_generation)) {
		p->out = false;
		p->waiter = NULL;
		p->generation = tpi_fork_generation;
	}
}

static void
call_on_cancel(struct tpar_promise *p)
{
	struct tpi_parker *waiter = NULL;
	bool gone = false;

	enter(p);
	p->caller = &tpi_thread_self;
	p->gone = &gone;
	tpi_lock_leave(&call_lock);
	p->on_cancel(p, p->arg);
	if (gone) {
		return;
	}
	/* RELEASE POINT: p. */
	enter(p);
	p->out = false;
	waiter = p->waiter;
	tpi_lock_leave(&call_lock);
	if (waiter != NULL) {
		tpi_parker_wake(waiter);
	}
}

static void
run_job(struct tpi_lane_job *job)
{
	call_on_cancel(TPI_CONTAINER(job, struct tpar_promise, job));
}

static void
run_late(struct tpi_callback *due, struct tpar_future *f)
{
	struct tpi_run *run = tpi_thread_self.run;

	(void)f;
	tpi_thread_self.run = NULL;
	call_on_cancel(TPI_CONTAINER(due, struct tpar_promise, due));
	tpi_thread_self.run = run;
}

/* It may wait for what this thread has still to do. */
static void
run_due(struct tpi_callback *due, struct tpar_future *f)
{
	(void)f;
	tpi_after_late(due, run_late);
}

/* In somebody's sweep. */
static void
tell(struct tpi_handler *told)
{
	struct tpar_promise *p = TPI_CONTAINER(told, struct tpar_promise, told);

	enter(p);
	p->out = true;
	if (!tpi_lane_run(&p->job)) {
		tpi_after_due(&p->due);
	}
	tpi_lock_leave(&call_lock);
}

static bool
is_over(void *arg)
{
	struct tpar_promise *p = arg;
	bool over;

	enter(p);
	over = !p->out;
	tpi_lock_leave(&call_lock);
	return over;
}

/* Afterwards on_cancel is not running, unless this is called from it. */
static void
end_calls(struct tpar_promise *p)
{
	bool wait;

	tpi_handler_remove(&p->told);
	enter(p);
	if (p->out &&
	    (tpi_lane_withdraw(&p->job) || tpi_after_withdraw(&p->due))) {
		p->out = false;
	}
	wait = p->out;
	if (wait && p->caller == &tpi_thread_self) {
		*p->gone = true;
		wait = false;
	}
	p->waiter = tpi_thread_parker();
	tpi_lock_leave(&call_lock);
	if (wait) {
		tpi_wait_until(is_over, p, p->waiter);
	}
}

static enum tpar_err
check(const struct tpar_promise_config *config, tpar_promise **p,
      tpar_future **f)
{
	if (config == NULL || p == NULL || f == NULL) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       config == NULL ? "config"
			       : p == NULL    ? "p"
					      : "f");
	}
	if (config->size != sizeof *config) {
		return tpi_err(TPAR_EINVAL,
			       "config.size is %zu, not %zu: begin with "
			       "TPAR_PROMISE_CONFIG_INIT",
			       config->size, sizeof *config);
	}
	return TPAR_OK;
}

enum tpar_err
tpar_promise_create_with(const struct tpar_promise_config *config,
			 tpar_promise **p, tpar_future **f)
{
	enum tpar_err err = check(config, p, f);
	struct tpar_promise *promise;
	struct tpar_task task = { 0 };
	struct tpi_shape shape;

	if (err != TPAR_OK) {
		return err;
	}
	task.value_size = config->value_size;
	task.value_align = config->value_align;
	task.drop_value = config->drop_value;
	task.name = config->name != NULL ? config->name : "promise";
	task.site = config->site;
	if (!tpi_future_shape(&task, &shape)) {
		return tpi_err(TPAR_EINVAL,
			       "value_size %zu or value_align %zu is out of "
			       "range",
			       config->value_size, config->value_align);
	}
	promise = aligned_alloc(_Alignof(struct tpar_promise), sizeof *promise);
	if (promise == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	memset(promise, 0, sizeof *promise);
	promise->on_cancel = config->on_cancel;
	promise->arg = config->arg;
	promise->generation = tpi_fork_generation;
	promise->job.fn = run_job;
	promise->due.fn = run_due;
	promise->f = tpi_loose_create(&task, &shape, config->on_cancel != NULL);
	if (promise->f == NULL) {
		free(promise);
		return tpi_err_plain(TPAR_ENOMEM);
	}
	tpi_loose_by_hand(promise->f);
	if (promise->on_cancel != NULL) {
		tpi_handler_add_to(&promise->told, promise->f, tell);
	}
	tpi_audit_made(promise, TPI_AUDIT_PROMISE, task.name, task.site);
	*p = promise;
	*f = promise->f;
	return TPAR_OK;
}

enum tpar_err
tpar_promise_create(size_t value_size, tpar_drop_fn drop_value,
		    tpar_promise **p, tpar_future **f)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;

	config.site = NULL;
	config.value_size = value_size;
	config.drop_value = drop_value;
	return tpar_promise_create_with(&config, p, f);
}

/* true: the caller, and nobody else, ends the future. */
static bool
win(struct tpar_promise *p)
{
	bool won;

	tpi_fork_look(p->f);
	won = p->on_cancel == NULL ? tpi_future_claim(p->f)
				   : tpi_loose_decide(p->f);
	if (won) {
		tpi_audit_completed(p, tpi_cancel_requested(p->f));
	}
	return won;
}

enum tpar_err
tpar_promise_set(tpar_promise *p, const void *value)
{
	tpi_audit_object(p, TPI_AUDIT_PROMISE, "tpar_promise_set()");
	if (p == NULL || (value == NULL && p->f->value_size > 0)) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       p == NULL ? "p" : "value");
	}
	if (!win(p)) {
		tpi_audit_not_completed(p, "tpar_promise_set()");
		return tpi_err_plain(TPAR_EALREADY);
	}
	if (p->f->value_size > 0) {
		memcpy(tpi_future_payload(p->f), value, p->f->value_size);
	}
	tpi_future_end(p->f, 0, NULL);
	return TPAR_OK;
}

enum tpar_err
tpar_promise_fail(tpar_promise *p, int code, const char *fmt, ...)
{
	char text[TPAR_MESSAGE_MAX];
	char *message = NULL;
	va_list args;

	tpi_audit_object(p, TPI_AUDIT_PROMISE, "tpar_promise_fail()");
	if (p == NULL) {
		return tpi_err(TPAR_EINVAL, "p is NULL");
	}
	if (!win(p)) {
		tpi_audit_not_completed(p, "tpar_promise_fail()");
		return tpi_err_plain(TPAR_EALREADY);
	}
	if (fmt != NULL) {
		va_start(args, fmt);
		tpi_format(text, sizeof text, fmt, args);
		va_end(args);
		message = tpi_future_copy_text(p->f, text);
	}
	tpi_future_end(p->f, code != 0 ? code : TPAR_EFAILED, message);
	return TPAR_OK;
}

enum tpar_err
tpar_promise_set_cancelled(tpar_promise *p)
{
	return tpar_promise_fail(p, TPAR_ESTOPPED, NULL);
}

bool
tpar_promise_cancelled(const tpar_promise *p)
{
	tpi_audit_object(p, TPI_AUDIT_PROMISE, "tpar_promise_cancelled()");
	tpi_fork_look(p->f);
	return tpi_cancel_requested(p->f) ||
	       tpi_state_peek(&p->f->state) == TPI_ENDED;
}

void
tpar_promise_destroy(tpar_promise *p)
{
	tpi_audit_object(p, TPI_AUDIT_PROMISE, "tpar_promise_destroy()");
	if (p == NULL) {
		return;
	}
	if (win(p)) {
		tpi_future_end(p->f, TPAR_EFAILED,
			       tpi_future_copy_text(p->f,
						    "the promise was destroyed "
						    "without being completed"));
	}
	if (p->on_cancel != NULL) {
		end_calls(p);
	}
	tpi_future_release(p->f);
	tpi_audit_gone(p, TPI_AUDIT_PROMISE);
	free(p);
}

void
tpi_promise_fork(enum tpi_fork when)
{
	tpi_fork_lock(&call_lock, when);
}
