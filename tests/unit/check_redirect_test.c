// SPDX-License-Identifier: MIT
/* redirect checks against a real nginx: the chain as a contract. */
#include "tests/unit/nginx_kit.h"
#include "tests/unit/pki.h"

static struct kit kit;
static struct nginx nginx;
static struct dns dns;
static int http_port, https_port;

static const struct dns_entry names[] = {
	{"site.test", "127.0.0.1", NULL, 0}, {"mute.test", NULL, NULL, -1}, {NULL, NULL, NULL, 3}};

static int group_setup(void **state)
{
	char servers[4096], ca[80];
	(void)state;
	nginx_dir(&nginx);
	struct pki_cert root = pki_make("Test CA", NULL, NULL, -PKI_DAY, 365 * PKI_DAY);
	struct pki_cert leaf =
		pki_make("site.test", "DNS:site.test", &root, -PKI_DAY, 15 * PKI_DAY + 3600);
	pki_write(nginx.dir, "ca.pem", root.x509, NULL);
	pki_write(nginx.dir, "leaf.crt", leaf.x509, NULL);
	pki_write(nginx.dir, "leaf.key", NULL, leaf.key);
	pki_free(&root);
	pki_free(&leaf);
	http_port = free_port();
	do
		https_port = free_port();
	while (https_port == http_port);
	snprintf(servers, sizeof(servers),
		"server { listen 127.0.0.1:%d; default_type text/plain; location / { return 200 "
		"ok; }\n"
		" location /1 { return 301 /2; } location /2 { return 302 /3; } location /3 { "
		"return 308 /; }\n"
		" location /up { return 301 https://site.test:%d/; }\n"
		" location /self { return 302 /self; }\n"
		" location /ping { return 302 /pong; } location /pong { return 302 /ping; }\n"
		" location /gone { return 301 /404; } location /404 { return 404; }\n"
		" location /spelled { return 301 HTTP://SITE.test:%d/x/../#frag; }\n"
		" location /js { return 302 javascript:alert(1); } location /mail { return 302 "
		"mailto:a@b; }\n"
		" location /lost { return 302 http://gone.test/; }\n"
		" location /creds { return 302 http://user:pass@site.test:%d/; } }\n"
		"server { listen 127.0.0.1:%d ssl; ssl_certificate leaf.crt; ssl_certificate_key "
		"leaf.key;\n"
		" location / { return 200 ok; } location /down { return 302 http://site.test:%d/; "
		"}\n"
		" location /updown { return 302 http://site.test:%d/up; } }\n",
		http_port, https_port, http_port, http_port, https_port, http_port, http_port);
	nginx_start(&nginx, servers, https_port);
	snprintf(ca, sizeof(ca), "%s/ca.pem", nginx.dir);
	setenv("SSL_CERT_FILE", ca, 1);
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

/* PATH of the http server, or of the https one after "s:". */
static char *url(const char *path)
{
	bool https = strncmp(path, "s:", 2) == 0;
	return mem_printf("%s://site.test:%d%s", https ? "https" : "http",
		https ? https_port : http_port, path + (https ? 2 : 0));
}

static struct monitor redirect(const char *path)
{
	char *target = url(path);
	struct monitor m = kit_monitor(CHECK_REDIRECT, target, 5000);
	free(target);
	return m;
}

static void expect_hop(struct monitor *m, int64_t status, const char *location)
{
	struct expected_hop *hops =
		mem_resize(m->expect.hops.item, m->expect.hops.n + 1, sizeof(struct expected_hop));
	hops[m->expect.hops.n++] = (struct expected_hop){
		.status = status, .location = location != NULL ? url(location) : NULL};
	m->expect.hops.item = hops;
}

static void a_chain_is_walked_and_recorded(void **state)
{
	(void)state;
	struct result *r = kit_run(&kit, redirect("/1"));
	static const int64_t statuses[] = {301, 302, 308, 200};
	static const char *const paths[] = {"/1", "/2", "/3", "/"};
	assert_reason(r, "ok");
	assert_int_equal(r->verdict, VERDICT_UP);
	assert_int_equal(r->hops.n, 4);
	int64_t sum_us = 0;
	for (int i = 0; i < 4; i++) {
		const struct hop *h = (const struct hop *)r->hops.item + i;
		char *expected = url(paths[i]);
		assert_string_equal(h->url, expected);
		assert_int_equal(h->status, statuses[i]);
		assert_non_null(h->address);
		assert_int_equal(h->certificate_days, UNSET);
		assert_true((h->location == NULL) == (i == 3));
		sum_us += h->total_us;
		free(expected);
	}
	assert_true(sum_us <= r->phases.total_us);
	assert_true(r->phases.connect_us > 0 && r->phases.connect_us < r->phases.total_us);
	assert_int_equal(r->status, 200);
}

static void no_redirect_at_all_may_be_fine(void **state)
{
	(void)state;
	struct result *r = kit_run(&kit, redirect("/"));
	assert_reason(r, "ok");
	assert_int_equal(r->hops.n, 1);
	struct monitor m = redirect("/");
	expect_hop(&m, UNSET, NULL);
	assert_reason(kit_run(&kit, m), "http.redirect_hop");
}

struct wanted {
	int64_t status; /* 0: the list's end */
	const char *location;
};

static const struct {
	const char *path;
	struct wanted hops[4];
	const char *final_url;
	const char *final_status;
	int64_t max_hops;
	const char *reason, *detail;
} contracts[] = {
	{"/1", {{301, "/2"}, {302, "/3"}, {308, "/"}}, "/", "200", UNSET, "ok", NULL},
	{"/1", {{UNSET, "/2"}, {UNSET, NULL}, {308, NULL}}, NULL, NULL, UNSET, "ok", NULL},
	{"/1", {{302, "/2"}, {302, "/3"}, {308, "/"}}, NULL, NULL, UNSET, "http.redirect_hop",
		"hop 1: 301"},
	{"/1", {{301, "/2"}, {302, "/4"}, {308, "/"}}, NULL, NULL, UNSET, "http.redirect_hop",
		"hop 2: 302"},
	{"/1", {{301, "/2"}, {302, "/3"}}, NULL, NULL, UNSET, "http.redirect_hop",
		"should have ended"},
	{"/3", {{308, "/"}, {301, "/x"}}, NULL, NULL, UNSET, "http.redirect_hop",
		"hop 2: status 200"},
	{"/1", {{0}}, "/3", NULL, UNSET, "http.redirect_final", "instead of"},
	{"/1", {{0}}, "/", NULL, UNSET, "ok", NULL},
	{"/gone", {{0}}, NULL, NULL, UNSET, "http.status", "404"},
	{"/gone", {{0}}, NULL, "404", UNSET, "ok", NULL},
	{"/gone", {{0}}, "/404", "4xx", UNSET, "ok", NULL},
	{"/1", {{0}}, NULL, NULL, 2, "http.too_many_redirects", "redirect number 3"},
	{"/1", {{0}}, NULL, NULL, 3, "ok", NULL},
	{"/self", {{0}}, NULL, NULL, UNSET, "http.redirect_loop", "again"},
	{"/ping", {{0}}, NULL, NULL, UNSET, "http.redirect_loop", "again"},
	{"/js", {{0}}, NULL, NULL, UNSET, "http.redirect_bad", NULL},
	{"/mail", {{0}}, NULL, NULL, UNSET, "http.redirect_bad", NULL},
	{"/lost", {{0}}, NULL, NULL, UNSET, "dns.nxdomain", "gone.test"},
	{"/spelled", {{301, "/"}}, "/", NULL, UNSET, "ok",
		NULL}, /* one URL, however it is spelled */
	{"/up", {{301, "s:/"}}, "s:/", NULL, UNSET, "ok", NULL},
	{"s:/down", {{0}}, NULL, NULL, UNSET, "http.redirect_downgrade", "from https to http"},
	{"s:/updown", {{0}}, NULL, NULL, UNSET, "http.redirect_downgrade", NULL},
};

static void contracts_are_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(contracts); i++) {
		struct monitor m = redirect(contracts[i].path);
		for (const struct wanted *w = contracts[i].hops; w->status != 0; w++)
			expect_hop(&m, w->status, w->location);
		m.expect.final_url =
			contracts[i].final_url != NULL ? url(contracts[i].final_url) : NULL;
		if (contracts[i].final_status != NULL)
			assert_int_equal(
				status_set_add(&m.expect.final_status, contracts[i].final_status),
				0);
		m.expect.max_hops = contracts[i].max_hops;
		struct result *r = kit_run(&kit, m);
		const char *got = reason_code((enum reason)r->reason);
		if (strcmp(got, contracts[i].reason) != 0)
			fail_msg("contract %zu (%s): %s (%s) instead of %s", i, contracts[i].path,
				got, r->detail, contracts[i].reason);
		if (contracts[i].detail != NULL && strstr(r->detail, contracts[i].detail) == NULL)
			fail_msg(
				"contract %zu: '%s' lacks '%s'", i, r->detail, contracts[i].detail);
		assert_true(r->hops.n > 0);
		assert_true(r->duration_ms < 2000);
	}
}

