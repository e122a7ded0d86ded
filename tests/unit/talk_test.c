// SPDX-License-Identifier: MIT
/* What is said on connections, with scripted servers: dialogues of tcp checks, STARTTLS, TLS, and checks of type
 * tls. */
#include "tests/unit/check_kit.h"
#include "tests/unit/tls_kit.h"

#include <openssl/x509.h>

#define ACTS_MAX 8

static struct kit kit;
static struct pki_cert ca, leaf, selfmade, ending;
static char dir[] = "/tmp/quorate-talk.XXXXXX";

/* What the server does, one thing after the other. */
enum act { END, SAY, HEAR, START_TLS, HANG_UP, RESET, WAIT, DRIP, FLOOD, TICKETS };
struct script {
	struct {
		enum act act;
		const char *text;
	} acts[ACTS_MAX];
	const struct pki_cert *leaf; /* NULL: the good one */
	int max_version;
};

struct session {
	const struct script *script;
	int fd;
	SSL *ssl;
	char sni[64];
};

static bool say(struct session *s, const char *text, size_t n)
{
	return s->ssl != NULL ? SSL_write(s->ssl, text, (int)n) == (int)n
			      : send(s->fd, text, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* A line in clear is read no further than its end: what follows may be TLS. */
static bool is_line(const struct session *s, const char *text)
{
	return s->ssl == NULL && text[0] != '\x16';
}

static bool heard_all(const struct session *s, const char *heard, size_t n, const char *text)
{
	return strstr(heard, text) != NULL && (!is_line(s, text) || heard[n - 1] == '\n');
}

static bool hear(struct session *s, const char *text)
{
	char heard[4096] = "";
	size_t n = 0;
	while (!heard_all(s, heard, n, text) && n < sizeof(heard) - 1) {
		ssize_t got = s->ssl != NULL
				      ? SSL_read(s->ssl, heard + n, (int)(sizeof(heard) - 1 - n))
				      : read(s->fd, heard + n,
						is_line(s, text) ? 1 : sizeof(heard) - 1 - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
		heard[n] = '\0';
	}
	return true;
}

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out,
	const unsigned char *in, unsigned n, void *arg)
{
	(void)ssl;
	(void)arg;
	for (unsigned i = 0; i < n; i += in[i] + 1U)
		if (in[i] == 2 && memcmp(in + i + 1, "h2", 2) == 0) {
			*out = in + i + 1;
			*n_out = 2;
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_NOACK;
}

#define ASK      "asks for a client certificate"
#define DEMAND   "demands a client certificate"
#define ASK_ONLY "asks for a client certificate, and sends no tickets"

/* HOW: NULL, or one of the above. */
static void want_certificate(SSL_CTX *ctx, const char *how)
{
	if (how == NULL)
		return;
	SSL_CTX_set_verify(ctx,
		SSL_VERIFY_PEER | (strcmp(how, DEMAND) == 0 ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
		NULL);
	if (strcmp(how, ASK_ONLY) == 0)
		SSL_CTX_set_num_tickets(ctx, 0);
}

static bool start_tls(struct session *s, const char *how)
{
	SSL_CTX *ctx = tls_server(s->script->leaf != NULL ? s->script->leaf : &leaf, NULL);
	if (s->script->max_version != 0)
		SSL_CTX_set_max_proto_version(ctx, s->script->max_version);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	want_certificate(ctx, how);
	SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	s->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(s->ssl, s->fd);
	bool done = SSL_accept(s->ssl) == 1;
	const char *name = SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name);
	snprintf(s->sni, sizeof(s->sni), "%s", name != NULL ? name : "");
	return done;
}

/* Until the other side has enough of it. */
static void pour(struct session *s, const char *text, bool slowly)
{
	struct timespec pause = {.tv_nsec = 5000000};
	while (say(s, text, strlen(text)))
		if (slowly)
			nanosleep(&pause, NULL);
}

/* Session tickets, as fast as they are taken. */
static void tickets(struct session *s)
{
	char byte; /* OpenSSL does not mind that nobody takes them: ask the socket */
	while (SSL_new_session_ticket(s->ssl) == 1 && SSL_do_handshake(s->ssl) == 1)
		if (recv(s->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != -1 || errno != EAGAIN)
			break;
}

static bool perform(struct session *s, enum act act, const char *text)
{
	switch (act) {
	case SAY:
		return say(s, text, strlen(text));
	case HEAR:
		return hear(s, text);
	case START_TLS:
		return start_tls(s, text);
	case RESET:
		peer_reset(s->fd);
		return false;
	case WAIT:
		peer_wait_for_end(s->fd);
		return false;
	case TICKETS:
		tickets(s);
		return false;
	case DRIP:
	case FLOOD:
		pour(s, text, act == DRIP);
		return false;
	default:
		return false;
	}
}

static char last_sni[64];

static void serve(int fd, void *arg)
{
	struct session s = {.script = arg, .fd = fd};
	for (size_t i = 0; i < ACTS_MAX; i++)
		if (!perform(&s, s.script->acts[i].act, s.script->acts[i].text))
			break;
	memcpy(last_sni, s.sni, sizeof(last_sni));
	SSL_free(s.ssl);
}

static int setup(void **state)
{
	char path[64];
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(dir));
	ca = pki_make("Trusted CA", NULL, NULL, -PKI_DAY, 900 * PKI_DAY);
	leaf = pki_make("leaf", "DNS:a.test,IP:127.0.0.1", &ca, -PKI_DAY, 90 * PKI_DAY);
	ending = pki_make("ending", "DNS:a.test,IP:127.0.0.1", &ca, -PKI_DAY, 5 * PKI_DAY + 60);
	selfmade = pki_make("selfmade", "DNS:a.test,IP:127.0.0.1", NULL, -PKI_DAY, 90 * PKI_DAY);
	pki_write(dir, "ca.pem", ca.x509, NULL);
	snprintf(path, sizeof(path), "%s/ca.pem", dir);
	setenv("SSL_CERT_FILE", path, 1);
	kit_open(&kit);
	return 0;
}

static int teardown(void **state)
{
	char path[64];
	(void)state;
	kit_close(&kit);
	pki_free(&ca);
	pki_free(&leaf);
	pki_free(&ending);
	pki_free(&selfmade);
	snprintf(path, sizeof(path), "%s/ca.pem", dir);
	unlink(path);
	rmdir(dir);
	return 0;
}

/* A monitor as people write it, %d the server's port. */
static struct monitor monitor_of(const char *json, int port)
{
	char text[1024];
	struct problems problems = {.n = 0};
	struct monitor m;
	snprintf(text, sizeof(text), "{\"name\":\"x\",%s}", json);
	char *place = strstr(text, "PORT");
	char digits[8];
	assert_non_null(place);
	snprintf(digits, sizeof(digits), "%04d", port % 100000);
	memmove(place + strlen(digits), place + 4, strlen(place + 4) + 1);
	memcpy(place, digits, strlen(digits));
	json_t *in = json_loads(text, 0, NULL);
	if (in == NULL || monitor_decode(in, SCHEMA_STRICT, "", &m, &problems) != 0)
		fail_msg("%s: %s %s", text, problems.item[0].path, problems.item[0].message);
	json_decref(in);
	return m;
}

static struct result *run(const struct script *script, const char *json)
{
	struct peer peer;
	peer_start(&peer, serve, (void *)(uintptr_t)script);
	struct result *r = kit_run(&kit, monitor_of(json, peer.port));
	peer_stop(&peer);
	return r;
}

#define TCP(rest)    "\"tcp\":\"127.0.0.1:PORT\"" rest
#define TLS(rest)    "\"tls\":\"127.0.0.1:PORT\"" rest
#define STEPS(steps) TCP(",\"timeout\":\"10s\",\"request\":{\"dialogue\":[" steps "]}")
#define SMTP                                                                                       \
	{SAY, "220 mx\r\n"}, {HEAR, "EHLO"}, {SAY, "250-mx\r\n250 STARTTLS\r\n"},                  \
		{HEAR, "STARTTLS"},                                                                \
	{                                                                                          \
		SAY, "220 go\r\n"                                                                  \
	}

static const struct {
	const char *json;
	struct script script;
	const char *reason, *detail, *excerpt; /* EXCERPT NULL: none */
	bool certificate;
} cases[] = {
	/* dialogues */
	{STEPS("{\"expect\":\"220\"},{\"send\":\"QUIT\\r\\n\"},{\"expect_regex\":\"^221 \"}"),
		{{{SAY, "220 mx ready\r\n"}, {HEAR, "QUIT"}, {SAY, "221 bye\r\n"}, {WAIT, NULL}},
			NULL, 0},
		"ok", "it says \"220 mx ready\"", NULL, false},
	{STEPS("{\"expect\":\"220\"}"), {{{SAY, "554 go away\r\n"}}, NULL, 0}, "content.missing",
		"instead: \"554 go away\"", "554 go away\r\n", false},
	{STEPS("{\"expect\":\"220\"}"), {{{HANG_UP, NULL}}, NULL, 0}, "tcp.closed_early",
		"nothing did", NULL, false},
	{TCP(",\"timeout\":\"300ms\",\"request\":{\"dialogue\":[{\"expect\":\"220\"}]}"),
		{{{SAY, "\xff\1hm\r\n"}, {WAIT, NULL}}, NULL, 0}, "content.timeout",
		"the time was over before \"220\" came", "?\1hm\r\n", false},
	{STEPS("{\"expect\":\"220\"}"), {{{FLOOD, "abcdefghijklmnopqrstuvwxyz"}}, NULL, 0},
		"content.missing", "not among the first 65536 bytes", "abcdef", false},
	{TCP(",\"timeout\":\"300ms\",\"request\":{\"dialogue\":[{\"expect\":\"220\"}]}"),
		{{{DRIP, "x"}}, NULL, 0}, "content.timeout", "instead: \"xx", "xx", false},
	{STEPS("{\"expect_regex\":\"(a+)+[bc]$\"}"),
		{{{FLOOD, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}, NULL, 0},
		"content.pattern", "step 1", "aaa", false},
	/* TLS at once, with a dialogue */
	{TCP(",\"timeout\":\"10s\",\"request\":{\"tls\":true,\"dialogue\":[{\"send\":\"hi\\r\\n\"},"
	     "{\"expect\":\"ho\"}]}"),
		{{{START_TLS, NULL}, {HEAR, "hi"}, {SAY, "ho\r\n"}, {WAIT, NULL}}, NULL, 0}, "ok",
		"TLSv1.3 with 127.0.0.1", NULL, true},
	{TCP(",\"timeout\":\"10s\",\"request\":{\"tls\":true,\"dialogue\":[{\"expect\":\"ho\"}]}"),
		{{{START_TLS, NULL}, {SAY, "no\r\n"}}, NULL, 0}, "content.missing",
		"instead: \"no\"", "no\r\n", true},
	/* TLS in the midst of a dialogue */
	{STEPS("{\"expect\":\"go?\"},{\"send\":\"go!\\r\\n\"},{\"starttls\":true},"
	       "{\"expect\":\"safe\"}"),
		{{{SAY, "go?\r\nmore\r\n"}, {HEAR, "go!"}, {START_TLS, NULL}, {SAY, "safe\r\n"},
			 {WAIT, NULL}},
			NULL, 0},
		"tls.starttls_unexpected", "more in plain text before TLS", "more", false},
	{STEPS("{\"expect\":\"go?\"},{\"send\":\"go!\\r\\n\"},{\"starttls\":true},"
	       "{\"expect\":\"safe\"}"),
		{{{SAY, "go?\r\n"}, {HEAR, "go!"}, {START_TLS, NULL}, {SAY, "safe\r\n"},
			 {WAIT, NULL}},
			NULL, 0},
		"ok", "TLSv1.3", NULL, true},
	{TCP(",\"timeout\":\"300ms\",\"request\":{\"tls\":true,\"dialogue\":[{\"expect\":\"ho\"}]"
	     "}"),
		{{{START_TLS, NULL}, {TICKETS, NULL}}, NULL, 0}, "content.timeout", "nothing did",
		NULL, true},
	/* STARTTLS */
	{TCP(",\"request\":{\"starttls\":\"smtp\"}"), {{SMTP, {START_TLS, NULL}}, NULL, 0}, "ok",
		"TLSv1.3", NULL, true},
	{TLS(",\"request\":{\"starttls\":\"smtp\"}"), {{SMTP, {START_TLS, NULL}}, &selfmade, 0},
		"tls.self_signed", "is self-signed", NULL, true},
	{TLS(",\"request\":{\"starttls\":\"imap\"}"),
		{{{SAY, "* OK\r\n"}, {HEAR, "STARTTLS"}, {SAY, "q1 NO\r\n"}}, NULL, 0},
		"tls.starttls_refused", "refuses TLS: \"q1 NO\"", NULL, false},
	{TLS(",\"request\":{\"starttls\":\"smtp\"}"),
		{{{SAY, "220 mx\r\n"}, {HEAR, "EHLO"}}, NULL, 0}, "tcp.closed_early",
		"before TLS began", NULL, false},
	{TLS(",\"timeout\":\"300ms\",\"request\":{\"starttls\":\"postgres\"}"),
		{{{WAIT, NULL}}, NULL, 0}, "tls.timeout", "said nothing", NULL, false},
	{TLS(",\"timeout\":\"300ms\",\"request\":{\"starttls\":\"smtp\"}"),
		{{{DRIP, "220-x\r\n"}}, NULL, 0}, "tls.timeout", "gave no go-ahead", NULL, false},
	{TLS(",\"timeout\":\"10s\",\"request\":{\"starttls\":\"smtp\"}"),
		{{{FLOOD, "220-x\r\n"}}, NULL, 0}, "tls.starttls_unexpected", "16384 bytes", NULL,
		false},
	/* handshakes */
	{TLS(""), {{{START_TLS, NULL}, {WAIT, NULL}}, NULL, 0}, "ok", "valid for 89 more days",
		NULL, true},
	{TLS(""), {{{START_TLS, NULL}}, &selfmade, 0}, "tls.self_signed", "is self-signed", NULL,
		true},
	{TLS(",\"request\":{\"verify\":false}"), {{{START_TLS, NULL}}, &selfmade, 0}, "ok", "",
		NULL, true},
	{TLS(",\"request\":{\"server_name\":\"b.test\"}"), {{{START_TLS, NULL}}, NULL, 0},
		"tls.wrong_name", "not for b.test", NULL, true},
	{TLS(",\"request\":{\"server_name\":\"a.test\"}"), {{{START_TLS, NULL}}, NULL, 0}, "ok", "",
		NULL, true},
	{TLS(""), {{{SAY, "220 mail.test ESMTP hello\r\n"}, {WAIT, NULL}}, NULL, 0}, "tls.not_tls",
		"does not speak TLS", NULL, false},
	{TLS(""), {{{HEAR, "\x16"}}, NULL, 0}, "tls.closed_early", "", NULL, false},
	{TLS(""), {{{HEAR, "\x16"}, {RESET, NULL}}, NULL, 0}, "tcp.reset", "reset", NULL, false},
	{TLS(",\"timeout\":\"300ms\""), {{{WAIT, NULL}}, NULL, 0}, "tls.timeout",
		"did not finish the TLS handshake", NULL, false},
	/* TLS 1.3 refuses a client without a certificate when the handshake is done */
	{TLS(""), {{{START_TLS, DEMAND}}, NULL, 0}, "tls.client_certificate", "(116)", NULL, true},
	{TLS(""), {{{START_TLS, DEMAND}}, NULL, TLS1_2_VERSION}, "tls.client_certificate", "(40)",
		NULL, true},
	{TCP(",\"request\":{\"tls\":true}"), {{{START_TLS, DEMAND}}, NULL, 0},
		"tls.client_certificate", "(116)", NULL, true},
	{TLS(""), {{{START_TLS, ASK}, {WAIT, NULL}}, NULL, 0}, "ok", "", NULL, true},
	{TLS(""), {{{START_TLS, ASK_ONLY}, {SAY, "hi"}, {WAIT, NULL}}, NULL, 0}, "ok", "", NULL,
		true},
	{TLS(",\"timeout\":\"400ms\",\"expect\":{\"response_time\":{\"warning\":\"199ms\"}}"),
		{{{START_TLS, ASK_ONLY}, {WAIT, NULL}}, NULL, 0}, "ok", "", NULL, true},
	{TLS(""), {{{START_TLS, ASK_ONLY}, {HANG_UP, NULL}}, NULL, 0}, "tls.client_certificate",
		"closed the connection without one", NULL, true},
	/* what must come out */
	{TLS(",\"expect\":{\"tls_version\":{\"min\":\"TLSv1.3\"}}"),
		{{{START_TLS, NULL}}, NULL, TLS1_2_VERSION}, "tls.version",
		"TLSv1.2 came out; expected: at least TLSv1.3", NULL, true},
	{TLS(",\"expect\":{\"tls_version\":{\"max\":\"TLSv1.2\"}}"), {{{START_TLS, NULL}}, NULL, 0},
		"tls.version", "TLSv1.3 came out; expected: at most TLSv1.2", NULL, true},
	{TLS(""), {{{START_TLS, NULL}}, NULL, TLS1_1_VERSION}, "tls.old_version", "", NULL, false},
	{TLS(",\"expect\":{\"tls_version\":{\"min\":\"TLSv1\"}}"),
		{{{START_TLS, NULL}}, NULL, TLS1_1_VERSION}, "ok", "TLSv1.1 with", NULL, true},
	{TLS(",\"request\":{\"alpn\":[\"http/1.1\",\"h2\"]}"), {{{START_TLS, NULL}}, NULL, 0}, "ok",
		"", NULL, true},
	{TLS(",\"request\":{\"alpn\":[\"http/1.1\",\"x\"]}"), {{{START_TLS, NULL}}, NULL, 0},
		"tls.alpn", "none of the application protocols: http/1.1, x", NULL, true},
	{TLS(",\"expect\":{\"issuer\":\"Trusted\"}"), {{{START_TLS, NULL}}, NULL, 0}, "ok", "",
		NULL, true},
	{TLS(",\"expect\":{\"issuer\":\"Let's Encrypt\"}"), {{{START_TLS, NULL}}, NULL, 0},
		"tls.wrong_certificate", "issuer is CN=Trusted CA; expected: Let's Encrypt", NULL,
		true},
	{TLS(",\"expect\":{\"fingerprint\":"
	     "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}"),
		{{{START_TLS, NULL}}, NULL, 0}, "tls.wrong_certificate",
		"fingerprint (SHA-256) is ", NULL, true},
	{TLS(""), {{{START_TLS, NULL}}, &ending, 0}, "tls.expires_soon",
		"expires in 5 days, critical from 7 days", NULL, true},
	{TLS(",\"expect\":{\"certificate_days\":{\"warning\":10}}"),
		{{{START_TLS, NULL}}, &ending, 0}, "tls.expires_soon",
		"expires in 5 days, warning from 10 days", NULL, true},
	{TLS(",\"expect\":{\"certificate_days\":{}}"), {{{START_TLS, NULL}}, &ending, 0}, "ok", "",
		NULL, true},
	/* closed is closed, however much was to be said */
	{TCP(",\"expect\":{\"port\":\"closed\"}"), {{{SAY, "x"}}, NULL, 0}, "tcp.open",
		"must be closed", NULL, false},
};

static void servers_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct result *r = run(&cases[i].script, cases[i].json);
		const char *code = reason_code((enum reason)r->reason);
		if (strcmp(code, cases[i].reason) != 0)
			fail_msg("case %zu %s: %s (%s)", i, cases[i].json, code, r->detail);
		if (strstr(r->detail, cases[i].detail) == NULL)
			fail_msg("case %zu %s: %s", i, cases[i].json, r->detail);
		if ((r->body_excerpt != NULL) != (cases[i].excerpt != NULL) ||
			(r->body_excerpt != NULL && strncmp(r->body_excerpt, cases[i].excerpt,
							    strlen(cases[i].excerpt)) != 0))
			fail_msg("case %zu: excerpt '%s'", i,
				r->body_excerpt != NULL ? r->body_excerpt : "none");
		if ((r->certificate.subject != NULL) != cases[i].certificate)
			fail_msg("case %zu: certificate", i);
		assert_true(r->duration_ms < 3000);
		assert_non_null(r->address);
	}
}

static void phases_and_facts_are_told(void **state)
{
	static const struct script script = {
		{{START_TLS, NULL}, {HEAR, "hi"}, {SAY, "ho\r\n"}, {WAIT, NULL}}, NULL, 0};
	(void)state;
	struct result *r = run(&script,
		TCP(",\"request\":{\"tls\":true,\"server_name\":\"a.test\",\"alpn\":[\"h2\"],"
		    "\"dialogue\":[{\"send\":\"hi\"},{\"expect\":\"ho\"}]}"));
	assert_reason(r, "ok");
	assert_true(r->phases.resolve_us >= 0 && r->phases.connect_us >= 0);
	assert_true(
		r->phases.tls_us > 0 && r->phases.first_byte_us >= 0 && r->phases.transfer_us >= 0);
	assert_true(r->phases.connect_us + r->phases.tls_us + r->phases.first_byte_us +
			    r->phases.transfer_us <=
		    r->phases.total_us);
	assert_int_equal(r->bytes, 4);
	assert_string_equal(r->certificate.tls_version, "TLSv1.3");
	assert_string_equal(r->certificate.alpn, "h2");
	assert_int_equal(r->certificate.days, 89);
	assert_string_equal(last_sni, "a.test");
}

static void a_fingerprint_is_compared_as_openssl_prints_it(void **state)
{
	static const struct script script = {{{START_TLS, NULL}}, NULL, 0};
	unsigned char digest[32];
	char json[512], *to = json;
	(void)state;
	assert_int_equal(X509_digest(leaf.x509, EVP_sha256(), digest, NULL), 1);
	to += sprintf(to, TLS(",\"expect\":{\"fingerprint\":\""));
	for (size_t i = 0; i < sizeof(digest); i++)
		to += sprintf(to, "%s%02X", i > 0 ? ":" : "", digest[i]);
	strcpy(to, "\"}");
	assert_reason(run(&script, json), "ok");
}

/* What a dialogue sent as a secret is not shown when the server repeats it. */
static void secrets_are_not_repeated(void **state)
{
	static const struct script script = {
		{{HEAR, "\n"}, {SAY, "ERR bad password 'hunter2hunter2'\r\n"}}, NULL, 0};
	struct peer peer;
	(void)state;
	peer_start(&peer, serve, (void *)(uintptr_t)&script);
	struct monitor m = monitor_of(STEPS("{\"send\":\"AUTH \"},{\"send\":{\"secret\":\"a/b\"}},"
					    "{\"send\":\"\\r\\n\"},{\"expect\":\"+OK\"}"),
		peer.port);
	struct dialogue_step *steps = m.request.dialogue.item;
	mem_set(&steps[1].send.value, "hunter2hunter2");
	struct result *r = kit_run(&kit, m);
	peer_stop(&peer);
	assert_reason(r, "content.missing");
	assert_null(strstr(r->detail, "hunter2"));
	assert_null(strstr(r->body_excerpt, "hunter2"));
	assert_non_null(strstr(r->body_excerpt, "ERR bad password '[redacted]'"));
}

static void a_slow_connection_is_a_warning(void **state)
{
	int port, fd = peer_listen(&port);
	(void)state;
	struct monitor m = monitor_of(TCP(""), port);
	m.expect.connect_time = (struct threshold_ms){.warning_ms = 0, .critical_ms = 60000};
	struct result *r = kit_run(&kit, m);
	assert_reason(r, "slow.connect");
	assert_int_equal(r->severity[THRESHOLD_SLOW], SEVERITY_WARNING);
	close(fd);
}

/* The time that a failure took is not the time of an answer. */
static void the_average_is_of_answers(void **state)
{
	static const struct script fails = {{{SAY, "554 no\r\n"}, {HANG_UP, NULL}}, NULL, 0},
				   works = {{{SAY, "220 yes\r\n"}, {WAIT, NULL}}, NULL, 0};
	struct peer peer;
	(void)state;
	peer_start(&peer, serve, (void *)(uintptr_t)&fails);
	struct monitor m = monitor_of(STEPS("{\"expect\":\"220\"}"), peer.port);
	m.expect.response_time.warning_ms = 0;
	m.expect.average_over_ms = 600000;
	struct job *job = job_new(&m, 1);
	engine_run(kit.engine, job, 0, kit_done_cb, &kit);
	loop_run(kit.loop);
	assert_int_equal(kit.result.verdict, VERDICT_DOWN);
	peer.arg = (void *)(uintptr_t)&works;
	engine_run(kit.engine, job, 0, kit_done_cb, &kit);
	loop_run(kit.loop);
	assert_reason(&kit.result, "slow.response");
	assert_non_null(strstr(kit.result.detail, "(1 check)"));
	job_unref(job);
	peer_stop(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_judged),
		cmocka_unit_test(phases_and_facts_are_told),
		cmocka_unit_test(a_fingerprint_is_compared_as_openssl_prints_it),
		cmocka_unit_test(secrets_are_not_repeated),
		cmocka_unit_test(a_slow_connection_is_a_warning),
		cmocka_unit_test(the_average_is_of_answers),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
