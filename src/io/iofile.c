/* SPDX-License-Identifier: MIT */
/*
 * iofile.c - files, which are never waited for but read and written by tasks that
 * block.
 */
#include "config.h"

#include "iobase.h"

#include <taskpar/cancel.h>
#include <taskpar/future.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) >= sizeof(int64_t), "LARGE_CPPFLAGS is missing");

/* Bytes at a time: in between it looks whether it shall stop. */
#define MOST ((size_t)1 << 20)

/* Room for a file that does not say its size. */
#define FIRST ((size_t)64 * 1024)

struct file {
	char *path; /* owned; or NULL */
	int fd;
	char *into;
	const char *from;
	size_t size;
	int64_t offset; /* where to; below 0: as it comes, a pipe may be meant */
};

static void
free_file(void *arg)
{
	struct file *file = arg;

	free(file->path);
	free(file);
}

static int
fail(const struct file *file, int error, const char *doing)
{
	char text[TPI_IO_WORDS];
	const char *words = tpi_io_words(error, text);

	if (file->path != NULL) {
		return tpar_fail(error, "%s %s: %s", doing, file->path, words);
	}
	return tpar_fail(error, "%s descriptor %d: %s", doing, file->fd, words);
}

static enum tpar_err
submit(tpar_pool *pool, const struct file *like, const char *path,
       struct tpar_task *task, tpar_future **f)
{
	struct file *file = malloc(sizeof *file);
	enum tpar_err err;

	if (file == NULL) {
		return tpi_io_no_memory();
	}
	*file = *like;
	file->path = path != NULL ? strdup(path) : NULL;
	if (path != NULL && file->path == NULL) {
		free(file);
		return tpi_io_no_memory();
	}
	task->site = NULL;
	task->arg = file;
	task->drop_arg = free_file;
	task->flags = TPAR_BLOCKING;
	err = tpar_submit_task(pool, task, f);
	if (err != TPAR_OK) {
		free_file(file);
	}
	return err;
}

/* ---- At an offset -------------------------------------------------------- */

static enum tpar_err
check(int fd, const void *buffer, const char *name, int64_t offset,
      tpar_future **f)
{
	if (f == NULL || buffer == NULL) {
		return tpi_io_is_null(f == NULL ? "f" : name);
	}
	if (fd < 0 || offset < 0) {
		return tpar_error_set(TPAR_EINVAL, "fd is %d, offset is %lld",
				      fd, (long long)offset);
	}
	return TPAR_OK;
}

/* Until it is full, or the file ends.  0, TPAR_ESTOPPED or an errno value. */
static int
read_all(struct file *file, size_t *count)
{
	while (*count < file->size) {
		size_t left = file->size - *count;
		ssize_t n = pread(file->fd, file->into + *count,
				  left < MOST ? left : MOST,
				  (off_t)(file->offset + (int64_t)*count));

		if (n == 0) {
			return 0;
		}
		if (n < 0 && errno != EINTR) {
			return errno;
		}
		*count += n > 0 ? (size_t)n : 0;
		if (tpar_cancelled() && *count < file->size) {
			return TPAR_ESTOPPED;
		}
	}
	return 0;
}

static int
pread_task(void *arg, void *value)
{
	struct file *file = arg;
	size_t count = 0;
	int rc = read_all(file, &count);

	memcpy(value, &count, sizeof count);
	return rc > 0 ? fail(file, rc, "reading from") : rc;
}

enum tpar_err
tpar_io_pread(tpar_pool *pool, int fd, void *buffer, size_t size,
	      int64_t offset, tpar_future **f)
{
	struct file file = { NULL, fd, buffer, NULL, size, offset };
	struct tpar_task task = TPAR_TASK_INIT;
	enum tpar_err err = check(fd, buffer, "buffer", offset, f);

	if (err != TPAR_OK) {
		return err;
	}
	task.fn = pread_task;
	task.value_size = sizeof(size_t);
	task.name = "tpar_io_pread";
	return submit(pool, &file, NULL, &task, f);
}

/* At most MOST bytes of what is left. */
static ssize_t
write_some(const struct file *file, size_t count)
{
	size_t left = file->size - count;
	size_t some = left < MOST ? left : MOST;

	if (file->offset < 0) {
		return write(file->fd, file->from + count, some);
	}
	return pwrite(file->fd, file->from + count, some,
		      (off_t)(file->offset + (int64_t)count));
}

static int
write_all(const struct file *file, size_t *count)
{
	while (*count < file->size) {
		ssize_t n = write_some(file, *count);

		if (n == 0) {
			return EIO; /* it would go on so for ever */
		}
		if (n < 0 && errno != EINTR) {
			return errno;
		}
		*count += n > 0 ? (size_t)n : 0;
		if (tpar_cancelled() && *count < file->size) {
			return TPAR_ESTOPPED;
		}
	}
	return 0;
}

