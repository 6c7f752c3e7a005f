/* SPDX-License-Identifier: MIT */
/*
 * failure.h - filling in why a call did not succeed.
 */
#ifndef TPI_FAILURE_H
#define TPI_FAILURE_H

#include "base.h"

#include <taskpar/gather.h>

/*
 * No member is to blame, and the error has been recorded (err.h); why may be
 * NULL.
 */
void tpi_failure_of_call(struct tpar_failure *why, enum tpar_err err);

/* Why a member, at `index`, failed or was cancelled: never empty. */
void tpi_failure_text(struct tpar_future *f, size_t index, char *to,
		      size_t size);

/*
 * A member that has ended, failed or cancelled, at `index`.  Returns
 * TPAR_EFAILED or TPAR_ECANCELED.
 */
enum tpar_err tpi_failure_of_member(struct tpar_failure *why, tpar_future *f,
				    size_t index);

/* A child of a group that has failed; nothing is recorded. */
void tpi_failure_of_child(struct tpar_failure *why, tpar_future *f);

#endif
