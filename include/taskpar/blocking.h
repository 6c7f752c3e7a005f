/* SPDX-License-Identifier: MIT */
/*
 * blocking.h - tasks that block, on sockets, disks, databases or locks.
 *
 * A worker that sleeps in a system call computes nothing.  So say so: a whole
 * task by TPAR_BLOCKING in its flags, or a part of one by the two calls below.
 * Then as many threads as the pool has workers go on with what is queued.
 *
 * TPAR_BLOCKING tasks run on threads of their own, which are started when they
 * are needed, up to tpar_pool_config.blocking_limit at once; more tasks wait in a
 * queue, first in, first out.  A thread that has nothing to do for 10 s ends.
 * Apart from where they run they are tasks like all others.  A worker that waits
 * for one does not run it itself, unless no such thread is left.
 *
 * A cancel of a task reaches what it blocks in as well: through tpar_read() and
 * its like (syscalls.h), or, for any other system call, between tpar_interruptible_enter() and
 * tpar_interruptible_leave().  What else there is to be closed, killed or told is
 * done by a handler (tpar_on_cancel(), cancel.h).
 */
#ifndef TASKPAR_BLOCKING_H
#define TASKPAR_BLOCKING_H

#include <taskpar/base.h>

/**
 * tpar_blocking_enter - what follows blocks: another thread takes this place.
 *
 * Calls nest; the task's place is handed over by the first, and taken back by
 * the last tpar_blocking_leave(), or when the task ends.  For a while there is
 * one thread more than the pool has workers then.  All calls may be used in
 * between; what is submitted goes to other threads.
 *
 * Threads: inside a task, on a worker; elsewhere, and in a TPAR_BLOCKING task,
 *          nothing happens.
 * Errors:  none.  If no more threads can be had the place stays empty.
 * Source:  tokio's block_in_place, ForkJoinPool's ManagedBlocker.
 * Since:   0.1
 */
TPAR_API void tpar_blocking_enter(void);

/**
 * tpar_blocking_leave - the end of what tpar_blocking_enter() began.
 *
 * Threads: as there.  Without a call of that before it does nothing.
 * Errors:  none.
 * Since:   0.1
 */
TPAR_API void tpar_blocking_leave(void);

/**
 * tpar_interruptible_enter - from here on a cancel breaks system calls.
 *
 * Until tpar_interruptible_leave(), when the calling task is asked to stop, a
 * system call that it blocks in fails with EINTR, and so does the next one that
 * it would block in, a millisecond later, or up to 64 if it took longer to get
 * there.  So put as little into a region as can be: the call, not what is done
 * with what it read.
 *
 *     if ((rc = tpar_interruptible_enter()))
 *             return rc;
 *     do
 *             n = read(fd, buffer, size);
 *     while (n < 0 && errno == EINTR && !tpar_cancelled());
 *     tpar_interruptible_leave();
 *
 * Regions nest; the last leave ends them.  One that is left open ends with its
 * task.  A shield within, or around, keeps signals away for as long as it lasts;
 * so do calls of the library, for what of others they run on this thread: tasks,
 * callbacks, drop functions.  The region does not hand the task's place over: see
 * tpar_blocking_enter().
 *
 * It is done by a signal, a real-time one with a handler that does nothing: the
 * first from SIGRTMIN+8 on, then SIGRTMIN to SIGRTMIN+7, that has no handler when
 * the first region is entered; until then nothing is set up.  The environment
 * variable TASKPAR_SIGNAL (42, RTMIN+3, USR2) says which one it is to be, or
 * tpar_interruptible_use(), which counts more.  That is needed if the program
 * takes real-time signals without handlers, by sigwait() or signalfd(), or if
 * RLIMIT_SIGPENDING leaves no room for them (USR2 needs none).  Threads get it
 * while they are in a region, and at no other time.
 *
 * Threads: inside a task; elsewhere, and in a drop function, nothing happens.
 * Errors:  TPAR_ESTOPPED (the task was asked before), TPAR_ENOMEM, TPAR_EBUSY (all
 *          signals, or the one chosen, have handlers of the program's),
 *          TPAR_EINVAL (TASKPAR_SIGNAL), TPAR_ENOTSUP (no real-time signals here).
 *          On error no region is entered.  errno is kept.
 * Source:  Java's Thread.interrupt(), Go's net.Conn deadlines.
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_interruptible_enter(void);

/**
 * tpar_interruptible_leave - the end of what tpar_interruptible_enter() began.
 *
 * No signal of the library's comes to the thread afterwards.  errno is kept.
 *
 * Threads: as there.  Without a call of that before it does nothing.
 * Errors:  none.
 * Since:   0.1
 */
TPAR_API void tpar_interruptible_leave(void);

/**
 * tpar_interruptible_use - which signal breaks system calls.
 *
 * Before the first region is entered, and the first of the calls below blocks.
 *
 * Threads: any.
 * Errors:  TPAR_EINVAL (no signal, or one with a meaning: SIGKILL, SIGSEGV,
 *          SIGPIPE, SIGINT, SIGCHLD ...), TPAR_EBUSY (it has a handler, or another one has been
 *          used before).
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_interruptible_use(int number);

/**
 * tpar_interruptible_signal - the signal that breaks system calls.
 *
 * Returns: its number; 0 as long as none has been needed.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API int tpar_interruptible_signal(void);

#endif
