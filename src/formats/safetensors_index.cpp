#include "formats/safetensors_index.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;

constexpr size_t kMaxBytes = 100'000'000;
constexpr std::string_view kMapKey = "weight_map";
constexpr std::string_view kEnding = ".safetensors";

[[noreturn]] void fail(const std::string& file, const std::string& why) {
  throw Error(ErrorCode::bad_file, file + ": " + why + "; the file is damaged, download it again");
}

// A name, not a path, and of the right kind: the folder that the index lies in is the only one it can speak of.
bool is_shard_name(std::string_view name) {
  return name.size() > kEnding.size() && name.ends_with(kEnding) &&
         name.find_first_of("/\\") == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

// Takes the weight map from the events of nlohmann's parser and passes over everything else.
class IndexReader final : public nlohmann::json_sax<json> {
 public:
  IndexReader(SafetensorsIndex& index, const std::string& file) : index_(index), file_(file) {}

  bool null() override { return scalar(); }
  bool boolean(bool) override { return scalar(); }
  bool number_integer(number_integer_t) override { return scalar(); }
  bool number_unsigned(number_unsigned_t) override { return scalar(); }
  bool number_float(number_float_t, const string_t&) override { return scalar(); }
  bool binary(binary_t&) override { return false; }  // JSON has none
  bool string(string_t& text) override;
  bool key(string_t& name) override;
  bool start_object(size_t) override;
  bool start_array(size_t) override;
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail(file_, "not valid JSON at byte " + grouped(position));
  }

  // Shards in the order of their names instead of their first use.
  void finish();

 private:
  bool in_map() const { return depth_ == 2 && is_map_; }
  bool scalar() const;
  bool end();
  [[noreturn]] void fail_value() const;

  SafetensorsIndex& index_;
  const std::string& file_;
  uint32_t depth_ = 0;
  bool is_map_ = false;  // what the last key of the outer object names is the weight map
  bool has_map_ = false;
  PooledText name_;
  std::map<std::string, uint32_t, std::less<>> shards_;  // name -> number in order of appearance
};

void IndexReader::fail_value() const {
  if (depth_ == 0) fail(file_, "not an object");
  if (depth_ == 1) fail(file_, "'weight_map' is not an object");
  fail(file_, "'weight_map' names no file for tensor " + quoted(index_.texts[name_]));
}

bool IndexReader::scalar() const {
  if (depth_ == 0 || (depth_ == 1 && is_map_) || in_map()) fail_value();
  return true;
}

bool IndexReader::start_object(size_t) {
  if (in_map()) fail_value();
  ++depth_;
  return true;
}

bool IndexReader::start_array(size_t) {
  if (depth_ == 0 || (depth_ == 1 && is_map_) || in_map()) fail_value();
  ++depth_;
  return true;
}

bool IndexReader::end() {
  --depth_;
  return true;
}

bool IndexReader::key(string_t& name) {
  if (depth_ == 1) {
    is_map_ = name == kMapKey;
    if (is_map_ && has_map_) fail(file_, "'weight_map' occurs twice");
    has_map_ = has_map_ || is_map_;
  } else if (in_map()) {
    name_ = index_.texts.add(name);
  }
  return true;
}

bool IndexReader::string(string_t& text) {
  if (!in_map()) return scalar();
  if (!is_shard_name(text)) {
    fail(file_, "tensor " + quoted(index_.texts[name_]) + " lies in " + quoted(std::string_view(text)) +
                    ", which is not the name of a safetensors file of this folder");
  }
  const auto shard = shards_.try_emplace(text, static_cast<uint32_t>(shards_.size())).first;
  index_.entries.push_back({name_, shard->second});
  return true;
}

void IndexReader::finish() {
  if (!has_map_) fail(file_, "'weight_map' is missing");
  std::vector<uint32_t> sorted(shards_.size());
  for (const auto& [name, number] : shards_) {
    sorted[number] = static_cast<uint32_t>(index_.shards.size());
    index_.shards.push_back(name);
  }
  for (SafetensorsIndex::Entry& entry : index_.entries) entry.shard = sorted[entry.shard];
  const auto name = [this](const SafetensorsIndex::Entry& entry) { return index_.name(entry); };
  std::ranges::sort(index_.entries, {}, name);
  const auto twice = std::ranges::adjacent_find(index_.entries, {}, name);
  if (twice != index_.entries.end()) fail(file_, "'weight_map' names tensor " + quoted(name(*twice)) + " twice");
}

}  // namespace

SafetensorsIndex read_safetensors_index(std::string_view text, const std::string& file) {
  if (text.size() > kMaxBytes)
    fail(file, grouped(text.size()) + " bytes, more than the " + grouped(kMaxBytes) + " allowed");
  // The parser takes a zero byte for the end of its input.
  if (text.find('\0') != std::string_view::npos) fail(file, "holds a zero byte");
  SafetensorsIndex index;
  IndexReader reader(index, file);
  json::sax_parse(text.begin(), text.end(), &reader);
  reader.finish();
  return index;
}

}  // namespace tidemill
