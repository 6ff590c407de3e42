"""A real language model, small enough for any machine, behind an interface that is compatible with OpenAI's.

The model is textgenrnn's: a character-level network of two LSTM layers with attention (MIT, 1.8 MB), whose trained weights
come within its package from PyPI. Nothing is downloaded beside packages, and TensorFlow is not needed: the network is
computed here, with NumPy. It was trained on headlines and talks like them; what it says is its own.

    python3 serve.py [PORT]        prints its base URL; 0, the default, is a free port; ends with its standard input
"""

import http.server
import importlib.util
import json
import pathlib
import sys
import threading

import h5py
import numpy

WINDOW = 40  # characters that the network looks back
MOST = 48  # characters of an answer, where nobody wants fewer
END = "<s>"


def sigmoid(x: numpy.ndarray) -> numpy.ndarray:
    return 1.0 / (1.0 + numpy.exp(-x))


class Lstm:
    """One layer, from weights as cuDNN keeps them: gates i, f, c, o, transposed, and two biases that are added."""

    def __init__(self, group: h5py.Group) -> None:
        kernel, recurrent, bias = (group[f"{name}:0"][()] for name in ("kernel", "recurrent_kernel", "bias"))
        gates = numpy.hsplit(kernel, 4)
        self.kernel = numpy.hstack([gate.T.reshape(gate.shape, order="F") for gate in gates])
        self.recurrent = numpy.hstack([gate.T for gate in numpy.hsplit(recurrent, 4)])
        self.bias = bias.reshape(2, -1).sum(axis=0)
        self.size = recurrent.shape[0]

    def __call__(self, inputs: numpy.ndarray) -> numpy.ndarray:
        """All hidden states, for inputs of shape (steps, features)."""
        hidden, cell = numpy.zeros(self.size), numpy.zeros(self.size)
        states = []
        for row in inputs @ self.kernel + self.bias:
            i, f, c, o = numpy.split(row + hidden @ self.recurrent, 4)
            cell = sigmoid(f) * cell + sigmoid(i) * numpy.tanh(c)
            hidden = sigmoid(o) * numpy.tanh(cell)
            states.append(hidden)
        return numpy.array(states)


class Model:
    """The network and its characters."""

    def __init__(self) -> None:
        # Found, not imported: importing it would want TensorFlow.
        folder = pathlib.Path(importlib.util.find_spec("textgenrnn").origin).parent
        self.index = json.loads((folder / "textgenrnn_vocab.json").read_text(encoding="utf-8"))
        self.character = {index: character for character, index in self.index.items()}
        with h5py.File(folder / "textgenrnn_weights.hdf5") as weights:
            self.embedding = weights["embedding/embedding/embeddings:0"][()]
            self.layers = [Lstm(weights[f"rnn_{number}/rnn_{number}"]) for number in (1, 2)]
            self.attention = weights["attention/attention/attention_W:0"][()][:, 0]
            self.kernel, self.bias = (weights[f"output/output/{name}:0"][()] for name in ("kernel", "bias"))

    def odds(self, text: list[str]) -> numpy.ndarray:
        """The logarithms of how likely each character comes next."""
        known = [self.index[character] for character in text if character in self.index][-WINDOW:]
        embedded = self.embedding[[0] * (WINDOW - len(known)) + known]
        first = self.layers[0](embedded)
        steps = numpy.hstack([embedded, first, self.layers[1](first)])
        weight = numpy.exp(steps @ self.attention - numpy.max(steps @ self.attention))
        seen = (steps * (weight / weight.sum())[:, None]).sum(axis=0)
        logits = seen @ self.kernel + self.bias
        return logits - numpy.logaddexp.reduce(logits)

    def speak(self, prompt: str, most: int, temperature: float, seed: int):
        """Characters of an answer, until the model ends it or there are `most`."""
        random = numpy.random.default_rng(seed)
        text = [END, *prompt[-WINDOW:], " "]
        for _ in range(most):
            odds = self.odds(text) / max(temperature, 1e-3)
            odds[0] = -numpy.inf
            likely = numpy.exp(odds - numpy.logaddexp.reduce(odds))
            character = self.character[int(random.choice(len(likely), p=likely))]
            if character == END:
                return
            text.append(character)
            yield character


def text_of(content) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model = None
    turn = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self.answer(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.send(400, json.dumps({"error": {"message": f"cannot read the request: {error!r}"}}))

    def answer(self, asked: dict) -> None:
        if not self.path.endswith("/chat/completions"):
            return self.send(404, json.dumps({"error": {"message": "only chat completions are spoken here"}}))
        prompt = text_of([m for m in asked["messages"] if m["role"] == "user"][-1]["content"])
        wanted = asked.get("max_completion_tokens") or asked.get("max_tokens") or MOST
        most = min(int(wanted), MOST)
        temperature, seed = asked.get("temperature", 1.0), asked.get("seed") or 0
        with self.turn:
            said = list(self.model.speak(prompt, most, temperature, seed))
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(said), "total_tokens": len(prompt) + len(said)}
        finish = "length" if len(said) == int(wanted) else "stop"
        head = {"id": "chatcmpl-local", "created": 0, "model": asked["model"]}
        if not asked.get("stream"):
            choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": "".join(said)}}
            return self.send(200, json.dumps({**head, "object": "chat.completion", "choices": [choice], "usage": usage}))
        chunk = {**head, "object": "chat.completion.chunk"}
        events = [{**chunk, "choices": [{"index": 0, "delta": {"content": one}, "finish_reason": None}]} for one in said]
        events.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        events.append({**chunk, "choices": [], "usage": usage})
        lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        self.send(200, lines, "text/event-stream")

    def send(self, status: int, text: str, kind: str = "application/json") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


def main() -> None:
    Handler.model = Model()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