static void a_downgrade_may_be_allowed(void **state)
{
	(void)state;
	struct monitor m = redirect("s:/down");
	m.expect.allow_downgrade = true;
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "ok");
	assert_int_equal(r->certificate.days, 15); /* of the first hop */
	assert_int_equal(((struct hop *)r->hops.item)[0].certificate_days, 15);
	assert_int_equal(((struct hop *)r->hops.item)[1].certificate_days, UNSET);
	m = redirect("s:/down");
	m.expect.allow_downgrade = true;
	m.expect.certificate_days = (struct threshold_days){.warning_days = 21, .critical_days = 7};
	r = kit_run(&kit, m);
	assert_reason(r, "tls.expires_soon");
	assert_int_equal(r->verdict, VERDICT_WARNING);
}

static void credentials_in_a_target_are_dropped(void **state)
{
	(void)state;
	struct result *r = kit_run(&kit, redirect("/creds"));
	assert_reason(r, "ok");
	assert_null(strstr(((struct hop *)r->hops.item)[0].location, "pass"));
}

static void the_deadline_is_for_all_hops(void **state)
{
	(void)state;
	struct monitor m = kit_monitor(CHECK_REDIRECT, "http://mute.test/", 300);
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "dns.timeout");
	assert_true(r->duration_ms >= 299 && r->duration_ms < 1000);
	assert_int_equal(r->hops.n, 1);
	assert_int_equal(((struct hop *)r->hops.item)[0].status, UNSET);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_chain_is_walked_and_recorded),
		TEST(no_redirect_at_all_may_be_fine),
		TEST(contracts_are_kept),
		TEST(a_downgrade_may_be_allowed),
		TEST(credentials_in_a_target_are_dropped),
		TEST(the_deadline_is_for_all_hops),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
