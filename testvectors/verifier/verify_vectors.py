"""Runs every file of test vectors: `python3 verify_vectors.py [folder]`.

A failure is also: a file or a kind of case that is not known here, and a field of a good case that nothing
looked at.
"""

import json
import sys
from pathlib import Path

import cases_certificate
import cases_log
import cases_number
from case import Case
from refusal import Refused

HANDLERS = cases_log.HANDLERS | cases_certificate.HANDLERS | cases_number.HANDLERS


def run_case(handlers, fields, shared):
    """None when the case passes, otherwise what is wrong."""
    case = Case(fields, shared)
    handler = handlers.get(fields.get("kind"))
    if handler is None:
        return f"unknown kind {fields.get('kind')!r}"
    try:
        handler(case)
        case.finish()
    except Refused as refusal:
        return check_refusal(fields, refusal)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None if case.is_good else f"accepted, but expected {fields['error']}"


def check_refusal(fields, refusal):
    """None when the refusal, and the certificate that it tells, are those of the vector."""
    told = fields.get("certificate")
    expected = fields.get("error"), told if isinstance(told, int) else None
    if (refusal.word, refusal.certificate) == expected:
        return None
    return f"refused {refusal}, but expected {expected[0] or 'a good case'} (certificate {expected[1]})"


def written_out(members):
    """A `{"repeat": [[text, times]...]}` as the text that it is."""
    if set(members) != {"repeat"}:
        return members
    return "".join(text * times for text, times in members["repeat"])


def run_file(path):
    """(passed, failed) of a file; prints a line for each failure and one for the file."""
    handlers = HANDLERS.get(path.stem)
    passed = failed = 0
    if handlers is None:
        print(f"  {path.name}: unknown file")
        failed = 1
    else:
        shared = json.loads(path.read_text(encoding="utf-8"), object_hook=written_out)
        names = set()
        if not shared["cases"] or set(shared) - {"cases", "certificates", "comment", "source"}:
            print(f"  {path.stem}: no cases, or an unknown member")
            failed += 1
        for fields in shared["cases"]:
            wrong = run_case(handlers, fields, shared)
            if fields["name"] in names:
                wrong = "a second case of this name"
            names.add(fields["name"])
            passed, failed = (passed + 1, failed) if wrong is None else (passed, failed + 1)
            if wrong is not None:
                print(f"  {path.stem}/{fields['name']}: {wrong}")
    print(f"{path.stem}: {passed} passed, {failed} failed", flush=True)
    return passed, failed


def main(arguments):
    """Runs the files of the folder; 1 when anything failed or a file is missing."""
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    passed = failed = 0
    paths = sorted(folder.glob("*.json"))
    for path in paths:
        counts = run_file(path)
        passed, failed = passed + counts[0], failed + counts[1]
    for missing in sorted(set(HANDLERS) - {path.stem for path in paths}):
        print(f"{missing}: no such file")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
