/* SPDX-License-Identifier: MIT */
/*
 * base.h - what every private file needs: cache line, branch hints, types.
 */
#ifndef TPI_BASE_H
#define TPI_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two lines: the hardware prefetches them in pairs. */
#define TPI_CACHELINE 128

/* How far ahead a loop over futures fetches: what memory takes for one. */
#define TPI_AHEAD 32

#if defined(__GNUC__)
#define TPI_LIKELY(x) __builtin_expect(!!(x), 1)
#define TPI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define TPI_NOINLINE __attribute__((noinline))
#define TPI_INLINE inline __attribute__((always_inline))
#define TPI_PREFETCH(p) __builtin_prefetch(p)
#else
#define TPI_LIKELY(x) (x)
#define TPI_UNLIKELY(x) (x)
#define TPI_NOINLINE
#define TPI_INLINE inline
#define TPI_PREFETCH(p) ((void)(p))
#endif

/*
 * For a function that is called for each task, and has no array in its frame: what
 * guards against one that overflows would cost more than the rest of the hardening.
 */
#if defined __has_attribute
#if __has_attribute(no_stack_protector)
#define TPI_NO_ARRAYS __attribute__((no_stack_protector))
#endif
#endif
#ifndef TPI_NO_ARRAYS
#define TPI_NO_ARRAYS
#endif

/*
 * Unsigned arithmetic that may wrap around and means to, as in hashes: builds
 * with -fsanitize=integer stop at all other.
 */
static inline uintptr_t
tpi_wrap_mul(uintptr_t a, uintptr_t b)
{
	uintptr_t product;

	(void)__builtin_mul_overflow(a, b, &product);
	return product;
}

static inline uintptr_t
tpi_wrap_add(uintptr_t a, uintptr_t b)
{
	uintptr_t sum;

	(void)__builtin_add_overflow(a, b, &sum);
	return sum;
}

/* Of two numbers from a counter that wraps around: how far a is past b. */
static inline int32_t
tpi_wrap_past(uint32_t a, uint32_t b)
{
	uint32_t difference;

	(void)__builtin_sub_overflow(a, b, &difference);
	return (int32_t)difference;
}

#if defined(__has_feature)
#define TPI_HAS_FEATURE(x) __has_feature(x)
#else
#define TPI_HAS_FEATURE(x) 0
#endif

/* Is this a build under ThreadSanitizer, AddressSanitizer, one of them? */
#if defined(__SANITIZE_THREAD__) || TPI_HAS_FEATURE(thread_sanitizer)
#define TPI_TSAN 1
#else
#define TPI_TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || TPI_HAS_FEATURE(address_sanitizer)
#define TPI_ASAN 1
#else
#define TPI_ASAN 0
#endif
#define TPI_SANITIZED (TPI_TSAN || TPI_ASAN)

/* Memory that nobody touches for now, for AddressSanitizer. */
#if TPI_ASAN
#include <sanitizer/asan_interface.h>
#define TPI_POISON(p, size) ASAN_POISON_MEMORY_REGION(p, size)
#define TPI_UNPOISON(p, size) ASAN_UNPOISON_MEMORY_REGION(p, size)
#else
#define TPI_POISON(p, size) ((void)0)
#define TPI_UNPOISON(p, size) ((void)0)
#endif

#define TPI_CONTAINER(ptr, type, member)                                       \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
