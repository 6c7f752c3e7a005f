/* SPDX-License-Identifier: MIT */
/*
 * iowatch.c - the epoll set, a table by descriptor, and the sweep that finds
 * descriptors that were closed.
 *
 * A descriptor stays registered when nobody waits for it any more, disarmed by
 * EPOLLONESHOT.  The next one who waits arms it again, which fails if the number
 * is of another file by then: the set knows files, not numbers.
 */
#include "config.h"

#include "ioloop.h"
#include "iowatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Events at a time. */
enum { EVENTS = 64 };

/* How often all that are waited for are looked at, and how many at a time. */
#define SWEEP_NS (TPAR_SECOND / 2)
enum { SWEEP = 256 };

static void sweep_due(struct tpi_iotimer *t, struct tpi_iodecided *list);

int
tpi_iowatch_init(struct tpi_iowatches *watches)
{
	watches->first = -1;
	watches->swept = -1;
	watches->sweep.due = sweep_due;
	watches->epoll = epoll_create1(EPOLL_CLOEXEC);
	return watches->epoll >= 0 ? 0 : -errno;
}

void
tpi_iowatch_fini(struct tpi_iowatches *watches)
{
	if (watches->epoll >= 0) {
		(void)close(watches->epoll);
	}
	free(watches->fds);
}

/* ---- The table ----------------------------------------------------------- */

static bool
grow(struct tpi_iowatches *watches, int fd)
{
	size_t count = (size_t)watches->count;
	size_t wanted = (size_t)fd + 1 > 2 * count ? (size_t)fd + 1 : 2 * count;
	struct tpi_iofd *more;
	int i;

	if (fd < watches->count) {
		return true;
	}
	more = realloc(watches->fds, wanted * sizeof *more);
	if (more == NULL) {
		return false;
	}
	memset(more + count, 0, (wanted - count) * sizeof *more);
	watches->fds = more;
	watches->count = (int)wanted;
	for (i = watches->first; i >= 0; i = more[i].next) {
		more[i].first->link = &more[i].first;
	}
	return true;
}

static void
list_fd(struct tpi_ioloop *loop, int fd)
{
	struct tpi_iowatches *watches = &loop->watches;
	struct tpi_iofd *entry = &watches->fds[fd];

	entry->before = -1;
	entry->next = watches->first;
	if (entry->next >= 0) {
		watches->fds[entry->next].before = fd;
	}
	watches->first = fd;
	if (watches->sweep.link == NULL) {
		watches->sweep.deadline_ns = tpar_in(SWEEP_NS);
		tpi_iotimer_add(&loop->timers, &watches->sweep);
		tpi_ioloop_hurry(loop, watches->sweep.deadline_ns);
	}
}

static void
unlist_fd(struct tpi_ioloop *loop, int fd)
{
	struct tpi_iowatches *watches = &loop->watches;
	struct tpi_iofd *entry = &watches->fds[fd];

	if (entry->before >= 0) {
		watches->fds[entry->before].next = entry->next;
	} else {
		watches->first = entry->next;
	}
	if (entry->next >= 0) {
		watches->fds[entry->next].before = entry->before;
	}
	if (watches->swept == fd) {
		watches->swept = entry->next;
	}
}

static void
insert(struct tpi_ioloop *loop, struct tpi_iowatch **at, struct tpi_iowatch *w)
{
	bool alone = loop->watches.fds[w->fd].first == NULL;

	w->link = at;
	w->next = *at;
	if (w->next != NULL) {
		w->next->link = &w->next;
	}
	*at = w;
	if (alone) {
		list_fd(loop, w->fd);
	}
}

bool
tpi_iowatch_remove(struct tpi_ioloop *loop, struct tpi_iowatch *w)
{
	if (w->link == NULL) {
		return false;
	}
	*w->link = w->next;
	if (w->next != NULL) {
		w->next->link = w->link;
	}
	w->link = NULL;
	if (loop->watches.fds[w->fd].first == NULL) {
		unlist_fd(loop, w->fd);
	}
	return true;
}

/* ---- The epoll set ------------------------------------------------------- */

static unsigned
wanted(const struct tpi_iofd *entry)
{
	const struct tpi_iowatch *w;
	unsigned events = 0;

	for (w = entry->first; w != NULL; w = w->next) {
		events |= w->events;
	}
	return events;
}

/* 0, or an errno value. */
static int
control(struct tpi_iowatches *watches, int op, int fd, unsigned events)
{
	struct epoll_event event = { 0 };

	event.events = watches->fds[fd].edges ? EPOLLET : EPOLLONESHOT;
	event.events |= (events & TPAR_IO_READABLE) != 0 ? EPOLLIN : 0;
	event.events |= (events & TPAR_IO_WRITABLE) != 0 ? EPOLLOUT : 0;
	event.data.u64 =
		(uint64_t)watches->fds[fd].registered << 32 | (uint32_t)fd;
	return epoll_ctl(watches->epoll, op, fd, &event) == 0 ? 0 : errno;
}

static int
enlist(struct tpi_iowatches *watches, int fd, unsigned events)
{
	struct tpi_iofd *entry = &watches->fds[fd];
	int rc;

	if (++watches->numbers == 0) {
		watches->numbers = 1;
	}
	entry->registered = watches->numbers;
	entry->edges = false;
	rc = control(watches, EPOLL_CTL_ADD, fd, events);
	if (rc == EEXIST) {
		/* Closed, open elsewhere, and now the same number again. */
		rc = control(watches, EPOLL_CTL_MOD, fd, events);
	}
	if (rc != 0) {
		entry->registered = 0;
	}
	return rc;
}

