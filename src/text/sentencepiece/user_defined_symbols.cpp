#include "text/sentencepiece/user_defined_symbols.h"

#include "text/pieces/space_symbol.h"

namespace tidemill {
namespace {

std::vector<ByteTrie::Entry> trie_entries(const std::vector<UserDefinedSymbol>& symbols) {
  std::vector<ByteTrie::Entry> entries;
  for (const UserDefinedSymbol& symbol : symbols) entries.push_back({symbol.text, symbol.id});
  return entries;
}

}  // namespace

std::vector<UserDefinedSymbol> user_defined_symbols(const SentencePieceProto& proto) {
  std::vector<UserDefinedSymbol> symbols;
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    const SentencePieceProto::Piece& piece = proto.pieces[id];
    if (piece.type != TokenType::user_defined || piece.text.empty()) continue;
    symbols.push_back(
        {proto.symbols_spell_spaces ? escape_spaces(piece.text) : std::string(piece.text), static_cast<int32_t>(id)});
  }
  return symbols;
}

UserDefinedSymbols::UserDefinedSymbols(const std::vector<UserDefinedSymbol>& symbols)
    : trie_(trie_entries(symbols)), any_(!symbols.empty()) {
  for (const UserDefinedSymbol& symbol : symbols) may_begin_[static_cast<uint8_t>(symbol.text[0])] = true;
}

uint32_t UserDefinedSymbols::next_candidate(std::string_view text, uint32_t pos, uint32_t end) const {
  while (pos < end && !may_begin_[static_cast<uint8_t>(text[pos])]) ++pos;
  return pos;
}

}  // namespace tidemill
