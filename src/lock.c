/* SPDX-License-Identifier: MIT */
/*
 * lock.c - thin wrappers of pthread mutexes and condition variables.  They turn
 * impossible errors into tpi_die() and, in debug builds, check the lock order.
 */
#include "config.h"

#include "die.h"
#include "lock.h"
#include "point.h"

#include <errno.h>
#include <time.h>

#ifdef TPI_DEBUG
/* Bit r is set while this thread holds a lock of rank r. */
static _Thread_local unsigned held_ranks;

static void
rank_enter(enum tpi_lock_rank rank)
{
	TPI_CHECK((held_ranks >> rank) == 0);
	held_ranks |= 1u << rank;
}

static void
rank_leave(enum tpi_lock_rank rank)
{
	held_ranks &= ~(1u << rank);
}
#else
static void
rank_enter(enum tpi_lock_rank rank)
{
	(void)rank;
}

static void
rank_leave(enum tpi_lock_rank rank)
{
	(void)rank;
}
#endif

int
tpi_lock_init(struct tpi_lock *lock, enum tpi_lock_rank rank)
{
	lock->rank = rank;
	return pthread_mutex_init(&lock->mutex, NULL);
}

void
tpi_lock_fini(struct tpi_lock *lock)
{
	TPI_CHECK(pthread_mutex_destroy(&lock->mutex) == 0);
}

void
tpi_lock_enter(struct tpi_lock *lock)
{
	rank_enter(lock->rank);
	tpi_point();
	TPI_CHECK(pthread_mutex_lock(&lock->mutex) == 0);
}

void
tpi_lock_leave(struct tpi_lock *lock)
{
	TPI_CHECK(pthread_mutex_unlock(&lock->mutex) == 0);
	rank_leave(lock->rank);
	tpi_point();
}

void
tpi_lock_enter_all(struct tpi_lock *locks, size_t n)
{
	size_t i;

	rank_enter(locks[0].rank);
	for (i = 0; i < n; i++) {
		TPI_CHECK(pthread_mutex_lock(&locks[i].mutex) == 0);
	}
}

void
tpi_lock_leave_all(struct tpi_lock *locks, size_t n)
{
	size_t i;

	for (i = n; i > 0; i--) {
		TPI_CHECK(pthread_mutex_unlock(&locks[i - 1].mutex) == 0);
	}
	rank_leave(locks[0].rank);
}

void
tpi_lock_renew(struct tpi_lock *lock)
{
	TPI_CHECK(tpi_lock_init(lock, lock->rank) == 0);
}

int
tpi_cond_init(struct tpi_cond *cond)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc != 0) {
		return rc;
	}
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (rc == 0) {
		rc = pthread_cond_init(&cond->cond, &attr);
	}
	pthread_condattr_destroy(&attr);
	return rc;
}

void
tpi_cond_renew(struct tpi_cond *cond)
{
	TPI_CHECK(tpi_cond_init(cond) == 0);
}

void
tpi_cond_fini(struct tpi_cond *cond)
{
	TPI_CHECK(pthread_cond_destroy(&cond->cond) == 0);
}

void
tpi_cond_signal(struct tpi_cond *cond)
{
	tpi_point();
	TPI_CHECK(pthread_cond_signal(&cond->cond) == 0);
}

void
tpi_cond_broadcast(struct tpi_cond *cond)
{
	tpi_point();
	TPI_CHECK(pthread_cond_broadcast(&cond->cond) == 0);
}

/* Where time_t has 32 bits, 2038 is for ever. */
static time_t
to_seconds(int64_t ns)
{
	int64_t seconds = ns / 1000000000;

	if (sizeof(time_t) < sizeof seconds && seconds > INT32_MAX) {
		seconds = INT32_MAX;
	}
	return (time_t)seconds;
}

bool
tpi_cond_wait(struct tpi_cond *cond, struct tpi_lock *lock, int64_t deadline_ns)
{
	struct timespec when;
	int rc;

	rank_leave(lock->rank);
	tpi_point();
	if (deadline_ns == 0) {
		rc = pthread_cond_wait(&cond->cond, &lock->mutex);
	} else {
		when.tv_sec = to_seconds(deadline_ns);
		when.tv_nsec = (long)(deadline_ns % 1000000000);
		rc = pthread_cond_timedwait(&cond->cond, &lock->mutex, &when);
	}
	rank_enter(lock->rank);
	TPI_CHECK(rc == 0 || rc == ETIMEDOUT);
	return rc == 0;
}
