// SPDX-License-Identifier: MIT
/* STARTTLS in each protocol: what is said, what a refusal and nonsense are; whole and byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "probe/starttls.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMTP_OK "220 mx ESMTP\r\n250-mx\r\n250-STARTTLS\r\n250 8BITMIME\r\n220 go\r\n"
#define EHLO    "EHLO probe.quorate.invalid\r\n"
#define LDAP_REQUEST                                                                               \
	"\x30\x1d\x02\x01\x01\x77\x18\x80\x16"                                                     \
	"1.3.6.1.4.1.1466.20037"
#define XMPP_OPEN(kind)                                                                            \
	"<?xml version='1.0'?><stream:stream to='host.test' version='1.0' xmlns='jabber:" kind     \
	"' xmlns:stream='http://etherx.jabber.org/streams'>"
#define XMPP_ASK "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define XMPP_FEATURES                                                                              \
	"<?xml version='1.0'?><stream:stream id='1'><stream:features><starttls "                   \
	"xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
/* length, sequence, protocol 10, version, thread, salt, NUL, what it can */
#define MYSQL(can_low)                                                                             \
	"\x17\0\0\0\x0a"                                                                           \
	"5.5\0"                                                                                    \
	"\1\0\0\0"                                                                                 \
	"saltsalt\0" can_low "\0\0\0"
#define T(text) text, sizeof(text) - 1

