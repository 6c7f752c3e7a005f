/* SPDX-License-Identifier: MIT */
/*
 * map.c - one function over many arguments, with a bounded number of tasks.
 *
 * A few driver tasks take indexes from a counter and write values straight into
 * the caller's array.  A driver whose item fails sets `failed`, which every
 * driver looks at before it begins an item, and fails itself with that item's
 * code and message.  The rest is a gather over the drivers.
 */
#include "config.h"

#include "atomics.h"
#include "cancel.h"
#include "err.h"
#include "failure.h"
#include "future.h"
#include "interrupt.h"
#include "pool.h"
#include "submit.h"
#include "thread.h"

#include <taskpar/cancel.h>
#include <taskpar/gather.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Enough that a worker always finds one while others wait in their items. */
#define DRIVERS_PER_WORKER 4

/* Of a map whose items block. */
#define BLOCKING_DRIVERS 32

struct map;

/* What one driver is about. */
struct driver {
	struct map *map;
	size_t item;  /* that it failed with; SIZE_MAX: none */
	size_t begun; /* the one that it is at */
};

/*
 * Shared by the drivers and the call, each of which holds it: an item that
 * waits for the calling task closes a cycle, and the call then ends first.
 */
struct map {
	_Alignas(TPI_CACHELINE) _Atomic size_t next; /* item to begin next */
	_Alignas(TPI_CACHELINE) _Atomic uint32_t failed; /* [F2] */
	_Atomic size_t holds;				 /* [a:M2] */
	tpar_task_fn fn;
	const char *args;
	size_t arg_stride;
	char *values;
	size_t value_size;
	size_t n;
	struct tpar_map_options options;
	_Atomic(unsigned char) *done; /* [F2] items, if values are dropped */
	_Atomic size_t ended;	      /* [a:M4] items, if progress is wanted */
	_Atomic size_t told;	      /* [a:M4] as told to progress */
	_Atomic uint32_t telling;     /* [a:M4] somebody calls progress */
	size_t drivers;
	struct driver driver[];
};

static void
let_go(struct map *map)
{
	/* ORDER M2 acq_rel -- let_go(): all use before it is freed. */
	if (atomic_fetch_sub_explicit(&map->holds, 1, memory_order_acq_rel) ==
	    1) {
		free(map->done);
		free(map);
	}
}

/*
 * Tells how many items have ended.  One thread at a time does; what the others
 * count meanwhile it tells, too.
 */
static TPI_NOINLINE void
tell(struct map *map)
{
	size_t ended;
	bool more;

	/* ORDER M4 seq_cst -- tell(): count, then see whether one tells. */
	atomic_fetch_add_explicit(&map->ended, 1, memory_order_seq_cst);
	do {
		/* ORDER M4 seq_cst -- tell() */
		if (atomic_exchange_explicit(&map->telling, 1,
					     memory_order_seq_cst) != 0) {
			return;
		}
		ended = tpi_load_relaxed(&map->ended);
		if (ended > tpi_load_relaxed(&map->told)) {
			tpi_store_relaxed(&map->told, ended);
			map->options.progress(ended, map->n, map->options.arg);
		}
		/* ORDER M4 seq_cst -- tell(): stop telling, then see the count. */
		atomic_store_explicit(&map->telling, 0, memory_order_seq_cst);
		/* ORDER M4 seq_cst -- tell() */
		more = atomic_load_explicit(&map->ended, memory_order_seq_cst) >
		       ended;
		/* ENDS: each round tells of items that ended meanwhile. */
	} while (more);
}

static void
drop_driver(void *arg)
{
	struct driver *driver = arg;

	let_go(driver->map);
}

/* The item has called pthread_exit(): a failure like any other. */
static void
fail_item(void *arg)
{
	struct driver *self = arg;

	self->item = self->begun;
	tpi_store_relaxed(&self->map->failed, 1);
}

static int
run_item(struct driver *self, size_t i)
{
	struct map *map = self->map;
	int rc;
	char none[1];
	char *value = none;
	const char *arg = NULL;

	if (map->value_size > 0) {
		value = map->values + i * map->value_size;
		memset(value, 0, map->value_size);
	}
	if (map->args != NULL) {
		arg = map->args + i * map->arg_stride;
	}
	self->begun = i;
	pthread_cleanup_push(fail_item, self);
	rc = map->fn((void *)(uintptr_t)arg, value);
	pthread_cleanup_pop(0);
	return rc;
}

