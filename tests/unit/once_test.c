// SPDX-License-Identifier: MIT
/* `quorate-probe check` from words to exit status, against a real nginx, closed ports and this
 * machine's pings. */
#include "tests/unit/nginx_kit.h"
#include "tests/unit/pki.h"

#include "probe/once.h"
#include "proto/base/yaml.h"

#define SECRET "S3cr3t-abcdefgh"

static struct nginx nginx;
static int http_port, https_port, closed_port;
static char conf[80], bare_conf[80], monitors[80], secret_file[80];

static void write_file(char path[80], const char *name, mode_t mode, const char *format, ...)
	PRINTF_LIKE(4, 5);

static void write_file(char path[80], const char *name, mode_t mode, const char *format, ...)
{
	va_list arguments;
	snprintf(path, 80, "%s/%s", nginx.dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	va_start(arguments, format);
	vfprintf(f, format, arguments);
	va_end(arguments);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int group_setup(void **state UNUSED)
{
	char servers[2048], ca[80];
	nginx_dir(&nginx);
	struct pki_cert root = pki_make("Test CA", NULL, NULL, -PKI_DAY, 365 * PKI_DAY);
	struct pki_cert leaf =
		pki_make("localhost", "DNS:localhost", &root, -PKI_DAY, 15 * PKI_DAY + 3600);
	pki_write(nginx.dir, "ca.pem", root.x509, NULL);
	pki_write(nginx.dir, "leaf.crt", leaf.x509, NULL);
	pki_write(nginx.dir, "leaf.key", NULL, leaf.key);
	pki_free(&root);
	pki_free(&leaf);
	http_port = free_port();
	do
		https_port = free_port();
	while (https_port == http_port);
	do
		closed_port = free_port();
	while (closed_port == http_port || closed_port == https_port);
	snprintf(servers, sizeof(servers),
		"server { listen 127.0.0.1:%d; default_type text/plain;\n"
		" location / { return 200 \"a shop\"; } location /500 { return 500; }\n"
		" location /echo { return 500 \"you said $http_authorization\"; }\n"
		" location /mirror { return 302 /$http_authorization; }\n"
		" location /up { return 301 https://localhost:%d/; }\n"
		" location /out { return 302 http://10.1.2.3/; } }\n"
		"server { listen 127.0.0.1:%d ssl; ssl_certificate leaf.crt; ssl_certificate_key "
		"leaf.key; location / { return 200 ok; } }\n",
		http_port, https_port, https_port);
	nginx_start(&nginx, servers, https_port);
	snprintf(ca, sizeof(ca), "%s/ca.pem", nginx.dir);
	setenv("SSL_CERT_FILE", ca, 1);
	write_file(conf, "probe.yml", 0644,
		"{state_dir: %s, allow: [127.0.0.0/8], per_destination: 1000, types: [tcp, http, "
		"redirect, ping]}\n",
		nginx.dir);
	write_file(bare_conf, "bare.yml", 0644, "{state_dir: %s}\n", nginx.dir);
	write_file(monitors, "monitors.yml", 0644,
		"defaults: {timeout: 5s}\nmonitors:\n"
		"- {name: shop, http: 'http://localhost:%d/', expect: {body_contains: shop}}\n"
		"- {name: vault, tcp: 'localhost:%d', expect: {port: closed}}\n"
		"- {name: paused, enabled: false, tcp: 'localhost:%d'}\n",
		http_port, closed_port, closed_port);
	write_file(secret_file, "secret", 0600, "Bearer " SECRET "\n");
	return 0;
}

static int group_teardown(void **state UNUSED)
{
	nginx_stop(&nginx);
	return 0;
}

/* ---- one run */

struct ran {
	int status;
	char *out, *err;
};

/* LINE: words with blanks between them; "~" stands for a blank in a word; %p, %s, %c: the ports of
 * http, https and the closed one; %m, %k, %d: the files of monitors, of the secret, the folder. */
static struct ran run_with(const char *local_file, const char *line)
{
	char text[1024] = "", *words[32], *save = NULL;
	struct ran r;
	size_t size, at = 0;
	int n = 0;
	words[n++] = mem_strdup("-c");
	words[n++] = mem_strdup(local_file);
	for (const char *c = line; *c; c++) {
		char one[2] = {*c}, port[16];
		const char *piece = one;
		if (*c == '%' && c[1] && strchr("pscmkd", c[1])) {
			c++;
			snprintf(port, sizeof(port), "%d",
				*c == 'p'   ? http_port
				: *c == 's' ? https_port
					    : closed_port);
			piece = *c == 'm'   ? monitors
				: *c == 'k' ? secret_file
				: *c == 'd' ? nginx.dir
					    : port;
		}
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", piece);
	}
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		for (char *c = word; *c; c++)
			*c = *c == '~' ? ' ' : *c;
		words[n++] = word;
	}
	FILE *out = open_memstream(&r.out, &size), *err = open_memstream(&r.err, &size);
	r.status = once_main(n, words, out, err);
	fclose(out);
	fclose(err);
	free(words[0]);
	free(words[1]);
	return r;
}

static struct ran run(const char *line)
{
	return run_with(conf, line);
}

static void ran_free(struct ran *r)
{
	free(r->out);
	free(r->err);
}

static void expect_text(const char *line, const char *stream, const char *found, const char *wanted)
{
	if (wanted && !strstr(found, wanted))
		fail_msg("check %s: '%s' is not in its %s:\n%s", line, wanted, stream, found);
}

struct outcome {
	const char *line;
	int status;
	const char *out, *more; /* parts of it; NULL: nothing in particular */
	const char *err;
};

#define SAID(line, status, out)                                                                    \
	{                                                                                          \
		line, status, out, NULL, NULL                                                      \
	}
#define TOLD(line, status, out, more)                                                              \
	{                                                                                          \
		line, status, out, more, NULL                                                      \
	}
#define REFUSED(line, err)                                                                         \
	{                                                                                          \
		line, 3, "", NULL, err                                                             \
	}

static void expect_outcomes(const char *local_file, const struct outcome *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ran r = run_with(local_file, cases[i].line);
		if (r.status != cases[i].status)
			fail_msg("check %s: %d instead of %d\n%s%s", cases[i].line, r.status,
				cases[i].status, r.out, r.err);
		expect_text(cases[i].line, "output", r.out, cases[i].out);
		expect_text(cases[i].line, "output", r.out, cases[i].more);
		expect_text(cases[i].line, "errors", r.err, cases[i].err);
		if (!cases[i].err)
			assert_string_equal(r.err, "");
		ran_free(&r);
	}
}

