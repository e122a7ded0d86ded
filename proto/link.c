// SPDX-License-Identifier: MIT
/* What both ends of the link share: addresses, socket options. */
#include "proto/link_internal.h"

#include "proto/base/log.h"
#include "quorate/limits.h"

#include <arpa/inet.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdlib.h>
#include <string.h>

#define IPC_PATH_MAX 100 /* one past 107 aborts the process inside nanomsg (field notes) */

#define RECONNECT_MS 100

/* Our own timeouts decide, and a new request cancels the old: nanomsg's timer must not repeat one.
 */
#define RESEND_MS (24 * 60 * 60 * 1000)

const char *const link_stream_names[] = {"report", "orders", NULL};

static int check_port(const char *text, const char **why)
{
	*why = "a port from 1 to 65535";
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n > 5 || text[n])
		return -1;
	long port = strtol(text, NULL, 10);
	return port >= 1 && port <= 65535 ? 0 : -1;
}

static int check_tcp(const char *rest, const char **why)
{
	*why = "tcp:// on loopback only: tcp://127.0.0.1:PORT or tcp://[::1]:PORT";
	char host[INET6_ADDRSTRLEN + 3];
	const char *colon = strrchr(rest, ':');
	if (!colon || (size_t)(colon - rest) >= sizeof host)
		return -1;
	memcpy(host, rest, (size_t)(colon - rest));
	host[colon - rest] = 0;
	struct in_addr v4;
	bool is_v4 = inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
	if (!is_v4 && strcmp(host, "[::1]") != 0)
		return -1;
	return check_port(colon + 1, why);
}

int link_address_check(const char *address, const char **why)
{
	if (strncmp(address, "tcp://", 6) == 0)
		return check_tcp(address + 6, why);
	if (strncmp(address, "ipc://", 6) != 0) {
		*why = "ipc:///PATH or tcp://127.0.0.1:PORT";
		return -1;
	}
	*why = "ipc:// with an absolute path of at most 100 bytes";
	return address[6] == '/' && strlen(address + 6) <= IPC_PATH_MAX ? 0 : -1;
}

static int set_int(int socket, int level, int option, int value)
{
	return nn_setsockopt(socket, level, option, &value, sizeof value);
}

int link_socket_new(int domain, int protocol, const char *address)
{
	int socket = nn_socket(domain, protocol);
	if (socket == -1)
		goto failed;
	/* Without IPV4ONLY nanomsg binds an IPv4 connection to "::", fails, and aborts at its
	 * second attempt. */
	int ipv4_only = strchr(address, '[') ? 0 : 1;
	if (set_int(socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, NANOMSG_RCVMAX_BYTES) == -1 ||
		set_int(socket, NN_SOL_SOCKET, NN_IPV4ONLY, ipv4_only) == -1)
		goto failed;
	if (protocol == NN_REQ &&
		(set_int(socket, NN_SOL_SOCKET, NN_RECONNECT_IVL, RECONNECT_MS) == -1 ||
			set_int(socket, NN_REQ, NN_REQ_RESEND_IVL, RESEND_MS) == -1))
		goto failed;
	return socket;
failed:
	log_error("link.socket error=%s", log_quote(nn_strerror(nn_errno())));
	if (socket != -1)
		nn_close(socket);
	return -1;
}

int link_socket_fd(int socket)
{
	int fd;
	size_t size_bytes = sizeof fd;
	if (nn_getsockopt(socket, NN_SOL_SOCKET, NN_RCVFD, &fd, &size_bytes) == -1) {
		log_error("link.fd error=%s", log_quote(nn_strerror(nn_errno())));
		return -1;
	}
	return fd;
}
