// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine.  Four rules keep a cluster of any size quiet:
 *
 * - A node beats within T = nodes * size of a beat / share of the rate, at least
 *   once a second.  T is worked out again when a beat is due, so that nodes which
 *   learn of each other all at once slow down before they speak.
 * - Everybody hears everything, so everybody knows how busy the LAN is: what is
 *   not a beat waits until a bucket that all packets fill has drained.
 * - A beat also tells when the sender heard its two successors, by boot id.  So
 *   a lost packet seldom makes anybody ask.
 * - A question to the silent is asked once, by whose random delay ends first.
 */

#include <stdlib.h>
#include <string.h>

#include "peers.h"

#define NONE		UINT32_MAX
#define NEVER		UINT64_MAX

#define RATE		250000
#define BEAT_SHARE	80	/* percent of the rate, were beats a whole interval apart */
#define CALM_SHARE	98	/* percent of it that all may use before questions wait */
#define NEWS_SHARE	160	/* percent of it up to which news travels */
#define BEAT_BITS	((DISC_HEADER + 14 + DISC_MAC + DISC_OVERHEAD) * 8)
#define INTERVAL_MIN	1000
#define INTERVAL_MAX	1000000
#define PEERS_MAX	16384

#define SILENT_AFTER	19	/* tenths of an interval */
#define ROUNDS		7
#define ROUND_MIN	140
#define ROUND_MAX	200
#define LOST_MAX	8	/* packets missed in a row that were on the wire */
#define ANSWER_GAP	50	/* questions to us that one beat answers */

#define NEWS_REPEATS	3
#define NEWS_JITTER	80
#define CLAIM_TIME	700	/* until a claimed number is settled */
#define DEFEND_GAP	500
#define WHO_GAP		500	/* between two questions for information ... */
#define WHO_BATCH	24	/* ... about so many */
#define BYE_GAP		60
#define STALL		1000	/* longer gaps: this machine stood still */
#define STEP_MAX	500

#define SLOTS		256
#define SLOT_MS		32

struct bucket {
	uint64_t bits;
	uint64_t since;
};

struct disc {
	const struct disc_ops *ops;
	void *arg;
	struct disc_config config;
	struct disc_stats stats;
	uint64_t random;

	/* The clock without gaps; @outer is the caller's. */
	uint64_t now, outer;

	struct disc_message own;	/* as it is sent, but type and counter */
	bool speaking, announced, announce_next, deferred;
	uint64_t beat_due, beat_last, news_due, hold_due, ask_due, who_due, bye_due;
	uint64_t defended, spoke;
	unsigned int news_left, news_backoff, bye_left;
	struct bucket calm, busy;	/* drain at the rate, and at that of news */

	struct disc_peer *peer;
	uint32_t capacity, unused, live, lacking, asking;
	uint32_t *by_boot, *by_number;
	uint32_t wheel[SLOTS];
	uint64_t wheel_tick;
	uint32_t wheel_count;
};

/* --- odds and ends ------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint32_t rnd(struct disc *d, uint32_t below)
{
	d->random += 0x9e3779b97f4a7c15u;
	return below ? mix(d->random) % below : 0;
}

uint32_t disc_interval_for(uint32_t nodes, uint32_t rate)
{
	uint64_t ms = (uint64_t)nodes * BEAT_BITS * 1000 * 100 / BEAT_SHARE / (rate ? rate : RATE);

	return ms < INTERVAL_MIN ? INTERVAL_MIN : ms > INTERVAL_MAX ? INTERVAL_MAX : ms;
}

uint32_t disc_interval(const struct disc *d)
{
	return disc_interval_for(d->live + 1, d->config.rate);
}

/* Up to a fifth less, so that nodes do not fall into step. */
static uint32_t jittered(struct disc *d, uint32_t ms)
{
	return ms - rnd(d, ms / 5);
}

static bool is_live(const struct disc_peer *p)
{
	return p->state == DISC_UP || p->state == DISC_SILENT;
}

static uint32_t index_of(const struct disc *d, const struct disc_peer *p)
{
	return p - d->peer;
}

/* --- buckets ------------------------------------------------------------------------------- */

static uint64_t bucket_rate(const struct disc *d, const struct bucket *b)
{
	return (uint64_t)d->config.rate * (b == &d->busy ? NEWS_SHARE : CALM_SHARE) / 100;
}

static void bucket_drain(const struct disc *d, struct bucket *b)
{
	uint64_t gone = (d->now - b->since) * bucket_rate(d, b) / 1000;

	b->bits -= gone < b->bits ? gone : b->bits;
	b->since = d->now;
}

