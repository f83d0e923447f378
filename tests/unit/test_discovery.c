// SPDX-License-Identifier: GPL-2.0-only
/* Host names, as a daemon at the status socket tells them. */
// sources: userland/libhpc/discovery.c
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hpc.h"

static char folder[] = "/tmp/test_discovery.XXXXXX";
static char path[64];

/* Answers each asker with @text, until it is killed. */
static pid_t serve(const char *text)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), client;
	char form;
	pid_t pid;

	strcpy(sun.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (void *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 4), 0);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		if (recv(client, &form, 1, 0) == 1 && form == 'h')
			send(client, text, strlen(text), MSG_NOSIGNAL);
		close(client);
	}
	_exit(1);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}

static void names_and_numbers(void **state)
{
	pid_t pid = serve("257 self 10.77.1.1 here\n"
			  "258 dead 10.77.1.2 pc2\n"
			  "258 up 10.77.1.3 pc3\n"
			  "259 left fe80::1 pc4\n"
			  "260 silent fe80::2 pc5\n"
			  "261 up fe80::3 -\n");
	char host[HPC_HOST_TEXT];
	uint32_t id = 0;

	(void)state;
	assert_true(hpc_discovery_runs());
	assert_int_equal(hpc_host_name(257, host), 0);
	assert_string_equal(host, "here");
	assert_int_equal(hpc_host_name(258, host), 0);
	assert_string_equal(host, "pc3");	/* of two, the one that is there */
	assert_int_equal(hpc_host_name(259, host), -ENOENT);
	assert_int_equal(hpc_host_name(261, host), -ENOENT);
	assert_string_equal(host, "pc3");	/* left alone */
	assert_int_equal(hpc_host_find("PC5", &id), 0);
	assert_int_equal(id, 260);
	assert_int_equal(hpc_host_find("pc4", &id), -ENOENT);
	assert_int_equal(hpc_host_find("-", &id), -ENOENT);
	stop(pid);
}

static void nonsense_is_no_answer(void **state)
{
	pid_t pid = serve("257\nxyz up a b\n1 up 2\n\n"
			  "1 up 10.0.0.1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	char host[HPC_HOST_TEXT];

	(void)state;
	assert_int_equal(hpc_host_name(257, host), -ENOENT);
	assert_int_equal(hpc_host_name(1, host), 0);	/* cut, and within its bounds */
	assert_int_equal(strlen(host), HPC_HOST_TEXT - 1);
	stop(pid);
}

static void nobody_runs(void **state)
{
	char host[HPC_HOST_TEXT];
	uint32_t id;

	(void)state;
	assert_false(hpc_discovery_runs());
	assert_int_equal(hpc_host_name(1, host), -ENOENT);
	assert_int_equal(hpc_host_find("pc", &id), -ENOENT);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/status", folder);
	return setenv("TESSERA_OMDISCD", path, 1);
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_numbers),
		cmocka_unit_test(nonsense_is_no_answer),
		cmocka_unit_test(nobody_runs),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
