// SPDX-License-Identifier: MIT
/* Monitors: what people may write, the defaults they get, and the sentence for each mistake. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/buf.h"
#include "proto/base/mem.h"
#include "proto/base/yaml.h"
#include "proto/monitor.h"

#include <stdlib.h>
#include <string.h>

static struct problems problems;

/* TEXT is YAML. Returns what monitor_decode does. */
static int decode(const char *text, const char *path, struct monitor *m)
{
	struct yaml_doc *doc;
	struct yaml_error error;
	int result;

	memset(&problems, 0, sizeof(problems));
	if (yaml_load_text("m.yml", text, strlen(text), &doc, &error) == -1)
		fail_msg("%s: %s", text, error.message);
	result = monitor_decode(yaml_root(doc), SCHEMA_STRICT, path, m, &problems);
	yaml_doc_free(doc);
	return result;
}

static void must_decode(const char *text, struct monitor *m)
{
	if (decode(text, "", m) == -1)
		fail_msg("%s: %s: %s", text, problems.item[0].path, problems.item[0].message);
}

static void gives_defaults(void **state)
{
	struct monitor m;

	(void)state;
	must_decode("{name: shop, http: 'https://shop.example.com/', organization: acme}", &m);
	assert_string_equal(m.organization, "acme");
	assert_int_equal(m.type, CHECK_HTTP);
	assert_string_equal(m.target, "https://shop.example.com/");
	assert_int_equal(m.interval_ms, 60000);
	assert_int_equal(m.timeout_ms, 10000);
	assert_true(m.enabled);
	assert_int_equal(m.regions.n, 1);
	assert_string_equal(m.regions.item[0], "*");
	assert_int_equal(m.quorum.seats, 5);
	assert_int_equal(m.quorum.per_seat, 1);
	assert_int_equal(m.quorum.down.kind, SHARE_MAJORITY);
	assert_int_equal(m.quorum.up.kind, SHARE_AUTO);
	assert_int_equal(m.quorum.rounds, 2);
	assert_int_equal(m.quorum.gap_ms, 3000);
	assert_int_equal(m.alert.after_ms, 0);
	assert_int_equal(m.request.method, METHOD_GET);
	assert_true(m.request.verify);
	assert_int_equal(m.request.family, FAMILY_AUTO);
	assert_int_equal(m.request.packets, UNSET);
	assert_int_equal(m.expect.follow, 0);
	assert_int_equal(m.expect.port, -1);
	assert_true(status_set_is_empty(&m.expect.status));
	assert_int_equal(m.expect.certificate_days.warning_days, 21);
	assert_int_equal(m.expect.certificate_days.critical_days, 7);
	assert_int_equal(m.expect.response_time.warning_ms, UNSET);
	assert_int_equal(m.domain, -1);
	assert_int_equal(m.revision, 0);
	assert_true(id_is_zero(&m.id));
	assert_null(m.service);
	monitor_clear(&m);
	must_decode("{name: r, redirect: 'http://example.com/'}", &m);
	assert_int_equal(m.expect.max_hops, 10);
	assert_false(m.expect.allow_downgrade);
	assert_int_equal(m.expect.certificate_days.warning_days, UNSET);
	monitor_clear(&m);
	must_decode("{name: p, ping: '2001:db8::1'}", &m);
	assert_int_equal(m.request.packets, 5);
	assert_int_equal(m.request.packet_interval_ms, 200);
	assert_int_equal(m.request.method, -1);
	monitor_clear(&m);
	must_decode("{name: t, type: tcp, target: '[2001:db8::1]:5432'}", &m);
	assert_int_equal(m.expect.port, PORT_OPEN);
	monitor_clear(&m);
}

