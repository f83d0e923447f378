// SPDX-License-Identifier: GPL-2.0-only
/*
 * openmosix.map(5): which node has which address.
 *
 * One pass reads the lines, a second compares them with each other.  At most
 * 256 lines, so comparing every pair is cheap and needs no table.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "hpc.h"

#define FIELDS		3
#define FIELD_MAX	255	/* longest host name of the DNS */

static int fail(struct hpc_map_error *err, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct hpc_map_error *err, unsigned int line, const char *format, ...)
{
	va_list ap;

	err->line = line;
	va_start(ap, format);
	vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	return -EINVAL;
}

/* A decimal number of at most @max, nothing else. */
static int number_parse(const char *text, uint32_t max, uint32_t *ret_number)
{
	uint64_t n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (*text - '0');
		if (n > max)
			return -ERANGE;
	}
	*ret_number = n;
	return 0;
}

/* --- one line ------------------------------------------------------------------------ */

static int first_parse(const char *field, struct hpc_map_entry *e, struct hpc_map_error *err)
{
	int ret = number_parse(field, HPC_NODE_MAX, &e->first);

	if (ret == -EINVAL)
		return fail(err, e->line, "'%s' is not a node number", field);
	if (ret || e->first < HPC_NODE_MIN)
		return fail(err, e->line, "node number %s is not between %d and %d", field,
			    HPC_NODE_MIN, HPC_NODE_MAX);
	return 0;
}

static int count_parse(const char *field, struct hpc_map_entry *e, struct hpc_map_error *err)
{
	int ret;

	if (!strcasecmp(field, "ALIAS")) {
		e->count = 0;
		return 0;
	}
	ret = number_parse(field, HPC_NODE_MAX, &e->count);
	if (ret == -EINVAL)
		return fail(err, e->line, "'%s' is neither a number of machines nor ALIAS", field);
	if (ret || (e->count && e->count > HPC_NODE_MAX + 1 - e->first))
		return fail(err, e->line, "%s machines from number %u on: the highest number is %d",
			    field, e->first, HPC_NODE_MAX);
	return 0;
}

static int name_resolve(const char *field, struct hpc_map_entry *e, hpc_resolve_fn *resolve,
			void *arg, struct hpc_map_error *err)
{
	int ret;

	if (e->count > 1)
		return fail(err, e->line,
			    "'%s' is not an address, and only addresses can be counted on from",
			    field);
	ret = resolve ? resolve(field, &e->addr, arg) : -ENOENT;
	if (ret == -ENOENT)
		return fail(err, e->line, "'%s' is neither an address nor a known host name",
			    field);
	if (ret)
		return fail(err, e->line, "host name '%s' could not be looked up: %s", field,
			    strerror(-ret));
	return 0;
}

/* The last address of an entry; its addresses have been checked to exist. */
static struct hpc_addr addr_last(const struct hpc_map_entry *e)
{
	struct hpc_addr last = e->addr;

	if (e->count > 1)
		(void)hpc_addr_advance(&e->addr, e->count - 1, &last);
	return last;
}

static int addr_check(const char *field, const struct hpc_map_entry *e, struct hpc_map_error *err)
{
	char text[HPC_ADDR_TEXT];
	struct hpc_addr last;
	const char *why = hpc_addr_unusable(&e->addr);

	hpc_addr_format(&e->addr, NULL, text);
	if (why && strcmp(field, text) != 0)
		return fail(err, e->line, "'%s' is %s: that %s%s", field, text, why,
			    strstr(why, "loopback") ? "; correct /etc/hosts" : "");
	if (why)
		return fail(err, e->line, "%s %s", text, why);
	if (e->count > 1 && hpc_addr_advance(&e->addr, e->count - 1, &last))
		return fail(err, e->line, "there are no %u addresses from %s on", e->count, text);

	last = addr_last(e);
	why = hpc_addr_unusable(&last);
	if (!why)
		return 0;
	hpc_addr_format(&last, NULL, text);
	return fail(err, e->line, "the last of %u addresses, %s, %s", e->count, text, why);
}

