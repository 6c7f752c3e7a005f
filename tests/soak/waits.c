/* SPDX-License-Identifier: MIT */
/*
 * waits.c - what waits for something other than a task: promises, callbacks,
 * blocking tasks and system calls that are interrupted, conditions, handlers.
 */
#include "soak.h"

#include <taskpar/blocking.h>
#include <taskpar/cancel.h>
#include <taskpar/promise.h>
#include <taskpar/syscalls.h>

#include <errno.h>
#include <unistd.h>

enum { PROMISES = 16, READERS = 6, HANDLERS = 5 };

/* ---- Promises ------------------------------------------------------------ */

/* A call that must come once: its number is what has been counted as asked. */
static uint64_t
ask_call(void)
{
	uint64_t id = soak_new_id();

	soak_count(SOAK_CALLS_ASKED, id);
	return id;
}

static void
called(tpar_future *f, void *arg)
{
	uint64_t *id = arg;

	SOAK_MUST(tpar_future_state(f) >= TPAR_DONE);
	soak_count(SOAK_CALLED, *id);
	free(id);
}

static void
ask_to_be_called(tpar_future *f)
{
	uint64_t *id = malloc(sizeof *id);

	SOAK_MUST(id != NULL);
	*id = ask_call();
	SOAK_MUST(tpar_future_on_done(f, called, id) == TPAR_OK);
}

static void
drop_number(void *value)
{
	soak_count(SOAK_VALUES_DROPPED, *(const uint64_t *)value);
}

struct promised {
	tpar_promise *p;
	uint64_t id;
	unsigned how;
};

/* As a task: it completes a promise, or does not. */
static int
complete(void *arg, void *value)
{
	struct promised *promised = arg;
	uint64_t id = promised->id;

	(void)value;
	switch (promised->how) {
	case 0:
		(void)tpar_promise_fail(promised->p, 5, "failed");
		break;
	case 1:
		(void)tpar_promise_set_cancelled(promised->p);
		break;
	case 2:
		break; /* destroyed without being completed */
	default:
		soak_count(SOAK_VALUES_MADE, id);
		if (tpar_promise_set(promised->p, &id) != TPAR_OK) {
			/* It was cancelled before; the value stays here. */
			soak_count(SOAK_VALUES_DROPPED, id);
		}
		break;
	}
	tpar_promise_destroy(promised->p);
	return 0;
}

static void
run_promises(struct soak_random *random, tpar_pool *pool)
{
	struct promised promised[PROMISES];
	tpar_future *f[PROMISES];
	tpar_future *t[PROMISES];
	unsigned n = 1 + soak_below(random, PROMISES);
	unsigned i;

	for (i = 0; i < n; i++) {
		promised[i].id = soak_new_id();
		promised[i].how = soak_below(random, 40);
		SOAK_MUST(tpar_promise_create(sizeof(uint64_t), drop_number,
					      &promised[i].p,
					      &f[i]) == TPAR_OK);
		if (soak_chance(random, 50)) {
			ask_to_be_called(f[i]);
		}
		SOAK_MUST(tpar_submit(pool, complete, &promised[i], 0, &t[i]) ==
			  TPAR_OK);
	}
	if (soak_chance(random, 20)) {
		(void)tpar_future_cancel(f[soak_below(random, n)]);
	}
	/* One that fails cancels the others, and then tasks are too late. */
	(void)tpar_gather(f, n, NULL, NULL);
	SOAK_MUST(tpar_gather(t, n, NULL, NULL) == TPAR_OK);
	tpar_future_unref_all(f, n);
	tpar_future_unref_all(t, n);
	soak_add(SOAK_PROMISES, n);
}

/* ---- Blocking ------------------------------------------------------------ */

enum read_how { BY_CALL, IN_REGION, IN_INTERRUPTIBLE, READ_HOWS };

struct reader {
	int fd;
	enum read_how how;
};

static ssize_t
read_somehow(struct reader *reader, char *byte)
{
	ssize_t n;

	switch (reader->how) {
	case BY_CALL:
		return tpar_read(reader->fd, byte, 1);
	case IN_REGION:
		tpar_blocking_enter();
		n = tpar_read(reader->fd, byte, 1);
		tpar_blocking_leave();
		return n;
	default:
		if (tpar_interruptible_enter() != TPAR_OK) {
			errno = ECANCELED;
			return -1;
		}
		do {
			n = read(reader->fd, byte, 1);
		} while (n < 0 && errno == EINTR && !tpar_cancelled());
		if (n < 0 && errno == EINTR) {
			errno = ECANCELED;
		}
		tpar_interruptible_leave();
		return n;
	}
}

/* As a task: a byte comes, or it is cancelled. */
static int
read_byte(void *arg, void *value)
{
	ssize_t n = read_somehow(arg, value);

	if (n == 1) {
		return 0;
	}
	SOAK_MUST(n < 0 && errno == ECANCELED);
	return tpar_checkpoint();
}

