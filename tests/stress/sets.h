/* SPDX-License-Identifier: MIT */
/*
 * sets.h - the futures of stress_sets.c: tasks, promises and gathers of them in
 * the background; what each one owns, and the account of what became of it.
 *
 * A value is an array of tokens, each of which says whose it is: one of a task
 * or a promise, those of its members of a gather.  So a token can be followed
 * through any number of gathers until it is taken or dropped.
 */
#ifndef SETS_H
#define SETS_H

#include "stress.h"

#include <taskpar/cancel.h>

#include <poll.h>

enum {
	NODES = 500,
	POOLS = 3,
	LEVELS = 3, /* of gathers inside of each other */
	ARITY = 3,
	TOKENS_MAX = 9, /* of one future */
	MEMBERS = 6	/* of one call */
};

enum kind { UNUSED, TASK, PROMISE, GATHER };

struct node {
	enum kind kind;
	unsigned level;
	bool owns; /* its value is dropped, or moved */
	uint64_t seed;
	tpar_future *f; /* [m:lock] a handle, or NULL */
	_Atomic(tpar_promise *) p;
	_Atomic bool done;
	_Atomic int accepted;
	_Atomic int runs;
	_Atomic int args_dropped;
	_Atomic int dropped;
	_Atomic int taken;
	_Atomic int registered; /* callbacks */
	_Atomic int called;
};

struct token {
	struct node *node;
	uintptr_t check; /* ~node */
};

/* Of the round under way. */
struct world {
	struct node node[NODES];
	_Atomic unsigned used;
	_Atomic unsigned visible; /* nodes below it may be waited for */
	tpar_pool *pool[POOLS];
	unsigned pools;
	_Atomic bool refuses; /* pools are shut down, or may be */
	_Atomic bool closes;  /* callbacks do nothing any more */
	_Atomic int acting;   /* callbacks that do something */
	_Atomic bool over;    /* nothing is waited for any more */
	pthread_mutex_t lock;
};

static struct world world = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* A member of a call. */
struct held {
	unsigned n;
	tpar_future *f[MEMBERS];
	struct node *node[MEMBERS];
};

static inline unsigned
tokens_of(unsigned level)
{
	return level == 0 ? 1 : level == 1 ? ARITY : TOKENS_MAX;
}

/* ---- The account --------------------------------------------------------- */

static inline struct token
token_of(struct node *node)
{
	struct token token = { node, ~(uintptr_t)node };

	return token;
}

static inline struct node *
check_token(const struct token *token)
{
	struct node *node = token->node;

	UNIT_MUST(token->check == ~(uintptr_t)node);
	UNIT_MUST(node >= world.node && node < world.node + NODES);
	/* Who sets a promise knows only afterwards that he has. */
	UNIT_MUST(node->kind == PROMISE || atomic_load(&node->done));
	return node;
}

static inline void
drop_token(void *value)
{
	struct node *node = check_token(value);

	UNIT_MUST(node->owns);
	UNIT_MUST(atomic_fetch_add(&node->dropped, 1) == 0);
	UNIT_MUST(atomic_load(&node->taken) == 0);
}

/* They are the caller's now, but for plain ones, which are copies. */
static inline void
take_tokens(const struct token *token, size_t n)
{
	for (; n > 0; n--, token++) {
		struct node *node = check_token(token);

		if (node->owns) {
			UNIT_MUST(atomic_fetch_add(&node->taken, 1) == 0);
			UNIT_MUST(atomic_load(&node->dropped) == 0);
		}
	}
}

static inline void
drop_arg(void *arg)
{
	struct node *node = arg;

	UNIT_MUST(atomic_fetch_add(&node->args_dropped, 1) == 0);
}

static inline void
check_settled_account(struct node *node)
{
	int gone = atomic_load(&node->dropped) + atomic_load(&node->taken);
	int runs = atomic_load(&node->runs);

	UNIT_MUST(atomic_load(&node->called) == atomic_load(&node->registered));
	UNIT_MUST(gone == (node->owns && atomic_load(&node->done)));
	if (node->kind == TASK) {
		UNIT_MUST(runs <= 1 && runs <= atomic_load(&node->accepted));
		UNIT_MUST(atomic_load(&node->args_dropped) ==
			  atomic_load(&node->accepted));
		UNIT_MUST(!atomic_load(&node->done) || runs == 1);
	}
}

