// SPDX-License-Identifier: MIT
/*
 * c-ares on the loop.
 *
 * c-ares can only cancel a whole channel, and reads resolv.conf only when a channel is made. So a
 * cancelled query lives on, with nobody to call; and when resolv.conf changes new queries get new
 * channels while old ones finish on theirs.
 *
 * Two channels per configuration. The first passes SERVFAIL and REFUSED on as they are, so that a
 * result can say which it was. With more than one name server such an answer is tried again on the
 * second, where c-ares itself goes on to the next server (and in the end can say no more than that
 * nobody answered).
 */
#include "probe/resolver.h"

#include "probe/net.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define FIRST_TRY_MS 1500 /* doubled by c-ares with every round over the servers */
#define TRIES        3
#define SERVERS_MAX  16

struct channel;

/* One socket of a channel. */
struct conn {
	struct conn *next;
	struct watch_fd watch;
	struct channel *channel;
};

struct channel {
	struct resolver *resolver;
	ares_channel ares;
	struct timer timer;
	struct conn *conns;
	bool open;
};

/* One reading of resolv.conf. */
struct config {
	struct config *next;
	struct resolver *resolver;
	struct channel exact, failover;
	int n_servers;
	int queries; /* in c-ares' hands */
};

struct resolver {
	struct loop *loop;
	char *path;
	int port;
	struct config *config;  /* current */
	struct config *retired; /* finishing their queries */
	struct timer sweep;
	struct stat seen;
	struct resolver_query *waiting; /* answered, but not told yet */
	struct timer tell;
};

struct resolver_query {
	struct resolver_query *next; /* of those that wait */
	struct config *config;       /* NULL: nobody is asked */
	char *host;
	int family;       /* AF_… */
	resolver_fn done; /* NULL: cancelled */
	void *arg;
	enum reason first_reason; /* OK, or the exact channel's failure while the failover one is
				     asked */
	bool in_call;             /* c-ares was just called and may answer at once */
	struct addresses *found;  /* what was answered then */
	enum reason reason;
};

/* ---- c-ares on the loop */

static void rearm(struct channel *c)
{
	struct timeval left;
	if (ares_timeout(c->ares, NULL, &left) == NULL)
		timer_stop(&c->timer);
	else /* rounded up: a millisecond early would spin */
		timer_set(&c->timer, (int64_t)left.tv_sec * 1000 + left.tv_usec / 1000 + 1);
}

