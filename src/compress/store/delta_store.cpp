// The folder: format.json, lock, deltas/NAME.json (store_entry.h) and objects/HASH.
#include "tidemill/delta_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "compress/delta/delta_file.h"
#include "compress/delta/delta_tensors.h"
#include "compress/delta/model_files.h"
#include "compress/store/store_entry.h"
#include "formats/json_file.h"
#include "formats/wording.h"
#include "sys/atomic_file.h"
#include "sys/file_lock.h"
#include "sys/mapped_file.h"
#include "sys/new_folder.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "tmdelta-store";
constexpr int kVersion = 1;
constexpr std::string_view kEntryEnding = ".json", kDeltaEnding = ".tmdelta";
constexpr size_t kMaxNameBytes = 200;
constexpr uint64_t kSmallBytes = 4096;  // codes of small tensors that follow each other are one object

using Bytes = std::span<const std::byte>;

// --- the folder

std::string entry_path(const std::string& folder, const std::string& name) {
  return folder + "/deltas/" + name + std::string(kEntryEnding);
}

std::string object_path(const std::string& folder, const ContentHash& hash) {
  return folder + "/objects/" + hash.hex();
}

bool is_temporary(const std::string& name) {
  return name.starts_with(".tidemill-");
}

// Makes the folder's shape, which appears as a whole.
void create(const std::string& folder) {
  NewFolder made(folder);
  for (const char* const name : {"deltas", "objects"}) made.file(std::string(name) + "/x");
  AtomicFile(made.file("lock")).commit();
  AtomicFile format(made.file("format.json"));
  format.write("{\"format\":\"" + std::string(kFormat) + "\",\"version\":" + std::to_string(kVersion) + "}\n");
  format.commit();
  made.commit();
}

bool is_there(const std::string& folder) {
  std::error_code ignored;
  return fs::exists(folder + "/format.json", ignored);
}

std::string content_of(const std::string& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

void require_store(const std::string& folder) {
  if (!is_there(folder))
    throw Error(
        ErrorCode::not_found,
        folder + ": no store of deltas; `tidemill delta store add` makes one, in a folder that is new or empty");
  const std::string path = folder + "/format.json";
  const nlohmann::json format = parse_json(content_of(path), path);
  if (!format.is_object() || format.value("format", nlohmann::json()) != kFormat)
    throw Error(ErrorCode::bad_file, path + ": not that of a store of deltas; give another folder");
  if (format.value("version", nlohmann::json()) != kVersion)
    throw Error(ErrorCode::unsupported, path + ": another version of the format than " + std::to_string(kVersion) +
                                            ", which this build reads; update tidemill");
}

void require_name(const std::string& name) {
  if (!is_safe_name(name) || name.find('/') != std::string::npos || name.front() == '.' || name.size() > kMaxNameBytes)
    throw Error(ErrorCode::invalid_argument,
                quoted(std::string_view(name)) + ": no name of a delta; give one of at most " +
                    std::to_string(kMaxNameBytes) + " bytes without '/', ':' and '\\' that begins with no dot");
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
      names.push_back(entry.path().filename().string());
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, folder + ": cannot be listed (" + error.code().message() + "); check its permissions");
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> delta_names(const std::string& folder) {
  std::vector<std::string> names;
  for (const std::string& name : names_in(folder + "/deltas")) {
    if (!is_temporary(name) && name.ends_with(kEntryEnding))
      names.push_back(name.substr(0, name.size() - kEntryEnding.size()));
  }
  return names;
}

StoreEntry entry_of(const std::string& folder, const std::string& name) {
  require_name(name);
  const std::string path = entry_path(folder, name);
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    throw Error(ErrorCode::not_found,
                folder + ": has no delta " + quoted(std::string_view(name)) + "; see `tidemill delta store list`");
  return read_entry(content_of(path), path);
}

void flush_folder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);  // some file systems cannot, and a removal that a power cut undoes harms nobody
  ::close(folder);
}

void delete_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    throw Error(ErrorCode::io, path + ": cannot be deleted (" + std::generic_category().message(errno) +
                                   "); check the folder and its permissions");
}

// --- what a delta is cut into

