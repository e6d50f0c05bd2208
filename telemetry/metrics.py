"""All Prometheus metrics. Labels hold kinds, codes and causes; never an id or a token."""

from prometheus_client import Counter, Gauge, Histogram

from domain.model.specs import Kind

_LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

RPCS = Counter("evcommand_rpcs_total", "gRPC calls served.", ["method", "code"])
RPC_LATENCY = Histogram(
    "evcommand_rpc_seconds",
    "Time from a gRPC call to its reply.",
    ["method"],
    buckets=_LATENCY_BUCKETS_S,
)
CALLS_OVER_RATE = Counter(
    "evcommand_calls_over_rate_total",
    "gRPC calls refused because their credential made more a second than its rate: reads, or "
    "changes. The log line calls_over_rate names the credential, once a pause that it is told.",
    ["calls"],
)
COMMANDS = Counter(
    "evcommand_commands_total",
    "Commands that are DONE, with the outcome at that moment. Each is counted once, when it is "
    "committed. One that ended UNKNOWN stays UNKNOWN here: see evcommand_outcomes_raised_total.",
    ["kind", "outcome", "cause"],
)
OUTCOMES_RAISED = Counter(
    "evcommand_outcomes_raised_total",
    "Commands that had ended UNKNOWN and got this definite outcome from late evidence.",
    ["kind", "outcome"],
)
STILL_UNKNOWN = Counter(
    "evcommand_still_unknown_total",
    "Commands that were UNKNOWN when their guard ended (EVCOMMAND_TIMING_GUARD_S, a day): nothing "
    "is waited for any longer. Each needs a person.",
    ["kind"],
)
for _kind in Kind:  # from 0: Prometheus sees no increase in a series that begins at 1
    STILL_UNKNOWN.labels(_kind.value)
