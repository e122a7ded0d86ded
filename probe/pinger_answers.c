// SPDX-License-Identifier: MIT
/*
 * Answers, read in batches.
 *
 * Round trips: the send instant is monotonic. The kernel's receive timestamp is wall-clock time, so
 * only its age, the difference of two wall instants microseconds apart, is used and taken off the
 * monotonic instant of reading. A clock that is stepped between the two gives an impossible age,
 * and then the instant of reading has to do.
 *
 * ICMP errors come from the socket's error queue with the head of our packet quoted: its cookie says
 * whose it was. A router that quotes eight bytes only leaves the sequence number, which several
 * packets may share; of these the one is meant that went to the quoted address.
 */
#include "probe/pinger_internal.h"

#include "proto/base/clock.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <string.h>

#define READS        4   /* batches; then the rest of the loop has its turn */
#define ERRORS       256 /* the same, of errors */
#define READ_BYTES   (60 + ICMP_HEADER_BYTES + ICMP_COOKIE_SIZE) /* 60: IPv4 header with options */
#define STAMP_ROOM   CMSG_SPACE(sizeof(struct timespec))
#define CONTROL_ROOM 128 /* an error with its address, and a timestamp */
#define SEQUENCES    65536

/* Its parts stand close together: they come and go by the hundred thousand. */
struct in_packet {
	struct iovec iov;
	union {
		struct cmsghdr align;
		char bytes[STAMP_ROOM];
	} control;
	union net_address from;
	unsigned char data[READ_BYTES];
};

struct ping_inbox {
	struct mmsghdr message[IN_BATCH];
	struct in_packet packet[IN_BATCH];
};

/* Whether the IPv4 header is there, too. */
static bool is_framed(const struct channel *c)
{
	return c->raw && c->family == AF_INET;
}

/* Before each reading: the kernel has written over the sizes. */
static void make_room(struct msghdr *m)
{
	m->msg_namelen = m->msg_name != NULL ? sizeof(union net_address) : 0;
	m->msg_controllen = STAMP_ROOM;
}

struct ping_inbox *pinger_inbox_new(const struct channel *c)
{
	struct ping_inbox *in = mem_alloc(sizeof(*in));
	for (int i = 0; i < IN_BATCH; i++) {
		struct in_packet *p = &in->packet[i];
		p->iov = (struct iovec){.iov_base = p->data, .iov_len = READ_BYTES};
		in->message[i].msg_hdr = (struct msghdr){.msg_name = is_framed(c) ? NULL : &p->from,
			.msg_iov = &p->iov,
			.msg_iovlen = 1,
			.msg_control = p->control.bytes};
		make_room(&in->message[i].msg_hdr);
	}
	return in;
}

/* ---- whose it is */

static bool went_to(const struct ping_slot *slot, const struct sockaddr *address)
{
	if (slot->v6)
		return address->sa_family == AF_INET6 &&
		       memcmp(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
			       slot->to, 16) == 0;
	return address->sa_family == AF_INET &&
	       memcmp(&((const struct sockaddr_in *)(const void *)address)->sin_addr, slot->to,
		       4) == 0;
}

/* The slot that ECHO's cookie speaks of, in its present use; NULL: none. */
static struct ping_slot *spoken_of(const struct channel *c, const struct icmp_echo *echo)
{
	uint32_t number, used;
	memcpy(&number, echo->cookie, 4);
	memcpy(&used, echo->cookie + 4, 4);
	struct ping_slot *slot = pinger_slot(&c->slots, ntohl(number));
	if (slot == NULL || slot->state == SLOT_FREE || slot->used != ntohl(used))
		return NULL;
	return slot;
}

static bool is_ours(
	const struct channel *c, const struct icmp_echo *echo, const struct ping_slot *slot)
{
	uint64_t nonce; /* the rest of the cookie has led to SLOT */
	memcpy(&nonce, echo->cookie + 8, sizeof(nonce));
	return echo->sequence == (slot->number & (SEQUENCES - 1)) &&
	       (!c->raw || echo->id == c->id) && nonce == slot->nonce;
}

/* By its sequence number alone, and where it went. */
static struct ping_slot *waiting_at(
	const struct channel *c, const struct icmp_echo *echo, const struct sockaddr *to)
{
	struct ping_slot *slot;
	if (c->raw && echo->id != c->id) /* another program's */
		return NULL;
	for (uint32_t n = echo->sequence; (slot = pinger_slot(&c->slots, n)) != NULL;
		n += SEQUENCES)
		if (slot->state == SLOT_WAITING && went_to(slot, to))
			return slot;
	return NULL;
}

/* ---- replies */

static int64_t round_trip_us(struct msghdr *m, const struct ping_instant *at, int64_t sent_at_us)
{
	int64_t longest_us = at->now_us - sent_at_us;
	for (struct cmsghdr *k = CMSG_FIRSTHDR(m); k != NULL; k = CMSG_NXTHDR(m, k)) {
		struct timespec stamp;
		if (k->cmsg_level != SOL_SOCKET || k->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&stamp, CMSG_DATA(k), sizeof(stamp));
		int64_t age_us =
			at->wall_us - ((int64_t)stamp.tv_sec * 1000000 + stamp.tv_nsec / 1000);
		/* the send instant is exact to the length of a batch's call: no less than zero */
		if (age_us >= 0 && age_us <= longest_us + 1000)
			return age_us < longest_us ? longest_us - age_us : 0;
	}
	return longest_us > 0 ? longest_us : 0;
}

