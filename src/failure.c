/* SPDX-License-Identifier: MIT */
/*
 * failure.c - filling in why a call did not succeed: always with words.
 */
#include "config.h"

#include "cancel.h"
#include "err.h"
#include "failure.h"
#include "future.h"

#include <stdio.h>
#include <string.h>

void
tpi_failure_of_call(struct tpar_failure *why, enum tpar_err err)
{
	if (why == NULL) {
		return;
	}
	memset(why, 0, sizeof *why);
	why->index = SIZE_MAX;
	why->state = TPAR_PENDING;
	why->code = (int)err;
	tpi_copy_text(why->message, sizeof why->message, tpar_error_detail());
}

void
tpi_failure_text(struct tpar_future *f, size_t index, char *to, size_t size)
{
	const char *message = tpar_future_message(f);
	const char *reason = tpi_cancel_reason_of(f);
	char text[TPAR_MESSAGE_MAX + 128];

	if (message[0] != '\0') {
		tpi_copy_text(to, size, message);
		return;
	}
	if (tpar_future_state(f) == TPAR_FAILED) {
		(void)snprintf(text, sizeof text,
			       "task %zu failed with code %d", index,
			       tpar_future_code(f));
	} else if (reason != NULL) {
		(void)snprintf(text, sizeof text, "task %zu was cancelled: %s",
			       index, reason);
	} else {
		(void)snprintf(text, sizeof text, "task %zu was cancelled",
			       index);
	}
	tpi_copy_text(to, size, text);
}

enum tpar_err
tpi_failure_of_member(struct tpar_failure *why, tpar_future *f, size_t index)
{
	enum tpar_state state = tpar_future_state(f);
	enum tpar_err err =
		state == TPAR_FAILED ? TPAR_EFAILED : TPAR_ECANCELED;
	char text[TPAR_MESSAGE_MAX];

	tpi_failure_text(f, index, text, sizeof text);
	tpi_failure_of_call(why, tpi_err(err, "%s", text));
	if (why != NULL) {
		why->index = index;
		why->state = state;
		why->code = tpar_future_code(f);
		why->task = f->name;
	}
	return err;
}

void
tpi_failure_of_child(struct tpar_failure *why, tpar_future *f)
{
	size_t index = tpi_future_ext(f)->index;

	memset(why, 0, sizeof *why);
	why->index = index;
	why->state = TPAR_FAILED;
	why->code = tpar_future_code(f);
	why->task = f->name;
	tpi_failure_text(f, index, why->message, sizeof why->message);
}
