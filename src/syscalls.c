/* SPDX-License-Identifier: MIT */
/*
 * syscalls.c - system calls that the cancel of the calling task ends.
 *
 * Each is tried without blocking first, where it has such a form.  If it would
 * block, the place of the task is handed over, a region is begun,
 * and the thread sleeps in ppoll() (sleeper.h).  What is left to block in is the
 * call itself, when somebody else was faster, and those that poll() says nothing
 * of (connect, flock, a long write to a pipe).
 *
 * Also what does not block may be broken by a signal: poll() by one that comes at
 * its begin, a socket with a lock of its own (TLS), a file system in user space.
 */
#include "config.h"

#include "die.h"
#include "sleeper.h"

#include <taskpar/blocking.h>
#include <taskpar/syscalls.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#ifdef MSG_NOSIGNAL
#define NO_SIGNAL MSG_NOSIGNAL
#else
#define NO_SIGNAL 0
#endif

/* ---- read ---------------------------------------------------------------- */

/* The call itself. */
static ssize_t
read_now(int fd, void *buffer, size_t size)
{
	ssize_t n;

	/* ENDS: signals come but now and then. */
	do {
		n = read(fd, buffer, size);
	} while (n < 0 && tpi_sleeper_broken());
	return n;
}

/* Sleeps in what follows: poll() does not know when fd is ready. */
static bool
begin_blindly(struct tpi_sleeper *s)
{
	return tpi_sleeper_begin(s) && !tpi_sleeper_asked();
}

/* A terminal may be set to return without input, or after a time of its own. */
static bool
await_input(struct tpi_sleeper *s, int fd)
{
	return isatty(fd) ? begin_blindly(s) : tpi_sleeper_await(s, fd, POLLIN);
}

static ssize_t
read_other(int fd, void *buffer, size_t size)
{
	struct tpi_sleeper s = { .begun = false };
	ssize_t n = -1;

	if (tpi_sleeper_declines(fd, O_WRONLY)) {
		return read_now(fd, buffer, size);
	}
	/* ENDS: a signal that was none of ours comes but now and then. */
	while (await_input(&s, fd)) {
		tpi_sleeper_let_through(&s);
		n = read(fd, buffer, size);
		tpi_sleeper_hold_back();
		if (n >= 0 || errno != EINTR) {
			break;
		}
	}
	tpi_sleeper_end(&s);
	return n;
}

static ssize_t
read_socket(int fd, void *buffer, size_t size)
{
	struct tpi_sleeper s = { .begun = false };
	ssize_t n;

	do {
		n = recv(fd, buffer, size, MSG_DONTWAIT);
		/* ENDS: it is ready, and nobody else was faster. */
	} while (n < 0 && (tpi_sleeper_broken() ||
			   (tpi_sleeper_would_block() &&
			    !tpi_sleeper_declines(fd, O_WRONLY) &&
			    tpi_sleeper_await(&s, fd, POLLIN))));
	tpi_sleeper_end(&s);
	return n;
}

ssize_t
tpar_read(int fd, void *buffer, size_t size)
{
	int saved = errno;
	ssize_t n;

	if (!tpi_sleeper_in_task()) {
		return read(fd, buffer, size);
	}
	if (tpi_sleeper_asked()) {
		return -1;
	}
	if (size == 0) {
		return read_now(fd, buffer, size);
	}
	n = read_socket(fd, buffer, size);
	if (n < 0 && errno == ENOTSOCK) {
		n = read_other(fd, buffer, size);
	}
	if (n >= 0) {
		errno = saved;
	}
	return n;
}

/* ---- write --------------------------------------------------------------- */

/* SIGPIPE is blocked meanwhile, and taken away if the call has raised it. */
struct quiet {
	sigset_t mask;
	bool pending; /* before */
};

static void
only_sigpipe(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGPIPE);
}

static void
quiet_begin(struct quiet *quiet)
{
	sigset_t pipes;

	only_sigpipe(&pipes);
	(void)sigpending(&quiet->mask);
	quiet->pending = sigismember(&quiet->mask, SIGPIPE) > 0;
	TPI_CHECK(pthread_sigmask(SIG_BLOCK, &pipes, &quiet->mask) == 0);
}

