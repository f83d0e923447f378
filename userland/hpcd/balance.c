// SPDX-License-Identifier: GPL-2.0-only
/* See balance.h.  Times are in ms, speeds relative to the standard processor. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balance.h"
#include "hpc.h"

/* A process that uses less than this of a processor is not worth a move. */
#define DEMAND_MIN	400

/* What a process is expected to compute still: as much as so far, within limits. */
#define REMAINS_MIN_MS	1000.0
#define REMAINS_MAX_MS	60000.0
/* One that says of itself that it computes. */
#define REMAINS_CPUJOB_MS 10000.0

/* A move must gain this factor and this much; going elsewhere from away more. */
#define GAIN_FACTOR	1.12
#define GAIN_FACTOR_AWAY 1.3
#define GAIN_MS		50.0

/* How long a process stays where it came to, and how often it moves in a minute. */
#define STAY_MS		8000
#define STAY_TALK_MS	2000
#define MOVES_MAX	2

/* Nodes whose rate is within this of the best are as good as the best. */
#define NEARLY		0.15

/* Below this share of its memory, or BALANCE_MEM_RESERVE, a node runs out of it. */
#define PRESSURE_SHARE	12

/**
 * struct balance_target - a node as the decision sees it
 * @node:	what is known of it
 * @running:	processes that share it
 * @mem:	bytes left
 * @dice:	0 to 1
 * @key:	what the heap is ordered by
 */
struct balance_target {
	const struct balance_node *node;
	double running;
	uint64_t mem;
	double dice;
	double key;
};

/* A move that would be good, and how good. */
struct balance_wish {
	const struct balance_process *process;
	double gain;
};

/* What a decision works with. */
struct decision {
	const struct balance_input *in;
	struct balance_room *room;
	uint64_t *random;
	const struct balance_node *self;
	double running;		/* processes that share this node */
	bool heaped;
	struct balance_move *moves;
	size_t n, max;
};

static double dice(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (double)(*state >> 11) / (double)(1ULL << 53);
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

/* A process that is there runs, whatever an older figure says. */
static double at_least_one(double running)
{
	return running > 1 ? running : 1;
}

static double speed_of(const struct balance_node *node)
{
	return node->speed ? (double)node->speed / HPC_SPEED_STANDARD : 1.0;
}

static double cpus_of(const struct balance_node *node)
{
	return node->cpus ? node->cpus : 1;
}

/* What each of @running processes gets there. */
static double rate(const struct balance_node *node, double running)
{
	double cpus = cpus_of(node);

	return speed_of(node) * (running > cpus ? cpus / running : 1.0);
}


/*
 * The table's load is by processor, speed and 100: undone.  It is seconds old, and
 * may have been on its way for longer; what we have there ourselves we know.
 */
static double running_on(const struct decision *d, const struct balance_node *node)
{
	double told = node->load / 100.0 * cpus_of(node) * speed_of(node) + node->coming / 1000.0;
	double mine = d->room->mine[node - d->in->nodes];

	return told > mine ? told : mine;
}

static uint64_t reserve_of(const struct balance_node *node)
{
	uint64_t share = node->tmem / PRESSURE_SHARE;

	return share > BALANCE_MEM_RESERVE ? share : BALANCE_MEM_RESERVE;
}

bool balance_presses(const struct balance_node *node)
{
	return node->tmem && node->mem < reserve_of(node);
}

const char *balance_reason_text(enum balance_reason reason)
{
	switch (reason) {
	case BALANCE_LOAD:
		return "it will be done sooner there";
	case BALANCE_TALK:
		return "it talks to home more than it computes";
	case BALANCE_MEMORY:
		return "memory runs out";
	case BALANCE_LEAVING:
		return "its node leaves";
	}
	return "";
}

/* --- the nodes, best first --------------------------------------------------------- */

static void key_set(struct balance_target *t)
{
	t->key = rate(t->node, t->running + 1) * (1 - NEARLY * t->dice);
}

static void sift_down(struct balance_target *heap, size_t n, size_t i)
{
	struct balance_target moving = heap[i];
	size_t child;

	for (; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && heap[child + 1].key > heap[child].key)
			child++;
		if (heap[child].key <= moving.key)
			break;
		heap[i] = heap[child];
	}
	heap[i] = moving;
}

static void heap_build(struct decision *d)
{
	struct balance_target *heap = d->room->targets;
	size_t i, n = 0;

	for (i = 0; i < d->in->n_nodes; i++) {
		const struct balance_node *node = &d->in->nodes[i];
		uint64_t reserve = reserve_of(node);

		if (!node->usable || node == d->self)
			continue;
		heap[n] = (struct balance_target) {
			.node = node, .running = running_on(d, node), .dice = dice(d->random),
			.mem = node->mem > reserve ? node->mem - reserve : 0,
		};
		key_set(&heap[n++]);
	}
	d->room->n_targets = n;
	for (i = n / 2; i-- > 0;)
		sift_down(heap, n, i);
	d->heaped = true;
}

