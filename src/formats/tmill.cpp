#include "formats/tmill.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "formats/wording.h"
#include "tensor/panels.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

constexpr std::string_view kPanels = "panels", kHalvedPanels = "halved_panels";

[[noreturn]] void fail(const std::string& file, const std::string& why,
                       std::string_view way_out = "the file is damaged, convert the model again") {
  throw Error(ErrorCode::bad_file, file + ": " + why + "; " + std::string(way_out));
}

// The words of `text`, which single spaces part.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// A whole number above zero, written as the writer does it; nothing for all else.
std::optional<int64_t> count_of(std::string_view word) {
  int64_t value = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (problem != std::errc() || end != word.data() + word.size() || value < 1 || word.front() == '0') return {};
  return value;
}

bool is_aligned(const std::byte* data) {
  return std::bit_cast<uintptr_t>(data) % kTmillAlignment == 0;
}

// Tensor has one pointer type for memory that may and may not be written; mapped files fault on a write.
void* start_of(std::span<const std::byte> data) {
  return const_cast<std::byte*>(data.data());
}

bool is_tensor_of_the_model(std::string_view name) {
  const auto begins = [name](std::string_view prefix) { return name.starts_with(prefix); };
  return !begins(kTmillFilePrefix) && !begins(kTmillPaddingPrefix) && !begins(kTmillColumnsPrefix);
}

}  // namespace

TmillFile::TmillFile(const std::string& path) : TmillFile(SafetensorsFile(path)) {}

TmillFile TmillFile::from_memory(std::span<const std::byte> bytes, const std::string& name) {
  return TmillFile(SafetensorsFile::from_memory(bytes, name));
}

TmillFile::TmillFile(SafetensorsFile file) : file_(std::move(file)) {
  check_metadata();
  for (std::string& name : file_.names()) {
    if (is_tensor_of_the_model(name)) names_.push_back(std::move(name));
  }
  std::ranges::sort(names_);
  tensors_.reserve(names_.size());
  for (const std::string& name : names_) {
    const auto description = file_.metadata(name);
    tensors_.push_back({name, description ? packed(name, *description) : plain(name)});
  }
}

void TmillFile::check_metadata() const {
  if (file_.metadata("format") != "tmill") {
    fail(path(), "its metadata do not say that it is a .tmill", "give a file that `tidemill convert` made");
  }
  const std::string_view version = file_.metadata("version").value_or("");
  if (version == std::to_string(kTmillVersion)) return;
  if (!count_of(version)) fail(path(), "its version is " + quoted(version) + ", expected a number");
  throw Error(ErrorCode::unsupported, path() + ": version " + std::string(version) + " of .tmill, this build reads " +
                                          std::to_string(kTmillVersion) + "; convert the model again");
}

// A matrix in panels: the entry has as many bytes as its description asks for, where kernels can read them.
Tensor TmillFile::packed(const std::string& name, std::string_view description) const {
  const std::string place = "tensor " + quoted(name);
  const auto words = words_of(description);
  if (words.front() != kPanels && words.front() != kHalvedPanels) {
    throw Error(ErrorCode::unsupported, path() + ": " + place + " has the layout " + quoted(words.front()) +
                                            ", which this build does not know; convert the model again");
  }
  const auto named = words.size() == 4 ? dtype_from_name(words[1]) : std::nullopt;
  const DType dtype = named.value_or(DType::f32);
  const Layout layout = words.front() == kPanels ? Layout::panels : Layout::halved_panels;
  const bool fits = named && (layout == Layout::panels ? has_panels(dtype) : has_halved_panels(dtype));
  const auto n_rows = fits ? count_of(words[2]) : std::nullopt;
  const auto n_cols = n_rows ? count_of(words[3]) : std::nullopt;
  if (!n_cols) fail(path(), place + " is described as " + quoted(description) + ", expected as 'panels f16 ROWS COLS'");
  const RawSafetensor entry = *file_.raw(name);
  try {
    const auto stride = static_cast<uint64_t>(panel_bytes(dtype, *n_rows, *n_cols) / panel_count(*n_rows));
    const uint64_t dims[] = {static_cast<uint64_t>(panel_count(*n_rows)), stride};
    if (entry.type->dtype != DType::u8 || !std::ranges::equal(entry.dims, dims)) {
      fail(path(), place + " is not U8 [" + std::to_string(dims[0]) + ", " + std::to_string(dims[1]) + "], as " +
                       quoted(description) + " asks for");
    }
    if (!is_aligned(entry.data.data())) fail(path(), place + " does not begin at a multiple of 64 bytes");
    return Tensor(start_of(entry.data), dtype, {*n_rows, *n_cols})
        .with_panels(start_of(entry.data), layout)
        .with_column_order(column_order(name, *n_cols));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    fail(path(), place + " is described as " + quoted(description) + ", which makes no matrix");
  }
}