/* When all is over, but for a deadline that may be under way. */
static inline void
check_account(struct node *node)
{
	bool has_value = node->owns && atomic_load(&node->done);

	UNIT_AWAIT(atomic_load(&node->called) >=
		   atomic_load(&node->registered));
	UNIT_AWAIT(atomic_load(&node->dropped) + atomic_load(&node->taken) >=
		   has_value);
	check_settled_account(node);
}

/* ---- Handles ------------------------------------------------------------- */

/* One below `limit`; held by the caller, or NULL. */
static inline struct node *
some_node(struct stress_random *random, unsigned limit, tpar_future **f)
{
	struct node *node;

	if (limit == 0) {
		return NULL;
	}
	/* Rather one of the latest. */
	node = &world.node[stress_chance(random, 60) && limit > 12
				   ? limit - 1 - stress_below(random, 12)
				   : stress_below(random, limit)];
	UNIT_MUST(pthread_mutex_lock(&world.lock) == 0);
	*f = node->f != NULL ? tpar_future_ref(node->f) : NULL;
	UNIT_MUST(pthread_mutex_unlock(&world.lock) == 0);
	return *f != NULL ? node : NULL;
}

/* Some, of one level or of any (LEVELS); the same one may come twice. */
static inline void
get_some(struct held *held, struct stress_random *random, unsigned limit,
	 unsigned level, unsigned most)
{
	unsigned tries;

	held->n = 0;
	for (tries = 0; tries < 4 * most && held->n < most; tries++) {
		tpar_future *f = NULL;
		struct node *node = some_node(random, limit, &f);

		if (node == NULL) {
			continue;
		}
		if (level < LEVELS && node->level != level) {
			tpar_future_unref(f);
			continue;
		}
		held->f[held->n] = f;
		held->node[held->n++] = node;
		if (stress_chance(random, 5) && held->n < most) {
			held->f[held->n] = tpar_future_ref(f);
			held->node[held->n++] = node;
		}
	}
}

static inline void
put_back(struct held *held)
{
	tpar_future_unref_all(held->f, held->n);
	held->n = 0;
}

static inline struct node *
new_node(struct stress_random *random, enum kind kind, unsigned level)
{
	unsigned at = atomic_fetch_add(&world.used, 1);
	struct node *node;

	if (at >= NODES) {
		return NULL;
	}
	node = &world.node[at];
	node->kind = kind;
	node->level = level;
	node->owns = kind != GATHER && stress_chance(random, 50);
	node->seed = stress_next(random);
	return node;
}

/* From here on others may find it. */
static inline void
publish(struct node *node, tpar_future *f)
{
	unsigned after = (unsigned)(node - world.node) + 1;
	unsigned visible = atomic_load(&world.visible);

	UNIT_MUST(pthread_mutex_lock(&world.lock) == 0);
	node->f = f;
	UNIT_MUST(pthread_mutex_unlock(&world.lock) == 0);
	while (visible < after &&
	       !atomic_compare_exchange_weak(&world.visible, &visible, after)) {
	}
}

/* Nobody else finds it any more. */
static inline void
forget(struct node *node)
{
	tpar_future *f;

	UNIT_MUST(pthread_mutex_lock(&world.lock) == 0);
	f = node->f;
	node->f = NULL;
	UNIT_MUST(pthread_mutex_unlock(&world.lock) == 0);
	tpar_future_unref(f);
}

/* A thread, a task or a callback. */
struct actor {
	struct stress_random random;
	unsigned limit; /* it waits for nodes below this; 0: not at all */
	bool in_task;
};

static void act(struct actor *actor);

/* ---- Making futures ------------------------------------------------------ */

