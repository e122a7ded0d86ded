// SPDX-License-Identifier: MIT
/*
 * What a monitor's electorate is made of: the regions it names, and the failure domains among the
 * registered probes that may check it. Who is alive has no say in any of it.
 */
#include "coordinator/registry_internal.h"

#include <stdio.h>
#include <string.h>

void registry_path(char out[REGISTRY_PATH_BYTES], const char *base, const char *member)
{
	snprintf(out, REGISTRY_PATH_BYTES, "%s%s%s", base, base[0] ? "." : "", member);
}

/* ---- regions and failure domains */

static bool set_exists(struct registry *r, const char *set, const char *organization)
{
	for (struct region *region = r->regions; region; region = region->hh.next) {
		if (registry_sees(organization, region->organization) &&
			strings_have(&region->sets, set))
			return true;
	}
	return false;
}

static bool region_exists(struct registry *r, const char *name, const char *organization)
{
	const struct region *region = registry_region(r, name);

	return region && registry_sees(organization, region->organization);
}

void registry_check_regions(
	struct registry *r, const struct monitor *m, const char *base, struct problems *p)
{
	char path[REGISTRY_PATH_BYTES], member[32];

	for (size_t i = 0; i < m->regions.n; i++) {
		const char *name = m->regions.item[i];
		snprintf(member, sizeof(member), "regions[%zu]", i);
		registry_path(path, base, member);
		if (strcmp(name, "*") == 0)
			continue;
		if (name[0] == '@' && !set_exists(r, name + 1, m->organization))
			problems_add(p, path,
				"no registered region is in the set '%s'; 'quorate region add NAME "
				"--set %s' puts one in",
				name, name + 1);
		else if (name[0] != '@' && !region_exists(r, name, m->organization))
			registry_region_problem(r, path, name, m->organization, p);
	}
}

/* The failure domain of PROBE at LEVEL, as a name. */
static const char *domain_name(
	struct registry *r, const struct probe *probe, enum failure_domain level)
{
	const struct region *region = registry_region(r, probe->region);

	if (level == DOMAIN_PROBE)
		return probe->name;
	if (level == DOMAIN_REGION)
		return probe->region;
	if (probe->provider)
		return probe->provider;
	return region && region->provider ? region->provider : probe->region;
}

/* Distinct domains among the registered probes that may check M; at most SEATS_MAX are told apart. */
static int count_domains(struct registry *r, const struct monitor *m, enum failure_domain level)
{
	const char *seen[SEATS_MAX];
	int n = 0, i;

	for (struct probe *probe = r->probes; probe && n < SEATS_MAX; probe = probe->hh.next) {
		if (!registry_eligible(r, probe, m))
			continue;
		const char *name = domain_name(r, probe, level);
		for (i = 0; i < n && strcmp(seen[i], name) != 0; i++)
			;
		if (i == n)
			seen[n++] = name;
	}
	return n;
}

enum failure_domain registry_choose_domain(struct registry *r, const struct monitor *m)
{
	enum failure_domain best = DOMAIN_REGION;
	int most = -1;

	if (m->quorum.domain != DOMAIN_AUTO)
		return (enum failure_domain)m->quorum.domain;
	for (enum failure_domain level = DOMAIN_REGION; level <= DOMAIN_PROBE; level++) {
		int n = count_domains(r, m, level);
		if (n >= m->quorum.seats)
			return level;
		if (n > most) {
			most = n;
			best = level;
		}
	}
	return best;
}

uint64_t registry_domain(struct registry *r, const struct probe *probe, enum failure_domain level)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (const char *c = domain_name(r, probe, level); *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
	return hash;
}

/* ---- the policy over them */

int registry_count_seats(struct registry *r, const struct monitor *m)
{
	enum failure_domain level =
		m->domain < 0 ? registry_choose_domain(r, m) : (enum failure_domain)m->domain;
	int n = count_domains(r, m, level);

	return n < m->quorum.seats ? n : (int)m->quorum.seats;
}

/* "region", "regions" */
static const char *domains_word(enum failure_domain level, int n)
{
	static const char *const one[] = {"region", "provider", "probe"};
	static const char *const many[] = {"regions", "providers", "probes"};

	return n == 1 ? one[level] : many[level];
}

static void check_share(const struct monitor *m, const struct share *share, const char *member,
	int n, const char *base, struct problems *p)
{
	char path[REGISTRY_PATH_BYTES];

	if (share->kind != SHARE_NUMBER || share->value <= n)
		return;
	registry_path(path, base, member);
	problems_add(p, path,
		"%d seats can never agree: there are %d %s with a registered probe that may check "
		"it, and so %d seat%s; accepted: at most %d, or register more probes first",
		share->value, n, domains_word((enum failure_domain)m->domain, n), n,
		n == 1 ? "" : "s", n);
}

void registry_check_policy(struct registry *r, const struct monitor *m, bool seats_given,
	const char *base, struct problems *p)
{
	enum failure_domain level = (enum failure_domain)m->domain;
	int n = registry_count_seats(r, m);
	char path[REGISTRY_PATH_BYTES];

	if (n == 0) /* nobody is registered yet */
		return;
	if (seats_given && n < m->quorum.seats) {
		registry_path(path, base, "quorum.seats");
		problems_add(p, path,
			"%d seats need as many %s; %d %s with a registered probe that may check "
			"it; "
			"accepted: at most %d, or no number: as many as there are",
			(int)m->quorum.seats, domains_word(level, 2), n,
			n == 1 ? "is there" : "are there", n);
		return; /* what follows from it needs no sentence of its own */
	}
	check_share(m, &m->quorum.down, "quorum.down", n, base, p);
	check_share(m, &m->quorum.up, "quorum.up", n, base, p);
}
