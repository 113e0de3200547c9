"""Write one page a catalogue entry into docs/reference, from the code alone."""

from pathlib import Path
from typing import Any

from acclimate.core.catalogue import METHODS, METRICS, MODELS, TASKS, Catalogue

KINDS: dict[str, Catalogue[Any]] = {
    "methods": METHODS,
    "models": MODELS,
    "tasks": TASKS,
    "metrics": METRICS,
}


def main() -> None:
    """Write every page and one index a kind."""
    root = Path(__file__).parent / "reference"
    for kind, catalogue in KINDS.items():
        folder = root / kind
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"# {kind.capitalize()}", ""]
        for entry in catalogue.entries.values():
            lines.append(f"- [{entry.name}]({entry.name}.md) ({entry.family}): {entry.summary}")
            page = _page(entry.name, entry.summary, catalogue.load(entry.name))
            (folder / f"{entry.name}.md").write_text(page)
        (folder / "index.md").write_text("\n".join(lines) + "\n")


def _page(name: str, summary: str, kind: Any) -> str:
    parts = [f"# {name}", summary, kind.__doc__ or ""]
    if getattr(kind, "paper", ""):
        parts.append(f"Source: <{kind.paper}>")
    for field_name, field in kind.model_fields.items():
        default = "required" if field.is_required() else f"default `{field.default!r}`"
        parts.append(f"## {field_name}\n\n{default}\n\n{field.description}")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
