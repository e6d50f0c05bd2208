"""Rows of OCPP 1.6 transactions: how they are inserted, found, locked, and give up their id."""

import secrets
from typing import Any

from sqlalchemy import bindparam, select, update

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound
from fleet.tables import transactions
from fleet.transactions.rows import ACTIVE, BY_OCPP_TRANSACTION_ID, TRANSACTION, Transaction

INSERT = Upsert(
    lambda insert: (
        insert(transactions)
        .values(
            **bound(
                transactions,
                *(
                    "name",
                    "tenant",
                    "station",
                    "ocpp_transaction_id",
                    "evse_id",
                    "token_digest",
                    "token_masked",
                ),
                *("group_digest", "reservation_id", "start_time", "received_time", "clock_suspect"),
                *("authorized", "meter_start_wh", "stop_time", "stop_received_time"),
                *("meter_stop_wh", "stop_reason", "state", "observed_only", "minted", "start_key"),
                *("token_unknown", "epoch", "judged", "start_slack_s"),
            )
        )
        .on_conflict_do_nothing()
        .returning(*TRANSACTION)
    )
)
_BY_START_KEY = precompiled(
    select(*TRANSACTION).where(
        transactions.c.station == bindparam("of_station"),
        transactions.c.start_key == bindparam("key"),
    )
)
_LOCK = BY_OCPP_TRANSACTION_ID.with_for_update()


def blank_row(**known: Any) -> dict[str, Any]:
    """A row to insert: what is known of it, and nothing else."""
    blank: dict[str, Any] = {
        "name": secrets.token_hex(12),
        "evse_id": None,
        "token_digest": None,
        "token_masked": "",
        "group_digest": None,
        "reservation_id": None,
        "start_time": None,
        "clock_suspect": False,
        "authorized": False,
        "meter_start_wh": None,
        "stop_time": None,
        "stop_received_time": None,
        "meter_stop_wh": None,
        "stop_reason": "",
        "state": ACTIVE,
        "observed_only": False,
        "minted": False,
        "start_key": None,
        "judged": None,
        "token_unknown": False,
        "epoch": None,
        "start_slack_s": None,
    }
    return blank | known


async def by_start_key(tx: Tx, station: str, key: str) -> Transaction | None:
    row = (await tx.execute(_BY_START_KEY, {"of_station": station, "key": key})).first()
    return None if row is None else Transaction(*row)


async def lock(tx: Tx, station: str, ocpp_transaction_id: str) -> Transaction | None:
    row = (
        await tx.execute(
            _LOCK, {"of_station": station, "of_ocpp_transaction_id": ocpp_transaction_id}
        )
    ).first()
    return None if row is None else Transaction(*row)


async def retire(tx: Tx, found: Transaction) -> None:
    """Give the row another id, so that the station's next session can have -1."""
    await tx.execute(
        update(transactions)
        .where(transactions.c.id == found.id)
        .values(ocpp_transaction_id=f"{found.ocpp_transaction_id}~{found.id}")
    )
