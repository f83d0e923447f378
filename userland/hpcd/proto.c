// SPDX-License-Identifier: GPL-2.0-only
/* The codec of proto.h: bytes in, structures out, and back. */

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <linux/hpc.h>

#include "proto.h"

#define HELLO_COMMON	12	/* what all versions have */
#define HELLO_SIZE	(HELLO_COMMON + 4 + 8 + HPCD_BUILD_ID_SIZE + HPCD_BOOT_ID_SIZE + \
			 4 * HPCD_FEATURE_WORDS + HPCD_RELEASE_SIZE)
#define REQUEST_SIZE	(4 + 4 + 8 + HPCD_COMM_SIZE + 2 * HPCD_NAME_SIZE)
#define CLOCK_SIZE	4
#define TIME_SIZE	(4 + 4 + 8 + 8)
#define REFUSE_MIN	4
#define REFUSE_MAX	(REFUSE_MIN + HPCD_TEXT_SIZE - 1)

/* The highest PID a kernel gives out: PID_MAX_LIMIT. */
#define PID_LIMIT	(4u << 20)

_Static_assert(HELLO_SIZE <= HPCD_PAYLOAD_MAX, "HELLO fits");
_Static_assert(REQUEST_SIZE <= HPCD_PAYLOAD_MAX, "REQUEST fits");
_Static_assert(REFUSE_MAX <= HPCD_PAYLOAD_MAX, "REFUSE fits");

/* --- writing ------------------------------------------------------------------------ */

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	return (uint8_t *)memcpy(p, &v, sizeof(v)) + sizeof(v);
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	return (uint8_t *)memcpy(p, &v, sizeof(v)) + sizeof(v);
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	return (uint8_t *)memcpy(p, &v, sizeof(v)) + sizeof(v);
}

static uint8_t *put_bytes(uint8_t *p, const void *bytes, size_t n)
{
	return (uint8_t *)memcpy(p, bytes, n) + n;
}

/* As much of the text as fits with a NUL; the rest of the field is zero. */
static uint8_t *put_text(uint8_t *p, const char *text, size_t size)
{
	size_t n = strnlen(text, size - 1);

	memcpy(p, text, n);
	memset(p + n, 0, size - n);
	return p + size;
}

static uint8_t *put_header(uint8_t *p, enum hpcd_type type, size_t length)
{
	p = put16(p, type);
	p = put16(p, 0);
	return put32(p, length);
}

size_t hpcd_hello_put(uint8_t buf[HPCD_MESSAGE_MAX], const struct hpcd_hello *hello)
{
	uint8_t *p = put_header(buf, HPCD_HELLO, HELLO_SIZE);
	size_t i;

	p = put32(p, HPCD_MAGIC);
	p = put16(p, hello->version);
	p = put16(p, 0);
	p = put32(p, hello->node);
	p = put32(p, 0);
	p = put64(p, hello->mem);
	p = put_bytes(p, hello->build_id, HPCD_BUILD_ID_SIZE);
	p = put_bytes(p, hello->boot_id, HPCD_BOOT_ID_SIZE);
	for (i = 0; i < HPCD_FEATURE_WORDS; i++)
		p = put32(p, hello->features.word[i]);
	p = put_text(p, hello->release, HPCD_RELEASE_SIZE);
	return p - buf;
}

size_t hpcd_request_put(uint8_t buf[HPCD_MESSAGE_MAX], const struct hpcd_request *request)
{
	uint8_t *p = put_header(buf, HPCD_REQUEST, REQUEST_SIZE);

	p = put32(p, request->pid);
	p = put32(p, request->uid);
	p = put64(p, request->size);
	p = put_text(p, request->comm, HPCD_COMM_SIZE);
	p = put_text(p, request->host, HPCD_NAME_SIZE);
	p = put_text(p, request->domain, HPCD_NAME_SIZE);
	return p - buf;
}

size_t hpcd_clock_put(uint8_t buf[HPCD_MESSAGE_MAX], uint32_t seq)
{
	return put32(put_header(buf, HPCD_CLOCK, CLOCK_SIZE), seq) - buf;
}

size_t hpcd_time_put(uint8_t buf[HPCD_MESSAGE_MAX], const struct hpcd_time *t)
{
	uint8_t *p = put_header(buf, HPCD_TIME, TIME_SIZE);

	p = put32(p, t->seq);
	p = put32(p, 0);
	p = put64(p, t->monotonic);
	p = put64(p, t->boottime);
	return p - buf;
}

size_t hpcd_accept_put(uint8_t buf[HPCD_MESSAGE_MAX])
{
	return put_header(buf, HPCD_ACCEPT, 0) - buf;
}

size_t hpcd_refuse_put(uint8_t buf[HPCD_MESSAGE_MAX], const struct hpcd_refusal *refusal)
{
	size_t n = strnlen(refusal->text, HPCD_TEXT_SIZE - 1);
	uint8_t *p = put_header(buf, HPCD_REFUSE, REFUSE_MIN + n);

	p = put32(p, refusal->reason);
	return put_bytes(p, refusal->text, n) - buf;
}