static const struct script {
	enum starttls_protocol protocol;
	const char *server; /* all that it says, whatever it is told */
	size_t n;
	enum starttls_state state;
	const char *code, *detail; /* of a failure */
	const char *said;          /* by us; NULL: not looked at */
	size_t n_said;
} scripts[] = {
	{STARTTLS_SMTP, T(SMTP_OK), STARTTLS_READY, NULL, NULL, T(EHLO "STARTTLS\r\n")},
	{STARTTLS_SMTP, T("220-a\r\n220 b\n250 starttls\r\n220 go\n"), STARTTLS_READY, NULL, NULL,
		T(EHLO "STARTTLS\r\n")},
	{STARTTLS_SMTP, T("220 mx\r\n250-mx\r\n250 STARTTLSX\r\n"), STARTTLS_FAILED,
		"tls.starttls_refused", "does not offer STARTTLS", T(EHLO)},
	{STARTTLS_SMTP, T("220 mx\r\n250 STARTTLS\r\n454 not now\r\n"), STARTTLS_FAILED,
		"tls.starttls_refused", "refuses TLS: \"454 not now\"", NULL, 0},
	{STARTTLS_SMTP, T("220 mx\r\n250 STARTTLS\r\n354 what\r\n"), STARTTLS_FAILED,
		"tls.starttls_unexpected", "\"354 what\" is no answer of smtp", NULL, 0},
	{STARTTLS_SMTP, T("554 go away\r\n"), STARTTLS_FAILED, "tls.starttls_unexpected",
		"\"554 go away\"", T("")},
	{STARTTLS_SMTP, T("HTTP/1.1 400 Bad Request\r\n"), STARTTLS_FAILED,
		"tls.starttls_unexpected", "HTTP/1.1 400", T("")},
	{STARTTLS_SMTP, T("220 mx\r\n502 no\r\n"), STARTTLS_FAILED, "tls.starttls_unexpected",
		"502 no", T(EHLO)},
	{STARTTLS_SMTP, T(SMTP_OK "250 injected\r\n"), STARTTLS_FAILED, "tls.starttls_unexpected",
		"more in plain text", NULL, 0},
	{STARTTLS_SMTP, T("220 mx\r\n250-mx\r\n"), STARTTLS_WAIT, NULL, NULL, T(EHLO)},
	{STARTTLS_LMTP, T("220 mx\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n"), STARTTLS_READY, NULL,
		NULL, T("LHLO probe.quorate.invalid\r\nSTARTTLS\r\n")},
	{STARTTLS_FTP,
		T("120 soon\r\n220-hello\r\nno code here\r\n 220 nor here\r\n220 now\r\n234 "
		  "go\r\n"),
		STARTTLS_READY, NULL, NULL, T("AUTH TLS\r\n")},
	{STARTTLS_FTP, T("220 hi\r\n530 please log in\r\n"), STARTTLS_FAILED,
		"tls.starttls_refused", "530 please", NULL, 0},
	{STARTTLS_NNTP, T("201 read only\r\n382 go\r\n"), STARTTLS_READY, NULL, NULL,
		T("STARTTLS\r\n")},
	{STARTTLS_NNTP, T("200 hi\r\n580 no\r\n"), STARTTLS_FAILED, "tls.starttls_refused",
		"580 no", NULL, 0},
	{STARTTLS_POP3, T("+OK ready\r\n+OK go\r\n"), STARTTLS_READY, NULL, NULL, T("STLS\r\n")},
	{STARTTLS_POP3, T("+OKAY\r\n"), STARTTLS_FAILED, "tls.starttls_unexpected", "+OKAY", NULL,
		0},
	{STARTTLS_POP3, T("+OK\r\n-ERR no\r\n"), STARTTLS_FAILED, "tls.starttls_refused", "-ERR no",
		NULL, 0},
	{STARTTLS_IMAP, T("* OK ready\r\n* CAPABILITY x\r\nq1 OK go\r\n"), STARTTLS_READY, NULL,
		NULL, T("q1 STARTTLS\r\n")},
	{STARTTLS_IMAP, T("* PREAUTH hi\r\n"), STARTTLS_FAILED, "tls.starttls_refused", "PREAUTH",
		T("")},
	{STARTTLS_IMAP, T("* OK\r\nq1 BAD what\r\n"), STARTTLS_FAILED, "tls.starttls_refused",
		"q1 BAD", NULL, 0},
	{STARTTLS_IMAP, T("* OK\r\nq2 OK\r\n"), STARTTLS_FAILED, "tls.starttls_unexpected", "q2 OK",
		NULL, 0},
	{STARTTLS_SIEVE, T("\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK\r\nOK go\r\n"),
		STARTTLS_READY, NULL, NULL, T("STARTTLS\r\n")},
	{STARTTLS_SIEVE, T("\"SASL\" \"\"\r\nOK\r\n"), STARTTLS_FAILED, "tls.starttls_refused",
		"does not offer", T("")},
	{STARTTLS_SIEVE, T("NO\r\n"), STARTTLS_FAILED, "tls.starttls_refused", "NO", T("")},
	{STARTTLS_XMPP, T(XMPP_FEATURES "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
		STARTTLS_READY, NULL, NULL, T(XMPP_OPEN("client") XMPP_ASK)},
	{STARTTLS_XMPP_SERVER, T(XMPP_FEATURES "<proceed xmlns='x'></proceed>"), STARTTLS_READY,
		NULL, NULL, T(XMPP_OPEN("server") XMPP_ASK)},
	{STARTTLS_XMPP, T("<stream:features/>"), STARTTLS_FAILED, "tls.starttls_refused",
		"does not offer", NULL, 0},
	{STARTTLS_XMPP, T(XMPP_FEATURES "<failure/>"), STARTTLS_FAILED, "tls.starttls_refused",
		"<failure", NULL, 0},
	{STARTTLS_XMPP, T("<stream:stream><stream:error><host-unknown/></stream:error>"),
		STARTTLS_FAILED, "tls.starttls_unexpected", "<host-unknown", NULL, 0},
	{STARTTLS_LDAP, T("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"),
		STARTTLS_READY, NULL, NULL, T(LDAP_REQUEST)},
	{STARTTLS_LDAP, T("\x30\x84\0\0\0\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"),
		STARTTLS_READY, NULL, NULL, T(LDAP_REQUEST)},
	{STARTTLS_LDAP, T("\x30\x0e\x02\x01\x01\x78\x09\x0a\x01\x02\x04\x00\x04\x02no"),
		STARTTLS_FAILED, "tls.starttls_refused", "LDAP result 2, no", NULL, 0},
	{STARTTLS_LDAP, T("\x30\x80"), STARTTLS_FAILED, "tls.starttls_unexpected",
		"not one of ldap", NULL, 0},
	{STARTTLS_LDAP, T("\x30\x84\xff\xff\xff\xff"), STARTTLS_FAILED, "tls.starttls_unexpected",
		"", NULL, 0},
	{STARTTLS_LDAP, T("\x30\x05\x02\x01\x01\x61\x00"), STARTTLS_FAILED,
		"tls.starttls_unexpected", "", NULL, 0},
	{STARTTLS_LDAP, T("\x30\x03\x02\x09\x01"), STARTTLS_FAILED, "tls.starttls_unexpected", "",
		NULL, 0},
	{STARTTLS_POSTGRES, T("S"), STARTTLS_READY, NULL, NULL, T("\0\0\0\x08\x04\xd2\x16\x2f")},
	{STARTTLS_POSTGRES, T("N"), STARTTLS_FAILED, "tls.starttls_refused", "does not offer", NULL,
		0},
	{STARTTLS_POSTGRES, T("E"), STARTTLS_FAILED, "tls.starttls_unexpected", "", NULL, 0},
	{STARTTLS_POSTGRES, T("SS"), STARTTLS_FAILED, "tls.starttls_unexpected",
		"more in plain text", NULL, 0},
	{STARTTLS_MYSQL, T(MYSQL("\xff\xff")), STARTTLS_READY, NULL, NULL,
		T("\x20\0\0\1\0\x8a\0\0\0\0\0\1\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		  "\0")},
	{STARTTLS_MYSQL, T(MYSQL("\xff\xf7")), STARTTLS_FAILED, "tls.starttls_refused",
		"does not offer", T("")},
	{STARTTLS_MYSQL,
		T("\x0b\0\0\0\xff\x6a\x04"
		  "blocked!"),
		STARTTLS_FAILED, "tls.starttls_unexpected", "with an error: blocked!", T("")},
	{STARTTLS_MYSQL, T("\x01\0\0\0\x09"), STARTTLS_FAILED, "tls.starttls_unexpected", "", NULL,
		0},
	{STARTTLS_MYSQL, T("\xff\xff\xff\0"), STARTTLS_FAILED, "tls.starttls_unexpected", "", NULL,
		0},
	{STARTTLS_MYSQL, T("SSH-2.0-x\r\n"), STARTTLS_FAILED, "tls.starttls_unexpected", "", NULL,
		0},
};

static void compare(const struct script *c, size_t i, enum starttls_state state,
	const struct starttls *s, const struct buf *out)
{
	if (state != c->state)
		fail_msg("script %zu: state %d (%s)", i, (int)state, s->detail);
	if (c->code != NULL) {
		if (strcmp(reason_code(s->reason), c->code) != 0)
			fail_msg("script %zu: %s, %s", i, reason_code(s->reason), s->detail);
		if (strstr(s->detail, c->detail) == NULL)
			fail_msg("script %zu: %s", i, s->detail);
	}
	if (c->said != NULL) {
		assert_int_equal(out->size_bytes, c->n_said);
		if (c->n_said > 0)
			assert_memory_equal(out->data, c->said, c->n_said);
	}
}

static void run(const struct script *c, size_t i, size_t piece)
{
	struct starttls s;
	struct buf out;
	buf_init(&out, 4096);
	starttls_init(&s, c->protocol, "host.test");
	enum starttls_state state = starttls_take(&s, NULL, 0, &out);
	for (size_t at = 0; at < c->n && (state == STARTTLS_WAIT || state == STARTTLS_READY);) {
		size_t n = c->n - at < piece ? c->n - at : piece;
		char *copy = mem_alloc(n); /* of its exact size */
		memcpy(copy, c->server + at, n);
		state = starttls_take(&s, copy, n, &out);
		free(copy);
		at += n;
	}
	compare(c, i, state, &s, &out);
	starttls_clear(&s);
	buf_clear(&out);
}

static void every_protocol_is_spoken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		run(&scripts[i], i, SIZE_MAX);
}

/* A server that says all at once and one whose bytes come one by one mean the same. */
static void byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		if (strstr(scripts[i].detail != NULL ? scripts[i].detail : "", "plain text") ==
			NULL)
			run(&scripts[i], i, 1);
}

static void a_server_that_talks_on_is_stopped(void **state)
{
	static const char *const endless[STARTTLS_COUNT] = {
		[STARTTLS_SMTP] = "220-x\r\n",
		[STARTTLS_LMTP] = "220-x\r\n",
		[STARTTLS_IMAP] = "x",
		[STARTTLS_POP3] = "x",
		[STARTTLS_FTP] = "220-x\r\n",
		[STARTTLS_NNTP] = "xxxx",
		[STARTTLS_SIEVE] = "\"x\"\r\n",
		[STARTTLS_XMPP] = "<a>",
		[STARTTLS_XMPP_SERVER] = "<a>",
		[STARTTLS_LDAP] = "\x30\x82\x3f\x00",
		[STARTTLS_POSTGRES] = "x",
		[STARTTLS_MYSQL] = "\xf0\x3f\x00\x00",
	};
	(void)state;
	for (int p = 0; p < STARTTLS_COUNT; p++) {
		struct starttls s;
		struct buf out;
		enum starttls_state now;
		int turns = 0;
		buf_init(&out, 4096);
		starttls_init(&s, (enum starttls_protocol)p, "h");
		now = starttls_take(&s, NULL, 0, &out);
		while (now == STARTTLS_WAIT && turns++ < 20000)
			now = starttls_take(&s, endless[p],
				strlen(endless[p]) > 0 ? strlen(endless[p]) : 1, &out);
		assert_int_equal(now, STARTTLS_FAILED);
		assert_int_equal(s.reason, REASON_TLS_STARTTLS_UNEXPECTED);
		assert_true(out.size_bytes < 512);
		starttls_clear(&s);
		buf_clear(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_protocol_is_spoken),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(a_server_that_talks_on_is_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
