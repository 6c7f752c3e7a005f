/* SPDX-License-Identifier: MIT */
/*
 * quota_oracle.c - the limit that a small tree of cgroups gives, found in memory.
 */
#include "quota_tree.h"

#include <limits.h>
#include <string.h>

/* More than there can be in a text. */
enum { FIELDS = TEXT_MOST + 2, PARTS = TEXT_MOST + 2 };

/* What stands between separators; `text` is cut. */
static size_t
split(char *text, char separator, char **part, size_t most)
{
	size_t n = 0;
	char *end;

	do {
		end = strchr(text, separator);
		part[n++] = text;
		if (end == NULL) {
			break;
		}
		*end = '\0';
		text = end + 1;
	} while (n < most);
	return n;
}

static bool
has_cpu(const char *list)
{
	char padded[TEXT_MOST + 3];

	snprintf(padded, sizeof padded, ",%s,", list);
	return strstr(padded, ",cpu,") != NULL;
}

static bool
is_directory(const char *path)
{
	int i;

	for (i = 0; i < DIRECTORIES; i++) {
		if (strcmp(path, directories[i]) == 0) {
			return true;
		}
	}
	return false;
}

static bool
step_to(char *at, const char *name)
{
	char next[TEXT_MOST * 2 + 2];

	if (strcmp(name, ".") == 0) {
		return true;
	}
	snprintf(next, sizeof next, "%s/%s", at, name);
	if (!is_directory(next)) {
		return false;
	}
	strcpy(at, next);
	return true;
}

/* Names without the empty ones. */
static size_t
names_of(char *path, char **name)
{
	char *part[PARTS];
	size_t parts = split(path, '/', part, PARTS);
	size_t n = 0;
	size_t i;

	for (i = 0; i < parts; i++) {
		if (*part[i] != '\0') {
			name[n++] = part[i];
		}
	}
	return n;
}

/* One number at the beginning, and what follows it. */
static const char *
number_in(const char *text, unsigned __int128 *number)
{
	size_t digits = strspn(text, "0123456789");
	size_t i;

	*number = 0;
	for (i = 0; i < digits; i++) {
		*number = *number * 10 + (unsigned)(text[i] - '0');
		if (*number > UINT64_MAX) {
			return NULL;
		}
	}
	return digits > 0 ? text + digits : NULL;
}

static unsigned
cpus(unsigned __int128 quota, unsigned __int128 period)
{
	unsigned __int128 n;

	if (period == 0) {
		return 0;
	}
	n = (quota + period - 1) / period;
	return n > UINT_MAX ? UINT_MAX : (unsigned)n;
}

/* The one line of a file; NULL: there is no such file, or it is too long. */
static const char *
line_of(const char *directory, const char *name)
{
	static char line[2][TEXT_MOST + 1];
	static unsigned which;
	char path[TEXT_MOST * 3];
	int i;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	for (i = 0; i < FILES; i++) {
		const struct text *text = &texts[FIRST_FILE + i];

		if (strcmp(path, files[i]) == 0 && text->size < 64) {
			char *to = line[which++ % 2];

			strcpy(to, text->bytes);
			if (text->size > 0 && to[text->size - 1] == '\n') {
				to[text->size - 1] = '\0';
			}
			return to;
		}
	}
	return NULL;
}

static unsigned
limit_in(const char *directory, bool v2)
{
	const char *a = line_of(directory, v2 ? "cpu.max" : "cpu.cfs_quota_us");
	const char *b = v2 ? "" : line_of(directory, "cpu.cfs_period_us");
	unsigned __int128 quota;
	unsigned __int128 period;

	if (a == NULL || b == NULL || (a = number_in(a, &quota)) == NULL) {
		return 0;
	}
	if (v2) {
		b = *a == ' ' ? a + 1 : "";
		a = "";
	}
	b = number_in(b, &period);
	return b == NULL || *a != '\0' || *b != '\0' ? 0 : cpus(quota, period);
}

/* Where a cgroup is below a mount: the first of its names.  -1: it is not. */
static int
below(char **root, size_t roots, char **path, size_t paths)
{
	size_t i = 0;
	size_t k;

	while (i < roots && i < paths && strcmp(root[i], path[i]) == 0) {
		i++;
	}
	if (i == roots) {
		return i < paths && strcmp(path[i], "..") == 0 ? -1 : (int)i;
	}
	for (k = i; k < roots; k++) {
		if (strcmp(root[k], "..") != 0) {
			return -1;
		}
	}
	return (int)paths;
}

