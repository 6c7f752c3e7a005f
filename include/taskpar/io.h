/* SPDX-License-Identifier: MIT */
/*
 * io.h - libtaskpar-io, a library of its own: futures for times, descriptors,
 * files, sockets, names, processes and signals.
 *
 *     cc prog.c $(pkg-config --cflags --libs taskpar-io)
 *
 * Each call starts something and gives a future for it, which goes into the same
 * gathers as those of tasks.  It ends once: done, with a value; failed, with an
 * errno value as its code and a message that names the thing ("connecting to
 * 127.0.0.1:9: Connection refused"); or cancelled, by tpar_future_cancel(), a
 * deadline (tpar_future_cancel_at()), or a set that has failed.  Then the
 * operation has been stopped, and what it had is freed.
 *
 * One thread of the library, started on first use, waits for all of them, and
 * ends most: callbacks (tpar_future_on_done()) and drop functions run on it then.
 * They must not block; they may make any call of this header but
 * tpar_io_shutdown().  doc/IO.md says what runs where.
 *
 * No call here waits, unless it says so.  In the child of a fork nothing of the
 * parent goes on: a future of before that has not ended never will, unless it is
 * cancelled.  The first call in the child starts anew.
 */
#ifndef TASKPAR_IO_H
#define TASKPAR_IO_H

#include <stdbool.h>
#include <sys/socket.h>
#include <taskpar/base.h>

/* What a descriptor is ready for. */
#define TPAR_IO_READABLE 1u
#define TPAR_IO_WRITABLE 2u
/* Never asked for, always told. */
#define TPAR_IO_HANGUP 4u
#define TPAR_IO_ERROR 8u

/**
 * tpar_io_timer - a future that is done at a time.
 *
 * Never before, and about a millisecond late at most if the machine is idle.
 *
 * Units:     deadline_ns, see base.h; one that has passed is done soon.
 * Shapes:    no value.
 * Ownership: *f is a handle of the caller's.
 * Threads:   any.  A cancel ends it at once.
 * Errors:    TPAR_EINVAL (f NULL, TPAR_FOREVER), TPAR_ENOMEM, TPAR_EAGAIN (the
 *            thread cannot be started).  On error *f is untouched.
 * Source:    asyncio.sleep().
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_io_timer(int64_t deadline_ns,
						    tpar_future **f);

/**
 * tpar_io_ready - a future that is done when a descriptor is ready.
 *
 * Any that poll() can wait for; any number of futures for one descriptor, which
 * is neither read nor written, nor changed in any way.
 *
 * Shapes:    events: TPAR_IO_READABLE, TPAR_IO_WRITABLE or both.  The value is an
 *            unsigned: those that are there, and TPAR_IO_HANGUP, TPAR_IO_ERROR,
 *            which may also come alone.
 * Ownership: *f is a handle of the caller's.  The descriptor stays the caller's,
 *            who closes it by tpar_io_close() if a future may still wait for it.
 * Threads:   any.  A cancel ends it at once.
 * Errors:    as tpar_io_timer(); TPAR_EINVAL for fd < 0 and for other events.
 *            The future fails with EPERM (a regular file or a directory, which
 *            is always ready), EBADF (not open, or closed meanwhile), ENOSPC
 *            (fs.epoll.max_user_watches).
 * Source:    asyncio's add_reader(), as a future.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_io_ready(int fd, unsigned events,
						    tpar_future **f);

/**
 * tpar_io_close - close a descriptor that futures may be waiting for.
 *
 * They fail with EBADF, before the number can be used again.  A plain close() is
 * noticed, too, but only when the number is used here again, or half a second
 * later; and until then, if somebody else has the same file open still (dup(), a
 * child), a read or write under way may go to the file that got the number.
 *
 * Threads: any.
 * Errors:  TPAR_EINVAL (it is not open), TPAR_EFAILED (it is closed, but what was
 *          written may be lost); tpar_error_detail() has the reason.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_io_close(int fd);

/* One address; `length` bytes of it count. */
struct tpar_io_address {
	unsigned length;
	struct sockaddr_storage storage;
};

/* Those of a name, best first. */
struct tpar_io_addresses {
	size_t count;
	struct tpar_io_address *address;
};