/* ---- what is found */

static void people_are_told(void **state UNUSED)
{
	static const struct outcome cases[] = {
		TOLD("http://localhost:%p/", 0, "UP ", "status 200"),
		TOLD("http://localhost:%p/", 0, "first byte", "address      127.0.0.1:"),
		TOLD("http http://localhost:%p/500", 2, "DOWN ",
			"http.status: the status code is not an expected one"),
		SAID("http://localhost:%p/500 --status 2xx,500", 0, "UP "),
		SAID("http://localhost:%p/ --body-contains shop", 0, "UP "),
		TOLD("http://localhost:%p/ --body-contains school", 2, "lacks \"school\"",
			"a shop"),
		SAID("http://localhost:%p/up", 0, "status 301"),
		SAID("http://localhost:%p/up --follow=0", 0, "status 301"),
		TOLD("http://localhost:%p/up --follow", 0, "status 200", "HOP  STATUS  URL"),
		TOLD("http://localhost:%p/up --follow 3", 0,
			"2  200     https://localhost:", "15 days"),
		TOLD("https://localhost:%s/", 1, "the certificate expires in 15 days",
			"issuer       CN=Test CA"),
		TOLD("https://localhost:%s/ --certificate-days-warning 3", 0, "TLS version  TLSv1.",
			"15 days left"),
		TOLD("https://127.0.0.1:%s/", 2, "tls.wrong_name", "names        localhost"),
		SAID("https://127.0.0.1:%s/ --no-verify --certificate-days-warning 3", 0, "UP "),
		SAID("redirect http://localhost:%p/up --certificate-days-warning 3", 0,
			"1 redirects to https://localhost:"),
		TOLD("redirect http://localhost:%p/up --hop status:~302", 2, "http.redirect_hop",
			"instead of 302"),
		TOLD("redirect http://localhost:%p/out", 2, "dns.forbidden_address", "--allow"),
		SAID("tcp localhost:%c", 2, "connection refused by 127.0.0.1:"),
		SAID("tcp localhost:%c --expect closed", 0, "closed: connection refused"),
		SAID("tcp localhost:%p --expect closed", 2, "tcp.open"),
		SAID("tcp -6 localhost:%p --allow ::1", 2, "DOWN "),
		SAID("tcp -4 localhost:%p", 0, "UP "),
		SAID("ping 127.0.0.1 --packets 2 --packet-interval 10ms", 0,
			"2 sent, 2 answered, 0% lost"),
		TOLD("tcp localhost:%p localhost:%c", 2, "\n2 checks: 1 up, 1 down", "UP        "),
		TOLD("tcp localhost:%p localhost:%c --details", 2, "\n2 checks: 1 up, 1 down",
			"\n\nDOWN "),
		/* the worst counts: down, then what could not be checked, then a warning */
		SAID("tcp 10.1.2.3:1 localhost:%c", 2, "1 down, 1 unknown"),
		SAID("tcp 10.1.2.3:1 localhost:%p", 3, "1 up, 1 unknown"),
		SAID("https://localhost:%s/ http://10.1.2.3/", 3, "1 warning, 1 unknown"),
		SAID("https://localhost:%s/ http://localhost:%p/", 1, "1 up, 1 warning"),
		SAID("tcp localhost:%p --count 3 --interval 100ms", 0, "\n3 checks: 3 up; "),
		TOLD("-f %m", 0, "\n2 checks: 2 up", "shop   status 200"),
		SAID("-f %m --concurrency 1 vault", 0, "vault: tcp localhost:"),
		SAID("-f %m paused", 2, "paused: tcp localhost:"),
	};
	expect_outcomes(conf, cases, ARRAY_LEN(cases));
}

