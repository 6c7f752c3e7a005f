/* SPDX-License-Identifier: MIT */
/*
 * audit.c - what must be true of each step of what is in the ledger.
 */
#include "config.h"

#include "audit.h"

#ifdef TPI_DEBUG

#include "environ.h"
#include "future.h"
#include "ledger.h"

#include <stdio.h>
#include <string.h>

/* For the library's own steps. */
static struct tpi_entry *
enter(const struct tpar_future *f, const char *step)
{
	tpi_ledger_enter();
	return tpi_ledger_live_locked(f, TPI_AUDIT_FUTURE, step);
}

void
tpi_audit_created(const struct tpar_future *f, bool handle)
{
	struct tpi_entry *e;

	tpi_ledger_enter();
	e = tpi_ledger_add_locked(f, TPI_AUDIT_FUTURE, f->name, f->site);
	e->of = f->intake;
	e->handles = handle;
	e->has_arg = (f->flags & TPI_F_DROP_ARG) != 0;
	e->has_value = (f->flags & TPI_F_DROP_VALUE) != 0;
	tpi_ledger_leave();
}

void
tpi_audit_discarded(const struct tpar_future *f)
{
	struct tpi_entry *e = enter(f, "tpi_audit_discarded");

	e->state = TPI_ENTRY_FREED;
	tpi_ledger_leave();
}

void
tpi_audit_keep_arg(const struct tpar_future *f)
{
	struct tpi_entry *e = enter(f, "tpi_audit_keep_arg");

	e->has_arg = false;
	tpi_ledger_leave();
}

void
tpi_audit_drop_arg(const struct tpar_future *f)
{
	struct tpi_entry *e = enter(f, "drop_arg");

	if (!e->has_arg) {
		tpi_ledger_die_locked(e, "drop_arg",
				      "has no argument to be dropped");
	}
	if (e->arg_dropped) {
		tpi_ledger_die_locked(e, "drop_arg",
				      "had its argument dropped before");
	}
	e->arg_dropped = true;
	tpi_ledger_leave();
}

void
tpi_audit_end(const struct tpar_future *f, unsigned outcome)
{
	struct tpi_entry *e = enter(f, "end");

	if (e->ended && !tpi_ledger_is_of_fork(e)) {
		tpi_ledger_die_locked(e, "end", "ended twice");
	}
	if (e->has_arg && !e->arg_dropped) {
		tpi_ledger_die_locked(e, "end",
				      "ends with its argument not dropped");
	}
	e->ended = true;
	e->done = (outcome & TPI_OUTCOME) == TPI_DONE;
	tpi_ledger_leave();
}

/* `step` needs the value of a future that is done. */
static struct tpi_entry *
enter_value(const struct tpar_future *f, const char *step)
{
	struct tpi_entry *e = enter(f, step);

	if (!e->ended || !e->done) {
		tpi_ledger_die_locked(e, step, "is not done and has no value");
	}
	if (e->value == TPI_VALUE_DROPPED) {
		tpi_ledger_die_locked(e, step, "had its value dropped before");
	}
	if (e->value == TPI_VALUE_TAKEN) {
		tpi_ledger_die_locked(e, step, "had its value taken before");
	}
	return e;
}

void
tpi_audit_drop_value(const struct tpar_future *f)
{
	struct tpi_entry *e = enter_value(f, "drop_value");

	if (!e->has_value) {
		tpi_ledger_die_locked(e, "drop_value",
				      "has no value to be dropped");
	}
	e->value = TPI_VALUE_DROPPED;
	tpi_ledger_leave();
}

void
tpi_audit_take(const struct tpar_future *f)
{
	struct tpi_entry *e = enter_value(f, "take");

	e->value = TPI_VALUE_TAKEN;
	tpi_ledger_leave();
}

void
tpi_audit_untake(const struct tpar_future *f)
{
	struct tpi_entry *e = enter(f, "untake");

	if (e->value != TPI_VALUE_TAKEN) {
		tpi_ledger_die_locked(e, "untake",
				      "does not have its value taken");
	}
	e->value = TPI_VALUE_KEPT;
	tpi_ledger_leave();
}

void
tpi_audit_freed(const struct tpar_future *f)
{
	struct tpi_entry *e = enter(f, "free");

	if (e->handles != 0) {
		tpi_ledger_die_locked(e, "free", "still has handles");
	}
	if (!tpi_ledger_is_of_fork(e)) {
		if (!e->ended) {
			tpi_ledger_die_locked(e, "free", "has not ended");
		}
		if (e->done && e->has_value && e->value == TPI_VALUE_KEPT) {
			tpi_ledger_die_locked(e, "free",
					      "has its value not dropped");
		}
	}
	e->state = TPI_ENTRY_FREED;
	tpi_ledger_leave();
}

/* Of a future that the caller must have a handle of. */
static struct tpi_entry *
used_locked(const struct tpar_future *f, const char *call)
{
	struct tpi_entry *e = tpi_ledger_live_locked(f, TPI_AUDIT_FUTURE, call);

	if (e->handles == 0) {
		tpi_ledger_die_locked(e, call,
				      "was used after its last handle was "
				      "released");
	}
	return e;
}

