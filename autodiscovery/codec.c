// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets to and from bytes.
 *
 * Nothing of a packet but its first 24 bytes is looked at before its MAC has been
 * found right.  The MAC is a keyed BLAKE2b, not a cipher: what travels is no
 * secret, a capture can be read, and no nonce can be used twice.
 */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "codec.h"

enum section {
	SECTION_WITNESS = 1,
	SECTION_INFO = 2,
	SECTION_ADDRS = 3,
	SECTION_ALIVE = 4,
	SECTION_WHO = 5,
	SECTION_HOST = 6,
};

#define MAGIC0		'T'
#define MAGIC1		's'
#define COMMON		24	/* bytes alike in all versions */
#define INFO_FIXED	(8 + 8 + 4 + 2 + 2 + 4 * DISC_FEATURES)
#define WITNESS_BYTES	6

static_assert(DISC_ASKS * 4 <= 256, "a section's length is counted in a byte, in words");
static_assert(INFO_FIXED + DISC_RELEASE < 256, "a section's length is a byte");

/* --- numbers ------------------------------------------------------------------------------- */

static void put(uint8_t **p, uint64_t value, unsigned int bytes)
{
	while (bytes--) {
		*(*p)++ = value & 0xff;
		value >>= 8;
	}
}

static uint64_t get(const uint8_t **p, unsigned int bytes)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < bytes; i++)
		value |= (uint64_t)*(*p)++ << (8 * i);
	return value;
}

uint16_t disc_float_pack(uint64_t value)
{
	unsigned int shift = 0;

	while (value > 0x7ff && shift < 31) {
		value >>= 1;
		shift++;
	}
	if (value > 0x7ff)
		value = 0x7ff;
	return shift << 11 | value;
}

uint64_t disc_float_unpack(uint16_t packed)
{
	return (uint64_t)(packed & 0x7ff) << (packed >> 11);
}

/* --- keys ---------------------------------------------------------------------------------- */

int disc_key_make(const void *secret, size_t len, const char *name, struct disc_key *ret_key)
{
	static const char domain[] = "tessera discovery 1";
	crypto_generichash_state state;
	uint8_t digest[DISC_KEY + 4];
	const uint8_t *p = digest + DISC_KEY;

	if (!len || strlen(name) > DISC_CLUSTER_MAX)
		return -EINVAL;
	crypto_generichash_init(&state, NULL, 0, sizeof(digest));
	crypto_generichash_update(&state, (const void *)domain, sizeof(domain));
	crypto_generichash_update(&state, (const void *)name, strlen(name) + 1);
	crypto_generichash_update(&state, secret, len);
	crypto_generichash_final(&state, digest, sizeof(digest));
	memcpy(ret_key->key, digest, DISC_KEY);
	ret_key->hint = get(&p, 4);
	sodium_memzero(digest, sizeof(digest));
	return 0;
}

static void mac(const struct disc_key *key, const uint8_t *buf, size_t len, uint8_t ret_mac[DISC_MAC])
{
	crypto_generichash(ret_mac, DISC_MAC, buf, len, key->key, sizeof(key->key));
}

/* --- encoding ------------------------------------------------------------------------------ */

/* Where the next section begins, and what is left; sections that do not fit set @failed. */
struct writer {
	uint8_t *p;
	uint8_t *end;
	bool failed;
};

static bool section_begin(struct writer *w, enum section type, size_t len, size_t count)
{
	if (w->failed || (size_t)(w->end - w->p) < 2 + len) {
		w->failed = true;
		return false;
	}
	put(&w->p, type, 1);
	put(&w->p, count, 1);
	return true;
}

static void write_witnesses(struct writer *w, const struct disc_message *m)
{
	unsigned int i;

	if (!m->nwitnesses || !section_begin(w, SECTION_WITNESS, WITNESS_BYTES * m->nwitnesses,
					     WITNESS_BYTES * m->nwitnesses))
		return;
	for (i = 0; i < m->nwitnesses; i++) {
		put(&w->p, m->witness[i].boot, 4);
		put(&w->p, m->witness[i].age, 2);
	}
}

static void write_info(struct writer *w, const struct disc_info *info)
{
	size_t text = strnlen(info->release, DISC_RELEASE - 1);
	unsigned int i;

	if (!section_begin(w, SECTION_INFO, INFO_FIXED + text, INFO_FIXED + text))
		return;
	put(&w->p, info->machine, 8);
	put(&w->p, info->kernel, 8);
	put(&w->p, info->speed, 4);
	put(&w->p, info->cpus, 2);
	put(&w->p, disc_float_pack(info->tmem), 2);
	for (i = 0; i < DISC_FEATURES; i++)
		put(&w->p, info->features[i], 4);
	memcpy(w->p, info->release, text);
	w->p += text;
}

