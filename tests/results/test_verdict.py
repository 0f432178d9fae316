"""The verdict: sums that do not hold and runs that need a look are noticed."""

from typing import Any

import pytest

from faceray.results.verdict import check_accounts, judge

FINISHED = {"run_id": "R", "started_at": "2026-11-21T01:00:00Z", "finished_at": "2026-11-21T02:00:00Z"}
COUNTS = {"listed": 20, "already_done": 7, "planned": 10, "deferred": 3, "written": 10, "faces": 12, "ignored": 99}
MANIFEST: dict[str, Any] = FINISHED | {"counts": COUNTS | {"by_status": {"ok": 9, "empty": 1}}}


def test_a_sound_run_adds_up() -> None:
    accounts = check_accounts(MANIFEST, images=10, faces=12, face_count=12)
    assert [account.holds for account in accounts] == [True] * 6
    assert accounts[0].text == "listed 20 = already done 7 + planned 10 + deferred 3"


@pytest.mark.parametrize(
    ("changes", "tables", "broken"),
    [
        ({"deferred": 2}, (10, 12, 12), "listed"),
        ({"planned": 11, "listed": 21}, (10, 12, 12), "planned"),
        ({"by_status": {"ok": 9}}, (10, 12, 12), "written"),
        ({}, (9, 12, 12), "written"),
        ({}, (10, 11, 11), "faces"),
        ({}, (10, 12, 13), "rows of the run in faces"),
    ],
)
def test_each_sum_is_checked(changes: dict[str, Any], tables: tuple[int, int, int], broken: str) -> None:
    manifest = MANIFEST | {"counts": MANIFEST["counts"] | changes}
    accounts = check_accounts(manifest, *tables)
    failing = [account.text for account in accounts if not account.holds]
    assert len(failing) == 1
    assert failing[0].startswith(broken)
    assert judge(manifest, {"ok": 10}, accounts).level == "bad"


def test_sums_with_unknown_terms_are_left_out() -> None:
    assert check_accounts({}, 1, 2, 3) == []
    partly = {"counts": {"planned": 4, "written": 3}}
    assert [(a.text, a.holds) for a in check_accounts(partly, 0, 0, 0)] == [("planned 4 = written 3", False)]


@pytest.mark.parametrize(
    ("manifest", "statuses", "level", "word"),
    [
        (MANIFEST, {"ok": 99, "empty": 1}, "good", "99 of 100"),
        (MANIFEST, {"ok": 90, "empty": 10}, "check", "10.0 %"),
        (MANIFEST, {"ok": 9999, "fetch_error": 1}, "check", "1 fetch_error"),
        (MANIFEST, {"ok": 9999, "forbidden": 1}, "check", "1 forbidden"),
        (MANIFEST, {"ok": 9998, "failed": 2}, "check", "2 failed"),
        (MANIFEST, {"empty": 10}, "bad", "None of the 10"),
        (MANIFEST, {}, "good", "Nothing new"),
        (FINISHED, {}, "check", "No images"),
        ({"started_at": "2026-11-21T01:00:00Z"}, {"ok": 5}, "bad", "not finished"),
    ],
)
def test_verdicts(manifest: dict[str, Any], statuses: dict[str, int], level: str, word: str) -> None:
    verdict = judge(manifest, statuses, [])
    assert verdict.level == level
    assert word in verdict.text