static bool can_run(const struct balance_target *t, const struct balance_process *p)
{
	return p->portable || !t->node->unfit;
}

/*
 * The best node but @not that can run @p and has room for it; NULL: none.  Looks below a node
 * that has not, a few times: whoever is large and must find room, see roomiest().
 */
static struct balance_target *best(struct decision *d, const struct balance_process *p,
				   uint32_t not)
{
	struct balance_target *heap, *found = NULL;
	size_t i, n;

	if (!d->heaped)
		heap_build(d);
	heap = d->room->targets;
	n = d->room->n_targets < 64 ? d->room->n_targets : 64;
	for (i = 0; i < n; i++) {
		/* Its children are no better. */
		if (found && heap[i].key <= found->key)
			continue;
		if (heap[i].mem >= p->rss && heap[i].node->id != not && can_run(&heap[i], p))
			found = &heap[i];
	}
	return found;
}

static struct balance_target *roomiest(struct decision *d, const struct balance_process *p)
{
	uint64_t rss = p->rss;
	struct balance_target *found = NULL;
	double key, best_key = 0;
	size_t i;

	if (!d->heaped)
		heap_build(d);
	for (i = 0; i < d->room->n_targets; i++) {
		struct balance_target *t = &d->room->targets[i];

		if (t->mem < rss + rss / 8 || !can_run(t, p))
			continue;
		/* Memory first, but of two with plenty the less busy one. */
		key = t->key * (t->mem > 4 * rss ? 4.0 : (double)t->mem / (double)(rss + 1));
		if (key > best_key) {
			best_key = key;
			found = t;
		}
	}
	return found;
}

static void target_take(struct decision *d, struct balance_target *t, uint64_t rss)
{
	t->running += 1;
	t->mem = t->mem > rss ? t->mem - rss : 0;
	key_set(t);
	sift_down(d->room->targets, d->room->n_targets, t - d->room->targets);
}

/* --- times ---------------------------------------------------------------------------- */

static double remains(const struct balance_process *p)
{
	double ms = p->cpu_ms;
	double min = p->job == BALANCE_JOB_CPU ? REMAINS_CPUJOB_MS : REMAINS_MIN_MS;

	if (ms < min)
		ms = min;
	return ms < REMAINS_MAX_MS ? ms : REMAINS_MAX_MS;
}

/* Of what remains, at @its_rate, with each call to home a round trip if @away. */
static double time_left(const struct decision *d, const struct balance_process *p,
			double its_rate, bool away)
{
	double left = remains(p), t = left / its_rate;

	if (away && p->job != BALANCE_JOB_CPU)
		t += left / 1000 * p->talk * d->in->rtt_us / 1000;
	return t;
}

static double cost(const struct decision *d, const struct balance_process *p)
{
	return d->in->move_ms + (double)p->rss / (d->in->bytes_per_ms ? d->in->bytes_per_ms : 1);
}

static bool rested(const struct balance_process *p, uint64_t ms)
{
	return p->since_ms >= ms && p->moves < MOVES_MAX;
}

static bool is_worth_it(double before, double after, double factor)
{
	return before > after * factor && before - after > GAIN_MS;
}

/* --- moves ------------------------------------------------------------------------------ */

static bool add(struct decision *d, const struct balance_process *p, uint32_t node,
		enum balance_reason reason)
{
	if (d->n == d->max)
		return false;
	d->moves[d->n++] = (struct balance_move) { .pid = p->pid, .node = node, .reason = reason };
	return true;
}

static bool is_chosen(const struct decision *d, const struct balance_process *p)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->moves[i].pid == p->pid)
			return true;
	return false;
}

