// SPDX-License-Identifier: GPL-2.0-only
/* See lan.h.  A heap of events; a packet is one event for all who hear it. */

#include <stdlib.h>
#include <string.h>

#include "lan.h"

#define DELAY	1

struct packet {
	struct disc_message m;
	size_t len;
	unsigned int from;
	uint8_t group;
};

struct lan_event {
	uint64_t when;
	uint64_t order;
	struct packet *packet;	/* NULL: @node wakes up */
	unsigned int node;
};

/* The chorus: nodes without a table. */
#define CHORUS	0x80000000u

static struct lan *the_lan;	/* of the call that is under way, for the callbacks */
static uint64_t order;

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint64_t rnd(struct lan *lan)
{
	lan->random += 0x9e3779b97f4a7c15u;
	return mix(lan->random);
}

static bool lost(struct lan *lan)
{
	return lan->loss > 0 && (double)(rnd(lan) >> 11) / (double)(1ull << 53) < lan->loss;
}

/* --- events -------------------------------------------------------------------------------- */

static bool before(const struct lan_event *a, const struct lan_event *b)
{
	return a->when != b->when ? a->when < b->when : a->order < b->order;
}

static void push(struct lan *lan, uint64_t when, unsigned int node, struct packet *packet)
{
	struct lan_event e = { .when = when, .order = order++, .node = node, .packet = packet };
	size_t i;

	if (lan->events == lan->room) {
		lan->room = lan->room ? lan->room * 2 : 1024;
		lan->heap = realloc(lan->heap, lan->room * sizeof(*lan->heap));
	}
	for (i = lan->events++; i && before(&e, &lan->heap[(i - 1) / 2]); i = (i - 1) / 2)
		lan->heap[i] = lan->heap[(i - 1) / 2];
	lan->heap[i] = e;
}

static struct lan_event pop(struct lan *lan)
{
	struct lan_event top = lan->heap[0], last = lan->heap[--lan->events];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < lan->events) {
		if (child + 1 < lan->events && before(&lan->heap[child + 1], &lan->heap[child]))
			child++;
		if (!before(&lan->heap[child], &last))
			break;
		lan->heap[i] = lan->heap[child];
		i = child;
	}
	lan->heap[i] = last;
	return top;
}

/* --- figures ------------------------------------------------------------------------------- */

