/* SPDX-License-Identifier: MIT */
/*
 * test_io_file.c - files, read and written by tasks that block.
 */
#include "io.h"

#include <sys/stat.h>

static void
make_path(char path[64])
{
	snprintf(path, 64, "/tmp/tpar-io-file-%ld", (long)getpid());
}

static tpar_future *
reading_file(const char *path)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_read_file(NULL, path, &f) == TPAR_OK);
	return f;
}

static tpar_future *
writing_file(const char *path, const void *data, size_t size)
{
	tpar_future *f = NULL;

	UNIT_MUST(tpar_io_write_file(NULL, path, data, size, &f) == TPAR_OK);
	return f;
}

static void
expect_data(tpar_future *f, const char *text)
{
	const struct tpar_io_data *data;

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	data = tpar_future_value(f);
	ck_assert_uint_eq(data->size, strlen(text));
	ck_assert_str_eq(data->data, text);
	tpar_future_unref(f);
}

START_TEST(whole_file_is_written_and_read)
{
	static char much[3000000];
	char path[64];

	make_path(path);
	io_expect_count(writing_file(path, "hello\n", 6), 6);
	expect_data(reading_file(path), "hello\n");
	memset(much, 'y', sizeof much - 1);
	io_expect_count(writing_file(path, much, sizeof much - 1),
			sizeof much - 1);
	expect_data(reading_file(path), much);
	io_expect_count(writing_file(path, NULL, 0), 0);
	expect_data(reading_file(path), "");
	UNIT_MUST(unlink(path) == 0);
}
END_TEST

START_TEST(file_that_does_not_say_its_size_is_read)
{
	tpar_future *f = reading_file("/proc/self/status");
	struct tpar_io_data data = { NULL, 0 };

	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_OK);
	ck_assert_int_eq(tpar_future_take(f, &data), TPAR_OK);
	ck_assert_uint_eq(data.size, strlen(data.data));
	ck_assert_ptr_nonnull(strstr(data.data, "Threads:"));
	free(data.data);
	tpar_future_unref(f);
}
END_TEST

/* What /proc/sys has is all given at the first read, or not at all. */
START_TEST(file_that_is_read_once_is_read_whole)
{
	const char *path = "/proc/sys/kernel/pid_max";
	FILE *file = fopen(path, "r");
	char text[64] = "";

	if (file == NULL) {
		return;
	}
	UNIT_MUST(fgets(text, sizeof text, file) != NULL);
	UNIT_MUST(fclose(file) == 0);
	expect_data(reading_file(path), text);
}
END_TEST

START_TEST(parts_of_a_file_are_written_and_read)
{
	FILE *file = tmpfile();
	char text[8] = "";
	tpar_future *f[2];
	size_t counts[2];
	int fd;

	UNIT_MUST(file != NULL);
	fd = fileno(file);
	UNIT_MUST(tpar_io_pwrite(NULL, fd, "cd", 2, 2, &f[0]) == TPAR_OK);
	UNIT_MUST(tpar_io_pwrite(NULL, fd, "ab", 2, 0, &f[1]) == TPAR_OK);
	ck_assert_int_eq(tpar_gather(f, 2, counts, NULL), TPAR_OK);
	ck_assert_uint_eq(counts[0] + counts[1], 4);
	tpar_future_unref_all(f, 2);
	UNIT_MUST(tpar_io_pread(NULL, fd, text, 7, 1, &f[0]) == TPAR_OK);
	io_expect_count(f[0], 3);
	ck_assert_str_eq(text, "bcd");
	UNIT_MUST(tpar_io_pread(NULL, fd, text, 7, 100, &f[0]) == TPAR_OK);
	io_expect_count(f[0], 0);
	UNIT_MUST(fclose(file) == 0);
}
END_TEST

