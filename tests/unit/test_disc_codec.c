// SPDX-License-Identifier: GPL-2.0-only
/* Discovery's packets: what goes in comes out, and nothing else is taken for one. */
// sources: autodiscovery/codec.c
// libs: -lsodium
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "autodiscovery/codec.h"

static struct disc_key key;

static int make_key(void **state)
{
	(void)state;
	return disc_key_make("secret", 6, "tessera", &key);
}

static struct disc_message beat(void)
{
	struct disc_message m = {
		.type = DISC_BEAT, .boot = 0x1122334455667788, .counter = 0xffffffffffff,
		.number = 775, .flags = DISC_F_HOLDING, .interval = 300, .load = 123, .util = 100,
		.info_seq = 7, .mem = 2000, .rmem = 1000, .nwitnesses = 2,
		.witness = { { 0xdeadbeef, 1 }, { 5, 65535 } },
	};

	return m;
}

static struct disc_message announce(void)
{
	struct disc_message m = beat();

	m.type = DISC_ANNOUNCE;
	m.has_info = true;
	m.info = (struct disc_info){
		.machine = 1, .kernel = UINT64_MAX, .cpus = 65535, .speed = 10000,
		.tmem = 1024, .features = { 1, 2, 3, 4, 5, 6, 7, 8, 9, UINT32_MAX },
		.release = "v1.2-3-gabcdef0", .host = "pc-17.room", .naddrs = 2,
		.addr = { { 4, { 192, 168, 3, 7 } }, { 6, { 0xfe, 0x80, [15] = 1 } } },
	};
	return m;
}

static struct disc_message query(void)
{
	struct disc_message m = beat();
	unsigned int i;

	m.type = DISC_QUERY;
	m.nalive = 60;
	m.nwho = 4;
	for (i = 0; i < DISC_ASKS; i++)
		m.ask_alive[i] = m.ask_who[i] = 0;
	for (i = 0; i < m.nalive; i++)
		m.ask_alive[i] = i * 77;
	for (i = 0; i < m.nwho; i++)
		m.ask_who[i] = UINT32_MAX - i;
	return m;
}

static void round_trip(const struct disc_message *m, int bytes)
{
	uint8_t buf[DISC_PACKET_MAX];
	struct disc_message out;
	int len = disc_encode(m, &key, buf, sizeof(buf));

	assert_int_equal(len, bytes);
	memset(&out, 0xa5, sizeof(out));
	assert_int_equal(disc_decode(buf, len, &key, &out), 0);
	assert_memory_equal(&out, m, sizeof(out));
}

static void what_goes_in_comes_out(void **state)
{
	struct disc_message a = beat(), b = announce(), c = query(), d = beat();

	(void)state;
	d.type = DISC_GOODBYE;
	d.nwitnesses = 0;
	memset(d.witness, 0, sizeof(d.witness));
	round_trip(&a, 66);
	round_trip(&b, 66 + 2 + 64 + 15 + 2 + 5 + 17 + 2 + 10);
	round_trip(&c, 66 + 2 + 240 + 2 + 16);
	round_trip(&d, 52);
}

static void the_bytes_are_those_of_the_document(void **state)
{
	static const uint8_t wanted[] = {
		'T', 's', 1, 1, 0, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x07, 0x03, 1, 0, 0x2c, 1, 123, 0, 100, 7,
		0xd0, 0x07, 0xe8, 0x03, 1, 12, 0xef, 0xbe, 0xad, 0xde, 1, 0, 5, 0, 0, 0, 0xff, 0xff,
	};
	uint8_t buf[DISC_PACKET_MAX];
	struct disc_message m = beat();

	(void)state;
	assert_int_equal(disc_encode(&m, &key, buf, sizeof(buf)), sizeof(wanted) + DISC_MAC);
	memset(buf + 4, 0, 4);
	assert_memory_equal(buf, wanted, sizeof(wanted));
}

static void every_flipped_bit_is_noticed(void **state)
{
	uint8_t buf[DISC_PACKET_MAX];
	struct disc_message m = announce(), out;
	int len = disc_encode(&m, &key, buf, sizeof(buf)), i;

	(void)state;
	for (i = 0; i < len * 8; i++) {
		buf[i / 8] ^= 1 << i % 8;
		assert_int_not_equal(disc_decode(buf, len, &key, &out), 0);
		buf[i / 8] ^= 1 << i % 8;
	}
	for (i = 0; i < len; i++)
		assert_int_not_equal(disc_decode(buf, i, &key, &out), 0);
	assert_int_equal(disc_decode(buf, len, &key, &out), 0);
}