// The codes of each tensor, what stands before the first and behind the last; small neighbours together.
std::vector<Bytes> objects_of(const DeltaFile& delta, Bytes all) {
  std::vector<uint64_t> cuts{0};
  const auto cut_at = [&](const std::byte* place) { cuts.push_back(static_cast<uint64_t>(place - all.data())); };
  for (const PlannedTensor& tensor : planned_tensors(delta)) {
    if (tensor.n_coded_bytes > 0) cut_at(delta.code(tensor.part->first_code).data());
  }
  const uint64_t n_codes = delta.plan().n_codes();
  if (n_codes > 0) {
    const Bytes last = delta.code(n_codes - 1);
    cut_at(last.data() + last.size());
  }
  cuts.push_back(all.size());
  std::ranges::sort(cuts);
  std::vector<Bytes> objects;
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    const Bytes piece = all.subspan(cuts[i], cuts[i + 1] - cuts[i]);
    if (piece.empty()) continue;
    const bool joins = !objects.empty() && piece.size() < kSmallBytes && objects.back().size() < kSmallBytes;
    if (joins) {
      objects.back() = Bytes(objects.back().data(), objects.back().size() + piece.size());
    } else {
      objects.push_back(piece);
    }
  }
  return objects;
}

// Whether it is new.  One that is there and damaged is written again.
bool put_object(const std::string& folder, const ContentHash& hash, Bytes bytes) {
  const std::string path = object_path(folder, hash);
  std::error_code ignored;
  if (fs::exists(path, ignored) && fs::file_size(path, ignored) > 0) {
    const MappedFile found(path);
    if (std::ranges::equal(found.bytes(), bytes)) return false;
    if (hash_window(found.bytes()) == hash)
      throw Error(ErrorCode::unsupported, path + ": other bytes with the same hash; keep this delta elsewhere");
  }
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
  return true;
}

MappedFile object_of(const std::string& folder, const StoreObject& object) {
  const std::string path = object_path(folder, object.hash);
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorCode::bad_file, path + ": " + why + "; the store is damaged, add its deltas again");
  };
  std::error_code ignored;
  if (!fs::exists(path, ignored)) fail("is missing");
  if (fs::file_size(path, ignored) != object.n_bytes) fail("has another length than " + grouped(object.n_bytes));
  MappedFile file(path);
  if (hash_window(file.bytes()) != object.hash) fail("has other bytes than its name says");
  return file;
}

// Calls use(bytes) for each object in order; throws where what they make together is another file.
template <typename Use>
void read_delta(const std::string& folder, const std::string& name, const StoreEntry& entry, Use use) {
  HashOfStream hash;
  for (const StoreObject& object : entry.objects) {
    const MappedFile file = object_of(folder, object);
    hash.add(file.bytes());
    use(file.bytes());
  }
  if (hash.finish() != entry.hash)
    throw Error(ErrorCode::bad_file, entry_path(folder, name) + ": its objects make another file than was added; " +
                                         "remove it and add its delta again");
}

}  // namespace

DeltaStore::DeltaStore(std::string folder) : folder_(std::move(folder)) {
  while (folder_.size() > 1 && folder_.back() == '/') folder_.pop_back();
}

DeltaStore::Added DeltaStore::add(const std::string& path, const std::string& given_name) {
  std::string name = given_name;
  if (name.empty()) {
    name = fs::path(path).filename().string();
    if (name.ends_with(kDeltaEnding)) name.resize(name.size() - kDeltaEnding.size());
  }
  require_name(name);
  const MappedFile file(path);
  const DeltaFile delta = DeltaFile::from_memory(file.bytes(), path);
  StoreEntry entry{.mode = delta.mode(),
                   .n_restored_bytes = delta.plan().n_bytes(),
                   .base = delta.plan().base,
                   .n_bytes = file.bytes().size(),
                   .hash = {},
                   .objects = {}};
  HashOfStream hash;
  hash.add(file.bytes());
  entry.hash = hash.finish();
  if (!is_there(folder_)) {
    try {
      create(folder_);
    } catch (const Error&) {
      if (!is_there(folder_)) throw;  // else another process was quicker
    }
  }
  require_store(folder_);
  const FileLock lock(folder_ + "/lock", FileLock::Kind::exclusive);
  std::error_code ignored;
  if (fs::exists(entry_path(folder_, name), ignored) && entry_of(folder_, name).hash != entry.hash)
    throw Error(ErrorCode::invalid_argument, folder_ + ": has another delta of the name " +
                                                 quoted(std::string_view(name)) + "; give --name or remove that one");
  Added added{.name = name, .n_bytes = entry.n_bytes};
  for (const Bytes bytes : objects_of(delta, file.bytes())) {
    const ContentHash object = hash_window(bytes);
    if (put_object(folder_, object, bytes)) added.n_new_bytes += bytes.size();
    entry.objects.push_back({object, bytes.size()});
    file.release(bytes);
  }
  AtomicFile written(entry_path(folder_, name));
  written.write(write_entry(entry));
  written.commit();
  return added;
}