void
tpi_audit_use(const struct tpar_future *f, const char *call)
{
	if (f != NULL) {
		tpi_ledger_enter();
		(void)used_locked(f, call);
		tpi_ledger_leave();
	}
}

void
tpi_audit_look(const struct tpar_future *f, const char *call)
{
	tpi_ledger_enter();
	(void)tpi_ledger_live_locked(f, TPI_AUDIT_FUTURE, call);
	tpi_ledger_leave();
}

void
tpi_audit_member(const struct tpar_future *f, size_t i)
{
	char call[64];

	(void)snprintf(call, sizeof call, "f[%zu] of a set", i);
	tpi_audit_use(f, call);
}

void
tpi_audit_ref(const struct tpar_future *f, const char *call)
{
	tpi_ledger_enter();
	used_locked(f, call)->handles++;
	tpi_ledger_leave();
}

void
tpi_audit_unref(const struct tpar_future *f, const char *call)
{
	struct tpi_entry *e;

	if (f == NULL) {
		return;
	}
	tpi_ledger_enter();
	e = tpi_ledger_find_locked(f, TPI_AUDIT_FUTURE, call);
	if (e->state != TPI_ENTRY_LIVE || e->handles == 0) {
		tpi_ledger_die_locked(e, call,
				      "was released more often than it has "
				      "handles");
	}
	e->handles--;
	tpi_ledger_leave();
}

void
tpi_audit_made(const void *object, enum tpi_audit_kind kind, const char *name,
	       const char *site)
{
	tpi_ledger_enter();
	(void)tpi_ledger_add_locked(object, kind, name, site);
	tpi_ledger_leave();
}

void
tpi_audit_named(const void *object, enum tpi_audit_kind kind, const char *name,
		const char *site)
{
	struct tpi_entry *e;

	tpi_ledger_enter();
	e = tpi_ledger_live_locked(object, kind, "name");
	e->name = name;
	e->site = site;
	tpi_ledger_leave();
}

void
tpi_audit_gone(const void *object, enum tpi_audit_kind kind)
{
	tpi_ledger_enter();
	tpi_ledger_live_locked(object, kind, "free")->state = TPI_ENTRY_FREED;
	tpi_ledger_leave();
}

void
tpi_audit_object(const void *object, enum tpi_audit_kind kind, const char *call)
{
	if (object != NULL) {
		tpi_ledger_enter();
		(void)tpi_ledger_live_locked(object, kind, call);
		tpi_ledger_leave();
	}
}

void
tpi_audit_completed(const void *promise, bool cancelled)
{
	tpi_ledger_enter();
	tpi_ledger_live_locked(promise, TPI_AUDIT_PROMISE, "complete")
		->completed = !cancelled;
	tpi_ledger_leave();
}

static bool
is_asked_for(const char *what)
{
	const char *text = tpi_environ_get("TASKPAR_AUDIT");

	return text != NULL && strcmp(text, what) == 0;
}

/* What may be no error: unless it was asked for less. */
static bool
tells_all(void)
{
	return !is_asked_for("exit") && !is_asked_for("quiet");
}

void
tpi_audit_not_completed(const void *promise, const char *call)
{
	struct tpi_entry *e;
	char text[512];
	bool twice;

	tpi_ledger_enter();
	e = tpi_ledger_live_locked(promise, TPI_AUDIT_PROMISE, call);
	twice = e->completed && !tpi_ledger_is_of_fork(e);
	tpi_ledger_describe(e, text, sizeof text);
	tpi_ledger_leave();
	if (twice && tells_all()) {
		(void)fprintf(
			stderr,
			"libtaskpar: %s: the promise %s had been completed "
			"before\n",
			call, text);
	}
}

/*
 * All have begun to end.  One that another thread is just cancelling may still
 * be in its drop_arg.
 */
static void
check_ended_locked(const void *intake)
{
	struct tpi_entry *e = NULL;

	while ((e = tpi_ledger_next_locked(e)) != NULL) {
		struct tpar_future *f =
			(struct tpar_future *)(uintptr_t)e->object;

		if (e->of == intake && !e->ended &&
		    tpi_state_peek(&f->state) == TPI_PENDING) {
			tpi_ledger_die_locked(e, "destroy", "has not ended");
		}
	}
}

void
tpi_audit_pool_gone(const void *intake, const char *name)
{
	char what[128];

	tpi_ledger_enter();
	check_ended_locked(intake);
	if (tells_all()) {
		(void)snprintf(what, sizeof what, "pool '%s' destroyed", name);
		tpi_ledger_report_locked(what, "still held", intake);
	}
	tpi_ledger_leave();
}

/* After all that the program has registered for its exit. */
#if defined(__GNUC__)
__attribute__((destructor))
#endif
static void
report_leaks(void)
{
	if (!is_asked_for("quiet")) {
		tpi_ledger_enter();
		tpi_ledger_report_locked("exit", "never released", NULL);
		tpi_ledger_leave();
	}
}

void
tpi_audit_fork(enum tpi_fork when)
{
	tpi_ledger_fork(when);
}

#endif
