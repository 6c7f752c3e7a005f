/* SPDX-License-Identifier: MIT */
/*
 * play_task.c - nodes as tasks, and the account of what they
 * own: accepted ones run or are cancelled, once; arguments and values are
 * dropped or moved, once.
 */
#include "play.h"

#include <poll.h>

tpar_pool *play_pool[POOLS];

/* ---- Values --------------------------------------------------------------- */

struct value {
	uint64_t number;
	struct node *node;
};

void
play_write(struct node *node, void *value, uint64_t number)
{
	struct value first = { number, node };

	memset(value, (int)(number & 0xff), node->size);
	memcpy(value, &first, sizeof first);
}

uint64_t
play_read(const struct node *node, const void *value)
{
	struct value first;

	memcpy(&first, value, sizeof first);
	FUZZ_MUST(first.node == node);
	FUZZ_MUST(first.number == node->number);
	FUZZ_MUST(node->size == sizeof first ||
		  ((const unsigned char *)value)[node->size - 1] ==
			  (first.number & 0xff));
	return first.number;
}

void
play_drop_value(void *value)
{
	struct value first;

	memcpy(&first, value, sizeof first);
	FUZZ_MUST(first.node->drops_value);
	FUZZ_MUST(first.node->done == 1);
	FUZZ_MUST(first.node->values_dropped++ == 0);
	FUZZ_MUST(first.node->taken == 0);
}

uint64_t
play_moved(struct node *node, const void *value)
{
	if (node->drops_value) {
		FUZZ_MUST(node->taken++ == 0);
		FUZZ_MUST(node->values_dropped == 0);
	}
	return play_read(node, value);
}

size_t
play_size(const struct node *set)
{
	static const size_t sizes[] = { sizeof(struct value), 24, 100,
					SIZE_MOST };

	return sizes[set->param >> 6 & 3];
}

/* ---- Tasks ---------------------------------------------------------------- */

static void
drop_arg(void *arg)
{
	struct node *node = arg;

	FUZZ_MUST(node->args_dropped++ == 0);
	FUZZ_MUST(node->drops_arg);
}

static int
run_task(void *arg, void *value)
{
	struct node *node = arg;
	struct how how = { node->calm, true };
	uint64_t number = 0;
	int rc;

	FUZZ_MUST(tpar_context() == node || tpar_context() == node->set);
	FUZZ_MUST(node->kind != NODE_LATE);
	FUZZ_MUST(node->runs++ == 0);
	FUZZ_MUST(node->args_dropped == 0);
	rc = play(node, how, &number);
	if (rc == 0) {
		play_write(node, value, number);
		node->done = 1;
	}
	return rc;
}

/* With the address of the pointer to it. */
static int
run_one_of_many(void *arg, void *value)
{
	return run_task(*(struct node **)arg, value);
}

static void
drop_one_of_many(void *arg)
{
	drop_arg(*(struct node **)arg);
}

tpar_pool *
play_pool_of(const struct node *node, struct how how)
{
	if (program.pools > 1 && (node->more & MORE_OTHER_POOL)) {
		return play_pool[1];
	}
	return how.in_task ? NULL : play_pool[0];
}

enum calm
play_calm_of(const struct node *set, const struct node *kid, struct how how)
{
	if (how.calm == CLOSING) {
		return CLOSING;
	}
	if ((kid->opts & OPT_SHIELDED) && !oracle_cancels(set, how.calm)) {
		return QUIET;
	}
	return oracle_sweeps(set, how.calm) ? DISTURBED : how.calm;
}

