"""YAML that a user wrote, as a mapping, or refused with file and line."""

from pathlib import Path
from typing import Any

import yaml

from acclimate.core.errors import DataError
from acclimate.data.tables.text_lines import text_lines


def read_mapping(path: Path, example: str) -> dict[str, Any]:
    """Read a YAML file that holds names with values; an empty file holds none.

    Args:
        path: The file.
        example: A line of it, for the message where it holds something else.

    Raises:
        DataError: It cannot be read, is not UTF-8, is malformed, or has a name twice.
    """
    try:
        value = _Strict("".join(text_lines(path))).get_single_data()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DataError(
            f"{path}, line {line}: malformed YAML: {error.problem}; look at the indentation, "
            "colons and brackets there and above"
        ) from None
    except yaml.YAMLError as error:
        raise DataError(f"{path}: is not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(value, dict | None):
        raise DataError(f"{path}: must be a mapping, with lines as '{example}'; got {value!r:.60}")
    return {str(name): part for name, part in (value or {}).items()}


class _Strict(yaml.SafeLoader):
    """YAML's safe subset, where no mapping may have a name twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Refuse what YAML forbids and its reader lets pass: the first value would be lost."""
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                problem = f"'{name}' stands there twice"
                raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
            seen.add(name)
        return node
