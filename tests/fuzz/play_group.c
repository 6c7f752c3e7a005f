/* SPDX-License-Identifier: MIT */
/*
 * play_group.c - nodes that are groups, and their children, which may spawn more.
 */
#include "play.h"

/* Children of the group of `set`, which `node` is, or spawns into. */
void
play_spawn(struct node *node, struct node *set, tpar_group *group,
	   struct how how)
{
	struct how scope = { set->calm, how.in_task };
	unsigned i;

	for (i = 0; i < node->n; i++) {
		struct node *kid = node->kid[i];

		kid->group = group;
		kid->set = set;
		if (node == set && set->param % 8 == 2 && i == set->n / 2) {
			FUZZ_MUST(tpar_group_cancel(group, "half") == TPAR_OK);
			FUZZ_MUST(tpar_group_cancelled(group));
		}
		(void)play_start(kid, how, play_calm_of(set, kid, scope),
				 play_size(set));
	}
}

static void
set_up(const struct node *set, struct tpar_group_config *config, struct how how)
{
	config->pool = play_pool_of(set, how);
	config->detached = set->param % 8 == 6;
	switch (set->param % 8) {
	case 4:
		config->deadline_ns = TPAR_NOW;
		break;
	case 5:
		config->deadline_ns = tpar_in((set->param >> 3) * 10000);
		break;
	default:
		config->deadline_ns = set->more & MORE_DEADLINE
					      ? tpar_in(3600 * TPAR_SECOND)
					      : TPAR_FOREVER;
	}
}

/* What a child of a group has left: a handle, or none. */
static void
end_children(struct node *node, enum tpar_err err, bool calm)
{
	unsigned i;

	for (i = 0; i < node->n; i++) {
		struct node *kid = node->kid[i];

		if (kid->accepted && kid->future != NULL) {
			play_end_all(&kid, 1);
		}
		if (err == TPAR_OK && calm &&
		    kid->expect[QUIET].may == MAY_DONE) {
			FUZZ_MUST(kid->accepted && kid->done == 1);
		}
		FUZZ_MUST(kid->args_dropped ==
			  (kid->accepted && kid->drops_arg));
		if (kid->kind == NODE_SPAWN) {
			end_children(kid, err, calm);
		}
	}
}

static int
group_failure(struct node *set, enum tpar_err err,
	      const struct tpar_failure *first, size_t count, struct how how)
{
	switch (err) {
	case TPAR_EFAILED:
		FUZZ_MUST(count > 0);
		FUZZ_MUST(first->state == TPAR_FAILED);
		FUZZ_MUST(first->index != SIZE_MAX || set->param % 8 == 3);
		return play_failure(err, first, how);
	case TPAR_ESTOPPED:
		return play_stopped(how);
	default:
		FUZZ_MUST(err == TPAR_ECANCELED || err == TPAR_ETIMEDOUT);
		return (int)err;
	}
}

static int
close_group(struct node *set, tpar_group *group, struct how how, bool calm)
{
	struct tpar_failure failures[2];
	size_t count = SIZE_MAX;
	enum tpar_err err;
	int rc = 0;

	if (set->param % 8 == 1) {
		FUZZ_MUST(tpar_group_cancel(group, NULL) == TPAR_OK);
	} else if (set->param % 8 == 3) {
		FUZZ_MUST(tpar_group_fail(group,
					  1 + (int)(set->param % CODE_MOST),
					  "failed") == TPAR_OK);
	}
	err = tpar_group_close(group, failures, 2, &count);
	if (err != TPAR_OK) {
		rc = group_failure(set, err, &failures[0], count, how);
	} else {
		FUZZ_MUST(count == 0);
	}
	end_children(set, err, calm);
	return rc;
}

int
play_group(struct node *set, struct how how)
{
	struct tpar_group_config config = TPAR_GROUP_CONFIG_INIT;
	/* Nothing ends it early: then each child was accepted. */
	bool calm = how.calm == QUIET && !oracle_sweeps(set, how.calm);
	tpar_group *group;
	enum tpar_err err;
	int rc = 0;

	set_up(set, &config, how);
	err = tpar_group_open(&group, &config);
	if (err != TPAR_OK) {
		FUZZ_MUST(err == TPAR_ESTOPPED);
		return play_stopped(how);
	}
	play_spawn(set, set, group, how);
	if (set->param % 8 != 7) {
		rc = close_group(set, group, how, calm);
		tpar_group_destroy(group);
	} else {
		tpar_group_destroy(group);
		end_children(set, TPAR_EFAILED, calm);
	}
	return rc;
}
