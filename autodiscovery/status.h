/* SPDX-License-Identifier: GPL-2.0-only */
/* What a running omdiscd tells whoever asks: text for people, JSON and lines for programs. */
#ifndef TESSERA_DISC_STATUS_H
#define TESSERA_DISC_STATUS_H

#include "net.h"

#define STATUS_SOCKET	"/run/omdiscd/status"
#define STATUS_CLIENTS	4

struct status_source {
	const struct disc *disc;	/* NULL: there is no network card yet */
	const struct net *net;
	const char *cluster;
	const char *key_from;
	const char *idle;		/* why nothing is said, NULL if something is */
	const struct disc_info *own;	/* this machine's */
	uint64_t now;
};

struct status_client {
	char *text;
	size_t len, sent;
};

struct status {
	struct pollfd fd[1 + STATUS_CLIENTS];	/* the listener, and clients; -1: none */
	struct status_client client[STATUS_CLIENTS];
};

int status_open(struct status *s, const char *path);
/* After poll(2).  No client can make us wait. */
void status_serve(struct status *s, const struct status_source *source);
void status_close(struct status *s);

/* The other end: prints what the daemon at @path says. */
int status_ask(const char *path, bool json);

#endif
