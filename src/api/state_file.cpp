#include "api/state_file.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"

namespace tidemill {
namespace {

constexpr std::string_view kFormat = "tidemill-state", kVersion = "3";
constexpr std::string_view kShortKeys = "short", kLongKeys = "long";  // State::has_long_keys
// Behind the digits of a fingerprint, by Precision: what is computed in another one is another state.
constexpr std::string_view kOfPrecision[] = {"", "-f32", "-bf16", "-int8"};
constexpr size_t kDigits = 16;
constexpr std::string_view kAdvice = "load with the precision it was made with";
constexpr size_t kSampledBytes = 64;  // of each weight: a cache line, so that no more than its page is read

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::bad_file, path + ": " + why);
}

// FNV-1a.  It tells models apart; it does not protect from somebody who forges one.
class Hash {
 public:
  void add(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) value_ = (value_ ^ static_cast<uint64_t>(byte)) * 0x100000001b3;
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  std::string text() const {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value_));
    return digits;
  }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

// What is kept of the positions so far: rows that lie in pages, or a slot.
struct StatePart {
  std::string name;
  DType dtype;
  Shape shape;
  PagedRows rows = {};
  int64_t first_pos = 0;  // whose row is the first
  Tensor slot = {};

  // Calls `body` with its memory, piece by piece in order.
  template <typename Body>
  void for_each_piece(Body&& body) const {
    if (!slot.empty()) return body(std::span(slot.as<std::byte>(), static_cast<size_t>(slot.size_bytes())));
    for (int64_t row = 0; row < shape[0]; row += kPageRows) {
      const int64_t n_bytes = std::min(kPageRows, shape[0] - row) * rows.row_bytes();
      body(std::span(rows.row<std::byte>(first_pos + row), static_cast<size_t>(n_bytes)));
    }
  }
};

// What a state of `n_past` positions consists of.
std::vector<StatePart> parts_of(const State& state, int64_t n_past) {
  std::vector<StatePart> parts;
  for (size_t index = 0; index < state.layers().size(); ++index) {
    const std::string prefix = "layer." + std::to_string(index) + ".";
    const LayerState& layer = state.layers()[index];
    const int64_t first_pos = layer.kind == PageKind::recent ? state.first_recent() : 0;
    for (const auto& [name, rows] : {std::pair("keys", layer.keys), std::pair("values", layer.values)}) {
      if (rows.empty()) continue;
      parts.push_back({.name = prefix + name,
                       .dtype = rows.dtype(),
                       .shape = {n_past - first_pos, rows.width()},
                       .rows = rows,
                       .first_pos = first_pos});
    }
    if (layer.slot.empty()) continue;
    parts.push_back({.name = prefix + "slot", .dtype = DType::f32, .shape = layer.slot.shape(), .slot = layer.slot});
  }
  return parts;
}

// How many positions layers with a window have lost in a file of `n_past` of them, which is what their rows say.
int64_t first_recent_in(const SafetensorsFile& file, const State& state, int64_t n_past) {
  for (size_t index = 0; index < state.layers().size(); ++index) {
    if (state.layers()[index].kind != PageKind::recent) continue;
    const auto rows = file.find("layer." + std::to_string(index) + ".keys");
    const int64_t n_rows = rows && rows->shape().rank() == 2 ? rows->dim(0) : n_past;
    const int64_t first = n_past - n_rows;
    const bool has_enough = first == 0 || (first > 0 && first % kPageRows == 0 && n_rows >= state.reach());
    if (!has_enough) fail(file.path(), "keeps too few positions of layer " + std::to_string(index) + "; make it again");
    return first;
  }
  return 0;
}

SafetensorSpec spec_of(const StatePart& part) {
  const auto dims = part.shape.dims();
  return {part.name, safetensors_type(part.dtype), std::vector<uint64_t>(dims.begin(), dims.end())};
}

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  const int64_t size = tensor.n_elements() == 0 ? 0 : tensor.size_bytes();
  return {tensor.as<std::byte>(), static_cast<size_t>(size)};
}

void check_metadata(const SafetensorsFile& file, const std::string& fingerprint) {
  if (file.metadata("format") != kFormat) fail(file.path(), "is no saved state; it was not written by Session::save");
  if (file.metadata("version") != kVersion) fail(file.path(), "is a state of another version; make it again");
  const std::string_view model = file.metadata("model").value_or("");
  if (model.substr(0, kDigits) != std::string_view(fingerprint).substr(0, kDigits))
    fail(file.path(), "is a state of another model; load that one");
  if (model != fingerprint) fail(file.path(), "is a state of another precision; " + std::string(kAdvice));
}

