// SPDX-License-Identifier: MIT
/* What a probe announced against what is asked of it: who is refused, and how it is said. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/yaml.h"
#include "proto/fence.h"
#include "proto/monitor.h"

#include <string.h>

static json_t *read_yaml(const char *text)
{
	struct yaml_error error;
	struct yaml_doc *doc = NULL;
	if (yaml_load_text("test", text, strlen(text), &doc, &error))
		fail_msg("%s: %s", text, error.message);
	json_t *root = json_deep_copy(yaml_root(doc));
	yaml_doc_free(doc);
	return root;
}

static void read_can(const char *text, struct capabilities *can)
{
	struct problems problems = {0};
	json_t *in = read_yaml(text);
	if (schema_decode(&capabilities_schema, SCHEMA_STRICT, in, can, &problems))
		fail_msg("%s: %s: %s", text, problems.item[0].path, problems.item[0].message);
	json_decref(in);
}

static void read_monitor(const char *text, struct monitor *m)
{
	struct problems problems = {0};
	json_t *in = read_yaml(text);
	if (monitor_decode(in, SCHEMA_STRICT, "", m, &problems))
		fail_msg("%s: %s: %s", text, problems.item[0].path, problems.item[0].message);
	json_decref(in);
}

#define BOTH  "ipv4: true, ipv6: true"
#define SHOP  "{name: a, http: 'https://shop.example.com/'}"
#define INNER "{name: a, tcp: '10.0.0.5:5432'}"

static const struct {
	const char *can, *monitor;
	enum fence fence;
	const char *words, *remedy;
} cases[] = {
	{"{" BOTH "}", SHOP, FENCE_OPEN, "may and can", ""},
	/* organizations */
	{"{" BOTH ", organizations: [acme]}", SHOP, FENCE_ORGANIZATION,
		"serves other organizations only", "organizations: [default]"},
	{"{" BOTH ", organizations: [acme]}", "{name: a, ping: a.example, organization: acme}",
		FENCE_ICMP, "may not send pings", ""},
	{"{" BOTH ", organizations: [default]}", SHOP, FENCE_OPEN, "may and can", ""},
	/* kinds, methods, intervals */
	{"{" BOTH ", types: [tcp]}", SHOP, FENCE_TYPE, "runs no checks of type http",
		"types: [http]"},
	{"{" BOTH ", types: [tcp, http]}", SHOP, FENCE_OPEN, "may and can", ""},
	/* one that says nothing of kinds is older than the later ones */
	{"{" BOTH "}", "{name: a, redirect: 'http://a.example/'}", FENCE_OPEN, "may and can", ""},
	{"{" BOTH "}", "{name: a, tls: a.example}", FENCE_TYPE, "runs no checks of type tls",
		"types: [tls]"},
	{"{" BOTH ", types: [tcp, http]}", "{name: a, tls: a.example}", FENCE_TYPE,
		"runs no checks of type tls", "types: [tls]"},
	{"{" BOTH ", types: [tls]}", "{name: a, tls: a.example}", FENCE_OPEN, "may and can", ""},
	{"{" BOTH ", types: [tls], ports: ['443']}", "{name: a, tls: a.example}", FENCE_OPEN,
		"may and can", ""},
	{"{" BOTH ", types: [tls], ports: ['443']}", "{name: a, tls: 'a.example:993'}", FENCE_PORT,
		"may not connect to port 993", "ports: [\"993\"]"},
	{"{" BOTH ", methods: [GET, HEAD]}",
		"{name: a, http: 'https://a.example/', request: {method: POST}}", FENCE_METHOD,
		"sends no POST", "methods: [POST]"},
	{"{" BOTH ", methods: [GET]}", SHOP, FENCE_OPEN, "may and can", ""},
	{"{" BOTH ", methods: [POST]}", "{name: a, tcp: 'a.example:1'}", FENCE_OPEN, "may and can",
		""},
	{"{" BOTH ", min_interval_ms: 60000}", "{name: a, tcp: 'a.example:1', interval: 59s}",
		FENCE_INTERVAL, "checks no more often than every 1m", "min_interval: 59s"},
	{"{" BOTH ", min_interval_ms: 60000}", "{name: a, tcp: 'a.example:1', interval: 60s}",
		FENCE_OPEN, "may and can", ""},
	/* addresses: only literal ones are known beforehand */
	{"{" BOTH "}", INNER, FENCE_ADDRESS, "may not contact 10.0.0.5", "allow: [\"10.0.0.5\"]"},
	{"{" BOTH ", allow: [10.0.0.0/8]}", INNER, FENCE_OPEN, "may and can", ""},
	{"{" BOTH ", allow: [10.0.0.4/32]}", INNER, FENCE_ADDRESS, "may not contact 10.0.0.5",
		"allow: [\"10.0.0.5\"]"},
	{"{" BOTH "}", "{name: a, http: 'http://[fd00::1]/'}", FENCE_ADDRESS,
		"may not contact fd00::1", "allow: [\"fd00::1\"]"},
	{"{" BOTH ", icmp: true}", "{name: a, ping: 'fd00::1'}", FENCE_ADDRESS,
		"may not contact fd00::1", "allow: [\"fd00::1\"]"},
	{"{" BOTH "}", "{name: a, tcp: '1.example.com:80'}", FENCE_OPEN, "may and can", ""},
	{"{" BOTH "}", "{name: a, http: 'http://127.0.0.1:8080/'}", FENCE_ADDRESS,
		"may not contact 127.0.0.1", "allow: [\"127.0.0.1\"]"},
	{"{" BOTH "}", "{name: a, tcp: '8.8.8.8:53'}", FENCE_OPEN, "may and can", ""},
	{"{" BOTH "}", "{name: a, tcp: 'localhost.example:1'}", FENCE_OPEN, "may and can", ""},
	/* the server of a dns check is where it goes; the probe's own is its machine's business */
	{"{" BOTH "}", "{name: a, dns: a.example}", FENCE_TYPE, "runs no checks of type dns",
		"types: [dns]"}, /* a probe of old, which names no types */
	{"{" BOTH ", types: [dns]}", "{name: a, dns: a.example}", FENCE_OPEN, "may and can", ""},
	{"{" BOTH ", types: [dns], ports: ['443']}",
		"{name: a, dns: 10.0.0.5, request: {record: PTR}}", FENCE_OPEN, "may and can", ""},
	{"{" BOTH ", types: [dns]}", "{name: a, dns: a.example, request: {server: 10.0.0.5}}",
		FENCE_ADDRESS, "may not contact 10.0.0.5", "allow: [\"10.0.0.5\"]"},
	{"{" BOTH ", types: [dns]}", "{name: a, dns: a.example, request: {server: 'fd00::1'}}",
		FENCE_ADDRESS, "may not contact fd00::1", "allow: [\"fd00::1\"]"},
	{"{" BOTH ", types: [dns]}",
		"{name: a, dns: a.example, request: {server: '[fd00::1]:5353'}}", FENCE_ADDRESS,
		"may not contact fd00::1", "allow: [\"fd00::1\"]"},
	{"{" BOTH ", types: [dns], ports: ['443']}",
		"{name: a, dns: a.example, request: {server: ns.example}}", FENCE_PORT,
		"may not connect to port 53", "ports: [\"53\"]"},
	{"{" BOTH ", types: [dns], ports: ['53']}",
		"{name: a, dns: a.example, request: {server: 'ns.example:5353'}}", FENCE_PORT,
		"may not connect to port 5353", "ports: [\"5353\"]"},
	/* ports */
	{"{" BOTH ", ports: ['443']}", SHOP, FENCE_OPEN, "may and can", ""},
	{"{" BOTH ", ports: ['80', '8000-8099']}", SHOP, FENCE_PORT, "may not connect to port 443",
		"ports: [\"443\"]"},
	{"{" BOTH ", icmp: true, ports: ['443']}", "{name: a, ping: a.example}", FENCE_OPEN,
		"may and can", ""},
	/* another way than the target's: what counts is where it goes */
	{"{" BOTH "}",
		"{name: a, http: 'https://a.example/', request: {connect_to: '10.0.0.5:443'}}",
		FENCE_ADDRESS, "may not contact 10.0.0.5", "allow: [\"10.0.0.5\"]"},
	{"{" BOTH ", ports: ['443']}",
		"{name: a, http: 'https://a.example/', request: {connect_to: 'b.example:8443'}}",
		FENCE_PORT, "may not connect to port 8443", "ports: [\"8443\"]"},
	{"{" BOTH "}", "{name: a, http: 'https://a.example/', request: {proxy: dmz}}", FENCE_PROXY,
		"knows no proxy 'dmz'", "proxies: {dmz: \"http://HOST:PORT\"}"},
	{"{" BOTH ", proxies: [lan]}",
		"{name: a, http: 'https://a.example/', request: {proxy: dmz}}", FENCE_PROXY,
		"knows no proxy 'dmz'", "proxies: {dmz: \"http://HOST:PORT\"}"},
	{"{" BOTH ", proxies: [lan, dmz]}",
		"{name: a, http: 'https://a.example/', request: {proxy: dmz}}", FENCE_OPEN,
		"may and can", ""},
	/* families, pings: no file opens these */
	{"{ipv6: true}", "{name: a, tcp: '8.8.8.8:53'}", FENCE_FAMILY, "has no IPv4", ""},
	{"{ipv4: true}", "{name: a, tcp: '[2600::1]:53'}", FENCE_FAMILY, "has no IPv6", ""},
	{"{ipv4: true}", SHOP, FENCE_OPEN, "may and can", ""},
	{"{ipv4: true}", "{name: a, tcp: 'a.example:1', request: {family: both}}", FENCE_FAMILY,
		"has no IPv6", ""},
	{"{ipv6: true}", "{name: a, ping: a.example, request: {family: both}}", FENCE_FAMILY,
		"has no IPv4", ""},
	{"{ipv4: true, ipv6: true}", "{name: a, tcp: 'a.example:1', request: {family: both}}",
		FENCE_OPEN, "may and can", ""},
	{"{ipv4: true}", "{name: a, tcp: 'a.example:1', request: {source: '2001:db8::7'}}",
		FENCE_FAMILY, "has no IPv6", ""},
	{"{ipv4: true}", "{name: a, tcp: 'a.example:1', request: {family: ipv6}}", FENCE_FAMILY,
		"has no IPv6", ""},
	{"{icmp: true}", SHOP, FENCE_FAMILY, "has no network", ""},
	{"{" BOTH "}", "{name: a, ping: a.example}", FENCE_ICMP, "may not send pings", ""},
};

