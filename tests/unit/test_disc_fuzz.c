// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutated packets, every second one with a right MAC, so that the reader behind it
 * is met too.  What is read must be what is written again and read again.
 * DISC_FUZZ=1000000 in the environment is the long form; DISC_FUZZ_SEED another run.
 */
// sources: autodiscovery/codec.c
// libs: -lsodium
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "autodiscovery/codec.h"

#define ROUNDS	50000
#define SEEDS	6

static struct disc_key key;
static uint64_t random_state;

static uint32_t rnd(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % below;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static struct disc_message seed_message(unsigned int which)
{
	struct disc_message m = { .boot = 77, .counter = 5, .number = 3, .interval = 64 };
	unsigned int i;

	m.type = 1 + which % 4;
	m.nwitnesses = which % 3;
	m.has_info = which >= 2;
	m.info.naddrs = m.has_info ? which - 2 : 0;
	for (i = 0; i < m.info.naddrs; i++)
		m.info.addr[i].family = i % 2 ? 4 : 6;
	m.nalive = which * 7;
	m.nwho = which % 2 * 11;
	strcpy(m.info.release, m.has_info ? "v1" : "");
	strcpy(m.info.host, which >= 4 ? "pc-17" : "");
	return m;
}

static int seed_packet(unsigned int which, uint8_t *buf)
{
	struct disc_message m = seed_message(which);
	int len = disc_encode(&m, &key, buf, DISC_PACKET_MAX);

	assert_true(len > 0);
	return len;
}

static size_t mutate(uint8_t *buf, size_t len)
{
	unsigned int n = 1 + rnd(6);

	while (n--) {
		switch (rnd(6)) {
		case 0:
			buf[rnd(len)] ^= 1 << rnd(8);
			break;
		case 1:
			buf[rnd(len)] = rnd(256);
			break;
		case 2:	/* lengths and kinds live behind the header */
			buf[DISC_HEADER % len + rnd(len - DISC_HEADER % len)] = rnd(8);
			break;
		case 3:
			len = 1 + rnd(len);
			break;
		case 4: {
			size_t from = rnd(len), to = rnd(len), room = len - (from > to ? from : to);

			memmove(buf + to, buf + from, rnd(room + 1));
			break;
		}
		default:
			while (len < DISC_PACKET_MAX && rnd(8))
				buf[len++] = rnd(256);
		}
	}
	return len;
}

static void seal(uint8_t *buf, size_t len)
{
	buf[0] = 'T';
	buf[1] = 's';
	buf[2] = rnd(50) ? DISC_VERSION : rnd(256);
	memcpy(buf + 4, (const uint8_t[]){ key.hint, key.hint >> 8, key.hint >> 16, key.hint >> 24 }, 4);
	crypto_generichash(buf + len - DISC_MAC, DISC_MAC, buf, len - DISC_MAC, key.key,
			   sizeof(key.key));
}

/* In memory of exactly its size, so that a byte read too far is noticed. */
static int decode_exact(const uint8_t *buf, size_t len, struct disc_message *m)
{
	uint8_t *exact = malloc(len);
	int ret;

	memcpy(exact, buf, len);
	ret = disc_decode(exact, len, &key, m);
	free(exact);
	return ret;
}

static void must_survive_writing(const struct disc_message *m)
{
	uint8_t buf[DISC_PACKET_MAX];
	struct disc_message again;
	int len = disc_encode(m, &key, buf, sizeof(buf));

	assert_true(len > 0);
	assert_int_equal(decode_exact(buf, len, &again), 0);
	assert_memory_equal(&again, m, sizeof(again));
}

static void mutated_packets_do_no_harm(void **state)
{
	uint64_t rounds = number_of("DISC_FUZZ", ROUNDS), i, taken = 0, forged = 0;
	uint8_t buf[DISC_PACKET_MAX];
	struct disc_message m;

	(void)state;
	random_state = number_of("DISC_FUZZ_SEED", 1);
	for (i = 0; i < rounds; i++) {
		size_t len = seed_packet(rnd(SEEDS), buf);
		bool right = i % 2;

		len = mutate(buf, len);
		if (right && len >= DISC_HEADER + DISC_MAC)
			seal(buf, len);
		if (decode_exact(buf, len, &m))
			continue;
		if (right)
			taken++;
		else
			forged++;
		if (!m.foreign)
			must_survive_writing(&m);
	}
	print_message("%llu packets, %llu of them read\n", (unsigned long long)rounds,
		      (unsigned long long)taken);
	/* Mutations that cancel out leave a right packet; a few in a thousand. */
	assert_true(forged < rounds / 20);
	assert_true(taken > rounds / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutated_packets_do_no_harm),
	};

	return disc_key_make("s", 1, "c", &key) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
