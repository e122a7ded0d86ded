// SPDX-License-Identifier: MIT
/*
 * A network namespace for the test program itself, and one behind it that plays the router. As
 * root, or in a user namespace of its own; where neither is allowed the tests say so and are
 * skipped, visibly.
 *
 *   this program 198.18.5.1, 2001:db8:5::1 ── 198.18.5.2, 2001:db8:5::2 router
 *   behind the router: 198.18.6.0/24 unreachable, 198.18.7.0/24 prohibited, 198.18.8.0/24 silent,
 * 198.18.9.0/24 behind a link with an MTU of 1300; the same with 2001:db8:6, 7, 8 and 9::/64
 */
#ifndef TESTS_UNIT_NETNS_KIT_H
#define TESTS_UNIT_NETNS_KIT_H

#include "tests/unit/check_kit.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static bool netns_ready;
static pid_t netns_router;
static int netns_gate[2];

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	bool ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

/* "1 0": nobody may open a ping socket; "0 0": group 0, which is ours. */
UNUSED static void netns_allow_ping_sockets(bool allow)
{
	assert_true(write_file("/proc/sys/net/ipv4/ping_group_range", allow ? "0 0" : "1 0"));
}

/* Whether the kernel here answers pings: with no, a scripted responder can. */
UNUSED static void netns_answer_pings(bool answer)
{
	assert_true(write_file("/proc/sys/net/ipv4/icmp_echo_ignore_all", answer ? "0" : "1"));
	assert_true(write_file("/proc/sys/net/ipv6/icmp/echo_ignore_all", answer ? "0" : "1"));
}

static bool own_namespace(int more)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNET | more) == 0)
		return true;
	char map[64];
	unsigned uid = geteuid(), gid = getegid();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | more) != 0)
		return false;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	bool ok =
		write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return ok && write_file("/proc/self/gid_map", map);
}

static void router_main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) != 0 || write(netns_gate[1], "r", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* To be called first thing in main(), while there is one thread. */
UNUSED static void netns_enter(void)
{
	char command[2048], byte;
	if (!own_namespace(0) || pipe(netns_gate) != 0)
		return;
	netns_router = fork();
	if (netns_router == 0)
		router_main();
	if (netns_router == -1 || read(netns_gate[0], &byte, 1) != 1)
		return;
	snprintf(command, sizeof(command),
		"exec >/dev/null; set -e; PATH=$PATH:/usr/sbin:/sbin; r='nsenter -t %d -n'; ip "
		"link set lo up\n"
		"d=/proc/sys/net/ipv6/conf/default/accept_dad; echo 0 >$d; $r sh -c \"echo 0 "
		">$d\"\n"
		"ip link add va type veth peer name vb netns %d\n"
		"ip addr add 198.18.5.1/24 dev va; ip -6 addr add 2001:db8:5::1/64 dev va nodad; "
		"ip link set va up\n"
		"$r sh -e <<'END'\nip link set lo up; ip addr add 198.18.5.2/24 dev vb\n"
		"ip -6 addr add 2001:db8:5::2/64 dev vb nodad; ip link set vb up\n"
		"echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 "
		">/proc/sys/net/ipv6/conf/all/forwarding\n"
		"echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 "
		">/proc/sys/net/ipv6/icmp/ratelimit\n"
		"ip route add unreachable 198.18.6.0/24; ip route add prohibit 198.18.7.0/24\n"
		"ip route add blackhole 198.18.8.0/24; ip -6 route add unreachable "
		"2001:db8:6::/64\n"
		"ip link add vm mtu 1300 type veth peer name vn mtu 1300; ip link set vm up; ip "
		"link set vn up\n"
		"ip route add 198.18.9.0/24 dev vm; ip -6 route add 2001:db8:9::/64 dev vm\n"
		"ip -6 route add prohibit 2001:db8:7::/64; ip -6 route add blackhole "
		"2001:db8:8::/64\nEND\n"
		"for n in 6 7 8 9; do ip route add 198.18.$n.0/24 via 198.18.5.2\n"
		"ip -6 route add 2001:db8:$n::/64 via 2001:db8:5::2; done\n"
		/* the first packet to a new neighbour may take a second: not during a test */
		"ping -q -c 1 -W 2 198.18.5.2; ping -q -c 1 -W 2 2001:db8:5::2\n",
		(int)netns_router, (int)netns_router);
	netns_ready = system(command) == 0; /* its output belongs to the test's */
}

UNUSED static void netns_leave(void)
{
	if (netns_router > 0) {
		kill(netns_router, SIGKILL);
		waitpid(netns_router, NULL, 0);
	}
}

#define NETNS_OR_SKIP()                                                                            \
	do {                                                                                       \
		if (!netns_ready) {                                                                \
			print_message("needs a network namespace, and may not make one\n");        \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

#endif
