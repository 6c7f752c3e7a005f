/* SPDX-License-Identifier: MIT */
/*
 * task.c - what a task asks and says about itself: has it been asked to stop,
 * and why; that it must not be disturbed; why it fails.
 */
#include "config.h"

#include "audit.h"
#include "cancel.h"
#include "err.h"
#include "future.h"
#include "interrupt.h"
#include "region.h"
#include "thread.h"

#include <taskpar/cancel.h>
#include <taskpar/gather.h>

#include <stdarg.h>

bool
tpi_cancel_requested_here(void)
{
	struct tpi_run *run;

	for (run = tpi_thread_self.run; run != NULL; run = run->stopper) {
		struct tpi_region *region = run->region;

		if (TPI_UNLIKELY(run->shield > 0) &&
		    run->shield > tpi_region_shields_below(run)) {
			return false;
		}
		if (TPI_LIKELY(region == NULL) || region->run != run) {
			if (tpi_cancel_requested(run->task)) {
				return true;
			}
		}
		if (TPI_UNLIKELY(region != NULL)) {
			return tpi_region_stopped(region);
		}
	}
	return false;
}

bool
tpi_cancel_shielded_here(void)
{
	struct tpi_run *run;

	for (run = tpi_thread_self.run; run != NULL; run = run->stopper) {
		if (run->shield > 0) {
			return true;
		}
		if (run->region != NULL) {
			return run->region->shielded;
		}
	}
	return false;
}

bool
tpar_cancelled(void)
{
	return tpi_cancel_requested_here();
}

int
tpar_checkpoint(void)
{
	return tpar_cancelled() ? TPAR_ESTOPPED : 0;
}

void
tpar_shield_enter(void)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (run != NULL) {
		run->shield++;
		tpi_interrupt_shield(run);
	}
}

void
tpar_shield_leave(void)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (run != NULL && run->shield > 0) {
		run->shield--;
		tpi_interrupt_shield(run);
	}
}

enum tpar_err
tpar_future_shield(tpar_future *f)
{
	tpi_audit_use(f, "tpar_future_shield()");
	if (f == NULL) {
		return tpi_err(TPAR_EINVAL, "f is NULL");
	}
	atomic_fetch_or_explicit(&f->pins, TPI_PINS_SHIELDED,
				 memory_order_relaxed);
	return TPAR_OK;
}

const char *
tpar_cancel_reason(void)
{
	struct tpi_run *run;

	for (run = tpi_thread_self.run; run != NULL; run = run->stopper) {
		if (tpi_cancel_requested(run->task)) {
			return tpi_cancel_reason_of(run->task);
		}
		if (run->region != NULL) {
			return tpi_region_reason(run->region);
		}
	}
	return NULL;
}

/* Keeps a copy of `text` as the running task's message. */
static void
keep_message(struct tpi_run *run, const char *text)
{
	if (run->message != NULL) {
		tpi_future_free_text(run->task, run->message);
	}
	run->message = tpi_future_copy_text(run->task, text);
}

void
tpi_cancel_forget_message(void)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (run != NULL && run->message != NULL) {
		tpi_future_free_text(run->task, run->message);
		run->message = NULL;
	}
}

int
tpar_fail(int code, const char *fmt, ...)
{
	struct tpi_run *run = tpi_thread_self.run;
	char text[TPAR_MESSAGE_MAX];
	va_list args;

	if (run != NULL && fmt != NULL) {
		va_start(args, fmt);
		tpi_format(text, sizeof text, fmt, args);
		va_end(args);
		keep_message(run, text);
	}
	return code != 0 ? code : TPAR_EFAILED;
}

int
tpar_fail_from(const struct tpar_failure *why)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (why->code == TPAR_ESTOPPED && why->index == SIZE_MAX) {
		return TPAR_ESTOPPED;
	}
	if (run != NULL) {
		keep_message(run, why->message);
	}
	if (why->code == TPAR_ESTOPPED) {
		return TPAR_ECANCELED; /* a member's end, not the caller's */
	}
	return why->code != 0 ? why->code : TPAR_EFAILED;
}
