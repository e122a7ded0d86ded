// SPDX-License-Identifier: MIT
/* http checks against nginx (http, https, HTTP/2, certificates of every kind) and hostile scripted
 * peers. */
#include "tests/unit/nginx_kit.h"
#include "tests/unit/pki.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

static struct kit kit;
static struct nginx nginx;
static struct dns dns;
static int http_port, https_port, other_port;

static const struct dns_entry names[] = {
	{"site.test", "127.0.0.1", NULL, 0},
	{"other.test", "127.0.0.1", NULL, 0},
	{"expired.test", "127.0.0.1", NULL, 0},
	{"future.test", "127.0.0.1", NULL, 0},
	{"self.test", "127.0.0.1", NULL, 0},
	{"stranger.test", "127.0.0.1", NULL, 0},
	{"soon.test", "127.0.0.1", NULL, 0},
	{"wrong.test", "127.0.0.1", NULL, 0},
	{"both.test", "127.0.0.1", "::1", 0},
	{"xn--mnchen-3ya.test", "127.0.0.1", NULL, 0},
	{"private.test", "10.0.0.1", NULL, 0},
	{"mute.test", NULL, NULL, -1},
	{NULL, NULL, NULL, 3},
};

/* ---- nginx with one https server per kind of certificate */

static const struct {
	const char *host, *names;
	long from_days, to_days;
	int issuer; /* 0: our CA, 1: a CA that nobody trusts, 2: itself */
} certificates[] = {
	{"site.test", "DNS:site.test,DNS:www.site.test,IP:127.0.0.1", -1, 90, 0},
	{"other.test", "DNS:other.test", -1, 60, 0},
	{"expired.test", "DNS:expired.test", -30, -2, 0},
	{"future.test", "DNS:future.test", 3, 30, 0},
	{"self.test", "DNS:self.test", -1, 30, 2},
	{"stranger.test", "DNS:stranger.test", -1, 30, 1},
	{"soon.test", "DNS:soon.test", -1, 10, 0},
	{"wrong.test", "DNS:right.test", -1, 30, 0},
};

static void make_certificates(const char *dir)
{
	struct pki_cert ca = pki_make("Test CA", NULL, NULL, -PKI_DAY, 365 * PKI_DAY);
	struct pki_cert stranger = pki_make("Stranger CA", NULL, NULL, -PKI_DAY, 365 * PKI_DAY);
	const struct pki_cert *issuers[] = {&ca, &stranger, NULL};
	char file[64];
	pki_write(dir, "ca.pem", ca.x509, NULL);
	for (size_t i = 0; i < ARRAY_LEN(certificates); i++) {
		/* an hour more, so that "days left" does not change while the test runs */
		struct pki_cert c = pki_make(certificates[i].host, certificates[i].names,
			issuers[certificates[i].issuer], certificates[i].from_days * PKI_DAY,
			certificates[i].to_days * PKI_DAY + 3600);
		snprintf(file, sizeof(file), "%s.crt", certificates[i].host);
		pki_write(dir, file, c.x509, NULL);
		snprintf(file, sizeof(file), "%s.key", certificates[i].host);
		pki_write(dir, file, NULL, c.key);
		pki_free(&c);
	}
	pki_free(&ca);
	pki_free(&stranger);
}

static void write_servers(char *out, size_t room)
{
	int n = snprintf(out, room,
		"ssl_protocols TLSv1.2 TLSv1.3; gzip on; gzip_types text/plain; gzip_min_length 1; "
		"gzip_proxied any;\n"
		"server { listen 127.0.0.1:%d; default_type text/plain;\n"
		" location / { return 200 'hello from nginx: $request_method $http_x_key "
		"$http_host'; }\n"
		" location /ua { return 200 '$http_user_agent|$http_cache_control'; }\n"
		" location /500 { return 500 'it broke'; } location /204 { return 204; }\n"
		" location /404 { return 404; }\n"
		" location /moved { return 301 /; } location /a { return 302 /b; } location /b { "
		"return 307 /; }\n"
		" location /see { return 303 /; }\n"
		" location /loop { return 302 /loop2; } location /loop2 { return 302 /loop; }\n"
		" location /tls { return 301 https://site.test:%d/; }\n"
		" location /other { return 302 http://other.test:%d/; }\n"
		" location /keep { return 307 http://other.test:%d/body; }\n"
		" location /inside { return 302 http://169.254.169.254/latest; }\n"
		" location /named-inside { return 302 http://private.test/; }\n"
		" location /file { return 302 file:///etc/passwd; }\n"
		" location /gopher { return 302 gopher://site.test/; }\n"
		" location /none { return 302 ''; } }\n"
		"server { listen 127.0.0.1:%d; default_type text/plain;\n"
		" location / { return 200 "
		"'$http_authorization|$http_cookie|$http_x_key|$http_accept'; }\n"
		" location /body { return 200 '$request_method of $content_length bytes'; } }\n",
		http_port, https_port, other_port, other_port, other_port);
	for (size_t i = 0; i < ARRAY_LEN(certificates); i++)
		n += snprintf(out + n, room - (size_t)n,
			"server { listen 127.0.0.1:%d ssl http2; server_name %s; ssl_certificate "
			"%s/%s.crt;\n"
			" ssl_certificate_key %s/%s.key; default_type text/plain;\n"
			" location / { return 200 'secure $server_protocol'; }\n"
			" location /down { return 302 http://site.test:%d/; }\n"
			" location /soon { return 302 https://soon.test:%d/; } }\n",
			https_port, certificates[i].host, nginx.dir, certificates[i].host,
			nginx.dir, certificates[i].host, http_port, https_port);
}

