/* SPDX-License-Identifier: MIT */
/*
 * ioname.h - names of hosts, and looking them up.
 */
#ifndef TPI_IONAME_H
#define TPI_IONAME_H

#include "iobase.h"
#include "iorequest.h"

/*
 * A look-up, part of a request that is held until it is through: it may take
 * long, and the request be cancelled meanwhile.
 */
struct tpi_ioname {
	struct tpi_iorequest *request; /* [c] */
	char *host; /* [c] owned; NULL: any of this machine */
	char *port; /* [c] owned; or NULL */
	bool any;   /* [c] NULL means all addresses */
	struct tpar_io_addresses found; /* [o] who looks it up */
	int error;			/* [o] errno value */
	const char *words;		/* [o] for its message, or NULL */
	/* [m:lock] It is through, and the request is not decided. */
	void (*then)(struct tpi_ioname *name, struct tpi_iodecided *list);
};

/* Frees a list of addresses. */
void tpi_ioname_free(struct tpar_io_addresses *addresses);

void tpi_ioname_fini(struct tpi_ioname *name);

/*
 * Looks it up; it blocks, unless numbers_only.  false: it is not there, see
 * `error` and `words`.
 */
bool tpi_ioname_look_up(struct tpi_ioname *name, bool numbers_only);

/* The C library takes a number that is too large for another one. */
enum tpar_err tpi_ioname_check_port(const char *port);

/*
 * Has a request that was started, and is held for it since then, looked up by a
 * task of the default pool, which calls `then`.  On error the request is gone.
 */
enum tpar_err tpi_ioname_submit(struct tpi_ioname *name);

#endif
