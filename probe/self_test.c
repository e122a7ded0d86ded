// SPDX-License-Identifier: MIT
#include "probe/self_test.h"

#include "proto/monitor.h"

#include <string.h>
#include <strings.h>

const char *const self_part_names[] = {"IPv4", "IPv6", "resolver"};

/* ---- one anchor */

static bool is_of_dns(const struct result *r)
{
	return strncmp(reason_code((enum reason)r->reason), "dns.", 4) == 0;
}

/* The resolver itself failed: that a name does not exist, it has to know. */
static bool is_of_resolver(const struct result *r)
{
	switch (r->reason) {
	case REASON_DNS_TIMEOUT:
	case REASON_DNS_SERVFAIL:
	case REASON_DNS_REFUSED:
	case REASON_DNS_UNREACHABLE:
	case REASON_DNS_BAD_RESPONSE:
		return true;
	default: /* it could not even be asked */
		return r->reason == REASON_INTERNAL_NETWORK && r->address == NULL;
	}
}

enum seen self_test_see(const struct result *r, bool is_name)
{
	if (r->verdict == VERDICT_UP || r->verdict == VERDICT_WARNING)
		return SEEN_ANSWER;
	if (is_name && is_of_resolver(r))
		return SEEN_NO_NAME;
	if (r->verdict == VERDICT_DOWN || r->reason == REASON_INTERNAL_NETWORK)
		return SEEN_SILENCE;
	return SEEN_NOT;
}

/* ---- one part */

struct count {
	int anchors, answer, silence, no_name;
	int addresses, addresses_answer, addresses_seen;
};

static struct count count_family(int family, const struct seen_anchor *anchor, int n)
{
	struct count c = {0};
	for (int i = 0; i < n; i++) {
		const struct seen_anchor *a = &anchor[i];
		if (a->family != family)
			continue;
		c.anchors++;
		c.answer += a->seen == SEEN_ANSWER;
		c.silence += a->seen == SEEN_SILENCE;
		c.no_name += a->seen == SEEN_NO_NAME;
		c.addresses_answer += a->name == NULL && a->seen == SEEN_ANSWER;
		c.addresses_seen += a->name == NULL && a->seen != SEEN_NOT;
	}
	return c;
}

static bool two_thirds(int part, int whole)
{
	return 3 * part >= 2 * whole;
}

static int count_names(const struct seen_anchor *anchor, int n, bool unknown_only)
{
	int names = 0;
	for (int i = 0; i < n; i++) {
		int first = 0;
		while (first < i && (anchor[first].name == NULL || anchor[i].name == NULL ||
					    strcasecmp(anchor[first].name, anchor[i].name) != 0))
			first++;
		bool counts = !unknown_only || anchor[i].seen == SEEN_NO_NAME;
		names += anchor[i].name != NULL && first == i && counts;
	}
	return names;
}

bool self_test_judges(int part, const struct seen_anchor *anchor, int n)
{
	return part == SELF_TEST_RESOLVER ? count_names(anchor, n, false) >= NAMES_MIN
					  : count_family(part, anchor, n).anchors >= ANCHORS_MIN;
}

/* Each family's own anchors, and how many of them answer. SELF_NOT_JUDGED: this round cannot say. */
static enum self_test judge_family(
	int family, const struct seen_anchor *anchor, int n, struct self_part *out)
{
	struct count c = count_family(family, anchor, n);
	bool excused = c.addresses_answer > 0 && two_thirds(c.addresses_answer, c.addresses_seen);
	int asked = c.answer + c.silence + c.no_name;
	bool decided = two_thirds(c.answer, c.anchors); /* whatever the others say */
	if (asked < ANCHORS_MIN && !decided)
		return SELF_NOT_JUDGED;
	out->answer = c.answer;
	out->asked = asked;
	if (decided)
		return SELF_OK;
	return two_thirds(c.answer, excused ? asked - c.no_name : asked) ? SELF_OK : SELF_FAILED;
}

static enum self_test judge_resolver(const struct seen_anchor *anchor, int n, struct self_part *out)
{
	int found = 0;
	for (int i = 0; i < n; i++)
		found += anchor[i].name != NULL &&
			 (anchor[i].seen == SEEN_ANSWER || anchor[i].seen == SEEN_SILENCE);
	int unknown = count_names(anchor, n, true);
	if (!found && unknown < NAMES_MIN)
		return SELF_NOT_JUDGED;
	out->answer = found;
	out->asked = found ? found : unknown;
	return found ? SELF_OK : SELF_FAILED;
}

static enum self_test judge(
	int part, const struct seen_anchor *anchor, int n, struct self_part *out)
{
	return part == SELF_TEST_RESOLVER ? judge_resolver(anchor, n, out)
					  : judge_family(part, anchor, n, out);
}

/* ---- a round */

