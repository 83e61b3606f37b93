// ONNX writer: graphs made node by node, and their weights streamed behind them.
//
// Written is what docs/IR.md of github.com/onnx/onnx asks of a model of version 8 with operators of version 17, which
// every ONNX Runtime of the last years reads.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sys/atomic_file.h"
#include "sys/protobuf_writer.h"
#include "tidemill/tensor.h"

namespace tidemill {

// A graph that grows; each function returns the name of the value that is made.
class OnnxBuilder {
 public:
  using Ints = std::vector<int64_t>;
  // Attributes of a node, of which the last one counts for operators without any.
  struct Attribute {
    std::string_view name;
    Ints ints = {};  // of one element and `is_list` false: a number
    bool is_list = false;
    float real = 0;  // where there are no ints
  };

  std::string node(std::string_view op, std::initializer_list<std::string_view> inputs,
                   std::initializer_list<Attribute> attributes = {});
  // A node that splits its input into as many equal values as there are names.
  std::pair<std::string, std::string> halves(std::string_view input);
  // Constants: a list, or with `is_scalar` one number.
  std::string integers(const Ints& values, bool is_scalar = false);
  std::string real(float value);
  std::string reals(std::span<const float> values);

  // Dimensions that are texts stay open.
  void input(std::string_view name, std::initializer_list<std::string_view> dims);
  // `value` goes out under `name`; the last of its dimensions is fixed.
  void output(std::string_view name, std::string_view value, std::initializer_list<std::string_view> dims,
              int64_t last);

  const std::string& text() const { return graph_.text(); }

 private:
  std::string fresh(std::string_view stem) { return std::string(stem) + "_" + std::to_string(n_values_++); }
  std::string constant(uint64_t type, const Ints& dims, std::string_view raw);
  void write_node(std::string_view op, std::span<const std::string_view> inputs, std::span<const std::string> outputs,
                  std::span<const Attribute> attributes);

  ProtobufWriter graph_;  // fields of GraphProto
  int64_t n_values_ = 0;
};

// An initialiser in f32.
struct OnnxWeight {
  std::string name;
  Shape shape;
};

// Writes one file, which appears under its name only when it is whole (sys/atomic_file.h).  Not thread-safe.
class OnnxWriter {
 public:
  // Throws unsupported for more than the 2 GiB that such a file can have, and what AtomicFile throws.
  OnnxWriter(const std::string& path, const OnnxBuilder& graph, const std::vector<OnnxWeight>& weights);

  // What stands before the data of weight `index`, and then its data, piece by piece; one weight after another.
  std::string_view head(size_t index) const { return heads_[index]; }
  void write(std::span<const std::byte> piece) { file_.write(piece); }
  // Makes the file durable and puts it in its place.
  void finish() { file_.commit(); }

 private:
  AtomicFile file_;
  std::vector<std::string> heads_;
};

}  // namespace tidemill
