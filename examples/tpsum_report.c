/* SPDX-License-Identifier: MIT */
/*
 * tpsum_report.c - all that is printed, by the main thread alone: checksums or
 * verdicts to standard output, everything else to standard error.
 */
#include "tpsum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What has been seen of the present list. */
static struct {
	unsigned long lines;
	unsigned long bad_lines;
	unsigned long matched;
	unsigned long mismatched;
	unsigned long unreadable;
	bool stopped; /* not all of it was verified */
} list;

static bool failed; /* exit status 1 */

static bool
has_special(const char *name)
{
	return strpbrk(name, "\\\n\r") != NULL;
}

/* Prints a name; escaped, so that it stays on its line. */
static void
put_name(FILE *to, const char *name, bool escaped)
{
	if (!escaped) {
		fputs(name, to);
		return;
	}
	for (; *name != '\0'; name++) {
		switch (*name) {
		case '\\':
			fputs("\\\\", to);
			break;
		case '\n':
			fputs("\\n", to);
			break;
		case '\r':
			fputs("\\r", to);
			break;
		default:
			putc(*name, to);
		}
	}
}

/* name NULL: the message is about no file. */
void
report_error(const char *name, const char *what)
{
	fputs("tpsum: ", stderr);
	if (name != NULL) {
		put_name(stderr, *name == '\0' ? "''" : name,
			 has_special(name));
		fputs(": ", stderr);
	}
	fprintf(stderr, "%s\n", what);
}

/* A failure that is told where it happened, between the lines before it. */
static void
fail(const char *name, const char *what)
{
	report_flush();
	report_error(name, what);
	failed = true;
}

static void
put_digest(const unsigned char *digest, const char *name)
{
	static const char digit[] = "0123456789abcdef";
	char text[2 * DIGEST_BYTES + 2];
	bool escaped = has_special(name);
	size_t i;

	for (i = 0; i < DIGEST_BYTES; i++) {
		text[2 * i] = digit[digest[i] >> 4];
		text[2 * i + 1] = digit[digest[i] & 15];
	}
	text[2 * i] = text[2 * i + 1] = ' ';
	if (escaped) {
		putchar('\\');
	}
	fwrite(text, 1, sizeof text, stdout);
	put_name(stdout, name, escaped);
	putchar('\n');
}

static void
put_verdict(const struct options *options, const char *name,
	    const char *verdict)
{
	bool escaped = strchr(name, '\n') != NULL; /* as sha256sum -c */

	if (options->status) {
		return;
	}
	if (escaped) {
		putchar('\\');
	}
	put_name(stdout, name, escaped);
	printf(": %s\n", verdict);
}

static void
report_done(const struct options *options, const struct item *item,
	    const struct result *result)
{
	if (!item->verify) {
		put_digest(result->digest, item->name);
		return;
	}
	list.lines++;
	if (result->missing) {
		return;
	}
	list.matched++;
	if (!options->quiet) {
		put_verdict(options, item->name, "OK");
	}
}

static void
report_failed(const struct options *options, const struct item *item, int code)
{
	if (code != HASH_DIFFERS) {
		fail(item->name, strerror(code));
	}
	failed = true;
	if (!item->verify) {
		return;
	}
	list.lines++;
	if (code == HASH_DIFFERS) {
		list.mismatched++;
		put_verdict(options, item->name, "FAILED");
	} else {
		list.unreadable++;
		put_verdict(options, item->name, "FAILED open or read");
	}
}

static void
warn(unsigned long n, const char *one, const char *many)
{
	if (n > 0) {
		fprintf(stderr, "tpsum: WARNING: %lu %s\n", n,
			n == 1 ? one : many);
	}
}

static void
report_bad_line(const struct options *options, const struct item *item)
{
	char what[96];

	list.bad_lines++;
	if (options->warn) {
		report_flush();
		snprintf(what, sizeof what,
			 "%lu: improperly formatted SHA256 checksum line",
			 item->line);
		report_error(item->name, what);
	}
}

static void
put_warnings(const struct options *options)
{
	report_flush();
	if (!options->status) {
		warn(list.bad_lines, "line is improperly formatted",
		     "lines are improperly formatted");
		warn(list.unreadable, "listed file could not be read",
		     "listed files could not be read");
		warn(list.mismatched, "computed checksum did NOT match",
		     "computed checksums did NOT match");
	}
	failed |= options->strict && list.bad_lines > 0;
}

static void
report_list_end(const struct options *options, const struct item *item)
{
	if (list.lines > 0 || list.stopped) {
		put_warnings(options);
	} else {
		fail(item->name, "no properly formatted checksum lines found");
	}
	if (list.matched == 0 && !list.stopped) {
		failed = true;
		if (list.lines > 0 && options->ignore_missing &&
		    !options->status) {
			report_error(item->name, "no file was verified");
		}
	}
	memset(&list, 0, sizeof list);
}

/* Reports one item whose task has ended. */
void
report(const struct options *options, const struct item *item,
       const tpar_future *future)
{
	enum tpar_state state = tpar_future_state(future);

	if (state == TPAR_CANCELLED) {
		list.stopped = true;
		return;
	}
	if (state == TPAR_FAILED) {
		report_failed(options, item, tpar_future_code(future));
		if (item->kind == ITEM_ERROR) {
			memset(&list, 0, sizeof list);
		}
	} else if (item->kind == ITEM_BAD_LINE) {
		report_bad_line(options, item);
	} else if (item->kind == ITEM_LIST_END) {
		report_list_end(options, item);
	} else {
		report_done(options, item, tpar_future_value(future));
	}
	if (ferror(stdout)) {
		report_flush();
	}
}

/* Writes out what has been printed; complains once if that is impossible. */
void
report_flush(void)
{
	static bool broken;

	if (fflush(stdout) == 0 && !ferror(stdout)) {
		return;
	}
	if (!broken) {
		broken = failed = true;
		report_error("write error", strerror(errno));
		stop_now();
	}
}

int
report_exit_status(const struct options *options)
{
	put_warnings(options); /* of a list that was not read to its end */
	return failed ? 1 : 0;
}
