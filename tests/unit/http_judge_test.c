// SPDX-License-Identifier: MIT
/*
 * What http checks ask for and expect, in the words of a monitor file, against a real nginx: log-in,
 * versions, headers, bodies, JSON values, numbers, cookies, compression.
 */
#include "tests/unit/nginx_kit.h"
#include "tests/unit/pki.h"

#include "proto/base/yaml.h"

#include <math.h>

static struct kit kit;
static struct nginx nginx;
static struct dns dns;
static int plain_port, tls_port, h2c_port;

static const struct dns_entry names[] = {{"site.test", "127.0.0.1", NULL, 0},
	{"other.test", "127.0.0.1", NULL, 0}, {"inside.test", "10.0.0.1", NULL, 0},
	{NULL, NULL, NULL, 3}};

static void write_file(const char *name, const char *text)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/%s", nginx.dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void write_servers(char *out, size_t room)
{
	snprintf(out, room,
		"ssl_protocols TLSv1.2 TLSv1.3; gzip_types text/plain application/json; "
		"gzip_min_length 1;\n"
		"server { listen 127.0.0.1:%d; default_type application/json;\n"
		" location / { return 200 '{\"status\": \"ok\", \"queue\": 42, \"load\": "
		"\"0.75\",\n"
		"  \"big\": 1e999, \"flag\": true, \"none\": null, \"list\": [{\"ok\": false}],\n"
		"  \"text\": \"a \\\\u00e4\"}'; }\n"
		" location /text { add_header X-One 1; add_header X-One 2; return 200 'Add to "
		"cart, "
		"12 items left, -3.5 degrees'; }\n"
		" location /empty { return 200 ''; }\n"
		" location /long { return 200 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'; }\n"
		" location /zipped { gzip on; return 200 '{\"status\": \"packed\"}'; }\n"
		" location /basic { auth_basic shop; auth_basic_user_file %s/users;\n"
		"   try_files /page =404; }\n"
		" location /seen { return 200 '$http_authorization|$remote_user|$http_cookie'; }\n"
		" location /echo { return 404 'you sent $http_authorization'; }\n"
		" location /away { return 302 http://other.test:%d/seen; }\n"
		" location /near { return 302 /text; } location /far { return 302 "
		"http://gone.test/; }\n"
		" location /relative { return 302 //other.test/x; }\n"
		" location /idn { return 302 http://m\xc3\xbcnchen.test/; }\n"
		" set $all http://other.test:%d/all; add_header Set-Cookie 'session=abc; Path=/';\n"
		" location /to301 { return 301 $all; } location /to302 { return 302 $all; }\n"
		" location /to303 { return 303 $all; } location /to307 { return 307 $all; }\n"
		" location /to308 { return 308 $all; }\n"
		" location /all { return 200 "
		"'$http_authorization|$http_cookie|$http_x_key|$request_body'; }\n"
		" location /login { add_header Set-Cookie 'session=abc; Path=/'; return 302 "
		"/inside; }\n"
		" location /inside { if ($cookie_session != abc) { return 403; } return 200 in; }\n"
		" location /leave { add_header Set-Cookie 'session=abc; Path=/';\n"
		"   return 302 http://other.test:%d/seen; }\n"
		" root %s; }\n"
		"server { listen 127.0.0.1:%d ssl http2; ssl_certificate %s/site.crt;\n"
		" ssl_certificate_key %s/site.key; location / { return 200 '$server_protocol'; } "
		"}\n"
		"server { listen 127.0.0.1:%d http2; location / { return 200 '$server_protocol'; } "
		"}\n",
		plain_port, nginx.dir, plain_port, plain_port, plain_port, nginx.dir, tls_port,
		nginx.dir, nginx.dir, h2c_port);
}

