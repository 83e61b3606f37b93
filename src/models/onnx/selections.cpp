// Operators that pick, repeat, order and join elements.
#include <algorithm>
#include <cstring>
#include <utility>

#include "models/onnx/call.h"

namespace tidemill::onnx {
namespace {

// Copies elements of any kind: dims of the result, and for each axis how far it goes in `x`, from `first`.
void copy_strided(const Value& x, int64_t first, const Dims& steps, Value& out) {
  const size_t width = element_bytes(x.kind()), rank = out.dims().size();
  const std::byte* const from = x.as<std::byte>();
  std::byte* to = out.as<std::byte>();
  if (out.n() == 0) return;
  const int64_t n = rank == 0 ? 1 : out.dims().back(), step = rank == 0 ? 0 : steps.back();
  Dims index(rank);
  int64_t at = first;
  for (int64_t row = 0; row < out.n() / n; ++row, to += static_cast<size_t>(n) * width) {
    if (step == 1) {
      std::memcpy(to, from + static_cast<size_t>(at) * width, static_cast<size_t>(n) * width);
    } else {
      for (int64_t i = 0; i < n; ++i)
        std::memcpy(to + static_cast<size_t>(i) * width, from + static_cast<size_t>(at + i * step) * width, width);
    }
    for (size_t axis = rank; axis-- > 0;) {
      if (axis + 1 == rank) continue;
      at += steps[axis];
      if (++index[axis] < out.dims()[axis]) break;
      at -= steps[axis] * out.dims()[axis];
      index[axis] = 0;
    }
  }
}

void transpose(Call& call) {
  const Value& x = call.in(0);
  std::vector<int64_t> order(x.dims().size());
  for (size_t axis = 0; axis < order.size(); ++axis) order[axis] = static_cast<int64_t>(order.size() - 1 - axis);
  if (const auto* perm = call.node.find<std::vector<int64_t>>("perm")) order = *perm;
  std::vector<int64_t> sorted = order;
  std::ranges::sort(sorted);
  bool is_order = order.size() == x.dims().size();
  for (size_t axis = 0; is_order && axis < sorted.size(); ++axis) is_order = sorted[axis] == static_cast<int64_t>(axis);
  if (!is_order) call.fail("'perm' is no order of " + std::to_string(x.rank()) + " axes");
  const Dims own = strides_of(x.dims());
  Dims dims, steps;
  for (const int64_t axis : order) {
    dims.push_back(x.dim(axis));
    steps.push_back(own[static_cast<size_t>(axis)]);
  }
  copy_strided(x, 0, steps, call.make(x.kind(), std::move(dims)));
}

void expand(Call& call) {
  const Value& x = call.in(0);
  const Dims wanted = call.numbers(1);
  Dims dims = x.dims();
  if (wanted.size() > dims.size()) dims.insert(dims.begin(), wanted.size() - dims.size(), 1);
  for (size_t at = 0; at < wanted.size(); ++at) {
    int64_t& dim = dims[dims.size() - wanted.size() + at];
    if (dim == 1) dim = wanted[at];
    if (wanted[at] != dim && wanted[at] != 1)
      call.fail(text_of(x.dims()) + " cannot be expanded to " + text_of(wanted));
  }
  if (dims == x.dims()) return call.give(x);
  const Dims steps = broadcast_strides(x.reshaped(x.dims()), dims);
  copy_strided(x, 0, steps, call.make(x.kind(), dims));
}

// Where one axis is cut: from `begin` on, `n` elements, `step` apart.
struct Cut {
  int64_t begin = 0, n = 0, step = 1;
};

Cut cut_of(const Call& call, int64_t dim, int64_t begin, int64_t end, int64_t step) {
  if (step == 0 || step == INT64_MIN) call.fail("a slice goes by " + std::to_string(step));
  const auto place = [&](int64_t at, int64_t least, int64_t most) {
    if (at < 0) at = at < -dim ? INT64_MIN : at + dim;
    return std::clamp(at, least, most);
  };
  if (step > 0) {
    const int64_t from = place(begin, 0, dim), to = place(end, 0, dim);
    return {from, to > from ? (to - from - 1) / step + 1 : 0, step};
  }
  const int64_t from = place(begin, -1, dim - 1), to = end < -dim ? -1 : place(end, -1, dim - 1);
  return {from, from > to ? (from - to - 1) / -step + 1 : 0, step};
}

void slice(Call& call) {
  const Value& x = call.in(0);
  std::vector<int64_t> begins, ends, axes, by;
  if (const auto* own = call.node.find<std::vector<int64_t>>("starts")) {  // before version 10
    begins = *own;
    const auto* own_ends = call.node.find<std::vector<int64_t>>("ends");
    if (own_ends != nullptr) ends = *own_ends;
    if (const auto* own_axes = call.node.find<std::vector<int64_t>>("axes")) axes = *own_axes;
  } else {
    begins = call.numbers(1);
    ends = call.numbers(2);
    if (call.has(3)) axes = call.numbers(3);
    if (call.has(4)) by = call.numbers(4);
  }
  if (axes.empty()) {
    for (size_t at = 0; at < begins.size(); ++at) axes.push_back(static_cast<int64_t>(at));
  }
  if (by.empty()) by.assign(begins.size(), 1);
  if (ends.size() != begins.size() || axes.size() != begins.size() || by.size() != begins.size())
    call.fail("begins, ends, axes and steps are not as many");
  Dims dims = x.dims(), steps = strides_of(x.dims());
  int64_t first = 0;
  for (size_t at = 0; at < axes.size(); ++at) {
    const auto axis = static_cast<size_t>(call.axis_of(axes[at], x.rank()));
    const Cut cut = cut_of(call, dims[axis], begins[at], ends[at], by[at]);
    if (cut.n > 0) first += cut.begin * steps[axis];
    dims[axis] = cut.n;
    steps[axis] = cut.n > 1 ? steps[axis] * cut.step : steps[axis];
  }
  copy_strided(x, first, steps, call.make(x.kind(), std::move(dims)));
}

// Calls copy(source place, n) for pieces along `axis`: x seen as [outer, dim, inner].
struct Split3 {
  int64_t outer = 1, dim = 1, inner = 1;
  Split3(const Dims& dims, int64_t axis) {
    for (size_t at = 0; at < dims.size(); ++at) {
      if (static_cast<int64_t>(at) == axis) dim = dims[at];
      (static_cast<int64_t>(at) < axis   ? outer
       : static_cast<int64_t>(at) > axis ? inner
                                         : dim) *= static_cast<int64_t>(at) == axis ? 1 : dims[at];
    }
  }
};

void concat(Call& call) {
  const Value& model = call.in(0);
  const int64_t axis = call.axis_of(call.integer_or("axis", 0), model.rank());
  Dims dims = model.dims();
  int64_t total = 0;
  for (size_t index = 0; index < call.inputs.size(); ++index) {
    Dims own = call.in(index, model.kind()).dims();
    if (own.size() != dims.size()) call.fail("joins values of different ranks");
    if (__builtin_add_overflow(total, own[static_cast<size_t>(axis)], &total)) call.fail("joins too much");
    own[static_cast<size_t>(axis)] = dims[static_cast<size_t>(axis)];
    if (own != dims) call.fail("joins " + text_of(call.in(index).dims()) + " to " + text_of(dims));
  }
  dims[static_cast<size_t>(axis)] = total;
  Value& out = call.make(model.kind(), dims);
  const Split3 whole(dims, axis);
  const size_t width = element_bytes(model.kind());
  int64_t begin = 0;
  for (size_t index = 0; index < call.inputs.size(); ++index) {
    const Value& part = call.in(index);
    const int64_t n = part.dim(axis) * whole.inner;
    for (int64_t outer = 0; outer < whole.outer && n > 0; ++outer)
      std::memcpy(out.as<std::byte>() + static_cast<size_t>((outer * whole.dim + begin) * whole.inner) * width,
                  part.as<std::byte>() + static_cast<size_t>(outer * n) * width, static_cast<size_t>(n) * width);
    begin += part.dim(axis);
  }
}

void split(Call& call) {
  const Value& x = call.in(0);
  const int64_t axis = call.axis_of(call.integer_or("axis", 0), x.rank());
  const int64_t dim = x.dim(axis);
  std::vector<int64_t> sizes;
  if (const auto* own = call.node.find<std::vector<int64_t>>("split")) {
    sizes = *own;
  } else if (call.has(1)) {
    sizes = call.numbers(1);
  } else {
    const auto n = static_cast<int64_t>(call.outputs.size());
    const int64_t each = (dim + n - 1) / n;
    for (int64_t at = 0; at < n; ++at) sizes.push_back(std::clamp<int64_t>(dim - at * each, 0, each));
  }
  int64_t total = 0;
  for (const int64_t part : sizes) total += part < 0 || part > dim ? dim + 1 : part;
  if (sizes.size() != call.outputs.size() || total != dim)
    call.fail("its parts are not those of " + std::to_string(dim));
  Dims steps = strides_of(x.dims());
  int64_t begin = 0;
  for (size_t index = 0; index < sizes.size(); ++index) {
    Dims dims = x.dims();
    dims[static_cast<size_t>(axis)] = sizes[index];
    copy_strided(x, begin * steps[static_cast<size_t>(axis)], steps, call.make(x.kind(), std::move(dims), index));
    begin += sizes[index];
  }
}

int64_t index_of(const Call& call, int64_t index, int64_t dim) {
  if (index < -dim || index >= dim) call.fail("index " + std::to_string(index) + " of " + std::to_string(dim));
  return index < 0 ? index + dim : index;
}

void gather(Call& call) {
  const Value &x = call.in(0), &indices = call.in(1, Kind::integer);
  const int64_t axis = call.axis_of(call.integer_or("axis", 0), x.rank());
  Dims dims(x.dims().begin(), x.dims().begin() + axis);
  dims.insert(dims.end(), indices.dims().begin(), indices.dims().end());
  dims.insert(dims.end(), x.dims().begin() + axis + 1, x.dims().end());
  Value& out = call.make(x.kind(), std::move(dims));
  const Split3 parts(x.dims(), axis);
  const size_t n_bytes = static_cast<size_t>(parts.inner) * element_bytes(x.kind());
  std::byte* to = out.as<std::byte>();
  for (int64_t outer = 0; outer < parts.outer; ++outer) {
    for (int64_t i = 0; i < indices.n(); ++i, to += n_bytes) {
      const int64_t row = outer * parts.dim + index_of(call, indices.integers()[i], parts.dim);
      std::memcpy(to, x.as<std::byte>() + static_cast<size_t>(row) * n_bytes, n_bytes);
    }
  }
}

void gather_elements(Call& call) {
  const Value &x = call.in(0), &indices = call.in(1, Kind::integer);
  const int64_t axis = call.axis_of(call.integer_or("axis", 0), x.rank());
  if (indices.rank() != x.rank()) call.fail("indices have another rank");
  for (int64_t at = 0; at < x.rank(); ++at) {
    if (at != axis && indices.dim(at) > x.dim(at)) call.fail("indices go past " + text_of(x.dims()));
  }
  Value& out = call.make(x.kind(), indices.dims());
  const Dims steps = strides_of(x.dims());
  const size_t width = element_bytes(x.kind());
  Dims place(x.dims().size());
  for (int64_t i = 0; i < indices.n(); ++i) {
    int64_t from = index_of(call, indices.integers()[i], x.dim(axis)) * steps[static_cast<size_t>(axis)];
    for (size_t at = 0; at < place.size(); ++at) from += static_cast<int64_t>(at) == axis ? 0 : place[at] * steps[at];
    std::memcpy(out.as<std::byte>() + static_cast<size_t>(i) * width,
                x.as<std::byte>() + static_cast<size_t>(from) * width, width);
    for (size_t at = place.size(); at-- > 0;) {
      if (++place[at] < indices.dims()[at]) break;
      place[at] = 0;
    }
  }
}

void tile(Call& call) {
  const Value& x = call.in(0);
  const std::vector<int64_t> repeats = call.numbers(1);
  if (repeats.size() != x.dims().size()) call.fail("repeats are not one for each axis");
  // Seen with an axis before each that repeats it.
  Dims dims, steps, result;
  const Dims own = strides_of(x.dims());
  for (size_t axis = 0; axis < repeats.size(); ++axis) {
    dims.insert(dims.end(), {repeats[axis], x.dims()[axis]});
    steps.insert(steps.end(), {0, own[axis]});
    result.push_back(0);
    if (__builtin_mul_overflow(repeats[axis], x.dims()[axis], &result.back())) call.fail("repeats too often");
  }
  Value out(x.kind(), std::move(dims), call.budget);
  copy_strided(x, 0, steps, out);
  call.give(out.reshaped(std::move(result)));
}

// Keeps one side of the diagonal, zeros on the other.
void trilu(Call& call) {
  const Value& x = call.in(0);
  const int64_t offset = call.has(1) ? call.integer(1) : 0;
  const bool is_upper = call.integer_or("upper", 1) != 0;
  if (x.rank() < 2) call.fail("takes matrices");
  Value& out = call.make(x.kind(), x.dims());
  const int64_t n_cols = x.last(), n_rows = x.dim(x.rank() - 2);
  const size_t width = element_bytes(x.kind());
  for (int64_t i = 0; i < x.n(); ++i) {
    const int64_t row = i / n_cols % n_rows, column = i % n_cols, beyond = column - row;
    const bool is_kept = is_upper ? beyond >= offset : beyond <= offset;
    std::byte* const to = out.as<std::byte>() + static_cast<size_t>(i) * width;
    if (is_kept) {
      std::memcpy(to, x.as<std::byte>() + static_cast<size_t>(i) * width, width);
    } else {
      std::memset(to, 0, width);
    }
  }
}

template <typename T>
void sum_up(const Call& call, const Value& x, int64_t axis, Value& out) {
  const bool is_exclusive = call.integer_or("exclusive", 0) != 0, is_reverse = call.integer_or("reverse", 0) != 0;
  const Split3 parts(x.dims(), axis);
  for (int64_t outer = 0; outer < parts.outer; ++outer) {
    for (int64_t inner = 0; inner < parts.inner; ++inner) {
      T total = 0;
      for (int64_t at = 0; at < parts.dim; ++at) {
        const int64_t place = is_reverse ? parts.dim - 1 - at : at;
        const int64_t i = (outer * parts.dim + place) * parts.inner + inner;
        const T before = total;
        if constexpr (std::is_same_v<T, int64_t>) {
          total = static_cast<int64_t>(static_cast<uint64_t>(total) + static_cast<uint64_t>(x.as<T>()[i]));
        } else {
          total += x.as<T>()[i];
        }
        out.as<T>()[i] = is_exclusive ? before : total;
      }
    }
  }
}

void cum_sum(Call& call) {
  const Value& x = call.in(0);
  const int64_t axis = call.axis_of(call.integer(1), x.rank());
  if (x.kind() == Kind::boolean) call.fail("takes numbers");
  Value& out = call.make(x.kind(), x.dims());
  x.kind() == Kind::real ? sum_up<float>(call, x, axis, out) : sum_up<int64_t>(call, x, axis, out);
}

constexpr OperatorRow kRows[] = {
    {"Transpose", transpose}, {"Expand", expand},  {"Slice", slice}, {"Concat", concat},
    {"Split", split},         {"Gather", gather},  {"Tile", tile},   {"GatherElements", gather_elements},
    {"Trilu", trilu},         {"CumSum", cum_sum},
};

}  // namespace

std::span<const OperatorRow> selection_operators() {
  return kRows;
}

}  // namespace tidemill::onnx
