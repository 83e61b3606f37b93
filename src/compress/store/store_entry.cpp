#include "compress/store/store_entry.h"

#include <nlohmann/json.hpp>

#include "formats/json_file.h"
#include "formats/wording.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

class EntryReader {
 public:
  explicit EntryReader(const std::string& file) : file_(file) {}

  StoreEntry read(const json& document) const {
    if (!document.is_object()) fail("no object");
    StoreEntry entry{.mode = text(document, "mode"),
                     .n_restored_bytes = number(document, "restores", UINT64_MAX),
                     .base = {},
                     .n_bytes = number(document, "bytes", kPlanMaxFileBytes),
                     .hash = hash(document, "hash"),
                     .objects = {}};
    for (const json& file : list(document, "base"))
      entry.base.push_back({text(file, "name"), number(file, "bytes", kPlanMaxFileBytes), hash(file, "hash")});
    uint64_t n_left = entry.n_bytes;
    for (const json& object : list(document, "objects")) {
      entry.objects.push_back({hash(object, "hash"), number(object, "bytes", n_left)});
      if (entry.objects.back().n_bytes == 0) fail("an object has no bytes");
      n_left -= entry.objects.back().n_bytes;
    }
    if (n_left > 0) fail("its objects lack " + grouped(n_left) + " bytes");
    return entry;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::bad_file, file_ + ": " + why + "; the file is damaged, remove it and add its delta again");
  }
  const json& field(const json& object, const char* name) const {
    const auto found = object.is_object() ? object.find(name) : object.end();
    if (found == object.end()) fail(quoted(name) + " is missing");
    return *found;
  }
  std::string text(const json& object, const char* name) const {
    const json& value = field(object, name);
    if (!value.is_string()) fail(quoted(name) + " is no text");
    return value.get<std::string>();
  }
  uint64_t number(const json& object, const char* name, uint64_t limit) const {
    const json& value = field(object, name);
    if (!value.is_number_unsigned() || value.get<uint64_t>() > limit)
      fail(quoted(name) + " is no whole number of at most " + grouped(limit));
    return value.get<uint64_t>();
  }
  ContentHash hash(const json& object, const char* name) const {
    const auto result = ContentHash::from_hex(text(object, name));
    if (!result) fail(quoted(name) + " is not 32 digits");
    return *result;
  }
  const json& list(const json& object, const char* name) const {
    const json& value = field(object, name);
    if (!value.is_array()) fail(quoted(name) + " is no list");
    return value;
  }

  const std::string& file_;
};

ordered_json line_of(std::string_view name, uint64_t n_bytes, const ContentHash& hash) {
  return {{"name", name}, {"bytes", n_bytes}, {"hash", hash.hex()}};
}

}  // namespace

std::string write_entry(const StoreEntry& entry) {
  ordered_json base = ordered_json::array(), objects = ordered_json::array();
  for (const PlanBaseFile& file : entry.base) base.push_back(line_of(file.name, file.n_bytes, file.hash));
  for (const StoreObject& object : entry.objects)
    objects.push_back({{"hash", object.hash.hex()}, {"bytes", object.n_bytes}});
  const ordered_json document = {{"bytes", entry.n_bytes}, {"hash", entry.hash.hex()},
                                 {"mode", entry.mode},     {"restores", entry.n_restored_bytes},
                                 {"base", base},           {"objects", objects}};
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

StoreEntry read_entry(std::string_view text, const std::string& file) {
  return EntryReader(file).read(parse_json(text, file));
}

}  // namespace tidemill
