/* SPDX-License-Identifier: MIT */
/*
 * quota.c - reads the CPU quotas of cgroups.  Any thread may call it; it keeps
 * nothing between calls.
 *
 * A quota counts where it is set on the process's cgroup or on an ancestor, so
 * each mount of a cgroup tree is walked from its mount point down to the
 * process.  The walk opens one directory at a time: a path may be longer than
 * PATH_MAX.  Whatever is missing, unreadable or malformed sets no limit.
 */
#include "config.h"

#include "quota.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Bytes of the longest line read; a longer one is skipped.  A line of mountinfo
 * has two escaped paths (4 bytes per character) and the mount's options.
 */
#define LINE_MAX_BYTES ((size_t)65536)

/* Two numbers of 20 digits, a space, a newline. */
#define LIMIT_MAX_BYTES ((size_t)64)

/* The longest name of a cgroup. */
#define NAME_MAX_BYTES ((size_t)255)

/* Passing through a directory does not need the permission to list it. */
#ifdef O_PATH
#define DIRECTORY_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)
#else
#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#endif

/* Where the process is; NULL: nowhere. */
struct membership {
	char *v1; /* in the tree of the cpu controller */
	char *v2;
};

/* A mounted cgroup tree, or a part of one. */
struct mount {
	const char *root;  /* the cgroup that is at `point` */
	const char *point; /* where it is mounted */
	bool v2;
};

static unsigned
tighter(unsigned a, unsigned b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Without its newline; empty if it is too long.  false: no more lines. */
static bool
read_line(FILE *file, char *line)
{
	size_t length = 0;
	int c = getc(file);

	if (c == EOF) {
		return false;
	}
	for (; c != EOF && c != '\n'; c = getc(file)) {
		if (length < LINE_MAX_BYTES) {
			line[length++] = (char)c;
		}
	}
	line[length < LINE_MAX_BYTES ? length : 0] = '\0';
	return true;
}

/* Is `word` in a list separated by commas? */
static bool
has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (*list != '\0') {
		size_t here = strcspn(list, ",");

		if (here == length && memcmp(list, word, length) == 0) {
			return true;
		}
		list += here + (list[here] == ',');
	}
	return false;
}

/* A line of /proc/self/cgroup: id:controller,...:path */
static void
read_membership(char *line, struct membership *self)
{
	const char *id = strsep(&line, ":");
	const char *controllers = strsep(&line, ":");

	if (line == NULL) {
		return;
	}
	if (strcmp(id, "0") == 0 && *controllers == '\0') {
		if (self->v2 == NULL) {
			self->v2 = strdup(line);
		}
	} else if (has_word(controllers, "cpu") && self->v1 == NULL) {
		self->v1 = strdup(line);
	}
}

static bool
is_octal(char c, char most)
{
	return c >= '0' && c <= most;
}