static void note(struct lan_times *t, uint64_t ms)
{
	if (t->n == t->room) {
		t->room = t->room ? t->room * 2 : 4096;
		t->ms = realloc(t->ms, t->room * sizeof(*t->ms));
	}
	t->ms[t->n++] = ms;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t lan_share(struct lan_times *t, double share)
{
	size_t i = (size_t)((double)t->n * share);

	if (!t->n)
		return 0;
	qsort(t->ms, t->n, sizeof(*t->ms), compare);
	return t->ms[i < t->n ? i : t->n - 1];
}

static void meter(struct lan *lan, size_t len)
{
	size_t tenth = lan->now / 100;

	if (tenth >= lan->tenths) {
		size_t more = tenth * 2 + 100;

		lan->bits = realloc(lan->bits, more * sizeof(*lan->bits));
		memset(lan->bits + lan->tenths, 0, (more - lan->tenths) * sizeof(*lan->bits));
		lan->tenths = more;
	}
	lan->bits[tenth] += (len + DISC_OVERHEAD) * 8;
}

uint32_t lan_rate(const struct lan *lan)
{
	size_t from = lan->measure_from, to = lan->now / 100, i;
	uint64_t sum = 0;

	for (i = from; i < to && i < lan->tenths; i++)
		sum += lan->bits[i];
	return to > from ? sum * 10 / (to - from) : 0;
}

uint32_t lan_peak(const struct lan *lan)
{
	size_t to = lan->now / 100, i, k;
	uint32_t peak = 0;

	for (i = lan->measure_from; i + 10 <= to && i + 10 <= lan->tenths; i++) {
		uint32_t sum = 0;

		for (k = 0; k < 10; k++)
			sum += lan->bits[i + k];
		if (sum > peak)
			peak = sum;
	}
	return peak;
}

void lan_clear_figures(struct lan *lan)
{
	lan->came.n = lan->went.n = lan->died.n = 0;
	lan->false_deaths = lan->returned = lan->renumbered = lan->silences = 0;
	lan->measure_from = lan->now / 100 + 1;
}

/* --- what nodes do ------------------------------------------------------------------------- */

static unsigned int index_of_boot(uint64_t boot)
{
	return boot & 0xffff;
}

static void node_send(void *arg, const struct disc_message *m, bool urgent)
{
	struct lan_node *node = arg;
	struct packet *p = malloc(sizeof(*p));
	static struct disc_key key;
	uint8_t buf[DISC_PACKET_MAX];
	int len;

	(void)urgent;
	if (!key.hint)
		disc_key_make("sim", 3, "sim", &key);
	p->m = *m;
	len = disc_encode(m, &key, buf, sizeof(buf));
	if (len < 0)
		abort();
	p->len = len;
	p->from = node - the_lan->node;
	p->group = node->group;
	meter(the_lan, len);
	push(the_lan, the_lan->now + DELAY, p->from, p);
}

static void node_changed(void *arg, const struct disc_peer *p, enum disc_change change,
			 uint16_t old_number)
{
	struct lan *lan = the_lan;
	unsigned int who = index_of_boot(p->boot);
	struct lan_node *other = who < lan->nodes ? &lan->node[who] : NULL;
	const struct lan_node *node = arg;
	bool current = other && other->boot == p->boot;

	(void)old_number;
	if (!other)
		return;
	if (change == DISC_CAME || change == DISC_RETURNED) {
		lan->returned += change == DISC_RETURNED;
		if (current && other->timed && node->started < other->started)
			note(&lan->came, lan->now - other->started);
	} else if (change == DISC_WENT) {
		note(&lan->went, lan->now - other->stopped);
	} else if (change == DISC_DIED) {
		if (current && other->up)
			lan->false_deaths++;
		else
			note(&lan->died, lan->now - other->stopped);
	} else if (change == DISC_FELL_SILENT) {
		lan->silences++;
	}
}

static void node_renumber(void *arg, uint16_t number, const struct disc_peer *rival)
{
	struct lan_node *node = arg;

	(void)rival;
	node->number = number;
	the_lan->renumbered++;
}

static const struct disc_ops ops = {
	.send = node_send, .changed = node_changed, .renumber = node_renumber,
};

static void wake_at(struct lan *lan, struct lan_node *node, uint64_t outer)
{
	uint64_t when = outer - node->clock;

	if (when <= lan->now)
		when = lan->now + 1;
	if (node->wake > lan->now && node->wake <= when)
		return;
	node->wake = when;
	push(lan, when, node - lan->node, NULL);
}

static void node_step(struct lan *lan, struct lan_node *node)
{
	wake_at(lan, node, disc_step(node->disc, lan->now + node->clock));
}

void lan_boot(struct lan *lan, unsigned int i)
{
	struct lan_node *node = &lan->node[i];
	struct disc_config config = {
		.machine = mix(i + 1), .counter = 1, .seed = rnd(lan), .peers_max = LAN_NODES_MAX,
	};
	struct disc_info info = { .machine = config.machine, .cpus = 4, .speed = 20000, .tmem = 1 << 22,
				  .release = "v0.1-100-g1234567", .host = "node65535",
				  .naddrs = 2,
				  .addr = { { 4, { 10, 0, i >> 8, i } }, { 6, { 0xfe, 0x80 } } } };

	the_lan = lan;
	disc_free(node->disc);
	node->boots++;
	config.boot = (mix(i + 77 + node->boots * 1000003ull) & ~0xffffull) | i;
	node->boot = config.boot;
	node->disc = disc_new(&config, &ops, node, lan->now + node->clock);
	node->up = true;
	node->wake = 0;
	node->started = lan->now;
	if (!node->number)
		node->number = i + 1;
	disc_info_set(node->disc, lan->now + node->clock, &info);
	disc_number_set(node->disc, lan->now + node->clock, node->number, false);
	disc_start(node->disc, lan->now + node->clock);
	node_step(lan, node);
}

void lan_cut_power(struct lan *lan, unsigned int i)
{
	lan->node[i].up = false;
	lan->node[i].stopped = lan->now;
	lan->node[i].wake = 0;
}

void lan_say_goodbye(struct lan *lan, unsigned int i)
{
	struct lan_node *node = &lan->node[i];

	the_lan = lan;
	node->stopped = lan->now;
	disc_goodbye(node->disc, lan->now + node->clock);
	node_step(lan, node);
}

static void deliver(struct lan *lan, const struct packet *p)
{
	static const struct disc_origin from = { .family = 4, .ifindex = 1 };
	unsigned int i;

	for (i = 0; i < lan->nodes; i++) {
		struct lan_node *node = &lan->node[i];

		if (!node->up || i == p->from || node->group != p->group || lost(lan))
			continue;
		disc_receive(node->disc, lan->now + node->clock, &p->m, p->len, &from);
		node_step(lan, node);
	}
}

/* One of the chorus speaks, and will again. */
static void chorus_sings(struct lan *lan, unsigned int i)
{
	struct packet p = {
		.m = { .type = DISC_BEAT, .boot = (mix(i) & ~0xffffull) | i, .counter = lan->now,
		       .number = i + 1, .flags = DISC_F_HOLDING, .nwitnesses = 0 },
		.len = DISC_HEADER + 14 + DISC_MAC, .from = i,
	};
	uint32_t t = disc_interval_for(disc_live(lan->node[0].disc) + 1, 0);

	p.m.interval = (uint64_t)t * 64 / 1000 > UINT16_MAX ? UINT16_MAX : t * 64 / 1000;
	meter(lan, p.len);
	deliver(lan, &p);
	push(lan, lan->now + t - rnd(lan) % (t / 5), i | CHORUS, NULL);
}

void lan_add_chorus(struct lan *lan, unsigned int n)
{
	unsigned int i;
	uint32_t t = disc_interval_for(n + lan->nodes, 0);

	for (i = 0; i < n; i++)
		push(lan, lan->now + rnd(lan) % t, (lan->nodes + i) | CHORUS, NULL);
}

void lan_run(struct lan *lan, uint64_t ms)
{
	uint64_t end = lan->now + ms;

	the_lan = lan;
	while (lan->events && lan->heap[0].when <= end) {
		struct lan_event e = pop(lan);

		lan->now = e.when;
		if (e.packet) {
			deliver(lan, e.packet);
			free(e.packet);
		} else if (e.node & CHORUS) {
			chorus_sings(lan, e.node & ~CHORUS);
		} else if (lan->node[e.node].up && lan->node[e.node].wake == e.when) {
			struct lan_node *node = &lan->node[e.node];

			node->wake = 0;
			if (disc_gone(node->disc) && node->stopped)
				node->up = false;
			else
				node_step(lan, node);
		}
	}
	lan->now = end;
}

/* --- what the whole LAN looks like --------------------------------------------------------- */

static unsigned int members(const struct lan *lan, uint8_t group)
{
	unsigned int i, n = 0;

	for (i = 0; i < lan->nodes; i++)
		n += lan->node[i].up && lan->node[i].group == group;
	return n;
}

/* No false entries: who is listed live beyond the right number would show. */
static bool sees_all(const struct lan *lan, const struct lan_node *node, unsigned int wanted)
{
	const struct disc_peer *p = NULL;
	unsigned int right = 0;

	if (disc_live(node->disc) + 1 != wanted)
		return false;
	while ((p = disc_next_peer(node->disc, p))) {
		const struct lan_node *other = &lan->node[index_of_boot(p->boot)];

		right += (p->state == DISC_UP || p->state == DISC_SILENT) && other->up &&
			 other->boot == p->boot && other->group == node->group;
	}
	return right + 1 == wanted;
}

bool lan_complete(const struct lan *lan)
{
	unsigned int wanted[256] = { 0 }, i;

	for (i = 0; i < lan->nodes; i++) {
		const struct lan_node *node = &lan->node[i];

		if (!node->up)
			continue;
		if (!wanted[node->group])
			wanted[node->group] = members(lan, node->group);
		if (!sees_all(lan, node, wanted[node->group]))
			return false;
	}
	return true;
}

bool lan_run_until_complete(struct lan *lan, uint64_t ms, uint64_t *ret_took)
{
	uint64_t begin = lan->now;

	while (lan->now < begin + ms) {
		lan_run(lan, 50);
		if (lan_complete(lan)) {
			*ret_took = lan->now - begin;
			return true;
		}
	}
	return false;
}

bool lan_numbers_settled(const struct lan *lan)
{
	unsigned int i, k;

	for (i = 0; i < lan->nodes; i++) {
		const struct lan_node *node = &lan->node[i];

		if (!node->up || !disc_holding(node->disc))
			return false;
		for (k = 0; k < lan->nodes; k++) {
			const struct disc_peer *owner;

			if (k == i)
				continue;
			if (disc_number(lan->node[k].disc) == disc_number(node->disc))
				return false;
			owner = disc_owner(lan->node[k].disc, disc_number(node->disc));
			if (!owner || owner->boot != node->boot)
				return false;
		}
	}
	return true;
}

void lan_settle(struct lan *lan, unsigned int n)
{
	uint32_t interval = disc_interval_for(n, 0), i;
	double loss = lan->loss;

	lan->loss = 0;
	for (i = 0; i < n; i++) {
		lan_boot(lan, i);
		lan_run(lan, 2);
	}
	lan_run(lan, 6000 + 3 * interval);
	lan->loss = loss;
	lan_clear_figures(lan);
}

struct lan *lan_new(unsigned int nodes, uint64_t seed)
{
	struct lan *lan = calloc(1, sizeof(*lan));

	lan->nodes = nodes;
	lan->node = calloc(nodes, sizeof(*lan->node));
	lan->random = mix(seed);
	lan->now = 1000;
	return lan;
}

void lan_free(struct lan *lan)
{
	unsigned int i;
	size_t e;

	for (i = 0; i < lan->nodes; i++)
		disc_free(lan->node[i].disc);
	for (e = 0; e < lan->events; e++)
		free(lan->heap[e].packet);
	free(lan->came.ms);
	free(lan->went.ms);
	free(lan->died.ms);
	free(lan->heap);
	free(lan->bits);
	free(lan->node);
	free(lan);
}
