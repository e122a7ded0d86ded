# SPDX-License-Identifier: MIT
"""Checks that speak on a connection of their own: dialogues, STARTTLS, certificates on any port."""
import json
import os
import socketserver
import ssl
import subprocess
import threading

from lab import BUILD, PEERS, check, equal, free_port, wait_for, write
from peers import Nginx, Receiver, certificates, server


class Mail(socketserver.ThreadingTCPServer):
    """A scripted mail server (not a real one): greets with what GREETING says, knows EHLO, STARTTLS and QUIT."""
    allow_reuse_address = daemon_threads = True

    def __init__(self, cert, key):
        self.greeting = "220 mail.test ESMTP"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        super().__init__(("127.0.0.1", 0), Mail.Talk)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Talk(socketserver.StreamRequestHandler):
        def handle(self):
            try:
                self.talk()
            except OSError:
                pass  # a check that has seen enough resets the connection

        def talk(self):
            self.say(self.server.greeting)
            for line in self.rfile:
                word = line.split()[0].upper() if line.strip() else b""
                if word == b"QUIT":
                    self.say("221 bye")
                    return
                self.say({b"EHLO": "250-mail.test\r\n250 STARTTLS", b"STARTTLS": "220 go"}.get(word, "500 what?"))
                if word == b"STARTTLS":
                    self.server.context.wrap_socket(self.request, server_side=True).close()
                    return

        def say(self, text):
            self.wfile.write(text.encode() + b"\r\n")


def test_connections(lab):
    """A dialogue, STARTTLS and a certificate on any port are UP by quorum; the mail server turns people away: one alert that shows what it said."""
    ca, cert, key = certificates(lab)
    web = free_port()
    Nginx(lab, "web", [server(f"127.0.0.1:{web}", "return 200 hello;", tls=(cert, key))]).start(("127.0.0.1", web))
    mail = Mail(cert, key)
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    lab.trio(coordinator, env={"SSL_CERT_FILE": ca})
    port = mail.server_address[1]
    talk = [{"expect_regex": "^220 "}, {"send": "QUIT\r\n"}, {"expect": "221"}]
    ids = {
        "talk": lab.monitor(coordinator, "talk", "tcp", f"127.0.0.1:{port}", request={"dialogue": talk}),
        "mail": lab.monitor(coordinator, "mail", "tls", f"localhost:{port}", request={"starttls": "smtp"}),
        "web": lab.monitor(coordinator, "web", "tls", f"127.0.0.1:{web}", request={"server_name": "localhost"}, expect={"tls_version": {"min": "TLSv1.2"}}),
    }
    done = lab.cli(coordinator, "monitor", "add", "added", "--tls", f"localhost:{web}", "--interval", "1s", "--timeout", "1s", "--seats", "3",
                   "--certificate-warning", "3650", "--certificate-critical", "3649")
    equal(done.returncode, 0, f"monitor add: {done.stderr}")
    for monitor in ids.values():
        lab.wait_state(coordinator, monitor, "up")
    equal({v["reason"] for v in coordinator.explain("added")["votes"]} - {None}, {"tls.expires_soon"}, "reasons of a certificate that ends too soon")
    wait_for(lambda: "probe_ssl_earliest_cert_expiry{monitor=\"web\"" in coordinator.api.get("/metrics").body.decode() or None, "the certificate's metric")
    lab.wait_settled(coordinator)

    mail.greeting = "554 you are not welcome"
    opened = lambda: [m.alert for m in receiver.messages(type="alert.opened") if m.alert["monitor"]["id"] == ids["talk"]]
    alert = wait_for(lambda: opened() or None, "the alert", 15)[0]
    equal(alert["reason"]["code"], "content.timeout", "its reason")
    check("554 you are not welcome" in json.dumps(alert["observed"]), f"what was observed: {alert['observed']}")
    wait_for(lambda: coordinator.state(ids["mail"]) == "down" or None, "the certificate behind it to be out of reach", 15)
    equal({v["reason"] for v in coordinator.explain(ids["mail"])["votes"]}, {"tls.starttls_unexpected"}, "why")
    equal(coordinator.state(ids["web"]), "up", "the other")
    mail.shutdown()


test_connections.seconds = 15


def test_connections_beside_check_tcp(lab):
    """What Debian's check_tcp says of a dialogue, a closed port and a certificate's days is what `quorate-probe check` says."""
    ca, cert, key = certificates(lab, days=20)
    web = free_port()
    Nginx(lab, "web", [server(f"127.0.0.1:{web}", "return 200 hello;", tls=(cert, key))]).start(("127.0.0.1", web))
    mail = Mail(cert, key)
    port = mail.server_address[1]
    conf = write(lab.file("probe.yml"), json.dumps({"state_dir": lab.dir, "per_destination": 1000, "allow": ["127.0.0.0/8"]}))

    def ours(*words):
        done = subprocess.run([os.path.join(BUILD, "quorate-probe"), "check", "-c", conf, "-o", "nagios", "--timeout", "2s", *words],
                              env={**lab.env, "SSL_CERT_FILE": ca}, capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout

    def theirs(*words):
        done = subprocess.run([os.path.join(PEERS, "check_tcp"), "-H", "127.0.0.1", "-t", "2", *words], capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout

    tcp, step = ("tcp", f"127.0.0.1:{port}"), lambda text: ("--dialogue", text)
    cases = [  # exit status, ours, theirs
        (0, tcp, ("-p", str(port))),
        (0, (*tcp, *step('expect: "220"')), ("-p", str(port), "-e", "220")),
        (0, (*tcp, *step('expect: "220"'), *step('send: "QUIT\\r\\n"'), *step('expect: "221"')), ("-p", str(port), "-E", "-s", "QUIT\\r\\n", "-e", "220")),
        (2, (*tcp, *step('expect: "SSH-2"')), ("-p", str(port), "-e", "SSH-2", "-M", "crit")),
        (2, ("tcp", f"127.0.0.1:{free_port()}"), ("-p", str(free_port()))),
        (0, ("tls", f"localhost:{web}", "--certificate-days-warning", "10", "--certificate-days-critical", "5"), ("-p", str(web), "-S", "-D", "10,5")),
        (1, ("tls", f"localhost:{web}", "--certificate-days-warning", "40", "--certificate-days-critical", "5"), ("-p", str(web), "-S", "-D", "40,5")),
        (2, ("tls", f"localhost:{web}", "--certificate-days-warning", "50", "--certificate-days-critical", "40"), ("-p", str(web), "-S", "-D", "50,40")),
    ]
    for status, own, other in cases:
        equal(ours(*own)[0], status, f"quorate-probe check {own}: {ours(*own)}")
        equal(theirs(*other)[0], status, f"check_tcp {other}: {theirs(*other)}")
    mail.shutdown()


test_connections_beside_check_tcp.seconds = 5
