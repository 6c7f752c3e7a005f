/* SPDX-License-Identifier: MIT */
/*
 * threads.h - the threads of this process, as the system sees them.
 */
#ifndef THREADS_H
#define THREADS_H

#include "unit.h"

#include <dirent.h>
#include <string.h>

static inline int
unit_threads_seen(const char *prefix)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	char path[300];
	char name[32];
	int n = 0;

	UNIT_MUST(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		FILE *file;

		if (entry->d_name[0] == '.') {
			continue; /* ".." has a name, too: the process's */
		}
		snprintf(path, sizeof path, "/proc/self/task/%s/comm",
			 entry->d_name);
		file = fopen(path, "r");
		if (file == NULL) {
			continue; /* no thread, or one that has just gone */
		}
		if (fgets(name, sizeof name, file) != NULL) {
			name[strcspn(name, "\n")] = '\0';
			n += strncmp(name, prefix, strlen(prefix)) == 0;
		}
		fclose(file);
	}
	closedir(dir);
	return n;
}

/*
 * How many threads of this process have a name that begins with `prefix`.  One
 * that was joined may still be seen for a moment; and if another one goes while
 * they are listed, one that is there may be missing, so they are listed again.
 */
static inline int
unit_threads_called(const char *prefix)
{
	int n = unit_threads_seen(prefix);
	int before;

	do {
		before = n;
		n = unit_threads_seen(prefix);
	} while (n != before);
	return n;
}

#endif
