// Every element type, share of changes and shape comes back as it was; damaged codes are refused or give something.
#include "compress/delta/block_codec.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "compress/delta/element_form.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

using Bytes = std::vector<std::byte>;

Bytes encoded(const DeltaBlock& block, const Bytes& base, const Bytes& tuned) {
  Bytes code;
  encode_delta_block(block, base, tuned, code);
  return code;
}

Bytes decoded(const DeltaBlock& block, const Bytes& base, const Bytes& code, size_t n_bytes) {
  Bytes out(n_bytes);
  decode_delta_block(block, base, code, out);
  return out;
}

void expect_restored(const DeltaBlock& block, const Bytes& base, const Bytes& tuned) {
  const Bytes code = encoded(block, base, tuned);
  EXPECT_LE(code.size(), tuned.size() + kDeltaCodeOverhead);
  EXPECT_EQ(decoded(block, base, code, tuned.size()), tuned);
  Bytes one(tuned.size()), other(tuned.size());
  decode_delta_blocks({block, base, code, one}, {block, base, code, other});
  EXPECT_EQ(one, tuned);
  EXPECT_EQ(other, tuned);
}

// Elements whose leading bytes are those of weights, and the others by chance.
Bytes weights(size_t n_bytes, DType dtype, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(n_bytes);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  const size_t size = element_form(dtype).n_bytes;
  for (size_t at = 0; at + size <= n_bytes && element_form(dtype).exponent_mask != 0; at += size) {
    const float value = std::ldexp(static_cast<float>(random() % 1000) - 500.0F, -12);
    const auto bits = std::bit_cast<uint32_t>(value);
    for (size_t byte = 0; byte < std::min<size_t>(size, 2); ++byte) {
      bytes[at + size - 1 - byte] = static_cast<std::byte>(bits >> (24 - 8 * byte));
    }
  }
  return bytes;
}

// Moves `share` of the elements by up to `steps` of their integers.
Bytes changed(Bytes bytes, DType dtype, double share, int64_t steps, unsigned seed) {
  std::mt19937_64 random(seed);
  const size_t size = element_form(dtype).n_bytes;
  for (size_t at = 0; at + size <= bytes.size(); at += size) {
    if (static_cast<double>(random() % 100000) >= 100000 * share) continue;
    uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, size);
    value += static_cast<uint64_t>(static_cast<int64_t>(random() % static_cast<uint64_t>(2 * steps + 1)) - steps);
    std::memcpy(bytes.data() + at, &value, size);
  }
  return bytes;
}

std::vector<DType> all_types() {
  std::vector<DType> types;
  for (int index = 0; index < kDTypeCount; ++index) types.push_back(static_cast<DType>(index));
  return types;
}

