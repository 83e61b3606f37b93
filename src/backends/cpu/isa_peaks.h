// How fast the multiply-adds of the chosen instruction set (isa.h) are when they stay in registers: what its kernels
// can reach at most, where roofs.h says what the machine can.
#pragma once

#include <cstdint>

namespace tidemill {

// Each repeats the products of its kernels `n_rounds` times and returns how many operations that were; a multiply-add
// counts as two.
double multiply_integers(int64_t n_rounds);  // of bytes by fours, or of 16 bits in pairs (wide_units-inl.h)
double multiply_floats(int64_t n_rounds);

// Bits of the integers that multiply_integers multiplies.
int integer_bits();

}  // namespace tidemill