static void bucket_fill(const struct disc *d, struct bucket *b, size_t len)
{
	/* What was long ago is no reason to keep quiet about the silent. */
	uint64_t most = b == &d->busy ? bucket_rate(d, b) * 2 : bucket_rate(d, b) / 2;

	bucket_drain(d, b);
	b->bits += (len + DISC_OVERHEAD) * 8;
	if (b->bits > most)
		b->bits = most;
}

/* Holds a tenth of a second of news, a fifth of questions. */
static bool bucket_has_room(const struct disc *d, struct bucket *b)
{
	bucket_drain(d, b);
	return b->bits < bucket_rate(d, b) / (b == &d->busy ? 10 : 5);
}

static void account(struct disc *d, size_t len)
{
	bucket_fill(d, &d->calm, len);
	bucket_fill(d, &d->busy, len);
}

/* --- the wheel of due times ---------------------------------------------------------------- */

static void wheel_remove(struct disc *d, struct disc_peer *p)
{
	if (p->wheel_slot == NONE)
		return;
	if (p->wheel_prev != NONE)
		d->peer[p->wheel_prev].wheel_next = p->wheel_next;
	else
		d->wheel[p->wheel_slot] = p->wheel_next;
	if (p->wheel_next != NONE)
		d->peer[p->wheel_next].wheel_prev = p->wheel_prev;
	p->wheel_slot = NONE;
	d->wheel_count--;
}

/* What is due later than the wheel reaches comes up early, and is put in again. */
static void wheel_add(struct disc *d, struct disc_peer *p, uint64_t due)
{
	uint64_t tick = due / SLOT_MS + 1;
	uint32_t i = index_of(d, p);

	wheel_remove(d, p);
	p->due = due;
	if (tick <= d->wheel_tick)
		tick = d->wheel_tick + 1;
	if (tick > d->wheel_tick + SLOTS - 1)
		tick = d->wheel_tick + SLOTS - 1;
	p->wheel_slot = tick % SLOTS;
	p->wheel_prev = NONE;
	p->wheel_next = d->wheel[p->wheel_slot];
	if (p->wheel_next != NONE)
		d->peer[p->wheel_next].wheel_prev = i;
	d->wheel[p->wheel_slot] = i;
	d->wheel_count++;
}

/* --- the table of peers -------------------------------------------------------------------- */

static uint32_t *boot_bucket(const struct disc *d, uint64_t boot)
{
	return &d->by_boot[(uint32_t)boot & (d->capacity - 1)];
}

static uint32_t *number_bucket(const struct disc *d, uint16_t number)
{
	return &d->by_number[mix(number) & (d->capacity - 1)];
}

static struct disc_peer *find_boot(const struct disc *d, uint64_t boot)
{
	uint32_t i = *boot_bucket(d, boot);

	while (i != NONE && d->peer[i].boot != boot)
		i = d->peer[i].boot_next;
	return i == NONE ? NULL : &d->peer[i];
}

/* By the end of the boot id, as questions and witnesses name peers. */
static struct disc_peer *find_low(const struct disc *d, uint32_t low)
{
	uint32_t i = *boot_bucket(d, low);

	while (i != NONE && (uint32_t)d->peer[i].boot != low)
		i = d->peer[i].boot_next;
	return i == NONE ? NULL : &d->peer[i];
}

static void number_link(struct disc *d, struct disc_peer *p)
{
	uint32_t *head = number_bucket(d, p->number);

	p->number_next = *head;
	*head = index_of(d, p);
}

static void number_unlink(struct disc *d, const struct disc_peer *p)
{
	uint32_t *i = number_bucket(d, p->number);

	while (*i != index_of(d, p))
		i = &d->peer[*i].number_next;
	*i = p->number_next;
}

static void boot_link(struct disc *d, struct disc_peer *p)
{
	uint32_t *head = boot_bucket(d, p->boot);

	p->boot_next = *head;
	*head = index_of(d, p);
}

static void boot_unlink(struct disc *d, const struct disc_peer *p)
{
	uint32_t *i = boot_bucket(d, p->boot);

	while (*i != index_of(d, p))
		i = &d->peer[*i].boot_next;
	*i = p->boot_next;
}

static void unused_push(struct disc *d, uint32_t i)
{
	d->peer[i].used = false;
	d->peer[i].boot_next = d->unused;
	d->unused = i;
}

/* Twice as many places; -1 if that cannot be. */
static int table_grow(struct disc *d)
{
	uint32_t old = d->capacity, wanted = old ? old * 2 : 16, i;
	uint32_t *boots, *numbers;
	struct disc_peer *peers;

	if (wanted > d->config.peers_max)
		return -1;
	peers = realloc(d->peer, wanted * sizeof(*peers));
	if (!peers)
		return -1;
	d->peer = peers;
	boots = malloc(wanted * sizeof(*boots));
	numbers = malloc(wanted * sizeof(*numbers));
	if (!boots || !numbers) {
		free(boots);
		free(numbers);
		return -1;
	}
	free(d->by_boot);
	free(d->by_number);
	d->by_boot = boots;
	d->by_number = numbers;
	d->capacity = wanted;
	memset(boots, 0xff, wanted * sizeof(*boots));
	memset(numbers, 0xff, wanted * sizeof(*numbers));
	for (i = 0; i < old; i++) {
		boot_link(d, &peers[i]);
		number_link(d, &peers[i]);
	}
	for (i = wanted; i-- > old; )
		unused_push(d, i);
	return 0;
}

