"""One start through the whole gateway: socket, boot, frame, answer, fact."""

from domain.model.answers import Verdict
from domain.model.command import State
from tests.support.benches.gateway_bench import Bench


async def test_a_start_goes_out_is_answered_and_its_session_becomes_a_fact(bench: Bench) -> None:
    async with bench.station("S1") as station:
        request = await bench.start_request("S1", tag="TAG1")
        sending = bench.sending(request)
        assert await station.accept("RemoteStartTransaction") == {"idTag": "TAG1", "connectorId": 1}
        result = await sending
        started = await station.call(
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": "TAG1",
                "meterStart": 5,
                "timestamp": "2026-01-01T00:00:00Z",
            },
        )
    assert result.answer is not None
    assert result.answer.verdict is Verdict.ACCEPTED
    assert (await bench.command(request)).state is State.AWAITING_EFFECT
    assert started["idTagInfo"]["status"] == "Accepted"
    [session] = await bench.transactions("S1")
    assert session.ocpp_transaction_id == str(started["transactionId"])
    assert session.authorized
    assert [wakeup.workflow_id for wakeup in await bench.wakeups()] == [request.workflow_id]
    assert bench.waker.kicks == 1
