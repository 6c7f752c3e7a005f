/* SPDX-License-Identifier: MIT */
/*
 * tpsum.c - sha256sum on all cores.
 *
 * Names are taken in batches; each file is a task; a batch is reported in order
 * once it has been gathered, while the next one is already being hashed.  So
 * memory is bounded however many files there are.
 */
#define _GNU_SOURCE
#include "tpsum.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <taskpar.h>
#include <unistd.h>

#define BATCH 512

struct batch {
	size_t n;
	struct item item[BATCH];
	tpar_future *future[BATCH];
	struct digest digest[BATCH];
	struct tpar_outcome outcome[BATCH];
};

struct totals {
	unsigned long mismatched;
	unsigned long unreadable;
	bool failed; /* exit 1 */
	bool quit;   /* begin nothing more */
};

struct options {
	bool check;
	bool fail_fast;
	unsigned workers;
};

static const char help[] =
	"Usage: tpsum [-j N] [--fail-fast] [FILE or DIRECTORY]...\n"
	"       tpsum -c [-j N] [--fail-fast] [LIST]...\n"
	"SHA-256 of files, as sha256sum prints them, hashed on all CPUs.\n"
	"Without an argument, or for -, standard input is read.  Of a "
	"directory\n"
	"all regular files below it are hashed, sorted by name; symbolic "
	"links\n"
	"inside are not followed.\n\n"
	"  -c, --check      read checksums from the lists and verify them\n"
	"  -j, --jobs N     hash N files at a time (the CPUs of this process)\n"
	"      --fail-fast  stop at the first file that cannot be read\n"
	"      --help       print this\n\n"
	"Exit status: 0, 1 if anything failed, 130 after Ctrl-C, which stops\n"
	"cleanly and prints what is done; a second one kills.\n";

/* Prints a name, escaped if `escaped`. */
static void
put_name(const char *name, bool escaped)
{
	if (!escaped) {
		fputs(name, stdout);
		return;
	}
	for (; *name != '\0'; name++) {
		switch (*name) {
		case '\\':
			fputs("\\\\", stdout);
			break;
		case '\n':
			fputs("\\n", stdout);
			break;
		case '\r':
			fputs("\\r", stdout);
			break;
		default:
			putchar(*name);
		}
	}
}

static void
put_digest(const struct digest *digest, const char *name)
{
	static const char digit[] = "0123456789abcdef";
	char text[2 * DIGEST_BYTES + 2];
	bool escaped = strpbrk(name, "\\\n\r") != NULL;
	size_t i;

	for (i = 0; i < DIGEST_BYTES; i++) {
		text[2 * i] = digit[digest->byte[i] >> 4];
		text[2 * i + 1] = digit[digest->byte[i] & 15];
	}
	text[2 * i] = text[2 * i + 1] = ' ';
	if (escaped) {
		putchar('\\');
	}
	fwrite(text, 1, sizeof text, stdout);
	put_name(name, escaped);
	putchar('\n');
}

static void
put_verdict(const char *name, const char *verdict)
{
	bool escaped = strchr(name, '\n') != NULL; /* as sha256sum -c */

	if (escaped) {
		putchar('\\');
	}
	put_name(name, escaped);
	printf(": %s\n", verdict);
}

/* Reports one file that has been hashed, could not be, or was not begun. */
static void
report(const struct options *options, struct batch *batch, size_t i,
       struct totals *totals)
{
	const struct tpar_outcome *outcome = &batch->outcome[i];
	const struct item *item = &batch->item[i];

	if (outcome->state == TPAR_CANCELLED) {
		return;
	}
	if (outcome->state == TPAR_FAILED) {
		fflush(stdout);
		fprintf(stderr, "tpsum: %s: %s\n", item->name,
			strerror(outcome->code));
		totals->failed = true;
		totals->unreadable++;
		totals->quit |= options->fail_fast;
		if (options->check) {
			put_verdict(item->name, "FAILED open or read");
		}
		return;
	}
	if (!options->check) {
		put_digest(&batch->digest[i], item->name);
	} else if (memcmp(&batch->digest[i], &item->want, sizeof item->want) ==
		   0) {
		put_verdict(item->name, "OK");
	} else {
		put_verdict(item->name, "FAILED");
		totals->mismatched++;
		totals->failed = true;
	}
}

static void
fail(enum tpar_err err)
{
	const char *detail = tpar_error_detail();

	fprintf(stderr, "tpsum: %s%s%s\n", tpar_strerror(err),
		*detail ? ": " : "", detail);
	exit(1);
}

