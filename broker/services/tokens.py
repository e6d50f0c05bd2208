"""TokenService: the table of tokens from which stations are answered."""

from evcommand.v1 import token_service_pb2 as pb
from evcommand.v1 import token_service_pb2_grpc as pb_grpc

from broker.auth import current_caller
from broker.calls import Context
from broker.commands.submitting import Backend
from broker.errors import Reason, Refusal
from broker.proto import check_fleet as validate_fleet
from broker.proto.fleet import status_in, token_out
from broker.proto.values import TOKEN_TYPES, time_in
from broker.reading.paging import Pager, limit_of
from broker.services.remote_commands import check
from fleet import tokens


class TokenServicer(pb_grpc.TokenServiceServicer):
    """Serves the token table of the fleet."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def PutToken(self, request: pb.PutTokenRequest, context: Context) -> pb.PutTokenResponse:
        """Puts a token into the table, or replaces it."""
        check(validate_fleet.check_put_token(request))
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
        return pb.PutTokenResponse(token=token_out(token))

    async def GetToken(self, request: pb.GetTokenRequest, context: Context) -> pb.GetTokenResponse:
        """Gets a token."""
        check(validate_fleet.check_token_key(request))
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
        tenant = current_caller().tenant
        pager = Pager(tenant, "ListTokens", request)
        check(validate_fleet.check_list_tokens(request))
        after = pager.position(request.page_token, (str, str))
        limit = limit_of(request.page_size)
        async with self._backend.db.read() as tx:
            found = await tokens.list_page(
                tx,
                tenant=tenant,
                after=(after[0], after[1]) if after else None,
                limit=limit + 1,
            )
        last = found[limit - 1] if len(found) > limit else None
        return pb.ListTokensResponse(
            tokens=[token_out(token) for token in found[:limit]],
            next_page_token=pager.token([last.value, last.type] if last else None),
        )

    async def DeleteToken(
        self, request: pb.DeleteTokenRequest, context: Context
    ) -> pb.DeleteTokenResponse:
        """Deletes a token."""
        check(validate_fleet.check_token_key(request))
        tenant, type = current_caller().tenant, TOKEN_TYPES[request.type]
        async with self._backend.db.write() as tx:
            if not await tokens.delete(tx, tenant, type, request.value):
                raise _not_found()
        return pb.DeleteTokenResponse()


def _not_found() -> Refusal:
    return Refusal(Reason.TOKEN_NOT_FOUND, "There is no token of this type and value.")
