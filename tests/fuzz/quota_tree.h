/* SPDX-License-Identifier: MIT */
/*
 * quota_tree.h - the directories and files that fuzz_parse_quota.c makes, and
 * that quota_oracle.c knows.
 */
#ifndef QUOTA_TREE_H
#define QUOTA_TREE_H

#include "fuzz.h"

enum { TEXT_MOST = 2048, DIRECTORIES = 7, FILES = 8 };

/* The texts of an input: two files, then those of `files`. */
enum { SELF, MOUNTS, FIRST_FILE, TEXTS = FIRST_FILE + FILES };

struct text {
	size_t size;
	char bytes[TEXT_MOST + 1];
};

extern struct text texts[TEXTS];
extern const char *const directories[DIRECTORIES];
extern const char *const files[FILES];

/*
 * What the limit must be.  false: a mount leads out of the tree, to where nobody
 * knows what there is.
 */
bool quota_wanted(unsigned *limit);

#endif
