// A folder in Hugging Face's layout whose matrices are in groups, as AutoAWQ, GPTQModel and llm-compressor write it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/model_file.h"
#include "formats/group_scheme.h"
#include "formats/group_writer.h"
#include "models/model.h"
#include "models/written_weights.h"
#include "sys/spill_file.h"
#include "tensor/group_quantized.h"
#include "tidemill/convert.h"

namespace tidemill {

struct GroupFolderFormat {
  GroupFormat format = GroupFormat::compressed_tensors;
  GroupKind kind = {};
};

class GroupFolder {
 public:
  // All outlive this object.  Throws unsupported for a model that such folders do not hold.
  GroupFolder(const ModelFile& file, Model& model, const GroupFolderFormat& format, const std::string& out);

  // Whether the format holds that matrix of the model.  Embeddings, routers and what engines do not expect to be
  // quantised stay as they are, with AWQ the output head as well.
  bool holds(const std::string& name) const { return places_.contains(name); }
  // Takes the codes of a matrix that it holds.  What a file joins is packed once all of it is there.
  void add(const std::string& name, GroupQuantized codes);

  ConvertReport write(const ConvertOptions& options, std::unique_ptr<Model> model);

 private:
  // A matrix of the file on its way.
  struct Joined {
    WrittenTensor tensor;
    std::map<std::string, GroupQuantized> parts = {};    // by our names, until all are there
    std::vector<GroupTensor> packed = {};                // without their bytes,
    std::vector<std::span<const std::byte>> bytes = {};  // which are here
  };

  bool is_held(const WrittenTensor& tensor, const std::map<std::string, WeightRole>& roles) const;
  void pack(Joined& joined);

  const ModelFile& file_;
  GroupFolderFormat format_;
  FileTarget target_;
  FileForm form_;
  std::map<std::string, std::string> places_;  // our name -> the file's
  std::map<std::string, Joined> joined_;       // by the file's name
  SpillFile codes_;                            // of all that is packed
  std::vector<std::string> plain_;             // modules with matrices that stay as they are
  bool is_reordered_ = false;
};

}  // namespace tidemill
