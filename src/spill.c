/* SPDX-License-Identifier: MIT */
/*
 * spill.c - the results of forks that found no slot.  doc/FORKJOIN.md.
 */
#include "config.h"

#include "region.h"
#include "slots.h"
#include "spill.h"

#include <stdlib.h>
#include <string.h>

/*
 * Memory for one result more, before there is one: what has run and says nothing
 * would be taken for what has not.  Those that had none are zero.
 */
static bool
make_room(struct tpi_slots *s)
{
	size_t had = s->spilled_capacity;
	size_t n = s->spilled_count;
	size_t more = n < 64 ? 64 : 2 * n;
	struct tpi_spilled *grown;

	if (n < had) {
		return true;
	}
	grown = realloc(s->spilled, more * sizeof *grown);
	if (grown == NULL) {
		tpi_slots_fail(s->span->region, TPAR_ENOMEM,
			       "no memory for %zu forks beyond the slots",
			       n + 1);
		return false;
	}
	memset(grown + had, 0, (n - had) * sizeof *grown);
	s->spilled = grown;
	s->spilled_capacity = more;
	return true;
}

/* Keeps the result in the last slot; without memory it is zero. */
static void
keep(struct tpi_slots *s)
{
	size_t n = s->spilled_count++;

	if (n < s->spilled_capacity) {
		memcpy(s->spilled[n].data, s->end->data, sizeof s->end->data);
	}
}

void
tpi_spill_back(struct tpi_slots *s)
{
	size_t n = --s->spilled_count;

	if (n < s->spilled_capacity) {
		memcpy(s->end->data, s->spilled[n].data, sizeof s->end->data);
	} else {
		memset(s->end->data, 0, sizeof s->end->data);
	}
	tpi_slots_relimit(s);
}

void
tpi_spill_call(struct tpi_slots *s)
{
	tpar_slot_fn fn = s->end->head.fn;

	__atomic_store_n(&s->end->head.fn, (tpar_slot_fn)NULL,
			 __ATOMIC_RELAXED);
	if (s->spilled_count == 0) {
		s->last_fn = (s->end - 1)->head.fn;
	}
	if (tpi_region_failed(s->span->region) || !make_room(s)) {
		(void)tpi_slots_skip(s->span->region, s->end);
	} else {
		fn(s->end, s->end);
	}
	keep(s);
	tpi_slots_relimit(s);
}