static void on_fd(void *arg, int fd, int what)
{
	struct conn *conn = arg;
	struct channel *c = conn->channel; /* the connection may be gone after the call */
	ares_process_fd(c->ares, (what & WATCH_READ) != 0 ? fd : ARES_SOCKET_BAD,
		(what & WATCH_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
	rearm(c);
}

static void on_timer(void *arg)
{
	struct channel *c = arg;
	ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	rearm(c);
}

static void conn_free(struct conn **at)
{
	struct conn *gone = *at;
	*at = gone->next;
	watch_fd_clear(&gone->watch);
	free(gone);
}

static void socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct channel *c = arg;
	struct conn **at = &c->conns;
	while (*at != NULL && (*at)->watch.fd != fd)
		at = &(*at)->next;
	if (readable == 0 && writable == 0) {
		if (*at != NULL)
			conn_free(at);
		return;
	}
	if (*at == NULL) {
		*at = mem_alloc(sizeof(**at));
		(*at)->channel = c;
		watch_fd_init(&(*at)->watch, c->resolver->loop, fd, on_fd, *at);
	}
	watch_fd_set(&(*at)->watch,
		(readable != 0 ? WATCH_READ : 0) | (writable != 0 ? WATCH_WRITE : 0));
}

static int channel_open(struct channel *c, struct resolver *r, int flags, int tries)
{
	struct ares_options o = {.flags = flags,
		.timeout = FIRST_TRY_MS,
		.tries = tries,
		.udp_port = (unsigned short)r->port,
		.tcp_port = (unsigned short)r->port,
		.sock_state_cb = socket_state,
		.sock_state_cb_data = c,
		.resolvconf_path = r->path};
	/* DOMAINS with none of them: ares_getaddrinfo() searches in spite of ARES_FLAG_NOSEARCH */
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB |
		   ARES_OPT_RESOLVCONF | ARES_OPT_DOMAINS;
	if (r->port != 0)
		mask |= ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT;
	c->resolver = r;
	int rc = ares_init_options(&c->ares, &o, mask);
	if (rc != ARES_SUCCESS) {
		log_error("resolver.open file=%s error=%s", log_quote(r->path),
			log_quote(ares_strerror(rc)));
		return -1;
	}
	timer_init(&c->timer, r->loop, on_timer, c);
	c->open = true;
	return 0;
}

static void channel_close(struct channel *c)
{
	if (!c->open)
		return;
	ares_destroy(c->ares);
	while (c->conns != NULL)
		conn_free(&c->conns);
	timer_clear(&c->timer);
	c->open = false;
}

/* ---- configurations */

static void config_free(struct config *config)
{
	if (config == NULL)
		return;
	channel_close(&config->exact);
	channel_close(&config->failover);
	free(config);
}

static struct config *config_new(struct resolver *r)
{
	struct config *config = mem_alloc(sizeof(*config));
	config->resolver = r;
	int flags = ARES_FLAG_NOSEARCH;
	if (channel_open(&config->exact, r, flags | ARES_FLAG_NOCHECKRESP, TRIES) != 0 ||
		channel_open(&config->failover, r, flags, 1) != 0) {
		config_free(config);
		return NULL;
	}
	struct ares_addr_port_node *servers = NULL;
	if (ares_get_servers_ports(config->exact.ares, &servers) == ARES_SUCCESS) {
		for (struct ares_addr_port_node *s = servers; s != NULL; s = s->next)
			config->n_servers++;
		ares_free_data(servers);
	}
	return config;
}

static void sweep(void *arg)
{
	struct resolver *r = arg;
	for (struct config **at = &r->retired; *at != NULL;) {
		struct config *c = *at;
		if (c->queries > 0) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		config_free(c);
	}
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void reread_if_changed(struct resolver *r)
{
	struct stat now;
	if (stat(r->path, &now) == -1)
		memset(&now, 0, sizeof(now));
	if (same_file(&now, &r->seen))
		return;
	struct config *fresh = config_new(r);
	r->seen = now;
	if (fresh == NULL)
		return; /* logged; the old one still works */
	log_info("resolver.reread file=%s servers=%d", log_quote(r->path), fresh->n_servers);
	r->config->next = r->retired;
	r->retired = r->config;
	r->config = fresh;
	timer_set(&r->sweep, 0);
}

/* ---- answers */

static enum reason reason_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return REASON_OK;
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:
		return REASON_DNS_NXDOMAIN;
	case ARES_ENODATA:
		return REASON_DNS_NO_ADDRESS;
	case ARES_EREFUSED:
		return REASON_DNS_REFUSED;
	case ARES_ESERVFAIL:
		return REASON_DNS_SERVFAIL;
	case ARES_ENOTIMP:
		return REASON_DNS_RCODE;
	case ARES_ETIMEOUT:
		return REASON_DNS_TIMEOUT;
	case ARES_EBADRESP:
	case ARES_EFORMERR:
	case ARES_EOF: /* of a TCP connection */
		return REASON_DNS_BAD_RESPONSE;
	case ARES_ENOMEM:
		return REASON_INTERNAL_RESOURCES;
	case ARES_ECONNREFUSED: /* nobody could be asked */
		return net_out_of_fds() ? REASON_INTERNAL_RESOURCES : REASON_DNS_UNREACHABLE;
	default: /* what a caller does wrong (EBADQUERY, EBADFAMILY, ENOTINITIALIZED, …) */
		return REASON_INTERNAL_ERROR;
	}
}

