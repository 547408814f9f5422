"""What a project is after deploy.sh: the state is compared, not what was printed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.cloud import WEBHOOK, Cloud
from tests.deploy.projects import FUNCTION, ID, MARK, OLD_ACCOUNT, Project, final, fresh, with_old_system

# The first test also waits for gcloud's linter, which has seen none of the commands yet.
pytestmark = pytest.mark.timeout(900)

OLD_REVISION = f"{FUNCTION}-00003-old"
OURS = {"grading-service-daily", "grading-service-catch-up", "grading-service-quality-check",
        "grading-service-duplicate-trend", "grading-service-stuck-locks"}  # fmt: skip
OUR_ACCOUNTS = {
    f"{name}@{ID}.iam.gserviceaccount.com"
    for name in ("grading-function", "grading-scheduler", "grading-trigger", "grading-build")
}


def deployed(google: Cloud, project: Project, *arguments: str) -> Project:
    """The project after a run that must succeed."""
    run = google.deploy(project, *arguments)
    assert run.code == 0, run.printed
    return run.project


@pytest.fixture(scope="module")
def over_old(google: Cloud) -> Project:
    """After the first run over an old system that was enabled."""
    return deployed(google, with_old_system())


@pytest.fixture(scope="module")
def drained(google: Cloud, over_old: Project) -> Project:
    """After the second run: our schedule runs."""
    return deployed(google, over_old)


def serving(project: Project) -> dict[str, int]:
    shares: dict[str, int] = project["services"][FUNCTION]["percent"]
    return shares


def code_of(project: Project, revision: str) -> str:
    return next(each["code"] for each in project["services"][FUNCTION]["revisions"] if each["name"] == revision)


def states(project: Project) -> dict[str, str]:
    return {name: job["state"] for name, job in project["jobs"].items()}


def untouched(before: Project, after: Project) -> None:
    """What is theirs is as it was: by kind and name."""
    for kind in ("secrets", "metrics", "policies", "dashboards", "accounts"):
        for name, resource in before[kind].items():
            assert after[kind][name] == resource, (kind, name)
    assert after["topics"]["other"] == before["topics"]["other"]
    assert after["topics"]["nba-grading-trigger"]["labels"] == {"team": "nba"}


def test_a_fresh_project(google: Cloud) -> None:
    """Everything is there, labelled as ours, and the first function of the project waits for Eventarc's account."""
    project = deployed(google, fresh())
    assert project["functions"][FUNCTION]["labels"]["managed_by"] == "grading-deploy"
    assert "grading_old_revision" not in project["functions"][FUNCTION]["labels"]
    assert set(states(project)) == OURS
    assert set(states(project).values()) == {"ENABLED"}
    assert all(job["description"].startswith(MARK) for job in project["jobs"].values())
    assert set(project["accounts"]) == OUR_ACCOUNTS
    assert all(each["description"].startswith(MARK) for each in project["accounts"].values())
    for kind in ("topics", "secrets"):
        assert all(each["labels"] == {"managed_by": "grading-deploy"} for each in project[kind].values()), kind
    assert project["subscriptions"]["nba-grading-dead-letter-sub"]["labels"] == {"managed_by": "grading-deploy"}
    assert all(text.startswith(MARK) for text in project["metrics"].values())
    assert project["datasets"][f"{ID}:nba_staging"]["labels"] == {"managed_by": "grading-deploy"}
    assert project["datasets"][f"{ID}:nba_staging"]["expiration"] == "86400"
    assert project["secrets"]["slack-webhook-url"]["versions"] == [WEBHOOK]
    assert len(project["policies"]) == 7
    assert len(project["dashboards"]) == 1
    assert project["databases"] == {"(default)": "FIRESTORE_NATIVE"}
    (revision,) = serving(project)
    assert code_of(project, revision) == "ours"
    # 403 while the permission is not known, then the answer.
    assert [each["status"] for each in project["requests"]] == [403, 200]


def test_a_second_run_changes_nothing_but_revision_and_etag(google: Cloud) -> None:
    once = deployed(google, fresh())
    twice = deployed(google, once)
    first, second = final(once), final(twice)
    tags = second["services"][FUNCTION]["tags"]
    assert tags.pop("previous") == tags["finished"]
    assert first == second