static void who_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char words[FENCE_WORDS_SIZE], remedy[FENCE_WORDS_SIZE];
		struct policy policy = {0};
		struct capabilities can;
		struct monitor m;
		read_can(cases[i].can, &can);
		read_monitor(cases[i].monitor, &m);
		fence_policy(&can, &policy);
		enum fence fence = fence_judge(&can, &policy, &m);
		fence_words(fence, &can, &m, words);
		fence_remedy(fence, &m, remedy);
		if (fence != cases[i].fence || strcmp(words, cases[i].words) != 0 ||
			strcmp(remedy, cases[i].remedy) != 0)
			fail_msg("row %zu, %s for %s: %d, %s, %s", i, cases[i].can,
				cases[i].monitor, (int)fence, words, remedy);
		policy_clear(&policy);
		monitor_clear(&m);
		schema_clear(&capabilities_schema, &can);
	}
}

/* What a probe says may be nonsense; it opens nothing. */
static void unreadable_ports_are_no_ports(void **state)
{
	struct capabilities can;
	struct policy policy = {0};
	(void)state;
	read_can("{" BOTH ", ports: ['all of them', '0'], allow: [everything]}", &can);
	fence_policy(&can, &policy);
	assert_false(policy_permits_port(&policy, 443));
	assert_int_equal(policy.n_allow, 0);
	policy_clear(&policy);
	schema_clear(&capabilities_schema, &can);
}