// The ids of a file whose metadata are right.
std::vector<int32_t> ids_of(const SafetensorsFile& file, int64_t vocab_size) {
  const auto found = file.find("ids");
  if (!found || found->dtype() != DType::i32 || found->shape().rank() != 1)
    fail(file.path(), "has no ids; make it again");
  std::vector<int32_t> ids(found->as<int32_t>(), found->as<int32_t>() + found->dim(0));
  const auto is_outside = [&](int32_t id) { return id < 0 || id >= vocab_size; };
  if (std::any_of(ids.begin(), ids.end(), is_outside))
    fail(file.path(), "holds ids outside the vocabulary; make it again");
  return ids;
}

}  // namespace

std::string fingerprint_of(std::span<const int32_t> ids) {
  Hash hash;
  hash.add(std::as_bytes(ids));
  return hash.text();
}

bool is_state_file(const std::string& path) try {
  return SafetensorsFile(path).metadata("format") == kFormat;
} catch (const Error&) {
  return false;
}

std::vector<int32_t> read_state_ids(const std::string& path, const std::string& fingerprint, int64_t vocab_size) {
  const SafetensorsFile file(path);
  check_metadata(file, fingerprint);
  return ids_of(file, vocab_size);
}

std::string model_fingerprint(Model& model, Precision precision) {
  Hash hash;
  hash.add(model.config().architecture);
  model.visit_params([&](std::string_view name, Tensor& weight, WeightRole) {
    hash.add(name);
    hash.add(info(weight.dtype()).name);
    hash.add(weight.shape().to_string());
    hash.add(bytes_of(weight).first(std::min(kSampledBytes, bytes_of(weight).size())));
  });
  return hash.text() + std::string(kOfPrecision[static_cast<size_t>(precision)]);
}

void save_state(const std::string& path, const State& state, std::span<const int32_t> ids,
                const std::string& fingerprint) {
  const std::vector<StatePart> parts = parts_of(state, state.n_past());
  std::vector<SafetensorSpec> specs{{"ids", safetensors_type(DType::i32), {ids.size()}}};
  for (const StatePart& part : parts) specs.push_back(spec_of(part));
  SafetensorsWriter writer(path, specs,
                           {{"format", std::string(kFormat)},
                            {"version", std::string(kVersion)},
                            {"model", fingerprint},
                            {"keys", std::string(state.has_long_keys() ? kLongKeys : kShortKeys)}});
  writer.write(std::as_bytes(ids));
  for (const StatePart& part : parts)
    part.for_each_piece([&](std::span<const std::byte> piece) { writer.write(piece); });
  writer.finish();
}

std::vector<int32_t> restore_state(const std::string& path, State& state, const std::string& fingerprint,
                                   int64_t vocab_size) {
  const SafetensorsFile file(path);
  check_metadata(file, fingerprint);
  std::vector<int32_t> ids = ids_of(file, vocab_size);
  const int64_t n_past = std::ssize(ids);
  if (n_past > state.capacity())
    throw Error(ErrorCode::context_full, path + ": holds " + std::to_string(n_past) + " positions, the context only " +
                                             std::to_string(state.capacity()) + "; load with a longer one (--ctx)");
  const bool has_long_keys = file.metadata("keys") == kLongKeys;
  if (has_long_keys && state.longer_texts().length == 0)
    fail(path, "has keys of a long text, the model none; make it again");
  state.clear();
  state.make_room(n_past, first_recent_in(file, state, n_past));
  state.join_text_of(has_long_keys ? state.longer_texts().length + 1 : 0);
  for (const StatePart& part : parts_of(state, n_past)) {
    const Tensor stored = file.require(part.name, part.shape);
    if (stored.dtype() != part.dtype)
      fail(path, "keeps " + part.name + " as " + std::string(info(stored.dtype()).name) + ", this engine as " +
                     std::string(info(part.dtype).name) + "; " + std::string(kAdvice));
    const std::byte* next = stored.as<std::byte>();
    part.for_each_piece([&](std::span<std::byte> piece) {
      std::memcpy(piece.data(), next, piece.size());
      next += piece.size();
    });
  }
  state.advance(n_past);
  return ids;
}

}  // namespace tidemill
