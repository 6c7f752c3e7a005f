/* SPDX-License-Identifier: MIT */
/*
 * spill.h - forks that find no slot: they are called at once, and their results
 * kept aside until their joins, which come youngest first.
 */
#ifndef TPI_SPILL_H
#define TPI_SPILL_H

#include "base.h"

struct tpi_slots;

/* Owner: calls the fork in the last slot, which is free again afterwards. */
void tpi_spill_call(struct tpi_slots *slots);

/* Owner, joining the youngest of them: its result is in the last slot. */
void tpi_spill_back(struct tpi_slots *slots);

#endif
