"""A gRPC server and a WebSocket server that want a bearer token, and refuse those they are told to.

Greets with a line of JSON that names their ports. A line "refuse" on standard input makes the token seen last one that is
refused from then on; it is answered with a line. The end of standard input ends it.
"""

import asyncio
import json
import sys

import grpc
from websockets.asyncio.server import serve

refused = set()
last = None
calls = []


def admit(authorization):
    """Whether that token is welcome."""
    global last
    last = authorization
    return (authorization or "").startswith("Bearer ") and authorization not in refused


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        metadata = dict(details.invocation_metadata)
        welcome = admit(metadata.get("authorization"))
        calls.append((details.method, welcome))
        if not welcome:

            async def unary(request, context):
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is refused")

            async def stream(requests, context):
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is refused")
                yield b""

        else:

            async def unary(request, context):
                context.set_trailing_metadata((("served", "1"),))
                return request[::-1]

            async def stream(requests, context):
                async for request in requests:
                    yield request[::-1]

        if details.method.endswith("/Unary"):
            return grpc.unary_unary_rpc_method_handler(unary)
        return grpc.stream_stream_rpc_method_handler(stream)


def handshake(connection, request):
    welcome = admit(request.headers.get("Authorization"))
    calls.append((request.path, welcome))
    if not welcome:
        return connection.respond(401, "the token is refused\n")


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Echo(),))
    grpc_port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with serve(echo, "127.0.0.1", 0, process_request=handshake) as websocket:
        port = websocket.sockets[0].getsockname()[1]
        print(json.dumps({"grpc": grpc_port, "websocket": port}), flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if line.strip() == "refuse":
                refused.add(last)
            print(json.dumps({"calls": calls}), flush=True)
            calls.clear()
    await server.stop(None)


asyncio.run(main())
