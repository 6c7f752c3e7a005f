/* SPDX-License-Identifier: MIT */
/*
 * tpfetch.h - the parts of tpfetch: URLs come from a source, are fetched by an
 * engine, and are reported by the main thread in the order in which they came.
 */
#ifndef TPFETCH_H
#define TPFETCH_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <taskpar.h>

/* What becomes of a body. */
enum output {
	OUTPUT_STATUS, /* it is counted */
	OUTPUT_BODY,   /* to standard output */
	OUTPUT_FILES   /* a file in a directory */
};

struct options {
	enum output output;
	const char *directory; /* of OUTPUT_FILES */
	const char *list;      /* --files-from, or NULL */
	char delimiter;	       /* between URLs in lists */
	bool unordered;
	bool fail_fast;
	bool quiet;
	bool stats;
	unsigned jobs; /* URLs at a time */
	unsigned retries;
	int64_t retry_delay_ns; /* before the first one */
	long redirects;
	long timeout_ms; /* for each attempt; 0: none */
	const struct engine *engine;
	const char
		*fault; /* COMMAND_BAD: what is wrong, or NULL: it was told */
	const char *culprit; /* with which part of the command line */
};

/* ---- tpfetch_options.c: what the command line asks for -------------------- */

enum command { COMMAND_RUN, COMMAND_HELP, COMMAND_VERSION, COMMAND_BAD };

/* As getopt(): argv is sorted, and what is no option begins at optind. */
enum command options_parse(int argc, char **argv, struct options *options);

/* A body on its way. */
struct body {
	const struct options *options;
	char *memory; /* as much as fits, unless it is to be a file */
	size_t size;
	size_t capacity;
	uint64_t bytes; /* all that came */
	int fd;		/* -1: no file yet */
	char *path;	/* its temporary name; NULL: it has none */
	int error;	/* an errno value: it could not be written */
};

/*
 * One URL.  It belongs to the main thread, but for what an engine fills in
 * until its future has ended.
 */
struct item {
	struct item *next; /* in the order of input */
	struct item *previous;
	struct item *next_ended; /* in the order of ends */
	char *url;
	const char *fault; /* why it cannot be fetched, or NULL */
	tpar_future *future;
	bool ended;
	bool told; /* its failure has been printed */

	/* The engine's: */
	struct body body;
	long status; /* HTTP's; 0: there was no answer */
	unsigned retries;
	unsigned long connections;
	int error; /* an errno value: there was no socket */
};

/* ---- tpfetch_source.c: URLs from the command line and from lists ---------- */

enum source_state {
	SOURCE_ITEM, /* there is one */
	SOURCE_WAIT, /* not now: wait until fd is readable, then set ready */
	SOURCE_END
};

struct source {
	const struct options *options;
	char **arg; /* the next one */
	char **end;
	bool list_begun;  /* --files-from */
	bool stdin_read;  /* only once */
	const char *name; /* of the list being read */
	int fd;		  /* of that, or -1 */
	bool ready;	  /* a read gives something at once */
	bool at_eof;
	bool skipping; /* the rest of a line that is too long */
	char *buffer;
	size_t first; /* what is there: [first, last) */
	size_t last;
};

/* *url is the caller's, to be freed; *fault: a literal, or NULL. */
enum source_state source_next(struct source *source, char **url,
			      const char **fault);
void source_close(struct source *source);

/* ---- tpfetch_body.c: bodies in memory and in files ------------------------ */

bool body_open(const struct options *options); /* false: errno */
void body_init(struct body *body, const struct options *options);
/* What an earlier attempt has left is gone. */
void body_restart(struct body *body);
bool body_write(struct body *body, const void *data, size_t size);
/* All of it has come. */
bool body_end(struct body *body);
bool body_print(struct body *body, FILE *to); /* false: errno, of reading */
/*
 * What that is called: the last part of the URL's path, and what is asked for;
 * it has no slash.  NULL: errno.  It is the caller's.
 */
