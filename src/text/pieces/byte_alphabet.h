// The alphabet in which byte-level vocabularies spell bytes: printable characters stand for themselves, the other 68
// bytes for U+0100 and up (Radford et al. 2019, GPT-2's encoder.py).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemill {

// The character of `byte`, in UTF-8.
std::string_view byte_character(uint8_t byte);

// `bytes` spelled in the alphabet.
std::string spell_bytes(std::string_view bytes);
// Appends the bytes that `spelling` stands for; false, and nothing is appended, when it has a character outside the
// alphabet.
bool append_spelled_bytes(std::string_view spelling, std::string& bytes);

}  // namespace tidemill
