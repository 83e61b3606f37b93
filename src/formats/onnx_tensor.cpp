#include "formats/onnx_tensor.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostDims = 32;
constexpr size_t kMostFiles = 4096;

// TensorProto's fields of that name.
struct ExternalData {
  std::string location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};

uint64_t number_in(std::string_view text, ProtobufReader& entry) {
  uint64_t value = 0;
  for (const char c : text) {
    const bool fits = value <= (std::numeric_limits<uint64_t>::max() - 9) / 10;
    if (c < '0' || c > '9' || !fits) entry.fail("value", "is no number of bytes");
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

void read_entry(ProtobufReader entry, ExternalData& external) {
  std::string_view key, value;
  while (entry.next()) {
    if (entry.field() == 1) {
      key = entry.bytes("key");
    } else if (entry.field() == 2) {
      value = entry.bytes("value");
    } else {
      entry.skip();
    }
  }
  if (key == "location") external.location = value;
  if (key == "offset") external.offset = number_in(value, entry);
  if (key == "length") external.length = number_in(value, entry);
}

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// `value` of a field of numbers in as many bytes as an element of the tensor takes.
void append_integer(std::string& bytes, uint64_t value, int element_bytes) {
  for (int k = 0; k < element_bytes; ++k) bytes.push_back(static_cast<char>(value >> 8 * k));
}

class TensorReader {
 public:
  TensorReader(ProtobufReader message, const std::string& path, OnnxData& data)
      : message_(message), path_(path), data_(data) {}

  OnnxTensor read();

 private:
  void read_field();
  void read_integers(const char* name);
  void read_bits(const char* name, size_t width);
  uint64_t wanted_bytes() const;
  std::span<const std::byte> external_bytes();
  const MappedFile& external_file();
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::bad_file, path_ + ": tensor " + tidemill::quoted(tensor_.name) + ": " + why +
                                         "; get the file again from where it was published");
  }

  ProtobufReader message_;
  const std::string& path_;
  OnnxData& data_;
  OnnxTensor tensor_;
  std::vector<uint64_t> integers_;
  std::string numbers_;  // of other fields than raw_data
  std::optional<std::string_view> raw_;
  ExternalData external_;
  bool is_external_ = false, has_texts_ = false;
};

void TensorReader::read_integers(const char* name) {
  if (!message_.is_bytes()) {
    integers_.push_back(message_.varint(name));
    return;
  }
  ProtobufReader packed(message_.bytes(name), path_);
  while (!packed.at_end()) integers_.push_back(packed.packed_varint(name));
}

// Floats and doubles.
void TensorReader::read_bits(const char* name, size_t width) {
  if (!message_.is_bytes() && width == sizeof(float)) return append(numbers_, message_.float32(name));
  const std::string_view packed = message_.bytes(name);
  if (packed.size() % width != 0) message_.fail(name, "its last number is cut");
  numbers_ += packed;
}

void TensorReader::read_field() {
  switch (message_.field()) {
    case 1:
      read_integers("dims");
      for (const uint64_t dim : std::exchange(integers_, {})) {
        if (dim > static_cast<uint64_t>(INT64_MAX)) message_.fail("dims", "a dimension is negative");
        if (tensor_.dims.size() == kMostDims) message_.fail("dims", "there are too many");
        tensor_.dims.push_back(static_cast<int64_t>(dim));
      }
      return;
    case 2:
      tensor_.type = static_cast<int32_t>(message_.varint("data_type"));
      return;
    case 3:
      fail("is cut into segments, which no program reads");
    case 4:
      return read_bits("float_data", sizeof(float));
    case 5:
      return read_integers("int32_data");
    case 6:
      has_texts_ = true;
      return message_.skip();
    case 7:
      return read_integers("int64_data");
    case 8:
      tensor_.name = message_.bytes("name");
      return;
    case 9:
      raw_ = message_.bytes("raw_data");
      return;
    case 10:
      return read_bits("double_data", sizeof(double));
    case 11:
      return read_integers("uint64_data");
    case 13:
      return read_entry(ProtobufReader(message_, "external_data"), external_);
    case 14:
      is_external_ = message_.varint("data_location") == 1;
      return;
    default:
      return message_.skip();
  }
}

