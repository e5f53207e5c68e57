"""Serves the app to browsers through textual-serve: who may ask, and how it ends.

textual-serve starts a process per session and asks nobody who they are, nor for which site they
ask. The page it gives is held to this server: by itself it would fetch a font from elsewhere.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import ipaddress
import secrets
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

import psutil
from aiohttp import web
from textual_serve.server import Server

PATIENCE = 0.5
"""Seconds that sessions have to end by themselves."""

_COOKIE = "flowtui"

_FOCUS = """<script>
  addEventListener("load", () => new MutationObserver((_, observer) => {
    if (!document.body.classList.contains("-first-byte")) return;
    observer.disconnect();
    document.querySelector("#terminal textarea").focus();
  }).observe(document.body, {attributes: true}));
</script></head>"""
"""Keys are for the terminal, which textual-serve gives the focus only once it is clicked."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections; raises OSError."""
    [(family, _, _, _, address), *_] = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return socket.create_server(address[:2], family=family)


def why_not(error: OSError, host: str, port: int) -> str:
    """Why a host and port cannot be listened on, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken. Pass another one, or --port 0 for a free one."
    if error.errno == errno.EACCES:
        return f"Port {port} is not for everyone. Pass one above 1023."
    return f"There is no listening on {host}: {error.strerror}. Pass an address of this machine."


def is_loopback(listening: socket.socket) -> bool:
    """Whether this machine alone can reach a socket."""
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


class Page(Server):
    """The page of a target; with `acts` its address holds a secret, as code can be run by it."""

    def __init__(
        self, command: str, title: str, host: str, listening: socket.socket, *, acts: bool
    ) -> None:
        port = listening.getsockname()[1]
        super().__init__(f"exec {command}", host, port, title)
        self.listening = listening
        self._host = host.lower()
        self._secret = secrets.token_urlsafe() if acts else None

    @property
    def url(self) -> str:
        """The address to open."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        asked = f"?token={self._secret}" if self._secret else ""
        return f"http://{host}:{self.port}/{asked}"

    async def application(self) -> web.Application:
        """What answers requests."""
        application = await self._make_app()
        application.middlewares.append(self._guard)
        return application

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: what textual-serve says holds the command."""

    async def handle_index(self, request: web.Request) -> web.Response:
        # As the browser knows it: the address listened on may be 0.0.0.0, or behind ssh's.
        self.public_url = f"http://{request.host}"
        page: web.Response = await super().handle_index(request)  # type: ignore[assignment]
        page.headers["Content-Security-Policy"] = (
            "default-src 'self' 'unsafe-inline' data:; frame-ancestors 'none'; "
            f"connect-src 'self' ws://{request.host}"
        )
        page.text = (page.text or "").replace("</head>", _FOCUS, 1)
        if self._secret is not None:
            page.set_cookie(_COOKIE, self._secret, httponly=True, samesite="Strict")
        return page

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse what another site makes a browser ask, and who does not have the secret."""
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text=f"This is not for pages of {origin}.")
        if is_loopback(self.listening) and not self._is_here(request.host):
            # A name that another site made point here would let its pages read the answers.
            raise web.HTTPForbidden(text="Open this by the address that flowtui serve printed.")
        if self._secret is not None:
            told = request.query.get("token") or request.cookies.get(_COOKIE, "")
            if not hmac.compare_digest(told.encode(), self._secret.encode()):
                raise web.HTTPForbidden(text="Open this by the address that flowtui serve printed.")
        return await handler(request)

    def _is_here(self, asked: str) -> bool:
        try:
            name = urlsplit(f"//{asked}").hostname or ""
            return name in ("localhost", self._host) or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def serve(page: Page) -> int:
    """Serve until a signal ends it, and all sessions with it; returns the exit code."""
    return 128 + asyncio.run(_serve(page))


async def _serve(page: Page) -> int:
    loop = asyncio.get_running_loop()
    signalled: asyncio.Future[int] = loop.create_future()

    def end(number: int) -> None:
        if not signalled.done():
            signalled.set_result(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, end, number)
    runner = web.AppRunner(await page.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.SockSite(runner, page.listening).start()
        return await signalled
    finally:
        await _end_sessions()
        await runner.cleanup()


async def _end_sessions() -> None:
    sessions = psutil.Process().children(recursive=True)
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for session in sessions:
            with suppress(psutil.NoSuchProcess):
                end(session)
        until = time.monotonic() + PATIENCE
        # Not psutil's own way to wait: it would take their exit codes from asyncio.
        while sessions and time.monotonic() < until:
            await asyncio.sleep(0.02)
            sessions = [session for session in sessions if session.is_running()]