static void peer_report(struct disc *d, const struct disc_peer *p, enum disc_change change)
{
	d->ops->changed(d->arg, p, change, p->number);
}

/* Makes room by forgetting whoever is gone longest. */
static int table_evict(struct disc *d)
{
	struct disc_peer *oldest = NULL;
	uint32_t i;

	for (i = 0; i < d->capacity; i++) {
		struct disc_peer *p = &d->peer[i];

		if (p->used && !is_live(p) && (!oldest || p->heard < oldest->heard))
			oldest = p;
	}
	if (!oldest)
		return -1;
	peer_report(d, oldest, DISC_FORGOTTEN);
	wheel_remove(d, oldest);
	boot_unlink(d, oldest);
	number_unlink(d, oldest);
	unused_push(d, index_of(d, oldest));
	return 0;
}

static struct disc_peer *peer_add(struct disc *d, uint64_t boot)
{
	struct disc_peer *p;

	if (d->unused == NONE && table_grow(d) && table_evict(d)) {
		d->stats.refused++;
		return NULL;
	}
	p = &d->peer[d->unused];
	d->unused = p->boot_next;
	memset(p, 0, sizeof(*p));
	p->used = true;
	p->boot = boot;
	p->state = DISC_DEAD;
	p->wheel_slot = NONE;
	boot_link(d, p);
	number_link(d, p);
	return p;
}

const struct disc_peer *disc_next_peer(const struct disc *d, const struct disc_peer *p)
{
	uint32_t i = p ? index_of(d, p) + 1 : 0;

	while (i < d->capacity && !d->peer[i].used)
		i++;
	return i < d->capacity ? &d->peer[i] : NULL;
}

/* --- numbers ------------------------------------------------------------------------------- */

/*
 * Who of two keeps a number: a person's word first, then who has it already, then
 * the lower boot id.  It depends on nothing but what both have said.
 */
static bool claim_beats(uint16_t flags, uint64_t boot, uint16_t other_flags, uint64_t other_boot)
{
	unsigned int one = !!(flags & DISC_F_FIXED) * 2 + !!(flags & DISC_F_HOLDING);
	unsigned int two = !!(other_flags & DISC_F_FIXED) * 2 + !!(other_flags & DISC_F_HOLDING);

	return one != two ? one > two : boot < other_boot;
}

static bool owns_better(const struct disc_peer *a, const struct disc_peer *b)
{
	if (a->state != b->state)
		return a->state == DISC_UP;
	return claim_beats(a->flags, a->boot, b->flags, b->boot);
}

const struct disc_peer *disc_owner(const struct disc *d, uint16_t number)
{
	const struct disc_peer *best = NULL;
	uint32_t i;

	if (!number || !d->capacity)
		return NULL;
	for (i = *number_bucket(d, number); i != NONE; i = d->peer[i].number_next) {
		const struct disc_peer *p = &d->peer[i];

		if (p->used && p->number == number && is_live(p) && (!best || owns_better(p, best)))
			best = p;
	}
	return best;
}

uint16_t disc_number_pick(const struct disc *d)
{
	uint32_t attempt;
	uint16_t number = 0;

	for (attempt = 1; attempt <= UINT16_MAX; attempt++) {
		number = mix(d->config.machine + attempt * 0x9e3779b97f4a7c15u) % UINT16_MAX + 1;
		if (number != d->own.number && !disc_owner(d, number))
			break;
	}
	return number;
}

static void news_begin(struct disc *d, uint32_t jitter)
{
	d->news_left = NEWS_REPEATS;
	d->news_backoff = 0;
	d->news_due = d->now + rnd(d, jitter);
}

static void number_claim(struct disc *d, uint16_t number, bool fixed)
{
	d->own.number = number;
	d->own.flags &= ~(DISC_F_HOLDING | DISC_F_FIXED);
	if (fixed)
		d->own.flags |= DISC_F_FIXED;
	d->hold_due = NEVER;
	news_begin(d, NEWS_JITTER);
}

/* A former boot of this very machine is no rival. */
static bool is_rival(const struct disc *d, const struct disc_peer *p)
{
	return d->own.number && p->number == d->own.number && p->state == DISC_UP && !p->foreign &&
	       !(p->has_info && p->info.machine == d->config.machine);
}

