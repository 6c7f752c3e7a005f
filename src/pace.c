/* SPDX-License-Identifier: MIT */
/*
 * pace.c - from how long some items took to how many are done next.
 */
#include "config.h"

#include "clock.h"
#include "pace.h"

#include <stdint.h>

/* The first items may be cheaper than the others. */
#define GROW_MAX 8

/* So many items take about `ns`, if `items` took `spent`. */
static size_t
items_in(size_t items, int64_t spent, int64_t ns)
{
	uint64_t took = spent > 0 ? (uint64_t)spent : 1;
	uint64_t wanted = (uint64_t)ns;

	if (took < wanted / GROW_MAX) {
		took = wanted / GROW_MAX;
	}
	if (items <= UINT64_MAX / wanted) {
		wanted = items * wanted / took;
	} else {
		wanted = items / took > UINT64_MAX / wanted
				 ? UINT64_MAX
				 : items / took * wanted;
	}
	return wanted > SIZE_MAX ? SIZE_MAX : (size_t)wanted;
}

int64_t
tpi_pace_adapt(struct tpi_pace *pace, size_t rest)
{
	int64_t now = tpi_clock_now();
	int64_t spent = now - pace->stamp;
	size_t was = tpi_pace_chunk(pace);
	size_t done =
		pace->steady ? pace->items / TPI_PACE_STEADY : pace->items;
	int64_t per_call = pace->steady ? spent / TPI_PACE_STEADY : spent;
	size_t chunk;

	done = done > 0 ? done : 1;
	chunk = items_in(done, per_call, TPI_PACE_CALL_NS);
	pace->sure = pace->sure || spent >= TPI_PACE_SURE_NS;
	if (pace->sure && chunk > rest / 8) {
		size_t few = items_in(done, per_call, TPI_PACE_SHORT_NS);

		chunk = few > rest / 8 ? few : rest / 8;
	}
	chunk = chunk > pace->least ? chunk : pace->least;
	pace->steady = pace->sure && chunk / 2 <= was && was / 2 <= chunk;
	tpi_store_relaxed(&pace->chunk, chunk);
	pace->items = 0;
	pace->stamp = now;
	return now;
}
