/* SPDX-License-Identifier: MIT */
/*
 * oracle.c - what must come of each node, found without running anything: its
 * value, how it may end, and whether it ends at all.  By the rules of the public
 * headers, one function for each kind of set.
 *
 * Each node is judged twice: if nothing comes from outside, and if it may be
 * cancelled at any time.  What a set does to its own members is found on the
 * way: those of a set that may be swept are judged as disturbed.
 */
#include "program.h"

static const struct expect is_done = { MAY_DONE, 0 };

uint64_t
oracle_mix(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u + b;

	return x ^ (x >> 29);
}

static struct expect
fails_with(unsigned codes)
{
	struct expect expect = { MAY_FAIL, codes };

	return expect;
}

static unsigned
own_code(const struct node *node)
{
	return 1u << (1 + node->param % CODE_MOST);
}

/* ---- Sets ----------------------------------------------------------------- */

static bool
has(const struct node *set, enum calm calm, unsigned may)
{
	unsigned i;

	for (i = 0; i < set->n; i++) {
		if ((set->kid[i]->expect[calm].may & may) != 0) {
			return true;
		}
	}
	return false;
}

/* One that can only end so. */
static bool
has_only(const struct node *set, enum calm calm, unsigned may)
{
	unsigned i;

	for (i = 0; i < set->n; i++) {
		if ((set->kid[i]->expect[calm].may & ~may) == 0) {
			return true;
		}
	}
	return false;
}

/* One that ends, and so. */
static bool
one_ends(const struct node *set, unsigned may)
{
	unsigned i;

	for (i = 0; i < set->n; i++) {
		const struct node *kid = set->kid[i];

		if (kid->ends && (kid->expect[QUIET].may & ~may) == 0) {
			return true;
		}
	}
	return false;
}

static bool
all_end(const struct node *set)
{
	unsigned i;

	for (i = 0; i < set->n; i++) {
		if (!set->kid[i]->ends) {
			return false;
		}
	}
	return true;
}

/* All must be done; else with the code of one that is not. */
static struct expect
judge_all(const struct node *set, enum calm calm, unsigned cancelled_code)
{
	struct expect expect = { 0, 0 };
	unsigned i;

	if (!has_only(set, calm, MAY_FAIL | MAY_CANCEL)) {
		expect.may |= MAY_DONE;
	}
	for (i = 0; i < set->n; i++) {
		const struct expect *kid = &set->kid[i]->expect[calm];

		if (kid->may & MAY_FAIL) {
			expect.may |= MAY_FAIL;
			expect.codes |= kid->codes;
		}
		if (kid->may & MAY_CANCEL) {
			expect.may |= cancelled_code ? MAY_FAIL : MAY_CANCEL;
			expect.codes |= cancelled_code;
		}
	}
	return expect;
}

static struct expect
judge_gather(const struct node *set, enum calm calm)
{
	struct expect expect = judge_all(set, calm, CODE_CANCELED);

	if (set->kind == NODE_GATHER && set->param % 4 == 3) {
		expect.may |= MAY_FAIL;
		expect.codes |= CODE_TIMEDOUT;
	}
	return expect;
}

/* The first that is done wins; if there is none, the first failure tells. */
static struct expect
judge_race(const struct node *set, enum calm calm)
{
	struct expect expect = judge_all(set, calm, CODE_CANCELED);

	if (!has(set, calm, MAY_DONE)) {
		expect.may &= ~(unsigned)MAY_DONE;
	} else {
		expect.may |= MAY_DONE;
	}
	if (has_only(set, calm, MAY_DONE)) {
		return is_done;
	}
	return expect;
}

/* Children that are spawned later count as their spawners do. */
static void
judge_children(const struct node *set, enum calm calm, struct expect *expect)
{
	unsigned i;

	for (i = 0; i < set->n; i++) {
		const struct node *kid = set->kid[i];

		if (kid->expect[calm].may & MAY_FAIL) {
			expect->may |= MAY_FAIL;
			expect->codes |= kid->expect[calm].codes;
		}
		if (kid->kind == NODE_SPAWN) {
			judge_children(kid, calm, expect);
		}
	}
}

static bool
children_end(const struct node *set)
{
	unsigned i;

	for (i = 0; i < set->n; i++) {
		const struct node *kid = set->kid[i];

		if (!kid->ends ||
		    (kid->kind == NODE_SPAWN && !children_end(kid))) {
			return false;
		}
	}
	return true;
}

