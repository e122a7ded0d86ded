// SPDX-License-Identifier: MIT
/* DNS messages made by hand, and a name server in a thread that a function scripts: UDP and TCP on one
 * port of loopback. It waits for questions, never for time. */
#ifndef TESTS_UNIT_DNS_KIT_H
#define TESTS_UNIT_DNS_KIT_H

#include "tests/unit/check_kit.h"

#define REPLY_MAX 65600

/* A message being written. */
struct reply {
	unsigned char data[REPLY_MAX];
	size_t n;
};

UNUSED static void reply_add(struct reply *r, const void *data, size_t n)
{
	assert_true(r->n + n <= sizeof(r->data));
	memcpy(r->data + r->n, data, n);
	r->n += n;
}

UNUSED static void reply_u16(struct reply *r, unsigned value)
{
	unsigned char two[] = {(unsigned char)(value >> 8), (unsigned char)value};
	reply_add(r, two, 2);
}

UNUSED static void reply_u32(struct reply *r, uint32_t value)
{
	reply_u16(r, value >> 16);
	reply_u16(r, value & 0xffff);
}

/* "mail.example.com"; "" is the root. */
UNUSED static void reply_name(struct reply *r, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");
		unsigned char length = (unsigned char)n;
		reply_add(r, &length, 1);
		reply_add(r, name, n);
		name += n + (name[n] == '.');
	}
	reply_add(r, "", 1);
}

/* Where the question of the message of N bytes at Q ends; 0: there is none. */
UNUSED static size_t question_end(const unsigned char *q, size_t n)
{
	size_t at = 12;
	while (at < n && q[at])
		at += q[at] + 1U;
	return at + 5 <= n ? at + 5 : 0;
}

/* The answer to Q, so far without records: its id and question, and RCODE. */
UNUSED static void reply_begin(struct reply *r, const unsigned char *q, size_t n, int rcode)
{
	size_t end = question_end(q, n);
	r->n = 0;
	assert_true(end != 0);
	reply_add(r, q, end);
	r->data[2] = 0x80 | (q[2] & 1);
	r->data[3] = (unsigned char)(0x80 | rcode);
	memset(r->data + 6, 0, 6);
	r->data[4] = 0;
	r->data[5] = 1;
}

/* A record in the answer section, of OWNER (NULL: the question's name); its data follows. Returns
 * where its length stands, for reply_end(). */
UNUSED static size_t reply_record(struct reply *r, const char *owner, unsigned type, uint32_t ttl)
{
	unsigned count = (unsigned)(r->data[6] << 8 | r->data[7]) + 1;
	r->data[6] = (unsigned char)(count >> 8);
	r->data[7] = (unsigned char)count;
	if (owner)
		reply_name(r, owner);
	else
		reply_u16(r, 0xc00c);
	reply_u16(r, type);
	reply_u16(r, 1);
	reply_u32(r, ttl);
	reply_u16(r, 0);
	return r->n - 2;
}

UNUSED static void reply_end(struct reply *r, size_t length_at)
{
	size_t n = r->n - length_at - 2;
	r->data[length_at] = (unsigned char)(n >> 8);
	r->data[length_at + 1] = (unsigned char)n;
}

UNUSED static void reply_a(struct reply *r, const char *owner, uint32_t ttl, const char *address)
{
	unsigned char bytes[16];
	bool v4 = inet_pton(AF_INET, address, bytes) == 1;
	size_t at = reply_record(r, owner, v4 ? 1 : 28, ttl);
	if (!v4)
		assert_int_equal(inet_pton(AF_INET6, address, bytes), 1);
	reply_add(r, bytes, v4 ? 4 : 16);
	reply_end(r, at);
}

UNUSED static void reply_cname(struct reply *r, const char *owner, const char *to)
{
	size_t at = reply_record(r, owner, 5, 60);
	reply_name(r, to);
	reply_end(r, at);
}

/* ---- the name server */