/**
 * tpar_io_resolve - look a name up.
 *
 * getaddrinfo(), as a blocking task of the pool that NULL means here (pool.h).  It
 * cannot be interrupted: after a cancel it is left behind, and the future ends at
 * once.
 *
 * Shapes:    port: a number or the name of a service; NULL: 0.  The value is a
 *            struct tpar_io_addresses, which is freed with the future; who takes
 *            it frees `address`.
 * Ownership: the strings are copied.  *f is a handle of the caller's.
 * Threads:   any.  A cancel ends it at once.
 * Errors:    as tpar_io_timer(), and those of tpar_submit(); TPAR_EINVAL for NULL
 *            and a port beyond 65535.  The future fails with ENOENT (there is no
 *            such name), EAGAIN (try again), EINVAL (no such service) or what
 *            the system says.
 * Source:    loop.getaddrinfo().
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_io_resolve(const char *host, const char *port, tpar_future **f);

/**
 * tpar_io_connect - connect to HOST:PORT, [HOST]:PORT or unix:PATH.
 *
 * The addresses of a name are tried one after the other.  unix:@NAME is a Linux
 * address that is in no directory.
 *
 * Shapes:    the value is an int: a descriptor with O_NONBLOCK and FD_CLOEXEC.
 * Ownership: the string is copied.  *f is a handle of the caller's.  The
 *            descriptor is closed with the future, unless it is taken, by
 *            tpar_future_take() or with the values of a gather.
 * Threads:   any.
 * Errors:    as tpar_io_resolve(); TPAR_EINVAL for an address of another form.
 *            The future fails with what the system says about the last address:
 *            ECONNREFUSED, ETIMEDOUT, EMFILE...
 * Source:    asyncio.open_connection().
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_io_connect(const char *address,
						      tpar_future **f);

/**
 * tpar_io_listen - listen on HOST:PORT, *:PORT or unix:PATH.
 *
 * With port 0 the system chooses one: getsockname().  SO_REUSEADDR is set.
 *
 * Shapes:    backlog: as for listen(2), at least 1.  The value as that of
 *            tpar_io_connect().
 * Ownership: as tpar_io_connect().
 * Threads:   any.
 * Errors:    as tpar_io_connect(): EADDRINUSE, EACCES...
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_io_listen(const char *address, int backlog, tpar_future **f);

/**
 * tpar_io_accept - take the next connection of a socket that listens.
 *
 * Shapes:    the value as that of tpar_io_connect().
 * Ownership: as tpar_io_connect().  A connection that was taken when a cancel
 *            comes is not lost: the future is done.
 * Threads:   any; several at once are served in their order.
 * Errors:    as tpar_io_read().  The future fails with EMFILE, EINVAL (it does
 *            not listen), EBADF...
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_io_accept(int fd, tpar_future **f);

/**
 * tpar_io_read - read some bytes, as soon as there are any.
 *
 * From what can be waited for, with O_NONBLOCK.  For regular files: tpar_io_pread().
 *
 * Shapes:    size > 0.  The value is a size_t: bytes read, at most `size`, 0 at
 *            the end.
 * Ownership: the buffer is the caller's, and the library's until the future has
 *            ended, however: it is not touched afterwards.  Bytes that were read
 *            when a cancel comes are not lost: the future is done.
 * Threads:   any; several for one descriptor are served in their order.
 * Errors:    as tpar_io_ready(); TPAR_EINVAL also for size 0, NULL, and a
 *            descriptor that may block.  The future fails with ECONNRESET, EPERM
 *            (a regular file), EBADF...
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_io_read(int fd, void *buffer, size_t size, tpar_future **f);

/**
 * tpar_io_write - write all of some bytes.
 *
 * To what can be waited for, with O_NONBLOCK.  For regular files: tpar_io_pwrite().
 *
 * Shapes:    size may be 0.  The value is a size_t: `size`.
 * Ownership: the data is the caller's, who leaves it as it is until the future
 *            has ended, however.
 * Threads:   any; several for one descriptor are served in their order, and not
 *            mixed up.
 * Errors:    as tpar_io_read().  The future fails with EPIPE (nobody reads it any
 *            more; no SIGPIPE is ever sent), ECONNRESET...  When it has failed or
 *            was cancelled some of the bytes may have been written.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_io_write(int fd, const void *data, size_t size, tpar_future **f);

/**
 * tpar_io_pread - read from a place in a file, until `size` or its end.
 *
 * A blocking task (blocking.h) of the pool; so are the three calls that follow.
 * It stops for a cancel after each MiB, not in a system call.
 *
 * Shapes:    offset >= 0.  The value is a size_t: bytes read.
 * Ownership: the buffer is the caller's, and the task's until it has ended.
 * Threads:   any.
 * Errors:    TPAR_EINVAL (NULL, fd or offset below 0), and those of
 *            tpar_submit().  The future fails with EBADF, EISDIR, EIO...
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_io_pread(tpar_pool *pool, int fd,
						    void *buffer, size_t size,
						    int64_t offset,
						    tpar_future **f);

/**
 * tpar_io_pwrite - write all of some bytes to a place in a file.
 *
 * Shapes:    as tpar_io_pread(); the value is `size`.
 * Ownership: the data is the caller's, who leaves it as it is until the future
 *            has ended.
 * Threads:   any.
 * Errors:    as tpar_io_pread(); ENOSPC, EFBIG, ESPIPE...  When it has failed
 *            or was cancelled some of the bytes may have been written.
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_io_pwrite(tpar_pool *pool, int fd, const void *data, size_t size,
	       int64_t offset, tpar_future **f);

/* What was read: `size` bytes, and a zero behind them that does not count. */
struct tpar_io_data {
	char *data;
	size_t size;
};

