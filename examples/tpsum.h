/* SPDX-License-Identifier: MIT */
/*
 * tpsum.h - the parts of tpsum: names come from a source, are hashed by tasks,
 * and are reported in the order in which they came.
 */
#ifndef TPSUM_H
#define TPSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <taskpar.h>

#define DIGEST_BYTES 32

/* What a task returns, but errno values and TPAR_ESTOPPED. */
#define HASH_DIFFERS (-1)

struct options {
	bool check;
	bool fail_fast;
	bool ignore_missing;
	bool quiet;
	bool status;
	bool strict;
	bool warn;
	unsigned workers;
	const char
		*fault; /* COMMAND_BAD: what is wrong, or NULL: it was told */
	const char *culprit; /* with which part of the command line */
};

/* tpsum_options.c: what the command line asks for. */
enum command { COMMAND_RUN, COMMAND_HELP, COMMAND_VERSION, COMMAND_BAD };

/* As getopt(): argv is sorted, and what is no option begins at optind. */
enum command options_parse(int argc, char **argv, struct options *options);

/* What a task writes. */
struct result {
	unsigned char digest[DIGEST_BYTES];
	bool missing; /* and that is all right: --ignore-missing */
};

/* What a source gives; each becomes a task, so that order keeps itself. */
enum item_kind {
	ITEM_FILE,     /* hash it; with --check, compare */
	ITEM_ERROR,    /* a name could not be looked at: `error` says why */
	ITEM_BAD_LINE, /* line number `line` of the list `name` is no checksum */
	ITEM_LIST_END  /* the list `name` has been read */
};

struct item {
	enum item_kind kind;
	int error;
	unsigned long line;
	bool nothing;	 /* "-" for the second time: there is no more of it */
	bool missing_ok; /* --ignore-missing */
	bool fail_fast;	 /* its failure stops everything */
	bool verify;	 /* compare with: */
	unsigned char want[DIGEST_BYTES]; /* for --check */
	char *name;			  /* owned */
};

/* tpsum_source.c: names from the command line and from trees. */
struct source {
	const struct options *options;
	char **arg; /* file and directory names, or lists; the next one */
	char **end;
	void *walk; /* the directory being walked, an FTS, or NULL */
	struct list_reader *list; /* the list being read, or NULL */
	bool stdin_read;	  /* by one task, or as a list; only once */
};

/* The next item.  false: there is none. */
bool source_next(struct source *source, struct item *item);
void source_close(struct source *source);

/* Fills in an item, true.  Without memory the program ends. */
bool source_give(struct item *item, enum item_kind kind, const char *name);

/* tpsum_list.c: names and checksums from a list.  open: NULL and errno. */
struct list_reader *list_open(const char *name);
bool list_next(struct list_reader *list, struct item *item);
void list_close(struct list_reader *list);

/* tpsum_hash.c: the task, and what each thread keeps for it. */
int hash_file(void *item, void *result);
void hash_thread_start(unsigned index, void *arg);
void hash_thread_stop(unsigned index, void *arg);

/* tpsum_input.c: reading that stops at once when Ctrl-C is pressed. */
struct input {
	int fd;
	bool waits; /* a pipe, a terminal: a read may take forever */
};

void stop_at_signals(void);
void stop_now(void);
bool stopped(void);
int stop_signal(void); /* the one that came, 0 if none did */

/* "-" is standard input.  false: errno. */
bool input_open(struct input *input, const char *name);
/* As read(); ECANCELED when stopped. */
ssize_t input_read(const struct input *input, void *buffer, size_t size);
void input_close(const struct input *input);

/* tpsum_report.c: all that is printed. */
void report(const struct options *options, const struct item *item,
	    const tpar_future *future);
void report_error(const char *name, const char *what); /* name: or NULL */
void report_flush(void);
int report_exit_status(const struct options *options);

#endif
