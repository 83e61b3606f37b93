// Scales by activations: inputs that are large have their weights kept finer, by making those weights larger and what
// gives the inputs smaller by as much.  Lin et al. 2023, arXiv:2306.00978 (AWQ).
#pragma once

#include <string>
#include <vector>

#include "compress/quantize/coded_matrix.h"
#include "compress/quantize/input_recorder.h"
#include "compress/quantize/matrix_source.h"
#include "models/model.h"

namespace tidemill {

// Matrices that read the same inputs, and who gives them these alone, so that a
// factor for each input can move between.
struct ScaleFold {
  std::vector<std::string> vectors;    // weight and bias of a norm, or the bias of `producer`: divided
  std::string producer;                // a matrix whose rows are divided; empty: a norm gives
                                       // the inputs
  std::vector<std::string> consumers;  // whose columns are multiplied
};

// Those of a model: norms before attention and feed-forward layers, values
// before the output of attention where each has a head of its own, and the
// ungated half of a gated layer before its end.
std::vector<ScaleFold> scale_folds(Model& model);

// A matrix that reads the inputs, and how a few of its rows become codes.
struct ScaleConsumer {
  MatrixSource sample;
  CodeFormat format;
};

// How the rows of consumers become codes when factors are tried.
enum class ScaleTrial : uint8_t {
  rounding,  // as in the paper
  feedback,  // by error feedback, which gains less from factors, and what it gains in other places
};

// The factor of each input that loses least in the outputs of all consumers: mean magnitude ^ a for a from 0 to 1, made
// to have the geometric mean of least and greatest one.  Ones where nothing is gained.
std::vector<float> search_scales(ThreadPool& pool, const std::vector<ScaleConsumer>& consumers,
                                 const InputRecord& record, ScaleTrial trial);

// How much an error of each input counts: the sum of its squares.
std::vector<float> importance_of(const InputRecord& record);

// What would have been seen of inputs divided by `factors`.
InputRecord divided(const InputRecord& record, const std::vector<float>& factors);

}  // namespace tidemill