static int group_setup(void **state UNUSED)
{
	char servers[8192], ca[96];
	nginx_dir(&nginx);
	struct pki_cert root = pki_make("Test CA", NULL, NULL, -PKI_DAY, 365 * PKI_DAY);
	struct pki_cert leaf =
		pki_make("site.test", "DNS:site.test", &root, -PKI_DAY, 90 * PKI_DAY);
	pki_write(nginx.dir, "ca.pem", root.x509, NULL);
	pki_write(nginx.dir, "site.crt", leaf.x509, NULL);
	pki_write(nginx.dir, "site.key", NULL, leaf.key);
	pki_free(&root);
	pki_free(&leaf);
	write_file("users", "ann:{PLAIN}open sesame\n");
	write_file("page", "welcome");
	plain_port = free_port();
	do
		tls_port = free_port();
	while (tls_port == plain_port);
	do
		h2c_port = free_port();
	while (h2c_port == plain_port || h2c_port == tls_port);
	write_servers(servers, sizeof(servers));
	nginx_start(&nginx, servers, tls_port);
	snprintf(ca, sizeof(ca), "%s/ca.pem", nginx.dir);
	setenv("SSL_CERT_FILE", ca, 1);
	dns_start(&dns, names);
	return 0;
}

static int group_teardown(void **state UNUSED)
{
	dns_stop(&dns);
	nginx_stop(&nginx);
	return 0;
}

static int setup(void **state UNUSED)
{
	kit_open(&kit);
	kit_use_dns(&kit, &dns);
	return 0;
}

static int teardown(void **state UNUSED)
{
	kit_close(&kit);
	return 0;
}

/* A monitor of PATH with OPTIONS, as a monitor file says them. */
static struct monitor http_with(const char *scheme, int port, const char *path, const char *options)
{
	char text[2048];
	struct yaml_error error;
	struct yaml_doc *doc;
	struct problems problems = {0};
	struct monitor m;
	snprintf(text, sizeof(text), "name: x\nhttp: %s://site.test:%d%s\ntimeout: 5s\n%s\n",
		scheme, port, path, options);
	if (yaml_load_text("", text, strlen(text), &doc, &error) != 0)
		fail_msg("%s: %s", options, error.message);
	if (monitor_decode(yaml_root(doc), SCHEMA_STRICT, "", &m, &problems) != 0)
		fail_msg("%s: %s %s", options, problems.item[0].path, problems.item[0].message);
	yaml_doc_free(doc);
	return m;
}

struct judged {
	const char *path, *options, *reason, *detail; /* a part of it, or NULL */
};

static void check_cases(const char *scheme, int port, const struct judged *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct judged *c = &cases[i];
		struct result *r = kit_run(&kit, http_with(scheme, port, c->path, c->options));
		const char *got = reason_code((enum reason)r->reason);
		if (strcmp(got, c->reason) != 0)
			fail_msg("%s %s: %s (%s) instead of %s", c->path, c->options, got,
				r->detail, c->reason);
		if (c->detail && !strstr(r->detail, c->detail))
			fail_msg("%s %s: '%s' lacks '%s'", c->path, c->options, r->detail,
				c->detail);
	}
}

static void bodies_are_judged(void **state UNUSED)
{
	static const struct judged cases[] = {
		{"/text", "expect: {body_contains: [Add, cart, items]}", "ok", NULL},
		{"/text", "expect: {body_contains: [Add, chart]}", "content.missing",
			"the body (40 bytes) lacks \"chart\""},
		{"/text", "expect: {body_not_contains: error}", "ok", NULL},
		{"/text", "expect: {body_not_contains: [error, left]}", "content.unwanted",
			"the body (40 bytes) has \"left\""},
		{"/text", "expect: {body_regex: ['^Add', '\\d+ items']}", "ok", NULL},
		{"/text", "expect: {body_regex: '^\\d'}", "content.missing",
			"nothing in the body (40 bytes) matches \"^\\d\""},
		{"/text", "expect: {body_not_regex: '\\d+ items'}", "content.unwanted",
			"\"12 items\" in the body matches \"\\d+ items\""},
		{"/text", "expect: {body_not_regex: 'error|fail'}", "ok", NULL},
		{"/long", "expect: {body_regex: '(a+)+$'}", "content.pattern",
			"could not be searched for \"(a+)+$\" within the bounds"},
		{"/empty", "expect: {body_regex: '^$'}", "ok", NULL},
		{"/empty", "expect: {body_contains: x}", "content.missing", "(0 bytes)"},
	};
	check_cases("http", plain_port, cases, ARRAY_LEN(cases));
}

