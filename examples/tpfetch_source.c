/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_source.c - one URL after the other: arguments, then the list of
 * --files-from; "-" is standard input.  Lists are read piece by piece and only
 * when there is something to be read, so they may be pipes, and endless.
 */
#define _GNU_SOURCE
#include "tpfetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Also the longest URL. */
#define BUFFER ((size_t)64 * 1024)
/* Of one that is longer; less if there are blanks around it. */
#define SHOWN 64

static enum source_state
give(char **url, const char **fault, const char *text, size_t length,
     const char *why)
{
	*url = strndup(text, length);
	*fault = why;
	if (*url == NULL) {
		report_no_memory();
	}
	return SOURCE_ITEM;
}

static enum source_state
give_error(const struct source *source, char **url, const char **fault,
	   int error)
{
	return give(url, fault, source->name, strlen(source->name),
		    strerror(error));
}

static void
close_list(struct source *source)
{
	if (source->fd > STDIN_FILENO) {
		close(source->fd);
	}
	source->fd = -1;
}

static bool
open_list(struct source *source, const char *name)
{
	bool is_stdin = strcmp(name, "-") == 0;

	source->name = name;
	source->first = source->last = 0;
	source->ready = source->skipping = false;
	source->at_eof = is_stdin && source->stdin_read;
	source->stdin_read |= is_stdin;
	if (source->buffer == NULL) {
		source->buffer = malloc(BUFFER);
	}
	if (source->buffer == NULL) {
		report_no_memory();
	}
	/* Opening a named pipe does not wait for a writer; poll() does. */
	source->fd = is_stdin ? STDIN_FILENO
			      : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY |
						   O_NONBLOCK);
	return source->fd >= 0;
}

/* false: errno. */
static bool
fill(struct source *source)
{
	ssize_t n;

	memmove(source->buffer, source->buffer + source->first,
		source->last - source->first);
	source->last -= source->first;
	source->first = 0;
	source->ready = false;
	n = read(source->fd, source->buffer + source->last,
		 BUFFER - source->last);
	if (n < 0) {
		return errno == EINTR || errno == EAGAIN;
	}
	source->at_eof = n == 0;
	source->last += (size_t)n;
	return true;
}

/* A line, but for blanks around it; comments and empty lines are none. */
static bool
trim(const struct source *source, const char **text, size_t *length)
{
	static const char blank[] = " \t\r";

	if (source->options->delimiter == '\0') {
		return *length > 0;
	}
	while (*length > 0 && strchr(blank, (*text)[*length - 1]) != NULL &&
	       (*text)[*length - 1] != '\0') {
		--*length;
	}
	while (*length > 0 && strchr(blank, **text) != NULL && **text != '\0') {
		++*text;
		--*length;
	}
	return *length > 0 && **text != '#';
}

/* One line out of the buffer.  false: there is no whole one. */
static bool
take_line(struct source *source, const char **text, size_t *length)
{
	size_t size = source->last - source->first;
	const char *end;

	*text = source->buffer + source->first;
	end = memchr(*text, source->options->delimiter, size);
	if (end == NULL && size < BUFFER && !(source->at_eof && size > 0)) {
		return false;
	}
	*length = end == NULL ? size : (size_t)(end - *text);
	source->first += *length + (end != NULL);
	return true;
}

/* The next one in the list.  SOURCE_END: of this list. */
static enum source_state
next_in_list(struct source *source, char **url, const char **fault)
{
	const char *text;
	size_t length;
	bool skip;

	for (;;) {
		while (take_line(source, &text, &length)) {
			skip = source->skipping;
			source->skipping = length == BUFFER;
			if (skip || !trim(source, &text, &length)) {
				continue;
			}
			if (source->skipping) {
				return give(url, fault, text,
					    length < SHOWN ? length : SHOWN,
					    "a URL of more than 64 KiB");
			}
			return give(url, fault, text, length,
				    memchr(text, '\0', length) == NULL
					    ? NULL
					    : "a zero byte in a URL");
		}
		if (source->at_eof) {
			return SOURCE_END;
		}
		if (!source->ready) {
			return SOURCE_WAIT;
		}
		if (!fill(source)) {
			source->at_eof = true;
			source->first = source->last = 0;
			return give_error(source, url, fault, errno);
		}
	}
}

enum source_state
source_next(struct source *source, char **url, const char **fault)
{
	enum source_state state;
	const char *name;

	for (;;) {
		if (source->fd >= 0) {
			state = next_in_list(source, url, fault);
			if (state != SOURCE_END) {
				return state;
			}
			close_list(source);
		}
		if (source->arg < source->end) {
			name = *source->arg++;
			if (strcmp(name, "-") != 0) {
				return give(url, fault, name, strlen(name),
					    NULL);
			}
		} else if (source->options->list != NULL &&
			   !source->list_begun) {
			name = source->options->list;
			source->list_begun = true;
		} else {
			return SOURCE_END;
		}
		if (!open_list(source, name)) {
			return give_error(source, url, fault, errno);
		}
	}
}

void
source_close(struct source *source)
{
	close_list(source);
	free(source->buffer);
	source->buffer = NULL;
}
