// SPDX-License-Identifier: GPL-2.0-only
/*
 * See status.h.  A client sends one byte and reads to the end: 't' for text, 'j' for
 * JSON, 'h' for a line "NUMBER STATE ADDRESS HOST" of each node that has a number.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hpc.h"
#include "status.h"

static int address(const char *path, struct sockaddr_un *ret_sun)
{
	memset(ret_sun, 0, sizeof(*ret_sun));
	ret_sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(ret_sun->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret_sun->sun_path, path);
	return 0;
}

/* --- text ---------------------------------------------------------------------------------- */

static const char *state_word(const struct disc_peer *p)
{
	static const char *const words[] = {
		[DISC_UP] = "up", [DISC_SILENT] = "silent", [DISC_LEFT] = "left", [DISC_DEAD] = "dead",
	};

	return p->foreign && p->state == DISC_UP ? "foreign" : words[p->state];
}

static void addr_text(uint8_t family, const uint8_t *addr, char text[INET6_ADDRSTRLEN])
{
	if (!inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, text, INET6_ADDRSTRLEN))
		strcpy(text, "-");
}

static void peer_text(FILE *f, const struct disc_peer *p)
{
	char addr[INET6_ADDRSTRLEN];

	addr_text(p->from.family, p->from.addr, addr);
	fprintf(f, "%6u  %-7s %-39s %-15s %4u %6u %3u%%  %s\n", p->number, state_word(p), addr,
		p->info.host[0] ? p->info.host : "-", p->info.cpus, p->load, p->util,
		p->foreign ? "another protocol version: not used" :
		p->info.release[0] ? p->info.release : "-");
}

static void print_text(FILE *f, const struct status_source *s)
{
	const struct net_counts *c = &s->net->counts;
	const struct disc_peer *p = NULL;
	unsigned int i;

	fprintf(f, "cluster '%s', key from %s\n", s->cluster, s->key_from);
	if (s->idle)
		fprintf(f, "quiet: %s\n", s->idle);
	fputs("cards:", f);
	for (i = 0; i < s->net->ncards; i++)
		fprintf(f, " %s", s->net->card[i].name);
	fputs(s->net->ncards ? "\n" : " none\n", f);
	if (s->disc) {
		fprintf(f, "this node: number %u%s, %u others, a beat each %u ms\n",
			disc_number(s->disc), disc_holding(s->disc) ? "" : " (not settled yet)",
			disc_live(s->disc), disc_interval(s->disc));
		fprintf(f, "\n%6s  %-7s %-39s %-15s %4s %6s %4s  %s\n", "node", "state", "address",
			"host", "cpus", "load", "util", "release");
		while ((p = disc_next_peer(s->disc, p)))
			peer_text(f, p);
	}
	fprintf(f, "\nignored: %" PRIu64 " packets of other clusters, %" PRIu64 " with a wrong key, %"
		PRIu64 " malformed\n", c->strangers, c->forged, c->malformed);
}

static void host_line(FILE *f, uint16_t number, const char *state, const char *addr, const char *host)
{
	if (number)
		fprintf(f, "%u %s %s %s\n", number, state, addr, host[0] ? host : "-");
}

/* Our own line is the first. */
static void print_hosts(FILE *f, const struct status_source *s)
{
	const struct disc_peer *p = NULL;
	char addr[INET6_ADDRSTRLEN] = "-";

	if (!s->disc)
		return;
	if (s->own->naddrs)
		addr_text(s->own->addr[0].family, s->own->addr[0].addr, addr);
	host_line(f, disc_number(s->disc), "self", addr, s->own->host);
	while ((p = disc_next_peer(s->disc, p))) {
		addr_text(p->from.family, p->from.addr, addr);
		host_line(f, p->number, state_word(p), addr, p->info.host);
	}
}

static void peer_json(FILE *f, const struct disc_peer *p, const char *comma)
{
	char addr[INET6_ADDRSTRLEN];
	unsigned int i;

	addr_text(p->from.family, p->from.addr, addr);
	fprintf(f, "%s\n  {\"node\": %u, \"state\": \"%s\", \"boot\": \"%016" PRIx64 "\", "
		"\"from\": \"%s\", \"addresses\": [", comma, p->number, state_word(p), p->boot, addr);
	for (i = 0; i < p->info.naddrs; i++) {
		addr_text(p->info.addr[i].family, p->info.addr[i].addr, addr);
		fprintf(f, "%s\"%s\"", i ? ", " : "", addr);
	}
	fprintf(f, "], \"cpus\": %u, \"speed\": %u, \"load\": %u, \"util\": %u, \"mem_kib\": %" PRIu64
		", \"rmem_kib\": %" PRIu64 ", \"tmem_kib\": %" PRIu64 ", \"kernel\": \"%016" PRIx64
		"\", \"release\": ", p->info.cpus, p->info.speed, p->load, p->util, p->mem, p->rmem,
		p->info.tmem, p->info.kernel);
	hpc_json_string(f, p->info.release);
	fputs(", \"host\": ", f);
	hpc_json_string(f, p->info.host);
	fprintf(f, ", \"features\": [");
	for (i = 0; i < DISC_FEATURES; i++)
		fprintf(f, "%s%" PRIu32, i ? ", " : "", p->info.features[i]);
	fprintf(f, "], \"foreign\": %u}", p->foreign);
}

