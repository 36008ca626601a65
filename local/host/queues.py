"""Queue triggers: batches, invisibility while a function runs, another try, the poison queue.

A message is invisible for ten minutes once taken, renewed at half-time while its function runs,
and deleted when that succeeds. When it fails the message comes back after `visibilityTimeout`, and
after `maxDequeueCount` failures goes to `NAME-poison`. A failed message of a poison queue itself
stays where it is, invisible until its ten minutes are over. An empty queue is asked less and less
often, at the least every `maxPollingInterval`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import random
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage

from local.host import settings, storage
from local.host.protos import TypedData
from local.host.settings import QueueOptions
from local.host.waiting import wait
from local.host.worker import Function, Invoker

logger = logging.getLogger("host")

_HOLD = timedelta(minutes=10)
_SHORTEST_POLL = timedelta(milliseconds=100)
_POISON = "-poison"


class Undecodable(ValueError):
    """The message is not in the encoding that host.json states."""


class Queue:
    """One queue function."""

    def __init__(
        self,
        worker: Invoker,
        function: Function,
        environ: Mapping[str, str],
        options: QueueOptions,
        hold: timedelta = _HOLD,
    ) -> None:
        self._worker = worker
        self.function = function
        self._options = options
        self._hold = hold
        self.name = settings.resolve(function.trigger["queueName"], environ)
        name = function.trigger.get("connection") or settings.STORAGE
        self._storage = storage.account(name, environ) or storage.Account()
        self._client = self._storage.queue(self.name, retry_total=1)
        self._in_hand: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Take messages until `stop`, then wait for those in hand."""
        pause = _SHORTEST_POLL
        while not stop.is_set():
            taken = await self._take()
            for message in taken:
                task = asyncio.create_task(self._handle(message))
                self._in_hand.add(task)
                task.add_done_callback(self._in_hand.discard)
            if taken:
                pause = _SHORTEST_POLL
                await self._room(stop)
            else:
                await wait(stop, pause)
                pause = min(pause * random.uniform(1.2, 1.6), self._options.max_polling_interval)  # noqa: S311
        if self._in_hand:
            await asyncio.wait(self._in_hand)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    async def run_by_hand(self, text: str) -> None:
        """Run the function on a message that is not in the queue."""
        metadata = {"Id": TypedData(string=str(uuid.uuid4())), "DequeueCount": _number(0)}
        await self._worker.invoke(self.function, TypedData(string=text), metadata)

    async def _take(self) -> list[QueueMessage]:
        try:
            return await asyncio.to_thread(self._receive)
        except ResourceNotFoundError:
            return []
        except AzureError as error:
            logger.warning("%s cannot be read: %s", self.name, str(error).splitlines()[0])
            return []

    def _receive(self) -> list[QueueMessage]:
        size, hold = self._options.batch_size, int(self._hold.total_seconds())
        pages = self._client.receive_messages(
            messages_per_page=size, max_messages=size, visibility_timeout=hold
        )
        return list(pages)

    async def _room(self, stop: asyncio.Event) -> None:
        """Wait until few enough messages are in hand to take more."""
        stopping = asyncio.create_task(stop.wait())
        while len(self._in_hand) > self._options.new_batch_threshold and not stop.is_set():
            await asyncio.wait({stopping, *self._in_hand}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    async def _handle(self, message: QueueMessage) -> None:
        try:
            await self._process(message)
        except AzureError as error:
            # It comes back when its time is over: a queue delivers at least once.
            logger.warning("%s: message %s: %s", self.name, message.id, error)

    async def _process(self, message: QueueMessage) -> None:
        tries = message.dequeue_count or 0
        try:
            text = self._decoded(message)
        except Undecodable:
            logger.error("%s: message %s is not base64", self.name, message.id)
            await asyncio.to_thread(self._poison, message)
            return
        if tries > self._options.max_dequeue_count:
            await asyncio.to_thread(self._poison, message)
            return
        ended = asyncio.Event()
        renewal = asyncio.create_task(self._renew(message, ended))
        outcome = await self._worker.invoke(
            self.function, TypedData(string=text), _metadata(message, text)
        )
        ended.set()
        await renewal  # not cancelled half-way: each renewal changes the receipt
        if outcome.succeeded:
            await asyncio.to_thread(self._delete, message)
        elif tries >= self._options.max_dequeue_count:
            await asyncio.to_thread(self._poison, message)
        elif not self._is_poison:
            pause = int(self._options.visibility_timeout.total_seconds())
            await asyncio.to_thread(self._hide, message, pause)

    async def _renew(self, message: QueueMessage, ended: asyncio.Event) -> None:
        while not await wait(ended, self._hold / 2):
            try:
                await asyncio.to_thread(self._hide, message, int(self._hold.total_seconds()))
            except AzureError as error:
                logger.warning("%s: message %s not renewed: %s", self.name, message.id, error)

    @property
    def _is_poison(self) -> bool:
        return self.name.endswith(_POISON)

    def _decoded(self, message: QueueMessage) -> str:
        if not self._options.base64:
            return str(message.content)
        try:
            return base64.b64decode(message.content, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Undecodable from error

    def _delete(self, message: QueueMessage) -> None:
        with suppress(ResourceNotFoundError):
            self._client.delete_message(message.id, message.pop_receipt)

    def _hide(self, message: QueueMessage, seconds: int) -> None:
        changed = self._client.update_message(
            message.id, message.pop_receipt, content=message.content, visibility_timeout=seconds
        )
        message.pop_receipt = changed.pop_receipt

    def _poison(self, message: QueueMessage) -> None:
        if self._is_poison:
            return
        name = self.name + _POISON
        logger.error("%s: message %s goes to %s", self.name, message.id, name)
        with self._storage.queue(name) as poison:
            with suppress(ResourceExistsError):
                poison.create_queue()
            poison.send_message(message.content, time_to_live=-1)
        self._delete(message)


def _metadata(message: QueueMessage, text: str) -> dict[str, TypedData]:
    return {
        "QueueTrigger": TypedData(string=text),
        "Id": TypedData(string=message.id),
        "DequeueCount": _number(message.dequeue_count or 0),
        "PopReceipt": TypedData(string=message.pop_receipt or ""),
        "InsertionTime": _instant(message.inserted_on),
        "ExpirationTime": _instant(message.expires_on),
        "NextVisibleTime": _instant(message.next_visible_on),
    }


def _number(value: int) -> TypedData:
    return TypedData(json=str(value))


def _instant(value: datetime | None) -> TypedData:
    # Messages that never expire are said to in the year 9999, which some time zones cannot hold.
    text = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00") if value else "null"
    return TypedData(string=text) if value else TypedData(json=text)
