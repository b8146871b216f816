"""What a careful user writes for Azure ML without ONNX: the booster itself, one thread, checked rows, fast JSON."""

import os
from pathlib import Path

import joblib
import numpy as np
import orjson
from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

BOOSTER = None
CLASSES = None


def init():
    global BOOSTER, CLASSES
    model = joblib.load(next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob("model.joblib")))
    # The booster alone: the estimator's predict_proba checks and copies the rows on each call.
    BOOSTER, CLASSES = model.booster_, model.classes_
    BOOSTER.predict(np.zeros((1, BOOSTER.num_feature())), num_threads=1)


@rawhttp
def run(request):
    try:
        rows = np.array(orjson.loads(request.get_data(cache=False))["features"], dtype=np.float64)
    except (ValueError, KeyError, TypeError):
        return AMLResponse({"error": 'send {"features": [[number, ...], ...]}'}, 400, json_str=True)
    if rows.ndim != 2 or rows.shape[1] != BOOSTER.num_feature() or not np.isfinite(rows).all():
        return AMLResponse({"error": f"rows have {BOOSTER.num_feature()} numbers"}, 400, json_str=True)
    one = BOOSTER.predict(rows, num_threads=1)
    answer = {"prediction": CLASSES[(one > 0.5).astype(int)], "probability": np.column_stack([1 - one, one])}
    body = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return AMLResponse(body, 200, {"Content-Type": "application/json"})
