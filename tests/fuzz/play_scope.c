/* SPDX-License-Identifier: MIT */
/*
 * play_scope.c - nodes that run their children in windows, maps, fork-join
 * computations, shields, handlers, regions; or one after the other.
 */
#include "play.h"

#include <taskpar/forkjoin.h>

/* What comes from outside of children that run here, or in tasks of a loop. */
static struct how
how_of_kids(const struct node *set, struct how how)
{
	struct how kids = { how.calm, true };

	if (how.calm == QUIET && oracle_sweeps(set, how.calm)) {
		kids.calm = DISTURBED;
	}
	return kids;
}

/* ---- Windows -------------------------------------------------------------- */

struct window {
	struct node *set;
	struct how how;
	tpar_window *window;
	unsigned put; /* items */
	unsigned taken;
	uint64_t number;
	enum tpar_err err; /* of the window */
	struct tpar_failure why;
};

/* Without waiting.  false: not now, or not any more. */
static bool
put_item(struct window *w)
{
	struct node *kid = w->set->kid[w->put];
	struct tpar_task task = TPAR_TASK_INIT;
	enum tpar_err err;

	play_describe(kid, &task, play_calm_of(w->set, kid, w->how),
		      play_size(w->set));
	kid->accepted = true;
	err = tpar_window_put(w->window, &task, TPAR_NOW);
	if (err == TPAR_OK) {
		w->put++;
		return true;
	}
	kid->accepted = false;
	if (err != TPAR_EAGAIN) { /* what take tells */
		FUZZ_MUST(err == TPAR_ECLOSED || err == TPAR_ESTOPPED);
		FUZZ_MUST(w->how.calm != QUIET ||
			  oracle_sweeps(w->set, w->how.calm));
		FUZZ_MUST(tpar_window_end(w->window) == TPAR_OK);
		w->put = w->set->n + 1;
	}
	return false;
}

/* false: there are no more. */
static bool
take_item(struct window *w)
{
	unsigned char value[SIZE_MOST];

	w->err = tpar_window_take(w->window, value, TPAR_FOREVER, &w->why);
	if (w->err != TPAR_OK) {
		return false;
	}
	w->number =
		oracle_mix(w->number, play_moved(w->set->kid[w->taken], value));
	w->taken++;
	return true;
}

static int
end_window(struct window *w)
{
	bool all = w->put == w->set->n && w->taken == w->put;

	switch (w->err) {
	case TPAR_EEND:
		FUZZ_MUST(all || w->how.calm != QUIET ||
			  oracle_sweeps(w->set, w->how.calm));
		return all ? 0
			   : (w->how.calm == CLOSING ? TPAR_ECLOSED
						     : TPAR_ESTOPPED);
	case TPAR_ESTOPPED:
		return play_stopped(w->how);
	default:
		FUZZ_MUST(w->err != TPAR_EFAILED || w->why.index < w->set->n);
		return play_failure(w->err, &w->why, w->how);
	}
}

static int
play_window(struct node *set, struct how how)
{
	struct tpar_window_config config = TPAR_WINDOW_CONFIG_INIT;
	struct window w = { .set = set, .how = how };
	bool early = (set->param & 1) != 0;
	enum tpar_err err;
	int rc = 0;

	config.pool = play_pool_of(set, how);
	config.width = 1 + (set->param >> 2) % 4;
	config.value_size = play_size(set);
	err = tpar_window_open(&w.window, &config);
	if (err != TPAR_OK) {
		FUZZ_MUST(err == TPAR_ESTOPPED);
		return play_stopped(how);
	}
	do {
		while (w.put < set->n && put_item(&w)) {
		}
		if (w.put == set->n) {
			FUZZ_MUST(tpar_window_end(w.window) == TPAR_OK);
		}
	} while (!(early && (set->param & 2) == 0) && take_item(&w));
	if (early) {
		if (set->param & 32) {
			FUZZ_MUST(tpar_window_cancel(w.window, "early") ==
				  TPAR_OK);
		}
	} else {
		rc = end_window(&w);
	}
	tpar_window_close(w.window);
	return rc;
}

/* ---- Maps ----------------------------------------------------------------- */

struct item {
	struct node *node;
	struct how how;
};

static int
map_item(void *arg, void *value)
{
	struct item *item = arg;
	uint64_t number = 0;
	int rc;

	FUZZ_MUST(item->node->runs++ == 0);
	rc = play(item->node, item->how, &number);
	if (rc == 0) {
		play_write(item->node, value, number);
		item->node->done = 1;
	}
	return rc;
}

static void
map_progress(size_t done, size_t n, void *arg)
{
	size_t *last = arg;

	FUZZ_MUST(done >= *last && done <= n);
	*last = done;
}

