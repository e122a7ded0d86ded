# SPDX-License-Identifier: MIT
"""Certificates of real servers, nginx and openssl s_server: each failing has its reason, and `openssl s_client` agrees."""
import signal
import subprocess

from lab import Child, check, equal, free_port, wait_for, write
from peers import Nginx, port_open, server
from test_check import Checks
from test_clock import faketime

CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n"
AIA = "authorityInfoAccess=caIssuers;URI:http://ca.test/via.crt\n"
P256 = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
WEAK = ("-cipher", "DEFAULT@SECLEVEL=0")


class Bank:
    """Keys and certificates by name, made at any time: NAME.key, NAME.crt."""

    def __init__(self, lab):
        self.lab, self.env = lab, {**lab.env, "LD_PRELOAD": faketime()}
        self.issue("ca", None, CA, days=9000, at="-1000d")
        self.issue("stranger", None, CA, days=9000, at="-1000d")
        self.issue("via", "ca", CA, days=9000, at="-900d")
        self.issue("late", "ca", CA, days=30, at="-90d")

    def path(self, name, end="crt"):
        return self.lab.file(f"{name}.{end}")

    def openssl(self, *argv, at="+0"):
        env = {**self.env, "FAKETIME": at} if at != "+0" else self.lab.env
        done = subprocess.run(["openssl", *argv], env=env, capture_output=True, timeout=20)
        check(done.returncode == 0, f"openssl {argv}: {done.stderr.decode()}")
        return done.stdout

    def issue(self, name, issuer, ext=None, names="DNS:localhost", days=30, at="-1d", key=P256, md="-sha256", more=""):
        ext = ext or f"subjectAltName={names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n{more}"
        self.openssl("req", "-newkey", *key, "-nodes", "-keyout", self.path(name, "key"), "-out", self.path(name, "csr"), "-subj", f"/CN={name}")
        by = ["-CA", self.path(issuer), "-CAkey", self.path(issuer, "key"), "-CAcreateserial"] if issuer else ["-signkey", self.path(name, "key")]
        self.openssl("x509", "-req", "-in", self.path(name, "csr"), *by, "-out", self.path(name), "-days", str(days), md,
                     "-extfile", write(self.path(name, "ext"), ext), at=at)
        return name

    def staple(self, name, issuer, status):
        """An OCSP response: STATUS as in openssl's index, V (good) or R (revoked)."""
        serial = self.openssl("x509", "-in", self.path(name), "-noout", "-serial").decode().strip().split("=")[1]
        index = write(self.path(name, "index"), f"{status}\t361122000000Z\t{'200101000000Z' if status == 'R' else ''}\t{serial}\tunknown\t/CN=x\n")
        write(index + ".attr", "unique_subject = no\n")
        ask, answer = self.path(name, "ask"), self.path(name, "ocsp")
        self.openssl("ocsp", "-issuer", self.path(issuer), "-cert", self.path(name), "-reqout", ask, "-no_nonce")
        self.openssl("ocsp", "-index", index, "-rsigner", self.path(issuer), "-rkey", self.path(issuer, "key"), "-CA", self.path(issuer),
                     "-reqin", ask, "-respout", answer, "-ndays", "7")
        return ("-status_file", answer)


class Server(Child):
    """openssl s_server with the certificate NAME, VIA after it."""

    ends = (*Child.ends, -signal.SIGTERM)

    def __init__(self, bank, name, via=(), options=()):
        self.port = free_port()
        chain = write(bank.path(name, "chain"), "".join(open(bank.path(v)).read() for v in via))
        sent = ["-cert_chain", chain] if via else []
        super().__init__(bank.lab, f"s_server-{name}-{self.port}", ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-www", "-quiet",
                         "-cert", bank.path(name), "-key", bank.path(name, "key"), *sent, *options])
        self.start()
        wait_for(lambda: not self.alive() or port_open("127.0.0.1", self.port), self.name, asserts=False)
        check(self.alive(), f"{self.name}: {self.text()}")


