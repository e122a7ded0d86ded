# SPDX-License-Identifier: MIT
"""A probe listens nowhere on the network, whatever it is busy with: `ss -ltnup` in its own namespace, again and again."""
import itertools
import threading
import time

from lab import Failure, check, equal, free_port, wait_for, write
from peers import Names, Network, Nginx, Squid, certificates, server
from test_link import dialler, with_door

HERE = "10.77.0.1"


def listed(site):
    """What `ss -ltnup` lists in SITE: TCP sockets that listen, UDP sockets that are not connected. A set of lines."""
    return {" ".join(line.split()) for line in site.run("ss", "-Hltnup").splitlines()}


def open_to_the_network(site, passing=None):
    """What anybody on a network could talk to. A UDP socket that a check is just connecting, to a name server for example, has a port
    before it has a peer; it is listed for these microseconds, and PASSING gets it. What is still there a moment later is no such one."""
    first = listed(site)
    udp = {line for line in first if line.startswith("udp")}
    lasting = udp & listed(site) if udp else udp
    if passing is not None:
        passing += udp - lasting
    return sorted(first - udp | lasting)


def local_sockets(site):
    """The paths of the unix sockets that listen in SITE; only processes of the same machine can reach them."""
    return {line.split()[4] for line in site.run("ss", "-Hlx").splitlines()}


class Watcher:
    """Looks every PERIOD seconds, from a thread of its own, so that nothing a test waits for is a gap."""

    def __init__(self, lab, sites, period):
        self.lab, self.sites, self.period = lab, sites, period
        self.looks, self.found, self.passing = 0, [], []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)
        lab.closers.append(self.stop)
        self.thread.start()

    def _run(self):
        while not self.over.wait(self.period):
            try:
                self.look()
            except Failure as e:
                self.found.append(str(e))

    def look(self):
        self.looks += 1
        for site in self.sites:
            self.found += [f"in {site.name}: {line}" for line in open_to_the_network(site, self.passing)]
            self.found += [f"in {site.name}: a unix socket outside of the probe's runtime folder: {path}"
                           for path in local_sockets(site) if not path.startswith(self.lab.dir + "/")]

    def stop(self):
        self.over.set()
        self.thread.join()


def instrument_works(site):
    """A listener made on purpose is seen, on TCP and on UDP, and gone again: an empty list says something."""
    for kind, bind in (("tcp", "s=socket.create_server(('',%d))"), ("udp", "s=socket.socket(type=socket.SOCK_DGRAM);s.bind(('',%d))")):
        port = free_port()
        code = "import socket,subprocess;" + bind % port + ";print(subprocess.run(['ss','-Hltnup'],capture_output=True,text=True).stdout)"
        check(f":{port} " in site.run("/usr/bin/python3", "-c", code), f"ss shows a listener on {kind}")
    equal(open_to_the_network(site), [], "listeners before the probe")


