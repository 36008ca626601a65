"""Has each tool look at the files of one commit, and says what they found, tool by tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.analysis.advisories import Package
from shared.analysis.limits import Limits
from shared.analysis.model import (
    AnalysisKind,
    Complexity,
    Found,
    Language,
    Measures,
    Ran,
    Rule,
    Severity,
    Size,
    Tool,
)
from shared.analysis.osv import Vulnerabilities
from shared.analysis.sandbox import Failed, Sandbox
from shared.errors import Damaged
from shared.tasks import JobContext

_STEPS: Mapping[Tool, str] = {
    Tool.RUFF: "ruff",
    Tool.BANDIT: "bandit",
    Tool.SECRETS: "secrets",
    Tool.LIZARD: "complexity",
}
_GARBLED = (KeyError, ValueError, TypeError, AttributeError)
_MOST_LANGUAGES = 40


@dataclass(slots=True)
class Seen:
    """What was found so far."""

    ran: list[Ran] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    rules: dict[Tool, list[Rule]] = field(default_factory=dict)
    measures: Measures = field(default_factory=Measures)
    dependencies: str = "dependencies not checked: it was not asked for"

    @property
    def looked(self) -> set[Tool]:
        """The tools that looked at everything."""
        return {one.tool for one in self.ran if one.ok and one.ran}


class Looking:
    """The tools, for one job."""

    def __init__(
        self,
        job: JobContext,
        sandbox: Sandbox,
        limits: Limits,
        vulnerabilities: Vulnerabilities,
        src: str,
    ) -> None:
        self._job = job
        self._sandbox = sandbox
        self._limits = limits
        self._vulnerabilities = vulnerabilities
        self._src = src
        self.seen = Seen()

    def look(self, kind: AnalysisKind, *, dependencies: bool) -> Seen:
        """Run the tools one after another. One that fails does not keep the others from looking."""
        tools = [tool for tool in _STEPS if kind is AnalysisKind.FULL or tool is not Tool.LIZARD]
        for number, tool in enumerate(tools):
            self._job.check()
            self._tool(tool, kind)
            self._job.progress(0.3 + 0.5 * (number + 1) / len(tools))
        if dependencies:
            self._job.check()
            self._dependencies()
        return self.seen

    def _tool(self, tool: Tool, kind: AnalysisKind) -> None:
        try:
            said = self._sandbox.run(_STEPS[tool], src=self._src, kind=kind.value)
            found = [_found(tool, one) for one in said["findings"][: self._limits.findings]]
            rules = [_rule(one) for one in said["rules"]]
            if tool is Tool.LIZARD:
                self.seen.measures = _measures(said)
            trouble, version = str(said["trouble"]), str(said["version"])
            note = trouble or str(said.get("note", ""))
        except Failed as error:
            self._failed(tool, str(error))
        except _GARBLED as error:
            self._failed(tool, f"{tool.value} said what cannot be read ({type(error).__name__})")
        else:
            self.seen.found += found
            self.seen.rules[tool] = rules
            self.seen.ran.append(Ran(tool=tool, version=version, ok=not trouble, said=note[:500]))

    def _failed(self, tool: Tool, text: str) -> None:
        self._job.log("a tool failed", tool=tool.value, error=text)
        self.seen.ran.append(Ran(tool=tool, version="", ok=False, said=text[:500]))

    def _dependencies(self) -> None:
        try:
            said = self._sandbox.run("locks", src=self._src)
            packages = [Package(*map(_plain, one)) for one in said["packages"]]
            troubles = [str(one) for one in said["troubles"]]
            locks, loose = int(said["locks"]), int(said["loose"])
            self._match(packages, locks, loose, troubles)
        except (Failed, Damaged) as error:
            self.seen.dependencies = f"dependencies not checked: {error}"
            self._failed(Tool.OSV, self.seen.dependencies)
        except _GARBLED as error:
            text = f"dependencies not checked: what was read is garbled ({type(error).__name__})"
            self.seen.dependencies = text
            self._failed(Tool.OSV, text)

    def _match(
        self, packages: Sequence[Package], locks: int, loose: int, troubles: list[str]
    ) -> None:
        found: list[Found] = []
        rules: dict[str, Rule] = {}
        checked, dates, notes = 0, list[str](), [f"{loose} without an exact version"] * bool(loose)
        for ecosystem in sorted({one.ecosystem for one in packages}):
            those = [one for one in packages if one.ecosystem == ecosystem]
            if ecosystem not in self._vulnerabilities.ecosystems:
                notes.append(f"{len(those)} of {ecosystem}, which OSV_ECOSYSTEMS does not name")
                continue
            known = self._vulnerabilities.known(ecosystem)
            if known is None:
                troubles.append(f"no database of {ecosystem} for {len(those)} packages")
                continue
            checked += len(those)
            dates.append(f"{ecosystem} of {known.at:%Y-%m-%d}")
            for one, rule in self._vulnerabilities.matching(known, those, self._job.check):
                found.append(one)
                rules[rule.id] = rule
        if len(found) > self._limits.findings:
            troubles.append(f"more than {self._limits.findings} findings")
            del found[self._limits.findings :]
        words = _words(packages, checked, locks, [*troubles, *notes])
        self.seen.dependencies = words
        self.seen.found += found
        self.seen.rules[Tool.OSV] = list(rules.values())
        self.seen.ran.append(
            Ran(
                tool=Tool.OSV,
                version=", ".join(dates),
                ok=not troubles,
                said=words if troubles or notes or not locks else "",
                ran=bool(checked) or not packages,
            )
        )


def _words(packages: Sequence[Package], checked: int, locks: int, rest: Sequence[str]) -> str:
    """How the dependencies were checked."""
    if not locks:
        return "no dependencies: there is no lock file that can be read"
    begin = f"{checked} of {len(packages)} packages checked"
    if packages and not checked:
        begin = "dependencies not checked"
    return f"{begin}: {'; '.join(rest)}" if rest else begin


def _plain(value: object) -> Any:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError("a package is named by text and numbers")
    return value


def _found(tool: Tool, one: Mapping[str, Any]) -> Found:
    """A finding as a step said it: what it read may have made it say anything."""
    return Found(
        tool=tool,
        rule=_text(one["rule"], 200),
        severity=Severity(one["severity"]),
        message=_text(one["message"], 1000),
        path=_path(one["path"]),
        line=_number(one["line"]) or 1,
        column=_number(one["column"]),
        end_line=_number(one["end_line"]),
        end_column=_number(one["end_column"]),
        fingerprint=_text(one["fingerprint"], 100),
    )


def _rule(one: Mapping[str, Any]) -> Rule:
    return Rule(
        id=_text(one["id"], 200),
        name=_text(one["name"], 200),
        help=_text(one["help"], 1000),
        url=_text(one["url"], 500) if one["url"] else "",
        severity=Severity(one["severity"]),
    )


def _measures(said: Mapping[str, Any]) -> Measures:
    languages = [
        Language(name=_text(name, 50), files=_number(a), lines=_number(b), bytes=_number(c))
        for name, a, b, c in said["languages"][:_MOST_LANGUAGES]
    ]
    return Measures(
        languages=tuple(sorted(languages, key=lambda one: (-one.lines, one.name))),
        largest=tuple(
            Size(path=_text(path, 200), bytes=_number(size)) for path, size in said["largest"][:10]
        ),
        complexity=Complexity(
            functions=_number(said["functions"]),
            average=round(float(said["average"]), 2),
            highest=_number(said["highest"]),
        ),
    )


def _text(value: object, longest: int) -> str:
    """Text without what no table and no log can hold; never empty."""
    if not isinstance(value, str):
        raise ValueError("no text")
    plain = value.encode("utf-8", "replace").decode("utf-8")
    return "".join(one if one.isprintable() else " " for one in plain)[:longest].strip() or "?"


def _path(value: object) -> str:
    """As it is: the rules for names let no control characters through."""
    if not isinstance(value, str) or not value.encode("utf-8")[:1] or len(value) > 1000:
        raise ValueError("no path")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise ValueError("no number")
    return value
