/* SPDX-License-Identifier: MIT */
/*
 * child.h - a part of a test in the child of a fork.
 *
 * The child says through a pipe that it has come to its end, and is then killed:
 * whatever happens at the end of a process would find what belonged to threads
 * that are not there.  One that hangs is ended by its alarm, one that finds
 * something wrong by UNIT_MUST(); neither says anything.
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

/*
 * May the child of a process with several threads start some?  Under
 * ThreadSanitizer not: it takes one that has the address of one that was lost
 * for an error of its own.  Nor under qemu.
 */
#if UNIT_TSAN || UNIT_QEMU
#define CHILD_STARTS_THREADS false
#else
#define CHILD_STARTS_THREADS true
#endif

/*
 * May it allocate and free, although other threads did so at the moment of the
 * fork?  malloc() takes care of that, those of the sanitizers do not.
 */
#if UNIT_TSAN || UNIT_ASAN
#define CHILD_ALLOCATES false
#else
#define CHILD_ALLOCATES true
#endif

/* Check has a handler for it that would end everything. */
static inline void
child_set_alarm(void)
{
	UNIT_MUST(signal(SIGALRM, SIG_DFL) != SIG_ERR);
	(void)alarm(CHILD_TIMEOUT);
}

/* Runs body(arg) in the child of a fork.  true: it has come to its end. */
static inline bool
child_runs(void (*body)(void *arg), void *arg)
{
	int ends[2];
	char byte = 0;
	bool said;
	pid_t pid;

	UNIT_MUST(pipe(ends) == 0);
	pid = fork();
	UNIT_MUST(pid >= 0);
	if (pid == 0) {
		child_set_alarm();
		body(arg);
		unit_keep_counts();
		UNIT_MUST(write(ends[1], &byte, 1) == 1);
		for (;;) {
			(void)pause();
		}
	}
	UNIT_MUST(close(ends[1]) == 0);
	said = read(ends[0], &byte, 1) == 1;
	(void)kill(pid, SIGKILL);
	UNIT_MUST(waitpid(pid, NULL, 0) == pid);
	UNIT_MUST(close(ends[0]) == 0);
	return said;
}

#endif
