/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups (v2) of guests: tessera/ for all, below it one for each guest
 * container.
 */
#ifndef TESSERA_HPCD_CGROUP_H
#define TESSERA_HPCD_CGROUP_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes tessera/ with the controllers and limits of all guests together.  @total:
 * bytes of memory of this machine.  On failure ret_what is what could not be done.
 */
int hpcd_cgroup_prepare(uint64_t total, char *ret_what, size_t size);

/* Makes tessera/@name if need be; returns a descriptor of it. */
int hpcd_cgroup_open(const char *name, char *ret_what, size_t size);

/* From @available more bytes on the guests of tessera/@name are slowed down. */
int hpcd_cgroup_limit(const char *name, uint64_t available);

/* -EBUSY: there are processes in it still. */
int hpcd_cgroup_remove(const char *name);

#endif
