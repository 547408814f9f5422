"""Projects to deploy to, as the fake keeps them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Project = dict[str, Any]

ID = "demo-project"
FUNCTION = "phase5b-grading"
OLD_ACCOUNT = "4711-compute@developer.gserviceaccount.com"
MARK = "Grading service (deploy.sh)"
TABLES = {
    "nba_predictions": ["player_prop_predictions"],
    "nba_box_scores": ["player_game_summary"],
    "nba_raw": ["nbac_injury_report"],
    "nba_analytics": ["player_archetypes"],
}


def fresh(location: str = "US") -> Project:
    """A new project that holds the inputs, and nothing else."""
    datasets = {
        f"{ID}:{name}": {
            "location": location, "labels": {}, "access": [], "expiration": None,
            "tables": {table: [] for table in tables},
        }
        for name, tables in TABLES.items()
    }  # fmt: skip
    return {
        "id": ID, "number": "4711", "apis": ["bigquery"], "identities": [], "eventarc_wait": 2, "cold": 1, "serial": 0,
        "accounts": {}, "policy": [["user:me@example.com", "roles/owner", ""]], "topics": {}, "subscriptions": {},
        "databases": {}, "ttls": [], "secrets": {}, "datasets": datasets, "functions": {}, "services": {},
        "triggers": {},
        "jobs": {}, "metrics": {}, "policies": {}, "dashboards": {}, "requests": [], "self_check": 200,
    }  # fmt: skip


def _old_job(state: str, topic: str = "nba-grading-trigger") -> dict[str, Any]:
    target = {"topicName": f"projects/{ID}/topics/{topic}"}
    return {"state": state, "schedule": "0 6 * * *", "description": "daily grading", "pubsubTarget": target}


def with_old_system(state: str = "ENABLED", location: str = "US") -> Project:
    """A project in which another grading system has run for a year, under the same names."""
    project = fresh(location)
    apis = (
        "artifactregistry bigquery cloudbuild cloudfunctions cloudscheduler eventarc iam logging monitoring pubsub run"
    )
    config = {
        "serviceAccountEmail": OLD_ACCOUNT, "ingressSettings": "ALLOW_ALL", "vpcConnector": "their-connector",
        "secretEnvironmentVariables": [{"key": "ODDS_KEY", "secret": "odds-api-key"}],
        "environmentVariables": ["MODE=old"],
    }  # fmt: skip
    project |= {
        "apis": [*apis.split(), "secretmanager"],
        "identities": ["eventarc", "pubsub"],
        "eventarc_wait": 0,
        "cold": 0,
        "accounts": {f"etl@{ID}.iam.gserviceaccount.com": {"description": "the ETL"}},
        "topics": {
            "nba-grading-trigger": {
                "labels": {"team": "nba"}, "policy": [[f"serviceAccount:{OLD_ACCOUNT}", "roles/pubsub.publisher"]],
            },
            "other": {"labels": {}, "policy": []},
        },
        "secrets": {"odds-api-key": {"labels": {}, "versions": ["x"], "policy": []}},
        "jobs": {
            "grading-daily": _old_job(state),
            "Grade_Late_Games": _old_job(state),
            "grading-by-hand": _old_job("PAUSED"),
            "unrelated": _old_job("ENABLED", "other"),
        },
        "functions": {
            FUNCTION: {
                "environment": "GEN_2", "labels": {"team": "nba"}, "serviceConfig": deepcopy(config),
                "buildConfig": {"environmentVariables": {"A": "b"}, "workerPool": "their-pool"},
                "eventTrigger": {
                    "trigger": f"projects/{ID}/locations/us-west2/triggers/{FUNCTION}",
                    "serviceAccountEmail": OLD_ACCOUNT,
                    "pubsubTopic": f"projects/{ID}/topics/nba-grading-trigger",
                    "retryPolicy": "RETRY_POLICY_DO_NOT_RETRY",
                },
            }
        },
        "services": {
            FUNCTION: {
                "revisions": [
                    {"name": f"{FUNCTION}-0000{n}-old", "config": deepcopy(config), "code": "old"} for n in (2, 3)
                ],
                "percent": {"LATEST": 100}, "tags": {}, "url": f"https://{FUNCTION}-x.a.run.app",
                "policy": [[f"serviceAccount:{OLD_ACCOUNT}", "roles/run.invoker"]],
            }
        },
        "triggers": {FUNCTION: {"subscription": "eventarc-us-west2-old-sub"}},
        "subscriptions": {
            "eventarc-us-west2-old-sub": {
                "topic": "nba-grading-trigger", "policy": [], "labels": {}, "ackDeadlineSeconds": 300,
                "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
                "messageRetentionDuration": "86400s",
                "expirationPolicy": {}, "deadLetterPolicy": None,
            }
        },
        "metrics": {"their_errors": "errors"},
        "policies": {"9000": {"userLabels": {"service": "grading"}, "channels": ""}},
        "dashboards": {"9001": {"displayName": "Grading service", "labels": {}, "etag": "their-etag"}},
    }  # fmt: skip
    project["datasets"][f"{ID}:nba_predictions"]["tables"]["prediction_accuracy"] = []
    return project


def final(project: Project) -> Project:
    """What is compared: the state without what makes no difference, as numbers, and revisions that never serve."""
    state = deepcopy(project)
    for key in ("requests", "serial", "cold", "eventarc_wait", "identities"):
        state.pop(key)
    for account in state["accounts"].values():
        account.pop("unknown", None)
    state["policies"] = sorted(
        (str(sorted(each["userLabels"].items())), each["channels"]) for each in state["policies"].values()
    )
    state["dashboards"] = sorted((each["displayName"], str(each["labels"])) for each in state["dashboards"].values())
    state["policy"] = sorted(state["policy"])
    for service in state["services"].values():
        names = {
            each["name"]: f"ours {each['config']}" if each["code"] == "ours" else each["name"]
            for each in service["revisions"]
        }
        service["percent"] = {names.get(name, name): share for name, share in service["percent"].items()}
        service["tags"] = {tag: names[name] for tag, name in service["tags"].items()}
        service["revisions"] = [each for each in service["revisions"] if each["code"] == "old"]
        service["policy"] = sorted(service["policy"])
    return state
