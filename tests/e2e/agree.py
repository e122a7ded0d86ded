# SPDX-License-Identifier: MIT
"""Verdicts of ours beside those of tools that people trust, on the same targets: the table. Each row is a target, how we look at it, how the other tool
does, and, where the two mean to differ, why."""
import os

from hostile_names import HERE, OF_LOOKUPS, PINGS
from lab import PEERS

PLUGINS = os.path.join(os.path.dirname(PEERS), "root/usr/lib/nagios/plugins")
STATES = {0: "up", 1: "warning", 2: "down"}  # of a plugin's exit status; anything else: unknown

FOUR = "check_http warns of 4xx; a page that is not there is down for whoever wants it"
SEVERE = "an answer that is slower, or a certificate that ends sooner, than the critical threshold is a critical alert of its own kind, never an outage"
UNVERIFIED = "check_http does not verify certificates"
LENIENT = "check_http is content with a first line that looks like a status, whatever follows"
NONSENSE = "check_http says unknown of what it cannot read; a server that talks nonsense is down"
CUT = "check_http does not mind a body or headers that end in the middle"
CUT_HEADERS = "curl takes headers that end in the middle for complete ones"
REFUSED_OK = "check_tcp --refuse=ok takes an open port for good as well: it cannot ask for a closed one"
PAYLOAD = "check_icmp looks at id and number only: another payload, or another host, will do"
NO_WAY = "no route from here is this machine's failure, and nobody's outage"
DAYS = "an expiry that is near is a warning by default; curl and s_client look at the date only"
BOUNDS = "more than ten intermediates, 64 KiB of certificates, or a body of 1 MiB are refused: what a target may cost has bounds"
MESSAGES = "dig shows any records that it can read; the message as a whole has to make sense"


class Row:
    def __init__(self, tool, name, monitor, argv, why=None, verdict=None):
        """VERDICT: of the other tool, from its CompletedProcess."""
        self.name, self.monitor, self.argv, self.why = f"{tool}: {name}", monitor, argv, why
        self.verdict = verdict or (lambda done: STATES.get(done.returncode, "unknown"))


def fine(done):
    """Of tools that say 0 or something else."""
    return "up" if done.returncode == 0 else "down"


def http(url, timeout="2s", **more):
    return {"type": "http", "target": url, "timeout": timeout, **more}