static int group_setup(void **state)
{
	char servers[16384], ca[80];
	(void)state;
	nginx_dir(&nginx);
	make_certificates(nginx.dir);
	http_port = free_port();
	do
		https_port = free_port();
	while (https_port == http_port);
	do
		other_port = free_port();
	while (other_port == http_port || other_port == https_port);
	write_servers(servers, sizeof(servers));
	nginx_start(&nginx, servers, https_port);
	snprintf(ca, sizeof(ca), "%s/ca.pem", nginx.dir);
	setenv("SSL_CERT_FILE", ca, 1);
	setenv("http_proxy", "http://127.0.0.1:1", 1); /* must not matter */
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	dns_start(&dns, names);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	dns_stop(&dns);
	nginx_stop(&nginx);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	kit_open(&kit);
	kit_use_dns(&kit, &dns);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kit_close(&kit);
	return 0;
}

static struct monitor http(const char *scheme, const char *host, int port, const char *path)
{
	char target[256];
	snprintf(target, sizeof(target), "%s://%s:%d%s", scheme, host, port, path);
	return kit_monitor(CHECK_HTTP, target, 5000);
}

static struct result *get(const char *path)
{
	return kit_run(&kit, http("http", "site.test", http_port, path));
}

/* Takes TEXT. */
static void contain(struct monitor *m, char *text)
{
	struct strings *texts = &m->expect.body_contains;
	texts->item = mem_resize(texts->item, texts->n + 1, sizeof(*texts->item));
	texts->item[texts->n++] = text;
}

static void add_header(struct monitor *m, const char *name, const char *value)
{
	struct pairs *h = &m->request.headers;
	h->item = mem_resize(h->item, h->n + 1, sizeof(*h->item));
	h->item[h->n++] = (struct pair){.name = mem_strdup(name), .value = mem_strdup(value)};
}

/* ---- a healthy server */

static void a_page_is_up(void **state)
{
	char address[64];
	(void)state;
	struct result *r = get("/");
	assert_reason(r, "ok");
	assert_int_equal(r->verdict, VERDICT_UP);
	assert_int_equal(r->status, 200);
	snprintf(address, sizeof(address), "127.0.0.1:%d", http_port);
	assert_string_equal(r->address, address);
	assert_true(r->bytes > 0);
	assert_true(r->phases.resolve_us > 0 && r->phases.connect_us > 0);
	assert_int_equal(r->phases.tls_us, UNSET);
	assert_true(r->phases.first_byte_us > 0 && r->phases.transfer_us >= 0);
	int64_t sum_us = r->phases.resolve_us + r->phases.connect_us + r->phases.first_byte_us +
			 r->phases.transfer_us;
	assert_true(sum_us <= r->phases.total_us && r->phases.total_us < 1000000);
	assert_int_equal(r->hops.n, 0);
	assert_null(r->certificate.subject);
	assert_int_equal(r->certificate.days, UNSET);
}

#define LAG_MS 60

/* Whoever is late sees the answer later; it came when it came. nginx may be late, too, and curl may find the answer
 * before the loop has another turn: hence most of several. */