/* false: it leads out of the tree, to where nobody knows what there is. */
static bool
limit_of_mount(char *root, char *point, const char *self, bool v2,
	       unsigned *limit)
{
	char *roots[PARTS], *points[PARTS], *paths[PARTS];
	char at[TEXT_MOST * 3] = "";
	char path[TEXT_MOST + 1];
	bool absolute = *point == '/' || *point == '\0';
	size_t n, m, i;
	unsigned here;
	int from;

	snprintf(path, sizeof path, "%s", self);
	m = names_of(path, paths);
	from = below(roots, names_of(root, roots), paths, m);
	if (from < 0 || !absolute) {
		return absolute || from < 0;
	}
	n = names_of(point, points);
	for (i = 0; i < n; i++) {
		if (strcmp(points[i], "..") == 0) {
			if (*at == '\0') {
				return false;
			}
			*strrchr(at, '/') = '\0';
		} else if (!step_to(at, points[i])) {
			return true;
		}
	}
	for (i = (size_t)from;; i++) {
		here = limit_in(at, v2);
		if (here != 0 && (*limit == 0 || here < *limit)) {
			*limit = here;
		}
		if (i == m || strcmp(paths[i], "..") == 0 ||
		    !step_to(at, paths[i])) {
			return true;
		}
	}
}

static void
undo_escapes(char *text)
{
	char *to = text;
	unsigned code;

	while (*text != '\0') {
		if (strspn(text, "\\") > 0 && text[1] >= '0' &&
		    text[1] <= '3' && strspn(text + 1, "01234567") >= 3) {
			char octal[4] = { text[1], text[2], text[3], '\0' };

			FUZZ_MUST(sscanf(octal, "%o", &code) == 1);
			*to++ = (char)code;
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

struct groups {
	char v1[TEXT_MOST + 1];
	char v2[TEXT_MOST + 1];
	bool has_v1;
	bool has_v2;
};

static void
read_groups(struct groups *groups, char *line)
{
	char *first = strchr(line, ':');
	char *second = first != NULL ? strchr(first + 1, ':') : NULL;

	if (second == NULL) {
		return;
	}
	*first = *second = '\0';
	if (strcmp(line, "0") == 0 && first[1] == '\0') {
		if (!groups->has_v2) {
			strcpy(groups->v2, second + 1);
		}
		groups->has_v2 = true;
	} else if (has_cpu(first + 1)) {
		if (!groups->has_v1) {
			strcpy(groups->v1, second + 1);
		}
		groups->has_v1 = true;
	}
}

/* false: as limit_of_mount(). */
static bool
read_mount(const struct groups *groups, char *line, unsigned *limit)
{
	char copy[TEXT_MOST + 1];
	char *field[FIELDS];
	size_t n;
	size_t i;
	bool v2;

	strcpy(copy, line);
	n = split(line, ' ', field, FIELDS);
	for (i = 6; i < n && strcmp(field[i], "-") != 0; i++) {
	}
	if (i + 3 >= n) {
		return true;
	}
	v2 = strcmp(field[i + 1], "cgroup2") == 0;
	if (!v2 && (strcmp(field[i + 1], "cgroup") != 0 ||
		    !has_cpu(copy + (field[i + 3] - line)))) {
		return true;
	}
	if (v2 ? !groups->has_v2 : !groups->has_v1) {
		return true;
	}
	undo_escapes(field[3]);
	undo_escapes(field[4]);
	return limit_of_mount(field[3], field[4], v2 ? groups->v2 : groups->v1,
			      v2, limit);
}

/* The lines of a text, each up to a zero byte. */
static bool
next_line(const struct text *text, size_t *at, char *line)
{
	size_t n = 0;

	if (*at >= text->size) {
		return false;
	}
	while (*at < text->size && text->bytes[*at] != '\n') {
		line[n++] = text->bytes[(*at)++];
	}
	++*at;
	line[n] = '\0';
	return true;
}

bool
quota_wanted(unsigned *limit)
{
	static struct groups groups;
	char line[TEXT_MOST + 1];
	size_t at = 0;

	memset(&groups, 0, sizeof groups);
	while (next_line(&texts[SELF], &at, line)) {
		read_groups(&groups, line);
	}
	*limit = 0;
	at = 0;
	while (next_line(&texts[MOUNTS], &at, line)) {
		if (!read_mount(&groups, line, limit)) {
			return false;
		}
	}
	return true;
}