static void json_values_are_judged(void **state UNUSED)
{
#define JSON(rules) "expect: {json: [" rules "]}"
	static const struct judged cases[] = {
		{"/", JSON("{pointer: /status, equals: ok}, {pointer: /flag, equals: true}"), "ok",
			NULL},
		{"/", JSON("{pointer: /status, equals: fine}"), "content.json",
			"/status is \"ok\" instead of \"fine\""},
		{"/", JSON("{pointer: /queue, equals: 42.0}"), "ok", NULL},
		{"/", JSON("{pointer: /queue, equals: \"42\"}"), "content.json",
			"/queue is 42 instead of \"42\""},
		{"/", JSON("{pointer: /queue, less: 42}"), "content.json",
			"/queue is 42, which is not below 42"},
		{"/", JSON("{pointer: /queue, less: 43, greater: 41}"), "ok", NULL},
		{"/", JSON("{pointer: /queue, greater: 42}"), "content.json",
			"/queue is 42, which is not above 42"},
		{"/", JSON("{pointer: /status, less: 5}"), "content.json", "which is not below 5"},
		{"/", JSON("{pointer: /status, not_equals: ok}"), "content.json",
			"/status is \"ok\", which it must not be"},
		{"/", JSON("{pointer: /status, not_equals: bad}"), "ok", NULL},
		{"/", JSON("{pointer: /list/0/ok, equals: false}"), "ok", NULL},
		{"/", JSON("{pointer: /list/1}"), "content.json", "the JSON body has no /list/1"},
		{"/", JSON("{pointer: /list/0}"), "ok", NULL},
		{"/", JSON("{pointer: /list, equals: 1}"), "content.json", "/list is [{\"ok\""},
		{"/", JSON("{pointer: /error, exists: false}"), "ok", NULL},
		{"/", JSON("{pointer: /none, exists: false}"), "content.json",
			"/none is there (null) and must not be"},
		{"/", JSON("{pointer: /none, matches: ^null$}"), "ok", NULL},
		{"/", JSON("{pointer: /text, matches: ^a .$}"), "content.json", "does not match"},
		{"/", JSON("{pointer: /status, matches: '^(ok|fine)$'}"), "ok", NULL},
		{"/", JSON("{pointer: /status, matches: ^x}"), "content.json",
			"/status is \"ok\", which does not match \"^x\""},
		{"/text", JSON("{pointer: /status}"), "content.not_json",
			"the body (40 bytes) is not valid JSON"},
		{"/empty", JSON("{pointer: /status}"), "content.not_json", "it is empty"},
	};
	check_cases("http", plain_port, cases, ARRAY_LEN(cases));
}

