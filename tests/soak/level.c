/* SPDX-License-Identifier: MIT */
/*
 * level.c - what the process has of memory, threads and descriptors, as Linux
 * says it in /proc/self; zeros elsewhere.
 */
#include "soak.h"

#include <dirent.h>
#include <unistd.h>

static long
entries(const char *path)
{
	DIR *dir = opendir(path);
	long n = 0;

	if (dir == NULL) {
		return 0;
	}
	while (readdir(dir) != NULL) {
		n++;
	}
	(void)closedir(dir);
	return n - 2; /* . and .. */
}

static long
resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long all = 0;
	long pages = 0;

	if (file == NULL) {
		return 0;
	}
	if (fscanf(file, "%ld %ld", &all, &pages) != 2) {
		pages = 0;
	}
	(void)fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

struct soak_level
soak_level_now(void)
{
	struct soak_level level;

	level.memory = resident();
	level.threads = entries("/proc/self/task");
	/* Without the one that reads it. */
	level.descriptors = entries("/proc/self/fd") - 1;
	return level;
}
