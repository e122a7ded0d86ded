// SPDX-License-Identifier: MIT
/* The two address families: is there an address, a way out, and does it work. Nobody outside is
 * asked for it but the coordinator and the name servers, which the probe talks to anyway. */
#include "probe/doctor_internal.h"

#include "probe/net.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>

/* The first address of FAMILY that others can see; false: there is none. */
static bool own_address(int family, char out[NET_ADDRESS_SIZE])
{
	struct ifaddrs *all;
	bool found = false;
	if (getifaddrs(&all) == -1)
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != family)
			continue;
		if (family == AF_INET) {
			const struct sockaddr_in *a = (const void *)i->ifa_addr;
			found = ntohl(a->sin_addr.s_addr) >> 24 != 127;
		} else {
			const struct sockaddr_in6 *a = (const void *)i->ifa_addr;
			found = !IN6_IS_ADDR_LOOPBACK(&a->sin6_addr) &&
				!IN6_IS_ADDR_LINKLOCAL(&a->sin6_addr);
		}
		if (found)
			net_format(i->ifa_addr, out);
	}
	freeifaddrs(all);
	return found;
}

static bool has_way_out(int family)
{
	struct sockaddr_storage to;
	if (!net_parse_literal(family == AF_INET ? "192.0.2.1" : "2001:db8::1", &to))
		return false;
	return net_has_route((struct sockaddr *)&to);
}

static void look_at_way_out(struct doctor *d, int family, const char *step, const char *address)
{
	const char *to = NULL;
	enum reach reach = REACH_UNTRIED;
	if (family == AF_INET6 && (reach = doctor_visits_ipv6(d, &to)) == REACH_UNTRIED)
		reach = doctor_dns_ipv6(d, &to);
	if (reach == REACH_FAILS) {
		doctor_say(d, MARK_WARN, step, "%s, with a route, but %s does not answer", address,
			to);
		doctor_advise(d,
			"repair IPv6 here, or take its route away: checks of IPv6 targets would "
			"fail at this probe");
	} else if (reach == REACH_WORKS) {
		doctor_say(d, MARK_OK, step, "%s, with a route; %s answers", address, to);
	} else {
		doctor_say(d, MARK_OK, step, "%s, with a route%s", address,
			family == AF_INET6 ? "; there is nothing here to try it with" : "");
	}
}

static void look_at_family(struct doctor *d, int family, const char *step)
{
	char address[NET_ADDRESS_SIZE];
	if (!own_address(family, address)) {
		doctor_say(d, MARK_NOTE, step, "no address: this probe is given no such targets");
	} else if (!has_way_out(family)) {
		doctor_say(d, MARK_NOTE, step,
			"%s, but no route to the outside: only networks in allow: count", address);
	} else {
		look_at_way_out(d, family, step, address);
	}
}

void doctor_network_report(struct doctor *d)
{
	char address[NET_ADDRESS_SIZE];
	if (!own_address(AF_INET, address) && !own_address(AF_INET6, address)) {
		doctor_say(
			d, MARK_WARN, "address", "this machine has none but those of its loopback");
		doctor_advise(d, "is its network up? ip address");
		return;
	}
	look_at_family(d, AF_INET, "ipv4");
	look_at_family(d, AF_INET6, "ipv6");
}
