/* SPDX-License-Identifier: MIT */
/*
 * sysfence.c - fence.h in a run, where threads take turns: what one has written
 * before its turn ends all others see, as the turn is passed by a semaphore.  So
 * the heavy fence has nothing to do.  It is said to be there, so that the paths
 * that rely on it are the ones that are tested.
 */
#include "config.h"

#include "fence.h"

bool
tpi_fence_available(void)
{
	return true;
}

void
tpi_fence_heavy(void)
{
	tpi_point();
}
