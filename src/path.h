/* SPDX-License-Identifier: MIT */
/*
 * path.h - looking for a path of waits that leads back to the calling task.
 */
#ifndef TPI_PATH_H
#define TPI_PATH_H

#include "base.h"
#include "seen.h"

struct tpar_future;
struct tpar_pool;

/* Tasks of a path that need no memory. */
#define TPI_PATH_FEW 16

struct tpi_step {
	struct tpar_future *task; /* held */
	size_t next;	  /* 1 + member or worker to look at next; 0: on top */
	const char *pool; /* the name of the one that it waits for, or NULL */
};

struct tpi_path {
	struct tpar_future *task; /* that asks */
	const char *pool;	  /* as in a step */
	bool out_of_memory;	  /* it finds nothing more */
	struct tpi_step *step;	  /* the path */
	size_t length;
	size_t capacity;
	struct tpi_seen seen; /* tasks that were entered */
	struct tpi_step few_steps[TPI_PATH_FEW];
};

void tpi_path_init(struct tpi_path *path, struct tpar_future *task);
void tpi_path_fini(struct tpi_path *path);

/*
 * Follows from `member` on the waits of running tasks.  true: it leads to the
 * task that asks; the path is there until tpi_path_clear(), and is recorded as
 * the calling thread's error detail.
 */
bool tpi_path_find(struct tpi_path *path, struct tpar_future *member);
void tpi_path_clear(struct tpi_path *path);

/*
 * The same from all running tasks of a pool, which the calling task waits for;
 * of the path nothing is left.
 */
bool tpi_path_find_pool(struct tpi_path *path, struct tpar_pool *pool);

#endif
