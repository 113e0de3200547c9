"""What entries were called before: for old files, and for who types an old name."""

import re
from collections.abc import Mapping
from types import MappingProxyType

METHODS_BEFORE: Mapping[str, str] = MappingProxyType(
    {
        "behaviour": "behavioral_tuning",
        "combined": "few_shot_chain_of_thought",
        "continued": "continued_pretraining",
        "diverse": "byte_average",
        "full": "full_finetuning",
        "instruction": "instruction_tuning",
        "key_value_cache": "prefix_cache",
        "prompt_cache": "response_cache",
        "weighted": "weighted_average",
    }
)
"""Former name → name. It is frozen: files that were written before do not change."""
METRICS_BEFORE: Mapping[str, str] = MappingProxyType({"willing": "not_refused"})
"""The same of metrics."""
FAMILIES_BEFORE: Mapping[str, str] = MappingProxyType(
    {"decoding": "inference", "ensembling": "ensembles"}
)
"""The same of families, which only people name."""

_ANY = "|".join(METHODS_BEFORE)
_METHOD = re.compile(rf"(?:^|(?<= \+ ))(?:{_ANY})(?=$| \+ |[(,])")
"""In a label as `lora + full(learning_rate=0.01)`, or before `, step 2`."""
_MEMBERS = re.compile(r"(?<=members=)\[[^=]*\]")
_MEMBER = re.compile(rf"(?<=[\[ ])(?:{_ANY})(?=[\],])")


def name_now(name: str) -> str:
    """What an entry or a family is called now; the name itself, where it was never another's."""
    return {**FAMILIES_BEFORE, **METRICS_BEFORE, **METHODS_BEFORE}.get(name, name)


def label_now(label: str) -> str:
    """A recipe's label, its methods and their members called as they are now."""
    renamed = _MEMBERS.sub(lambda members: _renamed(_MEMBER, members[0]), label)
    return _renamed(_METHOD, renamed)


def _renamed(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: METHODS_BEFORE[match[0]], text)
