/* SPDX-License-Identifier: MIT */
/*
 * done.c - user functions that are called when a future has ended.
 */
#include "config.h"

#include "after.h"
#include "audit.h"
#include "err.h"
#include "fork.h"
#include "future.h"
#include "interrupt.h"
#include "thread.h"

#include <taskpar/promise.h>

#include <stdlib.h>

struct done {
	struct tpi_callback callback;
	tpar_done_fn fn;
	void *arg;
};

static void
has_ended(struct tpi_callback *callback, struct tpar_future *f)
{
	struct done *done = TPI_CONTAINER(callback, struct done, callback);
	struct tpi_interrupt *paused = tpi_interrupt_pause();
	struct tpi_run *run = tpi_thread_self.run;

	/* It is not part of the task that happens to run here. */
	tpi_thread_self.run = NULL;
	done->fn(f, done->arg);
	tpi_thread_self.run = run;
	tpi_interrupt_resume(paused);
	free(done);
	tpar_future_unref(f);
}

enum tpar_err
tpar_future_on_done(tpar_future *f, tpar_done_fn fn, void *arg)
{
	struct done *done;

	tpi_audit_use(f, "tpar_future_on_done()");
	if (f == NULL || fn == NULL) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       f == NULL ? "f" : "fn");
	}
	tpi_fork_look(f);
	done = aligned_alloc(_Alignof(struct done), sizeof *done);
	if (done == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	done->fn = fn;
	done->arg = arg;
	(void)tpar_future_ref(f);
	if (!tpi_after(f, &done->callback, has_ended)) {
		/* Now, or after the callback that registers it. */
		tpi_future_retain(f);
		tpi_after_due(&done->callback);
		tpi_after_run();
	}
	return TPAR_OK;
}
