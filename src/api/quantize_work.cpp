#include "api/quantize_work.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "compress/delta/content_hash.h"
#include "sys/atomic_file.h"
#include "sys/mapped_file.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSignature = "signature.txt";
constexpr const char* kPlan = "plan.json";

void write_file(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The memory that codes of a matrix are in.
std::vector<std::span<std::byte>> parts_of(CodedMatrix& codes) {
  if (!codes.format().groups) return {{codes.blocks().data(), static_cast<size_t>(codes.blocks().size_bytes())}};
  GroupQuantized& groups = codes.groups();
  return {std::as_writable_bytes(std::span(groups.q)), std::as_writable_bytes(std::span(groups.scales)),
          std::as_writable_bytes(std::span(groups.zeros)), std::as_writable_bytes(std::span(groups.g_idx))};
}

// Of the text that this program makes of it: spaces in the file do not matter.
std::string hash_of(const nlohmann::ordered_json& plan) {
  const std::string text = plan.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return hash_window(std::as_bytes(std::span(text))).hex();
}

// What a process leaves that was killed before it had begun.
bool holds_only_temporary_files(const std::string& folder) {
  return std::all_of(fs::directory_iterator(folder), fs::directory_iterator(), [](const fs::directory_entry& entry) {
    return is_temporary_name(entry.path().filename().string());
  });
}

struct Tail {
  double error;
  ContentHash hash;  // of everything before it
};

}  // namespace

std::string work_signature(const ModelFile& file, const QuantizeOptions& options) {
  const std::string& path = file.weights().path();
  std::error_code ignored;
  const auto changed = fs::last_write_time(path, ignored).time_since_epoch().count();
  const nlohmann::ordered_json all{{"model", fs::absolute(path, ignored).string()},
                                   {"bytes", file.file_bytes()},
                                   {"changed", changed},
                                   {"method", static_cast<int>(options.method)},
                                   {"bits", options.bits},
                                   {"group_size", options.group_size},
                                   {"symmetric", options.is_symmetric},
                                   {"ordered", options.is_ordered},
                                   {"layout", options.layout ? static_cast<int>(*options.layout) : -1},
                                   {"type", options.type ? static_cast<int>(*options.type) : -1},
                                   {"keeps_range", options.keeps_range},
                                   {"calibration", hash_window(std::as_bytes(std::span(options.calibration))).hex()}};
  return all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

QuantizeWork::QuantizeWork(std::string folder, std::string signature) : folder_(std::move(folder)) {
  if (folder_.empty()) return;
  std::error_code failed;
  fs::create_directory(folder_, failed);
  if (!fs::is_directory(folder_, failed))
    throw Error(ErrorCode::invalid_argument, folder_ + ": is no folder that can be made; name a new one");
  const auto found = read_file(folder_ + "/" + kSignature);
  if (!found) {
    if (!holds_only_temporary_files(folder_))
      throw Error(ErrorCode::invalid_argument, folder_ + ": holds other files; name a new folder, or an empty one");
    write_file(folder_ + "/" + kSignature, signature);
  } else if (*found != signature) {
    throw Error(ErrorCode::invalid_argument,
                folder_ + ": was begun with another model, text or options; give those, or another folder");
  }
}

std::optional<nlohmann::ordered_json> QuantizeWork::plan() const {
  const auto text = folder_.empty() ? std::nullopt : read_file(folder_ + "/" + kPlan);
  if (!text) return {};
  auto kept = nlohmann::ordered_json::parse(*text, nullptr, false);
  const bool is_ours = kept.is_object() && kept.contains("plan") && kept.contains("hash");
  if (!is_ours || kept["hash"] != hash_of(kept["plan"])) return {};
  return std::move(kept["plan"]);
}

void QuantizeWork::keep_plan(const nlohmann::ordered_json& plan) const {
  if (!folder_.empty())
    write_file(folder_ + "/" + kPlan, nlohmann::ordered_json{{"plan", plan}, {"hash", hash_of(plan)}}.dump());
}

std::optional<double> QuantizeWork::load(const std::string& name, CodedMatrix& codes) const {
  if (folder_.empty() || !fs::exists(file_of(name))) return {};
  const MappedFile file(file_of(name));
  size_t at = 0, n_expected = sizeof(Tail);
  for (const auto& part : parts_of(codes)) n_expected += part.size();
  if (file.bytes().size() != n_expected) return {};
  Tail tail{};
  std::memcpy(&tail, file.bytes().data() + n_expected - sizeof tail, sizeof tail);
  if (hash_window(file.bytes().first(n_expected - sizeof tail)) != tail.hash) return {};
  for (const auto& part : parts_of(codes)) {
    if (!part.empty()) std::memcpy(part.data(), file.bytes().data() + at, part.size());
    at += part.size();
  }
  return tail.error;
}

void QuantizeWork::keep(const std::string& name, CodedMatrix& codes, double error) const {
  if (folder_.empty()) return;
  std::vector<std::byte> bytes;
  for (const auto& part : parts_of(codes)) bytes.insert(bytes.end(), part.begin(), part.end());
  const Tail tail{error, hash_window(bytes)};
  AtomicFile file(file_of(name));
  file.write(bytes);
  file.write(std::as_bytes(std::span(&tail, 1)));
  file.commit();
}

void QuantizeWork::remove() const {
  if (folder_.empty()) return;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name == kPlan || name.ends_with(".codes") || is_temporary_name(name)) fs::remove(entry.path(), ignored);
  }
  fs::remove(folder_ + "/" + kSignature, ignored);  // last: whoever is killed before may go on
  fs::remove(folder_, ignored);                     // stays where others have put something there
}

}  // namespace tidemill
