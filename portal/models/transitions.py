"""The database's own guard over a life cycle: no move that the table of moves doesn't have."""

from __future__ import annotations

import pgtrigger

from portal.states import Moves


def legal_moves(moves: Moves, field: str = "state", *, name: str = "legal_moves") -> pgtrigger.Trigger:
    """A trigger that refuses any change of `field` that is not in `moves`; `name` where a table has two."""
    pairs = " OR ".join(
        f"(OLD.{field} = '{old}' AND NEW.{field} IN ({', '.join(repr(new) for new in targets)}))"
        for old, targets in moves.items()
        if targets
    )
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf(field),
        condition=pgtrigger.Condition(f"OLD.{field} IS DISTINCT FROM NEW.{field}"),
        func=f"""
            IF NOT ({pairs}) THEN
                RAISE EXCEPTION 'illegal move of % from % to %', TG_TABLE_NAME, OLD.{field}, NEW.{field}
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )
