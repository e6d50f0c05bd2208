"""TokenService: the table of tokens that decides what stations are answered."""

from evcommand.v1 import token_service_pb2 as pb
from evcommand.v1 import token_service_pb2_grpc as pb_grpc

from broker.audit.changes import record_change
from broker.auth import current_caller
from broker.backend import Backend
from broker.calls import Context
from broker.errors import Reason, Refusal, check
from broker.proto import tokens as messages
from broker.proto.id_token import TOKEN_TYPES
from broker.proto.selection import list_selection
from broker.proto.times import time_in
from broker.proto.tokens import status_in, token_out
from broker.reading.paging import Pager, cut_page, limit_of
from fleet import tokens
from fleet.engine.statements import Tx


class TokenServicer(pb_grpc.TokenServiceServicer):
    """Serves the token table of the fleet."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def PutToken(self, request: pb.PutTokenRequest, context: Context) -> pb.PutTokenResponse:
        """Puts a token into the table, or replaces it."""
        check(messages.check_put(request))
        given = request.token
        async with self._backend.db.write() as tx:
            token = await tokens.put(
                tx,
                tenant=current_caller().tenant,
                value=given.value,
                type=TOKEN_TYPES[given.type],
                status=status_in(given.status),
                group=given.group or None,
                expire_time=time_in(given.expire_time) if given.HasField("expire_time") else None,
                now=self._backend.now(),
            )
            await self._record(tx, "PutToken", token.type, given.value)
        return pb.PutTokenResponse(token=token_out(token))

    async def GetToken(self, request: pb.GetTokenRequest, context: Context) -> pb.GetTokenResponse:
        """Gets a token."""
        check(messages.check_key(request))
        tenant, type = current_caller().tenant, TOKEN_TYPES[request.type]
        async with self._backend.db.read() as tx:
            token = await tokens.get(tx, tenant, type, request.value)
        if token is None:
            raise _not_found()
        return pb.GetTokenResponse(token=token_out(token))

    async def ListTokens(
        self, request: pb.ListTokensRequest, context: Context
    ) -> pb.ListTokensResponse:
        """Lists tokens in a stable order."""
        check(messages.check_list(request))
        tenant, limit = current_caller().tenant, limit_of(request.page_size)
        pager = Pager(list_selection(tenant, request))
        after = pager.position(request.page_token, (str, str))
        async with self._backend.db.read() as tx:
            found = await tokens.list_page(
                tx,
                tenant=tenant,
                after=(after[0], after[1]) if after else None,
                limit=limit + 1,
            )
        page, last = cut_page(found, limit)
        return pb.ListTokensResponse(
            tokens=[token_out(token) for token in page],
            next_page_token=pager.token([last.value, last.type] if last else None),
        )

    async def DeleteToken(
        self, request: pb.DeleteTokenRequest, context: Context
    ) -> pb.DeleteTokenResponse:
        """Deletes a token."""
        check(messages.check_key(request))
        tenant, type = current_caller().tenant, TOKEN_TYPES[request.type]
        async with self._backend.db.write() as tx:
            if not await tokens.delete(tx, tenant, type, request.value):
                raise _not_found()
            await self._record(tx, "DeleteToken", type, request.value)
        return pb.DeleteTokenResponse()

    async def _record(self, tx: Tx, method: str, type: str, value: str) -> None:
        """Write down that this call changes a token, of which only a mask is shown."""
        masked = self._backend.sealer.mask(value)
        await record_change(tx, method, f"tokens/{type}/{masked}", self._backend.now())


def _not_found() -> Refusal:
    return Refusal(Reason.TOKEN_NOT_FOUND, "There is no token of this type and value.")
