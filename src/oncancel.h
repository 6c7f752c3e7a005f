/* SPDX-License-Identifier: MIT */
/*
 * oncancel.h - the handlers that tasks register with tpar_on_cancel().
 */
#ifndef TPI_ONCANCEL_H
#define TPI_ONCANCEL_H

#include "base.h"
#include "fork.h"

struct tpi_run;

/*
 * The function of a run with handlers has returned: removes them, and waits for
 * one under way.
 */
void tpi_oncancel_end(struct tpi_run *run);

/* In the child of a fork nothing is registered. */
void tpi_oncancel_fork(enum tpi_fork when);

#endif
