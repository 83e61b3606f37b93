#include "ops/recurrent_reference.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tidemill {
namespace {

// Calls `body(row, state)` for each row of each run in order; `state` holds the run's part of its slot, zeros at its
// beginning, in double so that only what is stored between calls is rounded.
template <typename Body>
void for_each_step(std::span<const StateRun> runs, const SlotPart& part, Body&& body) {
  for (const StateRun& run : runs) {
    float* const slot = run.slot.as<float>() + part.begin;
    std::vector<double> state(static_cast<size_t>(part.size), 0.0);
    if (run.first_pos > 0) std::copy_n(slot, part.size, state.begin());
    for (int64_t i = 0; i < run.n_rows; ++i) body(run.first_row + i, run.first_pos + i, state);
    if (run.n_rows > 0) std::copy(state.begin(), state.end(), slot);
  }
}

// Element `channel` of a row of numbers that may be the same for all rows, and one for each head or for each channel.
double per_channel(const Tensor& numbers, int64_t row, int64_t channel, int64_t head_dim, int64_t width) {
  if (numbers.shape().rank() == 2) return numbers.row<float>(row)[channel];
  return numbers.as<float>()[numbers.dim(0) == width ? channel : channel / head_dim];
}

}  // namespace

void compute_recurrent(const op::Lerp& o) {
  const int64_t width = o.x.shape().last();
  for (size_t j = 0; j < o.shares.size(); ++j) {
    const bool is_row = o.shares[j].shape().rank() == 1;
    for (int64_t i = 0; i < o.x.n_elements(); ++i) {
      const double x = o.x.as<float>()[i], y = o.y.as<float>()[i];
      o.outs[j].as<float>()[i] = static_cast<float>(x + (y - x) * o.shares[j].as<float>()[is_row ? i % width : i]);
    }
  }
}

void compute_recurrent(const op::PreviousRows& o) {
  for_each_step(o.runs, o.part, [&](int64_t row, int64_t, std::vector<double>& state) {
    for (size_t ch = 0; ch < state.size(); ++ch) {
      o.out.row<float>(row)[ch] = static_cast<float>(state[ch]);
      state[ch] = o.x.row<float>(row)[ch];
    }
  });
}

void compute_recurrent(const op::CausalConv& o) {
  const int64_t width = o.x.dim(1), n_before = o.weight.dim(0) - 1;
  for_each_step(o.runs, o.part, [&](int64_t row, int64_t, std::vector<double>& state) {
    const float* const x = o.x.row<float>(row);
    for (int64_t ch = 0; ch < width; ++ch) {
      double sum = o.bias.empty() ? 0 : o.bias.as<float>()[ch];
      for (int64_t j = 0; j < n_before; ++j) sum += double{o.weight.row<float>(j)[ch]} * state[j * width + ch];
      o.out.row<float>(row)[ch] = static_cast<float>(sum + double{o.weight.row<float>(n_before)[ch]} * x[ch]);
    }
    if (n_before == 0) return;
    std::copy(state.begin() + width, state.end(), state.begin());
    std::copy_n(x, width, state.end() - width);
  });
}

void compute_recurrent(const op::SelectiveScan& o) {
  const ScanOptions& options = o.options;
  const int64_t size = options.state_size, block = o.a.shape().rank() == 1 ? options.head_dim : options.n_heads;
  for_each_step(o.runs, o.part, [&](int64_t row, int64_t, std::vector<double>& state) {
    for (int64_t ch = 0; ch < o.x.dim(1); ++ch) {
      const int64_t head = ch / options.head_dim;
      const int64_t group = head / (options.n_heads / options.n_groups);
      const double x = o.x.row<float>(row)[ch], step = o.step.row<float>(row)[head];
      double sum = 0;
      for (int64_t n = 0; n < size; ++n) {
        double& number = state[(ch / block * size + n) * block + ch % block];
        const float a = o.a.shape().rank() == 1 ? o.a.as<float>()[head] : o.a.row<float>(n)[head];
        number = std::exp(step * a) * number + step * x * o.b.row<float>(row)[group * size + n];
        sum += number * o.c.row<float>(row)[group * size + n];
      }
      o.out.row<float>(row)[ch] = static_cast<float>(sum + o.skip.as<float>()[head] * x);
    }
  });
}

