// SPDX-License-Identifier: GPL-2.0-only
/* See proclist.h. */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "proclist.h"

/* --- one process ---------------------------------------------------------------------- */

static void user_name(uid_t uid, char *name, size_t size)
{
	static uid_t known = (uid_t)-1;
	static char known_name[16];
	const struct passwd *pw;

	if (uid != known) {
		pw = getpwuid(uid);
		if (pw)
			snprintf(known_name, sizeof(known_name), "%s", pw->pw_name);
		else
			snprintf(known_name, sizeof(known_name), "%u", uid);
		known = uid;
	}
	snprintf(name, size, "%s", known_name);
}

static void command_read(struct proc_row *row)
{
	char path[HPC_PROC_PATH];
	size_t n, i;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%d/cmdline", hpc_proc(), row->stat.pid);
	f = fopen(path, "re");
	n = f ? fread(row->command, 1, sizeof(row->command) - 1, f) : 0;
	if (f)
		fclose(f);
	while (n && !row->command[n - 1])
		n--;
	row->command[n] = '\0';
	for (i = 0; i < n; i++)
		if (!isprint((unsigned char)row->command[i]))
			row->command[i] = ' ';
	if (!n)
		snprintf(row->command, sizeof(row->command), "[%s]", row->stat.comm);
}

static uint32_t guest_home(pid_t pid)
{
	char text[32];

	if (hpc_proc_read(text, sizeof(text), "hpc/remote/%d/from", pid))
		return 0;
	return strtoul(text, NULL, 10);
}

static int row_read(pid_t pid, struct proc_row *row)
{
	char path[HPC_PROC_PATH];
	struct stat st;
	int ret;

	*row = (struct proc_row) { 0 };
	ret = hpc_stat_read(pid, &row->stat);
	if (ret)
		return ret;
	if (hpc_stat_is_kernel(&row->stat))
		return -ESRCH;
	snprintf(path, sizeof(path), "%s/%d", hpc_proc(), pid);
	if (!stat(path, &st))
		row->uid = st.st_uid;
	/* Without the engine all of them are here. */
	if (hpc_where(pid, &row->node))
		row->node = 0;
	if (hpc_nmigs(pid, &row->nmigs))
		row->nmigs = 0;
	if (hpc_lock_get(pid, &row->locked))
		row->locked = false;
	row->home = guest_home(pid);
	user_name(row->uid, row->user, sizeof(row->user));
	command_read(row);
	return 0;
}

