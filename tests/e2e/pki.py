# SPDX-License-Identifier: MIT
"""Certificates as no tool would make them: DER by hand, so that every field can be wrong; only signatures are openssl's."""
import base64
import hashlib
import os
import subprocess
import time

DAY = 86400
ALGORITHMS = {("ec", "sha256"): "1.2.840.10045.4.3.2", ("ec", "sha1"): "1.2.840.10045.4.1", ("rsa", "sha256"): "1.2.840.113549.1.1.11",
              ("rsa", "sha1"): "1.2.840.113549.1.1.5", ("rsa", "md5"): "1.2.840.113549.1.1.4"}


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + size + body


def seq(*parts):
    return tlv(0x30, *parts)


def integer(n):
    return tlv(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def bits(data):
    return tlv(0x03, b"\0", data)


def oid(text):
    first, second, *rest = map(int, text.split("."))
    out = bytes([40 * first + second])
    for n in rest:
        word = [n & 127]
        while n > 127:
            n >>= 7
            word.append(n & 127 | 128)
        out += bytes(reversed(word))
    return tlv(0x06, out)


def name(common):
    return seq(tlv(0x31, seq(oid("2.5.4.3"), tlv(0x0C, common.encode()))))


def instant(at):
    return tlv(0x18, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(at)).encode())


def extension(number, value, critical=False):
    return seq(oid(number), *([tlv(0x01, b"\xff")] if critical else []), tlv(0x04, value))


def pem(der):
    return "-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der).decode() + "-----END CERTIFICATE-----\n"


class Key:
    """A key of KIND ("ec", or "rsa" with so many BITS) in FOLDER."""

    def __init__(self, folder, kind, size=2048):
        self.kind, self.path = kind, os.path.join(folder, f"{kind}{size}.key")
        what = ["EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else ["RSA", "-pkeyopt", f"rsa_keygen_bits:{size}"]
        if not os.path.exists(self.path):
            subprocess.run(["openssl", "genpkey", "-algorithm", *what, "-out", self.path], check=True, capture_output=True)
        self.public = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout

    def sign(self, data, digest):
        return subprocess.run(["openssl", "dgst", "-" + digest, "-sign", self.path], input=data, check=True, capture_output=True).stdout


class FakeKey:
    """An RSA key of which there is no private half: what it "signs" is no signature, which costs its verifier as much."""

    kind = "rsa"

    def __init__(self, size, exponent=65537):
        modulus = int.from_bytes(hashlib.shake_256(b"modulus").digest(size // 8), "big") | 1 << size - 1 | 1
        self.size = size
        self.public = seq(seq(oid("1.2.840.113549.1.1.1"), tlv(0x05)), bits(seq(integer(modulus), integer(exponent))))

    def sign(self, data, digest):
        return b"\1" + hashlib.shake_256(data).digest(self.size // 8 - 1)


class Issuer:
    """A name and its key, and what it has issued."""

    def __init__(self, common, key):
        self.common, self.key, self.serial = common, key, 1

    def issue(self, common, key, names=(), ca=False, start=-DAY, end=90 * DAY, digest="sha256", more=(), issuer=None, usage=None):
        """The DER of a certificate for KEY, signed by this one; START and END in seconds from now; MORE: extensions as they are."""
        now = time.time()
        algorithm = oid(ALGORITHMS[self.key.kind, digest])
        algorithm = seq(algorithm, *([tlv(0x05)] if self.key.kind == "rsa" else []))
        self.serial += 1
        found = [extension("2.5.29.19", seq(*([tlv(0x01, b"\xff")] if ca else [])), True)]
        if names:
            found.append(extension("2.5.29.17", seq(*(tlv(0x87, bytes(map(int, n.split(".")))) if n[0].isdigit() else tlv(0x82, n.encode())
                                                      for n in names))))
        if usage:
            found.append(extension("2.5.29.37", seq(oid(usage))))
        found += more
        body = seq(tlv(0xA0, integer(2)), integer(self.serial), algorithm, name(issuer or self.common), seq(instant(now + start), instant(now + end)),
                   name(common), key.public, tlv(0xA3, seq(*found)))
        return seq(body, algorithm, bits(self.key.sign(body, digest)))