static void an_answer_ends_when_it_came(void **state)
{
	struct kit_lag lag;
	int prompt = 0;
	(void)state;
	kit_lag_start(&lag, &kit, LAG_MS);
	for (int i = 0; i < 9; i++) {
		struct result *r = kit_run(&kit, http("https", "site.test", https_port, "/"));
		assert_reason(r, "ok");
		assert_true(r->phases.first_byte_us >= 0 && r->phases.transfer_us >= 0);
		if (r->phases.first_byte_us + r->phases.transfer_us < LAG_MS * 500)
			prompt++;
	}
	kit_lag_stop(&lag);
	assert_in_range(prompt, 5, 9);
}

static void statuses_are_judged(void **state)
{
	static const struct {
		const char *path, *expected, *reason;
		int64_t status;
	} cases[] = {{"/500", NULL, "http.status", 500}, {"/404", NULL, "http.status", 404},
		{"/204", NULL, "ok", 204}, {"/moved", NULL, "ok", 301}, {"/404", "404", "ok", 404},
		{"/", "404", "http.status", 200}, {"/500", "5xx", "ok", 500},
		{"/404", "400-403", "http.status", 404}, {"/moved", "2xx", "http.status", 301}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = http("http", "site.test", http_port, cases[i].path);
		if (cases[i].expected != NULL)
			assert_int_equal(status_set_add(&m.expect.status, cases[i].expected), 0);
		struct result *r = kit_run(&kit, m);
		assert_reason(r, cases[i].reason);
		assert_int_equal(r->status, cases[i].status);
		if (strcmp(cases[i].reason, "ok") != 0)
			assert_non_null(r->body_excerpt);
	}
	assert_non_null(strstr(get("/500")->body_excerpt, "it broke"));
}

static void bodies_are_searched(void **state)
{
	(void)state;
	struct monitor m = http("http", "site.test", http_port, "/");
	contain(&m, mem_strdup("hello from"));
	assert_reason(kit_run(&kit, m), "ok");
	m = http("http", "site.test", http_port, "/");
	contain(&m, mem_strdup("good bye"));
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "content.missing");
	assert_int_equal(r->verdict, VERDICT_DOWN);
	assert_non_null(strstr(r->body_excerpt, "hello from nginx"));
	assert_non_null(strstr(r->detail, "good bye"));
}

static void requests_are_as_asked(void **state)
{
	(void)state;
	struct monitor m = http("http", "site.test", http_port, "/");
	m.request.method = METHOD_PUT;
	m.request.body.value = mem_strdup("some bytes");
	add_header(&m, "X-Key", "abc");
	add_header(&m, "Host", "virtual.test");
	contain(&m, mem_strdup("PUT abc virtual.test"));
	assert_reason(kit_run(&kit, m), "ok");
	static const enum http_method methods[] = {
		METHOD_GET, METHOD_POST, METHOD_DELETE, METHOD_OPTIONS};
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		m = http("http", "site.test", http_port, "/");
		m.request.method = (int)methods[i];
		contain(&m, mem_printf("nginx: %s ", http_method_names[methods[i]]));
		assert_reason(kit_run(&kit, m), "ok");
	}
	m = http("http", "site.test", http_port, "/");
	m.request.method = METHOD_HEAD;
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "ok");
	assert_int_equal(r->bytes, 0);
	m = http("http", "site.test", http_port, "/ua");
	contain(&m, mem_strdup("quorate/" QUORATE_VERSION " (+https://quorate.example/)|no-cache"));
	assert_reason(kit_run(&kit, m), "ok");
	m = http("http", "site.test", http_port, "/ua");
	add_header(&m, "user-agent", "mine");
	add_header(&m, "CACHE-CONTROL", "max-age=5");
	contain(&m, mem_strdup("mine|max-age=5"));
	assert_reason(kit_run(&kit, m), "ok");
	m = http("http", "site.test", http_port, "/");
	add_header(&m, "X-Key", "a\r\nEvil: 1");
	assert_reason(kit_run(&kit, m), "internal.error");
}

