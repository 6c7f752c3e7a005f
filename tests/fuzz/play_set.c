/* SPDX-License-Identifier: MIT */
/*
 * play_set.c - nodes whose children are futures that are waited for: gathers of
 * all kinds, races, streams, cancels.
 */
#include "play.h"

/* The children that were started, and their futures. */
struct set {
	struct node *node;
	struct how how;
	size_t size;
	unsigned n;
	struct node *kid[KIDS];
	tpar_future *f[KIDS];
	unsigned char values[KIDS * SIZE_MOST];
};

static void
start(struct set *set, struct node *node, struct how how)
{
	set->node = node;
	set->how = how;
	set->size = play_size(node);
	set->n = play_start_all(node, how, set->size, set->kid, set->f);
	/* Else one was refused: its pool is shut down. */
	FUZZ_MUST(set->n == node->n || how.calm == CLOSING);
}

/* The values of all, which have been moved here. */
static void
mix_values(struct set *set, uint64_t *number)
{
	unsigned i;

	for (i = 0; i < set->n; i++) {
		*number = oracle_mix(*number,
				     play_moved(set->kid[i],
						set->values + i * set->size));
	}
}

/* A refused child makes it incomplete, and then its number is not checked. */
static int
complete(const struct set *set)
{
	return set->n == set->node->n ? 0 : TPAR_ECLOSED;
}

/* Nobody but the members can be to blame, and one that is bad by itself. */
static void
check_blame(const struct set *set, enum tpar_err err,
	    const struct tpar_failure *why)
{
	if (err != TPAR_EFAILED && err != TPAR_ECANCELED) {
		FUZZ_MUST(why->index == SIZE_MAX);
		return;
	}
	FUZZ_MUST(why->index < set->n);
	FUZZ_MUST(why->state ==
		  (err == TPAR_EFAILED ? TPAR_FAILED : TPAR_CANCELLED));
	FUZZ_MUST(tpar_future_state(set->f[why->index]) == why->state);
	FUZZ_MUST(tpar_future_code(set->f[why->index]) == why->code);
	/* Not one that the set itself has cancelled. */
	oracle_check_state(set->kid[why->index],
			   set->kid[why->index]->opts & OPT_SHIELDED &&
					   set->how.calm != CLOSING
				   ? set->kid[why->index]->calm
				   : set->how.calm,
			   why->state, why->code);
}

static void
take_each(struct set *set)
{
	unsigned i;

	for (i = 0; i < set->n; i++) {
		FUZZ_MUST(tpar_future_take(set->f[i],
					   set->values + i * set->size) ==
			  TPAR_OK);
		FUZZ_MUST(tpar_future_value(set->f[i]) == NULL);
	}
}

static int
gather(struct set *set, uint64_t *number)
{
	struct tpar_failure why;
	enum tpar_err err;
	bool later = set->node->param % 4 == 2;
	void *values = later ? NULL : set->values;

	switch (set->node->param % 4) {
	case 1:
		err = tpar_gather_until(set->f, set->n, values,
					tpar_in(3600 * TPAR_SECOND), &why);
		break;
	case 3:
		err = tpar_gather_until(
			set->f, set->n, values,
			set->node->param & 32
				? TPAR_NOW
				: tpar_in((set->node->param & 16) * 20000),
			&why);
		break;
	default:
		err = tpar_gather(set->f, set->n, values, &why);
	}
	if (err != TPAR_OK) {
		check_blame(set, err, &why);
		if (err == TPAR_ESTOPPED) {
			(void)play_stopped(set->how);
		}
		return play_failure(err, &why, set->how);
	}
	if (later) {
		take_each(set);
	}
	mix_values(set, number);
	return complete(set);
}

static int
play_gather(struct node *node, struct how how, uint64_t *number)
{
	struct set set;
	int rc;

	start(&set, node, how);
	rc = gather(&set, number);
	play_end_all(set.kid, set.n);
	return rc;
}

