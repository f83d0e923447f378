/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon: its options, its one loop, and the parts that hang on it.
 */
#ifndef TESSERA_HPCD_DAEMON_H
#define TESSERA_HPCD_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* --- main.c ------------------------------------------------------------------------ */

struct hpcd_options {
	bool foreground;
	bool verbose;
	uint16_t port;
	int linger_ms;
	int silence_s;
};

/* --- loop.c: what is waited for ------------------------------------------------------ */

/**
 * struct source - a descriptor the loop waits for
 * @fd:		closed by source_close()
 * @ready:	called when it can be read, or has ended
 */
struct source {
	int fd;
	void (*ready)(struct source *source);
};

int loop_open(void);
int source_add(struct source *source, int fd, void (*ready)(struct source *source));
void source_close(struct source *source);
/* No more, and again; without closing. */
void source_pause(struct source *source, bool pause);
/* Until loop_end(). */
int loop_run(void);
void loop_end(void);

/* --- helpers.c: one process for each handshake ----------------------------------------- */

enum helper_kind { HELPER_OUT, HELPER_IN };

/* What a helper says at its end, over a pipe. */
struct helper_result {
	int32_t error;		/* 0 or -errno */
	uint32_t node;
	uint32_t rtt_us;	/* there and back, 0: not known */
	char why[400];
};

struct helper {
	enum helper_kind kind;
	pid_t pid;		/* of the helper */
	pid_t process;		/* that is to move; 0 for HELPER_IN */
	uint32_t node;
};

/*
 * Forks.  Returns false in the daemon, with @ret_error 0 or -errno, and true in
 * the helper, which has but @keep and its pipe open.  @done: called in the daemon
 * when the helper has ended, whatever way.
 */
typedef void helper_done_fn(const struct helper *helper, const struct helper_result *result);
bool helper_begin(const struct helper *what, const int *keep, size_t n, helper_done_fn *done,
		  int *ret_error);
/* In the helper: its last words. */
void helper_end(const struct helper_result *result) __attribute__((noreturn));
unsigned int helpers_count(enum helper_kind kind);
bool helper_moves(pid_t process);
/* After SIGCHLD. */
void helpers_reap(void);

/* --- watchers.c: tools that wait for an outcome ------------------------------------------ */

struct hpcd_report;

int watchers_open(void);
void watchers_tell(const struct hpcd_report *report);

/* --- guests.c: containers there are --------------------------------------------------------- */

/* Finds those that are not watched yet. */
int guests_scan(void);
/* Containers at this moment. */
unsigned int guests_count(void);

/* --- balancer.c: who goes where by itself ------------------------------------------------------ */

struct hpc_event;

/* @engine: /dev/hpc. */
int balancer_open(int engine);
void balancer_event(const struct hpc_event *event);
/* How an attempt to move @pid to @node went. */
void balancer_tried(pid_t pid, uint32_t node, int error, uint32_t rtt_us);
/* The best node for @pid, our own if it is that; -errno. */
int balancer_place(pid_t pid);

/* --- daemon.c --------------------------------------------------------------------------------- */

/* Has @pid move to @node.  true: it will be tried. */
bool daemon_want(pid_t pid, uint32_t node);
int daemon_check(void);
int daemon_run(const struct hpcd_options *options, int ready_fd);

#endif