static size_t addr_bytes(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

static void write_addrs(struct writer *w, const struct disc_info *info)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < info->naddrs; i++)
		len += 1 + addr_bytes(info->addr[i].family);
	if (!len || !section_begin(w, SECTION_ADDRS, len, len))
		return;
	for (i = 0; i < info->naddrs; i++) {
		size_t n = addr_bytes(info->addr[i].family);

		put(&w->p, info->addr[i].family, 1);
		memcpy(w->p, info->addr[i].addr, n);
		w->p += n;
	}
}

static void write_host(struct writer *w, const struct disc_info *info)
{
	size_t len = strnlen(info->host, DISC_HOST - 1);

	if (!len || !section_begin(w, SECTION_HOST, len, len))
		return;
	memcpy(w->p, info->host, len);
	w->p += len;
}

/* The length of these sections is counted in words of four bytes. */
static void write_asks(struct writer *w, enum section type, const uint32_t *ask, unsigned int n)
{
	unsigned int i;

	if (!n || !section_begin(w, type, 4 * n, n))
		return;
	for (i = 0; i < n; i++)
		put(&w->p, ask[i], 4);
}

static bool encodable(const struct disc_message *m)
{
	unsigned int i;

	if (m->type < DISC_BEAT || m->type > DISC_GOODBYE || m->nwitnesses > DISC_WITNESSES ||
	    m->nalive > DISC_ASKS || m->nwho > DISC_ASKS || m->info.naddrs > DISC_ADDRS)
		return false;
	for (i = 0; m->has_info && i < m->info.naddrs; i++)
		if (m->info.addr[i].family != 4 && m->info.addr[i].family != 6)
			return false;
	return true;
}

static void write_header(struct writer *w, const struct disc_message *m, uint32_t hint)
{
	put(&w->p, MAGIC0, 1);
	put(&w->p, MAGIC1, 1);
	put(&w->p, DISC_VERSION, 1);
	put(&w->p, m->type, 1);
	put(&w->p, hint, 4);
	put(&w->p, m->boot, 8);
	put(&w->p, m->counter, 6);
	put(&w->p, m->number, 2);
	put(&w->p, m->flags, 2);
	put(&w->p, m->interval, 2);
	put(&w->p, disc_float_pack(m->load), 2);
	put(&w->p, m->util, 1);
	put(&w->p, m->info_seq, 1);
	put(&w->p, disc_float_pack(m->mem), 2);
	put(&w->p, disc_float_pack(m->rmem), 2);
}

int disc_encode(const struct disc_message *m, const struct disc_key *key, void *buf, size_t size)
{
	uint8_t *start = buf;
	struct writer w = { .p = buf };

	if (size > DISC_PACKET_MAX)
		size = DISC_PACKET_MAX;
	if (size < DISC_HEADER + DISC_MAC)
		return -EMSGSIZE;
	if (!encodable(m))
		return -EINVAL;
	w.end = start + size - DISC_MAC;
	write_header(&w, m, key->hint);
	write_witnesses(&w, m);
	if (m->has_info) {
		write_info(&w, &m->info);
		write_addrs(&w, &m->info);
		write_host(&w, &m->info);
	}
	write_asks(&w, SECTION_ALIVE, m->ask_alive, m->nalive);
	write_asks(&w, SECTION_WHO, m->ask_who, m->nwho);
	if (w.failed)
		return -EMSGSIZE;
	mac(key, start, w.p - start, w.p);
	return w.p + DISC_MAC - start;
}

/* --- decoding ------------------------------------------------------------------------------ */

static int read_witnesses(const uint8_t *p, size_t len, struct disc_message *m)
{
	if (len % WITNESS_BYTES || len / WITNESS_BYTES > DISC_WITNESSES || m->nwitnesses)
		return -EPROTO;
	for (; len; len -= WITNESS_BYTES, m->nwitnesses++) {
		m->witness[m->nwitnesses].boot = get(&p, 4);
		m->witness[m->nwitnesses].age = get(&p, 2);
	}
	return 0;
}

/* Goes to logs and terminals: nothing but visible ASCII. */
static bool text_ok(const uint8_t *p, size_t len)
{
	while (len--)
		if (p[len] <= ' ' || p[len] > '~')
			return false;
	return true;
}

static int read_info(const uint8_t *p, size_t len, struct disc_message *m)
{
	struct disc_info *info = &m->info;
	unsigned int i;

	if (len < INFO_FIXED || len - INFO_FIXED >= DISC_RELEASE || m->has_info)
		return -EPROTO;
	if (!text_ok(p + INFO_FIXED, len - INFO_FIXED))
		return -EPROTO;
	info->machine = get(&p, 8);
	info->kernel = get(&p, 8);
	info->speed = get(&p, 4);
	info->cpus = get(&p, 2);
	info->tmem = disc_float_unpack(get(&p, 2));
	for (i = 0; i < DISC_FEATURES; i++)
		info->features[i] = get(&p, 4);
	memcpy(info->release, p, len - INFO_FIXED);
	m->has_info = true;
	return 0;
}