static void print_json(FILE *f, const struct status_source *s)
{
	const struct net_counts *c = &s->net->counts;
	const struct disc_peer *p = NULL;
	unsigned int i, n = 0;

	fputs("{\"cluster\": ", f);
	hpc_json_string(f, s->cluster);
	fputs(", \"key\": ", f);
	hpc_json_string(f, s->key_from);
	fputs(", \"quiet\": ", f);
	if (s->idle)
		hpc_json_string(f, s->idle);
	else
		fputs("null", f);
	fputs(", \"cards\": [", f);
	for (i = 0; i < s->net->ncards; i++) {
		fputs(i ? ", " : "", f);
		hpc_json_string(f, s->net->card[i].name);
	}
	fputs("], \"host\": ", f);
	hpc_json_string(f, s->own->host);
	fprintf(f, ", \"node\": %u, \"settled\": %s, \"boot\": \"%016" PRIx64 "\", \"interval_ms\": %u",
		s->disc ? disc_number(s->disc) : 0, s->disc && disc_holding(s->disc) ? "true" : "false",
		s->disc ? disc_boot(s->disc) : 0, s->disc ? disc_interval(s->disc) : 0);
	fprintf(f, ", \"ignored\": {\"other_cluster\": %" PRIu64 ", \"wrong_key\": %" PRIu64
		", \"malformed\": %" PRIu64 ", \"replayed\": %" PRIu64 ", \"no_room\": %" PRIu64 "}",
		c->strangers, c->forged, c->malformed, s->disc ? disc_stats(s->disc)->replayed : 0,
		s->disc ? disc_stats(s->disc)->refused : 0);
	fprintf(f, ", \"sent\": %" PRIu64 ", \"received\": %" PRIu64 ", \"peers\": [",
		s->disc ? disc_stats(s->disc)->sent : 0, s->disc ? disc_stats(s->disc)->received : 0);
	while (s->disc && (p = disc_next_peer(s->disc, p)))
		peer_json(f, p, n++ ? "," : "");
	fputs("]}\n", f);
}

/* --- the daemon's end ---------------------------------------------------------------------- */

int status_open(struct status *s, const char *path)
{
	struct sockaddr_un sun;
	unsigned int i;
	int ret = address(path, &sun);

	for (i = 0; i <= STATUS_CLIENTS; i++)
		s->fd[i].fd = -1;
	if (ret)
		return ret;
	s->fd[0].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd[0].fd < 0)
		return -errno;
	s->fd[0].events = POLLIN;
	unlink(path);
	if (bind(s->fd[0].fd, (void *)&sun, sizeof(sun)) || chmod(path, 0666) ||
	    listen(s->fd[0].fd, STATUS_CLIENTS))
		return -errno;
	return 0;
}

static void client_end(struct status *s, unsigned int i)
{
	close(s->fd[1 + i].fd);
	s->fd[1 + i].fd = -1;
	free(s->client[i].text);
	memset(&s->client[i], 0, sizeof(s->client[i]));
}

/* Whoever asks while all places are taken takes that of the first. */
static void client_accept(struct status *s)
{
	int fd = accept4(s->fd[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	unsigned int i;

	if (fd < 0)
		return;
	for (i = 0; i < STATUS_CLIENTS && s->fd[1 + i].fd >= 0; i++)
		;
	if (i == STATUS_CLIENTS)
		client_end(s, i = 0);
	s->fd[1 + i].fd = fd;
	s->fd[1 + i].events = POLLIN;
}

static void client_read(struct status *s, unsigned int i, const struct status_source *source)
{
	struct status_client *c = &s->client[i];
	char form;
	FILE *f;

	if (recv(s->fd[1 + i].fd, &form, 1, 0) != 1 || !strchr("tjh", form) || !form) {
		client_end(s, i);
		return;
	}
	f = open_memstream(&c->text, &c->len);
	if (!f) {
		client_end(s, i);
		return;
	}
	if (form == 'j')
		print_json(f, source);
	else if (form == 'h')
		print_hosts(f, source);
	else
		print_text(f, source);
	fclose(f);
	s->fd[1 + i].events = POLLOUT;
}

static void client_write(struct status *s, unsigned int i)
{
	struct status_client *c = &s->client[i];
	ssize_t n = send(s->fd[1 + i].fd, c->text + c->sent, c->len - c->sent, MSG_NOSIGNAL);

	if (n > 0)
		c->sent += n;
	if ((n < 0 && errno != EAGAIN) || c->sent == c->len)
		client_end(s, i);
}

void status_serve(struct status *s, const struct status_source *source)
{
	unsigned int i;

	for (i = 0; i < STATUS_CLIENTS; i++) {
		if (s->fd[1 + i].fd < 0 || !s->fd[1 + i].revents)
			continue;
		if (s->client[i].text)
			client_write(s, i);
		else
			client_read(s, i, source);
	}
	if (s->fd[0].revents & POLLIN)
		client_accept(s);
}

void status_close(struct status *s)
{
	unsigned int i;

	for (i = 0; i < STATUS_CLIENTS; i++)
		if (s->fd[1 + i].fd >= 0)
			client_end(s, i);
	if (s->fd[0].fd >= 0)
		close(s->fd[0].fd);
}

/* --- the other end ------------------------------------------------------------------------- */

int status_ask(const char *path, bool json)
{
	struct sockaddr_un sun;
	char buf[8192];
	ssize_t n = -1;
	int fd, ret = address(path, &sun);

	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (void *)&sun, sizeof(sun)) || send(fd, json ? "j" : "t", 1, MSG_NOSIGNAL) != 1)
		goto out;
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		fwrite(buf, 1, n, stdout);
out:
	ret = n < 0 ? -errno : fflush(stdout) ? -errno : 0;
	close(fd);
	return ret;
}
