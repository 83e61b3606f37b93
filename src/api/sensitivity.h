// How much a model suffers from errors of each of its matrices, measured while it is read step by step: the outputs of
// matrices are made wrong by noise, and the answers compared.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/calibration.h"

namespace tidemill {

// Matrices that are disturbed together: those of a layer that share inputs.
std::vector<std::vector<std::string>> probe_groups(const std::vector<std::string>& names);

class SensitivityProbes {
 public:
  // `model` outlives it.
  SensitivityProbes(CalibrationModel& model, const CalibrationText& text, const std::vector<std::string>& names);

  // Takes the step that the model has entered, as it is and with each group disturbed.
  void advance();
  // What the answers lose for a relative error of one, per matrix, as small errors lose: when all steps are taken.
  std::map<std::string, double> losses() const;

 private:
  // A reading of the pieces in which a group is disturbed.
  struct Probe {
    std::vector<std::string> names;
    int64_t first_step;  // in which anything is
    std::vector<CalibrationModel::Pass> passes = {};
    double loss = 0;
    size_t n_answers = 0;
  };

  void advance(Probe& probe);

  CalibrationModel& model_;
  std::vector<CalibrationModel::Pass> passes_;  // of a reading without noise
  std::vector<std::vector<float>> truth_;       // its answers
  std::vector<Probe> probes_;
};

}  // namespace tidemill