static void names_and_policy(void **state)
{
	(void)state;
	assert_reason(kit_run(&kit, http("http", "gone.test", http_port, "/")), "dns.nxdomain");
	struct result *r = kit_run(&kit, http("http", "private.test", http_port, "/"));
	assert_reason(r, "dns.forbidden_address");
	assert_null(r->address);
	/* spellings of 10.0.0.1 and 169.254.169.254 */
	static const char *const refused[] = {"10.0.0.1", "0xa.1", "167772161", "012.0.0.1",
		"[::ffff:10.0.0.1]", "169.254.169.254", "[fe80::1]", "[::ffff:a9fe:a9fe]"};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_reason(
			kit_run(&kit, http("http", refused[i], http_port, "/")), "internal.policy");
	/* one of two addresses answers */
	assert_reason(kit_run(&kit, http("http", "both.test", http_port, "/")), "ok");
	assert_reason(kit_run(&kit, http("http", "m\xc3\xbcnchen.test", http_port, "/")), "ok");
	assert_reason(kit_run(&kit, http("http", "SITE.test", http_port, "/")), "ok");
	r = kit_run(&kit, http("http", "site.test", free_port(), "/"));
	assert_reason(r, "tcp.refused");
	assert_int_equal(r->verdict, VERDICT_DOWN);
	assert_non_null(strstr(r->detail, "connection refused by 127.0.0.1:"));
	assert_true(r->phases.connect_us >= 0);
	assert_int_equal(r->phases.first_byte_us, UNSET);
	struct monitor m = http("http", "mute.test", http_port, "/");
	m.timeout_ms = 300;
	r = kit_run(&kit, m);
	assert_reason(r, "dns.timeout");
	assert_true(r->duration_ms >= 299 && r->duration_ms < 1000);
}

static void slow_is_a_warning(void **state)
{
	(void)state;
	struct monitor m = http("http", "site.test", http_port, "/");
	m.expect.response_time = (struct threshold_ms){.warning_ms = 0, .critical_ms = UNSET};
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "slow.response");
	assert_int_equal(r->verdict, VERDICT_WARNING);
	assert_int_equal(r->severity[THRESHOLD_SLOW], SEVERITY_WARNING);
	m = http("http", "site.test", http_port, "/500");
	m.expect.response_time = (struct threshold_ms){.warning_ms = 0, .critical_ms = 0};
	r = kit_run(&kit, m);
	assert_reason(r, "http.status"); /* down outranks slow, which is kept beside it */
	assert_int_equal(r->verdict, VERDICT_DOWN);
	assert_int_equal(r->severity[THRESHOLD_SLOW], SEVERITY_CRITICAL);
}

/* ---- https */

static struct result *get_tls(const char *host)
{
	return kit_run(&kit, http("https", host, https_port, "/"));
}

static void certificates_are_verified(void **state)
{
	static const struct {
		const char *host, *reason;
		int64_t days;
	} cases[] = {{"site.test", "ok", 90}, {"expired.test", "tls.expired", -2},
		{"future.test", "tls.not_yet_valid", 30}, {"self.test", "tls.self_signed", 30},
		{"stranger.test", "tls.unknown_issuer", 30}, {"wrong.test", "tls.wrong_name", 30},
		{"127.0.0.1", "ok", 90}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct result *r = get_tls(cases[i].host);
		assert_reason(r, cases[i].reason);
		/* the facts are there either way */
		assert_non_null(r->certificate.subject);
		assert_non_null(r->certificate.issuer);
		assert_int_equal(r->certificate.days, cases[i].days);
		assert_true(r->phases.tls_us > 0);
		if (i > 0 && cases[i].days != 90) {
			assert_int_equal(r->verdict, VERDICT_DOWN);
			assert_int_equal(r->status, UNSET);
		}
	}
	struct result *r = get_tls("site.test");
	assert_non_null(strstr(r->certificate.subject, "site.test"));
	assert_non_null(strstr(r->certificate.issuer, "Test CA"));
	assert_string_equal(r->certificate.names, "site.test, www.site.test, 127.0.0.1");
	assert_string_equal(r->certificate.tls_version, "TLSv1.3");
	assert_true(r->certificate.not_before_wall_ms < r->started_wall_ms);
}

static void http2_is_spoken(void **state)
{
	(void)state;
	struct monitor m = http("https", "site.test", https_port, "/");
	contain(&m, mem_strdup("secure HTTP/2.0"));
	assert_reason(kit_run(&kit, m), "ok");
}

static void verification_may_be_off(void **state)
{
	(void)state;
	struct monitor m = http("https", "self.test", https_port, "/");
	m.request.verify = false;
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "ok");
	assert_int_equal(r->certificate.days, 30);
}

