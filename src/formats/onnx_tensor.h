// Tensors of an ONNX file: TensorProto, in all the fields that it has for numbers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "formats/onnx_graph.h"
#include "sys/mapped_file.h"
#include "sys/protobuf_reader.h"

namespace tidemill {

// Where the data of tensors come from and go to while a file is read.
struct OnnxData {
  std::string folder = {};  // that external data lie in; empty: there are none
  std::vector<MappedFile>* files = nullptr;
  std::vector<std::unique_ptr<std::byte[]>>* made = nullptr;
};

// Reads the message; `where` stands in messages: "model.onnx: initializer 'x'".  Throws bad_file.
OnnxTensor read_onnx_tensor(ProtobufReader message, const std::string& path, OnnxData& data);

}  // namespace tidemill
