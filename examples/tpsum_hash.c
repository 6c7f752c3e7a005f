/* SPDX-License-Identifier: MIT */
/*
 * tpsum_hash.c - the task: reads one file and computes its SHA-256.  A file
 * that grows or shrinks meanwhile is hashed as it was read, as by sha256sum.
 */
#define _GNU_SOURCE
#include "tpsum.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <taskpar.h>
#include <unistd.h>

#define BLOCK ((size_t)256 * 1024)

/* Each thread's own, from its first to its last task. */
static _Thread_local EVP_MD_CTX *context;
static _Thread_local unsigned char *block;

static volatile int stopped;

void
hash_stop(void)
{
	__atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
}

bool
hash_stopped(void)
{
	return __atomic_load_n(&stopped, __ATOMIC_RELAXED) != 0;
}

void
hash_thread_start(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	context = EVP_MD_CTX_new();
	block = malloc(BLOCK);
}

void
hash_thread_stop(unsigned index, void *arg)
{
	(void)index;
	(void)arg;
	EVP_MD_CTX_free(context);
	free(block);
}

/* 0, TPAR_ESTOPPED or an errno value. */
static int
hash_open_file(int fd, const char *name)
{
	ssize_t n;

	while ((n = read(fd, block, BLOCK)) != 0) {
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return tpar_fail(errno, "%s: %s", name,
					 strerror(errno));
		}
		if (EVP_DigestUpdate(context, block, (size_t)n) != 1) {
			return tpar_fail(EIO, "%s: cannot be hashed", name);
		}
		if (hash_stopped() || tpar_cancelled()) {
			return TPAR_ESTOPPED;
		}
	}
	return 0;
}

int
hash_file(void *arg, void *value)
{
	const struct item *item = arg;
	struct digest *digest = value;
	bool is_stdin = strcmp(item->name, "-") == 0;
	int fd;
	int rc;

	if (hash_stopped()) {
		return TPAR_ESTOPPED;
	}
	if (item->walk_error != 0) {
		return tpar_fail(item->walk_error, "%s: %s", item->name,
				 strerror(item->walk_error));
	}
	if (context == NULL || block == NULL ||
	    EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
		return tpar_fail(ENOMEM, "%s: %s", item->name,
				 strerror(ENOMEM));
	}
	fd = is_stdin ? STDIN_FILENO : open(item->name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return tpar_fail(errno, "%s: %s", item->name, strerror(errno));
	}
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	rc = hash_open_file(fd, item->name);
	if (!is_stdin) {
		close(fd);
	}
	if (rc == 0 && EVP_DigestFinal_ex(context, digest->byte, NULL) != 1) {
		rc = tpar_fail(EIO, "%s: cannot be hashed", item->name);
	}
	return rc;
}