static void number_settle(struct disc *d, const struct disc_peer *p)
{
	if (!d->speaking || !is_rival(d, p))
		return;
	if (claim_beats(p->flags, p->boot, d->own.flags, d->own.boot)) {
		number_claim(d, disc_number_pick(d), false);
		d->ops->renumber(d->arg, d->own.number, p);
	} else if (d->now - d->defended >= DEFEND_GAP || !d->defended) {
		d->defended = d->now;
		news_begin(d, NEWS_JITTER / 4);
	}
}

/* --- speaking ------------------------------------------------------------------------------ */

/* The next two by boot id, all the way round: each node is watched over by two. */
static void fill_witnesses(struct disc *d, struct disc_message *m)
{
	const struct disc_peer *best[DISC_WITNESSES] = { NULL };
	uint32_t i;

	for (i = 0; i < d->capacity; i++) {
		const struct disc_peer *p = &d->peer[i];
		uint64_t far = p->boot - d->own.boot;

		if (!p->used || p->state != DISC_UP || p->foreign)
			continue;
		if (!best[0] || far < best[0]->boot - d->own.boot) {
			best[1] = best[0];
			best[0] = p;
		} else if (!best[1] || far < best[1]->boot - d->own.boot) {
			best[1] = p;
		}
	}
	m->nwitnesses = 0;
	for (i = 0; i < DISC_WITNESSES && best[i]; i++) {
		uint64_t age = (d->now - best[i]->heard) * 64 / 1000 + 1;

		m->witness[m->nwitnesses].boot = best[i]->boot;
		m->witness[m->nwitnesses++].age = age > UINT16_MAX ? UINT16_MAX : age;
	}
}

static void speak(struct disc *d, struct disc_message *m, enum disc_type type, bool urgent)
{
	static const struct disc_info no_info;
	size_t len = DISC_HEADER + DISC_MAC;
	unsigned int i;

	m->type = type;
	m->counter = ++d->config.counter;
	m->interval = (uint64_t)disc_interval(d) * 64 / 1000 > UINT16_MAX ? UINT16_MAX :
		      disc_interval(d) * 64 / 1000;
	m->has_info = type == DISC_ANNOUNCE;
	if (type == DISC_BEAT || type == DISC_QUERY)
		fill_witnesses(d, m);
	if (m->nwitnesses)
		len += 2 + 6 * m->nwitnesses;
	if (m->has_info) {
		len += 66 + strlen(m->info.release) + 2;
		len += m->info.host[0] ? 2 + strlen(m->info.host) : 0;
		for (i = 0; i < m->info.naddrs; i++)
			len += m->info.addr[i].family == 4 ? 5 : 17;
	} else {
		m->info = no_info;
	}
	len += (m->nalive ? 2 + 4 * m->nalive : 0) + (m->nwho ? 2 + 4 * m->nwho : 0);
	account(d, len);
	d->stats.sent++;
	d->spoke = d->now;
	d->ops->send(d->arg, m, urgent);
}

/* Whatever we say, it shows that we are alive: the next beat is an interval away. */
static void say(struct disc *d, enum disc_type type, bool urgent)
{
	struct disc_message m = d->own;

	speak(d, &m, type, urgent);
	d->beat_last = d->now;
	d->beat_due = d->now + jittered(d, disc_interval(d));
	d->deferred = false;
	if (type == DISC_ANNOUNCE)
		d->announce_next = false;
}

static void beat_step(struct disc *d)
{
	uint32_t interval = disc_interval(d);

	if (d->now < d->beat_due)
		return;
	/* More nodes than when this was scheduled: it is not our turn yet. */
	if (d->now - d->beat_last < interval - interval / 5) {
		d->beat_due = d->beat_last + jittered(d, interval);
		return;
	}
	if (!d->deferred && d->busy.bits > bucket_rate(d, &d->busy) / 5) {
		bucket_drain(d, &d->busy);
		d->deferred = true;
		d->beat_due = d->now + rnd(d, interval / 2);
		return;
	}
	say(d, d->announce_next ? DISC_ANNOUNCE : DISC_BEAT, false);
}

static void news_step(struct disc *d)
{
	static const uint32_t pause[NEWS_REPEATS] = { 0, 400, 120 };
	bool waited = d->news_backoff;

	if (!d->news_left || d->now < d->news_due)
		return;
	if (!bucket_has_room(d, &d->busy)) {
		d->news_backoff = d->news_backoff < 400 ? d->news_backoff + 100 : 400;
		d->news_due = d->now + 10 + rnd(d, d->news_backoff);
		return;
	}
	say(d, DISC_ANNOUNCE, true);
	if (d->hold_due == NEVER && d->own.number && !(d->own.flags & DISC_F_HOLDING))
		d->hold_due = d->now + CLAIM_TIME;
	d->announced = true;
	/* Where many have news, each is said once. */
	d->news_left = waited ? 0 : d->news_left - 1;
	d->news_due = d->now + (d->news_left ? pause[d->news_left] + rnd(d, NEWS_JITTER) : 0);
}

