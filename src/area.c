/* SPDX-License-Identifier: MIT */
/*
 * area.c - what sorting by comparisons and by keys have in common.
 */
#include "config.h"

#include "area.h"
#include "err.h"
#include "failure.h"

#include <taskpar/cancel.h>
#include <taskpar/forkjoin.h>

#include <stdlib.h>

/* Elements may be aligned to what their size is a multiple of. */
static char *
align_as(char *memory, const char *base, size_t align)
{
	size_t wanted = (uintptr_t)base & (align - 1);
	size_t is = (uintptr_t)memory & (align - 1);

	return memory + ((align + wanted - is) & (align - 1));
}

static enum tpar_err
make(struct tpi_area *area, char *base, size_t n, bool has_function)
{
	size_t size = area->size;
	size_t align;

	if (size == 0) {
		return tpi_err(TPAR_EINVAL, "elements of size 0");
	}
	align = size & (~size + 1);
	if (!has_function) {
		return tpi_err(TPAR_EINVAL, "no function to sort by");
	}
	if (base == NULL && n > 0) {
		return tpi_err(TPAR_EINVAL, "base is NULL");
	}
	if (n > PTRDIFF_MAX / size) {
		return tpi_err(TPAR_EINVAL, "%zu elements of %zu bytes", n,
			       size);
	}
	area->memory = n < 2 ? NULL : malloc(n * size + align - 1);
	if (n >= 2 && area->memory == NULL) {
		return tpi_err(TPAR_ENOMEM, "no memory to sort %zu bytes",
			       n * size);
	}
	area->at[TPI_IN_ARRAY] = base;
	area->at[TPI_IN_SPARE] =
		n < 2 ? NULL : align_as(area->memory, base, align);
	return TPAR_OK;
}

enum tpar_err
tpi_area_make(struct tpi_area *area, void *base, size_t n, size_t size,
	      bool has_function, struct tpar_failure *why)
{
	enum tpar_err err;

	area->size = size;
	err = make(area, base, n, has_function);
	if (err != TPAR_OK) {
		tpi_failure_of_call(why, err);
	}
	return err;
}

void
tpi_area_free(void *area)
{
	free(((struct tpi_area *)area)->memory);
}

bool
tpi_area_stopped(void)
{
	if (TPI_LIKELY(!tpar_cancelled())) {
		return false;
	}
	tpar_run_fail(TPAR_ESTOPPED, NULL);
	return true;
}
