#include "formats/sharded_safetensors.h"

#include <algorithm>

#include "formats/wording.h"
#include "sys/mapped_file.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

SafetensorsIndex read_index(const std::string& path) {
  const MappedFile file(path);
  return read_safetensors_index({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path);
}

SafetensorsFile open_shard(const std::string& path, const std::string& index) {
  try {
    return SafetensorsFile(path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    throw Error(ErrorCode::not_found,
                path + ": this shard of the model of " + index + " is missing; put all its files into one folder");
  }
}

}  // namespace

ShardedSafetensors::ShardedSafetensors(const std::string& path) : path_(path), index_(read_index(path)) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  shards_.reserve(index_.shards.size());
  for (const std::string& shard : index_.shards) shards_.push_back(open_shard(folder + shard, path));
  for (const SafetensorsIndex::Entry& entry : index_.entries) {
    const SafetensorsFile& shard = shards_[entry.shard];
    if (shard.contains(index_.name(entry))) continue;
    throw Error(ErrorCode::bad_file, shard.path() + ": tensor " + quoted(index_.name(entry)) +
                                         " is missing, though the index names this file for it; download all files of "
                                         "the model again");
  }
}

std::vector<std::string> ShardedSafetensors::names() const {
  std::vector<std::string> names;
  names.reserve(index_.entries.size());
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    for (std::string& name : shards_[shard].names()) {
      const SafetensorsIndex::Entry* const found = entry(name);
      if (found != nullptr && found->shard == shard) names.push_back(std::move(name));
    }
  }
  return names;
}

const SafetensorsIndex::Entry* ShardedSafetensors::entry(std::string_view name) const {
  const auto name_of = [this](const SafetensorsIndex::Entry& entry) { return index_.name(entry); };
  const auto found = std::ranges::lower_bound(index_.entries, name, {}, name_of);
  return found == index_.entries.end() || name_of(*found) != name ? nullptr : &*found;
}

std::optional<Tensor> ShardedSafetensors::find(std::string_view name) const {
  const SafetensorsIndex::Entry* const found = entry(name);
  return found == nullptr ? std::nullopt : shards_[found->shard].find(name);
}

void ShardedSafetensors::release(const Tensor& tensor) const {
  for (const SafetensorsFile& shard : shards_) shard.release(tensor);  // each looks whether it is its own
}

}  // namespace tidemill
