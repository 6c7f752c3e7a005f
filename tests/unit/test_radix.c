/* SPDX-License-Identifier: MIT */
/*
 * test_radix.c - counting digits, moving elements by them, and sorting short
 * arrays from the low digits up.
 */
#include "config.h"

#include "src/radix.h"

#include "unit.h"

#include <string.h>

enum { MOST = 3000 };

struct record {
	uint64_t key;
	uint64_t which;
};

static uint64_t seed = 1;

static uint64_t
dice(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t
key_of(const void *element, void *arg)
{
	const struct record *record = element;

	(void)arg;
	return record->key;
}

static uint64_t
by_dice(const void *element, void *arg)
{
	(void)element;
	(void)arg;
	return dice();
}

static const struct tpi_keys by_key = { key_of, NULL, 0, 16 };
static const struct tpi_keys by_itself = { NULL, NULL, 0, 8 };
static struct record records[MOST];
static struct record spare[MOST];

static char *
bytes(void *memory)
{
	return memory;
}

static bool
are_sorted(const struct record *r, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++) {
		if (r[i - 1].key > r[i].key ||
		    (r[i - 1].key == r[i].key && r[i - 1].which > r[i].which)) {
			return false;
		}
	}
	return true;
}

static bool
are_complete(const struct record *r, size_t n)
{
	bool seen[MOST] = { false };
	size_t i;

	for (i = 0; i < n; i++) {
		if (r[i].which >= n || seen[r[i].which]) {
			return false;
		}
		seen[r[i].which] = true;
	}
	return true;
}

/* Keys within `mask`. */
static void
fill(size_t n, uint64_t mask)
{
	size_t i;

	for (i = 0; i < n; i++) {
		records[i].key = dice() & mask;
		records[i].which = i;
	}
}

START_TEST(vary_has_the_bits_that_differ)
{
	uint64_t keys[] = { 0xff00, 0xff01, 0xff40, 0xff00 };
	struct tpi_keys flipped = { NULL, NULL, UINT64_C(1) << 63, 8 };
	struct tpi_keys narrow = { NULL, NULL, 0, 4 };

	ck_assert_uint_eq(tpi_radix_vary(&by_itself, bytes(keys), 4, 0xff00),
			  0x41);
	ck_assert_uint_eq(tpi_radix_vary(&by_itself, bytes(keys), 1, 0xff00),
			  0);
	ck_assert_uint_eq(tpi_radix_key(&by_itself, bytes(keys)), 0xff00);
	ck_assert_uint_eq(tpi_radix_key(&flipped, bytes(keys)),
			  UINT64_C(0x800000000000ff00));
	keys[0] = UINT64_MAX;
	ck_assert_uint_eq(tpi_radix_key(&narrow, bytes(keys)), UINT32_MAX);
}
END_TEST

START_TEST(scatters_stably_to_places)
{
	size_t count[TPI_RADIX_DIGITS];
	size_t at[TPI_RADIX_DIGITS];
	size_t sum = 0;
	size_t i;

	fill(MOST, 0xff0ff);
	tpi_radix_count(&by_key, bytes(records), MOST, 12, count);
	for (i = 0; i < TPI_RADIX_DIGITS; i++) {
		at[i] = sum;
		sum += count[i];
	}
	ck_assert_uint_eq(sum, MOST);
	ck_assert(tpi_radix_scatter(&by_key, bytes(records), MOST, 12,
				    bytes(spare), at, count));
	for (i = 0; i < MOST; i++) {
		spare[i].key >>= 12;
	}
	ck_assert(are_sorted(spare, MOST));
	ck_assert(are_complete(spare, MOST));
}
END_TEST

START_TEST(what_was_counted_otherwise_is_not_scattered)
{
	size_t count[TPI_RADIX_DIGITS];
	size_t at[TPI_RADIX_DIGITS] = { 0 };

	fill(100, 1);
	tpi_radix_count(&by_key, bytes(records), 100, 0, count);
	at[1] = count[0];
	records[50].key ^= 1;
	ck_assert(!tpi_radix_scatter(&by_key, bytes(records), 100, 0,
				     bytes(spare), at, count));
	ck_assert(are_complete(records, 100));
}
END_TEST

START_TEST(sorts_any_length_and_any_bits)
{
	size_t n;
	unsigned bits;

	for (bits = 0; bits <= 64; bits++) {
		uint64_t mask =
			bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;

		for (n = 1; n < MOST; n += 1 + n / 2) {
			bool there;

			fill(n, mask);
			there = tpi_radix_sort(&by_key, bytes(records),
					       bytes(spare), n, bits);
			ck_assert(are_sorted(there ? spare : records, n));
			ck_assert(are_complete(there ? spare : records, n));
		}
	}
}
END_TEST

START_TEST(sorts_what_differs_in_low_bits_only)
{
	int low;
	size_t i;

	for (low = 1; low < 40; low += 3) {
		bool there;

		fill(MOST, (UINT64_C(1) << low) - 1);
		for (i = 0; i < MOST; i++) {
			records[i].key |= (dice() % 3) << 62;
		}
		there = tpi_radix_sort(&by_key, bytes(records), bytes(spare),
				       MOST, 64);
		ck_assert(are_sorted(there ? spare : records, MOST));
		ck_assert(are_complete(there ? spare : records, MOST));
	}
}
END_TEST

START_TEST(keys_that_change_their_mind_lose_nothing)
{
	struct tpi_keys keys = by_key;
	size_t n;

	keys.key = by_dice;
	for (n = 1; n < MOST; n += 1 + n / 8) {
		bool there;

		fill(n, UINT64_MAX);
		there = tpi_radix_sort(&keys, bytes(records), bytes(spare), n,
				       64);
		ck_assert(are_complete(there ? spare : records, n));
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		vary_has_the_bits_that_differ,
		scatters_stably_to_places,
		what_was_counted_otherwise_is_not_scattered,
		sorts_any_length_and_any_bits,
		sorts_what_differs_in_low_bits_only,
		keys_that_change_their_mind_lose_nothing,
	};

	return unit_main("radix", tests, sizeof tests / sizeof tests[0]);
}