def test_an_old_system_is_replaced_in_place(over_old: Project) -> None:
    before = with_old_system()
    untouched(before, over_old)
    (revision,) = serving(over_old)
    assert code_of(over_old, revision) == "ours"
    function = over_old["functions"][FUNCTION]
    assert function["labels"]["team"] == "nba"
    assert function["labels"]["grading_old_revision"] == OLD_REVISION
    assert function["eventTrigger"]["retryPolicy"] == "RETRY_POLICY_RETRY"
    # Settings of the old function do not survive into ours.
    ours = over_old["services"][FUNCTION]["revisions"][-1]["config"]
    assert "secretEnvironmentVariables" not in ours
    assert "vpcConnector" not in ours
    assert "MODE=old" not in ours["environmentVariables"]
    assert function["buildConfig"] == {
        "serviceAccount": f"projects/{ID}/serviceAccounts/grading-build@{ID}.iam.gserviceaccount.com"
    }


def test_their_schedule_is_paused_and_ours_waits_until_theirs_is_drained(over_old: Project, drained: Project) -> None:
    theirs = {
        "grading-daily": "PAUSED",
        "Grade_Late_Games": "PAUSED",
        "grading-by-hand": "PAUSED",
        "unrelated": "ENABLED",
    }
    assert states(over_old) == theirs
    assert states(drained) == theirs | dict.fromkeys(OURS, "ENABLED")
    assert drained["jobs"]["grading-daily"] | {"state": ""} == with_old_system()["jobs"]["grading-daily"] | {
        "state": ""
    }


def test_a_paused_old_system_keeps_its_pause_and_ours_starts_at_once(google: Cloud) -> None:
    run = google.deploy(with_old_system("PAUSED"))
    assert run.code == 0, run.printed
    assert set(states(run.project)) >= OURS
    assert "grading-daily was paused by a person" in run.printed
    back = deployed(google, run.project, "rollback")
    assert states(back)["grading-daily"] == "PAUSED"


def test_the_old_revision_is_recorded_once(google: Cloud, drained: Project) -> None:
    labels = drained["functions"][FUNCTION]["labels"]
    assert labels["grading_old_revision"] == OLD_REVISION
    third = deployed(google, drained)
    assert third["functions"][FUNCTION]["labels"] == labels


def test_traffic_is_switched_last_and_stays_if_the_self_check_fails(google: Cloud) -> None:
    project = with_old_system() | {"self_check": 500}
    run = google.deploy(project)
    assert run.code == 1
    assert f"events still go to {OLD_REVISION}" in run.printed
    assert serving(run.project) == {OLD_REVISION: 100}
    assert "grading-service-self-check" not in run.project["jobs"]
    # Corrected, the same command completes.
    assert final(deployed(google, run.project | {"self_check": 200})) == final(deployed(google, with_old_system()))


def test_a_failed_update_of_ours_keeps_the_revision_that_serves(google: Cloud, drained: Project) -> None:
    run = google.deploy(drained | {"self_check": 500})
    assert run.code == 1
    assert serving(run.project) == serving(drained)


def as_it_was(before: Project, after: Project) -> None:
    """Traffic, trigger and delivery of the old function."""
    assert serving(after) == {OLD_REVISION: 100}
    event = after["functions"][FUNCTION]["eventTrigger"]
    assert event == before["functions"][FUNCTION]["eventTrigger"]
    assert event["serviceAccountEmail"] == OLD_ACCOUNT
    assert after["functions"][FUNCTION]["serviceConfig"]["ingressSettings"] == "ALLOW_ALL"
    ((name, subscription),) = before["subscriptions"].items()
    assert after["subscriptions"][name] | {"policy": []} == subscription


def test_rollback_returns_to_the_old_system_as_it_was(google: Cloud, over_old: Project) -> None:
    back = deployed(google, over_old, "rollback")
    as_it_was(with_old_system(), back)
    assert states(back)["grading-daily"] == "ENABLED"
    assert states(back)["grading-by-hand"] == "PAUSED"


def test_after_a_rollback_our_jobs_rest_and_the_next_deployment_resumes_them(google: Cloud, drained: Project) -> None:
    # The drained deployment ran twice: the first rollback goes to the run before, the second to the old system.
    first = deployed(google, drained, "rollback")
    assert code_of(first, next(iter(serving(first)))) == "ours"
    assert states(first) == states(drained)
    back = deployed(google, first, "rollback")
    as_it_was(with_old_system(), back)
    assert {states(back)[name] for name in OURS} == {"PAUSED"}
    assert states(back)["grading-daily"] == "ENABLED"
    forward = deployed(google, deployed(google, back))
    assert {states(forward)[name] for name in OURS} == {"ENABLED"}
    assert states(forward)["grading-daily"] == "PAUSED"


