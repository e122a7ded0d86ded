# SPDX-License-Identifier: MIT
"""A long or lossy road for the packets of one TCP port, in user space: what tc-netem does, for kernels that have none.

iptables hands the packets (NFQUEUE) to a thread here, which lets each pass DELAY_MS later, or drops it with the probability LOSS.
Both directions are treated alike: a round trip takes twice the delay, and loses either packet of it. The dice are seeded.
"""
import collections
import random
import select
import socket
import struct
import threading
import time

from lab import Skip
from peers import run

NETLINK_NETFILTER, NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR = 12, 1, 4, 2
QUEUE = 3 << 8  # NFNL_SUBSYS_QUEUE
PACKET, VERDICT, CONFIG = 0, 1, 2
CFG_CMD, CFG_PARAMS, CFG_MAXLEN = 1, 2, 3
PACKET_HDR, VERDICT_HDR = 1, 2
DROP, ACCEPT = 0, 1


class Wan:
    """Between this namespace and SITES (a Network's), for TCP to PORT here and back. All of them share one queue."""

    def __init__(self, lab, sites, port, delay_ms=0, loss=0.0, seed=1, number=1):
        self.delay, self.loss, self.dice, self.number = delay_ms / 1000, loss, random.Random(seed), number
        self.passed = self.lost = 0
        self.road = collections.deque()  # (when it arrives, packet): all take the same time
        self.closed = False
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))
        lab.closers.append(self.close)
        self._config(CFG_CMD, struct.pack(">BxH", 1, socket.AF_INET))  # bind
        self._config(CFG_PARAMS, struct.pack(">IB", 0, 1))  # tell of each packet, not its content
        self._config(CFG_MAXLEN, struct.pack(">I", 10000))
        for site in sites:
            for chain, wire, side in (("INPUT", "-i", "--dport"), ("OUTPUT", "-o", "--sport")):
                run("iptables", "-A", chain, wire, site.wire, "-p", "tcp", side, str(port), "-j", "NFQUEUE", "--queue-num", str(number))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __str__(self):
        return f"{self.lost} of {self.lost + self.passed} packets lost"

    def close(self):
        self.closed = True
        self.thread.join()
        self.socket.close()

    def _send(self, type, attribute, data, flags=0):
        """One message with one attribute."""
        body = struct.pack(">BBH", 0, 0, self.number) + struct.pack("=HH", 4 + len(data), attribute) + data + b"\0" * (-len(data) % 4)
        self.socket.send(struct.pack("=IHHII", 16 + len(body), QUEUE | type, NLM_F_REQUEST | flags, 0, 0) + body)

    def _config(self, attribute, data):
        self._send(CONFIG, attribute, data, NLM_F_ACK)
        answer = self.socket.recv(4096)
        error = struct.unpack_from("=i", answer, 16)[0]
        if error:
            raise Skip(f"this kernel does not hand packets to programs (NFQUEUE): error {-error}")

    def _verdict(self, packet, verdict):
        self._send(VERDICT, VERDICT_HDR, struct.pack(">II", verdict, packet))

    def _run(self):
        while not self.closed:
            now = time.monotonic()
            while self.road and self.road[0][0] <= now:
                self._verdict(self.road.popleft()[1], ACCEPT)
            wait = min(0.1, self.road[0][0] - now) if self.road else 0.1
            if select.select([self.socket], [], [], max(0, wait))[0]:
                self._take(self.socket.recv(1 << 16))

    def _take(self, data):
        at = 0
        while at + 16 <= len(data):
            size, type = struct.unpack_from("=IH", data, at)
            if type == QUEUE | PACKET:
                self._packet(data[at + 20:at + size])
            at += size + 3 & ~3

    def _packet(self, attributes):
        at = 0
        while at + 4 <= len(attributes):
            size, kind = struct.unpack_from("=HH", attributes, at)
            if kind & 0x7fff == PACKET_HDR:
                packet = struct.unpack_from(">I", attributes, at + 4)[0]
                if self.dice.random() < self.loss:
                    self.lost += 1
                    self._verdict(packet, DROP)
                else:
                    self.passed += 1
                    self.road.append((time.monotonic() + self.delay, packet))
                return
            at += size + 3 & ~3