// Every set of instructions gives the same code, and reads that of every other one.
TEST(BlockCodec, IsTheSameOnEveryInstructionSet) {
  std::vector<std::pair<DeltaBlock, Bytes>> codes;  // of the best set
  const auto for_each_case = [](auto&& use) {
    size_t index = 0;
    for (const DType dtype : {DType::bf16, DType::f32, DType::f16, DType::u8, DType::f64}) {
      for (const double share : {0.001, 0.03, 0.5}) {
        const Bytes base = weights(40000, dtype, 3);
        use(index++, DeltaBlock{dtype, 150, 30}, base, changed(base, dtype, share, 200, 4));
      }
    }
  };
  for_each_case([&](size_t, const DeltaBlock& block, const Bytes& base, const Bytes& tuned) {
    codes.emplace_back(block, encoded(block, base, tuned));
  });
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::GetChosenTarget().Update(target);
    for_each_case([&](size_t index, const DeltaBlock& block, const Bytes& base, const Bytes& tuned) {
      EXPECT_EQ(encoded(block, base, tuned), codes[index].second) << index;
      EXPECT_EQ(decoded(block, base, codes[index].second, tuned.size()), tuned) << index;
    });
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(BlockCodec, RestoresEveryTypeShareAndStep) {
  for (const DType dtype : all_types()) {
    const Bytes base = weights(20000, dtype, 1);
    for (const double share : {0.0005, 0.02, 0.3, 1.0}) {
      for (const int64_t steps : {int64_t{1}, int64_t{9}, int64_t{1} << 14, int64_t{1} << 40}) {
        SCOPED_TRACE(std::string(info(dtype).name) + " " + std::to_string(share) + " " + std::to_string(steps));
        const Bytes tuned = changed(base, dtype, share, steps, 2);
        expect_restored({dtype, 100, 77}, base, tuned);
        expect_restored({dtype, 100, 77}, {}, tuned);
      }
    }
  }
}

TEST(BlockCodec, RestoresEveryLengthAndRow) {
  for (size_t n_bytes = 1; n_bytes < 300; ++n_bytes) {
    const Bytes base = weights(n_bytes, DType::bf16, 3);
    for (const int64_t row_length : {int64_t{0}, int64_t{1}, int64_t{64}, int64_t{65}, int64_t{1} << 60}) {
      expect_restored({DType::bf16, row_length, 63}, base, changed(base, DType::bf16, 0.1, 3, 4));
    }
  }
}

TEST(BlockCodec, RestoresWholeBlocks) {
  for (const DType dtype : {DType::bf16, DType::f32, DType::f8_e4m3, DType::i64}) {
    const Bytes base = weights(1 << 18, dtype, 5);
    for (const double share : {0.00001, 0.01, 0.09, 0.11, 0.9}) {
      expect_restored({dtype, 384, 12345}, base, changed(base, dtype, share, 2, 6));
    }
  }
}

TEST(BlockCodec, RestoresBitsThatAreNoNumbers) {
  const std::vector<uint32_t> odd = {0x7FC00001, 0xFFC0DEAD, 0x80000000, 0, 0x7F800000, 0xFF800000, 1, 0x80000001};
  Bytes base(4000);
  Bytes tuned(4000);
  for (size_t index = 0; index < 1000; ++index) {
    std::memcpy(base.data() + 4 * index, &odd[index % 8], 4);
    std::memcpy(tuned.data() + 4 * index, &odd[index % 7], 4);
  }
  expect_restored({DType::f32, 100, 0}, base, tuned);
  expect_restored({DType::f32, 100, 0}, {}, tuned);
}

// 90% of the rows are as they were; steps come to small weights.
TEST(BlockCodec, ContextsPay) {
  const Bytes base = weights(1 << 18, DType::bf16, 7);
  Bytes tuned = base;
  for (size_t index = 0; index < base.size() / 2; ++index) {
    uint16_t value;
    std::memcpy(&value, base.data() + 2 * index, 2);
    if (index / 384 % 10 == 0 && (value & 0x7FFF) < 0x3D00 && index % 3 != 0) value ^= 1;
    std::memcpy(tuned.data() + 2 * index, &value, 2);
  }
  const Bytes code = encoded({DType::bf16, 384, 0}, base, tuned);
  Bytes without_rows = encoded({DType::bf16, 0, 0}, base, tuned);
  EXPECT_LT(static_cast<double>(code.size()), 0.8 * static_cast<double>(without_rows.size()));
  const Bytes as_integers = encoded({DType::u16, 0, 0}, base, tuned);
  EXPECT_LT(static_cast<double>(without_rows.size()), 0.95 * static_cast<double>(as_integers.size()));
}

TEST(BlockCodec, RandomChangesTakeAboutTheirEntropy) {
  const Bytes base = weights(1 << 18, DType::bf16, 8);
  for (const double share : {0.01, 0.1}) {
    std::mt19937 random(9);
    Bytes tuned = base;
    for (size_t at = 0; at < tuned.size(); at += 2) {
      if (random() % 1000 < 1000 * share) tuned[at] = static_cast<std::byte>(std::to_integer<unsigned>(tuned[at]) ^ 1);
    }
    // One step up or down, and it is the low bit of the base that says which.
    const double n_bits = -share * std::log2(share) - (1 - share) * std::log2(1 - share) + share;
    const double size = static_cast<double>(encoded({DType::bf16, 384, 0}, base, tuned).size());
    EXPECT_LT(size, 1.03 * n_bits * static_cast<double>(base.size()) / 16 + 20) << share;
  }
}

TEST(BlockCodec, WithoutBaseExponentsAreCoded) {
  std::mt19937 random(10);
  std::normal_distribution<float> normal(0, 0.05F);
  Bytes tuned(1 << 18);
  for (size_t at = 0; at < tuned.size(); at += 2) {
    const auto bits = static_cast<uint16_t>(std::bit_cast<uint32_t>(normal(random)) >> 16);
    std::memcpy(tuned.data() + at, &bits, 2);
  }
  EXPECT_LT(static_cast<double>(encoded({DType::bf16, 384, 0}, {}, tuned).size()),
            static_cast<double>(tuned.size()) / 1.45);
  // A base that tells nothing costs nothing.
  const Bytes other = weights(1 << 18, DType::u16, 11);
  EXPECT_LT(static_cast<double>(encoded({DType::bf16, 384, 0}, other, tuned).size()),
            static_cast<double>(tuned.size()) / 1.45);
}

TEST(BlockCodec, AnEqualBlockTakesOneByte) {
  const Bytes base = weights(4096, DType::f32, 12);
  EXPECT_EQ(encoded({DType::f32, 32, 0}, base, base).size(), 1U);
}

TEST(BlockCodec, AnEmptyBlockTakesNothing) {
  EXPECT_TRUE(encoded({DType::f32, 0, 0}, {}, {}).empty());
  EXPECT_TRUE(decoded({DType::f32, 0, 0}, {}, {}, 0).empty());
}

TEST(BlockCodec, RefusesABaseOfAnotherSize) {
  EXPECT_THROW(encoded({DType::u8, 0, 0}, Bytes(3), Bytes(4)), Error);
}

// Rows of four kinds, each with many exponents: more tables than four bits number.
TEST(BlockCodec, RestoresBlocksOfManyTables) {
  for (const double share : {0.05, 0.4}) {
    Bytes base(1 << 18);
    Bytes tuned(base.size());
    std::mt19937 random(17);
    for (size_t index = 0; index < base.size() / 2; ++index) {
      const auto value = static_cast<uint16_t>((random() % 16 + 110) << 7 | random() % 128);
      const size_t kind = index / 512 % 4;
      const bool is_changed = random() % 1000 < 500 * share * static_cast<double>(kind);
      const auto other = static_cast<uint16_t>(value + (is_changed ? 1 + random() % (1 + (value >> 7) % 16) : 0));
      std::memcpy(base.data() + 2 * index, &value, 2);
      std::memcpy(tuned.data() + 2 * index, &other, 2);
    }
    expect_restored({DType::bf16, 512, 0}, base, tuned);
  }
}

// Two at once: of other types, lengths and ways, and where one is damaged.
TEST(BlockCodec, TwoBlocksAtOnceComeBackAsEachAlone) {
  struct Case {
    DeltaBlock block;
    Bytes base, tuned, code;
  };
  std::vector<Case> cases;
  for (const DType dtype : {DType::bf16, DType::f32, DType::f8_e4m3}) {
    for (const double share : {0.0, 0.02, 0.4, 0.9}) {
      Case one{{dtype, 100, 7}, weights(3000 + 16 * cases.size(), dtype, 18), {}, {}};
      one.tuned = changed(one.base, dtype, share, 30, 19);
      one.code = encoded(one.block, one.base, one.tuned);
      cases.push_back(std::move(one));
    }
  }
  for (const Case& one : cases) {
    for (const Case& other : cases) {
      Bytes first(one.tuned.size()), second(other.tuned.size());
      decode_delta_blocks({one.block, one.base, one.code, first}, {other.block, other.base, other.code, second});
      EXPECT_EQ(first, one.tuned);
      EXPECT_EQ(second, other.tuned);
      const auto cut = std::span(other.code).first(other.code.size() - 1);
      EXPECT_THROW(decode_delta_blocks({one.block, one.base, one.code, first}, {other.block, other.base, cut, second}),
                   Error);
      EXPECT_THROW(decode_delta_blocks({other.block, other.base, cut, second}, {one.block, one.base, one.code, first}),
                   Error);
    }
  }
}

// Whatever bytes: an answer or a refusal, nothing else.
void expect_answer_or_refusal(const DeltaBlock& block, const Bytes& base, const Bytes& code, size_t n_bytes) {
  try {
    decoded(block, base, code, n_bytes);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file) << error.what();
  }
}