static const struct balance_node *node_find(const struct balance_input *in, uint32_t id)
{
	size_t low = 0, high = in->n_nodes, middle;

	/* In the order of their numbers, as the table is. */
	while (low < high) {
		middle = (low + high) / 2;
		if (in->nodes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < in->n_nodes && in->nodes[low].id == id ? &in->nodes[low] : NULL;
}

/* Own processes that want to run on other nodes. */
static void count_mine(const struct balance_input *in, double *mine)
{
	const struct balance_node *node;
	size_t i;

	memset(mine, 0, in->n_nodes * sizeof(*mine));
	for (i = 0; i < in->n_processes; i++) {
		if (!in->processes[i].away)
			continue;
		node = node_find(in, in->processes[i].node);
		if (node)
			mine[node - in->nodes] += in->processes[i].demand / 1000.0;
	}
}

/* --- memory: who has to leave -------------------------------------------------------------- */

/* The smallest that makes room enough, or else the largest. */
static bool fits_better(uint64_t rss, uint64_t than, uint64_t needed)
{
	if (rss >= needed)
		return than < needed || rss < than;
	return than < needed && rss > than;
}

static bool can_leave(struct decision *d, const struct balance_process *p)
{
	const struct balance_node *home;

	if (is_chosen(d, p) || p->away || p->rss < (4ULL << 20))
		return false;
	if (p->guest) {
		home = node_find(d->in, p->node);
		return home && !home->leaving && home->mem > p->rss + p->rss / 8;
	}
	return p->may_move && !d->in->lstay && roomiest(d, p);
}

static void relieve(struct decision *d)
{
	uint64_t reserve = reserve_of(d->self), needed;
	const struct balance_process *p, *leaves;
	struct balance_target *t;
	uint64_t mem = d->self->mem;
	size_t i;

	while (mem < reserve && d->n < d->max) {
		/* A little more, so that it does not begin again at once. */
		needed = reserve + reserve / 2 - mem;
		leaves = NULL;
		for (i = 0; i < d->in->n_processes; i++) {
			p = &d->in->processes[i];
			if (can_leave(d, p) &&
			    (!leaves || fits_better(p->rss, leaves->rss, needed)))
				leaves = p;
		}
		if (!leaves)
			return;
		t = leaves->guest ? NULL : roomiest(d, leaves);
		add(d, leaves, t ? t->node->id : 0, BALANCE_MEMORY);
		if (t)
			target_take(d, t, leaves->rss);
		mem += leaves->rss;
	}
}

/* --- processes that are away --------------------------------------------------------------- */

static bool home_has_room(const struct decision *d, const struct balance_process *p)
{
	return d->self->mem > p->rss + reserve_of(d->self);
}

/* Whether to come home, or to go on elsewhere. */
static void reconsider(struct decision *d, const struct balance_process *p)
{
	const struct balance_node *there = node_find(d->in, p->node);
	double here, now, third = INFINITY;
	struct balance_target *t = NULL;

	if (there && there->leaving) {
		add(d, p, 0, BALANCE_LEAVING);
		return;
	}
	/* A node out of a map: nobody tells how it is, and a person sent it there. */
	if (!there || !there->tmem)
		return;
	if (!p->may_move || d->in->stay || !rested(p, STAY_TALK_MS))
		return;
	if (p->job == BALANCE_JOB_IO) {
		add(d, p, 0, BALANCE_TALK);
		return;
	}
	here = time_left(d, p, rate(d->self, d->running + 1), false) + cost(d, p);
	now = time_left(d, p, rate(there, at_least_one(running_on(d, there))), true);
	/* Were it not for the calls, would it stay? */
	if (is_worth_it(now, here, GAIN_FACTOR) && home_has_room(d, p) &&
	    !is_worth_it(time_left(d, p, rate(there, running_on(d, there)), false), here,
			 GAIN_FACTOR)) {
		if (add(d, p, 0, BALANCE_TALK))
			d->running += 1;
		return;
	}
	if (!rested(p, STAY_MS) || p->demand < DEMAND_MIN)
		return;
	/* Most of the time there is no reason to look at all nodes. */
	if (running_on(d, there) > cpus_of(there) + 0.5 || speed_of(there) < speed_of(d->self) * 0.8)
		t = best(d, p, p->node);
	if (t)
		third = time_left(d, p, rate(t->node, t->running + 1), true) + 2 * cost(d, p);
	if (here > third && !d->in->lstay) {
		if (is_worth_it(now, third, GAIN_FACTOR_AWAY) &&
		    dice(d->random) < 1 - third / now && add(d, p, t->node->id, BALANCE_LOAD))
			target_take(d, t, p->rss);
	} else if (is_worth_it(now, here, GAIN_FACTOR_AWAY) && home_has_room(d, p) &&
		   dice(d->random) < 1 - here / now) {
		if (add(d, p, 0, BALANCE_LOAD))
			d->running += 1;
	}
}

/* --- processes at home ------------------------------------------------------------------------ */

static bool is_candidate(const struct balance_process *p)
{
	return !p->guest && !p->away && p->may_move && p->job != BALANCE_JOB_IO &&
	       (p->demand >= DEMAND_MIN || p->job == BALANCE_JOB_CPU) && rested(p, STAY_MS);
}

/* What it gains by going to @t; not worth it: 0. */
static double gain(const struct decision *d, const struct balance_process *p,
		   const struct balance_target *t)
{
	double here = time_left(d, p, rate(d->self, at_least_one(d->running)), false);
	double there = time_left(d, p, rate(t->node, t->running + 1), true) + cost(d, p);

	return is_worth_it(here, there, GAIN_FACTOR) ? here - there : 0;
}

static int by_gain(const void *a, const void *b)
{
	const struct balance_wish *x = a, *y = b;

	return (x->gain < y->gain) - (x->gain > y->gain);
}

static void spread(struct decision *d)
{
	struct balance_wish *wishes = d->room->wishes;
	const struct balance_process *p;
	struct balance_target *t;
	size_t i, n = 0;

	for (i = 0; i < d->in->n_processes; i++) {
		p = &d->in->processes[i];
		if (!is_candidate(p) || is_chosen(d, p))
			continue;
		t = best(d, p, d->in->self);
		if (t && gain(d, p, t) > 0)
			wishes[n++] = (struct balance_wish) { .process = p, .gain = gain(d, p, t) };
	}
	qsort(wishes, n, sizeof(*wishes), by_gain);
	/* With each one that goes there is less to gain for the next. */
	for (i = 0; i < n && d->n < d->max; i++) {
		p = wishes[i].process;
		t = best(d, p, d->in->self);
		if (!t || !(gain(d, p, t) > 0) || !add(d, p, t->node->id, BALANCE_LOAD))
			continue;
		target_take(d, t, p->rss);
		d->running -= p->demand / 1000.0;
	}
}

/* --- all of it ------------------------------------------------------------------------------------ */

static int room_make(struct balance_room *room, size_t nodes, size_t processes)
{
	void *more;

	if (room->max_targets < nodes) {
		more = realloc(room->targets, nodes * sizeof(*room->targets));
		if (!more)
			return -ENOMEM;
		room->targets = more;
		more = realloc(room->mine, nodes * sizeof(*room->mine));
		if (!more)
			return -ENOMEM;
		room->mine = more;
		room->max_targets = nodes;
	}
	if (room->max_wishes < processes) {
		more = realloc(room->wishes, processes * sizeof(*room->wishes));
		if (!more)
			return -ENOMEM;
		room->wishes = more;
		room->max_wishes = processes;
	}
	return 0;
}

int balance_decide(const struct balance_input *in, struct balance_room *room, uint64_t *random,
		   struct balance_move *moves, size_t max)
{
	struct decision d = {
		.in = in, .room = room, .random = random, .moves = moves, .max = max,
	};
	size_t i;
	int ret;

	d.self = node_find(in, in->self);
	if (!d.self)
		return 0;
	ret = room_make(room, in->n_nodes, in->n_processes);
	if (ret)
		return ret;
	count_mine(in, room->mine);
	for (i = 0; i < in->n_processes; i++)
		if (!in->processes[i].away)
			d.running += in->processes[i].demand / 1000.0;
	if (balance_presses(d.self) && !in->stay)
		relieve(&d);
	for (i = 0; i < in->n_processes; i++)
		if (in->processes[i].away && !is_chosen(&d, &in->processes[i]))
			reconsider(&d, &in->processes[i]);
	if (!in->stay && !in->lstay)
		spread(&d);
	return d.n;
}

int balance_place(const struct balance_input *in, struct balance_room *room, uint64_t *random,
		  pid_t pid)
{
	struct decision d = { .in = in, .room = room, .random = random };
	const struct balance_process *p = NULL;
	const struct balance_node *there;
	struct balance_target *t;
	double home, now;
	size_t i;
	int ret;

	d.self = node_find(in, in->self);
	ret = room_make(room, in->n_nodes, in->n_processes);
	if (ret)
		return ret;
	count_mine(in, room->mine);
	for (i = 0; i < in->n_processes; i++) {
		if (in->processes[i].pid == pid)
			p = &in->processes[i];
		else if (!in->processes[i].away)
			d.running += in->processes[i].demand / 1000.0;
	}
	if (!p || !d.self)
		return -ESRCH;
	there = p->away ? node_find(in, p->node) : d.self;
	home = time_left(&d, p, rate(d.self, d.running + 1), false);
	now = home;
	if (p->away && there)
		now = time_left(&d, p, rate(there, at_least_one(running_on(&d, there))), true);
	t = best(&d, p, p->away ? p->node : in->self);
	if (t && time_left(&d, p, rate(t->node, t->running + 1), true) + cost(&d, p) <
	    smaller(home, now))
		return t->node->id;
	return p->away && now <= home ? (int)p->node : (int)in->self;
}

void balance_room_free(struct balance_room *room)
{
	free(room->targets);
	free(room->mine);
	free(room->wishes);
	*room = (struct balance_room) { 0 };
}
