// What pre-tokenizers that change the text share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/text_edit.h"
#include "text/unicode/code_points.h"

namespace tidemill {

// Calls edit_piece(edit, piece) for every piece, with the edit at its start; it may pass up to the piece's end and not
// further.  Afterwards `pieces` are where the new text has them.
template <typename EditPiece>
void edit_pieces(NormalizedText& text, std::vector<ByteRange>& pieces, EditPiece&& edit_piece) {
  TextEdit edit(text);
  for (ByteRange& piece : pieces) {
    edit.keep_until(piece.begin);
    const size_t begin = edit.result_position();
    edit_piece(edit, piece);
    edit.keep_until(piece.end);
    piece = {static_cast<uint32_t>(begin), static_cast<uint32_t>(edit.result_position())};
  }
  edit.finish();
}

// Puts `prefix` before the character at the edit's position, whose origin it shares.
inline void prepend(TextEdit& edit, std::string_view prefix) {
  const std::string_view rest = edit.source().substr(edit.position());
  edit.replace(std::string(prefix).append(rest.substr(0, utf8_size(rest[0]))));
}

}  // namespace tidemill
