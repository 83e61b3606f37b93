#include "grammar/name_set.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

namespace tidemill::grammar {
namespace {

constexpr size_t kMostPairs = 1000;          // of states that are looked at
constexpr uint64_t kMostPlaces = 1'000'000;  // for one question

}  // namespace

bool NameSet::contains(std::string_view name) {
  automaton_.allow_work(kMostPlaces);
  Automaton::State state = automaton_.start();
  for (const char byte : nlohmann::json(name).dump()) {
    state = automaton_.next(state, static_cast<uint8_t>(byte));
    if (state == Automaton::kDead) return false;
  }
  return automaton_.accepts(state);
}

bool NameSet::may_meet(NameSet& other) {
  using Pair = std::pair<Automaton::State, Automaton::State>;
  automaton_.allow_work(kMostPlaces);
  other.automaton_.allow_work(kMostPlaces);
  std::set<Pair> seen = {{automaton_.start(), other.automaton_.start()}};
  std::vector<Pair> ahead(seen.begin(), seen.end());
  while (!ahead.empty()) {
    const auto [mine, theirs] = ahead.back();
    ahead.pop_back();
    if (automaton_.accepts(mine) && other.automaton_.accepts(theirs)) return true;
    if (seen.size() > kMostPairs) return true;
    for (int byte = 0; byte < 256; ++byte) {
      const Pair next = {automaton_.next(mine, static_cast<uint8_t>(byte)),
                         other.automaton_.next(theirs, static_cast<uint8_t>(byte))};
      const bool goes_on = next.first != Automaton::kDead && next.second != Automaton::kDead;
      if (goes_on && seen.insert(next).second) ahead.push_back(next);
    }
  }
  return false;
}

}  // namespace tidemill::grammar