static void other_clusters_and_other_secrets_are_strangers(void **state)
{
	uint8_t buf[DISC_PACKET_MAX];
	struct disc_message m = beat(), out;
	struct disc_key other;
	int len = disc_encode(&m, &key, buf, sizeof(buf));

	(void)state;
	assert_int_equal(disc_key_make("secret", 6, "lab", &other), 0);
	assert_int_equal(disc_decode(buf, len, &other, &out), -ENOKEY);
	other.hint = key.hint;
	assert_int_equal(disc_decode(buf, len, &other, &out), -EKEYREJECTED);
	assert_int_equal(disc_key_make("Secret", 6, "tessera", &other), 0);
	assert_int_equal(disc_decode(buf, len, &other, &out), -ENOKEY);
	assert_int_equal(disc_key_make("", 0, "tessera", &other), -EINVAL);
}

/* An authentic packet, with bytes as we like them. */
static int sealed(uint8_t *buf, const uint8_t *tail, size_t len, struct disc_message *out)
{
	uint8_t whole[DISC_PACKET_MAX];
	struct disc_message m = beat();

	m.nwitnesses = 0;
	disc_encode(&m, &key, whole, sizeof(whole));
	memcpy(buf, whole, DISC_HEADER);
	memcpy(buf + DISC_HEADER, tail, len);
	crypto_generichash(buf + DISC_HEADER + len, DISC_MAC, buf, DISC_HEADER + len, key.key,
			   sizeof(key.key));
	return disc_decode(buf, DISC_HEADER + len + DISC_MAC, &key, out);
}

static void lengths_are_checked(void **state)
{
	uint8_t buf[DISC_PACKET_MAX];
	struct disc_message out;

	(void)state;
#define SEALED(...) sealed(buf, (const uint8_t[]){ __VA_ARGS__ }, \
			   sizeof((const uint8_t[]){ __VA_ARGS__ }), &out)
	assert_int_equal(SEALED(99, 0), 0);			/* unknown sections are skipped */
	assert_int_equal(SEALED(99, 2, 1, 2, 98, 0), 0);
	assert_int_equal(SEALED(99), -EPROTO);
	assert_int_equal(SEALED(99, 1), -EPROTO);
	assert_int_equal(SEALED(1, 5, 1, 2, 3, 4, 5), -EPROTO);	/* not whole witnesses */
	assert_int_equal(SEALED(2, 1, 0), -EPROTO);		/* information cut off */
	assert_int_equal(SEALED(3, 5, 4, 1, 2, 3, 4), -EPROTO);	/* addresses without it */
	assert_int_equal(SEALED(6, 2, 'p', 'c'), -EPROTO);	/* a name without it */
	assert_int_equal(SEALED(4, 1, 1, 2, 3), -EPROTO);
	assert_int_equal(SEALED(4, 0), -EPROTO);
	assert_int_equal(SEALED(4, 1, 1, 0, 0, 0), 0);
	assert_int_equal(out.nalive, 1);
	assert_int_equal(SEALED(4, 1, 1, 0, 0, 0, 4, 1, 1, 0, 0, 0), -EPROTO);
#undef SEALED
}

static void other_versions_are_recognised(void **state)
{
	uint8_t buf[DISC_PACKET_MAX];
	struct disc_message m = beat(), out;
	int len = disc_encode(&m, &key, buf, sizeof(buf)) - DISC_MAC;

	(void)state;
	buf[2] = 9;
	memset(buf + 24, 0xff, len - 24);	/* whatever that may mean in version 9 */
	crypto_generichash(buf + len, DISC_MAC, buf, len, key.key, sizeof(key.key));
	assert_int_equal(disc_decode(buf, len + DISC_MAC, &key, &out), 0);
	assert_int_equal(out.foreign, 9);
	assert_true(out.boot == m.boot && out.counter == m.counter && out.number == 775);
	assert_int_equal(out.load, 0);
}

static void what_does_not_fit_is_refused(void **state)
{
	uint8_t buf[DISC_PACKET_MAX];
	struct disc_message m = announce();
	size_t i, len = disc_encode(&m, &key, buf, sizeof(buf));

	(void)state;
	for (i = 0; i < len; i++)
		assert_int_equal(disc_encode(&m, &key, buf, i), -EMSGSIZE);
	assert_int_equal(disc_encode(&m, &key, buf, len), len);
	m.info.naddrs = DISC_ADDRS + 1;
	assert_int_equal(disc_encode(&m, &key, buf, sizeof(buf)), -EINVAL);
}

static void floats_keep_eleven_bits(void **state)
{
	uint64_t v;

	(void)state;
	for (v = 0; v < 2048; v++)
		assert_true(disc_float_unpack(disc_float_pack(v)) == v);
	for (v = 2048; v < 1ull << 41; v = v * 9 / 8 + 1) {
		uint64_t back = disc_float_unpack(disc_float_pack(v));

		assert_true(back <= v && v - back <= v / 1024);
	}
	assert_true(disc_float_unpack(disc_float_pack(UINT64_MAX)) == 2047ull << 31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(the_bytes_are_those_of_the_document),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(other_clusters_and_other_secrets_are_strangers),
		cmocka_unit_test(lengths_are_checked),
		cmocka_unit_test(other_versions_are_recognised),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(floats_keep_eleven_bits),
	};

	return cmocka_run_group_tests(tests, make_key, NULL);
}
