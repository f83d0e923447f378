// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the running omdiscd tells of the nodes, a line "NUMBER STATE ADDRESS HOST" for
 * each; and the mark that says that the table is none of its business.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hpc.h"

#define SOCKET	"/run/omdiscd/status"
#define PATIENCE 2	/* seconds for an answer */

struct line {
	uint32_t id;
	char state[16];
	char host[HPC_HOST_TEXT];
};

static int discovery_connect(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = getenv("TESSERA_OMDISCD");
	struct timeval patience = { .tv_sec = PATIENCE };
	int fd, ret;

	if (!path)
		path = SOCKET;
	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (void *)&sun, sizeof(sun)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int discovery_open(FILE **ret_file)
{
	int fd = discovery_connect(), ret;

	if (fd < 0)
		return fd;
	if (send(fd, "h", 1, MSG_NOSIGNAL) == 1) {
		*ret_file = fdopen(fd, "r");
		if (*ret_file)
			return 0;
	}
	ret = -errno;
	close(fd);
	return ret;
}

static bool line_read(FILE *f, struct line *ret_line)
{
	char text[256], address[64];

	while (fgets(text, sizeof(text), f))
		if (sscanf(text, "%" SCNu32 " %15s %63s %63s", &ret_line->id, ret_line->state, address,
			   ret_line->host) == 4)
			return true;
	return false;
}

static bool is_here(const struct line *line)
{
	return strcmp(line->state, "left") != 0 && strcmp(line->state, "dead") != 0;
}

bool hpc_discovery_runs(void)
{
	int fd = discovery_connect();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The first node that has told its name and is the one with that number, or that name. */
static int node_find(uint32_t id, const char *host, struct line *ret_line)
{
	struct line line;
	FILE *f = NULL;
	int ret = discovery_open(&f);

	if (ret)
		return ret;
	ret = -ENOENT;
	while (ret && line_read(f, &line)) {
		if (!is_here(&line) || !strcmp(line.host, "-"))
			continue;
		if (host ? strcasecmp(line.host, host) != 0 : line.id != id)
			continue;
		*ret_line = line;
		ret = 0;
	}
	fclose(f);
	return ret;
}

int hpc_host_name(uint32_t id, char ret_host[HPC_HOST_TEXT])
{
	struct line line;
	int ret = node_find(id, NULL, &line);

	if (!ret)
		strcpy(ret_host, line.host);
	return ret;
}

int hpc_host_find(const char *host, uint32_t *ret_id)
{
	struct line line;
	int ret = node_find(0, host, &line);

	if (!ret)
		*ret_id = line.id;
	return ret;
}

/*
 * When omdiscd has answered, it has ended what it was doing, and looks at the mark
 * before it does anything else to the table.
 */
int hpc_map_mark(void)
{
	char host[HPC_HOST_TEXT];
	int fd;

	mkdir("/run/tessera", 0755);
	fd = open(HPC_MAP_MARK, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	hpc_host_name(0, host);
	return 0;
}

int hpc_map_unmark(void)
{
	return unlink(HPC_MAP_MARK) && errno != ENOENT ? -errno : 0;
}

bool hpc_map_marked(void)
{
	return !access(HPC_MAP_MARK, F_OK);
}
