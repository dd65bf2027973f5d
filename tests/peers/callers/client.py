"""Clients of a proxy that know nothing of tokens: client.py grpc|websocket HOST:PORT[/PATH]; one line of JSON each."""

import asyncio
import json
import sys

import grpc
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus


async def call_grpc(address):
    async with grpc.aio.insecure_channel(address) as channel:
        unary = channel.unary_unary("/echo.Echo/Unary")
        call = unary(b"abc", timeout=50)
        told = {"unary": (await call).decode(), "served": dict(await call.trailing_metadata()).get("served")}
        stream = channel.stream_stream("/echo.Echo/Stream")(timeout=50)
        told["stream"] = []
        for message in (b"one", b"two", b"three"):
            await stream.write(message)
            told["stream"].append((await stream.read()).decode())
        await stream.done_writing()
        told["status"] = (await stream.code()).name
        # So long that it takes many frames and windows.
        long = bytes(range(256)) * 8192
        told["long"] = await unary(long, timeout=50) == long[::-1]
        try:
            await channel.unary_unary("/nobody.Nobody/Unary")(b"", timeout=50)
        except grpc.aio.AioRpcError as error:
            told["nobody"] = {
                "code": error.code().name,
                "details": error.details(),
                "problem": dict(error.trailing_metadata()).get("renewd-problem"),
            }
    return told


async def call_websocket(address):
    told = {}
    async with connect(f"ws://{address}", proxy=None) as connection:
        told["echoes"] = []
        for message in ("one", "two", "x" * 300_000):
            await connection.send(message)
            told["echoes"].append(await connection.recv() == message)
        pong = await connection.ping()
        await pong
    try:
        async with connect(f"ws://{address}", proxy=None, origin="http://evil.test"):
            told["elsewhere"] = 101
    except InvalidStatus as error:
        told["elsewhere"] = error.response.status_code
    return told


kind, address = sys.argv[1:]
print(json.dumps(asyncio.run({"grpc": call_grpc, "websocket": call_websocket}[kind](address))))
