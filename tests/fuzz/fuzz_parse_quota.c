/* SPDX-License-Identifier: MIT */
/*
 * fuzz_parse_quota.c - the files of cgroups that say how many CPUs there are:
 * memberships, mounts and limits, in a small tree of directories, against an
 * oracle that knows that tree and reads no files.
 */
#define _GNU_SOURCE
#include "config.h"

#include "quota_tree.h"

#include "src/quota.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct text texts[TEXTS];

const char *const directories[DIRECTORIES] = { "",	  "/v2",  "/v2/a",
					       "/v2/a/b", "/cpu", "/cpu/a",
					       "/c d" };

const char *const files[FILES] = {
	"/v2/cpu.max",
	"/v2/a/cpu.max",
	"/v2/a/b/cpu.max",
	"/cpu/cpu.cfs_quota_us",
	"/cpu/cpu.cfs_period_us",
	"/cpu/a/cpu.cfs_quota_us",
	"/cpu/a/cpu.cfs_period_us",
	"/c d/cpu.max",
};

static char base[64];

void
fuzz_describe(FILE *to)
{
	int i;

	for (i = 0; i < TEXTS; i++) {
		fprintf(to, "  %s: '%s'\n",
			i == SELF     ? "self"
			: i == MOUNTS ? "mounts"
				      : files[i - FIRST_FILE],
			texts[i].bytes);
	}
}

/* ---- The tree -------------------------------------------------------------- */

static const char *
path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof path, "%s%s", base, name);
	return path;
}

static void
remove_tree(void)
{
	int i;

	for (i = 0; i < FILES; i++) {
		(void)unlink(path_of(files[i]));
	}
	for (i = DIRECTORIES; i-- > 0;) {
		(void)rmdir(path_of(directories[i]));
	}
}

static void
make_tree(void)
{
	int i;

	/* In memory, if there is such a file system. */
	snprintf(base, sizeof base, "/dev/shm/taskpar-fuzz-XXXXXX");
	if (mkdtemp(base) == NULL) {
		snprintf(base, sizeof base, "/tmp/taskpar-fuzz-XXXXXX");
		FUZZ_MUST(mkdtemp(base) != NULL);
	}
	for (i = 1; i < DIRECTORIES; i++) {
		FUZZ_MUST(mkdir(path_of(directories[i]), 0700) == 0);
	}
	(void)atexit(remove_tree);
}

static void
write_text(int fd, const struct text *text)
{
	FUZZ_MUST(fd >= 0 && ftruncate(fd, 0) == 0);
	FUZZ_MUST(pwrite(fd, text->bytes, text->size, 0) ==
		  (ssize_t)text->size);
}

/* Most of them are as they were. */
static void
write_files(void)
{
	static struct text written[FILES];
	static bool is_written[FILES];
	int i;

	for (i = 0; i < FILES; i++) {
		const struct text *text = &texts[FIRST_FILE + i];
		int fd;

		if (is_written[i] && written[i].size == text->size &&
		    memcmp(written[i].bytes, text->bytes, text->size) == 0) {
			continue;
		}
		fd = open(path_of(files[i]), O_RDWR | O_CREAT | O_CLOEXEC,
			  0600);
		write_text(fd, text);
		close(fd);
		written[i] = *text;
		is_written[i] = true;
	}
}

/* ---- Inputs ---------------------------------------------------------------- */

/* A byte from 0x80 on is a word; 0xff: the next text. */
static void
decode(const uint8_t *data, size_t size)
{
	static const char *const words[] = {
		"1 2 0:3 / /v2 rw - cgroup2 c rw\n",
		"1 2 0:3 / /cpu rw - cgroup c rw,cpu\n",
		"0::/a/b\n",
		"1:cpu:/a\n",
		"100000",
		"max",
		"18446744073709551615",
		" rw - ",
		"cgroup",
		"/v2",
		"/cpu",
		"/..",
		"/a/b",
		"\\040",
		"/c\\040d",
		"cpu,cpuacct",
	};
	struct text *text = texts;
	size_t i;

	memset(texts, 0, sizeof texts);
	for (i = 0; i < size; i++) {
		const char *word = words[data[i] % 16];
		size_t n = data[i] < 0x80 ? 1 : strlen(word);

		if (data[i] == 0xff) {
			if (++text == texts + TEXTS) {
				return;
			}
			continue;
		}
		if (text->size + n > TEXT_MOST) {
			continue;
		}
		memcpy(text->bytes + text->size,
		       data[i] < 0x80 ? (const char *)&data[i] : word, n);
		text->size += n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd[2] = { -1, -1 };
	char name[2][32];
	unsigned limit;
	unsigned got;
	int i;

	if (fd[0] < 0) {
		make_tree();
		fd[0] = memfd_create("self", MFD_CLOEXEC);
		fd[1] = memfd_create("mounts", MFD_CLOEXEC);
	}
	decode(data, size);
	if (!quota_wanted(&limit)) {
		return 0;
	}
	write_files();
	for (i = 0; i < 2; i++) {
		write_text(fd[i], &texts[i]);
		snprintf(name[i], sizeof name[i], "/proc/self/fd/%d", fd[i]);
	}
	got = tpi_quota_cpus(base, name[0], name[1]);
	FUZZ_MUST(got == limit);
	return 0;
}
