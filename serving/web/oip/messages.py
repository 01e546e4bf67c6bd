"""The protocol's messages for gRPC, as far as this server speaks it: open_inference_grpc.proto of the KServe project.

Made here from a table, without generated code, in a pool of their own: other users of the same protocol in this process
(Triton's client) have theirs. What goes over the wire are numbers and types; of the names only the service's and its
methods' do.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "inference.GRPCInferenceService"

FIELDS = """
ServerLiveRequest:
ServerLiveResponse: 1 bool live
ServerReadyRequest:
ServerReadyResponse: 1 bool ready
ModelReadyRequest: 1 string name, 2 string version
ModelReadyResponse: 1 bool ready
ServerMetadataRequest:
ServerMetadataResponse: 1 string name, 2 string version, 3 string* extensions
ModelMetadataRequest: 1 string name, 2 string version
ModelMetadataResponse: 1 string name, 2 string* versions, 3 string platform, 4 Tensor* inputs, 5 Tensor* outputs
Tensor: 1 string name, 2 string datatype, 3 int64* shape
RepositoryIndexRequest: 1 string repository_name, 2 bool ready
RepositoryIndexResponse: 1 Model* models
Model: 1 string name, 2 string version, 3 string state, 4 string reason
ModelInferRequest: 1 string model_name, 2 string model_version, 3 string id, 4 Parameter* parameters, 5 Input* inputs,
  6 Wanted* outputs, 7 bytes* raw_input_contents
ModelInferResponse: 1 string model_name, 2 string model_version, 3 string id, 5 Output* outputs,
  6 bytes* raw_output_contents
Input: 1 string name, 2 string datatype, 3 int64* shape, 5 Contents contents
Wanted: 1 string name
Output: 1 string name, 2 string datatype, 3 int64* shape
Parameter: 1 string key, 2 Value value
Value: 1 bool bool_param, 2 int64 int64_param, 3 string string_param, 4 double double_param, 5 uint64 uint64_param
Contents: 6 float* fp32_contents, 7 double* fp64_contents
"""
"""A message a line: number, type and name of each field; a star where there may be several."""

ONE_OF = {"Value": "choice"}
"""Messages of which one field is given."""


def _made() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="i2i/open_inference.proto", package="i2i.oip", syntax="proto3")
    for line in FIELDS.replace("\n  ", " ").strip().splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name)
        if name in ONE_OF:
            message.oneof_decl.add(name=ONE_OF[name])
        for each in filter(None, (part.strip() for part in fields.split(","))):
            number, kind, label = each.split()
            field = message.field.add(name=label, number=int(number))
            field.label = field.LABEL_REPEATED if kind.endswith("*") else field.LABEL_OPTIONAL
            plain = kind.rstrip("*")
            if plain[0].isupper():
                field.type, field.type_name = field.TYPE_MESSAGE, f".i2i.oip.{plain}"
            else:
                field.type = getattr(field, f"TYPE_{plain.upper()}")
            if name in ONE_OF:
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        each.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"i2i.oip.{each.name}"))
        for each in file.message_type
    }


MESSAGES = _made()
"""Classes of messages by name."""
