/* SPDX-License-Identifier: MIT */
/*
 * program.c - from bytes to a program, and from a program to text.
 *
 * Every input is a program: where bytes are missing they are 0.  First the pools
 * and how it ends, then the roots, each node followed by its children.
 */
#include "program.h"

#include <string.h>

struct program program;

static const struct {
	const char *name;
	unsigned least;
	unsigned most;
} kinds[NODE_COUNT] = {
#define NODE_KIND(name, least, most) { #name, least, most },
	NODE_KINDS(NODE_KIND)
#undef NODE_KIND
};

const char *
program_name(enum kind kind)
{
	return kinds[kind].name;
}

static struct node *
new_node(void)
{
	return program.used < NODES ? &program.node[program.used++] : NULL;
}

/* Nothing else would end it. */
static bool
needs_cancel(enum kind kind)
{
	return kind == NODE_FOREVER || kind == NODE_NEVER;
}

/*
 * A stop does not reach what is waited for in it: these cancel nobody, and see
 * that they should stop once what they run in place has returned.
 */
static bool
shelters(const struct node *node)
{
	return node->kind == NODE_SHIELD || node->kind == NODE_SUBMIT ||
	       (node->kind == NODE_ALL && (node->param & 1) == 0);
}

static unsigned
kids_of(struct fuzz_bytes *bytes, enum kind kind)
{
	unsigned range = kinds[kind].most - kinds[kind].least + 1;

	return range > 1 ? kinds[kind].least + fuzz_byte(bytes) % range
			 : kinds[kind].least;
}

/*
 * A promise has the account of its node, so does a task: one that is waited for
 * in the task of another node has a node of its own.
 */
static void
wrap(struct node *set, struct node **kid)
{
	bool is_own = (*kid)->kind == NODE_PROMISE ||
		      (*kid)->kind == NODE_NEVER || (*kid)->kind == NODE_LATE;
	struct node *wrapper;

	if (!is_own || (set->kind != NODE_GROUP && set->kind != NODE_SPAWN &&
			set->kind != NODE_WINDOW && set->kind != NODE_MAP)) {
		return;
	}
	wrapper = new_node();
	if (wrapper == NULL) {
		(*kid)->kind = NODE_CONST;
		return;
	}
	*wrapper = **kid;
	wrapper->kind = NODE_SEQ;
	wrapper->n = 1;
	wrapper->kid[0] = *kid;
	*kid = wrapper;
}

/* NULL: there is no room for it. */
static struct node *
decode_node(struct fuzz_bytes *bytes, unsigned depth, bool sheltered)
{
	struct node *node = new_node();
	unsigned kids;
	unsigned i;

	if (node == NULL) {
		return NULL;
	}
	node->kind = (enum kind)(fuzz_byte(bytes) % NODE_COUNT);
	node->opts = fuzz_byte(bytes);
	node->param = fuzz_byte(bytes);
	node->more = fuzz_byte(bytes);
	sheltered |= (node->opts & OPT_SHIELDED) != 0;
	node->sheltered = sheltered;
	if (depth >= DEPTH && kinds[node->kind].most > 0) {
		node->kind = NODE_CONST;
	}
	if (sheltered && needs_cancel(node->kind)) {
		node->kind = NODE_CONST;
	}
	kids = kids_of(bytes, node->kind);
	sheltered |= shelters(node);
	for (i = 0; i < kids; i++) {
		struct node *kid = decode_node(bytes, depth + 1, sheltered);

		if (kid != NULL) {
			wrap(node, &kid);
			node->kid[node->n++] = kid;
		}
	}
	if (node->n < kinds[node->kind].least) {
		node->kind = NODE_CONST;
	}
	return node;
}

void
program_decode(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = { data, data + size };
	unsigned how = fuzz_byte(&bytes);
	unsigned roots;
	unsigned i;

	memset(&program, 0, sizeof program);
	program.pools = 1 + (how & 1);
	program.own_threads_only = (how & 2) != 0;
	program.workers[0] = 1 + (how >> 2 & 3) % 3;
	program.workers[1] = 1 + (how >> 4 & 3) % 2;
	program.ending = (enum ending)(how >> 6 & 3);
	how = fuzz_byte(&bytes);
	program.inline_root = (how & 1) != 0;
	roots = 1 + (how >> 1) % ROOTS;
	for (i = 0; i < roots; i++) {
		struct node *root = decode_node(&bytes, 0, false);

		if (root != NULL) {
			program.root[program.roots++] = root;
		}
	}
}

static void
describe_node(FILE *to, const struct node *node, unsigned depth)
{
	unsigned i;

	fprintf(to, "%*s%s param %02x opts %02x more %02x%s: may %u/%u",
		(int)(2 * depth), "", program_name(node->kind), node->param,
		node->opts, node->more, node->ends ? "" : " (endless)",
		node->expect[QUIET].may, node->expect[DISTURBED].may);
	if (node->accepted) {
		fprintf(to,
			"; calm %u state %d: ran %d done %d arg dropped %d "
			"value dropped %d taken %d",
			node->calm,
			node->future != NULL
				? (int)tpar_future_state(node->future)
				: -1,
			node->runs, node->done, node->args_dropped,
			node->values_dropped, node->taken);
	}
	fputc('\n', to);
	for (i = 0; i < node->n; i++) {
		describe_node(to, node->kid[i], depth + 1);
	}
}

void
fuzz_describe(FILE *to)
{
	static const char *const endings[] = { "destroy", "drain", "cancel",
					       "cancel late" };
	unsigned i;

	fprintf(to, "%u pools of %u, %u workers; %s%s%s\n", program.pools,
		program.workers[0], program.workers[1], endings[program.ending],
		program.own_threads_only ? "; own threads only" : "",
		program.inline_root ? "; the first root inline" : "");
	for (i = 0; i < program.roots; i++) {
		describe_node(to, program.root[i], 1);
	}
}
