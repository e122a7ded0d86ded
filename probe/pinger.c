// SPDX-License-Identifier: MIT
/*
 * Sockets, packets, and sending. Answers are in pinger_answers.c.
 *
 * The instant of sending: a batch is stamped before and after its one call, and its packets are
 * spread evenly between the two, which on a quiet machine is right to some microseconds.
 *
 * Whether a packet may be fragmented is an option of the socket, not of a packet: it is switched
 * between runs of packets that need the one or the other. Packets that fit into 576 bytes, which
 * every network takes whole, need neither.
 */
#include "probe/pinger_internal.h"

#include "proto/base/clock.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "proto/base/rand.h"
#include "quorate/limits.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/sock_diag.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUFFER_BYTES  (1 << 20)
#define WHOLE_BYTES   (576 - 60 - ICMP_HEADER_BYTES) /* RFC 791: everybody takes 576 bytes */
#define SEND_AGAIN_MS 1                              /* the socket's buffer is full */

static const unsigned char zeros[PING_SIZE_MAX];

static struct channel *channel_of(struct pinger *pinger, int family)
{
	return family == AF_INET6 ? &pinger->v6 : &pinger->v4;
}

/* ---- slots */

static void slot_append_free(struct ping_slots *slots, struct ping_slot *slot)
{
	slot->next = NULL;
	slot->state = SLOT_FREE;
	if (slots->free == NULL)
		slots->free = slot;
	else
		slots->last_free->next = slot;
	slots->last_free = slot;
}

static bool slots_grow(struct ping_slots *slots)
{
	uint32_t k = slots->n / BLOCK_SLOTS;
	if (k == BLOCKS_MAX)
		return false;
	slots->block[k] =
		aligned_alloc(_Alignof(struct ping_slot), BLOCK_SLOTS * sizeof(struct ping_slot));
	ensure(slots->block[k] != NULL);
	memset(slots->block[k], 0, BLOCK_SLOTS * sizeof(struct ping_slot));
	for (uint32_t i = 0; i < BLOCK_SLOTS; i++) {
		slots->block[k][i].number = slots->n++;
		slot_append_free(slots, &slots->block[k][i]);
	}
	return true;
}

struct ping_slot *pinger_slot(const struct ping_slots *slots, uint32_t number)
{
	return number < slots->n ? &slots->block[number / BLOCK_SLOTS][number % BLOCK_SLOTS] : NULL;
}

static uint64_t draw_nonce(struct channel *c)
{
	uint64_t nonce;
	if (c->random_left == 0) {
		rand_bytes(c->random, sizeof(c->random));
		c->random_left = sizeof(c->random);
	}
	c->random_left -= sizeof(nonce);
	memcpy(&nonce, c->random + c->random_left, sizeof(nonce));
	return nonce;
}

static struct ping_slot *slot_take(struct channel *c, struct ping_listener *listener)
{
	struct ping_slot *slot = c->slots.free;
	if (slot == NULL && !slots_grow(&c->slots))
		return NULL;
	slot = c->slots.free;
	c->slots.free = slot->next;
	slot->used++;
	slot->nonce = draw_nonce(c);
	slot->state = SLOT_QUEUED;
	slot->v6 = c->family == AF_INET6;
	slot->listener = listener;
	slot->next = listener->slots;
	listener->slots = slot;
	return slot;
}

struct ping_cookie pinger_cookie(const struct ping_slot *slot)
{
	return (struct ping_cookie){
		.number = htonl(slot->number), .used = htonl(slot->used), .nonce = slot->nonce};
}

static void unqueue(struct channel *c, const struct ping_slot *slot)
{
	for (unsigned i = 0; i < c->n_out; i++)
		if (c->out[i].slot == slot)
			c->out[i].slot = NULL;
}

void pinger_forget(struct pinger *pinger, struct ping_listener *listener)
{
	struct ping_slot *slot;
	while ((slot = listener->slots) != NULL) {
		struct channel *c = slot->v6 ? &pinger->v6 : &pinger->v4;
		listener->slots = slot->next;
		if (slot->state == SLOT_QUEUED)
			unqueue(c, slot);
		slot_append_free(&c->slots, slot);
	}
}

void pinger_fail(struct ping_slot *slot, const struct ping_error *error)
{
	slot->state = SLOT_ANSWERED;
	slot->listener->error(slot->listener->arg, slot->index, error);
}

/* ---- a packet */

/* The packet's head, as it is sent (RFC 792, RFC 4443). */
struct head {
	uint8_t type, code;
	uint16_t checksum, id, sequence;
	struct ping_cookie cookie;
};
_Static_assert(sizeof(struct head) == ICMP_HEADER_BYTES + ICMP_COOKIE_SIZE, "no holes");

