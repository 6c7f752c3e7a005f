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

#endif
