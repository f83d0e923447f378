// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon's part of balancing: when to look, what to tell the balancer, and to
 * carry out what it says.
 *
 * A machine that has nothing to do and nobody away is asked a question or two each
 * second; only one whose processors or memory are wanted looks at its processes.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "balance.h"
#include "clock.h"
#include "daemon.h"
#include "hpc.h"
#include "log.h"
#include "processes.h"
#include "speed.h"

/*
 * How often to see whether there is something to do, and how often to do it: as
 * long as nothing comes of it, and no process is born, less and less often.
 */
#define TICK_MS		250
#define ROUND_MS	1000
#define ROUND_MAX_MS	2000
#define IDLE_MS		1000
#define CALM_MS		5000	/* since the last round, and a node is idle */
#define BUSY		50	/* percent of a processor; daemons that wake up use less */

#define MOVES_AT_ONCE	8

/* Until the load of a node shows a process that went there. */
#define COMING_MS	2000
#define FADING_MS	2000
#define SENT_MAX	128

/* A node that cannot be reached, or that cannot run our processes at all. */
#define AVOID_MS	30000
#define AVOID_UNFIT_MS	300000
#define AVOIDED_MAX	64

/* A wish of ours that nobody heard of again. */
#define LEAVING_MS	30000

/* Until it has been measured. */
#define RTT_US		500
#define BYTES_PER_MS	50000
#define MOVE_MS		100

struct sent {
	pid_t pid;
	uint32_t node;
	int64_t at;
	bool there;
};

/* @portable: even by processes that any processor can run. */
struct avoided {
	uint32_t node;
	bool portable;
	int64_t until;
};

static struct {
	int engine;
	struct source timer;
	int loadavg;		/* /proc/loadavg */
	int running, born;	/* in that: runnable threads, and the newest process */
	int64_t looked, asked, every, tick;
	bool busy, pressed;	/* somebody computes, memory runs out */
	uint64_t random;
	struct balance_room room;
	struct hpc_cluster cluster;
	struct balance_node *nodes;
	struct balance_process *processes;
	size_t max_nodes, max_processes;
	struct sent sent[SENT_MAX];
	struct avoided avoided[AVOIDED_MAX];
	double rtt_us, bytes_per_ms, move_ms;
} b = { .timer.fd = -1, .loadavg = -1, .every = TICK_MS, .rtt_us = RTT_US, .bytes_per_ms = BYTES_PER_MS,
	.move_ms = MOVE_MS };

/* --- what was done ------------------------------------------------------------------------ */

static void sent_add(pid_t pid, uint32_t node, int64_t now)
{
	struct sent *s, *oldest = &b.sent[0];

	for (s = b.sent; s < b.sent + SENT_MAX; s++)
		if (s->at < oldest->at)
			oldest = s;
	*oldest = (struct sent) { .pid = pid, .node = node, .at = now };
}

static void sent_arrived(pid_t pid, int64_t now)
{
	struct sent *s;

	for (s = b.sent; s < b.sent + SENT_MAX; s++) {
		if (s->pid == pid && !s->there) {
			s->there = true;
			s->at = now;
		}
	}
}

static void sent_drop(pid_t pid)
{
	struct sent *s;

	for (s = b.sent; s < b.sent + SENT_MAX; s++)
		if (s->pid == pid)
			*s = (struct sent) { 0 };
}

/* Processes, in 1/1000, that are at @node or on their way, and not in its load yet. */
static uint32_t sent_to(uint32_t node, int64_t now)
{
	const struct sent *s;
	uint32_t coming = 0;
	int64_t age;

	for (s = b.sent; s < b.sent + SENT_MAX; s++) {
		if (s->node != node)
			continue;
		age = now - s->at;
		if (age < COMING_MS || (!s->there && age < LEAVING_MS))
			coming += 1000;
		else if (age < COMING_MS + FADING_MS)
			coming += 1000 - 1000 * (age - COMING_MS) / FADING_MS;
	}
	return coming;
}

