// SPDX-License-Identifier: MIT
/*
 * What the visits met, layer by layer from the bottom: name, proxy, tcp, tls, key, token, clock. Each
 * layer says whether the one above it can be judged: below a failure there is nothing to say.
 */
#include "probe/doctor_internal.h"

#include "proto/base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CLOCK_FINE_MS 5000
#define CLOCK_OFF_MS  60000 /* from here on the probe says internal.clock instead of judging dates */

static bool says(const struct visit *v, const char *words)
{
	return strcasestr(v->error, words) != NULL;
}

static bool timed_out(const struct visit *v)
{
	return v->facts.code == CURLE_OPERATION_TIMEDOUT || says(v, "timed out");
}

/* ---- name */

static void list_addresses(const struct addresses *a, char *out, size_t size)
{
	char one[NET_ADDRESS_SIZE];
	size_t used = 0;
	out[0] = 0;
	for (int i = 0; i < a->n && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "",
			net_format((const struct sockaddr *)&a->item[i], one));
}

static bool judge_name(const struct visit *v)
{
	struct doctor *d = v->d;
	char list[400];
	if (v->literal || visit_is_proxied(v))
		return true;
	if (v->facts.code == CURLE_COULDNT_RESOLVE_HOST || (timed_out(v) && !v->facts.looked_up)) {
		doctor_say(d, MARK_FAIL, "name", "%s: %s", v->host,
			v->resolved && v->reason != REASON_OK ? reason_text_en(v->reason)
							      : "it leads to no address");
		doctor_advise(d,
			"%s; try: getent hosts %s. In a network where only a proxy knows names, "
			"name it: coordinator.proxy",
			v->reason == REASON_DNS_NXDOMAIN ? "is it spelled as it should be?"
							 : "do the name servers above answer?",
			v->host);
		return false;
	}
	list_addresses(&v->addresses, list, sizeof list);
	if (v->addresses.n)
		doctor_say(d, MARK_OK, "name", "%s is %s", v->host, list);
	else
		doctor_say(d, MARK_NOTE, "name",
			"%s is %s by this system's own ways; the name servers, which checks ask, "
			"say: %s",
			v->host, v->facts.address, reason_text_en(v->reason));
	return true;
}

/* ---- proxy */

/* Where the proxy is, without user and password. */
static void write_proxy(const struct visit *v, char *out, size_t size)
{
	const char *proxy = v->d->conf.coordinator.proxy;
	if (!proxy)
		proxy = getenv(v->facts.proxy_variable);
	if (!proxy)
		proxy = "?";
	const char *scheme = strstr(proxy, "://"), *at = strrchr(proxy, '@');
	snprintf(out, size, "%s", at ? at + 1 : scheme ? scheme + 3 : proxy);
	out[strcspn(out, "/")] = 0;
}

static void fail_proxy(const struct visit *v, const char *proxy, const char *what)
{
	doctor_say(v->d, MARK_FAIL, "proxy", "%s (from %s): %s", proxy,
		v->d->conf.coordinator.proxy ? "coordinator.proxy" : v->facts.proxy_variable, what);
}

static void tell_authentication(const struct visit *v, const char *proxy)
{
	const struct coordinator_conf *c = &v->d->conf.coordinator;
	bool ours = v->facts.proxy_auth & (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST);
	bool user = c->proxy && strchr(c->proxy, '@');
	if (!ours) {
		fail_proxy(
			v, proxy, "it asks for an authentication that is neither Basic nor Digest");
		doctor_advise(v->d,
			"ask the proxy's operator for Basic or Digest, or for an exception "
			"for %s:%d",
			v->host, v->port);
	} else if (user && v->d->password) {
		fail_proxy(v, proxy, "it does not accept this user with this password (407)");
		doctor_advise(v->d,
			"look at the user in coordinator.proxy, and at %s, which holds the "
			"password",
			c->proxy_password_file);
	} else {
		fail_proxy(v, proxy, "it asks for user and password (407)");
		doctor_advise(v->d,
			"in %s: coordinator: {proxy: \"http://USER@%s\", "
			"proxy_password_file: FILE}; FILE holds the password, mode 0600",
			v->d->options->conf_path, proxy);
	}
}