static int
play_async(struct node *node, struct how how, uint64_t *number)
{
	struct set set;
	tpar_future *all;
	enum tpar_err err;
	int rc;

	start(&set, node, how);
	FUZZ_MUST(tpar_gather_async(set.f, set.n, &all) == TPAR_OK);
	err = tpar_future_wait(all, TPAR_FOREVER);
	if (err == TPAR_ESTOPPED) {
		play_give_up(&all, 1, how);
		rc = play_stopped(how);
	} else {
		FUZZ_MUST(err == TPAR_OK || err == TPAR_EFAILED);
		rc = tpar_future_code(all);
		if (rc == 0 && set.n > 0) {
			FUZZ_MUST(tpar_future_take(all, set.values) == TPAR_OK);
		}
		if (rc == 0) {
			mix_values(&set, number);
			rc = complete(&set);
		}
	}
	tpar_future_unref(all);
	play_end_all(set.kid, set.n);
	return rc;
}

static int
play_settled(struct node *node, struct how how)
{
	struct tpar_outcome outcomes[KIDS];
	struct set set;
	enum tpar_err err;
	unsigned i;

	start(&set, node, how);
	err = tpar_gather_settled(set.f, set.n, set.values, outcomes);
	for (i = 0; i < set.n; i++) {
		FUZZ_MUST(outcomes[i].state == tpar_future_state(set.f[i]));
		FUZZ_MUST(outcomes[i].code == tpar_future_code(set.f[i]));
		if (outcomes[i].state == TPAR_DONE) {
			(void)play_moved(set.kid[i], set.values + i * set.size);
		}
	}
	play_end_all(set.kid, set.n);
	FUZZ_MUST(err == TPAR_OK || err == TPAR_ESTOPPED);
	return err == TPAR_ESTOPPED ? play_stopped(how) : 0;
}

static int
play_all(struct node *node, struct how how)
{
	int64_t deadline = node->param & 1 ? tpar_in((node->param & 62) * 10000)
					   : TPAR_FOREVER;
	struct set set;
	enum tpar_err err;

	start(&set, node, how);
	err = tpar_wait_all(set.f, set.n, deadline);
	FUZZ_MUST(err == TPAR_OK || err == TPAR_ESTOPPED ||
		  (err == TPAR_ETIMEDOUT && deadline != TPAR_FOREVER));
	if (err != TPAR_OK) {
		play_give_up(set.f, set.n, how);
	}
	play_end_all(set.kid, set.n);
	return err == TPAR_ESTOPPED ? play_stopped(how) : 0;
}

static int
play_any(struct node *node, struct how how)
{
	struct set set;
	size_t index = SIZE_MAX;
	enum tpar_err err;

	start(&set, node, how);
	if (set.n == 0) {
		return TPAR_ECLOSED;
	}
	err = tpar_wait_any(set.f, set.n, TPAR_FOREVER, &index);
	FUZZ_MUST(err == TPAR_OK || err == TPAR_ESTOPPED);
	if (err == TPAR_OK) {
		FUZZ_MUST(index < set.n);
		FUZZ_MUST(tpar_future_state(set.f[index]) >= TPAR_DONE);
	}
	play_give_up(set.f, set.n, how);
	play_end_all(set.kid, set.n);
	return err == TPAR_ESTOPPED ? play_stopped(how) : 0;
}

static int
play_race(struct node *node, struct how how)
{
	struct tpar_failure why;
	struct set set;
	size_t index = SIZE_MAX;
	enum tpar_err err;
	int rc = 0;

	start(&set, node, how);
	if (set.n == 0) {
		return TPAR_ECLOSED;
	}
	err = tpar_race(set.f, set.n, node->param & 1 ? NULL : set.values,
			&index, &why);
	if (err == TPAR_OK) {
		FUZZ_MUST(index < set.n);
		FUZZ_MUST(tpar_future_state(set.f[index]) == TPAR_DONE);
		if ((node->param & 1) == 0) {
			(void)play_moved(set.kid[index], set.values);
		}
	} else {
		FUZZ_MUST(index == SIZE_MAX);
		check_blame(&set, err, &why);
		rc = play_failure(err, &why, how);
	}
	play_end_all(set.kid, set.n);
	return rc;
}

