"""Pub/Sub's calls on one gRPC channel, with protobuf's own messages.

Google's async clients wrap each message twice (proto-plus) and intercept each call for their logging; beside that they do what is done
here: name the resource in a header, for the service's routing. Retries and their limits are the callers'.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from google.iam.v1 import iam_policy_pb2  # type: ignore[import-untyped]  # generated, without types
from google.protobuf import empty_pb2  # type: ignore[import-untyped]  # generated, without types
from google.pubsub_v1.types import pubsub
from grpc import aio  # type: ignore[import-untyped]  # gRPC has no types


def _protobuf(wrapper: Any) -> Any:
    """The generated class behind one of Google's wrappers."""
    return type(wrapper.pb(wrapper()))


Topic = _protobuf(pubsub.Topic)
Subscription = _protobuf(pubsub.Subscription)
PubsubMessage = _protobuf(pubsub.PubsubMessage)
_PublishRequest = _protobuf(pubsub.PublishRequest)
_PullRequest = _protobuf(pubsub.PullRequest)
_StreamingPullRequest = _protobuf(pubsub.StreamingPullRequest)
_AcknowledgeRequest = _protobuf(pubsub.AcknowledgeRequest)
_ModifyAckDeadlineRequest = _protobuf(pubsub.ModifyAckDeadlineRequest)
_GetTopicRequest = _protobuf(pubsub.GetTopicRequest)
_GetSubscriptionRequest = _protobuf(pubsub.GetSubscriptionRequest)
_DeleteSubscriptionRequest = _protobuf(pubsub.DeleteSubscriptionRequest)

_PUBLISHER = "/google.pubsub.v1.Publisher/"
_SUBSCRIBER = "/google.pubsub.v1.Subscriber/"
_FULL = "projects/"
_STREAMING_PROTOCOL = 1
"""Asks the service for heartbeats on idle streams."""


