/* SPDX-License-Identifier: MIT */
/*
 * sys-pthread.h - has a program's own threads, locks, clocks, sleeps and atomic
 * accesses take part in the runs of sys.h, without a change to it:
 *
 *     cc -include taskpar/sys-pthread.h ...
 *
 * It declares functions that stand for those of the system, and macros of their
 * names that call them, each after a point.  Mutexes and the like remain what they
 * were, so static initializers and all types will do.  Outside of runs the
 * functions do what those of the system do.
 *
 * In a run, all clocks show the same virtual time.  Left out are barriers, spin
 * locks, pthread_cancel(), <threads.h>, and system calls that block, but for
 * poll() and ppoll(): a thread that blocks in one keeps all others from going on.
 */
#ifndef TASKPAR_SYS_PTHREAD_H
#define TASKPAR_SYS_PTHREAD_H

#include <pthread.h>
#include <sched.h>
#include <taskpar/sys-atomics.h>
#include <taskpar/sys.h>
#include <time.h>

/**
 * tpar_sys_create - for pthread_create(); EAGAIN beyond 600 threads at a time.
 * tpar_sys_join - for pthread_join().
 * tpar_sys_detach - for pthread_detach().
 * tpar_sys_setname - for pthread_setname_np(); reports have the name.
 * tpar_sys_once - for pthread_once(); nobody else goes on meanwhile.
 * tpar_sys_sched_yield - for sched_yield(), as tpar_sys_yield().
 */
TPAR_API int tpar_sys_create(pthread_t *thread, const pthread_attr_t *attr,
			     void *(*main)(void *arg), void *arg);
TPAR_API int tpar_sys_join(pthread_t thread, void **value);
TPAR_API int tpar_sys_detach(pthread_t thread);
TPAR_API int tpar_sys_setname(pthread_t thread, const char *name);
TPAR_API int tpar_sys_once(pthread_once_t *once, void (*fn)(void));
TPAR_API int tpar_sys_sched_yield(void);

/**
 * tpar_sys_mutex_lock - for pthread_mutex_lock().
 * tpar_sys_mutex_trylock - for pthread_mutex_trylock().
 * tpar_sys_mutex_unlock - for pthread_mutex_unlock().
 */
TPAR_API int tpar_sys_mutex_lock(pthread_mutex_t *mutex);
TPAR_API int tpar_sys_mutex_trylock(pthread_mutex_t *mutex);
TPAR_API int tpar_sys_mutex_unlock(pthread_mutex_t *mutex);

/**
 * tpar_sys_cond_wait - for pthread_cond_wait().
 * tpar_sys_cond_signal - for pthread_cond_signal(); the seed chooses whom.
 * tpar_sys_cond_broadcast - for pthread_cond_broadcast().
 */
TPAR_API int tpar_sys_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
TPAR_API int tpar_sys_cond_signal(pthread_cond_t *cond);
TPAR_API int tpar_sys_cond_broadcast(pthread_cond_t *cond);

/* clang-format off */
#ifndef TPAR_SYS_DECLARE_ONLY
#define pthread_create(thread, attr, main, arg)                                \
	(tpar_sys_point(), tpar_sys_create((thread), (attr), (main), (arg)))
#define pthread_join(thread, value)                                            \
	(tpar_sys_point(), tpar_sys_join((thread), (value)))
#define pthread_detach(thread) tpar_sys_detach(thread)
#define pthread_setname_np(thread, name) tpar_sys_setname((thread), (name))
#define pthread_once(once, fn) (tpar_sys_point(), tpar_sys_once((once), (fn)))
#define pthread_mutex_lock(mutex)                                              \
	(tpar_sys_point(), tpar_sys_mutex_lock(mutex))
#define pthread_mutex_trylock(mutex)                                           \
	(tpar_sys_point(), tpar_sys_mutex_trylock(mutex))
#define pthread_mutex_unlock(mutex)                                            \
	(tpar_sys_point(), tpar_sys_mutex_unlock(mutex))
#define pthread_cond_wait(cond, mutex)                                         \
	(tpar_sys_point(), tpar_sys_cond_wait((cond), (mutex)))
#define pthread_cond_signal(cond)                                              \
	(tpar_sys_point(), tpar_sys_cond_signal(cond))
#define pthread_cond_broadcast(cond)                                           \
	(tpar_sys_point(), tpar_sys_cond_broadcast(cond))
#define sched_yield() (tpar_sys_point(), tpar_sys_sched_yield())
#endif
/* clang-format on */

/* What only POSIX declares. */
#if defined(_POSIX_C_SOURCE) && _POSIX_C_SOURCE >= 200809L

#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

/**
 * tpar_sys_mutex_timedlock - for pthread_mutex_timedlock().
 * tpar_sys_cond_timedwait - for pthread_cond_timedwait(), on any clock.
 * tpar_sys_cond_clockwait - for pthread_cond_clockwait().
 */
TPAR_API int tpar_sys_mutex_timedlock(pthread_mutex_t *mutex,
				      const struct timespec *until);
TPAR_API int tpar_sys_cond_timedwait(pthread_cond_t *cond,
				     pthread_mutex_t *mutex,
				     const struct timespec *until);
