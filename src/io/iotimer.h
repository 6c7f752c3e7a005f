/* SPDX-License-Identifier: MIT */
/*
 * iotimer.h - times to come, in a heap that needs no memory of its own: it is a
 * pairing heap, whose nodes lie in what waits.  All calls under the lock.
 */
#ifndef TPI_IOTIMER_H
#define TPI_IOTIMER_H

#include "iobase.h"

struct tpi_iodecided;

/* Zeroed: it is in no heap.  All [m:lock]. */
struct tpi_iotimer {
	int64_t deadline_ns;
	/* Its time has come; it was taken out. */
	void (*due)(struct tpi_iotimer *t, struct tpi_iodecided *list);
	struct tpi_iotimer *child;   /* the first one; none is earlier */
	struct tpi_iotimer *sibling; /* the next one */
	struct tpi_iotimer **link;   /* NULL: it is in no heap */
};

/* The heap is its earliest timer, or NULL. */
void tpi_iotimer_add(struct tpi_iotimer **heap, struct tpi_iotimer *t);

/* false: it is in none. */
bool tpi_iotimer_remove(struct tpi_iotimer **heap, struct tpi_iotimer *t);

/* Calls all that are due by now. */
void tpi_iotimer_fire(struct tpi_iotimer **heap, int64_t now,
		      struct tpi_iodecided *list);

#endif
