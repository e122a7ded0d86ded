// SPDX-License-Identifier: MIT
/* Inside the doctor: findings, and what its steps know of each other. */
#ifndef QUORATE_PROBE_DOCTOR_INTERNAL_H
#define QUORATE_PROBE_DOCTOR_INTERNAL_H

#include "probe/conf.h"
#include "probe/dial.h"
#include "probe/doctor.h"
#include "probe/introduce.h"
#include "probe/resolver.h"
#include "proto/curl_loop.h"

#include <sys/types.h>

enum mark {
	MARK_OK,
	MARK_NOTE, /* a fact, neither good nor bad */
	MARK_WARN,
	MARK_FAIL,
	MARK_COUNT
};

struct finding {
	enum mark mark;
	const char *step;    /* static: "token" */
	char *group;         /* "configuration", "coordinator.example.net:443" */
	char *text, *remedy; /* REMEDY NULL: nothing to do */
};

enum reach { REACH_UNTRIED, REACH_WORKS, REACH_FAILS };

struct visit;          /* below */
struct dns_server;     /* doctor_dns.c */
struct doctor_anchors; /* doctor_anchors.c */

struct doctor {
	const struct doctor_options *options;
	struct finding *finding;
	size_t n_findings, n_told;
	const char *group; /* of the findings that come */

	struct probe_conf conf;
	bool readable;  /* the configuration could be read; CONF is clear otherwise */
	bool seen;      /* what is in the state folder can be seen */
	bool hidden;    /* it is there, perhaps, and may not be looked into */
	bool joined;    /* name and coordinator are known */
	char *token;    /* NULL: none, or it cannot be read */
	char *password; /* the proxy's */
	uid_t owner; /* of the state folder, and so the user that the probe runs as; ours if there is none */
	gid_t owner_group;
	char owner_name[64], our_name[64];

	struct loop *loop;
	struct curl_loop *cl;
	struct resolver *resolver;
	struct visit *visits;
	size_t n_visits;
	struct dns_server *servers;
	int n_servers;
	struct doctor_anchors *anchors; /* NULL: none */
	int pending;                    /* what the loop still waits for */
};

/* A finding; the texts may hold what strangers say. */
void doctor_say(struct doctor *d, enum mark mark, const char *step, const char *format, ...)
	PRINTF_LIKE(4, 5);
/* What to do about the newest finding. */
void doctor_advise(struct doctor *d, const char *format, ...) PRINTF_LIKE(2, 3);
/* Something that the loop waited for is over. */
void doctor_done(struct doctor *d);
/* Whether it runs as another user than the probe will, and is not root. */
bool doctor_is_stranger(const struct doctor *d);

/* ---- the steps; `begin` starts what takes time, `report` says what came of it */
void doctor_conf_report(struct doctor *d);
void doctor_machine_report(struct doctor *d);
void doctor_dns_begin(struct doctor *d);
void doctor_network_report(struct doctor *d);
void doctor_dns_report(struct doctor *d);
void doctor_dns_free(struct doctor *d);
void doctor_anchors_begin(struct doctor *d);
void doctor_anchors_report(struct doctor *d);
void doctor_anchors_free(struct doctor *d);
void doctor_visits_begin(struct doctor *d);
void doctor_visits_free(struct doctor *d);
void doctor_door_report(struct doctor *d);
void doctor_link_report(struct doctor *d);

/* What others found out about IPv6 on the way. */
enum reach doctor_visits_ipv6(const struct doctor *d, const char **address);
enum reach doctor_dns_ipv6(const struct doctor *d, const char **address);

/* ---- one address of the coordinator's door, dialled as the link dials it: doctor_visit.c */

struct visit {
	struct doctor *d;
	const char *address;      /* as configured */
	char host[NET_HOST_SIZE]; /* without brackets */
	int port;
	bool literal;

	struct resolver_query *query; /* as checks look names up */
	bool resolved;                /* REASON and ADDRESSES are there */
	enum reason reason;
	struct addresses addresses;

	struct dial *dial;
	bool dialled; /* FACTS and ERROR ("": it stands) are there */
	struct dial_facts facts;
	char error[256];

	struct introduction *introduction;
	struct timer patience;
	int64_t asked_at_us;
	bool introduced, accepted; /* what follows is there */
	char silence[128];         /* why there is no answer; "": there is one */
	char code[64], detail[512], standing[32];
	int64_t now_wall_ms, offset_ms, rtt_ms; /* the first -1: not told */

	int fd6; /* a connection by IPv6, to see that it works; -1: none */
	struct watch_fd watch6;
	struct timer patience6;
	char address6[NET_ADDRESS_SIZE];
	enum reach reach6;
};

/* Whether a proxy was used, or is named. */
bool visit_is_proxied(const struct visit *v);

/* ---- telling: doctor_tell.c */
extern const char *const mark_names[]; /* ok note warn fail */
/* The findings that were not told yet, for people. */
void doctor_tell_text(struct doctor *d, FILE *out);
void doctor_tell_end(const struct doctor *d, FILE *out);
void doctor_tell_json(const struct doctor *d, FILE *out);
int doctor_exit(const struct doctor *d);

#endif
