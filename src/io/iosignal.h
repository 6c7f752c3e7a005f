/* SPDX-License-Identifier: MIT */
/*
 * iosignal.h - signals as descriptors.  All calls under the lock.
 */
#ifndef TPI_IOSIGNAL_H
#define TPI_IOSIGNAL_H

#include "iobase.h"

struct tpi_ioloop;

/* The loop ends: signals are again what they were before. */
void tpi_iosignal_end(struct tpi_ioloop *loop);

/* In the child of a fork: the same. */
void tpi_iosignal_fork(void);

#endif
