/* SPDX-License-Identifier: MIT */
/*
 * tpfetch_body.c - where bodies go.  One that is to be printed is kept in memory
 * until its turn comes, or, if it or all of them together are large, in a
 * temporary file without a name.  One that is to be a file is written to a
 * temporary name beside it: whoever finds a file finds all of it.
 */
#define _GNU_SOURCE
#include "tpfetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of one body, of all bodies. */
#define MEMORY_EACH ((size_t)1024 * 1024)
#define MEMORY_ALL ((size_t)64 * 1024 * 1024)

#define NAMES 1000 /* name, name.1 ... */

static atomic_size_t memory_in_use;
static atomic_ullong received;
static mode_t file_mode;

bool
body_open(const struct options *options)
{
	mode_t mask = umask(0);
	struct stat st;

	umask(mask);
	file_mode = 0666 & ~mask;
	if (options->output != OUTPUT_FILES ||
	    mkdir(options->directory, 0777) == 0) {
		return true;
	}
	return errno == EEXIST && stat(options->directory, &st) == 0 &&
	       S_ISDIR(st.st_mode);
}

void
body_init(struct body *body, const struct options *options)
{
	memset(body, 0, sizeof *body);
	body->options = options;
	body->fd = -1;
}

uint64_t
body_received(void)
{
	return atomic_load_explicit(&received, memory_order_relaxed);
}

static void
forget_memory(struct body *body)
{
	atomic_fetch_sub_explicit(&memory_in_use, body->capacity,
				  memory_order_relaxed);
	free(body->memory);
	body->memory = NULL;
	body->size = body->capacity = 0;
}

void
body_drop(struct body *body)
{
	forget_memory(body);
	if (body->fd >= 0) {
		close(body->fd);
		body->fd = -1;
	}
	if (body->path != NULL) {
		unlink(body->path);
		free(body->path);
		body->path = NULL;
	}
}

void
body_restart(struct body *body)
{
	body_drop(body);
	body->bytes = 0;
	body->error = 0;
}

/* false: it has to be a file. */
static bool
keep_in_memory(struct body *body, const void *data, size_t size)
{
	size_t capacity = body->capacity == 0 ? 4096 : body->capacity;
	size_t more;
	char *memory;

	while (capacity - body->size < size) {
		capacity *= 2;
	}
	more = capacity - body->capacity;
	if (more > 0) {
		if (capacity > MEMORY_EACH ||
		    atomic_load_explicit(&memory_in_use, memory_order_relaxed) >
			    MEMORY_ALL) {
			return false;
		}
		memory = realloc(body->memory, capacity);
		if (memory == NULL) {
			return false;
		}
		atomic_fetch_add_explicit(&memory_in_use, more,
					  memory_order_relaxed);
		body->memory = memory;
		body->capacity = capacity;
	}
	memcpy(body->memory + body->size, data, size);
	body->size += size;
	return true;
}

