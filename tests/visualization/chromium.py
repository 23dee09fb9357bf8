"""A page in a real browser, spoken to over its debugging protocol."""

import asyncio
import itertools
import json
import shutil
import subprocess
import time
import urllib.request

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def browser():
    """The path of a Chromium, or `None`."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def in_browser(page, folder, steps):
    """Opens a file and returns what `await steps(evaluate, press)` returns.

    `evaluate(javascript)` gives its value, and `press(key)` presses a key.
    """
    process = subprocess.Popen(
        [
            browser(),
            *("--headless", "--no-sandbox", "--disable-gpu"),
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "--window-size=1400,900",
            page.as_uri(),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return asyncio.run(_spoken_to(folder, steps))
    finally:
        process.kill()
        process.wait()


async def _spoken_to(folder, steps):
    from tornado.websocket import websocket_connect

    connection = await websocket_connect(_address(folder))
    numbers = itertools.count()

    async def call(method, **params):
        number = next(numbers)
        message = {"id": number, "method": method, "params": params}
        await connection.write_message(json.dumps(message))
        while True:
            answer = json.loads(await connection.read_message())
            if answer.get("id") == number:
                return answer["result"]

    async def evaluate(script):
        answer = await call(
            "Runtime.evaluate",
            expression=script,
            returnByValue=True,
            awaitPromise=True,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def press(key):
        text = {"text": "\r"} if key == "Enter" else {}
        codes = {"Enter": 13, "Escape": 27, "Tab": 9}
        code = codes.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            await call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **text,
            )

    while await evaluate("document.readyState") != "complete":
        await asyncio.sleep(0.05)
    return await steps(evaluate, press)


def _address(folder, patience=30):
    """Where the page listens, once the browser has told."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            port = (folder / "DevToolsActivePort").read_text().split()[0]
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/json/list"
            ) as answer:
                targets = json.load(answer)
            return next(
                t["webSocketDebuggerUrl"]
                for t in targets
                if t["type"] == "page" and t["url"].startswith("file:")
            )
        except (OSError, IndexError, StopIteration):
            time.sleep(0.1)
    raise TimeoutError("Chromium has opened no page.")
