// ONNX reader: the graph of a mapped file, and its initialisers as weights.
//
// Format: github.com/onnx/onnx, docs/IR.md and onnx/onnx.proto; data that lie in files of their own:
// docs/ExternalData.md.  Read are models of ONNX's own operators from opset 7 on, with initialisers in any field that
// the format has for them.  Refused are what would make two readers read two things: values made twice, or read before
// they are made (cycles, nodes out of order), tensors whose bytes are not those that their dimensions ask for, and
// external data outside the model's folder.  Counts of nodes, values and attributes are bounded, so that a hostile file
// costs a small multiple of its size.
// Tests: src/formats/onnx_test.cpp, onnx_hostile_test.cpp; fuzz target: onnx_fuzz.cpp.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/aligned_copies.h"
#include "formats/onnx_graph.h"
#include "formats/weights.h"
#include "sys/mapped_file.h"

namespace tidemill {

// Immutable after it is made, so all members may be called from several threads.
class OnnxFile final : public Weights {
 public:
  // Throws bad_file for a file that breaks a rule, unsupported for what is named there, and what MappedFile throws.
  explicit OnnxFile(const std::string& path);
  // Reads a file that already lies in memory, which must outlive the result.  `name` stands in messages; external data
  // are refused.
  static OnnxFile from_memory(std::span<const std::byte> bytes, const std::string& name);

  const OnnxGraph& graph() const { return graph_; }

  const std::string& path() const override { return path_; }
  // Of the initialisers.
  std::vector<std::string> names() const override;
  // Elements begin at a multiple of their own size: those that lie otherwise in the file are copied when they are first
  // asked for.  Throws unsupported for a tensor that no Tensor can describe.
  std::optional<Tensor> find(std::string_view name) const override;
  // `tensor`, an initialiser or an attribute of the graph.
  Tensor view(const OnnxTensor& tensor) const;
  void release(const Tensor& tensor) const override;
  void drop(const Tensor& tensor) const override { aligned_->drop(tensor.data()); }
  // Frees the copies that lie elsewhere than in the file; no tensor that was given out may be used any more.
  void forget_copies() const { aligned_->clear(); }

  int64_t file_bytes() const { return file_bytes_; }  // with external data

 private:
  OnnxFile() = default;
  void release(std::span<const std::byte> part) const;

  std::string path_;
  std::vector<MappedFile> files_;                   // the model, and external data that were asked for
  std::vector<std::unique_ptr<std::byte[]>> made_;  // data of tensors that the file holds number by number
  OnnxGraph graph_;
  std::map<std::string, OnnxValue, std::less<>> by_name_;  // of initialisers
  int64_t file_bytes_ = 0;
  std::unique_ptr<AlignedCopies> aligned_ = std::make_unique<AlignedCopies>();  // on the heap: a mutex does not move
};

}  // namespace tidemill
