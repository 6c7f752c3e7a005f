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
 * later.
 *
 * Threads: any.
 * Errors:  TPAR_EINVAL (it is not open), TPAR_EFAILED (it is closed, but what was
 *          written may be lost); tpar_error_detail() has the reason.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_io_close(int fd);

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
