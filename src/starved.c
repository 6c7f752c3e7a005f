/* SPDX-License-Identifier: MIT */
/*
 * starved.c - looking through gathers in the background, one inside the other,
 * each once: sets that share members are not looked into for each of these.
 *
 * Those still to be looked into are held; a frame is pinned only while its
 * members are looked at.
 */
#include "config.h"

#include "frame.h"
#include "future.h"
#include "loose.h"
#include "run.h"
#include "seen.h"
#include "starved.h"

#include <stdlib.h>
#include <string.h>

/* So many that wait to be looked into need no memory. */
#define TODO_FEW 16

struct search {
	struct tpi_seen seen;
	struct tpar_future **todo; /* held */
	size_t count;
	size_t capacity;
	struct tpar_future *few[TODO_FEW];
	bool shielded; /* one of them is */
};

static bool
grow(struct search *s)
{
	size_t size = s->capacity * sizeof(struct tpar_future *);
	struct tpar_future **more = malloc(2 * size);

	if (more == NULL) {
		return false;
	}
	memcpy(more, s->todo, size);
	if (s->todo != s->few) {
		free(s->todo);
	}
	s->todo = more;
	s->capacity *= 2;
	return true;
}

/*
 * One that runs, and is new, is to be looked into.  The caller holds it.  One
 * that there is no memory to remember may be looked into again.
 */
static void
add(struct search *s, struct tpar_future *f)
{
	if (tpi_state_peek(&f->state) != TPI_RUNNING ||
	    tpi_load_relaxed(&f->cur) == NULL || tpi_seen_has(&s->seen, f) ||
	    (s->count == s->capacity && !grow(s))) {
		return;
	}
	(void)tpi_seen_add(&s->seen, f);
	tpi_future_retain(f);
	s->todo[s->count++] = f;
	s->shielded |= tpi_future_is_shielded(f);
}

/* Of a member of a frame that is pinned.  true: it is claimed and held. */
static bool
look_at(struct search *s, struct tpi_worker *w, struct tpar_future *f,
	struct tpi_watch *watch)
{
	if (tpi_loose_is(f)) {
		add(s, f);
		return false;
	}
	if (tpi_state_peek(&f->state) != TPI_PENDING ||
	    tpi_run_has_thread(w, f) || !tpi_run_claim(w, f, watch)) {
		return false;
	}
	tpi_future_retain(f);
	return true;
}

/* Is there nothing to be looked for in this member any more? */
static bool
is_done_with(struct tpar_future *f)
{
	unsigned phase = tpi_state_peek(&f->state);

	return phase == TPI_ENDED || (phase == TPI_RUNNING && !tpi_loose_is(f));
}

/* Passes over those at the beginning that it was done with the last time. */
static struct tpar_future *
look_into(struct search *s, struct tpi_worker *w, struct tpar_future *all,
	  struct tpi_watch *watch)
{
	struct tpi_frame *frame = tpi_frame_pin(all);
	struct tpar_future *found = NULL;
	bool done = true; /* with all so far */
	size_t i;

	if (frame == NULL) {
		return NULL;
	}
	for (i = tpi_load_relaxed(&frame->begun); i < frame->n && !found; i++) {
		if (look_at(s, w, frame->f[i], watch)) {
			found = frame->f[i];
		}
		done = done && is_done_with(frame->f[i]);
		if (done) {
			tpi_store_relaxed(&frame->begun, i + 1);
		}
	}
	tpi_frame_unpin(all);
	return found;
}

struct tpar_future *
tpi_starved_find(struct tpi_worker *w, struct tpi_frame *frame,
		 struct tpi_watch *watch, bool *bound)
{
	struct tpar_future *found = NULL;
	struct search s;
	size_t i;

	s.todo = s.few;
	s.count = 0;
	s.shielded = false;
	s.capacity = TODO_FEW;
	tpi_seen_init(&s.seen);
	for (i = 0; i < frame->n; i++) {
		if (tpi_loose_is(frame->f[i])) {
			add(&s, frame->f[i]);
		}
	}
	/* ENDS: each gather is added once, and has its members from the start. */
	while (s.count > 0) {
		struct tpar_future *all = s.todo[--s.count];

		if (found == NULL) {
			found = look_into(&s, w, all, watch);
		}
		tpi_future_release(all);
	}
	if (s.todo != s.few) {
		free(s.todo);
	}
	tpi_seen_fini(&s.seen);
	*bound = !s.shielded;
	return found;
}