/* The policy is the local file's; --allow adds to it for this run alone. */
static void the_local_file_bounds_it(void **state UNUSED)
{
	static const struct outcome cases[] = {
		TOLD("tcp 127.0.0.1:%p", 3, "internal.policy", "--allow"),
		SAID("tcp localhost:%p", 2, "dns.forbidden_address"),
		SAID("tcp 127.0.0.1:%p --allow 127.0.0.1", 0, "UP "),
		SAID("tcp 127.0.0.1:%p --allow 10.0.0.0/8", 3, "internal.policy"),
		SAID("tcp 127.0.0.1:%p", 3, "internal.policy"),
		REFUSED("tcp 127.0.0.1:%p --allow 127.0.0.1/8", "--allow: '127.0.0.1/8'"),
	};
	char narrow[80];
	struct outcome narrowed[] = {
		SAID("tcp 127.0.0.1:%p", 3, "may not run tcp checks"),
		SAID("http://127.0.0.1:%p/ --method POST", 3, "POST"),
		SAID("http://127.0.0.1:%p/", 3, "may not connect to port"),
	};
	expect_outcomes(bare_conf, cases, ARRAY_LEN(cases));
	write_file(narrow, "narrow.yml", 0644,
		"{state_dir: %s, allow: [127.0.0.0/8], types: [http], methods: [GET], ports: "
		"[1]}\n",
		nginx.dir);
	struct ran r = run_with(narrow, narrowed[0].line);
	assert_int_equal(r.status, 3);
	expect_text("tcp", "output", r.out, "says its own file");
	ran_free(&r);
	narrowed[0] = narrowed[1];
	narrowed[1] = narrowed[2];
	expect_outcomes(narrow, narrowed, 2);
}

