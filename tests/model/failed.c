/* SPDX-License-Identifier: MIT */
/*
 * failed.c - a computation fails while a worker sets its limits, as it ENTERs it
 * or as it joins: the next join of that worker asks the library, which sees that
 * it has failed.  NESTED, it is an outer one that fails.
 *
 * CFLAGS: -DENTER -DNESTED
 * CFLAGS: -DNESTED
 * CFLAGS: -DENTER
 * CFLAGS: -DJOIN
 * MUTANT: region.c /ORDER L5 seq_cst/,/;/s/_seq_cst/_relaxed/
 * MUTANT: region.h /ORDER L5 seq_cst/,/;/s/_seq_cst/_acquire/
 * MUTANT: slots.c /ORDER L5 seq_cst -- tpi_slots_fail_with/,/;/s/_SEQ_CST/_RELEASE/
 * MUTANT: slots.c /ORDER L5 seq_cst -- set_join_limit/,/;/s/_SEQ_CST/_RELAXED/
 * MUTANT: -DENTER slots.c /ORDER L5 seq_cst -> tpi_slots_live/,/;/s/_seq_cst/_release/
 * MUTANT: -DENTER slots.c /ORDER L5 seq_cst <- tpi_slots_enter/,/;/s/_seq_cst/_acquire/
 * MUTANT: -DNESTED region.h s/region = tpi_region_around(region)/region = NULL/
 * MUTANT: -DPOKE_FIRST
 */
#include "forks.h"

#include "src/region.c"

#ifdef NESTED
static struct tpi_region inner = { .outer = &region };
#define INNERMOST inner
#else
#define INNERMOST region
#endif

/* No thread sleeps here. */
void
tpi_park_wake_blocked(struct tpar_pool *of)
{
	(void)of;
}

static void
fail(int code, ...)
{
	va_list args;

	va_start(args, code);
#ifdef POKE_FIRST
	(void)each_live(&pool, poke_surely);
	(void)tpi_region_fail(&region, TPAR_EFAILED, code, NULL, args);
#else
	tpi_slots_fail_with(&region, TPAR_EFAILED, code, NULL, args);
#endif
	va_end(args);
}

static void *
failer(void *arg)
{
	fail(7);
	return arg;
}

int
main(void)
{
	pthread_t thread;

	make_slots(SLOTS - 1);
	thread_self.worker = &worker[0];
#ifndef ENTER
	(void)tpi_slots_enter(slots, &span, &INNERMOST, &whole);
#endif
	pthread_create(&thread, NULL, failer, NULL);
#ifdef ENTER
	(void)tpi_slots_enter(slots, &span, &INNERMOST, &whole);
#else
	tpi_slots_relimit(slots);
#endif
	pthread_join(thread, NULL);
	assert(!tpar_join_slot(base));
	assert(tpi_region_failed(&INNERMOST));
	assert(region.code == 7);
	tpi_slots_leave(slots, &span);
	free_slots();
	return 0;
}
