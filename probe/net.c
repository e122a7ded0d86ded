// SPDX-License-Identifier: MIT
/* Addresses, targets, and what the network's errors mean. */
#include "probe/net.h"

#include "proto/base/mem.h"
#include "proto/base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/tcp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ESTABLISHED 1 /* TCP_ESTABLISHED of netinet/tcp.h, which does not go with linux/tcp.h */

static int port_of(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
}

static const void *bytes_of(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	return &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
}

static char *put_ipv4(char *out, const unsigned char *bytes)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*out++ = '.';
		out = text_put_number(out, bytes[i]);
	}
	return out;
}

static char *put_ipv6(char *out, const void *bytes, bool with_port)
{
	if (with_port)
		*out++ = '[';
	inet_ntop(AF_INET6, bytes, out, INET6_ADDRSTRLEN);
	out += strlen(out);
	if (with_port)
		*out++ = ']';
	return out;
}

char *net_format(const struct sockaddr *address, char out[NET_ADDRESS_SIZE])
{
	char *end = out;
	if (address->sa_family != AF_INET && address->sa_family != AF_INET6) {
		strcpy(out, "?");
		return out;
	}
	int port = port_of(address);
	if (address->sa_family == AF_INET)
		end = put_ipv4(end, bytes_of(address));
	else
		end = put_ipv6(end, bytes_of(address), port != 0);
	if (port != 0) {
		*end++ = ':';
		end = text_put_number(end, port);
	}
	*end = '\0';
	return out;
}

socklen_t net_length(const struct sockaddr *address)
{
	return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
}

void net_set_port(struct sockaddr *address, int port)
{
	if (address->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)address)->sin_port = htons((uint16_t)port);
	else
		((struct sockaddr_in6 *)(void *)address)->sin6_port = htons((uint16_t)port);
}

bool net_parse_literal(const char *text, struct sockaddr_storage *out)
{
	char bare[INET6_ADDRSTRLEN];
	size_t n = strlen(text);
	memset(out, 0, sizeof(*out));
	if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	} else if (inet_pton(AF_INET, text, &((struct sockaddr_in *)(void *)out)->sin_addr) == 1) {
		out->ss_family = AF_INET;
		return true;
	}
	if (n >= sizeof(bare))
		return false;
	memcpy(bare, text, n);
	bare[n] = '\0';
	if (inet_pton(AF_INET6, bare, &((struct sockaddr_in6 *)(void *)out)->sin6_addr) != 1)
		return false;
	out->ss_family = AF_INET6;
	return true;
}

struct net_literal *net_literal_new(const char *text)
{
	struct sockaddr_storage found;
	char formatted[NET_ADDRESS_SIZE];
	if (!net_parse_literal(text, &found))
		return NULL;
	struct net_literal *literal = mem_alloc(sizeof(*literal));
	memcpy(&literal->address, &found, sizeof(literal->address));
	int n = snprintf(literal->text, sizeof(literal->text), "%s",
		net_format(&literal->address.any, formatted));
	literal->bytes = (unsigned char)n;
	return literal;
}

int net_split_target(const char *target, char host[NET_HOST_SIZE], int *port)
{
	const char *colon = strrchr(target, ':');
	if (colon == NULL || colon == target || (size_t)(colon - target) >= NET_HOST_SIZE)
		return -1;
	const char *digits = colon + 1;
	size_t n_digits = strlen(digits);
	if (n_digits == 0 || n_digits > 5 || strspn(digits, "0123456789") != n_digits)
		return -1;
	*port = 0;
	for (const char *d = digits; *d != '\0'; d++)
		*port = 10 * *port + (*d - '0');
	memcpy(host, target, (size_t)(colon - target));
	host[colon - target] = '\0';
	if (host[0] != '[' && strchr(host, ':') != NULL)
		return -1; /* an IPv6 address without brackets: where would its port begin? */
	return *port >= 1 && *port <= 65535 ? 0 : -1;
}

bool net_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	return a->sa_family == b->sa_family &&
	       (a->sa_family == AF_INET || a->sa_family == AF_INET6) &&
	       memcmp(bytes_of(a), bytes_of(b), a->sa_family == AF_INET ? 4 : 16) == 0;
}

int net_bind_source(int fd, const char *source)
{
	struct sockaddr_storage from;
	int on = 1;
	if (source == NULL)
		return 0;
	if (!net_parse_literal(source, &from)) {
		errno = EINVAL;
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&from, net_length((struct sockaddr *)&from));
}

/* ---- errors */

bool net_has_route(const struct sockaddr *address)
{
	struct sockaddr_storage to;
	memcpy(&to, address, net_length(address));
	net_set_port((struct sockaddr *)&to, 9); /* connecting a datagram socket sends nothing */
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return errno != EAFNOSUPPORT;
	int rc = connect(fd, (struct sockaddr *)&to, net_length(address));
	bool none = rc == -1 && (errno == ENETUNREACH || errno == EADDRNOTAVAIL);
	close(fd);
	return !none;
}

bool net_is_own(const struct sockaddr *address)
{
	struct sockaddr_storage at;
	memcpy(&at, address, net_length(address));
	net_set_port((struct sockaddr *)&at, 0);
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return errno != EAFNOSUPPORT;
	bool own = bind(fd, (struct sockaddr *)&at, net_length(address)) == 0 ||
		   errno != EADDRNOTAVAIL;
	close(fd);
	return own;
}

