// .tmill reader: a model packed for instant start.  docs/formats/tmill.md specifies the format.
//
// A safetensors file whose matrices lie in the panels that the CPU kernels read (tensor/panels.h), under our own names,
// with the model's configuration in `__metadata__` and the files that came with it (tokenizer, chat template, metadata
// of a GGUF) as tensors of bytes.  Everything is hostile until checked: version, layouts, and the size and place of
// each packed tensor against the dtype and shape that it is said to have. Tests: src/formats/tmill_test.cpp,
// tests/formats/test_tmill.py; fuzz target: tmill_fuzz.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf_parse.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "formats/weights.h"

namespace tidemill {

inline constexpr int kTmillVersion = 1;
inline constexpr size_t kTmillAlignment = 64;  // of every tensor, in the file
inline constexpr std::string_view kTmillEnding = ".tmill";
// Tensors of bytes: the files that came with the model, by their names.
inline constexpr std::string_view kTmillFilePrefix = "files/";
// Tensors of I32: the orders in which columns of packed matrices lie, by the names of these.
inline constexpr std::string_view kTmillColumnsPrefix = "columns/";
// Tensors of zeros that bring the next one to its place.
inline constexpr std::string_view kTmillPaddingPrefix = "padding/";
// The file that has the configuration of a model that came from a GGUF.
inline constexpr std::string_view kTmillGgufFile = "metadata.gguf";

// Immutable after it is made, so all members may be called from several threads.
class TmillFile final : public Weights {
 public:
  // Throws bad_file for a file that breaks a rule, unsupported for a newer version or another layout, and what
  // MappedFile throws.
  explicit TmillFile(const std::string& path);
  // Reads a file that already lies in memory, which must outlive the result and begin at a multiple of 64.  `name`
  // stands in messages.
  static TmillFile from_memory(std::span<const std::byte> bytes, const std::string& name);

  const std::string& path() const override { return file_.path(); }
  std::vector<std::string> names() const override;
  std::optional<Tensor> find(std::string_view name) const override;
  bool is_packed() const override { return true; }
  void release(const Tensor& tensor) const override;

  // What the model's architecture is called, as the source of the file had it; may be empty.
  std::string_view architecture() const { return file_.metadata("architecture").value_or(""); }
  // The text of config.json; nothing for a model that came from a GGUF.
  std::optional<std::string_view> config() const { return file_.metadata("config"); }
  // The files that came with the model, sorted by name, and their content.
  std::vector<std::string> file_names() const;
  std::optional<std::span<const std::byte>> file(std::string_view name) const;
  // The tensors by names that live as long as this object.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }

 private:
  explicit TmillFile(SafetensorsFile file);
  void check_metadata() const;
  Tensor packed(const std::string& name, std::string_view description) const;
  const int32_t* column_order(const std::string& name, int64_t n_cols) const;
  Tensor plain(const std::string& name) const;

  SafetensorsFile file_;
  std::vector<std::string> names_;    // of the model's tensors, sorted
  std::vector<NamedTensor> tensors_;  // in the same order; the names are views of names_
};

// What describes a packed matrix in `__metadata__`: "panels q8_0 1024 640"; `layout` is panels or halved_panels.
std::string tmill_description(Layout layout, DType dtype, const Shape& shape);
// How a tensor stands in the file: panels for a matrix, plain f32 for a vector.
SafetensorSpec tmill_matrix(const std::string& name, DType dtype, const Shape& shape);
SafetensorSpec tmill_vector(const std::string& name, const Shape& shape);
// The order of a matrix's columns.
SafetensorSpec tmill_column_order(const std::string& matrix, int64_t n_cols);

}  // namespace tidemill
