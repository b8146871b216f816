"""LitServe's server: one API, one worker, one request at a time."""

import os

import litserve
import numpy as np
import onnxruntime as ort


class Scorer(litserve.LitAPI):
    def setup(self, device):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])

    def decode_request(self, request):
        return np.array(request["features"], dtype=np.float64)

    def predict(self, rows):
        return self.session.run(["label", "probabilities"], {"features": rows})

    def encode_response(self, output):
        label, probabilities = output
        return {"prediction": label.tolist(), "probability": probabilities.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Scorer(api_path="/score"), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), num_api_servers=1, generate_client_file=False)
