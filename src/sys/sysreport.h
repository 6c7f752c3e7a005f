/* SPDX-License-Identifier: MIT */
/*
 * sysreport.h - how a run has ended: saying so, with what each thread waits for.
 */
#ifndef TPI_SYSREPORT_H
#define TPI_SYSREPORT_H

#include "sysworld.h"

/* Ends the run, and so its process. */
_Noreturn void tpi_sysreport_end(struct tpi_sysworld *world,
				 enum tpar_sys_verdict verdict, const char *fmt,
				 ...) TPAR_PRINTF(3, 4);

/* What is in the world's answer, in which threads may be stopped. */
void tpi_sysreport_write(const struct tpi_sysworld *world);

/* The calling thread was woken to say where it is; it is not its turn. */
void tpi_sysreport_answer(struct tpi_systhread *self);

/* With TASKPAR_SYS_TRACE. */
void tpi_sysreport_switch(const struct tpi_sysworld *world,
			  const struct tpi_systhread *from,
			  const struct tpi_systhread *to);

#endif
