"""Systems that processes of their own load, for tests of what the server does with them."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from acclimate.core.errors import BackendError, ConfigError, DataError
from acclimate.core.model import Completion, Model
from server.small_systems import Says
from server.told_systems import Waits

MANY = 10_000


@dataclass
class Loaded:
    systems: dict
    report: Path | None = None
    tasks: tuple = ("law",)


class Tells(Model):
    """Does as the question says: tells its process, is refused, or takes the process along."""

    def generate(self, prompts, sampling):
        question = prompts[0].question
        if question == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if question == "data":
            raise DataError("the question is wrong; ask another")
        if question == "bug":
            raise RuntimeError("secret detail")
        return [Completion(str(os.getpid())) for _ in prompts]

    def loglikelihood(self, pairs):
        raise NotImplementedError


def speaking():
    return Loaded({"tells": Tells(), "waits": Waits(MANY), "says": Says("yes", "The laws")})


def missing():
    raise ConfigError("there is no such folder; give another")


def broken():
    raise BackendError("the disk is gone")


def unreadable():
    raise PermissionError(13, "Permission denied", "weights")


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def endless():
    time.sleep(60)


@dataclass
class Once:
    """Loads, but not a second time."""

    mark: Path

    def __call__(self):
        if self.mark.exists():
            raise BackendError("the disk is gone")
        self.mark.touch()
        return speaking()