static void avoid(uint32_t node, bool portable, int64_t until)
{
	struct avoided *a, *oldest = &b.avoided[0];

	for (a = b.avoided; a < b.avoided + AVOIDED_MAX; a++) {
		if (a->node == node && a->portable == portable) {
			oldest = a;
			break;
		}
		if (a->until < oldest->until)
			oldest = a;
	}
	*oldest = (struct avoided) { .node = node, .portable = portable, .until = until };
}

static bool is_avoided(uint32_t node, bool portable, int64_t now)
{
	const struct avoided *a;

	for (a = b.avoided; a < b.avoided + AVOIDED_MAX; a++)
		if (a->node == node && a->portable == portable && a->until > now)
			return true;
	return false;
}

/* What moving costs here, learned from moves. */
static void learn_costs(pid_t pid)
{
	struct hpc_info info;
	double ms, bytes;

	if (hpc_info(b.engine, pid, &info) || !info.freeze_ns)
		return;
	ms = info.freeze_ns / 1e6;
	bytes = info.image_bytes;
	if (bytes > 8 << 20)
		b.bytes_per_ms = b.bytes_per_ms * 0.7 + bytes / ms * 0.3;
	else
		b.move_ms = b.move_ms * 0.8 + ms * 0.2;
}

void balancer_tried(pid_t pid, uint32_t node, int error, uint32_t rtt_us)
{
	struct hpcd_process *p = hpcd_process_find(pid);
	int64_t now = hpcd_now_ms();

	if (rtt_us)
		b.rtt_us = b.rtt_us * 0.7 + rtt_us * 0.3;
	if (!error)
		return;
	sent_drop(pid);
	if (p)
		hpcd_process_stayed(p, now);
	if (error == -ENOTSUP)
		avoid(node, p && p->info.flags & HPC_INFO_PORTABLE, now + AVOID_UNFIT_MS);
	else if (error == -EPROTONOSUPPORT)
		avoid(node, true, now + AVOID_UNFIT_MS);
	else if (error != -EBUSY && error != -ESRCH && error != -EXDEV && error != -EPERM)
		avoid(node, true, now + AVOID_MS);
}

void balancer_event(const struct hpc_event *e)
{
	struct hpcd_process *p;
	int64_t now = hpcd_now_ms();

	switch (e->type) {
	case HPC_EVENT_AWAY:
		hpcd_process_moved(e->pid, e->node, now);
		sent_arrived(e->pid, now);
		learn_costs(e->pid);
		break;
	case HPC_EVENT_HOME:
		hpcd_process_moved(e->pid, 0, now);
		break;
	case HPC_EVENT_STAYED:
		sent_drop(e->pid);
		p = hpcd_process_find(e->pid);
		if (p)
			hpcd_process_stayed(p, now);
		break;
	case HPC_EVENT_ENDED:
	case HPC_EVENT_LOST:
		sent_drop(e->pid);
		break;
	case HPC_EVENT_ARRIVED:
		hpcd_process_guest(e->pid, e->node);
		break;
	case HPC_EVENT_MISSED:
		/* The next look asks each process itself. */
		b.looked = 0;
		break;
	}
}

/* --- what is known -------------------------------------------------------------------------- */

static void *grow(void *array, size_t *max, size_t need, size_t size)
{
	void *more;

	if (need <= *max && array)
		return array;
	more = realloc(array, (need + 64) * size);
	if (more)
		*max = need + 64;
	else
		errno = ENOMEM;
	return more;
}

static void node_describe(const struct hpc_node *n, int64_t now, struct balance_node *ret_node)
{
	const uint32_t bad = HPC_NODE_BLOCK | HPC_NODE_LEAVING | HPC_NODE_SILENT | HPC_NODE_FOREIGN;

	*ret_node = (struct balance_node) {
		.id = n->id,
		.usable = (n->status & HPC_NODE_UP) && !(n->status & bad) && n->naddrs &&
			  !is_avoided(n->id, true, now),
		.unfit = is_avoided(n->id, false, now),
		.leaving = n->status & HPC_NODE_LEAVING,
		.cpus = n->cpus, .speed = n->speed, .load = n->load,
		.coming = sent_to(n->id, now),
		.mem = n->mem, .tmem = n->tmem,
	};
}

