// SPDX-License-Identifier: MIT
/* Where the API listens: a loopback address, a unix socket. Both refuse to take another's place. */
#include "coordinator/api/server.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 128

void api_listeners_pause(struct api *api, bool pause)
{
	if (api->paused == pause)
		return;
	api->paused = pause;
	for (int i = 0; i < api->n_listeners; i++) {
		if (pause)
			evconnlistener_disable(api->listener[i]);
		else
			evconnlistener_enable(api->listener[i]);
	}
}

/* Out of file descriptors, most likely: without a pause the loop would spin on the listener. */
static void accept_error_cb(struct evconnlistener *listener UNUSED, void *arg)
{
	if (log_ratelimit("api.accept", 60000) >= 0)
		log_errno("api.accept_failed");
	api_listeners_pause(arg, true);
}

static int add_listener(struct api *api, const struct sockaddr *address, socklen_t size_bytes)
{
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC |
			 (address->sa_family == AF_UNIX ? 0 : LEV_OPT_REUSEABLE);
	struct evconnlistener *l = evconnlistener_new_bind(loop_base(api->coordinator->loop), NULL,
		NULL, flags, LISTEN_BACKLOG, address, (int)size_bytes);

	if (!l)
		return -1;
	if (!evhttp_bind_listener(api->http, l)) {
		evconnlistener_free(l);
		return -1;
	}
	evconnlistener_set_error_cb(l, accept_error_cb);
	api->listener[api->n_listeners++] = l;
	return 0;
}

/* "127.0.0.1:7443", "[::1]:7443"; port 0 is any free one. Returns the address's size, 0 when it is
 * not loopback. */
static socklen_t parse_loopback(const char *text, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	const char *colon = strrchr(text, ':');
	char host[64], *end;
	long port;

	if (!colon || colon == text || colon - text >= (long)sizeof(host))
		return 0;
	port = strtol(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end || port > 65535)
		return 0;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	*out = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1 &&
		ntohl(v4->sin_addr.s_addr) >> 24 == 127) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		return sizeof(*v4);
	}
	if (strcmp(host, "[::1]") != 0)
		return 0;
	v6->sin6_family = AF_INET6;
	v6->sin6_addr = in6addr_loopback;
	v6->sin6_port = htons((uint16_t)port);
	return sizeof(*v6);
}

static int bound_port(struct evconnlistener *l)
{
	struct sockaddr_in6 bound = {0}; /* the port stands at the same place in both families */
	socklen_t size_bytes = sizeof(bound);

	if (getsockname(evconnlistener_get_fd(l), (struct sockaddr *)&bound, &size_bytes) == -1)
		return 0;
	return ntohs(bound.sin6_port);
}

int api_listen_tcp(struct api *api, const char *text)
{
	struct sockaddr_storage address;
	socklen_t size_bytes = parse_loopback(text, &address);

	if (size_bytes == 0) {
		log_error("api.listen_refused address=%s accepted=\"a loopback address with a "
			  "port, for example "
			  "127.0.0.1:7443; until the door has TLS nothing else\"",
			log_quote(text));
		return -1;
	}
	if (add_listener(api, (struct sockaddr *)&address, size_bytes) == -1) {
		log_errno("api.listen_failed address=%s", log_quote(text));
		return -1;
	}
	api->port = bound_port(api->listener[api->n_listeners - 1]);
	return 0;
}

/* A socket file that nobody answers on is left over from a crash. Returns -1 when somebody does. */
static int remove_stale_socket(const struct sockaddr_un *address)
{
	struct stat facts;
	int fd, rc = 0;

	if (lstat(address->sun_path, &facts) == 0 && !S_ISSOCK(facts.st_mode)) {
		errno = EEXIST; /* connecting to a plain file is "refused", too */
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno == EAGAIN) {
		errno = EADDRINUSE;
		rc = -1;
	} else if (errno == ECONNREFUSED) {
		rc = unlink(address->sun_path);
	} else if (errno != ENOENT) {
		rc = -1;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

int api_listen_unix(struct api *api, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int rc;

	if (strlen(path) >= sizeof(address.sun_path)) {
		log_error("api.socket_refused path=%s accepted=\"at most %zu bytes\"",
			log_quote(path), sizeof(address.sun_path) - 1);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (remove_stale_socket(&address) == -1) {
		log_errno("api.socket_taken path=%s", log_quote(path));
		return -1;
	}
	mask = umask(0117); /* 0660 from the first instant on */
	rc = add_listener(api, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (rc == -1) {
		log_errno("api.listen_failed path=%s", log_quote(path));
		return -1;
	}
	api->socket_path = mem_strdup(path);
	return 0;
}