static int addr_parse(const char *field, struct hpc_map_entry *e, hpc_resolve_fn *resolve,
		      void *arg, struct hpc_map_error *err)
{
	int ret = 0;

	if (hpc_addr_parse(field, &e->addr))
		ret = name_resolve(field, e, resolve, arg, err);
	return ret ? ret : addr_check(field, e, err);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts a line into fields.  Returns how many there are, at most FIELDS + 1. */
static int fields_split(const char *line, size_t len, char field[FIELDS][FIELD_MAX + 1],
			unsigned int number, struct hpc_map_error *err)
{
	size_t i = 0, start;
	int n = 0;

	while (i < len && line[i] != '#') {
		if (is_blank(line[i])) {
			i++;
			continue;
		}
		if (n == FIELDS)
			return n + 1;
		for (start = i; i < len && !is_blank(line[i]) && line[i] != '#'; i++)
			if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
				return fail(err, number, "holds a control character");
		if (i - start > FIELD_MAX)
			return fail(err, number, "field %d is longer than %d characters", n + 1,
				    FIELD_MAX);
		memcpy(field[n], line + start, i - start);
		field[n++][i - start] = '\0';
	}
	return n;
}

static int line_parse(const char *line, size_t len, unsigned int number, hpc_resolve_fn *resolve,
		      void *arg, struct hpc_map *map, struct hpc_map_error *err)
{
	char field[FIELDS][FIELD_MAX + 1];
	struct hpc_map_entry e = { .line = number };
	int n = fields_split(line, len, field, number, err);
	int ret;

	if (n <= 0)
		return n;
	if (n != FIELDS)
		return fail(err, number, "expected three fields, 'NUMBER ADDRESS COUNT', found %s",
			    n > FIELDS ? "more" : n == 2 ? "two" : "one");
	if (map->n == HPC_MAP_LINES_MAX)
		return fail(err, number, "a map has at most %d lines", HPC_MAP_LINES_MAX);

	ret = first_parse(field[0], &e, err);
	if (!ret)
		ret = count_parse(field[2], &e, err);
	if (!ret)
		ret = addr_parse(field[1], &e, resolve, arg, err);
	if (!ret)
		map->entry[map->n++] = e;
	return ret;
}

/* --- lines against each other --------------------------------------------------------- */

static bool numbers_overlap(const struct hpc_map_entry *a, const struct hpc_map_entry *b)
{
	return a->count && b->count && a->first < b->first + b->count &&
	       b->first < a->first + a->count;
}

static bool addrs_overlap(const struct hpc_map_entry *a, const struct hpc_map_entry *b)
{
	struct hpc_addr a_last = addr_last(a), b_last = addr_last(b);

	return hpc_addr_compare(&a->addr, &b_last) <= 0 &&
	       hpc_addr_compare(&b->addr, &a_last) <= 0;
}

static const struct hpc_map_entry *entry_of(const struct hpc_map *map, uint32_t id)
{
	size_t i;

	for (i = 0; i < map->n; i++)
		if (id >= map->entry[i].first && id - map->entry[i].first < map->entry[i].count)
			return &map->entry[i];
	return NULL;
}

static int pair_check(const struct hpc_map_entry *a, const struct hpc_map_entry *b,
		      struct hpc_map_error *err)
{
	char text[HPC_ADDR_TEXT];

	if (numbers_overlap(a, b))
		return fail(err, b->line, "node number %u is taken by line %u already (a second "
			    "address of a node is written with ALIAS)",
			    a->first > b->first ? a->first : b->first, a->line);
	if (addrs_overlap(a, b)) {
		hpc_addr_format(hpc_addr_compare(&a->addr, &b->addr) > 0 ? &a->addr : &b->addr,
				NULL, text);
		return fail(err, b->line, "address %s is used by line %u already", text, a->line);
	}
	return 0;
}

static int alias_check(const struct hpc_map *map, const struct hpc_map_entry *e,
		       struct hpc_map_error *err)
{
	unsigned int aliases = 0;
	const struct hpc_map_entry *a;

	if (!entry_of(map, e->first))
		return fail(err, e->line, "ALIAS for node %u, which no line of the map defines",
			    e->first);
	for (a = map->entry; a <= e; a++)
		aliases += !a->count && a->first == e->first;
	if (aliases > HPC_NODE_ADDRS - 1)
		return fail(err, e->line, "node %u has more than %d addresses", e->first,
			    HPC_NODE_ADDRS);
	return 0;
}

static int map_check(const struct hpc_map *map, struct hpc_map_error *err)
{
	size_t i, j;
	int ret;

	if (!map->n)
		return fail(err, 0, "there is no node in it");
	for (j = 0; j < map->n; j++) {
		for (i = 0; i < j; i++) {
			ret = pair_check(&map->entry[i], &map->entry[j], err);
			if (ret)
				return ret;
		}
		if (map->entry[j].count)
			continue;
		ret = alias_check(map, &map->entry[j], err);
		if (ret)
			return ret;
	}
	return 0;
}

int hpc_map_parse(const char *text, size_t len, hpc_resolve_fn *resolve, void *arg,
		  struct hpc_map *ret_map, struct hpc_map_error *ret_error)
{
	const char *end = text + len, *eol;
	struct hpc_map *map;
	unsigned int number = 0;
	int ret = 0;

	map = calloc(1, sizeof(*map));
	if (!map) {
		fail(ret_error, 0, "no memory");
		return -ENOMEM;
	}
	for (; text < end && !ret; text = eol + 1) {
		eol = memchr(text, '\n', end - text);
		if (!eol)
			eol = end;
		ret = line_parse(text, eol - text, ++number, resolve, arg, map, ret_error);
	}
	if (!ret)
		ret = map_check(map, ret_error);
	if (!ret)
		*ret_map = *map;
	free(map);
	return ret;
}

/* --- asking a map ------------------------------------------------------------------------ */

size_t hpc_map_nodes(const struct hpc_map *map)
{
	size_t i, nodes = 0;

	for (i = 0; i < map->n; i++)
		nodes += map->entry[i].count;
	return nodes;
}

/* The entry that defines the lowest number not below @from, and that number. */
static const struct hpc_map_entry *entry_next(const struct hpc_map *map, uint32_t from,
					      uint32_t *ret_id)
{
	const struct hpc_map_entry *e, *best = NULL;
	uint32_t id;

	for (e = map->entry; e < map->entry + map->n; e++) {
		id = from > e->first ? from : e->first;
		if (id - e->first >= e->count || (best && id >= *ret_id))
			continue;
		best = e;
		*ret_id = id;
	}
	return best;
}

int hpc_map_next(const struct hpc_map *map, uint32_t from, struct hpc_node *ret_node)
{
	struct hpc_node node = { .size = sizeof(node) };
	const struct hpc_map_entry *e;
	int ret;

	e = entry_next(map, from, &node.id);
	if (!e)
		return -ENOENT;
	ret = hpc_addr_advance(&e->addr, node.id - e->first, &node.addr[node.naddrs++]);
	if (ret)
		return ret;
	for (e = map->entry; e < map->entry + map->n; e++)
		if (!e->count && e->first == node.id && node.naddrs < HPC_NODE_ADDRS)
			node.addr[node.naddrs++] = e->addr;
	*ret_node = node;
	return 0;
}

static uint32_t addr_distance(const struct hpc_addr *from, const struct hpc_addr *to)
{
	const size_t last = from->family == AF_INET ? 4 : sizeof(from->addr);
	uint32_t a = 0, b = 0;
	size_t i;

	for (i = last - 4; i < last; i++) {
		a = a << 8 | from->addr[i];
		b = b << 8 | to->addr[i];
	}
	return b - a;
}

int hpc_map_find(const struct hpc_map *map, const struct hpc_addr *addr, uint32_t *ret_id)
{
	const struct hpc_map_entry *e;
	struct hpc_addr last;

	for (e = map->entry; e < map->entry + map->n; e++) {
		last = addr_last(e);
		if (hpc_addr_compare(addr, &e->addr) < 0 || hpc_addr_compare(addr, &last) > 0)
			continue;
		*ret_id = e->first + addr_distance(&e->addr, addr);
		return 0;
	}
	return -ENOENT;
}
