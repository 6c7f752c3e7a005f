/* SPDX-License-Identifier: MIT */
/*
 * radix.c - counting digits and moving elements by them.  Short arrays that fit
 * into a cache are sorted from a low digit up.
 */
#include "config.h"

#include "merge.h"
#include "radix.h"

#include <string.h>

/* Fewer elements are merged, and more than can be counted here. */
#define FEW 128

/*
 * Digits per round.  The first round is of the highest ones, after which keys
 * that are spread evenly are almost sorted.
 */
#define DIGITS 3
#define ROUND_BITS (DIGITS * TPI_RADIX_BITS)

/* Where the keys are, which the compiler knows. */
enum kind { CALLED, OF_4, OF_8 };

static TPI_INLINE uint64_t
key_of(const struct tpi_keys *keys, const char *element, enum kind kind)
{
	uint32_t narrow;
	uint64_t wide;

	switch (kind) {
	case OF_4:
		memcpy(&narrow, element, sizeof narrow);
		return narrow ^ keys->flip;
	case OF_8:
		memcpy(&wide, element, sizeof wide);
		return wide ^ keys->flip;
	default:
		return keys->key(element, keys->arg);
	}
}

static TPI_INLINE unsigned
digit(uint64_t key, unsigned low)
{
	return (unsigned)(key >> low) % TPI_RADIX_DIGITS;
}

/* ---- A long array ----------------------------------------------------------- */

static TPI_INLINE uint64_t
vary_of(const struct tpi_keys *keys, const char *from, size_t n, uint64_t first,
	size_t size, enum kind kind)
{
	uint64_t vary = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		vary |= key_of(keys, from + i * size, kind) ^ first;
	}
	return vary;
}

static TPI_INLINE void
count_of(const struct tpi_keys *keys, const char *from, size_t n, unsigned low,
	 size_t *count, size_t size, enum kind kind)
{
	size_t i;

	memset(count, 0, TPI_RADIX_DIGITS * sizeof *count);
	for (i = 0; i < n; i++) {
		count[digit(key_of(keys, from + i * size, kind), low)]++;
	}
}

static TPI_INLINE bool
scatter_of(const struct tpi_keys *keys, const char *from, size_t n,
	   unsigned low, char *to, size_t *at, size_t *count, size_t size,
	   enum kind kind)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const char *element = from + i * size;
		unsigned d = digit(key_of(keys, element, kind), low);

		/* Elements themselves do not change. */
		if (kind == CALLED) {
			if (count[d] == 0) {
				return false;
			}
			count[d]--;
		}
		memcpy(to + at[d]++ * size, element, size);
	}
	return true;
}

/* ---- A short one ------------------------------------------------------------ */

struct round {
	uint32_t at[DIGITS][TPI_RADIX_DIGITS];
	uint32_t end[DIGITS][TPI_RADIX_DIGITS];
};

/* Turns counts into places.  false: all n have the same digit. */
static bool
place(uint32_t *at, uint32_t *end, size_t n)
{
	uint32_t sum = 0;
	int d;

	for (d = 0; d < TPI_RADIX_DIGITS; d++) {
		uint32_t count = at[d];

		if (count == n) {
			return false;
		}
		at[d] = sum;
		sum += count;
		end[d] = sum;
	}
	return true;
}

/*
 * Sorts by bits from `low` up to `high`, at most ROUND_BITS.  Returns how often
 * the elements have changed their place.
 */
static TPI_INLINE int
round_of(const struct tpi_keys *keys, char *from, char *to, size_t n,
	 unsigned low, unsigned high, size_t size, enum kind kind)
{
	struct round r;
	int moves = 0;
	unsigned k;
	size_t i;

	memset(r.at, 0, sizeof r.at);
	for (i = 0; i < n; i++) {
		uint64_t key = key_of(keys, from + i * size, kind) >> low;

		for (k = 0; k < DIGITS; k++) {
			r.at[k][digit(key, k * TPI_RADIX_BITS)]++;
		}
	}
	for (k = 0; low < high; k++, low += TPI_RADIX_BITS) {
		char *kept = from;

		if (!place(r.at[k], r.end[k], n)) {
			continue;
		}
		for (i = 0; i < n; i++) {
			const char *element = from + i * size;
			unsigned d = digit(key_of(keys, element, kind), low);

			if (kind == CALLED && r.at[k][d] == r.end[k][d]) {
				return moves;
			}
			memcpy(to + r.at[k][d]++ * size, element, size);
		}
		from = to;
		to = kept;
		moves++;
	}
	return moves;
}

/* Sorts what is almost sorted.  false: it is less so than n moves can mend. */
static TPI_INLINE bool
finish_of(const struct tpi_keys *keys, char *from, char *spare, size_t n,
	  size_t size, enum kind kind)
{
	uint64_t last = key_of(keys, from, kind);
	size_t moves = 0;
	size_t i;

	for (i = 1; i < n; i++) {
		char *element = from + i * size;
		uint64_t key = key_of(keys, element, kind);
		size_t at = i;

		if (TPI_LIKELY(last <= key)) {
			last = key;
			continue;
		}
		memcpy(spare, element, size);
		/* ENDS: at the beginning. */
		do {
			memcpy(from + at * size, from + (at - 1) * size, size);
			at--;
		} while (at > 0 &&
			 key_of(keys, from + (at - 1) * size, kind) > key);
		memcpy(from + at * size, spare, size);
		moves += i - at;
		if (moves > n) {
			return false;
		}
	}
	return true;
}

