#include "cli/profile_report.h"

#include <cstdio>
#include <string>

namespace tidemill::cli {
namespace {

int64_t operations_of(const ProfileRow& row) {
  return row.int8_operations + row.f32_operations;
}

double seconds_in_kernels(const Profile& rows) {
  double total = 0;
  for (const ProfileRow& row : rows) total += row.seconds;
  return total;
}

// All rows as one.
ProfileRow sum_of(const Profile& rows) {
  ProfileRow sum{.operation = "all"};
  for (const ProfileRow& row : rows) {
    sum.n_calls += row.n_calls;
    sum.seconds += row.seconds;
    sum.bytes_read += row.bytes_read;
    sum.bytes_written += row.bytes_written;
    sum.int8_operations += row.int8_operations;
    sum.f32_operations += row.f32_operations;
  }
  return sum;
}

std::string label_of(const ProfileRow& row) {
  if (row.weights.empty()) return row.operation;
  return row.operation + " " + row.weights + " (" + row.dtypes + ")";
}

void print_row(const ProfileRow& row, double total_seconds, const Roofs& roofs) {
  const auto n_calls = static_cast<double>(row.n_calls);
  const auto read = static_cast<double>(row.bytes_read), written = static_cast<double>(row.bytes_written);
  std::printf("%8lld %9.2f %6.1f%% %10.4f %10.4f %9.4f %8.1f %8.0f %6.0f%%  %s\n", static_cast<long long>(row.n_calls),
              row.seconds * 1e3, 100 * row.seconds / total_seconds, read / n_calls / 1e6, written / n_calls / 1e6,
              static_cast<double>(operations_of(row)) / n_calls / 1e9, (read + written) / row.seconds / 1e9,
              static_cast<double>(operations_of(row)) / row.seconds / 1e9, 100 * row.least_seconds(roofs) / row.seconds,
              label_of(row).c_str());
}

}  // namespace

void print_profile(const PhaseProfile& phase, const Roofs& roofs) {
  if (phase.rows.empty()) return;
  std::printf("\n%s: %lld tokens in %.2f ms; roofs of %d threads: reads %.1f GB/s, int8 %.0f GOP/s, f32 %.0f GFLOP/s\n",
              std::string(phase.name).c_str(), static_cast<long long>(phase.n_tokens), phase.seconds * 1e3,
              roofs.n_threads, roofs.read_bytes_s / 1e9, roofs.int8_op_s / 1e9, roofs.f32_op_s / 1e9);
  std::printf("%8s %9s %7s %10s %10s %9s %8s %8s %7s\n", "", "", "", "MB read", "MB written", "GOP", "", "", "of the");
  std::printf("%8s %9s %7s %10s %10s %9s %8s %8s %7s\n", "calls", "ms", "", "a call", "a call", "a call", "GB/s",
              "GOP/s", "roof");
  for (const ProfileRow& row : phase.rows) print_row(row, phase.seconds, roofs);
  print_row(sum_of(phase.rows), phase.seconds, roofs);
  const double outside = phase.seconds - seconds_in_kernels(phase.rows);
  std::printf("%8s %9.2f %6.1f%%  outside of operations: choosing tokens, checks of shapes, this record\n", "",
              outside * 1e3, 100 * outside / phase.seconds);
}

nlohmann::json roofs_json(const Roofs& roofs) {
  return {{"threads", roofs.n_threads},
          {"read_gb_s", roofs.read_bytes_s / 1e9},
          {"int8_gop_s", roofs.int8_op_s / 1e9},
          {"bf16_gflop_s", roofs.bf16_op_s / 1e9},
          {"f32_gflop_s", roofs.f32_op_s / 1e9}};
}

nlohmann::json profile_json(const PhaseProfile& phase, const Roofs& roofs) {
  nlohmann::json rows = nlohmann::json::array();
  for (const ProfileRow& row : phase.rows) {
    rows.push_back({{"operation", row.operation},
                    {"weights", row.weights},
                    {"dtypes", row.dtypes},
                    {"calls", row.n_calls},
                    {"seconds", row.seconds},
                    {"bytes_read", row.bytes_read},
                    {"bytes_written", row.bytes_written},
                    {"int8_operations", row.int8_operations},
                    {"f32_operations", row.f32_operations},
                    {"roof_share", row.least_seconds(roofs) / row.seconds}});
  }
  return {{"tokens", phase.n_tokens},
          {"seconds", phase.seconds},
          {"outside_seconds", phase.seconds - seconds_in_kernels(phase.rows)},
          {"rows", std::move(rows)}};
}

}  // namespace tidemill::cli