class Table:
    """PORTS: of the hostile servers by name. PORT, PORT6: nginx's. CA: who signed what is good."""

    def __init__(self, ports, port, port6, ca):
        self.ports, self.port, self.port6, self.ca, self.rows = ports, port, port6, ca, []
        self.statuses()
        self.pages()
        self.certificates()
        self.handshakes()
        self.broken_http()
        self.connections()
        for i, (what, (_, reason)) in enumerate(PINGS.items()):
            if isinstance(reason, str):  # else it is a question of which comes first
                self.ping(what, f"10.77.1.{100 + i}")
        for label, _, of_dns in OF_LOOKUPS:
            if of_dns and label != "forged":  # dig may or may not see the right one among a thousand
                self.dig(label)

    def add(self, *words, **more):
        self.rows.append(Row(*words, **more))

    # ---- the tools
    def check_http(self, name, monitor, *words, port=None, why=None, host=HERE):
        self.add("check_http", name, monitor, [PLUGINS + "/check_http", "-H", host, "-p", str(port or self.port), "-t", "2", *words], why)

    def curl(self, name, monitor, url, *words, why=None):
        self.add("curl", name, monitor, ["curl", "-sSf", "-o", "/dev/null", "-m", "2", "--cacert", self.ca, *words, url], why, verdict=fine)

    def s_client(self, name, port, *words, why=None):
        self.add("s_client", name, {"type": "tls", "target": f"localhost:{port}", "timeout": "2s"},
                 ["timeout", "2", "openssl", "s_client", "-connect", f"{HERE}:{port}", "-servername", "localhost", "-CAfile", self.ca, "-verify_return_error",
                  "-verify_hostname", "localhost", *words], why, verdict=fine)

    def check_tcp(self, name, monitor, *words, port, why=None, host=HERE):
        self.add("check_tcp", name, {"type": "tcp", "target": f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "timeout": "2s", **monitor},
                 [PLUGINS + "/check_tcp", "-H", host, "-p", str(port), "-t", "2", *words], why)

    def ping(self, what, host):
        why = {"answers with another payload": PAYLOAD, "answers with one bit changed": PAYLOAD, "answers as somebody else": PAYLOAD,
               "answers half of it": PAYLOAD}.get(what)
        self.add("check_icmp", what, {"type": "ping", "target": host, "timeout": "2s", "request": {"packets": 3, "packet_interval": "20ms"}},
                 [PLUGINS + "/check_icmp", "-H", host, "-n", "3", "-i", "20ms", "-t", "2", "-w", "3000,100%", "-c", "5000,100%"], why)

    def dig(self, label):
        def verdict(done):
            return "up" if done.returncode == 0 and "status: NOERROR" in done.stdout and "ANSWER: 0" not in done.stdout else "down"
        name = f"{label}.hostile.test"
        why = {"toomany": MESSAGES, "toofew": MESSAGES, "sizelie": MESSAGES}.get(label)
        self.add("dig", label, {"type": "dns", "target": name, "timeout": "2s", "request": {"server": HERE}},
                 ["dig", f"@{HERE}", name, "A", "+tries=1", "+time=1"], why, verdict)

    # ---- the rows
    def url(self, path):
        return f"http://{HERE}:{self.port}{path}"

    def statuses(self):
        for code in (200, 204, 301, 302, 307, 308, 400, 401, 403, 404, 405, 410, 418, 429, 500, 501, 502, 503, 504):
            monitor = http(self.url(f"/{code}"))
            self.check_http(f"status {code}", monitor, "-u", f"/{code}", why=FOUR if 400 <= code < 500 else None)
            self.curl(f"status {code}", monitor, self.url(f"/{code}"))
        for code, wanted in ((404, "404"), (404, "200"), (200, "404"), (500, "500"), (301, "301"), (503, "200")):
            self.check_http(f"status {code} where {wanted} is expected", http(self.url(f"/{code}"), expect={"status": wanted}), "-u", f"/{code}",
                            "-e", f" {wanted} ")

    def pages(self):
        def both(name, path, expect=None, words=(), curl=(), why=None, why_curl=None, **request):
            more = {k: v for k, v in (("expect", expect), ("request", request)) if v}
            self.check_http(name, http(self.url(path), **more), "-u", path, *words, why=why)
            if curl is not None:
                self.curl(name, http(self.url(path), **more), self.url(path), *curl, why=why_curl)

        both("a text that is there", "/200", {"body_contains": "shop"}, ("-s", "shop"), None)
        both("a text that is not there", "/200", {"body_contains": "school"}, ("-s", "school"), None)
        both("a pattern that matches", "/200", {"body_regex": ["sh[aeiou]p"]}, ("-r", "sh[aeiou]p"), None)
        both("a pattern that does not", "/200", {"body_regex": ["sh[xyz]p"]}, ("-r", "sh[xyz]p"), None)
        both("a pattern that must not match, and does", "/200", {"body_not_regex": ["sh[aeiou]p"]}, ("-r", "sh[aeiou]p", "--invert-regex"), None)
        both("a pattern that must not match, and does not", "/200", {"body_not_regex": ["sh[xyz]p"]}, ("-r", "sh[xyz]p", "--invert-regex"), None)
        both("a large page", "/large")
        both("a packed page", "/large", curl=("--compressed",), compression=True, words=("-k", "Accept-Encoding: gzip"))
        both("HEAD", "/200", words=("-j", "HEAD"), curl=("-I",), method="HEAD")
        both("POST where it is allowed", "/post", words=("-P", "a=b"), curl=("-d", "a=b"), method="POST", body="a=b")
        both("POST where it is not", "/get", words=("-P", "a=b"), curl=("-d", "a=b"), method="POST", body="a=b", why=FOUR)
        both("a header that is wanted", "/key", words=("-k", "X-Key: open"), curl=("-H", "X-Key: open"), headers={"X-Key": "open"})
        both("a header that is missing", "/key", why=FOUR)
        both("a password", "/private", words=("-a", "user:secret"), curl=("-u", "user:secret"), headers={"Authorization": "Basic dXNlcjpzZWNyZXQ="})
        both("a wrong password", "/private", words=("-a", "user:wrong"), curl=("-u", "user:wrong"), headers={"Authorization": "Basic dXNlcjp3cm9uZw=="}, why=FOUR)
        both("a slow page, in time", "/slow", {"response_time": {"warning": "1800ms"}}, ("-w", "1.8", "-c", "5"), None)
        both("a slow page, too late for a warning", "/slow", {"response_time": {"warning": "50ms"}}, ("-w", "0.05", "-c", "5"), None)
        both("a slow page, too late in earnest", "/slow", {"response_time": {"critical": "50ms"}}, ("-w", "0.01", "-c", "0.05"), None, why=SEVERE)
        follow, follow_curl = ("-f", "follow"), ("-L", "--max-redirs", "5")
        for path, name, why in (("/to/200", "redirected to a page", None), ("/to/404", "redirected to none", FOUR), ("/loop", "redirected in a loop", None),
                                ("/hops/4", "redirected four times", None), ("/hops/5", "redirected five times", None), ("/to/500", "redirected to a failure", None)):
            both(name, path, {"follow": 5}, follow, follow_curl, why=why)
        self.curl("redirected six times", http(self.url("/hops/6"), expect={"follow": 5}), self.url("/hops/6"), *follow_curl)
        for path in ("gopher", "file", "refused"):
            self.curl(f"redirected to {path}", http(self.url(f"/to/{path}"), expect={"follow": 5}), self.url(f"/to/{path}"), *follow_curl)
        six = f"http://[::1]:{self.port6}/200"
        self.check_http("IPv6", http(six), "-u", "/200", "-6", "-I", "::1", host="localhost", port=self.port6)
        self.curl("IPv6", http(six), six)
        self.check_http("no such IPv6 server", http(f"http://[::1]:{self.port}/"), "-6", "-I", "::1", host="localhost")
        named = f"http://localhost:{self.port}/200"
        self.check_http("a name", http(named), "-u", "/200", host="localhost")
        self.curl("a name", http(named), named)

    def certificates(self):
        for name, port in self.ports.items():
            if not name.startswith("has a certificate "):
                continue
            which, url = name.removeprefix("has a certificate "), f"https://localhost:{port}/"
            why = DAYS if which in ("for 15 more days", "for 3 more days") else BOUNDS if which in ("in a chain of 60", "of 70 kB") else None
            self.curl("certificate " + which, http(url), url, why=why)
            self.s_client("certificate " + which, port, why=why)
        for which in ("good", "for 15 more days", "for 3 more days", "expired"):
            port = self.ports["has a certificate " + which]
            self.check_http(f"days of a certificate {which}", http(f"https://localhost:{port}/", expect={"certificate_days": {"warning": 21, "critical": 7}}),
                            "-S", "-C", "21,7", port=port, host="localhost", why=SEVERE if which == "for 3 more days" else None)
        for which in ("good", "self-signed", "for another name"):
            port = self.ports["has a certificate " + which]
            self.check_http(f"a page behind a certificate {which}", http(f"https://localhost:{port}/"), "-S", port=port, host="localhost",
                            why=None if which == "good" else UNVERIFIED)
            self.check_http(f"a page behind a certificate {which}, unverified", http(f"https://localhost:{port}/", request={"verify": False}), "-S", port=port,
                            host="localhost")

    def handshakes(self):
        for name, port in self.ports.items():
            if name.startswith("TLS: ") and not any(w in name for w in ("1 B/s", "hangs", "for ever", "10 GiB", "staples", "after the handshake", "goodbye", "request", "tickets", "8,192")):
                # TLS 1.3 demands it after the handshake, when s_client would have gone
                self.s_client(name, port, *(["-ign_eof"] if name == "TLS: demands a client certificate" else []))
                self.curl(name, http(f"https://localhost:{port}/"), f"https://localhost:{port}/")
        for name in ("TLS: accepts and hangs", "TLS: sends empty records for ever", "TLS: sends warnings for ever"):
            self.s_client(name, self.ports[name])

    def broken_http(self):
        for name, why, why_curl in (
            ("has nothing wrong", None, None), ("accepts and hangs", None, None), ("resets at once", None, None), ("closes at once", None, None),
            ("closes after the request", None, None), ("resets after the request", None, None), ("closes in the status line", None, None),
            ("closes in the headers", CUT, CUT_HEADERS), ("closes in the body", CUT, None), ("closes in a chunk", CUT, None), ("closes before the last chunk", CUT, None),
            ("resets in the body", CUT, None), ("hangs in the body", None, None), ("speaks HTTP/0.9", None, None), ("speaks SSH", None, None), ("sends zeroes", None, None),
            ("speaks HTTP/3.0", None, None), ("says status 000", None, None), ("says status 999", None, None), ("says status 600", None, None),
            ("says status 2OO", None, None), ("says status 2000", None, None), ("says no status", NONSENSE, None), ("says 204 with a body", None, None),
            ("says a negative length", LENIENT, None), ("says a length in letters", LENIENT, None), ("says a length of 2^63", LENIENT, BOUNDS), ("says less than it sends", None, None),
            ("says a chunk of -1", LENIENT, None), ("says a chunk in letters", NONSENSE, None), ("sends more than the chunk's size", NONSENSE, None),
            ("puts NUL into a header", LENIENT, None), ("puts NUL into the status line", LENIENT, None), ("ends lines with LF", None, None), ("ends lines with CR", LENIENT, None),
            ("has a header without a colon", LENIENT, None), ("says an unknown Transfer-Encoding", LENIENT, None), ("says 100 and closes", LENIENT, None),
            ("says 301 to nowhere", None, None), ("speaks TLS", None, None), ("sends garbage as gzip", LENIENT, None), ("sends half a gzip", None, None),
        ):
            url = f"http://{HERE}:{self.ports[name]}/"
            packed = {"request": {"compression": True}}
            self.check_http(name, http(url, **packed), port=self.ports[name], why=why)
            self.curl(name, http(url, **packed), url, "--compressed", why=why_curl)

    def connections(self):
        closed, dialogue = {"expect": {"port": "closed"}}, lambda *steps: {"request": {"dialogue": list(steps)}}
        self.check_tcp("open", {}, port=self.port)
        self.check_tcp("open, IPv6", {}, port=self.port6, host="::1")
        self.check_tcp("open, by name", {}, port=self.port, host="localhost")
        self.check_tcp("refused", {}, port=1)
        self.check_tcp("refused, IPv6", {}, port=1, host="::1")
        self.check_tcp("never accepted", {}, port=self.ports["leaves connections in the queue"])
        self.check_tcp("reset at once", {}, port=self.ports["resets at once"])
        self.check_tcp("closed at once", {}, port=self.ports["closes at once"])
        self.check_tcp("closed, and must be", closed, "--refuse=ok", port=1)
        self.check_tcp("open, and must not be", closed, "--refuse=ok", port=self.port, why=REFUSED_OK)
        self.check_tcp("a greeting", dialogue({"expect": "SSH-2.0"}), "-e", "SSH-2.0", port=self.ports["TLS: says SSH first"])
        self.check_tcp("another greeting", dialogue({"expect": "220 "}), "-e", "220 ", "-M", "crit", port=self.ports["TLS: says SSH first"])
        self.check_tcp("a greeting that does not come", dialogue({"expect": "SSH-2.0"}), "-e", "SSH-2.0", port=self.ports["accepts and hangs"])
        self.check_tcp("a question and an answer", dialogue({"send": "GET /200 HTTP/1.0\r\n\r\n"}, {"expect": "200 OK"}), "-E", "-s", r"GET /200 HTTP/1.0\r\n\r\n",
                       "-e", "200 OK", "--all", port=self.port)
        self.check_tcp("in time", {"expect": {"response_time": {"warning": "800ms"}}}, "-w", "0.8", "-c", "0.9", port=self.port)
        self.check_tcp("swallowed", {"target": f"10.77.1.2:{self.port}"}, host="10.77.1.2", port=self.port)
        self.check_tcp("prohibited", {"target": "10.77.1.2:7777"}, host="10.77.1.2", port=7777)
        self.check_tcp("unreachable", {"target": "10.78.0.1:7777"}, host="10.78.0.1", port=7777, why=NO_WAY)
        self.check_tcp("no such name", {"target": "nxdomain.hostile.test:80"}, host="nxdomain.hostile.test", port=80)
        self.check_tcp("TLS", {"request": {"tls": True}}, "-S", port=self.ports["has a certificate good"], host="localhost")
        self.check_tcp("TLS where there is none", {"request": {"tls": True, "verify": False}}, "-S", port=self.port)
