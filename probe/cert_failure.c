// SPDX-License-Identifier: MIT
/* Why a handshake failed, when it was not the certificate: by the alerts that were exchanged and
 * OpenSSL's error. */
#include "probe/certs.h"

#include "quorate/monitor.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a server that wants to see a client's certificate says when it gets none; only the last one
 * says just that. */
static bool may_mean_client_certificate(int alert)
{
	switch (alert) {
	case SSL3_AD_HANDSHAKE_FAILURE:
	case SSL3_AD_NO_CERTIFICATE:
	case SSL3_AD_BAD_CERTIFICATE:
	case SSL3_AD_CERTIFICATE_UNKNOWN:
	case TLS1_AD_ACCESS_DENIED:
	case TLS1_AD_UNKNOWN_CA:
	case TLS13_AD_CERTIFICATE_REQUIRED:
		return true;
	default:
		return false;
	}
}

static enum reason reason_of(const struct cert_check *check, unsigned long error)
{
	int alert = check->alert_received;
	int why = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
	if (alert == TLS13_AD_CERTIFICATE_REQUIRED ||
		(check->client_certificate && may_mean_client_certificate(alert)))
		return REASON_TLS_CLIENT_CERTIFICATE;
	if (alert == TLS1_AD_PROTOCOL_VERSION || why == SSL_R_UNSUPPORTED_PROTOCOL)
		return REASON_TLS_OLD_VERSION;
	if (alert != UNSET)
		return REASON_TLS_ALERT;
	if (why == SSL_R_WRONG_VERSION_NUMBER || why == SSL_R_HTTP_REQUEST ||
		why == SSL_R_PACKET_LENGTH_TOO_LONG)
		return REASON_TLS_NOT_TLS;
	if (error == 0 || why == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return REASON_TLS_CLOSED_EARLY;
	return REASON_TLS_HANDSHAKE;
}

enum reason cert_check_failure(
	const struct cert_check *check, unsigned long error, char detail[RESULT_DETAIL_MAX_BYTES])
{
	const size_t room = RESULT_DETAIL_MAX_BYTES;
	if (check->verify && check->reason != REASON_OK) {
		memcpy(detail, check->detail, room);
		return check->reason;
	}
	enum reason reason = reason_of(check, error);
	const char *words = ERR_reason_error_string(error);
	const char *alert = check->alert_received == UNSET ? NULL
			    : check->alert_received == TLS13_AD_CERTIFICATE_REQUIRED
				    ? "certificate required" /* OpenSSL 3.0 has no words for it */
				    : SSL_alert_desc_string_long(check->alert_received);
	switch (reason) {
	case REASON_TLS_ALERT:
	case REASON_TLS_CLIENT_CERTIFICATE:
		snprintf(detail, room, "%s: it answered with the alert \"%s\" (%d)",
			reason_text_en(reason), alert, check->alert_received);
		break;
	case REASON_TLS_OLD_VERSION:
		snprintf(detail, room, "the server speaks neither TLS 1.2 nor TLS 1.3");
		break;
	case REASON_TLS_HANDSHAKE:
		snprintf(detail, room, "%s%s%s", reason_text_en(reason), words != NULL ? ": " : "",
			words != NULL ? words : "");
		break;
	default:
		snprintf(detail, room, "%s", reason_text_en(reason));
	}
	return reason;
}

unsigned long cert_error_of(const char *text)
{
	static const char mark[] = "error:";
	for (const char *at = text; (at = strstr(at, mark)) != NULL;) {
		at += strlen(mark);
		if (strspn(at, "0123456789ABCDEFabcdef") == 8 && at[8] == ':')
			return strtoul(at, NULL, 16);
	}
	return 0;
}