/* An empty file that may be larger than 2 GiB. */
static int
large_file(char path[64])
{
	int fd;

	make_path(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	UNIT_MUST(fd >= 0);
	return fd;
}

START_TEST(offsets_have_64_bits)
{
	const int64_t far = ((int64_t)5 << 30) + 1;
	char path[64];
	char text[4] = "";
	tpar_future *f = NULL;
	int fd = large_file(path);

	UNIT_MUST(unlink(path) == 0);
	UNIT_MUST(tpar_io_pwrite(NULL, fd, "far", 3, far, &f) == TPAR_OK);
	io_expect_count(f, 3);
	UNIT_MUST(tpar_io_pread(NULL, fd, text, 3, far, &f) == TPAR_OK);
	io_expect_count(f, 3);
	ck_assert_str_eq(text, "far");
	/* Nor is it where the lower half of that offset is. */
	UNIT_MUST(tpar_io_pread(NULL, fd, text, 3, (int32_t)far, &f) ==
		  TPAR_OK);
	io_expect_count(f, 3);
	ck_assert_int_eq(text[0], 0);
	UNIT_MUST(close(fd) == 0);
}
END_TEST

START_TEST(file_that_no_memory_can_hold_is_a_failure)
{
	const int64_t size = ((int64_t)4 << 30) + 1;
	char path[64];
	char text[128];
	tpar_future *f = NULL;
	int fd;

	if (sizeof(size_t) > 4) {
		return; /* it has room */
	}
	fd = large_file(path);
	UNIT_MUST(tpar_io_pwrite(NULL, fd, "x", 1, size, &f) == TPAR_OK);
	io_expect_count(f, 1);
	snprintf(text, sizeof text, "reading %s: %s", path, strerror(ENOMEM));
	io_expect_failure(reading_file(path), ENOMEM, text);
	UNIT_MUST(close(fd) == 0 && unlink(path) == 0);
}
END_TEST

START_TEST(file_is_read_by_the_pool_that_was_said)
{
	tpar_pool *pool = unit_pool(1, 2);
	tpar_future *f = NULL;

	ck_assert_int_eq(tpar_io_read_file(pool, "/dev/null", &f), TPAR_OK);
	expect_data(f, "");
	ck_assert_int_eq(tpar_pool_shutdown(pool, TPAR_DRAIN, TPAR_FOREVER),
			 TPAR_OK);
	ck_assert_int_eq(tpar_io_read_file(pool, "/dev/null", &f),
			 TPAR_ECLOSED);
	ck_assert_int_eq(tpar_pool_destroy(pool), TPAR_OK);
}
END_TEST

START_TEST(arguments_that_are_wrong_are_refused)
{
	tpar_future *f = NULL;
	char byte = 0;

	ck_assert_int_eq(tpar_io_read_file(NULL, NULL, &f), TPAR_EINVAL);
	ck_assert_str_eq(tpar_error_detail(), "path is NULL");
	ck_assert_int_eq(tpar_io_read_file(NULL, "x", NULL), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_write_file(NULL, NULL, "", 0, &f),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_write_file(NULL, "x", NULL, 1, &f),
			 TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_pread(NULL, -1, &byte, 1, 0, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_pread(NULL, 0, &byte, 1, -1, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_pread(NULL, 0, NULL, 1, 0, &f), TPAR_EINVAL);
	ck_assert_int_eq(tpar_io_pwrite(NULL, 0, NULL, 1, 0, &f), TPAR_EINVAL);
	ck_assert_ptr_null(f);
}
END_TEST

START_TEST(what_the_system_refuses_is_a_failure)
{
	tpar_future *f = NULL;
	char byte = 0;
	int ends[2];
	char text[128];

	io_expect_failure(reading_file("/no/such/file"), ENOENT,
			  "opening /no/such/file: No such file or directory");
	io_expect_failure(reading_file("/"), EISDIR,
			  "reading /: Is a directory");
	io_expect_failure(writing_file("/", "x", 1), EISDIR,
			  "opening /: Is a directory");
	UNIT_MUST(tpar_io_pread(NULL, 987, &byte, 1, 0, &f) == TPAR_OK);
	io_expect_failure(f, EBADF,
			  "reading from descriptor 987: Bad file descriptor");
	io_pipe(ends);
	snprintf(text, sizeof text, "writing to descriptor %d: Illegal seek",
		 ends[1]);
	UNIT_MUST(tpar_io_pwrite(NULL, ends[1], "x", 1, 0, &f) == TPAR_OK);
	io_expect_failure(f, ESPIPE, text);
	io_close_both(ends);
}
END_TEST

START_TEST(full_disk_is_a_failure)
{
	io_expect_failure(writing_file("/dev/full", "x", 1), ENOSPC,
			  "writing /dev/full: No space left on device");
}
END_TEST

/* Neither end is there yet: open() blocks, and the task ends when it returns. */
START_TEST(task_that_is_cancelled_ends_when_the_system_lets_it)
{
	char path[64];
	tpar_future *f;
	int fd;

	make_path(path);
	UNIT_MUST(mkfifo(path, 0600) == 0);
	f = reading_file(path);
	UNIT_AWAIT(tpar_future_state(f) == TPAR_RUNNING);
	ck_assert_int_eq(tpar_future_cancel(f), TPAR_OK);
	ck_assert_int_eq(tpar_future_wait(f, tpar_in(TPAR_MILLISECOND)),
			 TPAR_ETIMEDOUT);
	fd = open(path, O_WRONLY);
	UNIT_MUST(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	ck_assert_int_eq(tpar_future_wait(f, TPAR_FOREVER), TPAR_ECANCELED);
	tpar_future_unref(f);
	UNIT_MUST(unlink(path) == 0);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		file_that_is_read_once_is_read_whole,
		whole_file_is_written_and_read,
		file_that_does_not_say_its_size_is_read,
		parts_of_a_file_are_written_and_read,
		offsets_have_64_bits,
		file_that_no_memory_can_hold_is_a_failure,
		file_is_read_by_the_pool_that_was_said,
		arguments_that_are_wrong_are_refused,
		what_the_system_refuses_is_a_failure,
		full_disk_is_a_failure,
		task_that_is_cancelled_ends_when_the_system_lets_it,
	};

	return io_main("io_file", tests, sizeof tests / sizeof tests[0]);
}
