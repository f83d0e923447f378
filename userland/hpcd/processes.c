// SPDX-License-Identifier: GPL-2.0-only
/* See processes.h. */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "processes.h"

#define BUCKETS		4096
/* A kernel thread stays one, but its number may be given away again. */
#define KERNEL_ROUNDS	32

/* Of a processor: less is not worth more questions. */
#define ASK_DEMAND	0.2
/* One that has used less may be over before it is elsewhere. */
#define NEWBORN_TICKS	8
/* It counts when memory runs out, however little it computes. */
#define LARGE		(32UL << 20)

/* What is remembered of how it talked, is halved in this time. */
#define TALKED_HALF_MS	60000.0

#define RETRY_MS	10000
#define RETRY_MAX_MS	300000
#define MINUTE_MS	60000

static struct hpcd_process *table[BUCKETS];
static unsigned int round_no, count, count_away;

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* --- averages --------------------------------------------------------------------------- */

/* @keep to the power of @times; what is left of a whole one is taken as a straight line. */
static double kept(double keep, double times)
{
	double left = 1;

	for (; times >= 1 && left > 0.000001; times--)
		left *= keep;
	return left * (1 - (1 - keep) * (times < 1 ? times : 0));
}

void hpcd_average_add(struct hpcd_average *a, double value, double ms, uint32_t interval_s,
		      uint32_t keep)
{
	double left = kept(keep / 1000.0, ms / 1000 / (interval_s ? interval_s : 1));

	a->sum = a->sum * left + value * ms;
	a->weight = a->weight * left + ms;
}

double hpcd_average(const struct hpcd_average *a)
{
	return a->weight > 0 ? a->sum / a->weight : 0;
}

/* --- the table -------------------------------------------------------------------------- */

static struct hpcd_process **slot_of(pid_t pid)
{
	struct hpcd_process **slot = &table[(unsigned int)pid % BUCKETS];

	while (*slot && (*slot)->stat.pid != pid)
		slot = &(*slot)->next;
	return slot;
}

struct hpcd_process *hpcd_process_find(pid_t pid)
{
	return *slot_of(pid);
}

struct hpcd_process *hpcd_process_next(const struct hpcd_process *p)
{
	unsigned int bucket = 0;

	if (p && p->next)
		return p->next;
	if (p)
		bucket = (unsigned int)p->stat.pid % BUCKETS + 1;
	for (; bucket < BUCKETS; bucket++)
		if (table[bucket])
			return table[bucket];
	return NULL;
}

unsigned int hpcd_processes_away(void)
{
	return count_away;
}

unsigned int hpcd_processes_count(void)
{
	return count;
}

static struct hpcd_process *add(pid_t pid)
{
	struct hpcd_process **slot = slot_of(pid);

	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		if (!*slot)
			return NULL;
		(*slot)->stat.pid = pid;
		count++;
	}
	return *slot;
}

static void forget_ended(void)
{
	struct hpcd_process **slot, *p;
	unsigned int i;

	count_away = 0;
	for (i = 0; i < BUCKETS; i++) {
		slot = &table[i];
		while ((p = *slot)) {
			if (p->round == round_no) {
				count_away += p->away != 0;
				slot = &p->next;
				continue;
			}
			*slot = p->next;
			free(p);
			count--;
		}
	}
}

/* --- who belongs here ------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

bool hpcd_process_belongs_here(const struct hpc_stat *stat)
{
	/* What people look at and type into; and what a machine cannot do without. */
	static const char *const screens[] = {
		"vi", "vim", "view", "vim.basic", "vim.tiny", "nvim", "nano", "emacs", "joe", "ed",
		"mc", "mcedit", "less", "more", "man", "pager", "top", "htop", "mtop", "mosmon",
		"tmux: client", "screen", "ssh", "gdb", "watch", NULL
	};
	static const char *const services[] = {
		"init", "hpcd", "hpcd-move", "hpcd-guests", "omdiscd", "dhcpcd", "tessera-agent",
		"sshd", "login", "agetty", "getty", "cron", "crond", "atd", "rsyslogd", "syslogd",
		"klogd", "dbus-daemon", "dbus-broker", "tmux: server", "polkitd", "udevd",
		"mosctl", "mosrun", "migrate", NULL
	};

	if (stat->pid == 1 || is_one_of(stat->comm, services) ||
	    !strncmp(stat->comm, "systemd", 7) || !strncmp(stat->comm, "(sd-", 4))
		return true;
	/* The shell of a terminal. */
	return stat->tty && (stat->pid == stat->session || is_one_of(stat->comm, screens));
}