class Rpc:
    """Every call raises `grpc.aio.AioRpcError`. `project` is an id; topics and subscriptions are named without it, or in full."""

    def __init__(self, channel: aio.Channel, project: str, *, call_seconds: float) -> None:
        self._channel = channel
        self.project = project
        self._call_seconds = call_seconds
        self._publish = self._unary(_PUBLISHER + "Publish", _PublishRequest, _protobuf(pubsub.PublishResponse))
        self._create_topic = self._unary(_PUBLISHER + "CreateTopic", Topic, Topic)
        self._get_topic = self._unary(_PUBLISHER + "GetTopic", _GetTopicRequest, Topic)
        self._create_subscription = self._unary(_SUBSCRIBER + "CreateSubscription", Subscription, Subscription)
        self._get_subscription = self._unary(_SUBSCRIBER + "GetSubscription", _GetSubscriptionRequest, Subscription)
        self._delete_subscription = self._unary(
            _SUBSCRIBER + "DeleteSubscription", _DeleteSubscriptionRequest, empty_pb2.Empty
        )
        self._pull = self._unary(_SUBSCRIBER + "Pull", _PullRequest, _protobuf(pubsub.PullResponse))
        self._acknowledge = self._unary(_SUBSCRIBER + "Acknowledge", _AcknowledgeRequest, empty_pb2.Empty)
        self._modify = self._unary(_SUBSCRIBER + "ModifyAckDeadline", _ModifyAckDeadlineRequest, empty_pb2.Empty)
        self._permissions = self._unary(
            "/google.iam.v1.IAMPolicy/TestIamPermissions",
            iam_policy_pb2.TestIamPermissionsRequest,
            iam_policy_pb2.TestIamPermissionsResponse,
        )
        self._streaming_pull = channel.stream_stream(
            _SUBSCRIBER + "StreamingPull",
            request_serializer=_StreamingPullRequest.SerializeToString,
            response_deserializer=_protobuf(pubsub.StreamingPullResponse).FromString,
        )

    def is_ours(self, topic: str) -> bool:
        """Whether it is one of this project."""
        return self.topic_path(topic).startswith(f"projects/{self.project}/")

    def topic_path(self, topic: str) -> str:
        return topic if topic.startswith(_FULL) else f"projects/{self.project}/topics/{topic}"

    def subscription_path(self, subscription: str) -> str:
        return (
            subscription if subscription.startswith(_FULL) else f"projects/{self.project}/subscriptions/{subscription}"
        )

    async def publish(self, topic: str, messages: Sequence[Any], *, timeout: float) -> None:  # noqa: ASYNC109  # gRPC's own deadline
        path = self.topic_path(topic)
        await self._publish(
            _PublishRequest(topic=path, messages=messages), timeout=timeout, metadata=_routing("topic", path)
        )

    async def create_topic(self, topic: Any) -> None:
        await self._create_topic(topic, timeout=self._call_seconds, metadata=_routing("name", topic.name))

    async def get_topic(self, topic: str, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109  # gRPC's own deadline
        path = self.topic_path(topic)
        return await self._get_topic(
            _GetTopicRequest(topic=path), timeout=timeout or self._call_seconds, metadata=_routing("topic", path)
        )

    async def create_subscription(self, subscription: Any) -> None:
        metadata = _routing("name", subscription.name)
        await self._create_subscription(subscription, timeout=self._call_seconds, metadata=metadata)

    async def get_subscription(self, subscription: str) -> Any:
        path = self.subscription_path(subscription)
        request = _GetSubscriptionRequest(subscription=path)
        return await self._get_subscription(
            request, timeout=self._call_seconds, metadata=_routing("subscription", path)
        )

    async def delete_subscription(self, subscription: str, *, timeout: float) -> None:  # noqa: ASYNC109  # gRPC's own deadline
        path = self.subscription_path(subscription)
        request = _DeleteSubscriptionRequest(subscription=path)
        await self._delete_subscription(request, timeout=timeout, metadata=_routing("subscription", path))

    async def pull(self, subscription: str, most: int, *, timeout: float) -> Sequence[Any]:  # noqa: ASYNC109  # gRPC's own deadline
        """Waits for at least one message, until the deadline is exceeded."""
        path = self.subscription_path(subscription)
        request = _PullRequest(subscription=path, max_messages=most)
        response = await self._pull(request, timeout=timeout, metadata=_routing("subscription", path))
        received: Sequence[Any] = response.received_messages
        return received

    async def acknowledge(self, subscription: str, ack_ids: Sequence[str]) -> None:
        path = self.subscription_path(subscription)
        request = _AcknowledgeRequest(subscription=path, ack_ids=ack_ids)
        await self._acknowledge(request, timeout=self._call_seconds, metadata=_routing("subscription", path))

    async def modify_deadline(self, subscription: str, ack_ids: Sequence[str], seconds: int) -> None:
        """From now; 0 gives the messages back."""
        path = self.subscription_path(subscription)
        request = _ModifyAckDeadlineRequest(subscription=path, ack_ids=ack_ids, ack_deadline_seconds=seconds)
        await self._modify(request, timeout=self._call_seconds, metadata=_routing("subscription", path))

    async def granted(self, resource: str, permissions: Sequence[str]) -> frozenset[str]:
        """Those of the permissions that the caller has on a topic or subscription, named in full."""
        request = iam_policy_pb2.TestIamPermissionsRequest(resource=resource, permissions=permissions)
        metadata = _routing("resource", resource)
        return frozenset((await self._permissions(request, timeout=self._call_seconds, metadata=metadata)).permissions)

    async def open_stream(self, subscription: str, *, deadline_seconds: int, most: int, client_id: str) -> Any:
        """A streaming pull: `read()` gives responses, `write(heartbeat())` keeps it open."""
        path = self.subscription_path(subscription)
        call = self._streaming_pull(metadata=_routing("subscription", path))
        await call.write(
            _StreamingPullRequest(
                subscription=path,
                stream_ack_deadline_seconds=deadline_seconds,
                max_outstanding_messages=most,
                client_id=client_id,
                protocol_version=_STREAMING_PROTOCOL,
            )
        )
        return call

    async def close(self) -> None:
        await self._channel.close()

    def _unary(self, path: str, request: Any, response: Any) -> Any:
        return self._channel.unary_unary(
            path, request_serializer=request.SerializeToString, response_deserializer=response.FromString
        )


def heartbeat() -> Any:
    return _StreamingPullRequest()


def _routing(field: str, resource: str) -> tuple[tuple[str, str], ...]:
    return (("x-goog-request-params", f"{field}={quote(resource, safe='')}"),)
