// SPDX-License-Identifier: GPL-2.0-only
/* The agent's frames: every length checked, and a stream that finds its step again. */
// sources: userland/agent/codec.c
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userland/agent/codec.h"

static struct agent_decoder dec;

static size_t put_frame(uint8_t *buf, uint16_t type, uint32_t session, const void *payload,
			size_t len)
{
	agent_put_header(buf, type, session, (uint32_t)len);
	if (len)
		memcpy(buf + AGENT_HEADER_SIZE, payload, len);
	return AGENT_HEADER_SIZE + len;
}

static size_t put_hello(uint8_t *buf, uint8_t nonce)
{
	uint8_t payload[AGENT_HELLO_SIZE] = { AGENT_VERSION };

	memset(payload + 4, nonce, AGENT_NONCE_SIZE);
	return put_frame(buf, AGENT_HELLO, 0, payload, sizeof(payload));
}

/* Feeds all of data in pieces; counts frames, remembers the last. */
static int feed(const uint8_t *data, size_t len, size_t piece, struct agent_frame *last)
{
	int frames = 0, r;

	while (len) {
		size_t n = len < piece ? len : piece, used;

		r = agent_decode(&dec, data, n, &used, last);
		assert_true(used <= n);
		assert_true(r > 0 || r == -EBADMSG || used == n);
		data += used;
		len -= used;
		if (r < 0)
			return r;
		frames += r;
	}
	return frames;
}

static void synced(void)
{
	uint8_t buf[64];
	struct agent_frame f;

	agent_decoder_reset(&dec);
	assert_int_equal(feed(buf, put_hello(buf, 1), 64, &f), 1);
}

static void frames_in_any_pieces(void **state)
{
	static const size_t pieces[] = { 1, 3, 15, 16, 17, 1000, 100000 };
	uint8_t *buf = malloc(2 * AGENT_SYNC_BYTES), *big = calloc(1, AGENT_PAYLOAD_MAX);
	struct agent_frame f;
	size_t len;

	(void)state;
	len = put_hello(buf, 7);
	len += put_frame(buf + len, AGENT_EOF, 5, NULL, 0);
	len += put_frame(buf + len, AGENT_DATA, 6, big, AGENT_PAYLOAD_MAX);
	len += put_frame(buf + len, AGENT_DATA, 0xfffffff0, "abc", 3);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		agent_decoder_reset(&dec);
		assert_int_equal(feed(buf, len, pieces[i], &f), 4);
		assert_int_equal(f.type, AGENT_DATA);
		assert_int_equal(f.session, 0xfffffff0);
		assert_int_equal(f.length, 3);
		assert_memory_equal(f.payload, "abc", 3);
	}
	free(buf);
	free(big);
}

static void rest_of_a_cut_frame_is_skipped(void **state)
{
	uint8_t *buf = calloc(1, AGENT_SYNC_BYTES + 256), hello[64];
	uint8_t nonce[AGENT_NONCE_SIZE];
	struct agent_frame f;
	uint32_t version;
	size_t len;

	(void)state;
	synced();
	/* A host announced the biggest frame and died at once; the next one joins. */
	agent_put_header(buf, AGENT_DATA, 9, AGENT_PAYLOAD_MAX);
	assert_int_equal(feed(buf, AGENT_HEADER_SIZE, 16, &f), 0);
	memset(buf, 0, AGENT_HEADER_SIZE);
	len = AGENT_PAYLOAD_MAX;
	assert_int_equal(feed(buf, len, 4096, &f), 1);	/* the cut frame, filled up */
	assert_int_equal(f.session, 9);
	assert_int_equal(feed(buf, AGENT_HEADER_SIZE, 4096, &f), -EBADMSG);
	len = put_hello(hello, 0x5a);
	assert_int_equal(feed(hello, len, 1, &f), 1);
	assert_int_equal(f.type, AGENT_HELLO);
	assert_int_equal(agent_parse_hello(&f, &version, nonce), 0);
	assert_int_equal(version, AGENT_VERSION);
	assert_int_equal(nonce[15], 0x5a);
	free(buf);
}

