/* SPDX-License-Identifier: MIT */
/*
 * audit.h - debug builds: an account of every future, argument and value, and
 * of every promise, group, stream and window; what does not add up is said on
 * stderr, with the name and the site of its submit.  doc/STATES.md#audit.
 *
 * Without TPI_DEBUG all of it is nothing.
 */
#ifndef TPI_AUDIT_H
#define TPI_AUDIT_H

#include "base.h"
#include "fork.h"

struct tpar_future;

enum tpi_audit_kind {
	TPI_AUDIT_FUTURE,
	TPI_AUDIT_PROMISE,
	TPI_AUDIT_GROUP,
	TPI_AUDIT_STREAM,
	TPI_AUDIT_WINDOW
};

#ifdef TPI_DEBUG

/* Its life.  A handle that it is created with counts like any other. */
void tpi_audit_created(const struct tpar_future *f, bool handle);
void tpi_audit_discarded(const struct tpar_future *f);
void tpi_audit_freed(const struct tpar_future *f);

/* A refused submit: the argument stays the caller's. */
void tpi_audit_keep_arg(const struct tpar_future *f);

/* Each before it is done, but for take: after TAKEN was set. */
void tpi_audit_drop_arg(const struct tpar_future *f);
void tpi_audit_end(const struct tpar_future *f, unsigned outcome);
void tpi_audit_drop_value(const struct tpar_future *f);
void tpi_audit_take(const struct tpar_future *f);
void tpi_audit_untake(const struct tpar_future *f);

/*
 * First thing in the function `call` of the interface that is given f, which
 * may be NULL.  use: by who has a handle; look: the library's own code, which
 * holds f, calls it, too.  member: f stands at i of a set.
 */
void tpi_audit_use(const struct tpar_future *f, const char *call);
void tpi_audit_look(const struct tpar_future *f, const char *call);
void tpi_audit_member(const struct tpar_future *f, size_t i);
void tpi_audit_ref(const struct tpar_future *f, const char *call);
void tpi_audit_unref(const struct tpar_future *f, const char *call);

/* What is no future. */
void tpi_audit_made(const void *object, enum tpi_audit_kind kind,
		    const char *name, const char *site);
void tpi_audit_named(const void *object, enum tpi_audit_kind kind,
		     const char *name, const char *site);
void tpi_audit_gone(const void *object, enum tpi_audit_kind kind);
void tpi_audit_object(const void *object, enum tpi_audit_kind kind,
		      const char *call);

/* A promise was completed by hand; or cannot be any more. */
void tpi_audit_completed(const void *promise, bool cancelled);
void tpi_audit_not_completed(const void *promise, const char *call);

/* A pool is destroyed: `intake` is that of its futures. */
void tpi_audit_pool_gone(const void *intake, const char *name);

/* Before and after a fork. */
void tpi_audit_fork(enum tpi_fork when);

#else

#define tpi_audit_created(f, handle) ((void)0)
#define tpi_audit_discarded(f) ((void)0)
#define tpi_audit_freed(f) ((void)0)
#define tpi_audit_keep_arg(f) ((void)0)
#define tpi_audit_drop_arg(f) ((void)0)
#define tpi_audit_end(f, outcome) ((void)0)
#define tpi_audit_drop_value(f) ((void)0)
#define tpi_audit_take(f) ((void)0)
#define tpi_audit_untake(f) ((void)0)
#define tpi_audit_use(f, call) ((void)0)
#define tpi_audit_look(f, call) ((void)0)
#define tpi_audit_member(f, i) ((void)0)
#define tpi_audit_ref(f, call) ((void)0)
#define tpi_audit_unref(f, call) ((void)0)
#define tpi_audit_made(object, kind, name, site) ((void)0)
#define tpi_audit_named(object, kind, name, site) ((void)0)
#define tpi_audit_gone(object, kind) ((void)0)
#define tpi_audit_object(object, kind, call) ((void)0)
#define tpi_audit_completed(promise, cancelled) ((void)0)
#define tpi_audit_not_completed(promise, call) ((void)0)
#define tpi_audit_pool_gone(intake, name) ((void)0)

#endif

#endif
