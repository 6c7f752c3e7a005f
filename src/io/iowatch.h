/* SPDX-License-Identifier: MIT */
/*
 * iowatch.h - who waits for which descriptor.  All calls under the lock.
 *
 * libuv's own uv_poll_t allows one for each descriptor, and ends the process if
 * a descriptor is closed at the wrong moment.  So descriptors are in an epoll
 * set of ours, and libuv waits for that.  doc/IO.md#descriptors.
 */
#ifndef TPI_IOWATCH_H
#define TPI_IOWATCH_H

#include "iobase.h"
#include "iotimer.h"

struct tpi_iodecided;
struct tpi_ioloop;

/* Zeroed: it waits for nothing.  All [m:lock]. */
struct tpi_iowatch {
	struct tpi_iowatch *next;  /* of the same descriptor, oldest first */
	struct tpi_iowatch **link; /* NULL: it waits for nothing */
	int fd;
	unsigned events; /* TPAR_IO_READABLE, TPAR_IO_WRITABLE */
	/*
	 * It is off the list, as `ready` is there, or there will be nothing, for
	 * the reason `error`, an errno value.  false: it waits on; not for
	 * an error.
	 */
	bool (*step)(struct tpi_iowatch *w, unsigned ready, int error,
		     struct tpi_iodecided *list);
};

/* One descriptor. */
struct tpi_iofd {
	struct tpi_iowatch *first;
	uint32_t registered; /* with this number; 0: not in the epoll set */
	bool edges;	     /* told of what changes, not once of what is */
	int next;	     /* with somebody who waits; -1: the last */
	int before;	     /* -1: it is the first */
};

struct tpi_iowatches {
	int epoll;
	struct tpi_iofd *fds; /* by descriptor */
	int count;
	int first;	  /* with somebody who waits; -1: none */
	uint32_t numbers; /* given so far */
	int swept;	  /* where the sweep goes on; -1: at the first */
	struct tpi_iotimer sweep;
};

/* 0, or a negative errno value. */
int tpi_iowatch_init(struct tpi_iowatches *watches);
void tpi_iowatch_fini(struct tpi_iowatches *watches);

/*
 * w->fd, w->events and w->step are set.  0, or an errno value.  Others that wait
 * for a descriptor that was closed meanwhile are told, too.
 */
int tpi_iowatch_add(struct tpi_ioloop *loop, struct tpi_iowatch *w,
		    struct tpi_iodecided *list);

/* false: it waits for nothing. */
bool tpi_iowatch_remove(struct tpi_ioloop *loop, struct tpi_iowatch *w);

/* What waits for fd is told that there will be nothing. */
void tpi_iowatch_forget(struct tpi_ioloop *loop, int fd, int error,
			struct tpi_iodecided *list);

/* The epoll set is readable. */
void tpi_iowatch_look(struct tpi_ioloop *loop, struct tpi_iodecided *list);

#endif