static struct expect
judge_group(const struct node *set, enum calm calm)
{
	struct expect expect = { 0, 0 };

	judge_children(set, calm, &expect);
	if (calm != QUIET || !has_only(set, calm, MAY_FAIL) ||
	    (set->param % 8 != 0 && set->param % 8 != 6)) {
		expect.may |= MAY_DONE;
	}
	switch (set->param % 8) {
	case 1:
	case 2: /* cancelled */
		expect.may |= MAY_FAIL;
		expect.codes |= CODE_CANCELED;
		break;
	case 3: /* failed */
		expect.may = MAY_FAIL;
		expect.codes |= own_code(set);
		break;
	case 4:
	case 5: /* a deadline */
		expect.may |= MAY_FAIL;
		expect.codes |= CODE_TIMEDOUT;
		break;
	case 7: /* destroyed without a look */
		return is_done;
	default:
		break;
	}
	/* A group that is stopped before it has taken any child is done. */
	if (!children_end(set) && calm == QUIET &&
	    (set->param % 8 <= 1 || set->param % 8 == 6)) {
		expect.may &= ~(unsigned)MAY_DONE;
	}
	return expect;
}

static struct expect
judge_sequence(const struct node *set, enum calm calm)
{
	struct expect expect = { 0, 0 };
	unsigned i;

	for (i = 0; i < set->n; i++) {
		const struct expect *kid = &set->kid[i]->expect[calm];

		expect.codes |= kid->codes;
		expect.may |= kid->may & (MAY_FAIL | MAY_CANCEL);
		if ((kid->may & MAY_DONE) == 0) {
			return expect;
		}
	}
	expect.may |= MAY_DONE;
	return expect;
}

/* ---- Each kind ------------------------------------------------------------ */

static struct expect
judge_promise(const struct node *node)
{
	switch (node->param % 4) {
	case 0:
		return is_done;
	case 1:
		return fails_with(own_code(node));
	case 2:
		return (struct expect) { MAY_CANCEL, 0 };
	default:
		return fails_with(CODE_FAILED);
	}
}

static struct expect
judge_leaf(const struct node *node)
{
	switch (node->kind) {
	case NODE_FAIL:
		return fails_with(own_code(node));
	case NODE_STOP:
	case NODE_FOREVER:
	case NODE_LATE:
		return (struct expect) { MAY_CANCEL, 0 };
	case NODE_NEVER: /* its handler completes it, somehow */
		return node->more & MORE_VARIANT
			       ? judge_promise(node)
			       : (struct expect) { MAY_CANCEL, 0 };
	case NODE_PROMISE:
		return judge_promise(node);
	case NODE_LOOP:
		return node->more & MORE_VARIANT ? fails_with(own_code(node))
						 : is_done;
	default:
		return is_done;
	}
}

static struct expect
judge_kind(const struct node *node, enum calm calm)
{
	switch (node->kind) {
	case NODE_SUBMIT:
	case NODE_GATHER:
	case NODE_ASYNC:
	case NODE_MAP:
		return judge_gather(node, calm);
	case NODE_WINDOW: /* closed early it tells nothing */
		return node->param & 1 ? is_done : judge_gather(node, calm);
	case NODE_RACE:
		return judge_race(node, calm);
	case NODE_GROUP:
		return judge_group(node, calm);
	case NODE_FORK:
		return judge_all(node, calm, 0);
	case NODE_SEQ:
		return judge_sequence(node, calm);
	case NODE_SHIELD:
		return node->kid[0]->expect[QUIET];
	case NODE_HANDLER:
	case NODE_PLACE:
	case NODE_REGION:
		return node->kid[0]->expect[calm];
	default:
		return judge_leaf(node);
	}
}

static bool
ends_alone(const struct node *node)
{
	switch (node->kind) {
	case NODE_FOREVER:
	case NODE_NEVER:
		return false;
	case NODE_GATHER:
		return all_end(node) || node->param % 4 == 3 ||
		       one_ends(node, MAY_FAIL | MAY_CANCEL);
	case NODE_ASYNC:
		return all_end(node) || one_ends(node, MAY_FAIL | MAY_CANCEL);
	case NODE_ALL:
		return all_end(node) || (node->param & 1) != 0;
	case NODE_ANY:
		return one_ends(node, MAY_DONE | MAY_FAIL | MAY_CANCEL);
	case NODE_RACE:
		return all_end(node) || one_ends(node, MAY_DONE);
	case NODE_STREAM:
		return all_end(node) || node->param % (node->n + 1) == 0;
	case NODE_CANCEL:
	case NODE_SPAWN:
		return true;
	case NODE_GROUP:
		return children_end(node) ||
		       (node->param % 8 >= 1 && node->param % 8 <= 5) ||
		       one_ends(node, MAY_FAIL);
	case NODE_WINDOW:
		return all_end(node) || node->param % 4 == 1;
	default:
		return all_end(node);
	}
}