def test_rollback_to_a_named_revision_and_to_none(google: Cloud, drained: Project) -> None:
    back = deployed(google, drained, "rollback", OLD_REVISION)
    as_it_was(with_old_system(), back)
    run = google.deploy(deployed(google, fresh()), "rollback")
    assert run.code == 1
    assert "there is no revision before" in run.printed
    run = google.deploy(with_old_system(), "rollback")
    assert run.code == 1
    assert "was not deployed by deploy.sh" in run.printed
    assert run.changes == []


def test_our_job_that_a_person_paused_is_reported_and_stays_so(google: Cloud, drained: Project) -> None:
    project = {
        **drained,
        "jobs": {
            **drained["jobs"],
            "grading-service-daily": {**drained["jobs"]["grading-service-daily"], "state": "PAUSED"},
        },
    }
    run = google.deploy(project)
    assert run.code == 0, run.printed
    assert "grading-service-daily was paused by a person" in run.printed
    assert states(run.project)["grading-service-daily"] == "PAUSED"


KEPT = ("apis", "databases", "ttls", "datasets", "services", "functions", "subscriptions")


@pytest.mark.parametrize("state", ["ENABLED", "PAUSED"])
def test_destroy_leaves_theirs_and_takes_ours(google: Cloud, state: str) -> None:
    before = with_old_system(state)
    after = deployed(google, deployed(google, deployed(google, before)), "destroy", "--yes")
    as_it_was(before, after)
    assert {key: value for key, value in final(after).items() if key not in KEPT} == {
        key: value for key, value in final(before).items() if key not in KEPT
    }
    assert after["functions"][FUNCTION]["labels"] == {"team": "nba"}
    assert after["services"][FUNCTION]["policy"] == before["services"][FUNCTION]["policy"]
    assert after["services"][FUNCTION]["tags"] == {}
    assert OUR_ACCOUNTS.isdisjoint(str(after["functions"][FUNCTION]["serviceConfig"]))
    assert after["functions"][FUNCTION]["serviceConfig"]["serviceAccountEmail"] == OLD_ACCOUNT
    assert after["subscriptions"] == before["subscriptions"]
    no_access_left(after)


def no_access_left(project: Project) -> None:
    """No grant to an account of ours is left on data."""
    text = str(project["datasets"]) + str(project["topics"]) + str(project["secrets"]) + str(project["policy"])
    assert not [account for account in OUR_ACCOUNTS if account in text]


def test_destroy_of_a_fresh_deployment_leaves_data_only(google: Cloud) -> None:
    after = deployed(google, deployed(google, fresh()), "destroy", "--yes")
    for kind in (
        "functions",
        "services",
        "topics",
        "subscriptions",
        "secrets",
        "jobs",
        "accounts",
        "metrics",
        "policies",
        "dashboards",
    ):
        assert after[kind] == {}, kind
    assert set(after["datasets"]) == {*fresh()["datasets"], f"{ID}:nba_staging"}
    assert "prediction_accuracy" in after["datasets"][f"{ID}:nba_predictions"]["tables"]
    no_access_left(after)
    again = google.deploy(after, "destroy", "--yes")
    assert again.code == 0, again.printed
    assert again.changes == []


def test_destroy_touches_nothing_where_deploy_never_ran(google: Cloud) -> None:
    run = google.deploy(with_old_system(), "destroy", "--yes")
    assert run.code == 0, run.printed
    assert run.changes == []


def test_a_dataset_that_is_not_ours_is_refused_as_staging(google: Cloud, tmp_path: Any) -> None:
    """A default expiration would delete the tables of whoever owns it."""
    project = with_old_system()
    project["datasets"][f"{ID}:nba_staging"] = {
        "location": "US",
        "labels": {},
        "access": [],
        "tables": {"theirs": []},
        "expiration": None,
    }
    run = google.deploy(project)
    assert run.code == 1
    assert "STAGING_DATASET" in run.printed
    assert run.changes == []
    settings = tmp_path / "own.env"
    settings.write_text("STAGING_DATASET=nba_grading_staging\n")
    after = deployed(google, project, "--env-file", str(settings))
    assert after["datasets"][f"{ID}:nba_staging"] == project["datasets"][f"{ID}:nba_staging"]
    assert after["datasets"][f"{ID}:nba_grading_staging"]["expiration"] == "86400"


