/* SPDX-License-Identifier: MIT */
/*
 * play.h - running a program: play_task.c has tasks and what is owned,
 * play_promise.c promises;
 * play_leaf.c, play_set.c and play_scope.c have the kinds of nodes.
 */
#ifndef PLAY_H
#define PLAY_H

#include "program.h"

#include <sched.h>
#include <string.h>

/* What a node runs under. */
struct how {
	enum calm calm;
	bool in_task;
};

extern tpar_pool *play_pool[POOLS];

/* Runs a node here.  0 and its number, TPAR_ESTOPPED, or a code. */
int play(struct node *node, struct how how, uint64_t *number);

int play_leaf(struct node *node, struct how how, uint64_t *number);
int play_set(struct node *set, struct how how, uint64_t *number);
int play_scope(struct node *set, struct how how, uint64_t *number);
int play_group(struct node *set, struct how how);
/* Children for the group that `set` is, of that or of one of its children. */
void play_spawn(struct node *node, struct node *set, tpar_group *group,
		struct how how);

/* ---- play_task.c ---------------------------------------------------------- */

/* Where what a node submits runs. */
tpar_pool *play_pool_of(const struct node *node, struct how how);
/* What comes from outside of the children of a set. */
enum calm play_calm_of(const struct node *set, const struct node *kid,
		       struct how how);
/* The task that a node is, as a child of a set that has this calm for it. */
void play_describe(struct node *node, struct tpar_task *task, enum calm calm,
		   size_t size);
/* The library has taken it. */
void play_accepted(struct node *node, const struct tpar_task *task);
/* As a future.  false: refused, as it may be. */
bool play_start(struct node *node, struct how how, enum calm calm, size_t size);
bool play_start_promise(struct node *node, struct how how, enum calm calm,
			size_t size);
/* More that can be done with a future, and changes nothing. */
void play_handle(struct node *node);
void play_check_completers(void);
/* All children of a set, that take part; how many.  f[] are those. */
unsigned play_start_all(struct node *set, struct how how, size_t size,
			struct node **kid, tpar_future **f);
/* Two more ways to submit all of them. */
bool play_start_many(struct node *set, struct how how, size_t size);

/* The value of a node that is done. */
uint64_t play_read(const struct node *node, const void *value);
void play_write(struct node *node, void *value, uint64_t number);
void play_drop_value(void *value);
/* It was moved to the caller. */
uint64_t play_moved(struct node *node, const void *value);

/* Are all ended as they must?  Releases the handles. */
void play_end_all(struct node **kid, unsigned n);
/* Cancels and waits for all of them. */
void play_give_up(tpar_future *const *f, unsigned n, struct how how);
/* A call has said that the calling task was asked to stop. */
int play_stopped(struct how how);
/* What a task returns after a set has failed so. */
int play_failure(enum tpar_err err, const struct tpar_failure *why,
		 struct how how);
size_t play_size(const struct node *set);

/* When all is over. */
void play_check_account(void);

#endif
