"""A deployment with every kind of statement and expression has no problem."""

from tests.unit.checks.bicep.deployments import SOUND, problems


def test_the_sound_deployment_has_no_problem() -> None:
    assert problems(SOUND) == []
