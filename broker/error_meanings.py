"""What each error reason means to a caller, and what to do next. Printed into docs/api.md."""

from broker.errors import Reason

MEANINGS: dict[Reason, str] = {
    Reason.INVALID_REQUEST: "Fields are missing or wrong; BadRequest names each one. Correct the "
    "request.",
    Reason.PAGE_TOKEN_INVALID: "The token is not from this list with these filters. Begin with the "
    "first page.",
    Reason.RESUME_TOKEN_INVALID: "The token is not from a watch with this selection. Watch without "
    "one; the present states come first.",
    Reason.NOT_A_START_COMMAND: "`start_command` names a command that did not start a session.",
    Reason.STATION_NOT_FOUND: "No such station for this caller. Register it with CreateStation.",
    Reason.COMMAND_NOT_FOUND: "No such command for this caller.",
    Reason.TRANSACTION_NOT_FOUND: "No such transaction at that station.",
    Reason.RESERVATION_NOT_FOUND: "No such reservation at that station.",
    Reason.TOKEN_NOT_FOUND: "The table has no token of that type and value.",
    Reason.NO_RUNNING_SESSION: "No running session fits the target, or the start command ended "
    "without one. There is nothing to stop.",
    Reason.DELIVERY_NOT_FOUND: "No such delivery for this caller.",
    Reason.POOL_NOT_FOUND: "No such pool for this caller.",
    Reason.BOOKING_NOT_FOUND: "No such booking for this caller.",
    Reason.BOOKING_POLICY_NOT_FOUND: "No such policy, or no such revision. Put it with "
    "PutBookingPolicy.",
    Reason.STATION_IN_POOL: "Pools promise EVSEs of the station; the message names them. Take it "
    "out of them with UpdatePool first, which moves their bookings or tells whom it displaces.",
    Reason.EVSE_IN_ANOTHER_POOL: "The EVSE that is named is in another pool. Take it out of that "
    "one first.",
    Reason.POOL_IN_USE: "The pool has bookings that have not ended. Cancel them, or wait.",
    Reason.BOOKING_RULE: "A rule of the pool's policy refuses; the message has the numbers and the "
    "operator's sentence, the metadata `rule` its id. `validate_only` shows every rule.",
    Reason.POOL_FULL: "At the moment that is named more is wanted than is there. The metadata "
    "`alternative_1` to `alternative_3` have the nearest spans that would do.",
    Reason.NO_PLAN_FOUND: "No way was found to serve all; one may exist. The alternatives are as "
    "with POOL_FULL.",
    Reason.EVSES_NOT_USABLE: "There would be room, but EVSEs are out of order, offline or in use "
    "now, and the booking begins soon; the message names them. Ask for a later start, or "
    "JoinWaitlist; the alternatives are as with POOL_FULL.",
    Reason.BOOKING_ENDED: "The booking has ended; the message says how. Make a new one.",
    Reason.BOOKING_IN_USE: "The driver is charging. Stop the session with StopSession.",
    Reason.BOOKING_NOT_CONFIRMED: "The booking waits for ConfirmBooking. Confirm it first.",
    Reason.CHECK_IN_TOO_EARLY: "No EVSE is chosen for the booking yet; the message says when. "
    "Check in then.",
    Reason.BOOKED: "The EVSE is booked for another driver now; the metadata `booking`, "
    "`start_time` and `end_time` say until when. Start at another EVSE, or afterwards.",
    Reason.BOOKING_SERIES_NOT_FOUND: "No such series for this caller.",
    Reason.SERIES_REFUSED: "All or nothing was asked for, and not all is possible. The metadata "
    "`refused_1` to `refused_3` have the first ones; `validate_only` tells all.",
    Reason.WAITLIST_ENTRY_NOT_FOUND: "No such entry of a waiting list for this caller.",
    Reason.WAITLIST_FULL: "As many wait in this pool as may. Ask for another pool.",
    Reason.WAITLIST_ENTRY_ENDED: "It has ended; the message says how. Join again.",
    Reason.NO_OFFER: "There is no offer, or it is over. GetWaitlistEntry shows it.",
    Reason.NO_SNOOZE_LEFT: "The policy allows to put off no more offers. Take this one, or leave.",
    Reason.BOOKING_BOUND: "The EVSE is chosen: only the end can be changed. Cancel it, and "
    "book anew.",
    Reason.WOULD_DISPLACE: "Bookings would lose their places; the message names them. Send it "
    "again with `displace`, or change less. `validate_only` tells all of them.",
    Reason.POOL_EXISTS: "There is a pool of this name. GetPool shows it.",
    Reason.ETAG_MISMATCH: "Somebody else changed it since it was read. Read it again, and decide "
    "again.",
    Reason.AMBIGUOUS_TARGET: "Several running sessions fit; the message and the metadata "
    "`transactions` list them. Stop one by its name. Or the station uses the id of this session "
    "for a newer one, too. For an unlock: the EVSE has several "
    "connectors, or none is known yet. Say which one.",
    Reason.START_NOT_FINAL: "The start command has not started a session yet. Take it back with "
    "CancelCommand.",
    Reason.NOT_POSSIBLE_ON_STATION: "The station has no use for this, or its OCPP version no "
    "words; BadRequest names the field. Nothing was sent.",
    Reason.STATION_BUSY: "Commands for the station have not ended. Wait for them or cancel them.",
    Reason.SECURITY_PROFILE_ONLY_RAISED: "A station's security profile is only ever raised; "
    "BadRequest names the field. To lower it, delete the station and create it anew.",
    Reason.STATION_NOT_REGISTERED: "An open gateway let the station in, which has no password. "
    "Register it with CreateStation.",
    Reason.PASSWORD_ROTATION_OPEN: "The station is being given another password already, and may "
    "have it. Leave the password out to have that one sent again, or wait until GetStation shows "
    "that the rotation has ended.",
    Reason.CALLBACK_SECRET_MISSING: "A callback is asked for and the credential has no secret to "
    "sign it with. Call RotateCallbackSecret, then repeat the request.",
    Reason.CALLBACKS_DISABLED: "The settings by which this delivery goes out are disabled. Enable "
    "them with UpdateCallbackSettings.",
    Reason.REQUEST_ID_REUSED: "The `request_id` belongs to another request; the metadata `fields` "
    "says what differs. Use a new id for a new command.",
    Reason.STATION_EXISTS: "The identity is not free. When it is yours, GetStation shows it; "
    "nothing is told of others.",
    Reason.RESERVATION_NOT_HELD: "The reservation is not held (any longer, or yet), or it is for "
    "another token. GetReservation tells how it stands.",
    Reason.RESERVATION_ENDED: "The reservation has ended and cannot be changed. Make a new one.",
    Reason.RIGHT_MISSING: "The credential has not the right that this call needs; the metadata "
    "`right` names it. Add it to the key's setting (`+RIGHT`), or to the token's claim.",
    Reason.OUTSIDE_STATION_GROUP: "The credential is for a group of stations, and this identity "
    "does not begin as theirs do. Whoever runs the broker sets the groups.",
    Reason.CREDENTIALS_MISSING: "Send the metadata `authorization: Bearer KEY`: an API key "
    "or a token.",
    Reason.CREDENTIALS_INVALID: "The key is not known to this broker, or the token does not hold. "
    "What is wrong with a token is not told.",
    Reason.CREDENTIALS_EXPIRED: "The token has ended, also during a watch. Get a new one; resume a "
    "watch with its last `resume_token`.",
    Reason.CREDENTIALS_NOT_CHECKED: "The issuer of the token cannot be reached, so that nothing is "
    "known of it. Nothing was done. Try again after RetryInfo's delay.",
    Reason.REQUEST_NOT_RECEIVED: "The headers of the call came, and its request did not come in "
    "time. Nothing was done. Send it again after RetryInfo's delay.",
    Reason.TOO_MANY_CALLS: "Whose share of the calls is taken says the metadata `share` (`broker`, "
    "`tenant`, `credential`, `connection`; `planning`: of the bookings and searches that are "
    "planned at once), and `limit` how many it has. Nothing was done. Try again after "
    "RetryInfo's delay, with fewer calls at once.",
    Reason.RATE_LIMIT_EXCEEDED: "The credential makes more `reads` or more `changes` a second "
    "(the metadata `calls`) than its `rate`. Nothing was done. Try again after RetryInfo's delay: "
    "it grows for a credential that does not wait, and is short again for one that does.",
    Reason.TOO_MANY_WATCHES: "Whose share of the watches is taken says the metadata `share` "
    "(`broker`, `tenant`, `credential`), and `limit` how many it has. Watch a station or `all` "
    "instead of single commands, or try again after RetryInfo's delay.",
    Reason.TEMPORAL_UNAVAILABLE: "Temporal cannot be reached. Whether it took the request is not "
    "known. Repeat the "
    "request with the same `request_id` (made by the broker when you gave none: it stands in the "
    "metadata) after RetryInfo's delay.",
    Reason.TEMPORAL_SLOW: "Temporal is there, and did not say within your deadline (and the "
    "setting `temporal_patience_s`) that it took the request; it may still take it. Repeat it with "
    "the same `request_id`, which stands in the metadata, and a later deadline.",
    Reason.DATABASE_UNAVAILABLE: "The database cannot be reached. Repeat the request with the same "
    "`request_id` after RetryInfo's delay.",
    Reason.SHUTTING_DOWN: "This broker process ends. Connect again; resume a watch with its last "
    "`resume_token`.",
    Reason.INTERNAL: "A bug. The broker's log has the stack under the call's trace id. Repeat with "
    "the same `request_id`.",
}
