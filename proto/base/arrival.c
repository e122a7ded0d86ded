// SPDX-License-Identifier: MIT
/*
 * TCP gives with every read the receive timestamp of the last packet that it touched: a look (MSG_PEEK)
 * that copies nothing (MSG_TRUNC) touches all that wait. The timestamps are wall-clock time, so only their
 * age is used, the difference of two wall instants.
 */
#include "proto/base/arrival.h"

#include "proto/base/clock.h"
#include "quorate/limits.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int want(int fd)
{
	const int on = 1;
	return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
}

/* The kernel stamps every packet for as long as one socket of the machine wants it; to begin and to end that it
 * rewrites its own code. So one over which nothing goes wants it for good, and those of checks as late as they
 * are asked. */
static void want_for_good(void)
{
	static int keeper = -1;
	if (keeper != -1)
		return;
	keeper = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (keeper != -1)
		(void)want(keeper);
}

int64_t arrival_instant_us(int64_t now_us, int64_t wall_us, int64_t stamp_us)
{
	int64_t age_us = wall_us - stamp_us;
	return age_us >= 0 && age_us <= (int64_t)TIMEOUT_MAX_MS * 1000 ? now_us - age_us : 0;
}

static int64_t read_stamp_us(struct msghdr *m)
{
	struct timespec stamp;
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
		return 0;
	memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
	return arrival_instant_us(clock_now_us(), clock_wall_us(),
		(int64_t)stamp.tv_sec * 1000000 + stamp.tv_nsec / 1000);
}

int64_t arrival_newest_us(int fd, size_t *bytes)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec nowhere = {0};
	struct msghdr m = {.msg_iov = &nowhere,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	int waiting = 0;
	want_for_good();
	/* where nothing waits a look would take the connection's error, a reset, away from who reads */
	if (ioctl(fd, SIOCINQ, &waiting) == -1 || waiting <= 0)
		return 0;
	*bytes = nowhere.iov_len = (size_t)waiting;
	if (want(fd) == -1 || recvmsg(fd, &m, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT) <= 0)
		return 0;
	return read_stamp_us(&m);
}
