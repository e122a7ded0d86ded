# SPDX-License-Identifier: MIT
"""The link over networks: through the door's TLS, through a proxy, over wires that are cut or tampered with."""
import base64
import hashlib
import os
import subprocess
import time

from lab import REGIONS, Api, check, equal, free_port, stays, wait_for, write
from peers import Network, Receiver, Site, Squid, Tamper


def with_door(lab, at=None, prefix=(), **conf):
    """A coordinator with a door on every address, in the site AT; what a probe needs to know of it is in .pin and .door_port."""
    port = free_port()
    coordinator = lab.coordinator(door={"listen": f"[::]:{port}"}, prefix=at.prefix if at else prefix, **conf)
    if at:
        coordinator.api = Api(socket_path=coordinator.conf["api"]["socket"])
    coordinator.start()
    coordinator.door_port = port
    certificate = os.path.join(coordinator.dir, "door.crt")
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], capture_output=True, check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, capture_output=True, check=True).stdout
    coordinator.pin = "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    return coordinator


def to_door(coordinator, host="127.0.0.1", port=None, **more):
    """The configuration of a probe that dials; it has no other way."""
    return {"addresses": [f"{host}:{port or coordinator.door_port}"], "pin": [coordinator.pin], **more}


SILENT = 'why="the coordinator does not answer"'  # the uplink's word when it is told that nobody answers
NOWHERE = {"report": "ipc:///nonexistent/report", "orders": "ipc:///nonexistent/orders"}


def dialler(lab, coordinator, name, region, prefix=(), env=None, **door):
    return lab.probe(coordinator, name, region, link=NOWHERE, prefix=prefix, env=env, coordinator=to_door(coordinator, **door))


def standing(coordinator, name):
    return next(p["standing"] for p in coordinator.api.items("/api/v1/probes") if p["name"] == name)


def listening(site):
    """The sockets of the site's namespace that anybody on a network could reach."""
    return site.run("ss", "-Hltnu").strip()


def test_link_tls(lab):
    """Three probes dial the door over TLS 1.3: an outage is seen, alerted and closed; the probe's namespace listens nowhere."""
    network = Network(lab)
    site = network.site("virginia")
    receiver = Receiver(lab)
    coordinator = with_door(lab, channels=[receiver.channel])
    shop = Site(lab, "shop", "10.77.0.1")
    lab.regions(coordinator)
    hosts = {"tokyo": "[::1]", "frankfurt": "localhost", "virginia": "10.77.0.1"}
    probes = [dialler(lab, coordinator, f"{city}-1", region, host=hosts[city], prefix=site.prefix if city == "virginia" else ()).start()
              for city, region in REGIONS.items()]
    lab.wait_connected(coordinator, *probes)
    monitor = lab.monitor(coordinator, "shop", "http", shop.url)
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    shop.down()
    receiver.wait("the alert", 15, type="alert.opened")
    equal(coordinator.state(monitor), "down", "state")
    shop.up()
    receiver.wait("the close", 15, type="alert.closed")
    equal(len(coordinator.explain(monitor)["votes"]), 3, "voters")
    equal(listening(site), "", "listening sockets in the probe's namespace")
    stranger = lab.probe(coordinator, "stranger-1", "us-east-1", link=NOWHERE, coordinator={
        **to_door(coordinator), "pin": ["sha256//" + "A" * 43 + "="]}).start()
    wait_for(lambda: "none of the pinned" in stranger.text(), "the probe to refuse a key that it does not know")
    wrong = dialler(lab, coordinator, "wrong-1", "us-east-1")
    write(wrong.token_file, lab.secret("qpt_" + "A" * 44) + "\n", 0o600)
    wrong.start()
    wait_for(lambda: "refused: unauthorized" in wrong.text(), "the refusal of a wrong token in the probe's log")
    for probe in probes:
        equal(probe.stop(), 0, f"the end of {probe.name}")


test_link_tls.seconds = 15


