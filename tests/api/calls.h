/* SPDX-License-Identifier: MIT */
/*
 * calls.h - each call that blocks, with what it blocks on.
 */
#ifndef CALLS_H
#define CALLS_H

#include "sleepers.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/un.h>
#include <taskpar/syscalls.h>

static long
call_read(struct sleeper *self)
{
	char byte;

	return tpar_read(self->fd[0], &byte, 1);
}

static long
call_write(struct sleeper *self)
{
	static const char much[1 << 20];

	/* Until nothing goes in any more. */
	while (tpar_write(self->fd[1], much, sizeof much) > 0) {
	}
	return -1;
}

static long
call_accept(struct sleeper *self)
{
	return tpar_accept(self->fd[0], NULL, NULL);
}

static long
call_poll(struct sleeper *self)
{
	struct pollfd one = { self->fd[0], POLLIN, 0 };

	return tpar_poll(&one, 1, -1);
}

static long
call_flock(struct sleeper *self)
{
	return tpar_flock(self->fd[1], LOCK_EX);
}

static void
set_address(struct sockaddr_un *address, const char *path)
{
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	strncpy(address->sun_path, path, sizeof address->sun_path - 1);
}

static char path[64];

static void
open_listener(struct sleeper *sleeper)
{
	struct sockaddr_un address;

	snprintf(path, sizeof path, "/tmp/taskpar-test-%ld", (long)getpid());
	(void)unlink(path);
	set_address(&address, path);
	sleeper->fd[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	UNIT_MUST(sleeper->fd[0] >= 0);
	UNIT_MUST(bind(sleeper->fd[0], (struct sockaddr *)&address,
		       sizeof address) == 0);
	UNIT_MUST(listen(sleeper->fd[0], 0) == 0);
}

static int
connect_again(int fd)
{
	struct sockaddr_un address;

	set_address(&address, path);
	return tpar_connect(fd, (struct sockaddr *)&address, sizeof address);
}

/* As often as nobody accepts it. */
static long
call_connect(struct sleeper *self)
{
	int fd[64];
	int n = 0;
	int rc = 0;
	int error;

	while (rc == 0 && n < 64) {
		fd[n] = socket(AF_UNIX, SOCK_STREAM, 0);
		UNIT_MUST(fd[n] >= 0);
		rc = connect_again(fd[n++]);
	}
	error = errno;
	while (n > 0) {
		UNIT_MUST(close(fd[--n]) == 0);
	}
	(void)self;
	errno = error;
	return rc;
}

static void
open_locked(struct sleeper *sleeper)
{
	FILE *file = tmpfile();

	UNIT_MUST(file != NULL);
	sleeper->fd[0] = dup(fileno(file));
	snprintf(path, sizeof path, "/proc/self/fd/%d", sleeper->fd[0]);
	sleeper->fd[1] = open(path, O_RDWR);
	UNIT_MUST(sleeper->fd[1] >= 0 && fclose(file) == 0);
	UNIT_MUST(flock(sleeper->fd[0], LOCK_EX) == 0);
}

static const struct {
	long (*call)(struct sleeper *self);
	void (*open)(struct sleeper *sleeper);
} calls[] = {
	{ call_read, sleeper_silent },	 { call_read, sleeper_pipe },
	{ call_write, sleeper_silent },	 { call_write, sleeper_pipe },
	{ call_poll, sleeper_silent },	 { call_accept, open_listener },
	{ call_connect, open_listener }, { call_flock, open_locked },
};

enum { CALLS = sizeof calls / sizeof calls[0] };

static struct sleeper
make(int i)
{
	struct sleeper sleeper = sleeper_of(calls[i].call);

	calls[i].open(&sleeper);
	return sleeper;
}

#endif
