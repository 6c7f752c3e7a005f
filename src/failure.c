/* SPDX-License-Identifier: MIT */
/*
 * failure.c - filling in why a call did not succeed: always with words.
 */
#include "config.h"

#include "err.h"
#include "failure.h"
#include "future.h"

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

enum tpar_err
tpi_failure_of_member(struct tpar_failure *why, tpar_future *f, size_t index)
{
	enum tpar_state state = tpar_future_state(f);
	const char *message = tpar_future_message(f);
	enum tpar_err err =
		state == TPAR_FAILED ? TPAR_EFAILED : TPAR_ECANCELED;

	if (message[0] != '\0') {
		(void)tpi_err(err, "%s", message);
	} else if (state == TPAR_FAILED) {
		(void)tpi_err(err, "task %zu failed with code %d", index,
			      tpar_future_code(f));
	} else {
		(void)tpi_err(err, "task %zu was cancelled", index);
	}
	tpi_failure_of_call(why, err);
	if (why != NULL) {
		why->index = index;
		why->state = state;
		why->code = tpar_future_code(f);
		why->task = f->name;
	}
	return err;
}
