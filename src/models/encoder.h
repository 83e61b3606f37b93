// Encoders: transformers that read a whole text in both directions and give a hidden state for each token, each an
// EncoderConfig.
//
// Devlin et al. 2019, arXiv:1810.04805; the layers as in Vaswani et al. 2017, arXiv:1706.03762.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "models/encoder_config.h"
#include "models/model.h"
#include "models/source.h"
#include "models/weight_loader.h"

namespace tidemill {

// Reads the weights of `source` by `names`, before each of which the file has `prefix`.  Throws bad_file naming the
// tensor that is missing, left over or of another shape.
std::unique_ptr<Model> make_encoder(EncoderConfig config, const ModelSource& source, std::span<const WeightName> names,
                                    std::string prefix = {});

// What a model that make_encoder made is; null for others.
const EncoderConfig* encoder_config_of(const Model& model);

// `prefix` where the file has the tensor `name` under it, as files with a head of their own do; else nothing.
std::string prefix_in(const ModelSource& source, const std::string& prefix, const std::string& name);

}  // namespace tidemill
