// SPDX-License-Identifier: MIT
/* A real nginx (tests/peers.sh) as a child on loopback, with a configuration of the test's own. */
#ifndef TESTS_UNIT_NGINX_KIT_H
#define TESTS_UNIT_NGINX_KIT_H

#include "tests/unit/check_kit.h"

#include <ftw.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct nginx {
	pid_t pid;
	char dir[64];
};

/* "build/peers", or its absolute path; seen from the top of the tree as from a build folder's. */
static const char *nginx_program(void)
{
	static const char program[] = "build/peers/bin/nginx";
	if (access(program, X_OK) != 0 && system("sh tests/peers.sh >&2") != 0)
		fail_msg("tests/peers.sh failed");
	return program;
}

static bool can_connect(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	close(fd);
	return ok;
}

UNUSED static void nginx_dir(struct nginx *n)
{
	memset(n, 0, sizeof(*n));
	snprintf(n->dir, sizeof(n->dir), "/tmp/quorate-test.XXXXXX");
	assert_non_null(mkdtemp(n->dir));
}

/* SERVERS: the server blocks. Returns when PORT accepts connections. */
UNUSED static void nginx_start(struct nginx *n, const char *servers, int port)
{
	const char *program = nginx_program();
	char conf[80];
	snprintf(conf, sizeof(conf), "%s/nginx.conf", n->dir);
	FILE *f = fopen(conf, "w");
	assert_non_null(f);
	fprintf(f,
		"daemon off; master_process off; pid %s/pid; error_log %s/error.log;\nevents "
		"{}\nhttp {\n"
		"access_log off; client_body_temp_path %s/b; proxy_temp_path %s/p; "
		"fastcgi_temp_path %s/f;\n"
		"uwsgi_temp_path %s/u; scgi_temp_path %s/s; absolute_redirect off;\n%s\n}\n",
		n->dir, n->dir, n->dir, n->dir, n->dir, n->dir, n->dir, servers);
	fclose(f);
	n->pid = fork();
	assert_int_not_equal(n->pid, -1);
	if (n->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(program, "nginx", "-p", n->dir, "-e", "error.log", "-c", conf, (char *)NULL);
		_exit(127);
	}
	while (!can_connect(port)) {
		int status;
		if (waitpid(n->pid, &status, WNOHANG) == n->pid)
			fail_msg("nginx ended; see %s/error.log", n->dir);
		const struct timespec moment = {.tv_nsec = 5000000};
		nanosleep(&moment, NULL);
	}
}

static int remove_one(
	const char *path, const struct stat *s UNUSED, int type UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

UNUSED static void nginx_stop(struct nginx *n)
{
	if (n->pid > 0) {
		kill(n->pid, SIGTERM);
		waitpid(n->pid, NULL, 0);
	}
	nftw(n->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
