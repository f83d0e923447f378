// SPDX-License-Identifier: GPL-2.0-only
/* See screen.h. */

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "screen.h"
#include "tool.h"

static bool begun;

/* Of that kind, if such a one can be written to anywhere. */
static bool take_terminal(const char *kind)
{
	SCREEN *screen = newterm(kind, stdout, stdin);

	if (!screen)
		return false;
	if (tigetstr("cup"))
		return true;
	endwin();
	delscreen(screen);
	return false;
}

/*
 * A node knows few terminals.  One that it does not know is most likely a window, and
 * all of those understand at least what a VT220 did.
 */
static bool take_any_terminal(void)
{
	const char *kind = getenv("TERM");

	if (!kind || !*kind || !strcmp(kind, "dumb"))
		return false;
	return take_terminal(kind) || take_terminal("vt220");
}

int screen_begin(int delay_ms)
{
	setlocale(LC_ALL, "");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	if (!take_any_terminal())
		return -ENODEV;
	begun = true;
	atexit(screen_end);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	timeout(delay_ms);
	return 0;
}

void screen_end(void)
{
	if (begun)
		endwin();
	begun = false;
}

int screen_key(void)
{
	int key;

	refresh();
	key = getch();
	return key == ERR ? -1 : key;
}

void screen_line(int y, bool bold, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	move(y, 0);
	clrtoeol();
	if (bold)
		attron(A_BOLD);
	addnstr(text, COLS);
	attroff(A_BOLD);
}

void screen_line_keys(const char *keys, const char *q)
{
	screen_line(LINES - 1, true, "%s  q %s", keys, q);
}

bool screen_ask(const char *question, char *ret_answer, int size)
{
	int n = 0, key;

	ret_answer[0] = '\0';
	for (;;) {
		screen_line(LINES - 1, true, "%s %s_", question, ret_answer);
		key = screen_key();
		if (key == '\n' || key == '\r' || key == KEY_ENTER)
			return n > 0;
		if (key == 27)
			return false;
		if ((key == KEY_BACKSPACE || key == 127 || key == 8) && n > 0)
			ret_answer[--n] = '\0';
		else if (key > ' ' && key < 127 && n < size - 1)
			ret_answer[n++] = key;
		ret_answer[n] = '\0';
	}
}

/* --- processes ------------------------------------------------------------------------- */

const char *proc_view_keys(void)
{
	return "g send  h home  b balance  l lock  o only moved  P M N T I order";
}

static void keep_only_moved(struct proc_list *list)
{
	size_t i, n = 0;

	for (i = 0; i < list->n; i++)
		if (list->row[i].node || list->row[i].home)
			list->row[n++] = list->row[i];
	list->n = n;
}

int proc_view_read(struct proc_view *view)
{
	return proc_list_read(&view->list);
}

static size_t chosen_row(const struct proc_view *view)
{
	size_t i;

	for (i = 0; i < view->list.n; i++)
		if (view->list.row[i].stat.pid == view->chosen)
			return i;
	return 0;
}

static void draw_row(const struct proc_view *view, int y, const struct proc_row *row)
{
	bool chosen = row->stat.pid == view->chosen;
	char node[12], time[16];

	proc_node_text(row, node);
	proc_time_text(row, time);
	if (chosen)
		attron(A_REVERSE);
	screen_line(y, false, "%c%6d %5s %4u%c %-8.8s %c %5.1f %4.1f %9s %s", chosen ? '>' : ' ',
		    row->stat.pid, node, row->nmigs, row->locked ? 'L' : ' ', row->user,
		    row->stat.state, row->cpu, proc_memory_percent(&view->list, row), time,
		    row->command);
	attroff(A_REVERSE);
}

void proc_view_draw(struct proc_view *view, int y)
{
	size_t rows = LINES - y - 3 > 0 ? LINES - y - 3 : 1, chosen, i;

	if (view->only)
		keep_only_moved(&view->list);
	proc_list_sort(&view->list, view->sort);
	chosen = chosen_row(view);
	if (view->list.n)
		view->chosen = view->list.row[chosen].stat.pid;
	if (chosen < view->top)
		view->top = chosen;
	if (chosen >= view->top + rows)
		view->top = chosen - rows + 1;
	screen_line(y, true, "    PID  NODE MIGS  USER     S  %%CPU %%MEM      TIME COMMAND");
	for (i = 0; i < rows; i++) {
		if (view->top + i < view->list.n)
			draw_row(view, y + 1 + i, &view->list.row[view->top + i]);
		else
			screen_line(y + 1 + i, false, "%s", "");
	}
	screen_line(LINES - 2, false, "%s", view->message);
	/* The next read compares with all of them. */
	proc_list_sort(&view->list, PROC_BY_PID);
}

