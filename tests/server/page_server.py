"""A server of the page with systems that speak, which can be stopped and started again."""

import asyncio
import threading
import time
from dataclasses import replace

from acclimate.core.errors import DataError
from acclimate.core.model import Completion
from acclimate.server.app import build_app
from acclimate.server.http_server import Server
from server.running import free_port, until
from server.small_systems import Says

EVIL = "<img src=x onerror=\"document.title='taken'\">"
WORDS = ["Dogs ", "may ", "not. ", EVIL]


class Speaks(Says):
    """Streams its words, with a pause after each; breaks or refuses where it is asked to."""

    def __init__(self, words, pause, *titles):
        super().__init__("".join(words), *titles)
        self.words = words
        self.pause = pause
        self.is_cut = False

    def generate(self, prompts, sampling):
        answers = super().generate(prompts, sampling)
        return [replace(answer, is_cut=self.is_cut) for answer in answers]

    def stream(self, prompt, sampling):
        self.asked.append((prompt, sampling))
        if prompt.question == "refuse":
            raise DataError("the prompt is longer than the context")
        for word in self.words:
            yield word
            time.sleep(self.pause)
            if prompt.question == "break":
                raise DataError("the passages are gone")
        yield Completion(self.text, passages=self.passages, is_cut=self.is_cut)


def page_app(folder, words, *, pause=0.0, **more):
    """The page, with a system that streams `words` and one that says no."""
    systems = {"<winner>": Speaks(words, pause, "The laws"), "base": Speaks(["no"], 0.0)}
    files = {"feedback": folder / "feedback.sqlite", "report": folder / "report.html"}
    app = build_app(systems, **{**files, **more})
    app.state.systems = systems
    return app


class Running:
    """An app on a port of its own, that can be stopped and started again."""

    def __init__(self, make):
        self.make = make
        self.port = free_port()
        self.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.app = self.make()
        self.server = Server(self.app, host="127.0.0.1", port=self.port)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server._serve()))
        self.thread.start()
        until(lambda: self.server.started)

    def stop(self):
        """Within a second, whatever is going on."""
        self.server.config.timeout_graceful_shutdown = 1
        self.server.should_exit = True
        self.thread.join(30)