static void
quiet_end(struct quiet *quiet, bool may_have_raised)
{
	static const struct timespec at_once = { 0, 0 };
	int saved = errno;
	sigset_t pipes;

	if (may_have_raised && !quiet->pending) {
		only_sigpipe(&pipes);
		/* ENDS: nobody keeps it from being taken for long. */
		while (sigtimedwait(&pipes, NULL, &at_once) < 0 &&
		       errno == EINTR) {
		}
	}
	/* Of SIGPIPE only, as the rest may have changed. */
	if (sigismember(&quiet->mask, SIGPIPE) == 0) {
		only_sigpipe(&pipes);
		TPI_CHECK(pthread_sigmask(SIG_UNBLOCK, &pipes, NULL) == 0);
	}
	errno = saved;
}

/* The call itself. */
static ssize_t
write_now(int fd, const void *buffer, size_t size)
{
	ssize_t n;

	/* ENDS: as in read_now(). */
	do {
		n = write(fd, buffer, size);
	} while (n < 0 && tpi_sleeper_broken());
	return n;
}

/* In a task, unless it does not wait: then it is the call itself. */
static ssize_t
write_sleeping(int fd, const void *buffer, size_t size)
{
	struct tpi_sleeper s = { .begun = false };
	ssize_t n = -1;

	/* ENDS: as in read_other(). */
	while (tpi_sleeper_await(&s, fd, POLLOUT)) {
		tpi_sleeper_let_through(&s);
		n = write(fd, buffer, size);
		tpi_sleeper_hold_back();
		if (n >= 0 || errno != EINTR) {
			break;
		}
	}
	tpi_sleeper_end(&s);
	return n;
}

static ssize_t
write_other(int fd, const void *buffer, size_t size)
{
	struct quiet quiet;
	ssize_t n;

	quiet_begin(&quiet);
	n = !tpi_sleeper_in_task() || size == 0 ||
			    tpi_sleeper_declines(fd, O_RDONLY)
		    ? write_now(fd, buffer, size)
		    : write_sleeping(fd, buffer, size);
	/* A pipe whose reader goes in the middle says how much it has taken. */
	quiet_end(&quiet, n < 0 ? errno == EPIPE : (size_t)n < size);
	return n;
}

static bool
await_room(struct tpi_sleeper *s, int fd)
{
	return !tpi_sleeper_declines(fd, O_RDONLY) &&
	       tpi_sleeper_await(s, fd, POLLOUT);
}

static ssize_t
write_socket(int fd, const char *buffer, size_t size)
{
	struct tpi_sleeper s = { .begun = false };
	size_t done = 0;
	ssize_t n;

	/* ENDS: all is written, or there is an error. */
	do {
		n = send(fd, buffer + done, size - done,
			 MSG_DONTWAIT | NO_SIGNAL);
		done += n >= 0 ? (size_t)n : 0;
	} while (n < 0 ? tpi_sleeper_broken() || (tpi_sleeper_would_block() &&
						  await_room(&s, fd))
		       : done < size && await_room(&s, fd));
	tpi_sleeper_end(&s);
	return done > 0 ? (ssize_t)done : n;
}

ssize_t
tpar_write(int fd, const void *buffer, size_t size)
{
	int saved = errno;
	ssize_t n;

	if (tpi_sleeper_in_task() && tpi_sleeper_asked()) {
		return -1;
	}
	if (!tpi_sleeper_in_task() || size == 0 || NO_SIGNAL == 0) {
		return write_other(fd, buffer, size);
	}
	n = write_socket(fd, buffer, size);
	if (n < 0 && errno == ENOTSOCK) {
		n = write_other(fd, buffer, size);
	}
	if (n >= 0) {
		errno = saved;
	}
	return n;
}

/* ---- accept, connect, poll, flock ---------------------------------------- */

/*
 * Sleeps until there is a connection.  poll() never says anything of what does
 * not listen, or does not say that it does: accept() itself knows.
 */
static bool
await_connection(struct tpi_sleeper *s, int fd)
{
	int listens = 0;
	socklen_t length = sizeof listens;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 &&
	    listens != 0) {
		return tpi_sleeper_await(s, fd, POLLIN);
	}
	return begin_blindly(s);
}

/* The call itself. */
static int
accept_now(int fd, struct sockaddr *address, socklen_t *length)
{
	int got;

	/* ENDS: as in read_now(). */
	do {
		got = accept(fd, address, length);
	} while (got < 0 && tpi_sleeper_broken());
	return got;
}

