/* SPDX-License-Identifier: MIT */
/*
 * quota.h - how many CPUs the cgroups of this process leave it.
 */
#ifndef TPI_QUOTA_H
#define TPI_QUOTA_H

#include "base.h"

/*
 * The quota in CPUs, rounded up, that the cgroup trees mounted under `root` give
 * a process with its memberships in the file `self` and its mounts in the file
 * `mounts`; 0: no limit.  In production "", /proc/self/cgroup and
 * /proc/self/mountinfo.
 */
unsigned tpi_quota_cpus(const char *root, const char *self, const char *mounts);

#endif
