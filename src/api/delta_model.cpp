#include "api/delta_model.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <variant>

#include "formats/group_weights.h"
#include "formats/json_file.h"
#include "formats/model_folder.h"
#include "sys/atomic_file.h"
#include "tidemill/error.h"
#include "tidemill/system.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxCompanionBytes = 256 << 20;  // a file beside the weights that is longer is none that we read
constexpr int kMaxThreads = 16;

// A folder of the system's for temporary files, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "tidemill-delta-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw Error(ErrorCode::io, pattern + ": making a folder failed; check the folder above it, or set TMPDIR");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A delta's weights for a model that has what it lies on kept alive by them.
template <typename Kept>
class KeepingWeights final : public Weights {
 public:
  KeepingWeights(std::shared_ptr<const DeltaWeights> weights, Kept kept)
      : kept_(std::move(kept)), weights_(std::move(weights)) {}

  const std::string& path() const override { return weights_->path(); }
  std::vector<std::string> names() const override { return weights_->names(); }
  std::optional<Tensor> find(std::string_view name) const override { return weights_->find(name); }
  void release(const Tensor& tensor) const override { weights_->release(tensor); }

 private:
  Kept kept_;
  std::shared_ptr<const DeltaWeights> weights_;
};

std::vector<std::byte> content_of(const DeltaChain& chain, size_t file, uint64_t n_bytes) {
  std::vector<std::byte> content(n_bytes);
  DeltaScratch scratch;
  chain.result().read(file, 0, content, scratch);
  return content;
}

bool holds_tensors(const PlanFile& file) {
  return std::ranges::any_of(file.parts, [](const PlanPart& part) { return !part.tensor.empty(); });
}

// Whether the model's own weights lie in it; those of a folder below belong to something behind the model.
bool holds_model(const PlanFile& file) {
  return holds_tensors(file) && file.name.find('/') == std::string::npos;
}

// The other files, for readers that want paths.
std::unique_ptr<TemporaryFolder> restored_companions(const DeltaChain& chain) {
  auto folder = std::make_unique<TemporaryFolder>();
  const auto& files = chain.plan().files;
  for (size_t index = 0; index < files.size(); ++index) {
    if (holds_model(files[index]) || files[index].n_bytes > kMaxCompanionBytes) continue;
    const fs::path path = fs::path(folder->path()) / files[index].name;
    fs::create_directories(path.parent_path());
    AtomicFile file(path.string());
    file.write(content_of(chain, index, files[index].n_bytes));
    file.commit();
  }
  return folder;
}

std::unique_ptr<ModelFile> folder_of(const std::string& path, std::unique_ptr<Weights> weights) {
  ModelFolder folder{
      .path = path, .config = read_json_file(path + "/config.json"), .generation_config = {}, .weights = {}};
  if (fs::exists(folder.file("generation_config.json")))
    folder.generation_config = read_json_file(folder.file("generation_config.json"));
  folder.weights = with_groups(std::move(weights), folder.config, folder.file("config.json"));
  return folder_model(path, std::move(folder));
}

// A GGUF of which only what stands before the tensors is in memory: its metadata.
std::unique_ptr<ModelFile> gguf_of(const DeltaChain& chain, std::shared_ptr<const DeltaWeights> weights) {
  const PlanFile& file = chain.plan().files.front();
  Storage image(static_cast<int64_t>(file.n_bytes), Use::sparse);
  const auto names_tensor = [](const PlanPart& part) { return !part.tensor.empty(); };
  const uint64_t n_head = std::ranges::find_if(file.parts, names_tensor)->begin;
  DeltaScratch scratch;
  chain.result().read(0, 0, {image.data(), n_head}, scratch);
  auto gguf = GgufFile::from_memory({image.data(), file.n_bytes}, weights->path());
  return gguf_model(std::move(gguf), std::make_unique<KeepingWeights<Storage>>(std::move(weights), std::move(image)),
                    static_cast<int64_t>(file.n_bytes));
}

std::unique_ptr<ModelFile> model_of(const std::string& base, const std::string& delta, const DeltaChain& chain,
                                    std::shared_ptr<const DeltaWeights> weights) {
  const PlanFile& first = chain.plan().files.front();
  if (chain.plan().is_folder) {
    auto folder = restored_companions(chain);
    const std::string path = folder->path();
    return folder_of(path, std::make_unique<KeepingWeights<std::unique_ptr<TemporaryFolder>>>(std::move(weights),
                                                                                              std::move(folder)));
  }
  if (first.name.ends_with(".gguf") && holds_tensors(first)) return gguf_of(chain, std::move(weights));
  if (!first.name.ends_with(".safetensors"))
    throw Error(ErrorCode::unsupported,
                delta + ": restores " + printable(first.name) + ", which cannot be run; apply the delta first");
  std::error_code ignored;
  const std::string folder = fs::is_directory(base, ignored) ? base : fs::path(base).parent_path().string();
  return folder_of(folder.empty() ? "." : folder,
                   std::make_unique<KeepingWeights<std::monostate>>(std::move(weights), std::monostate()));
}

}  // namespace

DeltaModelFile open_deltas(const std::string& base, const std::vector<std::string>& deltas, DeltaCheck check,
                           std::shared_ptr<ThreadPool> decoder) {
  DeltaModelFile opened;
  opened.chain = std::make_shared<const DeltaChain>(base, deltas);
  const auto pool = std::make_shared<ThreadPool>(std::min(cpu_info().n_cores, kMaxThreads));
  const DeltaWork work{*pool};
  if (check == DeltaCheck::all) {
    verify_delta_file(*opened.chain, work);
  } else {
    DeltaProgress progress(work, base, 1);
    opened.chain->check_base(*pool, progress);
  }
  opened.weights = std::make_shared<const DeltaWeights>(opened.chain, decoder ? std::move(decoder) : pool);
  opened.file = model_of(base, deltas.back(), *opened.chain, opened.weights);
  return opened;
}

std::unique_ptr<ModelFile> open_delta_model(const std::string& base, const std::vector<std::string>& deltas) {
  return open_deltas(base, deltas, DeltaCheck::base).file;
}

}  // namespace tidemill
