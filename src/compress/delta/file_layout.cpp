#include "compress/delta/file_layout.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <utility>

#include "formats/gguf_parse.h"
#include "formats/safetensors_header.h"
#include "tidemill/error.h"

namespace tidemill {
namespace {

bool begins_like_gguf(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && std::memcmp(bytes.data(), "GGUF", 4) == 0;
}

// With a length that the file has room for, and the brace of the header behind it.
bool begins_like_safetensors(std::span<const std::byte> bytes) {
  uint64_t length = 0;
  if (bytes.size() < sizeof length + 2) return false;
  std::memcpy(&length, bytes.data(), sizeof length);
  return length <= kSafetensorsMaxHeaderBytes && length <= bytes.size() - sizeof length &&
         bytes[sizeof length] == std::byte{'{'} && bytes[sizeof length + 1] == std::byte{'"'};
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& letter : result) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return result;
}

FilePiece plain_piece(uint64_t begin, uint64_t n_bytes) {
  return {.name = {}, .dtype = "u8", .dims = {}, .begin = begin, .n_bytes = n_bytes};
}

std::vector<FilePiece> safetensors_pieces(std::span<const std::byte> bytes, const std::string& path) {
  const SafetensorsHeader header = read_safetensors_header(bytes, path);
  std::vector<FilePiece> pieces{plain_piece(0, header.data_offset)};
  pieces.reserve(header.entries.size() + 1);
  for (const SafetensorsEntry& entry : header.entries) {
    FilePiece piece{.name = std::string(header.name(entry)),
                    .dtype = entry.type->dtype ? std::string(info(*entry.type->dtype).name) : lower(entry.type->name),
                    .dims = {},
                    .begin = header.data_offset + entry.begin,
                    .n_bytes = entry.end - entry.begin};
    if (entry.rank <= kSafetensorsMaxKeptRank) {
      piece.dims.assign(entry.dims.begin(), entry.dims.begin() + entry.rank);
    } else {
      piece.dims = {piece.n_bytes * 8 / entry.type->n_bits};
    }
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

std::vector<FilePiece> gguf_pieces(std::span<const std::byte> bytes, const std::string& path) {
  GgufContents contents = parse_gguf(bytes, path);
  std::ranges::sort(contents.tensors, {}, [](const NamedTensor& named) { return named.tensor.data(); });
  std::vector<FilePiece> pieces;
  uint64_t end = 0;
  for (const NamedTensor& named : contents.tensors) {
    const auto begin = static_cast<uint64_t>(named.tensor.as<const std::byte>() - bytes.data());
    if (begin > end) pieces.push_back(plain_piece(end, begin - end));
    FilePiece piece{.name = std::string(named.name),
                    .dtype = std::string(info(named.tensor.dtype()).name),
                    .dims = {},
                    .begin = begin,
                    .n_bytes = static_cast<uint64_t>(named.tensor.size_bytes())};
    for (const int64_t dim : named.tensor.shape().dims()) piece.dims.push_back(static_cast<uint64_t>(dim));
    end = begin + piece.n_bytes;
    pieces.push_back(std::move(piece));
  }
  if (end < bytes.size()) pieces.push_back(plain_piece(end, bytes.size() - end));
  return pieces;
}

}  // namespace

DType coded_dtype(std::string_view label) {
  return dtype_from_name(label).value_or(DType::u8);
}

std::vector<FilePiece> layout_of_file(std::span<const std::byte> bytes, const std::string& path) {
  if (bytes.empty()) return {};
  const bool claims_gguf = path.ends_with(".gguf"), claims_safetensors = path.ends_with(".safetensors");
  try {
    if (claims_gguf || begins_like_gguf(bytes)) return gguf_pieces(bytes, path);
    if (claims_safetensors || begins_like_safetensors(bytes)) return safetensors_pieces(bytes, path);
  } catch (const Error& error) {
    const bool is_claimed = claims_gguf || claims_safetensors;
    if (error.code() != ErrorCode::unsupported && (is_claimed || error.code() != ErrorCode::bad_file)) throw;
  }
  return {plain_piece(0, bytes.size())};
}

}  // namespace tidemill
