"""Files and libraries that are others from now on, as far as digests and versions tell."""

from dataclasses import replace

from acclimate.core import provenance
from acclimate.core.source_code import libraries
from acclimate.core.source_code.running_code import RUNNING


def change_code(monkeypatch, *labels):
    """Let files of this package have another digest; what they import stays."""
    RUNNING.begin()
    for label in labels:
        module = RUNNING._labels[label]
        other = replace(RUNNING.look(module), digest="of other code")
        monkeypatch.setitem(RUNNING._files, module.path, other)


def change_library(monkeypatch, name, version):
    """Let a library have another version."""
    real = libraries.version_of
    for module in (libraries, provenance):
        monkeypatch.setattr(module, "version_of", lambda n: version if n == name else real(n))
