/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking things away from a process: files, capabilities, identity.
 */
#ifndef TESSERA_HPCD_SANDBOX_H
#define TESSERA_HPCD_SANDBOX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Closes all descriptors but the @n of @keep, which is sorted on the way. */
void hpcd_keep_only(int *keep, size_t n);

/* An empty root, read-only, in the mount name space of the caller. */
int hpcd_sandbox_root(void);

/* Nothing the caller becomes or starts will have more capabilities than @mask. */
int hpcd_sandbox_bounds(uint64_t mask);
/* Keeps the capabilities of @mask only. */
int hpcd_sandbox_capabilities(uint64_t mask);

/* Becomes @id, which has no capabilities, and can gain nothing by exec either. */
int hpcd_sandbox_identity(uid_t id);

#endif
