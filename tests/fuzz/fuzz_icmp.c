// SPDX-License-Identifier: MIT
/*
 * Bytes from the network, as a reply and as what a router quotes in an error, at a table in which
 * three packets wait. Only the bytes that were sent, from the address that they were sent to, may be
 * taken for an answer. The first byte chooses family, framing, kind of socket and sender, the next
 * three the error.
 */
#include "probe/pinger_internal.h"
#include "proto/base/mem.h"

#include <linux/errqueue.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS    3
#define ID         0x1234
#define READ_AT_US 5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static int answered; /* index of the packet that was; -1: none */

static void on_reply(void *arg, int index, int64_t rtt_us, int64_t read_at_us)
{
	(void)arg;
	ensure(answered == -1 && index >= 0 && index < PACKETS && rtt_us >= 0);
	ensure(read_at_us == READ_AT_US);
	answered = index;
}

static void on_error(void *arg, int index, const struct ping_error *error)
{
	(void)arg;
	ensure(answered == -1 && index >= 0 && index < PACKETS);
	ensure(reason_class(error->reason) == REASON_CLASS_DOWN);
	ensure(error->mtu == 0 || error->reason == REASON_L3_FRAGMENTATION_NEEDED);
	answered = index;
}

/* 192.0.2.1 or 2001:db8::1, the target of all packets; OTHER: a neighbour of it. */
static void address(int family, bool other, struct sockaddr_storage *out)
{
	unsigned char v6[16] = {0x20, 1, 0x0d, 0xb8, [15] = (unsigned char)(other ? 2 : 1)};
	unsigned char v4[4] = {192, 0, 2, (unsigned char)(other ? 2 : 1)};
	memset(out, 0, sizeof(*out));
	out->ss_family = (sa_family_t)family;
	if (family == AF_INET6)
		memcpy(&((struct sockaddr_in6 *)out)->sin6_addr, v6, 16);
	else
		memcpy(&((struct sockaddr_in *)out)->sin_addr, v4, 4);
}

static struct ping_listener listener = {.reply = on_reply, .error = on_error};

static void fill(struct channel *c, struct ping_slot *slots, int family)
{
	struct sockaddr_storage to;
	address(family, false, &to);
	c->family = family;
	c->id = ID;
	c->slots.block[0] = slots;
	c->slots.n = BLOCK_SLOTS;
	for (unsigned i = 0; i < PACKETS; i++) {
		slots[i] = (struct ping_slot){.listener = &listener,
			.number = i,
			.used = i + 1,
			.nonce = 0x0101010101010101u * (i + 1),
			.index = (uint16_t)i,
			.state = SLOT_WAITING,
			.v6 = family == AF_INET6};
		memcpy(slots[i].to,
			family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)&to)->sin6_addr
					   : (void *)&((struct sockaddr_in *)&to)->sin_addr,
			family == AF_INET6 ? 16 : 4);
	}
}

/* Whether N bytes at P are what was sent as packet INDEX (TYPE: of reply, or request). */
static bool is_packet(const struct channel *c, const uint8_t *p, size_t n, int index, bool quoted)
{
	struct ping_cookie cookie = pinger_cookie(&c->slots.block[0][index]);
	if (n < ICMP_HEADER_BYTES || p[6] != 0 || p[7] != index)
		return false;
	if (c->raw && (p[4] != ID >> 8 || p[5] != (ID & 0xff)))
		return false;
	if (n < ICMP_HEADER_BYTES + ICMP_COOKIE_SIZE)
		return quoted;
	return memcmp(p + ICMP_HEADER_BYTES, &cookie, sizeof(cookie)) == 0;
}

static void as_reply(struct channel *c, struct msghdr *m, size_t n, bool other)
{
	const struct ping_instant at = {.now_us = READ_AT_US, .wall_us = 5000};
	uint8_t *p = m->msg_iov->iov_base;
	if (c->raw && c->family == AF_INET && n >= 16) { /* its header says who sent it */
		memcpy(p + 12, &((struct sockaddr_in *)m->msg_name)->sin_addr, 4);
		m->msg_name = NULL;
	}
	size_t skip = c->raw && c->family == AF_INET && n > 0 ? (size_t)(p[0] & 0xf) * 4 : 0;
	answered = -1;
	pinger_take_reply(c, m, n, &at);
	if (answered != -1)
		ensure(!other && is_packet(c, p + skip, n - skip, answered, false));
}

static void as_error(struct channel *c, struct msghdr *m, size_t n, bool other, const uint8_t *told)
{
	union {
		struct cmsghdr align;
		char bytes[128];
	} control;
	bool v6 = c->family == AF_INET6;
	struct sock_extended_err error = {.ee_origin = v6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP,
		.ee_type = told[0],
		.ee_code = told[1],
		.ee_info = told[2]};
	memset(&control, 0, sizeof(control));
	m->msg_control = control.bytes;
	m->msg_controllen = CMSG_SPACE(sizeof(error) + sizeof(struct sockaddr_in6));
	struct cmsghdr *k = CMSG_FIRSTHDR(m);
	k->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	k->cmsg_type = v6 ? IPV6_RECVERR : IP_RECVERR;
	k->cmsg_len = CMSG_LEN(sizeof(error) + sizeof(struct sockaddr_in6));
	memcpy(CMSG_DATA(k), &error, sizeof(error));
	answered = -1;
	pinger_take_error(c, m, n);
	if (answered != -1)
		ensure(!other && is_packet(c, m->msg_iov->iov_base, n, answered, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	static struct ping_slot slots[BLOCK_SLOTS];
	static struct channel c;
	struct sockaddr_storage from;
	if (size_bytes < 4)
		return 0;
	int family = (data[0] & 1) != 0 ? AF_INET6 : AF_INET;
	bool other = (data[0] & 4) != 0;
	c.raw = (data[0] & 2) != 0;
	size_t n = size_bytes - 4;
	/* a copy of the exact size, so that a byte too far is seen */
	uint8_t *copy = mem_alloc(n > 0 ? n : 1);
	memcpy(copy, data + 4, n);
	address(family, other, &from);
	struct iovec iov = {.iov_base = copy, .iov_len = n};
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	fill(&c, slots, family);
	struct msghdr of_error = m;
	as_error(&c, &of_error, n, other, data + 1);
	fill(&c, slots, family);
	as_reply(&c, &m, n, other);
	free(copy);
	return 0;
}
