/* SPDX-License-Identifier: MIT */
/*
 * test_quota.c - quotas read from made-up cgroup trees.
 *
 * Each test puts files under a directory of its own, which stands for the root
 * of the file system.
 */
#include "config.h"

#include "unit.h"

#include "src/quota.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CGROUP "/sys/fs/cgroup"
#define V2 "31 23 0:28 / " CGROUP " rw - cgroup2 cgroup2 rw\n"
#define V1 "31 23 0:28 / " CGROUP "/cpu rw - cgroup cgroup rw,cpu\n"

static char base[PATH_MAX]; /* holds the roots of all tests */

/* A root: its path, and a descriptor for paths that are too long. */
struct root {
	char path[PATH_MAX + 8];
	int fd;
};

static void
make_base(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(base, sizeof base, "%s/taskpar-cpus-XXXXXX",
		 tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(base));
}

static void
remove_entry(int dir, const char *name)
{
	struct dirent *entry;
	DIR *inside;
	int fd;

	if (unlinkat(dir, name, 0) == 0) {
		return;
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	inside = fd >= 0 ? fdopendir(fd) : NULL;
	if (inside == NULL) {
		return;
	}
	while ((entry = readdir(inside)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0) {
			remove_entry(fd, entry->d_name);
		}
	}
	closedir(inside);
	unlinkat(dir, name, AT_REMOVEDIR);
}

static void
remove_base(void)
{
	remove_entry(AT_FDCWD, base);
}

static struct root
make_root(void)
{
	struct root root;

	snprintf(root.path, sizeof root.path, "%s/XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(root.path));
	root.fd = open(root.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(root.fd, 0);
	return root;
}

static void
write_file(int dir, const char *name, const void *text, size_t size)
{
	int fd;

	/* A file system may write a file to disk that was truncated first. */
	(void)unlinkat(dir, name, 0);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, size), size);
	close(fd);
}

/* A file below the root, with the directories that lead to it. */
static void
put(const struct root *root, const char *path, const char *text)
{
	int dir = dup(root->fd);
	size_t length;

	for (path++; path[length = strcspn(path, "/")] != '\0';
	     path += length + 1) {
		char *name = strndup(path, length);
		int next;

		(void)mkdirat(dir, name, 0755);
		next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_ge(next, 0);
		close(dir);
		dir = next;
		free(name);
	}
	write_file(dir, path, text, strlen(text));
	close(dir);
}

static void
put_v1(const struct root *root, const char *cgroup, const char *quota,
       const char *period)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", cgroup);
	put(root, path, quota);
	snprintf(path, sizeof path, "%s/cpu.cfs_period_us", cgroup);
	put(root, path, period);
}

/* The quota from the files "self" and "mounts" as they are. */
static unsigned
quota_as_is(const struct root *root)
{
	char self[PATH_MAX + 16];
	char mounts[PATH_MAX + 16];

	snprintf(self, sizeof self, "%s/self", root->path);
	snprintf(mounts, sizeof mounts, "%s/mounts", root->path);
	return tpi_quota_cpus(root->path, self, mounts);
}

static unsigned
quota(const struct root *root, const char *self, const char *mounts)
{
	put(root, "/self", self);
	put(root, "/mounts", mounts);
	return quota_as_is(root);
}

START_TEST(v2_limit_of_the_own_cgroup)
{
	struct root root = make_root();

	put(&root, CGROUP "/a/b/cpu.max", "300000 100000\n");
	ck_assert_uint_eq(quota(&root, "0::/a/b\n", V2), 3);
	ck_assert_uint_eq(quota(&root, "0::/a\n", V2), 0);
}
END_TEST

START_TEST(v2_tightest_ancestor_counts)
{
	struct root root = make_root();

	put(&root, CGROUP "/a/cpu.max", "200000 100000\n");
	put(&root, CGROUP "/a/b/cpu.max", "max 100000\n");
	put(&root, CGROUP "/a/b/c/cpu.max", "700000 100000\n");
	put(&root, CGROUP "/a/b/c/below/cpu.max", "100000 100000\n");
	put(&root, CGROUP "/a/beside/cpu.max", "100000 100000\n");
	ck_assert_uint_eq(quota(&root, "0::/a/b/c\n", V2), 2);
	put(&root, CGROUP "/cpu.max", "100000 100000\n");
	ck_assert_uint_eq(quota(&root, "0::/a/b/c\n", V2), 1);
}
END_TEST

