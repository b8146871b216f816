"""BentoML's service: a class with typed arrays in and out."""

import os
from typing import Annotated

import bentoml
import numpy as np
import onnxruntime as ort
from bentoml.validators import DType, Shape


@bentoml.service(workers=1)
class Scorer:
    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])

    @bentoml.api
    def score(self, features: Annotated[np.ndarray, Shape((-1, 30)), DType("float64")]) -> dict:
        label, probabilities = self.session.run(["label", "probabilities"], {"features": features})
        return {"prediction": label.tolist(), "probability": probabilities.tolist()}
