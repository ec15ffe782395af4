"""A real Chromium, driven through its DevTools protocol over a pair of pipes: no driver, no library, no open port.

with Chromium(folder) as browser, browser.page(width=320, dark=True) as page:
    page.open("http://127.0.0.1:8080/")
    page.click("button")
    assert page.value("document.title") == "…"
"""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

PROGRAM = shutil.which("chromium") or ""

MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(not PROGRAM, reason="needs Debian's chromium: run `make test-browser`"),
]

_FLAGS = (
    "--headless",
    "--no-sandbox",  # it may be root that runs the tests, in a container without user namespaces
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_PATIENCE = 30.0
"""Seconds for one answer, on a machine that has other things to do."""

Facts = dict[str, Any]


class Chromium:
    """One browser, with a profile of its own that knows nothing."""

    def __init__(self, folder: Path) -> None:
        """Keep the profile below `folder`."""
        self._folder = folder
        self._numbers = itertools.count(1)
        self._unread = b""
        self._listeners: dict[str, Callable[[str, Facts], None]] = {}

    def __enter__(self) -> Self:
        ours_to_read, its_to_write = _pipe()
        its_to_read, ours_to_write = _pipe()
        self._reading, self._writing = ours_to_read, ours_to_write
        command = [PROGRAM, *_FLAGS, f"--user-data-dir={self._folder / 'profile'}", "about:blank"]
        with (self._folder / "chromium.log").open("wb") as log:
            self._pid = os.posix_spawn(
                PROGRAM,
                command,
                {**os.environ, "HOME": str(self._folder)},
                # The protocol's own numbers: it reads commands from 3 and writes answers to 4. They come last, since
                # either may be the log's.
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
                    (os.POSIX_SPAWN_DUP2, its_to_read, 3),
                    (os.POSIX_SPAWN_DUP2, its_to_write, 4),
                ],
                setpgroup=0,
            )
        os.close(its_to_read)
        os.close(its_to_write)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError, AssertionError):
            self.ask("Browser.close")
        end = time.monotonic() + 5
        while not os.waitpid(self._pid, os.WNOHANG)[0]:
            if time.monotonic() > end:
                os.killpg(self._pid, signal.SIGKILL)
            time.sleep(0.02)
        with suppress(ProcessLookupError):  # what outlived it, if anything did
            os.killpg(self._pid, signal.SIGKILL)
        os.close(self._reading)
        os.close(self._writing)

    def page(self, *, width: int = 1280, height: int = 900, dark: bool = False, phone: bool = False) -> Page:
        """Open an empty page, as wide as asked; a `phone` lays pages out and scales them as phones do."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, context)
        self._listeners[session] = page.hear
        for domain in ("Page", "Network", "Runtime", "Log"):
            page.ask(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.ask("Emulation.setEmulatedMedia", features=[scheme])
        page.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        return page

    def ask(self, method: str, session: str = "", **parameters: Any) -> Facts:
        """Send one command and wait for its answer; what the browser tells meanwhile goes to its page."""
        number = next(self._numbers)
        command: Facts = {"id": number, "method": method, "params": parameters}
        os.write(self._writing, json.dumps(command | ({"sessionId": session} if session else {})).encode() + b"\0")
        while (message := self._next(_PATIENCE)) is not None:
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message.get('error')}"
                result: Facts = message["result"]
                return result
        raise AssertionError(f"chromium does not answer {method}: see {self._folder / 'chromium.log'}")

    def wait(self, until: Callable[[], bool]) -> None:
        """Take in what the browser tells, until that is what was waited for."""
        while not until():
            assert self._next(_PATIENCE) is not None, "chromium fell silent"

    def _next(self, patience: float) -> Facts | None:
        while b"\0" not in self._unread:
            if not select.select([self._reading], [], [], patience)[0]:
                return None
            read = os.read(self._reading, 1 << 20)
            assert read, f"chromium is gone: see {self._folder / 'chromium.log'}"
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\0")
        message: Facts = json.loads(line)
        if "method" in message and (hear := self._listeners.get(message.get("sessionId", ""))):
            hear(message["method"], message["params"])
        return message


@dataclass(slots=True)
class Page:
    """One page of a browser. `requests` holds every address it asked for, `complaints` every error and warning."""

    browser: Chromium
    session: str
    context: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _told: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.browser.ask("Target.disposeBrowserContext", browserContextId=self.context)

    def hear(self, method: str, facts: Facts) -> None:
        """Note what happened in the page."""
        self._told.append(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(facts["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(facts["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(facts["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(facts["args"]))

    def ask(self, method: str, **parameters: Any) -> Facts:
        """Send one command of the protocol about this page."""
        return self.browser.ask(method, self.session, **parameters)

    def open(self, url: str) -> None:
        """Go there, and wait until all is loaded."""
        self._told.clear()
        answer = self.ask("Page.navigate", url=url)
        assert "errorText" not in answer, answer
        self.browser.wait(lambda: "Page.loadEventFired" in self._told)

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript comes to; a promise is waited for."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + _PATIENCE
        while not self.value(expression):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.02)

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of the first element that a selector finds."""
        place = self.value(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            " found.scrollIntoView({block: 'center', behavior: 'instant'}); const box = found.getBoundingClientRect();"
            " return {x: box.x + box.width / 2, y: box.y + box.height / 2}; })()"
        )
        for what in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=what, button="left", clickCount=1, **place)

    def press(self, key: str, code: int, modifiers: int = 0) -> None:
        """Press and release one key; `code` is Windows' virtual key code."""
        typed: Mapping[str, Any] = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        for what in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=what, **typed)

    def type(self, text: str) -> None:
        """Enter text where the focus is."""
        self.ask("Input.insertText", text=text)

    def allow(self, origin: str, permissions: Sequence[str]) -> None:
        """Grant these permissions to an origin, and refuse it all others."""
        self.browser.ask(
            "Browser.grantPermissions", origin=origin, permissions=list(permissions), browserContextId=self.context
        )

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """Save how it looks."""
        facts = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **self._area(whole))
        file.write_bytes(base64.b64decode(facts["data"]))

    def _area(self, whole: bool) -> Facts:
        if not whole:
            return {}
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}


def _pipe() -> tuple[int, int]:
    """A pipe whose ends have numbers above those that the protocol wants."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 64) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]
