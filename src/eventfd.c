/* SPDX-License-Identifier: MIT */
/*
 * eventfd.c - a table from futures to descriptors.
 *
 * So few futures have one that it does not stand in them.  An entry is made
 * under the lock; it is freed with its future, whose state word has HAS_FD from
 * its end on, set by the callback that makes the descriptor readable.
 */
#include "config.h"

#include "after.h"
#include "die.h"
#include "audit.h"
#include "err.h"
#include "eventfd.h"
#include "fork.h"
#include "future.h"
#include "lock.h"

#include <taskpar/promise.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef HAVE_SYS_EVENTFD_H
#include <sys/eventfd.h>
#else
#include <fcntl.h>
#endif

#define BUCKETS 64

struct entry {
	struct tpi_callback callback;
	struct entry *next; /* [m:table_lock] */
	struct tpar_future *f;
	uint32_t
		generation; /* [m:table_lock] of the process that opened them */
	int fd;		    /* to be polled */
	int feed;	    /* to be written */
};

static struct tpi_lock table_lock = TPI_LOCK_INIT(TPI_RANK_EVENTFD);
static struct entry *table[BUCKETS]; /* [m:table_lock] */

static struct entry **
bucket_of(const struct tpar_future *f)
{
	return &table[((uintptr_t)f >> 7) % BUCKETS];
}

/* 0 or an errno value. */
static int
open_pair(struct entry *entry)
{
#ifdef HAVE_SYS_EVENTFD_H
	entry->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	entry->feed = entry->fd;
	return entry->fd >= 0 ? 0 : errno;
#else
	int ends[2];

#ifdef HAVE_PIPE2
	if (pipe2(ends, O_CLOEXEC) != 0) {
		return errno;
	}
#else
	if (pipe(ends) != 0) {
		return errno;
	}
	(void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#endif
	entry->fd = ends[0];
	entry->feed = ends[1];
	return 0;
#endif
}

static void
close_pair(int fd, int feed)
{
	if (feed != fd) {
		(void)close(feed);
	}
	(void)close(fd);
}

/* The future has ended. */
static void
make_readable(struct entry *entry)
{
	uint64_t one = 1;
	ssize_t n;

	/* ENDS: a write of so little to what is empty does not wait. */
	do {
		n = write(entry->feed, &one, sizeof one);
	} while (n < 0 && errno == EINTR);
	TPI_CHECK(n == (ssize_t)sizeof one);
	tpi_state_mark_fd(&entry->f->state);
}

static void
has_ended(struct tpi_callback *callback, struct tpar_future *f)
{
	(void)f;
	make_readable(TPI_CONTAINER(callback, struct entry, callback));
}

static struct entry *
find_locked(struct tpar_future *f)
{
	struct entry *entry = *bucket_of(f);

	while (entry != NULL && entry->f != f) {
		entry = entry->next;
	}
	return entry;
}

/* Descriptors that become readable when f has ended. */
static enum tpar_err
connect(struct entry *entry, struct tpar_future *f)
{
	int error = open_pair(entry);

	if (error != 0) {
		return error == ENOMEM
			       ? tpi_err_plain(TPAR_ENOMEM)
			       : tpi_err(TPAR_EAGAIN, "no descriptor is left");
	}
	entry->f = f;
	entry->generation = tpi_fork_generation;
	if (!tpi_after(f, &entry->callback, has_ended)) {
		make_readable(entry);
	}
	return TPAR_OK;
}

static enum tpar_err
make_locked(struct tpar_future *f, struct entry **made)
{
	struct entry *entry =
		aligned_alloc(_Alignof(struct entry), sizeof *entry);
	enum tpar_err err;

	if (entry == NULL) {
		return tpi_err_plain(TPAR_ENOMEM);
	}
	err = connect(entry, f);
	if (err != TPAR_OK) {
		free(entry);
		return err;
	}
	entry->next = *bucket_of(f);
	*bucket_of(f) = entry;
	*made = entry;
	return TPAR_OK;
}

/*
 * After a fork a descriptor that nobody has made readable is the parent's; its
 * callback was forgotten, and still holds f.
 */
static enum tpar_err
renew_locked(struct entry *entry, struct tpar_future *f)
{
	int fd = entry->fd;
	int feed = entry->feed;
	enum tpar_err err;

	if (entry->generation == tpi_fork_generation ||
	    (tpi_state_get(&f->state) & (TPI_PHASE | TPI_HAS_FD)) ==
		    (TPI_ENDED | TPI_HAS_FD)) {
		return TPAR_OK;
	}
	err = connect(entry, f);
	if (err != TPAR_OK) {
		entry->fd = fd;
		entry->feed = feed;
		return err;
	}
	close_pair(fd, feed);
	tpi_future_release(f);
	return TPAR_OK;
}

enum tpar_err
tpar_future_fd(tpar_future *f, int *fd)
{
	enum tpar_err err;
	struct entry *entry;

	tpi_audit_use(f, "tpar_future_fd()");
	if (f == NULL || fd == NULL) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       f == NULL ? "f" : "fd");
	}
	tpi_fork_look(f);
	tpi_lock_enter(&table_lock);
	entry = find_locked(f);
	err = entry != NULL ? renew_locked(entry, f) : make_locked(f, &entry);
	tpi_lock_leave(&table_lock);
	if (err == TPAR_OK) {
		*fd = entry->fd;
	}
	return err;
}

void
tpi_eventfd_close(struct tpar_future *f)
{
	struct entry **at = bucket_of(f);
	struct entry *entry;

	tpi_lock_enter(&table_lock);
	while ((*at)->f != f) {
		at = &(*at)->next;
	}
	entry = *at;
	*at = entry->next;
	tpi_lock_leave(&table_lock);
	close_pair(entry->fd, entry->feed);
	free(entry);
}

void
tpi_eventfd_fork(enum tpi_fork when)
{
	tpi_fork_lock(&table_lock, when);
}