static void tell_proxy_status(const struct visit *v, const char *proxy)
{
	long status = v->facts.proxy_status;
	char text[NET_HOST_SIZE + 64];
	if (status == 407) {
		tell_authentication(v, proxy);
		return;
	}
	snprintf(
		text, sizeof text, "it answers %ld when asked for %s:%d", status, v->host, v->port);
	fail_proxy(v, proxy, text);
	if (status >= 500)
		doctor_advise(v->d,
			"the proxy cannot reach the coordinator: is the address right, does "
			"the coordinator run, may the proxy go there?");
	else
		doctor_advise(v->d, "ask the proxy's operator to allow CONNECT to %s:%d%s", v->host,
			v->port,
			v->port == 443 ? ""
				       : "; many allow port 443 only: the door could listen there");
}

static bool judge_proxy(const struct visit *v)
{
	const char *file = v->d->conf.coordinator.proxy;
	char proxy[200];
	if (!visit_is_proxied(v))
		return true;
	write_proxy(v, proxy, sizeof proxy);
	if (v->facts.code == CURLE_COULDNT_RESOLVE_PROXY) {
		fail_proxy(v, proxy, "its name leads to no address");
		doctor_advise(
			v->d, "is it spelled as it should be? do the name servers above answer?");
	} else if (!v->facts.connected) {
		fail_proxy(v, proxy, v->error);
		doctor_advise(v->d,
			"is it the proxy's address and port? May this machine go there? "
			"Without a proxy: coordinator.proxy: none");
	} else if (v->facts.proxy_status / 100 != 2 && v->facts.proxy_status) {
		tell_proxy_status(v, proxy);
	} else if (!v->facts.proxy_status) {
		fail_proxy(v, proxy, v->error[0] ? v->error : "no answer to CONNECT");
		doctor_advise(v->d, "somebody is there, but is it an HTTP proxy?");
	} else if (file) {
		doctor_say(
			v->d, MARK_OK, "proxy", "%s, from coordinator.proxy, lets us pass", proxy);
		return true;
	} else {
		doctor_say(v->d, MARK_WARN, "proxy",
			"%s, from %s of this environment, lets us pass", proxy,
			v->facts.proxy_variable);
		doctor_advise(v->d,
			"the service has an environment of its own: name the proxy in %s, "
			"coordinator: {proxy: \"http://%s\"}",
			v->d->options->conf_path, proxy);
		return true;
	}
	return false;
}

/* ---- tcp */

static bool judge_tcp(const struct visit *v)
{
	if (visit_is_proxied(v))
		return true;
	if (v->facts.connected) {
		doctor_say(v->d, MARK_OK, "tcp", "connected to %s, port %d", v->facts.address,
			v->port);
		return true;
	}
	if (timed_out(v)) {
		doctor_say(v->d, MARK_FAIL, "tcp", "no answer from %s:%d within %d s", v->host,
			v->port, DIAL_MS / 1000);
		doctor_advise(v->d,
			"somebody drops it on the way: let this machine connect to %s:%d, or "
			"name the HTTP proxy that leads out: coordinator.proxy",
			v->host, v->port);
	} else if (v->facts.os_errno == ECONNREFUSED) {
		doctor_say(v->d, MARK_FAIL, "tcp", "nobody listens at %s:%d: connection refused",
			v->host, v->port);
		doctor_advise(v->d,
			"is it the door's port (door.listen of the coordinator), and does the "
			"coordinator run?");
	} else {
		doctor_say(v->d, MARK_FAIL, "tcp", "%s", v->error);
		doctor_advise(v->d, "is there a route from here to %s? ip route get", v->host);
	}
	return false;
}

/* ---- tls */

static bool judge_tls(const struct visit *v)
{
	struct doctor *d = v->d;
	if (v->facts.tls || v->facts.verify || v->facts.code == CURLE_SSL_CACERT_BADFILE)
		return true; /* the certificate is the key's affair */
	if (says(v, "wrong version number") || says(v, "packet length") || says(v, "bad record")) {
		doctor_say(d, MARK_FAIL, "tls", "what answers at %s:%d does not speak TLS", v->host,
			v->port);
		doctor_advise(d,
			"is it the door's port (door.listen of the coordinator), and not that of "
			"another program?");
	} else if (says(v, "protocol version")) {
		doctor_say(d, MARK_FAIL, "tls", "TLS 1.3 is refused");
		doctor_advise(d,
			"somebody older sits in between, or it is not the coordinator's door: ask "
			"for an exception for %s:%d",
			v->host, v->port);
	} else if (says(v, "application protocol")) {
		doctor_say(d, MARK_FAIL, "tls",
			"what answers does not know the protocol " PREFACE_ALPN);
		doctor_advise(d,
			"it is another server, or somebody who ends TLS before the coordinator: "
			"%s:%d has to reach its door as TCP, untouched",
			v->host, v->port);
	} else {
		doctor_say(d, MARK_FAIL, "tls", "%s",
			timed_out(v) ? "connected, but no TLS handshake in time" : v->error);
		doctor_advise(d,
			"a firewall that looks into TLS may end it: ask for an exception for "
			"%s:%d; "
			"or it is not the coordinator's door",
			v->host, v->port);
	}
	return false;
}

