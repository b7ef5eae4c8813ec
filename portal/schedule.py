"""What beat names, and how often: the work itself is found in the database (docs/architecture.md)."""

from __future__ import annotations

from typing import Any


def beat(sweep_seconds: float) -> dict[str, dict[str, Any]]:
    """Every entry of beat's schedule; `sweep_seconds` is how often it looks for mail and bulk jobs that wait."""
    entries: dict[str, dict[str, Any]] = {
        "send-due-mail": {"task": "portal.tasks.send_due_mail", "schedule": sweep_seconds},
        "run-jobs": {"task": "portal.tasks.run_jobs", "schedule": sweep_seconds},
        "expire-invitations": {"task": "relationships.tasks.expire_invitations", "schedule": 60.0},
        "remind-invitations": {"task": "relationships.tasks.remind_invitations", "schedule": 3600.0},
        "settle-gdap": {"task": "delegation.tasks.settle_gdap", "schedule": 60.0},
        "end-due-azure": {"task": "delegation.tasks.end_due_azure", "schedule": 60.0},
        "keep-retention": {"task": "portal.tasks.keep_retention", "schedule": 86400.0},
    }
    for entry in entries.values():
        entry["options"] = {"expires": entry["schedule"]}  # one that waited longer is dropped: the next does its work
    return entries
