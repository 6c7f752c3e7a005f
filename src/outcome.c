/* SPDX-License-Identifier: MIT */
/*
 * outcome.c - reading a future: its state, its value, and what its task said.
 */
#include "config.h"

#include "audit.h"
#include "cancel.h"
#include "err.h"
#include "fork.h"
#include "future.h"

#include <taskpar/future.h>

#include <stdio.h>
#include <string.h>

/* Room for the name of a task in a description. */
#define NAME_MAX_SHOWN 64

void
tpi_future_describe(const struct tpar_future *f, char *to, size_t size)
{
	char name[NAME_MAX_SHOWN + 1];
	char text[512];

	tpi_copy_text(name, sizeof name, f->name != NULL ? f->name : "task");
	if (f->site != NULL) {
		(void)snprintf(text, sizeof text, "'%s' (%s)", name, f->site);
	} else {
		(void)snprintf(text, sizeof text, "'%s'", name);
	}
	tpi_copy_text(to, size, text);
}

enum tpar_state
tpar_future_state(const tpar_future *f)
{
	uintptr_t word;

	tpi_audit_look(f, "tpar_future_state()");
	tpi_fork_look((struct tpar_future *)(uintptr_t)f);
	word = tpi_state_get(&f->state);
	if (tpi_state_phase(word) != TPI_ENDED) {
		return tpi_state_phase(word) == TPI_PENDING ? TPAR_PENDING
							    : TPAR_RUNNING;
	}
	switch (word & TPI_OUTCOME) {
	case TPI_DONE:
		return TPAR_DONE;
	case TPI_FAILED:
		return TPAR_FAILED;
	default:
		return TPAR_CANCELLED;
	}
}

const void *
tpar_future_value(const tpar_future *f)
{
	uintptr_t word;

	tpi_audit_use(f, "tpar_future_value()");
	word = tpi_state_get(&f->state);
	if (tpi_state_phase(word) != TPI_ENDED || tpi_state_is_bad(word) ||
	    (word & TPI_TAKEN) != 0) {
		return NULL;
	}
	return tpi_future_payload(f);
}

int
tpar_future_code(const tpar_future *f)
{
	tpi_audit_look(f, "tpar_future_code()");
	switch (tpar_future_state(f)) {
	case TPAR_FAILED:
		return f->code;
	case TPAR_CANCELLED:
		return TPAR_ESTOPPED;
	default:
		return 0;
	}
}

const char *
tpar_future_message(const tpar_future *f)
{
	uintptr_t word;

	tpi_audit_look(f, "tpar_future_message()");
	word = tpi_state_get(&f->state);
	return tpi_state_phase(word) == TPI_ENDED &&
			       (word & TPI_OUTCOME) == TPI_FAILED &&
			       (word & TPI_MESSAGE) != 0
		       ? f->arg
		       : "";
}

enum tpar_err
tpar_future_take(tpar_future *f, void *value)
{
	uintptr_t word;

	tpi_audit_use(f, "tpar_future_take()");
	if (f == NULL || (value == NULL && f->value_size > 0)) {
		return tpi_err(TPAR_EINVAL, "%s is NULL",
			       f == NULL ? "f" : "value");
	}
	tpi_fork_look(f);
	word = tpi_state_get(&f->state);
	if (tpi_state_phase(word) != TPI_ENDED) {
		return tpi_err_plain(TPAR_EBUSY);
	}
	if (tpi_state_is_bad(word)) {
		return tpi_err_plain((word & TPI_OUTCOME) == TPI_FAILED
					     ? TPAR_EFAILED
					     : TPAR_ECANCELED);
	}
	if (!tpi_future_take(f)) {
		return tpi_err_plain(TPAR_EALREADY);
	}
	if (f->value_size > 0) {
		memcpy(value, tpi_future_payload(f), f->value_size);
	}
	return TPAR_OK;
}
