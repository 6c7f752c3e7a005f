/* SPDX-License-Identifier: MIT */
/*
 * slotmem.c - the memory of a worker's slot stack: address space, aligned to its
 * size, of which the system gives what is touched.  doc/FORKJOIN.md#slots.
 */
#include "config.h"

#include "slots.h"
#include "worker.h"

#include <stdlib.h>
#include <sys/mman.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

_Static_assert(sizeof(struct tpi_slots) <= TPI_SLOTS_FIRST, "before the slots");
_Static_assert(sizeof(struct tpar_slot) == 64, "a cache line");

/* Address space aligned to its size; NULL: no memory. */
static char *
map_aligned(void)
{
	const uintptr_t size = TPAR_SLOTS_SIZE;
	char *all = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t skip;

	if (all == MAP_FAILED) {
		return NULL;
	}
	skip = (size - ((uintptr_t)all & (size - 1))) & (size - 1);
	if (skip > 0) {
		(void)munmap(all, skip);
	}
	(void)munmap(all + skip + size, size - skip);
	return all + skip;
}

struct tpi_slots *
tpi_slots_get(struct tpi_worker *w)
{
	char *memory;

	if (TPI_LIKELY(w->slots != NULL)) {
		return w->slots;
	}
	memory = map_aligned();
	if (memory == NULL) {
		return NULL;
	}
	w->slots = (struct tpi_slots *)(void *)memory;
	w->slots->worker = w;
	w->slots->base = (struct tpar_slot *)(void *)(memory + TPI_SLOTS_FIRST);
	w->slots->end =
		(struct tpar_slot *)(void *)(memory + TPAR_SLOTS_SIZE) - 1;
	w->slots->debug_base = w->slots->base;
	atomic_init(&w->slots->lock, 0);
	atomic_init(&w->slots->priv, w->slots->base);
	w->slots->limits.fork = (uintptr_t)w->slots->end;
	w->slots->limits.join = (uintptr_t)w->slots->base;
	return w->slots;
}

void
tpi_slots_free(struct tpi_slots *s)
{
	if (s != NULL) {
		free(s->spilled);
		free(s->sites);
		(void)munmap(s, TPAR_SLOTS_SIZE);
	}
}