START_TEST(v2_gap_in_the_ancestors_does_not_end_the_walk)
{
	struct root root = make_root();

	put(&root, CGROUP "/a/b/c/cpu.max", "400000 100000\n");
	ck_assert_uint_eq(quota(&root, "0::/a/b/c\n", V2), 4);
	/* The own cgroup is gone: its ancestors still count. */
	ck_assert_uint_eq(quota(&root, "0::/a/b/c/d (deleted)\n", V2), 4);
}
END_TEST

START_TEST(v1_limits)
{
	struct root root = make_root();

	put_v1(&root, CGROUP "/cpu", "-1\n", "100000\n");
	put_v1(&root, CGROUP "/cpu/a", "250000\n", "50000\n");
	put_v1(&root, CGROUP "/cpu/a/b", "600000\n", "100000\n");
	ck_assert_uint_eq(quota(&root, "1:cpu:/a/b\n", V1), 5);
	ck_assert_uint_eq(quota(&root, "1:cpu:/a\n", V1), 5);
	ck_assert_uint_eq(quota(&root, "1:cpu:/\n", V1), 0);
}
END_TEST

START_TEST(v1_controller_in_company)
{
	static const char mounts[] =
		"30 23 0:27 / /cg/x rw - cgroup cgroup rw,cpuset\n"
		"31 23 0:28 / /cg/x rw - cgroup cgroup rw,cpuacct\n"
		"32 23 0:29 / /cg/x rw - cgroup cgroup rw,name=cpu\n"
		"33 23 0:29 / /cg/x rw - tmpfs tmpfs rw,cpu\n"
		"34 23 0:30 / /cg/cpu rw - cgroup cgroup rw,cpuacct,cpu\n";
	struct root root = make_root();

	put_v1(&root, "/cg/x/a", "100000\n", "100000\n");
	put_v1(&root, "/cg/cpu/a", "200000\n", "100000\n");
	put_v1(&root, "/cg/cpu/b", "400000\n", "100000\n");
	ck_assert_uint_eq(
		quota(&root, "3:cpuset:/b\n2:cpuacct,cpu:/a\n", mounts), 2);
	ck_assert_uint_eq(
		quota(&root, "3:cpuset:/a\n2:cpu,cpuacct:/b\n", mounts), 4);
	ck_assert_uint_eq(quota(&root, "2:cpuset,cpuacct:/a\n1:name=cpu:/a\n",
				mounts),
			  0);
}
END_TEST

START_TEST(hybrid_takes_the_tighter_tree)
{
	static const char mounts[] =
		"30 23 0:27 / /cg/unified rw - cgroup2 cgroup2 rw\n"
		"31 23 0:28 / /cg/cpu rw - cgroup cgroup rw,cpu\n";
	static const char self[] = "4:cpu:/one\n0::/two\n";
	struct root root = make_root();

	put_v1(&root, "/cg/cpu/one", "300000\n", "100000\n");
	ck_assert_uint_eq(quota(&root, self, mounts), 3);
	put(&root, "/cg/unified/two/cpu.max", "200000 100000\n");
	ck_assert_uint_eq(quota(&root, self, mounts), 2);
	put_v1(&root, "/cg/cpu/one", "100000\n", "100000\n");
	ck_assert_uint_eq(quota(&root, self, mounts), 1);
}
END_TEST

