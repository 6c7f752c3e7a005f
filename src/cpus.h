/* SPDX-License-Identifier: MIT */
/*
 * cpus.h - how many CPUs this process may use, and which.
 */
#ifndef TPI_CPUS_H
#define TPI_CPUS_H

#include "base.h"

#include <pthread.h>

/*
 * The CPUs of the affinity mask, limited by the quotas of the process's cgroup
 * and all its ancestors (v1 and v2), rounded up; at least 1.
 */
unsigned tpi_cpus_usable(void);

/*
 * The CPUs of the calling thread's affinity mask, which the threads that it
 * starts inherit; at least 1.
 */
unsigned tpi_cpus_affinity(void);

/*
 * Binds a thread to the index-th CPU of the process's mask, counted round and
 * round.  That is the main thread's mask: the caller's may be one CPU, if it
 * was started by a thread that is itself bound.  Errors are ignored.
 */
void tpi_cpus_pin(pthread_t thread, unsigned index);

#endif
