/* SPDX-License-Identifier: MIT */
/*
 * tpsum_source.c - one name after the other: from the command line, from the
 * trees below directories, from the lists that --check reads.
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

bool
source_give(struct item *item, enum item_kind kind, const char *name)
{
	item->kind = kind;
	item->name = strdup(name);
	if (item->name == NULL) {
		/* Tasks are running: the process ends as it is. */
		report_flush();
		report_error(NULL, "out of memory");
		_Exit(1);
	}
	return true;
}

static bool
give_error(struct item *item, const char *name, int error)
{
	item->error = error;
	return source_give(item, ITEM_ERROR, name);
}

/* The next regular file below a directory; false: there is none, errno. */
static bool
walk_on(struct source *source, struct item *item)
{
	FTSENT *entry;
	int error;

	while (!stopped() && (entry = fts_read(source->walk)) != NULL) {
		switch (entry->fts_info) {
		case FTS_F:
			return source_give(item, ITEM_FILE, entry->fts_path);
		case FTS_DC:
			return give_error(item, entry->fts_path, ELOOP);
		case FTS_DNR:
		case FTS_ERR:
		case FTS_NS:
			return give_error(item, entry->fts_path,
					  entry->fts_errno);
		default:
			break; /* directories; what is not a regular file */
		}
	}
	error = stopped() ? 0 : errno;
	fts_close(source->walk);
	source->walk = NULL;
	errno = error;
	return false;
}

static bool
is_directory(const char *name)
{
	struct stat st;

	return strcmp(name, "-") != 0 && stat(name, &st) == 0 &&
	       S_ISDIR(st.st_mode);
}

static bool
next_name(struct source *source, struct item *item)
{
	for (;;) {
		char *root[2] = { NULL, NULL };

		if (source->walk != NULL) {
			if (walk_on(source, item)) {
				return true;
			}
			if (errno != 0) {
				return give_error(item, source->arg[-1], errno);
			}
		}
		if (source->arg == source->end || stopped()) {
			return false;
		}
		root[0] = *source->arg++;
		if (!is_directory(root[0])) {
			return source_give(item, ITEM_FILE, root[0]);
		}
		source->walk =
			fts_open(root,
				 FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW,
				 by_name);
		if (source->walk == NULL) {
			return give_error(item, root[0], errno);
		}
	}
}

static bool
next_in_lists(struct source *source, struct item *item)
{
	const char *name;

	while (source->list == NULL || !list_next(source->list, item)) {
		if (source->list != NULL) {
			list_close(source->list);
			source->list = NULL;
		}
		if (source->arg == source->end || stopped()) {
			return false;
		}
		name = *source->arg++;
		if (strcmp(name, "-") == 0) {
			if (source->stdin_read) {
				return source_give(item, ITEM_LIST_END,
						   "standard input");
			}
			source->stdin_read = true;
		}
		source->list = list_open(name);
		if (source->list == NULL) {
			return give_error(item, name, errno);
		}
	}
	return true;
}

bool
source_next(struct source *source, struct item *item)
{
	bool check = source->options->check;

	memset(item, 0, sizeof *item);
	item->missing_ok = source->options->ignore_missing;
	item->fail_fast = source->options->fail_fast;
	if (!(check ? next_in_lists(source, item) : next_name(source, item))) {
		return false;
	}
	/* Two tasks that read it at once would each get some of it. */
	if (item->kind == ITEM_FILE && strcmp(item->name, "-") == 0) {
		item->nothing = source->stdin_read;
		source->stdin_read = true;
	}
	return true;
}

void
source_close(struct source *source)
{
	if (source->walk != NULL) {
		fts_close(source->walk);
	}
	if (source->list != NULL) {
		list_close(source->list);
	}
}
