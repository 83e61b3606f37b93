#include "formats/onnx_read.h"

#include <unordered_map>
#include <utility>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

// The largest exports have some ten thousand nodes; these keep what a hostile file costs near its own size.
constexpr size_t kMostNodes = 1 << 18;
constexpr size_t kMostValues = 1 << 20;  // names, and places where nodes read them
constexpr size_t kMostAttributes = 1 << 19;
constexpr size_t kMostMetadata = 4096;
constexpr size_t kMostDims = 32;
constexpr int64_t kOldestOpset = 7, kNewestOpset = 30;

class GraphReader {
 public:
  GraphReader(std::string_view bytes, const std::string& path, OnnxData& data)
      : bytes_(bytes), path_(path), data_(data) {}

  OnnxGraph read();

 private:
  struct Port {
    std::string name;
    OnnxPort port;
  };

  void read_opset(ProtobufReader message);
  void read_metadata(ProtobufReader message);
  void read_graph(ProtobufReader message);
  Port read_port(ProtobufReader message) const;
  void read_type(ProtobufReader type, OnnxPort& port) const;
  void read_shape(ProtobufReader shape, OnnxPort& port) const;
  void add_outputs(const std::vector<Port>& outputs);
  void read_node(ProtobufReader message);
  void read_attribute(ProtobufReader message, OnnxNode& node);
  OnnxAttribute attribute_value(ProtobufReader& message, OnnxAttribute so_far);
  OnnxValue declare(std::string_view name);
  OnnxValue value_of(std::string_view name, const OnnxNode& node);
  void count(size_t& counter, size_t most, const char* what) const;
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::bad_file, path_ + ": " + why + "; get the file again from where it was published");
  }

  std::string_view bytes_;
  const std::string& path_;
  OnnxData& data_;
  OnnxGraph graph_;
  std::unordered_map<std::string, OnnxValue> numbers_;
  size_t n_uses_ = 0, n_attributes_ = 0;
};

void GraphReader::count(size_t& counter, size_t most, const char* what) const {
  if (++counter > most) fail(std::string("has too many ") + what);
}

OnnxValue GraphReader::declare(std::string_view name) {
  if (graph_.values.size() > kMostValues) fail("has too many values");
  const auto number = static_cast<OnnxValue>(graph_.values.size());
  if (!numbers_.emplace(name, number).second) fail("the value " + quoted(name) + " is made twice");
  graph_.values.emplace_back(name);
  return number;
}

OnnxValue GraphReader::value_of(std::string_view name, const OnnxNode& node) {
  if (name.empty()) return kNoOnnxValue;
  const auto found = numbers_.find(std::string(name));
  if (found == numbers_.end())
    fail("node " + std::to_string(graph_.nodes.size()) + " (" + node.op + ") reads " + quoted(name) +
         ", which nothing before it makes: the graph has a cycle, or is not in order");
  return found->second;
}

void GraphReader::read_opset(ProtobufReader message) {
  std::string_view domain;
  int64_t version = 0;
  while (message.next()) {
    if (message.field() == 1) {
      domain = message.bytes("domain");
    } else if (message.field() == 2) {
      version = static_cast<int64_t>(message.varint("version"));
    } else {
      message.skip();
    }
  }
  if (!domain.empty() && domain != "ai.onnx") return;  // a node of such an operator is refused by its name
  if (version < kOldestOpset || version > kNewestOpset)
    throw Error(ErrorCode::unsupported, path_ + ": its operators are of version " + std::to_string(version) +
                                            " of ONNX's set, read are " + std::to_string(kOldestOpset) + " to " +
                                            std::to_string(kNewestOpset) + "; export the model again");
  graph_.opset = version;
}

void GraphReader::read_metadata(ProtobufReader message) {
  if (graph_.metadata.size() == kMostMetadata) fail("has too many metadata");
  auto& [key, value] = graph_.metadata.emplace_back();
  while (message.next()) {
    if (message.field() == 1) {
      key = message.bytes("key");
    } else if (message.field() == 2) {
      value = message.bytes("value");
    } else {
      message.skip();
    }
  }
}

