/* SPDX-License-Identifier: MIT */
/*
 * stress_interrupt.c - what comes at the same moment as a cancel: bytes, a ticket,
 * nothing.  None is lost, the task always ends, and its thread gets no signal
 * that was meant for it afterwards.
 */
#include "stress.h"

#include "sleepers.h"

#include <taskpar/syscalls.h>

enum { TASKS = 8, BYTES = 6 };

struct reader {
	int fd[2];
	int got;    /* bytes */
	bool raw;   /* a region of its own for each read() */
	bool polls; /* before it reads */
	bool waits; /* between, for a task that runs on top */
	bool shield;
};

static int
poll_raw(struct reader *self)
{
	struct pollfd one = { self->fd[0], POLLIN, 0 };

	return self->polls ? poll(&one, 1, -1) : 0;
}

/* -1: it was stopped. */
static int
read_raw(struct reader *self, char *byte)
{
	int n;

	if (tpar_interruptible_enter() != TPAR_OK) {
		return -1;
	}
	if (self->waits) {
		tpar_future *f = unit_submit(NULL, sleeper_look, NULL, 0);

		(void)tpar_future_wait(f, TPAR_FOREVER);
		tpar_future_unref(f);
	}
	if (self->shield) {
		tpar_shield_enter();
		sleeper_must_be_clean();
		tpar_shield_leave();
	}
	n = poll_raw(self);
	if (n >= 0) {
		n = (int)read(self->fd[0], byte, 1);
	}
	UNIT_MUST(n >= 0 || errno == EINTR);
	tpar_interruptible_leave();
	sleeper_must_be_clean();
	return n;
}

static int
read_called(struct reader *self, char *byte)
{
	struct pollfd one = { self->fd[0], POLLIN, 0 };
	int n = 0;

	if (self->polls) {
		n = tpar_poll(&one, 1, -1);
		UNIT_MUST(n == 1 || (n == -1 && errno == ECANCELED));
	}
	if (n >= 0) {
		n = (int)tpar_read(self->fd[0], byte, 1);
		UNIT_MUST(n >= 0 || errno == ECANCELED);
	}
	sleeper_must_be_clean();
	return n;
}

/* Until it is stopped, or the other end is closed. */
static int
read_bytes(void *arg, void *value)
{
	struct reader *self = arg;
	char byte;
	int n;

	(void)value;
	while ((n = self->raw ? read_raw(self, &byte)
			      : read_called(self, &byte)) > 0) {
		UNIT_MUST(byte == (char)('0' + self->got));
		self->got++;
	}
	UNIT_MUST(n == 0 || tpar_cancelled());
	return n == 0 ? 0 : TPAR_ESTOPPED;
}

static tpar_future *
begin_reader(struct stress_random *random, tpar_pool *pool,
	     struct reader *reader)
{
	struct tpar_task task = TPAR_TASK_INIT;

	memset(reader, 0, sizeof *reader);
	reader->raw = stress_chance(random, 50);
	reader->polls = stress_chance(random, 30);
	reader->waits = stress_chance(random, 20);
	reader->shield = stress_chance(random, 20);
	if (stress_chance(random, 50)) {
		UNIT_MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, reader->fd) == 0);
	} else {
		UNIT_MUST(pipe(reader->fd) == 0);
	}
	task.fn = read_bytes;
	task.arg = reader;
	/* A raw read on a worker keeps its place. */
	task.flags =
		reader->raw || stress_chance(random, 50) ? TPAR_BLOCKING : 0;
	return unit_submit_task(pool, &task);
}

/* What is left is what the task has not got. */
static void
end_reader(struct reader *reader, tpar_future *f, int written)
{
	char byte;

	UNIT_MUST(close(reader->fd[1]) == 0);
	(void)tpar_future_wait(f, TPAR_FOREVER);
	while (read(reader->fd[0], &byte, 1) == 1) {
		UNIT_MUST(byte == (char)('0' + reader->got));
		reader->got++;
	}
	UNIT_MUST(reader->got == written);
	UNIT_MUST(close(reader->fd[0]) == 0);
	tpar_future_unref(f);
}