static int read_addrs(const uint8_t *p, size_t len, struct disc_message *m)
{
	const uint8_t *end = p + len;

	if (m->info.naddrs)
		return -EPROTO;
	while (p < end) {
		struct disc_addr *a = &m->info.addr[m->info.naddrs];
		size_t n;

		if (m->info.naddrs == DISC_ADDRS || (*p != 4 && *p != 6))
			return -EPROTO;
		a->family = *p++;
		n = addr_bytes(a->family);
		if ((size_t)(end - p) < n)
			return -EPROTO;
		memcpy(a->addr, p, n);
		p += n;
		m->info.naddrs++;
	}
	return 0;
}

static int read_host(const uint8_t *p, size_t len, struct disc_message *m)
{
	if (len >= DISC_HOST || m->info.host[0] || !text_ok(p, len))
		return -EPROTO;
	memcpy(m->info.host, p, len);
	return 0;
}

static int read_asks(const uint8_t *p, size_t count, uint32_t *ask, uint8_t *ret_n)
{
	if (!count || count > DISC_ASKS || *ret_n)
		return -EPROTO;
	for (; *ret_n < count; (*ret_n)++)
		ask[*ret_n] = get(&p, 4);
	return 0;
}

static int read_section(unsigned int type, const uint8_t *p, size_t len, struct disc_message *m)
{
	switch (type) {
	case SECTION_WITNESS:
		return read_witnesses(p, len, m);
	case SECTION_INFO:
		return read_info(p, len, m);
	case SECTION_ADDRS:
		return read_addrs(p, len, m);
	case SECTION_ALIVE:
		return read_asks(p, len / 4, m->ask_alive, &m->nalive);
	case SECTION_WHO:
		return read_asks(p, len / 4, m->ask_who, &m->nwho);
	case SECTION_HOST:
		return read_host(p, len, m);
	default:
		return 0;	/* of a later minor change: not for us */
	}
}

static int read_sections(const uint8_t *p, const uint8_t *end, struct disc_message *m)
{
	while (p < end) {
		unsigned int type = *p++;
		size_t len;
		int ret;

		if (p == end)
			return -EPROTO;
		len = *p++;
		if (type == SECTION_ALIVE || type == SECTION_WHO)
			len *= 4;
		if ((size_t)(end - p) < len)
			return -EPROTO;
		ret = read_section(type, p, len, m);
		if (ret)
			return ret;
		p += len;
	}
	/* Addresses and name are part of the information, and worth nothing alone. */
	return (m->info.naddrs || m->info.host[0]) && !m->has_info ? -EPROTO : 0;
}

static int read_body(const uint8_t *p, const uint8_t *end, struct disc_message *m)
{
	if (end - p < DISC_HEADER - COMMON)
		return -EPROTO;
	m->flags = get(&p, 2);
	m->interval = get(&p, 2);
	m->load = disc_float_unpack(get(&p, 2)) & UINT32_MAX;
	m->util = get(&p, 1);
	m->info_seq = get(&p, 1);
	m->mem = disc_float_unpack(get(&p, 2));
	m->rmem = disc_float_unpack(get(&p, 2));
	if (m->type < DISC_BEAT || m->type > DISC_GOODBYE || m->util > 100)
		return -EPROTO;
	return read_sections(p, end, m);
}

int disc_decode(const void *buf, size_t len, const struct disc_key *key,
		struct disc_message *ret_message)
{
	const uint8_t *p = buf, *end;
	struct disc_message m = { 0 };
	uint8_t right[DISC_MAC];
	unsigned int version;
	int ret = 0;

	if (len < COMMON + DISC_MAC || len > DISC_PACKET_MAX || p[0] != MAGIC0 || p[1] != MAGIC1)
		return -EBADMSG;
	end = p + len - DISC_MAC;
	p += 2;
	version = get(&p, 1);
	m.type = get(&p, 1);
	if (get(&p, 4) != key->hint)
		return -ENOKEY;
	mac(key, buf, len - DISC_MAC, right);
	if (sodium_memcmp(right, end, DISC_MAC))
		return -EKEYREJECTED;
	m.boot = get(&p, 8);
	m.counter = get(&p, 6);
	m.number = get(&p, 2);
	if (!m.boot)
		return -EPROTO;
	if (version != DISC_VERSION) {
		if (!version)
			return -EPROTO;
		m.foreign = version;
		m.type = DISC_BEAT;
	} else {
		ret = read_body(p, end, &m);
	}
	if (!ret)
		*ret_message = m;
	return ret;
}
