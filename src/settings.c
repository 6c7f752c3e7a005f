/* SPDX-License-Identifier: MIT */
/*
 * settings.c - checks a pool's config, reads the environment, fills in what was
 * left at 0.
 */
#include "config.h"

#include "base.h"
#include "cpus.h"
#include "environ.h"
#include "err.h"
#include "settings.h"

#define WORKERS_MAX 4096u
#define BLOCKING_MAX 16384u
#define BLOCKING_DEFAULT 512u
#define STACK_MIN ((size_t)128 * 1024)
/* Of a 32-bit address space a quarter. */
#define STACK_MAX ((size_t)1 << (SIZE_MAX > UINT32_MAX ? 36 : 30))
#if TPI_TSAN
/* It keeps a stack of its own of 65,536 calls: less than 8 MiB of waits have. */
#define STACK_DEFAULT ((size_t)4 << 20)
#else
#define STACK_DEFAULT ((size_t)8 << 20)
#endif

/* TASKPAR_WORKERS, 0 if it is not set. */
static enum tpar_err
workers_from_environment(unsigned *workers)
{
	const char *text = tpi_environ_get("TASKPAR_WORKERS");

	*workers = 0;
	if (text == NULL || *text == '\0') {
		return TPAR_OK;
	}
	if (!tpi_environ_number(text, WORKERS_MAX, workers) || *workers == 0) {
		return tpi_err(TPAR_EINVAL,
			       "TASKPAR_WORKERS is '%s', not a number in 1..%u",
			       text, WORKERS_MAX);
	}
	return TPAR_OK;
}

static enum tpar_err
check_config(const struct tpar_pool_config *config)
{
	if (config->size != sizeof *config) {
		return tpi_err(TPAR_EINVAL,
			       "config.size is %zu, not %zu: begin with "
			       "TPAR_POOL_CONFIG_INIT",
			       config->size, sizeof *config);
	}
	if (config->workers > WORKERS_MAX) {
		return tpi_err(TPAR_EINVAL, "config.workers is %u, beyond %u",
			       config->workers, WORKERS_MAX);
	}
	if (config->blocking_limit > BLOCKING_MAX) {
		return tpi_err(TPAR_EINVAL,
			       "config.blocking_limit is %u, beyond %u",
			       config->blocking_limit, BLOCKING_MAX);
	}
	if (config->stack_size != 0 && (config->stack_size < STACK_MIN ||
					config->stack_size > STACK_MAX)) {
		return tpi_err(TPAR_EINVAL,
			       "config.stack_size is %zu, not in %zu..%zu",
			       config->stack_size, STACK_MIN, STACK_MAX);
	}
	if ((config->allocator.alloc == NULL) !=
	    (config->allocator.free == NULL)) {
		return tpi_err(TPAR_EINVAL, "config.allocator has only one "
					    "of its two functions");
	}
	return TPAR_OK;
}

enum tpar_err
tpi_settings_complete(const struct tpar_pool_config *from,
		      struct tpar_pool_config *to)
{
	enum tpar_err err = from != NULL ? check_config(from) : TPAR_OK;

	if (err != TPAR_OK) {
		return err;
	}
	if (from != NULL) {
		*to = *from;
	}
	if (to->workers == 0) {
		err = workers_from_environment(&to->workers);
		if (err != TPAR_OK) {
			return err;
		}
	}
	if (to->workers == 0) {
		to->workers = tpi_cpus_usable();
	}
	if (to->workers > WORKERS_MAX) {
		to->workers = WORKERS_MAX;
	}
	if (to->blocking_limit == 0) {
		to->blocking_limit = BLOCKING_DEFAULT;
	}
	if (to->stack_size == 0) {
		to->stack_size = STACK_DEFAULT;
	}
	if (to->name == NULL) {
		to->name = "taskpar";
	}
	return TPAR_OK;
}
