/* SPDX-License-Identifier: MIT */
/*
 * config.h - for whole files of the library in a model: what GenMC's headers
 * lack, and no file of a model uses.
 */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include <pthread.h>

/* A loop that waits is not unrolled: an execution in which it has to ends. */
#define __builtin_ia32_pause() __VERIFIER_assume(0)

/* GenMC knows no arithmetic that says whether it has wrapped around. */
#define __builtin_mul_overflow(a, b, to) (*(to) = (a) * (b), 0)
#define __builtin_add_overflow(a, b, to) (*(to) = (a) + (b), 0)
#define __builtin_sub_overflow(a, b, to) (*(to) = (a) - (b), 0)

typedef int pthread_cond_t;

#define pthread_cleanup_push(fn, arg) ((void)(fn), (void)(arg))
#define pthread_cleanup_pop(execute) ((void)(execute))
#define pthread_setcancelstate(state, was) ((void)(was), 0)
#define PTHREAD_CANCEL_DISABLE 1

#endif