static void hello_is_found_in_noise(void **state)
{
	uint8_t buf[256];
	struct agent_frame f;
	size_t len;

	(void)state;
	/* Starts of headers, cut anywhere, right before the real one. */
	for (size_t cut = 0; cut < AGENT_HEADER_SIZE; cut++) {
		agent_decoder_reset(&dec);
		len = put_frame(buf, AGENT_EOF, 3, NULL, 0);
		agent_put_header(buf + len, AGENT_HELLO, 0, AGENT_HELLO_SIZE);
		len += cut;
		len += put_hello(buf + len, 1);
		assert_int_equal(feed(buf, len, 7, &f), 1);
		assert_int_equal(f.type, AGENT_HELLO);
	}
}

static void bad_headers_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} damage[] = {
		{ 0, 0 }, { 3, 0xff },		/* magic */
		{ 4, 0 }, { 4, AGENT_TYPE_END }, { 5, 1 },	/* type */
		{ 6, 1 }, { 7, 1 },		/* zero */
		{ 8, 0 },			/* session 0 is for HELLO only */
		{ 14, 2 }, { 15, 0x80 },	/* length */
	};
	uint8_t buf[AGENT_HEADER_SIZE];
	struct agent_frame f;

	(void)state;
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		synced();
		agent_put_header(buf, AGENT_EOF, 1, 0);
		buf[damage[i].at] = damage[i].value;
		assert_int_equal(feed(buf, sizeof(buf), 16, &f), -EBADMSG);
		assert_false(dec.synced);
	}
	synced();
	agent_put_header(buf, AGENT_HELLO, 1, AGENT_HELLO_SIZE);
	assert_int_equal(feed(buf, sizeof(buf), 16, &f), -EBADMSG);
}

static size_t put_run(uint8_t *p, uint16_t flags, uint16_t argc, uint16_t envc,
		      const char *strings, size_t len)
{
	const uint16_t words[] = { flags, 24, 80, argc, envc, 0 };

	agent_set32(p, 1500);
	for (size_t i = 0; i < 6; i++) {
		p[4 + 2 * i] = (uint8_t)words[i];
		p[5 + 2 * i] = (uint8_t)(words[i] >> 8);
	}
	memcpy(p + AGENT_RUN_HEAD_SIZE, strings, len);
	return AGENT_RUN_HEAD_SIZE + len;
}

static void run_is_taken_apart(void **state)
{
	static const char strings[] = "sh\0-c\0\0A=1\0/tmp";	/* and the final NUL */
	uint8_t p[128];
	struct agent_run run;
	struct agent_frame f = { .type = AGENT_RUN, .session = 1, .payload = p };

	(void)state;
	f.length = (uint32_t)put_run(p, AGENT_RUN_PTY, 3, 1, strings, sizeof(strings));
	assert_int_equal(agent_parse_run(&f, &run), 0);
	assert_int_equal(run.timeout_ms, 1500);
	assert_int_equal(run.rows, 24);
	assert_int_equal(run.cols, 80);
	assert_string_equal(run.argv[1], "-c");
	assert_string_equal(run.argv[2], "");
	assert_null(run.argv[3]);
	assert_string_equal(run.envp[0], "A=1");
	assert_null(run.envp[1]);
	assert_string_equal(run.cwd, "/tmp");
	/* Each shorter payload, and one byte more, is refused. */
	for (uint32_t len = f.length; len--;) {
		f.length = len;
		assert_int_equal(agent_parse_run(&f, &run), -EBADMSG);
	}
	f.length = AGENT_RUN_HEAD_SIZE + sizeof(strings) + 1;
	p[f.length - 1] = 0;
	assert_int_equal(agent_parse_run(&f, &run), -EBADMSG);
}

