"""Systems that wait, break or count, for tests of what the server does around them."""

import threading

from acclimate.core.errors import BackendError, DataError
from acclimate.core.model import Completion, Model


class Waits(Model):
    """Says a word, waits to be let go on, says another, and so on; knows when it was stopped."""

    def __init__(self, num_words=1000):
        self.num_words = num_words
        self.go_on = threading.Event()
        self.is_closed = threading.Event()
        self.has_begun = threading.Event()

    def generate(self, prompts, sampling):
        raise NotImplementedError

    def stream(self, prompt, sampling):
        try:
            for number in range(self.num_words):
                yield f"{number} "
                self.has_begun.set()
                self.go_on.wait(0.01)
            yield Completion("done")
        finally:
            self.is_closed.set()

    def loglikelihood(self, pairs):
        raise NotImplementedError


class Breaks(Model):
    """Fails as the question says: at once, or after a piece."""

    def generate(self, prompts, sampling):
        raise RuntimeError("secret detail")

    def stream(self, prompt, sampling):
        if prompt.question == "late":
            yield "so far "
            raise RuntimeError("secret detail")
        if prompt.question == "data":
            raise DataError("the question is wrong; ask another")
        if prompt.question == "backend":
            raise BackendError("the disk is gone")
        raise RuntimeError("secret detail")

    def loglikelihood(self, pairs):
        raise NotImplementedError