static inline int
run_task(void *arg, void *value)
{
	struct node *node = arg;
	struct actor actor = { { node->seed },
			       (unsigned)(node - world.node),
			       true };
	struct token token = token_of(node);
	unsigned shields = stress_below(&actor.random, 3);
	unsigned i;

	UNIT_MUST(atomic_fetch_add(&node->runs, 1) == 0);
	UNIT_MUST(tpar_context() == NULL || tpar_context() == &world);
	for (i = 0; i < shields; i++) {
		tpar_shield_enter();
		UNIT_MUST(!tpar_cancelled());
	}
	for (i = stress_below(&actor.random, 4); i > 0; i--) {
		act(&actor);
	}
	for (i = 0; i < shields && stress_chance(&actor.random, 90); i++) {
		tpar_shield_leave();
	}
	if (tpar_cancelled()) {
		UNIT_MUST(tpar_cancel_reason() != NULL);
		if (stress_chance(&actor.random, 70)) {
			return TPAR_ESTOPPED;
		}
	}
	if (stress_chance(&actor.random, 10)) {
		return tpar_fail(1 + (int)stress_below(&actor.random, 9), "no");
	}
	memcpy(value, &token, sizeof token);
	atomic_store(&node->done, true);
	return 0;
}

static inline void
make_task(struct actor *actor)
{
	struct stress_random *random = &actor->random;
	struct node *node = new_node(random, TASK, 0);
	struct tpar_task task = TPAR_TASK_INIT;
	tpar_future *f;
	enum tpar_err err;

	if (node == NULL) {
		return;
	}
	task.fn = run_task;
	task.arg = node;
	task.drop_arg = drop_arg;
	task.value_size = sizeof(struct token);
	task.drop_value = node->owns ? drop_token : NULL;
	task.flags = (stress_chance(random, 15) ? TPAR_NO_INLINE : 0) |
		     (stress_chance(random, 15) ? TPAR_SHIELDED : 0);
	task.context = stress_chance(random, 10) ? &world : NULL;
	task.deadline_ns = stress_chance(random, 10) ? stress_deadline(random)
						     : TPAR_FOREVER;
	atomic_store(&node->accepted, 1);
	err = tpar_submit_task(world.pool[stress_below(random, world.pools)],
			       &task, &f);
	if (err != TPAR_OK) {
		UNIT_MUST(err == TPAR_ECLOSED && atomic_load(&world.refuses));
		atomic_store(&node->accepted, 0);
		return;
	}
	publish(node, f);
}

static inline void
make_promise(struct actor *actor)
{
	struct node *node = new_node(&actor->random, PROMISE, 0);
	tpar_promise *p;
	tpar_future *f;

	if (node == NULL) {
		return;
	}
	UNIT_MUST(tpar_promise_create(sizeof(struct token),
				      node->owns ? drop_token : NULL, &p,
				      &f) == TPAR_OK);
	publish(node, f);
	atomic_store(&node->p, p);
}

static inline void
make_gather(struct actor *actor)
{
	struct stress_random *random = &actor->random;
	unsigned level = stress_below(random, LEVELS - 1);
	unsigned limit = atomic_load(&world.visible);
	struct node *node;
	struct held held;
	tpar_future *all;

	/* By a task only over what is older than it: see above. */
	limit = actor->in_task && actor->limit < limit ? actor->limit : limit;
	get_some(&held, random, limit, level, ARITY);
	if (held.n == ARITY &&
	    (node = new_node(random, GATHER, level + 1)) != NULL) {
		UNIT_MUST(tpar_gather_async(held.f, ARITY, &all) == TPAR_OK);
		if (stress_chance(random, 5)) {
			tpar_future_unref(all);
		} else {
			publish(node, all);
		}
	}
	put_back(&held);
}

/* ---- Ending them --------------------------------------------------------- */

static inline void
complete(struct stress_random *random, struct node *node)
{
	tpar_promise *p = atomic_load(&node->p);
	struct token token = token_of(node);
	enum tpar_err err;

	if (p == NULL) {
		return;
	}
	if (stress_chance(random, 80)) {
		err = tpar_promise_set(p, &token);
		if (err == TPAR_OK) {
			atomic_store(&node->done, true);
		}
	} else if (stress_chance(random, 50)) {
		err = tpar_promise_fail(p, 5, "five");
	} else {
		err = tpar_promise_set_cancelled(p);
	}
	UNIT_MUST(err == TPAR_OK || err == TPAR_EALREADY);
}

static inline void
complete_one(struct actor *actor)
{
	unsigned visible = atomic_load(&world.visible);

	if (visible > 0) {
		complete(&actor->random,
			 &world.node[stress_below(&actor->random, visible)]);
	}
}

#endif
