"""What makes each alert of `deploy/` fire: series with a value a minute, in promtool's words."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AlertCase:
    """An alert, series with which it fires, and others with which nothing does.

    minutes: after the begin it is looked at. also: other alerts that fire with it, rightly.
    """

    alert: str
    minutes: int
    fires: dict[str, str]
    quiet: dict[str, str]
    also: frozenset[str] = field(default_factory=frozenset)


def _one(alert: str, series: str, fires: str, quiet: str, minutes: int = 30) -> AlertCase:
    return AlertCase(alert, minutes, {series: fires}, {series: quiet})


def _calls(bad: str, code: str = "DEADLINE_EXCEEDED") -> dict[str, str]:
    of = 'evcommand_rpcs_total{method="StartSession",code="%s"}'
    return {of % "OK": "0+1000x10000", of % code: bad}


def _ended(late: str, in_time: str = "0+100x10000", outcome: str = "SUCCEEDED") -> dict[str, str]:
    of = 'evcommand_effect_seconds_%s{kind="RESET",outcome="%s"%s}'
    both = {"SUCCEEDED": in_time, outcome: late}
    counts = {of % ("count", name, ""): values for name, values in both.items()}
    return counts | {of % ("bucket", "SUCCEEDED", ',le="120.0"'): in_time}


def _posts(delivered: str, in_time: str, parked: str) -> dict[str, str]:
    return {
        "evcommand_callback_delay_seconds_count": delivered,
        'evcommand_callback_delay_seconds_bucket{le="60.0"}': in_time,
        'evcommand_callbacks_total{state="PARKED"}': parked,
    }


def _bucket(name: str, within: str, all_of_them: str) -> dict[str, str]:
    of = f'{name}_bucket{{kind="RESET",le="%s"}}'
    return {of % "30": within, of % "60": all_of_them, of % "+Inf": all_of_them}


_BURNS = frozenset({"EvcommandBudgetBurns", "EvcommandBudgetBurnsSlowly"})
_FAST = "EvcommandBudgetBurnsFast"
_EXPIRY = 'evcommand_tls_certificate_expiry_seconds{listener="grpc",instance="b1"}'
_WAIT = "temporal_workflow_task_schedule_to_start_latency_seconds"

ALERTS = (
    _one(
        "EvcommandCommandsEndUnknown",
        'evcommand_commands_total{kind="RESET",outcome="UNKNOWN",cause="NO_ANSWER"}',
        "0+1x60",
        "0 0 0 5x57",
    ),
    AlertCase(
        "EvcommandAnswersUnavailable",
        10,
        _calls("0+11x10", "UNAVAILABLE"),
        _calls("0+4x10", "UNAVAILABLE"),
    ),
    _one("EvcommandInternalErrors", 'evcommand_rpcs_total{code="INTERNAL"}', "0x20 1x10", "3x30"),
    _one(
        "EvcommandCallsOverRate",
        'evcommand_calls_over_rate_total{calls="reads"}',
        "0+20x60",
        "0+5x60",
    ),
    AlertCase(
        "EvcommandSlowAnswers",
        40,
        _bucket("evcommand_answer_seconds", "0+90x60", "0+100x60"),
        _bucket("evcommand_answer_seconds", "0+100x60", "0+100x60"),
    ),
    _one(
        "EvcommandStationsDropped", "evcommand_connected_stations", "100x20 79x20", "100x20 81x20"
    ),
    _one("EvcommandQueuesGrow", 'evcommand_queue_depth{instance="g1"}', "101x30", "101x9 100x30"),
    _one(
        "EvcommandWrongCredentials",
        'evcommand_refused_handshakes_total{reason="wrong_credentials"}',
        "0+10x60",
        "0+5x60",
    ),
    _one(
        "EvcommandFramesBlamed",
        'evcommand_blamed_frames_total{action="Reset",code="FormationViolation"}',
        "0x20 1x10",
        "1x30",
    ),
    _one(
        "EvcommandSecurityEvents",
        'evcommand_security_events_total{event="twin"}',
        "0x20 1x10",
        "1x30",
    ),
    _one("EvcommandRelayGaps", "evcommand_relay_gaps_total", "0x20 1x10", "1x30"),
    _one(
        "EvcommandReservationStillShown", "evcommand_reservation_alarms_total", "0x20 1x10", "1x30"
    ),
    _one(
        "EvcommandClockIsOff", 'evcommand_clock_offset_seconds{instance="g1"}', "-3x30", "-1.9x30"
    ),
    _one("EvcommandOutcomesToldLate", "evcommand_oldest_wakeup_seconds", "61x30", "59x30"),
    _one("EvcommandWakeupsParked", "evcommand_parked_wakeups", "1x30", "0x30"),
    _one("EvcommandLogHorizonStandsStill", "evcommand_log_horizon_age_seconds", "31x30", "2x30"),
    _one(
        "EvcommandCallbacksParked", 'evcommand_callbacks_total{state="PARKED"}', "0x20 1x10", "1x30"
    ),
    _one("EvcommandCertificateExpires", _EXPIRY, "1200000x30", "1300000x30"),
    AlertCase(
        "EvcommandCertificateExpiresSoon",
        30,
        {_EXPIRY: "172000x30"},
        {_EXPIRY: "1300000x30"},
        frozenset({"EvcommandCertificateExpires"}),
    ),
    _one(
        "EvcommandCertificateNotTaken",
        'evcommand_tls_files_refused{listener="grpc",instance="b1"}',
        "1x30",
        "0x30",
    ),
    _one(
        "EvcommandTaskFailures",
        'evcommand_task_failures_total{task="wake-ups",instance="w1"}',
        "0+1x30",
        "0x20 2x10",
    ),
    _one(
        "EvcommandLogsDropped", 'evcommand_dropped_logs_total{instance="g1"}', "0x20 1x10", "1x30"
    ),
    AlertCase(
        "EvcommandDecisionsWait",
        30,
        {
            f'{_WAIT}_bucket{{le="{le}"}}': "0+9x60" if le == "1" else "0+10x60"
            for le in ("1", "5", "+Inf")
        },
        {f'{_WAIT}_bucket{{le="{le}"}}': "0+10x60" for le in ("1", "5", "+Inf")},
    ),
    _one(
        "EvcommandStillUnknown", 'evcommand_still_unknown_total{kind="RESET"}', "0x20 1x10", "1x30"
    ),
)
"""One of each alert, but for the objectives that have a budget."""

OBJECTIVES = {
    "answered": (
        _calls("0+80x10000"),  # 7.4 %: 14.8 times the budget of 0.5 %
        _calls("0+35x10000"),  # 3.4 %: 6.8 times
        _calls("0+6x10000"),  # 0.6 %: 1.2 times
        _calls("0+4x10000"),  # 0.4 %
    ),
    "truth": (
        _ended("0+20x10000", outcome="UNKNOWN"),  # 16.7 % of a budget of 1 %
        _ended("0+7x10000", outcome="UNKNOWN"),
        _ended("0+2x10000", outcome="UNKNOWN"),
        _ended("0+50x10000", outcome="NO_EFFECT"),  # takes the station's own timeout
    ),
    "callbacks": (
        _posts("0+100x10000", "0+80x10000", "0x10000"),
        _posts("0+100x10000", "0+100x10000", "0+8x10000"),
        _posts("0+100x10000", "0+98x10000", "0x10000"),
        _posts("0+1000x10000", "0+999x10000", "0x10000"),
    ),
}
"""By objective: series that burn its budget fast, quickly and slowly, and some within it."""

BURNING: tuple[set[str], ...] = ({_FAST, *_BURNS}, {*_BURNS}, {"EvcommandBudgetBurnsSlowly"}, set())
"""Which alerts of a budget fire with each of these."""