static int
play_map(struct node *set, struct how how, uint64_t *number)
{
	struct tpar_map_options options = TPAR_MAP_OPTIONS_INIT;
	unsigned char values[KIDS * SIZE_MOST];
	struct item items[KIDS];
	size_t size = play_size(set);
	size_t last = 0;
	struct tpar_failure why;
	enum tpar_err err;
	unsigned i;

	for (i = 0; i < set->n; i++) {
		items[i].node = set->kid[i];
		items[i].how = how_of_kids(set, how);
		set->kid[i]->size = size;
		set->kid[i]->accepted = set->kid[i]->drops_value = true;
	}
	options.window = set->param >> 1 & 3;
	options.drop_value = play_drop_value;
	options.progress = map_progress;
	options.arg = &last;
	options.flags = set->param & 8 ? TPAR_BLOCKING : 0;
	err = tpar_map_with(play_pool_of(set, how), &options, map_item, items,
			    sizeof items[0], values, size, set->n, &why);
	if (err != TPAR_OK) {
		if (err == TPAR_ESTOPPED) {
			(void)play_stopped(how);
		}
		return play_failure(err, &why, how);
	}
	FUZZ_MUST(set->n == 0 || last == set->n);
	for (i = 0; i < set->n; i++) {
		*number = oracle_mix(*number, play_moved(set->kid[i],
							 values + i * size));
	}
	return 0;
}

/* ---- Fork-join ------------------------------------------------------------ */

struct forks {
	struct node *set;
	struct how how;
};

/* The kids from `i` on. */
TPAR_VOID_TASK_2(fork_kids, struct forks *, forks, unsigned, i)
{
	struct node *kid = forks->set->kid[i];
	int rc;

	if (i + 1 < forks->set->n) {
		TPAR_FORK(fork_kids, forks, i + 1);
	}
	FUZZ_MUST(kid->forked++ == 0);
	kid->result = 0;
	rc = play(kid, forks->how, &kid->result);
	if (rc != 0) {
		tpar_run_fail(rc, "kid %u", i);
	}
	if (i + 1 < forks->set->n) {
		TPAR_JOIN(fork_kids);
	}
}

static int
play_fork(struct node *set, struct how how, uint64_t *number)
{
	struct forks forks = { set, how_of_kids(set, how) };
	struct tpar_failure why;
	enum tpar_err err;
	unsigned i;

	if (set->n == 0) {
		return 0;
	}
	err = TPAR_RUN(fork_kids, play_pool_of(set, how), NULL, &why, &forks,
		       0u);
	if (err != TPAR_OK) {
		return play_failure(err, &why, how);
	}
	for (i = 0; i < set->n; i++) {
		*number = oracle_mix(*number, set->kid[i]->result);
	}
	return 0;
}

/* ---- In place ------------------------------------------------------------- */

static int
play_kids(struct node *set, struct how how, uint64_t *number)
{
	unsigned i;
	int rc;

	for (i = 0; i < set->n; i++) {
		uint64_t kid = 0;

		rc = play(set->kid[i], how, &kid);
		if (rc != 0) {
			return rc;
		}
		*number = oracle_mix(*number, kid);
	}
	return 0;
}

static int
play_shield(struct node *set, struct how how, uint64_t *number)
{
	struct how inside = how;
	int rc;

	if (how.in_task && how.calm == DISTURBED) {
		inside.calm = QUIET;
	}
	tpar_shield_enter();
	FUZZ_MUST(!tpar_cancelled());
	rc = play_kids(set, inside, number);
	FUZZ_MUST(!tpar_cancelled());
	tpar_shield_leave();
	return rc;
}

static void
count_cancel(void *arg)
{
	struct node *node = arg;

	node->handled++;
}

static int
play_handler(struct node *set, struct how how, uint64_t *number)
{
	tpar_handler handler = { { 0, 0 } };
	enum tpar_err err = tpar_on_cancel(count_cancel, set, &handler);
	bool was_asked;
	int rc;

	if (err != TPAR_OK) {
		FUZZ_MUST(err == (how.in_task ? TPAR_ESTOPPED : TPAR_EINVAL));
		if (how.in_task && tpar_cancelled()) {
			return play_stopped(how);
		}
		/* In a shield it is refused all the same. */
		FUZZ_MUST(!how.in_task || tpar_cancel_reason() != NULL);
		return play_kids(set, how, number);
	}
	FUZZ_MUST(how.in_task);
	rc = play_kids(set, how, number);
	was_asked = tpar_cancelled();
	if (set->param & 1) {
		return rc; /* the library removes it */
	}
	tpar_off_cancel(&handler);
	FUZZ_MUST(set->handled <= 1);
	FUZZ_MUST(!was_asked || how.calm != QUIET);
	return rc;
}

static int
play_region(struct node *set, struct how how, uint64_t *number)
{
	enum tpar_err err = tpar_interruptible_enter();
	int rc;

	if (err != TPAR_OK) {
		FUZZ_MUST(err == TPAR_ESTOPPED);
		return play_stopped(how);
	}
	rc = play_kids(set, how, number);
	tpar_interruptible_leave();
	return rc;
}

int
play_scope(struct node *set, struct how how, uint64_t *number)
{
	int rc;

	switch (set->kind) {
	case NODE_GROUP:
		return play_group(set, how);
	case NODE_SPAWN:
		if (set->group != NULL) {
			play_spawn(set, set->set, set->group, how);
		}
		return 0;
	case NODE_WINDOW:
		return play_window(set, how);
	case NODE_MAP:
		return play_map(set, how, number);
	case NODE_FORK:
		return play_fork(set, how, number);
	case NODE_SHIELD:
		return play_shield(set, how, number);
	case NODE_HANDLER:
		return play_handler(set, how, number);
	case NODE_REGION:
		return play_region(set, how, number);
	case NODE_PLACE:
		tpar_blocking_enter();
		rc = play_kids(set, how, number);
		tpar_blocking_leave();
		return rc;
	default:
		return play_kids(set, how, number);
	}
}
