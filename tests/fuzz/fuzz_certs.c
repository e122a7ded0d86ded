// SPDX-License-Identifier: MIT
/*
 * What a server sends of certificates, into facts and judgement. The input: a byte of flags, then for each
 * certificate three bytes of length and its DER, as TLS has them, the server's own first; what follows a length of
 * 0 is the stapled OCSP response.
 */
#include "probe/certs_internal.h"
#include "proto/base/mem.h"
#include "proto/base/utf8.h"
#include "proto/monitor.h"

#include <openssl/err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRUST_LAST 1
#define NOW_MS     INT64_C(1795305600000) /* 2026-11-22: when the corpus was written */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* Returns how many bytes were read. */
static size_t read_chain(const uint8_t *data, size_t n, STACK_OF(X509) * out)
{
	size_t at = 0;
	while (n - at >= 3) {
		size_t length = (size_t)data[at] << 16 | (size_t)data[at + 1] << 8 | data[at + 2];
		const unsigned char *der = data + at + 3;
		at += 3;
		if (length == 0)
			break;
		if (length > n - at)
			length = n - at;
		X509 *x = d2i_X509(NULL, &der, (long)length);
		if (x != NULL && sk_X509_push(out, x) <= 0)
			X509_free(x);
		at += length;
	}
	return at;
}

/* What was made of it fits into a result, and a result's ceilings. */
static void must_fit(const struct certificate *facts, const char *detail)
{
	struct problems problems = {0};
	struct result r, back;
	schema_defaults(&result_schema, &r);
	r.sequence = r.monitor_revision = 1;
	r.duration_ms = r.age_ms = r.started_wall_ms = 1;
	r.verdict = VERDICT_UP;
	r.monitor.byte[0] = 1;
	cert_facts_copy(facts, &r.certificate);
	r.detail = utf8_clean(detail, strlen(detail), RESULT_DETAIL_MAX_BYTES);
	json_t *json = schema_encode(&result_schema, SCHEMA_WIRE, &r);
	if (schema_decode(&result_schema, SCHEMA_WIRE, json, &back, &problems) != 0) {
		fprintf(stderr, "%s: %s\n", problems.item[0].path, problems.item[0].message);
		abort();
	}
	json_decref(json);
	result_clear(&r);
	result_clear(&back);
}

static void judge(X509_STORE *store, STACK_OF(X509) * chain, const struct certificate *facts)
{
	char detail[2][RESULT_DETAIL_MAX_BYTES] = {"", ""};
	enum reason reason[2];
	for (int i = 0; i < 2; i++) {
		struct cert_dates dates;
		X509_STORE_CTX *ctx = X509_STORE_CTX_new();
		ensure(X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain) == 1);
		X509_STORE_CTX_set_default(ctx, "ssl_server");
		reason[i] = cert_judge(ctx, "a.test", NOW_MS, &dates, detail[i]);
		ensure((reason[i] == REASON_OK) == (detail[i][0] == '\0'));
		ensure(reason[i] != REASON_OK ||
			(dates.from_wall_ms <= NOW_MS && NOW_MS < dates.until_wall_ms));
		X509_STORE_CTX_free(ctx);
	}
	ensure(reason[0] == reason[1] && strcmp(detail[0], detail[1]) == 0);
	must_fit(facts, detail[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct certificate facts = CERTIFICATE_NONE;
	if (size_bytes == 0)
		return 0;
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	size_t at = 1 + read_chain(data + 1, size_bytes - 1, chain);
	int n = sk_X509_num(chain);
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	if (n > 0) {
		if ((data[0] & TRUST_LAST) != 0)
			X509_STORE_add_cert(store, sk_X509_value(chain, n - 1));
		cert_facts(sk_X509_value(chain, 0), chain, &facts);
		ensure(facts.sent == n);
		facts.days = cert_days(&facts, NOW_MS);
		if (at < size_bytes)
			cert_staple(data + at, (long)(size_bytes - at), sk_X509_value(chain, 0),
				chain, store, &facts.ocsp);
		judge(store, chain, &facts);
		cert_facts_clear(&facts);
	}
	X509_STORE_free(store);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return 0;
}