static uint64_t
number_of(const struct node *node)
{
	uint64_t number = oracle_mix((uint64_t)node->kind, node->param);
	unsigned i;

	switch (node->kind) {
	case NODE_SUBMIT:
	case NODE_GATHER:
	case NODE_ASYNC:
	case NODE_MAP:
	case NODE_FORK:
	case NODE_SEQ:
	case NODE_SHIELD:
	case NODE_HANDLER:
	case NODE_PLACE:
	case NODE_REGION:
		for (i = 0; i < node->n; i++) {
			number = oracle_mix(number, node->kid[i]->number);
		}
		return number;
	default:
		return number;
	}
}

static void
judge(struct node *node)
{
	unsigned i;

	for (i = 0; i < node->n; i++) {
		judge(node->kid[i]);
	}
	node->number = number_of(node);
	node->ends = ends_alone(node);
	node->expect[QUIET] = judge_kind(node, QUIET);
	node->expect[DISTURBED] = judge_kind(node, DISTURBED);
	/* Before it begins, or in any wait. */
	node->expect[DISTURBED].may |= MAY_CANCEL;
}

void
oracle_judge(void)
{
	unsigned i;

	for (i = 0; i < program.roots; i++) {
		judge(program.root[i]);
	}
}

/* ---- Asked while it runs -------------------------------------------------- */

bool
oracle_cancels(const struct node *set, enum calm calm)
{
	switch (set->kind) {
	case NODE_ANY:
	case NODE_CANCEL:
		return true;
	case NODE_ALL:
		return calm != QUIET || (set->param & 1) != 0;
	case NODE_STREAM:
		return calm != QUIET || set->param % (set->n + 1) < set->n;
	case NODE_SUBMIT:
		return calm != QUIET;
	default:
		return false;
	}
}

bool
oracle_sweeps(const struct node *set, enum calm calm)
{
	enum calm judged = calm == CLOSING ? DISTURBED : calm;
	struct expect children = { 0, 0 };

	if (oracle_cancels(set, calm)) {
		return true;
	}
	switch (set->kind) {
	case NODE_SETTLED:
	case NODE_SUBMIT:
		return false;
	case NODE_RACE:
		return has(set, judged, MAY_DONE);
	case NODE_GROUP:
		judge_children(set, judged, &children);
		return (set->param % 8 >= 1 && set->param % 8 <= 5) ||
		       children.may != 0;
	case NODE_WINDOW:
		return (set->param & 1) != 0 ||
		       set->expect[judged].may != MAY_DONE;
	default:
		return set->expect[judged].may != MAY_DONE;
	}
}

static unsigned
bit_of(int code)
{
	switch (code) {
	case TPAR_ECANCELED:
		return CODE_CANCELED;
	case TPAR_ETIMEDOUT:
		return CODE_TIMEDOUT;
	case TPAR_EFAILED:
		return CODE_FAILED;
	default:
		return code >= 1 && code <= CODE_MOST ? 1u << code : 0;
	}
}

void
oracle_check_state(const struct node *node, enum calm calm,
		   enum tpar_state state, int code)
{
	const struct expect *expect = &node->expect[calm];

	if (calm == CLOSING) {
		FUZZ_MUST(state >= TPAR_DONE);
		return;
	}
	switch (state) {
	case TPAR_DONE:
		FUZZ_MUST(expect->may & MAY_DONE);
		FUZZ_MUST(code == 0);
		break;
	case TPAR_FAILED:
		FUZZ_MUST(expect->may & MAY_FAIL);
		FUZZ_MUST(bit_of(code) & expect->codes);
		break;
	case TPAR_CANCELLED:
		FUZZ_MUST(expect->may & MAY_CANCEL);
		FUZZ_MUST(code == TPAR_ESTOPPED);
		break;
	default:
		FUZZ_MUST(state >= TPAR_DONE);
	}
}

void
oracle_check_rc(const struct node *node, enum calm calm, int rc)
{
	oracle_check_state(node, calm,
			   rc == 0		 ? TPAR_DONE
			   : rc == TPAR_ESTOPPED ? TPAR_CANCELLED
						 : TPAR_FAILED,
			   rc);
}
