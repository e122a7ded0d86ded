// SPDX-License-Identifier: MIT
/*
 * The sockets of a transfer, which curl asks for: the address policy looks at the very address that
 * is connected, and what comes over them is counted.
 */
#include "probe/http_hop.h"
#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* curl tries two addresses at a time, and does not say which socket it reads from. */
static void remember_socket(struct http_hop *hop, int from, int to)
{
	for (size_t i = 0; i < ARRAY_LEN(hop->fds); i++)
		if (hop->fds[i] == from) {
			hop->fds[i] = to;
			hop->fd_opened_at_us[i] = clock_now_us();
			return;
		}
}

static curl_socket_t open_socket(
	void *arg, curlsocktype purpose UNUSED, struct curl_sockaddr *address)
{
	struct http_hop *hop = arg;
	net_format(&address->addr, hop->tried);
	bool permitted = hop->proxy != NULL ? http_proxy_permits(hop, &address->addr)
					    : check_permits(hop->check, &address->addr);
	if (!permitted) {
		hop->refused = true;
		check_trace(hop->check, "%s is refused by the address policy", hop->tried);
		return CURL_SOCKET_BAD;
	}
	check_trace(hop->check, "connecting to %s", hop->tried);
	if (hop->opened_at_us == 0)
		hop->opened_at_us = clock_now_us();
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		address->protocol);
	hop->socket_errno = fd == -1 ? errno : 0;
	remember_socket(hop, -1, fd);
	return fd == -1 ? CURL_SOCKET_BAD : fd;
}

/* Out of curl's callbacks: one pause taken back makes it look at the transfer at once. */
static void go_on(void *arg)
{
	struct http_hop *hop = arg;
	if (hop->easy == NULL || hop->address[0] != '\0')
		return;
	(void)curl_easy_pause(hop->easy, CURLPAUSE_SEND);
	(void)curl_easy_pause(hop->easy, CURLPAUSE_CONT);
}

/* After an address that refuses, curl takes the next one of its family when its own timer runs out:
 * 200 ms later, or half of the time that is left. */
static int close_socket(void *arg, curl_socket_t fd)
{
	struct http_hop *hop = arg;
	remember_socket(hop, fd, -1);
	if (hop->address[0] == '\0') {
		if (hop->next_address.loop == NULL)
			timer_init(&hop->next_address, hop->check->loop, go_on, hop);
		timer_set_us(&hop->next_address, 0);
	}
	return close(fd);
}

/* By the kernel's measure, if one socket alone may be meant and nothing was said on it (a proxy has been spoken
 * to); by the clock otherwise. */
void http_socket_stands(struct http_hop *hop)
{
	int64_t now_us = clock_now_us(), at_us = now_us;
	int standing = 0;
	if (hop->stands_at_us != 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(hop->fds) && hop->proxy == NULL; i++) {
		int64_t took_us = net_connected_in_us(hop->fds[i]);
		if (took_us == -1)
			continue;
		at_us = hop->fd_opened_at_us[i] + took_us;
		standing++;
	}
	hop->stands_at_us = standing == 1 && at_us < now_us ? at_us : now_us;
}

int http_socket_only(const struct http_hop *hop)
{
	if (hop->fds[0] == -1)
		return hop->fds[1];
	return hop->fds[1] == -1 ? hop->fds[0] : -1;
}

long long http_socket_received(const struct http_hop *hop)
{
	long long received = 0;
	for (size_t i = 0; i < ARRAY_LEN(hop->fds); i++)
		received += net_bytes_received(hop->fds[i]);
	return received;
}

void http_socket_set(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
}

void http_socket_attach(struct http_hop *hop)
{
	memset(hop->fds, -1, sizeof(hop->fds));
	curl_easy_setopt(hop->easy, CURLOPT_OPENSOCKETDATA, hop);
	curl_easy_setopt(hop->easy, CURLOPT_CLOSESOCKETDATA, hop);
}

void http_socket_clear(struct http_hop *hop)
{
	timer_clear(&hop->next_address);
}