static void numbers_are_kept_and_judged(void **state UNUSED)
{
#define VALUE(rule) "expect: {value: {" rule "}}"
	static const struct {
		struct judged judged;
		double value;
		enum severity severity;
	} cases[] = {
		{{"/", VALUE("json: /queue"), "ok", NULL}, 42, SEVERITY_NONE},
		{{"/", VALUE("json: /load"), "ok", NULL}, 0.75, SEVERITY_NONE},
		{{"/", VALUE("json: /queue, above: {warning: 42}"), "content.value",
			 "/queue is 42, warning from 42 up"},
			42, SEVERITY_WARNING},
		{{"/", VALUE("json: /queue, above: {warning: 10, critical: 42}"), "content.value",
			 "/queue is 42, critical from 42 up"},
			42, SEVERITY_CRITICAL},
		{{"/", VALUE("json: /queue, above: {warning: 42.1}"), "ok", NULL}, 42,
			SEVERITY_NONE},
		{{"/", VALUE("json: /queue, below: {warning: 50, critical: 42}"), "content.value",
			 "/queue is 42, critical from 42 down"},
			42, SEVERITY_CRITICAL},
		{{"/",
			 VALUE("json: /queue, below: {warning: 42, critical: 41}, above: {warning: "
			       "50}"),
			 "content.value", "warning from 42 down"},
			42, SEVERITY_WARNING},
		{{"/text", VALUE("regex: '(\\d+) items'"), "ok", NULL}, 12, SEVERITY_NONE},
		{{"/text", VALUE("regex: '-[0-9.]+', below: {warning: -3}"), "content.value",
			 "the number in the body is -3.5, warning from -3 down"},
			-3.5, SEVERITY_WARNING},
		{{"/", VALUE("json: /status"), "content.no_value",
			 "/status is \"ok\", which is no number"},
			NAN, SEVERITY_NONE},
		{{"/", VALUE("json: /big"), "content.no_value", "which is no number"}, NAN,
			SEVERITY_NONE},
		{{"/", VALUE("json: /missing"), "content.no_value",
			 "the JSON body has no /missing"},
			NAN, SEVERITY_NONE},
		{{"/text", VALUE("json: /queue"), "content.not_json", NULL}, NAN, SEVERITY_NONE},
		{{"/text", VALUE("regex: 'items (\\d+)'"), "content.no_value",
			 "nothing in the body"},
			NAN, SEVERITY_NONE},
		{{"/text", VALUE("regex: 'Add (\\w+)'"), "content.no_value",
			 "what matches \"Add (\\w+)\" is no number: \"to\""},
			NAN, SEVERITY_NONE},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check_cases("http", plain_port, &cases[i].judged, 1);
		assert_int_equal(isnan(kit.result.value), isnan(cases[i].value));
		if (!isnan(cases[i].value))
			assert_float_equal(kit.result.value, cases[i].value, 0);
		assert_int_equal(kit.result.severity[THRESHOLD_VALUE], cases[i].severity);
		assert_int_equal(kit.result.verdict, isnan(cases[i].value) ? VERDICT_DOWN
						     : cases[i].severity == SEVERITY_NONE
							     ? VERDICT_UP
							     : VERDICT_WARNING);
	}
}

static void headers_are_judged(void **state UNUSED)
{
#define HEADER(rules) "expect: {headers: [" rules "]}"
	static const struct judged cases[] = {
		{"/text", HEADER("{name: content-type, equals: application/json}"), "ok", NULL},
		{"/text", HEADER("{name: Content-Type, equals: text/html}"), "http.header",
			"the header Content-Type is \"application/json\", which is not "
			"\"text/html\""},
		{"/text", HEADER("{name: Server, matches: '^nginx'}, {name: ETag, absent: true}"),
			"ok", NULL},
		{"/text", HEADER("{name: Server, matches: '^Apache'}"), "http.header",
			"which does not match \"^Apache\""},
		{"/text", HEADER("{name: Server, absent: true}"), "http.header",
			"the header Server is there (nginx"},
		{"/text", HEADER("{name: Strict-Transport-Security}"), "http.header",
			"the answer has no header Strict-Transport-Security"},
		{"/text", HEADER("{name: X-One, equals: \"2\"}"), "ok", NULL}, /* either line */
		{"/text", HEADER("{name: X-One, equals: \"3\"}"), "http.header", NULL},
		{"/login",
			"expect: {follow: 1, headers: [{name: Location, absent: true}], status: "
			"403}",
			"ok", NULL}, /* of the last answer */
	};
	check_cases("http", plain_port, cases, ARRAY_LEN(cases));
}

static void versions_are_asked_for_and_judged(void **state UNUSED)
{
	static const struct judged
		tls[] =
			{
				{"/", "expect: {body_contains: HTTP/2.0, http_version: 2}", "ok",
					NULL},
				{"/", "expect: {http_version: 1.1}", "http.version",
					"HTTP/2 was spoken instead of HTTP/1.1"},
				{"/",
					"request: {http_version: 1.1}\nexpect: {body_contains: "
					"HTTP/1.1, http_version: 1.1}",
					"ok", NULL},
			},
		h2c[] =
			{
				{"/",
					"request: {http_version: 2}\nexpect: {body_contains: "
					"HTTP/2.0, http_version: 2}",
					"ok", NULL},
			},
		plain[] = {
			{"/text", "expect: {http_version: 1.1}", "ok", NULL},
			{"/text", "request: {http_version: 2}", "http.no_response", NULL},
		};
	check_cases("https", tls_port, tls, ARRAY_LEN(tls));
	assert_null(kit.result.http_version);
	check_cases("http", h2c_port, h2c, ARRAY_LEN(h2c));
	assert_string_equal(kit.result.http_version, "2");
	check_cases("http", plain_port, plain, ARRAY_LEN(plain));
}

