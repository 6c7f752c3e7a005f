/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_report.c - all that is printed, by the main thread alone: results to
 * standard output, everything else to standard error.
 */
#define _GNU_SOURCE
#include "tpfetch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The progress line is drawn at most as often. */
#define REDRAW_NS (100 * TPAR_MILLISECOND)

static bool has_progress;
static bool has_colour;
static bool is_drawn; /* the progress line is there */
static int64_t redraw_ns;
static int64_t begin_ns;
static bool failed; /* exit status 1 */
static int broken;  /* an errno value: standard output is */

static bool
is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value != NULL && *value != '\0';
}

void
report_open(const struct options *options)
{
	const char *terminal = getenv("TERM");

	begin_ns = tpar_in(0);
	has_progress = !options->quiet && isatty(STDERR_FILENO) &&
		       terminal != NULL && strcmp(terminal, "dumb") != 0;
	has_colour = !is_set("NO_COLOR");
}

bool
report_has_progress(void)
{
	return has_progress;
}

static void
clear_progress(void)
{
	if (is_drawn) {
		fputs("\r\033[K", stderr);
		is_drawn = false;
	}
}

/* Control characters as a URL would have them. */
static void
put_url(FILE *to, const char *url)
{
	const unsigned char *c = (const unsigned char *)url;

	for (; *c != '\0'; c++) {
		if (*c < ' ' || *c == 0x7f) {
			fprintf(to, "%%%02X", *c);
		} else {
			putc(*c, to);
		}
	}
}

/* Writes out what has been printed; complains once if that is impossible. */
bool
report_flush(void)
{
	if (broken != 0) {
		return false;
	}
	if (is_drawn && isatty(STDOUT_FILENO)) {
		clear_progress();
	}
	if (fflush(stdout) == 0 && !ferror(stdout)) {
		return true;
	}
	broken = errno != 0 ? errno : EIO;
	failed = true;
	if (broken != EPIPE) {
		report_error("write error", strerror(broken));
	}
	return false;
}

void
report_no_reader(void)
{
	broken = EPIPE;
	failed = true;
}

bool
report_broken_pipe(void)
{
	return broken == EPIPE;
}

/* name NULL: the message is about nothing in particular. */
void
report_error(const char *name, const char *what)
{
	clear_progress();
	fputs("tpfetch: ", stderr);
	if (name != NULL) {
		put_url(stderr, *name == '\0' ? "''" : name);
		fputs(": ", stderr);
	}
	fprintf(stderr, "%s\n", what);
}

/* Others are running: the process ends as it is. */
void
report_fatal(const char *what)
{
	(void)report_flush();
	report_error(NULL, what);
	_Exit(1);
}

void
report_no_memory(void)
{
	report_fatal("out of memory");
}

void
report_unless_ok(enum tpar_err err)
{
	if (err != TPAR_OK) {
		report_fatal(tpar_strerror(err));
	}
}

bool
report_has_failed(const struct item *item)
{
	return item->fault != NULL ||
	       tpar_future_state(item->future) == TPAR_FAILED;
}

/* Between the lines that were printed before it. */
static void
fail(struct item *item, const char *what)
{
	(void)report_flush();
	report_error(item->url, what);
	item->told = failed = true;
}

void
report_failure(struct item *item)
{
	const char *what = item->fault;

	if (what == NULL) {
		what = tpar_future_message(item->future);
	}
	if (!item->told) {
		fail(item, *what != '\0' ? what : strerror(ENOMEM));
	}
}

/* Tabs are no part of URLs, so they separate. */
static void
put_status(const struct options *options, const struct item *item,
	   const char *file)
{
	if (options->quiet) {
		return;
	}
	printf("%03ld\t%" PRIu64 "\t", item->status, item->body.bytes);
	put_url(stdout, item->url);
	if (options->output == OUTPUT_FILES) {
		putchar('\t');
		put_url(stdout, file);
	}
	putchar('\n');
}

bool
report_item(const struct options *options, struct item *item)
{
	char *file = NULL;
	bool ok = true;

	if (report_has_failed(item)) {
		report_failure(item);
		item->body.bytes = 0; /* of a page about the failure */
	} else if (options->output == OUTPUT_BODY) {
		ok = body_print(&item->body, stdout);
	} else if (options->output == OUTPUT_FILES) {
		file = body_publish(&item->body, item->url);
		ok = file != NULL;
	}
	if (!ok) {
		fail(item, strerror(errno));
	}
	if (options->output != OUTPUT_BODY) {
		put_status(options, item, file != NULL ? file : "-");
	}
	free(file);
	if (ferror(stdout)) {
		(void)report_flush();
	}
	return ok;
}

/* "1.5 MB" */
static void
put_bytes(FILE *to, uint64_t bytes)
{
	static const char *const unit[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double n = (double)bytes;
	size_t i = 0;

	while (n >= 1000 && i + 1 < sizeof unit / sizeof unit[0]) {
		n /= 1000;
		i++;
	}
	fprintf(to, i == 0 ? "%.0f %s" : "%.1f %s", n, unit[i]);
}

void
report_progress(const struct counts *counts)
{
	int64_t now_ns = tpar_in(0);
	bool red = has_colour && counts->failed > 0;

	if (!has_progress || now_ns < redraw_ns) {
		return;
	}
	redraw_ns = now_ns + REDRAW_NS;
	clear_progress();
	fprintf(stderr, "%lu fetched, %s%lu failed%s, %lu to go, ",
		counts->done, red ? "\033[31m" : "", counts->failed,
		red ? "\033[m" : "", counts->active);
	put_bytes(stderr, body_received());
	fflush(stderr);
	is_drawn = true;
}

void
report_summary(const struct counts *counts)
{
	unsigned long rest = counts->given - counts->done - counts->failed;
	int64_t ms = (tpar_in(0) - begin_ns) / TPAR_MILLISECOND;

	clear_progress();
	fprintf(stderr, "tpfetch: %lu URL%s: %lu fetched, %lu failed",
		counts->given, counts->given == 1 ? "" : "s", counts->done,
		counts->failed);
	if (counts->stopped) {
		fprintf(stderr, ", %lu stopped", rest);
	}
	fputs("; ", stderr);
	put_bytes(stderr, counts->bytes);
	fprintf(stderr, " in %" PRId64 ".%03" PRId64 " s", ms / 1000,
		ms % 1000);
	fprintf(stderr, "; retries: %lu, connections: %lu\n", counts->retries,
		counts->connections);
}

int
report_exit_status(void)
{
	(void)report_flush();
	clear_progress();
	return failed ? 1 : 0;
}
