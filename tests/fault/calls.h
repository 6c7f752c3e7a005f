/* SPDX-License-Identifier: MIT */
/*
 * calls.h - further calls that may fail, beside those of fault.h: what the
 * library asks of the system for descriptors, files, signals and sleeping.
 *
 * Only for programs whose names begin with test_sweep: what is replaced here is
 * named in SWEEP_WRAPS in Makefile.am.
 *
 * Never made to fail, as the system has no way to: eight bytes written to an
 * eventfd that has room, close(), unlocking, waking, signal masks, and the
 * monotonic clock, for which see test_clock.c.
 */
#ifndef FAULT_CALLS_H
#define FAULT_CALLS_H

#include "fault.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* More kinds. */
enum {
	FAULT_CALL = 16,  /* descriptors, files, signals */
	FAULT_LOOP = 32,  /* setting up an event loop */
	FAULT_BREAK = 64, /* what a signal breaks, or lasts for a moment */
	FAULT_KINDS = 7
};

/* As FAULT_WRAP(), for what says by -1 and errno that it has failed. */
#define CALLS_WRAP(type, name, error, parameters, arguments)                   \
	type __real_##name parameters;                                         \
	type __wrap_##name parameters;                                         \
	type __wrap_##name parameters                                          \
	{                                                                      \
		if (fault_now(FAULT_CALL)) {                                   \
			errno = (error);                                       \
			return -1;                                             \
		}                                                              \
		return __real_##name arguments;                                \
	}

/* The same, for what may also be broken by a signal. */
#define CALLS_WRAP_BROKEN(type, name, error, parameters, arguments)            \
	type __real_##name parameters;                                         \
	type __wrap_##name parameters;                                         \
	type __wrap_##name parameters                                          \
	{                                                                      \
		if (fault_now(FAULT_BREAK)) {                                  \
			errno = EINTR;                                         \
			return -1;                                             \
		}                                                              \
		if (fault_now(FAULT_CALL)) {                                   \
			errno = (error);                                       \
			return -1;                                             \
		}                                                              \
		return __real_##name arguments;                                \
	}

CALLS_WRAP(int, sigaction, EINVAL,
	   (int number, const struct sigaction *to, struct sigaction *from),
	   (number, to, from))
CALLS_WRAP(long, sysconf, EINVAL, (int name), (name))
CALLS_WRAP(int, isatty, ENOTTY, (int fd), (fd))
FAULT_WRAP(int, pthread_attr_getstack, FAULT_CALL, EINVAL,
	   (const pthread_attr_t *attr, void **low, size_t *size),
	   (attr, low, size))
FAULT_WRAP(int, pthread_setaffinity_np, FAULT_CALL, EINVAL,
	   (pthread_t thread, size_t size, const cpu_set_t *mask),
	   (thread, size, mask))
FAULT_WRAP(int, pthread_setname_np, FAULT_CALL, EIO,
	   (pthread_t thread, const char *name), (thread, name))

CALLS_WRAP_BROKEN(int, poll, ENOMEM, (struct pollfd * fds, nfds_t n, int ms),
		  (fds, n, ms))
CALLS_WRAP_BROKEN(int, ppoll, ENOMEM,
		  (struct pollfd * fds, nfds_t n, const struct timespec *time,
		   const sigset_t *mask),
		  (fds, n, time, mask))
CALLS_WRAP_BROKEN(ssize_t, recv, ENOMEM,
		  (int fd, void *to, size_t size, int flags),
		  (fd, to, size, flags))
CALLS_WRAP_BROKEN(ssize_t, send, ENOBUFS,
		  (int fd, const void *from, size_t size, int flags),
		  (fd, from, size, flags))
CALLS_WRAP_BROKEN(int, accept, EMFILE,
		  (int fd, struct sockaddr *address, socklen_t *length),
		  (fd, address, length))
CALLS_WRAP_BROKEN(int, flock, ENOLCK, (int fd, int operation), (fd, operation))
CALLS_WRAP(int, getsockopt, ENOBUFS,
	   (int fd, int level, int name, void *value, socklen_t *length),
	   (fd, level, name, value, length))

int __real_connect(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);

/* Broken, a connection that was begun goes on. */
int
__wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	int rc;

	if (fault_now(FAULT_CALL)) {
		errno = ENETUNREACH;
		return -1;
	}
	rc = __real_connect(fd, address, length);
	if (rc != 0 && errno == EINPROGRESS && fault_now(FAULT_BREAK)) {
		errno = EINTR;
	}
	return rc;
}

ssize_t __real_write(int fd, const void *from, size_t size);
ssize_t __wrap_write(int fd, const void *from, size_t size);

/* Not what makes an eventfd readable. */
ssize_t
__wrap_write(int fd, const void *from, size_t size)
{
	bool broken = size != sizeof(uint64_t) && fault_now(FAULT_BREAK);

	if (broken || (size != sizeof(uint64_t) && fault_now(FAULT_CALL))) {
		errno = broken ? EINTR : EIO;
		return -1;
	}
	return __real_write(fd, from, size);
}

int __real_clock_nanosleep(clockid_t clock, int flags,
			   const struct timespec *time, struct timespec *left);
int __wrap_clock_nanosleep(clockid_t clock, int flags,
			   const struct timespec *time, struct timespec *left);

int
__wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
		       struct timespec *left)
{
	if (fault_now(FAULT_BREAK)) {
		return EINTR;
	}
	return __real_clock_nanosleep(clock, flags, time, left);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
	va_end(args);
	if (fault_now(FAULT_CALL)) {
		errno = EMFILE;
		return -1;
	}
	return __real_open(path, flags, mode);
}

/* Nothing is made with it. */
int
__wrap_openat(int dir, const char *path, int flags, ...)
{
	if (fault_now(FAULT_CALL)) {
		errno = EMFILE;
		return -1;
	}
	return __real_openat(dir, path, flags);
}

int
__wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	int value;

	va_start(args, command);
	value = command == F_GETFD || command == F_GETFL ? 0
							 : va_arg(args, int);
	va_end(args);
	/* To ask what is so cannot fail. */
	if ((command == F_DUPFD_CLOEXEC || command == F_SETFL) &&
	    fault_now(FAULT_CALL)) {
		errno = command == F_DUPFD_CLOEXEC ? EMFILE : EPERM;
		return -1;
	}
	return __real_fcntl(fd, command, value);
}

/*
 * As a sandbox that does not let it through.  But the fence itself can only be
 * out of memory, which does not last.
 */
long
__wrap_syscall(long number, ...)
{
	va_list args;
	long a;
	long b;
	long c;
	long d;

	if (number == SYS_gettid) {
		return __real_syscall(number); /* the test's own */
	}
	va_start(args, number);
	a = va_arg(args, long);
	b = va_arg(args, long);
	c = number == SYS_pidfd_open ? 0 : va_arg(args, long);
	d = number == SYS_pidfd_send_signal ? va_arg(args, long) : 0;
	va_end(args);
	if (number == SYS_membarrier && a == MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
		if (fault_now(FAULT_BREAK)) {
			errno = ENOMEM;
			return -1;
		}
	} else if (fault_now(FAULT_CALL)) {
		errno = EPERM;
		return -1;
	}
	return __real_syscall(number, a, b, c, d);
}

#endif