/* Fills a batch and submits it. */
static void
begin(tpar_pool *pool, struct source *source, struct batch *batch)
{
	struct tpar_task task = TPAR_TASK_INIT;
	enum tpar_err err;

	batch->n = 0;
	while (batch->n < BATCH && !hash_stopped() &&
	       source_next(source, &batch->item[batch->n])) {
		batch->n++;
	}
	task.fn = hash_file;
	task.value_size = sizeof(struct digest);
	task.name = "hash_file";
	err = tpar_submit_many(pool, &task, batch->item, sizeof(struct item),
			       batch->n, batch->future);
	if (err != TPAR_OK) {
		fail(err);
	}
}

/* Waits for a batch and reports it. */
static void
end(const struct options *options, struct batch *batch, struct totals *totals)
{
	enum tpar_err err;
	size_t i;

	if (options->fail_fast) {
		/* The first failure cancels the rest; the outcomes follow. */
		(void)tpar_gather(batch->future, batch->n, NULL, NULL);
	}
	err = tpar_gather_settled(batch->future, batch->n, batch->digest,
				  batch->outcome);
	if (err != TPAR_OK) {
		fail(err);
	}
	for (i = 0; i < batch->n; i++) {
		report(options, batch, i, totals);
		free(batch->item[i].name);
	}
	tpar_future_unref_all(batch->future, batch->n);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "tpsum: write error: %s\n", strerror(errno));
		totals->failed = true;
		totals->quit = true;
	}
}

/* Two batches in flight, so that no CPU is idle at their seams. */
static void
run(tpar_pool *pool, struct source *source, const struct options *options,
    struct totals *totals)
{
	static struct batch batch[2];
	unsigned now = 0;

	begin(pool, source, &batch[now]);
	while (batch[now].n > 0) {
		if (totals->quit) {
			hash_stop();
		}
		begin(pool, source, &batch[1 - now]);
		end(options, &batch[now], totals);
		now = 1 - now;
	}
}

/* Stops cleanly at the first signal; the second one kills. */
static void *
await_signal(void *arg)
{
	sigset_t *signals = arg;
	int signal_number;

	if (sigwait(signals, &signal_number) == 0) {
		hash_stop();
		if (sigwait(signals, &signal_number) == 0) {
			_exit(128 + signal_number);
		}
	}
	return NULL;
}

static void
watch_signals(void)
{
	static sigset_t signals;
	pthread_t thread;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (pthread_create(&thread, NULL, await_signal, &signals) == 0) {
		pthread_detach(thread);
	} else {
		pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	}
}

static void
parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "fail-fast", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	char *rest;
	int c;

	while ((c = getopt_long(argc, argv, "cj:", known, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->check = true;
			break;
		case 'f':
			options->fail_fast = true;
			break;
		case 'j':
			options->workers = (unsigned)strtoul(optarg, &rest, 10);
			if (*rest == '\0' && options->workers > 0 &&
			    options->workers <= 4096) {
				break;
			}
			fprintf(stderr,
				"tpsum: -j %s: not a number in "
				"1..4096\n",
				optarg);
			exit(1);
		case 'h':
			fputs(help, stdout);
			exit(fflush(stdout) != 0);
		default:
			fputs("Try 'tpsum --help'.\n", stderr);
			exit(1);
		}
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

int
main(int argc, char **argv)
{
	static char *standard_input[] = { "-" };
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct options options = { false, false, 0 };
	struct totals totals = { 0, 0, false, false };
	struct source source = { 0 };
	tpar_pool *pool;
	enum tpar_err err;

	parse_options(argc, argv, &options);
	source.checking = options.check;
	source.arg = optind < argc ? argv + optind : standard_input;
	source.end = optind < argc ? argv + argc : standard_input + 1;
	watch_signals();
	config.workers = options.workers;
	config.name = "tpsum";
	config.on_worker_start = hash_thread_start;
	config.on_worker_stop = hash_thread_stop;
	err = tpar_pool_create(&pool, &config);
	if (err != TPAR_OK) {
		fail(err);
	}
	run(pool, &source, &options, &totals);
	(void)tpar_pool_destroy(pool);
	source_close(&source);
	if (options.check) {
		warn(source.bad_lines, "line is improperly formatted",
		     "lines are improperly formatted");
		warn(totals.unreadable, "listed file could not be read",
		     "listed files could not be read");
		warn(totals.mismatched, "computed checksum did NOT match",
		     "computed checksums did NOT match");
	}
	if (hash_stopped() && !totals.quit) {
		return 130;
	}
	return totals.failed || source.failed ? 1 : 0;
}