def s_client(bank, port):
    """What openssl says itself: its verify error, or None."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-verify_hostname", "localhost",
                           "-CAfile", bank.path("ca"), "-verify_return_error", "-status"], input=b"", capture_output=True, timeout=10)
    text = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
    return None if done.returncode == 0 and "Verify return code: 0" in text else text


def rows(bank):
    """(certificate, sent after it, options of the server, reason, words of the sentence, whether s_client refuses it)."""
    issue, rsa = bank.issue, ("rsa:1024",)
    return [
        (issue("good", "via"), ["via"], (), "ok", "", False),
        (issue("root-issued", "ca"), [], (), "ok", "", False),
        (issue("rsa", "via", key=("rsa:2048",)), ["via"], (), "ok", "", False),
        (issue("wildcard", "via", names="DNS:*.localhost"), ["via"], (), "tls.wrong_name", "is not for localhost but for: *.localhost", True),
        (issue("other", "via", names="DNS:other.test"), ["via"], (), "tls.wrong_name", "other.test", True),
        (issue("expired", "via", at="-60d"), ["via"], (), "tls.expired", "expired on", True),
        (issue("expired-other", "via", at="-60d", names="DNS:other.test"), ["via"], (), "tls.expired", "; it is not for localhost but for: other.test",
         True),
        (issue("early", "via", at="+2d"), ["via"], (), "tls.not_yet_valid", "is valid from", True),
        (issue("below-late", "late"), ["late"], (), "tls.expired", "leads to CN=late, which expired on", True),
        (issue("own", None), [], (), "tls.self_signed", "is self-signed (CN=own)", True),
        (issue("foreign", "stranger"), [], (), "tls.unknown_issuer", "is issued by CN=stranger", True),
        (issue("foreign-root", "stranger"), ["stranger"], (), "tls.unknown_issuer", "leads to CN=stranger", True),
        (issue("alone", "via", more=AIA), [], (), "tls.incomplete_chain", "comes without the one of its issuer: CN=via", True),
        (issue("alone-silent", "via"), [], (), "tls.unknown_issuer", "is issued by CN=via", True),
        (issue("short-key", "via", key=rsa), ["via"], WEAK, "tls.weak", "has a key of 1024 bits", True),
        (issue("sha1", "via", md="-sha1"), ["via"], WEAK, "tls.weak", "sha1", True),
        (issue("client-only", "via", ext="subjectAltName=DNS:localhost\nextendedKeyUsage=clientAuth\n"), ["via"], (), "tls.untrusted", "purpose", True),
        ("good", ["via"], ("-tls1_1", *WEAK), "tls.old_version", "neither TLS 1.2 nor TLS 1.3", True),
        ("good", ["via"], ("-Verify", "1", "-verify_return_error", "-tls1_2"), "tls.client_certificate", "client certificate", True),
        ("good", ["via"], ("-Verify", "1", "-verify_return_error"), "tls.client_certificate", "(116)", None),  # s_client has hung up before
        ("good", ["via"], ("-tls1_2", "-cipher", "AES128-SHA"), "tls.alert", "handshake failure", True),
        (issue("stapled", "via"), ["via"], bank.staple("stapled", "via", "V"), "ok", "", False),
        (issue("revoked", "via"), ["via"], bank.staple("revoked", "via", "R"), "tls.revoked", "has been revoked", False),  # s_client only shows it
    ]


def test_certificates(lab):
    """Reasons of 23 servers, with s_client beside them; facts with and without verification; the chain and the staple in the table."""
    bank = Bank(lab)
    c = Checks(lab, allow=["127.0.0.0/8"])
    c.env["SSL_CERT_FILE"] = bank.path("ca")
    for name, via, options, reason, words, refused in rows(bank):
        s = Server(bank, name, via, options)
        url = f"https://localhost:{s.port}/"
        r, = c.result(url, status=0 if reason == "ok" else 2)
        equal(r["reason"], reason, f"reason of {name} {options}: {r}")
        check(words in r["detail"], f"{words!r} is not in {r['detail']!r}")
        if refused is not None:
            equal(s_client(bank, s.port) is not None, refused, f"s_client refuses {name} {options}")
        facts = r.get("certificate", {})
        if reason not in ("tls.old_version", "tls.alert"):
            equal((facts["subject"], facts["sent"], len(facts["chain"])), (f"CN={name}", 1 + len(via), 1 + len(via)), f"facts of {name}")
        if reason.startswith("tls.") and reason not in ("tls.old_version", "tls.alert", "tls.client_certificate"):
            r, = c.result(url, "--no-verify", "--certificate-days-warning", "40", status=1)
            equal((r["reason"], r["severity"]), ("tls.expires_soon", {"certificate": "warning"}), f"{name} without verification")
        if reason == "tls.client_certificate":  # which TLS 1.3 says when the handshake is done
            r, = c.result("tls", f"localhost:{s.port}", status=2)
            equal(r["reason"], reason, f"a tls check of {name} {options}: {r}")
        if name == "stapled":
            equal(r["certificate"]["ocsp"]["status"], "good", "the staple")
            text = c.run(url, status=0).stdout
            for part in ("chain        1: CN=stapled, until", "\n             2: CN=via, until", "revocation   good, said on", "key          EC, 256 bits",
                         "TLS version  TLSv1.3, TLS_"):
                check(part in text, f"{part!r} is not in\n{text}")
        s.stop()


test_certificates.seconds = 8


def test_certificates_nginx(lab):
    """nginx: the incomplete chain that browsers forgive, and a client certificate that it asks for in HTTP's words."""
    bank = Bank(lab)
    c = Checks(lab, allow=["127.0.0.0/8"])
    c.env["SSL_CERT_FILE"] = bank.path("ca")
    bank.issue("site", "via", more=AIA)
    whole = write(lab.file("whole.pem"), open(bank.path("site")).read() + open(bank.path("via")).read())
    ports = [free_port() for _ in range(3)]
    body = 'location / { return 200 "a shop"; }'
    mutual = f"ssl_verify_client on; ssl_client_certificate {bank.path('ca')}; {body}"
    key = bank.path("site", "key")
    Nginx(lab, "nginx", [server(f"127.0.0.1:{ports[0]}", body, (whole, key)), server(f"127.0.0.1:{ports[1]}", body, (bank.path("site"), key)),
                         server(f"127.0.0.1:{ports[2]}", mutual, (whole, key))]).start(*(("127.0.0.1", p) for p in ports))
    for port, status, reason in ((ports[0], 0, "ok"), (ports[1], 2, "tls.incomplete_chain"), (ports[2], 2, "http.status")):
        r, = c.result(f"https://localhost:{port}/", status=status)
        equal(r["reason"], reason, f"reason: {r}")
    r, = c.result(f"https://localhost:{ports[2]}/", status=2)
    equal(r["status"], 400, "without a client certificate")
    check("; it asked for a client certificate" in r["detail"], f"the detail: {r['detail']}")


test_certificates_nginx.seconds = 2