static void hold_step(struct disc *d)
{
	if (d->now < d->hold_due)
		return;
	d->hold_due = NEVER;
	d->own.flags |= DISC_F_HOLDING;
}

static void bye_step(struct disc *d)
{
	struct disc_message m = d->own;

	if (!d->bye_left || d->now < d->bye_due)
		return;
	d->bye_left--;
	d->bye_due = d->now + BYE_GAP;
	if (d->bye_left == NEWS_REPEATS - 1 || bucket_has_room(d, &d->busy))
		speak(d, &m, DISC_GOODBYE, true);
}

/* --- questions ----------------------------------------------------------------------------- */

static uint32_t round_ms(const struct disc *d)
{
	uint32_t ms = disc_interval(d) / 16;

	return ms < ROUND_MIN ? ROUND_MIN : ms > ROUND_MAX ? ROUND_MAX : ms;
}

static void ask_drop(struct disc *d, struct disc_peer *p)
{
	d->asking -= p->asking;
	p->asking = false;
}

/* One question about as many as fit; what others have asked meanwhile counts. */
static void ask_step(struct disc *d)
{
	struct disc_message m = d->own;
	uint32_t round = round_ms(d), i;

	if (!d->asking || d->now < d->ask_due)
		return;
	if (!bucket_has_room(d, &d->calm)) {
		d->ask_due = d->now + 20 + rnd(d, 100);
		return;
	}
	for (i = 0; i < d->capacity && m.nalive < DISC_ASKS; i++) {
		struct disc_peer *p = &d->peer[i];

		if (!p->used || !p->asking)
			continue;
		ask_drop(d, p);
		p->rounds++;
		if (!p->asked || d->now - p->asked > round / 2) {
			m.ask_alive[m.nalive++] = p->boot;
			p->asked = d->now;
		}
		wheel_add(d, p, d->now + round);
	}
	d->ask_due = d->now + 5;
	if (!m.nalive)
		return;
	d->stats.asks++;
	speak(d, &m, DISC_QUERY, false);
}

/* Those whose information is missing are asked for it, a few at a time. */
static void who_step(struct disc *d)
{
	struct disc_message m = d->own;
	uint32_t i;

	if (!d->lacking || d->now < d->who_due)
		return;
	if (!bucket_has_room(d, &d->calm)) {
		d->who_due = d->now + 50 + rnd(d, WHO_GAP);
		return;
	}
	d->who_due = d->now + WHO_GAP;
	for (i = 0; i < d->capacity && m.nwho < WHO_BATCH; i++) {
		struct disc_peer *p = &d->peer[i];

		if (!p->used || p->state != DISC_UP || !p->info_due || d->now < p->info_due)
			continue;
		p->info_due = d->now + 2 * disc_interval(d);
		m.ask_who[m.nwho++] = p->boot;
	}
	if (m.nwho)
		speak(d, &m, DISC_QUERY, false);
}

static void info_wanted(struct disc *d, struct disc_peer *p)
{
	if (p->info_due || p->foreign)
		return;
	if (!d->lacking++)
		d->who_due = d->now + rnd(d, WHO_GAP);
	/* It may be on its way: news comes more than once. */
	p->info_due = d->now + 600 + rnd(d, disc_interval(d) / 2);
}

static void info_here(struct disc *d, struct disc_peer *p)
{
	if (p->info_due)
		d->lacking--;
	p->info_due = 0;
}

static void questions_hear(struct disc *d, const struct disc_message *m)
{
	unsigned int i;

	for (i = 0; i < m->nwho; i++)
		if (m->ask_who[i] == (uint32_t)d->own.boot)
			d->announce_next = true;
	for (i = 0; i < m->nalive; i++) {
		struct disc_peer *p;

		if (m->ask_alive[i] == (uint32_t)d->own.boot) {
			if (d->speaking && d->announced && d->now - d->spoke >= ANSWER_GAP)
				say(d, DISC_BEAT, false);
			continue;
		}
		p = d->capacity ? find_low(d, m->ask_alive[i]) : NULL;
		if (!p)
			continue;
		/* A question that is not answered counts, whoever was the first to doubt. */
		if (p->state == DISC_UP && d->now - p->asked >= round_ms(d) * 3 / 4)
			p->rounds++;
		p->asked = d->now;
		if (p->asking) {	/* our question too */
			ask_drop(d, p);
			p->rounds++;
			wheel_add(d, p, d->now + round_ms(d));
		}
	}
}