/* Arms what is registered.  false: that file is closed, who waits is told. */
static bool
arm(struct tpi_ioloop *loop, int fd, unsigned events, bool edges,
    struct tpi_iodecided *list)
{
	loop->watches.fds[fd].edges = edges;
	if (control(&loop->watches, EPOLL_CTL_MOD, fd, events) == 0) {
		return true;
	}
	loop->watches.fds[fd].registered = 0;
	tpi_iowatch_forget(loop, fd, EBADF, list);
	return false;
}

int
tpi_iowatch_add(struct tpi_ioloop *loop, struct tpi_iowatch *w,
		struct tpi_iodecided *list)
{
	struct tpi_iowatches *watches = &loop->watches;
	struct tpi_iowatch **at;
	unsigned events;
	int rc = 0;

	/* The table is not made larger for a number that is none. */
	if (fcntl(w->fd, F_GETFD) < 0) {
		return errno;
	}
	if (!grow(watches, w->fd)) {
		return ENOMEM;
	}
	events = w->events | wanted(&watches->fds[w->fd]);
	if (watches->fds[w->fd].registered == 0 ||
	    !arm(loop, w->fd, events, false, list)) {
		rc = enlist(watches, w->fd, w->events);
	}
	if (rc != 0) {
		return rc;
	}
	at = &watches->fds[w->fd].first;
	while (*at != NULL) {
		at = &(*at)->next;
	}
	insert(loop, at, w);
	return 0;
}

void
tpi_iowatch_forget(struct tpi_ioloop *loop, int fd, int error,
		   struct tpi_iodecided *list)
{
	struct tpi_iowatch *w;

	if (fd >= loop->watches.count) {
		return;
	}
	if (loop->watches.fds[fd].registered != 0) {
		(void)control(&loop->watches, EPOLL_CTL_DEL, fd, 0);
		loop->watches.fds[fd].registered = 0;
	}
	while ((w = loop->watches.fds[fd].first) != NULL) {
		(void)tpi_iowatch_remove(loop, w);
		(void)w->step(w, 0, error, list);
	}
}

/* ---- What has happened --------------------------------------------------- */

/*
 * An error or a hangup that stays, and that reads and writes do not fail for (a
 * socket whose error queue nobody reads), would be told again and again: then
 * only what changes is.
 */
static void
arm_again(struct tpi_ioloop *loop, int fd, bool in_vain,
	  struct tpi_iodecided *list)
{
	const struct tpi_iofd *entry = &loop->watches.fds[fd];
	unsigned events = wanted(entry);

	if (entry->edges ? !in_vain : events != 0) {
		(void)arm(loop, fd, events, in_vain, list);
	}
}

static void
tell(struct tpi_ioloop *loop, int fd, unsigned ready,
     struct tpi_iodecided *list)
{
	const unsigned always = TPAR_IO_HANGUP | TPAR_IO_ERROR;
	struct tpi_iowatch *w = loop->watches.fds[fd].first;
	uint32_t number = loop->watches.fds[fd].registered;
	bool in_vain = w != NULL;
	unsigned behind =
		0; /* what somebody who was told goes on waiting for */

	while (w != NULL) {
		struct tpi_iowatch *next = w->next;
		struct tpi_iowatch **at = w->link;
		unsigned first = w->events & ~behind;

		if (first != 0 && (ready & (first | always)) != 0) {
			(void)tpi_iowatch_remove(loop, w);
			in_vain = in_vain && (ready & first) == 0;
			if (!w->step(w, ready & ~behind, 0, list)) {
				insert(loop, at, w);
				/* It is first in line. */
				behind |= w->events;
			} else {
				in_vain = false;
			}
		}
		w = next;
	}
	if (loop->watches.fds[fd].registered == number) {
		arm_again(loop, fd, in_vain, list);
	}
}

void
tpi_iowatch_look(struct tpi_ioloop *loop, struct tpi_iodecided *list)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(loop->watches.epoll, events, EVENTS, 0);
	int i;

	for (i = 0; i < n; i++) {
		int fd = (int)(uint32_t)events[i].data.u64;
		uint32_t number = (uint32_t)(events[i].data.u64 >> 32);
		uint32_t had = events[i].events;
		unsigned ready = 0;

		ready |= (had & EPOLLIN) != 0 ? TPAR_IO_READABLE : 0;
		ready |= (had & EPOLLOUT) != 0 ? TPAR_IO_WRITABLE : 0;
		ready |= (had & EPOLLHUP) != 0 ? TPAR_IO_HANGUP : 0;
		ready |= (had & EPOLLERR) != 0 ? TPAR_IO_ERROR : 0;
		/* Of a file that is no longer what the number means? */
		if (loop->watches.fds[fd].registered == number) {
			tell(loop, fd, ready, list);
		}
	}
}

/* A descriptor that was closed is in the set no longer, and says nothing. */
static void
sweep_due(struct tpi_iotimer *t, struct tpi_iodecided *list)
{
	struct tpi_iowatches *watches =
		TPI_IO_CONTAINER(t, struct tpi_iowatches, sweep);
	struct tpi_ioloop *loop =
		TPI_IO_CONTAINER(watches, struct tpi_ioloop, watches);
	int looked;

	if (watches->swept < 0) {
		watches->swept = watches->first;
	}
	for (looked = 0; looked < SWEEP && watches->swept >= 0; looked++) {
		int fd = watches->swept;

		watches->swept = watches->fds[fd].next;
		(void)arm(loop, fd, wanted(&watches->fds[fd]), false, list);
	}
	if (watches->first >= 0 && t->link == NULL) {
		t->deadline_ns = tpar_in(watches->swept < 0 ? SWEEP_NS
							    : TPAR_MILLISECOND);
		tpi_iotimer_add(&loop->timers, t);
	}
}
