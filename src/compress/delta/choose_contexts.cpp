// The encoder's choice of contexts: counts for each class of rows and exponent, then neighbouring exponents are joined
// while the bits for a table of their own are more than those it saves.
#include <algorithm>
#include <cmath>
#include <cstring>

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

// The bits of a table and of what is coded with it, given `count(symbol)` of each symbol; 0 where nothing is.
template <typename Count>
double bits_of(size_t n_symbols, Count&& count) {
  uint32_t total = 0;
  double spread = 0;
  int n_levels = 0;
  for (size_t symbol = 0; symbol < n_symbols; ++symbol) {
    const uint32_t n = count(symbol);
    if (n == 0) continue;
    total += n;
    spread += count_times_log(n);
    ++n_levels;
  }
  return total == 0 ? 0 : count_times_log(total) - spread + kBitsPerTable + kBitsPerLevel * n_levels;
}

// A table over a range of exponents, and the bits that it and the next one would take as one.
struct Joint {
  int first;  // distance of the exponent
  std::span<uint32_t> counts;
  double n_bits;
  double n_bits_with_next = -1;  // not known yet
};

// The tables of one class of rows, empty exponents joined with those before; what is joined is added up in `counts`,
// [distance][symbol].
std::vector<Joint> joined(std::span<uint32_t> counts, size_t n_symbols) {
  std::vector<Joint> joints;
  for (size_t distance = 0; distance < kNearExponents; ++distance) {
    const auto symbols = counts.subspan(distance * n_symbols, n_symbols);
    const double n_bits = bits_of(n_symbols, [&](size_t symbol) { return symbols[symbol]; });
    if (n_bits > 0) joints.push_back({static_cast<int>(distance), symbols, n_bits});
  }
  while (joints.size() > 1) {
    size_t best = 0;
    double best_gain = -1;
    for (size_t index = 0; index + 1 < joints.size(); ++index) {
      Joint& joint = joints[index];
      const Joint& next = joints[index + 1];
      if (joint.n_bits_with_next < 0)
        joint.n_bits_with_next =
            bits_of(n_symbols, [&](size_t symbol) { return joint.counts[symbol] + next.counts[symbol]; });
      const double gain = joint.n_bits + next.n_bits - joint.n_bits_with_next;
      if (gain > best_gain) {
        best = index;
        best_gain = gain;
      }
    }
    if (best_gain < 0) break;
    Joint& joint = joints[best];
    std::ranges::transform(joint.counts, joints[best + 1].counts, joint.counts.begin(), std::plus<>());
    joint.n_bits = joint.n_bits_with_next;
    joint.n_bits_with_next = -1;
    if (best > 0) joints[best - 1].n_bits_with_next = -1;
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
  with_width(form.n_bytes, [&](auto value) {
    for (size_t index = 0, turn = 0; index < n_elements; index += step, turn = (turn + 1) % kTurns) {
      std::memcpy(&value, base + index * sizeof(value), sizeof(value));
      ++counts[turn * n_exponents + (static_cast<uint64_t>(value) >> form.exponent_shift & form.exponent_mask)];
    }
  });
  for (size_t index = n_exponents; index < counts.size(); ++index) counts[index % n_exponents] += counts[index];
  uint32_t top = form.exponent_mask;
  for (uint32_t above = counts[top]; top > 0 && above <= kFew; above += counts[top]) --top;
  return top;
}

// The differences of a block of which little changed, as those of the elements that did.
class FewDifferences {
 public:
  explicit FewDifferences(const ChangeList& changes) : changes_(changes) {}

  uint8_t largest_symbol() const { return largest_byte(changes_.symbols); }

  // The sum of each row's symbols.
  std::vector<uint64_t> sums_by_row(const BlockShape& shape) const {
    std::vector<uint64_t> sums(shape.n_rows);
    for_each_change(shape, [&](size_t row, size_t, uint8_t symbol) { sums[row] += symbol; });
    return sums;
  }

  // counts[row's class][distance][symbol]
  std::vector<uint32_t> counts(const BlockShape& shape, std::span<const uint8_t> classes,
                               std::span<const uint8_t> distances, size_t n_symbols) const {
    std::vector<uint32_t> counts(kFineContexts * n_symbols);
    const auto of = [&](size_t row_class, size_t distance) {
      return counts.data() + (row_class * kNearExponents + distance) * n_symbols;
    };
    std::array<std::vector<ByteRun>, kMostRowClasses> runs;
    for_each_row(shape, [&](size_t row, size_t begin, size_t size) {
      std::vector<ByteRun>& of_class = runs[classes[row]];
      const bool goes_on = !of_class.empty() && of_class.back().begin + of_class.back().size == begin;
      goes_on ? static_cast<void>(of_class.back().size += size) : of_class.push_back({begin, size});
    });
    for (size_t row_class = 0; row_class < runs.size(); ++row_class) {
      if (runs[row_class].empty()) continue;
      const auto totals = count_bytes(distances, runs[row_class]);
      for (size_t distance = 0; distance < totals.size(); ++distance) *of(row_class, distance) = totals[distance];
    }
    for_each_change(shape, [&](size_t row, size_t index, uint8_t symbol) {
      uint32_t* const of_context = of(classes[row], distances[index]);
      --of_context[0];
      ++of_context[symbol];
    });
    return counts;
  }

 private:
  // Calls `call(row, index, symbol)` for the elements that changed, in order.
  template <typename Call>
  void for_each_change(const BlockShape& shape, Call&& call) const {
    const std::span<const uint32_t> indices = changes_.indices;
    const std::span<const uint8_t> symbols = changes_.symbols;
    size_t row = 0;
    size_t row_end = shape.n_first;
    for (size_t change = 0; change < indices.size(); ++change) {
      while (indices[change] >= row_end) ++row, row_end += shape.row_length;
      call(row, indices[change], symbols[change]);
    }
  }

  const ChangeList& changes_;
};

// And of one of which much did, as symbols of all elements.
class AllDifferences {
 public:
  explicit AllDifferences(std::span<const uint8_t> symbols) : symbols_(symbols) {}

  uint8_t largest_symbol() const { return largest_byte(symbols_); }

  std::vector<uint64_t> sums_by_row(const BlockShape& shape) const {
    std::vector<uint64_t> sums(shape.n_rows);
    for_each_row(shape,
                 [&](size_t row, size_t begin, size_t size) { sums[row] = sum_bytes(symbols_.subspan(begin, size)); });
    return sums;
  }

  std::vector<uint32_t> counts(const BlockShape& shape, std::span<const uint8_t> classes,
                               std::span<const uint8_t> distances, size_t n_symbols) const {
    // In turn in several tables, so that neighbours that are alike do not wait for each other.
    constexpr size_t kTurns = 4;
    const size_t n_counts = kFineContexts * n_symbols;
    std::vector<uint32_t> counts(kTurns * n_counts);
    for_each_row(shape, [&](size_t row, size_t begin, size_t size) {
      uint32_t* const of_class = counts.data() + classes[row] * kNearExponents * n_symbols;
      const auto count = [&](size_t index, size_t turn) {
        ++of_class[turn * n_counts + distances[index] * n_symbols + symbols_[index]];
      };
      size_t index = begin;
      for (; index + kTurns <= begin + size; index += kTurns) {
        for (size_t turn = 0; turn < kTurns; ++turn) count(index + turn, turn);
      }
      for (; index < begin + size; ++index) count(index, 0);
    });
    for (size_t turn = 1; turn < kTurns; ++turn) {
      for (size_t index = 0; index < n_counts; ++index) counts[index] += counts[turn * n_counts + index];
    }
    counts.resize(n_counts);
    return counts;
  }

 private:
  std::span<const uint8_t> symbols_;
};

// Classes of rows by the mean of their symbols, against that of all rows that changed.
std::vector<uint8_t> classes_of_rows(const BlockShape& shape, std::span<const uint64_t> sums) {
  std::vector<double> activity(shape.n_rows);
  double sum = 0;
  size_t n_active = 0;
  for_each_row(shape, [&](size_t row, size_t, size_t size) {
    activity[row] = static_cast<double>(sums[row]) / static_cast<double>(size);
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

struct Plan {
  std::vector<uint32_t> counts;  // that the joints refer to
  std::vector<std::vector<Joint>> classes;
  double n_bits = 0;

  void add(std::vector<Joint> joints) {
    for (const Joint& joint : joints) n_bits += joint.n_bits;
    classes.push_back(std::move(joints));
  }
};

// Without classes of rows.
Plan plan_of_all(std::span<const uint32_t> fine, size_t n_symbols) {
  Plan plan;
  const size_t n_of_class = kNearExponents * n_symbols;
  plan.counts.assign(fine.begin(), fine.begin() + static_cast<std::ptrdiff_t>(n_of_class));
  for (size_t row_class = 1; row_class < kMostRowClasses; ++row_class) {
    for (size_t index = 0; index < n_of_class; ++index) plan.counts[index] += fine[row_class * n_of_class + index];
  }
  plan.add(joined(plan.counts, n_symbols));
  return plan;
}

// With a plan for each class that has rows; `numbers` becomes the number of each class among them.
Plan plan_by_rows(std::span<const uint32_t> fine, size_t n_symbols, std::array<uint8_t, kMostRowClasses>& numbers) {
  Plan plan;
  plan.counts.assign(fine.begin(), fine.end());
  const size_t n_of_class = kNearExponents * n_symbols;
  for (size_t row_class = 0; row_class < kMostRowClasses; ++row_class) {
    numbers[row_class] = static_cast<uint8_t>(plan.classes.size());
    auto joints = joined(std::span(plan.counts).subspan(row_class * n_of_class, n_of_class), n_symbols);
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
      choice.counts.counts.insert(choice.counts.counts.end(), joint.counts.begin(), joint.counts.end());
      for (uint32_t symbol = 0; symbol < n_symbols; ++symbol) {
        choice.n_bits += static_cast<double>(joint.counts[symbol]) * n_bits_after(symbol);
      }
    }
  }
}

template <typename Differences>
ContextChoice choice_of(const BlockShape& shape, const std::byte* base, const Differences& differences) {
  ContextChoice choice(shape.n_elements);
  if (shape.form.exponent_mask != 0) choice.contexts.top = top_exponent(shape.form, base, shape.n_elements);
  scan_exponents(shape.form, base, choice.contexts.top, choice.distances);
  const size_t n_symbols = differences.largest_symbol() + size_t{1};
  std::vector<uint8_t> classes(shape.n_rows);
  if (shape.n_rows > 1) classes = classes_of_rows(shape, differences.sums_by_row(shape));
  const auto fine = differences.counts(shape, classes, choice.distances, n_symbols);
  std::array<uint8_t, kMostRowClasses> numbers{};
  Plan plan = plan_of_all(fine, n_symbols);
  if (shape.n_rows > 1) {
    Plan by_rows = plan_by_rows(fine, n_symbols, numbers);
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

}  // namespace

ContextChoice choose_contexts(const BlockShape& shape, const std::byte* base, const ChangeList& changes) {
  return choice_of(shape, base, FewDifferences(changes));
}

ContextChoice choose_contexts(const BlockShape& shape, const std::byte* base, std::span<const uint8_t> symbols) {
  return choice_of(shape, base, AllDifferences(symbols));
}

}  // namespace tidemill
