/* SPDX-License-Identifier: GPL-2.0-only */
/* Starting the process of a session, on pipes or on a terminal of its own. */
#ifndef TESSERA_AGENT_SPAWN_H
#define TESSERA_AGENT_SPAWN_H

#include <sys/types.h>

#include "codec.h"

struct spawned {
	pid_t pid;
	int in_fd, out_fd, err_fd;	/* non-blocking; err_fd is -1 with a pty */
};

/* 0, or -errno with the step that failed in *ret_step; then nothing was started. */
int spawn(const struct agent_run *run, struct spawned *ret, const char **ret_step);

#endif
