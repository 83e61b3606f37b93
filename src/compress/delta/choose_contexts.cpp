// The encoder's choice of contexts: counts for each class of rows and exponent, then neighbouring exponents are joined
// while the bits for a table of their own are more than those it saves.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "compress/delta/contexts.h"

namespace tidemill {
namespace {

// What a table takes, about; measured on fine-tunes of MiniLM.
constexpr double kBitsPerTable = 6;
constexpr double kBitsPerLevel = 3.5;
constexpr double kBitsPerRow = 1.2;

constexpr size_t kFineContexts = kMostRowClasses * kNearExponents;

// count * log2(count).
double count_times_log(uint32_t count) {
  static const auto small = [] {
    std::array<double, 1024> values{};
    for (size_t n = 2; n < values.size(); ++n) values[n] = static_cast<double>(n) * std::log2(static_cast<double>(n));
    return values;
  }();
  return count < small.size() ? small[count] : count * std::log2(static_cast<double>(count));
}

struct Counts {
  std::vector<uint32_t> symbols;
  uint32_t total = 0;
  double n_bits = 0;

  void add(std::span<const uint32_t> others) {
    for (size_t symbol = 0; symbol < others.size(); ++symbol) symbols[symbol] += others[symbol];
    update();
  }

  void update() {
    total = 0;
    double spread = 0;
    int n_levels = 0;
    for (const uint32_t count : symbols) {
      if (count == 0) continue;
      total += count;
      spread += count_times_log(count);
      ++n_levels;
    }
    n_bits = total == 0 ? 0 : count_times_log(total) - spread + kBitsPerTable + kBitsPerLevel * n_levels;
  }
};

Counts sum_of(const Counts& a, const Counts& b) {
  Counts sum = a;
  sum.add(b.symbols);
  return sum;
}

// A table over a range of exponents, and what joining it with the next one gives.
struct Joint {
  int first;  // distance of the exponent
  Counts counts;
  std::optional<Counts> with_next;

