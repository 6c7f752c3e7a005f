/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - debug builds: the table that audit.c keeps, by address.
 *
 * An entry stays when its object is freed, until the address is used again or
 * the table is full.
 */
#ifndef TPI_LEDGER_H
#define TPI_LEDGER_H

#include "audit.h"
#include "base.h"

enum tpi_entry_state { TPI_ENTRY_NONE, TPI_ENTRY_LIVE, TPI_ENTRY_FREED };

enum tpi_entry_value { TPI_VALUE_KEPT, TPI_VALUE_TAKEN, TPI_VALUE_DROPPED };

/* All under the lock of the table. */
struct tpi_entry {
	const void *object;
	const char *name;
	const char *site;
	const void *of;	     /* the intake of a future's pool */
	uint32_t handles;    /* of a future */
	uint32_t generation; /* of the process that made it */
	uint8_t state;
	uint8_t kind;
	uint8_t value;	  /* what has become of it */
	bool has_arg;	  /* its drop_arg is to be called */
	bool has_value;	  /* the same for drop_value, if it is done */
	bool arg_dropped; /* it was */
	bool ended;
	bool done;
	bool completed; /* a promise, by hand */
	bool told;	/* in the report that is being made */
};

void tpi_ledger_enter(void);
void tpi_ledger_leave(void);

/* A new entry. */
struct tpi_entry *tpi_ledger_add_locked(const void *object,
					enum tpi_audit_kind kind,
					const char *name, const char *site);

/* That of an object of this kind, freed or not; without one, aborts. */
struct tpi_entry *tpi_ledger_find_locked(const void *object,
					 enum tpi_audit_kind kind,
					 const char *where);

/* That of an object that must be alive. */
struct tpi_entry *tpi_ledger_live_locked(const void *object,
					 enum tpi_audit_kind kind,
					 const char *where);

/* The next one that is alive, in any order; after NULL the first. */
struct tpi_entry *tpi_ledger_next_locked(struct tpi_entry *e);

/* Threads that are lost in a fork may have ended it half. */
bool tpi_ledger_is_of_fork(const struct tpi_entry *e);

/* "'reader' (net.c:12)", or what is known of it. */
void tpi_ledger_describe(const struct tpi_entry *e, char *to, size_t size);

/* Says "where: the future of 'reader' (net.c:12) what", and aborts. */
_Noreturn void tpi_ledger_die_locked(const struct tpi_entry *e,
				     const char *where, const char *what);

/*
 * Says what users still hold, one line for each submit site: the futures of a
 * pool, by its intake; `of` NULL: all there is.
 */
void tpi_ledger_report_locked(const char *what, const char *still,
			      const void *of);

void tpi_ledger_fork(enum tpi_fork when);

#endif
