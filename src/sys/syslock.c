/* SPDX-License-Identifier: MIT */
/*
 * syslock.c - mutexes, read-write locks and semaphores of a run.
 *
 * The system's own are used, by calls that do not block: so all their types work
 * and none has to be known before.  A thread that does not get one waits for its
 * address, and tries again once somebody has released it.
 */
#include "config.h"

#define TPAR_SYS_DECLARE_ONLY
#include "systime.h"
#include "systurn.h"

#include <taskpar/sys-pthread.h>

#include <errno.h>

/* For reports; more than there is room for are not remembered. */
static void
hold(const void *lock)
{
	struct tpi_systhread *self = tpi_sysworld_self;
	unsigned i;

	for (i = 0; i < TPI_SYS_HELD; i++) {
		if (self->held[i].lock == NULL) {
			self->held[i].lock = lock;
			self->held[i].site =
				self->last[(self->lasts - 1) % TPI_SYS_LAST];
			return;
		}
	}
}

static void
drop(const void *lock)
{
	struct tpi_systhread *self = tpi_sysworld_self;
	unsigned i;

	for (i = 0; i < TPI_SYS_HELD; i++) {
		if (self->held[i].lock == lock) {
			self->held[i].lock = NULL;
			return;
		}
	}
}

/* ---- Mutexes ----------------------------------------------------------------- */

/* 0, ETIMEDOUT, or what pthread_mutex_trylock() says but for EBUSY. */
static int
lock_until(pthread_mutex_t *mutex, int64_t deadline)
{
	int rc;

	/* ENDS: its holder unlocks it, or the deadline comes. */
	while ((rc = pthread_mutex_trylock(mutex)) == EBUSY) {
		if (!tpi_systurn_wait(TPI_SYS_MUTEX, mutex, deadline)) {
			return ETIMEDOUT;
		}
	}
	if (rc == 0) {
		hold(mutex);
	}
	return rc;
}

int
tpar_sys_mutex_lock(pthread_mutex_t *mutex)
{
	return tpi_sysworld_self != NULL ? lock_until(mutex, 0)
					 : pthread_mutex_lock(mutex);
}

int
tpar_sys_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until)
{
	return tpi_sysworld_self != NULL
		       ? lock_until(mutex, tpi_systime_deadline(until))
		       : pthread_mutex_timedlock(mutex, until);
}

int
tpar_sys_mutex_trylock(pthread_mutex_t *mutex)
{
	int rc = pthread_mutex_trylock(mutex);

	if (rc == 0 && tpi_sysworld_self != NULL) {
		hold(mutex);
	}
	return rc;
}

int
tpar_sys_mutex_unlock(pthread_mutex_t *mutex)
{
	int rc = pthread_mutex_unlock(mutex);

	if (rc == 0 && tpi_sysworld_self != NULL) {
		drop(mutex);
		tpi_systurn_wake(TPI_SYS_MUTEX, mutex);
	}
	return rc;
}

/* ---- Condition variables ------------------------------------------------------ */

/* With TPAR_SYS_SPURIOUS one of so many waits ends for nothing. */
#define SPURIOUS 16

/*
 * The variable itself is not used but for its address.  Unlocking and beginning to
 * wait is one step, as it has to be.
 */
static int
cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline)
{
	struct tpi_sysworld *w = tpi_sysworld;
	bool woken = true;
	int rc = pthread_mutex_unlock(mutex);

	if (rc != 0) {
		return rc;
	}
	drop(mutex);
	tpi_systurn_wake(TPI_SYS_MUTEX, mutex);
	if ((w->flags & TPAR_SYS_SPURIOUS) != 0 &&
	    tpi_sysworld_below(w, SPURIOUS) == 0) {
		/* At once, or others come first. */
		if (tpi_sysworld_below(w, 2) == 0) {
			tpi_systurn_yield();
		}
	} else {
		woken = tpi_systurn_wait(TPI_SYS_COND, cond, deadline);
	}
	rc = lock_until(mutex, 0);
	return rc != 0 || woken ? rc : ETIMEDOUT;
}