/* RFC 1071: the order of bytes does not matter, nor how many are added at a time. */
static uint16_t checksum(const struct head *h)
{
	const struct ping_cookie *k = &h->cookie;
	uint64_t sum = (uint64_t)htons((uint16_t)(h->type << 8)) + h->id + h->sequence + k->number +
		       k->used + (k->nonce >> 32) + (k->nonce & UINT32_MAX);
	sum = (sum >> 32) + (sum & UINT32_MAX);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* What follows has been zero from the beginning, and adds nothing to the checksum. The kernel fills in
 * the one of ICMPv6, and id and checksum on a datagram socket. */
static void write_head(const struct channel *c, struct out_packet *o)
{
	struct head h = {.type = c->family == AF_INET6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
		.id = htons((uint16_t)c->id),
		.sequence = htons((uint16_t)o->slot->number),
		.cookie = pinger_cookie(o->slot)};
	if (c->raw && c->family == AF_INET)
		h.checksum = checksum(&h);
	memcpy(o->head, &h, sizeof(h));
}

static void add_control(struct out_packet *o, int level, int type, const void *data, size_t n)
{
	struct cmsghdr *k = (struct cmsghdr *)(void *)(o->control.bytes + o->control_bytes);
	o->control_bytes += CMSG_SPACE(n);
	ensure(o->control_bytes <= sizeof(o->control));
	k->cmsg_level = level;
	k->cmsg_type = type;
	k->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(k), data, n);
}

static void write_control(
	const struct channel *c, struct out_packet *o, const struct ping_packet *p)
{
	o->control_bytes = 0;
	if (p->ttl > 0 && c->family == AF_INET6)
		add_control(o, IPPROTO_IPV6, IPV6_HOPLIMIT, &p->ttl, sizeof(p->ttl));
	else if (p->ttl > 0)
		add_control(o, IPPROTO_IP, IP_TTL, &p->ttl, sizeof(p->ttl));
	if (p->source != NULL && c->family == AF_INET6) {
		const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)(const void *)p->source;
		struct in6_pktinfo info = {.ipi6_addr = a->sin6_addr};
		add_control(o, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	} else if (p->source != NULL) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)(const void *)p->source;
		struct in_pktinfo info = {.ipi_spec_dst = a->sin_addr};
		add_control(o, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
}

static void write_address(struct out_packet *o, const struct sockaddr *to)
{
	if (to->sa_family == AF_INET6) {
		memcpy(&o->to.v6, to, sizeof(o->to.v6));
		o->to.v6.sin6_port = 0;
		memcpy(o->slot->to, &o->to.v6.sin6_addr, 16);
	} else {
		memcpy(&o->to.v4, to, sizeof(o->to.v4));
		o->to.v4.sin_port = 0;
		memcpy(o->slot->to, &o->to.v4.sin_addr, 4);
	}
}

static int discovery(const struct channel *c, const struct ping_packet *p)
{
	/* PROBE: every packet is a question of its own, whatever earlier ones have taught */
	if (p->df)
		return IP_PMTUDISC_PROBE; /* the same number for IPv6 */
	if (p->size <= WHOLE_BYTES)
		return -1;
	return c->family == AF_INET6 ? IPV6_PMTUDISC_WANT : IP_PMTUDISC_DONT;
}

enum reason pinger_send(
	struct pinger *pinger, const struct ping_packet *packet, struct ping_listener *listener)
{
	struct channel *c = channel_of(pinger, packet->to->sa_family);
	if (c->fd == -1)
		return REASON_INTERNAL_PERMISSION;
	if (c->n_out == OUT_BATCH && timer_is_set(&c->flush))
		c->flush.run(c->flush.arg);
	struct ping_slot *slot = c->n_out < OUT_BATCH ? slot_take(c, listener) : NULL;
	if (slot == NULL)
		return REASON_INTERNAL_RESOURCES;
	struct out_packet *o = &c->out[c->n_out++];
	o->slot = slot;
	o->size = ICMP_HEADER_BYTES + packet->size;
	o->discover = discovery(c, packet);
	slot->index = (uint16_t)packet->index;
	write_address(o, packet->to);
	write_control(c, o, packet);
	write_head(c, o);
	if (c->n_out == 1)
		timer_set_us(&c->flush, 0);
	return REASON_OK;
}

/* ---- sending */

static void set_discovery(struct channel *c, int discover)
{
	int level = c->family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int option = c->family == AF_INET6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER;
	if (discover == -1 || discover == c->discover)
		return;
	if (setsockopt(c->fd, level, option, &discover, sizeof(discover)) == 0)
		c->discover = discover;
}

/* The run of packets from FIRST that can go with one call: how many of c->out. Fills MESSAGE with
 * those that are still wanted, *N of them. */
static unsigned gather(struct channel *c, unsigned first, unsigned last, struct mmsghdr *message,
	struct iovec (*iov)[2], unsigned *n)
{
	int discover = -1;
	unsigned i;
	*n = 0;
	for (i = first; i < last; i++) {
		struct out_packet *o = &c->out[i];
		if (discover != -1 && o->discover != -1 && o->discover != discover)
			break;
		discover = o->discover != -1 ? o->discover : discover;
		if (o->slot == NULL)
			continue;
		size_t head = (size_t)(o->size < HEAD_BYTES ? o->size : HEAD_BYTES);
		iov[*n][0] = (struct iovec){.iov_base = o->head, .iov_len = head};
		iov[*n][1] = (struct iovec){
			.iov_base = (void *)(uintptr_t)zeros, .iov_len = (size_t)o->size - head};
		message[*n].msg_hdr = (struct msghdr){.msg_name = &o->to,
			.msg_namelen = net_length(&o->to.any),
			.msg_iov = iov[*n],
			.msg_iovlen = o->size > HEAD_BYTES ? 2 : 1,
			.msg_control = o->control_bytes > 0 ? o->control.bytes : NULL,
			.msg_controllen = o->control_bytes};
		(*n)++;
	}
	set_discovery(c, discover);
	return i - first;
}

