/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions of the agent: one process, or one file copy, each.
 *
 * The table is fixed; a session is in use while its id is not 0.  Output goes
 * through the port's queue (port.h), which session_run() never overfills.
 */
#ifndef TESSERA_AGENT_SESSION_H
#define TESSERA_AGENT_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "codec.h"

#define SESSIONS_MAX	64
#define SESSION_POLLFDS	3

struct session {
	uint32_t id;
	pid_t pid;		/* of RUN: leader of its process group, else 0 */
	bool copy;		/* PUT or GET */
	bool reaped, timed_out, pty;
	int wait_status;
	int64_t deadline_ms;	/* monotonic; 0: none */
	int64_t drained_ms;	/* when a terminal counts as dry after its process ended */
	int in_fd, out_fd, err_fd;	/* -1: closed; of a pty both are its master */
	uint32_t credit;	/* bytes the host will still take */
	bool in_eof;		/* close in_fd once `in` is written */
	uint32_t in_used;
	uint8_t *in;		/* AGENT_WINDOW bytes */
};

/* A frame with a session number, from the host. */
void session_frame(const struct agent_frame *f);

/* Gives up every session and kills what runs in it. */
void session_close_all(void);

/* Reaps children; call it after SIGCHLD. */
void session_reap(void);

/* Moves what can be moved without waiting, ends what has ended. */
void session_run(void);

/* Adds descriptors to wait for to fds; returns how many. */
size_t session_pollfds(struct pollfd *fds);

/* Milliseconds until session_run() has something to do; -1: not before an event. */
int session_timeout_ms(void);

#endif
