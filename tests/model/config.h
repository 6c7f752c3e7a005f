/* SPDX-License-Identifier: MIT */
/*
 * config.h - for whole files of the library in a model: what GenMC's headers
 * lack, and no file of a model uses.
 */
#include <pthread.h>

typedef int pthread_cond_t;
