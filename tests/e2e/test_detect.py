# SPDX-License-Identifier: MIT
"""How long it takes from the instant at which a target breaks to the webhook's arrival."""
import random
import selectors
import socket
import subprocess
import threading
import time

from lab import Skip, check, equal, wait_for
from peers import Receiver

SEATS = 5
INTERVAL_S, TIMEOUT_S, GAP_S = 60, 10, 3
HABIT_S = 3 * INTERVAL_S + 20  # until every probe knows how long each target takes
OVER_S = 360                   # in which all of them break, each at a random instant
TARGETS = 240                  # of each kind


class Targets:
    """Loopback addresses, each with a port of its own that accepts connections until it is broken."""

    def __init__(self, lab, n):
        self.sockets, self.selector = {}, selectors.DefaultSelector()
        for i in range(n):
            s = socket.create_server((f"127.30.{i // 250}.{i % 250 + 1}", 7000), backlog=64)
            s.setblocking(False)
            self.sockets[i] = s
            self.selector.register(s, selectors.EVENT_READ)
        self.lock, self.ended = threading.Lock(), False
        threading.Thread(target=self.serve, daemon=True).start()
        lab.closers.append(self.stop)

    def address(self, i):
        return self.sockets[i].getsockname()[0]

    def serve(self):
        while not self.ended:
            for key, _ in self.selector.select(0.1):
                with self.lock:
                    try:
                        key.fileobj.accept()[0].close()
                    except OSError:  # broken, or gone again
                        pass

    def refuse(self, i):
        with self.lock:
            self.selector.unregister(self.sockets[i])
            self.sockets[i].close()

    def swallow(self, i):
        subprocess.run(["nft", "add", "element", "inet", "holes", "black", "{ " + self.address(i) + " }"], check=True)

    def stop(self):
        self.ended = True


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def tell(name, seconds):
    marks = "  ".join(f"{int(100 * q)}% {quantile(seconds, q):5.1f}" for q in (0.1, 0.5, 0.9, 0.99))
    print(f"    {name:<12} {len(seconds)} outages, seconds to the webhook:  {marks}  max {max(seconds):5.1f}")
    for low in range(0, int(max(seconds)) + 1, 2):
        n = sum(low <= s < low + 2 for s in seconds)
        print(f"      {low:>3}-{low + 2:<3} {n:>4} {'#' * round(120 * n / len(seconds))}")


def test_detection_long(lab):
    """240 targets stop to answer and 240 refuse, at random instants: confirmed by 5 seats at 60 s, half are told within 22 s and
    10 s, 99 % within 30 s and 16 s."""
    if subprocess.run(["nft", "list", "tables"], capture_output=True).returncode:
        raise Skip("needs nftables in a namespace of its own")
    subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""table inet holes {
        set black { type ipv4_addr; }
        chain in {
            type filter hook input priority 0;
            ip daddr @black drop
        }
    }""")
    receiver = Receiver(lab)
    coordinator = lab.coordinator(channels=[receiver.channel]).start()
    lab.regions(coordinator, [f"region-{i}" for i in range(SEATS)])
    probes = [lab.probe(coordinator, f"probe-{i}", f"region-{i}").start() for i in range(SEATS)]
    lab.wait_connected(coordinator, *probes)
    targets = Targets(lab, 2 * TARGETS)
    for i in range(2 * TARGETS):
        lab.monitor(coordinator, f"target {i}", "tcp", f"{targets.address(i)}:7000", interval=f"{INTERVAL_S}s", timeout=f"{TIMEOUT_S}s",
                    quorum={"seats": SEATS, "rounds": 2, "gap": f"{GAP_S}s"})
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > HABIT_S or None, "the targets' habits", HABIT_S + 10)
    equal({m["state"] for m in coordinator.api.items("/api/v1/monitors")}, {"up"}, "states before")
    equal(receiver.messages(), [], "alerts before")

    order = random.Random(1)
    plan = sorted((order.uniform(0, OVER_S), i) for i in range(2 * TARGETS))
    began, broken = time.monotonic(), {}
    for at, i in plan:
        time.sleep(max(0, began + at - time.monotonic()))  # the instants are what is wanted
        (targets.refuse if i < TARGETS else targets.swallow)(i)
        broken[f"target {i}"] = time.monotonic()
    opened = lambda: {d.alert["monitor"]["name"]: d.at for d in receiver.messages(type="alert.opened", kind="down")}
    wait_for(lambda: len(opened()) == 2 * TARGETS or None, "an alert of every target", 120)

    took = {name: at - broken[name] for name, at in opened().items()}
    refused = [s for name, s in took.items() if int(name.split()[1]) < TARGETS]
    swallowed = [s for name, s in took.items() if int(name.split()[1]) >= TARGETS]
    tell("refused", refused)
    tell("swallowed", swallowed)
    equal(len(receiver.messages()), 2 * TARGETS, "messages in all")
    check(quantile(refused, 0.5) <= 10 and quantile(refused, 0.99) <= 16, "refused: half within 10 s, 99 % within 16 s")
    check(quantile(swallowed, 0.5) <= 22 and quantile(swallowed, 0.99) <= 30, "swallowed: half within 22 s, 99 % within 30 s")


test_detection_long.long = 1200
test_detection_long.seconds = 660
