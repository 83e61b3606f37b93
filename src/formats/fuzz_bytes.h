// What every fuzz target of a binary file begins and ends with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>

#include "tidemill/error.h"

namespace tidemill {

// Calls `call`, which may refuse by an Error with one of these codes; every other exception is a finding.
template <typename Call>
void allow_refusals(std::initializer_list<ErrorCode> codes, Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    if (std::find(codes.begin(), codes.end(), error.code()) == codes.end()) throw;
  }
}

// Calls `read` with a copy of the input: of exactly its size, so that a read past its end is seen, and at a multiple of
// 16, as a mapped file begins.  Returns what LLVMFuzzerTestOneInput should.
template <typename Read>
int fuzz_bytes(const uint8_t* data, size_t size, std::initializer_list<ErrorCode> codes, Read&& read) {
  const auto copy = std::make_unique<std::byte[]>(size);
  if (size > 0) std::memcpy(copy.get(), data, size);
  allow_refusals(codes, [&] { read(std::span<const std::byte>(copy.get(), size)); });
  return 0;
}

}  // namespace tidemill
