"""The search for a fix, driven by outcomes and answers that the tests choose."""

from __future__ import annotations

from collections.abc import Iterable

from codeassist_jupyter.kernel.outcomes import Failed, NotTried, Observed, Outcome, Ran, Verified
from codeassist_jupyter.kernel.repair import Broken, Proposal, Search, summary, told

RAN = Ran(Observed())
BROKEN = Broken('x = t["a"]', "KeyError: 'a'", "facts")


class Bench:
    """What trying and asking give back; keeps what was tried and asked."""

    def __init__(self, outcomes: dict[str, Outcome], answers: Iterable[str] = ()) -> None:
        self.outcomes = outcomes
        self.answers = iter(answers)
        self.tried: list[str] = []
        self.asked: list[tuple[str, float]] = []

    def attempt(self, code: str) -> Outcome:
        self.tried.append(code)
        return self.outcomes.get(code, Failed("KeyError", "'a'"))

    def ask(self, broken: Broken, temperature: float) -> Proposal:
        self.asked.append((broken.source, temperature))
        return Proposal(next(self.answers, ""), "because")

    def search(self, broken: Broken = BROKEN, seconds: float = 60.0) -> Search:
        search = Search(
            *(broken, self.attempt, self.ask, lambda code: code, lambda _: broken.source, seconds)
        )
        list(search.run())
        return search


def test_a_computed_edit_that_runs_needs_no_model() -> None:
    bench = Bench({'x = t["b"]': RAN})
    broken = Broken(BROKEN.source, BROKEN.error, "", "b is near", ('x = t["b"]',))
    best = bench.search(broken).best
    assert best is not None and best.code == 'x = t["b"]' and best.is_good and best.computed
    assert best.explanation == "b is near"
    assert bench.asked == []


def test_one_edit_after_another_without_the_model() -> None:
    second = Failed("KeyError", "'c'", hint="d is near", edits=("step 2",))
    bench = Bench({"step 1": second, "step 2": RAN})
    search = bench.search(Broken("x", "KeyError: 'a'", "", "b is near", ("step 1",)))
    assert bench.tried == ["step 1", "step 2"] and bench.asked == []
    assert search.best is not None and search.best.explanation == "b is near\nd is near"


def test_edits_in_a_row_end_somewhere() -> None:
    chain = {
        f"step {n}": Failed("KeyError", f"'{n}'", edits=(f"step {n + 1}",)) for n in range(1, 20)
    }
    bench = Bench(chain)
    bench.search(Broken("x", "KeyError: 'a'", "", "", ("step 1",)))
    assert bench.tried == ["step 1", "step 2", "step 3", "step 4"]


def test_an_edit_that_wins_nothing_is_not_followed() -> None:
    same = Failed("KeyError", "'a'", edits=("step 2",))
    bench = Bench({"step 1": same})
    bench.search(Broken("x", "KeyError: 'a'", "", "", ("step 1",)))
    assert bench.tried == ["step 1"]


def test_a_failed_attempt_comes_back_as_the_broken_cell() -> None:
    bench = Bench({"first": Failed("ValueError", "other"), "x = u": RAN}, ["first", "x = u"])
    search = bench.search()
    assert bench.asked == [(BROKEN.source, 0.0), ("first", 0.4)]
    assert search.best is not None and search.best.code == "x = u"


def test_the_same_error_again_goes_back_to_the_users_cell_but_warmer() -> None:
    bench = Bench({"x = u": RAN}, ["bad", "x = u"])
    bench.search()
    assert bench.asked == [(BROKEN.source, 0.0), (BROKEN.source, 0.4)]


def test_what_was_seen_before_is_not_tried_again() -> None:
    bench = Bench({}, ["f( 1 )", "f(1)", BROKEN.source, ""])
    bench.search()
    assert bench.tried == ["f( 1 )"]
    assert len(bench.asked) == 4


def test_a_syntax_error_is_shown_to_the_model_once() -> None:
    syntax = Failed("SyntaxError", "invalid syntax")
    bench = Bench({"f(": syntax, "g(": syntax}, ["f(", "g(", "h("])
    bench.search()
    assert [source for source, _ in bench.asked[:3]] == [BROKEN.source, "f(", "f("]


def test_a_flagged_candidate_is_kept_but_the_search_goes_on() -> None:
    silent = 'try:\n    x = t["a"]\nexcept KeyError:\n    x = None'
    bench = Bench({silent: RAN, 'x = t["b"]': RAN}, [silent, 'x = t["b"]'])
    search = bench.search()
    assert [bool(a.flags) for a in search.attempts] == [True, False]
    assert search.best is not None and search.best.code == 'x = t["b"]'


def test_where_only_flagged_ones_run_the_best_of_them_is_given() -> None:
    silent = 'try:\n    x = t["a"]\nexcept KeyError:\n    x = None'
    bench = Bench({silent: RAN}, [silent, "bad"])
    best = bench.search().best
    assert best is not None and best.code == silent and best.flags and not best.is_good


def test_what_cannot_be_tried_is_proposed_and_the_search_ends() -> None:
    bench = Bench({"one": NotTried("CUDA is in use")}, ["one", "two"])
    best = bench.search().best
    assert best is not None and best.code == "one"
    assert len(bench.asked) == 1


def test_verified_is_better_than_ran() -> None:
    flagged = "try:\n    x = 1\nexcept KeyError:\n    x = None"
    verified = Verified(Observed(), ("x == 1",))
    bench = Bench({flagged: RAN, "x = u": verified}, [flagged, "x = u"])
    best = bench.search().best
    assert best is not None and best.outcome is verified


def test_the_budget_ends_the_search_after_the_round_it_is_in() -> None:
    bench = Bench({}, [f"try_{n}()" for n in range(9)])
    bench.search(seconds=0.0)
    assert len(bench.asked) == 1


def test_no_more_than_four_rounds() -> None:
    bench = Bench({}, [f"try_{n}()" for n in range(9)])
    search = bench.search()
    assert [temperature for _, temperature in bench.asked] == [0.0, 0.4, 0.7, 0.9]
    assert summary(search.attempts) == "4 tried: 4 by the model"


def test_forged_facts_do_no_harm() -> None:
    failed = Failed("KeyError", "'a'", 1, "x = t['a']", ("t: dict",), {"failures": "none"})
    assert "KeyError: 'a'" in told(failed) and "t: dict" in told(failed)
