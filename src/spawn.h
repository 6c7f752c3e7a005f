/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - starting a thread as a library should: all signals but the
 * synchronous ones blocked, a known stack, a name.
 */
#ifndef TPI_SPAWN_H
#define TPI_SPAWN_H

#include "base.h"

#include <pthread.h>

/*
 * Starts a thread in which `stack_size` bytes of stack are free for main.
 * 0 or an errno value.
 */
int tpi_spawn(pthread_t *thread, size_t stack_size, void *(*main)(void *arg),
	      void *arg);

/*
 * The lowest address of the calling thread's stack, which was started with
 * `stack_size`, `here` being in its first frame.  Thread-local variables take
 * their room from the same memory.
 */
char *tpi_spawn_stack_end(char *here, size_t stack_size);

/* Calls the calling thread "<name>/<index>", cut to 15 bytes. */
void tpi_spawn_name(const char *name, unsigned index);

#endif