/* ---- key */

static void advise_interception(const struct visit *v, const char *otherwise)
{
	doctor_advise(v->d,
		"a TLS-inspecting proxy sits in between: ask for an exception for %s:%d%s", v->host,
		v->port, otherwise);
}

static void say_certificate(const struct visit *v, const char *what)
{
	doctor_say(v->d, MARK_FAIL, "key",
		"%s: the certificate shown is of \"%s\", issued by \"%s\"%s%s", what,
		v->facts.subject, v->facts.issuer, v->facts.pin[0] ? ", key " : "", v->facts.pin);
}

static void tell_other_key(const struct visit *v)
{
	bool own = strcmp(v->facts.subject, DIAL_OWN_SUBJECT) == 0 &&
		   strcmp(v->facts.issuer, DIAL_OWN_SUBJECT) == 0;
	say_certificate(v, "it is none of the pinned keys");
	if (own)
		doctor_advise(v->d,
			"it looks like a coordinator's own: was it set up anew, was its key "
			"changed "
			"twice while this probe was away, or is it another one? If it is meant: "
			"'quorate probe token %s' there, "
			"'quorate-probe join' here",
			v->d->conf.name);
	else
		advise_interception(v, "");
}

static void tell_dates(const struct visit *v)
{
	say_certificate(v, v->facts.verify == X509_V_ERR_CERT_HAS_EXPIRED
				   ? "by this machine's clock the certificate has expired"
				   : "by this machine's clock the certificate is not valid yet");
	doctor_advise(v->d,
		"is the clock right? timedatectl. If it is, the coordinator needs a new "
		"certificate");
}

static void tell_unproven(const struct visit *v)
{
	const struct coordinator_conf *c = &v->d->conf.coordinator;
	long verify = v->facts.verify;
	if (v->facts.code == CURLE_SSL_CACERT_BADFILE) {
		doctor_say(v->d, MARK_FAIL, "key",
			"coordinator.ca: %s cannot be read, or holds no CA",
			c->ca ? c->ca : "the system's CAs");
		doctor_advise(v->d, "it is a PEM file that user %s can read", v->d->owner_name);
	} else if (verify == X509_V_ERR_CERT_HAS_EXPIRED ||
		   verify == X509_V_ERR_CERT_NOT_YET_VALID) {
		tell_dates(v);
	} else if (verify) {
		say_certificate(v, c->ca ? "no CA of coordinator.ca vouches for it"
					 : "no CA of this system vouches for it");
		advise_interception(v,
			"; or, if that issuer is the coordinator's own CA, name its file "
			"in coordinator.ca");
	} else {
		say_certificate(v, "the name does not fit");
		doctor_advise(v->d,
			"coordinator.name is the name in the coordinator's certificate, when it "
			"is not %s",
			v->host);
	}
}

static bool judge_key(const struct visit *v)
{
	const struct coordinator_conf *c = &v->d->conf.coordinator;
	if (v->facts.code == CURLE_SSL_PINNEDPUBKEYNOTMATCH) {
		tell_other_key(v);
		return false;
	}
	if (!v->facts.tls || v->facts.code == CURLE_PEER_FAILED_VERIFICATION) {
		tell_unproven(v);
		return false;
	}
	if (c->pin.n)
		doctor_say(v->d, MARK_OK, "tls",
			"TLS 1.3 to the pinned key; nobody decrypts it in between");
	else
		doctor_say(v->d, MARK_OK, "tls", "TLS 1.3 to \"%s\", for which \"%s\" vouches",
			v->facts.subject, v->facts.issuer);
	return true;
}

static bool judge_protocol(const struct visit *v)
{
	if (v->facts.alpn && !v->error[0])
		return true;
	doctor_say(v->d, MARK_FAIL, "protocol", "%s", v->error);
	doctor_advise(v->d,
		"somebody ends TLS before the coordinator, or it is another server: %s:%d has "
		"to reach the door as TCP, untouched",
		v->host, v->port);
	return false;
}

/* ---- token and clock */

