/* SPDX-License-Identifier: MIT */
/*
 * settings.h - from the config that a caller gives to the one a pool works by.
 */
#ifndef TPI_SETTINGS_H
#define TPI_SETTINGS_H

#include <taskpar/pool.h>

/*
 * from: may be NULL.  to: TPAR_POOL_CONFIG_INIT; on success every number in it
 * is what the pool is to use.  TPAR_EINVAL with a detail.
 */
enum tpar_err tpi_settings_complete(const struct tpar_pool_config *from,
				    struct tpar_pool_config *to);

#endif
