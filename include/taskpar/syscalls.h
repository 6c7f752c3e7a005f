/* SPDX-License-Identifier: MIT */
/*
 * syscalls.h - system calls, and a condition wait, that the cancel of the calling
 * task ends: see blocking.h.
 *
 * taskpar.h does not include this, as it brings what the system declares: poll()
 * and accept() are names that a program may want for itself.
 */
#ifndef TASKPAR_SYSCALLS_H
#define TASKPAR_SYSCALLS_H

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <taskpar/base.h>

/**
 * tpar_read - as read(), but the cancel of the calling task ends it.
 *
 * So do all of these calls: they return -1 with errno ECANCELED if the task was
 * asked to stop, before or while they block; of what they had done by then nothing
 * is lost: bytes that were read or written are returned, and the next call tells.
 * They hand the task's place over while they block, as tpar_blocking_enter()
 * does.  EINTR is not returned to a task: they go on.  Descriptors that are
 * O_NONBLOCK do not block here either, and timeouts of sockets hold.
 *
 * Threads: any.  Outside of a task it is the system call itself.
 * Errors:  those of the system call; ECANCELED; ENOMEM, EBUSY, EINVAL and ENOTSUP
 *          if the region could not be entered, see tpar_interruptible_enter(),
 *          and then tpar_error_detail() says why.
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD ssize_t tpar_read(int fd, void *buffer, size_t size);

/**
 * tpar_write - as write(), but see tpar_read(); and without SIGPIPE.
 *
 * Like write() it goes on until all is written.  A cancel, and with a socket also
 * an error or a timeout, after a part returns that part.  What nobody reads any
 * more gives EPIPE and no signal, also outside of tasks.
 *
 * Threads: any.
 * Errors:  as tpar_read().
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD ssize_t tpar_write(int fd, const void *buffer,
					   size_t size);

/**
 * tpar_accept - as accept(), but see tpar_read().
 *
 * Threads: any.
 * Errors:  as tpar_read().
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD int tpar_accept(int fd, struct sockaddr *address,
					socklen_t *length);

/**
 * tpar_connect - as connect(), but see tpar_read().
 *
 * After ECANCELED the system may go on connecting: close the socket.
 *
 * Threads: any.
 * Errors:  as tpar_read().
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD int tpar_connect(int fd, const struct sockaddr *address,
					 socklen_t length);

/**
 * tpar_poll - as poll(), but see tpar_read().
 *
 * Units:   milliseconds, less than 0: for ever.
 * Threads: any.
 * Errors:  as tpar_read().
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD int tpar_poll(struct pollfd *fds, nfds_t n,
				      int timeout_ms);

/**
 * tpar_flock - as flock(), but see tpar_read().
 *
 * LOCK_UN is carried out also in a task that was asked to stop.
 *
 * Threads: any.
 * Errors:  as tpar_read().
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD int tpar_flock(int fd, int operation);

/**
 * tpar_cond_wait - as pthread_cond_wait(), until a time, or the calling task is
 * asked to stop.
 *
 * Like that it may return TPAR_OK for nothing, so it wants a loop:
 *
 *     while (!ready && (err = tpar_cond_wait(&cond, &mutex, deadline)) == 0)
 *             ;
 *
 * The mutex is held again however it returns.  Others that wait for the condition
 * variable may wake for nothing when a task is cancelled; a signal is never lost
 * with it.  No other signal is used for this one than the condition variable's
 * own.  The place of the task is handed over, as tpar_blocking_enter() does.
 *
 * Units:   deadline_ns, see base.h, whatever clock the condition variable was made
 *          for (without pthread_cond_clockwait(): it must be the default one).
 * Threads: any, which hold the mutex.  Outside of a task nothing stops it.
 * Errors:  TPAR_ESTOPPED, TPAR_ETIMEDOUT, TPAR_ENOMEM, TPAR_EINVAL (cond or mutex
 *          is NULL, or the system refuses them, as a mutex that the thread does
 *          not hold; a robust one whose owner has died is held, and is to be
 *          made consistent: the detail has the number of the error).
 * Since:   0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_cond_wait(pthread_cond_t *cond,
						     pthread_mutex_t *mutex,
						     int64_t deadline_ns);

#endif