static void compression_is_asked_for_only_on_request(void **state UNUSED)
{
#define PACKED "expect: {json: [{pointer: /status, equals: packed}]}"
	static const struct judged cases[] = {
		{"/zipped", PACKED, "ok", NULL},
		{"/zipped", "request: {compression: true}\n" PACKED, "ok", NULL},
		{"/zipped", "request: {headers: {Accept-Encoding: gzip}}\n" PACKED,
			"content.not_json",
			"it came compressed (gzip), unasked: see request.compression"},
	};
	check_cases("http", plain_port, &cases[0], 1);
	int64_t plain_bytes = kit.result.bytes;
	assert_int_equal(plain_bytes, strlen("{\"status\": \"packed\"}"));
	check_cases("http", plain_port, &cases[1], 1);
	assert_int_not_equal(kit.result.bytes, plain_bytes); /* it did come compressed */
	check_cases("http", plain_port, &cases[2], 1);
}

static void log_in_is_told_to_its_own_host_only(void **state UNUSED)
{
#define BASIC "request: {auth: {user: ann, password: open sesame}}\n"
#define TOKEN "request: {auth: {token: s3cr3t-token}}\n"
	static const struct judged cases[] = {
		{"/basic", BASIC "expect: {body_contains: welcome}", "ok", NULL},
		{"/basic", "request: {auth: {user: ann, password: wrong}}", "http.status",
			"status 401"},
		{"/basic", "", "http.status", "status 401"},
		{"/seen", BASIC "expect: {body_contains: 'Basic YW5uOm9wZW4gc2VzYW1l|'}", "ok",
			NULL},
		{"/seen", TOKEN "expect: {body_contains: 'Bearer s3cr3t-token|'}", "ok", NULL},
		{"/away", BASIC "expect: {follow: 2, body_regex: '^\\|\\|$'}", "ok", NULL},
		{"/away", TOKEN "expect: {follow: 2, body_regex: '^\\|\\|$'}", "ok", NULL},
	};
	check_cases("http", plain_port, cases, ARRAY_LEN(cases));
}

static void log_in_that_comes_back_is_hidden(void **state UNUSED)
{
	static const char *const options[] = {BASIC, TOKEN,
		"request: {auth: {user: ann, password: 'ses'}}"}; /* too short to be told apart */
	static const char *const seen[] = {"you sent Basic [redacted]",
		"you sent Bearer [redacted]", "you sent Basic [redacted]"};
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		struct result *r =
			kit_run(&kit, http_with("http", plain_port, "/echo", options[i]));
		assert_reason(r, "http.status");
		assert_string_equal(r->body_excerpt, seen[i]);
	}
}

static void cookies_live_as_long_as_a_chain(void **state UNUSED)
{
	static const struct judged cases[] = {
		{"/login", "request: {cookies: true}\nexpect: {follow: 1}", "ok", NULL},
		{"/inside", "request: {cookies: true}\nexpect: {follow: 1}", "http.status",
			"status 403"},
		{"/login", "expect: {follow: 1}", "http.status", "status 403"},
		{"/leave", "request: {cookies: true}\nexpect: {follow: 1, body_regex: '^\\|\\|$'}",
			"ok", NULL},
	};
	check_cases("http", plain_port, cases, ARRAY_LEN(cases));
}

/* ---- the response time on average */

static struct result *run_job(struct job *job)
{
	engine_run(kit.engine, job, 0, kit_done_cb, &kit);
	loop_run(kit.loop);
	return &kit.result;
}