/* Each comes once, those beyond the `wanted` first ones as they are cancelled. */
static enum tpar_err
read_stream(struct set *set, tpar_stream *stream, unsigned wanted)
{
	bool seen[KIDS] = { false };
	enum tpar_err err = TPAR_OK;
	size_t index;
	unsigned i;

	for (i = 0; i <= set->n; i++) {
		if (i == wanted && wanted < set->n) {
			play_give_up(set->f, set->n, set->how);
		}
		err = tpar_stream_next(stream, TPAR_FOREVER, &index);
		if (err != TPAR_OK) {
			break;
		}
		FUZZ_MUST(index < set->n && !seen[index]);
		FUZZ_MUST(tpar_future_state(set->f[index]) >= TPAR_DONE);
		seen[index] = true;
	}
	FUZZ_MUST(err != TPAR_EEND || i == set->n);
	return err;
}

static int
play_stream(struct node *node, struct how how)
{
	struct set set;
	tpar_stream *stream;
	enum tpar_err err;

	start(&set, node, how);
	FUZZ_MUST(tpar_as_completed(set.f, set.n, &stream) == TPAR_OK);
	err = read_stream(&set, stream, node->param % (node->n + 1));
	tpar_stream_close(stream);
	if (err == TPAR_ESTOPPED) {
		play_give_up(set.f, set.n, how);
	} else {
		FUZZ_MUST(err == TPAR_EEND);
	}
	play_end_all(set.kid, set.n);
	return err == TPAR_ESTOPPED ? play_stopped(how) : 0;
}

/* At once, later, by a deadline, or several times. */
static int
play_cancel(struct node *node, struct how how)
{
	struct set set;
	unsigned i;

	start(&set, node, how);
	for (i = 0; i < node->param % 16; i++) {
		sched_yield();
	}
	if (set.n > 0 && (node->param & 16)) {
		(void)tpar_future_cancel_at(
			set.f[0], node->param & 32 ? TPAR_NOW : tpar_in(50000));
	} else {
		play_give_up(set.f, set.n, how);
	}
	if (node->param & 64) {
		play_give_up(set.f, set.n, how);
	}
	tpar_shield_enter();
	FUZZ_MUST(tpar_wait_all(set.f, set.n, TPAR_FOREVER) == TPAR_OK);
	tpar_shield_leave();
	play_end_all(set.kid, set.n);
	return 0;
}

/* One task, waited for by itself; its value is read in place. */
static int
play_submit(struct node *node, struct how how, uint64_t *number)
{
	struct set set;
	enum tpar_err err;
	int rc = 0;

	start(&set, node, how);
	if (set.n == 0) {
		return TPAR_ECLOSED;
	}
	err = tpar_future_wait(set.f[0],
			       node->param & 1 ? tpar_in(1000) : TPAR_FOREVER);
	if (err == TPAR_ETIMEDOUT) {
		FUZZ_MUST(node->param & 1);
		err = tpar_future_wait(set.f[0], TPAR_FOREVER);
	}
	if (err == TPAR_ESTOPPED) {
		play_give_up(set.f, 1, how);
		rc = play_stopped(how);
	} else if (err == TPAR_OK) {
		*number = oracle_mix(*number,
				     play_read(set.kid[0],
					       tpar_future_value(set.f[0])));
	} else {
		FUZZ_MUST(err == TPAR_EFAILED || err == TPAR_ECANCELED);
		rc = err == TPAR_EFAILED ? tpar_future_code(set.f[0])
					 : (int)err;
	}
	play_end_all(set.kid, set.n);
	return rc;
}

int
play_set(struct node *set, struct how how, uint64_t *number)
{
	switch (set->kind) {
	case NODE_SUBMIT:
		return play_submit(set, how, number);
	case NODE_GATHER:
		return play_gather(set, how, number);
	case NODE_ASYNC:
		return play_async(set, how, number);
	case NODE_SETTLED:
		return play_settled(set, how);
	case NODE_ALL:
		return play_all(set, how);
	case NODE_ANY:
		return play_any(set, how);
	case NODE_RACE:
		return play_race(set, how);
	case NODE_STREAM:
		return play_stream(set, how);
	default:
		return play_cancel(set, how);
	}
}
