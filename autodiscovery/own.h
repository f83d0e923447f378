/* SPDX-License-Identifier: GPL-2.0-only */
/* What this machine is: identity, processor, kernel, and the cluster it belongs to. */
#ifndef TESSERA_DISC_OWN_H
#define TESSERA_DISC_OWN_H

#include "codec.h"

#define OWN_KEY_FILE	"/etc/tessera/cluster.key"

/* One for each boot of a machine, also if name spaces make one kernel several machines. */
uint64_t own_boot(uint64_t machine);
/* From the lowest Ethernet address; 0: there is no card yet. */
uint64_t own_machine(void);
/* All but @naddrs and @addr; @info->machine is kept. */
void own_info(struct disc_info *info);
/* @info->host alone: a machine may get its name late. */
void own_host(struct disc_info *info);

/* The value of a word 'NAME=...' of the kernel's command line; false: it has none. */
bool own_boot_parameter(const char *name, char *ret_value, size_t size);

/*
 * The secret: @path if it is given, else the boot parameter tessera.key=, else the
 * image's.  @ret_from says which, for messages.  -ENOENT: there is none.
 */
int own_secret(const char *path, char *ret_secret, size_t size, const char **ret_from);

#endif
