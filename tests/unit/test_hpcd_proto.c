// SPDX-License-Identifier: GPL-2.0-only
/*
 * What hpcds say to each other: there and back, each length and field checked; and
 * a great many messages that are wrong in some way.
 *
 * TESSERA_FUZZ=N: so many wrong messages instead of the usual number.
 */
// sources: userland/hpcd/proto.c
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hpc.h"
#include "userland/hpcd/proto.h"

#define MUTATIONS 200000

static uint8_t message[HPCD_MESSAGE_MAX];

static struct hpcd_hello a_hello(void)
{
	struct hpcd_hello h = { .version = HPCD_VERSION, .node = 2780, .mem = 1ULL << 40 };
	size_t i;

	for (i = 0; i < sizeof(h.build_id); i++)
		h.build_id[i] = (uint8_t)(0xf0 + i);
	for (i = 0; i < sizeof(h.boot_id); i++)
		h.boot_id[i] = (uint8_t)i;
	for (i = 0; i < HPCD_FEATURE_WORDS; i++)
		h.features.word[i] = 0x80000001u * (uint32_t)(i + 1);
	strcpy(h.release, "6.12.0-tessera");
	return h;
}

static struct hpcd_request a_request(void)
{
	return (struct hpcd_request) {
		.pid = 4711, .uid = 1000, .size = 123456789, .comm = "spin",
		.host = "node1", .domain = "(none)",
	};
}

/* The payload of what was put into message. */
static const uint8_t *payload(size_t len, enum hpcd_type type, size_t *ret_len)
{
	struct hpcd_header h;

	assert_in_range(len, HPCD_HEADER_SIZE, HPCD_MESSAGE_MAX);
	assert_int_equal(hpcd_header_get(message, &h), 0);
	assert_int_equal(h.type, type);
	assert_int_equal(h.length, len - HPCD_HEADER_SIZE);
	*ret_len = h.length;
	return message + HPCD_HEADER_SIZE;
}

/* --- there and back -------------------------------------------------------------------- */

static void hello_survives(void **state)
{
	struct hpcd_hello in = a_hello(), out = { 0 };
	size_t len;
	const uint8_t *p = payload(hpcd_hello_put(message, &in), HPCD_HELLO, &len);

	(void)state;
	assert_int_equal(hpcd_hello_get(p, len, &out), 0);
	assert_int_equal(out.version, in.version);
	assert_int_equal(out.node, in.node);
	assert_int_equal(out.mem, in.mem);
	assert_memory_equal(out.build_id, in.build_id, sizeof(in.build_id));
	assert_memory_equal(out.boot_id, in.boot_id, sizeof(in.boot_id));
	assert_memory_equal(&out.features, &in.features, sizeof(in.features));
	assert_string_equal(out.release, in.release);
}

static void request_survives(void **state)
{
	struct hpcd_request in = a_request(), out = { 0 };
	size_t len;
	const uint8_t *p = payload(hpcd_request_put(message, &in), HPCD_REQUEST, &len);

	(void)state;
	assert_int_equal(hpcd_request_get(p, len, &out), 0);
	assert_int_equal(out.pid, in.pid);
	assert_int_equal(out.uid, in.uid);
	assert_int_equal(out.size, in.size);
	assert_string_equal(out.comm, in.comm);
	assert_string_equal(out.host, in.host);
	assert_string_equal(out.domain, in.domain);
}

static void clock_and_time_survive(void **state)
{
	struct hpcd_time in = { .seq = 3, .monotonic = 1ULL << 50, .boottime = (1ULL << 50) + 1 };
	struct hpcd_time out;
	const uint8_t *p;
	uint32_t seq;
	size_t len;

	(void)state;
	p = payload(hpcd_clock_put(message, 0xfffffff0), HPCD_CLOCK, &len);
	assert_int_equal(hpcd_clock_get(p, len, &seq), 0);
	assert_int_equal(seq, 0xfffffff0);
	p = payload(hpcd_time_put(message, &in), HPCD_TIME, &len);
	assert_int_equal(hpcd_time_get(p, len, &out), 0);
	assert_int_equal(out.seq, in.seq);
	assert_true(out.monotonic == in.monotonic && out.boottime == in.boottime);
}

