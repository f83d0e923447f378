// SPDX-License-Identifier: GPL-2.0-only
/* The agent's port: a host that comes and goes, and whose bytes are there before it is. */
// sources: userland/agent/port.c userland/agent/codec.c
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userland/agent/port.h"

static char got[64];
static size_t have;

static void take(const uint8_t *data, size_t len)
{
	assert_true(have + len <= sizeof(got));
	memcpy(got + have, data, len);
	have += len;
}

/* A FIFO nobody writes to reads like a port without a host. */
static int folder_and_fifo(char *name)
{
	int fd;

	assert_non_null(mkdtemp(name));
	assert_int_equal(chdir(name), 0);
	assert_int_equal(mkfifo("port", 0600), 0);
	fd = open("port", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void test_bytes_before_their_host(void **state)
{
	char name[] = "/tmp/port-XXXXXX";
	int port = folder_and_fifo(name), host;

	(void)state;
	assert_int_equal(port_read(port, take), PORT_GONE);
	host = open("port", O_WRONLY | O_CLOEXEC);
	assert_int_equal(port_read(port, take), PORT_DRY);
	assert_int_equal(write(host, "hello", 5), 5);
	close(host);
	assert_int_equal(port_read(port, take), PORT_UNSURE);
	assert_int_equal(have, 5);
	assert_memory_equal(got, "hello", 5);
	/* It was there after all. */
	host = open("port", O_WRONLY | O_CLOEXEC);
	assert_int_equal(port_read(port, take), PORT_DRY);
	close(host);
	assert_int_equal(port_read(port, take), PORT_GONE);
	assert_int_equal(have, 5);
	close(port);
	unlink("port");
	rmdir(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_before_their_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