/* What this machine says instead of a router. */
static void refused(struct channel *c, struct out_packet *o, int error)
{
	struct ping_error told = {.reason = net_reason(error, &o->to.any)};
	if (error == EMSGSIZE) {
		pinger_read_errors(c); /* the MTU is in the queue */
		told.reason = REASON_L3_FRAGMENTATION_NEEDED;
		told.mtu = c->local_mtu;
	}
	if (o->slot != NULL)
		pinger_fail(o->slot, &told);
	o->slot = NULL;
}

static void stamp(struct channel *c, unsigned first, unsigned n, int64_t before_us)
{
	int64_t took_us = clock_now_us() - before_us, each = took_us * 1024 / n;
	unsigned k = 0;
	for (unsigned i = first; k < n; i++) {
		struct ping_slot *slot = c->out[i].slot;
		if (slot == NULL)
			continue;
		slot->sent_at_us = before_us + each * k / 1024;
		slot->state = SLOT_WAITING;
		c->out[i].slot = NULL;
		k++;
	}
}

static unsigned next_wanted(const struct channel *c, unsigned i, unsigned last)
{
	while (i < last && c->out[i].slot == NULL)
		i++;
	return i;
}

/* Sends from c->out[FIRST] on; returns the place of the first that is left. -1: the socket takes no
 * more for now. */
static int send_some(struct channel *c, unsigned first, unsigned last)
{
	struct mmsghdr message[OUT_BATCH];
	struct iovec iov[OUT_BATCH][2];
	unsigned n, span = gather(c, first, last, message, iov, &n);
	if (n == 0)
		return (int)(first + span);
	/* An ICMP error of another packet makes the next call on the socket fail once: that is no
	 * answer to this one. */
	for (int i = 0; i < 2; i++) {
		int64_t before_us = clock_now_us();
		int sent = sendmmsg(c->fd, message, n, MSG_DONTWAIT);
		if (sent > 0) {
			stamp(c, first, (unsigned)sent, before_us);
			return (int)next_wanted(c, first, last);
		}
		if (errno == EAGAIN)
			return -1;
	}
	first = next_wanted(c, first, last);
	refused(c, &c->out[first], errno);
	return (int)first + 1;
}

static void flush(void *arg)
{
	struct channel *c = arg;
	unsigned last = c->n_out, first = next_wanted(c, 0, last);
	timer_stop(&c->flush);
	while (first < last) {
		int next = send_some(c, first, last);
		if (next == -1)
			break;
		first = next_wanted(c, (unsigned)next, last);
	}
	c->n_out -= first; /* callbacks may have added some */
	memmove(c->out, c->out + first, c->n_out * sizeof(*c->out));
	if (c->n_out > 0)
		timer_set(&c->flush, first < last ? SEND_AGAIN_MS : 0);
}

void pinger_flush(struct pinger *pinger)
{
	if (pinger->v4.n_out > 0)
		flush(&pinger->v4);
	if (pinger->v6.n_out > 0)
		flush(&pinger->v6);
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
	int on = 1, bytes = BUFFER_BYTES;
	uint16_t random;
	c->family = family;
	c->discover = -1;
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
	(void)setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	net_want_icmp_errors(c->fd, family);
	rand_bytes(&random, sizeof(random));
	c->id = random;
	c->inbox = pinger_inbox_new(c);
	timer_init(&c->flush, loop, flush, c);
	watch_fd_init(&c->watch, loop, c->fd, pinger_read, c);
	watch_fd_set(&c->watch, WATCH_READ);
}

static void channel_close(struct channel *c)
{
	for (uint32_t i = 0; i < c->slots.n / BLOCK_SLOTS; i++)
		free(c->slots.block[i]);
	if (c->fd == -1)
		return;
	watch_fd_clear(&c->watch);
	timer_clear(&c->flush);
	free(c->inbox);
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

bool pinger_overflowed(struct pinger *pinger, int family, int64_t since_us)
{
	struct channel *c = channel_of(pinger, family);
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t bytes = sizeof(memory);
	if (c->fd == -1 || getsockopt(c->fd, SOL_SOCKET, SO_MEMINFO, memory, &bytes) == -1)
		return false;
	if (memory[SK_MEMINFO_DROPS] != c->drops) {
		c->drops = memory[SK_MEMINFO_DROPS];
		c->drops_at_us = clock_now_us();
	}
	return c->drops_at_us >= since_us && c->drops_at_us > 0;
}
