// Base64 (RFC 4648), as tokenizer files carry bytes in text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemill {

// The bytes that `text` spells; nothing when it is not base64 with its padding.
std::optional<std::string> decode_base64(std::string_view text);

// `bytes` in base64, with padding.
std::string encode_base64(std::string_view bytes);

}  // namespace tidemill
