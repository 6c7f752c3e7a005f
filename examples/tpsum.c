/* SPDX-License-Identifier: MIT */
/*
 * tpsum.c - sha256sum on all cores.
 *
 * Names are taken in batches and each file is a task.  A batch is reported in
 * order while the next one is already being hashed, so memory is bounded
 * however many files there are, and no CPU is idle at the seams.
 */
#define _GNU_SOURCE
#include "tpsum.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 512

struct batch {
	size_t n;
	struct item item[BATCH];
	tpar_future *future[BATCH];
};

static const char help[] =
	"Usage: tpsum [OPTION]... [FILE or DIRECTORY]...\n"
	"       tpsum -c [OPTION]... [LIST]...\n"
	"SHA-256 of files, as sha256sum prints them, hashed on all CPUs.\n"
	"Without an argument, or for -, standard input is read.  Of a\n"
	"directory all regular files below it are hashed, sorted by name;\n"
	"symbolic links inside are not followed.\n\n"
	"  -c, --check           verify the files named in lists of checksums\n"
	"  -j, --jobs=N          hash N files at a time; otherwise as many as\n"
	"                        TASKPAR_WORKERS says or there are CPUs\n"
	"      --fail-fast       stop at the first failure\n"
	"      --help, --version\n\n"
	"For --check, as in sha256sum:\n"
	"      --ignore-missing  say nothing of files that are not there\n"
	"      --quiet           say nothing of files that are as they were\n"
	"      --status          print no verdicts: the exit status tells\n"
	"      --strict          exit 1 for malformed lines, too\n"
	"  -w, --warn            name malformed lines\n\n"
	"Exit status: 0, or 1 if anything failed.  Ctrl-C stops cleanly and\n"
	"prints what is done; a second one kills.\n";

/* Ends the program before there are tasks, unless it is to run. */
static void
obey(enum command command, const struct options *options)
{
	switch (command) {
	case COMMAND_RUN:
		return;
	case COMMAND_HELP:
		fputs(help, stdout);
		break;
	case COMMAND_VERSION:
		printf("tpsum (libtaskpar) %s\n", tpar_version());
		break;
	default:
		if (options->fault != NULL) {
			fprintf(stderr, "tpsum: %s %s\n", options->culprit,
				options->fault);
		}
		fputs("Try 'tpsum --help' for more information.\n", stderr);
		exit(1);
	}
	report_flush();
	exit(report_exit_status(options));
}

static void
library_error(enum tpar_err err)
{
	const char *detail = tpar_error_detail();

	report_error(*detail != '\0' ? tpar_strerror(err) : NULL,
		     *detail != '\0' ? detail : tpar_strerror(err));
}

/* Fills a batch and submits it. */
static bool
begin(tpar_pool *pool, struct source *source, struct batch *batch)
{
	struct tpar_task task = TPAR_TASK_INIT;
	enum tpar_err err;

	batch->n = 0;
	while (batch->n < BATCH && !stopped() &&
	       source_next(source, &batch->item[batch->n])) {
		batch->n++;
	}
	task.fn = hash_file;
	task.value_size = sizeof(struct result);
	task.name = "hash_file";
	err = tpar_submit_many(pool, &task, batch->item, sizeof(struct item),
			       batch->n, batch->future);
	if (err != TPAR_OK) {
		library_error(err);
		while (batch->n > 0) {
			free(batch->item[--batch->n].name);
		}
	}
	return err == TPAR_OK;
}

/* Waits for a batch and reports it in order. */
static void
end(const struct options *options, struct batch *batch)
{
	size_t i;

	for (i = 0; i < batch->n; i++) {
		if (tpar_future_state(batch->future[i]) <= TPAR_RUNNING) {
			report_flush(); /* show what there is; this may take */
		}
		(void)tpar_future_wait(batch->future[i], TPAR_FOREVER);
		report(options, &batch->item[i], batch->future[i]);
		free(batch->item[i].name);
	}
	tpar_future_unref_all(batch->future, batch->n);
	report_flush();
}

/* Two batches in flight.  false: the library had no memory. */
static bool
run(tpar_pool *pool, struct source *source, const struct options *options)
{
	static struct batch batch[2];
	unsigned now = 0;
	bool ok = begin(pool, source, &batch[now]);

	while (batch[now].n > 0) {
		ok = ok && begin(pool, source, &batch[1 - now]);
		end(options, &batch[now]);
		now = 1 - now;
	}
	return ok;
}

/* A file that is opened as descriptor 1 would be written to. */
static void
keep_standard_descriptors(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0) { /* so that using it fails: */
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
		}
	}
}

int
main(int argc, char **argv)
{
	static char *standard_input[] = { "-" };
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	struct options options = { .check = false };
	struct source source = { .options = &options };
	tpar_pool *pool;
	enum tpar_err err;
	int status;
	bool ok;

	keep_standard_descriptors();
	obey(options_parse(argc, argv, &options), &options);
	source.arg = optind < argc ? argv + optind : standard_input;
	source.end = optind < argc ? argv + argc : standard_input + 1;
	stop_at_signals();
	config.workers = options.workers;
	config.name = "tpsum";
	config.on_worker_start = hash_thread_start;
	config.on_worker_stop = hash_thread_stop;
	err = tpar_pool_create(&pool, &config);
	if (err != TPAR_OK) {
		library_error(err);
		return 1;
	}
	ok = run(pool, &source, &options);
	(void)tpar_pool_destroy(pool);
	source_close(&source);
	status = report_exit_status(&options);
	if (stop_signal() != 0) {
		report_error(NULL, "interrupted");
		(void)raise(stop_signal()); /* which kills by now */
	}
	return ok ? status : 1;
}