static int
pwrite_task(void *arg, void *value)
{
	struct file *file = arg;
	size_t count = 0;
	int rc = write_all(file, &count);

	memcpy(value, &count, sizeof count);
	return rc > 0 ? fail(file, rc, "writing to") : rc;
}

enum tpar_err
tpar_io_pwrite(tpar_pool *pool, int fd, const void *data, size_t size,
	       int64_t offset, tpar_future **f)
{
	struct file file = { NULL, fd, NULL, data, size, offset };
	struct tpar_task task = TPAR_TASK_INIT;
	enum tpar_err err = check(fd, data, "data", offset, f);

	if (err != TPAR_OK) {
		return err;
	}
	task.fn = pwrite_task;
	task.value_size = sizeof(size_t);
	task.name = "tpar_io_pwrite";
	return submit(pool, &file, NULL, &task, f);
}

/* ---- Whole files --------------------------------------------------------- */

static void
drop_data(void *value)
{
	free(((struct tpar_io_data *)value)->data);
}

/* Room for `more` bytes and a zero. */
static bool
grow(struct tpar_io_data *data, size_t *capacity, size_t more)
{
	size_t want = data->size + more + 1;
	char *grown;

	if (want <= *capacity) {
		return true;
	}
	want = want > 2 * *capacity ? want : 2 * *capacity;
	grown = realloc(data->data, want);
	if (grown == NULL) {
		return false;
	}
	data->data = grown;
	*capacity = want;
	return true;
}

/*
 * It may grow meanwhile, or say that its size is 0, as files of /proc do.  Some
 * of those have nothing more after the first read, whatever was left.
 */
static int
read_to_end(int fd, struct tpar_io_data *data)
{
	size_t capacity = 0;
	struct stat status;
	size_t first = FIRST;
	ssize_t n = 1;

	if (fstat(fd, &status) != 0) {
		return errno;
	}
	if (S_ISREG(status.st_mode) && status.st_size > 0) {
		if ((uintmax_t)status.st_size >= SIZE_MAX - 1) {
			return ENOMEM;
		}
		/* One more, so that the end needs no more room. */
		first = (size_t)status.st_size + 1;
	}
	if (!grow(data, &capacity, first)) {
		return ENOMEM;
	}
	while (n != 0) {
		size_t room;

		if (!grow(data, &capacity, 1)) {
			return ENOMEM;
		}
		room = capacity - data->size - 1;
		n = read(fd, data->data + data->size,
			 room < MOST ? room : MOST);
		if (n < 0 && errno != EINTR) {
			return errno;
		}
		data->size += n > 0 ? (size_t)n : 0;
		if (tpar_cancelled()) {
			return TPAR_ESTOPPED;
		}
	}
	data->data[data->size] = '\0';
	return 0;
}

static int
read_file_task(void *arg, void *value)
{
	struct file *file = arg;
	struct tpar_io_data *data = value;
	int rc;

	file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file->fd < 0) {
		return fail(file, errno, "opening");
	}
	rc = read_to_end(file->fd, data);
	(void)close(file->fd);
	if (rc != 0) {
		free(data->data);
		data->data = NULL;
	}
	return rc > 0 ? fail(file, rc, "reading") : rc;
}

enum tpar_err
tpar_io_read_file(tpar_pool *pool, const char *path, tpar_future **f)
{
	struct file file = { NULL, -1, NULL, NULL, 0, 0 };
	struct tpar_task task = TPAR_TASK_INIT;

	if (path == NULL || f == NULL) {
		return tpi_io_is_null(path == NULL ? "path" : "f");
	}
	task.fn = read_file_task;
	task.value_size = sizeof(struct tpar_io_data);
	task.drop_value = drop_data;
	task.name = "tpar_io_read_file";
	return submit(pool, &file, path, &task, f);
}

/* Not at an offset: it may be a device. */
static int
write_file_task(void *arg, void *value)
{
	struct file *file = arg;
	size_t count = 0;
	int rc;

	file->fd =
		open(file->path,
		     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (file->fd < 0) {
		return fail(file, errno, "opening");
	}
	rc = write_all(file, &count);
	/* What was only remembered may fail now. */
	if (close(file->fd) != 0 && errno != EINTR && rc == 0) {
		rc = errno;
	}
	memcpy(value, &count, sizeof count);
	return rc > 0 ? fail(file, rc, "writing") : rc;
}

enum tpar_err
tpar_io_write_file(tpar_pool *pool, const char *path, const void *data,
		   size_t size, tpar_future **f)
{
	struct file file = { NULL, -1, NULL, data, size, -1 };
	struct tpar_task task = TPAR_TASK_INIT;

	if (path == NULL || f == NULL || (data == NULL && size > 0)) {
		return tpi_io_is_null(path == NULL ? "path"
				      : f == NULL  ? "f"
						   : "data");
	}
	task.fn = write_file_task;
	task.value_size = sizeof(size_t);
	task.name = "tpar_io_write_file";
	return submit(pool, &file, path, &task, f);
}
