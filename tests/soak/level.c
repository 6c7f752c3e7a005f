/* SPDX-License-Identifier: MIT */
/*
 * level.c - what the process has of memory, threads and descriptors, as Linux
 * says it in /proc/self; zeros elsewhere.
 */
#include "soak.h"

#include <dirent.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#if __GLIBC_PREREQ(2, 33)
#define HAVE_MALLINFO2
#endif
#endif

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

static long
in_use(void)
{
#ifdef HAVE_MALLINFO2
	struct mallinfo2 info = mallinfo2();

	return (long)((info.uordblks + info.hblkhd) / 1024);
#else
	return 0;
#endif
}

void
soak_level_settle(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

struct soak_level
soak_level_now(void)
{
	struct soak_level level;

	level.memory = resident();
	level.in_use = in_use();
	level.threads = entries("/proc/self/task");
	/* Without the one that reads it. */
	level.descriptors = entries("/proc/self/fd") - 1;
	return level;
}
