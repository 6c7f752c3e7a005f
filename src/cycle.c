/* SPDX-License-Identifier: MIT */
/*
 * cycle.c - looking for a cycle in the graph of waits, by whoever is about to
 * close one.
 *
 * Each task publishes its frame before it looks; of those that form a cycle the
 * last one therefore sees all the others' frames and finds it.  What it sees
 * cannot have gone stale: an untimed wait for a task that waits for us cannot
 * end before we do.  A depth-first search; tasks on its path are held by a
 * reference, frames are pinned only while one step looks into them.
 */
#include "config.h"

#include "cycle.h"
#include "err.h"
#include "frame.h"

#include <stdlib.h>
#include <string.h>

/* A search beyond this many steps is given up: the wait is then only a wait. */
#define STEPS_MAX 1000000

/* So many tasks of a chain are named. */
#define NAMED_MAX 12

struct step {
	struct tpar_future *task; /* held, but for the first */
	size_t next;		  /* member to look at next */
};

struct path {
	struct step *step;
	size_t length;
	size_t capacity;
};

static bool
push(struct path *path, struct tpar_future *task)
{
	if (path->length == path->capacity) {
		size_t capacity = path->capacity ? 2 * path->capacity : 32;
		struct step *grown =
			realloc(path->step, capacity * sizeof *grown);

		if (grown == NULL) {
			return false;
		}
		path->step = grown;
		path->capacity = capacity;
	}
	path->step[path->length].task = task;
	path->step[path->length].next = 0;
	path->length++;
	return true;
}

/*
 * The next running member that the task at the end of the path waits for, held;
 * or NULL.  *steps counts down.
 */
static struct tpar_future *
next_member(struct step *at, int64_t *steps)
{
	struct tpi_frame *frame = tpi_frame_pin(at->task);
	struct tpar_future *found = NULL;

	if (frame == NULL) {
		return NULL;
	}
	while (!frame->timed && at->next < frame->n && (*steps)-- > 0) {
		struct tpar_future *f = frame->f[at->next++];

		if (tpi_state_peek(&f->state) == TPI_RUNNING) {
			tpi_future_retain(f);
			found = f;
			break;
		}
	}
	tpi_frame_unpin(at->task);
	return found;
}

/* Adds to a text of TPI_DETAIL_MAX bytes; what does not fit is cut. */
static void
append(char *text, const char *more)
{
	size_t used = strlen(text);

	tpi_copy_text(text + used, TPI_DETAIL_MAX - used, more);
}

static void
append_task(char *text, struct tpar_future *f)
{
	char one[160];

	tpi_future_describe(f, one, sizeof one);
	append(text, one);
}

static void
describe(struct tpar_future *task, const struct path *path)
{
	char text[TPI_DETAIL_MAX] = "";
	size_t i;

	append_task(text, task);
	for (i = 0; i < path->length && i < NAMED_MAX; i++) {
		append(text, " waits for ");
		append_task(text, path->step[i].task);
	}
	append(text,
	       i < path->length ? " waits for ... waits for " : " waits for ");
	append_task(text, task);
	(void)tpi_err(TPAR_EDEADLK, "%s", text);
}

void
tpi_cycle_describe_self(struct tpar_future *task)
{
	char one[TPI_DETAIL_MAX / 2];

	tpi_future_describe(task, one, sizeof one);
	(void)tpi_err(TPAR_EDEADLK, "%s waits for itself", one);
}

bool
tpi_cycle_find(struct tpar_future *task, struct tpar_future *from)
{
	struct path path = { NULL, 0, 0 };
	int64_t steps = STEPS_MAX;
	bool found = false;

	if (from == task || tpi_state_peek(&from->state) != TPI_RUNNING ||
	    !push(&path, from)) {
		found = from == task;
	}
	while (!found && path.length > 0) {
		struct step *at = &path.step[path.length - 1];
		struct tpar_future *f = next_member(at, &steps);

		if (f == task) {
			found = true;
			tpi_future_release(f);
		} else if (f == NULL) {
			path.length--;
			if (path.length > 0) {
				tpi_future_release(at->task);
			}
		} else if (!push(&path, f)) {
			tpi_future_release(f);
			break;
		}
	}
	if (found) {
		describe(task, &path);
	}
	while (path.length > 1) {
		tpi_future_release(path.step[--path.length].task);
	}
	free(path.step);
	return found;
}