TEST(BlockCodec, FlippedBitsAndCutCodesAreRefusedOrGiveSomething) {
  const DeltaBlock block{DType::bf16, 100, 30};
  const Bytes base = weights(3000, DType::bf16, 13);
  for (const double share : {0.03, 0.5}) {
    for (const bool has_base : {true, false}) {
      const Bytes reference = has_base ? base : Bytes();
      const Bytes code = encoded(block, reference, changed(base, DType::bf16, share, 40, 14));
      for (size_t bit = 0; bit < 8 * code.size(); ++bit) {
        Bytes flipped = code;
        flipped[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        expect_answer_or_refusal(block, reference, flipped, base.size());
        expect_answer_or_refusal(block, {}, flipped, base.size());
      }
      for (size_t n_bytes = 0; n_bytes < code.size(); ++n_bytes) {
        const Bytes cut(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(n_bytes));
        EXPECT_THROW(decoded(block, reference, cut, base.size()), Error) << n_bytes;
      }
    }
  }
}

TEST(BlockCodec, BytesByChanceAreRefusedOrGiveSomething) {
  std::mt19937 random(15);
  const Bytes base = weights(3000, DType::f16, 16);
  for (int round = 0; round < 20000; ++round) {
    Bytes code(1 + random() % 80);
    for (std::byte& byte : code) byte = static_cast<std::byte>(random());
    code[0] = static_cast<std::byte>(random() % 6);
    if (code.size() > 1) code[1] = static_cast<std::byte>(random() % 40);
    expect_answer_or_refusal({DType::f16, 100, 5}, base, code, base.size());
  }
}

}  // namespace
}  // namespace tidemill
