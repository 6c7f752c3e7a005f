/* SPDX-License-Identifier: MIT */
/*
 * ioloop.h - the loop thread: started on first use, ended by a shutdown.
 *
 * One lock protects all that the loop thread and others share.  It is held for
 * a few instructions, or for a system call that does not block, and no function
 * of the program is called under it.  It ranks before all locks of libtaskpar,
 * and nothing of that is called under it, either.
 */
#ifndef TPI_IOLOOP_H
#define TPI_IOLOOP_H

#include "iobase.h"
#include "iorequest.h"
#include "iotimer.h"
#include "iowatch.h"

#include <pthread.h>
#include <uv.h>

struct tpi_ioloop {
	uv_loop_t uv;			/* [o] the loop thread */
	uv_async_t wake;		/* [h] */
	uv_prepare_t before;		/* [o] before it sleeps */
	uv_timer_t alarm;		/* [o] at the earliest deadline */
	uv_poll_t events;		/* [o] watches.epoll is readable */
	pthread_t thread;		/* [c] */
	struct tpi_iorequest *requests; /* [m:lock] not decided */
	struct tpi_iotimer *timers;	/* [m:lock] a heap */
	int64_t armed_ns;		/* [m:lock] when it wakes by itself */
	bool hurried;			/* [m:lock] it is to be armed anew */
	struct tpi_iowatches watches;	/* [m:lock] */
	bool ends;			/* [m:lock] when nothing is left */
};

/* How many forks lie between this process and the first. */
extern uint32_t tpi_ioloop_generation;

void tpi_ioloop_lock(void);
void tpi_ioloop_unlock(void);

/* [m:lock] The one that runs, or NULL. */
struct tpi_ioloop *tpi_ioloop_running(void);

/*
 * [m:lock] The one that runs; it is started if there is none.  NULL: it cannot
 * be, *err says why, with its detail.
 */
struct tpi_ioloop *tpi_ioloop_get(enum tpar_err *err);

/* [m:lock] A deadline was added: the loop thread sleeps no longer than that. */
void tpi_ioloop_hurry(struct tpi_ioloop *loop, int64_t deadline_ns);

/* [m:lock] The loop thread shall look at everything. */
void tpi_ioloop_wake(struct tpi_ioloop *loop);

#endif