bool self_test_decided(const struct seen_anchor *anchor, int n)
{
	for (int part = 0; part < SELF_TEST_PARTS; part++) {
		struct self_part ignored;
		struct count c = count_family(part, anchor, n);
		if (!self_test_judges(part, anchor, n))
			continue;
		if (part == SELF_TEST_RESOLVER ? judge_resolver(anchor, n, &ignored) != SELF_OK
					       : !two_thirds(c.answer, c.anchors))
			return false;
	}
	return true;
}

static bool update(struct self_part *p, enum self_test now, int64_t began_at_ms)
{
	enum self_test before = p->state;
	p->state = now;
	if (now == SELF_FAILED)
		p->trusted_from_ms = INT64_MAX;
	else if (before == SELF_FAILED)
		p->trusted_from_ms = began_at_ms;
	return now != before;
}

bool self_test_round(
	struct self_test_state *s, const struct seen_anchor *anchor, int n, int64_t began_at_ms)
{
	bool changed = false;
	for (int part = 0; part < SELF_TEST_PARTS; part++) {
		struct self_part *p = &s->part[part];
		bool judges = self_test_judges(part, anchor, n);
		enum self_test now = judges ? judge(part, anchor, n, p) : SELF_NOT_JUDGED;
		if (judges && now == SELF_NOT_JUDGED)
			continue; /* no news: what was, is */
		changed |= update(p, now, began_at_ms);
	}
	return changed;
}

enum self_test self_test_sum(const struct self_test_state *s)
{
	enum self_test worst = SELF_NOT_JUDGED;
	for (int part = 0; part < SELF_TEST_PARTS; part++)
		if (s->part[part].state > worst)
			worst = s->part[part].state;
	return worst;
}

/* ---- results */

static bool is_trusted(const struct self_test_state *s, int part, int64_t began_at_ms)
{
	return began_at_ms >= s->part[part].trusted_from_ms;
}

static int part_of(const char *address, int family)
{
	if (address != NULL)
		return address[0] == '[' || strchr(address, ':') != strrchr(address, ':')
			       ? SELF_TEST_IPV6
			       : SELF_TEST_IPV4;
	return family == FAMILY_IPV6 ? SELF_TEST_IPV6 : family == FAMILY_IPV4 ? SELF_TEST_IPV4 : -1;
}

/* Both halves have to be believed, but for one that failed over a family that works: that is enough
 * for the whole to be down. */
static int spoilt_half(const struct self_test_state *s, const struct result *r, int64_t began_at_ms)
{
	int spoilt = -1;
	const struct family_finding *half = r->families.item;
	for (size_t i = 0; i < r->families.n; i++) {
		int part = part_of(NULL, half[i].family);
		if (part == -1)
			continue;
		if (!is_trusted(s, part, began_at_ms))
			spoilt = part;
		else if (half[i].verdict == VERDICT_DOWN)
			return -1;
	}
	return spoilt;
}

/* The host of a literal target says its family, too, where nothing was connected. */
static int family_asked(const struct monitor *m)
{
	char host[MONITOR_HOST_SIZE];
	int port;
	if (monitor_family(m) != FAMILY_AUTO)
		return (int)monitor_family(m);
	monitor_destination(m, host, &port);
	return (int)address_family_of(host);
}

/* Nothing was connected, and either family would have done: it fails only where both did. */
static int spoilt_any(const struct self_test_state *s, int64_t began_at_ms)
{
	bool v4 = is_trusted(s, SELF_TEST_IPV4, began_at_ms);
	bool v6 = is_trusted(s, SELF_TEST_IPV6, began_at_ms);
	bool only_v4 = s->part[SELF_TEST_IPV6].state == SELF_NOT_JUDGED;
	bool only_v6 = s->part[SELF_TEST_IPV4].state == SELF_NOT_JUDGED;
	if (!v4 && (!v6 || only_v4))
		return SELF_TEST_IPV4;
	return !v6 && (!v4 || only_v6) ? SELF_TEST_IPV6 : -1;
}

/* A name server that the check itself names is not ours. */
static bool is_of_our_resolver(const struct monitor *m, const struct result *r)
{
	return is_of_dns(r) && !(m->type == CHECK_DNS && m->request.server && r->address);
}

int self_test_spoils(const struct self_test_state *s, const struct monitor *m,
	const struct result *r, int64_t began_at_ms)
{
	if (r->verdict == VERDICT_NONE)
		return -1;
	if (is_of_our_resolver(m, r) && !is_trusted(s, SELF_TEST_RESOLVER, began_at_ms))
		return SELF_TEST_RESOLVER;
	if (r->families.n)
		return spoilt_half(s, r, began_at_ms);
	int part = part_of(r->address, family_asked(m));
	if (part == -1)
		return spoilt_any(s, began_at_ms);
	return is_trusted(s, part, began_at_ms) ? -1 : part;
}
