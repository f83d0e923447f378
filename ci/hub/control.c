// SPDX-License-Identifier: GPL-2.0-only
/* The hub's control language; see control.h. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

#define WORDS_MAX	16
#define MS_MAX		3600000.0
#define PCAP_DEFAULT_MIB 1024ull

struct reply {
	char *buf;
	size_t size, used;
};

struct command {
	struct hub_lan *lan;
	const struct hub_control_ops *ops;
	struct reply *reply;
	char **words;		/* arguments, after the verb */
	size_t count;
};

__attribute__((format(printf, 2, 3)))
static void say(struct reply *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(r->buf + r->used, r->size - r->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		r->used += (size_t)n < r->size - r->used ? (size_t)n : r->size - r->used - 1;
}

static int complain(struct command *c, const char *what, const char *object)
{
	say(c->reply, "error %s '%s'\n", what, object);
	return -EINVAL;
}

static int parse_number(const char *text, double max, double *ret)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !isfinite(v) || v < 0 || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int parse_fault(struct hub_fault *f, char *word)
{
	char *value = strchr(word, '=');
	double v;

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (!strcmp(word, "delay") || !strcmp(word, "jitter") || !strcmp(word, "gap")) {
		uint64_t *ns = *word == 'd' ? &f->delay_ns : *word == 'j' ? &f->jitter_ns : &f->gap_ns;

		if (parse_number(value, MS_MAX, &v))
			return -EINVAL;
		*ns = (uint64_t)(v * 1e6);
		return 0;
	}
	if (parse_number(value, 1, &v))
		return -EINVAL;
	if (!strcmp(word, "loss"))
		f->loss = v;
	else if (!strcmp(word, "dup"))
		f->dup = v;
	else if (!strcmp(word, "reorder"))
		f->reorder = v;
	else if (!strcmp(word, "cut") && (v == 0 || v == 1))
		f->cut = v == 1;
	else
		return -EINVAL;
	return 0;
}

/* The ports a word means, as [*first, *end). */
static int parse_ports(struct command *c, const char *word, unsigned int *first, unsigned int *end)
{
	int port;

	*first = 0;
	*end = c->lan->ports;
	if (!strcmp(word, "*"))
		return 0;
	port = hub_lan_find(c->lan, word);
	if (port < 0)
		return complain(c, "no such port", word);
	*first = (unsigned int)port;
	*end = *first + 1;
	return 0;
}

static int apply(struct command *c, struct hub_fault *f)
{
	char word[64];

	for (size_t i = 2; i < c->count; i++) {
		snprintf(word, sizeof(word), "%s", c->words[i]);
		if (parse_fault(f, word))
			return complain(c, "not a fault", c->words[i]);
	}
	return 0;
}

static int do_set(struct command *c)
{
	unsigned int from, from_end, to, to_end;
	struct hub_fault probe = { 0 };

	if (c->count < 3)
		return complain(c, "too few words for", "set");
	if (parse_ports(c, c->words[0], &from, &from_end) ||
	    parse_ports(c, c->words[1], &to, &to_end) || apply(c, &probe))
		return -EINVAL;
	for (unsigned int i = from; i < from_end; i++)
		for (unsigned int j = to; j < to_end; j++)
			if (i != j)
				apply(c, &c->lan->pair[i][j].fault);
	return 0;
}

static void set_cuts(struct hub_lan *lan, const unsigned int *group)
{
	for (unsigned int i = 0; i < lan->ports; i++)
		for (unsigned int j = 0; j < lan->ports; j++)
			lan->pair[i][j].fault.cut =
				group && group[i] && group[j] && group[i] != group[j];
}

static int do_partition(struct command *c)
{
	unsigned int group[HUB_PORTS_MAX] = { 0 }, number = 1;
	char *groups, *names;

	if (c->count != 1)
		return complain(c, "wants one word like a,b|c,d:", "partition");
	for (char *g = strtok_r(c->words[0], "|", &groups); g; g = strtok_r(NULL, "|", &groups)) {
		for (char *n = strtok_r(g, ",", &names); n; n = strtok_r(NULL, ",", &names)) {
			int port = hub_lan_find(c->lan, n);

			if (port < 0)
				return complain(c, "no such port", n);
			if (group[port])
				return complain(c, "port is in two groups:", n);
			group[port] = number;
		}
		number++;
	}
	if (number < 3)
		return complain(c, "wants two groups or more:", "partition");
	set_cuts(c->lan, group);
	return 0;
}

static int do_heal(struct command *c)
{
	set_cuts(c->lan, NULL);
	return 0;
}

static int do_clear(struct command *c)
{
	for (unsigned int i = 0; i < c->lan->ports; i++)
		for (unsigned int j = 0; j < c->lan->ports; j++)
			c->lan->pair[i][j].fault =
				(struct hub_fault){ .gap_ns = HUB_DEFAULT_GAP_NS };
	return 0;
}

static int do_show(struct command *c)
{
	struct hub_lan *lan = c->lan;

	say(c->reply, "data seed=0x%016" PRIx64 "\n", lan->seed);
	for (unsigned int i = 0; i < lan->ports; i++)
		for (unsigned int j = 0; j < lan->ports; j++) {
			const struct hub_fault *f = &lan->pair[i][j].fault;

			if (f->loss > 0 || f->dup > 0 || f->reorder > 0 || f->delay_ns ||
			    f->jitter_ns || f->cut)
				say(c->reply, "data from=%s to=%s loss=%g dup=%g reorder=%g"
				    " delay=%g jitter=%g gap=%g cut=%d\n", lan->name[i],
				    lan->name[j], f->loss, f->dup, f->reorder,
				    (double)f->delay_ns / 1e6, (double)f->jitter_ns / 1e6,
				    (double)f->gap_ns / 1e6, f->cut);
		}
	return 0;
}

static int do_stats(struct command *c)
{
	for (unsigned int i = 0; i < c->lan->ports; i++) {
		const struct hub_port_stats *s = &c->lan->stats[i];

		say(c->reply, "data port=%s in_frames=%" PRIu64 " in_bytes=%" PRIu64
		    " out_frames=%" PRIu64 " out_bytes=%" PRIu64 " cut=%" PRIu64
		    " lost=%" PRIu64 " duplicated=%" PRIu64 " reordered=%" PRIu64
		    " overrun=%" PRIu64 "\n", c->lan->name[i], s->in_frames, s->in_bytes,
		    s->out_frames, s->out_bytes, s->cut, s->lost, s->duplicated,
		    s->reordered, s->overrun);
	}
	return 0;
}

static int do_pcap(struct command *c)
{
	double mib = PCAP_DEFAULT_MIB;
	bool off = c->count == 1 && !strcmp(c->words[0], "off");
	int r;

	if (c->count < 1 || c->count > 2)
		return complain(c, "wants PATH [MIB] or off:", "pcap");
	if (c->count == 2 && parse_number(c->words[1], 1 << 20, &mib))
		return complain(c, "not a size in MiB:", c->words[1]);
	r = c->ops->pcap(c->ops->arg, off ? NULL : c->words[0], (uint64_t)(mib * (1 << 20)));
	return r ? complain(c, strerror(-r), c->words[0]) : 0;
}

static int do_quit(struct command *c)
{
	c->ops->quit(c->ops->arg);
	return 0;
}

static const struct {
	const char *verb;
	int (*run)(struct command *c);
} commands[] = {
	{ "set", do_set },
	{ "partition", do_partition },
	{ "heal", do_heal },
	{ "clear", do_clear },
	{ "show", do_show },
	{ "stats", do_stats },
	{ "pcap", do_pcap },
	{ "quit", do_quit },
};

void hub_control(struct hub_lan *lan, const struct hub_control_ops *ops, char *line,
		 char *reply, size_t size)
{
	char *words[WORDS_MAX], *save;
	struct reply r = { reply, size, 0 };
	struct command c = { lan, ops, &r, words + 1, 0 };
	size_t n = 0;

	*reply = '\0';
	for (char *w = strtok_r(line, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
		if (n == WORDS_MAX) {
			say(&r, "error more than %d words\n", WORDS_MAX);
			return;
		}
		words[n++] = w;
	}
	if (!n) {
		say(&r, "error empty line\n");
		return;
	}
	c.count = n - 1;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].verb, words[0])) {
			if (!commands[i].run(&c))
				say(&r, "ok\n");
			return;
		}
	complain(&c, "unknown command", words[0]);
}