class Busy:
    """Two probes in namespaces of their own, one behind squid, with checks of every type and a site that goes down and up."""

    def __init__(self, lab):
        self.lab, self.network = lab, Network(lab)
        ca, certificate, key = certificates(lab)
        Names(lab, HERE)
        self.coordinator = with_door(lab)
        self.squid = Squid(lab, [self.coordinator.door_port], "probe", lab.secret("correct-horse-battery")).start()
        plain, tls, self.toggled = free_port(), free_port(), free_port()
        Nginx(lab, "web", [
            server(f"{HERE}:{plain}", f'location /old {{ return 301 http://{HERE}:{plain}/; }} location / {{ return 200 hello; }}'),
            server(f"{HERE}:{tls}", "location / { return 200 hello; }", tls=(certificate, key)),
        ]).start((HERE, plain), (HERE, tls))
        self.shop = Nginx(lab, "shop", [server(f"{HERE}:{self.toggled}", "location / { return 200 shop; }")])
        self.shop.start((HERE, self.toggled))
        self.sites = {name: self.network.site(name) for name in ("tokyo", "virginia")}
        for site in self.sites.values():
            instrument_works(site)
        lab.regions(self.coordinator, self.sites)
        password = write(lab.file("proxy-password"), "correct-horse-battery\n", 0o600)
        env = {"SSL_CERT_FILE": ca}
        self.probes = [
            dialler(lab, self.coordinator, "tokyo-1", "tokyo", host=HERE, prefix=self.sites["tokyo"].prefix, env=env),
            dialler(lab, self.coordinator, "virginia-1", "virginia", host=HERE, prefix=self.sites["virginia"].prefix, env=env,
                    proxy=f"http://probe@{HERE}:{self.squid.port}", proxy_password_file=password),
        ]
        for probe in self.probes:
            probe.start()
        lab.wait_connected(self.coordinator, *self.probes)
        self.monitors = [self.monitor(*m) for m in (
            ("page", "http", f"http://{HERE}:{plain}/"), ("tls", "http", f"https://{HERE}:{tls}/"),
            ("name", "http", f"http://www.shop.test:{plain}/"), ("old", "redirect", f"http://{HERE}:{plain}/old"),
            ("port", "tcp", f"{HERE}:{plain}"), ("closed", "tcp", f"{HERE}:{free_port()}", {"port": "closed"}),
            ("ping", "ping", HERE), ("ping name", "ping", "www.shop.test"))]
        self.outage = self.monitor("shop", "http", f"http://{HERE}:{self.toggled}/")
        self.all_up()

    def monitor(self, name, type, target, expect=None):
        return self.lab.monitor(self.coordinator, name, type, target, interval="2s", quorum={"seats": 2, "rounds": 2, "gap": "500ms"},
                                **({"expect": expect} if expect else {}))

    def all_up(self, timeout=60):
        for monitor in (*self.monitors, self.outage):
            self.lab.wait_state(self.coordinator, monitor, "up", timeout)

    def streams(self):
        """How many the probes know of: the coordinator may not have noticed a cut yet."""
        logs = [p.text() for p in self.probes]
        return [log.count("new=spliced") - log.count("old=spliced") - 2 * (log.count("probe.started") - 1) for log in logs]

    # ---- what happens to them
    def shop_down(self):
        self.shop.stop()
        self.lab.wait_state(self.coordinator, self.outage, "down", 60)
        self.shop.start()

    def cut(self, *hooks):
        """The link's packets vanish, in one direction or both, until both ends have noticed."""
        site, probe, port = self.sites["tokyo"], self.probes[0], self.coordinator.door_port
        before = probe.text().count("old=spliced")
        site.run("nft", "add table inet cut")
        for hook in hooks:
            site.run("nft", f"add chain inet cut {hook} {{ type filter hook {hook} priority 0; }}; "
                     f"add rule inet cut {hook} tcp {'dport' if hook == 'output' else 'sport'} {port} drop")
        wait_for(lambda: probe.text().count("old=spliced") >= before + 2, "the probe to notice the cut", 90)
        site.heal()

    def unplug(self):
        site, probe = self.sites["tokyo"], self.probes[0]
        before = probe.text().count("old=spliced")
        site.unplug()
        wait_for(lambda: probe.text().count("old=spliced") >= before + 2, "the probe to notice the wire", 90)
        site.plug()

    def coordinator_restarts(self):
        self.coordinator.kill()
        self.coordinator.start()

    def proxy_restarts(self):
        self.squid.stop()
        self.squid.start()

    def probe_restarts(self):
        probe = self.probes[1]
        before = probe.text().count("probe.started")
        equal(probe.stop(), 0, "the end of a probe")
        probe.start()
        wait_for(lambda: probe.text().count("probe.started") > before, "the probe to be there again")

    def configuration_read(self):
        for probe in self.probes:
            before = probe.text().count("read again")
            probe.signal(1)
            wait_for(lambda: probe.text().count("read again") > before, "SIGHUP to be obeyed")

    def back(self):
        """Until both probes have both streams again and all is well."""
        wait_for(lambda: self.streams() == [2, 2], "both streams of both probes", 90)
        self.all_up(120)


def no_listener(lab, seconds, period):
    busy = Busy(lab)
    watcher = Watcher(lab, busy.sites.values(), period)
    began, done = time.monotonic(), []
    faults = [busy.shop_down, busy.proxy_restarts, busy.coordinator_restarts, busy.probe_restarts, busy.configuration_read]
    if seconds:  # half a minute each, until the silence is noticed
        faults += [lambda: busy.cut("output"), lambda: busy.cut("input"), lambda: busy.cut("output", "input"), busy.unplug]
    for fault in itertools.cycle(faults):
        if len(done) >= len(faults) and time.monotonic() - began >= seconds:
            break
        fault()
        busy.back()
        done.append(fault)
        equal(watcher.found, [], f"after {time.monotonic() - began:.0f} s, {watcher.looks} looks")
    watcher.stop()
    equal(watcher.found, [], "listening sockets")
    for site, probe in zip(busy.sites.values(), busy.probes):
        check(f"pid={probe.pid}," in site.run("ss", "-Htnp"), f"ss sees the links of {probe.name}: it looks at the right place")
    check(watcher.looks > 10, f"only {watcher.looks} looks")
    lost = sum(p.text().count("old=spliced") for p in busy.probes)
    print(f"    {watcher.looks} looks in {time.monotonic() - began:.0f} s, {len(done)} faults, {lost} connections lost and made anew; "
          f"met in the middle of connect(): {watcher.passing}")


def test_no_listener(lab):
    """No listening socket in a probe's namespace while it checks everything, behind a proxy too, and loses its link in many ways."""
    no_listener(lab, 0, 0.2)


def test_no_listener_hour(lab):
    """The same for an hour, with wires cut in every direction."""
    no_listener(lab, 3600, 2)


test_no_listener.seconds = 40
test_no_listener_hour.seconds = 3700
test_no_listener_hour.long = 4500
