// How much a model's answers suffer from errors of each of its matrices, measured by making their outputs wrong.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/calibration.h"

namespace tidemill {

// Matrices that are measured together, for they share inputs and errors of theirs do alike: "blk.3.attn_q",
// "blk.3.attn_k" and "blk.3.attn_v", or gate and up.
std::vector<std::vector<std::string>> probe_groups(const std::vector<std::string>& names);

// For each matrix of `names`: by how much the distance of the answers grows for each unit of the relative squared error
// of its outputs.  Errors of different matrices add up, as far as they are small.
std::map<std::string, double> measure_sensitivity(CalibrationModel& model, const CalibrationText& text,
                                                  const std::vector<std::string>& names,
                                                  const std::function<void(double share)>& on_progress);

}  // namespace tidemill