void GraphReader::read_shape(ProtobufReader shape, OnnxPort& port) const {
  while (shape.next()) {
    if (shape.field() != 1) {
      shape.skip();
      continue;
    }
    if (port.dims.size() == kMostDims) shape.fail("dim", "there are too many");
    int64_t& dim = port.dims.emplace_back(-1);
    ProtobufReader one(shape, "dim");
    while (one.next()) {
      if (one.field() == 1) {
        dim = static_cast<int64_t>(one.varint("dim_value"));
      } else {
        one.skip();
      }
    }
  }
}

void GraphReader::read_type(ProtobufReader type, OnnxPort& port) const {
  while (type.next()) {
    if (type.field() != 1) {
      type.skip();
      continue;
    }
    ProtobufReader tensor(type, "tensor_type");
    while (tensor.next()) {
      if (tensor.field() == 1) {
        port.type = static_cast<int32_t>(tensor.varint("elem_type"));
      } else if (tensor.field() == 2) {
        read_shape(ProtobufReader(tensor, "shape"), port);
      } else {
        tensor.skip();
      }
    }
  }
}

GraphReader::Port GraphReader::read_port(ProtobufReader message) const {
  Port result;
  while (message.next()) {
    if (message.field() == 1) {
      result.name = message.bytes("name");
    } else if (message.field() == 2) {
      read_type(ProtobufReader(message, "type"), result.port);
    } else {
      message.skip();
    }
  }
  return result;
}

// A field of AttributeProto that holds a value.
OnnxAttribute GraphReader::attribute_value(ProtobufReader& message, OnnxAttribute so_far) {
  const auto list = [&]<typename T>(std::vector<T> empty) -> std::vector<T> {
    auto* const begun = std::get_if<std::vector<T>>(&so_far);
    return begun == nullptr ? std::move(empty) : std::move(*begun);
  };
  switch (message.field()) {
    case 2:
      return message.float32("f");
    case 3:
      return static_cast<int64_t>(message.varint("i"));
    case 4:
      return std::string(message.bytes("s"));
    case 5:
      return read_onnx_tensor(ProtobufReader(message, "t"), path_, data_);
    case 7: {
      auto values = list(std::vector<float>());
      if (!message.is_bytes()) {
        values.push_back(message.float32("floats"));
        return values;
      }
      const std::string_view packed = message.bytes("floats");
      if (packed.size() % sizeof(float) != 0) message.fail("floats", "the last number is cut");
      for (size_t at = 0; at < packed.size(); at += sizeof(float)) {
        float value = 0;
        packed.copy(reinterpret_cast<char*>(&value), sizeof value, at);
        values.push_back(value);
      }
      return values;
    }
    case 8: {
      auto values = list(std::vector<int64_t>());
      if (!message.is_bytes()) {
        values.push_back(static_cast<int64_t>(message.varint("ints")));
        return values;
      }
      ProtobufReader packed(message.bytes("ints"), path_);
      while (!packed.at_end()) values.push_back(static_cast<int64_t>(packed.packed_varint("ints")));
      return values;
    }
    default:
      message.skip();
      return so_far;
  }
}

void GraphReader::read_attribute(ProtobufReader message, OnnxNode& node) {
  count(n_attributes_, kMostAttributes, "attributes");
  std::string name;
  OnnxAttribute value;
  uint64_t type = 0;
  while (message.next()) {
    if (message.field() == 1) {
      name = message.bytes("name");
    } else if (message.field() == 20) {
      type = message.varint("type");
    } else {
      value = attribute_value(message, std::move(value));
    }
  }
  // Lists without an element and numbers that are zero may not be written at all.
  if (std::holds_alternative<std::monostate>(value)) {
    if (type == 1) value = 0.0f;
    if (type == 2) value = int64_t{0};
    if (type == 3) value = std::string();
    if (type == 6) value = std::vector<float>();
    if (type == 7) value = std::vector<int64_t>();
  }
  for (const auto& [known, ignored] : node.attributes) {
    if (known == name)
      fail("node " + std::to_string(graph_.nodes.size()) + " has the attribute " + quoted(name) + " twice");
  }
  node.attributes.emplace_back(std::move(name), std::move(value));
}

