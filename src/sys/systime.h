/* SPDX-License-Identifier: MIT */
/*
 * systime.h - the virtual clock of a run, as the system's calls have it.
 */
#ifndef TPI_SYSTIME_H
#define TPI_SYSTIME_H

#include "base.h"

#include <time.h>

/* An absolute time as a deadline of systurn.h. */
int64_t tpi_systime_deadline(const struct timespec *until);

#endif