def test_link_proxy(lab):
    """Probes that reach nothing but squid, with Basic or Digest authentication; proxy and coordinator restart: they are back."""
    network = Network(lab)
    site = network.site("virginia")
    coordinator = with_door(lab)
    password = lab.secret("correct-horse-battery")
    squid = Squid(lab, [coordinator.door_port], "probe", password).start()
    site.firewall(f"ip daddr 10.77.0.1 tcp dport {squid.port} accept")
    digest = Squid(lab, [coordinator.door_port], "probe", password, name="digest", auth="digest").start()
    site.firewall(f"ip daddr 10.77.0.1 tcp dport {digest.port} accept")
    site.firewall("oifname != lo drop")
    lab.regions(coordinator)
    secret = write(lab.file("proxy-password"), password + "\n", 0o600)
    probe = dialler(lab, coordinator, "virginia-1", "us-east-1", host="10.77.0.1", prefix=site.prefix,
                    proxy=f"http://probe@10.77.0.1:{squid.port}", proxy_password_file=secret).start()
    lab.wait_connected(coordinator, probe)
    # the same from the environment, as a customer's machine has it
    outside = lab.probe(coordinator, "tokyo-1", "ap-northeast-1", link=NOWHERE, prefix=site.prefix,
                        env={"https_proxy": f"http://probe:{password}@10.77.0.1:{squid.port}"}, coordinator=to_door(coordinator, "10.77.0.1"))
    outside.start()
    lab.wait_connected(coordinator, probe, outside)
    careful = dialler(lab, coordinator, "osaka-1", "ap-northeast-1", host="10.77.0.1", prefix=site.prefix,
                      proxy=f"http://probe@10.77.0.1:{digest.port}", proxy_password_file=secret).start()
    lab.wait_connected(coordinator, careful)
    rude = dialler(lab, coordinator, "frankfurt-1", "eu-central-1", host="10.77.0.1", prefix=site.prefix,
                   proxy=f"http://10.77.0.1:{squid.port}").start()
    wait_for(lambda: "407" in rude.text(), "the probe without a password to say what the proxy says")
    spliced = lambda p: p.text().count("new=spliced")
    for restart in (lambda: (squid.stop(), squid.start()), lambda: (coordinator.kill(), coordinator.start())):
        before = spliced(probe), spliced(outside)
        restart()
        wait_for(lambda: spliced(probe) >= before[0] + 2 and spliced(outside) >= before[1] + 2, "both streams of both probes again", 30)
        lab.wait_connected(coordinator, probe, outside, timeout=20)
    # a proxy that hangs acknowledges everything and carries nothing: only the silence behind it tells
    before = spliced(probe)
    squid.freeze()
    wait_for(lambda: SILENT in probe.text() and SILENT in outside.text(),
             "the probes to notice the silence", 30)
    squid.thaw()
    wait_for(lambda: spliced(probe) > before, "the report stream again", 40)
    lab.wait_connected(coordinator, probe, outside, timeout=20)
    equal(listening(site), "", "listening sockets in the probe's namespace")


test_link_proxy.seconds = 40


def votes_of(coordinator, monitor):
    return {v["probe"]["name"] if isinstance(v["probe"], dict) else v["probe"]: v for v in coordinator.explain(monitor)["votes"]}


def test_link_cut(lab):
    """Wires that swallow packets, both ways or one way: those votes become absent, never up or down; all are back after the heal."""
    network = Network(lab)
    coordinator = with_door(lab)
    site = Site(lab, "shop", "10.77.0.1")
    faults = {"both": ("output", "input"), "out": ("output",), "in": ("input",)}
    names = ["one", "two", *faults]
    lab.regions(coordinator, names)
    sites = {name: network.site(name) for name in faults}
    probes = {name: dialler(lab, coordinator, name + "-1", name, host="10.77.0.1", prefix=sites[name].prefix if name in sites else ()).start()
              for name in names}
    lab.wait_connected(coordinator, *probes.values(), timeout=20)
    # each checks something that it can reach whatever its wire does: only the link is cut
    monitor = lab.monitor(coordinator, "closed", "tcp", f"127.0.0.1:{free_port()}", expect={"port": "closed"},
                          quorum={"seats": 5, "rounds": 2, "gap": "500ms"})
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    for name, hooks in faults.items():
        sites[name].run("nft", "add table inet cut")
        for hook in hooks:
            sites[name].run("nft", f"add chain inet cut {hook} {{ type filter hook {hook} priority 0; }}")
            sites[name].run("nft", f"add rule inet cut {hook} meta iifname != lo meta oifname != lo tcp dport {coordinator.door_port} drop"
                            if hook == "output" else f"add rule inet cut {hook} tcp sport {coordinator.door_port} drop")
    began = time.monotonic()

    def gone():
        equal(coordinator.state(monitor), "up", "the monitor that two of five still see")
        votes = votes_of(coordinator, monitor)
        return all(votes[name + "-1"]["fate"] in ("absent", "stale") for name in faults)

    wait_for(gone, "the votes of the cut probes to be absent", 40)
    # a silent link is noticed by the probe, too, within 30 s
    wait_for(lambda: all("old=spliced" in probes[name].text() for name in faults), "the probes to notice", 30 - (time.monotonic() - began) + 5)
    stays(lambda: coordinator.state(monitor) == "up" and not coordinator.alerts(kind="down"), "never down", 2)
    for name in faults:
        sites[name].heal()
    wait_for(lambda: all(v["fate"] in ("counted", "same-seat") and v["verdict"] == "up" for v in votes_of(coordinator, monitor).values()),
             "all votes after the heal", 70)
    equal(coordinator.alerts(kind="down"), [], "alerts")