static void names_of_organizations(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} names[] = {{"acme", true}, {"a", true}, {"4you", true}, {"acme.co-1_x", true},
		{"", false}, {"Acme", false}, {"-acme", false}, {".acme", false}, {"ac me", false},
		{"ac\nme", false}, {"café", false}, {"a/b", false},
		{"0123456789012345678901234567890123456789012345678901234567890123", true},
		{"01234567890123456789012345678901234567890123456789012345678901234", false}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char text[80], *name = text;
		const char *why = NULL;
		strcpy(text, names[i].name);
		if ((organization_check(&name, &why) == 0) != names[i].good)
			fail_msg("'%s'", names[i].name);
		assert_non_null(why);
	}
}

static void ports_as_people_write_them(void **state)
{
	static const struct {
		const char *text, *ports; /* NULL: refused */
	} texts[] = {{"[443]", "443"}, {"[443, 8000-8099]", "443 8000-8099"}, {"443", "443"},
		{"'443'", "443"}, {"[]", ""}, {"[0]", NULL}, {"[-1]", NULL}, {"[65536]", NULL},
		{"[https]", NULL}, {"[4.5]", NULL}, {"{a: 1}", NULL}, {"[[443]]", NULL}};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char all[64] = "";
		const char *why = NULL;
		struct strings ports;
		json_t *in = read_yaml(texts[i].text);
		int rc = fence_ports_custom.decode(in, &ports, &why);
		for (size_t k = 0; rc == 0 && k < ports.n; k++) {
			strcat(all, k ? " " : "");
			strcat(all, ports.item[k]);
		}
		if ((rc == 0) != (texts[i].ports != NULL) ||
			(rc == 0 && strcmp(all, texts[i].ports) != 0))
			fail_msg("%s gave %d, %s", texts[i].text, rc, all);
		fence_ports_custom.clear(&ports);
		json_decref(in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_refused),
		cmocka_unit_test(unreadable_ports_are_no_ports),
		cmocka_unit_test(names_of_organizations),
		cmocka_unit_test(ports_as_people_write_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
