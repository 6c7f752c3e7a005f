/* SPDX-License-Identifier: MIT */
/*
 * tpsum_list.c - lists of checksums, as sha256sum writes them, with or without
 * its --tag: "<64 hex digits>  name" or "SHA256 (name) = <64 hex digits>".
 * A backslash in front says that the name is escaped.
 */
#define _GNU_SOURCE
#include "tpsum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG "SHA256"

struct list_reader {
	const char *name;
	struct input input;
	FILE *stream;
	char *line;
	size_t size;
	unsigned long number; /* of the line, from 1 */
	bool at_end;
};

static ssize_t
read_on(void *cookie, char *buffer, size_t size)
{
	struct list_reader *list = cookie;

	return input_read(&list->input, buffer, size);
}

struct list_reader *
list_open(const char *name)
{
	static const cookie_io_functions_t functions = { .read = read_on };
	struct list_reader *list = calloc(1, sizeof *list);

	if (list == NULL) {
		return NULL;
	}
	list->name = name;
	if (!input_open(&list->input, name)) {
		free(list);
		return NULL;
	}
	list->stream = fopencookie(list, "r", functions);
	if (list->stream == NULL) {
		input_close(&list->input);
		free(list);
		return NULL;
	}
	return list;
}

void
list_close(struct list_reader *list)
{
	fclose(list->stream);
	input_close(&list->input);
	free(list->line);
	free(list);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
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

/* Reads the digits; returns what follows them, NULL if they are not that. */
static char *
parse_digest(char *text, unsigned char *digest)
{
	size_t i;

	for (i = 0; i < DIGEST_BYTES; i++) {
		int high = hex(text[2 * i]);
		int low = high < 0 ? -1 : hex(text[2 * i + 1]);

		if (low < 0) {
			return NULL;
		}
		digest[i] = (unsigned char)(high * 16 + low);
	}
	return text + (size_t)2 * DIGEST_BYTES;
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

/* The name in "(name) = <digits>", cut out in place; NULL if it is not that. */
static char *
parse_tagged(char *text, unsigned char *digest)
{
	char *close = strrchr(text, ')');
	char *rest = close;

	if (*text != '(' || close == NULL) {
		return NULL;
	}
	do {
		rest++;
	} while (is_blank(*rest));
	if (*rest != '=') {
		return NULL;
	}
	do {
		rest++;
	} while (is_blank(*rest));
	rest = parse_digest(rest, digest);
	if (rest == NULL || *rest != '\0') {
		return NULL;
	}
	*close = '\0';
	return text + 1;
}

/* The name in a line, cut out in place; NULL if the line is malformed. */
static char *
parse(char *line, unsigned char *digest)
{
	bool escaped;
	char *name;

	while (is_blank(*line)) {
		line++;
	}
	escaped = *line == '\\';
	line += escaped;
	if (strncmp(line, TAG, strlen(TAG)) == 0) {
		line += strlen(TAG);
		line += *line == ' ';
		name = parse_tagged(line, digest);
	} else {
		name = parse_digest(line, digest);
		if (name == NULL || !is_blank(name[0]) ||
		    (name[1] != ' ' && name[1] != '*') || name[2] == '\0') {
			return NULL;
		}
		name += 2;
	}
	return name == NULL || (escaped && !unescape(name)) ? NULL : name;
}

/* The next line without its end, and its length; -1 at the end of the list. */
static ssize_t
next_line(struct list_reader *list)
{
	ssize_t length = getline(&list->line, &list->size, list->stream);

	list->number++;
	if (length > 0 && list->line[length - 1] == '\n') {
		length--;
	}
	if (length > 0 && list->line[length - 1] == '\r') {
		length--;
	}
	if (length >= 0) {
		list->line[length] = '\0';
	}
	return length;
}

/* false: the end has been told before, or reading was stopped. */
bool
list_next(struct list_reader *list, struct item *item)
{
	const char *printed =
		strcmp(list->name, "-") == 0 ? "standard input" : list->name;
	ssize_t length;
	char *name;

	if (list->at_end) {
		return false;
	}
	do {
		length = next_line(list);
	} while (length == 0 || (length > 0 && list->line[0] == '#'));
	if (length < 0) {
		list->at_end = true;
		item->error = feof(list->stream) ? 0 : errno;
		return !stopped() &&
		       source_give(item,
				   item->error ? ITEM_ERROR : ITEM_LIST_END,
				   printed);
	}
	name = strlen(list->line) == (size_t)length
		       ? parse(list->line, item->want)
		       : NULL;
	/* A list from standard input cannot have it checked, too. */
	if (name == NULL ||
	    (strcmp(name, "-") == 0 && strcmp(list->name, "-") == 0)) {
		item->line = list->number;
		return source_give(item, ITEM_BAD_LINE, printed);
	}
	item->verify = true;
	return source_give(item, ITEM_FILE, name);
}
