// SPDX-License-Identifier: MIT
/*
 * Names that lead elsewhere the second time they are looked up, several places at once, or to
 * addresses in disguise: no check connects to the listener at 127.0.0.1 and ::1, though 127.0.0.2 may be
 * contacted, serves the same port and redirects there, and though the environment names the listener
 * as a proxy. TRIES=10000 for the long run.
 */
#include "tests/unit/dns_kit.h"

#include "probe/net.h"

#define TRIES_SHORT 320

static struct kit kit;
static struct name_server names;
static int port;

/* ---- the listeners */

struct listener {
	const char *address;
	int tcp, udp, stop[2];
	int reached; /* connections, and datagrams */
	pthread_t thread;
};

static int open_at(const char *address, int type)
{
	struct sockaddr_storage at;
	int fd, on = 1;
	assert_true(net_parse_literal(address, &at));
	net_set_port((struct sockaddr *)&at, port);
	fd = socket(at.ss_family, type | SOCK_CLOEXEC, 0);
	assert_int_not_equal(fd, -1);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, net_length((struct sockaddr *)&at)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 64), 0);
	return fd;
}

/* Sends a visitor on to the name that he came by: it is looked up once more. */
static void redirect(int fd)
{
	char request[8192], host[300] = "", reply[512];
	if (!peer_read_request(fd, request, sizeof(request)))
		return;
	const char *line = strcasestr(request, "\r\nHost: ");
	if (line)
		snprintf(host, sizeof(host), "%.*s", (int)strcspn(line + 8, "\r"), line + 8);
	bool last = strncmp(request, "GET /3", 6) == 0;
	snprintf(reply, sizeof(reply),
		"HTTP/1.1 %s\r\nLocation: http://%s/%d\r\nContent-Length: 0\r\nConnection: "
		"close\r\n\r\n",
		last ? "200 OK" : "302 Found", host,
		request[5] >= '1' && request[5] <= '2' ? request[5] - '0' + 1 : 1);
	peer_say(fd, reply);
}

static void *listener_main(void *arg)
{
	struct listener *l = arg;
	for (;;) {
		struct pollfd fds[] = {{.fd = l->stop[0], .events = POLLIN},
			{.fd = l->tcp, .events = POLLIN}, {.fd = l->udp, .events = POLLIN}};
		char datagram[1024];
		poll(fds, 3, -1);
		if (fds[0].revents)
			return NULL;
		if (fds[2].revents && recv(l->udp, datagram, sizeof(datagram), 0) >= 0)
			l->reached++;
		int fd = fds[1].revents ? accept(l->tcp, NULL, NULL) : -1;
		if (fd == -1)
			continue;
		l->reached++;
		redirect(fd);
		close(fd);
	}
}

static void listener_start(struct listener *l, const char *address)
{
	*l = (struct listener){.address = address};
	l->tcp = open_at(address, SOCK_STREAM);
	l->udp = open_at(address, SOCK_DGRAM);
	assert_int_equal(pipe(l->stop), 0);
	assert_int_equal(pthread_create(&l->thread, NULL, listener_main, l), 0);
}

/* How often somebody came. */
static int listener_stop(struct listener *l)
{
	assert_int_equal(write(l->stop[1], "x", 1), 1);
	pthread_join(l->thread, NULL);
	close(l->tcp);
	close(l->udp);
	close(l->stop[0]);
	close(l->stop[1]);
	return l->reached;
}

/* ---- the name server: TTL 0, and another answer each time */

static const char *const forbidden[] = {"127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1",
	"::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::1", "0.0.0.0", "::", "127.1.2.3",
	"fe80::1", "::127.0.0.1"};

static bool answer(struct name_server *s, const char *name, const unsigned char *q, size_t n,
	bool tcp UNUSED, struct reply *r)
{
	static char last[256];
	static int asked;
	unsigned number = 0;
	char mode = name[0];
	bool v6 = q[question_end(q, n) - 3] == 28;
	sscanf(name + 1, "%u", &number);
	asked = strcmp(last, name) == 0 ? asked + !v6 : 1;
	snprintf(last, sizeof(last), "%s", name);
	const char *bad = forbidden[(number + (unsigned)s->questions) % ARRAY_LEN(forbidden)];
	bool bad_is_v6 = strchr(bad, ':') != NULL, good = true;
	reply_begin(r, q, n, 0);
	if (mode == 'f') /* first, then */
		good = asked == 1;
	else if (mode == 'o') /* only */
		good = false;
	else if (mode == 'r') /* now this, now that */
		good = (number ^ (unsigned)s->questions) & 1;
	if (mode == 'a')
		reply_cname(r, name, "localhost");
	const char *owner = mode == 'a' ? "localhost" : NULL;
	if ((!good || mode == 'm' || mode == 'a') && bad_is_v6 == v6)
		reply_a(r, owner, 0, bad);
	if (good && !v6)
		reply_a(r, owner, 0, "127.0.0.2");
	return true;
}