static void choose(struct proc_view *view, long by)
{
	long at;

	if (!view->list.n)
		return;
	proc_list_sort(&view->list, view->sort);
	at = (long)chosen_row(view) + by;
	if (at < 0)
		at = 0;
	if (at >= (long)view->list.n)
		at = view->list.n - 1;
	view->chosen = view->list.row[at].stat.pid;
	proc_list_sort(&view->list, PROC_BY_PID);
}

static const struct proc_row *chosen(const struct proc_view *view)
{
	size_t i = chosen_row(view);

	return i < view->list.n && view->list.row[i].stat.pid == view->chosen ?
	       &view->list.row[i] : NULL;
}

static void say(struct proc_view *view, int ret, const char *done)
{
	char words[HPC_CANTMOVE_TEXT];
	char *p;

	if (!ret) {
		snprintf(view->message, sizeof(view->message), "process %d %s", view->chosen, done);
		return;
	}
	if (ret == -EBUSY && !hpc_cantmove(view->chosen, words) && words[0]) {
		for (p = words; *p; p++)
			if (*p == '\n')
				*p = ' ';
		snprintf(view->message, sizeof(view->message), "process %d cannot move: %.100s",
			 view->chosen, words);
		return;
	}
	snprintf(view->message, sizeof(view->message), "process %d: %s", view->chosen,
		 ret == -ENOENT ? "there is no such node" : hpc_error_text(ret));
}

static void send_chosen(struct proc_view *view)
{
	char answer[8], done[48];
	long node;

	if (!screen_ask("to node (0: home):", answer, sizeof(answer)))
		return;
	if (!tool_number(answer, 0, HPC_NODE_MAX, &node)) {
		snprintf(view->message, sizeof(view->message), "'%s' is no node number", answer);
		return;
	}
	snprintf(done, sizeof(done), "is asked to go to node %ld", node);
	say(view, hpc_goto(view->chosen, node), node ? done : "is asked to come home");
}

static void toggle_lock(struct proc_view *view)
{
	const struct proc_row *row = chosen(view);

	if (!row)
		return;
	say(view, hpc_lock_set(row->stat.pid, !row->locked),
	    row->locked ? "may move again" : "stays where it is");
}

bool proc_view_only_moves(int key)
{
	switch (key) {
	case KEY_UP:
	case KEY_DOWN:
	case KEY_PPAGE:
	case KEY_NPAGE:
	case KEY_HOME:
	case KEY_END:
	case 'P':
	case 'M':
	case 'N':
	case 'I':
		return true;
	default:
		return false;
	}
}

bool proc_view_key(struct proc_view *view, int key)
{
	long page = LINES > 6 ? LINES - 6 : 1;

	switch (key) {
	case KEY_UP:
		choose(view, -1);
		return true;
	case KEY_DOWN:
		choose(view, 1);
		return true;
	case KEY_PPAGE:
		choose(view, -page);
		return true;
	case KEY_NPAGE:
		choose(view, page);
		return true;
	case KEY_HOME:
		choose(view, -(long)view->list.n);
		return true;
	case KEY_END:
		choose(view, view->list.n);
		return true;
	case 'g':
		send_chosen(view);
		return true;
	case 'h':
		say(view, hpc_goto(view->chosen, 0), "is asked to come home");
		return true;
	case 'b':
		say(view, hpc_proc_write("balance", "%d/goto", view->chosen),
		    "goes where the balancer would have it");
		return true;
	case 'l':
	case 'L':
		toggle_lock(view);
		return true;
	case 'o':
		view->only = !view->only;
		return true;
	case 'P':
		view->sort = PROC_BY_CPU;
		return true;
	case 'M':
		view->sort = PROC_BY_MEMORY;
		return true;
	case 'N':
		view->sort = PROC_BY_NODE;
		return true;
	case 'T':
		view->sort = PROC_BY_TIME;
		return true;
	case 'I':
		view->sort = PROC_BY_PID;
		return true;
	default:
		return false;
	}
}
