// SPDX-License-Identifier: MIT
/*
 * One ICMP socket per family for all ping checks.
 *
 * Round trips: the send instant is monotonic. The kernel's receive timestamp is wall-clock time, so
 * only its age, the difference of two wall instants microseconds apart, is used and taken off the
 * monotonic instant of reading. A clock that is stepped between the two gives an impossible age,
 * and then the instant of reading has to do.
 *
 * ICMP errors come from the socket's error queue with the head of our packet quoted: its sequence
 * number (and id, on a raw socket, which sees the errors of other processes too) says whose it was.
 */
#include "probe/pinger.h"

#include "probe/net.h"
#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#define PAYLOAD_BYTES   56 /* as ping(8) */
#define PACKET_BYTES    (8 + PAYLOAD_BYTES)
#define READ_BYTES      512
#define READS_PER_EVENT 256 /* then the rest of the loop has its turn */
#define RECEIVE_BUFFER  (1 << 20)
#define WAITING_MAX     60000 /* of 65,536 sequence numbers */

struct packet {
	UT_hash_handle hh;
	unsigned sequence;
	unsigned char cookie[ICMP_COOKIE_SIZE];
	struct sockaddr_storage to;
	int64_t sent_at_us;
	struct ping_listener *listener;
};

struct channel {
	struct watch_fd watch;
	int family, fd; /* fd -1: ICMP does not work */
	bool raw;
	unsigned id, next_sequence;
	struct packet *waiting; /* by sequence */
};

struct pinger {
	struct channel v4, v6;
};

static struct channel *channel_of(struct pinger *pinger, int family)
{
	return family == AF_INET6 ? &pinger->v6 : &pinger->v4;
}

/* ---- receiving */

static void packet_drop(struct channel *c, struct packet *packet)
{
	HASH_DEL(c->waiting, packet);
	packet->listener->waiting--;
	free(packet);
}

/* The waiting packet that ECHO, exchanged with TO, is about; NULL for anything that is not ours. */
static struct packet *packet_find(
	struct channel *c, const struct icmp_echo *echo, const struct sockaddr *to)
{
	struct packet *packet;
	HASH_FIND(hh, c->waiting, &echo->sequence, sizeof(echo->sequence), packet);
	if (packet == NULL || (c->raw && echo->id != c->id) ||
		!net_same_host((struct sockaddr *)&packet->to, to))
		return NULL;
	/* A router may quote the header only; a reply always has all of it. */
	if (!echo->has_cookie)
		return echo->reply ? NULL : packet;
	return bytes_equal(packet->cookie, echo->cookie, ICMP_COOKIE_SIZE) ? packet : NULL;
}

static int64_t received_at_us(struct msghdr *m, int64_t sent_at_us)
{
	int64_t now_us = clock_now_us(), wall_us = clock_wall_us();
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		struct timespec stamp;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		int64_t age_us = wall_us - ((int64_t)stamp.tv_sec * 1000000 + stamp.tv_nsec / 1000);
		if (age_us >= 0 && age_us <= now_us - sent_at_us)
			return now_us - age_us;
	}
	return now_us;
}

/* Reads one message. Returns its size, or -1 when there is none. */
static ssize_t receive(struct channel *c, struct msghdr *m, int flags)
{
	ssize_t n;
	socklen_t name_bytes = m->msg_namelen;
	size_t control_bytes = m->msg_controllen;
	do { /* an error of an earlier packet may stand in front: its details are in the queue */
		m->msg_namelen = name_bytes;
		m->msg_controllen = control_bytes;
		n = recvmsg(c->fd, m, MSG_DONTWAIT | flags);
	} while (n == -1 && errno != EAGAIN && errno != EBADF && errno != ENOTSOCK &&
		 errno != EINVAL);
	return n;
}

