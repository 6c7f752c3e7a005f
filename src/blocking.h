/* SPDX-License-Identifier: MIT */
/*
 * blocking.h - the end of a part of a task that blocks.
 */
#ifndef TPI_BLOCKING_H
#define TPI_BLOCKING_H

struct tpi_run;

/* The calling run ends, or its last such part does. */
void tpi_blocking_end(struct tpi_run *run);

#endif