// Of the data, by type and dims.
uint64_t TensorReader::wanted_bytes() const {
  uint64_t n = static_cast<uint64_t>(info(*tensor_.dtype()).block_bytes);
  bool is_empty = false;
  for (const int64_t dim : tensor_.dims) is_empty = is_empty || dim == 0;
  if (is_empty) return 0;
  for (const int64_t dim : tensor_.dims) {
    if (__builtin_mul_overflow(n, static_cast<uint64_t>(dim), &n) || n > static_cast<uint64_t>(INT64_MAX))
      fail("its dimensions are too large");
  }
  return n;
}

// A regular file in the model's folder or below it.
const MappedFile& TensorReader::external_file() {
  const fs::path location(external_.location);
  if (data_.folder.empty())
    fail("its data lie in another file, " + tidemill::quoted(external_.location) + ", which is not read here");
  bool is_below = !location.empty() && location.is_relative() && external_.location.find('\0') == std::string::npos &&
                  external_.location.find('\\') == std::string::npos;
  for (const fs::path& part : location) is_below = is_below && part != "..";
  if (!is_below)
    fail("its data are said to lie in " + tidemill::quoted(external_.location) +
         ", which is not below the model's folder");
  const std::string path = (fs::path(data_.folder) / location).lexically_normal().string();
  for (const MappedFile& file : *data_.files) {
    if (file.path() == path) return file;
  }
  if (data_.files->size() > kMostFiles) fail("the model's data lie in too many files");
  return data_.files->emplace_back(path);
}

std::span<const std::byte> TensorReader::external_bytes() {
  const auto bytes = external_file().bytes();
  const uint64_t n = external_.length.value_or(wanted_bytes());
  if (external_.offset > bytes.size() || n > bytes.size() - external_.offset)
    fail("its data, " + std::to_string(n) + " bytes from " + std::to_string(external_.offset) + " of " +
         tidemill::quoted(external_.location) + ", reach past the end of that file of " + std::to_string(bytes.size()));
  return bytes.subspan(static_cast<size_t>(external_.offset), static_cast<size_t>(n));
}

OnnxTensor TensorReader::read() {
  while (message_.next()) read_field();
  if (!tensor_.dtype()) {
    if (onnx_type_name(tensor_.type).starts_with("type ")) fail("has the unknown " + onnx_type_name(tensor_.type));
    return std::move(tensor_);  // it is refused when somebody asks for it
  }
  const int element_bytes = info(*tensor_.dtype()).block_bytes;
  for (const uint64_t value : integers_) append_integer(numbers_, value, element_bytes);
  const int n_places = (raw_ ? 1 : 0) + (numbers_.empty() ? 0 : 1) + (is_external_ ? 1 : 0);
  if (n_places > 1 || has_texts_) fail("has its data in several places");
  if (is_external_) {
    tensor_.data = external_bytes();
  } else if (!numbers_.empty()) {
    auto& copy = data_.made->emplace_back(new std::byte[numbers_.size()]);
    std::memcpy(copy.get(), numbers_.data(), numbers_.size());
    tensor_.data = {copy.get(), numbers_.size()};
  } else if (raw_) {
    tensor_.data = std::as_bytes(std::span(*raw_));
  }
  if (const uint64_t wanted = wanted_bytes(); wanted != tensor_.data.size())
    fail("its dimensions ask for " + std::to_string(wanted) + " bytes, it has " + std::to_string(tensor_.data.size()));
  return std::move(tensor_);
}

}  // namespace

OnnxTensor read_onnx_tensor(ProtobufReader message, const std::string& path, OnnxData& data) {
  return TensorReader(message, path, data).read();
}

}  // namespace tidemill