test_link_cut.seconds = 25


def test_link_frozen(lab):
    """A coordinator that stands still (SIGSTOP) for longer than a link waits: the probes notice, dial anew, and are back."""
    coordinator = with_door(lab)
    lab.regions(coordinator)
    probes = [dialler(lab, coordinator, f"{city}-1", region).start() for city, region in REGIONS.items()]
    lab.wait_connected(coordinator, *probes)
    wait_for(lambda: all(p.text().count("new=spliced") == 2 for p in probes), "both streams of all")
    coordinator.freeze()
    wait_for(lambda: all(SILENT in p.text() for p in probes), "the probes to notice", 30)
    coordinator.thaw()
    wait_for(lambda: all(p.text().count("new=spliced") > 2 for p in probes), "their links again", 40)
    lab.wait_connected(coordinator, *probes, timeout=20)
    equal(coordinator.alerts(kind="down"), [], "alerts")


test_link_frozen.seconds = 30


def test_link_frozen_probe(lab):
    """A probe that stands still for as long: its session and connections end; thawed, nothing from before is a vote, and it is back by itself."""
    coordinator = with_door(lab)
    lab.regions(coordinator)
    probes = [dialler(lab, coordinator, f"{city}-1", region).start() for city, region in REGIONS.items()]
    lab.wait_connected(coordinator, *probes)
    site = Site(lab, "shop")
    monitor = lab.monitor(coordinator, "shop", "http", site.url)
    fates = lambda: [v["fate"] for v in votes_of(coordinator, monitor).values()]
    wait_for(lambda: fates() == ["counted"] * 3, "all votes", 15)
    links, victim = lambda: coordinator.status()["door"]["links"], probes[0]
    victim.freeze()
    up = lambda: equal(coordinator.state(monitor), "up", "what two of three see") or True
    wait_for(lambda: up() and links() == 4, "its connections to end", 50)
    check(votes_of(coordinator, monitor)[victim.name]["fate"] in ("absent", "stale"), "its vote does not count")
    before = victim.text().count("new=spliced")
    victim.thaw()
    wait_for(lambda: up() and victim.text().count("new=spliced") >= before + 2, "its streams", 20)
    wait_for(lambda: up() and fates() == ["counted"] * 3, "its vote", 10)
    check("probe.tilt kind=stall" in victim.text(), "it knows that it stood still")
    equal([a["kind"] for a in coordinator.alerts() if a["kind"] != "probe"], [], "alerts")


test_link_frozen_probe.seconds = 45


def test_link_tampered(lab):
    """A relay that flips bits, or cuts in the middle: nothing of it is accepted, and the link comes back when it is honest again."""
    coordinator = with_door(lab)
    site = Site(lab, "shop")
    lab.regions(coordinator)
    honest = [dialler(lab, coordinator, f"{city}-1", REGIONS[city]).start() for city in ("tokyo", "frankfurt")]
    relay = Tamper(lab, coordinator.door_port)
    victim = dialler(lab, coordinator, "virginia-1", "us-east-1", port=relay.port).start()
    lab.wait_connected(coordinator, *honest, victim)
    monitor = lab.monitor(coordinator, "shop", "http", site.url)
    lab.wait_state(coordinator, monitor, "up")
    lab.wait_settled(coordinator)
    never_down = lambda: equal(coordinator.state(monitor), "up", "state while bytes are changed") or True

    # from now on every connection is harmed: in the handshake, the preface, a session
    for harm, first, last in (("flip", 0, 2500), ("cut", 0, 2500), ("flip", 50, 400)):
        relay.harm, relay.first, relay.last = harm, first, last
        harmed = relay.harmed
        wait_for(lambda: never_down() and relay.harmed >= harmed + 3, f"three connections harmed by: {harm}", 45)
        wait_for(lambda: never_down() and relay.ended >= relay.harmed - 1, "their end", 20)
    wait_for(lambda: votes_of(coordinator, monitor)["virginia-1"]["fate"] in ("absent", "stale"), "the victim's vote to be absent", 30)
    relay.harm = None
    wait_for(lambda: votes_of(coordinator, monitor)["virginia-1"]["fate"] == "counted", "the victim's vote", 70)
    log = coordinator.text()
    check("nonsense" not in log and "malformed" not in log, "no changed byte came as far as a parser")
    equal(coordinator.alerts(kind="down"), [], "alerts")


test_link_tampered.seconds = 40
