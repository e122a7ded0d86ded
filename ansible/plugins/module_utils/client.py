# SPDX-License-Identifier: MIT
"""The coordinator's REST API for the modules: over its unix socket, its door (TLS, by CA or pin) or loopback.

What goes wrong is raised as ApiError, with a sentence for people. Keys never stand in it.
"""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

import base64
import hashlib
import hmac
import http.client
import json
import os
import socket
import ssl
import time
from urllib.parse import quote, urlsplit

from ansible.module_utils.basic import env_fallback

SOCKETS = ("/run/quorate-coordinator/api.sock", "/var/lib/quorate-coordinator/api.sock")
KEY_FILES = ("/var/lib/quorate-coordinator/admin.key",)
ANSWER_MAX_BYTES = 64 * 1024 * 1024


def argument_spec(**more):
    """The options of plugins/doc_fragments/coordinator.py, and MORE."""
    return dict(
        url=dict(type="str", fallback=(env_fallback, ["QUORATE_URL"])),
        api_key=dict(type="str", no_log=True, fallback=(env_fallback, ["QUORATE_API_KEY"])),
        api_key_file=dict(type="path", no_log=False),
        ca_file=dict(type="path"),
        pins=dict(type="list", elements="str", default=[]),
        api_timeout=dict(type="int", default=30),
        **more
    )


class ApiError(Exception):
    """STATUS is that of the answer, None when there was none."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def der_parts(data):
    """The elements of one level of DER: (tag, whole, content) each."""
    parts, at = [], 0
    while at < len(data):
        tag, size, start = data[at], data[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7f
            size = int.from_bytes(data[start:start + count], "big")
            start += count
        parts.append((tag, data[at:start + size], data[start:start + size]))
        at = start + size
    return parts


def public_key_pin(certificate):
    """sha256//BASE64 of the public key in a certificate in DER: RFC 5280, section 4.1, without its optional version."""
    fields = der_parts(der_parts(der_parts(certificate)[0][2])[0][2])
    key = [whole for tag, whole, content in fields if tag != 0xa0][5]
    return "sha256//" + base64.b64encode(hashlib.sha256(key).digest()).decode()


class PinnedConnection(http.client.HTTPSConnection):
    """The key is the proof; no CA is asked."""

    def __init__(self, host, port, timeout, pins):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        super().__init__(host, port, timeout=timeout, context=context)
        self.pins = pins

    def connect(self):
        super().connect()
        found = public_key_pin(self.sock.getpeercert(binary_form=True))
        if not any(hmac.compare_digest(found, pin) for pin in self.pins):
            self.close()
            raise ApiError("the coordinator's key is not one of the pinned ones: it shows %s" % found)


class Client:
    def __init__(self, params):
        self.timeout = params["api_timeout"]
        self.pins, self.ca_file = params["pins"], params["ca_file"]
        self.url = params["url"] or next(("unix:" + s for s in SOCKETS if os.path.exists(s)), None)
        if not self.url:
            raise ApiError("no coordinator has its socket on this host (%s); say where it is with url" % ", ".join(SOCKETS))
        self.key = params["api_key"] or self._read_key(params["api_key_file"])
        self.parts = urlsplit(self.url)
        if self.parts.scheme not in ("unix", "http", "https"):
            raise ApiError("url: '%s'; accepted: unix:PATH, https://HOST:PORT, http:// on loopback" % self.url)
        if self.parts.scheme == "http" and self.parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ApiError("url: '%s': a key is not sent over a network in the clear; use https:// or the unix socket" % self.url)

    @staticmethod
    def _read_key(path):
        path = path or next((p for p in KEY_FILES if os.path.exists(p)), None)
        if not path:
            raise ApiError("a key is needed: api_key, or api_key_file (by default %s, which is not on this host)" % KEY_FILES[0])
        try:
            with open(path) as f:
                return f.read().strip()
        except OSError as e:
            raise ApiError("api_key_file: %s: %s" % (path, e.strerror)) from None

    def _connection(self):
        u = self.parts
        if u.scheme == "unix":
            return UnixConnection(u.path, self.timeout)
        if u.scheme == "http":
            return http.client.HTTPConnection(u.hostname, u.port or 80, timeout=self.timeout)
        if self.pins:
            return PinnedConnection(u.hostname, u.port or 443, self.timeout, self.pins)
        context = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection(u.hostname, u.port or 443, timeout=self.timeout, context=context)

    def _once(self, method, path, body):
        headers = {"Authorization": "Bearer " + self.key, "User-Agent": "quorate-ansible"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            connection.request(method, "/api/v1" + path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(ANSWER_MAX_BYTES)
        except (OSError, http.client.HTTPException) as e:
            raise ApiError("cannot talk to the coordinator at %s: %s" % (self.url, e or type(e).__name__)) from None
        finally:
            connection.close()

    def call(self, method, path, body=None):
        """The JSON of the answer, None when it is empty. A busy coordinator is asked again, for as long as `api_timeout`."""
        data = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + self.timeout
        status, text = self._once(method, path, data)
        while status in (429, 503) and time.monotonic() < deadline:
            time.sleep(1)
            status, text = self._once(method, path, data)
        try:
            answer = json.loads(text) if text else None
        except ValueError:
            raise ApiError("%s answered %s with status %d and no JSON: is that a quorate coordinator?" % (self.url, path, status),
                           status) from None
        if status // 100 == 2:
            return answer
        raise ApiError(self._problem(status, answer), status)

    def find(self, path):
        """The object, or None when there is none."""
        try:
            return self.call("GET", path)
        except ApiError as e:
            if e.status == 404:
                return None
            raise

    def items(self, path):
        """All items of a list, page by page."""
        items, cursor = [], None
        while True:
            page = self.call("GET", path if not cursor else "%s%scursor=%s" % (path, "&" if "?" in path else "?", quote(cursor)))
            items += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return items

    @staticmethod
    def _problem(status, answer):
        """A problem document (RFC 9457) as one sentence."""
        if status == 401:
            return "the coordinator does not know this API key"
        answer = answer if isinstance(answer, dict) else {}
        detail = answer.get("detail") or answer.get("title") or "status %d" % status
        errors = ["%s: %s" % (e.get("path"), e.get("message")) if e.get("path") else str(e.get("message"))
                  for e in answer.get("errors") or []]
        if not errors or (len(errors) == 1 and (answer["errors"][0].get("message") or "?") in detail):
            return "the coordinator refused: " + detail
        return "the coordinator refused: %s" % "; ".join(errors)


def path_of(kind, name):
    return "/%s/%s" % (kind, quote(name, safe=""))