static void
stop_readers(struct stress_random *random)
{
	tpar_pool *pool = unit_pool(1 + stress_below(random, 2), TASKS);
	struct reader reader[TASKS];
	tpar_future *f[TASKS];
	int written[TASKS] = { 0 };
	int steps = (int)stress_below(random, BYTES * TASKS);
	int i;

	for (i = 0; i < TASKS; i++) {
		f[i] = begin_reader(random, pool, &reader[i]);
	}
	while (steps-- > 0) {
		i = (int)stress_below(random, TASKS);
		if (stress_chance(random, 30)) {
			(void)tpar_future_cancel(f[i]);
		} else {
			char byte = (char)('0' + written[i]++);

			UNIT_MUST(write(reader[i].fd[1], &byte, 1) == 1);
		}
		stress_dawdle(random, 20);
	}
	/* Others are left open, and read what there is to its end. */
	for (i = 0; i < TASKS; i++) {
		if (stress_chance(random, 50)) {
			(void)tpar_future_cancel(f[i]);
		}
		end_reader(&reader[i], f[i], written[i]);
		unit_run_in(pool, sleeper_look, NULL);
	}
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(bytes_that_come_with_the_cancel_are_not_lost)
{
	ck_assert_int_gt(stress_run("interrupt", stop_readers, 100), 0);
}
END_TEST

/* ---- Condition variables ------------------------------------------------- */

struct queue {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int items;
	int taken;
};

static int
take_items(void *arg, void *value)
{
	struct queue *queue = arg;
	enum tpar_err err = TPAR_OK;

	(void)value;
	UNIT_MUST(pthread_mutex_lock(&queue->mutex) == 0);
	while (err == TPAR_OK) {
		while (queue->items == 0 && err == TPAR_OK) {
			err = tpar_cond_wait(&queue->cond, &queue->mutex,
					     TPAR_FOREVER);
		}
		if (err == TPAR_OK) {
			queue->items--;
			queue->taken++;
		}
	}
	UNIT_MUST(pthread_mutex_unlock(&queue->mutex) == 0);
	UNIT_MUST(err == TPAR_ESTOPPED);
	return err;
}

static bool
all_taken(struct queue *queue, int put)
{
	bool all;

	UNIT_MUST(pthread_mutex_lock(&queue->mutex) == 0);
	all = queue->taken == put;
	UNIT_MUST(pthread_mutex_unlock(&queue->mutex) == 0);
	return all;
}

/* Each item has one signal; all but one of those who wait are stopped. */
static void
stop_takers(struct stress_random *random)
{
	struct queue queue = { PTHREAD_MUTEX_INITIALIZER,
			       PTHREAD_COND_INITIALIZER, 0, 0 };
	tpar_pool *pool = unit_pool(2, TASKS);
	tpar_future *f[TASKS];
	int next = 1;
	int put = 0;
	int i;

	for (i = 0; i < TASKS; i++) {
		f[i] = unit_submit(pool, take_items, &queue, 0);
	}
	while (next < TASKS) {
		if (stress_chance(random, 50)) {
			(void)tpar_future_cancel(f[next++]);
		} else {
			UNIT_MUST(pthread_mutex_lock(&queue.mutex) == 0);
			queue.items++;
			put++;
			UNIT_MUST(pthread_cond_signal(&queue.cond) == 0);
			UNIT_MUST(pthread_mutex_unlock(&queue.mutex) == 0);
		}
		stress_dawdle(random, 20);
	}
	/* ENDS: the one that is left is woken for each that it has to take. */
	UNIT_AWAIT(all_taken(&queue, put));
	(void)tpar_future_cancel(f[0]);
	for (i = 0; i < TASKS; i++) {
		(void)tpar_future_wait(f[i], TPAR_FOREVER);
		tpar_future_unref(f[i]);
	}
	UNIT_MUST(pthread_cond_destroy(&queue.cond) == 0);
	UNIT_MUST(pthread_mutex_destroy(&queue.mutex) == 0);
	UNIT_MUST(tpar_pool_destroy(pool) == TPAR_OK);
}

START_TEST(signals_that_come_with_the_cancel_are_not_lost)
{
	ck_assert_int_gt(stress_run("takers", stop_takers, 200), 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		bytes_that_come_with_the_cancel_are_not_lost,
		signals_that_come_with_the_cancel_are_not_lost,
	};

	return stress_main("stress_interrupt", tests,
			   sizeof tests / sizeof tests[0]);
}
