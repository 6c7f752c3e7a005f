/* SPDX-License-Identifier: MIT */
/*
 * handler.h - having a function called when a running task is asked to stop.
 *
 * A handler stands in a table under its task; the mark TPI_PINS_HANDLERS tells
 * a canceller that there is one.  Who registers enters it, sets the mark, and
 * then looks whether the task was asked; who asks sets CANCEL_REQ and then looks
 * for the mark (K1, G3): at least one sees the other, and the lock of the table
 * decides who has the handler.  doc/STATES.md#handlers; model:
 * tests/model/handler.c.
 */
#ifndef TPI_HANDLER_H
#define TPI_HANDLER_H

#include "atomics.h"
#include "base.h"
#include "fork.h"
#include "future.h"

struct tpi_intake;
struct tpi_run;

/* Storage of its user, who has it all 0 before it is added. */
struct tpi_handler {
	void (*fn)(struct tpi_handler *handler); /* [c] */
	struct tpar_future *task;		 /* [c] NULL: never added */
	struct tpi_run *run;			 /* [c] of that task */
	struct tpi_handler *next;		 /* [m:handler] */
};

/*
 * Has fn called, once, when the calling task is asked to stop, alone or with its
 * pool: by the thread that asks, without a lock, perhaps in a sweep.  fn must be
 * short and may add, remove, cancel and free.  It is removed when the task's
 * function returns.
 * false: the task was asked before, fn will not be called.  In a task only; in
 * what it drops at its end nothing is added, as nobody asks any more.
 */
bool tpi_handler_add(struct tpi_handler *handler,
		     void (*fn)(struct tpi_handler *handler));

/*
 * The same for `run`, one that the calling thread runs or a part of it (a stolen
 * fork); with no end, so that it is to be removed.
 */
bool tpi_handler_add_for(struct tpi_handler *handler, struct tpi_run *run,
			 void (*fn)(struct tpi_handler *handler));

/*
 * Afterwards fn is not running, unless this is called from it, and will not be
 * called.  Any thread; removed twice, called or never added: nothing to do.
 */
void tpi_handler_remove(struct tpi_handler *handler);

/* Was it asked to stop, shielded or not?  The innermost run. */
bool tpi_handler_asked(struct tpi_run *run);

void tpi_handler_call(struct tpar_future *task);

/* The caller has set CANCEL_REQ of the task, and holds it. */
static inline void
tpi_handler_stop(struct tpar_future *task)
{
	/* ORDER K1 seq_cst -- tpi_handler_mark(): ask, then see the mark. */
	if (TPI_UNLIKELY(
		    (atomic_load_explicit(&task->pins, memory_order_seq_cst) &
		     TPI_PINS_HANDLERS) != 0)) {
		tpi_handler_call(task);
	}
}

/* A handler of the task was entered; it is asked about afterwards. */
static inline void
tpi_handler_mark(struct tpar_future *task)
{
	/* ORDER K1 seq_cst -- tpi_handler_stop(): enter, then see the stop. */
	atomic_fetch_or_explicit(&task->pins, TPI_PINS_HANDLERS,
				 memory_order_seq_cst);
}

/* The pool of this intake was closed with cancel. */
void tpi_handler_stop_pool(struct tpi_intake *intake);

/*
 * The function of the task has returned: removes what it has left, and waits for
 * what is being called.
 */
void tpi_handler_end(struct tpar_future *task);

/*
 * The same for `task`, one of no pool that runs and that nobody else knows yet;
 * with no end, so that it is to be removed.
 */
void tpi_handler_add_to(struct tpi_handler *handler, struct tpar_future *task,
			void (*fn)(struct tpi_handler *handler));

/* In the child of a fork no task has one. */
void tpi_handler_fork(enum tpi_fork when);

#endif
