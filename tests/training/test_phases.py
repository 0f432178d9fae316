"""Courses of training: who learns what in which epoch."""

import pytest

from faceray.training.phases import Phase, alternating, curriculum, joint, missing_tasks, phase_at, unfreezing


def test_alternating_after_a_joint_warm_up():
    phases = alternating([["ferplus"], ["adience", "imdb"]], epochs=5)
    both = ("ferplus", "adience", "imdb")
    assert [p.packs for p in phases] == [both, ("adience", "imdb"), ("ferplus",), ("adience", "imdb"), ("ferplus",)]
    assert [p.packs for p in alternating([["a"], ["b"]], 3, warm_up=0)] == [("a",), ("b",), ("a",)]


def test_every_phase_knows_the_labels_it_lacks():
    labels = {"ferplus": ["emotion"], "utkface": ["age", "gender"]}
    tasks = ["emotion", "age", "gender"]
    phase = Phase(("ferplus", "utkface"))
    assert missing_tasks(phase, tasks, labels) == {"ferplus": ["age", "gender"], "utkface": ["emotion"]}
    assert missing_tasks(Phase(("ferplus",), ("emotion",)), tasks, labels) == {"ferplus": []}


def test_unfreezing_is_two_phases():
    first, second = unfreezing(["ferplus"], 20, ["heads"], frozen_epochs=5, frozen_rate=1e-3, rate=1e-5)
    assert (first.epochs, first.parts, first.learning_rate) == (5, ("heads",), 1e-3)
    assert (second.epochs, second.parts, second.learning_rate) == (15, (), 1e-5)
    assert len(unfreezing(["ferplus"], 20, ["heads"], 0, 1e-3, 1e-5)) == 1
    assert len(unfreezing(["ferplus"], 4, ["heads"], 5, 1e-3, 1e-5)) == 1


def test_the_all_in_one_curriculum_forgets_nothing_by_default():
    phases = curriculum(epochs=3)
    assert [p.packs for p in phases] == [("aflw",), ("aflw", "wiki"), ("aflw", "wiki"), ("aflw", "wiki", "celeba")]
    assert phases[-1].tasks == ("detection", "age", "gender", "smile")
    assert all(p.parts == () for p in phases)


def test_a_curriculum_with_frozen_parts_trains_heads_after_the_first_stage():
    phases = curriculum(earlier="frozen", parts={"smile": ["heads.smile"]})
    assert [p.packs for p in phases] == [("aflw",), ("wiki",), ("wiki",), ("celeba",)]
    assert [p.parts for p in phases] == [(), ("age",), ("gender",), ("heads.smile",)]
    assert all(p.parts == () for p in curriculum(earlier="none"))


def test_the_phase_of_an_epoch():
    phases = curriculum(epochs=3)
    assert [phase_at(phases, epoch)[0] for epoch in (0, 2, 3, 11)] == [0, 0, 1, 3]
    with pytest.raises(ValueError, match="12 epochs"):
        phase_at(phases, 12)


def test_joint_is_one_phase():
    assert joint(["a", "b"], 7) == (Phase(("a", "b"), epochs=7),)


def test_a_phase_needs_packs():
    with pytest.raises(ValueError, match="needs packs"):
        Phase(())
