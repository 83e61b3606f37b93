#include "formats/safetensors_header.h"

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr size_t kLengthBytes = 8;
constexpr int kMaxDepth = 127;  // of serde_json, which the library reads headers with
constexpr int kFieldsDepth = 2;
// `"":{"dtype":"F4","shape":[],"data_offsets":[0,0]},`: no tensor takes less of a header.
constexpr size_t kMinEntryBytes = 50;

[[noreturn]] void fail_damaged(const std::string& file, const std::string& why) {
  throw Error(ErrorCode::bad_file, file + ": " + why + "; the file is damaged, download it again");
}

// Fills a header from the events of nlohmann's parser, which itself needs a bit per level of nesting and the memory of
// the longest string.
class HeaderReader final : public nlohmann::json_sax<json> {
 public:
  HeaderReader(SafetensorsHeader& header, const std::string& file) : header_(header), file_(file) {}

  bool null() override {
    // The library writes none, but reads one as no metadata.
    return place_ == Place::tensors && is_metadata_ ? true : scalar("null");
  }
  bool boolean(bool) override { return scalar("a boolean"); }
  bool number_integer(number_integer_t) override { return scalar("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return scalar("a fraction or a number past 2^64"); }
  bool number_unsigned(number_unsigned_t number) override {
    if (place_ == Place::dims) return add_dim(number);
    if (place_ == Place::offsets) return add_offset(number);
    return scalar("a number");
  }
  bool string(string_t& text) override;
  bool binary(binary_t&) override { return false; }  // JSON has none
  bool key(string_t& name) override;
  bool start_object(size_t) override { return start(Container::object); }
  bool start_array(size_t) override { return start(Container::list); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail_damaged(file_, "the header is not valid JSON at its byte " + grouped(position));
  }

 private:
  enum class Place { document, tensors, metadata, fields, dims, offsets, ignored };
  enum class Field : uint8_t { dtype, shape, data_offsets, other };
  enum class Container { object, list };

  static constexpr std::array<std::string_view, 3> kFieldNames = {"dtype", "shape", "data_offsets"};

  bool start(Container container);
  bool end();
  bool scalar(std::string_view found) const;
  bool add_dim(uint64_t dim);
  bool add_offset(uint64_t offset);
  void set_field(std::string_view name);
  void finish_entry();
  std::string tensor() const { return "tensor " + quoted(header_.name(entry_)); }
  std::string_view field_name() const { return kFieldNames[static_cast<size_t>(field_)]; }
  [[noreturn]] void fail_unexpected(std::string_view found) const;

  SafetensorsHeader& header_;
  const std::string& file_;
  Place place_ = Place::document;
  int depth_ = 0;
  bool is_metadata_ = false;  // the last key of the outer object was that of the metadata
  bool has_metadata_ = false;
  PooledText metadata_key_;
  SafetensorsEntry entry_;  // being read
  Field field_ = Field::other;
  std::array<bool, kFieldNames.size()> seen_{};
  uint64_t n_elements_ = 1;
  int n_offsets_ = 0;
};

bool HeaderReader::start(Container container) {
  if (++depth_ > kMaxDepth) fail_damaged(file_, "the header is nested deeper than " + std::to_string(kMaxDepth));
  const bool is_object = container == Container::object;
  if (place_ == Place::ignored) return true;
  if (place_ == Place::document && is_object) {
    place_ = Place::tensors;
  } else if (place_ == Place::tensors && is_object) {
    place_ = is_metadata_ ? Place::metadata : Place::fields;
  } else if (place_ == Place::fields && field_ == Field::other) {
    place_ = Place::ignored;
  } else if (place_ == Place::fields && field_ == Field::shape && !is_object) {
    place_ = Place::dims;
  } else if (place_ == Place::fields && field_ == Field::data_offsets && !is_object) {
    place_ = Place::offsets;
  } else {
    fail_unexpected(is_object ? "an object" : "a list");
  }
  return true;
}

bool HeaderReader::end() {
  --depth_;
  switch (place_) {
    case Place::ignored:
      if (depth_ == kFieldsDepth) place_ = Place::fields;
      break;
    case Place::offsets:
      if (n_offsets_ != 2) fail_damaged(file_, tensor() + ": 'data_offsets' is not a list of two numbers");
      place_ = Place::fields;
      break;
    case Place::dims:
      place_ = Place::fields;
      break;
    case Place::fields:
      finish_entry();
      place_ = Place::tensors;
      break;
    case Place::metadata:
      place_ = Place::tensors;
      break;
    case Place::tensors:
    case Place::document:
      place_ = Place::document;
  }
  return true;
}

bool HeaderReader::key(string_t& name) {
  if (place_ == Place::metadata) {
    metadata_key_ = header_.texts.add(name);
  } else if (place_ == Place::fields) {
    set_field(name);
  } else if (place_ == Place::tensors && name == kMetadataKey) {
    if (has_metadata_) fail_damaged(file_, "'__metadata__' occurs twice");
    is_metadata_ = has_metadata_ = true;
  } else if (place_ == Place::tensors) {
    is_metadata_ = false;
    entry_ = {};
    entry_.name = header_.texts.add(name);
    seen_ = {};
    n_elements_ = 1;
    n_offsets_ = 0;
  }
  return true;
}

bool HeaderReader::string(string_t& text) {
  if (place_ == Place::metadata) {
    header_.metadata.emplace_back(metadata_key_, header_.texts.add(text));
    return true;
  }
  if (place_ != Place::fields || field_ != Field::dtype) return scalar("a string");
  entry_.type = safetensors_type(text);
  if (entry_.type == nullptr) {
    throw Error(ErrorCode::bad_file, file_ + ": " + tensor() + " has dtype " + quoted(std::string_view(text)) +
                                         ", which safetensors does not know; convert the file to one that it does");
  }
  return true;
}

void HeaderReader::set_field(std::string_view name) {
  for (size_t i = 0; i < kFieldNames.size(); ++i) {
    if (name != kFieldNames[i]) continue;
    field_ = static_cast<Field>(i);
    if (seen_[i]) fail_damaged(file_, tensor() + ": " + quoted(name) + " occurs twice");
    seen_[i] = true;
    return;
  }
  field_ = Field::other;
}

bool HeaderReader::add_dim(uint64_t dim) {
  if (entry_.rank < entry_.dims.size()) entry_.dims[entry_.rank] = dim;
  ++entry_.rank;
  if (__builtin_mul_overflow(n_elements_, dim, &n_elements_)) {
    fail_damaged(file_, tensor() + ": it has more than 2^64 elements");
  }
  return true;
}

bool HeaderReader::add_offset(uint64_t offset) {
  (n_offsets_ == 0 ? entry_.begin : entry_.end) = offset;
  if (++n_offsets_ > 2) fail_damaged(file_, tensor() + ": 'data_offsets' is not a list of two numbers");
  return true;
}

void HeaderReader::finish_entry() {
  for (size_t i = 0; i < seen_.size(); ++i) {
    if (!seen_[i]) fail_damaged(file_, tensor() + ": " + quoted(kFieldNames[i]) + " is missing");
  }
  uint64_t n_bits;
  if (__builtin_mul_overflow(n_elements_, uint64_t{entry_.type->n_bits}, &n_bits)) {
    fail_damaged(file_, tensor() + ": it has more than 2^64 bits");
  }
  if (n_bits % 8 != 0) fail_damaged(file_, tensor() + ": its " + grouped(n_bits) + " bits are not whole bytes");
  if (entry_.end < entry_.begin || entry_.end - entry_.begin != n_bits / 8) {
    fail_damaged(file_, tensor() + ": shape and dtype need " + grouped(n_bits / 8) + " bytes, its offsets " +
                            grouped(entry_.begin) + " to " + grouped(entry_.end) + " do not give them");
  }
  header_.entries.push_back(entry_);
}

bool HeaderReader::scalar(std::string_view found) const {
  if (place_ == Place::ignored || (place_ == Place::fields && field_ == Field::other)) return true;
  fail_unexpected(found);
}

void HeaderReader::fail_unexpected(std::string_view found) const {
  std::string what, expected = "an object";
  if (place_ == Place::document) {
    what = "the header";
  } else if (place_ == Place::tensors) {
    what = is_metadata_ ? "'__metadata__'" : tensor();
  } else if (place_ == Place::metadata) {
    what = "metadata " + quoted(header_.texts[metadata_key_]);
    expected = "a string";
  } else if (place_ == Place::fields) {
    what = tensor() + ": " + quoted(field_name());
    expected = field_ == Field::dtype ? "a string" : "a list";
  } else {
    what = tensor() + ": a number of " + quoted(field_name());
    expected = "a whole one below 2^64";
  }
  fail_damaged(file_, what + " is " + std::string(found) + ", expected " + expected);
}

// The text between the length at the start of the file and the data.
std::string_view header_text(std::span<const std::byte> bytes, const std::string& file) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("version https://git-lfs")) {
    throw Error(ErrorCode::bad_file, file + ": a Git LFS pointer, not the model itself; fetch it with git lfs pull");
  }
  if (text.size() < kLengthBytes) fail_damaged(file, "too short for a safetensors file");
  uint64_t length;
  std::memcpy(&length, text.data(), sizeof length);
  if (length > kSafetensorsMaxHeaderBytes) {
    throw Error(ErrorCode::bad_file, file + ": a header of " + grouped(length) + " bytes, more than the " +
                                         grouped(kSafetensorsMaxHeaderBytes) +
                                         " allowed; the file is damaged or not a safetensors file");
  }
  const uint64_t left = text.size() - kLengthBytes;
  if (length > left) {
    throw Error(ErrorCode::bad_file, file + ": the header reaches past the end of the file (needs " + grouped(length) +
                                         " bytes, " + grouped(left) +
                                         " left); the file is truncated, download it again");
  }
  return text.substr(kLengthBytes, static_cast<size_t>(length));
}

}  // namespace

SafetensorsHeader read_safetensors_header(std::span<const std::byte> bytes, const std::string& file) {
  static_assert(std::endian::native == std::endian::little, "views of the data are little-endian");
  const std::string_view text = header_text(bytes, file);
  // The format says so, and a parser that skips a byte order mark would not notice one.
  if (!text.starts_with('{')) fail_damaged(file, "the header does not begin with '{'");
  // The parser takes a zero byte for the end of its input.
  if (text.find('\0') != std::string_view::npos) fail_damaged(file, "the header holds a zero byte");
  SafetensorsHeader header;
  header.data_offset = kLengthBytes + text.size();
  header.entries.reserve(text.size() / kMinEntryBytes);
  HeaderReader reader(header, file);
  json::sax_parse(text.begin(), text.end(), &reader);
  check_safetensors_layout(header, bytes.size() - header.data_offset, file);
  return header;
}

}  // namespace tidemill