static void answers_survive(void **state)
{
	struct hpcd_refusal in = { .reason = HPCD_R_MEMORY }, out;
	const uint8_t *p;
	size_t len;

	(void)state;
	p = payload(hpcd_accept_put(message), HPCD_ACCEPT, &len);
	assert_int_equal(hpcd_accept_get(p, len), 0);
	assert_int_equal(hpcd_accept_get(p, 1), -EBADMSG);

	memset(in.text, 'x', sizeof(in.text) - 1);
	p = payload(hpcd_refuse_put(message, &in), HPCD_REFUSE, &len);
	assert_int_equal(hpcd_refuse_get(p, len, &out), 0);
	assert_int_equal(out.reason, in.reason);
	assert_string_equal(out.text, in.text);
	in.text[0] = '\0';
	p = payload(hpcd_refuse_put(message, &in), HPCD_REFUSE, &len);
	assert_int_equal(hpcd_refuse_get(p, len, &out), 0);
	assert_string_equal(out.text, "");
}

/* The very bytes: what is on the wire between nodes of different age. */
static void bytes_on_the_wire(void **state)
{
	static const uint8_t head[] = {
		0x01, 0x00, 0x00, 0x00, 0xbd, 0x00, 0x00, 0x00,	/* HELLO, 189 bytes */
		'T', 'S', 'R', 'A', 0x01, 0x00, 0x00, 0x00,	/* version 1 */
		0xdc, 0x0a, 0x00, 0x00,				/* node 2780 */
	};
	static const uint8_t refusal[] = {
		0x06, 0x00, 0x00, 0x00, 0x06, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 'n', 'o',
	};
	struct hpcd_refusal r = { .reason = HPCD_R_MEMORY, .text = "no" };
	struct hpcd_hello h = a_hello();

	(void)state;
	assert_int_equal(hpcd_hello_put(message, &h), HPCD_HEADER_SIZE + 189);
	assert_memory_equal(message, head, sizeof(head));
	assert_int_equal(hpcd_refuse_put(message, &r), sizeof(refusal));
	assert_memory_equal(message, refusal, sizeof(refusal));
}

/* --- what is wrong ------------------------------------------------------------------------ */

static void wrong_headers(void **state)
{
	struct hpcd_header h;

	(void)state;
	hpcd_accept_put(message);
	message[2] = 1;
	assert_int_equal(hpcd_header_get(message, &h), -EBADMSG);
	message[2] = 0;
	message[4] = HPCD_PAYLOAD_MAX & 0xff;
	message[5] = HPCD_PAYLOAD_MAX >> 8;
	assert_int_equal(hpcd_header_get(message, &h), 0);
	message[4]++;
	assert_int_equal(hpcd_header_get(message, &h), -EBADMSG);
	message[7] = 0xff;
	assert_int_equal(hpcd_header_get(message, &h), -EBADMSG);
}

static void every_other_length_is_wrong(void **state)
{
	struct hpcd_request request = a_request(), r;
	struct hpcd_hello hello = a_hello(), h;
	struct hpcd_time time = { .seq = 1 }, t;
	size_t len, n;
	uint32_t seq;

	(void)state;
	hpcd_hello_put(message, &hello);
	for (n = 0; n <= HPCD_PAYLOAD_MAX; n++)
		assert_int_equal(hpcd_hello_get(message + HPCD_HEADER_SIZE, n, &h),
				 n == 189 ? 0 : -EBADMSG);
	len = hpcd_request_put(message, &request) - HPCD_HEADER_SIZE;
	for (n = 0; n <= HPCD_PAYLOAD_MAX; n++)
		assert_int_equal(hpcd_request_get(message + HPCD_HEADER_SIZE, n, &r),
				 n == len ? 0 : -EBADMSG);
	len = hpcd_time_put(message, &time) - HPCD_HEADER_SIZE;
	for (n = 0; n <= HPCD_PAYLOAD_MAX; n++)
		assert_int_equal(hpcd_time_get(message + HPCD_HEADER_SIZE, n, &t),
				 n == len ? 0 : -EBADMSG);
	for (n = 0; n <= HPCD_PAYLOAD_MAX; n++)
		assert_int_equal(hpcd_clock_get(message + HPCD_HEADER_SIZE, n, &seq),
				 n == 4 ? 0 : -EBADMSG);
}

static void other_versions_say_who_they_are(void **state)
{
	struct hpcd_hello h = a_hello(), out = { 0 };

	(void)state;
	h.version = 9;
	hpcd_hello_put(message, &h);
	assert_int_equal(hpcd_hello_get(message + HPCD_HEADER_SIZE, 12, &out), -EPROTONOSUPPORT);
	assert_int_equal(out.version, 9);
	assert_int_equal(out.node, 2780);
	assert_int_equal(hpcd_hello_get(message + HPCD_HEADER_SIZE, 300, &out), -EPROTONOSUPPORT);
	assert_int_equal(hpcd_hello_get(message + HPCD_HEADER_SIZE, 11, &out), -EBADMSG);
	message[HPCD_HEADER_SIZE] ^= 1;
	assert_int_equal(hpcd_hello_get(message + HPCD_HEADER_SIZE, 12, &out), -EBADMSG);
}