  double gain(const Joint& next) const { return counts.n_bits + next.counts.n_bits - with_next->n_bits; }
};

// The tables of one class of rows, empty exponents joined with those before.
std::vector<Joint> joined(std::span<const Counts> by_distance) {
  std::vector<Joint> joints;
  for (size_t distance = 0; distance < by_distance.size(); ++distance) {
    if (by_distance[distance].total > 0) joints.push_back({static_cast<int>(distance), by_distance[distance], {}});
  }
  while (joints.size() > 1) {
    size_t best = 0;
    double best_gain = -1;
    for (size_t index = 0; index + 1 < joints.size(); ++index) {
      Joint& joint = joints[index];
      if (!joint.with_next) joint.with_next = sum_of(joint.counts, joints[index + 1].counts);
      if (joint.gain(joints[index + 1]) > best_gain) {
        best = index;
        best_gain = joint.gain(joints[index + 1]);
      }
    }
    if (best_gain < 0) break;
    joints[best].counts = std::move(*joints[best].with_next);
    joints[best].with_next.reset();
    if (best > 0) joints[best - 1].with_next.reset();
    joints.erase(joints.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  return joints;
}

// The highest exponent that more than a few elements reach: an outlier would push all others out of reach.
uint32_t top_exponent(const ElementForm& form, const std::byte* base, size_t n_elements) {
  constexpr size_t kSamples = 2048;
  constexpr uint32_t kFew = kSamples / 256;
  constexpr size_t kTurns = 4;  // tables, so that neighbours that are alike do not wait for each other
  const size_t n_exponents = form.exponent_mask + size_t{1};
  std::vector<uint32_t> counts(kTurns * n_exponents);
  const size_t step = std::max<size_t>(1, n_elements / kSamples);
  for (size_t index = 0, turn = 0; index < n_elements; index += step, turn = (turn + 1) % kTurns) {
    uint64_t value = 0;
    std::memcpy(&value, base + index * form.n_bytes, form.n_bytes);
    ++counts[turn * n_exponents + (value >> form.exponent_shift & form.exponent_mask)];
  }
  for (size_t index = n_exponents; index < counts.size(); ++index) counts[index % n_exponents] += counts[index];
  uint32_t top = form.exponent_mask;
  for (uint32_t above = counts[top]; top > 0 && above <= kFew; above += counts[top]) --top;
  return top;
}

// Classes of rows by the mean of their symbols, against that of all rows that changed.
std::vector<uint8_t> classes_of_rows(const BlockShape& shape, std::span<const uint8_t> symbols) {
  std::vector<double> activity(shape.n_rows);
  double sum = 0;
  size_t n_active = 0;
  for_each_row(shape, [&](size_t row, size_t begin, size_t size) {
    activity[row] = static_cast<double>(sum_bytes(symbols.subspan(begin, size))) / static_cast<double>(size);
    sum += activity[row];
    n_active += activity[row] > 0 ? 1 : 0;
  });
  const double mean = sum / static_cast<double>(std::max<size_t>(n_active, 1));
  std::vector<uint8_t> classes(shape.n_rows);
  for (size_t row = 0; row < shape.n_rows; ++row) {
    const double relative = activity[row] / mean;
    classes[row] = relative < 0.1 ? 0 : relative < 0.7 ? 1 : relative < 1.3 ? 2 : 3;
  }
  return classes;
}

// Counts by class of row, distance and symbol.
std::vector<Counts> counts_of(const BlockShape& shape, std::span<const uint8_t> classes,
                              std::span<const uint8_t> distances, std::span<const uint8_t> symbols, size_t n_symbols,
                              size_t n_changed) {
  const size_t n_counts = kFineContexts * n_symbols;
  // Where much has changed in turn in several tables, so that neighbours that are alike do not wait for each other.
  constexpr size_t kTurns = 4;
  const bool is_sparse = n_changed <= symbols.size() / 8;
  std::vector<uint32_t> counts((is_sparse ? 1 : kTurns) * n_counts);
  for_each_row(shape, [&](size_t row, size_t begin, size_t size) {
    uint32_t* of_class = counts.data() + classes[row] * kNearExponents * n_symbols;
    if (!is_sparse) {
      const auto count = [&](size_t index, size_t turn) {
        ++of_class[turn * n_counts + distances[index] * n_symbols + symbols[index]];
      };
      size_t index = begin;
      for (; index + kTurns <= begin + size; index += kTurns) {
        for (size_t turn = 0; turn < kTurns; ++turn) count(index + turn, turn);
      }
      for (; index < begin + size; ++index) count(index, 0);
      return;
    }
    std::array<uint32_t, kNearExponents> totals{};
    count_bytes(distances.subspan(begin, size), totals);
    for (size_t distance = 0; distance < kNearExponents; ++distance) of_class[distance * n_symbols] += totals[distance];
  });
  for (size_t index = n_counts; index < counts.size(); ++index) counts[index % n_counts] += counts[index];
  if (is_sparse) {
    std::vector<uint64_t> masks((symbols.size() + kGroup - 1) / kGroup);
    mark_from(symbols, 1, masks.data());
    size_t row = 0;
    size_t row_end = shape.n_first;
    for (size_t group = 0; group < masks.size(); ++group) {
      for (uint64_t mask = masks[group]; mask != 0; mask &= mask - 1) {
        const size_t index = group * kGroup + static_cast<size_t>(std::countr_zero(mask));
        while (index >= row_end) ++row, row_end += shape.row_length;
        uint32_t* of = counts.data() + (classes[row] * kNearExponents + distances[index]) * n_symbols;
        --of[0];
        ++of[symbols[index]];
      }
    }
  }
  std::vector<Counts> all(kFineContexts);
  for (size_t index = 0; index < all.size(); ++index) {
    all[index].symbols.assign(counts.begin() + static_cast<std::ptrdiff_t>(index * n_symbols),
                              counts.begin() + static_cast<std::ptrdiff_t>((index + 1) * n_symbols));
    all[index].update();
  }
  return all;
}

struct Plan {
  std::vector<std::vector<Joint>> classes;
  double n_bits = 0;

  void add(std::vector<Joint> joints) {
    for (const Joint& joint : joints) n_bits += joint.counts.n_bits;
    classes.push_back(std::move(joints));
  }
};

// Without classes of rows.
Plan plan_of_all(std::span<const Counts> fine) {
  std::vector<Counts> sums(fine.begin(), fine.begin() + kNearExponents);
  for (size_t index = kNearExponents; index < fine.size(); ++index) {
    if (fine[index].total > 0) sums[index % kNearExponents].add(fine[index].symbols);
  }
  Plan plan;
  plan.add(joined(sums));
  return plan;
}

// With a plan for each class that has rows; `numbers` becomes the number of each class among them.
Plan plan_by_rows(std::span<const Counts> fine, std::array<uint8_t, kMostRowClasses>& numbers) {
  Plan plan;
  for (size_t row_class = 0; row_class < kMostRowClasses; ++row_class) {
    numbers[row_class] = static_cast<uint8_t>(plan.classes.size());
    auto joints = joined(fine.subspan(row_class * kNearExponents, kNearExponents));
    if (!joints.empty()) plan.add(std::move(joints));
  }
  return plan;
}

void take(Plan plan, size_t n_symbols, ContextChoice& choice) {
  Contexts& contexts = choice.contexts;
  choice.n_bits = plan.n_bits;
  choice.counts.n_symbols = n_symbols;
  contexts.n_classes = static_cast<uint32_t>(plan.classes.size());
  for (const std::vector<Joint>& joints : plan.classes) {
    auto& tables = contexts.tables.emplace_back();
    size_t index = 0;
    for (int distance = 0; distance < kNearExponents; ++distance) {
      if (index + 1 < joints.size() && joints[index + 1].first == distance) ++index;
      tables[static_cast<size_t>(distance)] = static_cast<uint8_t>(contexts.n_tables + index);
    }
    contexts.n_tables += joints.size();
    for (const Joint& joint : joints) {
      choice.counts.counts.insert(choice.counts.counts.end(), joint.counts.symbols.begin(), joint.counts.symbols.end());
      for (uint32_t symbol = 0; symbol < n_symbols; ++symbol) {
        choice.n_bits += static_cast<double>(joint.counts.symbols[symbol]) * n_bits_after(symbol);
      }
    }
  }
}

}  // namespace

ContextChoice choose_contexts(const BlockShape& shape, const std::byte* base, std::span<const uint8_t> symbols,
                              size_t n_changed) {
  ContextChoice choice(shape.n_elements);
  if (shape.form.exponent_mask != 0) choice.contexts.top = top_exponent(shape.form, base, shape.n_elements);
  scan_exponents(shape.form, base, choice.contexts.top, choice.distances);
  const size_t n_symbols = largest_byte(symbols) + size_t{1};
  std::vector<uint8_t> classes(shape.n_rows);
  if (shape.n_rows > 1) classes = classes_of_rows(shape, symbols);
  const auto fine = counts_of(shape, classes, choice.distances, symbols, n_symbols, n_changed);
  std::array<uint8_t, kMostRowClasses> numbers{};
  Plan plan = plan_of_all(fine);
  if (shape.n_rows > 1) {
    Plan by_rows = plan_by_rows(fine, numbers);
    by_rows.n_bits += kBitsPerRow * static_cast<double>(shape.n_rows);
    if (by_rows.n_bits < plan.n_bits) {
      plan = std::move(by_rows);
      for (uint8_t& row_class : classes) row_class = numbers[row_class];
      choice.contexts.row_classes = std::move(classes);
    }
  }
  if (choice.contexts.row_classes.empty()) choice.contexts.row_classes.assign(shape.n_rows, 0);
  take(std::move(plan), n_symbols, choice);
  return choice;
}

}  // namespace tidemill
