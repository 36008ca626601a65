"""The languages of files, by the ends of their names. Pure."""

from __future__ import annotations

from posixpath import basename, splitext

_ENDS = {
    "C": ".c .h",
    "C#": ".cs",
    "C++": ".cc .cpp .cxx .hh .hpp .hxx",
    "CSS": ".css .less .sass .scss",
    "Dart": ".dart",
    "Dockerfile": ".dockerfile",
    "Elixir": ".ex .exs",
    "Erlang": ".erl .hrl",
    "Go": ".go",
    "HTML": ".htm .html",
    "Haskell": ".hs",
    "JSON": ".json",
    "Java": ".java",
    "JavaScript": ".cjs .js .jsx .mjs",
    "Julia": ".jl",
    "Kotlin": ".kt .kts",
    "Lua": ".lua",
    "Markdown": ".md",
    "Objective-C": ".m .mm",
    "PHP": ".php",
    "Perl": ".pl .pm",
    "PowerShell": ".ps1 .psm1",
    "Python": ".py .pyi .pyw",
    "R": ".r",
    "Ruby": ".rb",
    "Rust": ".rs",
    "SQL": ".sql",
    "Scala": ".scala",
    "Shell": ".bash .sh .zsh",
    "Swift": ".swift",
    "TOML": ".toml",
    "Terraform": ".tf",
    "TypeScript": ".cts .mts .ts .tsx",
    "Vue": ".vue",
    "XML": ".xml .xsd .xsl",
    "YAML": ".yaml .yml",
}
_BY_END = {end: name for name, ends in _ENDS.items() for end in ends.split()}
_BY_NAME = {"dockerfile": "Dockerfile", "makefile": "Makefile", "gemfile": "Ruby"}


def language(path: str) -> str | None:
    """The language of a file; None if its name does not tell."""
    name = basename(path).lower()
    return _BY_NAME.get(name) or _BY_END.get(splitext(name)[1])