static int hello_with_node(uint32_t node)
{
	struct hpcd_hello h = a_hello(), out;
	size_t len;

	h.node = node;
	len = hpcd_hello_put(message, &h);
	return hpcd_hello_get(message + HPCD_HEADER_SIZE, len - HPCD_HEADER_SIZE, &out);
}

static int request_with_pid(uint32_t pid)
{
	struct hpcd_request r = a_request(), out;
	size_t len;

	r.pid = pid;
	len = hpcd_request_put(message, &r);
	return hpcd_request_get(message + HPCD_HEADER_SIZE, len - HPCD_HEADER_SIZE, &out);
}

static void numbers_out_of_range(void **state)
{
	struct hpcd_time t = { .monotonic = 2, .boottime = 1 };
	const uint8_t *p = message + HPCD_HEADER_SIZE;
	struct hpcd_refusal r;
	size_t len;

	(void)state;
	assert_int_equal(hello_with_node(0), -EBADMSG);
	assert_int_equal(hello_with_node(1), 0);
	assert_int_equal(hello_with_node(65535), 0);
	assert_int_equal(hello_with_node(65536), -EBADMSG);
	assert_int_equal(request_with_pid(0), -EBADMSG);
	assert_int_equal(request_with_pid(1), -EBADMSG);
	assert_int_equal(request_with_pid(2), 0);
	assert_int_equal(request_with_pid(0x80000002), -EBADMSG);

	len = hpcd_time_put(message, &t) - HPCD_HEADER_SIZE;
	assert_int_equal(hpcd_time_get(p, len, &t), -EBADMSG);
	t = (struct hpcd_time) { .monotonic = 1, .boottime = HPCD_TIME_MAX + 1 };
	hpcd_time_put(message, &t);
	assert_int_equal(hpcd_time_get(p, len, &t), -EBADMSG);

	memset(message, 0, sizeof(message));
	assert_int_equal(hpcd_refuse_get(p, 4, &r), -EBADMSG);	/* no reason */
	message[HPCD_HEADER_SIZE] = 99;
	assert_int_equal(hpcd_refuse_get(p, 4, &r), 0);
	assert_int_equal(r.reason, HPCD_R_FAILED);
	assert_int_equal(hpcd_refuse_get(p, 5, &r), -EBADMSG);	/* a NUL in the text */
}

static void texts_of_others_are_printable(void **state)
{
	struct hpcd_refusal r = { .reason = HPCD_R_FAILED, .text = "a\033[2Jb\n\377" };
	struct hpcd_request q = a_request();
	size_t len;

	(void)state;
	len = hpcd_refuse_put(message, &r) - HPCD_HEADER_SIZE;
	assert_int_equal(hpcd_refuse_get(message + HPCD_HEADER_SIZE, len, &r), 0);
	assert_string_equal(r.text, "a?[2Jb??");
	strcpy(q.comm, "\033]0;x\007");
	len = hpcd_request_put(message, &q) - HPCD_HEADER_SIZE;
	assert_int_equal(hpcd_request_get(message + HPCD_HEADER_SIZE, len, &q), 0);
	assert_string_equal(q.comm, "?]0;x?");
}

static void texts_end_within_their_field(void **state)
{
	struct hpcd_request r = a_request(), out;
	size_t len = hpcd_request_put(message, &r) - HPCD_HEADER_SIZE;
	uint8_t *p = message + HPCD_HEADER_SIZE;

	(void)state;
	memset(p + 16, 'x', HPCD_COMM_SIZE);
	assert_int_equal(hpcd_request_get(p, len, &out), -EBADMSG);
	hpcd_request_put(message, &r);
	memset(p + len - HPCD_NAME_SIZE, 'x', HPCD_NAME_SIZE);
	assert_int_equal(hpcd_request_get(p, len, &out), -EBADMSG);
}

static void what_was_there_stays_on_failure(void **state)
{
	struct hpcd_hello h, before;

	(void)state;
	memset(&h, 0x5a, sizeof(h));
	before = h;
	memset(message, 0, sizeof(message));
	assert_int_equal(hpcd_hello_get(message, 189, &h), -EBADMSG);
	assert_memory_equal(&h, &before, sizeof(h));
}

/* --- a great many ---------------------------------------------------------------------------- */

/* xorshift: the same numbers in every run. */
static uint64_t seed = 0x9e3779b97f4a7c15;

