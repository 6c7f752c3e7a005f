/* SPDX-License-Identifier: MIT */
/*
 * seen.c - a set of addresses, by open addressing.
 */
#include "config.h"

#include "seen.h"

#include <stdlib.h>
#include <string.h>

void
tpi_seen_init(struct tpi_seen *seen)
{
	seen->slot = seen->few;
	seen->count = 0;
	seen->size = TPI_SEEN_FEW;
	memset(seen->few, 0, sizeof seen->few);
}

void
tpi_seen_fini(struct tpi_seen *seen)
{
	if (seen->slot != seen->few) {
		free((void *)seen->slot);
	}
}

/* Where it is, or would be. */
static size_t
place(const void **slot, size_t size, const void *address)
{
	/* Futures are 128 bytes apart. */
	size_t i = tpi_wrap_mul((uintptr_t)address >> 7, 2654435761u) % size;

	while (slot[i] != NULL && slot[i] != address) {
		i = (i + 1) % size;
	}
	return i;
}

bool
tpi_seen_has(const struct tpi_seen *seen, const void *address)
{
	return seen->slot[place(seen->slot, seen->size, address)] != NULL;
}

static bool
grow(struct tpi_seen *seen)
{
	size_t size = 2 * seen->size;
	const void **slot = calloc(size, sizeof *slot);
	size_t i;

	if (slot == NULL) {
		return false;
	}
	for (i = 0; i < seen->size; i++) {
		if (seen->slot[i] != NULL) {
			slot[place(slot, size, seen->slot[i])] = seen->slot[i];
		}
	}
	tpi_seen_fini(seen);
	seen->slot = slot;
	seen->size = size;
	return true;
}

bool
tpi_seen_add(struct tpi_seen *seen, const void *address)
{
	if (2 * seen->count >= seen->size && !grow(seen)) {
		return false;
	}
	seen->slot[place(seen->slot, seen->size, address)] = address;
	seen->count++;
	return true;
}