void
play_describe(struct node *node, struct tpar_task *task, enum calm calm,
	      size_t size)
{
	static const enum tpar_priority priorities[] = { TPAR_PRIORITY_NORMAL,
							 TPAR_PRIORITY_HIGH,
							 TPAR_PRIORITY_LOW,
							 TPAR_PRIORITY_NORMAL };

	node->calm = calm;
	node->size = size;
	node->drops_arg = (node->opts & OPT_NO_DROP_ARG) == 0;
	node->drops_value = (node->opts & OPT_DROP_VALUE) != 0;
	task->fn = run_task;
	task->arg = node;
	task->value_size = size;
	task->value_align = node->more & MORE_ALIGN ? 64 : 0;
	task->drop_arg = node->drops_arg ? drop_arg : NULL;
	task->drop_value = node->drops_value ? play_drop_value : NULL;
	task->name = node->more & MORE_NAME ? program_name(node->kind) : NULL;
	task->flags =
		node->opts & (TPAR_NO_INLINE | TPAR_SHIELDED | TPAR_BLOCKING);
	task->priority = priorities[node->opts / OPT_HIGH & 3];
	task->deadline_ns =
		node->more & MORE_DEADLINE ? tpar_in(3600 * TPAR_SECOND) : 0;
	if (node->kind == NODE_LATE) {
		task->deadline_ns = node->param & 1 ? TPAR_NOW : 1;
	}
	task->context = node;
}

static void
tell(tpar_future *f, void *arg)
{
	struct node *node = arg;

	FUZZ_MUST(tpar_future_state(f) >= TPAR_DONE);
	node->told++;
}

static void
ask_to_be_told(struct node *node)
{
	node->asked++;
	FUZZ_MUST(tpar_future_on_done(node->future, tell, node) == TPAR_OK);
}

void
play_handle(struct node *node)
{
	enum tpar_err err;

	if (node->opts & OPT_ON_DONE) {
		ask_to_be_told(node);
	}
	if (node->more & MORE_REF) {
		FUZZ_MUST(tpar_future_ref(node->future) == node->future);
		tpar_future_unref(node->future);
	}
	if (node->more & MORE_CANCEL_AT) {
		err = tpar_future_cancel_at(node->future,
					    tpar_in(3600 * TPAR_SECOND));
		FUZZ_MUST(err == TPAR_OK || err == TPAR_EALREADY);
	}
}

static bool
may_be_refused(const struct node *node)
{
	return node->calm == CLOSING ||
	       (node->group != NULL &&
		(node->set->calm != QUIET ||
		 oracle_sweeps(node->set, node->set->calm)));
}

bool
play_start(struct node *node, struct how how, enum calm calm, size_t size)
{
	struct tpar_task task = TPAR_TASK_INIT;
	enum tpar_err err;

	if ((node->kind == NODE_PROMISE || node->kind == NODE_NEVER) &&
	    node->group == NULL) {
		return play_start_promise(node, how, calm, size);
	}
	play_describe(node, &task, calm, size);
	node->accepted = true; /* it may run before the call returns */
	if (node->group != NULL) {
		err = tpar_group_submit(node->group, &task,
					node->more & MORE_REF ? &node->future
							      : NULL);
	} else {
		err = tpar_submit_task(play_pool_of(node, how), &task,
				       &node->future);
	}
	if (err != TPAR_OK) {
		node->accepted = false;
		FUZZ_MUST(err == TPAR_ECLOSED && may_be_refused(node));
		FUZZ_MUST(node->runs == 0 && node->args_dropped == 0);
		return false;
	}
	if (node->future != NULL) {
		play_handle(node);
	}
	return true;
}

bool
play_start_many(struct node *set, struct how how, size_t size)
{
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f[KIDS];
	enum tpar_err err;
	unsigned i;

	for (i = 0; i < set->n; i++) {
		struct node *kid = set->kid[i];

		if (kid->kind == NODE_PROMISE || kid->kind == NODE_NEVER ||
		    kid->kind == NODE_LATE) {
			return false;
		}
	}
	for (i = set->n; i-- > 0;) {
		struct node *kid = set->kid[i];

		kid->opts = (set->kid[0]->opts | OPT_DROP_VALUE) &
			    ~(unsigned)(OPT_NO_DROP_ARG | OPT_SHIELDED);
		play_describe(kid, &task, play_calm_of(set, kid, how), size);
		kid->set = set;
	}
	task.fn = run_one_of_many;
	task.drop_arg = drop_one_of_many;
	task.context = set;
	err = tpar_submit_many(play_pool_of(set, how), &task, set->kid,
			       sizeof set->kid[0], set->n, f);
	for (i = 0; i < set->n; i++) {
		set->kid[i]->accepted = err == TPAR_OK;
		set->kid[i]->future = err == TPAR_OK ? f[i] : NULL;
	}
	FUZZ_MUST(err == TPAR_OK ||
		  (err == TPAR_ECLOSED && how.calm == CLOSING));
	return true;
}