/* A container sees its own part of the tree, but whole paths. */
START_TEST(mount_of_a_part_of_the_tree)
{
	static const char part[] =
		"31 23 0:28 /docker/abc " CGROUP " ro - cgroup2 cgroup rw\n";
	struct root root = make_root();

	put(&root, CGROUP "/cpu.max", "500000 100000\n");
	put(&root, CGROUP "/inner/cpu.max", "200000 100000\n");
	put(&root, CGROUP "/docker/abc/cpu.max", "100000 100000\n");
	ck_assert_uint_eq(quota(&root, "0::/docker/abc\n", part), 5);
	ck_assert_uint_eq(quota(&root, "0::/docker/abc/inner\n", part), 2);
	/* Not under this mount, though it begins with the same letters. */
	ck_assert_uint_eq(quota(&root, "0::/docker/abcd\n", part), 0);
	ck_assert_uint_eq(quota(&root, "0::/docker\n", part), 0);
	ck_assert_uint_eq(quota(&root, "0::/\n", part), 0);
}
END_TEST

/* Above the cgroup namespace, paths are told from the namespace's root. */
START_TEST(paths_above_the_namespace)
{
	static const struct {
		const char *mounted;
		const char *self;
		unsigned quota;
	} cases[] = {
		{ "/", "/", 6 },	  { "/", "/..", 0 },
		{ "/", "/../x", 0 },	  { "/..", "/", 6 },
		{ "/..", "/x", 6 },	  { "/..", "/..", 6 },
		{ "/..", "/../x", 4 },	  { "/..", "/../x/y", 2 },
		{ "/..", "/../../x", 0 }, { "/../..", "/../x", 6 },
		{ "/../..", "/", 6 },	  { "/../z", "/../z/x/y", 2 },
		{ "/../z", "/x", 0 },	  { "/../z", "/../x", 0 },
		{ "/", "/x/../y", 4 },	  { "/", "/x/./y", 2 },
		{ "/", "//x//y/", 2 },
	};
	struct root root = make_root();
	size_t i;

	put(&root, CGROUP "/cpu.max", "600000 100000\n");
	put(&root, CGROUP "/x/cpu.max", "400000 100000\n");
	put(&root, CGROUP "/x/y/cpu.max", "200000 100000\n");
	put(&root, CGROUP "/y/cpu.max", "100000 100000\n");
	put(&root, "/sys/fs/x/cpu.max", "100000 100000\n");
	put(&root, "/sys/fs/cpu.max", "100000 100000\n");
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char mounts[256];
		char self[256];

		snprintf(mounts, sizeof mounts,
			 "31 23 0:28 %s " CGROUP " rw - cgroup2 cgroup2 rw\n",
			 cases[i].mounted);
		snprintf(self, sizeof self, "0::%s\n", cases[i].self);
		ck_assert_msg(quota(&root, self, mounts) == cases[i].quota,
			      "%s in %s", cases[i].self, cases[i].mounted);
	}
}
END_TEST

START_TEST(escapes_and_optional_fields_in_mountinfo)
{
	static const char mounts[] =
		"31 23 0:28 /a\\040b /c\\040\\134d\\011e rw shared:7 master:1"
		" - cgroup2  rw,nsdelegate\n";
	struct root root = make_root();

	put(&root, "/c \\d\te/f:g/cpu.max", "300000 100000\n");
	ck_assert_uint_eq(quota(&root, "0::/a b/f:g\n", mounts), 3);
	/* What looks like an escape, but is none. */
	put(&root, "/x\\04/cpu.max", "200000 100000\n");
	put(&root, "/x\\900/cpu.max", "200000 100000\n");
	ck_assert_uint_eq(quota(&root, "0::/\n",
				"1 2 0:3 / /x\\04 rw - cgroup2 c rw\n"),
			  2);
	ck_assert_uint_eq(quota(&root, "0::/\n",
				"1 2 0:3 / /x\\900 rw - cgroup2 c rw\n"),
			  2);
}
END_TEST

START_TEST(every_mount_counts)
{
	static const char mounts[] =
		"31 23 0:28 /a /one rw - cgroup2 cgroup2 rw\n"
		"32 23 0:28 / /two rw - cgroup2 cgroup2 rw\n"
		"33 23 0:28 /other /three rw - cgroup2 cgroup2 rw\n";
	struct root root = make_root();

	put(&root, "/one/b/cpu.max", "500000 100000\n");
	put(&root, "/two/cpu.max", "400000 100000\n");
	put(&root, "/three/cpu.max", "100000 100000\n");
	ck_assert_uint_eq(quota(&root, "0::/a/b\n", mounts), 4);
}
END_TEST

