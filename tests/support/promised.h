/* SPDX-License-Identifier: MIT */
/*
 * promised.h - futures that the test completes: numbers, with counted drops.
 */
#ifndef PROMISED_H
#define PROMISED_H

#include "scene.h"

#include <string.h>

struct promised {
	tpar_promise *p;
	tpar_future *f;
};

static inline struct promised
promised_make(size_t value_size, tpar_drop_fn drop_value)
{
	struct promised made = { NULL, NULL };

	UNIT_MUST(tpar_promise_create(value_size, drop_value, &made.p,
				      &made.f) == TPAR_OK);
	return made;
}

/* A number of its own. */
static inline struct promised
promised_number(void)
{
	return promised_make(sizeof(intptr_t), NULL);
}

/* A number whose drops are counted. */
static inline struct promised
promised_owner(void)
{
	return promised_make(sizeof(intptr_t), scene_drop_value);
}

static inline void
promised_set(struct promised made, intptr_t number)
{
	UNIT_MUST(tpar_promise_set(made.p, &number) == TPAR_OK);
}

static inline intptr_t
promised_value(const tpar_future *f)
{
	const void *value = tpar_future_value(f);
	intptr_t number;

	UNIT_MUST(value != NULL);
	memcpy(&number, value, sizeof number);
	return number;
}

static inline void
promised_free(struct promised made)
{
	tpar_promise_destroy(made.p);
	tpar_future_unref(made.f);
}

/* n numbers; their futures side by side, as sets want them. */
static inline void
promised_many(struct promised *made, tpar_future **f, size_t n,
	      tpar_drop_fn drop_value)
{
	size_t i;

	for (i = 0; i < n; i++) {
		made[i] = promised_make(sizeof(intptr_t), drop_value);
		f[i] = made[i].f;
	}
}

static inline void
promised_free_many(struct promised *made, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		promised_free(made[i]);
	}
}

/* A future that is done already. */
static inline tpar_future *
promised_ended(intptr_t number)
{
	struct promised made = promised_number();

	promised_set(made, number);
	tpar_promise_destroy(made.p);
	return made.f;
}

/* One that has failed already. */
static inline tpar_future *
promised_failed(int code, const char *message)
{
	struct promised made = promised_number();

	UNIT_MUST(tpar_promise_fail(made.p, code, "%s", message) == TPAR_OK);
	tpar_promise_destroy(made.p);
	return made.f;
}

#endif
