"""Trained models as files that need no Keras: images in, answers and maps out.

    report = keras_attention.export(model, "model.onnx", "onnx")

| step | module | what |
|---|---|---|
| may it be | `formats`, `images`, `target` | checks before anything is done |
| which model | `float32_copy` | the weights in float32 |
| which images | `pixels` | the scale that the model was trained on |
| what is served | `served_model`, `names` | `uint8` in, named outputs |
| the file | `conversion`, `onnx_files` | written, quantized |
| is it right | `runtimes`, `measures` | run, and compared with Keras |
| said | `report` | differences, sizes, times |

`exporter` puts them together.
"""

from keras_attention.exporting.exporter import export
from keras_attention.exporting.report import ExportReport

__all__ = ["ExportReport", "export"]
