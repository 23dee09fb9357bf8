"""How the processes of a search talk, beside KerasTuner's own service."""

import json
import os
import threading
import time

import grpc
from keras_tuner.src.engine import conditions

# A forgotten line of KerasTuner prints every condition that it sends.
conditions.print = lambda *values: None
METHOD = "/keras_attention.Search/Tell"
BEAT_SECONDS = 2
# A chief that is silent for so long is taken for dead.
PATIENCE = 60
# Tasks of a job may start minutes apart.
START_SECONDS = 600
GONE = 4  # Exit status of a worker whose parent or chief has gone.


class Link:
    """Messages to the chief, JSON both ways, on the port of its service.

    Args:
        address: `host:port`.
        name: who speaks, unique in the search.
    """

    def __init__(self, address, name):
        self.name = name
        # A cluster's proxy does not lead from one of its machines to another.
        options = [("grpc.enable_http_proxy", 0)]
        self.channel = grpc.insecure_channel(address, options)
        self._tell = self.channel.unary_unary(METHOD)

    def tell(self, event, timeout=PATIENCE, **fields):
        """Sends one event, and returns the chief's answer.

        Raises:
            grpc.RpcError: The chief did not answer within `timeout` seconds.
        """
        message = {"name": self.name, "event": event, **fields}
        answer = self._tell(
            json.dumps(message).encode(), wait_for_ready=True, timeout=timeout
        )
        return json.loads(answer)

    def beat(self):
        """Tells the chief, in a thread of its own, that this one lives.

        Ends the process when the chief does not answer any more.
        """
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self):
        answered = time.monotonic()
        while True:
            try:
                self.tell("beat", timeout=BEAT_SECONDS)
                answered = time.monotonic()
            except grpc.RpcError:
                if time.monotonic() - answered > PATIENCE:
                    os._exit(GONE)
            time.sleep(BEAT_SECONDS)


def handler(answer):
    """A gRPC handler that gives every message to `answer`.

    Args:
        answer: function of a dictionary that returns one.
    """

    def tell(request, context):
        return json.dumps(answer(json.loads(request))).encode()

    _, service, method = METHOD.split("/")
    return grpc.method_handlers_generic_handler(
        service, {method: grpc.unary_unary_rpc_method_handler(tell)}
    )


def die_with(parent):
    """Ends this process soon after its parent ended, however it ended.

    Args:
        parent: the parent's process number, taken by the parent itself: by
            now this process may have been given another.
    """

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(GONE)

    threading.Thread(target=watch, daemon=True).start()