/* --- reading ------------------------------------------------------------------------ */

static uint16_t get16(const uint8_t **p)
{
	uint16_t v;

	memcpy(&v, *p, sizeof(v));
	*p += sizeof(v);
	return le16toh(v);
}

static uint32_t get32(const uint8_t **p)
{
	uint32_t v;

	memcpy(&v, *p, sizeof(v));
	*p += sizeof(v);
	return le32toh(v);
}

static uint64_t get64(const uint8_t **p)
{
	uint64_t v;

	memcpy(&v, *p, sizeof(v));
	*p += sizeof(v);
	return le64toh(v);
}

static void get_bytes(const uint8_t **p, void *bytes, size_t n)
{
	memcpy(bytes, *p, n);
	*p += n;
}

static bool get_text(const uint8_t **p, char *text, size_t size)
{
	get_bytes(p, text, size);
	return memchr(text, '\0', size);
}

/* What another machine says goes into logs and onto terminals. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

int hpcd_header_get(const uint8_t buf[HPCD_HEADER_SIZE], struct hpcd_header *ret_header)
{
	const uint8_t *p = buf;
	uint16_t type = get16(&p), reserved = get16(&p);
	uint32_t length = get32(&p);

	if (reserved || length > HPCD_PAYLOAD_MAX)
		return -EBADMSG;
	*ret_header = (struct hpcd_header) { .type = type, .length = length };
	return 0;
}

int hpcd_hello_get(const uint8_t *payload, size_t len, struct hpcd_hello *ret_hello)
{
	const uint8_t *p = payload;
	struct hpcd_hello h = { 0 };
	uint16_t reserved;
	size_t i;

	if (len < HELLO_COMMON || get32(&p) != HPCD_MAGIC)
		return -EBADMSG;
	h.version = get16(&p);
	reserved = get16(&p);
	h.node = get32(&p);
	if (h.version != HPCD_VERSION) {
		*ret_hello = h;
		return -EPROTONOSUPPORT;
	}
	if (len != HELLO_SIZE || reserved || get32(&p) || h.node < HPC_NODE_MIN ||
	    h.node > HPC_NODE_MAX)
		return -EBADMSG;
	h.mem = get64(&p);
	get_bytes(&p, h.build_id, sizeof(h.build_id));
	get_bytes(&p, h.boot_id, sizeof(h.boot_id));
	for (i = 0; i < HPCD_FEATURE_WORDS; i++)
		h.features.word[i] = get32(&p);
	if (!get_text(&p, h.release, sizeof(h.release)))
		return -EBADMSG;
	make_printable(h.release);
	*ret_hello = h;
	return 0;
}

int hpcd_request_get(const uint8_t *payload, size_t len, struct hpcd_request *ret_request)
{
	const uint8_t *p = payload;
	struct hpcd_request r = { 0 };

	if (len != REQUEST_SIZE)
		return -EBADMSG;
	r.pid = get32(&p);
	r.uid = get32(&p);
	r.size = get64(&p);
	/* 1 is the guest container's own. */
	if (r.pid < 2 || r.pid > PID_LIMIT || !get_text(&p, r.comm, sizeof(r.comm)) ||
	    !get_text(&p, r.host, sizeof(r.host)) || !get_text(&p, r.domain, sizeof(r.domain)))
		return -EBADMSG;
	make_printable(r.comm);
	*ret_request = r;
	return 0;
}

int hpcd_clock_get(const uint8_t *payload, size_t len, uint32_t *ret_seq)
{
	if (len != CLOCK_SIZE)
		return -EBADMSG;
	*ret_seq = get32(&payload);
	return 0;
}

int hpcd_time_get(const uint8_t *payload, size_t len, struct hpcd_time *ret_time)
{
	const uint8_t *p = payload;
	struct hpcd_time t = { 0 };

	if (len != TIME_SIZE)
		return -EBADMSG;
	t.seq = get32(&p);
	if (get32(&p))
		return -EBADMSG;
	t.monotonic = get64(&p);
	t.boottime = get64(&p);
	/* A boot is never shorter than the time awake in it. */
	if (t.boottime > HPCD_TIME_MAX || t.monotonic > t.boottime)
		return -EBADMSG;
	*ret_time = t;
	return 0;
}

int hpcd_accept_get(const uint8_t *payload, size_t len)
{
	(void)payload;
	return len ? -EBADMSG : 0;
}

int hpcd_refuse_get(const uint8_t *payload, size_t len, struct hpcd_refusal *ret_refusal)
{
	struct hpcd_refusal r = { 0 };
	uint32_t reason;

	if (len < REFUSE_MIN || len > REFUSE_MAX)
		return -EBADMSG;
	reason = get32(&payload);
	if (reason == HPCD_R_NONE || memchr(payload, '\0', len - REFUSE_MIN))
		return -EBADMSG;
	/* One that we do not know yet has its text. */
	r.reason = reason > HPCD_R_LAST ? HPCD_R_FAILED : (enum hpcd_reason)reason;
	memcpy(r.text, payload, len - REFUSE_MIN);
	make_printable(r.text);
	*ret_refusal = r;
	return 0;
}
