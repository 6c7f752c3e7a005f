/* SPDX-License-Identifier: MIT */
/*
 * self.h - the thread-local structure for models, as GenMC has only thread-local
 * numbers.  Each thread but main begins with begin_as() a number of its own.
 */
#ifndef MODEL_SELF_H
#define MODEL_SELF_H

#include "config.h"
#include "src/thread.h"

#define SELVES 4

static struct tpi_thread thread_of[SELVES];
static _Thread_local unsigned self_number;

struct tpi_thread *
tpi_model_self(void)
{
	return &thread_of[self_number];
}

static inline void
begin_as(unsigned number)
{
	self_number = number;
}

#endif
