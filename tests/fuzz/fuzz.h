/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzz targets share: the entry that the engine calls, what
 * must be true, and reading bytes.
 *
 * A target is a LLVMFuzzerTestOneInput().  Linked with replay.c it replays its
 * corpus; linked with libFuzzer it looks for more.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The engine's name for it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The target's: printed before the process ends, to say what the input is. */
void fuzz_describe(FILE *to);

#define FUZZ_MUST(cond)                                                        \
	((cond) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #cond))

static inline _Noreturn void
fuzz_broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
	fuzz_describe(stderr);
	abort();
}

/* Bytes that are read one after the other; 0 beyond the end. */
struct fuzz_bytes {
	const uint8_t *at;
	const uint8_t *end;
};

static inline unsigned
fuzz_byte(struct fuzz_bytes *bytes)
{
	return bytes->at < bytes->end ? *bytes->at++ : 0;
}

static inline bool
fuzz_more(const struct fuzz_bytes *bytes)
{
	return bytes->at < bytes->end;
}

#endif