static void wrong_words_are_named(void **state UNUSED)
{
	static const struct outcome cases[] = {
		REFUSED("", "what should be checked?"),
		REFUSED("tcp", "the target is missing; accepted: tcp TARGET"),
		REFUSED("tpc localhost:1", "did you mean 'tcp'?"),
		REFUSED("localhost:1", "accepted: tcp localhost:1"),
		REFUSED("localhost", "accepted: ping localhost"),
		REFUSED("http://localhost:%p/ tcp", "'tcp'"),
		REFUSED("tcp localhost", "accepted: "),
		REFUSED("tcp localhost:1 --expect shut", "--expect: 'shut'"),
		REFUSED("http://localhost/ --expect closed",
			"--expect: not an option of type http, only of: tcp"),
		REFUSED("http://localhost/ --status 2y", "--status: '2y'"),
		REFUSED("http://localhost/ --follow 21", "--follow: 21"),
		REFUSED("http://localhost/ --timeout 5", "--timeout: '5'"),
		REFUSED("http://localhost/ --timeot 5s", "did you mean '--timeout'?"),
		REFUSED("http://localhost/ --count 0", "--count: '0'"),
		REFUSED("http://localhost/ --interval 1", "--interval: '1'"),
		REFUSED("http://localhost/ -o xml", "-o xml: accepted: table, ndjson or nagios"),
		SAID("http://localhost/ -o nagios --explain", 3,
			"QUORATE UNKNOWN - --explain: accepted with -o table and -o ndjson\n"),
		REFUSED("http://localhost/ -4 -6", "-4 and -6"),
		REFUSED("http://localhost/ --header Accept", "--header: accepted: 'NAME: VALUE'"),
		REFUSED("redirect http://localhost/ --hop x", "--hop: "),
		REFUSED("-f %m --timeout 1s", "--timeout: with -f"),
		REFUSED("-f %m shp", "did you mean 'shop'?"),
		REFUSED("-f /nonexistent", "/nonexistent"),
		REFUSED("-f %m -c /nonexistent", "/nonexistent"),
		SAID("tcp a:1 -o nagios --timout 1s", 3, "QUORATE UNKNOWN - unknown option"),
		REFUSED("http://localhost/ --secret a=%k", "nothing that is checked here"),
		REFUSED("http://localhost/ --secret a", "accepted: --secret NAME=FILE"),
		REFUSED("http://localhost/ --secret a=/nonexistent", "/nonexistent"),
		SAID("--help", 0, "--body-contains TEXT"),
	};
	expect_outcomes(conf, cases, ARRAY_LEN(cases));
}

/* ---- programs */

static void each_line_is_a_result(void **state UNUSED)
{
	struct ran r = run("-o ndjson --explain -f %m --count 2 --interval 100ms --concurrency 3");
	char *save = NULL;
	int n = 0;
	assert_int_equal(r.status, 0);
	for (char *text = strtok_r(r.out, "\n", &save); text; text = strtok_r(NULL, "\n", &save)) {
		json_t *line = json_loads(text, 0, NULL);
		struct problems problems = {0};
		struct result result;
		assert_non_null(line);
		assert_int_equal(
			schema_decode(&result_schema, SCHEMA_WIRE, line, &result, &problems), 0);
		assert_int_equal(result.sequence, ++n);
		assert_int_equal(result.verdict, VERDICT_UP);
		assert_false(id_is_zero(&result.monitor));
		const char *name = json_string_value(json_object_get(line, "name"));
		assert_string_equal(name, n % 2 == 1 ? "shop" : "vault");
		assert_non_null(json_object_get(line, "target"));
		assert_true(json_array_size(json_object_get(line, "steps")) >= 4);
		result_clear(&result);
		json_decref(line);
	}
	assert_int_equal(n, 4);
	ran_free(&r);
}

