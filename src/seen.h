/* SPDX-License-Identifier: MIT */
/*
 * seen.h - a set of addresses: what a search has been at, so that it goes
 * nowhere twice, however often ways meet.
 */
#ifndef TPI_SEEN_H
#define TPI_SEEN_H

#include "base.h"

/* So many places need no memory. */
#define TPI_SEEN_FEW 32

struct tpi_seen {
	const void **slot; /* a hash table, at most half full */
	size_t count;
	size_t size;
	const void *few[TPI_SEEN_FEW];
};

void tpi_seen_init(struct tpi_seen *seen);
void tpi_seen_fini(struct tpi_seen *seen);

bool tpi_seen_has(const struct tpi_seen *seen, const void *address);

/* It is not in there yet.  false: no memory. */
bool tpi_seen_add(struct tpi_seen *seen, const void *address);

#endif