static void few_days_left_is_a_warning(void **state)
{
	static const struct {
		int64_t warning, critical;
		const char *reason;
		enum severity severity;
	} cases[] = {{21, 7, "tls.expires_soon", SEVERITY_WARNING},
		{21, 10, "tls.expires_soon", SEVERITY_CRITICAL},
		{10, UNSET, "tls.expires_soon", SEVERITY_WARNING}, {9, UNSET, "ok", SEVERITY_NONE},
		{UNSET, 11, "tls.expires_soon", SEVERITY_CRITICAL}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = http("https", "soon.test", https_port, "/");
		m.expect.certificate_days = (struct threshold_days){
			.warning_days = cases[i].warning, .critical_days = cases[i].critical};
		struct result *r = kit_run(&kit, m);
		assert_reason(r, cases[i].reason);
		assert_int_equal(r->severity[THRESHOLD_CERTIFICATE], cases[i].severity);
		assert_int_equal(r->verdict,
			cases[i].severity == SEVERITY_NONE ? VERDICT_UP : VERDICT_WARNING);
	}
	/* an expired one is down, and still critical as a certificate */
	struct monitor m = http("https", "expired.test", https_port, "/");
	m.expect.certificate_days = (struct threshold_days){.warning_days = 21, .critical_days = 7};
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "tls.expired");
	assert_int_equal(r->severity[THRESHOLD_CERTIFICATE], SEVERITY_CRITICAL);
}

/* ---- redirects */

static struct result *follow(const char *scheme, int port, const char *path, int64_t n)
{
	struct monitor m = http(scheme, "site.test", port, path);
	m.expect.follow = n;
	return kit_run(&kit, m);
}

static void redirects_are_followed(void **state)
{
	(void)state;
	struct result *r = follow("http", http_port, "/a", 5);
	assert_reason(r, "ok");
	assert_int_equal(r->status, 200);
	assert_int_equal(r->hops.n, 3);
	const struct hop *hops = r->hops.item;
	assert_int_equal(hops[0].status, 302);
	assert_non_null(strstr(hops[0].location, "/b"));
	assert_string_equal(hops[0].location, hops[1].url);
	assert_int_equal(hops[1].status, 307);
	assert_null(hops[2].location);
	assert_true(hops[0].total_us > 0 && hops[2].address != NULL);
	r = follow("http", http_port, "/tls", 5);
	assert_reason(r, "ok");
	assert_int_equal(r->hops.n, 2);
	assert_int_equal(((struct hop *)r->hops.item)[0].certificate_days, UNSET);
	assert_int_equal(((struct hop *)r->hops.item)[1].certificate_days, 90);
	r = follow("https", https_port, "/soon", 5); /* the shortest life of all hops */
	assert_reason(r, "ok");
	assert_int_equal(r->certificate.days, 10);
	/* followed: the last status has to be 2xx */
	assert_reason(follow("http", http_port, "/404", 5), "http.status");
}

static void bad_redirects_have_their_reasons(void **state)
{
	static const struct {
		const char *scheme, *path, *reason;
		int64_t follow;
	} cases[] = {{"http", "/a", "http.too_many_redirects", 1}, {"http", "/a", "ok", 2},
		{"http", "/loop", "http.redirect_loop", 20},
		{"http", "/file", "http.redirect_bad", 5},
		{"http", "/gopher", "http.redirect_bad", 5},
		{"http", "/inside", "dns.forbidden_address", 5},
		{"http", "/named-inside", "dns.forbidden_address", 5},
		{"https", "/down", "http.redirect_downgrade", 5}, {"http", "/file", "ok", 0}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int port = strcmp(cases[i].scheme, "http") == 0 ? http_port : https_port;
		struct result *r = follow(cases[i].scheme, port, cases[i].path, cases[i].follow);
		assert_reason(r, cases[i].reason);
	}
}

static void secrets_stay_with_their_host(void **state)
{
	(void)state;
	struct monitor m = http("http", "site.test", http_port, "/other");
	m.expect.follow = 3;
	add_header(&m, "Authorization", "Bearer s3cret");
	add_header(&m, "Cookie", "session=s3cret");
	add_header(&m, "X-Key", "s3cret");
	add_header(&m, "Accept", "text/x-test");
	contain(&m, mem_strdup("|||text/x-test")); /* nothing but what any browser says */
	assert_reason(kit_run(&kit, m), "ok");
	m = http("http", "other.test", other_port, "/");
	add_header(&m, "Authorization", "Bearer mine");
	contain(&m, mem_strdup("Bearer mine|"));
	assert_reason(kit_run(&kit, m), "ok");
}

static void post_becomes_get_where_it_must(void **state)
{
	(void)state;
	static const struct {
		const char *path, *seen;
	} cases[] = {{"/see", "nginx: GET "}, {"/moved", "nginx: GET "}, {"/b", "nginx: POST "}};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = http("http", "site.test", http_port, cases[i].path);
		m.request.method = METHOD_POST;
		m.request.body.value = mem_strdup("x=1");
		m.expect.follow = 1;
		contain(&m, mem_strdup(cases[i].seen));
		assert_reason(kit_run(&kit, m), "ok");
	}
}

