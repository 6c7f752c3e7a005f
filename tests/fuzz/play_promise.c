/* SPDX-License-Identifier: MIT */
/*
 * play_promise.c - nodes as promises, and the tasks that complete them, which do
 * so also if they never run.
 */
#include "play.h"

static _Atomic int completers;
static _Atomic int completers_gone;

static void
complete(struct node *node)
{
	unsigned char value[SIZE_MOST];
	tpar_promise *promise = node->promise;
	enum tpar_err err;

	if (node->completed++ > 0) {
		return; /* only the first one does it */
	}
	switch (node->param % 4) {
	case 0:
		play_write(node, value, node->number);
		node->done = 1; /* before it can be dropped */
		err = tpar_promise_set(promise, value);
		if (err != TPAR_OK) {
			node->done = 0;
		}
		break;
	case 1:
		err = tpar_promise_fail(promise,
					1 + (int)(node->param % CODE_MOST),
					"promise of param %u", node->param);
		break;
	case 2:
		err = tpar_promise_set_cancelled(promise);
		break;
	default:
		if (node->kind == NODE_PROMISE) {
			node->promise = NULL;
			tpar_promise_destroy(promise);
			return;
		}
		err = tpar_promise_fail(promise, 0, NULL);
	}
	FUZZ_MUST(err == TPAR_OK || err == TPAR_EALREADY);
}

static int
run_completer(void *arg, void *value)
{
	(void)value;
	complete(arg);
	return 0;
}

/* Also if it never ran. */
static void
drop_completer(void *arg)
{
	complete(arg);
	completers_gone++;
}

static void
promise_cancelled(tpar_promise *promise, void *arg)
{
	struct node *node = arg;

	if (node->kind == NODE_NEVER) {
		complete(node);
	} else if (node->param & 64) {
		(void)tpar_promise_set_cancelled(promise);
	}
}

static void
have_completed(struct node *node, struct how how)
{
	struct tpar_task task = TPAR_TASK_INIT;
	unsigned by = node->param >> 4 & 3;

	if (by == 0) {
		complete(node);
		return;
	}
	task.fn = run_completer;
	task.drop_arg = drop_completer;
	task.arg = node;
	task.flags = by == 2 ? TPAR_BLOCKING : 0;
	task.priority = by == 3 ? TPAR_PRIORITY_HIGH : TPAR_PRIORITY_NORMAL;
	completers++;
	if (tpar_submit_task(play_pool_of(node, how), &task, NULL) != TPAR_OK) {
		completers--;
		FUZZ_MUST(how.calm == CLOSING);
		complete(node);
	}
}

bool
play_start_promise(struct node *node, struct how how, enum calm calm,
		   size_t size)
{
	struct tpar_promise_config config = TPAR_PROMISE_CONFIG_INIT;
	tpar_promise *promise;

	node->calm = calm;
	node->size = size;
	node->drops_value = (node->opts & OPT_DROP_VALUE) != 0;
	config.value_size = size;
	config.value_align = node->more & MORE_ALIGN ? 64 : 0;
	config.drop_value = node->drops_value ? play_drop_value : NULL;
	config.name = node->more & MORE_NAME ? program_name(node->kind) : NULL;
	if (node->more & MORE_VARIANT) {
		config.on_cancel = promise_cancelled;
		config.arg = node;
	}
	FUZZ_MUST(tpar_promise_create_with(&config, &promise, &node->future) ==
		  TPAR_OK);
	node->promise = promise;
	node->accepted = true;
	if (node->opts & OPT_SHIELDED) {
		FUZZ_MUST(tpar_future_shield(node->future) == TPAR_OK);
	}
	play_handle(node);
	if (node->kind == NODE_PROMISE) {
		have_completed(node, how);
	}
	return true;
}

void
play_check_completers(void)
{
	FUZZ_MUST(completers == completers_gone);
	completers = completers_gone = 0;
}