static bool read_reply(struct channel *c)
{
	unsigned char data[READ_BYTES];
	char control[256];
	struct sockaddr_storage from = {0};
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr m = {.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct icmp_echo echo;
	ssize_t n = receive(c, &m, 0);
	if (n == -1)
		return false;
	if (icmp_parse(c->family, c->raw && c->family == AF_INET, data, (size_t)n, &echo) != 0 ||
		!echo.reply)
		return true;
	struct packet *packet = packet_find(c, &echo, (struct sockaddr *)&from);
	if (packet == NULL)
		return true;
	struct ping_listener *listener = packet->listener;
	int64_t rtt_us = received_at_us(&m, packet->sent_at_us) - packet->sent_at_us;
	packet_drop(c, packet);
	listener->reply(listener->arg, rtt_us);
	return true;
}

static void take_error(struct channel *c, struct msghdr *m, const unsigned char *data, size_t n)
{
	struct icmp_echo echo;
	struct sock_extended_err error = {0};
	struct sockaddr_storage offender = {0};
	char by[NET_ADDRESS_SIZE];
	for (struct cmsghdr *k = CMSG_FIRSTHDR(m); k != NULL; k = CMSG_NXTHDR(m, k)) {
		bool v4 = k->cmsg_level == IPPROTO_IP && k->cmsg_type == IP_RECVERR;
		if (!v4 && !(k->cmsg_level == IPPROTO_IPV6 && k->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&error, CMSG_DATA(k), sizeof(error));
		size_t rest = k->cmsg_len - CMSG_LEN(sizeof(error));
		memcpy(&offender, CMSG_DATA(k) + sizeof(error),
			rest < sizeof(offender) ? rest : sizeof(offender));
	}
	if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6)
		return;
	if (icmp_parse(c->family, false, data, n, &echo) != 0 || echo.reply)
		return;
	struct packet *packet = packet_find(c, &echo, m->msg_name);
	if (packet == NULL)
		return;
	struct ping_listener *listener = packet->listener;
	packet_drop(c, packet);
	listener->error(listener->arg, net_icmp_reason(c->family, error.ee_type, error.ee_code),
		net_format((struct sockaddr *)&offender, by));
}

static bool read_error(struct channel *c)
{
	unsigned char data[READ_BYTES];
	char control[512];
	struct sockaddr_storage to = {0}; /* where our packet went */
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr m = {.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = receive(c, &m, MSG_ERRQUEUE);
	if (n == -1)
		return false;
	take_error(c, &m, data, (size_t)n);
	return true;
}

static void on_fd(void *arg, int fd UNUSED, int what UNUSED)
{
	struct channel *c = arg;
	int left = READS_PER_EVENT;
	while (left-- > 0 && read_reply(c))
		;
	while (left-- > 0 && read_error(c))
		;
}

/* ---- sending */

static unsigned checksum(const unsigned char *data, size_t n)
{
	unsigned long sum = 0;
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (unsigned long)data[i] << 8 | data[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned)~sum & 0xffff;
}

/* The kernel fills in the checksum of ICMPv6, and id and checksum on a datagram socket. */
static void fill(
	const struct channel *c, const struct packet *packet, unsigned char out[PACKET_BYTES])
{
	memset(out, 0, PACKET_BYTES);
	out[0] = c->family == AF_INET6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	out[4] = (unsigned char)(c->id >> 8);
	out[5] = (unsigned char)c->id;
	out[6] = (unsigned char)(packet->sequence >> 8);
	out[7] = (unsigned char)packet->sequence;
	memcpy(out + 8, packet->cookie, ICMP_COOKIE_SIZE);
	if (c->family == AF_INET) {
		unsigned sum = checksum(out, PACKET_BYTES);
		out[2] = (unsigned char)(sum >> 8);
		out[3] = (unsigned char)sum;
	}
}

static struct packet *packet_new(
	struct channel *c, const struct sockaddr *to, struct ping_listener *listener)
{
	struct packet *packet = mem_alloc(sizeof(*packet)), *taken;
	do {
		packet->sequence = c->next_sequence++ & 0xffff;
		HASH_FIND(hh, c->waiting, &packet->sequence, sizeof(packet->sequence), taken);
	} while (taken != NULL);
	rand_bytes(packet->cookie, sizeof(packet->cookie));
	memcpy(&packet->to, to, net_length(to));
	net_set_port((struct sockaddr *)&packet->to, 0);
	packet->listener = listener;
	listener->waiting++;
	HASH_ADD(hh, c->waiting, sequence, sizeof(packet->sequence), packet);
	return packet;
}

/* An ICMP error of another packet makes the next call on the socket fail once: that is no answer to
 * this one. */
static int send_once_or_twice(
	const struct channel *c, const void *data, const struct sockaddr_storage *to)
{
	const struct sockaddr *address = (const struct sockaddr *)to;
	for (int i = 0; i < 2; i++)
		if (sendto(c->fd, data, PACKET_BYTES, MSG_DONTWAIT, address, net_length(address)) !=
			-1)
			return 0;
	return errno;
}

enum reason pinger_send(
	struct pinger *pinger, const struct sockaddr *to, struct ping_listener *listener)
{
	struct channel *c = channel_of(pinger, to->sa_family);
	unsigned char data[PACKET_BYTES];
	if (c->fd == -1)
		return REASON_INTERNAL_PERMISSION;
	if (HASH_COUNT(c->waiting) >= WAITING_MAX)
		return REASON_INTERNAL_RESOURCES;
	struct packet *packet = packet_new(c, to, listener);
	fill(c, packet, data);
	packet->sent_at_us = clock_now_us();
	int error = send_once_or_twice(c, data, &packet->to);
	if (error == 0)
		return REASON_OK;
	packet_drop(c, packet);
	return error == EAGAIN ? REASON_INTERNAL_RESOURCES : net_reason(error, to);
}

void pinger_forget(struct pinger *pinger, struct ping_listener *listener)
{
	struct channel *channels[] = {&pinger->v4, &pinger->v6};
	for (size_t i = 0; i < ARRAY_LEN(channels) && listener->waiting > 0; i++) {
		struct packet *packet, *next;
		HASH_ITER (hh, channels[i]->waiting, packet, next)
			if (packet->listener == listener)
				packet_drop(channels[i], packet);
	}
}

/* ---- sockets */

static void filter_replies(const struct channel *c)
{
	if (c->family == AF_INET6) {
		struct icmp6_filter filter;
		ICMP6_FILTER_SETBLOCKALL(&filter);
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
		(void)setsockopt(c->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter));
	} else {
		struct icmp_filter filter = {.data = ~(1U << ICMP_ECHOREPLY)};
		(void)setsockopt(c->fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter));
	}
}