def test_datasets_in_the_eu(google: Cloud, tmp_path: Any) -> None:
    run = google.deploy(with_old_system(location="EU"))
    assert run.code == 1
    assert "nba_predictions.player_prop_predictions is in EU, and BIGQUERY_LOCATION is US" in run.printed
    assert "BIGQUERY_LOCATION=EU" in run.printed
    assert run.changes == []
    settings = tmp_path / "eu.env"
    settings.write_text("BIGQUERY_LOCATION=EU\n")
    after = deployed(google, with_old_system(location="EU"), "--env-file", str(settings))
    assert after["datasets"][f"{ID}:nba_staging"]["location"] == "EU"


@pytest.mark.parametrize("how", ["absent", "denied"])
def test_optional_datasets_that_are_absent_or_may_not_be_read(google: Cloud, how: str) -> None:
    project = fresh()
    for name in ("nba_raw", "nba_analytics"):
        if how == "absent":
            del project["datasets"][f"{ID}:{name}"]
        else:
            project["datasets"][f"{ID}:{name}"]["denied"] = True
    run = google.deploy(project)
    assert run.code == 0, run.printed
    for setting in ("INJURY_REPORT_TABLE=none", "ARCHETYPES_TABLE=none"):
        assert setting in run.printed


def test_none_means_without_and_an_empty_value_keeps_the_default(google: Cloud, tmp_path: Any) -> None:
    settings = tmp_path / "none.env"
    settings.write_text("INJURY_REPORT_TABLE=none\nARCHETYPES_TABLE=\n")
    after = deployed(google, fresh(), "--env-file", str(settings))
    assert after["datasets"][f"{ID}:nba_raw"]["access"] == []
    assert after["datasets"][f"{ID}:nba_analytics"]["access"] != []
    assert "INJURY_REPORT_TABLE=none" in after["functions"][FUNCTION]["serviceConfig"]["environmentVariables"]


@pytest.mark.parametrize(
    ("kind", "name", "resource", "complaint"),
    [
        ("topics", "nba-grading-dead-letter", {"labels": {}, "policy": []}, "a topic nba-grading-dead-letter exists"),
        (
            "jobs",
            "grading-service-daily",
            {"state": "ENABLED", "description": "x"},
            "a scheduler job grading-service-daily exists",
        ),
        (
            "accounts",
            f"grading-build@{ID}.iam.gserviceaccount.com",
            {"description": ""},
            "a service account grading-build exists",
        ),
    ],
)
def test_a_resource_of_theirs_with_a_name_of_ours_is_refused(
    google: Cloud, kind: str, name: str, resource: dict[str, Any], complaint: str
) -> None:
    project = with_old_system()
    project[kind][name] = resource
    run = google.deploy(project)
    assert run.code == 1
    assert complaint in run.printed
    assert run.changes == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"environment": "GEN_1"}, "an old first-generation function"),
        (
            {"eventTrigger": {"pubsubTopic": f"projects/{ID}/topics/other"}},
            "is not triggered by the topic nba-grading-trigger",
        ),
    ],
)
def test_a_function_that_cannot_be_replaced_in_place_is_refused(
    google: Cloud, change: dict[str, Any], complaint: str
) -> None:
    project = with_old_system()
    project["functions"][FUNCTION] |= change
    run = google.deploy(project)
    assert run.code == 1
    assert complaint in run.printed
    assert run.changes == []


def test_split_traffic_of_the_old_function_is_refused(google: Cloud) -> None:
    project = with_old_system()
    project["services"][FUNCTION]["percent"] = {f"{FUNCTION}-00002-old": 50, OLD_REVISION: 50}
    run = google.deploy(project)
    assert run.code == 1
    assert "which of them should be returned to" in run.printed
    assert run.changes == []


def test_the_webhook_of_a_secret_that_is_theirs_is_used_and_never_changed(google: Cloud) -> None:
    project = with_old_system()
    project["secrets"]["slack-webhook-url"] = {"labels": {}, "versions": [], "policy": []}
    run = google.deploy(project)
    assert run.code == 0, run.printed
    assert run.project["secrets"]["slack-webhook-url"]["versions"] == []
    after = deployed(google, run.project, "destroy", "--yes")
    assert after["secrets"]["slack-webhook-url"] == project["secrets"]["slack-webhook-url"]