START_TEST(no_limit_without_files)
{
	struct root root = make_root();

	ck_assert_uint_eq(quota_as_is(&root), 0);
	put(&root, "/self", "0::/\n");
	ck_assert_uint_eq(quota_as_is(&root), 0);
	ck_assert_uint_eq(quota(&root, "0::/\n", V2), 0);
	ck_assert_uint_eq(quota(&root, "", ""), 0);
	put(&root, CGROUP "/cpu.max", "max 100000\n");
	ck_assert_uint_eq(quota(&root, "0::/\n", V2), 0);
	/* A directory where a file should be. */
	put(&root, CGROUP "/a/cpu.max/x", "");
	ck_assert_uint_eq(quota(&root, "0::/a\n", V2), 0);
	ck_assert_int_eq(unlinkat(root.fd, "self", 0), 0);
	put(&root, CGROUP "/cpu.max", "100000 100000\n");
	ck_assert_uint_eq(quota_as_is(&root), 0);
}
END_TEST

START_TEST(quotas_are_rounded_up)
{
	static const struct {
		const char *text;
		unsigned quota;
	} cases[] = {
		{ "1000 100000\n", 1 },
		{ "1 18446744073709551615\n", 1 },
		{ "99999 100000\n", 1 },
		{ "100000 100000\n", 1 },
		{ "100001 100000\n", 2 },
		{ "150000 100000\n", 2 },
		{ "2000 1000", 2 },
		{ "4294967295 1\n", UINT_MAX },
		{ "4294967296 1\n", UINT_MAX },
		{ "18446744073709551615 1\n", UINT_MAX },
	};
	struct root root = make_root();
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		put(&root, CGROUP "/cpu.max", cases[i].text);
		ck_assert_msg(quota(&root, "0::/\n", V2) == cases[i].quota,
			      "%s", cases[i].text);
	}
}
END_TEST

START_TEST(malformed_limits_are_none)
{
	static const char *const cases[] = {
		"",
		"\n",
		" ",
		"max\n",
		"max 0\n",
		"100000\n",
		"100000 \n",
		" 100000 100000\n",
		"100000  100000\n",
		"100000 100000 \n",
		"100000 100000\n\n",
		"100000 100000\n7\n",
		"100000 0\n",
		"0 100000\n",
		"-1 100000\n",
		"-100000 -100000\n",
		"+1 +1\n",
		"1e5 100000\n",
		"0x10 0x10\n",
		"18446744073709551617 1\n",
		"1 18446744073709551617\n",
		"99999999999999999999999999999999999999999999999999999999999999"
		"999999999999999999999999999999999999999999999999999 100000\n",
		"1 0000000000000000000000000000000000000000"
		"0000000000000000001000000\n",
		"\377\376\001\n",
	};
	struct root root = make_root();
	size_t i;

	put(&root, CGROUP "/cpu.max", "400000 100000\n");
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		put(&root, CGROUP "/a/cpu.max", cases[i]);
		ck_assert_msg(quota(&root, "0::/a\n", V2) == 4, "%s", cases[i]);
		put_v1(&root, CGROUP "/cpu", cases[i], "100000\n");
		ck_assert_msg(strcmp(cases[i], "100000\n") == 0 ||
				      quota(&root, "1:cpu:/\n", V1) == 0,
			      "%s", cases[i]);
		put_v1(&root, CGROUP "/cpu", "100000\n", cases[i]);
		ck_assert_msg(strcmp(cases[i], "100000\n") == 0 ||
				      quota(&root, "1:cpu:/\n", V1) == 0,
			      "%s", cases[i]);
	}
	ck_assert_int_eq(
		unlinkat(root.fd, &CGROUP "/cpu/cpu.cfs_period_us"[1], 0), 0);
	put(&root, CGROUP "/cpu/cpu.cfs_quota_us", "100000\n");
	ck_assert_uint_eq(quota(&root, "1:cpu:/\n", V1), 0);
}
END_TEST