/* All get a byte, or too few come and the rest is cancelled. */
static void
run_readers(struct soak_random *random, tpar_pool *pool)
{
	struct tpar_task task = TPAR_TASK_INIT;
	unsigned n = 1 + soak_below(random, READERS);
	unsigned bytes = soak_chance(random, 50) ? n : soak_below(random, n);
	struct reader readers[READERS];
	tpar_future *f[READERS];
	unsigned done = 0;
	int ends[2];
	unsigned i;

	SOAK_MUST(pipe(ends) == 0);
	for (i = 0; i < n; i++) {
		readers[i].fd = ends[0];
		readers[i].how = (enum read_how)soak_below(random, READ_HOWS);
		task.fn = read_byte;
		task.arg = &readers[i];
		task.value_size = 1;
		task.flags = readers[i].how == IN_REGION ? 0 : TPAR_BLOCKING;
		SOAK_MUST(tpar_submit_task(pool, &task, &f[i]) == TPAR_OK);
	}
	for (i = 0; i < bytes; i++) {
		SOAK_MUST(write(ends[1], "x", 1) == 1);
	}
	for (i = 0; i < n; i++) {
		if (bytes < n) {
			(void)tpar_future_cancel(f[i]);
		}
	}
	(void)tpar_wait_all(f, n, TPAR_FOREVER);
	for (i = 0; i < n; i++) {
		SOAK_MUST(tpar_future_state(f[i]) == TPAR_DONE ||
			  (tpar_future_state(f[i]) == TPAR_CANCELLED &&
			   bytes < n));
		done += tpar_future_state(f[i]) == TPAR_DONE;
	}
	SOAK_MUST(bytes < n ? done <= bytes : done == n);
	tpar_future_unref_all(f, n);
	SOAK_MUST(close(ends[0]) == 0 && close(ends[1]) == 0);
}

/* ---- A condition --------------------------------------------------------- */

struct meeting {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	unsigned there;
	unsigned wanted;
};

/* As a blocking task: waits until all are there. */
static int
meet(void *arg, void *value)
{
	struct meeting *meeting = arg;
	enum tpar_err err = TPAR_OK;

	(void)value;
	SOAK_MUST(pthread_mutex_lock(&meeting->mutex) == 0);
	meeting->there++;
	SOAK_MUST(pthread_cond_broadcast(&meeting->cond) == 0);
	while (meeting->there < meeting->wanted && err == TPAR_OK) {
		err = tpar_cond_wait(&meeting->cond, &meeting->mutex,
				     TPAR_FOREVER);
	}
	SOAK_MUST(pthread_mutex_unlock(&meeting->mutex) == 0);
	SOAK_MUST(err == TPAR_OK || err == TPAR_ESTOPPED);
	return err == TPAR_OK ? 0 : tpar_checkpoint();
}

/* Of one more than there are, if it is to be cancelled. */
static void
run_meeting(struct soak_random *random, tpar_pool *pool)
{
	struct meeting meeting = { PTHREAD_MUTEX_INITIALIZER,
				   PTHREAD_COND_INITIALIZER, 0, 0 };
	struct tpar_task task = TPAR_TASK_INIT;
	unsigned n = 1 + soak_below(random, READERS);
	bool cancel = soak_chance(random, 50);
	tpar_future *f[READERS];
	enum tpar_err err;

	meeting.wanted = cancel ? n + 1 : n;
	task.fn = meet;
	task.arg = &meeting;
	task.flags = TPAR_BLOCKING;
	SOAK_MUST(tpar_submit_many(pool, &task, NULL, 0, n, f) == TPAR_OK);
	err = cancel ? tpar_gather_until(
			       f, n, NULL,
			       tpar_in((int64_t)soak_below(random, 300000)),
			       NULL)
		     : tpar_gather(f, n, NULL, NULL);
	SOAK_MUST(err == (cancel ? TPAR_ETIMEDOUT : TPAR_OK));
	tpar_future_unref_all(f, n);
	SOAK_MUST(pthread_cond_destroy(&meeting.cond) == 0);
	SOAK_MUST(pthread_mutex_destroy(&meeting.mutex) == 0);
}

/* ---- Handlers ------------------------------------------------------------ */

static void
handled(void *arg)
{
	SOAK_MUST(atomic_fetch_add((_Atomic unsigned *)arg, 1) == 0);
}

/*
 * As a task: sleeps until it is asked to stop.  The handler may come before that
 * ends, or after, or not at all any more; but never later than that.
 */
static int
sleep_with_handler(void *arg, void *value)
{
	_Atomic unsigned told = 0;
	tpar_handler h;
	enum tpar_err err;

	(void)arg;
	(void)value;
	if (tpar_on_cancel(handled, &told, &h) != TPAR_OK) {
		return tpar_checkpoint();
	}
	err = tpar_sleep(TPAR_FOREVER);
	tpar_off_cancel(&h);
	SOAK_MUST(err == TPAR_ESTOPPED && atomic_exchange(&told, 2) <= 1);
	return tpar_checkpoint();
}

static void
run_handlers(struct soak_random *random, tpar_pool *pool)
{
	tpar_future *f[HANDLERS];
	unsigned i;

	for (i = 0; i < HANDLERS; i++) {
		SOAK_MUST(tpar_submit(pool, sleep_with_handler, NULL, 0,
				      &f[i]) == TPAR_OK);
	}
	SOAK_MUST(
		tpar_gather_until(f, HANDLERS, NULL,
				  tpar_in((int64_t)soak_below(random, 300000)),
				  NULL) == TPAR_ETIMEDOUT);
	tpar_future_unref_all(f, HANDLERS);
}

/* ---- Turns --------------------------------------------------------------- */

void
soak_waits(struct soak_load *load)
{
	struct soak_random *random = &load->random;
	tpar_pool *pool = soak_pool(random);

	switch (soak_below(random, 6)) {
	case 0:
		soak_step(load, "readers");
		run_readers(random, pool);
		break;
	case 1:
		soak_step(load, "a meeting");
		run_meeting(random, pool);
		break;
	case 2:
		soak_step(load, "handlers");
		run_handlers(random, pool);
		break;
	default:
		soak_step(load, "promises");
		run_promises(random, pool);
		break;
	}
}
