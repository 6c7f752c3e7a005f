/* SPDX-License-Identifier: MIT */
/*
 * sysseeds.c - reads the environment and the seed file, and adds to that.
 */
#include "config.h"

#include "environ.h"
#include "err.h"
#include "sysseeds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 512

/* A number to the end of the text.  false: it is none. */
static bool
number_of(const char *text, uint64_t *n)
{
	char *end;

	if (*text < '0' || *text > '9') {
		return false;
	}
	errno = 0;
	*n = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

static const char *
setting(const char *variable)
{
	const char *text = tpi_environ_get(variable);

	return text != NULL && *text != '\0' ? text : NULL;
}

enum tpar_err
tpi_sysseeds_read(struct tpi_sysseeds *seeds, const char *name)
{
	const char *one = setting("TASKPAR_SYS_SEED");
	const char *count = setting("TASKPAR_SYS_SEEDS");
	const char *fork = setting("TASKPAR_SYS_FORK");
	const char *trace = setting("TASKPAR_SYS_TRACE");
	const char *colon;

	memset(seeds, 0, sizeof *seeds);
	seeds->here = fork != NULL && strcmp(fork, "0") == 0;
	seeds->traces = trace != NULL && strcmp(trace, "0") != 0;
	if (count != NULL &&
	    (!number_of(count, &seeds->count) || seeds->count == 0)) {
		return tpi_err(TPAR_EINVAL,
			       "TASKPAR_SYS_SEEDS is '%s', not a number of "
			       "seeds",
			       count);
	}
	if (one == NULL) {
		return TPAR_OK;
	}
	seeds->one = true;
	colon = strrchr(one, ':');
	if (colon != NULL) {
		seeds->other = strlen(name) != (size_t)(colon - one) ||
			       strncmp(name, one, (size_t)(colon - one)) != 0;
	}
	if (!number_of(colon != NULL ? colon + 1 : one, &seeds->seed)) {
		return tpi_err(TPAR_EINVAL,
			       "TASKPAR_SYS_SEED is '%s', not a seed or "
			       "NAME:SEED",
			       one);
	}
	return TPAR_OK;
}

/* Is the line a seed of this name? */
static bool
seed_in(const char *line, const char *name, uint64_t *seed)
{
	size_t length = strlen(name);
	char digits[24];

	if (strncmp(line, name, length) != 0 || line[length] != ' ') {
		return false;
	}
	return sscanf(line + length, " %23[0-9]", digits) == 1 &&
	       number_of(digits, seed);
}

enum tpar_err
tpi_sysseeds_each(const char *file, const char *name,
		  enum tpar_err (*fn)(uint64_t seed, void *arg), void *arg)
{
	enum tpar_err err = TPAR_OK;
	char line[LINE_MAX_BYTES];
	uint64_t seed;
	FILE *in = file != NULL ? fopen(file, "re") : NULL;

	while (in != NULL && err == TPAR_OK &&
	       fgets(line, sizeof line, in) != NULL) {
		if (seed_in(line, name, &seed)) {
			err = fn(seed, arg);
		}
	}
	if (in != NULL) {
		(void)fclose(in);
	}
	return err;
}

static enum tpar_err
compare(uint64_t seed, void *arg)
{
	return seed == *(uint64_t *)arg ? TPAR_EALREADY : TPAR_OK;
}

bool
tpi_sysseeds_keep(const char *file, const char *name, uint64_t seed,
		  const char *why)
{
	FILE *out;
	bool written;

	if (tpi_sysseeds_each(file, name, compare, &seed) == TPAR_EALREADY) {
		return true;
	}
	out = fopen(file, "ae");
	if (out == NULL) {
		return false;
	}
	written = fprintf(out, "%s %llu # %s\n", name, (unsigned long long)seed,
			  why) > 0;
	return fclose(out) == 0 && written;
}
