/* SPDX-License-Identifier: MIT */
/*
 * child.h - a part of a test in the child of a fork.
 *
 * The child says through a pipe that it has come to its end.  One that hangs is
 * ended by its alarm, one that finds something wrong by UNIT_MUST(), and says
 * nothing.  Its end is a signal that nobody can catch: valgrind would count
 * what belonged to threads that are not there as leaks.
 */
#ifndef CHILD_H
#define CHILD_H

#include "unit.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds. */
#define CHILD_TIMEOUT 60

struct child {
	pid_t pid;
	int said; /* the pipe's end to read from */
};

/* In the child. */
static inline _Noreturn void
child_end(int say)
{
	UNIT_MUST(write(say, "k", 1) == 1);
	(void)kill(getpid(), SIGKILL);
	abort();
}

/* Forks and calls body(arg) in the child. */
static inline struct child
child_begin(void (*body)(void *arg), void *arg)
{
	struct child child;
	int ends[2];

	UNIT_MUST(pipe(ends) == 0);
	child.pid = fork();
	UNIT_MUST(child.pid >= 0);
	if (child.pid == 0) {
		(void)alarm(CHILD_TIMEOUT);
		body(arg);
		child_end(ends[1]);
	}
	UNIT_MUST(close(ends[1]) == 0);
	child.said = ends[0];
	return child;
}

/* Waits for its end.  true: it has come to it by itself. */
static inline bool
child_succeeds(struct child child)
{
	bool said;
	char byte;
	int status;

	/* Others that were forked meanwhile may have the pipe open, too. */
	UNIT_MUST(waitpid(child.pid, &status, 0) == child.pid);
	UNIT_MUST(WIFSIGNALED(status) || WIFEXITED(status));
	said = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
	       read(child.said, &byte, 1) == 1;
	UNIT_MUST(close(child.said) == 0);
	return said;
}

static inline bool
child_runs(void (*body)(void *arg), void *arg)
{
	return child_succeeds(child_begin(body, arg));
}

#endif