int pinger_socket(int family, bool *raw)
{
	int protocol = family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(family, SOCK_DGRAM | flags, protocol);
	*raw = false;
	if (fd != -1)
		return fd;
	fd = socket(family, SOCK_RAW | flags, protocol);
	*raw = fd != -1;
	return fd;
}

static void channel_open(struct channel *c, struct loop *loop, int family)
{
	int on = 1, bytes = RECEIVE_BUFFER;
	uint16_t random;
	c->family = family;
	c->fd = pinger_socket(family, &c->raw);
	if (c->fd == -1) {
		log_info("ping.unavailable family=%s error=%s hint=\"net.ipv4.ping_group_range or "
			 "CAP_NET_RAW\"",
			family == AF_INET6 ? "ipv6" : "ipv4", log_quote(strerror(errno)));
		return;
	}
	if (c->raw)
		filter_replies(c);
	(void)setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	net_want_icmp_errors(c->fd, family);
	rand_bytes(&random, sizeof(random));
	c->id = random;
	rand_bytes(&random, sizeof(random));
	c->next_sequence = random;
	watch_fd_init(&c->watch, loop, c->fd, on_fd, c);
	watch_fd_set(&c->watch, WATCH_READ);
}

static void channel_close(struct channel *c)
{
	struct packet *packet, *next;
	HASH_ITER (hh, c->waiting, packet, next)
		packet_drop(c, packet);
	if (c->fd == -1)
		return;
	watch_fd_clear(&c->watch);
	close(c->fd);
}

struct pinger *pinger_new(struct loop *loop)
{
	struct pinger *pinger = mem_alloc(sizeof(*pinger));
	channel_open(&pinger->v4, loop, AF_INET);
	channel_open(&pinger->v6, loop, AF_INET6);
	return pinger;
}

void pinger_free(struct pinger *pinger)
{
	if (pinger == NULL)
		return;
	channel_close(&pinger->v4);
	channel_close(&pinger->v6);
	free(pinger);
}

bool pinger_works(const struct pinger *pinger, int family)
{
	return (family == AF_INET6 ? &pinger->v6 : &pinger->v4)->fd != -1;
}
