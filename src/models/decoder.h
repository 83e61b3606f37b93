// Decoder-only transformers: the architecture of Llama, Gemma, Qwen, GPT-2 and their kin, each a DecoderConfig; and
// hybrids, some of whose layers have a recurrence in place of attention.
//
// Vaswani et al. 2017, arXiv:1706.03762; RMSNorm, RoPE and gates as in Touvron et al. 2023, arXiv:2302.13971; grouped
// queries: Ainslie et al. 2023, arXiv:2305.13245.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "models/decoder_config.h"
#include "models/model.h"
#include "models/source.h"
#include "models/token_mixer.h"
#include "models/weight_loader.h"

namespace tidemill {

// How files of another kind hold a model of a family; throws unsupported where they cannot.
using DecoderForm = FileForm (*)(const DecoderConfig& config, const FileTarget& target);

// Reads the weights of `source` by `names` (of a GGUF none are needed: its names are ours).  Throws bad_file naming the
// tensor that is missing, left over or of another shape.  Without a `form` the model cannot be written as another file;
// `mixers` is empty where all layers have attention.
std::unique_ptr<Model> make_decoder(DecoderConfig config, const ModelSource& source, std::span<const WeightName> names,
                                    DecoderForm form = nullptr, TokenMixers mixers = {});

}  // namespace tidemill
