/* SPDX-License-Identifier: MIT */
/*
 * base.h - what every other public header needs: error codes, opaque types,
 * deadlines, and the macros that mark the interface.
 */
#ifndef TASKPAR_BASE_H
#define TASKPAR_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define TPAR_EXTERN_C extern "C"
#else
#define TPAR_EXTERN_C
#endif

#if defined(__GNUC__)
#define TPAR_API TPAR_EXTERN_C __attribute__((visibility("default")))
#define TPAR_NODISCARD __attribute__((warn_unused_result))
#define TPAR_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define TPAR_API TPAR_EXTERN_C
#define TPAR_NODISCARD
#define TPAR_PRINTF(fmt, first)
#endif

#define TPAR_VERSION_MAJOR 0
#define TPAR_VERSION_MINOR 1
#define TPAR_VERSION_PATCH 0

/* A set of worker threads and the work queued for them. */
typedef struct tpar_pool tpar_pool;

/* A reference-counted handle to one task's outcome. */
typedef struct tpar_future tpar_future;

/* A scope that tasks are spawned into; it closes when all have ended. */
typedef struct tpar_group tpar_group;

/*
 * A task.  It reads what `arg` points to and writes its value, if it has one,
 * straight into its future through `value`: value_size zeroed bytes at the
 * asked alignment (never NULL, even for a size of 0).
 * It returns 0 for success, TPAR_ESTOPPED to end as cancelled, or any other
 * code of its own to end as failed (see tpar_fail()).
 *
 * It may call pthread_exit(), if its code can be unwound (C is, by default, on
 * x86-64 and AArch64; -fexceptions elsewhere): it has failed then, and so has
 * each task that waits below it on the same thread, after what such a one
 * gathers was cancelled and has ended.  The pool replaces the thread.
 */
typedef int (*tpar_task_fn)(void *arg, void *value);

/*
 * Releases what an argument or a value owns.  It must neither wait for tasks nor
 * call pthread_exit().
 */
typedef void (*tpar_drop_fn)(void *object);

/*
 * Errors of the library's own calls, 0 or in the reserved range -20099..-20001.
 * A task's own code may be any other int; the two are never mixed up, because
 * a task's outcome is read with tpar_future_state() and tpar_future_code().
 */
#define TPAR_ERR_MAP(X)                                                        \
	X(OK, 0, "success")                                                    \
	X(EINVAL, -20001, "invalid argument")                                  \
	X(ENOMEM, -20002, "out of memory")                                     \
	X(EAGAIN, -20003, "a limit is reached: threads, stack or queue")       \
	X(EBUSY, -20004, "in use")                                             \
	X(EALREADY, -20005, "already ended, or its value was already taken")   \
	X(EDEADLK, -20006, "waiting here would never end")                     \
	X(ETIMEDOUT, -20007, "the deadline has passed")                        \
	X(ESTOPPED, -20008, "the calling task has been asked to stop")         \
	X(ECANCELED, -20009, "what was waited for was cancelled")              \
	X(EFAILED, -20010, "a task has failed")                                \
	X(ECLOSED, -20011, "the pool has been shut down")                      \
	X(EEND, -20012, "no more items")                                       \
	X(ENOTSUP, -20013, "not supported here")

enum tpar_err {
#define TPAR_ERR_ENUM(name, value, text) TPAR_##name = (value),
	TPAR_ERR_MAP(TPAR_ERR_ENUM)
#undef TPAR_ERR_ENUM
};

/*
 * Deadlines are absolute: int64_t nanoseconds on CLOCK_MONOTONIC.
 * TPAR_FOREVER is 0, so that a zeroed struct has no deadline; any negative
 * deadline means: look, do not wait.
 */
#define TPAR_FOREVER ((int64_t)0)
#define TPAR_NOW ((int64_t)-1)

#define TPAR_SECOND ((int64_t)1000000000)
#define TPAR_MILLISECOND ((int64_t)1000000)

/* "file.c:12", recorded as the place where a task was submitted. */
#define TPAR_STRINGIFY_(x) #x
#define TPAR_STRINGIFY(x) TPAR_STRINGIFY_(x)
#define TPAR_SITE __FILE__ ":" TPAR_STRINGIFY(__LINE__)

/**
 * tpar_in - the deadline that is `ns` nanoseconds from now.
 *
 * Units:   nanoseconds; 0 or less gives a deadline that has passed.
 * Returns: an absolute CLOCK_MONOTONIC time, never TPAR_FOREVER; a sum beyond
 *          INT64_MAX gives INT64_MAX (292 years).
 * Threads: any.
 * Since:   0.1
 */
TPAR_API int64_t tpar_in(int64_t ns);

/**
 * tpar_strerror - what an error of the library means, in a few words.
 *
 * Returns: a string literal, never NULL; "unknown error" for any other int.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API const char *tpar_strerror(enum tpar_err err);

/**
 * tpar_error_detail - the calling thread's last error of the library in words.
 *
 * What tpar_strerror() cannot know: the chain of tasks of a deadlock with their
 * submit sites, which field of a config is wrong, which limit was reached.
 *
 * Returns:   "" if nothing was recorded, never NULL.  Successful calls leave it.
 * Ownership: the thread's; valid until its next failing call of the library.
 * Threads:   any; each thread, so each task while it runs, sees its own.
 * Since:     0.1
 */
TPAR_API const char *tpar_error_detail(void);

/**
 * tpar_error_set - record what tpar_error_detail() is to say.
 *
 * For libraries that are built on this one and return its errors:
 *
 *     return tpar_error_set(TPAR_EINVAL, "fd is %d", fd);
 *
 * Shapes:  fmt and its arguments as for printf.  A long text is cut between UTF-8
 *          characters.
 * Returns: err.
 * Threads: any; it is the calling thread's.
 * Since:   0.1
 */
TPAR_API enum tpar_err tpar_error_set(enum tpar_err err, const char *fmt, ...)
	TPAR_PRINTF(2, 3);

/**
 * tpar_version - the version of the library that is loaded, as "0.1.0".
 *
 * Returns: a string literal; compare TPAR_VERSION_* for what was compiled.
 * Threads: any.
 * Since:   0.1
 */
TPAR_API const char *tpar_version(void);

#endif
