/* SPDX-License-Identifier: MIT */
/*
 * fuzz_api.c - runs small programs over the public interface on real pools, and
 * compares what comes of them with what a sequential oracle says: results, how
 * what fails or is cancelled may end, that everything accepted runs or is
 * cancelled once, that what it owns is dropped or moved once, that all ends.
 *
 * The pools are made and destroyed within the call.  That it ends is the
 * engine's timeout to tell.
 */
#include "play.h"

static void
open_pools(void)
{
	struct tpar_pool_config config = TPAR_POOL_CONFIG_INIT;
	unsigned i;

	config.stack_size = (size_t)1 << 20;
	config.own_threads_only = program.own_threads_only;
	config.name = "fuzz";
	for (i = 0; i < program.pools; i++) {
		config.workers = program.workers[i];
		FUZZ_MUST(tpar_pool_create(&play_pool[i], &config) == TPAR_OK);
	}
}

int
play(struct node *node, struct how how, uint64_t *number)
{
	int rc;

	node->calm = how.calm;
	*number = oracle_mix((uint64_t)node->kind, node->param);
	if (node->kind < NODE_SUBMIT) {
		rc = play_leaf(node, how, number);
	} else if (node->kind <= NODE_CANCEL) {
		rc = play_set(node, how, number);
	} else {
		rc = play_scope(node, how, number);
	}
	oracle_check_rc(node, how.calm, rc);
	FUZZ_MUST(rc != 0 || *number == node->number);
	return rc;
}

static bool
is_closed(void)
{
	return program.ending == END_CANCEL ||
	       program.ending == END_CANCEL_LATE;
}

static enum calm
calm_of_root(const struct node *root)
{
	if (is_closed()) {
		return CLOSING;
	}
	return root->ends ? QUIET : DISTURBED;
}

/* Those that end only if they are cancelled. */
static void
cancel_endless(struct node *const *root, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (!root[i]->ends) {
			FUZZ_MUST(tpar_future_cancel(root[i]->future) ==
					  TPAR_OK ||
				  tpar_future_state(root[i]->future) >=
					  TPAR_DONE);
		}
	}
}

static void
wait_for(struct node *const *root, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		enum tpar_err err =
			tpar_future_wait(root[i]->future, TPAR_FOREVER);

		FUZZ_MUST(err == TPAR_OK || err == TPAR_EFAILED ||
			  err == TPAR_ECANCELED);
		if (err == TPAR_OK) {
			(void)play_read(root[i],
					tpar_future_value(root[i]->future));
		}
	}
}

static void
shut_down(enum tpar_shutdown how, int64_t deadline)
{
	unsigned i;

	for (i = 0; i < program.pools; i++) {
		enum tpar_err err =
			tpar_pool_shutdown(play_pool[i], how, deadline);

		FUZZ_MUST(err == TPAR_OK ||
			  (err == TPAR_ETIMEDOUT && deadline == TPAR_NOW));
	}
}

static void
end_roots(struct node *const *root, unsigned n)
{
	unsigned i;

	switch (program.ending) {
	case END_CANCEL_LATE:
		for (i = 0; i < 20; i++) {
			sched_yield();
		}
		shut_down(TPAR_CANCEL, TPAR_FOREVER);
		break;
	case END_CANCEL:
		shut_down(TPAR_CANCEL, TPAR_NOW);
		break;
	case END_DRAIN:
		/* A pool that has run dry would refuse tasks of another. */
		if (program.pools == 1) {
			shut_down(TPAR_DRAIN, TPAR_NOW);
		}
		break;
	default:
		break;
	}
	cancel_endless(root, n);
	wait_for(root, n);
}

static void
run_program(void)
{
	struct node *root[ROOTS];
	unsigned first;
	unsigned n = 0;
	unsigned i;

	first = program.inline_root && program.root[0]->ends && !is_closed();
	for (i = first; i < program.roots; i++) {
		struct node *one = program.root[i];
		struct how how = { calm_of_root(one), false };

		FUZZ_MUST(play_start(one, how, how.calm,
				     (size_t)16 + one->param));
		root[n++] = one;
	}
	if (first) {
		struct how how = { QUIET, false };
		uint64_t number;

		(void)play(program.root[0], how, &number);
	}
	end_roots(root, n);
	play_end_all(root, n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned i;

	program_decode(data, size);
	if (program.roots == 0) {
		return 0;
	}
	oracle_judge();
	open_pools();
	run_program();
	for (i = 0; i < program.pools; i++) {
		FUZZ_MUST(tpar_pool_destroy(play_pool[i]) == TPAR_OK);
	}
	play_check_account();
	return 0;
}
