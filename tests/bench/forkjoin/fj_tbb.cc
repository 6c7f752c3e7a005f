/* SPDX-License-Identifier: MIT */
/* fj_tbb.cc - the programs are C, too; oneTBB is C++. */
#include "fj.c"
