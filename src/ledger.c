/* SPDX-License-Identifier: MIT */
/*
 * ledger.c - the table of debug builds, under one lock; and what it says.
 *
 * It has its memory from the system, so that neither a pool's allocator nor a
 * test that counts or refuses allocations notices it.
 */
#include "config.h"

#include "ledger.h"

#ifdef TPI_DEBUG

#include "die.h"
#include "lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#define CAPACITY_MIN ((size_t)1 << 15)

/* Sites named in one report. */
#define SITES_MAX 20

static struct tpi_lock lock = TPI_LOCK_INIT(TPI_RANK_AUDIT);
static struct tpi_entry *table; /* [m:lock] */
static size_t capacity;		/* [m:lock] a power of two */
static size_t used;		/* [m:lock] of its entries */

static const char *const kinds[] = { "future", "promise", "group", "stream",
				     "window" };

static struct tpi_entry *
map_table(size_t n)
{
	void *memory =
		mmap(NULL, n * sizeof(struct tpi_entry), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	TPI_CHECK(memory != MAP_FAILED);
	return memory;
}

/* Where it stands, or would. */
static struct tpi_entry *
slot_locked(const void *object)
{
	size_t i = (size_t)(((uint64_t)(uintptr_t)object >> 4) *
				    UINT64_C(0x9e3779b97f4a7c15) >>
			    24);

	/* ENDS: the table is never full. */
	for (;; i++) {
		struct tpi_entry *e = &table[i & (capacity - 1)];

		if (e->object == object || e->object == NULL) {
			return e;
		}
	}
}

/* Room for one more.  What was freed is forgotten then. */
static void
make_room_locked(void)
{
	struct tpi_entry *before = table;
	size_t size = capacity;
	size_t live = 0;
	size_t i;

	if (used < capacity / 4 * 3) {
		return;
	}
	for (i = 0; i < size; i++) {
		live += before[i].state == TPI_ENTRY_LIVE;
	}
	capacity = CAPACITY_MIN;
	while (live >= capacity / 4) {
		capacity *= 2;
	}
	table = map_table(capacity);
	used = live;
	for (i = 0; i < size; i++) {
		if (before[i].state == TPI_ENTRY_LIVE) {
			*slot_locked(before[i].object) = before[i];
		}
	}
	if (before != NULL) {
		TPI_CHECK(munmap(before, size * sizeof *before) == 0);
	}
}

/* "'reader' (net.c:12)", or what is known of it. */
void
tpi_ledger_describe(const struct tpi_entry *e, char *to, size_t size)
{
	const char *name = e->name;

	if (name == NULL && e->kind == TPI_AUDIT_FUTURE) {
		name = "task";
	}
	if (name == NULL && e->site == NULL) {
		(void)snprintf(to, size, "without a name");
	} else if (name == NULL) {
		(void)snprintf(to, size, "(%s)", e->site);
	} else if (e->site == NULL) {
		(void)snprintf(to, size, "'%s'", name);
	} else {
		(void)snprintf(to, size, "'%s' (%s)", name, e->site);
	}
}

/* Says "where: the future of 'reader' (net.c:12) what", and aborts. */
_Noreturn void
tpi_ledger_die_locked(const struct tpi_entry *e, const char *where,
		      const char *what)
{
	char text[512];

	tpi_ledger_describe(e, text, sizeof text);
	tpi_lock_leave(&lock);
	(void)fprintf(stderr, "libtaskpar: %s: the %s%s %s %s\n", where,
		      kinds[e->kind], e->kind == TPI_AUDIT_FUTURE ? " of" : "",
		      text, what);
	abort();
}

/* The entry of an object of this kind, whatever has become of it. */
struct tpi_entry *
tpi_ledger_find_locked(const void *object, enum tpi_audit_kind kind,
		       const char *where)
{
	struct tpi_entry *e = capacity > 0 ? slot_locked(object) : NULL;

	if (e == NULL || e->object == NULL || e->kind != kind) {
		tpi_lock_leave(&lock);
		(void)fprintf(
			stderr,
			"libtaskpar: %s: %p is no %s, or was freed long ago\n",
			where, object, kinds[kind]);
		abort();
	}
	return e;
}

/* The same of one that must be alive. */
struct tpi_entry *
tpi_ledger_live_locked(const void *object, enum tpi_audit_kind kind,
		       const char *where)
{
	struct tpi_entry *e = tpi_ledger_find_locked(object, kind, where);

	if (e->state != TPI_ENTRY_LIVE) {
		tpi_ledger_die_locked(e, where, "was used after it was freed");
	}
	return e;
}

struct tpi_entry *
tpi_ledger_next_locked(struct tpi_entry *e)
{
	size_t i;

	for (i = e != NULL ? (size_t)(e - table) + 1 : 0; i < capacity; i++) {
		if (table[i].state == TPI_ENTRY_LIVE) {
			return &table[i];
		}
	}
	return NULL;
}

void
tpi_ledger_enter(void)
{
	tpi_lock_enter(&lock);
}

void
tpi_ledger_leave(void)
{
	tpi_lock_leave(&lock);
}

bool
tpi_ledger_is_of_fork(const struct tpi_entry *e)
{
	return e->generation != tpi_fork_generation;
}

struct tpi_entry *
tpi_ledger_add_locked(const void *object, enum tpi_audit_kind kind,
		      const char *name, const char *site)
{
	struct tpi_entry *e;

	make_room_locked();
	e = slot_locked(object);
	if (e->state == TPI_ENTRY_LIVE) {
		tpi_ledger_die_locked(e, "audit",
				      "is where another one is made");
	}
	used += e->object == NULL;
	*e = (struct tpi_entry) { .object = object,
				  .name = name,
				  .site = site,
				  .generation = tpi_fork_generation,
				  .state = TPI_ENTRY_LIVE,
				  .kind = (uint8_t)kind };
	return e;
}

static bool
is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Of what a report tells: a pool's futures, or, `of` NULL, all there is. */
static bool
is_held(const struct tpi_entry *e, const void *of)
{
	return e->state == TPI_ENTRY_LIVE && !tpi_ledger_is_of_fork(e) &&
	       !e->told && (e->kind != TPI_AUDIT_FUTURE || e->handles > 0) &&
	       (of == NULL || e->of == of);
}

/* How many there are from `first` on that look alike; they are told then. */
static size_t
tell_locked(struct tpi_entry *first, const void *of)
{
	size_t n = 0;
	size_t i;

	for (i = (size_t)(first - table); i < capacity; i++) {
		struct tpi_entry *e = &table[i];

		if (is_held(e, of) && e->kind == first->kind &&
		    is_same(e->name, first->name) &&
		    is_same(e->site, first->site)) {
			e->told = true;
			n++;
		}
	}
	return n;
}

/* One line for each place. */
void
tpi_ledger_report_locked(const char *what, const char *still, const void *of)
{
	size_t sites = 0;
	char text[512];
	size_t n;
	size_t i;

	/* As long as nothing was made there is no table. */
	for (i = 0; i < capacity; i++) {
		struct tpi_entry *e = &table[i];

		if (!is_held(e, of)) {
			continue;
		}
		if (sites++ == SITES_MAX) {
			(void)fprintf(stderr, "libtaskpar: %s: and others\n",
				      what);
			break;
		}
		tpi_ledger_describe(e, text, sizeof text);
		n = tell_locked(e, of);
		(void)fprintf(stderr, "libtaskpar: %s: %zu %s%s %s: %s\n", what,
			      n, kinds[e->kind], n > 1 ? "s" : "", still, text);
	}
	for (i = 0; i < capacity; i++) {
		table[i].told = false;
	}
}

void
tpi_ledger_fork(enum tpi_fork when)
{
	tpi_fork_lock(&lock, when);
}

#endif