START_TEST(malformed_memberships_are_none)
{
	static const char *const cases[] = {
		"",  "\n",    "0",	"0:",	"0:\n",	   "0:/\n", ":\n",
		"0", "::/\n", "1::/\n", "0/\n", "0:x:/\n", "cpu\n", "1:cp:/\n",
	};
	struct root root = make_root();
	size_t i;

	put(&root, CGROUP "/cpu.max", "100000 100000\n");
	put_v1(&root, CGROUP "/cpu", "100000\n", "100000\n");
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_msg(quota(&root, cases[i], V1 V2) == 0, "%s",
			      cases[i]);
	}
	/* What comes first counts. */
	put(&root, CGROUP "/a/cpu.max", "300000 100000\n");
	put(&root, CGROUP "/cpu.max", "max 100000\n");
	put_v1(&root, CGROUP "/cpu", "-1\n", "100000\n");
	put_v1(&root, CGROUP "/cpu/a", "100000\n", "100000\n");
	ck_assert_uint_eq(quota(&root, "junk\n0::/a\n0::/\n", V2), 3);
	ck_assert_uint_eq(quota(&root, "1:cpu:/a\n2:cpu:/\n", V1), 1);
	ck_assert_uint_eq(quota(&root, "1:cpu:/a\n2:cpu:/b\n", V1), 1);
}
END_TEST

START_TEST(malformed_mounts_are_none)
{
	static const char *const cases[] = {
		"\n",
		" \n",
		"           \n",
		"31\n",
		"31 23 0:28 / " CGROUP "\n",
		"31 23 0:28 / " CGROUP " rw\n",
		"31 23 0:28 / " CGROUP " rw -\n",
		"31 23 0:28 / " CGROUP " rw - cgroup2\n",
		"31 23 0:28 / " CGROUP " rw - cgroup2 cgroup2\n",
		"31 23 0:28 / " CGROUP " rw cgroup2 cgroup2 rw\n",
		"31 23 0:28 / " CGROUP " rw - cgroup3 cgroup2 rw\n",
		"31 23 0:28 / " CGROUP " rw - cgroup cgroup rw\n",
		"31 23 0:28 / " CGROUP " rw - cgroup cgroup ,,,cp,\n",
		"31 23 0:28 / " CGROUP " - cgroup2 cgroup2 rw\n",
		"31 23 0:28 / " CGROUP "\\000x rw cgroup2 cgroup2 rw\n",
	};
	struct root root = make_root();
	size_t i;

	put(&root, CGROUP "/cpu.max", "100000 100000\n");
	put_v1(&root, CGROUP, "100000\n", "100000\n");
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_msg(quota(&root, "1:cpu:/\n0::/\n", cases[i]) == 0,
			      "%s", cases[i]);
	}
}
END_TEST

/* Lines of any length: what is too long is passed over, the rest is read. */
START_TEST(long_lines)
{
	enum { MOST = 70000 };
	struct root root = make_root();
	char *text = malloc(MOST + 512);
	size_t length;

	ck_assert_ptr_nonnull(text);
	put(&root, CGROUP "/cpu.max", "200000 100000\n");
	for (length = 65500; length < MOST;
	     length += length < 65560 ? 1 : 4000) {
		memset(text, 'x', length);
		memcpy(text, "31 23 0:28 / /", 14);
		strcpy(text + length, " rw - cgroup2 cgroup2 rw\n" V2);
		ck_assert_uint_eq(quota(&root, "0::/\n", text), 2);
		memset(text, '/', length);
		memcpy(text, "0::", 3);
		strcpy(text + length, "\n0::/\n");
		ck_assert_uint_eq(quota(&root, text, V2), 2);
	}
	free(text);
}
END_TEST