/* --- looking ---------------------------------------------------------------------------- */

/* Whether the other half of a process that is away computes: then this one only waits. */
static bool computes_away(pid_t pid)
{
	char text[64];

	if (hpc_proc_read(text, sizeof(text), "%d/wchan", pid))
		return true;
	return !strncmp(text, "hpc_", 4) || !strncmp(text, "link_", 5) || text[0] == '0';
}

/* Reads and writes: each of them would be a call to home, were it away. */
static uint64_t reads_and_writes(pid_t pid)
{
	char text[256];
	const char *r, *w;

	if (hpc_proc_read(text, sizeof(text), "%d/io", pid))
		return 0;
	r = strstr(text, "syscr: ");
	w = strstr(text, "syscw: ");
	return r && w ? strtoull(r + 7, NULL, 10) + strtoull(w + 7, NULL, 10) : 0;
}

/* Bytes that have to move: pages of files need not. */
static uint64_t bytes_to_move(pid_t pid, uint64_t resident)
{
	unsigned long total, here, shared;
	char text[128];

	if (hpc_proc_read(text, sizeof(text), "%d/statm", pid) ||
	    sscanf(text, "%lu %lu %lu", &total, &here, &shared) != 3 || shared > here)
		return resident;
	return (uint64_t)(here - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double sample_demand(const struct hpcd_process *p, double ticks, double ms)
{
	double used = ticks * 1000 / sysconf(_SC_CLK_TCK) / ms;

	if (p->away)
		return computes_away(p->stat.pid) ? 1 : 0;
	if (p->stat.state == 'R')
		return 1;
	return used < 1 ? used : 1;
}

static void observe_talk(struct hpcd_process *p, double ticks, double ms, double calls,
			 uint32_t rtt_us)
{
	double seconds = ms / 1000, busy;

	if (p->away) {
		/* What it did not spend waiting for home, it may have computed. */
		busy = 1 - calls * rtt_us / 1e6 / seconds;
		if (busy < 0.05)
			busy = 0.05;
	} else {
		busy = ticks / sysconf(_SC_CLK_TCK) / seconds;
		if (busy < 0.01)
			return;
	}
	hpcd_average_add(&p->talk, calls / seconds / busy, ms, p->info.decay_interval,
			 p->info.decay_keep);
	p->talked *= kept(0.5, ms / TALKED_HALF_MS);
}

static void forget(struct hpcd_process *p)
{
	p->demand = p->talk = (struct hpcd_average) { 0 };
}

static void ask(struct hpcd_process *p, int engine)
{
	uint64_t cleared = p->info.cleared;

	if (hpc_info(engine, p->stat.pid, &p->info))
		return;
	if (p->info.cleared != cleared) {
		forget(p);
		p->talked = 0;
	}
	p->away = p->info.role == HPC_ROLE_AWAY ? p->info.node : 0;
	p->home = p->info.role == HPC_ROLE_GUEST ? p->info.node : 0;
}

static void observe(struct hpcd_process *p, int engine, int64_t now, uint32_t rtt_us)
{
	uint64_t ticks = p->stat.utime + p->stat.stime, calls = 0;
	bool first = !p->seen;
	double ms = now - p->seen, used = (double)ticks - (double)p->ticks;

	if (first) {
		p->info.decay_interval = 1;
		p->info.decay_keep = 926;
		/* All its life so far is the first interval. */
		ms = 250;
		used = 0;
	}
	if (ms <= 0)
		return;
	hpcd_average_add(&p->demand, sample_demand(p, used < 0 ? 0 : used, ms), ms,
			 p->info.decay_interval, p->info.decay_keep);
	if (p->away || p->home || hpcd_average(&p->demand) > ASK_DEMAND ||
	    p->stat.rss >= LARGE / sysconf(_SC_PAGESIZE)) {
		ask(p, engine);
		calls = p->away ? p->info.calls : reads_and_writes(p->stat.pid);
		if (!first && p->calls && calls >= p->calls)
			observe_talk(p, used, ms, calls - p->calls, rtt_us);
	}
	p->calls = calls;
	p->ticks = ticks;
	p->seen = now;
}

static void look_at(pid_t pid, int engine, int64_t now, uint32_t rtt_us)
{
	struct hpcd_process *p = hpcd_process_find(pid), *next;
	struct hpc_stat stat;
	uint32_t where;

	if (p && p->kernel && (unsigned int)pid % KERNEL_ROUNDS != round_no % KERNEL_ROUNDS) {
		p->round = round_no;
		return;
	}
	if (hpc_stat_read(pid, &stat) || stat.state == 'Z' || stat.state == 'X')
		return;
	if (!p) {
		p = add(pid);
		if (!p)
			return;
		/* It may have been away before we were there. */
		if (!hpc_where(pid, &where))
			p->away = where;
	} else if (p->stat.start != stat.start) {
		/* Another process with the same number, or one whose arrival was told. */
		next = p->next;
		where = p->stat.start ? 0 : p->home;
		*p = (struct hpcd_process) { .next = next, .home = where };
	}
	p->stat = stat;
	p->kernel = hpc_stat_is_kernel(&stat);
	p->round = round_no;
	if (!p->kernel)
		observe(p, engine, now, rtt_us);
}

int hpcd_processes_look(int engine, int64_t now, uint32_t rtt_us)
{
	DIR *dir = opendir(hpc_proc());
	const struct dirent *e;

	if (!dir)
		return -errno;
	round_no++;
	while ((e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]))
			look_at(atoi(e->d_name), engine, now, rtt_us);
	closedir(dir);
	forget_ended();
	return 0;
}

/* --- what is told ------------------------------------------------------------------------ */

void hpcd_process_moved(pid_t pid, uint32_t node, int64_t now)
{
	struct hpcd_process *p = add(pid);

	if (!p)
		return;
	p->round = round_no;
	if (p->away && !node)
		p->talked = larger(p->talked, hpcd_average(&p->talk));
	count_away += (node != 0) - (p->away != 0);
	p->away = node;
	p->since = now;
	p->retry_ms = 0;
	p->calls = 0;
	/* What people do is not held against it. */
	if (p->leaving) {
		memmove(&p->moved[1], &p->moved[0], 2 * sizeof(p->moved[0]));
		p->moved[0] = now;
	}
	p->leaving = 0;
	forget(p);
}

void hpcd_process_guest(pid_t pid, uint32_t home)
{
	struct hpcd_process *p = add(pid);

	if (!p)
		return;
	p->round = round_no;
	p->home = home;
}

void hpcd_process_stayed(struct hpcd_process *p, int64_t now)
{
	p->leaving = 0;
	p->retry_ms = p->retry_ms ? p->retry_ms * 2 : RETRY_MS;
	if (p->retry_ms > RETRY_MAX_MS)
		p->retry_ms = RETRY_MAX_MS;
	p->retry = now + p->retry_ms;
}

/* --- for the balancer --------------------------------------------------------------------- */

static unsigned int moves_lately(const struct hpcd_process *p, int64_t now)
{
	unsigned int i, n = 0;

	for (i = 0; i < 3; i++)
		n += p->moved[i] && now - p->moved[i] < MINUTE_MS;
	return n;
}

static enum balance_job job_of(const struct hpc_info *info)
{
	switch (info->job) {
	case HPC_JOB_CPU:
		return BALANCE_JOB_CPU;
	case HPC_JOB_IO:
		return BALANCE_JOB_IO;
	default:
		return BALANCE_JOB_UNKNOWN;
	}
}

bool hpcd_process_describe(const struct hpcd_process *p, int64_t now, uint32_t speed,
			   struct balance_process *ret_process)
{
	uint64_t resident = p->stat.rss * (uint64_t)sysconf(_SC_PAGESIZE);
	double demand = hpcd_average(&p->demand);

	if (p->kernel || !p->seen || p->leaving > now)
		return false;
	if (demand < 0.05 && !p->away && resident < LARGE)
		return false;
	*ret_process = (struct balance_process) {
		.pid = p->stat.pid,
		.node = p->home ? p->home : p->away,
		.guest = p->home != 0,
		.away = p->away != 0,
		.portable = p->info.flags & HPC_INFO_PORTABLE,
		.may_move = p->retry <= now && !p->info.cantmove &&
			    (p->ticks >= NEWBORN_TICKS || p->info.job == HPC_JOB_CPU) &&
			    (p->home || !hpcd_process_belongs_here(&p->stat)),
		.job = job_of(&p->info),
		.demand = demand * 1000,
		.talk = larger(hpcd_average(&p->talk), p->talked),
		.rss = p->away ? p->info.image_bytes : bytes_to_move(p->stat.pid, resident),
		.cpu_ms = p->ticks * 1000 / sysconf(_SC_CLK_TCK) * speed / HPC_SPEED_STANDARD,
		.since_ms = p->since ? (uint64_t)(now - p->since) : BALANCE_NEVER,
		.moves = moves_lately(p, now),
	};
	/* Its guest's time is not known here until it calls; it has gone on. */
	if (p->away && p->since)
		ret_process->cpu_ms += now - p->since;
	return true;
}
