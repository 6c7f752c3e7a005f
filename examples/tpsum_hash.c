/* SPDX-License-Identifier: MIT */
/*
 * tpsum_hash.c - the task: reads one file and computes its SHA-256.  A file
 * that grows or shrinks meanwhile is hashed as it was read, as by sha256sum.
 */
#include "tpsum.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t)256 * 1024)

/* Each thread's own, from its first to its last task. */
static _Thread_local EVP_MD_CTX *context;
static _Thread_local unsigned char *block;

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
hash_input(const struct input *input, unsigned char *digest)
{
	ssize_t n;

	if (context == NULL || block == NULL ||
	    EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
		return ENOMEM;
	}
	while ((n = input_read(input, block, BLOCK)) > 0) {
		if (EVP_DigestUpdate(context, block, (size_t)n) != 1) {
			return EIO;
		}
	}
	if (n < 0) {
		return errno == ECANCELED ? TPAR_ESTOPPED : errno;
	}
	return EVP_DigestFinal_ex(context, digest, NULL) == 1 ? 0 : EIO;
}

/* 0, TPAR_ESTOPPED, HASH_DIFFERS or an errno value. */
static int
hash_name(const struct item *item, struct result *result)
{
	struct input input;
	int rc;

	if (!input_open(&input, item->nothing ? "/dev/null" : item->name)) {
		result->missing = item->missing_ok && errno == ENOENT;
		return result->missing ? 0 : errno;
	}
	rc = hash_input(&input, result->digest);
	input_close(&input);
	if (rc == 0 && item->verify &&
	    memcmp(result->digest, item->want, DIGEST_BYTES) != 0) {
		rc = HASH_DIFFERS;
	}
	return rc;
}

int
hash_file(void *arg, void *value)
{
	const struct item *item = arg;
	int rc;

	if (stopped()) {
		return TPAR_ESTOPPED;
	}
	rc = item->kind == ITEM_FILE ? hash_name(item, value) : item->error;
	if (rc != 0 && rc != TPAR_ESTOPPED && item->fail_fast) {
		stop_now();
	}
	return rc;
}