int
tpar_sys_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	return tpi_sysworld_self != NULL ? cond_wait_until(cond, mutex, 0)
					 : pthread_cond_wait(cond, mutex);
}

int
tpar_sys_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			const struct timespec *until)
{
	return tpi_sysworld_self != NULL
		       ? cond_wait_until(cond, mutex,
					 tpi_systime_deadline(until))
		       : pthread_cond_timedwait(cond, mutex, until);
}

int
tpar_sys_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			clockid_t clock, const struct timespec *until)
{
	if (tpi_sysworld_self != NULL) {
		return cond_wait_until(cond, mutex,
				       tpi_systime_deadline(until));
	}
#ifdef HAVE_PTHREAD_COND_CLOCKWAIT
	return pthread_cond_clockwait(cond, mutex, clock, until);
#else
	(void)clock;
	return ENOTSUP;
#endif
}

int
tpar_sys_cond_signal(pthread_cond_t *cond)
{
	if (tpi_sysworld_self != NULL) {
		tpi_systurn_wake_one(TPI_SYS_COND, cond);
		return 0;
	}
	return pthread_cond_signal(cond);
}

int
tpar_sys_cond_broadcast(pthread_cond_t *cond)
{
	if (tpi_sysworld_self != NULL) {
		tpi_systurn_wake(TPI_SYS_COND, cond);
		return 0;
	}
	return pthread_cond_broadcast(cond);
}

/* ---- Read-write locks ---------------------------------------------------------- */

int
tpar_sys_rwlock_rdlock(pthread_rwlock_t *lock)
{
	int rc;

	if (tpi_sysworld_self == NULL) {
		return pthread_rwlock_rdlock(lock);
	}
	/* ENDS: who writes unlocks it. */
	while ((rc = pthread_rwlock_tryrdlock(lock)) == EBUSY) {
		(void)tpi_systurn_wait(TPI_SYS_RWLOCK, lock, 0);
	}
	return rc;
}

int
tpar_sys_rwlock_wrlock(pthread_rwlock_t *lock)
{
	int rc;

	if (tpi_sysworld_self == NULL) {
		return pthread_rwlock_wrlock(lock);
	}
	/* ENDS: the others unlock it. */
	while ((rc = pthread_rwlock_trywrlock(lock)) == EBUSY) {
		(void)tpi_systurn_wait(TPI_SYS_RWLOCK, lock, 0);
	}
	if (rc == 0) {
		hold(lock);
	}
	return rc;
}

int
tpar_sys_rwlock_unlock(pthread_rwlock_t *lock)
{
	int rc = pthread_rwlock_unlock(lock);

	if (rc == 0 && tpi_sysworld_self != NULL) {
		drop(lock);
		tpi_systurn_wake(TPI_SYS_RWLOCK, lock);
	}
	return rc;
}

/* ---- Semaphores ----------------------------------------------------------------- */

/* -1 with errno, or 0. */
static int
sem_wait_until(sem_t *semaphore, int64_t deadline)
{
	int rc;

	/* ENDS: it is posted, or the deadline comes. */
	while ((rc = sem_trywait(semaphore)) != 0 && errno == EAGAIN) {
		if (!tpi_systurn_wait(TPI_SYS_SEMAPHORE, semaphore, deadline)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return rc;
}

int
tpar_sys_sem_wait(sem_t *semaphore)
{
	return tpi_sysworld_self != NULL ? sem_wait_until(semaphore, 0)
					 : sem_wait(semaphore);
}

int
tpar_sys_sem_timedwait(sem_t *semaphore, const struct timespec *until)
{
	return tpi_sysworld_self != NULL
		       ? sem_wait_until(semaphore, tpi_systime_deadline(until))
		       : sem_timedwait(semaphore, until);
}

int
tpar_sys_sem_post(sem_t *semaphore)
{
	int rc = sem_post(semaphore);

	if (rc == 0 && tpi_sysworld_self != NULL) {
		tpi_systurn_wake(TPI_SYS_SEMAPHORE, semaphore);
	}
	return rc;
}
