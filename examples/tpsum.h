/* SPDX-License-Identifier: MIT */
/*
 * tpsum.h - the parts of tpsum: names come from a source, are hashed by tasks,
 * and are reported in the order in which they came.
 */
#ifndef TPSUM_H
#define TPSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define DIGEST_BYTES 32

/* What a task writes. */
struct digest {
	unsigned char byte[DIGEST_BYTES];
};

/* One file to be hashed. */
struct item {
	char *name;	    /* owned */
	struct digest want; /* for -c */
	int walk_error;	    /* not hashed: why the walk could not enter it */
};

/* tpsum_source.c: where names come from.  All owned by the caller. */
struct source {
	char **arg; /* file and directory names; the next one */
	char **end;
	void *walk;    /* the directory being walked, an FTS, or NULL */
	bool checking; /* the arguments are lists of checksums */
	FILE *list;    /* the one being read */
	const char *list_name;
	char *line;
	size_t line_size;
	unsigned long good_lines; /* of the present list */
	unsigned long bad_lines;  /* of all lists */
	bool failed;		  /* a message was printed */
};

/* The next item.  false: there is none. */
bool source_next(struct source *source, struct item *item);
void source_close(struct source *source);

/* tpsum_hash.c: the task, and what each thread keeps for it. */
int hash_file(void *item, void *digest);
void hash_thread_start(unsigned index, void *arg);
void hash_thread_stop(unsigned index, void *arg);

/* From now on tasks end as cancelled; from a signal handling thread. */
void hash_stop(void);
bool hash_stopped(void);

#endif