/* --- peers' lives -------------------------------------------------------------------------- */

static uint64_t silent_at(const struct disc *d, const struct disc_peer *p)
{
	uint32_t own = disc_interval(d), longest = p->interval > own ? p->interval : own;

	return p->heard + (uint64_t)longest * SILENT_AFTER / 10;
}

/* Those of a slot that were heard meanwhile are put in where they are due now; false: all of them. */
static bool wheel_tidy(struct disc *d, uint64_t tick)
{
	uint32_t i = d->wheel[tick % SLOTS], next;
	uint64_t due;

	for (; i != NONE; i = next) {
		next = d->peer[i].wheel_next;
		due = d->peer[i].state == DISC_UP ? silent_at(d, &d->peer[i]) : 0;
		if (due / SLOT_MS + 1 > tick)
			wheel_add(d, &d->peer[i], due);
	}
	return d->wheel[tick % SLOTS] != NONE;
}

/* Nobody wakes up for who is known not to be silent then. */
static uint64_t wheel_next_due(struct disc *d, uint64_t before)
{
	uint64_t tick;

	if (!d->wheel_count)
		return NEVER;
	for (tick = d->wheel_tick + 1; tick < d->wheel_tick + SLOTS; tick++)
		if (tick * SLOT_MS >= before || wheel_tidy(d, tick))
			break;
	return tick * SLOT_MS;
}

static void peer_end(struct disc *d, struct disc_peer *p, enum disc_state state)
{
	d->live -= is_live(p);
	p->state = state;
	wheel_remove(d, p);
	ask_drop(d, p);
	info_here(d, p);
	peer_report(d, p, state == DISC_LEFT ? DISC_WENT : DISC_DIED);
}

static void peer_silence(struct disc *d, struct disc_peer *p)
{
	uint64_t due = d->now + rnd(d, round_ms(d) / 2);

	p->state = DISC_SILENT;
	if (p->rounds && due < p->asked + round_ms(d))
		due = p->asked + round_ms(d);
	p->asked = 0;
	wheel_add(d, p, due);
	peer_report(d, p, DISC_FELL_SILENT);
}

/* A round of questions is over, or begins. */
static void peer_doubt(struct disc *d, struct disc_peer *p)
{
	if (p->rounds >= ROUNDS || p->foreign) {
		peer_end(d, p, DISC_DEAD);
		return;
	}
	if (p->asked && d->now - p->asked < round_ms(d) * 3 / 4) {
		p->rounds++;
		wheel_add(d, p, d->now + round_ms(d));
		return;
	}
	if (!p->asking && !d->asking++)
		d->ask_due = d->now + rnd(d, 10);
	p->asking = true;
}

static void peer_due(struct disc *d, struct disc_peer *p)
{
	uint64_t due = p->state == DISC_UP ? silent_at(d, p) : p->due;

	if (d->now < due)
		wheel_add(d, p, due);
	else if (p->state == DISC_UP)
		peer_silence(d, p);
	else if (p->state == DISC_SILENT)
		peer_doubt(d, p);
}

static void wheel_step(struct disc *d)
{
	uint64_t tick = d->now / SLOT_MS;

	if (tick > d->wheel_tick + SLOTS)
		d->wheel_tick = tick - SLOTS;
	while (d->wheel_tick < tick) {
		uint32_t i;

		d->wheel_tick++;
		while ((i = d->wheel[d->wheel_tick % SLOTS]) != NONE) {
			wheel_remove(d, &d->peer[i]);
			peer_due(d, &d->peer[i]);
		}
	}
}

/* Between this packet and the last one of @p: what others sent, and we lost. */
static void account_lost(struct disc *d, const struct disc_peer *p, uint64_t counter, size_t len)
{
	uint64_t lost = p->top && counter > p->top ? counter - p->top - 1 : 0;

	/* Larger gaps are a daemon's restart, or a cable that was out. */
	while (lost <= LOST_MAX && lost--)
		account(d, len);
}

static bool is_replay(struct disc_peer *p, uint64_t counter)
{
	uint64_t behind = p->top - counter;

	if (counter > p->top) {
		behind = counter - p->top;
		p->seen = behind < 64 ? p->seen << behind | 1 : 1;
		p->top = counter;
		return false;
	}
	/* After a goodbye only what was said later counts. */
	if (behind >= 64 || p->seen >> behind & 1 || !is_live(p))
		return true;
	p->seen |= 1ull << behind;
	return false;
}

/*
 * A new boot of a machine that was up: its former one is doubted at once, not
 * buried, since anybody could repeat an old packet to somebody new.
 */