static void the_average_of_a_job_is_judged(void **state UNUSED)
{
	struct monitor m = http_with("http", plain_port, "/text",
		"expect: {response_time: {warning: 1s, average_over: 10m}}");
	m.expect.response_time.warning_ms = 0;
	struct job *job = job_new(&m, 1), *again;
	assert_non_null(strstr(run_job(job)->detail, ", on average over 10m (1 check), took "));
	assert_reason(&kit.result, "slow.response");
	assert_non_null(strstr(run_job(job)->detail, "(2 checks)"));
	job->monitor->timeout_ms = 0; /* no answer, no time of one */
	assert_int_equal(run_job(job)->verdict, VERDICT_DOWN);
	job->monitor->timeout_ms = 5000;
	assert_non_null(strstr(run_job(job)->detail, "(3 checks)"));
	m = http_with("http", plain_port, "/text",
		"expect: {response_time: {warning: 1s, average_over: 10m}}");
	again = job_new(&m, 2);
	job_inherit(again, job);
	again->monitor->expect.response_time.warning_ms = 0;
	assert_non_null(strstr(run_job(again)->detail, "(4 checks)"));
	job_unref(job);
	job_unref(again);
}

/* ---- where it goes */

static void it_connects_where_it_is_told(void **state UNUSED)
{
	char options[256];
	struct result *r;
	/* nobody listens on port 1; name and certificate are the URL's */
	snprintf(options, sizeof(options), "request: {connect_to: '127.0.0.1:%d'}", plain_port);
	r = kit_run(&kit, http_with("http", 1, "/text", options));
	assert_reason(r, "ok");
	assert_non_null(strstr(r->address, "127.0.0.1:"));
	snprintf(options, sizeof(options), "request: {connect_to: 'other.test:%d'}", tls_port);
	r = kit_run(&kit, http_with("https", 1, "/", options));
	assert_reason(r, "ok");
	/* policed like any other */
	r = kit_run(
		&kit, http_with("http", plain_port, "/", "request: {connect_to: '10.0.0.1:80'}"));
	assert_reason(r, "internal.policy");
	r = kit_run(&kit,
		http_with("http", plain_port, "/", "request: {connect_to: 'inside.test:80'}"));
	assert_reason(r, "dns.forbidden_address");
	r = kit_run(
		&kit, http_with("http", plain_port, "/", "request: {connect_to: 'gone.test:80'}"));
	assert_reason(r, "dns.nxdomain");
	/* another host is not there */
	snprintf(options, sizeof(options),
		"request: {connect_to: '127.0.0.1:%d'}\nexpect: {follow: 1}", plain_port);
	r = kit_run(&kit, http_with("http", 1, "/far", options));
	assert_reason(r, "dns.nxdomain");
}

static void hosts_of_redirects_are_judged(void **state UNUSED)
{
	static const struct judged cases[] = {
		{"/away", "expect: {follow: 1}", "ok", NULL},
		{"/away", "expect: {follow: 1, foreign_hosts: allow}", "ok", NULL},
		{"/away", "expect: {follow: 1, foreign_hosts: forbid}", "http.redirect_foreign",
			"redirected to http://other.test:"},
		{"/away", "expect: {follow: 1, foreign_hosts: [www.test, Other.test]}", "ok", NULL},
		{"/away", "expect: {follow: 1, foreign_hosts: ['*.test']}", "ok", NULL},
		{"/away", "expect: {follow: 1, foreign_hosts: ['*.other.test', ther.test]}",
			"http.redirect_foreign", NULL},
		{"/near", "expect: {follow: 1, foreign_hosts: forbid}", "ok", NULL},
		{"/relative", "expect: {follow: 1, foreign_hosts: forbid}", "http.redirect_foreign",
			"redirected to http://other.test/x"},
		{"/idn", "expect: {follow: 1, foreign_hosts: [xn--mnchen-3ya.test]}",
			"dns.nxdomain", "xn--mnchen-3ya.test"},
	};
	check_cases("http", plain_port, cases, ARRAY_LEN(cases));
}

static void tls_versions_are_judged(void **state UNUSED)
{
	static const struct judged cases[] = {
		{"/", "expect: {tls_version: {min: TLSv1.3}}", "ok", NULL},
		{"/", "expect: {tls_version: {max: TLSv1.2}}", "tls.version",
			"TLSv1.3 came out; expected: at most TLSv1.2"},
	};
	check_cases("https", tls_port, cases, ARRAY_LEN(cases));
}