static void tell_refusal(const struct visit *v)
{
	struct doctor *d = v->d;
	if (strcmp(v->code, "malformed") == 0) {
		doctor_say(d, MARK_WARN, "token", "the coordinator is too old to be asked");
		doctor_advise(d, "upgrade the coordinator, or look into the probe's log");
		return;
	}
	doctor_say(d, MARK_FAIL, "token", "refused: %s: %s", v->code, v->detail);
	if (strcmp(v->code, "unauthorized") == 0)
		doctor_advise(d,
			"on the coordinator: quorate probe token %s (or 'probe add', if 'quorate "
			"probe list' does not show it); here: quorate-probe join, then "
			"restart the probe",
			d->conf.name);
	else if (strcmp(v->code, "version") == 0)
		doctor_advise(
			d, "upgrade the older of the two; this is quorate-probe " QUORATE_VERSION);
	else
		doctor_advise(d, "again in a minute; if it stays, look into the coordinator's log");
}

static void tell_standing(const struct visit *v)
{
	static const struct {
		const char *standing;
		enum mark mark;
		const char *text, *remedy;
	} table[] = {
		{"voting", MARK_OK, "accepted; the coordinator hears this probe, which votes",
			NULL},
		{"drained", MARK_NOTE, "accepted; the probe is drained, so that it gets no checks",
			"quorate probe undrain %s, when the maintenance is over"},
		{"never-seen", MARK_NOTE, "accepted; the coordinator has not heard this probe yet",
			"start it: systemctl start quorate-probe; its log: journalctl -u "
			"quorate-probe"},
		{"lost", MARK_WARN,
			"accepted; but the coordinator does not hear this probe any more",
			"start it: systemctl restart quorate-probe; its log: journalctl -u "
			"quorate-probe"},
		{"twins", MARK_FAIL, "two programs use this token, so that neither is believed",
			"on the coordinator: quorate probe token %s; here: quorate-probe join; and "
			"find "
			"the other one"},
	};
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(v->standing, table[i].standing) != 0)
			continue;
		doctor_say(v->d, table[i].mark, "token", "%s", table[i].text);
		if (table[i].remedy && strstr(table[i].remedy, "%s")) {
			const char *hole = strstr(table[i].remedy, "%s");
			doctor_advise(v->d, "%.*s%s%s", (int)(hole - table[i].remedy),
				table[i].remedy, v->d->conf.name, hole + 2);
		} else if (table[i].remedy) {
			doctor_advise(v->d, "%s", table[i].remedy);
		}
		return;
	}
	doctor_say(v->d, MARK_OK, "token", "accepted");
}

static bool judge_token(const struct visit *v)
{
	if (!v->d->token) {
		doctor_say(v->d, MARK_NOTE, "token",
			"not tried: there is none that can be read, see above");
		return false;
	}
	if (v->silence[0] || !v->introduced) {
		doctor_say(v->d, MARK_FAIL, "token", "%s",
			v->silence[0] ? v->silence : "no answer to the preface");
		doctor_advise(v->d, "is it the coordinator's door? Then its log says more");
		return false;
	}
	if (v->accepted)
		tell_standing(v);
	else
		tell_refusal(v);
	return v->accepted;
}

static void judge_clock(const struct visit *v)
{
	int64_t off_ms = v->offset_ms < 0 ? -v->offset_ms : v->offset_ms;
	if (v->now_wall_ms < 0)
		return;
	enum mark mark = off_ms < CLOCK_FINE_MS   ? MARK_OK
			 : off_ms <= CLOCK_OFF_MS ? MARK_WARN
						  : MARK_FAIL;
	if (off_ms < 100)
		doctor_say(v->d, mark, "clock", "the same as the coordinator's (to %.2f s)",
			((double)off_ms + (double)v->rtt_ms / 2) / 1000);
	else
		doctor_say(v->d, mark, "clock", "%.1f s %s the coordinator's",
			(double)off_ms / 1000, v->offset_ms < 0 ? "behind" : "ahead of");
	if (mark != MARK_OK)
		doctor_advise(v->d, "let NTP set it: timedatectl set-ntp true (or chrony); %s",
			mark == MARK_FAIL
				? "with more than 60 s the probe does not judge certificates"
				: "compare the coordinator's, too");
}

void doctor_door_report(struct doctor *d)
{
	for (size_t i = 0; i < d->n_visits; i++) {
		const struct visit *v = &d->visits[i];
		char *group = mem_printf("coordinator %s", v->address);
		d->group = group;
		if (!v->dialled) {
			doctor_say(d, MARK_FAIL, "tcp", "nothing happened in time");
			doctor_advise(
				d, "somebody drops it on the way: let this machine connect there");
		} else if (judge_name(v) && judge_proxy(v) && judge_tcp(v) && judge_tls(v) &&
			   judge_key(v) && judge_protocol(v) && judge_token(v)) {
			judge_clock(v);
		}
		free(group);
	}
}