static int nodes_collect(int64_t now)
{
	void *more;
	size_t i;
	int ret = hpc_cluster_read(&b.cluster);

	if (ret)
		return ret;
	more = grow(b.nodes, &b.max_nodes, b.cluster.n, sizeof(*b.nodes));
	if (!more)
		return -ENOMEM;
	b.nodes = more;
	for (i = 0; i < b.cluster.n; i++)
		node_describe(&b.cluster.node[i], now, &b.nodes[i]);
	return 0;
}

static int processes_collect(int64_t now, uint32_t speed, size_t *ret_n)
{
	const struct hpcd_process *p = NULL;
	size_t n = 0;
	void *more;

	more = grow(b.processes, &b.max_processes, hpcd_processes_count(), sizeof(*b.processes));
	if (!more)
		return -ENOMEM;
	b.processes = more;
	while ((p = hpcd_process_next(p)))
		if (n < b.max_processes && p->stat.pid != getpid() &&
		    hpcd_process_describe(p, now, speed, &b.processes[n]))
			n++;
	*ret_n = n;
	return 0;
}

static bool is_set(const char *name)
{
	uint32_t value;

	return !hpc_admin_get(name, &value) && value;
}

/* Looks, and fills in what the balancer wants to know. */
static int collect(int64_t now, struct balance_input *ret_in)
{
	const struct hpc_node *self;
	struct balance_input in = { 0 };
	int ret;

	ret = nodes_collect(now);
	if (ret)
		return ret;
	self = hpc_cluster_node(&b.cluster, b.cluster.self);
	if (!self)
		return -ENOTCONN;
	ret = hpcd_processes_look(b.engine, now, b.rtt_us);
	if (!ret)
		ret = processes_collect(now, self->speed, &in.n_processes);
	if (ret)
		return ret;
	in.self = self->id;
	in.stay = is_set("stay");
	in.lstay = is_set("lstay");
	in.rtt_us = b.rtt_us;
	in.bytes_per_ms = b.bytes_per_ms;
	in.move_ms = b.move_ms;
	in.nodes = b.nodes;
	in.n_nodes = b.cluster.n;
	in.processes = b.processes;
	*ret_in = in;
	return 0;
}

/* --- rounds ------------------------------------------------------------------------------------ */

static void carry_out(const struct balance_move *m, int64_t now)
{
	struct hpcd_process *p = hpcd_process_find(m->pid);

	if (!p)
		return;
	if (m->node) {
		if (!daemon_want(m->pid, m->node))
			return;
		sent_add(m->pid, m->node, now);
		hpcd_log(LOG_DEBUG, "process %d (%s) is to go to node %u: %s", m->pid,
			 p->stat.comm, m->node, balance_reason_text(m->reason));
	} else {
		if (hpc_bring(b.engine, m->pid))
			return;
		hpcd_log(LOG_DEBUG, "process %d (%s) is to go home: %s", m->pid, p->stat.comm,
			 balance_reason_text(m->reason));
	}
	p->leaving = now + LEAVING_MS;
}

static void round_do(int64_t now)
{
	struct balance_move moves[MOVES_AT_ONCE];
	struct balance_input in;
	int i, n;

	b.looked = now;
	b.every = b.every * 2 < ROUND_MAX_MS ? b.every * 2 : ROUND_MAX_MS;
	if (collect(now, &in))
		return;
	n = balance_decide(&in, &b.room, &b.random, moves, MOVES_AT_ONCE);
	if (n > 0)
		b.every = TICK_MS;
	for (i = 0; i < n; i++)
		carry_out(&moves[i], now);
}

