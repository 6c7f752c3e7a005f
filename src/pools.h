/* SPDX-License-Identifier: MIT */
/*
 * pools.h - the pools of the process: which one NULL means, which there are,
 * and what becomes of them in the child of a fork.
 */
#ifndef TPI_POOLS_H
#define TPI_POOLS_H

#include "base.h"
#include "fork.h"

#include <taskpar/base.h>

struct tpar_pool;

/* The default pool, started if there is none. */
enum tpar_err tpi_pools_start_default(struct tpar_pool **pool);

/* The default pool, or NULL. */
struct tpar_pool *tpi_pools_default(void);

/*
 * The same, for the call that destroys it: the next use starts a new one,
 * unless the caller is one of its tasks.
 */
struct tpar_pool *tpi_pools_take_default(void);

/* It could not be destroyed: NULL means it again, unless there is a new one. */
void tpi_pools_restore_default(struct tpar_pool *pool);

/*
 * A pool that has just been made; one whose last future is gone, if it was ever
 * added.
 */
void tpi_pools_add(struct tpar_pool *pool);
void tpi_pools_remove(struct tpar_pool *pool);

/*
 * Destroys a dead pool: what its threads looked at is freed.  Its futures stay,
 * as does the pool, in the list, for their sake.
 */
void tpi_pools_bury(struct tpar_pool *pool);

/* Before and after a fork: the default pool; all pools. */
void tpi_pools_fork_default(enum tpi_fork when);
void tpi_pools_fork(enum tpi_fork when);

#endif
