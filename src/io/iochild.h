/* SPDX-License-Identifier: MIT */
/*
 * iochild.h - what comes out of a process, and launching one.
 */
#ifndef TPI_IOCHILD_H
#define TPI_IOCHILD_H

#include "iobase.h"
#include "iowatch.h"

#include <sys/types.h>

struct child;

/* One of its two. */
struct tpi_iochild_output {
	struct child *child;
	struct tpi_iowatch watch; /* its descriptor is -1: closed */
	char *text;		  /* [m:lock] */
	size_t size;		  /* [m:lock] */
	size_t capacity;	  /* [m:lock] */
	bool truncated;		  /* [m:lock] */
};

/* TPAR_OK, or what is wrong with the arguments of tpar_io_spawn(). */
enum tpar_err tpi_iochild_check(const struct tpar_io_spawn *spawn,
				tpar_future **f);

/*
 * Starts the process.  fds[0..2]: our ends of its input, and of its output and
 * errors, -1 where there is none, to be closed also on error; *pid: its number.
 * 0, or an errno value.
 */
int tpi_iochild_launch(const struct tpar_io_spawn *spawn, int fds[3],
		       pid_t *pid);

#endif
