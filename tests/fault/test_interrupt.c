/* SPDX-License-Identifier: MIT */
/*
 * test_interrupt.c - regions, and calls that need one, without memory, without a
 * thread for the timer, without what the thread sleeps on: refused, or a cancel
 * ends them.
 */
#include "config.h"

#include "fault.h"

#include "src/timer.h"

#include <taskpar/blocking.h>
#include <taskpar/syscalls.h>
#include <taskpar/cancel.h>

struct task {
	struct unit_gate begun;
	struct unit_gate go;
	int fd[2];
	bool refused;
	long (*call)(struct task *task);
};

static bool
is_refused(struct task *task, bool refused)
{
	task->refused = refused;
	EXPECT(!refused || fault_any());
	return refused;
}

static long
raw(struct task *task)
{
	struct pollfd one = { task->fd[0], POLLIN, 0 };
	enum tpar_err err;
	int n;

	errno = EXDEV;
	err = tpar_interruptible_enter();
	EXPECT(errno == EXDEV);
	if (err == TPAR_ESTOPPED) {
		return -1;
	}
	if (is_refused(task, err != TPAR_OK)) {
		EXPECT(err == TPAR_ENOMEM);
		tpar_interruptible_leave();
		return 0;
	}
	do {
		n = poll(&one, 1, -1);
		EXPECT(n == -1 && errno == EINTR);
	} while (!tpar_cancelled());
	tpar_interruptible_leave();
	return -1;
}

static long
polled(struct task *task)
{
	struct pollfd one = { task->fd[0], POLLIN, 0 };
	int n = tpar_poll(&one, 1, -1);

	EXPECT(n == -1);
	if (is_refused(task, errno != ECANCELED)) {
		EXPECT(errno == ENOMEM);
		return 0;
	}
	return -1;
}

static long
waited(struct task *task)
{
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	enum tpar_err err;

	EXPECT(pthread_mutex_lock(&mutex) == 0);
	do {
		err = tpar_cond_wait(&cond, &mutex, TPAR_FOREVER);
	} while (err == TPAR_OK);
	EXPECT(pthread_mutex_unlock(&mutex) == 0);
	if (is_refused(task, err != TPAR_ESTOPPED)) {
		EXPECT(err == TPAR_ENOMEM);
		return 0;
	}
	return -1;
}

static int
run(void *arg, void *value)
{
	struct task *task = arg;

	(void)value;
	unit_gate_await(&task->go, 1);
	unit_gate_open(&task->begun);
	return task->call(task) < 0 ? tpar_checkpoint() : 0;
}

static void
cancel(long (*call)(struct task *task))
{
	struct task task = { .begun = UNIT_GATE_INIT,
			     .go = UNIT_GATE_INIT,
			     .call = call };
	tpar_pool *pool = unit_pool(1, 1);
	tpar_future *f = unit_submit(pool, run, &task, 0);
	enum tpar_err err;

	/* As in a process that has not used a timer yet. */
	tpi_timer_fork(TPI_FORK_PREPARE);
	tpi_timer_fork(TPI_FORK_CHILD);
	EXPECT(pipe(task.fd) == 0);
	fault_begin();
	unit_gate_open(&task.go);
	unit_gate_await(&task.begun, 1);
	(void)tpar_future_cancel(f);
	err = tpar_future_wait(f, TPAR_FOREVER);
	fault_end();
	EXPECT(err == (task.refused ? TPAR_OK : TPAR_ECANCELED));
	tpar_future_unref(f);
	EXPECT(tpar_pool_destroy(pool) == TPAR_OK);
	EXPECT(close(task.fd[0]) == 0 && close(task.fd[1]) == 0);
}

static void
cancel_raw(void)
{
	cancel(raw);
}

static void
cancel_polled(void)
{
	cancel(polled);
}

static void
cancel_waited(void)
{
	cancel(waited);
}

START_TEST(region_is_entered_or_refused)
{
	ck_assert_int_ge(fault_sweep(cancel_raw), 5);
}
END_TEST

START_TEST(call_that_blocks_is_refused_or_ends_with_the_cancel)
{
	ck_assert_int_ge(fault_sweep(cancel_polled), 3);
}
END_TEST

START_TEST(condition_wait_is_refused_or_ends_with_the_cancel)
{
	ck_assert_int_ge(fault_sweep(cancel_waited), 3);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		region_is_entered_or_refused,
		call_that_blocks_is_refused_or_ends_with_the_cancel,
		condition_wait_is_refused_or_ends_with_the_cancel,
	};

	return fault_main("fault_interrupt", tests,
			  sizeof tests / sizeof tests[0], 15);
}
