/* SPDX-License-Identifier: MIT */
/*
 * cpus.c - reads the affinity mask; binds threads to CPUs.
 */
#include "config.h"

#include "cpus.h"
#include "quota.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <unistd.h>

static unsigned
online_cpus(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus > 0 ? (unsigned)cpus : 1;
}

#if defined(HAVE_SCHED_GETAFFINITY) && defined(CPU_ALLOC)

/* Ends the search for a size that the kernel takes. */
#define MASK_MAX_CPUS ((size_t)1 << 20)

/* A thread's mask, 0 the caller's, for CPU_FREE(); NULL: none to be had. */
static cpu_set_t *
read_mask(pid_t thread, size_t *size)
{
	size_t cpus;

	for (cpus = CPU_SETSIZE; cpus <= MASK_MAX_CPUS; cpus *= 2) {
		cpu_set_t *mask = CPU_ALLOC(cpus);

		if (mask == NULL) {
			return NULL;
		}
		*size = CPU_ALLOC_SIZE(cpus);
		CPU_ZERO_S(*size, mask);
		if (sched_getaffinity(thread, *size, mask) == 0) {
			return mask;
		}
		CPU_FREE(mask);
		if (errno != EINVAL) {
			return NULL;
		}
	}
	return NULL;
}

unsigned
tpi_cpus_affinity(void)
{
	size_t size;
	cpu_set_t *mask = read_mask(0, &size);
	int cpus;

	if (mask == NULL) {
		return online_cpus();
	}
	cpus = CPU_COUNT_S(size, mask);
	CPU_FREE(mask);
	return cpus > 0 ? (unsigned)cpus : 1;
}

#else

unsigned
tpi_cpus_affinity(void)
{
	return online_cpus();
}

#endif

#if defined(HAVE_PTHREAD_SETAFFINITY_NP) && defined(HAVE_SCHED_GETAFFINITY) && \
	defined(CPU_ALLOC)

/* Leaves the index-th of the CPUs in the mask, counted round and round. */
static void
keep_one(cpu_set_t *mask, size_t size, unsigned index)
{
	unsigned cpus = (unsigned)CPU_COUNT_S(size, mask);
	unsigned seen = 0;
	size_t cpu;

	for (cpu = 0; cpu < size * CHAR_BIT; cpu++) {
		if (CPU_ISSET_S(cpu, size, mask) && seen++ != index % cpus) {
			CPU_CLR_S(cpu, size, mask);
		}
	}
}

void
tpi_cpus_pin(pthread_t thread, unsigned index)
{
	size_t size;
	cpu_set_t *mask = read_mask(getpid(), &size);

	if (mask != NULL) {
		keep_one(mask, size, index);
		(void)pthread_setaffinity_np(thread, size, mask);
		CPU_FREE(mask);
	}
}

#else

void
tpi_cpus_pin(pthread_t thread, unsigned index)
{
	(void)thread;
	(void)index;
}

#endif

unsigned
tpi_cpus_usable(void)
{
	unsigned cpus = tpi_cpus_affinity();
	unsigned quota =
		tpi_quota_cpus("", "/proc/self/cgroup", "/proc/self/mountinfo");

	return quota != 0 && quota < cpus ? quota : cpus;
}
