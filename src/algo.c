/* SPDX-License-Identifier: MIT */
/*
 * algo.c - running a parallel algorithm: from its root to its outcome.
 */
#include "config.h"

#include "algo.h"
#include "clock.h"
#include "err.h"
#include "failure.h"
#include "forkjoin.h"
#include "future.h"
#include "slots.h"
#include "thread.h"

#include <taskpar/forkjoin.h>

#include <stdint.h>
#include <string.h>

enum tpar_err
tpi_algo_run(struct tpi_algo *algo, struct tpar_pool *pool, tpar_slot_fn fn,
	     struct tpar_slot *self, struct tpar_failure *why)
{
	char text[TPAR_MESSAGE_MAX];
	enum tpar_err err;

	algo->index = SIZE_MAX;
	err = tpi_forkjoin_root(pool, fn, self, why, algo->name, false);
	if (TPI_LIKELY(err == TPAR_OK)) {
		return err;
	}
	if (err == TPAR_EFAILED && algo->err != TPAR_OK) {
		tpi_copy_text(text, sizeof text, tpar_error_detail());
		err = tpi_err(algo->err, "%s", text);
		tpi_failure_of_call(why, err);
	}
	if (why != NULL) {
		/* Somebody may have called tpar_run_fail(), or it never began. */
		why->index = err == TPAR_EFAILED && why->code == algo->code
				     ? algo->index
				     : SIZE_MAX;
	}
	return err;
}

/* The lowest bits of what is remembered: 0 if there is nothing. */
enum { BRIEF = 1, LONG = 2, BITS = 3 };

/* Where a worker remembers it, and as what, without those bits. */
static uintptr_t *
find_memory(struct tpi_algo *algo, struct tpar_slot *head, uintptr_t *key)
{
	uintptr_t k = (uintptr_t)algo->fn;

	k = tpi_wrap_add(tpi_wrap_mul(k, 31), (uintptr_t)algo->arg);
	k = tpi_wrap_add(tpi_wrap_mul(k, 31), algo->items);
	k = tpi_wrap_mul(k, 0x9e3779b1);
	k ^= k >> 15;
	*key = k & ~(uintptr_t)BITS;
	return &tpi_slots_of(head)->loops[(k >> 2) % TPI_SLOTS_LOOPS];
}

static void
announce(struct tpi_algo *algo, struct tpar_slot *head)
{
	algo->announced = true;
	tpi_forkjoin_announce(head);
}

void
tpi_algo_begin(struct tpi_algo *algo, struct tpar_slot *head)
{
	uintptr_t key;
	uintptr_t known = *find_memory(algo, head, &key);

	algo->region = tpi_thread_self.run->region;
	algo->began = tpi_clock_now();
	algo->was_long = known == (key | LONG);
	if (known != (key | BRIEF)) {
		announce(algo, head);
	}
}

void
tpi_algo_end(struct tpi_algo *algo, struct tpar_slot *head)
{
	bool brief = tpi_clock_now() - algo->began < TPI_ALGO_BRIEF_NS;
	uintptr_t key;
	uintptr_t *memory = find_memory(algo, head, &key);

	*memory = key | (brief ? BRIEF : LONG);
}

void
tpi_algo_tick(struct tpi_algo *algo, struct tpar_slot *head, int64_t now)
{
	if (!algo->announced && now - algo->began >= TPI_ALGO_BRIEF_NS) {
		announce(algo, head);
	}
}

bool
tpi_algo_stops(struct tpi_algo *algo)
{
	if (TPI_LIKELY(!tpi_region_stopped(algo->region))) {
		return false;
	}
	if (!tpi_region_failed(algo->region)) {
		tpar_run_fail(TPAR_ESTOPPED, NULL);
	} else {
		tpi_region_skip(algo->region);
	}
	return true;
}

void
tpi_algo_enter(struct tpi_algo_call *call)
{
	struct tpi_run *run = tpi_thread_self.run;

	call->message = run->message;
	run->message = NULL;
}

void
tpi_algo_leave(struct tpi_algo_call *call, char *text)
{
	struct tpi_run *run = tpi_thread_self.run;

	if (text != NULL) {
		tpi_copy_text(text, TPAR_MESSAGE_MAX,
			      run->message != NULL ? run->message : "");
	}
	if (TPI_UNLIKELY(run->message != NULL)) {
		tpi_future_free_text(run->task, run->message);
	}
	run->message = call->message;
}

void
tpi_algo_fail(struct tpi_algo *algo, size_t index, int code, const char *text)
{
	if (code == TPAR_ESTOPPED) {
		tpar_run_fail(TPAR_ESTOPPED, NULL);
		return;
	}
	/* One that it is part of may have failed, too. */
	if (tpi_load_relaxed(&algo->region->failed) != 0 ||
	    atomic_exchange_explicit(&algo->elected, 1, memory_order_relaxed) !=
		    0) {
		return;
	}
	algo->index = index;
	algo->code = code;
	if (text[0] != '\0') {
		tpar_run_fail(code, "%s", text);
	} else {
		tpar_run_fail(code, "%.64s failed with code %d at %zu",
			      algo->name, code, index);
	}
}

void
tpi_algo_leave_failed(struct tpi_algo *algo, struct tpi_algo_call *call,
		      size_t index, int code)
{
	char text[TPAR_MESSAGE_MAX];

	tpi_algo_leave(call, text);
	tpi_algo_fail(algo, index, code, text);
}

void
tpi_algo_refuse(struct tpi_algo *algo, enum tpar_err err, const char *text)
{
	if (atomic_exchange_explicit(&algo->elected, 1, memory_order_relaxed) ==
	    0) {
		algo->err = err;
		tpar_run_fail((int)err, "%s", text);
	}
}

/* ENDS: who has it does a bounded number of steps. */
void
tpi_algo_hold(struct tpi_algo *algo)
{
	unsigned i = 0;

	/* ORDER A1 acquire <- tpi_algo_release() */
	while (atomic_exchange_explicit(&algo->lock, 1, memory_order_acquire) !=
	       0) {
		if (++i % 64 == 0) {
			tpi_yield();
		}
		tpi_cpu_pause();
	}
}

void
tpi_algo_release(struct tpi_algo *algo)
{
	/* ORDER A1 release -> tpi_algo_hold() */
	atomic_store_explicit(&algo->lock, 0, memory_order_release);
}

size_t
tpi_algo_root(size_t n)
{
	size_t root = 0;
	size_t bit = (size_t)1 << (sizeof n * 4 - 1);

	for (; bit > 0; bit >>= 1) {
		size_t more = root | bit;

		if (more <= n / more) {
			root = more;
		}
	}
	return root;
}

enum tpar_err
tpi_algo_invalid(struct tpar_failure *why, const char *text)
{
	enum tpar_err err = tpi_err(TPAR_EINVAL, "%s", text);

	tpi_failure_of_call(why, err);
	return err;
}