static void defaults_follow_other_fields(void **state)
{
	struct monitor m;

	(void)state;
	must_decode("{name: a, tcp: 'x:1', interval: 5s}", &m);
	assert_int_equal(m.timeout_ms, 5000);
	monitor_clear(&m);
	must_decode("{name: a, http: 'http://x', request: {method: POST}}", &m);
	assert_int_equal(m.quorum.rounds, 0);
	monitor_clear(&m);
	must_decode(
		"{name: a, http: 'http://x', request: {method: POST}, quorum: {rounds: 1}}", &m);
	assert_int_equal(m.quorum.rounds, 1);
	monitor_clear(&m);
	must_decode("{name: a, http: 'https://x', expect: {certificate_days: {}}}", &m);
	assert_int_equal(m.expect.certificate_days.warning_days, UNSET);
	monitor_clear(&m);
	must_decode("{name: a, http: 'https://x', expect: {certificate_days: {warning: 30}}}", &m);
	assert_int_equal(m.expect.certificate_days.warning_days, 30);
	assert_int_equal(m.expect.certificate_days.critical_days, UNSET);
	monitor_clear(&m);
	must_decode(
		"{name: a, http: 'http://x', expect: {follow: true, status: [2xx, 301, 304-308]}}",
		&m);
	assert_int_equal(m.expect.follow, 5);
	assert_true(status_set_has(&m.expect.status, 200) && status_set_has(&m.expect.status, 299));
	assert_true(status_set_has(&m.expect.status, 301) && status_set_has(&m.expect.status, 308));
	assert_false(status_set_has(&m.expect.status, 300) ||
		     status_set_has(&m.expect.status, 303) ||
		     status_set_has(&m.expect.status, 309));
	monitor_clear(&m);
	must_decode("{name: a, http: 'http://x', expect: {status: 404, follow: 20}}", &m);
	assert_true(status_set_has(&m.expect.status, 404));
	assert_int_equal(m.expect.follow, 20);
	monitor_clear(&m);
}