/* A raw socket's replies tell it themselves: nobody has to ask the kernel. */
static bool came_from_there(
	const struct ping_slot *slot, const struct icmp_echo *echo, const struct msghdr *m)
{
	return echo->from != NULL ? memcmp(echo->from, slot->to, 4) == 0
				  : went_to(slot, m->msg_name);
}

void pinger_take_reply(struct channel *c, struct msghdr *m, size_t n, const struct ping_instant *at)
{
	struct icmp_echo echo;
	if (icmp_parse(c->family, is_framed(c), m->msg_iov->iov_base, n, &echo) != 0 ||
		!echo.reply || !echo.has_cookie)
		return;
	struct ping_slot *slot = spoken_of(c, &echo);
	if (slot == NULL)
		return;
	struct ping_listener *listener = slot->listener;
	if (!is_ours(c, &echo, slot) || !came_from_there(slot, &echo, m)) {
		listener->strays++;
	} else if (slot->state == SLOT_ANSWERED) {
		listener->duplicates++;
	} else if (slot->state == SLOT_WAITING) {
		slot->state = SLOT_ANSWERED;
		listener->reply(listener->arg, slot->index, round_trip_us(m, at, slot->sent_at_us),
			at->now_us);
	}
}

/* Returns the number of replies; 0: there was none, -1: an error stands in front of them. */
static int read_replies(struct channel *c)
{
	struct ping_inbox *in = c->inbox;
	int n = recvmmsg(c->fd, in->message, IN_BATCH, MSG_DONTWAIT, NULL);
	if (n == -1)
		return errno == EAGAIN || errno == EBADF || errno == ENOTSOCK || errno == EINVAL
			       ? 0
			       : -1;
	struct ping_instant at = {.now_us = clock_now_us(), .wall_us = clock_wall_us()};
	for (int i = 0; i < n; i++) {
		struct msghdr *m = &in->message[i].msg_hdr;
		pinger_take_reply(c, m, in->message[i].msg_len, &at);
		make_room(m);
	}
	return n;
}

/* ---- errors */

/* Of the first extended error in M; OFFENDER: who told it. */
static bool error_of(
	struct msghdr *m, struct sock_extended_err *out, struct sockaddr_storage *offender)
{
	memset(offender, 0, sizeof(*offender));
	for (struct cmsghdr *k = CMSG_FIRSTHDR(m); k != NULL; k = CMSG_NXTHDR(m, k)) {
		bool v4 = k->cmsg_level == IPPROTO_IP && k->cmsg_type == IP_RECVERR;
		if (!v4 && !(k->cmsg_level == IPPROTO_IPV6 && k->cmsg_type == IPV6_RECVERR))
			continue;
		size_t n = k->cmsg_len - CMSG_LEN(sizeof(*out));
		memcpy(out, CMSG_DATA(k), sizeof(*out));
		memcpy(offender, CMSG_DATA(k) + sizeof(*out),
			n < sizeof(*offender) ? n : sizeof(*offender));
		return true;
	}
	return false;
}

void pinger_take_error(struct channel *c, struct msghdr *m, size_t n)
{
	struct icmp_echo echo;
	struct sock_extended_err error;
	struct sockaddr_storage offender;
	if (!error_of(m, &error, &offender))
		return;
	if (error.ee_origin == SO_EE_ORIGIN_LOCAL && error.ee_errno == EMSGSIZE)
		c->local_mtu = error.ee_info;
	if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6)
		return;
	struct ping_error told = {
		.reason = net_icmp_reason(c->family, error.ee_type, error.ee_code),
		.by = (struct sockaddr *)&offender};
	if (told.reason == REASON_OK ||
		icmp_parse(c->family, false, m->msg_iov->iov_base, n, &echo) != 0 || echo.reply)
		return;
	if (told.reason == REASON_L3_FRAGMENTATION_NEEDED)
		told.mtu = error.ee_info;
	struct ping_slot *slot =
		echo.has_cookie ? spoken_of(c, &echo) : waiting_at(c, &echo, m->msg_name);
	if (slot == NULL || slot->state != SLOT_WAITING)
		return;
	if ((echo.has_cookie && !is_ours(c, &echo, slot)) || !went_to(slot, m->msg_name))
		slot->listener->strays++;
	else
		pinger_fail(slot, &told);
}

void pinger_read_errors(struct channel *c)
{
	for (int left = ERRORS; left > 0; left--) {
		struct sockaddr_in6 from = {.sin6_family = AF_UNSPEC}; /* or an IPv4 address */
		unsigned char data[READ_BYTES];
		union {
			struct cmsghdr align;
			char bytes[CONTROL_ROOM];
		} control;
		struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr m = {.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_ERRQUEUE);
		if (n == -1)
			return;
		pinger_take_error(c, &m, (size_t)n);
	}
}

/* The socket is readable for its errors, too. They are looked for when there is no reply, or when
 * one of them stands in front. */
void pinger_read(void *arg, int fd UNUSED, int what UNUSED)
{
	struct channel *c = arg;
	for (int left = READS; left > 0; left--) {
		int n = read_replies(c);
		if (n <= 0)
			pinger_read_errors(c);
		if (n >= 0 && n < IN_BATCH)
			return;
	}
}