/* In place: \040 is a space. */
static void
unescape(char *text)
{
	char *to = text;

	while (*text != '\0') {
		if (text[0] == '\\' && is_octal(text[1], '3') &&
		    is_octal(text[2], '7') && is_octal(text[3], '7')) {
			*to++ = (char)((text[1] - '0') * 64 +
				       (text[2] - '0') * 8 + (text[3] - '0'));
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

/*
 * A line of /proc/self/mountinfo: id parent device root point options ... -
 * type source options.  Each field ends at one space and may be empty.  false:
 * the cpu controller is not there.
 */
static bool
read_mount(char *line, struct mount *mount)
{
	const char *field;
	const char *type;
	char *root;
	char *point;
	int i;

	for (i = 0; i < 3; i++) {
		strsep(&line, " ");
	}
	root = strsep(&line, " ");
	point = strsep(&line, " ");
	strsep(&line, " ");
	do {
		field = strsep(&line, " ");
	} while (field != NULL && strcmp(field, "-") != 0);
	type = strsep(&line, " ");
	strsep(&line, " ");
	if (line == NULL) {
		return false;
	}
	unescape(root);
	unescape(point);
	mount->root = root;
	mount->point = point;
	mount->v2 = strcmp(type, "cgroup2") == 0;
	return mount->v2 ||
	       (strcmp(type, "cgroup") == 0 && has_word(line, "cpu"));
}

/* Moves to the path's next name and gives its length; 0 at the end. */
static size_t
next_name(const char **path)
{
	*path += strspn(*path, "/");
	return strcspn(*path, "/");
}

static bool
is_parent(const char *name, size_t length)
{
	return length == 2 && name[0] == '.' && name[1] == '.';
}

/*
 * The part of the cgroup's path that is below the mount's root; NULL if the
 * cgroup is not there.  Both paths begin with /.. for each level that they are
 * above the process's cgroup namespace.  A root further up than the path is an
 * ancestor, but nobody tells the names in between: the part is then "".
 */
static const char *
path_below(const char *root, const char *path)
{
	size_t root_name;
	size_t path_name;

	for (;;) {
		root_name = next_name(&root);
		path_name = next_name(&path);
		if (root_name == 0 || root_name != path_name ||
		    memcmp(root, path, root_name) != 0) {
			break;
		}
		root += root_name;
		path += path_name;
	}
	if (root_name == 0) {
		return is_parent(path, path_name) ? NULL : path;
	}
	while (is_parent(root, root_name)) {
		root += root_name;
		root_name = next_name(&root);
	}
	return root_name == 0 ? "" : NULL;
}

/* The line that is in a small file; "" if there is none. */
static void
read_limit(int dir, const char *name, char text[LIMIT_MAX_BYTES])
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n = 0;

	text[0] = '\0';
	if (fd < 0) {
		return;
	}
	do {
		n = read(fd, text + length, LIMIT_MAX_BYTES - length);
		length += n > 0 ? (size_t)n : 0;
	} while (length < LIMIT_MAX_BYTES &&
		 (n > 0 || (n < 0 && errno == EINTR)));
	close(fd);
	if (n == 0 && length > 0 && text[length - 1] == '\n') {
		length--;
	}
	text[n == 0 ? length : 0] = '\0';
}

/* A decimal number followed by `end`; moves behind that.  false: no number. */
static bool
read_number(const char **text, char end, uint64_t *number)
{
	const char *at = *text;
	uint64_t sum = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		unsigned digit = (unsigned)(*at - '0');

		if (sum > (UINT64_MAX - digit) / 10) {
			return false;
		}
		sum = sum * 10 + digit;
	}
	if (at == *text || *at != end) {
		return false;
	}
	*text = at + 1;
	*number = sum;
	return true;
}

/* Microseconds per period of so many microseconds, in CPUs; 0: no limit. */
static unsigned
cpus_of(uint64_t quota, uint64_t period)
{
	uint64_t cpus;

	if (period == 0) {
		return 0;
	}
	cpus = quota / period + (quota % period != 0);
	return cpus < UINT_MAX ? (unsigned)cpus : UINT_MAX;
}

/* "-1" and a period, or two numbers. */
static unsigned
quota_v1(int dir)
{
	char text[LIMIT_MAX_BYTES];
	const char *at = text;
	uint64_t quota;
	uint64_t period;

	read_limit(dir, "cpu.cfs_quota_us", text);
	if (!read_number(&at, '\0', &quota)) {
		return 0;
	}
	read_limit(dir, "cpu.cfs_period_us", text);
	at = text;
	if (!read_number(&at, '\0', &period)) {
		return 0;
	}
	return cpus_of(quota, period);
}

/* "max 100000", or two numbers. */
static unsigned
quota_v2(int dir)
{
	char text[LIMIT_MAX_BYTES];
	const char *at = text;
	uint64_t quota;
	uint64_t period;

	read_limit(dir, "cpu.max", text);
	if (!read_number(&at, ' ', &quota) ||
	    !read_number(&at, '\0', &period)) {
		return 0;
	}
	return cpus_of(quota, period);
}

/* From a directory, which it closes, to the path's next name; -1 at the end. */
static int
descend(int dir, const char **path)
{
	char name[NAME_MAX_BYTES + 1];
	size_t length = next_name(path);
	int child = -1;

	if (length > 0 && length <= NAME_MAX_BYTES &&
	    !is_parent(*path, length)) {
		memcpy(name, *path, length);
		name[length] = '\0';
		*path += length;
		child = openat(dir, name, DIRECTORY_FLAGS);
	}
	close(dir);
	return child;
}

/* The tightest quota from a mount point down a path. */
static unsigned
quota_along(const char *point, const char *path, bool v2)
{
	int dir = open(point, DIRECTORY_FLAGS);
	unsigned quota = 0;

	while (dir >= 0) {
		quota = tighter(quota, v2 ? quota_v2(dir) : quota_v1(dir));
		dir = descend(dir, &path);
	}
	return quota;
}

static unsigned
quota_of_mount(const char *prefix, const struct mount *mount,
	       const struct membership *self)
{
	const char *path = mount->v2 ? self->v2 : self->v1;
	size_t prefix_length = strlen(prefix);
	size_t point_size = strlen(mount->point) + 1;
	unsigned quota;
	char *point;

	path = path != NULL ? path_below(mount->root, path) : NULL;
	point = path != NULL ? malloc(prefix_length + point_size) : NULL;
	if (point == NULL) {
		return 0;
	}
	memcpy(point, prefix, prefix_length);
	memcpy(point + prefix_length, mount->point, point_size);
	quota = quota_along(point, path, mount->v2);
	free(point);
	return quota;
}

static void
read_memberships(const char *path, char *line, struct membership *self)
{
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		return;
	}
	while (read_line(file, line)) {
		read_membership(line, self);
	}
	(void)fclose(file);
}

static unsigned
quota_of_mounts(const char *path, char *line, const char *prefix,
		const struct membership *self)
{
	FILE *file = fopen(path, "re");
	struct mount mount;
	unsigned quota = 0;

	if (file == NULL) {
		return 0;
	}
	while (read_line(file, line)) {
		if (read_mount(line, &mount)) {
			quota = tighter(quota,
					quota_of_mount(prefix, &mount, self));
		}
	}
	(void)fclose(file);
	return quota;
}

unsigned
tpi_quota_cpus(const char *root, const char *self, const char *mounts)
{
	struct membership groups = { NULL, NULL };
	char *line = malloc(LINE_MAX_BYTES);
	unsigned quota;

	if (line == NULL) {
		return 0;
	}
	read_memberships(self, line, &groups);
	quota = quota_of_mounts(mounts, line, root, &groups);
	free(groups.v1);
	free(groups.v2);
	free(line);
	return quota;
}