void GraphReader::read_node(ProtobufReader message) {
  OnnxNode node;
  std::vector<std::string_view> inputs, outputs;
  std::vector<ProtobufReader> attributes;
  std::string_view domain;
  while (message.next()) {
    switch (message.field()) {
      case 1:
        count(n_uses_, kMostValues, "uses of values");
        inputs.push_back(message.bytes("input"));
        break;
      case 2:
        count(n_uses_, kMostValues, "uses of values");
        outputs.push_back(message.bytes("output"));
        break;
      case 3:
        node.name = message.bytes("name");
        break;
      case 4:
        node.op = message.bytes("op_type");
        break;
      case 5:
        if (attributes.size() == 64) message.fail("attribute", "there are too many");
        attributes.emplace_back(message, "attribute");
        break;
      case 7:
        domain = message.bytes("domain");
        break;
      default:
        message.skip();
    }
  }
  if (!domain.empty() && domain != "ai.onnx") node.op = std::string(domain) + ":" + node.op;
  for (const ProtobufReader& attribute : attributes) read_attribute(attribute, node);
  for (const std::string_view name : inputs) node.inputs.push_back(value_of(name, node));
  for (const std::string_view name : outputs) node.outputs.push_back(name.empty() ? kNoOnnxValue : declare(name));
  graph_.nodes.push_back(std::move(node));
}

void GraphReader::add_outputs(const std::vector<Port>& outputs) {
  for (const auto& [name, port] : outputs) {
    OnnxPort& output = graph_.outputs.emplace_back(port);
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) fail("the output " + quoted(name) + " is made by no node");
    output.value = found->second;
  }
}

// Nodes may be written before what they read, so they are noted first and read last.
void GraphReader::read_graph(ProtobufReader message) {
  std::vector<ProtobufReader> nodes;
  std::vector<Port> inputs, outputs;
  while (message.next()) {
    switch (message.field()) {
      case 1:
        if (nodes.size() == kMostNodes) message.fail("node", "there are too many");
        nodes.emplace_back(message, "node", nodes.size());
        break;
      case 5: {
        OnnxTensor tensor = read_onnx_tensor(ProtobufReader(message, "initializer"), path_, data_);
        const OnnxValue value = declare(tensor.name);
        graph_.initializers.emplace(value, std::move(tensor));
        break;
      }
      case 11:
        if (inputs.size() == kMostDims * kMostDims) message.fail("input", "there are too many");
        inputs.push_back(read_port(ProtobufReader(message, "input")));
        break;
      case 12:
        if (outputs.size() == kMostDims * kMostDims) message.fail("output", "there are too many");
        outputs.push_back(read_port(ProtobufReader(message, "output")));
        break;
      case 15:
        throw Error(ErrorCode::unsupported, path_ + ": has sparse initializers; export the model with plain ones");
      default:
        message.skip();
    }
  }
  for (auto& [name, port] : inputs) {
    const auto known = numbers_.find(name);  // as old files list them, an initialiser is an input, too
    if (known != numbers_.end() && graph_.initializers.contains(known->second)) continue;
    port.value = declare(name);
    graph_.inputs.push_back(port);
  }
  for (const ProtobufReader& node : nodes) read_node(node);
  add_outputs(outputs);
}

OnnxGraph GraphReader::read() {
  graph_.values.emplace_back();
  numbers_.emplace("", kNoOnnxValue);
  ProtobufReader model(bytes_, path_);
  std::optional<ProtobufReader> graph;
  while (model.next()) {
    switch (model.field()) {
      case 1:
        graph_.ir_version = static_cast<int64_t>(model.varint("ir_version"));
        break;
      case 2:
        graph_.producer = model.bytes("producer_name");
        break;
      case 7:
        if (graph) model.fail("graph", "there are two");
        graph.emplace(model, "graph");
        break;
      case 8:
        read_opset(ProtobufReader(model, "opset_import"));
        break;
      case 14:
        read_metadata(ProtobufReader(model, "metadata_props"));
        break;
      default:
        model.skip();
    }
  }
  if (!graph) fail("holds no graph; is it an ONNX model?");
  if (graph_.opset == 0) fail("does not say which operators it has (opset_import)");
  read_graph(*graph);
  return std::move(graph_);
}

}  // namespace

OnnxGraph read_onnx(std::string_view bytes, const std::string& path, OnnxData& data) {
  return GraphReader(bytes, path, data).read();
}

}  // namespace tidemill