static uint32_t draw(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % n;
}

static size_t one_of_all(uint8_t *buf)
{
	struct hpcd_refusal refusal = { .reason = HPCD_R_BUSY, .text = "try again later" };
	struct hpcd_time t = { .seq = 1, .monotonic = 5, .boottime = 7 };
	struct hpcd_request request = a_request();
	struct hpcd_hello hello = a_hello();

	switch (draw(6)) {
	case 0:
		return hpcd_hello_put(buf, &hello);
	case 1:
		return hpcd_request_put(buf, &request);
	case 2:
		return hpcd_clock_put(buf, 1);
	case 3:
		return hpcd_time_put(buf, &t);
	case 4:
		return hpcd_refuse_put(buf, &refusal);
	default:
		return hpcd_accept_put(buf);
	}
}

static size_t mutate(uint8_t *buf, size_t len)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff };
	uint32_t times = 1 + draw(4);

	while (times-- && len) {
		switch (draw(4)) {
		case 0:
			buf[draw(len)] ^= 1u << draw(8);
			break;
		case 1:
			buf[draw(len)] = edges[draw(sizeof(edges))];
			break;
		case 2:
			len = draw(len + 1);
			break;
		default:
			memset(buf + draw(len), (int)draw(256), 1);
			if (len < HPCD_MESSAGE_MAX)
				buf[len++] = (uint8_t)draw(256);
		}
	}
	return len;
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size);
}

/* What was let through has to be what its reader may rely on. */
static void check_payload(uint16_t type, const uint8_t *p, size_t len)
{
	struct hpcd_refusal refusal;
	struct hpcd_request request;
	struct hpcd_hello hello;
	struct hpcd_time t;
	uint32_t seq;

	switch (type) {
	case HPCD_HELLO:
		if (!hpcd_hello_get(p, len, &hello))
			assert_true(hello.node >= HPC_NODE_MIN && hello.node <= HPC_NODE_MAX &&
				    ends(hello.release, sizeof(hello.release)));
		break;
	case HPCD_REQUEST:
		if (!hpcd_request_get(p, len, &request))
			assert_true(request.pid >= 2 && request.pid <= 4u << 20 &&
				    ends(request.comm, sizeof(request.comm)) &&
				    ends(request.host, sizeof(request.host)) &&
				    ends(request.domain, sizeof(request.domain)));
		break;
	case HPCD_CLOCK:
		assert_int_equal(hpcd_clock_get(p, len, &seq), len == 4 ? 0 : -EBADMSG);
		break;
	case HPCD_TIME:
		if (!hpcd_time_get(p, len, &t))
			assert_true(t.monotonic <= t.boottime && t.boottime <= HPCD_TIME_MAX);
		break;
	case HPCD_ACCEPT:
		assert_int_equal(hpcd_accept_get(p, len), len ? -EBADMSG : 0);
		break;
	case HPCD_REFUSE:
		if (!hpcd_refuse_get(p, len, &refusal))
			assert_true(refusal.reason != HPCD_R_NONE && refusal.reason <= HPCD_R_LAST &&
				    ends(refusal.text, sizeof(refusal.text)));
		break;
	}
}

static void wrong_messages_by_the_thousand(void **state)
{
	const char *wanted = getenv("TESSERA_FUZZ");
	long n = wanted ? atol(wanted) : MUTATIONS;
	struct hpcd_header h;
	uint8_t *exact;
	size_t len;

	(void)state;
	assert_true(n > 0);
	while (n--) {
		len = mutate(message, one_of_all(message));
		if (len < HPCD_HEADER_SIZE || hpcd_header_get(message, &h))
			continue;
		/* What has come, in a piece of memory that ends where it does. */
		len -= HPCD_HEADER_SIZE;
		exact = malloc(len + !len);
		assert_non_null(exact);
		memcpy(exact, message + HPCD_HEADER_SIZE, len);
		check_payload(h.type, exact, len);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_survives),
		cmocka_unit_test(request_survives),
		cmocka_unit_test(clock_and_time_survive),
		cmocka_unit_test(answers_survive),
		cmocka_unit_test(bytes_on_the_wire),
		cmocka_unit_test(wrong_headers),
		cmocka_unit_test(every_other_length_is_wrong),
		cmocka_unit_test(other_versions_say_who_they_are),
		cmocka_unit_test(numbers_out_of_range),
		cmocka_unit_test(texts_of_others_are_printable),
		cmocka_unit_test(texts_end_within_their_field),
		cmocka_unit_test(what_was_there_stays_on_failure),
		cmocka_unit_test(wrong_messages_by_the_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
