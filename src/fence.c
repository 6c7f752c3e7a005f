/* SPDX-License-Identifier: MIT */
/*
 * fence.c - the heavy fence: Linux's membarrier(), private and expedited.
 */
#include "config.h"

#include "die.h"
#include "fence.h"

#if defined(HAVE_LINUX_MEMBARRIER_H) && !TPI_SANITIZED

#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* May be refused: an old kernel, a sandbox. */
bool
tpi_fence_available(void)
{
	return syscall(SYS_membarrier,
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void
tpi_fence_heavy(void)
{
	/* ORDER S3 seq_cst -- tpi_fence_light(): of all threads. */
	/*
	 * ENDS: of what was registered only memory for a mask of processors can
	 * be missing, for a moment.
	 */
	while (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0,
		       0) != 0) {
		TPI_CHECK(errno == ENOMEM);
		sched_yield();
	}
}

#else

bool
tpi_fence_available(void)
{
	return false;
}

void
tpi_fence_heavy(void)
{
}

#endif