static void plugins_say_one_line(void **state UNUSED)
{
	static const struct outcome cases[] = {
		TOLD("http://localhost:%p/", 0, "HTTP OK - status 200 | time=0.",
			"s;;;0.000000;10.000000 time_dns=0."),
		SAID("http://localhost:%p/ --timeout 2s --response-time-warning 1s", 0,
			"s;1.000000;;0.000000;2.000000 "),
		SAID("http://localhost:%p/", 0, " size=6B;;;0;\n"),
		TOLD("https://localhost:%s/", 1,
			"HTTP WARNING - the certificate expires in 15 days",
			" certificate_days=15;@~:21;@~:7;;\n"),
		/* a threshold is never down, but a plugin has a word for a critical one */
		SAID("https://localhost:%s/ --certificate-days-critical 20", 2, "HTTP CRITICAL - "),
		SAID("tcp localhost:%c", 2, "TCP CRITICAL - connection refused by 127.0.0.1:"),
		SAID("tcp 10.1.2.3:1", 3, "TCP UNKNOWN - this probe may not contact 10.1.2.3\n"),
		TOLD("ping 127.0.0.1 --packets 1 --loss-warning 20% --rtt-critical 2s", 0,
			"PING OK - ", "ms;;2000;0; pl=0%;20;;0;100 rtmax=0."),
		TOLD("tcp localhost:%p localhost:%c", 2,
			"QUORATE CRITICAL - 2 checks: 1 up, 0 warning, 1 down, 0 unknown | "
			"'localhost:",
			"::time'=0."),
		SAID("redirect http://localhost:%p/up", 0, "REDIRECT OK - "),
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char line[256];
		struct outcome one = cases[i];
		snprintf(line, sizeof(line), "-o nagios %s", cases[i].line);
		one.line = line;
		expect_outcomes(conf, &one, 1);
	}
}

/* ---- steps and secrets */

static void steps_come_in_their_order(void **state UNUSED)
{
	static const char *const steps[] = {"redirect check of http://localhost:", "begins at 20",
		"hop 1: GET", "looking up localhost", "localhost is 127.0.0.1",
		"connecting to 127.0.0.1:", "the request goes out",
		"the answer begins: HTTP/1.1 301", "status 301 leads to https://",
		"hop 2: GET https://", "TLS begins",
		"stands; the certificate is CN=localhost's, for 15 more days",
		"the answer begins: HTTP/", "the body begins", "ends: warning, tls.expires_soon",
		"WARNING "};
	struct ran r = run("redirect http://localhost:%p/up --explain "
			   "--certificate-days-warning 20");
	const char *at = r.out;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		at = strstr(at, steps[i]);
		if (!at)
			fail_msg("step %zu, '%s', is not in its place:\n%s", i, steps[i], r.out);
	}
	ran_free(&r);
	r = run("ping 127.0.0.1 --packets 1 --explain");
	expect_text("ping", "steps", r.out, "ping 1 to 127.0.0.1 is sent");
	expect_text("ping", "steps", r.out, "a reply after 0.");
	ran_free(&r);
	r = run("http://127.0.0.1:%c/ --explain");
	expect_text("http", "steps", r.out, " failed: Connection refused\n");
	ran_free(&r);
	r = run_with(bare_conf, "tcp localhost:%p --explain");
	expect_text("tcp", "steps", r.out, "localhost is 127.0.0.1, refused by the address policy");
	assert_null(strstr(r.out, "connecting"));
	ran_free(&r);
}

