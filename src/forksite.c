/* SPDX-License-Identifier: MIT */
/*
 * forksite.c - for programs compiled with TPAR_DEBUG: which task each slot was
 * forked for and where, so that what does not nest is named before it does harm.
 */
#include "config.h"

#include "die.h"
#include "slots.h"

#include <taskpar/forkjoin.h>

#include <stdlib.h>
#include <string.h>

struct tpi_fork_site {
	const char *name;
	const char *site;
};

/* Without memory for them nothing is checked. */
static struct tpi_fork_site *
site_of(struct tpi_slots *s, struct tpar_slot *slot)
{
	size_t n = (size_t)(s->end - s->base) + 1;

	if (s->sites == NULL) {
		s->sites = calloc(n, sizeof s->sites[0]);
	}
	return s->sites != NULL && slot >= s->base ? &s->sites[slot - s->base]
						   : NULL;
}

/* At the last slot forks are called at once: only their number is known. */
static bool
is_spilled(struct tpi_slots *s, struct tpar_slot *head)
{
	return head == s->end && s->spilled_count > 0;
}

struct tpar_slot *
tpar_debug_enter_1(struct tpar_slot *head)
{
	struct tpi_slots *s = tpi_slots_of(head);
	struct tpar_slot *outer = s->debug_base;

	s->debug_base = head;
	return outer;
}

void
tpar_debug_leave_1(struct tpar_slot *head, struct tpar_slot *outer,
		   const char *name)
{
	struct tpi_slots *s = tpi_slots_of(head);
	struct tpi_fork_site *at;

	s->debug_base = outer;
	if (!tpi_slots_is_forked(head)) {
		return;
	}
	at = site_of(s, head);
	tpi_die_misuse("%s() has returned with a fork that it had not joined: "
		       "%s, %s",
		       name, at != NULL && at->name != NULL ? at->name : "?",
		       at != NULL && at->site != NULL ? at->site : "?");
}

void
tpar_debug_fork_1(struct tpar_slot *head, const char *name, const char *site)
{
	struct tpi_fork_site *at = site_of(tpi_slots_of(head), head);

	if (at != NULL) {
		at->name = name;
		at->site = site;
	}
}

void
tpar_debug_join_1(struct tpar_slot *head, const char *name, const char *site)
{
	struct tpi_slots *s = tpi_slots_of(head);
	struct tpi_fork_site *at;

	if (is_spilled(s, head)) {
		return;
	}
	if (head <= s->debug_base) {
		tpi_die_misuse("%s: a join of %s, but this task has no fork "
			       "that is not joined",
			       site, name);
	}
	at = site_of(s, head - 1);
	if (at != NULL && at->name != NULL && strcmp(at->name, name) != 0) {
		tpi_die_misuse("%s: a join of %s, but the youngest fork is %s, "
			       "%s",
			       site, name, at->name, at->site);
	}
}
