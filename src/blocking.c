/* SPDX-License-Identifier: MIT */
/*
 * blocking.c - parts of a task that block.  Whole tasks that do: elastic.c.
 */
#include "config.h"

#include "blocking.h"
#include "park.h"
#include "thread.h"
#include "worker.h"

#include <taskpar/blocking.h>

void
tpar_blocking_enter(void)
{
	struct tpi_run *run = tpi_thread_self.run;
	struct tpi_worker *w = tpi_thread_self.worker;

	if (run == NULL || w == NULL) {
		return;
	}
	/* If its place was not handed over before, as with a blocking task's. */
	if (run->blocking++ == 0 && w->blocked == 0) {
		run->handled = true;
		run->handed_over = true;
		(void)tpi_park_block(w);
	}
}

void
tpi_blocking_end(struct tpi_run *run)
{
	run->blocking = 0;
	if (run->handed_over) {
		run->handed_over = false;
		tpi_park_unblock(tpi_thread_self.worker);
	}
}

void
tpar_blocking_leave(void)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (run != NULL && run->blocking > 0 && --run->blocking == 0) {
		tpi_blocking_end(run);
	}
}
