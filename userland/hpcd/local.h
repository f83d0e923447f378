/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What there is to know of this machine and its processes.
 */
#ifndef TESSERA_HPCD_LOCAL_H
#define TESSERA_HPCD_LOCAL_H

#include <sys/types.h>

#include "proto.h"

#define HPCD_RUN_DIR	"/run/tessera"

/* What is left alone of a node's memory, so that the node itself lives. */
#define HPCD_MEMORY_RESERVE	(32ULL << 20)

/*
 * Our HELLO at this moment.  @engine: /dev/hpc.  -ENOTCONN: this machine is in no
 * cluster.
 */
int hpcd_hello_make(int engine, struct hpcd_hello *ret_hello);

/*
 * Our REQUEST for process @pid.  -ESRCH: no such process; -EXDEV: it lives in
 * name spaces of its own, where it has another PID, host name or clock.
 */
int hpcd_request_make(pid_t pid, struct hpcd_request *ret_request);

/* The kernel's build id out of the ELF notes of /sys/kernel/notes.  -ENOENT: none. */
int hpcd_build_id_find(const uint8_t *notes, size_t len, uint8_t ret_id[HPCD_BUILD_ID_SIZE]);

/* "6d0b..." with or without dashes.  -EINVAL: anything else. */
int hpcd_boot_id_parse(const char *text, uint8_t ret_id[HPCD_BOOT_ID_SIZE]);

/* A whole small file as text.  -E2BIG: it does not fit. */
int hpcd_file_read(const char *path, char *ret_text, size_t size);
/* One write(2) of @text. */
int hpcd_file_write(const char *path, const char *text);

#endif