/**
 * tpar_io_read_file - read a whole file into memory.
 *
 * Shapes:    the value is a struct tpar_io_data, which is freed with the future;
 *            who takes it frees `data`.
 * Ownership: the path is copied.
 * Threads:   any.
 * Errors:    as tpar_io_pread(); ENOENT, EACCES, EISDIR, ENOMEM...
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_io_read_file(tpar_pool *pool, const char *path, tpar_future **f);

/**
 * tpar_io_write_file - make a file of some bytes, in place of what it has.
 *
 * Shapes:    the value is a size_t: `size`, which may be 0.
 * Ownership: the path is copied; the data as that of tpar_io_pwrite().
 * Threads:   any.
 * Errors:    as tpar_io_pwrite(); EACCES, EISDIR...
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_io_write_file(tpar_pool *pool, const char *path, const void *data,
		   size_t size, tpar_future **f);

/* Bytes of each output that are kept, if nothing else is said; and the time. */
#define TPAR_IO_CAPTURE ((size_t)1 << 20)
#define TPAR_IO_GRACE (2 * TPAR_SECOND)

/*
 * A process to be spawned; all but size and argv may stay 0.
 *
 * argv           the program and its arguments, NULL at the end; searched for in
 *                this process's PATH if it has no slash.
 * env            NULL: that of this process.
 * cwd            where it runs; NULL: here.
 * input          what it reads from its standard input, input_size bytes; none:
 *                /dev/null.  Not copied: it is left as it is until the future
 *                has ended.
 * capture_limit  bytes that are kept of its output, and of its errors; what is
 *                beyond is thrown away.  0: TPAR_IO_CAPTURE.
 * grace_ns       how long after SIGTERM, which a cancel sends, SIGKILL follows.
 *                0: TPAR_IO_GRACE.
 */
struct tpar_io_spawn {
	size_t size;
	const char *const *argv;
	const char *const *env;
	const char *cwd;
	const void *input;
	size_t input_size;
	size_t capture_limit;
	int64_t grace_ns;
};

#define TPAR_IO_SPAWN_INIT                                                     \
	{                                                                      \
		sizeof(struct tpar_io_spawn), NULL, NULL, NULL, NULL, 0, 0, 0  \
	}

/*
 * How a process has ended.
 *
 * code       its exit status; -1: by a signal.
 * signo      that signal, or 0.
 * output, errors   what it wrote, with a zero behind that does not count; NULL:
 *            nothing.
 * truncated  it wrote more than is here.
 */
struct tpar_io_exit {
	int code;
	int signo;
	char *output;
	size_t output_size;
	char *errors;
	size_t errors_size;
	bool truncated;
};

/**
 * tpar_io_spawn - run a program to its end.
 *
 * No signal is blocked or ignored in it.  Its exit status does not decide whether
 * the future is done: see the value.  Output of processes that it has left behind
 * is not waited for.  The call returns when the program has been started.
 *
 * A cancel sends SIGTERM, and SIGKILL after the grace time; the future ends, as
 * cancelled, when the process has ended.  It is always waited for, so that it is
 * no zombie, by nothing that would disturb others: no handler for SIGCHLD.
 *
 * Shapes:    the value is a struct tpar_io_exit, which is freed with the future;
 *            who takes it frees `output` and `errors`.
 * Ownership: spawn and its strings are copied, but for `input`.
 * Threads:   any.
 * Errors:    as tpar_io_timer(); TPAR_EINVAL also for a wrong size, without argv,
 *            input NULL with a size, grace_ns below 0, a capture_limit of
 *            SIZE_MAX / 2 or more.  The future fails with ENOENT (no such
 *            program or directory), EACCES, EMFILE, EAGAIN, ECHILD (somebody else
 *            has waited for it), ENOMEM (for its output).
 * Source:    Python's subprocess.run(), asyncio.create_subprocess_exec().
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err
tpar_io_spawn(const struct tpar_io_spawn *spawn, tpar_future **f);

/**
 * tpar_io_signal - a future that is done when a signal is delivered.
 *
 * From the first call for a signal on, a handler of the library is there for it,
 * with SA_RESTART, and what the signal did before it does no longer.  One that is
 * delivered while no future waits for it is kept for the next one: none is lost
 * between two calls.  When the last future that waits is cancelled, and at
 * tpar_io_shutdown(), what was there before the first call is put back.
 *
 * Shapes:    the value is an int: signo.  All futures that wait for it end at
 *            once.
 * Ownership: *f is a handle of the caller's.
 * Threads:   any.  Some thread has to leave the signal unblocked: those of
 *            libtaskpar do not.  A cancel ends it at once.
 * Errors:    as tpar_io_timer(); TPAR_EINVAL for numbers that are no signal,
 *            SIGKILL, SIGSTOP, and those that an error of a thread raises.
 * Source:    tokio::signal, Go's signal.Notify().
 * Since:     0.1
 */
TPAR_API TPAR_NODISCARD enum tpar_err tpar_io_signal(int signo,
						     tpar_future **f);

/**
 * tpar_io_shutdown - cancel what is under way, and end the library's thread.
 *
 * Returns when that has ended; the next call starts another one.  Nothing needs
 * this: a process may exit at any time.  Processes that were spawned are killed.
 *
 * Threads: any but the library's own, and not while others make their first call.
 * Errors:  TPAR_EDEADLK (called by a callback on the library's thread).
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_io_shutdown(void);

#endif
