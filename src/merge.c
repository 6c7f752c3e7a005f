/* SPDX-License-Identifier: MIT */
/*
 * merge.c - merging by a comparison function, fast where its answers cannot be
 * predicted: without branches that depend on them, and from both ends at once,
 * so that two chains of comparisons overlap.
 */
#include "config.h"

#include "merge.h"

#include <string.h>

/* Elements that are sorted without merging. */
#define SMALL 4

/* Parts of more elements have a multiple of that; it is SMALL * 2^k. */
#define UNIT 32

size_t
tpi_merge_half(size_t n)
{
	size_t unit = n > UNIT ? UNIT : SMALL;

	return (n / 2 + unit - 1) / unit * unit;
}

/* ---- Of one size, which the compiler knows, or not ------------------------ */

/* a, or b if `second`, without a branch. */
static TPI_INLINE const char *
choose(bool second, const char *a, const char *b)
{
	uintptr_t x = (uintptr_t)a;

	return (const char *)(x ^ ((x ^ (uintptr_t)b) &
				   (uintptr_t) - (intptr_t)second));
}

/* What is not merged yet, and where to. */
struct rest {
	const char *left;
	const char *left_end;
	const char *right;
	const char *right_end;
	char *to;
	char *to_end;
};

/* Moves the first k elements of the result, and the last k. */
static TPI_INLINE void
merge_ends(const struct tpi_order *order, struct rest *rest, size_t k,
	   size_t size)
{
	int (*compare)(const void *, const void *, void *) = order->compare;
	void *arg = order->arg;
	struct rest r = *rest;

	for (; k > 0; k--) {
		const char *left_last = r.left_end - size;
		const char *right_last = r.right_end - size;
		bool first = compare(r.right, r.left, arg) < 0;
		bool last = compare(right_last, left_last, arg) < 0;

		memcpy(r.to, choose(first, r.left, r.right), size);
		r.to += size;
		r.left += !first * size;
		r.right += first * size;
		r.to_end -= size;
		memcpy(r.to_end, choose(last, right_last, left_last), size);
		r.left_end -= last * size;
		r.right_end -= !last * size;
	}
	*rest = r;
}

static void
put_both(char *to, struct tpi_sorted a, struct tpi_sorted b, size_t size)
{
	memcpy(to, a.at, a.n * size);
	memcpy(to + a.n * size, b.at, b.n * size);
}

static TPI_INLINE void
merge_of(const struct tpi_order *order, char *to, struct tpi_sorted left,
	 struct tpi_sorted right, size_t size)
{
	/* ENDS: each round moves at least two elements. */
	while (left.n > 0 && right.n > 0) {
		size_t k = left.n < right.n ? left.n : right.n;
		struct rest rest = { left.at,  left.at + left.n * size,
				     right.at, right.at + right.n * size,
				     to,       to + (left.n + right.n) * size };

		merge_ends(order, &rest, k, size);
		if (TPI_UNLIKELY(rest.left > rest.left_end ||
				 rest.right > rest.right_end)) {
			/* No order: some were moved from both ends. */
			break;
		}
		left.at = rest.left;
		left.n = (size_t)(rest.left_end - rest.left) / size;
		right.at = rest.right;
		right.n = (size_t)(rest.right_end - rest.right) / size;
		to = rest.to;
	}
	put_both(to, left, right, size);
}

static TPI_INLINE void
insert_of(const struct tpi_order *order, const char *from, char *to, size_t n,
	  size_t size)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const char *new = from + i *size;
		size_t at = i;

		while (at > 0 &&
		       tpi_order_is_before(order, new, to + (at - 1) * size)) {
			memcpy(to + at * size, to + (at - 1) * size, size);
			at--;
		}
		memcpy(to + at * size, new, size);
	}
}

/* Four elements, to elsewhere. */
static TPI_INLINE void
four_of(const struct tpi_order *order, const char *v, char *to, size_t size)
{
	bool c1 = tpi_order_is_before(order, v + size, v);
	bool c2 = tpi_order_is_before(order, v + 3 * size, v + 2 * size);
	const char *a = choose(c1, v, v + size);
	const char *b = choose(c1, v + size, v);
	const char *c = choose(c2, v + 2 * size, v + 3 * size);
	const char *d = choose(c2, v + 3 * size, v + 2 * size);
	bool c3 = tpi_order_is_before(order, c, a);
	bool c4 = tpi_order_is_before(order, d, b);
	/* Those in the middle, in the order that they came in. */
	const char *l = choose(c3, choose(c4, b, c), a);
	const char *r = choose(c4, choose(c3, c, b), d);
	bool c5 = tpi_order_is_before(order, r, l);

	memcpy(to, choose(c3, a, c), size);
	memcpy(to + size, choose(c5, l, r), size);
	memcpy(to + 2 * size, choose(c5, r, l), size);
	memcpy(to + 3 * size, choose(c4, d, b), size);
}