/* Whatever the kind of redirect: no header, log-in, cookie or secret body goes with it. */
static void nothing_of_ours_follows_to_another_host(void **state UNUSED)
{
	static const char *const paths[] = {"/to301", "/to302", "/to303", "/to307", "/to308"};
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct monitor m = http_with("http", plain_port, paths[i],
			BASIC "  # \n"
			      "expect: {follow: 1, body_regex: '^\\|\\|\\|$', body_not_contains: "
			      "s3cr3t}");
		struct pairs *h = &m.request.headers;
		h->item = mem_array(2, sizeof(*h->item));
		h->item[h->n++] = (struct pair){mem_strdup("X-Key"), mem_strdup("s3cr3t"), NULL};
		h->item[h->n++] = (struct pair){mem_strdup("Cookie"), mem_strdup("a=s3cr3t"), NULL};
		m.request.cookies = true;
		m.request.method = METHOD_POST;
		m.request.body.value = mem_strdup("password=s3cr3t");
		m.request.body.secret = mem_strdup("login");
		struct result *r = kit_run(&kit, m);
		assert_reason(r, "ok");
		assert_int_equal(r->hops.n, 2);
	}
}

/* ---- through a proxy */

static void splice_to(int fd, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p[2] = {{fd, POLLIN, 0}, {to, POLLIN, 0}};
	bool open = connect(to, (struct sockaddr *)&a, sizeof(a)) == 0 &&
		    peer_say(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
	while (open && poll(p, 2, 5000) > 0)
		for (int i = 0; open && i < 2; i++) {
			char bytes[4096];
			ssize_t n = p[i].revents != 0 ? read(p[i].fd, bytes, sizeof(bytes)) : 0;
			open = p[i].revents == 0 ||
			       (n > 0 && send(p[1 - i].fd, bytes, (size_t)n, MSG_NOSIGNAL) == n);
		}
	close(to);
}

/* Tunnels to tls_port whatever is asked for, but for hosts that say what to answer. */
static void proxy(int fd, void *arg)
{
	static const struct {
		const char *asked, *answer;
	} answers[] = {
		{"CONNECT forbidden.test:", "HTTP/1.1 403 Forbidden\r\n\r\n"},
		{"CONNECT lost.test:", "HTTP/1.1 503 Service Unavailable\r\n\r\n"},
		{"GET http://login.test/", "HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n"},
		{"GET http://gone.test/", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nvia proxy"},
	};
	char request[4096];
	int *asked = arg;
	if (!peer_read_request(fd, request, sizeof(request)))
		return;
	++*asked;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (strncmp(request, answers[i].asked, strlen(answers[i].asked)) == 0) {
			peer_say(fd, answers[i].answer);
			peer_wait_for_end(fd);
			return;
		}
	if (strncmp(request, "CONNECT ", 8) == 0)
		splice_to(fd, tls_port);
}

static struct result *get_by(const char *url, const char *proxy_name, bool verify)
{
	struct monitor m = kit_monitor(CHECK_HTTP, url, 5000);
	m.request.proxy = mem_strdup(proxy_name);
	m.request.verify = verify;
	return kit_run(&kit, m);
}

static void proxies_of_the_file_are_asked(void **state UNUSED)
{
	struct peer p;
	int asked = 0, before;
	char address[64], refused[64], url[64];
	struct pair pairs[] = {{.name = (char *)(uintptr_t) "dmz", .value = address},
		{.name = (char *)(uintptr_t) "dead", .value = refused}};
	const struct pairs proxies = {.item = pairs, .n = 2};
	peer_start(&p, proxy, &asked);
	snprintf(address, sizeof(address), "http://127.0.0.1:%d", p.port);
	snprintf(refused, sizeof(refused), "http://127.0.0.1:%d", free_port());
	engine_set_proxies(kit.engine, &proxies);
	snprintf(url, sizeof(url), "https://site.test:%d/", tls_port);
	struct result *r = get_by(url, "dmz", true);
	assert_reason(r, "ok");
	assert_string_equal(r->http_version, "2");
	assert_int_equal(r->certificate.days, 89);
	assert_reason(get_by("http://gone.test:80/", "dmz", true), "ok"); /* the proxy knows it */
	r = get_by("https://forbidden.test/", "dmz", true);
	assert_reason(r, "internal.proxy");
	assert_non_null(strstr(r->detail, "answers with 403 for forbidden.test:443"));
	r = get_by("https://lost.test/", "dmz", true);
	assert_reason(r, "http.proxy");
	assert_non_null(strstr(r->detail, "answers with 503 for lost.test:443"));
	assert_reason(get_by("http://login.test:80/", "dmz", true), "internal.proxy");
	before = asked;
	assert_reason(get_by("https://site.test/", "dead", true), "internal.proxy");
	assert_reason(get_by("http://site.test/", "dead", true), "internal.proxy");
	assert_reason(get_by("https://site.test/", "unknown", true), "internal.policy");
	/* the policy is applied to what is asked */
	assert_reason(get_by("http://10.0.0.1/", "dmz", true), "internal.policy");
	assert_reason(get_by("http://inside.test/", "dmz", true), "dns.forbidden_address");
	assert_int_equal(asked, before);
	peer_stop(&p);
}

/* The proxy itself may be where no check may go. */
static void the_proxy_is_exempt_from_the_policy(void **state UNUSED)
{
	struct peer p;
	int asked = 0;
	char address[64];
	struct pair pair = {.name = (char *)(uintptr_t) "dmz", .value = address};
	const struct pairs proxies = {.item = &pair, .n = 1};
	peer_start(&p, proxy, &asked);
	snprintf(address, sizeof(address), "http://127.0.0.1:%d", p.port);
	policy_reset(&kit.policy);
	engine_set_proxies(kit.engine, &proxies);
	assert_reason(get_by("http://gone.test:80/", "dmz", true), "ok");
	assert_reason(get_by("http://127.0.0.1/", "dmz", true), "internal.policy");
	peer_stop(&p);
	assert_int_equal(asked, 1);
}

/* ---- digest: nginx has none */

#define CHALLENGE                                                                                  \
	"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", "        \
	"qop=\"auth\", algorithm=SHA-256\r\nContent-Length: 4\r\n\r\nno!!"

static void digest(int fd, void *arg)
{
	char request[4096];
	const char *user = "username=\"ann\"",
		   *answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nin";
	int *challenges = arg;
	while (peer_read_request(fd, request, sizeof(request))) {
		bool knows = strstr(request, "Authorization: Digest ") && strstr(request, user) &&
			     !strstr(request, "sesame");
		*challenges += !knows;
		if (!peer_say(fd, knows ? answer : CHALLENGE))
			return;
	}
}

static void digest_answers_its_challenge(void **state UNUSED)
{
	struct peer p;
	int challenges = 0;
	peer_start(&p, digest, &challenges);
	struct result *r = kit_run(&kit,
		http_with("http", p.port, "/",
			"request: {auth: {scheme: digest, user: ann, password: open sesame}}\n"
			"expect: {body_regex: ^in$}"));
	assert_reason(r, "ok");
	assert_int_equal(r->status, 200);
	peer_stop(&p);
	assert_int_equal(challenges, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bodies_are_judged),
		TEST(json_values_are_judged),
		TEST(numbers_are_kept_and_judged),
		TEST(headers_are_judged),
		TEST(versions_are_asked_for_and_judged),
		TEST(compression_is_asked_for_only_on_request),
		TEST(log_in_is_told_to_its_own_host_only),
		TEST(log_in_that_comes_back_is_hidden),
		TEST(cookies_live_as_long_as_a_chain),
		TEST(the_average_of_a_job_is_judged),
		TEST(it_connects_where_it_is_told),
		TEST(hosts_of_redirects_are_judged),
		TEST(tls_versions_are_judged),
		TEST(nothing_of_ours_follows_to_another_host),
		TEST(proxies_of_the_file_are_asked),
		TEST(the_proxy_is_exempt_from_the_policy),
		TEST(digest_answers_its_challenge),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