static bool
write_all(int fd, const char *data, size_t size)
{
	ssize_t n;

	while (size > 0) {
		n = write(fd, data, size);
		if (n < 0 && errno != EINTR) {
			return false;
		}
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return true;
}

/* A file in `directory`; false: errno. */
static bool
open_file(struct body *body, const char *directory)
{
	if (asprintf(&body->path, "%s/.tpfetch-XXXXXX", directory) < 0) {
		body->path = NULL;
		errno = ENOMEM;
		return false;
	}
	body->fd = mkostemp(body->path, O_CLOEXEC);
	if (body->fd < 0) {
		free(body->path); /* nothing of that name is ours */
		body->path = NULL;
	}
	return body->fd >= 0;
}

/* What is in memory goes to a file that nobody else sees. */
static bool
spill(struct body *body)
{
	const char *directory = getenv("TMPDIR");

	if (!open_file(body, directory != NULL && *directory != '\0'
				     ? directory
				     : "/tmp")) {
		return false;
	}
	unlink(body->path);
	free(body->path);
	body->path = NULL;
	if (!write_all(body->fd, body->memory, body->size)) {
		return false;
	}
	forget_memory(body);
	return true;
}

static bool
store(struct body *body, const void *data, size_t size)
{
	switch (body->options->output) {
	case OUTPUT_BODY:
		if (body->fd < 0) {
			if (keep_in_memory(body, data, size)) {
				return true;
			}
			if (!spill(body)) {
				return false;
			}
		}
		break;
	case OUTPUT_FILES:
		if (body->fd < 0 &&
		    !open_file(body, body->options->directory)) {
			return false;
		}
		break;
	default:
		return true;
	}
	return write_all(body->fd, data, size);
}

bool
body_write(struct body *body, const void *data, size_t size)
{
	atomic_fetch_add_explicit(&received, size, memory_order_relaxed);
	body->bytes += size;
	if (!store(body, data, size)) {
		body->error = errno;
		return false;
	}
	return true;
}

bool
body_end(struct body *body)
{
	int fd;

	if (body->options->output != OUTPUT_FILES) {
		return true;
	}
	if ((body->fd < 0 && !open_file(body, body->options->directory)) ||
	    fchmod(body->fd, file_mode) != 0) {
		body->error = errno;
		return false;
	}
	fd = body->fd;
	body->fd = -1;
	if (close(fd) != 0) { /* some file systems tell only now */
		body->error = errno;
		return false;
	}
	return true;
}

bool
body_print(struct body *body, FILE *to)
{
	char block[16 * 1024];
	off_t at = 0;
	ssize_t n;

	if (body->fd < 0) {
		if (body->size > 0) {
			fwrite(body->memory, 1, body->size, to);
		}
		return true;
	}
	while ((n = pread(body->fd, block, sizeof block, at)) > 0) {
		fwrite(block, 1, (size_t)n, to);
		at += n;
	}
	return n == 0;
}

char *
body_name(const char *url)
{
	CURLU *parts = curl_url();
	char *path = NULL, *query = NULL, *name = NULL, *c;
	const char *last = "";

	if (parts != NULL &&
	    curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_PATH, &path, 0) == CURLUE_OK) {
		last = strrchr(path, '/') == NULL ? path
						  : strrchr(path, '/') + 1;
		(void)curl_url_get(parts, CURLUPART_QUERY, &query, 0);
	}
	if (*last == '\0' || strcmp(last, ".") == 0 ||
	    strcmp(last, "..") == 0) {
		last = "index.html";
	}
	if (asprintf(&name, "%s%s%s", last, query != NULL ? "?" : "",
		     query != NULL ? query : "") < 0) {
		name = NULL;
		errno = ENOMEM;
	}
	for (c = name; c != NULL && *c != '\0'; c++) {
		if (*c == '/') { /* of the query */
			*c = '_';
		}
	}
	curl_free(path);
	curl_free(query);
	curl_url_cleanup(parts);
	return name;
}

/* As rename(), but EEXIST if there is one of that name. */
static bool
rename_new(const char *from, const char *to)
{
	struct stat st;

	if (link(from, to) == 0) {
		unlink(from);
		return true;
	}
	if (errno != EPERM && errno != EOPNOTSUPP) {
		return false;
	}
	if (lstat(to, &st) == 0) { /* there are no links here */
		errno = EEXIST;
		return false;
	}
	return rename(from, to) == 0;
}

char *
body_publish(struct body *body, const char *url)
{
	char *name = body_name(url), *path = NULL;
	unsigned n;
	int error = name == NULL ? ENOMEM : EEXIST;

	for (n = 0; n < NAMES && error == EEXIST; n++) {
		char number[16] = "";

		if (n > 0) {
			snprintf(number, sizeof number, ".%u", n);
		}
		free(path);
		if (asprintf(&path, "%s/%s%s", body->options->directory, name,
			     number) < 0) {
			path = NULL;
			error = ENOMEM;
			break;
		}
		error = rename_new(body->path, path) ? 0 : errno;
	}
	free(name);
	if (error != 0) {
		free(path);
		errno = error;
		return NULL;
	}
	free(body->path);
	body->path = NULL;
	return path;
}
