"""Other people's ONNX files, brought into i2i's form: found out by reading and by probing, bridged, and proved."""
