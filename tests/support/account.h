/* SPDX-License-Identifier: MIT */
/*
 * account.h - an allocator for pools that counts what is in use.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "unit.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

/* An allocator that counts, and fails on request. */
struct account {
	_Atomic long blocks;  /* in use */
	_Atomic long bytes;   /* in use */
	_Atomic long asked;   /* calls of alloc */
	_Atomic long fail_at; /* the call from which on alloc fails */
};

#define ACCOUNT_INIT                                                           \
	{                                                                      \
		0, 0, 0, LONG_MAX                                              \
	}

/* Lies in front of each block, at the end of the room that is left for it. */
struct account_header {
	size_t size;
	size_t room;
	struct account *account;
};

#define ACCOUNT_ROOM ((size_t)64)

static inline void *
account_alloc(size_t size, size_t align, void *context)
{
	struct account *account = context;
	size_t room = align > ACCOUNT_ROOM ? align : ACCOUNT_ROOM;
	struct account_header *header;
	char *memory;

	UNIT_MUST(align != 0 && (align & (align - 1)) == 0);
	if (atomic_fetch_add(&account->asked, 1) >=
	    atomic_load(&account->fail_at)) {
		return NULL;
	}
	memory = aligned_alloc(room, (room + size + room - 1) / room * room);
	UNIT_MUST(memory != NULL);
	header = (struct account_header *)(void *)(memory + room) - 1;
	header->size = size;
	header->room = room;
	header->account = account;
	memset(memory + room, 0xa5, size);
	atomic_fetch_add(&account->blocks, 1);
	atomic_fetch_add(&account->bytes, (long)size);
	return memory + room;
}

static inline void
account_free(void *memory, size_t size, void *context)
{
	struct account *account = context;
	struct account_header *header = (struct account_header *)memory - 1;

	UNIT_MUST(header->account == account);
	UNIT_MUST(header->size == size);
	atomic_fetch_sub(&account->blocks, 1);
	atomic_fetch_sub(&account->bytes, (long)size);
	free((char *)memory - header->room);
}

#endif
