// SPDX-License-Identifier: MIT
/*
 * What really happened on the wire: packets of loopback with the kernel's timestamps, until its standard
 * input ends. One line each:
 *
 *   TIME_ns 6 SOURCE SPORT DEST DPORT FLAGS PAYLOAD_BYTES SEQUENCE      TCP; FLAGS in hex
 *   TIME_ns 1 SOURCE TYPE DEST SEQUENCE 0 0 0                           ICMP echo
 */
#include "quorate/attr.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SNAP  128 /* bytes of each packet */
#define BATCH 64

static int sniff(void)
{
	int on = 1, bytes = 64 << 20, fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	struct sockaddr_ll lo = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex("lo")};
	if (fd == -1 || bind(fd, (struct sockaddr *)&lo, sizeof(lo)) == -1) {
		perror("capture");
		exit(3);
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return fd;
}

static unsigned two(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void tell(const unsigned char *ip, size_t n, long long at_ns)
{
	char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];
	size_t head = n > 0 ? (ip[0] & 15U) * 4 : 0;
	const unsigned char *inner = ip + head;
	if (n < head + 20 || (ip[9] != IPPROTO_TCP && ip[9] != IPPROTO_ICMP))
		return;
	inet_ntop(AF_INET, ip + 12, from, sizeof(from));
	inet_ntop(AF_INET, ip + 16, to, sizeof(to));
	if (ip[9] == IPPROTO_ICMP) {
		printf("%lld 1 %s %u %s %u 0 0 0\n", at_ns, from, inner[0], to, two(inner + 6));
		return;
	}
	size_t begins = (inner[12] >> 4) * 4U, payload = two(ip + 2) - head - begins;
	printf("%lld 6 %s %u %s %u %02x %zu %u\n", at_ns, from, two(inner), to, two(inner + 2),
		inner[13], payload, two(inner + 4) << 16 | two(inner + 6));
}

static long long stamp_of(struct msghdr *m)
{
	struct timespec t = {0};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&t, CMSG_DATA(c), sizeof(t));
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void read_some(int fd)
{
	static unsigned char data[BATCH][SNAP];
	static char control[BATCH][64];
	static struct sockaddr_ll from[BATCH];
	struct mmsghdr m[BATCH];
	struct iovec at[BATCH];
	for (int i = 0; i < BATCH; i++) {
		at[i] = (struct iovec){data[i], SNAP};
		m[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
			.msg_namelen = sizeof(from[i]),
			.msg_iov = &at[i],
			.msg_iovlen = 1,
			.msg_control = control[i],
			.msg_controllen = sizeof(control[i])};
	}
	int n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) /* loopback shows each packet as it leaves and as it comes */
		if (from[i].sll_pkttype == PACKET_HOST)
			tell(data[i], m[i].msg_len, stamp_of(&m[i].msg_hdr));
}

int main(void)
{
	struct pollfd wait[] = {{.fd = sniff(), .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	static char buffer[1 << 20];
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	fprintf(stderr, "ready\n");
	while (poll(wait, ARRAY_LEN(wait), -1) > 0 && wait[1].revents == 0)
		read_some(wait[0].fd);
	if (getsockopt(wait[0].fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0 &&
		stats.tp_drops > 0) {
		fprintf(stderr, "capture: %u packets were missed\n", stats.tp_drops);
		return 1;
	}
	return 0;
}
