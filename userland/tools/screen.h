/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mosmon and mtop draw alike, with curses: bars, and the processes, from which
 * one can be chosen and sent elsewhere.
 */
#ifndef TESSERA_TOOLS_SCREEN_H
#define TESSERA_TOOLS_SCREEN_H

#include <stdbool.h>

#include "proclist.h"

/* Takes the terminal; gives it back at the end of the program.  -errno: there is none. */
int screen_begin(int delay_ms);
void screen_end(void);
/* A key, or -1 when it is time to look again. */
int screen_key(void);
/* A line that is as long as the screen is wide. */
void screen_line(int y, bool bold, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The last line: what can be typed, and what q does. */
void screen_line_keys(const char *keys, const char *q);
/* Asks for a word in the last line.  false: nothing was entered. */
bool screen_ask(const char *question, char *ret_answer, int size);

/**
 * struct proc_view - the processes on the screen
 * @list:	all of them
 * @sort:	in this order
 * @only:	those that are away, or guests
 * @chosen:	PID below the bar
 * @top:	row that is first on the screen
 * @message:	what came of the last key
 */
struct proc_view {
	struct proc_list list;
	enum proc_sort sort;
	bool only;
	pid_t chosen;
	size_t top;
	char message[160];
};

int proc_view_read(struct proc_view *view);
/* From line @y to the last but one. */
void proc_view_draw(struct proc_view *view, int y);
/* true: the key meant something here. */
bool proc_view_key(struct proc_view *view, int key);
/* Does @key only change what is seen of the processes, so that no new look is needed? */
bool proc_view_only_moves(int key);
const char *proc_view_keys(void);

#endif
