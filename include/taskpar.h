/* SPDX-License-Identifier: MIT */
/*
 * taskpar.h - run tasks on all cores, wait for many of them at once.
 *
 * The umbrella: it includes the headers below and nothing else.  Ten lines
 * are enough to begin (see README.md); for most programs tpar_map() is all.
 *
 *   base.h    error codes, opaque types, deadlines
 *   pool.h    threads: create, shut down, destroy; NULL is the default pool
 *   future.h  submit a task; wait for, read, take and cancel its outcome
 *   gather.h  wait for a whole set, values in order, first failure stops it
 *   group.h   a scope that tasks are spawned into, closed when all have ended
 *   window.h  results in order from unlimited input, in bounded memory
 *   promise.h futures that your own code completes; callbacks, descriptors
 *   forkjoin.h  recursive tasks whose fork costs a nanosecond
 *   algorithm.h  loops, sums, prefix sums, searches and sorting on all cores
 *   blocking.h  tasks, or parts of them, that block; breaking what they block in
 *   cancel.h  inside a task: have I been asked to stop?
 *
 * Not included here: syscalls.h, system calls that a cancel ends; and io.h, of
 * libtaskpar-io: futures for timers, descriptors, files, sockets, processes.
 */
#ifndef TASKPAR_H
#define TASKPAR_H

#include <taskpar/algorithm.h>
#include <taskpar/base.h>
#include <taskpar/blocking.h>
#include <taskpar/cancel.h>
#include <taskpar/forkjoin.h>
#include <taskpar/future.h>
#include <taskpar/gather.h>
#include <taskpar/group.h>
#include <taskpar/pool.h>
#include <taskpar/promise.h>
#include <taskpar/window.h>

#endif