static TPI_INLINE void
sort_small(const struct tpi_order *order, char *from, char *to, size_t n,
	   bool there, size_t size)
{
	if (n == 4) {
		four_of(order, from, to, size);
	} else {
		insert_of(order, from, to, n, size);
	}
	if (!there) {
		memcpy(from, to, n * size);
	}
}

/* Merges neighbours, which may be in order as they are. */
static TPI_INLINE void
join_of(const struct tpi_order *order, const char *from, char *to, size_t half,
	size_t n, size_t size)
{
	struct tpi_sorted left = { from, half };
	struct tpi_sorted right = { from + half * size, n - half };

	if (n > UNIT &&
	    !tpi_order_is_before(order, right.at, right.at - size)) {
		memcpy(to, from, n * size);
	} else {
		merge_of(order, to, left, right, size);
	}
}

/* ---- For each size that matters ------------------------------------------- */

#define OF_SIZE(name, size)                                                    \
	static void merge_##name(const struct tpi_order *order, char *to,      \
				 struct tpi_sorted left,                       \
				 struct tpi_sorted right)                      \
	{                                                                      \
		merge_of(order, to, left, right, size);                        \
	}                                                                      \
                                                                               \
	static void sort_##name(const struct tpi_order *order, char *from,     \
				char *to, size_t n, bool there)                \
	{                                                                      \
		size_t half = tpi_merge_half(n);                               \
                                                                               \
		if (n <= SMALL) {                                              \
			sort_small(order, from, to, n, there, size);           \
			return;                                                \
		}                                                              \
		sort_##name(order, from, to, half, !there);                    \
		sort_##name(order, from + half * (size), to + half * (size),   \
			    n - half, !there);                                 \
		join_of(order, there ? from : to, there ? to : from, half, n,  \
			size);                                                 \
	}

OF_SIZE(4, 4)
OF_SIZE(8, 8)
OF_SIZE(16, 16)
OF_SIZE(24, 24)
OF_SIZE(32, 32)
OF_SIZE(any, order->size)

static const struct of_size {
	size_t size; /* 0: any */
	void (*merge)(const struct tpi_order *order, char *to,
		      struct tpi_sorted left, struct tpi_sorted right);
	void (*sort)(const struct tpi_order *order, char *from, char *to,
		     size_t n, bool there);
} of_sizes[] = {
	{ 8, merge_8, sort_8 },	   { 4, merge_4, sort_4 },
	{ 16, merge_16, sort_16 }, { 24, merge_24, sort_24 },
	{ 32, merge_32, sort_32 }, { 0, merge_any, sort_any },
};

static const struct of_size *
find(size_t size)
{
	const struct of_size *found = of_sizes;

	while (found->size != size && found->size != 0) {
		found++;
	}
	return found;
}

void
tpi_merge(const struct tpi_order *order, char *to, struct tpi_sorted left,
	  struct tpi_sorted right)
{
	find(order->size)->merge(order, to, left, right);
}

void
tpi_merge_sort(const struct tpi_order *order, char *from, char *to, size_t n,
	       bool there)
{
	find(order->size)->sort(order, from, to, n, there);
}

/* ---- Of any size ---------------------------------------------------------- */

size_t
tpi_merge_split(const struct tpi_order *order, struct tpi_sorted left,
		struct tpi_sorted right, size_t k)
{
	size_t low = k > right.n ? k - right.n : 0;
	size_t high = k < left.n ? k : left.n;

	/* ENDS: half of the rest is cut off each time. */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (tpi_order_is_before(order,
					right.at + (k - mid - 1) * order->size,
					left.at + mid * order->size)) {
			high = mid;
		} else {
			low = mid + 1;
		}
	}
	return low;
}

size_t
tpi_merge_run(const struct tpi_order *order, const char *from, size_t n,
	      bool *descending)
{
	size_t size = order->size;
	size_t i = 2;

	*descending = n > 1 && tpi_order_is_before(order, from + size, from);
	while (i < n &&
	       tpi_order_is_before(order, from + i * size,
				   from + (i - 1) * size) == *descending) {
		i++;
	}
	return n < 2 ? n : i;
}

static void
swap(char *a, char *b, size_t size)
{
	char kept[64];

	while (size > 0) {
		size_t n = size < sizeof kept ? size : sizeof kept;

		memcpy(kept, a, n);
		memcpy(a, b, n);
		memcpy(b, kept, n);
		a += n;
		b += n;
		size -= n;
	}
}

void
tpi_merge_reverse(char *from, size_t n, size_t size)
{
	size_t i;

	for (i = 0; i < n / 2; i++) {
		swap(from + i * size, from + (n - 1 - i) * size, size);
	}
}