bool net_out_of_fds(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return errno == EMFILE || errno == ENFILE;
	close(fd);
	return false;
}

enum reason net_reason(int error, const struct sockaddr *address)
{
	switch (error) {
	case ECONNREFUSED:
		return REASON_TCP_REFUSED;
	case ETIMEDOUT:
		return REASON_TCP_TIMEOUT;
	case ECONNRESET:
	case ECONNABORTED:
	case ENETRESET:
	case EPIPE:
		return REASON_TCP_RESET;
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENOPROTOOPT: /* ICMP: the host does not know the protocol */
		return REASON_L3_HOST_UNREACHABLE;
	case ENONET: /* ICMP: the host is isolated, a source route failed */
	case EOPNOTSUPP:
		return REASON_L3_NO_ROUTE;
	case ENETUNREACH:
	case ENETDOWN:
		return address == NULL || net_has_route(address) ? REASON_L3_NO_ROUTE
								 : REASON_INTERNAL_NETWORK;
	case EACCES: /* an ICMPv6 "prohibited", or a prohibiting route */
		return REASON_L3_PROHIBITED;
	case EPERM: /* our own machine's firewall */
		return REASON_INTERNAL_PERMISSION;
	case EAFNOSUPPORT:
	case EINVAL: /* a black-hole route of this machine */
		return REASON_INTERNAL_NETWORK;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EAGAIN:
	case EADDRINUSE:
	case EADDRNOTAVAIL: /* no local port is left, or IPv6 is switched off */
		return REASON_INTERNAL_RESOURCES;
	default:
		return REASON_TCP_FAILED;
	}
}

/* Code 1: the target itself waited for the rest of a fragmented packet. */
static enum reason time_exceeded_reason(int code)
{
	return code == 1 ? REASON_L3_NO_REPLY : REASON_L3_TTL_EXCEEDED;
}

static enum reason icmp4_reason(int type, int code)
{
	if (type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT)
		return REASON_OK; /* the packet was not dropped */
	if (type == ICMP_TIME_EXCEEDED)
		return time_exceeded_reason(code);
	if (type != ICMP_DEST_UNREACH)
		return REASON_L3_HOST_UNREACHABLE;
	switch (code) {
	case ICMP_FRAG_NEEDED:
		return REASON_L3_FRAGMENTATION_NEEDED;
	case ICMP_NET_UNREACH:
	case ICMP_NET_UNKNOWN:
		return REASON_L3_NO_ROUTE;
	case ICMP_NET_ANO:
	case ICMP_HOST_ANO:
	case ICMP_PKT_FILTERED:
		return REASON_L3_PROHIBITED;
	default:
		return REASON_L3_HOST_UNREACHABLE;
	}
}

static enum reason icmp6_reason(int type, int code)
{
	if (type == ICMP6_PACKET_TOO_BIG)
		return REASON_L3_FRAGMENTATION_NEEDED;
	if (type == ICMP6_TIME_EXCEEDED)
		return time_exceeded_reason(code);
	if (type != ICMP6_DST_UNREACH)
		return REASON_L3_HOST_UNREACHABLE;
	switch (code) {
	case ICMP6_DST_UNREACH_NOROUTE:
		return REASON_L3_NO_ROUTE;
	case ICMP6_DST_UNREACH_ADMIN:
	case 5: /* source address failed ingress/egress policy */
	case 6: /* reject route to destination */
		return REASON_L3_PROHIBITED;
	default:
		return REASON_L3_HOST_UNREACHABLE;
	}
}

enum reason net_icmp_reason(int family, int type, int code)
{
	return family == AF_INET6 ? icmp6_reason(type, code) : icmp4_reason(type, code);
}

void net_want_icmp_errors(int fd, int family)
{
	int on = 1;
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
}

bool net_read_icmp_error(int fd, enum reason *reason, char by[NET_ADDRESS_SIZE])
{
	bool found = false;
	for (;;) {
		char control[512], data[64];
		struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr m = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) == -1)
			return found;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
			struct sock_extended_err e;
			if (c->cmsg_type != IP_RECVERR && c->cmsg_type != IPV6_RECVERR)
				continue;
			memcpy(&e, CMSG_DATA(c), sizeof(e));
			if (e.ee_origin != SO_EE_ORIGIN_ICMP && e.ee_origin != SO_EE_ORIGIN_ICMP6)
				continue;
			struct sockaddr_storage offender;
			size_t n = c->cmsg_len - CMSG_LEN(sizeof(e));
			memset(&offender, 0, sizeof(offender));
			memcpy(&offender, CMSG_DATA(c) + sizeof(e),
				n < sizeof(offender) ? n : sizeof(offender));
			enum reason told = net_icmp_reason(
				e.ee_origin == SO_EE_ORIGIN_ICMP6 ? AF_INET6 : AF_INET, e.ee_type,
				e.ee_code);
			if (told == REASON_OK)
				continue;
			*reason = told;
			net_format((struct sockaddr *)&offender, by);
			found = true;
		}
	}
}

int64_t net_connected_in_us(int fd)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);
	if (fd == -1 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == -1 ||
		info.tcpi_state != ESTABLISHED || info.tcpi_total_retrans > 0)
		return -1;
	return info.tcpi_rtt;
}

long long net_bytes_received(int fd)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof(info);
	if (fd == -1 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == -1)
		return 0;
	return (long long)info.tcpi_bytes_received;
}