char *body_name(const char *url);
/*
 * Gives the file a name that follows from the URL and that no other file has.
 * NULL: errno.  It is the caller's.
 */
char *body_publish(struct body *body, const char *url);
void body_drop(struct body *body);
uint64_t body_received(void); /* bytes, by all so far */

/* ---- tpfetch_transfer.c: what both engines tell curl, and what came of it - */

enum verdict {
	VERDICT_DONE,
	VERDICT_AGAIN, /* after a delay */
	VERDICT_FAILED
};

/* An easy handle and what it needs. */
struct transfer {
	CURL *easy;
	struct item *item;
	int64_t delay_ns; /* with VERDICT_AGAIN */
	int code;	  /* with VERDICT_FAILED: HTTP's, or curl's */
	char text[CURL_ERROR_SIZE + 64];
	char curl_text[CURL_ERROR_SIZE];
};

const char *transfer_check(const char *url); /* why it is none, or NULL */
void transfer_begin(struct transfer *transfer);
enum verdict transfer_end(struct transfer *transfer, CURLcode code);

/* ---- Engines -------------------------------------------------------------- */

/*
 * start() gives item->future, which ends when the URL was fetched, or has
 * failed (it says why), or was cancelled.
 */
struct engine {
	const char *name;
	enum tpar_err (*open)(const struct options *options);
	enum tpar_err (*start)(struct item *item);
	void (*close)(void);
};

extern const struct engine engine_blocking; /* tpfetch_blocking.c */
#ifdef TPFETCH_MULTI
extern const struct engine engine_multi; /* tpfetch_multi.c */

/* ---- tpfetch_drive.c: curl's multi interface, in callbacks of futures ----- */

struct drive {
	CURLM *multi;
	void (*then)(struct drive *drive); /* curl may have done something */
	unsigned active;		   /* transfers; for the engine */
	long keep;			   /* connections; for the engine */
	/* When curl wants to be called; when it will be, maybe earlier. */
	int64_t wanted_ns;
	int64_t timer_ns;
	tpar_future *timer;
};

bool drive_init(struct drive *drive, void (*then)(struct drive *drive));
void drive_fini(struct drive *drive);
void drive_cancel(tpar_future *future);
#endif

/* ---- tpfetch_flow.c: the main thread's loop ------------------------------- */

/* What is known so far; for the progress line and the summary. */
struct counts {
	unsigned long given; /* URLs, good or bad, that were read */
	unsigned long done;
	unsigned long failed;
	unsigned long active; /* begun, or about to be */
	unsigned long retries;
	unsigned long connections;
	uint64_t bytes;
	bool stopped; /* before the end of the input */
};

void flow_run(const struct options *options, struct source *source,
	      struct counts *counts);

/* ---- tpfetch_wake.c: what the main thread waits for ----------------------- */

bool wake_open(void);
void wake(void); /* by any thread, and in signal handlers */
/* Waits for that, and for two descriptors; -1: none. */
#define WAKE_INPUT 1u	  /* `input` is readable */
#define WAKE_NO_READER 2u /* nobody reads what `output` writes */
unsigned wake_wait(int input, int output, int timeout_ms);
int wake_signal(void); /* the one that asked to stop; 0: none did */

/* ---- tpfetch_report.c: all that is printed -------------------------------- */

void report_open(const struct options *options);
/* Its outcome, in its turn.  false: it has failed after all; that was told. */
bool report_item(const struct options *options, struct item *item);
bool report_has_failed(const struct item *item);
void report_failure(struct item *item);
void report_error(const char *name, const char *what); /* name: or NULL */
bool report_flush(void); /* false: standard output is broken */
void report_no_reader(void);
bool report_broken_pipe(void);
bool report_has_progress(void);
void report_progress(const struct counts *counts);
void report_summary(const struct counts *counts);
int report_exit_status(void);
_Noreturn void report_no_memory(void);
_Noreturn void report_fatal(const char *what);
void report_unless_ok(enum tpar_err err); /* and that is fatal */

#endif