/* The own cgroup is further down than PATH_MAX. */
START_TEST(long_paths)
{
	enum { LEVELS = 30, NAME = 200 };
	static char self[4 + LEVELS * (NAME + 1) + 2];
	static char path[sizeof self + 64];
	struct root root = make_root();
	size_t i;

	for (i = 0; i < LEVELS; i++) {
		self[4 + i * (NAME + 1)] = '/';
		memset(self + 5 + i * (NAME + 1), 'a' + (int)i % 26, NAME);
	}
	memcpy(self, "0::/", 4);
	snprintf(path, sizeof path, CGROUP "%s/cpu.max", self + 4);
	put(&root, path, "300000 100000\n");
	self[4 + LEVELS * (NAME + 1)] = '\n';
	ck_assert_uint_eq(quota(&root, self, V2), 3);
	put(&root, CGROUP "/cpu.max", "200000 100000\n");
	ck_assert_uint_eq(quota(&root, self, V2), 2);
	/* A name that no directory can have. */
	memset(self + 4, 'n', 300);
	ck_assert_uint_eq(quota(&root, self, V2), 2);
}
END_TEST

static uint32_t
random_next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Changes, repeats and cuts bytes of a good text. */
static size_t
spoil(char *text, size_t size, uint32_t *seed)
{
	static const char likely[] = "\n :/,.-\\0019\377cpu";
	unsigned changes = random_next(seed) % 8;

	while (changes-- > 0 && size > 0) {
		size_t at = random_next(seed) % size;
		size_t from = random_next(seed) % size;
		size_t most = size - (at > from ? at : from);

		switch (random_next(seed) % 4) {
		case 0:
			size = at;
			break;
		case 1:
			memmove(text + at, text + from,
				random_next(seed) % (most + 1));
			break;
		default:
			text[at] = likely[random_next(seed) % sizeof likely];
			break;
		}
	}
	return size;
}

START_TEST(any_content_is_survived)
{
	static const char self[] = "2:cpu,cpuacct:/a/b\n0::/../c\n";
	static const char mounts[] =
		V1 "31 23 0:28 /.. /c\\040 rw shared:1 - cgroup2 cgroup2 rw\n";
	struct root root = make_root();
	uint32_t seed = 20240229;
	long rounds = unit_scaled(400);
	long round;

	put_v1(&root, CGROUP "/cpu/a", "300000\n", "100000\n");
	put(&root, "/c /c/cpu.max", "200000 100000\n");
	ck_assert_uint_eq(quota(&root, self, mounts), 2);
	for (round = 0; round < rounds; round++) {
		char text[256];
		unsigned cpus;

		memcpy(text, self, sizeof self - 1);
		write_file(root.fd, "self", text,
			   spoil(text, sizeof self - 1, &seed));
		memcpy(text, mounts, sizeof mounts - 1);
		write_file(root.fd, "mounts", text,
			   spoil(text, sizeof mounts - 1, &seed));
		cpus = quota_as_is(&root);
		ck_assert_msg(cpus == 0 || cpus == 2 || cpus == 3, "%u", cpus);
	}
}
END_TEST

static TCase *
quota_tests(void)
{
	TCase *tests = tcase_create("quota");

	tcase_set_timeout(tests, UNIT_TIMEOUT);
	tcase_add_unchecked_fixture(tests, make_base, remove_base);
	tcase_add_test(tests, v2_limit_of_the_own_cgroup);
	tcase_add_test(tests, v2_tightest_ancestor_counts);
	tcase_add_test(tests, v2_gap_in_the_ancestors_does_not_end_the_walk);
	tcase_add_test(tests, v1_limits);
	tcase_add_test(tests, v1_controller_in_company);
	tcase_add_test(tests, hybrid_takes_the_tighter_tree);
	tcase_add_test(tests, mount_of_a_part_of_the_tree);
	tcase_add_test(tests, paths_above_the_namespace);
	tcase_add_test(tests, escapes_and_optional_fields_in_mountinfo);
	tcase_add_test(tests, every_mount_counts);
	tcase_add_test(tests, no_limit_without_files);
	tcase_add_test(tests, quotas_are_rounded_up);
	tcase_add_test(tests, malformed_limits_are_none);
	tcase_add_test(tests, malformed_memberships_are_none);
	tcase_add_test(tests, malformed_mounts_are_none);
	tcase_add_test(tests, long_lines);
	tcase_add_test(tests, long_paths);
	tcase_add_test(tests, any_content_is_survived);
	return tests;
}

int
main(void)
{
	Suite *suite = suite_create("quota");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, quota_tests());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
