/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames of the agent's protocol (proto.h) to and from memory.  No descriptor,
 * no clock, no allocation: the same code runs in the agent and in unit tests.
 */
#ifndef TESSERA_AGENT_CODEC_H
#define TESSERA_AGENT_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto.h"

struct agent_frame {
	uint16_t type;
	uint32_t session;
	uint32_t length;
	const uint8_t *payload;		/* valid until the decoder is fed again */
};

struct agent_decoder {
	bool synced;			/* false: hunting for a HELLO header */
	size_t have;
	uint8_t buf[AGENT_HEADER_SIZE + AGENT_PAYLOAD_MAX];
};

/* argv, envp and cwd point into the payload they were parsed from. */
struct agent_run {
	uint32_t timeout_ms;
	uint16_t flags, rows, cols;
	size_t argc, envc;
	char *argv[AGENT_STRINGS_MAX + 1];
	char *envp[AGENT_STRINGS_MAX + 1];
	const char *cwd;
};

void agent_decoder_reset(struct agent_decoder *dec);

/*
 * Takes bytes from data and says in *ret_used how many.  Returns 1 with a frame
 * in *ret, 0 when all bytes were taken and more are needed, -EBADMSG when the
 * bytes are no frame: the decoder then skips everything up to the next HELLO.
 */
int agent_decode(struct agent_decoder *dec, const uint8_t *data, size_t len,
		 size_t *ret_used, struct agent_frame *ret);

/* Writes the header to the 16 bytes at buf. */
void agent_put_header(uint8_t *buf, uint16_t type, uint32_t session, uint32_t length);

/* 0, or -EBADMSG when the payload is not exactly what proto.h says. */
int agent_parse_hello(const struct agent_frame *f, uint32_t *ret_version,
		      uint8_t ret_nonce[AGENT_NONCE_SIZE]);
int agent_parse_run(const struct agent_frame *f, struct agent_run *ret);
int agent_parse_put(const struct agent_frame *f, uint32_t *ret_mode, const char **ret_path);
int agent_parse_get(const struct agent_frame *f, const char **ret_path);
int agent_parse_u32(const struct agent_frame *f, uint32_t *ret);
int agent_parse_winsize(const struct agent_frame *f, uint16_t *ret_rows, uint16_t *ret_cols);

uint16_t agent_get16(const uint8_t *p);
uint32_t agent_get32(const uint8_t *p);
void agent_set32(uint8_t *p, uint32_t v);

#endif
