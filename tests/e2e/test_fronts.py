# SPDX-License-Identifier: MIT
"""HAProxy and nginx before the door, configured as probe/README.md says, with the PROXY protocol and without."""
import os
import re
import signal
import socket
import time

from lab import PEERS, ROOT, REGIONS, Child, Failure, check, equal, free_port, read, wait_for, write
from peers import Site, port_open
from test_door import client_context, links
from test_join import Joined, add

PROXIED, PLAIN = "127.0.0.2", "127.0.0.3"  # where the front's two ways come from


def readme(language):
    """The page's one block of LANGUAGE."""
    blocks = re.findall(rf"```{language}\n(.*?)```", read(os.path.join(ROOT, "probe/README.md")), re.S)
    equal(len(blocks), 1, f"blocks of {language} in probe/README.md")
    return blocks[0]


def replace(text, old, new):
    check(old in text, f"{old!r} is in the page's example")
    return text.replace(old, new)


class Front(Child):
    """A front with two ways to the door on PORT: `proxied`, as the page has it, and `plain`, without the PROXY protocol."""

    def start(self):
        super().start()
        for port in (self.proxied, self.plain):
            wait_for(lambda: not self.alive() or port_open("127.0.0.1", port), f"{self.name} at {port}", asserts=False)
        if not self.alive():
            raise Failure(f"{self.name} ended at its start: {self.text()[-2000:]}")
        return self

    def workers(self):
        return set(read(f"/proc/{self.pid}/task/{self.pid}/children").split())

    def reload(self):
        """Until a new worker is there; the old one stays for what is open."""
        before = self.workers()
        self.signal(self.reload_signal)
        wait_for(lambda: self.workers() - before, f"{self.name}'s new worker", 10)
        wait_for(lambda: port_open("127.0.0.1", self.proxied), f"{self.name} after its reload", 10)


class Haproxy(Front):
    reload_signal = signal.SIGUSR2
    ends = (0, 143)

    def __init__(self, lab, port):
        self.proxied, self.plain = free_port(), free_port()
        text = readme("haproxy")
        way = replace(text, "10.0.0.5:7443", f"127.0.0.1:{port} source {PROXIED}")
        way = replace(way, "bind :443", f"bind 127.0.0.1:{self.proxied}")
        bare = text[text.index("frontend"):].replace("10.0.0.5:7443", f"127.0.0.1:{port} source {PLAIN}")
        bare = replace(bare, " send-proxy-v2", "").replace("bind :443", f"bind 127.0.0.1:{self.plain}").replace("quorate", "plain")
        conf = write(lab.file("haproxy.cfg"), way + bare)
        super().__init__(lab, "haproxy", [os.path.join(PEERS, "haproxy"), "-W", "-f", conf])


class NginxStream(Front):
    reload_signal = signal.SIGHUP

    def __init__(self, lab, port):
        self.proxied, self.plain = free_port(), free_port()
        folder = lab.file("front")
        os.makedirs(folder)
        module = os.path.join(os.path.dirname(PEERS), "root/usr/lib/nginx/modules/ngx_stream_module.so")
        text = replace(readme("nginx"), "modules/ngx_stream_module.so", module)
        text = replace(text, "10.0.0.5:7443", f"127.0.0.1:{port}")
        server = text[text.index("    server"):text.rindex("}")]
        ways = replace(server, "listen 443", f"proxy_bind {PROXIED}; listen 127.0.0.1:{self.proxied}")
        ways += replace(server, "proxy_protocol on;", "").replace("listen 443", f"proxy_bind {PLAIN}; listen 127.0.0.1:{self.plain}")
        user = "user root;\n" if os.geteuid() == 0 else ""
        conf = write(os.path.join(folder, "nginx.conf"),
                     f"{user}daemon off;\npid {folder}/pid;\nerror_log stderr warn;\n" + text.replace(server, ways))
        super().__init__(lab, "front", [os.path.join(PEERS, "nginx"), "-e", "stderr", "-p", folder, "-c", conf])


def unauthorized(port, source):
    """An API request without a key, from SOURCE: its first line."""
    raw = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0))
    with client_context().wrap_socket(raw) as s:
        s.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return s.recv(4096).split(b"\r\n")[0]


def silent(port, source):
    return socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0))