int
tpar_accept(int fd, struct sockaddr *address, socklen_t *length)
{
	struct tpi_sleeper s = { .begun = false };
	int got = -1;

	if (tpi_sleeper_in_task() && tpi_sleeper_asked()) {
		return -1;
	}
	if (!tpi_sleeper_in_task() || tpi_sleeper_declines(fd, O_RDONLY)) {
		return accept_now(fd, address, length);
	}
	/* ENDS: as in read_other(). */
	while (await_connection(&s, fd)) {
		tpi_sleeper_let_through(&s);
		got = accept(fd, address, length);
		tpi_sleeper_hold_back();
		if (got >= 0 || errno != EINTR) {
			break;
		}
	}
	tpi_sleeper_end(&s);
	return got;
}

/* After the first call of connect() was broken: how did it end? */
static int
await_connected(struct tpi_sleeper *s, int fd)
{
	int error = 0;
	socklen_t length = sizeof error;

	if (!tpi_sleeper_await(s, fd, POLLOUT)) {
		/* connect() has a name of its own for the end of its time. */
		if (tpi_sleeper_would_block()) {
			errno = EINPROGRESS;
		}
		return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
		return -1;
	}
	errno = error;
	return error == 0 ? 0 : -1;
}

int
tpar_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	struct tpi_sleeper s = { .begun = false };
	int saved = errno;
	bool broken = false;
	int rc = -1;

	if (tpi_sleeper_in_task() && tpi_sleeper_asked()) {
		return -1;
	}
	if (!tpi_sleeper_in_task() || tpi_sleeper_declines(fd, O_RDONLY)) {
		return connect(fd, address, length);
	}
	if (!tpi_sleeper_begin(&s)) {
		return -1;
	}
	tpi_sleeper_time(&s, fd, POLLOUT);
	/* ENDS: as in read_other(). */
	while (!tpi_sleeper_asked()) {
		tpi_sleeper_let_through(&s);
		rc = connect(fd, address, length);
		tpi_sleeper_hold_back();
		if (rc == 0 || errno != EINTR) {
			break;
		}
		broken = true;
	}
	if (rc < 0 && broken && errno == EISCONN) {
		rc = 0;
	} else if (rc < 0 && broken && errno == EALREADY) {
		rc = await_connected(&s, fd);
	}
	tpi_sleeper_end(&s);
	if (rc == 0) {
		errno = saved;
	}
	return rc;
}

int
tpar_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct tpi_sleeper s = { .begun = false };
	int ready;

	if (!tpi_sleeper_in_task()) {
		return poll(fds, n, timeout_ms);
	}
	if (tpi_sleeper_asked()) {
		return -1;
	}
	/* ENDS: as in read_now(). */
	do {
		ready = poll(fds, n, 0);
	} while (ready < 0 && tpi_sleeper_broken());
	if (ready != 0 || timeout_ms == 0) {
		return ready;
	}
	if (!tpi_sleeper_begin(&s)) {
		return -1;
	}
	ready = tpi_sleeper_poll(
		&s, fds, n,
		timeout_ms < 0 ? TPAR_FOREVER
			       : tpar_in(timeout_ms * TPAR_MILLISECOND));
	tpi_sleeper_end(&s);
	return ready;
}

/* Also in a task that was asked to stop. */
static int
unlock(int fd, int operation)
{
	int rc;

	/* ENDS: as in read_now(). */
	do {
		rc = flock(fd, operation);
	} while (rc != 0 && errno == EINTR);
	return rc;
}

int
tpar_flock(int fd, int operation)
{
	struct tpi_sleeper s = { .begun = false };
	int saved = errno;
	int rc;

	if (!tpi_sleeper_in_task()) {
		return flock(fd, operation);
	}
	if ((operation & LOCK_UN) != 0) {
		return unlock(fd, operation);
	}
	if (tpi_sleeper_asked()) {
		return -1;
	}
	/* ENDS: as in read_now(). */
	do {
		rc = flock(fd, operation | LOCK_NB);
	} while (rc != 0 && tpi_sleeper_broken());
	if (rc == 0 || !tpi_sleeper_would_block() ||
	    (operation & LOCK_NB) != 0 || !tpi_sleeper_begin(&s)) {
		return rc;
	}
	/* ENDS: as in read_other(). */
	while (!tpi_sleeper_asked()) {
		tpi_sleeper_let_through(&s);
		rc = flock(fd, operation);
		tpi_sleeper_hold_back();
		if (rc == 0 || errno != EINTR) {
			break;
		}
	}
	tpi_sleeper_end(&s);
	if (rc == 0) {
		errno = saved;
	}
	return rc;
}