unsigned
play_start_all(struct node *set, struct how how, size_t size, struct node **kid,
	       tpar_future **f)
{
	unsigned n = 0;
	unsigned i;
	bool many = set->kind == NODE_GATHER && (set->more & MORE_VARIANT) &&
		    set->n > 0 && play_start_many(set, how, size);

	for (i = 0; i < set->n; i++) {
		struct node *one = set->kid[i];

		if (many ? one->accepted
			 : play_start(one, how, play_calm_of(set, one, how),
				      size)) {
			kid[n] = one;
			f[n++] = one->future;
		}
	}
	return n;
}

/* ---- The end of sets ------------------------------------------------------ */

void
play_end_all(struct node **kid, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		tpar_future *f = kid[i]->future;
		struct pollfd fd = { -1, POLLIN, 0 };

		oracle_check_state(kid[i], kid[i]->calm, tpar_future_state(f),
				   tpar_future_code(f));
		if (kid[i]->opts & OPT_ON_DONE) {
			ask_to_be_told(kid[i]);
		}
		if (kid[i]->more & MORE_FD) {
			FUZZ_MUST(tpar_future_fd(f, &fd.fd) == TPAR_OK);
			FUZZ_MUST(poll(&fd, 1, 0) == 1);
		}
		kid[i]->future = NULL;
		tpar_future_unref(f);
	}
}

void
play_give_up(tpar_future *const *f, unsigned n, struct how how)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		enum tpar_err err = tpar_future_cancel(f[i]);

		FUZZ_MUST(err == TPAR_OK ||
			  (err == TPAR_EALREADY &&
			   tpar_future_state(f[i]) >= TPAR_DONE));
	}
	(void)how;
	tpar_shield_enter();
	FUZZ_MUST(tpar_wait_all(f, n, TPAR_FOREVER) == TPAR_OK);
	tpar_shield_leave();
}

int
play_stopped(struct how how)
{
	FUZZ_MUST(how.in_task && how.calm != QUIET);
	FUZZ_MUST(tpar_cancelled());
	FUZZ_MUST(tpar_cancel_reason() != NULL);
	return TPAR_ESTOPPED;
}

int
play_failure(enum tpar_err err, const struct tpar_failure *why, struct how how)
{
	int rc;

	FUZZ_MUST(why->message[0] != '\0');
	rc = tpar_fail_from(why);
	if (err == TPAR_EFAILED) {
		FUZZ_MUST(why->code != 0);
		FUZZ_MUST(rc == why->code);
		return why->code;
	}
	if (err == TPAR_ESTOPPED) {
		FUZZ_MUST(rc == TPAR_ESTOPPED);
		return TPAR_ESTOPPED;
	}
	FUZZ_MUST(err == TPAR_ECANCELED || err == TPAR_ETIMEDOUT ||
		  how.calm == CLOSING);
	return (int)err;
}

static void
check_node(struct node *node)
{
	unsigned i;
	int owed = node->accepted && node->drops_arg;

	/* ENDS: who ended it may be on the way back from its last step. */
	while (node->args_dropped < owed || node->told < node->asked ||
	       (node->drops_value &&
		node->values_dropped + node->taken < node->done)) {
		sched_yield();
	}
	FUZZ_MUST(node->args_dropped == owed);
	FUZZ_MUST(node->told == node->asked);
	FUZZ_MUST(node->runs <= (node->accepted ? 1 : 0));
	FUZZ_MUST(!node->drops_value ||
		  node->values_dropped + node->taken == node->done);
	for (i = 0; i < node->n; i++) {
		check_node(node->kid[i]);
	}
}

void
play_check_account(void)
{
	unsigned i;

	for (i = 0; i < program.used; i++) {
		tpar_promise *promise = program.node[i].promise;

		program.node[i].promise = NULL;
		tpar_promise_destroy(promise);
	}
	for (i = 0; i < program.roots; i++) {
		check_node(program.root[i]);
	}
	play_check_completers();
}