static void secrets_come_from_files_and_stay_hidden(void **state UNUSED)
{
	static const struct outcome cases[] = {
		REFUSED("http://localhost:%p/ --header Authorization:~{secret:~token}",
			"--header: the value of the secret 'token' is known to the coordinator "
			"only; "
			"accepted here: --secret token=FILE"),
		REFUSED("-f %d/with-secret.yml",
			"with-secret.yml:2:85: monitors[0].request.headers.Authorization: the "
			"value "
			"of the secret 'acme/token'"),
		SAID("http://localhost:%p/echo --header Authorization:~{secret:~token} --secret "
		     "token=%k",
			2, "you said Bearer [redacted]"),
		SAID("-f %d/with-secret.yml --secret acme/token=%k", 2, "[redacted]"),
	};
	char path[80];
	write_file(path, "with-secret.yml", 0644,
		"monitors:\n- {name: a, http: 'http://localhost:%05d/echo', request: {headers: "
		"{Authorization: {secret: acme/token}}}}\n",
		http_port);
	expect_outcomes(conf, cases, ARRAY_LEN(cases));
	struct ran r = run("http://localhost:%p/mirror --explain --follow --header "
			   "Authorization:~{secret:~token} --secret token=%k");
	expect_text("mirror", "steps", r.out, "[redacted]");
	assert_null(strstr(r.out, "abcdefgh"));
	ran_free(&r);
	assert_int_equal(chmod(secret_file, 0644), 0);
	r = run("http://localhost:%p/ --header Authorization:~{secret:~token} --secret token=%k");
	assert_int_equal(r.status, 3);
	expect_text("0644", "errors", r.err, "lets others at the secret");
	ran_free(&r);
	assert_int_equal(chmod(secret_file, 0600), 0);
}

static void help_of_a_type_is_its_own(void **state UNUSED)
{
	struct ran r = run("help dns");
	assert_int_equal(r.status, 0);
	expect_text("help dns", "output", r.out, "TARGET is a name to look up");
	assert_null(strstr(r.out, "dns: ")); /* it is about them all */
	ran_free(&r);
	r = run("--help dns");
	assert_int_equal(r.status, 0);
	expect_text("--help dns", "output", r.out, "TARGET is a name to look up");
	expect_text("--help dns", "output", r.out, "--answers-exactly TEXT");
	expect_text("--help dns", "output", r.out, "--timeout TIME");
	assert_null(strstr(r.out, "--packets"));
	ran_free(&r);
	r = run("ping --help");
	expect_text("ping --help", "output", r.out, "--packets N");
	assert_null(strstr(r.out, "--record"));
	ran_free(&r);
}

static void the_man_page_agrees(void **state UNUSED)
{
	static char page[1 << 17];
	FILE *f = fopen("probe/quorate-probe.8", "r");
	struct ran r = run("--help");
	char *save = NULL;
	int n = 0;
	assert_non_null(f);
	assert_true(fread(page, 1, sizeof(page) - 1, f) > 0);
	fclose(f);
	for (char *line = strtok_r(r.out, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *name = line[0] == ' ' && line[1] == ' ' ? strstr(line, "--") : NULL;
		char escaped[96] = "";
		size_t at = 0;
		if (!name || name > line + 6)
			continue;
		for (; strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *name) && *name; name++) {
			if (*name == '-')
				escaped[at++] = '\\';
			escaped[at++] = *name;
		}
		if (!strstr(page, escaped))
			fail_msg("%s is not in quorate-probe.8, section CHECK:\n%s", escaped, line);
		n++;
	}
	assert_true(n > 30);
	ran_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_are_told),
		cmocka_unit_test(the_local_file_bounds_it),
		cmocka_unit_test(wrong_words_are_named),
		cmocka_unit_test(each_line_is_a_result),
		cmocka_unit_test(plugins_say_one_line),
		cmocka_unit_test(steps_come_in_their_order),
		cmocka_unit_test(secrets_come_from_files_and_stay_hidden),
		cmocka_unit_test(help_of_a_type_is_its_own),
		cmocka_unit_test(the_man_page_agrees),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
