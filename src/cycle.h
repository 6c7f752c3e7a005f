/* SPDX-License-Identifier: MIT */
/*
 * cycle.h - does a task wait, through others, for itself?  And what it does
 * about that.
 */
#ifndef TPI_CYCLE_H
#define TPI_CYCLE_H

#include "base.h"
#include "fork.h"

struct tpar_future;
struct tpi_frame;

/*
 * Follows from the members of the calling task's published frame, `from` on,
 * the waits of running tasks.  true: one of them leads back, and the chain is
 * recorded as the calling thread's error detail.
 */
bool tpi_cycle_find(struct tpi_frame *frame, size_t from);

/*
 * Looks again while nobody else takes a wait off a cycle.  If there still is
 * one, this plain wait ends: its cause is TPI_DEADLOCKED.
 */
void tpi_cycle_leave(struct tpi_frame *frame);

/* The same for a wait for a pool, which is no edge any more if it is true. */
bool tpi_cycle_leave_pool(struct tpi_frame *frame);

/*
 * The same for a set: members that lead back are unregistered and taken off.
 * true: there were some.
 */
bool tpi_cycle_give_up(struct tpi_frame *frame);

/*
 * The same for one that is tied: another wait on the cycle ends or gives up what
 * leads back.  true: there was a cycle; if nobody could leave it now, somebody
 * may be able to later.
 */
bool tpi_cycle_break(struct tpi_frame *frame);

/* For one member that is not registered: true: it leads back. */
bool tpi_cycle_give_up_one(struct tpi_frame *frame, size_t i);

/* Before and after a fork. */
void tpi_cycle_fork(enum tpi_fork when);

/* Records that `task` would wait for itself. */
void tpi_cycle_describe_self(struct tpar_future *task);

#endif