static TPI_INLINE int
compare_of(const void *a, const void *b, void *arg, enum kind kind)
{
	uint64_t x = key_of(arg, a, kind);
	uint64_t y = key_of(arg, b, kind);

	return (x > y) - (x < y);
}

static TPI_INLINE bool
sort_of(const struct tpi_keys *keys, char *from, char *to, size_t n,
	unsigned bits, size_t size, enum kind kind)
{
	unsigned low = bits > ROUND_BITS ? bits - ROUND_BITS : 0;
	int moves = round_of(keys, from, to, n, low, bits, size, kind);
	char *at[2] = { from, to };

	if (low == 0 || finish_of(keys, at[moves % 2], at[(moves + 1) % 2], n,
				  size, kind)) {
		return moves % 2 > 0;
	}
	/* What has been done so far has kept equal elements in their order. */
	for (low = 0; low < bits; low += ROUND_BITS) {
		unsigned high =
			bits - low > ROUND_BITS ? low + ROUND_BITS : bits;

		moves += round_of(keys, at[moves % 2], at[(moves + 1) % 2], n,
				  low, high, size, kind);
	}
	return moves % 2 > 0;
}

/* ---- For each size and kind that matters ------------------------------------- */

#define OF(name, size, kind)                                                   \
	static uint64_t vary_##name(const struct tpi_keys *keys,               \
				    const char *from, size_t n,                \
				    uint64_t first)                            \
	{                                                                      \
		return vary_of(keys, from, n, first, size, kind);              \
	}                                                                      \
                                                                               \
	static void count_##name(const struct tpi_keys *keys,                  \
				 const char *from, size_t n, unsigned low,     \
				 size_t *count)                                \
	{                                                                      \
		count_of(keys, from, n, low, count, size, kind);               \
	}                                                                      \
                                                                               \
	static bool scatter_##name(const struct tpi_keys *keys,                \
				   const char *from, size_t n, unsigned low,   \
				   char *to, size_t *at, size_t *count)        \
	{                                                                      \
		return scatter_of(keys, from, n, low, to, at, count, size,     \
				  kind);                                       \
	}                                                                      \
                                                                               \
	static bool sort_##name(const struct tpi_keys *keys, char *from,       \
				char *to, size_t n, unsigned bits)             \
	{                                                                      \
		return sort_of(keys, from, to, n, bits, size, kind);           \
	}                                                                      \
                                                                               \
	static int compare_##name(const void *a, const void *b, void *arg)     \
	{                                                                      \
		return compare_of(a, b, arg, kind);                            \
	}

OF(u4, 4, OF_4)
OF(u8, 8, OF_8)
OF(4, 4, CALLED)
OF(8, 8, CALLED)
OF(16, 16, CALLED)
OF(24, 24, CALLED)
OF(32, 32, CALLED)
OF(any, keys->size, CALLED)

struct of {
	size_t size; /* 0: any */
	uint64_t (*vary)(const struct tpi_keys *keys, const char *from,
			 size_t n, uint64_t first);
	void (*count)(const struct tpi_keys *keys, const char *from, size_t n,
		      unsigned low, size_t *count);
	bool (*scatter)(const struct tpi_keys *keys, const char *from, size_t n,
			unsigned low, char *to, size_t *at, size_t *count);
	bool (*sort)(const struct tpi_keys *keys, char *from, char *to,
		     size_t n, unsigned bits);
	int (*compare)(const void *a, const void *b, void *arg);
};

#define FUNCTIONS(size, name)                                                  \
	{                                                                      \
		size, vary_##name, count_##name, scatter_##name, sort_##name,  \
			compare_##name                                         \
	}

static const struct of *
find(const struct tpi_keys *keys)
{
	static const struct of themselves[] = { FUNCTIONS(8, u8),
						FUNCTIONS(0, u4) };
	static const struct of called[] = {
		FUNCTIONS(8, 8),   FUNCTIONS(4, 4),   FUNCTIONS(16, 16),
		FUNCTIONS(24, 24), FUNCTIONS(32, 32), FUNCTIONS(0, any)
	};
	const struct of *found = keys->key == NULL ? themselves : called;

	while (found->size != keys->size && found->size != 0) {
		found++;
	}
	return found;
}

uint64_t
tpi_radix_vary(const struct tpi_keys *keys, const char *from, size_t n,
	       uint64_t first)
{
	return find(keys)->vary(keys, from, n, first);
}

uint64_t
tpi_radix_key(const struct tpi_keys *keys, const char *element)
{
	return find(keys)->vary(keys, element, 1, 0);
}

void
tpi_radix_count(const struct tpi_keys *keys, const char *from, size_t n,
		unsigned low, size_t *count)
{
	find(keys)->count(keys, from, n, low, count);
}

bool
tpi_radix_scatter(const struct tpi_keys *keys, const char *from, size_t n,
		  unsigned low, char *to, size_t *at, size_t *count)
{
	return find(keys)->scatter(keys, from, n, low, to, at, count);
}

bool
tpi_radix_sort(const struct tpi_keys *keys, char *from, char *to, size_t n,
	       unsigned bits)
{
	struct tpi_keys kept = *keys;
	struct tpi_order order = { find(keys)->compare, &kept, keys->size };

	if (n >= FEW && n <= UINT32_MAX) {
		return find(keys)->sort(keys, from, to, n, bits);
	}
	tpi_merge_sort(&order, from, to, n, false);
	return false;
}
