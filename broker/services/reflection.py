"""Server reflection, grpc.reflection.v1 and v1alpha: clients learn the contract from the broker.

The two versions differ in their package alone; on the wire they are the same. The library serves
v1alpha only, and its pool of descriptors finds files by messages, enums and services. Clients also
ask for methods (`grpcurl describe pkg.Service.Method`, `ghz --call`), so the answers are made here.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default, DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2 as pb

from broker.calls import Context

_ALPHA = pb.DESCRIPTOR.package
_V1 = "grpc.reflection.v1"
_SERVICE = "ServerReflection"
SERVICES = (f"{_V1}.{_SERVICE}", f"{_ALPHA}.{_SERVICE}")
"""The full names of the service, one per version."""


def _pool_of_v1() -> DescriptorPool:
    """A pool with the file of v1: v1alpha's under the other package."""
    v1 = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(v1)
    v1.name, v1.package = "grpc/reflection/v1/reflection.proto", _V1
    for message in v1.message_type:
        for field in (each for each in message.field if each.type_name):
            field.type_name = field.type_name.replace(f".{_ALPHA}.", f".{_V1}.")
    for service in v1.service:
        for method in service.method:
            method.input_type = method.input_type.replace(f".{_ALPHA}.", f".{_V1}.")
            method.output_type = method.output_type.replace(f".{_ALPHA}.", f".{_V1}.")
    pool = DescriptorPool()
    pool.Add(v1)
    return pool


_POOLS: tuple[DescriptorPool, ...] = (Default(), _pool_of_v1())


class ReflectionServicer:
    """Answers what clients ask about these services and everything that they use."""

    def __init__(self, services: Iterable[str]) -> None:
        self._services = tuple(sorted(services))

    def add_to(self, server: grpc.aio.Server) -> None:
        """Serve both versions."""
        handler = grpc.stream_stream_rpc_method_handler(
            self.ServerReflectionInfo,
            request_deserializer=pb.ServerReflectionRequest.FromString,
            response_serializer=pb.ServerReflectionResponse.SerializeToString,
        )
        methods = {"ServerReflectionInfo": handler}
        server.add_generic_rpc_handlers(
            tuple(grpc.method_handlers_generic_handler(name, methods) for name in SERVICES)
        )

    async def ServerReflectionInfo(
        self, requests: AsyncIterator[pb.ServerReflectionRequest], context: Context
    ) -> AsyncGenerator[pb.ServerReflectionResponse, None]:
        """Answers each request of the stream."""
        async for request in requests:
            yield self.answer(request)

    def answer(self, request: pb.ServerReflectionRequest) -> pb.ServerReflectionResponse:
        """The answer to one request; an error in it when what is asked for does not exist."""
        reply = pb.ServerReflectionResponse(valid_host=request.host, original_request=request)
        try:
            self._fill(reply, request)
        except (KeyError, TypeError):  # what a pool raises for a name that it does not know
            reply.error_response.error_code = grpc.StatusCode.NOT_FOUND.value[0]
            reply.error_response.error_message = "This broker knows no such file or symbol."
        return reply

    def _fill(
        self, reply: pb.ServerReflectionResponse, request: pb.ServerReflectionRequest
    ) -> None:
        match request.WhichOneof("message_request"):
            case "file_by_filename":
                _add_files(
                    reply, _first(lambda pool: pool.FindFileByName(request.file_by_filename))
                )
            case "file_containing_symbol":
                _add_files(reply, _file_with(request.file_containing_symbol))
            case "file_containing_extension":
                asked = request.file_containing_extension
                _add_files(reply, _file_extending(asked.containing_type, asked.extension_number))
            case "all_extension_numbers_of_type":
                name = request.all_extension_numbers_of_type
                reply.all_extension_numbers_response.base_type_name = name
                reply.all_extension_numbers_response.extension_number.extend(_extensions_of(name))
            case "list_services":
                for service in self._services:
                    reply.list_services_response.service.add(name=service)
            case _:
                reply.error_response.error_code = grpc.StatusCode.INVALID_ARGUMENT.value[0]
                reply.error_response.error_message = "The request asks for nothing."


def _first(find: Callable[[DescriptorPool], FileDescriptor]) -> FileDescriptor:
    """What the first pool that knows it finds. Raises: KeyError."""
    for pool in _POOLS:
        try:
            return find(pool)
        except KeyError:
            continue
    raise KeyError


def _file_with(symbol: str) -> FileDescriptor:
    """The file that declares a service, method, message, field, oneof, enum or value of an enum.

    Raises: KeyError.
    """
    name = symbol.removeprefix(".")

    def find(pool: DescriptorPool) -> FileDescriptor:
        try:
            return pool.FindFileContainingSymbol(name)
        except KeyError:
            return _file_with_member(pool, *name.rpartition(".")[::2])

    return _first(find)


def _file_with_member(pool: DescriptorPool, parent: str, member: str) -> FileDescriptor:
    """The file of a member of a service, a message or an enum. Raises: KeyError."""
    for find, tables in (
        (pool.FindServiceByName, ("methods_by_name",)),
        (pool.FindMessageTypeByName, ("fields_by_name", "oneofs_by_name")),
        (pool.FindEnumTypeByName, ("values_by_name",)),
    ):
        try:
            owner = find(parent)
        except KeyError:
            continue
        if any(member in getattr(owner, table) for table in tables):
            file: FileDescriptor = owner.file
            return file
    raise KeyError(member)


def _file_extending(name: str, number: int) -> FileDescriptor:
    def find(pool: DescriptorPool) -> FileDescriptor:
        extended = pool.FindMessageTypeByName(name)
        extension: Any = pool.FindExtensionByNumber(extended, number)
        file: FileDescriptor = extension.file
        return file

    return _first(find)


def _extensions_of(name: str) -> list[int]:
    """The numbers of all extensions of a message. Raises: KeyError."""
    for pool in _POOLS:
        try:
            extended = pool.FindMessageTypeByName(name)
        except KeyError:
            continue
        return sorted(extension.number for extension in pool.FindAllExtensions(extended))
    raise KeyError(name)


def _add_files(reply: pb.ServerReflectionResponse, file: FileDescriptor) -> None:
    """Add a file and every file that it imports, each once."""
    for each in _with_imports(file, set()):
        proto = FileDescriptorProto()
        each.CopyToProto(proto)
        reply.file_descriptor_response.file_descriptor_proto.append(proto.SerializeToString())


def _with_imports(file: FileDescriptor, seen: set[str]) -> Iterator[FileDescriptor]:
    if file.name in seen:
        return
    seen.add(file.name)
    yield file
    for imported in file.dependencies:
        yield from _with_imports(imported, seen)