static int config_servers(const struct config *config, struct sockaddr_storage *out, int max)
{
	struct ares_addr_port_node *servers = NULL;
	int n = 0, port = config->resolver->port;
	if (ares_get_servers_ports(config->exact.ares, &servers) != ARES_SUCCESS)
		return 0;
	for (const struct ares_addr_port_node *s = servers; s != NULL && n < max; s = s->next) {
		struct sockaddr_storage to = {.ss_family = (sa_family_t)s->family};
		if (s->family == AF_INET)
			((struct sockaddr_in *)(void *)&to)->sin_addr = s->addr.addr4;
		else
			memcpy(&((struct sockaddr_in6 *)(void *)&to)->sin6_addr, &s->addr.addr6,
				16);
		net_set_port((struct sockaddr *)&to, s->udp_port ? s->udp_port : port ? port : 53);
		out[n++] = to;
	}
	ares_free_data(servers);
	return n;
}

/* Nobody could be asked because this machine has no way to any of its name servers. */
static bool no_way_out(const struct config *config)
{
	struct sockaddr_storage server[SERVERS_MAX];
	int n = config_servers(config, server, SERVERS_MAX);
	bool none = n > 0;
	for (int i = 0; i < n && none; i++)
		none = !net_has_route((struct sockaddr *)&server[i]);
	return none;
}

static void add_address(struct addresses *out, const struct sockaddr *address)
{
	if (out->n == ADDRESSES_MAX)
		return;
	struct sockaddr_storage one;
	memset(&one, 0, sizeof(one));
	memcpy(&one, address, net_length(address));
	net_set_port((struct sockaddr *)&one, 0);
	for (int i = 0; i < out->n; i++)
		if (net_same_host((struct sockaddr *)&out->item[i], (struct sockaddr *)&one))
			return;
	out->item[out->n++] = one;
}

/* IPv6 first, as RFC 6724 has it by default; within a family the server's order, which may mean
 * something. */
static void take_addresses(const struct ares_addrinfo *info, struct addresses *out)
{
	static const int order[] = {AF_INET6, AF_INET};
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (const struct ares_addrinfo_node *n = info->nodes; n != NULL; n = n->ai_next)
			if (n->ai_family == order[i])
				add_address(out, n->ai_addr);
}

static const int families[] = {
	[FAMILY_AUTO] = AF_UNSPEC, [FAMILY_IPV4] = AF_INET, [FAMILY_IPV6] = AF_INET6};

static bool family_fits(int wanted, int family)
{
	return wanted == AF_UNSPEC || wanted == family;
}

static void add_literal(const struct sockaddr_storage *literal, int family, struct addresses *found)
{
	if (family_fits(family, literal->ss_family))
		add_address(found, (const struct sockaddr *)literal);
}

/* "localhost": RFC 6761; c-ares 1.18 leaks ten bytes where /etc/hosts has it for one family only. */
bool resolver_literal(
	const char *host, enum address_family family, enum reason *reason, struct addresses *found)
{
	struct sockaddr_storage literal;
	found->n = 0;
	if (strcasecmp(host, "localhost") == 0) {
		(void)net_parse_literal("::1", &literal);
		add_literal(&literal, families[family], found);
		(void)net_parse_literal("127.0.0.1", &literal);
		add_literal(&literal, families[family], found);
	} else if (net_parse_literal(host, &literal)) {
		add_literal(&literal, families[family], found);
	} else {
		return false;
	}
	*reason = found->n > 0 ? REASON_OK : REASON_DNS_NO_ADDRESS;
	return true;
}

static void query_free(struct resolver_query *q)
{
	free(q->host);
	free(q->found);
	free(q);
}

static void query_tell(struct resolver_query *q, const struct addresses *found)
{
	if (q->done != NULL)
		q->done(q->arg, q->reason, found);
	query_free(q);
}

static void tell_waiting(void *arg)
{
	struct resolver *r = arg;
	struct resolver_query *q;
	while ((q = r->waiting) != NULL) {
		r->waiting = q->next;
		query_tell(q, q->found);
	}
}

/* Told from the loop, in order, when the caller is still inside of resolver_find(). */
static void query_answered(
	struct resolver *r, struct resolver_query *q, const struct addresses *found)
{
	if (!q->in_call) {
		query_tell(q, found);
		return;
	}
	q->found = mem_alloc(sizeof(*q->found));
	*q->found = *found;
	struct resolver_query **at = &r->waiting;
	while (*at != NULL)
		at = &(*at)->next;
	*at = q;
	q->next = NULL;
	timer_set(&r->tell, 0);
}

