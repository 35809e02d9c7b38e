#!/usr/bin/env python3
"""Counts what a run of ctest did, test by test, and names the slowest: count_tests.py JUNIT-FILE. Called by launch/test.

ctest starts a program for many tests; GoogleTest's own lines say what became of each. Tests under mpirun count as one for each
number of ranks, since every rank prints its lines.
"""

import re
import sys
import xml.etree.ElementTree as tree

# Of "[       OK ] Suite.Name (3 ms)"; a failed test with a parameter ends otherwise, hence the comma.
RESULT = re.compile(r"^\[ +(OK|SKIPPED|FAILED) +\] ([^\s,]+\.[^\s,]+)(?:,.*)? \(\d+ ms\)$", re.MULTILINE)
SLOWEST = 10
STATUS = {"notrun": "SKIPPED", "disabled": "SKIPPED", "fail": "FAILED"}


def reason_of(output):
    # GoogleTest prints "file:line: Skipped", then the reason.
    reason = re.search(r": Skipped\n(.+)", output)
    return f" ({reason[1].strip()})" if reason else ""


def results_of(case):
    """(OK, SKIPPED or FAILED; name; reason) of each test in a case of ctest."""
    output, status = case.findtext("system-out") or "", STATUS.get(case.get("status"), "OK")
    parts = RESULT.split(output)
    found = list(zip(parts[1::3], parts[2::3], parts[0::3]))  # result, name, what was printed before
    if not found or re.match(r"ranks_|gpu_\d", case.get("name") or ""):
        return [(status, case.get("name"), reason_of(output) if status == "SKIPPED" else "")]
    results = [(result, name, reason_of(before) if result == "SKIPPED" else "") for result, name, before in found]
    if status == "FAILED" and not any(result == "FAILED" for result, _, _ in results):
        results.append(("FAILED", case.get("name"), ""))  # it died, or its time was over
    return results


def main():
    cases = list(tree.parse(sys.argv[1]).getroot().iter("testcase"))
    results = [result for case in cases for result in results_of(case)]
    for what in ("SKIPPED", "FAILED"):
        for result, name, reason in results:
            if result == what:
                print(f"test: {what.lower()}: {name}{reason}")
    if len(cases) > SLOWEST:
        slow = sorted(((float(case.get("time") or 0), case.get("name")) for case in cases), reverse=True)[:SLOWEST]
        print("test: slowest: " + ", ".join(f"{name} {seconds:.0f} s" for seconds, name in slow))
    count = {what: sum(result == what for result, _, _ in results) for what in ("OK", "FAILED", "SKIPPED")}
    print(f"test: {count['OK']} passed, {count['FAILED']} failed, {count['SKIPPED']} skipped")


if __name__ == "__main__":
    main()
