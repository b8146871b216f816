"""usage: save_mlflow.py MODEL.onnx FOLDER — save the model in MLflow's onnx flavour."""

import sys

import mlflow.onnx
import onnx

mlflow.onnx.save_model(
    onnx.load(sys.argv[1]),
    sys.argv[2],
    onnx_execution_providers=["CPUExecutionProvider"],
    onnx_session_options={"intra_op_num_threads": 1, "inter_op_num_threads": 1},
    save_as_external_data=False,
    pip_requirements=["mlflow", "onnxruntime"],
)
