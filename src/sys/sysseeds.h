/* SPDX-License-Identifier: MIT */
/*
 * sysseeds.h - which seeds there are beside those of the config: of the
 * environment, and of the file that keeps those that have failed.
 */
#ifndef TPI_SYSSEEDS_H
#define TPI_SYSSEEDS_H

#include "base.h"

#include <taskpar/base.h>

struct tpi_sysseeds {
	bool one;   /* TASKPAR_SYS_SEED is set: */
	bool other; /* of a test of another name */
	uint64_t seed;
	uint64_t count; /* TASKPAR_SYS_SEEDS, or 0 */
	bool here;	/* TASKPAR_SYS_FORK=0 */
	bool traces;	/* TASKPAR_SYS_TRACE=1 */
};

/* For the test of this name. */
enum tpar_err tpi_sysseeds_read(struct tpi_sysseeds *seeds, const char *name);

/*
 * Calls fn with each seed that the file has for this name, until one is not
 * TPAR_OK, which is returned.  No file: there is none.
 */
enum tpar_err tpi_sysseeds_each(const char *file, const char *name,
				enum tpar_err (*fn)(uint64_t seed, void *arg),
				void *arg);

/* Adds one, and why, unless it is there.  false: it could not be written. */
bool tpi_sysseeds_keep(const char *file, const char *name, uint64_t seed,
		       const char *why);

#endif
