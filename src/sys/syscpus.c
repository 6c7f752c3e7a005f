/* SPDX-License-Identifier: MIT */
/*
 * syscpus.c - cpus.h in a run: as many CPUs as its config says, on every machine.
 */
#include "config.h"

#include "cpus.h"
#include "sysworld.h"

/* Outside of a run, and by default. */
#define CPUS 2

unsigned
tpi_cpus_usable(void)
{
	return tpi_sysworld != NULL && tpi_sysworld->workers != 0
		       ? tpi_sysworld->workers
		       : CPUS;
}

unsigned
tpi_cpus_affinity(void)
{
	return tpi_cpus_usable();
}

void
tpi_cpus_pin(pthread_t thread, unsigned index)
{
	(void)thread;
	(void)index;
}