static int
drive(void *arg, void *value)
{
	struct driver *self = arg;
	struct map *map = self->map;
	size_t i;
	int rc;

	(void)value;

	/* ENDS: the counter only grows. */
	for (;;) {
		/* None is left: that counts, whoever asks to stop. */
		if (tpi_load_relaxed(&map->next) >= map->n) {
			return 0;
		}
		/* Relaxed: which it was is read when all have ended (F2). */
		if (tpi_load_relaxed(&map->failed) != 0) {
			return 0;
		}
		if ((rc = tpar_checkpoint()) != 0) {
			return rc;
		}
		i = atomic_fetch_add_explicit(&map->next, 1,
					      memory_order_relaxed);
		if (i >= map->n) {
			return 0;
		}
		rc = run_item(self, i);
		if (rc != 0) {
			self->item = i;
			tpi_store_relaxed(&map->failed, 1);
			return rc;
		}
		tpi_cancel_forget_message();
		if (map->done != NULL) {
			/* Relaxed: the drivers' ends order it (F2). */
			tpi_store_relaxed(&map->done[i], 1);
		}
		if (map->options.progress != NULL) {
			tell(map);
		}
	}
}

/* The map has failed, and all drivers have ended. */
static void
drop_values(struct map *map)
{
	struct tpi_interrupt *paused = tpi_interrupt_pause();
	size_t i;

	for (i = 0; map->done != NULL && i < map->n; i++) {
		if (tpi_load_relaxed(&map->done[i]) != 0) {
			map->options.drop_value(map->values +
						i * map->value_size);
		}
	}
	tpi_interrupt_resume(paused);
}

/* All drivers have ended: was there none that stopped short of the last item? */
static bool
is_complete(struct map *map)
{
	return tpi_load_relaxed(&map->next) >= map->n &&
	       tpi_load_relaxed(&map->failed) == 0;
}

/* From the driver to blame to its item. */
static enum tpar_err
blame_item(tpar_future *f, size_t item, struct tpar_failure *why,
	   enum tpar_err err)
{
	const char *message = tpar_future_message(f);
	char text[TPAR_MESSAGE_MAX + 32];

	if (item == SIZE_MAX) { /* the call was stopped, or its whole pool */
		err = tpi_cancel_requested_here()
			      ? tpi_err_plain(TPAR_ESTOPPED)
			      : tpi_err(TPAR_ECANCELED,
					"the pool has been cancelled");
		tpi_failure_of_call(why, err);
		return err;
	}
	if (message[0] != '\0') {
		(void)snprintf(text, sizeof text, "item %zu: %s", item,
			       message);
	} else if (why->state == TPAR_FAILED) {
		(void)snprintf(text, sizeof text,
			       "item %zu: failed with code %d", item,
			       why->code);
	} else {
		(void)snprintf(text, sizeof text, "item %zu: was cancelled",
			       item);
	}
	why->index = item;
	why->task = NULL;
	tpi_copy_text(why->message, sizeof why->message, text);
	return err;
}

/* A map under way. */
struct call {
	struct map *map;
	tpar_future **f; /* of the drivers */
};

/* An item that was run here has called pthread_exit(); all have ended. */
static void
abandon(void *arg)
{
	struct call *call = arg;

	tpar_future_unref_all(call->f, call->map->drivers);
	drop_values(call->map);
	free(call->f);
	let_go(call->map);
}

static enum tpar_err
await_drivers(struct call *call, struct tpar_failure *why)
{
	struct map *map = call->map;
	enum tpar_err err;

	pthread_cleanup_push(abandon, call);
	err = tpar_gather_until(call->f, map->drivers, NULL,
				map->options.deadline_ns, why);
	pthread_cleanup_pop(0);
	return err;
}

/* Runs the drivers of `map`, f having room for their futures. */
static enum tpar_err
run_drivers(struct tpar_pool *pool, struct map *map, tpar_future **f,
	    struct tpar_failure *why)
{
	struct tpar_task task = TPAR_TASK_INIT;
	struct call call = { map, f };
	enum tpar_err err;

	task.fn = drive;
	task.drop_arg = drop_driver;
	task.priority = map->options.priority;
	task.flags = map->options.flags;
	task.name = map->options.name != NULL ? map->options.name : "tpar_map";
	tpi_store_relaxed(&map->holds, map->drivers + 1);
	err = tpi_submit_many(pool, &task, map->driver, sizeof *map->driver,
			      map->drivers, f, false);
	if (err != TPAR_OK) {
		tpi_store_relaxed(&map->holds, 1);
		tpi_failure_of_call(why, err);
		return err;
	}
	err = await_drivers(&call, why);
	if (err != TPAR_OK && err != TPAR_EDEADLK && is_complete(map)) {
		err = TPAR_OK;
	} else if (err != TPAR_OK && why->index != SIZE_MAX) {
		err = blame_item(f[why->index], map->driver[why->index].item,
				 why, err);
	}
	tpar_future_unref_all(f, map->drivers);
	if (err != TPAR_OK && err != TPAR_EDEADLK) {
		drop_values(map);
	}
	return err;
}

