/* SPDX-License-Identifier: MIT */
/*
 * fuzz_options.h - for the targets of command lines: from bytes to arguments, and
 * an oracle that goes through them without getopt.
 */
#ifndef FUZZ_OPTIONS_H
#define FUZZ_OPTIONS_H

#include "fuzz.h"

#include <ctype.h>
#include <getopt.h>
#include <string.h>

enum { ARGS_MOST = 12, TEXT_MOST = 1024 };

struct args {
	int n;
	char *arg[ARGS_MOST + 2];
	char text[TEXT_MOST];
};

/*
 * Arguments are separated by newlines.  A byte from 0x80 on stands for one of
 * some words, so that they need not be found letter by letter.
 */
static inline void
args_decode(struct args *args, struct fuzz_bytes *bytes,
	    const char *const *words, size_t n)
{
	static char program[] = "fuzz";
	char *to = args->text;
	char *end = args->text + TEXT_MOST - 1;
	bool begins = true;

	memset(args, 0, sizeof *args);
	args->arg[args->n++] = program;
	while (fuzz_more(bytes)) {
		unsigned c = fuzz_byte(bytes);
		char one[2] = { (char)c, '\0' };
		const char *word = c >= 0x80 ? words[(c - 0x80) % n] : one;

		if (begins && args->n > ARGS_MOST) {
			break;
		}
		if (begins) {
			args->arg[args->n++] = to;
			begins = false;
		}
		if (c == '\n' || c == '\0') {
			*to++ = '\0';
			begins = true;
		} else {
			while (*word != '\0' && to < end) {
				*to++ = *word++;
			}
		}
		if (to >= end) {
			break;
		}
	}
	*to = '\0';
	args->arg[args->n] = NULL;
}

/* ---- The oracle ------------------------------------------------------------ */

struct spec {
	const char *name;
	bool has_value;
	char letter; /* what it counts as */
	bool is_short;
};

/* Called for each option; false: that ends it. */
typedef bool (*option_fn)(char letter, const char *value, void *context);

struct command_line {
	const struct spec *specs;
	size_t n;
	option_fn take;
	void *context;
	const char *operand[ARGS_MOST + 2];
	int operands;
	bool broken; /* getopt would say so */
	bool over;   /* by take() */
};

static inline const struct spec *
find_long(const struct command_line *line, const char *name, size_t length)
{
	const struct spec *found = NULL;
	size_t i;

	for (i = 0; i < line->n; i++) {
		const struct spec *spec = &line->specs[i];

		if (strncmp(spec->name, name, length) != 0) {
			continue;
		}
		if (strlen(spec->name) == length) {
			return spec;
		}
		if (found != NULL) {
			/* Ambiguous, unless the whole name comes yet. */
			for (; i < line->n; i++) {
				spec = &line->specs[i];
				if (strlen(spec->name) == length &&
				    strncmp(spec->name, name, length) == 0) {
					return spec;
				}
			}
			return NULL;
		}
		found = spec;
	}
	return found;
}

static inline const struct spec *
find_short(const struct command_line *line, char letter)
{
	size_t i;

	for (i = 0; i < line->n; i++) {
		if (line->specs[i].is_short &&
		    line->specs[i].letter == letter) {
			return &line->specs[i];
		}
	}
	return NULL;
}

static inline void
give(struct command_line *line, const struct spec *spec, const char *value)
{
	line->over = !line->take(spec->letter, value, line->context);
}

/* --name, --name=value, --name value */
static inline void
read_long(struct command_line *line, const char *arg, char **next)
{
	size_t length = strcspn(arg, "=");
	const struct spec *spec = find_long(line, arg, length);
	const char *value = arg[length] == '=' ? arg + length + 1 : NULL;

	if (spec == NULL || (value != NULL && !spec->has_value)) {
		line->broken = true;
	} else if (spec->has_value && value == NULL) {
		if (*next == NULL) {
			line->broken = true;
		} else {
			give(line, spec, *next);
		}
	} else {
		give(line, spec, value);
	}
}

/* -abc, -j5, -j 5; says whether the next argument was the value. */
static inline bool
read_short(struct command_line *line, const char *arg, const char *next)
{
	for (; *arg != '\0' && !line->broken && !line->over; arg++) {
		const struct spec *spec = find_short(line, *arg);

		if (spec == NULL) {
			line->broken = true;
		} else if (!spec->has_value) {
			give(line, spec, NULL);
		} else if (arg[1] != '\0') {
			give(line, spec, arg + 1);
			return false;
		} else if (next == NULL) {
			line->broken = true;
		} else {
			give(line, spec, next);
			return true;
		}
	}
	return false;
}

static inline bool
takes_next(const struct command_line *line, const char *arg)
{
	size_t length = strcspn(arg, "=");
	const struct spec *spec = find_long(line, arg, length);

	return spec != NULL && spec->has_value && arg[length] == '\0';
}

static inline void
read_command_line(struct command_line *line, char **argv)
{
	char **arg = argv + 1;
	bool only_operands = false;

	for (; *arg != NULL && !line->broken && !line->over; arg++) {
		if (only_operands || (*arg)[0] != '-' || (*arg)[1] == '\0') {
			line->operand[line->operands++] = *arg;
		} else if ((*arg)[1] != '-') {
			arg += read_short(line, *arg + 1, arg[1]);
		} else if ((*arg)[2] == '\0') {
			only_operands = true;
		} else {
			bool next = takes_next(line, *arg + 2);

			read_long(line, *arg + 2, arg + 1);
			arg += next && arg[1] != NULL;
		}
	}
}

/* Digits and nothing else, at most so much. */
static inline bool
read_number(const char *text, unsigned most, unsigned *number)
{
	size_t digits = 0;
	unsigned long sum = 0;

	for (; text[digits] != '\0'; digits++) {
		if (!isdigit((unsigned char)text[digits])) {
			return false;
		}
		sum = sum * 10 + (unsigned long)(text[digits] - '0');
		if (sum > most) {
			sum = most + 1ul; /* it never gets less again */
		}
	}
	*number = (unsigned)sum;
	return digits > 0 && sum <= most;
}

/* What getopt has sorted behind the options. */
static inline void
check_operands(const struct command_line *line, int argc, char **argv)
{
	int i;

	FUZZ_MUST(argc - optind == line->operands);
	for (i = 0; i < line->operands; i++) {
		FUZZ_MUST(strcmp(argv[optind + i], line->operand[i]) == 0);
	}
}

static inline void
args_describe(FILE *to, const struct args *args)
{
	int i;

	for (i = 1; i < args->n; i++) {
		fprintf(to, "  argument %d: '%s'\n", i, args->arg[i]);
	}
}

#endif
