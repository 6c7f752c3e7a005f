/* SPDX-License-Identifier: MIT */
/*
 * kick.h - the one signal of the library, which breaks system calls: which it
 * is, its handler, which does nothing, and sending, blocking and draining it.
 *
 * It is chosen, and the handler set up, when it is first needed: that of the
 * program's choice, or the first real-time signal that nobody has a handler
 * for.  A handler of the program is never replaced.  doc/INTERRUPT.md#signal.
 */
#ifndef TPI_KICK_H
#define TPI_KICK_H

#include "base.h"

#include <taskpar/base.h>

#include <pthread.h>
#include <signal.h>

/*
 * The signal can be sent from now on.  One thread at a time.  TPAR_EBUSY: it has
 * another handler, or none is free; TPAR_EINVAL: TASKPAR_SIGNAL is none;
 * TPAR_ENOTSUP.  With a detail.
 */
enum tpar_err tpi_kick_ready(void);

/* It is to be this one.  One thread at a time. */
enum tpar_err tpi_kick_choose(int number);

/* What 36, SIGRTMIN+2, RTMAX-1 or USR1 means; 0: the text is none of that. */
int tpi_kick_number_of(const char *text);

/* Its number; 0: it has not been needed yet. */
int tpi_kick_number(void);

/* false: it could not be queued. */
bool tpi_kick_send(pthread_t thread);

/*
 * The calling thread is not to get it, or is to.  It is ready.  true: it was
 * to before.  `mask`, if not NULL, becomes the mask as it was, but with the
 * signal let through.
 */
bool tpi_kick_block(sigset_t *mask);
void tpi_kick_unblock(void);

/* It is blocked: takes away what the calling thread was sent and has not got. */
void tpi_kick_drain(void);

#endif