// The order of a matrix's columns, in which each must be once; null when they lie in order.
const int32_t* TmillFile::column_order(const std::string& name, int64_t n_cols) const {
  const std::string order_name = std::string(kTmillColumnsPrefix) + name;
  const auto entry = file_.raw(order_name);
  if (!entry) return nullptr;
  const std::string place = "tensor " + quoted(order_name);
  const uint64_t dims[] = {static_cast<uint64_t>(n_cols)};
  if (entry->type->dtype != DType::i32 || !std::ranges::equal(entry->dims, dims) || !is_aligned(entry->data.data()))
    fail(path(), place + " is not I32 [" + std::to_string(n_cols) + "] at a multiple of 64 bytes");
  const auto* const order = reinterpret_cast<const int32_t*>(entry->data.data());
  std::vector<bool> is_there(static_cast<size_t>(n_cols));
  for (int64_t k = 0; k < n_cols; ++k) {
    if (order[k] < 0 || order[k] >= n_cols || is_there[static_cast<size_t>(order[k])])
      fail(path(), place + " names column " + std::to_string(order[k]) + " twice, or there is none");
    is_there[static_cast<size_t>(order[k])] = true;
  }
  return order;
}

Tensor TmillFile::plain(const std::string& name) const {
  const RawSafetensor entry = *file_.raw(name);
  const std::string place = "tensor " + quoted(name);
  if (entry.type->dtype != DType::f32) {
    fail(path(), place + " is " + std::string(entry.type->name) + " without a description, expected F32");
  }
  if (!is_aligned(entry.data.data())) fail(path(), place + " does not begin at a multiple of 64 bytes");
  return *file_.find(name);
}

std::vector<std::string> TmillFile::names() const {
  return names_;
}

std::optional<Tensor> TmillFile::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors_, name, {}, &NamedTensor::name);
  return found == tensors_.end() || found->name != name ? std::nullopt : std::optional(found->tensor);
}

void TmillFile::release(const Tensor& tensor) const {
  const Tensor bytes(tensor.data(), DType::u8,
                     {tensor.layout() == Layout::rows ? tensor.size_bytes()
                                                      : panel_bytes(tensor.dtype(), tensor.dim(0), tensor.dim(1))});
  file_.release(bytes);
}

std::vector<std::string> TmillFile::file_names() const {
  std::vector<std::string> names;
  for (const std::string& name : file_.names()) {
    if (name.starts_with(kTmillFilePrefix)) names.push_back(name.substr(kTmillFilePrefix.size()));
  }
  std::ranges::sort(names);
  return names;
}

std::optional<std::span<const std::byte>> TmillFile::file(std::string_view name) const {
  const auto entry = file_.raw(std::string(kTmillFilePrefix) + std::string(name));
  return entry ? std::optional(entry->data) : std::nullopt;
}

std::string tmill_description(Layout layout, DType dtype, const Shape& shape) {
  return std::string(layout == Layout::halved_panels ? kHalvedPanels : kPanels) + " " + std::string(info(dtype).name) +
         " " + std::to_string(shape[0]) + " " + std::to_string(shape[1]);
}

SafetensorSpec tmill_matrix(const std::string& name, DType dtype, const Shape& shape) {
  const int64_t n_panels = panel_count(shape[0]);
  const int64_t stride = n_panels == 0 ? 0 : panel_bytes(dtype, shape[0], shape[1]) / n_panels;
  return {name, safetensors_type(DType::u8), {static_cast<uint64_t>(n_panels), static_cast<uint64_t>(stride)}};
}

SafetensorSpec tmill_column_order(const std::string& matrix, int64_t n_cols) {
  return {std::string(kTmillColumnsPrefix) + matrix, safetensors_type(DType::i32), {static_cast<uint64_t>(n_cols)}};
}

SafetensorSpec tmill_vector(const std::string& name, const Shape& shape) {
  std::vector<uint64_t> dims;
  for (const int64_t dim : shape.dims()) dims.push_back(static_cast<uint64_t>(dim));
  return {name, safetensors_type(DType::f32), std::move(dims)};
}

}  // namespace tidemill
