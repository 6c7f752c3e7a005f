/* SPDX-License-Identifier: MIT */
/*
 * after.h - having a function called once a future has ended.
 *
 * A callback stands in the future's list of waiters like a wait, its frame
 * being NULL.  Who ends the future puts it on his thread's list of what is due,
 * oldest first, and calls all that when he is through with what he is in the
 * middle of: he holds no lock then, no pin, and is in no sweep.  So a chain of
 * callbacks that end futures is a loop, and its length never that of the stack.
 */
#ifndef TPI_AFTER_H
#define TPI_AFTER_H

#include "base.h"
#include "frame.h"
#include "thread.h"

struct tpi_callback {
	struct tpi_waiter waiter; /* its frame is NULL */
	/* May free the callback.  f is held meanwhile; NULL: not of a future. */
	void (*fn)(struct tpi_callback *callback, struct tpar_future *f);
	struct tpar_future *f;	  /* [c] held from registration on, or NULL */
	struct tpi_callback *due; /* the next one of the thread's list */
};

/*
 * Has fn called, once, when f has ended.  false: it has ended already, nothing
 * is registered and nothing will be called.
 */
bool tpi_after(struct tpar_future *f, struct tpi_callback *callback,
	       void (*fn)(struct tpi_callback *callback,
			  struct tpar_future *f));

/* To be called by this thread soon: see tpi_after_run(). */
void tpi_after_due(struct tpi_callback *callback);

/*
 * By a callback that is called, of no future: has fn called when nothing is due
 * any more.  It may block, and what it ends is called as if it were outside.
 */
void tpi_after_late(struct tpi_callback *callback,
		    void (*fn)(struct tpi_callback *callback,
			       struct tpar_future *f));

/* Is the calling thread in one of either kind? */
static inline bool
tpi_after_is_callers(void)
{
	return tpi_thread_self.due_running || tpi_thread_self.late_running;
}

/* true: it was due on this thread, of no future, and will not be called. */
bool tpi_after_withdraw(struct tpi_callback *callback);

void tpi_after_run_due(void);

/* Calls what is due, unless that is being done below or has to wait. */
static inline void
tpi_after_run(void)
{
	if (TPI_UNLIKELY(tpi_thread_self.due != NULL) &&
	    tpi_thread_self.sweep == NULL && !tpi_thread_self.due_running) {
		tpi_after_run_due();
	}
}

#endif
