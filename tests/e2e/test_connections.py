# SPDX-License-Identifier: MIT
"""Checks that speak on a connection of their own: dialogues, STARTTLS, certificates on any port."""
import json
import socketserver
import ssl
import threading

from lab import check, equal, free_port, wait_for
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
            self.say(self.server.greeting)
            for line in self.rfile:
                word = line.split()[0].upper() if line.strip() else b""
                if word == b"QUIT":
                    self.say("221 bye")
                    return
                self.say({b"EHLO": "250-mail.test\r\n250 STARTTLS", b"STARTTLS": "220 go"}.get(word, "500 what?"))
                if word == b"STARTTLS":
                    try:
                        self.server.context.wrap_socket(self.request, server_side=True).close()
                    except OSError:
                        pass
                    return

        def say(self, text):
            try:
                self.wfile.write(text.encode() + b"\r\n")
            except OSError:
                pass


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
