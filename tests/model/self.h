/* SPDX-License-Identifier: MIT */
/*
 * self.h - the thread-local structure for models, as GenMC has only thread-local
 * numbers.  To be included before the library's files; each thread but main
 * begins with begin_as() a number of its own.
 */
#ifndef MODEL_SELF_H
#define MODEL_SELF_H

#include "config.h"
#include "src/thread.h"

#define SELVES 4

static struct tpi_thread thread_of[SELVES];
static _Thread_local unsigned self_number;
#define tpi_thread_self (thread_of[self_number])

static inline void
begin_as(unsigned number)
{
	self_number = number;
}

#endif