/* ---- the checks */

static struct monitor make(int i)
{
	static const enum check_kind kinds[] = {
		CHECK_HTTP, CHECK_REDIRECT, CHECK_TCP, CHECK_DNS, CHECK_HTTP};
	static const char modes[] = "formaf";
	enum check_kind kind = kinds[i % (int)ARRAY_LEN(kinds)];
	char *host = mem_printf("%c%d.test:%d", modes[i / 5 % 6], i, port);
	char *target = kind == CHECK_TCP   ? mem_strdup(host)
		       : kind == CHECK_DNS ? mem_strdup("example.com")
					   : mem_printf("http://%s/", host);
	struct monitor m = kit_monitor(kind, target, kind == CHECK_DNS ? 30 : 2000);
	if (kind == CHECK_DNS)
		m.request.server = mem_strdup(host);
	m.request.transport = i % 2;
	m.expect.follow = 5;
	m.expect.max_hops = 5;
	free(host);
	free(target);
	return m;
}

static int tries(void)
{
	const char *text = getenv("TRIES");
	return text ? atoi(text) : TRIES_SHORT;
}

/* Runs them all; returns how many ended with each class of reason. */
static void run_all(int n, int found[4])
{
	struct dns conf = {.port = names.port};
	snprintf(conf.conf, sizeof(conf.conf), "/tmp/quorate-test-resolv.XXXXXX");
	close(mkstemp(conf.conf));
	dns_write_conf(&conf, "nameserver 127.0.0.1\n");
	kit_use_dns(&kit, &conf);
	for (int i = 0; i < n; i++) {
		const struct result *r = kit_run(&kit, make(i));
		found[reason_class((enum reason)r->reason)]++;
		if (r->address && strncmp(r->address, "127.0.0.2:", 10) != 0 &&
			strncmp(r->address, "127.0.0.1:", 10) == 0)
			fail_msg("try %d went to %s", i, r->address);
	}
	unlink(conf.conf);
}

static void open_world(struct listener *v4, struct listener *v6, struct listener *permitted)
{
	char proxy[64];
	struct engine_limits limits = {.in_flight_max = 8,
		.per_second = 1000000,
		.per_destination = 1000000,
		.body_max_bytes = 100000};
	close(peer_listen(&port));
	listener_start(v4, "127.0.0.1");
	listener_start(v6, "::1");
	listener_start(permitted, "127.0.0.2");
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", port);
	static const char *const variables[] = {
		"http_proxy", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		setenv(variables[i], proxy, 1);
	memset(&kit, 0, sizeof(kit));
	log_set_level(LOG_LEVEL_ERROR);
	kit.loop = loop_new();
	kit_allow(&kit, "127.0.0.2");
	kit.engine = engine_new(kit.loop, &kit.policy, &limits);
	assert_non_null(kit.engine);
	name_server_start(&names, answer, true);
}

static void close_world(void)
{
	kit_close(&kit);
	name_server_stop(&names);
}

static void none_reaches_the_forbidden(void **state)
{
	struct listener v4, v6, permitted;
	int found[4] = {0}, n = tries();
	(void)state;
	open_world(&v4, &v6, &permitted);
	run_all(n, found);
	close_world();
	int reached = listener_stop(&v4) + listener_stop(&v6), visits = listener_stop(&permitted);
	print_message("%d tries: %d reached the forbidden listeners, %d the permitted one; %d up, "
		      "%d down, "
		      "%d refused by the probe\n",
		n, reached, visits, found[REASON_CLASS_OK], found[REASON_CLASS_DOWN],
		found[REASON_CLASS_INTERNAL]);
	assert_int_equal(reached, 0);
	assert_in_range(visits, n / 4, 10 * n);
	assert_in_range(found[REASON_CLASS_OK], n / 20, n);
	assert_in_range(found[REASON_CLASS_DOWN], n / 4, n);
}

/* The same world without the policy: the listeners are there to be reached. */
static void without_the_policy_they_are_reached(void **state)
{
	struct listener v4, v6, permitted;
	int found[4] = {0};
	(void)state;
	open_world(&v4, &v6, &permitted);
	kit_allow(&kit, "127.0.0.1");
	kit_allow(&kit, "::1");
	run_all(60, found);
	close_world();
	assert_int_not_equal(listener_stop(&v4), 0);
	assert_int_not_equal(listener_stop(&v6), 0);
	listener_stop(&permitted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_reaches_the_forbidden),
		cmocka_unit_test(without_the_policy_they_are_reached),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