static void ask(struct resolver_query *q, struct channel *channel);

static void on_answer(void *arg, int status, int timeouts UNUSED, struct ares_addrinfo *info)
{
	struct resolver_query *q = arg;
	struct config *config = q->config;
	struct resolver *r = config->resolver;
	struct addresses found = {.n = 0};
	config->queries--;
	if (info != NULL) {
		if (status == ARES_SUCCESS)
			take_addresses(info, &found);
		ares_freeaddrinfo(info);
	}
	if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) { /* resolver_free() */
		query_free(q);
		return;
	}
	q->reason = reason_of(status);
	if (q->reason == REASON_OK && found.n == 0)
		q->reason = REASON_DNS_NO_ADDRESS;
	bool server_failed = q->reason == REASON_DNS_SERVFAIL || q->reason == REASON_DNS_REFUSED ||
			     q->reason == REASON_DNS_UNREACHABLE;
	if (server_failed && status == ARES_ECONNREFUSED && no_way_out(config))
		q->reason = REASON_INTERNAL_NETWORK;
	else if (server_failed && q->first_reason == REASON_OK && config->n_servers > 1 &&
		 q->done != NULL) {
		q->first_reason = q->reason;
		ask(q, &config->failover);
		return;
	} else if (server_failed && q->first_reason != REASON_OK)
		q->reason = q->first_reason; /* the more exact of the two */
	if (config != r->config && config->queries == 0)
		timer_set(&r->sweep, 0);
	query_answered(r, q, &found);
}

static void ask(struct resolver_query *q, struct channel *channel)
{
	struct ares_addrinfo_hints hints = {
		.ai_family = q->family, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
	q->config->queries++;
	ares_getaddrinfo(channel->ares, q->host, NULL, &hints, on_answer, q);
	rearm(channel);
}

/* ---- the interface */

struct resolver_query *resolver_find(struct resolver *r, const char *host,
	enum address_family family, resolver_fn done, void *arg)
{
	struct addresses literal;
	struct resolver_query *q = mem_alloc(sizeof(*q));
	q->host = mem_strdup(host);
	q->family = families[family];
	q->done = done;
	q->arg = arg;
	q->in_call = true;
	if (resolver_literal(host, family, &q->reason, &literal)) {
		query_answered(r, q, &literal);
		return q; /* alive until told from the loop */
	}
	reread_if_changed(r);
	q->config = r->config;
	/* an answer inside of the call is queued, so Q outlives it */
	ask(q, &r->config->exact);
	q->in_call = false;
	return q;
}

int resolver_servers(const struct resolver *r, struct sockaddr_storage *out, int max)
{
	return config_servers(r->config, out, max);
}

void resolver_cancel(struct resolver_query *query)
{
	if (query != NULL)
		query->done = NULL;
}

struct resolver *resolver_new_with(struct loop *loop, const char *resolv_conf, int port)
{
	static bool ready;
	if (!ready && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		log_error("resolver.init_failed");
		return NULL;
	}
	ready = true;
	struct resolver *r = mem_alloc(sizeof(*r));
	r->loop = loop;
	r->path = mem_strdup(resolv_conf);
	r->port = port;
	timer_init(&r->sweep, loop, sweep, r);
	timer_init(&r->tell, loop, tell_waiting, r);
	if (stat(r->path, &r->seen) == -1)
		memset(&r->seen, 0, sizeof(r->seen));
	r->config = config_new(r);
	if (r->config == NULL) {
		resolver_free(r);
		return NULL;
	}
	return r;
}

struct resolver *resolver_new(struct loop *loop)
{
	return resolver_new_with(loop, "/etc/resolv.conf", 0);
}

void resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	config_free(r->config);
	while (r->retired != NULL) {
		struct config *c = r->retired;
		r->retired = c->next;
		config_free(c);
	}
	struct resolver_query *q;
	while ((q = r->waiting) != NULL) {
		r->waiting = q->next;
		query_free(q);
	}
	timer_clear(&r->sweep);
	timer_clear(&r->tell);
	free(r->path);
	free(r);
}
