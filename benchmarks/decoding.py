"""Our decoding loop, its caches, look-up speculation and engines against generate."""

# `python benchmarks/decoding.py` prints all sections, `python benchmarks/decoding.py lean prefix`
# some; with QUICK=1 in the environment it is only seen that all run.

import os
import sys

import decoding_loop
import decoding_methods
import engines
import quoting
from decoding_setting import conditions

SECTIONS = {
    "lean": decoding_loop.lean,
    "cache": decoding_loop.cache,
    "prefix": decoding_loop.prefix,
    "speculation": lambda: quoting.main() == 0,
    "response_cache": decoding_methods.response_cache,
    "engines": lambda: engines.main() == 0,
}


def main() -> int:
    """Print what is asked for; 1 where a claim does not hold."""
    os.environ.update(HF_HUB_OFFLINE="1")
    asked = sys.argv[1:] or list(SECTIONS)
    if unknown := set(asked) - set(SECTIONS):
        print(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
        return 2
    print(conditions())
    held = {name: SECTIONS[name]() for name in asked}
    failed = [name for name, holds in held.items() if not holds]
    print(f"\nbelow what is asked: {', '.join(failed)}" if failed else "\nall hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