/* ---- secrets */

static void add_secret_header(struct monitor *m, const char *name, const char *value)
{
	add_header(m, name, value != NULL ? value : "");
	struct pair *h = &m->request.headers.item[m->request.headers.n - 1];
	h->secret = mem_strdup("acme/key");
	if (value == NULL)
		mem_set(&h->value, NULL);
}

static void secrets_are_sent_and_hidden(void **state)
{
	(void)state;
	struct monitor m = http("http", "site.test", http_port, "/");
	add_secret_header(&m, "X-Key", "open sesame");
	contain(&m, mem_strdup("GET open sesame site.test"));
	assert_reason(kit_run(&kit, m), "ok");
	m = http("http", "site.test", http_port, "/");
	add_secret_header(&m, "X-Key", "open sesame");
	contain(&m, mem_strdup("sesame, open"));
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "content.missing");
	assert_non_null(strstr(r->body_excerpt, "GET [redacted] site.test"));
	assert_null(strstr(r->detail, "sesame"));
}

/* The coordinator has lost it: the site is not asked at all, and is not to blame. */
static void a_secret_without_a_value_is_no_vote(void **state)
{
	(void)state;
	struct monitor m = http("http", "site.test", http_port, "/");
	add_secret_header(&m, "X-Key", NULL);
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "internal.error");
	assert_string_equal(
		r->detail, "the value of the secret 'acme/key' did not come with the orders");
	assert_null(r->address);
}

