/* SPDX-License-Identifier: MIT */
/*
 * uts.h - the Unbalanced Tree Search benchmark (Olivier et al., 2006): counts
 * the nodes of trees that nobody can foretell.  A node is a SHA-1 digest, which
 * says how many children it has; a child is the digest of its parent's and its
 * number.  Items are nodes.
 *
 * uts_t1: geometric, fixed shape, 4 children on average down to depth 10.
 * uts_t3: binomial, the root has 2000 children, a node has 8 with probability
 * 0.124875; deep and narrow.
 */
#include "sha1.h"

#define UTS_T1_NODES 4130071
#define UTS_T3_NODES 4112897

struct uts_tree {
	int seed;
	double b0;     /* geometric: children; binomial: of the root */
	int depth;     /* geometric: of the leaves; binomial: 0 */
	double q;      /* binomial: probability of ... */
	int m;	       /* ... that many children */
	double scaled; /* geometric: log(1 - p) */
};

struct uts_node {
	unsigned char digest[SHA1_BYTES];
	int depth;
};

static struct uts_tree uts_tree;
static long uts_result;
static long uts_nodes;

static struct uts_node
uts_root(void)
{
	struct uts_node root = { { 0 }, 0 };

	sha1_put(root.digest + 16, (uint32_t)uts_tree.seed);
	sha1(root.digest, SHA1_BYTES, root.digest);
	return root;
}

static struct uts_node
uts_child(const struct uts_node *parent, int number)
{
	struct uts_node child;
	unsigned char message[SHA1_BYTES + 4];

	memcpy(message, parent->digest, SHA1_BYTES);
	sha1_put(message + SHA1_BYTES, (uint32_t)number);
	sha1(message, sizeof message, child.digest);
	child.depth = parent->depth + 1;
	return child;
}

static int
uts_children(const struct uts_node *node)
{
	double u = (sha1_get(node->digest + 16) & 0x7fffffff) / 2147483648.0;

	if (uts_tree.depth == 0) {
		if (node->depth == 0) {
			return (int)uts_tree.b0;
		}
		return u < uts_tree.q ? uts_tree.m : 0;
	}
	if (node->depth >= uts_tree.depth) {
		return 0;
	}
	return (int)floor(log(1.0 - u) / uts_tree.scaled);
}

/* Counts the subtree; the forks' results are added as they are joined. */
FJ_TASK_2(long, uts, const struct uts_node *, parent, int, number)
{
	struct uts_node self = uts_child(parent, number);
	struct uts_node *me = &self;
	int children = uts_children(me);
	long part[100];
	long sum = 1;
	int i;

	FJ_GROUP;
	for (i = 0; i < children; i++) {
		FJ_FORK(&part[i], uts, me, i);
	}
	FJ_WAIT;
	while (i-- > 0) {
		FJ_JOIN(&part[i], uts);
		sum += part[i];
	}
	return sum;
}

#define UTS_ROOT_CHILDREN 2000

FJ_TASK_2(long, uts_from, const struct uts_node *, root, int, children)
{
	static long part[UTS_ROOT_CHILDREN];
	long sum = 1;
	int i;

	FJ_GROUP;
	for (i = 0; i < children; i++) {
		FJ_FORK(&part[i], uts, root, i);
	}
	FJ_WAIT;
	while (i-- > 0) {
		FJ_JOIN(&part[i], uts);
		sum += part[i];
	}
	return sum;
}

/* The same by plain recursion. */
static long
uts_count(const struct uts_node *node)
{
	int children = uts_children(node);
	long sum = 1;
	int i;

	for (i = 0; i < children; i++) {
		struct uts_node child = uts_child(node, i);

		sum += uts_count(&child);
	}
	return sum;
}

static double
uts_run(long n)
{
	struct uts_node root = uts_root();

	(void)n;
	FJ_RUN(&uts_result, uts_from, &root, uts_children(&root));
	return (double)uts_nodes;
}

/* `known`: of the tree of full size, or 0. */
static void
uts_prepare(long known)
{
	struct uts_node root = uts_root();

	uts_nodes = known != 0 ? known : uts_count(&root);
}

static int
uts_right(long n)
{
	(void)n;
	return uts_result == uts_nodes;
}

static void
uts_t1_prepare(long n)
{
	uts_tree.seed = 19;
	uts_tree.b0 = 4;
	uts_tree.depth = (int)n;
	uts_tree.scaled = log(1.0 - 1.0 / (1.0 + uts_tree.b0));
	uts_prepare(n == 10 ? UTS_T1_NODES : 0);
}

static void
uts_t3_prepare(long n)
{
	uts_tree.seed = 42;
	uts_tree.b0 = (double)n;
	uts_tree.depth = 0;
	uts_tree.q = 0.124875;
	uts_tree.m = 8;
	uts_prepare(n == UTS_ROOT_CHILDREN ? UTS_T3_NODES : 0);
}

static const struct fj_program uts_t1_program = {
	"uts_t1", 10, 5, uts_t1_prepare, uts_run, uts_right,
};
static const struct fj_program uts_t3_program = {
	"uts_t3", UTS_ROOT_CHILDREN, 20, uts_t3_prepare, uts_run, uts_right,
};
