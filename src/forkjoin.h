/* SPDX-License-Identifier: MIT */
/*
 * forkjoin.h - what the fork-join tier is to the rest of the library.
 */
#ifndef TPI_FORKJOIN_H
#define TPI_FORKJOIN_H

#include "base.h"
#include "future.h"
#include "slots.h"

#include <taskpar/forkjoin.h>

/* The function of a promoted slot's future. */
int tpi_forkjoin_run(void *forked, void *value);

static inline bool
tpi_forkjoin_is(const struct tpar_future *f)
{
	return f->fn == tpi_forkjoin_run;
}

/*
 * TPAR_RUN; in no hurry: nobody is woken for it before tpi_forkjoin_announce(),
 * which the root or what it forks calls if there turns out to be much to do.
 */
enum tpar_err tpi_forkjoin_root(struct tpar_pool *pool, tpar_slot_fn fn,
				struct tpar_slot *self,
				struct tpar_failure *why, const char *name,
				bool hurry);
void tpi_forkjoin_announce(struct tpar_slot *head);

#endif
