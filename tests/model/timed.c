/* SPDX-License-Identifier: MIT */
/*
 * timed.c - a wait that is given up while its member ends: the frame is taken off
 * the list of waiters by src/frame.c, or the one who ends the member counts it,
 * and nobody touches it once its owner has gone on.  Another wait stands in the
 * same list, before it or behind, and is told.  BOTH: that one is given up, too.
 * COMES: another one is registered meanwhile.
 *
 * GENMC: --disable-spin-assume --unroll=5
 * BLOCKED: where an owner would still wait
 * CFLAGS: -DOLDER
 * CFLAGS: -DBOTH
 * CFLAGS: -DCOMES
 * CFLAGS: -DYOUNGER
 * MUTANT: state.h /ORDER F4 acq_rel <- tpi_state_push_waiter/,/;/s/_acq_rel/_relaxed/
 * MUTANT: future.c s/tpi_frame_await_removal(f);//
 * MUTANT: state.h s/w | TPI_REMOVAL, memory_order_acq_rel/w, memory_order_acq_rel/
 * MUTANT: -UYOUNGER -DCOMES frame.c s/return false;/return true;/
 * MUTANT: frame.c s/(.removed)++/(void)0/
 * MUTANT: -UYOUNGER -DBOTH -DNO_LOCK
 * MUTANT: -DGO_ON
 */
#include "src/frame.c"
#include "src/future.c"

#include <assert.h>
#include <pthread.h>

static struct tpar_future f;
static tpar_future *const set[1] = { &f };
static struct tpi_frame *patient;
static struct tpi_frame *hasty;
_Thread_local struct tpi_thread tpi_thread_self;
