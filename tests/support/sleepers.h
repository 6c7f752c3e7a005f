/* SPDX-License-Identifier: MIT */
/*
 * sleepers.h - what the tests of tasks in system calls share: a task that makes
 * one and keeps what it gave, descriptors that stay silent, the mask of a thread.
 */
#ifndef SLEEPERS_H
#define SLEEPERS_H

#include "scene.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A task that calls something that blocks. */
struct sleeper {
	long (*call)(struct sleeper *self);
	int fd[2];		 /* for it */
	struct unit_gate begun;	 /* it is about to call */
	struct unit_gate inside; /* it is in a region: sleeper_enter() */
	pthread_t thread;	 /* that it runs on, once it has begun */
	struct unit_gate *first; /* not before this is opened, or NULL */
	long returned;
	int error; /* errno, if it returned less than 0 */
};

static inline struct sleeper
sleeper_of(long (*call)(struct sleeper *self))
{
	struct sleeper sleeper = { .call = call,
				   .fd = { -1, -1 },
				   .begun = UNIT_GATE_INIT,
				   .inside = UNIT_GATE_INIT };

	return sleeper;
}

static inline void
sleeper_silent(struct sleeper *sleeper)
{
	UNIT_MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sleeper->fd) == 0);
}

static inline void
sleeper_pipe(struct sleeper *sleeper)
{
	UNIT_MUST(pipe(sleeper->fd) == 0);
}

static inline void
sleeper_close(struct sleeper *sleeper)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (sleeper->fd[i] >= 0) {
			UNIT_MUST(close(sleeper->fd[i]) == 0);
		}
	}
}

/* As a task: stopped if the call said so. */
static inline int
sleeper_run(void *arg, void *value)
{
	struct sleeper *self = arg;

	(void)value;
	self->thread = pthread_self();
	unit_gate_open(&self->begun);
	if (self->first != NULL) {
		unit_gate_await(self->first, 1);
	}
	errno = 0;
	self->returned = self->call(self);
	if (self->returned >= 0) {
		return 0;
	}
	self->error = errno;
	return self->error == ECANCELED || self->error == EINTR
		       ? tpar_checkpoint()
		       : tpar_fail(self->error, "%s", strerror(self->error));
}

/* It has not been asked yet. */
static inline void
sleeper_enter(struct sleeper *self)
{
	UNIT_MUST(tpar_interruptible_enter() == TPAR_OK);
	unit_gate_open(&self->inside);
}

/* The signals that the calling thread does not get. */
static inline sigset_t
sleeper_mask(void)
{
	sigset_t mask;

	UNIT_MUST(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
	return mask;
}

static inline bool
sleeper_gets(int number)
{
	sigset_t mask = sleeper_mask();

	return sigismember(&mask, number) == 0;
}

static inline bool
sleeper_is_pending(int number)
{
	sigset_t set;

	UNIT_MUST(sigpending(&set) == 0);
	return sigismember(&set, number) == 1;
}

/* Who gets it, and whether anything of it is left, is as on any worker. */
static inline void
sleeper_must_be_clean(void)
{
	int number = tpar_interruptible_signal();

	if (number != 0) {
		UNIT_MUST(!sleeper_gets(number));
		UNIT_MUST(!sleeper_is_pending(number));
	}
}

/* As a task, perhaps on the thread where something was cancelled just now. */
static inline int
sleeper_look(void *arg, void *value)
{
	(void)arg;
	(void)value;
	sleeper_must_be_clean();
	return 0;
}

#endif