static enum tpar_err
check(const struct map *map)
{
	const struct tpar_map_options *options = &map->options;

	if (options->size != sizeof *options) {
		return tpi_err(TPAR_EINVAL,
			       "options.size is %zu, not %zu: begin with "
			       "TPAR_MAP_OPTIONS_INIT",
			       options->size, sizeof *options);
	}
	if ((unsigned)options->priority > TPAR_PRIORITY_LOW) {
		return tpi_err(TPAR_EINVAL, "options.priority is %d",
			       (int)options->priority);
	}
	if ((options->flags & ~TPAR_BLOCKING) != 0) {
		return tpi_err(TPAR_EINVAL, "options.flags is %#x",
			       options->flags);
	}
	if (map->fn == NULL) {
		return tpi_err(TPAR_EINVAL, "fn is NULL");
	}
	if (map->value_size > 0 && map->values == NULL) {
		return tpi_err(TPAR_EINVAL, "values is NULL");
	}
	if (map->arg_stride > 0 && map->n > SIZE_MAX / map->arg_stride) {
		return tpi_err(TPAR_EINVAL, "n * arg_stride overflows");
	}
	if (map->value_size > 0 && map->n > SIZE_MAX / map->value_size) {
		return tpi_err(TPAR_EINVAL, "n * value_size overflows");
	}
	return TPAR_OK;
}

/* A copy of `from` with drivers for this pool.  NULL: no memory. */
static struct map *
make_map(const struct map *from, const struct tpar_pool *pool)
{
	size_t drivers = (size_t)pool->park.width * DRIVERS_PER_WORKER;
	struct map *map;
	size_t size;
	size_t i;

	if (from->options.window > 0) {
		drivers = from->options.window;
	} else if ((from->options.flags & TPAR_BLOCKING) != 0) {
		drivers = BLOCKING_DRIVERS;
	}
	drivers = drivers < from->n ? drivers : from->n;
	if (drivers > PTRDIFF_MAX / 2 / sizeof map->driver[0]) {
		return NULL;
	}
	size = sizeof *map + drivers * sizeof map->driver[0];
	map = aligned_alloc(TPI_CACHELINE, (size + TPI_CACHELINE - 1) /
						   TPI_CACHELINE *
						   TPI_CACHELINE);
	if (map == NULL) {
		return NULL;
	}
	memcpy(map, from, sizeof *map);
	if (map->options.drop_value != NULL && map->value_size > 0) {
		map->done = calloc(map->n, sizeof map->done[0]);
		if (map->done == NULL) {
			free(map);
			return NULL;
		}
	}
	map->drivers = drivers;
	for (i = 0; i < drivers; i++) {
		map->driver[i] = (struct driver) { map, SIZE_MAX, 0 };
	}
	return map;
}

static enum tpar_err
run_map(struct tpar_pool *pool, const struct map *from,
	struct tpar_failure *why)
{
	struct map *map = make_map(from, pool);
	tpar_future **f = NULL;
	enum tpar_err err;

	if (map != NULL) {
		f = malloc(map->drivers * sizeof(tpar_future *));
	}
	if (f != NULL) {
		err = run_drivers(pool, map, f, why);
		free(f);
		let_go(map);
		return err;
	}
	if (map != NULL) {
		free(map->done);
	}
	free(map);
	err = tpi_err_plain(TPAR_ENOMEM);
	tpi_failure_of_call(why, err);
	return err;
}

enum tpar_err
tpar_map_with(tpar_pool *pool, const struct tpar_map_options *options,
	      tpar_task_fn fn, const void *args, size_t arg_stride,
	      void *values, size_t value_size, size_t n,
	      struct tpar_failure *why)
{
	struct tpar_map_options none = TPAR_MAP_OPTIONS_INIT;
	struct map map = { .fn = fn,
			   .args = args,
			   .arg_stride = arg_stride,
			   .values = values,
			   .value_size = value_size,
			   .n = n,
			   .options = options != NULL ? *options : none };
	struct tpar_failure unwanted;
	enum tpar_err err = check(&map);

	if (why == NULL) {
		why = &unwanted;
	}
	if (err == TPAR_OK && n > 0) {
		err = tpi_pool_resolve(&pool);
	}
	if (err != TPAR_OK) {
		tpi_failure_of_call(why, err);
		return err;
	}
	return n > 0 ? run_map(pool, &map, why) : TPAR_OK;
}

enum tpar_err
tpar_map(tpar_pool *pool, tpar_task_fn fn, const void *args, size_t arg_stride,
	 void *values, size_t value_size, size_t n, struct tpar_failure *why)
{
	return tpar_map_with(pool, NULL, fn, args, arg_stride, values,
			     value_size, n, why);
}
