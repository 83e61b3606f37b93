// The graph of an encoder: recognized.h the other way round.
#pragma once

#include <string>
#include <vector>

#include "formats/onnx_writer.h"
#include "models/encoder_config.h"
#include "models/weight_place.h"

namespace tidemill::onnx {

// Nodes for `config`, over initialisers with our names, of which matrices of linear layers are [in, out].  Takes
// input_ids, attention_mask and, of models with types, token_type_ids, all [batch, tokens]; gives last_hidden_state.
// Throws unsupported, beginning with `path`, for RMS norms and biases by distance.
OnnxBuilder encoder_graph(const EncoderConfig& config, const std::string& path);

// How a file with such a graph holds the weights.
const std::vector<WeightName>& encoder_graph_names();

}  // namespace tidemill::onnx
