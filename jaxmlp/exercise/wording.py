"""The words in which a verdict on a solution is told."""

from typing import Any

from jaxmlp.errors import printable
from jaxmlp.exercise.judge import Verdict


def told(where: object, verdict: Verdict) -> str:
    """Return a verdict in lines: one for the whole, and one for each array if some are wrong.

    Args:
      where: the file or the function that was judged.
      verdict: the verdict.

    Returns:
      The text.
    """
    head = printable(f"{where}: ")
    if verdict.error and not verdict.findings:
        return f"{head}wrong: {printable(verdict.error)}"
    if verdict.passed:
        names = ", ".join(finding.name for finding in verdict.findings)
        agree = "agrees" if len(verdict.findings) == 1 else "agree"
        return f"{head}right: {names} {agree} with {verdict.exercise.referee}"
    wide = max(len(finding.name) for finding in verdict.findings)
    lines = [f"  {f.name:{wide}}  {f.says or 'right'}" for f in verdict.findings]
    if verdict.error:
        lines = [f"  {printable(verdict.error)}", *lines]
    return "\n".join([f"{head}wrong", *lines])


def recorded(where: object, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict for `--json`.

    Args:
      where: the file that was judged.
      verdict: the verdict.

    Returns:
      What JSON can hold.
    """
    findings = [{"name": f.name, "right": f.right, "says": f.says} for f in verdict.findings]
    return {
        "file": str(where),
        "exercise": verdict.exercise.name,
        "row": verdict.exercise.row,
        "passed": verdict.passed,
        "error": verdict.error,
        "results": findings,
    }
