/* SPDX-License-Identifier: MIT */
/*
 * tpsum_source.c - one name after the other: from the command line, from the
 * trees below directories, from lists of checksums.
 */
#define _GNU_SOURCE
#include "tpsum.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool
give(struct item *item, const char *name, int walk_error)
{
	item->name = strdup(name);
	item->walk_error = walk_error;
	if (item->name == NULL) {
		fputs("tpsum: out of memory\n", stderr);
		exit(1);
	}
	return true;
}

static bool
walk_on(struct source *source, struct item *item)
{
	FTSENT *entry;

	while ((entry = fts_read(source->walk)) != NULL) {
		switch (entry->fts_info) {
		case FTS_F:
			return give(item, entry->fts_path, 0);
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			return give(item, entry->fts_path, entry->fts_errno);
		default:
			break;
		}
	}
	fts_close(source->walk);
	source->walk = NULL;
	return false;
}

static bool
next_name(struct source *source, struct item *item)
{
	for (;;) {
		struct stat st;
		char *root[2];

		if (source->walk != NULL && walk_on(source, item)) {
			return true;
		}
		if (source->arg == source->end) {
			return false;
		}
		root[0] = *source->arg++;
		root[1] = NULL;
		if (stat(root[0], &st) != 0 || !S_ISDIR(st.st_mode)) {
			return give(item, root[0], 0);
		}
		source->walk =
			fts_open(root,
				 FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW,
				 by_name);
		if (source->walk == NULL) {
			return give(item, root[0], errno);
		}
	}
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'a' && c <= 'f') {
		return c - 'a' + 10;
	}
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Undoes the escapes of a name, in place. */
static bool
unescape(char *name)
{
	char *to = name;

	for (; *name != '\0'; name++) {
		if (*name != '\\') {
			*to++ = *name;
			continue;
		}
		switch (*++name) {
		case '\\':
			*to++ = '\\';
			break;
		case 'n':
			*to++ = '\n';
			break;
		case 'r':
			*to++ = '\r';
			break;
		default:
			return false;
		}
	}
	*to = '\0';
	return true;
}

/* "<64 hex digits>  name", with a backslash in front if the name is escaped. */
static bool
parse(char *line, struct item *item)
{
	bool escaped = *line == '\\';
	size_t i;

	line += escaped;
	for (i = 0; i < DIGEST_BYTES; i++) {
		int high = hex(line[2 * i]);
		int low = high < 0 ? -1 : hex(line[2 * i + 1]);

		if (low < 0) {
			return false;
		}
		item->want.byte[i] = (unsigned char)(high * 16 + low);
	}
	line += (size_t)2 * DIGEST_BYTES;
	if (line[0] != ' ' || (line[1] != ' ' && line[1] != '*') ||
	    line[2] == '\0' || (escaped && !unescape(line + 2))) {
		return false;
	}
	return give(item, line + 2, 0);
}

static void
complain(struct source *source, const char *name, const char *what)
{
	fprintf(stderr, "tpsum: %s: %s\n", name, what);
	source->failed = true;
}

/* Opens the next list.  false: there is none. */
static bool
open_list(struct source *source)
{
	while (source->arg != source->end) {
		source->list_name = *source->arg++;
		source->good_lines = 0;
		source->list = strcmp(source->list_name, "-") == 0
				       ? stdin
				       : fopen(source->list_name, "re");
		if (source->list != NULL) {
			return true;
		}
		complain(source, source->list_name, strerror(errno));
	}
	return false;
}

static void
close_list(struct source *source)
{
	if (ferror(source->list)) {
		complain(source, source->list_name, "read error");
	} else if (source->good_lines == 0) {
		complain(source, source->list_name,
			 "no properly formatted checksum lines found");
	}
	if (source->list != stdin) {
		fclose(source->list);
	}
	source->list = NULL;
}

static bool
next_line(struct source *source, struct item *item)
{
	ssize_t length;

	for (;;) {
		if (source->list == NULL && !open_list(source)) {
			return false;
		}
		length = getline(&source->line, &source->line_size,
				 source->list);
		if (length < 0) {
			close_list(source);
			continue;
		}
		if (length > 0 && source->line[length - 1] == '\n') {
			source->line[--length] = '\0';
		}
		if (source->line[0] == '#' || length == 0) {
			continue;
		}
		if (strlen(source->line) == (size_t)length &&
		    parse(source->line, item)) {
			source->good_lines++;
			return true;
		}
		source->bad_lines++;
	}
}

bool
source_next(struct source *source, struct item *item)
{
	memset(item, 0, sizeof *item);
	return source->checking ? next_line(source, item)
				: next_name(source, item);
}

void
source_close(struct source *source)
{
	if (source->walk != NULL) {
		fts_close(source->walk);
	}
	if (source->list != NULL && source->list != stdin) {
		fclose(source->list);
	}
	free(source->line);
}
