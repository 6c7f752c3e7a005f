/* SPDX-License-Identifier: MIT */
/*
 * failure.c - filling in why a call did not succeed: always with words.
 */
#include "config.h"

#include "err.h"
#include "failure.h"
#include "future.h"

#include <stdio.h>
#include <string.h>

void
tpi_failure_of_call(struct tpar_failure *why, enum tpar_err err)
{
	const char *detail = tpar_error_detail();
	bool has_detail = err == TPAR_EINVAL || err == TPAR_EDEADLK ||
			  err == TPAR_EALREADY || err == TPAR_ECLOSED;

	if (why == NULL) {
		return;
	}
	memset(why, 0, sizeof *why);
	why->index = SIZE_MAX;
	why->state = TPAR_PENDING;
	why->code = (int)err;
	tpi_copy_text(why->message, sizeof why->message,
		      has_detail && detail[0] != '\0' ? detail
						      : tpar_strerror(err));
}

enum tpar_err
tpi_failure_of_member(struct tpar_failure *why, tpar_future *f, size_t index)
{
	enum tpar_state state = tpar_future_state(f);
	const char *message = tpar_future_message(f);

	if (why != NULL) {
		memset(why, 0, sizeof *why);
		why->index = index;
		why->state = state;
		why->code = tpar_future_code(f);
		why->task = f->name;
		if (message[0] != '\0') {
			tpi_copy_text(why->message, sizeof why->message,
				      message);
		} else if (state == TPAR_FAILED) {
			snprintf(why->message, sizeof why->message,
				 "task %zu failed with code %d", index,
				 why->code);
		} else {
			snprintf(why->message, sizeof why->message,
				 "task %zu was cancelled", index);
		}
	}
	return state == TPAR_FAILED ? TPAR_EFAILED : TPAR_ECANCELED;
}