int balancer_place(pid_t pid)
{
	struct balance_input in;
	int ret = collect(hpcd_now_ms(), &in);

	return ret ? ret : balance_place(&in, &b.room, &b.random, pid);
}

/* Runnable threads at this moment, but ourselves; and whether there are new processes. */
static void loadavg_read(bool *ret_new)
{
	int running, born = b.born;
	char text[64];
	ssize_t n;

	n = pread(b.loadavg, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	*ret_new = false;
	if (sscanf(text, "%*s %*s %*s %d/%*d %d", &running, &b.born) != 2)
		return;
	b.running = running - 1;
	*ret_new = b.born != born;
}

/* Numbers of this node at this moment; false: it is in no cluster. */
static bool own_node(struct hpc_node *ret_own)
{
	uint32_t self;

	return !hpc_self_get(b.engine, &self) && self && !hpc_node_get(b.engine, self, ret_own);
}

/* One of many processors is less than a percent of them. */
static bool is_busy(const struct hpc_node *own)
{
	return own->util > BUSY || (b.running >= 1 && (own->util + 1) * own->cpus > BUSY);
}

/* Is it worth looking at processes: are there some for whom something can be done? */
static bool is_wanted(int64_t now)
{
	struct balance_node node;
	struct hpc_node own;
	bool new, pressed;

	loadavg_read(&new);
	b.busy = false;
	if (!own_node(&own))
		return false;
	b.busy = is_busy(&own);
	node_describe(&own, now, &node);
	pressed = balance_presses(&node);
	/* Memory may be gone in a second. */
	if (new || (pressed && !b.pressed))
		b.every = TICK_MS;
	b.pressed = pressed;
	if (pressed || b.running > (int)own.cpus)
		return now - b.looked >= b.every - TICK_MS / 10;
	if (now - b.asked < IDLE_MS - TICK_MS / 10)
		return false;
	b.asked = now;
	if (hpcd_processes_away())
		return now - b.looked >= ROUND_MS;
	/* A faster node may be better. */
	return b.busy;
}

static int timer_set(int fd, int64_t ms)
{
	const struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	const struct itimerspec every = { .it_value = ts, .it_interval = ts };

	return timerfd_settime(fd, 0, &every, NULL) ? -errno : 0;
}

static void timer_ready(struct source *source)
{
	int64_t now = hpcd_now_ms(), tick;
	uint64_t times;

	if (read(source->fd, &times, sizeof(times)) != sizeof(times))
		return;
	if (is_wanted(now))
		round_do(now);
	/* One that does nothing is not woken up for nothing. */
	tick = b.busy || b.pressed || now - b.looked < CALM_MS ? TICK_MS : IDLE_MS;
	if (tick != b.tick && !timer_set(source->fd, tick))
		b.tick = tick;
}

/* A person, or an earlier start of ours, may have set it. */
static void speed_find(void)
{
	uint32_t speed;

	if (hpc_admin_get("speed", &speed) || speed != HPC_SPEED_STANDARD)
		return;
	speed = hpcd_speed_measure();
	if (hpc_admin_set("speed", speed))
		hpcd_log(LOG_WARNING, "cannot tell the kernel this machine's speed, which is %u",
			 speed);
	else
		hpcd_log(LOG_INFO, "speed of a processor: %u", speed);
}

int balancer_open(int engine)
{
	int fd, ret;

	b.engine = engine;
	speed_find();
	if (getrandom(&b.random, sizeof(b.random), 0) != sizeof(b.random) || !b.random)
		b.random = 1;
	b.loadavg = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	if (b.loadavg < 0)
		return -errno;
	/* Who is away already is known from now on. */
	hpcd_processes_look(engine, hpcd_now_ms(), b.rtt_us);
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	b.tick = TICK_MS;
	ret = timer_set(fd, b.tick);
	return ret ? ret : source_add(&b.timer, fd, timer_ready);
}