static bool replaces_former(struct disc *d, const struct disc_peer *p)
{
	bool known = false;
	uint32_t i;

	for (i = *number_bucket(d, p->number); i != NONE; i = d->peer[i].number_next) {
		struct disc_peer *q = &d->peer[i];

		if (q == p || !q->used || q->number != p->number || !q->has_info ||
		    q->info.machine != p->info.machine)
			continue;
		known = true;
		if (q->state == DISC_UP && q->heard < p->heard)
			peer_silence(d, q);
	}
	return known;
}

static bool info_same(const struct disc_info *a, const struct disc_info *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool is_announced(const struct disc_origin *from, const struct disc_info *info)
{
	unsigned int i;

	for (i = 0; i < info->naddrs; i++)
		if (info->addr[i].family == from->family &&
		    !memcmp(info->addr[i].addr, from->addr, sizeof(from->addr)))
			return true;
	return false;
}

/*
 * Of several ways to a node the one that was found first is kept, until it is
 * silent or the node says that it has that address no more.
 */
static bool origin_take(struct disc *d, struct disc_peer *p, const struct disc_message *m,
			const struct disc_origin *from)
{
	if (!memcmp(&p->from, from, sizeof(*from))) {
		p->from_heard = d->now;
		return false;
	}
	if (p->from.family && d->now - p->from_heard < 2 * disc_interval(d) &&
	    (!m->has_info || is_announced(&p->from, &m->info)))
		return false;
	p->from = *from;
	p->from_heard = d->now;
	return true;
}

/* Takes what @m says; tells whether anything but load figures changed. */
static bool peer_take(struct disc *d, struct disc_peer *p, const struct disc_message *m,
		      const struct disc_origin *from)
{
	bool news = p->flags != m->flags || p->foreign != m->foreign;

	if (p->number != m->number) {
		number_unlink(d, p);
		p->number = m->number;
		number_link(d, p);
		news = true;
	}
	p->flags = m->flags;
	p->foreign = m->foreign;
	p->interval = (uint32_t)m->interval * 1000 / 64;
	p->load = m->load;
	p->util = m->util;
	p->mem = m->mem;
	p->rmem = m->rmem;
	news |= origin_take(d, p, m, from);
	if (m->has_info) {
		news |= !p->has_info || !info_same(&p->info, &m->info);
		p->info = m->info;
		p->info_seq = m->info_seq;
		p->has_info = true;
		info_here(d, p);
	} else if (!p->has_info || p->info_seq != m->info_seq) {
		info_wanted(d, p);
	}
	return news;
}

static void peer_live(struct disc *d, struct disc_peer *p, bool news, uint16_t old_number)
{
	uint8_t before = p->state;
	enum disc_change change = news ? DISC_UPDATED : DISC_BEATS;

	p->state = DISC_UP;
	p->rounds = 0;
	ask_drop(d, p);
	if (before == DISC_SILENT) {
		change = DISC_RESUMED;
		d->stats.false_alarms++;
	} else if (before != DISC_UP) {
		d->live++;
		change = p->has_info && replaces_former(d, p) ? DISC_RETURNED : DISC_CAME;
	}
	if (before != DISC_UP)
		wheel_add(d, p, silent_at(d, p));
	d->ops->changed(d->arg, p, change, old_number);
}

static void witnesses_hear(struct disc *d, const struct disc_message *m)
{
	unsigned int i;

	for (i = 0; i < m->nwitnesses; i++) {
		uint64_t age = (uint64_t)m->witness[i].age * 1000 / 64;
		struct disc_peer *p = find_low(d, m->witness[i].boot);

		if (!p || !is_live(p) || age > d->now || d->now - age <= p->heard)
			continue;
		p->heard = d->now - age;
		if (p->heard > p->asked)
			p->rounds = 0;
		if (p->state == DISC_SILENT && silent_at(d, p) > d->now)
			peer_live(d, p, false, p->number);
	}
}

/* --- what the edge calls ------------------------------------------------------------------- */

/* The clock without gaps: a machine that stood still has no word against the others. */
static void clock_set(struct disc *d, uint64_t outer)
{
	uint64_t gap = outer > d->outer ? outer - d->outer : 0;

	d->outer = outer;
	d->now += gap < STALL ? gap : STALL;
}

void disc_receive(struct disc *d, uint64_t now, const struct disc_message *m, size_t len,
		  const struct disc_origin *from)
{
	struct disc_peer *p;
	uint16_t old;
	bool news;

	clock_set(d, now);
	account(d, len);
	d->stats.received++;
	if (m->boot == d->own.boot)
		return;
	p = d->capacity ? find_boot(d, m->boot) : NULL;
	if (!p && m->type == DISC_GOODBYE)
		return;
	if (!p)
		p = peer_add(d, m->boot);
	if (!p)
		return;
	account_lost(d, p, m->counter, len);
	if (is_replay(p, m->counter)) {
		d->stats.replayed++;
		return;
	}
	if (m->type == DISC_GOODBYE) {
		if (is_live(p))
			peer_end(d, p, DISC_LEFT);
		return;
	}
	old = p->number;
	p->heard = d->now;
	news = peer_take(d, p, m, from);
	peer_live(d, p, news, old);
	number_settle(d, p);
	witnesses_hear(d, m);
	questions_hear(d, m);
}

static uint64_t earliest(struct disc *d)
{
	uint64_t due = d->now + STEP_MAX, w = wheel_next_due(d, due);
	unsigned int i;
	const uint64_t times[] = {
		d->speaking && d->announced ? d->beat_due : NEVER,
		d->speaking && d->news_left ? d->news_due : NEVER,
		d->hold_due,
		d->speaking && d->asking ? d->ask_due : NEVER,
		d->speaking && d->lacking ? d->who_due : NEVER,
		d->bye_left ? d->bye_due : NEVER,
		w,
	};

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i] < due)
			due = times[i];
	return due > d->now ? due : d->now + 1;
}