def is_closed(s):
    s.settimeout(0.5)
    try:
        return s.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def through(lab, make):
    port = free_port()
    coordinator = lab.coordinator(log_level="debug", door={"listen": f"127.0.0.1:{port}"})
    front = make(lab, port).start()
    door = {"listen": f"127.0.0.1:{port}", "addresses": [f"127.0.0.1:{front.proxied}"], "per_address": 8, "proxy_protocol_from": [PROXIED]}
    coordinator.configure(door=door)
    coordinator.start()
    shop = Site(lab, "shop")
    lab.regions(coordinator)

    # one joins through it, with the PROXY protocol; the others dial, one with it and one without
    joined = Joined(lab, "tokyo-1")
    done = joined.join(add(lab, coordinator, "tokyo-1", REGIONS["tokyo"]))
    equal(done.returncode, 0, done.stderr)
    joined.token()
    joined.start()
    pin = coordinator.status()["door"]["pin"]
    probes = [joined] + [
        lab.probe(coordinator, name, REGIONS[name[:-2]], coordinator={"addresses": [f"127.0.0.1:{way}"], "pin": [pin]}).start()
        for name, way in (("frankfurt-1", front.proxied), ("virginia-1", front.plain))]
    lab.wait_connected(coordinator, *probes)
    monitor = lab.monitor(coordinator, "shop", "http", shop.url)
    lab.wait_state(coordinator, monitor, "up")

    def linked_from(name):
        return re.findall(rf"door.linked probe=\"{name}\" stream=report address=(\S+)", coordinator.text())[-1]

    equal([linked_from(p.name) for p in probes], ["127.0.0.1", "127.0.0.1", PLAIN], "addresses of the links")
    # the API and its ceilings know the true client, too
    for source, way, seen in (("127.0.0.77", front.proxied, "127.0.0.77"), ("127.0.0.78", front.plain, PLAIN)):
        check(b" 401 " in unauthorized(way, source), "the API's answer through the front")
        wait_for(lambda: f'api.answered client={seen} method=GET path="/api/v1/status" status=401' in coordinator.text(), f"{seen} in the log")
    greedy = [silent(front.proxied, "127.0.0.50") for _ in range(9)]
    wait_for(lambda: coordinator.status()["door"]["ended"]["full"] == 1, "the ninth of one address to be turned away", 10)
    other = silent(front.proxied, "127.0.0.51")
    check(not is_closed(other), "another address still has its place")
    for s in (*greedy, other):
        s.close()
    # nobody else may say who he is
    liar = silent(port, "127.0.0.60")
    liar.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
    wait_for(lambda: is_closed(liar), "the end of one who is no front", 10)
    check("192.0.2.1" not in coordinator.text(), "what he said is believed by nobody")

    # a reload: no link ends, no vote is missing
    lab.wait_settled(coordinator)
    before = coordinator.status()
    front.reload()
    deadline, oldest = time.monotonic() + 6, 0
    while time.monotonic() < deadline:
        votes = coordinator.explain(monitor)["votes"]
        check(len(votes) == 3 and all(v["fate"] == "counted" for v in votes), f"votes: {votes}")
        oldest = max(oldest, *(v["age_ms"] for v in votes))
        time.sleep(0.1)
    print(f"    oldest vote in the 6 s after the reload: {oldest} ms")
    check(oldest < 2500, f"a vote was {oldest} ms old")
    equal(links(coordinator), 6, "links")
    unlinked = coordinator.text().count("door.unlinked")
    equal(unlinked, 0, "links that ended")
    check(b" 401 " in unauthorized(front.proxied, "127.0.0.77"), "the API through the new worker")

    # a restart ends the links; all are back
    front.stop()
    front.start()
    wait_for(lambda: coordinator.text().count("door.linked") >= 12 and links(coordinator) == 6, "the links after a restart of the front", 40)
    lab.wait_connected(coordinator, *probes, timeout=20)
    equal(coordinator.alerts(kind="down"), [], "alerts")
    equal(coordinator.status()["started_at"], before["started_at"], "the coordinator's start")


def test_front_haproxy(lab):
    """Through HAProxy a probe joins and votes, the API answers, each address counts as its own; its reload loses no vote."""
    through(lab, Haproxy)


def test_front_nginx(lab):
    """The same through nginx."""
    through(lab, NginxStream)


test_front_haproxy.seconds = test_front_nginx.seconds = 50
