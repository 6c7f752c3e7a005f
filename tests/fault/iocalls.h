/* SPDX-License-Identifier: MIT */
/*
 * iocalls.h - what libtaskpar-io calls beside the rest of the library: epoll,
 * sockets, pipes, processes, files, and setting libuv up.
 *
 * What is replaced here is named in IO_WRAPS in Makefile.am.  What libuv calls
 * itself is not: it is a library of others, and its functions fail as a whole.
 */
#ifndef FAULT_IOCALLS_H
#define FAULT_IOCALLS_H

#include "calls.h"

#include <netdb.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <uv.h>

CALLS_WRAP(int, epoll_create1, EMFILE, (int flags), (flags))
CALLS_WRAP(int, pipe2, EMFILE, (int made[2], int flags), (made, flags))
CALLS_WRAP(int, socket, EMFILE, (int domain, int type, int protocol),
	   (domain, type, protocol))
CALLS_WRAP(int, bind, EADDRINUSE,
	   (int fd, const struct sockaddr *address, socklen_t length),
	   (fd, address, length))
CALLS_WRAP(int, listen, EADDRINUSE, (int fd, int backlog), (fd, backlog))
CALLS_WRAP(int, setsockopt, ENOBUFS,
	   (int fd, int level, int name, const void *value, socklen_t length),
	   (fd, level, name, value, length))
CALLS_WRAP_BROKEN(int, accept4, EMFILE,
		  (int fd, struct sockaddr *address, socklen_t *length,
		   int flags),
		  (fd, address, length, flags))
CALLS_WRAP_BROKEN(ssize_t, pread, EIO,
		  (int fd, void *to, size_t size, off_t offset),
		  (fd, to, size, offset))
CALLS_WRAP_BROKEN(ssize_t, pwrite, ENOSPC,
		  (int fd, const void *from, size_t size, off_t offset),
		  (fd, from, size, offset))
CALLS_WRAP(int, fstat, EIO, (int fd, struct stat *status), (fd, status))
CALLS_WRAP_BROKEN(int, waitid, ECHILD,
		  (idtype_t type, id_t id, siginfo_t *info, int options),
		  (type, id, info, options))
FAULT_WRAP(int, posix_spawnp, FAULT_CALL, EAGAIN,
	   (pid_t * pid, const char *path,
	    const posix_spawn_file_actions_t *files,
	    const posix_spawnattr_t *attributes, char *const argv[],
	    char *const env[]),
	   (pid, path, files, attributes, argv, env))
FAULT_WRAP(int, posix_spawn_file_actions_init, FAULT_CALL, ENOMEM,
	   (posix_spawn_file_actions_t * files), (files))
FAULT_WRAP(int, posix_spawn_file_actions_addopen, FAULT_CALL, ENOMEM,
	   (posix_spawn_file_actions_t * files, int fd, const char *path,
	    int flags, mode_t mode),
	   (files, fd, path, flags, mode))
FAULT_WRAP(int, posix_spawn_file_actions_adddup2, FAULT_CALL, ENOMEM,
	   (posix_spawn_file_actions_t * files, int from, int to),
	   (files, from, to))
FAULT_WRAP(int, posix_spawnattr_init, FAULT_CALL, ENOMEM,
	   (posix_spawnattr_t * attributes), (attributes))
FAULT_WRAP(int, getaddrinfo, FAULT_CALL, EAI_MEMORY,
	   (const char *host, const char *port, const struct addrinfo *hints,
	    struct addrinfo **list),
	   (host, port, hints, list))
FAULT_WRAP(char *, strndup, FAULT_MEMORY, NULL, (const char *text, size_t n),
	   (text, n))

/* It can only be broken: it needs no memory. */
int __real_epoll_wait(int set, struct epoll_event *events, int n, int ms);
int __wrap_epoll_wait(int set, struct epoll_event *events, int n, int ms);

int
__wrap_epoll_wait(int set, struct epoll_event *events, int n, int ms)
{
	if (fault_now(FAULT_BREAK)) {
		errno = EINTR;
		return -1;
	}
	return __real_epoll_wait(set, events, n, ms);
}

/* To take one out of the set does not fail: it is there. */
int __real_epoll_ctl(int set, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int set, int op, int fd, struct epoll_event *event);

int
__wrap_epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && fault_now(FAULT_CALL)) {
		errno = ENOSPC;
		return -1;
	}
	return __real_epoll_ctl(set, op, fd, event);
}

FAULT_WRAP(int, uv_loop_init, FAULT_LOOP, UV_EMFILE, (uv_loop_t * loop), (loop))
FAULT_WRAP(int, uv_async_init, FAULT_LOOP, UV_ENOMEM,
	   (uv_loop_t * loop, uv_async_t *async, uv_async_cb call),
	   (loop, async, call))
FAULT_WRAP(int, uv_poll_init, FAULT_LOOP, UV_ENOMEM,
	   (uv_loop_t * loop, uv_poll_t *poll, int fd), (loop, poll, fd))
FAULT_WRAP(int, uv_poll_start, FAULT_LOOP, UV_ENOMEM,
	   (uv_poll_t * poll, int events, uv_poll_cb call),
	   (poll, events, call))

#endif
