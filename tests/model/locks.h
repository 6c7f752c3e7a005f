/* SPDX-License-Identifier: MIT */
/*
 * locks.h - the library's locks in a model: mutexes, or none with NO_LOCK.
 */
#ifndef MODEL_LOCKS_H
#define MODEL_LOCKS_H

#include "src/lock.h"

void
tpi_lock_enter(struct tpi_lock *lock)
{
	(void)lock;
#ifndef NO_LOCK
	pthread_mutex_lock(&lock->mutex);
#endif
}

void
tpi_lock_leave(struct tpi_lock *lock)
{
	(void)lock;
#ifndef NO_LOCK
	pthread_mutex_unlock(&lock->mutex);
#endif
}

#endif
