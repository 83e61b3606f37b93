#include "grammar/token_grammar.h"

#include <string_view>
#include <utility>

#include "tidemill/error.h"

namespace tidemill::grammar {
namespace {

constexpr size_t kMaxAutomatonBytes = size_t{16} << 20;
// Places that a step may look at, so that a hostile grammar holds nobody else up for longer than some 100 ms.
constexpr uint64_t kWorkOfStep = 4'000'000;

}  // namespace

TokenGrammar::TokenGrammar(Program program, std::shared_ptr<const Vocabulary> vocabulary)
    : vocabulary_(std::move(vocabulary)), automaton_(std::move(program)) {}

Automaton::State TokenGrammar::follow(Automaton::State from, std::string_view bytes) {
  for (const char byte : bytes) from = automaton_.next(from, static_cast<uint8_t>(byte));
  return from;
}

void TokenGrammar::forget() {
  automaton_.reset();
  freedom_.clear();
  masks_.clear();
  ++period_;
}

// Makes state_ count, and grants the work of a step.
void TokenGrammar::find(TokenState& state) {
  if (automaton_.size_bytes() > kMaxAutomatonBytes) forget();
  automaton_.allow_work(kWorkOfStep + state.text_.size() * 64);
  if (state.period_ == period_) return;
  state.state_ = follow(automaton_.start(), state.text_);
  state.period_ = period_;
}

std::shared_ptr<const TokenMask> TokenGrammar::mask(TokenState& state) {
  const std::lock_guard lock(mutex_);
  find(state);
  const auto near = automaton_.near_equal(state.state_, static_cast<uint32_t>(vocabulary_->max_bytes()));
  if (auto known = masks_.get(near)) return *std::move(known);
  auto mask = std::make_shared<const TokenMask>(find_mask(automaton_, freedom_, near, *vocabulary_));
  masks_.put(near, mask, mask->size_bytes());
  return mask;
}

bool TokenGrammar::allows(TokenState& state, int32_t id) {
  const std::string_view bytes = vocabulary_->bytes(id);
  if (bytes.empty()) return false;
  const std::lock_guard lock(mutex_);
  find(state);
  return follow(state.state_, bytes) != Automaton::kDead;
}

void TokenGrammar::accept(TokenState& state, int32_t id) {
  const std::string_view bytes = vocabulary_->bytes(id);
  const std::lock_guard lock(mutex_);
  find(state);
  const Automaton::State next = bytes.empty() ? Automaton::kDead : follow(state.state_, bytes);
  if (next == Automaton::kDead)
    throw Error(ErrorCode::invalid_argument, "grammar: token " + std::to_string(id) + " is not allowed here");
  state.state_ = next;
  state.text_ += bytes;
}

bool TokenGrammar::may_end(TokenState& state) {
  const std::lock_guard lock(mutex_);
  find(state);
  return automaton_.accepts(state.state_);
}

bool TokenGrammar::must_end(TokenState& state) {
  const std::lock_guard lock(mutex_);
  find(state);
  return !automaton_.can_go_on(state.state_);
}

size_t TokenGrammar::size_bytes() const {
  const std::lock_guard lock(mutex_);
  return automaton_.size_bytes() + static_cast<size_t>(masks_.statistics().bytes);
}

}  // namespace tidemill::grammar