static void a_secret_body_stays_with_its_host(void **state)
{
	static const struct {
		const char *secret, *seen;
	} cases[] = {{NULL, "POST of 9 bytes"}, {"acme/login", "POST of 0 bytes"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m = http("http", "site.test", http_port, "/keep");
		m.request.method = METHOD_POST;
		m.request.body.value = mem_strdup("u=a&p=bcd");
		m.request.body.secret = mem_strdup(cases[i].secret);
		m.expect.follow = 1;
		contain(&m, mem_strdup(cases[i].seen));
		assert_reason(kit_run(&kit, m), "ok");
	}
}

/* ---- hostile peers */

static void mute(int fd, void *arg)
{
	(void)arg;
	peer_wait_for_end(fd);
}

static void hang_up(int fd, void *arg)
{
	(void)arg;
	peer_read_request(fd, NULL, 0);
}

static void reset(int fd, void *arg)
{
	(void)arg;
	peer_read_request(fd, NULL, 0);
	peer_reset(fd);
}

static void say(int fd, void *arg)
{
	if (peer_read_request(fd, NULL, 0))
		peer_say(fd, arg);
	shutdown(fd, SHUT_WR);
	peer_wait_for_end(fd);
}

static void say_and_hold(int fd, void *arg)
{
	if (peer_read_request(fd, NULL, 0))
		peer_say(fd, arg);
	peer_wait_for_end(fd);
}

static void repeat(int fd, const char *first, const char *more)
{
	if (peer_read_request(fd, NULL, 0) && peer_say(fd, first))
		while (peer_say(fd, more))
			;
}

static void endless_body(int fd, void *arg)
{
	(void)arg;
	repeat(fd, "HTTP/1.1 200 OK\r\n\r\n",
		"0123456789012345678901234567890123456789012345678901234567890123");
}

static void endless_headers(int fd, void *arg)
{
	(void)arg;
	repeat(fd, "HTTP/1.1 200 OK\r\n", "X-A: 0123456789012345678901234567890123456789\r\n");
}

static void endless_interim(int fd, void *arg)
{
	(void)arg;
	repeat(fd, "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n");
}

/* Few bytes, many lines; and then a proper end. */
static void many_headers(int fd, void *arg)
{
	(void)arg;
	if (!peer_read_request(fd, NULL, 0) || !peer_say(fd, "HTTP/1.1 200 OK\r\n"))
		return;
	for (int i = 0; i < 300; i++)
		if (!peer_say(fd, "A: b\r\n"))
			return;
	peer_say(fd, "Content-Length: 0\r\n\r\n");
	peer_wait_for_end(fd);
}

static void one_long_header(int fd, void *arg)
{
	(void)arg;
	repeat(fd, "HTTP/1.1 200 OK\r\nX-A: ", "0123456789012345678901234567890123456789");
}

/* Neither header nor body: only what stands between. */
static void endless_extension(int fd, void *arg)
{
	(void)arg;
	repeat(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=",
		"0123456789012345678901234567890123456789012345678901234567890123");
}

/* A byte whenever the other side has had time to read the one before: for ever, if it is not
 * stopped. */
static void drip(int fd, void *arg)
{
	(void)arg;
	if (!peer_read_request(fd, NULL, 0) || !peer_say(fd, "HTTP/1.1 200 OK\r\n\r\n"))
		return;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (poll(&p, 1, 20) == 0)
		if (!peer_say(fd, "x"))
			return;
}

static void endless_redirects(int fd, void *arg)
{
	static int n;
	char text[128];
	(void)arg;
	snprintf(text, sizeof(text),
		"HTTP/1.1 302 Found\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n", n++);
	say(fd, text);
}

static const struct {
	const char *name;
	void (*serve)(int fd, void *arg);
	const char *text, *reason;
	bool to_deadline;
} hostile[] = {
	{"mute", mute, NULL, "http.timeout", true},
	{"hang up", hang_up, NULL, "http.no_response", false},
	{"reset", reset, NULL, "tcp.reset", false},
	{"garbage", say, "\x16\x03\x01 no http \xff\xfe\r\n\r\n", "http.malformed", false},
	{"smtp", say, "220 mail.test ESMTP\r\n", "http.malformed", false},
	{"bad status", say, "HTTP/1.1 abc OK\r\n\r\n", "http.malformed", false},
	{"endless body", endless_body, NULL, "http.too_large", false},
	{"endless headers", endless_headers, NULL, "http.too_large", false},
	{"endless interim answers", endless_interim, NULL, "http.too_large", false},
	{"many headers", many_headers, NULL, "http.too_large", false},
	{"one long header", one_long_header, NULL, "http.too_large", false},
	{"dripping", drip, NULL, "http.timeout", true},
	{"short", say, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "tcp.closed_early",
		false},
	{"held", say_and_hold, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
		"http.timeout", true},
	{"bad chunk", say, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"http.malformed", false},
	{"endless chunk extension", endless_extension, NULL, "http.too_large", false},
	{"cut headers", say, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX:", "tcp.closed_early",
		false},
	{"cut headers after interim ones", say,
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX:", "tcp.closed_early", false},
	{"huge length", say, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nx",
		"http.too_large", false},
	{"negative length", say, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx", "http.malformed",
		false},
	{"broken gzip", say,
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nxxxx",
		"http.malformed", false},
	{"endless redirects", endless_redirects, NULL, "http.too_many_redirects", false},
	{"redirect to nothing", say,
		"HTTP/1.1 302 Found\r\nLocation: http://\r\nContent-Length: 0\r\n\r\n",
		"http.redirect_bad", false},
	{"redirect with bytes", say,
		"HTTP/1.1 302 Found\r\nLocation: http://a\x01"
		"b\xff/\r\nContent-Length: 0\r\n\r\n",
		"http.redirect_bad", false},
};

static void hostile_peers_end_in_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct peer p;
		char text[512] = "";
		snprintf(text, sizeof(text), "%s", hostile[i].text != NULL ? hostile[i].text : "");
		peer_start(&p, hostile[i].serve, text);
		struct monitor m = http("http", "127.0.0.1", p.port, "/");
		m.timeout_ms = hostile[i].to_deadline ? 400 : 5000;
		m.expect.follow = 5;
		m.request.compression = true;
		struct result *r = kit_run(&kit, m);
		if (strcmp(reason_code((enum reason)r->reason), hostile[i].reason) != 0)
			fail_msg("%s: %s (%s) instead of %s", hostile[i].name,
				reason_code((enum reason)r->reason), r->detail, hostile[i].reason);
		if (hostile[i].to_deadline)
			assert_true(r->duration_ms >= 399 && r->duration_ms < 1200);
		else
			assert_true(r->duration_ms < 3000);
		assert_true(r->detail == NULL || strlen(r->detail) <= RESULT_DETAIL_MAX_BYTES);
		peer_stop(&p);
	}
}

