#include "formats/gguf.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "formats/gguf_split.h"

namespace tidemill {
namespace {

MappedFile map_part(const std::string& path, const std::string& which) {
  try {
    return MappedFile(path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    throw Error(ErrorCode::not_found,
                path + ": part " + which + " of the model is missing; put all parts into one folder");
  }
}

}  // namespace

GgufFile::GgufFile(const std::string& path) : path_(path) {
  files_.emplace_back(path);
  contents_ = parse_gguf(files_.front().bytes(), path);
  if (is_split(*this)) add_other_parts();
  index_names();
}

GgufFile GgufFile::from_memory(std::span<const std::byte> bytes, const std::string& name) {
  GgufFile file;
  file.path_ = name;
  file.contents_ = parse_gguf(bytes, name);
  if (is_split(file)) {
    throw Error(ErrorCode::unsupported, name + ": one part of a split model in memory; merge the parts into one file");
  }
  file.index_names();
  return file;
}

GgufFile GgufFile::with_tensors(std::span<const std::byte> bytes, const std::string& name,
                                std::vector<NamedTensor> tensors) {
  GgufFile file = from_memory(bytes, name);
  file.contents_.tensors = std::move(tensors);
  file.index_names();
  return file;
}

std::vector<std::pair<std::string_view, std::span<const std::byte>>> GgufFile::entries() const {
  std::vector<std::pair<std::string_view, std::span<const std::byte>>> result;
  for (const std::span<const std::byte> entry : contents_.entries) {
    GgufCursor cursor(entry, path_);
    const std::string_view key = cursor.string(0, entry.size());
    if (!is_split_key(key)) result.emplace_back(key, entry);
  }
  return result;
}

std::string GgufFile::metadata_file() const {
  const auto kept = entries();
  std::string bytes;
  for (const auto& [key, entry] : kept) bytes.append(reinterpret_cast<const char*>(entry.data()), entry.size());
  const struct {
    char magic[4];
    uint32_t version;
    uint64_t n_tensors, n_entries;
  } header{{'G', 'G', 'U', 'F'}, static_cast<uint32_t>(contents_.version), 0, kept.size()};
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + bytes;
}

// Appends the tensors of parts 2 to N; each must call itself a part of the same set.
void GgufFile::add_other_parts() {
  const GgufSplit split = split_of(*this);
  const std::string count = std::to_string(split.n_parts);
  if (split.part != 0) {
    throw Error(ErrorCode::bad_file, path_ + ": part " + std::to_string(split.part + 1) + " of " + count +
                                         " of a model; give the first part, NAME-00001-of-N.gguf");
  }
  contents_.tensors.reserve(static_cast<size_t>(split.n_tensors));
  for (int64_t part = 1; part < split.n_parts; ++part) {
    GgufFile other;
    other.path_ = split_part_path(path_, part, split.n_parts);
    other.files_.push_back(map_part(other.path_, std::to_string(part + 1) + " of " + count));
    other.contents_ = parse_gguf(other.files_.front().bytes(), other.path_);
    if (split_of(other) != GgufSplit{part, split.n_parts, split.n_tensors}) {
      throw Error(ErrorCode::bad_file, other.path_ + ": not part " + std::to_string(part + 1) + " of the model of " +
                                           path_ + "; download all parts again");
    }
    std::ranges::copy(other.contents_.tensors, std::back_inserter(contents_.tensors));
    files_.push_back(std::move(other.files_.front()));
    if (contents_.tensors.size() > static_cast<size_t>(split.n_tensors)) break;  // the count below says so
  }
  if (contents_.tensors.size() != static_cast<size_t>(split.n_tensors)) {
    throw Error(ErrorCode::bad_file, path_ + ": its parts hold " + std::to_string(contents_.tensors.size()) +
                                         " tensors, expected " + std::to_string(split.n_tensors) +
                                         "; download all parts again");
  }
}

void GgufFile::index_names() {
  const auto name = [this](uint32_t index) { return contents_.tensors[index].name; };
  by_name_.resize(contents_.tensors.size());
  std::iota(by_name_.begin(), by_name_.end(), 0);
  std::ranges::sort(by_name_, {}, name);
  const auto twice = std::ranges::adjacent_find(by_name_, {}, name);
  if (twice != by_name_.end()) {
    throw Error(ErrorCode::bad_file,
                path_ + ": tensor " + quoted(name(*twice)) + " occurs twice; the file is damaged, download it again");
  }
}

std::vector<std::string> GgufFile::names() const {
  std::vector<std::string> names;
  names.reserve(contents_.tensors.size());
  for (const NamedTensor& tensor : contents_.tensors) names.emplace_back(tensor.name);
  return names;
}

std::optional<Tensor> GgufFile::find(std::string_view name) const {
  const auto name_of = [this](uint32_t index) { return contents_.tensors[index].name; };
  const auto found = std::ranges::lower_bound(by_name_, name, {}, name_of);
  if (found == by_name_.end() || name_of(*found) != name) return std::nullopt;
  return contents_.tensors[*found].tensor;
}

void GgufFile::release(const Tensor& tensor) const {
  const std::span part(static_cast<const std::byte*>(tensor.data()), static_cast<size_t>(tensor.size_bytes()));
  for (const MappedFile& file : files_) {
    const std::byte* const begin = file.bytes().data();
    if (part.data() >= begin && part.data() < begin + file.bytes().size()) file.release(part);
  }
}

void GgufFile::release_metadata() const {
  for (const MappedFile& file : files_) {
    std::span<const std::byte> head = file.bytes();
    for (const NamedTensor& named : contents_.tensors) {
      const auto* const data = named.tensor.as<const std::byte>();
      if (data >= head.data() && data < head.data() + head.size()) {
        head = head.first(static_cast<size_t>(data - head.data()));
      }
    }
    file.release(head);
  }
}

const MetaValue* GgufFile::value(std::string_view key) const {
  const auto entry = contents_.metadata.find(key);
  return entry == contents_.metadata.end() ? nullptr : &entry->second;
}

template <typename Type>
const Type* GgufFile::value_as(std::string_view key, std::string_view expected) const {
  const MetaValue* const found = value(key);
  if (found == nullptr) return nullptr;
  const auto* const typed = std::get_if<Type>(found);
  if (typed == nullptr) fail_type(key, describe(*found), expected);
  return typed;
}

void GgufFile::fail_type(std::string_view key, const std::string& found, std::string_view expected) const {
  throw Error(ErrorCode::bad_file, path_ + ": metadata " + quoted(key) + " is " + found + ", expected " +
                                       std::string(expected) + "; the file is damaged or not a model");
}

std::optional<int64_t> GgufFile::integer(std::string_view key) const {
  const MetaValue* const found = value(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* const number = std::get_if<int64_t>(found)) return *number;
  const auto* const number = std::get_if<uint64_t>(found);
  if (number == nullptr) fail_type(key, describe(*found), "an integer");
  if (!std::in_range<int64_t>(*number)) fail_type(key, std::to_string(*number), "less than 2^63");
  return static_cast<int64_t>(*number);
}

std::optional<double> GgufFile::number(std::string_view key) const {
  const MetaValue* const found = value(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* const number = std::get_if<double>(found)) return *number;
  if (const auto* const number = std::get_if<int64_t>(found)) return static_cast<double>(*number);
  if (const auto* const number = std::get_if<uint64_t>(found)) return static_cast<double>(*number);
  fail_type(key, describe(*found), "a number");
}

std::optional<bool> GgufFile::boolean(std::string_view key) const {
  const bool* const found = value_as<bool>(key, "a boolean");
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<std::string_view> GgufFile::string(std::string_view key) const {
  const auto* const found = value_as<std::string_view>(key, "a string");
  return found == nullptr ? std::nullopt : std::optional(*found);
}

const StringList* GgufFile::strings(std::string_view key) const {
  return value_as<StringList>(key, "a list of strings");
}

const NumberArray* GgufFile::numbers(std::string_view key) const {
  return value_as<NumberArray>(key, "a list of numbers");
}

const NumberArray* GgufFile::integers(std::string_view key) const {
  constexpr std::string_view kExpected = "a list of integers";
  const auto* const list = value_as<NumberArray>(key, kExpected);
  if (list == nullptr) return nullptr;
  if (!list->is_integer()) fail_type(key, describe(*list), kExpected);
  for (size_t i = 0; i < list->size() && list->type == GgufType::u64; ++i) {
    if (list->number(i) >= 0x1p63) fail_type(key, "a list with a number of 2^63 or more", kExpected);
  }
  return list;
}

}  // namespace tidemill