struct name_server {
	int udp, tcp, port, stop[2]; /* tcp -1: nobody listens there */
	pthread_t thread;
	/* Writes the answer to the question of N bytes at Q; NAME is its name, in lower case. Returns
	 * false for silence. May send datagrams of its own before. */
	bool (*answer)(struct name_server *s, const char *name, const unsigned char *q, size_t n,
		bool tcp, struct reply *r);
	struct sockaddr_in from;      /* of a datagram */
	int questions, tcp_questions; /* read after name_server_stop(), or atomically */
};

UNUSED static void question_name(const unsigned char *q, size_t n, char name[256])
{
	int type;
	if (dns_question(q, n, name, &type) == 0)
		name[0] = '\0';
	for (char *c = name; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
}

static void serve_datagram(struct name_server *s, struct reply *r)
{
	unsigned char q[1024];
	char name[256];
	socklen_t from_bytes = sizeof(s->from);
	ssize_t n = recvfrom(s->udp, q, sizeof(q), 0, (struct sockaddr *)&s->from, &from_bytes);
	if (n < 17)
		return;
	__atomic_add_fetch(&s->questions, 1, __ATOMIC_SEQ_CST);
	question_name(q, (size_t)n, name);
	if (s->answer(s, name, q, (size_t)n, false, r))
		sendto(s->udp, r->data, r->n, 0, (struct sockaddr *)&s->from, from_bytes);
}

static void serve_stream(struct name_server *s, struct reply *r)
{
	unsigned char q[1024], length[2];
	char name[256];
	int fd = accept(s->tcp, NULL, NULL);
	size_t have = 0;
	if (fd == -1)
		return;
	while (have < 2 || have < 2U + (size_t)(q[0] << 8 | q[1])) {
		ssize_t n = recv(fd, q + have, sizeof(q) - have, 0);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (have > 2 + 17) {
		__atomic_add_fetch(&s->tcp_questions, 1, __ATOMIC_SEQ_CST);
		question_name(q + 2, have - 2, name);
		if (s->answer(s, name, q + 2, have - 2, true, r)) {
			length[0] = (unsigned char)(r->n >> 8);
			length[1] = (unsigned char)r->n;
			send(fd, length, 2, MSG_NOSIGNAL | MSG_MORE);
			send(fd, r->data, r->n, MSG_NOSIGNAL);
		}
		if (strncmp(name, "hang.", 5) == 0)
			peer_wait_for_end(fd);
	}
	close(fd);
}

static void *name_server_main(void *arg)
{
	struct name_server *s = arg;
	struct reply *r = mem_alloc(sizeof(*r));
	for (;;) {
		struct pollfd fds[] = {{.fd = s->stop[0], .events = POLLIN},
			{.fd = s->udp, .events = POLLIN}, {.fd = s->tcp, .events = POLLIN}};
		if (poll(fds, 3, -1) == -1)
			continue;
		if (fds[0].revents)
			break;
		if (fds[1].revents & POLLIN)
			serve_datagram(s, r);
		if (fds[2].revents & POLLIN)
			serve_stream(s, r);
	}
	free(r);
	return NULL;
}

/* WITH_TCP false: connections are refused. */
UNUSED static void name_server_start(struct name_server *s,
	bool (*answer)(struct name_server *, const char *, const unsigned char *, size_t, bool,
		struct reply *),
	bool with_tcp)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	memset(s, 0, sizeof(*s));
	s->answer = answer;
	s->tcp = peer_listen(&s->port);
	a.sin_port = htons((uint16_t)s->port);
	s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->udp, (struct sockaddr *)&a, sizeof(a)), 0);
	if (!with_tcp) {
		close(s->tcp);
		s->tcp = -1;
	}
	assert_int_equal(pipe(s->stop), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, name_server_main, s), 0);
}

UNUSED static void name_server_stop(struct name_server *s)
{
	assert_int_equal(write(s->stop[1], "x", 1), 1);
	pthread_join(s->thread, NULL);
	close(s->udp);
	if (s->tcp != -1)
		close(s->tcp);
	close(s->stop[0]);
	close(s->stop[1]);
}

#endif