static void a_bomb_is_stopped_while_it_unfolds(void **state)
{
	/* 300 bytes of gzip that unfold to 300,000 zeros: made here, three members of 100,000 each
	 */
	(void)state;
	char command[256], path[96];
	snprintf(path, sizeof(path), "%s/bomb.gz", nginx.dir);
	snprintf(command, sizeof(command), "head -c 300000 /dev/zero | gzip -9 >%s", path);
	assert_int_equal(system(command), 0);
	FILE *f = fopen(path, "r");
	static char text[8192];
	char body[4096];
	size_t n = fread(body, 1, sizeof(body), f);
	fclose(f);
	assert_true(n > 0 && n < 1000);
	/* as a scripted answer: the body has NULs, so it goes by its own function */
	int port, fd = peer_listen(&port);
	int size = snprintf(text, sizeof(text),
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", n);
	memcpy(text + size, body, n);
	pid_t pid = fork();
	if (pid == 0) {
		int c = accept(fd, NULL, NULL);
		if (c == -1 || !peer_read_request(c, NULL, 0))
			_exit(1);
		(void)!write(c, text, (size_t)size + n);
		peer_wait_for_end(c);
		_exit(0);
	}
	struct monitor m = http("http", "127.0.0.1", port, "/");
	m.request.compression = true;
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "http.too_large"); /* the kit's ceiling is 100,000 bytes */
	waitpid(pid, NULL, 0);
	close(fd);
}

static void a_needle_across_pieces_is_found(void **state)
{
	/* sent in two writes with the needle cut at every place; the second waits for the first to
	 * be read */
	(void)state;
	int port, fd = peer_listen(&port);
	static const char needle[] = "find me";
	for (size_t cut = 0; cut <= strlen(needle); cut++) {
		pid_t pid = fork();
		if (pid == 0) {
			char first[128];
			int c = accept(fd, NULL, NULL), left = 1;
			if (c == -1 || !peer_read_request(c, NULL, 0))
				_exit(1);
			snprintf(first, sizeof(first),
				"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n--%.*s", (int)cut,
				needle);
			peer_say(c, first);
			while (ioctl(c, SIOCOUTQ, &left) == 0 &&
				left > 0) /* until it was acknowledged */
				poll(NULL, 0, 1);
			poll(NULL, 0, 5);
			peer_say(c, needle + cut);
			peer_say(c, "--");
			peer_wait_for_end(c);
			_exit(0);
		}
		struct monitor m = http("http", "127.0.0.1", port, "/");
		contain(&m, mem_strdup(needle));
		assert_reason(kit_run(&kit, m), "ok");
		waitpid(pid, NULL, 0);
	}
	close(fd);
}

static void tls_to_no_tls(void **state)
{
	struct peer p;
	(void)state;
	peer_start(&p, mute, NULL);
	struct monitor m = http("https", "127.0.0.1", p.port, "/");
	m.timeout_ms = 400;
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "tls.timeout");
	assert_true(r->duration_ms >= 399 && r->duration_ms < 1200);
	assert_true(r->phases.tls_us > 300000);
	peer_stop(&p);
	peer_start(&p, hang_up, NULL);
	r = kit_run(&kit, http("https", "127.0.0.1", http_port, "/"));
	assert_reason(r, "tls.not_tls");
	peer_stop(&p);
}

static void no_descriptors_is_our_own_failure(void **state)
{
	struct rlimit old, none;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct result *r = kit_run(&kit, http("http", "127.0.0.1", http_port, "/"));
	enum reason literal = (enum reason)r->reason;
	r = kit_run(&kit, http("http", "site.test", http_port, "/"));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_string_equal(reason_code(literal), "internal.resources");
	assert_reason(r, "internal.resources");
	assert_int_equal(r->verdict, VERDICT_NONE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_page_is_up),
		TEST(an_answer_ends_when_it_came),
		TEST(statuses_are_judged),
		TEST(bodies_are_searched),
		TEST(requests_are_as_asked),
		TEST(names_and_policy),
		TEST(slow_is_a_warning),
		TEST(certificates_are_verified),
		TEST(http2_is_spoken),
		TEST(verification_may_be_off),
		TEST(few_days_left_is_a_warning),
		TEST(redirects_are_followed),
		TEST(bad_redirects_have_their_reasons),
		TEST(secrets_stay_with_their_host),
		TEST(post_becomes_get_where_it_must),
		TEST(secrets_are_sent_and_hidden),
		TEST(a_secret_without_a_value_is_no_vote),
		TEST(a_secret_body_stays_with_its_host),
		TEST(hostile_peers_end_in_time),
		TEST(a_bomb_is_stopped_while_it_unfolds),
		TEST(a_needle_across_pieces_is_found),
		TEST(tls_to_no_tls),
		TEST(no_descriptors_is_our_own_failure),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
