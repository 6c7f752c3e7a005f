/* SPDX-License-Identifier: MIT */
/*
 * iotimer.c - a pairing heap.
 *
 * Two heaps are merged by making the later root the first child of the earlier
 * one.  When a root goes its children are merged in pairs, and those from the
 * last to the first: amortized O(log n), an insertion O(1).
 */
#include "config.h"

#include "iotimer.h"

/* `sibling` and `link` of the result are for the caller to set. */
static struct tpi_iotimer *
merge(struct tpi_iotimer *a, struct tpi_iotimer *b)
{
	struct tpi_iotimer *late;

	if (a == NULL || b == NULL) {
		return a != NULL ? a : b;
	}
	late = b;
	if (b->deadline_ns < a->deadline_ns) {
		late = a;
		a = b;
	}
	late->sibling = a->child;
	if (late->sibling != NULL) {
		late->sibling->link = &late->sibling;
	}
	late->link = &a->child;
	a->child = late;
	return a;
}

static struct tpi_iotimer *
merge_siblings(struct tpi_iotimer *first)
{
	struct tpi_iotimer *pairs = NULL;
	struct tpi_iotimer *all = NULL;

	while (first != NULL) {
		struct tpi_iotimer *second = first->sibling;
		struct tpi_iotimer *rest =
			second != NULL ? second->sibling : NULL;

		first = merge(first, second);
		first->sibling = pairs;
		pairs = first;
		first = rest;
	}
	while (pairs != NULL) {
		struct tpi_iotimer *rest = pairs->sibling;

		all = merge(all, pairs);
		pairs = rest;
	}
	return all;
}

static void
set_root(struct tpi_iotimer **heap, struct tpi_iotimer *root)
{
	*heap = root;
	if (root != NULL) {
		root->sibling = NULL;
		root->link = heap;
	}
}

void
tpi_iotimer_add(struct tpi_iotimer **heap, struct tpi_iotimer *t)
{
	t->child = NULL;
	t->sibling = NULL;
	set_root(heap, merge(*heap, t));
}

bool
tpi_iotimer_remove(struct tpi_iotimer **heap, struct tpi_iotimer *t)
{
	struct tpi_iotimer *below;

	if (t->link == NULL) {
		return false;
	}
	*t->link = t->sibling;
	if (t->sibling != NULL) {
		t->sibling->link = t->link;
	}
	t->link = NULL;
	below = merge_siblings(t->child);
	set_root(heap, merge(*heap, below));
	return true;
}

void
tpi_iotimer_fire(struct tpi_iotimer **heap, int64_t now,
		 struct tpi_iodecided *list)
{
	struct tpi_iotimer *t;

	while ((t = *heap) != NULL && t->deadline_ns <= now) {
		(void)tpi_iotimer_remove(heap, t);
		t->due(t, list);
	}
}