RESERVATIONS = Counter(
    "evcommand_reservations_total",
    "Reservations that were held and have ended, by the state and cause that were told first.",
    ["state", "cause"],
)
RESERVATION_ALARMS = Counter(
    "evcommand_reservation_alarms_total",
    "How often a station still showed a reservation that had ended, or did not give it up.",
)
PRUNED = Counter(
    "evcommand_pruned_total",
    "Things deleted because they had been over for longer than their retention.",
    ["what"],
)
ANSWER_LATENCY = Histogram(
    "evcommand_answer_seconds",
    "Time from a frame on the wire to the station's answer, without late answers.",
    ["kind"],
    buckets=_LATENCY_BUCKETS_S,
)
EFFECT_LATENCY = Histogram(
    "evcommand_effect_seconds",
    "Time from a frame on the wire to the command's outcome, of commands that are DONE.",
    ["kind", "outcome"],
    buckets=_LATENCY_BUCKETS_S,
)
CONNECTED_STATIONS = Gauge(
    "evcommand_connected_stations", "Stations connected to this gateway.", ["version"]
)
QUEUE_DEPTH = Gauge(
    "evcommand_queue_depth", "Commands waiting in this gateway for their turn at a station."
)
DIRECT_FRAMES = Counter(
    "evcommand_direct_frames_total",
    "Frames that a worker offered over a direct line: done (their result came at once), pending "
    "(the gateway goes on with them), crowded (the same, because too many decisions waited for "
    "stations), unusable (the line failed; the task queue is used).",
    ["result"],
)
FRAMES = Counter(
    "evcommand_frames_total", "OCPP frames by direction and action.", ["direction", "action"]
)
REFUSED_HANDSHAKES = Counter(
    "evcommand_refused_handshakes_total", "Station connections refused, by reason.", ["reason"]
)
BAD_FRAMES = Counter(
    "evcommand_bad_frames_total", "Frames that could not be used, by reason.", ["reason"]
)
MENDED_REPORTS = Counter(
    "evcommand_mended_reports_total",
    "Reports of stations that did not conform and were taken, by what was mended. GetStation tells "
    "which stations they are.",
    ["kind"],
)
UNTAKEN_REPORTS = Counter(
    "evcommand_untaken_reports_total",
    "Reports of stations that nobody could take, by reason. Each keeps commands of its station "
    "from being told that nothing happened.",
    ["reason"],
)
BLAMED_FRAMES = Counter(
    "evcommand_blamed_frames_total",
    "Frames of ours that a station called malformed, by action and CALLERROR code. "
    "Alert on any: it is probably a bug of this program.",
    ["action", "code"],
)
SECURITY_EVENTS = Counter(
    "evcommand_security_events_total",
    "Events of stations that an operator must look at, by event.",
    ["event"],
)
RELAYED_FRAMES = Counter(
    "evcommand_relayed_frames_total",
    "Messages passed on between stations and the back end (CSMS) behind the gateway, by who said "
    "them: station, back_end.",
    ["said_by"],
)
RELAY_WAIT = Histogram(
    "evcommand_relay_wait_seconds",
    "How long CALLs of the back end (CSMS) waited for their turn at a station, behind ours or "
    "behind one another.",
    buckets=_LATENCY_BUCKETS_S,
)
RELAY_GAPS = Counter(
    "evcommand_relay_gaps_total",
    "Relayed messages of which no copy could be kept, because the database was too slow. Each gap "
    "keeps commands of its station from being told that nothing happened.",
)
RELAY_HELD = Gauge(
    "evcommand_relay_held_stations",
    "Relayed stations that stay connected while their back end (CSMS) is away.",
)
RELAY_HELD_FRAMES = Counter(
    "evcommand_relay_held_frames_total",
    "Messages around an absence of the back end (CSMS) of a station that was held, by what became "
    "of them: replayed; repeated (the station said it again, and the newer one went); unasked "
    "(answered a CALL of the connection that is over); not_asked (such a CALL, not yet passed on); "
    "given_up (not passed on: the hold ended).",
    ["end"],
)
CLOSED_SOCKETS = Counter(
    "evcommand_closed_sockets_total", "Station sockets closed, by reason.", ["reason"]
)
SLOWED_READS = Counter(
    "evcommand_slowed_reads_total",
    "How often a station's socket was not read for a moment, because the station sent more bytes "
    "or frames than its rate. The log line socket_slowed names it once per connection.",
)
CALLBACKS = Counter(
    "evcommand_callbacks_total",
    "Posts to receivers of callbacks, by the result of the try: DELIVERED, RETRYING, PARKED (alert "
    "on it: a receiver missed a change), SUPERSEDED.",
    ["state"],
)
CALLBACK_LATENCY = Histogram(
    "evcommand_callback_seconds",
    "Time from a post to the receiver's answer.",
    buckets=_LATENCY_BUCKETS_S,
)
CALLBACKS_PUT_OFF = Counter(
    "evcommand_callbacks_put_off_total",
    "Posts that had to wait for their turn, because their tenant or their receiver's host had its "
    "share of the posts under way. A post counts each time. It is no try.",
    ["share"],
)
CALLBACK_DELAY = Histogram(
    "evcommand_callback_delay_seconds",
    "Time from a change, or from when somebody asked for it again, to the receiver's yes. Of "
    "deliveries that were DELIVERED.",
    buckets=_LATENCY_BUCKETS_S,
)
WAKEUPS_REPEATED = Counter(
    "evcommand_wakeups_repeated_total", "Workflow signals that had to be sent again."
)
UNUSABLE_WAKEUPS = Counter(
    "evcommand_unusable_wakeups_total",
    "Wake-ups that Temporal can never take. They are parked: see evcommand_parked_wakeups.",
)
OLDEST_WAKEUP = Gauge(
    "evcommand_oldest_wakeup_seconds",
    "Age of the oldest wake-up in the outbox that Temporal has not taken, without parked ones. Of "
    "the whole fleet: each worker and gateway measures the same.",
)
UNDELIVERED_WAKEUPS = Gauge(
    "evcommand_undelivered_wakeups", "Wake-ups of the whole fleet that Temporal has not taken yet."
)
PARKED_WAKEUPS = Gauge(
    "evcommand_parked_wakeups",
    "Wake-ups of the whole fleet that are parked: an operator has to look at them.",
)
CLOCK_OFFSET = Gauge(
    "evcommand_clock_offset_seconds",
    "By how much the clock of this machine is ahead of the database's (negative: behind); 0 on "
    "SQLite. Leases, deadlines and facts have the database's time all the same.",
)
LOG_HORIZON_AGE = Gauge(
    "evcommand_log_horizon_age_seconds",
    "For how long watches have been told no change though changes are committed, because a "
    "transaction on the PostgreSQL server does not end. Of the whole fleet: each broker measures "
    "the same.",
)
TLS_EXPIRY = Gauge(
    "evcommand_tls_certificate_expiry_seconds",
    "Until the first certificate that a listener of this process shows expires, by the clock of "
    "this machine (negative: since).",
    ["listener"],
)
TLS_FILES_REFUSED = Gauge(
    "evcommand_tls_files_refused",
    "1 while the files of a listener's TLS have changed and cannot be used: it goes on with the "
    "certificate that it had. The log line certificates_not_taken has the reason.",
    ["listener"],
)
TASK_FAILURES = Counter(
    "evcommand_task_failures_total",
    "Failures of a background task of this process. A lasting one was started again.",
    ["task"],
)
DROPPED_LOGS = Counter(
    "evcommand_dropped_logs_total",
    "Log lines that could not be written (disk full, pipe closed, or nobody reads it).",
)
DROPPED_SPANS = Counter(
    "evcommand_dropped_spans_total", "Trace spans that were not exported, by reason.", ["reason"]
)
