// SPDX-License-Identifier: GPL-2.0-only
/* Encoding and checking of frames; see codec.h and proto.h. */
#include <errno.h>
#include <string.h>

#include "codec.h"

uint16_t agent_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t agent_get32(const uint8_t *p)
{
	return agent_get16(p) | (uint32_t)agent_get16(p + 2) << 16;
}

static void set16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

void agent_set32(uint8_t *p, uint32_t v)
{
	set16(p, (uint16_t)v);
	set16(p + 2, (uint16_t)(v >> 16));
}

void agent_put_header(uint8_t *buf, uint16_t type, uint32_t session, uint32_t length)
{
	agent_set32(buf, AGENT_MAGIC);
	set16(buf + 4, type);
	set16(buf + 6, 0);
	agent_set32(buf + 8, session);
	agent_set32(buf + 12, length);
}

void agent_decoder_reset(struct agent_decoder *dec)
{
	dec->synced = false;
	dec->have = 0;
}

static bool header_ok(const uint8_t *h)
{
	uint16_t type = agent_get16(h + 4);

	return agent_get32(h) == AGENT_MAGIC && type && type < AGENT_TYPE_END &&
	       !agent_get16(h + 6) && agent_get32(h + 12) <= AGENT_PAYLOAD_MAX &&
	       (agent_get32(h + 8) == 0) == (type == AGENT_HELLO);
}

/* Appends bytes until one HELLO header is in the buffer and nothing before it. */
static size_t hunt(struct agent_decoder *dec, const uint8_t *data, size_t len)
{
	uint8_t want[AGENT_HEADER_SIZE];
	size_t used = 0;

	agent_put_header(want, AGENT_HELLO, 0, AGENT_HELLO_SIZE);
	while (used < len && dec->have < AGENT_HEADER_SIZE) {
		dec->buf[dec->have++] = data[used++];
		while (memcmp(dec->buf, want, dec->have))
			memmove(dec->buf, dec->buf + 1, --dec->have);
	}
	dec->synced = dec->have == AGENT_HEADER_SIZE;
	return used;
}

static size_t fill(struct agent_decoder *dec, size_t target, const uint8_t *data, size_t len)
{
	size_t n = target - dec->have;

	if (n > len)
		n = len;
	memcpy(dec->buf + dec->have, data, n);
	dec->have += n;
	return n;
}

int agent_decode(struct agent_decoder *dec, const uint8_t *data, size_t len,
		 size_t *ret_used, struct agent_frame *ret)
{
	size_t used = 0, total;

	if (!dec->synced)
		used = hunt(dec, data, len);
	else if (dec->have < AGENT_HEADER_SIZE)
		used = fill(dec, AGENT_HEADER_SIZE, data, len);
	*ret_used = used;
	if (dec->have < AGENT_HEADER_SIZE)
		return 0;
	if (!header_ok(dec->buf)) {
		agent_decoder_reset(dec);
		return -EBADMSG;
	}
	total = AGENT_HEADER_SIZE + agent_get32(dec->buf + 12);
	*ret_used += fill(dec, total, data + used, len - used);
	if (dec->have < total)
		return 0;
	ret->type = agent_get16(dec->buf + 4);
	ret->session = agent_get32(dec->buf + 8);
	ret->length = (uint32_t)(total - AGENT_HEADER_SIZE);
	ret->payload = dec->buf + AGENT_HEADER_SIZE;
	dec->have = 0;
	return 1;
}

int agent_parse_hello(const struct agent_frame *f, uint32_t *ret_version,
		      uint8_t ret_nonce[AGENT_NONCE_SIZE])
{
	if (f->length != AGENT_HELLO_SIZE)
		return -EBADMSG;
	*ret_version = agent_get32(f->payload);
	memcpy(ret_nonce, f->payload + 4, AGENT_NONCE_SIZE);
	return 0;
}

/* The string at *pos; NULL if none ends before the payload does. */
static const char *next_string(const struct agent_frame *f, size_t *pos)
{
	const uint8_t *start = f->payload + *pos;
	const uint8_t *end = *pos < f->length ? memchr(start, 0, f->length - *pos) : NULL;

	if (!end)
		return NULL;
	*pos += (size_t)(end - start) + 1;
	return (const char *)start;
}

static int take_strings(const struct agent_frame *f, size_t *pos, size_t count, char **ret)
{
	for (size_t i = 0; i < count; i++) {
		ret[i] = (char *)next_string(f, pos);
		if (!ret[i])
			return -EBADMSG;
	}
	ret[count] = NULL;
	return 0;
}

int agent_parse_run(const struct agent_frame *f, struct agent_run *ret)
{
	const uint8_t *p = f->payload;
	size_t pos = AGENT_RUN_HEAD_SIZE;

	if (f->length < AGENT_RUN_HEAD_SIZE)
		return -EBADMSG;
	ret->timeout_ms = agent_get32(p);
	ret->flags = agent_get16(p + 4);
	ret->rows = agent_get16(p + 6);
	ret->cols = agent_get16(p + 8);
	ret->argc = agent_get16(p + 10);
	ret->envc = agent_get16(p + 12);
	if (ret->flags & ~AGENT_RUN_FLAGS || agent_get16(p + 14) || !ret->argc ||
	    ret->argc > AGENT_STRINGS_MAX || ret->envc > AGENT_STRINGS_MAX ||
	    take_strings(f, &pos, ret->argc, ret->argv) ||
	    take_strings(f, &pos, ret->envc, ret->envp))
		return -EBADMSG;
	ret->cwd = next_string(f, &pos);
	return ret->cwd && pos == f->length ? 0 : -EBADMSG;
}

static int parse_path(const struct agent_frame *f, size_t pos, const char **ret)
{
	const char *path = next_string(f, &pos);

	if (!path || !*path || pos != f->length)
		return -EBADMSG;
	*ret = path;
	return 0;
}

int agent_parse_put(const struct agent_frame *f, uint32_t *ret_mode, const char **ret_path)
{
	if (f->length < 4 || agent_get32(f->payload) > 07777)
		return -EBADMSG;
	*ret_mode = agent_get32(f->payload);
	return parse_path(f, 4, ret_path);
}

int agent_parse_get(const struct agent_frame *f, const char **ret_path)
{
	return parse_path(f, 0, ret_path);
}

int agent_parse_u32(const struct agent_frame *f, uint32_t *ret)
{
	if (f->length != 4)
		return -EBADMSG;
	*ret = agent_get32(f->payload);
	return 0;
}

int agent_parse_winsize(const struct agent_frame *f, uint16_t *ret_rows, uint16_t *ret_cols)
{
	if (f->length != 4)
		return -EBADMSG;
	*ret_rows = agent_get16(f->payload);
	*ret_cols = agent_get16(f->payload + 2);
	return 0;
}