static void run_with_bad_counts_is_refused(void **state)
{
	static const char strings[] = "a\0b\0";
	static const struct {
		uint16_t flags, argc, envc;
	} bad[] = { { 0, 0, 1 }, { 2, 1, 0 }, { 0, 2, 1 }, { 0, 1, 513 }, { 0, 65535, 0 },
		    { 0, 1, 65535 } };
	uint8_t p[128];
	struct agent_run run;
	struct agent_frame f = { .type = AGENT_RUN, .session = 1, .payload = p };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		f.length = (uint32_t)put_run(p, bad[i].flags, bad[i].argc, bad[i].envc, strings, 4);
		assert_int_equal(agent_parse_run(&f, &run), -EBADMSG);
	}
}

static void paths_end_where_the_payload_does(void **state)
{
	static const uint8_t put[] = { 0xed, 1, 0, 0, '/', 'x', 0 };
	static const uint8_t bad_mode[] = { 0, 0x10, 0, 0, '/', 'x', 0 };
	const char *path;
	uint32_t mode;
	struct agent_frame f = { .payload = put, .length = sizeof(put) };

	(void)state;
	assert_int_equal(agent_parse_put(&f, &mode, &path), 0);
	assert_int_equal(mode, 0755);
	assert_string_equal(path, "/x");
	for (f.length = 0; f.length < sizeof(put); f.length++)
		assert_int_equal(agent_parse_put(&f, &mode, &path), -EBADMSG);
	f = (struct agent_frame){ .payload = bad_mode, .length = sizeof(bad_mode) };
	assert_int_equal(agent_parse_put(&f, &mode, &path), -EBADMSG);
	f = (struct agent_frame){ .payload = (const uint8_t *)"/y\0z", .length = 5 };
	assert_int_equal(agent_parse_get(&f, &path), -EBADMSG);	/* bytes behind the NUL */
	f.length = 3;
	assert_int_equal(agent_parse_get(&f, &path), 0);
	f = (struct agent_frame){ .payload = (const uint8_t *)"", .length = 1 };
	assert_int_equal(agent_parse_get(&f, &path), -EBADMSG);
}

static void numbers_have_their_size(void **state)
{
	static const uint8_t p[] = { 0x78, 0x56, 0x34, 0x92, 0 };
	struct agent_frame f = { .payload = p };
	uint16_t rows, cols;
	uint32_t v;

	(void)state;
	for (f.length = 0; f.length <= sizeof(p); f.length++) {
		assert_int_equal(agent_parse_u32(&f, &v), f.length == 4 ? 0 : -EBADMSG);
		assert_int_equal(agent_parse_winsize(&f, &rows, &cols), f.length == 4 ? 0 : -EBADMSG);
	}
	assert_int_equal(v, 0x92345678);
	assert_int_equal(rows, 0x5678);
	assert_int_equal(cols, 0x9234);
}

static void noise_never_yields_a_bad_frame(void **state)
{
	uint8_t buf[512];
	struct agent_frame f;
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t at = 0, used;

		synced();
		agent_put_header(buf, AGENT_DATA, 1, 8);
		for (size_t i = 0; i < sizeof(buf); i++)
			if (i >= AGENT_HEADER_SIZE || rand_r(&seed) % 4 == 0)
				buf[i] = (uint8_t)rand_r(&seed);
		while (at < sizeof(buf)) {
			if (agent_decode(&dec, buf + at, sizeof(buf) - at, &used, &f) > 0) {
				assert_true(f.length <= AGENT_PAYLOAD_MAX);
				assert_true(f.type && f.type < AGENT_TYPE_END);
			}
			at += used;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_in_any_pieces),
		cmocka_unit_test(rest_of_a_cut_frame_is_skipped),
		cmocka_unit_test(hello_is_found_in_noise),
		cmocka_unit_test(bad_headers_are_refused),
		cmocka_unit_test(run_is_taken_apart),
		cmocka_unit_test(run_with_bad_counts_is_refused),
		cmocka_unit_test(paths_end_where_the_payload_does),
		cmocka_unit_test(numbers_have_their_size),
		cmocka_unit_test(noise_never_yields_a_bad_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