/* --- all of them ----------------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
	const struct proc_row *x = a, *y = b;

	return (x->stat.pid > y->stat.pid) - (x->stat.pid < y->stat.pid);
}

static int by_cpu(const void *a, const void *b)
{
	const struct proc_row *x = a, *y = b;

	return x->cpu != y->cpu ? (x->cpu < y->cpu) - (x->cpu > y->cpu) : by_pid(a, b);
}

static int by_memory(const void *a, const void *b)
{
	const struct proc_row *x = a, *y = b;

	if (x->stat.rss != y->stat.rss)
		return (x->stat.rss < y->stat.rss) - (x->stat.rss > y->stat.rss);
	return by_pid(a, b);
}

static int by_node(const void *a, const void *b)
{
	const struct proc_row *x = a, *y = b;
	uint32_t m = x->node + x->home, n = y->node + y->home;

	return m != n ? (m < n) - (m > n) : by_cpu(a, b);
}

static int by_time(const void *a, const void *b)
{
	const struct proc_row *x = a, *y = b;
	unsigned long m = x->stat.utime + x->stat.stime, n = y->stat.utime + y->stat.stime;

	return m != n ? (m < n) - (m > n) : by_pid(a, b);
}

void proc_list_sort(struct proc_list *list, enum proc_sort by)
{
	static int (*const order[])(const void *a, const void *b) = {
		[PROC_BY_PID] = by_pid, [PROC_BY_CPU] = by_cpu, [PROC_BY_MEMORY] = by_memory,
		[PROC_BY_NODE] = by_node, [PROC_BY_TIME] = by_time,
	};

	if (list->n)
		qsort(list->row, list->n, sizeof(*list->row), order[by]);
}

const char *proc_sort_word(enum proc_sort by)
{
	static const char *const words[] = {
		[PROC_BY_PID] = "number", [PROC_BY_CPU] = "%CPU", [PROC_BY_MEMORY] = "%MEM",
		[PROC_BY_NODE] = "node", [PROC_BY_TIME] = "time",
	};

	return words[by];
}

static double ticks(const struct proc_row *row)
{
	return (double)(row->stat.utime + row->stat.stime) / sysconf(_SC_CLK_TCK);
}

static void cpu_find(struct proc_list *list, struct proc_row *row)
{
	double born = (double)row->stat.start / sysconf(_SC_CLK_TCK);
	double used = ticks(row), since = list->uptime - born;
	const struct proc_row *before = NULL;

	if (list->n_before)
		before = bsearch(row, list->before, list->n_before, sizeof(*row), by_pid);
	if (before && before->stat.start == row->stat.start &&
	    list->uptime > list->uptime_before) {
		used -= ticks(before);
		since = list->uptime - list->uptime_before;
	}
	row->cpu = since > 0 ? used * 100 / since : 0;
}

static int append(struct proc_list *list, const struct proc_row *row)
{
	void *more;

	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 128;

		more = realloc(list->row, room * sizeof(*list->row));
		if (!more)
			return -ENOMEM;
		list->row = more;
		list->room = room;
	}
	list->row[list->n++] = *row;
	return 0;
}

static void remember(struct proc_list *list)
{
	struct proc_list old = *list;

	proc_list_sort(list, PROC_BY_PID);
	list->row = old.before;
	list->room = old.room_before;
	list->before = old.row;
	list->n_before = old.n;
	list->room_before = old.room;
	list->uptime_before = old.uptime;
	list->n = 0;
}

static unsigned long meminfo(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? strtoul(p + strlen(name), NULL, 10) : 0;
}

static void machine_read(struct proc_list *list)
{
	char text[512];
	int end = 0;

	if (!hpc_proc_read(text, sizeof(text), "uptime"))
		list->uptime = strtod(text, NULL);
	if (hpc_proc_read(text, sizeof(text), "loadavg") ||
	    sscanf(text, "%*s %*s %*s%n", &end) != 0 || (size_t)end >= sizeof(list->load))
		end = 0;
	snprintf(list->load, sizeof(list->load), "%.*s", end, text);
	if (hpc_proc_read(text, sizeof(text), "meminfo"))
		return;
	list->mem_total_kib = meminfo(text, "MemTotal:");
	list->mem_available_kib = meminfo(text, "MemAvailable:");
}

int proc_list_read(struct proc_list *list)
{
	DIR *dir = opendir(hpc_proc());
	const struct dirent *e;
	struct proc_row row;
	int ret = 0;

	if (!dir)
		return -errno;
	remember(list);
	machine_read(list);
	while (!ret && (e = readdir(dir))) {
		/* One that has just ended is no error. */
		if (!isdigit((unsigned char)e->d_name[0]) || row_read(atoi(e->d_name), &row))
			continue;
		cpu_find(list, &row);
		ret = append(list, &row);
	}
	closedir(dir);
	proc_list_sort(list, PROC_BY_PID);
	return ret;
}

void proc_list_free(struct proc_list *list)
{
	free(list->row);
	free(list->before);
	*list = (struct proc_list) { 0 };
}

/* --- texts --------------------------------------------------------------------------------- */

void proc_node_text(const struct proc_row *row, char text[12])
{
	snprintf(text, 12, "%s%u", row->home ? "<" : "", (row->home ? row->home : row->node) & 0xffff);
}

void proc_time_text(const struct proc_row *row, char text[16])
{
	unsigned long s = ticks(row);

	snprintf(text, 16, "%lu:%02lu:%02lu", s / 3600 % 1000000, s / 60 % 60, s % 60);
}

void proc_tty_text(const struct proc_row *row, char text[16])
{
	unsigned int dev = row->stat.tty;

	if (!dev)
		strcpy(text, "?");
	else if (major(dev) >= 136 && major(dev) <= 143)
		snprintf(text, 16, "pts/%u", minor(dev) + (major(dev) - 136) * 256);
	else if (major(dev) == 4 && minor(dev) < 64)
		snprintf(text, 16, "tty%u", minor(dev));
	else if (major(dev) == 4)
		snprintf(text, 16, "ttyS%u", minor(dev) - 64);
	else
		snprintf(text, 16, "%u:%u", major(dev) & 0xfff, minor(dev) & 0xfffff);
}

unsigned long proc_rss_kib(const struct proc_row *row)
{
	return row->stat.rss * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

void proc_machine_text(const struct proc_list *list, char *text, size_t size)
{
	unsigned long minutes = list->uptime / 60, days = minutes / 60 / 24;
	unsigned long used = list->mem_total_kib - list->mem_available_kib;
	char since[32] = "";

	if (days)
		snprintf(since, sizeof(since), "%lu day%s ", days, days == 1 ? "" : "s");
	snprintf(text, size, "up %s%lu:%02lu, load %s, memory %lu of %lu MiB", since,
		 minutes / 60 % 24, minutes % 60, list->load[0] ? list->load : "unknown", used >> 10,
		 list->mem_total_kib >> 10);
}

double proc_memory_percent(const struct proc_list *list, const struct proc_row *row)
{
	return list->mem_total_kib ? proc_rss_kib(row) * 100.0 / list->mem_total_kib : 0;
}