TPAR_API int tpar_sys_cond_clockwait(pthread_cond_t *cond,
				     pthread_mutex_t *mutex, clockid_t clock,
				     const struct timespec *until);

/**
 * tpar_sys_rwlock_rdlock - for pthread_rwlock_rdlock().
 * tpar_sys_rwlock_wrlock - for pthread_rwlock_wrlock().
 * tpar_sys_rwlock_unlock - for pthread_rwlock_unlock().
 */
TPAR_API int tpar_sys_rwlock_rdlock(pthread_rwlock_t *lock);
TPAR_API int tpar_sys_rwlock_wrlock(pthread_rwlock_t *lock);
TPAR_API int tpar_sys_rwlock_unlock(pthread_rwlock_t *lock);

/**
 * tpar_sys_sem_wait - for sem_wait().
 * tpar_sys_sem_timedwait - for sem_timedwait().
 * tpar_sys_sem_post - for sem_post().
 */
TPAR_API int tpar_sys_sem_wait(sem_t *semaphore);
TPAR_API int tpar_sys_sem_timedwait(sem_t *semaphore,
				    const struct timespec *until);
TPAR_API int tpar_sys_sem_post(sem_t *semaphore);

/**
 * tpar_sys_clock_gettime - for clock_gettime(): the virtual time.
 * tpar_sys_clock_nanosleep - for clock_nanosleep().
 * tpar_sys_nanosleep - for nanosleep().
 * tpar_sys_usleep - for usleep().
 * tpar_sys_sleep - for sleep().
 */
TPAR_API int tpar_sys_clock_gettime(clockid_t clock, struct timespec *now);
TPAR_API int tpar_sys_clock_nanosleep(clockid_t clock, int flags,
				      const struct timespec *time,
				      struct timespec *left);
TPAR_API int tpar_sys_nanosleep(const struct timespec *time,
				struct timespec *left);
TPAR_API int tpar_sys_usleep(unsigned long us);
TPAR_API unsigned tpar_sys_sleep(unsigned s);

/**
 * tpar_sys_poll - for poll(): looks again when others have gone on.
 * tpar_sys_ppoll - for ppoll(): a signal that it lets through ends it.
 */
TPAR_API int tpar_sys_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
TPAR_API int tpar_sys_ppoll(struct pollfd *fds, nfds_t n,
			    const struct timespec *timeout,
			    const sigset_t *mask);

/* clang-format off */
#ifndef TPAR_SYS_DECLARE_ONLY
#define pthread_mutex_timedlock(mutex, until)                                  \
	(tpar_sys_point(), tpar_sys_mutex_timedlock((mutex), (until)))
#define pthread_cond_timedwait(cond, mutex, until)                             \
	(tpar_sys_point(), tpar_sys_cond_timedwait((cond), (mutex), (until)))
#define pthread_cond_clockwait(cond, mutex, clock, until)                      \
	(tpar_sys_point(),                                                     \
	 tpar_sys_cond_clockwait((cond), (mutex), (clock), (until)))
#define pthread_rwlock_rdlock(lock)                                            \
	(tpar_sys_point(), tpar_sys_rwlock_rdlock(lock))
#define pthread_rwlock_wrlock(lock)                                            \
	(tpar_sys_point(), tpar_sys_rwlock_wrlock(lock))
#define pthread_rwlock_tryrdlock(lock)                                         \
	(tpar_sys_point(), pthread_rwlock_tryrdlock(lock))
#define pthread_rwlock_trywrlock(lock)                                         \
	(tpar_sys_point(), pthread_rwlock_trywrlock(lock))
#define pthread_rwlock_unlock(lock)                                            \
	(tpar_sys_point(), tpar_sys_rwlock_unlock(lock))
#define sem_wait(semaphore) (tpar_sys_point(), tpar_sys_sem_wait(semaphore))
#define sem_trywait(semaphore) (tpar_sys_point(), sem_trywait(semaphore))
#define sem_timedwait(semaphore, until)                                        \
	(tpar_sys_point(), tpar_sys_sem_timedwait((semaphore), (until)))
#define sem_post(semaphore) (tpar_sys_point(), tpar_sys_sem_post(semaphore))
#define clock_gettime(clock, now) tpar_sys_clock_gettime((clock), (now))
#define clock_nanosleep(clock, flags, time, left)                              \
	(tpar_sys_point(),                                                     \
	 tpar_sys_clock_nanosleep((clock), (flags), (time), (left)))
#define nanosleep(time, left)                                                  \
	(tpar_sys_point(), tpar_sys_nanosleep((time), (left)))
#define usleep(us) (tpar_sys_point(), tpar_sys_usleep(us))
#define sleep(s) (tpar_sys_point(), tpar_sys_sleep(s))
#define poll(fds, n, timeout)                                                  \
	(tpar_sys_point(), tpar_sys_poll((fds), (n), (timeout)))
#define ppoll(fds, n, timeout, mask)                                           \
	(tpar_sys_point(), tpar_sys_ppoll((fds), (n), (timeout), (mask)))
#endif
/* clang-format on */

#endif

/* The forks and joins of forkjoin.h, which are compiled into the program. */
#ifndef TPAR_POINT_
#define TPAR_POINT_() tpar_sys_point()
#endif

#endif