uint64_t disc_step(struct disc *d, uint64_t now)
{
	clock_set(d, now);
	wheel_step(d);
	if (d->speaking) {
		hold_step(d);
		news_step(d);
		if (d->announced)
			beat_step(d);
		ask_step(d);
		who_step(d);
	}
	bye_step(d);
	return now + (earliest(d) - d->now);
}

void disc_start(struct disc *d, uint64_t now)
{
	clock_set(d, now);
	d->speaking = true;
	d->announced = false;
	d->bye_left = 0;
	news_begin(d, NEWS_JITTER);
}

void disc_goodbye(struct disc *d, uint64_t now)
{
	clock_set(d, now);
	if (d->speaking && d->announced) {
		d->bye_left = NEWS_REPEATS;
		d->bye_due = d->now;
	}
	d->speaking = false;
}

bool disc_gone(const struct disc *d)
{
	return !d->speaking && !d->bye_left;
}

void disc_news(struct disc *d, uint64_t now)
{
	clock_set(d, now);
	if (d->speaking)
		news_begin(d, NEWS_JITTER);
}

void disc_number_set(struct disc *d, uint64_t now, uint16_t number, bool fixed)
{
	const struct disc_peer *rival;

	clock_set(d, now);
	number_claim(d, number, fixed);
	rival = disc_owner(d, number);
	if (rival)
		number_settle(d, rival);
}

void disc_info_set(struct disc *d, uint64_t now, const struct disc_info *info)
{
	if (info_same(&d->own.info, info))
		return;
	clock_set(d, now);
	d->own.info = *info;
	d->own.info_seq++;
	if (d->speaking)
		news_begin(d, NEWS_JITTER);
}

void disc_block_set(struct disc *d, uint64_t now, bool block)
{
	if (block == !!(d->own.flags & DISC_F_BLOCK))
		return;
	clock_set(d, now);
	d->own.flags ^= DISC_F_BLOCK;
	if (d->speaking)
		news_begin(d, NEWS_JITTER);
}

void disc_load_set(struct disc *d, uint32_t load, uint8_t util, uint64_t mem, uint64_t rmem)
{
	d->own.load = load;
	d->own.util = util;
	d->own.mem = mem;
	d->own.rmem = rmem;
}

uint16_t disc_number(const struct disc *d)
{
	return d->own.number;
}

bool disc_holding(const struct disc *d)
{
	return d->own.flags & DISC_F_HOLDING;
}

uint64_t disc_boot(const struct disc *d)
{
	return d->own.boot;
}

uint32_t disc_live(const struct disc *d)
{
	return d->live;
}

const struct disc_stats *disc_stats(const struct disc *d)
{
	return &d->stats;
}

struct disc *disc_new(const struct disc_config *config, const struct disc_ops *ops, void *arg,
		      uint64_t now)
{
	struct disc *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->config = *config;
	if (!d->config.rate)
		d->config.rate = RATE;
	if (!d->config.peers_max)
		d->config.peers_max = PEERS_MAX;
	d->ops = ops;
	d->arg = arg;
	d->random = mix(config->seed ^ config->boot);
	d->own.boot = config->boot;
	d->own.info_seq = config->counter;	/* differs from what an earlier run said last */
	d->own.info.machine = config->machine;
	d->outer = now;
	d->now = SLOTS * SLOT_MS;
	d->wheel_tick = SLOTS;
	d->calm.since = d->busy.since = d->now;
	d->hold_due = NEVER;
	d->unused = NONE;
	memset(d->wheel, 0xff, sizeof(d->wheel));
	return d;
}

void disc_free(struct disc *d)
{
	if (!d)
		return;
	free(d->peer);
	free(d->by_boot);
	free(d->by_number);
	free(d);
}