/* The example of the architecture page, as far as its options exist. */
static void reads_the_documented_example(void **state)
{
	static const char *const documents[] = {
		"name: shop front\nexternal_id: acme-shop-1\nhttp: https://shop.example.com/\n"
		"request: {method: GET, headers: {Authorization: Bearer x}}\nservice: "
		"shop\nlabels: {tier: gold}\n"
		"memo: \"Runbook: https://wiki.example.com/shop\"\nalert: {after: 0s}\n"
		"expect:\n  status: [2xx]\n  follow: 5\n  body_contains: \"Add to cart\"\n"
		"  response_time: {warning: 800ms, critical: 3s}\n  certificate_days: {warning: "
		"21, critical: 7}\n",
		"name: old entrance\nredirect: http://example.com/\nexpect:\n"
		"  hops: [{status: 301, location: \"https://example.com/\"}]\n  final_status: "
		"200\n",
		"name: database is not public\ntcp: db.example.com:5432\nexpect: {port: closed}\n",
		("name: edge router\nping: edge.example.net\n"
		 "expect: {loss: {warning: 20%, critical: 60%}, rtt: {warning: 150ms}}\n"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		struct monitor m;

		must_decode(documents[i], &m);
		monitor_clear(&m);
	}
}

static void takes_these_targets(void **state)
{
	static const char *const cases[] = {"ping: example.com", "ping: example.com.",
		"ping: 192.0.2.1", "ping: a_b.example.com", "ping: '::1'", "ping: localhost",
		"ping: 1e100.net", "ping: xn--wgv71a.jp", "tcp: example.com:1",
		"tcp: 192.0.2.1:65535", "tcp: '[::1]:25'", "http: http://x",
		"http: https://x:8443/a?b=c@d", "http: 'https://[2001:db8::1]:1/'",
		"http: HTTP://x/日本", "redirect: https://example.com?x",
		"http: http://127.0.0.1:8080/"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = mem_printf("name: a\n%s", cases[i]);
		struct monitor m;

		must_decode(text, &m);
		monitor_clear(&m);
		free(text);
	}
}

/* Each mistake in a monitor that is fine otherwise; path and a part of the sentence. */
static void says_what_is_wrong(void **state)
{
#define HTTP "name: a\nhttp: http://x\n"
	static const struct {
		const char *yaml, *path, *message;
	} cases[] = {
		{"http: http://x", "m[3].name", "is required; accepted: a text of 1 to 128 bytes"},
		{"name: a\ntarget: x", "m[3].type",
			"is required; accepted: ping, tcp, http, redirect, tls or dns, or the "
			"short form"},
		{"name: a\ntype: htp\ntarget: http://x", "m[3].type",
			"'htp' is unknown, did you mean 'http'?"},
		{"name: a\ntype: http", "m[3].target", "is required"},
		{HTTP "type: http", "m[3].http",
			"is the short form of 'type' and 'target', which are given too"},
		{HTTP "tcp: x:1", "m[3].http", "'tcp' is given too; accepted: one of"},
		{HTTP "intervall: 5s", "m[3].intervall",
			"unknown option; did you mean 'interval'?"},
		{HTTP "wobble: 5s", "m[3].wobble",
			"unknown option; accepted: external_id, name, type"},
		{HTTP "interval: 5", "m[3].interval",
			"5 needs a unit, for example 5s; accepted: a duration from 1s to 1d"},
		{HTTP "interval: '5'", "m[3].interval",
			"'5' needs a unit, for example 5s; accepted: a duration from"},
		{HTTP "interval: 500ms", "m[3].interval",
			"'500ms' is too short; accepted: a duration from 1s to 1d"},
		{HTTP "interval: 25h", "m[3].interval", "'25h' is too long"},
		{HTTP "interval: 1h30m", "m[3].interval",
			"'1h30m' is no duration: one number and one of the units"},
		{HTTP "interval: [1s]", "m[3].interval",
			"[\"1s\"] is a list; accepted: a duration"},
		{HTTP "timeout: 61s\ninterval: 5m", "m[3].timeout",
			"'61s' is too long; accepted: a duration from 100ms to 1m"},
		{HTTP "interval: 5s\ntimeout: 6s", "m[3].timeout",
			"6s is longer than the interval (5s); accepted: at most"},
		{HTTP "enabled: yes", "m[3].enabled", "'yes' is a text; accepted: true or false"},
		{"name: 5\nhttp: http://x", "m[3].name",
			"5 is a number (for a text, put it in quotes); accepted: a text"},
		{"name: ''\nhttp: http://x", "m[3].name",
			"'' is empty; accepted: a text of 1 to 128 bytes"},
		{"name: \"a\\nb\"\nhttp: http://x", "m[3].name",
			"'a?b' cannot be used; accepted: one line"},
		{"name: a\nhttp:", "m[3].http", "is required"},
		{"name: a\nhttp: ftp://x", "m[3].http",
			"'ftp://x' does not begin with http:// or https://; accepted: an absolute "
			"URL"},
		{"name: a\nhttp: shop.example.com", "m[3].http",
			"does not begin with http:// or https://"},
		{"name: a\nhttp: http://u:geheim@x/", "m[3].http",
			"the target has a user or password before @"},
		{"name: a\nhttp: http://x/#top", "m[3].http", "has a #fragment"},
		{"name: a\nhttp: http://x/a b", "m[3].http", "contains a space"},
		{"name: a\nhttp: \"http://x/a\\tb\"", "m[3].http",
			"'http://x/a?b' contains a space, a control character"},
		{"name: a\nhttp: 'http://x\\@y/'", "m[3].http", "or a backslash"},
		{"name: a\nhttp: http:///x", "m[3].http", "has no host"},
		{"name: a\nhttp: http://:80/", "m[3].http", "has no host"},
		{"name: a\nhttp: http://x:0/", "m[3].http", "has no valid port"},
		{"name: a\nhttp: http://x:65536/", "m[3].http", "has no valid port"},
		{"name: a\nhttp: 'http://x:/'", "m[3].http", "has no valid port"},
		{"name: a\nhttp: http://2130706433/", "m[3].http", "has no valid host"},
		{"name: a\nhttp: http://0x7f.1/", "m[3].http", "has no valid host"},
		{"name: a\nhttp: http://127.1/", "m[3].http", "has no valid host"},
		{"name: a\nhttp: http://256.1.1.1/", "m[3].http", "has no valid host"},
		{"name: a\nhttp: http://例え.jp/", "m[3].http", "has no valid host"},
		{"name: a\nhttp: 'http://[::1/'", "m[3].http", "IPv6 address between [ and ]"},
		{"name: a\nhttp: 'http://[::1]x/'", "m[3].http",
			"something other than a port behind ]"},
		{"name: a\nredirect: example.com", "m[3].redirect", "does not begin with http"},
		{"name: a\ntype: tcp\ntarget: x", "m[3].target",
			"'x' has no port; accepted: host:port or"},
		{"name: a\ntcp: x:70000", "m[3].tcp",
			"'x:70000' has no valid port; accepted: host:port"},
		{"name: a\ntcp: '::1:25'", "m[3].tcp", "has no host"},
		{"name: a\ntcp: '2001:db8::1:25'", "m[3].tcp", "has an IPv6 address without [ ]"},
		{"name: a\nping: http://x", "m[3].ping",
			"'http://x' is no host name or address; accepted: a host name"},
		{"name: a\nping: -x.com", "m[3].ping", "is no host name"},
		{"name: a\nping: a..b", "m[3].ping", "is no host name"},
		{"name: a\nping: 'fe80::1%eth0'", "m[3].ping", "is no host name"},
		{HTTP "regions: []", "m[3].regions",
			"[] cannot be used; accepted: a list of different names"},
		{HTTP "regions: [a, a]", "m[3].regions",
			"cannot be used; accepted: a list of different names"},
		{HTTP "regions: ['a b']", "m[3].regions", "cannot be used"},
		{HTTP "regions: 5", "m[3].regions",
			"5 is a number; accepted: a list of at most 64 texts"},
		{HTTP "quorum: {seats: 0}", "m[3].quorum.seats",
			"0 is too small; accepted: an integer from 1 to 15"},
		{HTTP "quorum: {seats: 16}", "m[3].quorum.seats", "16 is too large"},
		{HTTP "quorum: {down: most}", "m[3].quorum.down",
			"'most' cannot be used; accepted: majority, a number"},
		{HTTP "quorum: {down: auto}", "m[3].quorum.down",
			"'auto' cannot be used; accepted: majority"},
		{HTTP "quorum: {down: 101%}", "m[3].quorum.down", "'101%' cannot be used"},
		{HTTP "quorum: {down: 0}", "m[3].quorum.down", "0 cannot be used"},
		{HTTP "quorum: {seats: 3, down: 4}", "m[3].quorum.down",
			"4 can never be reached with 3 seats"},
		{HTTP "quorum: {seats: 3, up: 4}", "m[3].quorum.up",
			"4 can never be reached with 3 seats"},
		{HTTP "quorum: {rounds: 5, gap: 16s}", "m[3].quorum.gap",
			"5 rounds 16s apart take 64s; accepted: at most 1m"},
		{HTTP "quorum: 5", "m[3].quorum",
			"5 is a number; accepted: an object with seats, per_seat, down"},
		{HTTP "request: {packets: 3}", "m[3].request.packets",
			"not an option of type http, only of: ping"},
		{HTTP "expect: {port: open}", "m[3].expect.port",
			"not an option of type http, only of: tcp"},
		{HTTP "expect: {prot: open}", "m[3].expect.prot",
			"unknown option; accepted: status, follow"},
		{"name: a\ntcp: x:1\nexpect: {prot: open}", "m[3].expect.prot",
			"unknown option; did you mean 'port'?"},
		{"name: a\ntcp: x:1\nexpect: {port: ajar}", "m[3].expect.port",
			"'ajar' is unknown; accepted: open or closed"},
		{"name: a\ntcp: x:1\nrequest: {headers: {A: b}}", "m[3].request.headers",
			"not an option of type tcp, only of: http, redirect"},
		{HTTP "expect: {status: [2xx, 600]}", "m[3].expect.status",
			"[\"2xx\", 600] cannot be used; accepted: a status code from 100 to 599, a "
			"class (2xx)"},
		{HTTP "expect: {status: 204-200}", "m[3].expect.status",
			"'204-200' cannot be used"},
		{HTTP "expect: {status: []}", "m[3].expect.status", "[] cannot be used"},
		{HTTP "expect: {follow: 21}", "m[3].expect.follow",
			"21 cannot be used; accepted: a number of redirects from 0"},
		{HTTP "expect: {response_time: {warning: 3s, critical: 3s}}",
			"m[3].expect.response_time.warning",
			"3s is not milder than critical (3s): the warning must be shorter"},
		{HTTP "timeout: 2s\nexpect: {response_time: {warning: 2s}}",
			"m[3].expect.response_time",
			"2s is not below the timeout (2s): the check would end before it"},
		{HTTP "expect: {certificate_days: {warning: 7, critical: 21}}",
			"m[3].expect.certificate_days.warning",
			"7 is not milder than critical (21): the warning must be more days"},
		{"name: a\nping: x\nexpect: {loss: {warning: 60%, critical: 20%}}",
			"m[3].expect.loss.warning",
			"60% is not milder than critical (20%): the warning must be less"},
		{"name: a\nping: x\nexpect: {loss: {warning: 101%}}", "m[3].expect.loss.warning",
			"'101%' is no percentage; accepted: a percentage from 0% to 100%"},
		{"name: a\nping: x\nrequest: {packets: 6}\ntimeout: 1s", "m[3].request.packets",
			"6 packets 200ms apart take 1s: they must fit into the timeout (1s)"},
		{"name: a\nping: x\nrequest: {size: 15}", "m[3].request.size",
			"15 is too small; accepted: an integer from 16 to 8972"},
		{"name: a\nping: x\nrequest: {size: 8973}", "m[3].request.size",
			"8973 is too large; accepted: an integer from 16 to 8972"},
		{"name: a\nping: x\nrequest: {ttl: 256}", "m[3].request.ttl",
			"256 is too large; accepted: an integer from 1 to 255"},
		{"name: a\nping: x\nrequest: {ttl: 0}", "m[3].request.ttl", "0 is too small"},
		{HTTP "request: {df: true}", "m[3].request.df",
			"not an option of type http, only of: ping"},
		{"name: a\nping: x\nrequest: {source: eth0}", "m[3].request.source",
			"'eth0' cannot be used; accepted: an IPv4 or IPv6 address, for example"},
		{"name: a\nping: x\nrequest: {source: '[::1]'}", "m[3].request.source",
			"'[::1]' cannot be used"},
		{"name: a\nping: x\nrequest: {source: 192.0.2.1, family: ipv6}",
			"m[3].request.source",
			"192.0.2.1 is an IPv4 address, but request.family is 'ipv6'"},
		{"name: a\nping: x\nrequest: {source: '2001:db8::1', family: both}",
			"m[3].request.source",
			"2001:db8::1 is an IPv6 address, but request.family is 'both'"},
		{"name: a\ntcp: '[2001:db8::2]:80'\nrequest: {source: 192.0.2.1}",
			"m[3].request.source",
			"192.0.2.1 is an IPv4 address, but the target 2001:db8::2 is an IPv6 "
			"address"},
		{"name: a\nhttp: http://192.0.2.1/\nrequest: {family: both}", "m[3].request.family",
			"'both' needs a name as target: 192.0.2.1 is an address of one family"},
		{"name: a\nping: x\nrequest: {family: v4}", "m[3].request.family",
			"'v4' is unknown; accepted: auto, ipv4, ipv6 or both"},
		{"name: a\nping: x\nrequest: {packets: 1}\nexpect: {jitter: {warning: 5ms}}",
			"m[3].expect.jitter",
			"there is one only; accepted with request.packets from 2"},
		{"name: a\nping: x\ntimeout: 2s\nexpect: {jitter: {critical: 2s}}",
			"m[3].expect.jitter", "2s is not below the timeout (2s)"},
		{HTTP "request: {body: x}", "m[3].request.body",
			"a GET request has no body; accepted with: POST"},
		{HTTP "request: {method: HEAD}\nexpect: {body_contains: x}",
			"m[3].expect.body_contains", "HEAD request has no body"},
		{HTTP "request: {method: get}", "m[3].request.method",
			"'get' is unknown; accepted: GET, HEAD, POST"},
		{HTTP "request: {headers: {\"X\": \"geheim\\r\\nY: z\"}}", "m[3].request.headers",
			"the value cannot be used; accepted: header values of one line"},
		{HTTP "request: {headers: {\"X Y\": z}}", "m[3].request.headers",
			"the value cannot be used; accepted: header names"},
		{HTTP "request: {headers: {Content-Length: '5'}}", "m[3].request.headers",
			"other headers than Content-Length"},
		{HTTP "request: {headers: {X: 5}}", "m[3].request.headers.X",
			"the value is a number (for a text, put it in quotes)"},
		{"name: a\nredirect: http://x\nrequest: {method: POST}", "m[3].request.method",
			"'POST' is not for redirects; accepted: GET or HEAD"},
		{"name: a\nredirect: http://x\nexpect: {hops: [{status: 200}]}",
			"m[3].expect.hops[0].status",
			"200 is too small; accepted: an integer from 300 to 399"},
		{"name: a\nredirect: http://x\nexpect: {hops: [{location: /x}]}",
			"m[3].expect.hops[0].location",
			"'/x' cannot be used; accepted: an absolute http:// or https:// URL"},
		{"name: a\nredirect: http://x\nexpect: {hops: [{}, {}], max_hops: 1}",
			"m[3].expect.hops", "2 hops are more than max_hops (1)"},
		{HTTP "organization: 5", "m[3].organization", "accepted: a text of 1 to 64 bytes"},
		{"[]", "m[3]", "[] is a list; accepted: an object with id, revision"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct monitor m;

		if (decode(cases[i].yaml, "m[3]", &m) == 0)
			fail_msg("taken: %s", cases[i].yaml);
		monitor_clear(&m);
		if (problems.total != 1 || strcmp(problems.item[0].path, cases[i].path) != 0 ||
			strstr(problems.item[0].message, cases[i].message) == NULL)
			fail_msg("%s\n%zu problems: %s: %s", cases[i].yaml, problems.total,
				problems.item[0].path, problems.item[0].message);
		assert_null(strstr(problems.item[0].message, "geheim"));
	}
}

/* A text of N bytes in the field that FORMAT has a %s for. */
static int decode_sized(const char *format, size_t n)
{
	char *filler = mem_array(n + 1, 1), *text;
	struct monitor m;
	int result;

	memset(filler, 'x', n);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	text = mem_printf(format, filler);
#pragma GCC diagnostic pop
	result = decode(text, "", &m);
	monitor_clear(&m);
	free(filler);
	free(text);
	return result;
}

static void holds_its_ceilings(void **state)
{
	static const struct {
		const char *format;
		size_t max;
	} cases[] = {
		{"name: %s\nhttp: http://x", NAME_MAX_BYTES},
		{HTTP "service: %s", NAME_MAX_BYTES},
		{HTTP "external_id: %s", NAME_MAX_BYTES},
		{HTTP "memo: %s", MEMO_MAX_BYTES},
		{"name: a\nhttp: http://y/%s", URL_MAX_BYTES - 9},
		{HTTP "request: {method: POST, body: %s}", REQUEST_BODY_MAX_BYTES},
		{HTTP "request: {headers: {X: %s}}", HEADER_VALUE_MAX_BYTES},
		{HTTP "expect: {body_contains: %s}", PATTERN_MAX_BYTES},
		{HTTP "regions: [%s]", NAME_MAX_BYTES},
		{"name: a\nping: %s", 63},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (decode_sized(cases[i].format, cases[i].max) == -1)
			fail_msg("%s of %zu: %s", cases[i].format, cases[i].max,
				problems.item[0].message);
		assert_int_equal(decode_sized(cases[i].format, cases[i].max + 1), -1);
	}
}

static void holds_the_ceiling_of_the_whole(void **state)
{
	struct buf b;
	struct monitor m;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(buf_printf(&b, HTTP "labels: {"), 0);
	for (int i = 0; i < LABELS_MAX; i++)
		assert_int_equal(
			buf_printf(&b, "a%d: %04095d, ", i, 0) | buf_printf(&b, "\n  "), 0);
	assert_int_equal(buf_printf(&b, "}"), 0);
	assert_int_equal(decode(buf_text(&b), "", &m),
		-1); /* numbers, not texts: just to see that it is read */
	monitor_clear(&m);
	buf_reset(&b);
	assert_int_equal(buf_printf(&b, HTTP "labels: {"), 0);
	for (int i = 0; i < LABELS_MAX; i++)
		assert_int_equal(buf_printf(&b, "a%d: 'x%04094d',\n  ", i, 0), 0);
	assert_int_equal(buf_printf(&b, "}"), 0);
	assert_int_equal(decode(buf_text(&b), "", &m), -1);
	assert_non_null(
		strstr(problems.item[0].message, "bytes long in all; accepted: at most 131072"));
	monitor_clear(&m);
	buf_clear(&b);
}

static void tells_checks_apart(void **state)
{
	static const struct {
		const char *yaml;
		bool same;
	} cases[] = {
		{HTTP, true},
		{HTTP "memo: x\nservice: y\nlabels: {a: b}\nexternal_id: z\nalert: {after: 5m}",
			true},
		{"name: b\nhttp: http://x", true},
		{"name: a\nhttp: http://y", false},
		{"name: a\nredirect: http://x", false},
		{HTTP "interval: 61s", false},
		{HTTP "timeout: 9s", false},
		{HTTP "enabled: false", false},
		{HTTP "regions: [tokyo]", false},
		{HTTP "quorum: {seats: 4}", false},
		{HTTP "request: {headers: {A: b}}", false},
		{HTTP "expect: {status: 200}", false},
	};
	struct monitor a, b;

	(void)state;
	must_decode(HTTP, &a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		must_decode(cases[i].yaml, &b);
		if (monitor_same_check(&a, &b) != cases[i].same)
			fail_msg("%s", cases[i].yaml);
		monitor_clear(&b);
	}
	must_decode(HTTP, &b);
	b.domain = DOMAIN_PROBE;
	assert_false(monitor_same_check(&a, &b));
	monitor_clear(&b);
	monitor_clear(&a);
}

static void people_cannot_set_what_is_ours(void **state)
{
	static const char wire[] =
		"{\"id\": \"0193e9b4-5f3c-7a52-8d61-2f6f0f6d1c11\", \"revision\": 7, \"domain\": "
		"\"region\","
		" \"name\": \"a\", \"type\": \"tcp\", \"target\": \"x:1\", \"future\": 1}";
	json_t *json = json_loads(wire, 0, NULL);
	struct monitor m;

	(void)state;
	memset(&problems, 0, sizeof(problems));
	assert_int_equal(monitor_decode(json, SCHEMA_WIRE, "", &m, &problems), 0);
	assert_int_equal(m.revision, 7);
	assert_int_equal(m.domain, DOMAIN_REGION);
	assert_false(id_is_zero(&m.id));
	monitor_clear(&m);
	json_object_del(json, "future"); /* unknown to people, skipped on the wire */
	assert_int_equal(monitor_decode(json, SCHEMA_STRICT, "", &m, &problems), 0);
	assert_int_equal(m.revision, 0);
	assert_int_equal(m.domain, -1);
	assert_true(id_is_zero(&m.id));
	monitor_clear(&m);
	json_decref(json);
}

static void hides_secrets(void **state)
{
	struct monitor m;
	json_t *json;
	char *text;

	(void)state;
	must_decode(
		HTTP "request: {method: POST, body: geheim, headers: {Authorization: geheim}}", &m);
	json = monitor_encode(&m, SCHEMA_REDACT);
	text = json_dumps(json, 0);
	assert_null(strstr(text, "geheim"));
	assert_non_null(strstr(text, "\"Authorization\": \"[redacted]\""));
	free(text);
	json_decref(json);
	monitor_clear(&m);
}

static void describes_itself(void **state)
{
	json_t *schema = schema_describe(&monitor_schema), *port, *required;
	const char *text;

	(void)state;
	port = json_object_get(
		json_object_get(
			json_object_get(
				json_object_get(json_object_get(schema, "properties"), "expect"),
				"properties"),
			"port"),
		"description");
	text = json_string_value(port);
	assert_string_equal(text, "Whether the port must be open, or closed. Only of: tcp");
	required = json_object_get(schema, "required");
	assert_int_equal(json_array_size(required), 3);
	json_decref(schema);
	schema = schema_describe(&result_schema);
	assert_true(json_is_object(schema));
	json_decref(schema);
}

static void a_result_must_not_contradict_itself(void **state)
{
	static const struct {
		const char *verdict, *reason;
		int expected;
	} cases[] = {
		{"up", "ok", 0},
		{"down", "tcp.refused", 0},
		{"none", "internal.resources", 0},
		{"warning", "slow.response", 0},
		{"up", "slow.response", 0},
		{"down", "http.from_the_future", 0},
		{"down", "quic.refused", 0},
		{"none", "internal.future", 0},
		{"warning", "tls.weak_key", 0},
		{"down", "ok", -1},
		{"down", "internal.clock", -1},
		{"down", "slow.response", -1},
		{"none", "ok", -1},
		{"none", "tcp.refused", -1},
		{"up", "tcp.refused", -1},
		{"warning", "internal.error", -1},
		{"down", "nonsense", -1},
		{"sideways", "ok", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *json = json_pack("{sssssssssisisisi}", "monitor",
			"0193e9b4-5f3c-7a52-8d61-2f6f0f6d1c11", "verdict", cases[i].verdict,
			"reason", cases[i].reason, "started_at", "2026-11-21T18:30:49Z",
			"monitor_revision", 1, "sequence", 1, "duration_ms", 5, "age_ms", 5);
		struct result r;

		memset(&problems, 0, sizeof(problems));
		if (schema_decode(&result_schema, SCHEMA_WIRE, json, &r, &problems) !=
			cases[i].expected)
			fail_msg("%s %s", cases[i].verdict, cases[i].reason);
		result_clear(&r);
		json_decref(json);
	}
}

static void destinations(void **state)
{
	static const struct {
		const char *text, *host;
		int port;
	} cases[] = {
		{"{name: a, ping: 192.0.2.1}", "192.0.2.1", 0},
		{"{name: a, ping: '2001:db8::1'}", "2001:db8::1", 0},
		{"{name: a, ping: edge.example.net}", "edge.example.net", 0},
		{"{name: a, tcp: 'db.example.com:5432'}", "db.example.com", 5432},
		{"{name: a, tcp: '[2001:db8::1]:22'}", "2001:db8::1", 22},
		{"{name: a, http: 'http://192.0.2.1'}", "192.0.2.1", 80},
		{"{name: a, http: 'https://shop.example.com/a:9?b=http://c:8'}", "shop.example.com",
			443},
		{"{name: a, http: 'HTTPS://shop.example.com:8443?x'}", "shop.example.com", 8443},
		{"{name: a, redirect: 'http://[::1]/'}", "::1", 80},
		{"{name: a, redirect: 'http://[::1]:8080/'}", "::1", 8080},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char host[MONITOR_HOST_SIZE];
		struct monitor m;
		int port;
		must_decode(cases[i].text, &m);
		monitor_destination(&m, host, &port);
		if (strcmp(host, cases[i].host) != 0 || port != cases[i].port)
			fail_msg("%s leads to %s, %d", cases[i].text, host, port);
		monitor_clear(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_defaults),
		cmocka_unit_test(destinations),
		cmocka_unit_test(defaults_follow_other_fields),
		cmocka_unit_test(reads_the_documented_example),
		cmocka_unit_test(takes_these_targets),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(holds_its_ceilings),
		cmocka_unit_test(holds_the_ceiling_of_the_whole),
		cmocka_unit_test(tells_checks_apart),
		cmocka_unit_test(people_cannot_set_what_is_ours),
		cmocka_unit_test(hides_secrets),
		cmocka_unit_test(describes_itself),
		cmocka_unit_test(a_result_must_not_contradict_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