void compute_recurrent(const op::Wkv4& o) {
  const int64_t width = o.k.dim(1);
  for_each_step(o.runs, o.part, [&](int64_t row, int64_t pos, std::vector<double>& state) {
    for (int64_t ch = 0; ch < width; ++ch) {
      double &above = state[ch], &below = state[width + ch], &greatest = state[2 * width + ch];
      if (pos == 0) greatest = -1e38;
      const double k = o.k.row<float>(row)[ch], v = o.v.row<float>(row)[ch];
      // Joins the row at exponent `own` with the past at exponent `past`.
      const auto join = [&](double past, double own) {
        const double top = std::max(past, own), of_past = std::exp(past - top), of_own = std::exp(own - top);
        return std::vector<double>{of_past * above + of_own * v, of_past * below + of_own, top};
      };
      const std::vector<double> seen = join(greatest, k + o.bonus.as<float>()[ch]);
      o.out.row<float>(row)[ch] = static_cast<float>(seen[0] / seen[1]);
      const std::vector<double> kept = join(greatest + o.decay.as<float>()[ch], k);
      above = kept[0];
      below = kept[1];
      greatest = kept[2];
    }
  });
}

void compute_recurrent(const op::Wkv& o) {
  const int64_t width = o.r.dim(1), head_dim = width / o.n_heads;
  for_each_step(o.runs, o.part, [&](int64_t row, int64_t, std::vector<double>& state) {
    for (int64_t ch = 0; ch < width; ++ch) {  // of v and out
      const int64_t head = ch / head_dim;
      double sum = 0;
      for (int64_t key = head * head_dim; key < (head + 1) * head_dim; ++key) {
        double& number = state[key * head_dim + ch % head_dim];
        const double kv = double{o.k.row<float>(row)[key]} * o.v.row<float>(row)[ch];
        sum += o.r.row<float>(row)[key] * (per_channel(o.bonus, row, key, head_dim, width) * kv + number);
        number = per_channel(o.decay, row, key, head_dim, width) * number + kv;
      }
      o.out.row<float>(row)[ch] = static_cast<float>(sum);
    }
  });
}

void compute_recurrent(const op::DeltaRule& o) {
  const int64_t width = o.r.dim(1), head_dim = width / o.n_heads;
  for_each_step(o.runs, o.part, [&](int64_t row, int64_t, std::vector<double>& state) {
    for (int64_t ch = 0; ch < width; ++ch) {  // of v and out
      const int64_t first = ch / head_dim * head_dim;
      double held = 0, sum = 0;
      for (int64_t key = first; key < first + head_dim; ++key) {
        held += o.erase.row<float>(row)[key] * state[key * head_dim + ch % head_dim];
      }
      for (int64_t key = first; key < first + head_dim; ++key) {
        double& number = state[key * head_dim + ch % head_dim];
        number = o.decay.row<float>(row)[key] * number - o.change.row<float>(row)[key] * held +
                 double{o.k.row<float>(row)[key]} * o.v.row<float>(row)[ch];
        sum += o.r.row<float>(row)[key] * number;
      }
      o.out.row<float>(row)[ch] = static_cast<float>(sum);
    }
  });
}

void compute_recurrent(const op::GatedDeltaRule& o) {
  const int64_t n_heads = o.a.dim(0), key_dim = o.q.dim(1) / o.n_key_heads, value_dim = o.v.dim(1) / n_heads;
  for_each_step(o.runs, o.part, [&](int64_t row, int64_t, std::vector<double>& state) {
    for (int64_t ch = 0; ch < o.v.dim(1); ++ch) {
      const int64_t head = ch / value_dim;
      const float* const q = o.q.row<float>(row) + head / (n_heads / o.n_key_heads) * key_dim;
      const float* const k = o.k.row<float>(row) + head / (n_heads / o.n_key_heads) * key_dim;
      const auto number = [&](int64_t key) -> double& {
        return state[(head * key_dim + key) * value_dim + ch % value_dim];
      };
      const double decay = std::exp(double{o.step.row<float>(row)[head]} * o.a.as<float>()[head]);
      double held = 0, sum = 0;
      for (int64_t key = 0; key < key_dim; ++key) held += k[key] * (number(key) *= decay);
      const double learned = o.rate.row<float>(row)[head] * (o.v.row<float>(row)[ch] - held);
      for (int64_t key = 0; key < key_dim; ++key) sum += q[key] * (number(key) += k[key] * learned);
      o.out.row<float>(row)[ch] = static_cast<float>(sum);
    }
  });
}

void compute_recurrent(const op::HeadBonus& o) {
  const int64_t width = o.x.dim(1), head_dim = width / o.n_heads;
  for (int64_t row = 0; row < o.x.dim(0); ++row) {
    for (int64_t first = 0; first < width; first += head_dim) {
      double sum = 0;
      for (int64_t ch = first; ch < first + head_dim; ++ch) {
        sum += double{o.r.row<float>(row)[ch]} * o.k.row<float>(row)[ch] * o.weight.as<float>()[ch];
      }
      for (int64_t ch = first; ch < first + head_dim; ++ch) {
        o.out.row<float>(row)[ch] = static_cast<float>(o.x.row<float>(row)[ch] + sum * o.v.row<float>(row)[ch]);
      }
    }
  }
}

}  // namespace tidemill