std::vector<StoredDelta> DeltaStore::list() const {
  require_store(folder_);
  const FileLock lock(folder_ + "/lock", FileLock::Kind::shared);
  std::vector<StoredDelta> list;
  std::vector<std::map<std::string, uint64_t>> objects;  // of each delta, by hash
  std::map<std::string, int> n_users;
  for (const std::string& name : delta_names(folder_)) {
    const StoreEntry entry = entry_of(folder_, name);
    list.push_back({.name = name,
                    .mode = entry.mode,
                    .hash = entry.hash.hex(),
                    .n_bytes = entry.n_bytes,
                    .n_own_bytes = 0,
                    .n_restored_bytes = entry.n_restored_bytes});
    for (const PlanBaseFile& file : entry.base) list.back().base.push_back({file.name, file.n_bytes, file.hash.hex()});
    objects.emplace_back();
    for (const StoreObject& object : entry.objects) objects.back()[object.hash.hex()] = object.n_bytes;
    for (const auto& [hash, n_bytes] : objects.back()) ++n_users[hash];
  }
  for (size_t i = 0; i < list.size(); ++i) {
    for (const auto& [hash, n_bytes] : objects[i]) list[i].n_own_bytes += n_users[hash] == 1 ? n_bytes : 0;
  }
  return list;
}

void DeltaStore::get(const std::string& name, const std::string& out) const {
  require_store(folder_);
  const FileLock lock(folder_ + "/lock", FileLock::Kind::shared);
  const StoreEntry entry = entry_of(folder_, name);
  AtomicFile file(out);
  file.reserve(static_cast<int64_t>(entry.n_bytes));
  read_delta(folder_, name, entry, [&](Bytes bytes) { file.write(bytes); });
  file.commit();
}

void DeltaStore::remove(const std::string& name) {
  require_store(folder_);
  const FileLock lock(folder_ + "/lock", FileLock::Kind::exclusive);
  require_name(name);
  std::error_code ignored;
  if (!fs::exists(entry_path(folder_, name), ignored)) entry_of(folder_, name);  // throws
  delete_file(entry_path(folder_, name));
  flush_folder(folder_ + "/deltas");
}

DeltaStore::Collected DeltaStore::gc() {
  require_store(folder_);
  const FileLock lock(folder_ + "/lock", FileLock::Kind::exclusive);
  std::set<std::string> used;
  for (const std::string& name : delta_names(folder_)) {
    for (const StoreObject& object : entry_of(folder_, name).objects) used.insert(object.hash.hex());
  }
  Collected collected;
  for (const char* const below : {"/objects", "/deltas"}) {
    for (const std::string& name : names_in(folder_ + below)) {
      const bool is_object = below == std::string_view("/objects") && ContentHash::from_hex(name);
      if (!is_temporary(name) && (!is_object || used.contains(name))) continue;
      const std::string path = folder_ + below + "/" + name;
      std::error_code ignored;
      const uint64_t n_bytes = fs::file_size(path, ignored);
      delete_file(path);
      ++collected.n_objects;
      collected.n_bytes += ignored ? 0 : n_bytes;
    }
    flush_folder(folder_ + below);
  }
  return collected;
}

std::vector<DeltaStoreProblem> DeltaStore::verify() const {
  require_store(folder_);
  const FileLock lock(folder_ + "/lock", FileLock::Kind::shared);
  std::vector<DeltaStoreProblem> problems;
  for (const std::string& name : delta_names(folder_)) {
    try {
      read_delta(folder_, name, entry_of(folder_, name), [](Bytes) {});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::bad_file) throw;
      problems.push_back({name, error.what()});
    }
  }
  return problems;
}

}  // namespace tidemill
