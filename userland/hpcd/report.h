/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who asked for a move learns what became of it: hpcd's socket for tools.
 *
 * A tool connects to the unix socket (SOCK_SEQPACKET), sends the PID, an int32_t,
 * waits for WATCHING, and only then asks for the move; from there on it gets a
 * report for whatever happens to that process, until it closes.
 */
#ifndef TESSERA_HPCD_REPORT_H
#define TESSERA_HPCD_REPORT_H

#include <stdint.h>

#define HPCD_REPORT_SOCKET "/run/tessera/hpcd.sock"

enum hpcd_report_kind {
	HPCD_REPORT_WATCHING = 1,
	HPCD_REPORT_AWAY,	/* computes on @node now */
	HPCD_REPORT_HOME,	/* came home */
	HPCD_REPORT_STAYED,	/* the move to @node failed; @text says why */
	HPCD_REPORT_ENDED,	/* ended on @node */
	HPCD_REPORT_LOST,	/* @node was lost, and the process with it */
};

struct hpcd_report {
	uint32_t kind;
	int32_t pid;
	uint32_t node;
	char text[500];
};

#endif
